"""Alerts of a whole organization: spokes forward their events to the bus of one hub.

A spoke is an account in one region. Pure.
"""
