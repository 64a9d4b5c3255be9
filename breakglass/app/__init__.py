"""The approval app, which runs in AWS Lambda.

    handlers    one entry point for each function; builds the adapters, holds no rules
    app         what each function does, over ports
    slack       payloads in, views and messages out; no calls
    domain      who may what, the state table, records; pure
    ports       what `app` asks of the world
    adapters    DynamoDB, Identity Center, Identity Store, Step Functions, Secrets Manager, Slack

The standard library only, and nothing of the package outside this folder: it is packed into a zip of its own, and every
import is paid for by a person who waits for a form to open.

Non-goals: nothing here deploys anything (see `breakglass.components.approvals.approvals`).
"""
