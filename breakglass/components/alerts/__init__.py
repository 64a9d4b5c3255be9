"""The components of the alert path: from the subjects to Slack, and the alarms beside it."""
