"""The approval workflow's deployment side: its section of the stack file, and what is compiled from it.

Non-goals: what runs in AWS is in `breakglass.lambdas`; the resources are made by `breakglass.components.approvals`.
"""
