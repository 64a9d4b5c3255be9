"""The Pulumi components of this package, one per module.

They wire resources; what needs thought (patterns, messages, policies, the dashboard) is made by the pure functions they
call. Each can be used alone from another Pulumi program; `BreakGlass` puts them together as a stack file asks for.

Non-goals: nothing here reads configuration, files or the environment, and nothing here calls AWS.
"""
