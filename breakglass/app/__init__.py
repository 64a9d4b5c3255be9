"""The approval app, which runs in AWS Lambda.

    entrypoints    one module for each function: connects the services with the clients; no decisions
    services       requests, reviews, provisioning, the reconciler, usage reviews, the Home tab
    aws            clients of DynamoDB, Identity Center, Step Functions and other services, and of Slack
    slack          payloads in; views and messages out; no calls
    ports          the protocols by which the services use the clients
    domain         decisions, the approval policy, records, lifecycles; pure
    error_codes    the codes of AWS and Slack: may a retry help?

The standard library only, and nothing of the package outside this folder: it is packed into a zip of its own, and every
import is paid for by a person who waits for a form to open.

Non-goals: nothing here deploys anything (see `breakglass.components.approvals.approvals`).
"""
