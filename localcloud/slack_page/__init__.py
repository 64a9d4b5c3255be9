"""A page to act by hand as a user of the local cloud's Slack.

It shows what that person would see in Slack (channels, threads, the app's Home tab, forms, messages for them alone) and
sends what they click and type to the app, signed as Slack signs it (`localcloud.slack_user`).

Non-goals: looking like Slack; several workspaces; writing messages.
"""
