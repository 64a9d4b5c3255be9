"""The local cloud: emulated AWS and Slack for the `local` stack, and the demo that plays CloudTrail records through it.

Non-goals: nothing here is deployed to AWS or needed there, and `breakglass` never imports it.
"""
