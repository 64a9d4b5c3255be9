"""IAM policies as pure functions: the documents this package deploys, and the lint of those a user writes.

Non-goals: no AWS call, no pulumi, no knowledge of the stack file's models.
"""
