"""The local cloud: emulated AWS and Slack for stack `local`, and the demo that replays CloudTrail records.

Non-goals: nothing here is deployed to AWS or needed there, and `breakglass` never imports it.
"""
