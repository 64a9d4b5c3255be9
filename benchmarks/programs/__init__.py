"""The programs that are measured, each as its user would run it.

- `components`: `BreakGlass` with arguments from code.
- `bare`: the same AWS resources without breakglass, from what `record` saw `components` register.
- `post_to_slack`: a minimal Lambda function instead of the alert path.
"""
