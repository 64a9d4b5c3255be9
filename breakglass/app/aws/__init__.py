"""The ports over real services, by the standard library alone.

    connection, sigv4, services, aws          how AWS is called
    table, dynamo_table                       the table, and how it is read and written
    items, dynamodb                          the records in it
    identity_center, identity_store,
    session_policy, step_functions,
    interactions_function, secrets                    other services of AWS
    slack_api                                 Slack

Adapters keep connections and are not made for several threads at once.

Non-goals: decisions; an adapter asks and tells.
"""
