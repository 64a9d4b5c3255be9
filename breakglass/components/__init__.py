"""The Pulumi components of this package, one per module.

They wire resources; what needs thought (patterns, messages, policies, the dashboard) is made by the pure functions they
call. Each can be used alone from another Pulumi program; `BreakGlass` puts them together as a stack file asks for.

Non-goals: stack files and the environment, which nothing here reads. The only files are the sources of the app and
the temporary archive of them. Only Pulumi's provider calls AWS.
"""
