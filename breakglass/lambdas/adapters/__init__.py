"""The ports over real services, by the standard library alone.

Non-goals: decisions; an adapter asks and tells.
"""
