"""What comes from Slack, checked and parsed; what goes to Slack, as views and messages.

Non-goals: calling Slack (see `aws`); deciding anything.
"""
