"""A page in which somebody is a person in the local cloud's Slack, by hand.

It shows what that person would see in Slack (channels, threads, the app's Home tab, forms, messages for them alone) and
sends what they click and type to the app, signed as Slack signs it (`localcloud.slack_user`).

Non-goals: looking like Slack; several workspaces; writing messages.
"""
