"""Alerts about uses of break-glass roles, as pure functions on plain values.

    subjects           the watched permission sets and IAM roles
    patterns           the EventBridge event pattern for each subject and evidence path
    drills             drill events, with a rule and a message of their own
    messages           the input transformers of Slack messages and e-mails
    connection_events  the loss of the connection to Slack
    states             states that the state machines of the alert path share
    dashboard          the CloudWatch dashboard

Non-goals: creating resources (`breakglass.components`), validating the stack file (`breakglass.stack_file`).
"""
