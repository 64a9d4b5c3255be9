"""What counts as a use of a break-glass role, and what the team is told about it.

    subjects   what is watched: a permission set or a plain IAM role
    patterns   the EventBridge event pattern for each subject and evidence path; drill events that match it
    message    the input transformer that turns a matched event into a Slack message or an e-mail
    names      the physical names of everything on the alert path

Everything here is a pure function from plain values to plain values, so all of it is tested without Pulumi or AWS.
Non-goals: creating resources (see `breakglass.components`), validating the stack file (see `breakglass.stack_file`).
"""
