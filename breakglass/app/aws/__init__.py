"""The ports over real services, by the standard library alone.

    connection, sigv4, services, aws    signed calls of AWS
    table, dynamo_table                 the table's keys; its reads and writes
    items, dynamodb                     the records in it
    identity_center, identity_store,
    session_policy, step_functions,
    interactions_function, secrets      other services of AWS
    slack_api                           Slack

Clients keep connections, so one client serves one thread at a time.

Non-goals: decisions.
"""
