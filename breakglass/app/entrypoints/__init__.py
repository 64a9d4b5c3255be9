"""One module for each Lambda function: it builds the adapters once and hands over to `app`.

Non-goals: rules of any kind.
"""
