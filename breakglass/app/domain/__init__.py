"""Decisions, state tables and records: pure functions over frozen values.

Non-goals: no clock, no network, no Slack and no AWS; times are arguments, in seconds since 1970.
"""
