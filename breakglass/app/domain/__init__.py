"""Who may ask, who may decide, and what becomes of a request: pure functions over frozen values.

Non-goals: no clock, no network, no Slack and no AWS; times come in as seconds since 1970.
"""
