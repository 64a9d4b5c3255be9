"""Payloads from Slack, verified and parsed; views and messages for Slack.

Non-goals: calling Slack (see `aws`); decisions (see `domain`).
"""
