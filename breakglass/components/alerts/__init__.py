"""The components of the alert path: from the watched role to Slack, and the alarms beside it."""
