"""What shows that alerts arrive and how often a role is used: the dashboard and the events of a lost connection.

Non-goals: no pulumi, no AWS call. The alarms themselves are resources and live in `breakglass.components`.
"""
