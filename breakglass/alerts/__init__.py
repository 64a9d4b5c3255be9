"""Alerts about every way to break the glass, and about tampering, as pure functions on plain values.

    subjects           what is watched: roles, IAM users, root, access around the approvals, tampering
    patterns           the EventBridge event patterns of each subject
    evidence           where each event is recorded, and what is not seen
    drills             drill events, with a rule and a message of their own
    messages           the input transformers of Slack messages and e-mails, and the severity of an alert
    rules              the EventBridge rules of a subject, each with its message
    connection_events  the loss of the connection to Slack
    states             states that the state machines of the alert path share
    dashboard          the CloudWatch dashboard

Non-goals: creating resources (`breakglass.components`), validating the stack file (`breakglass.stack_file`).
"""
