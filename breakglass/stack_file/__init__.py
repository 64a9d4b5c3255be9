"""Reads and judges `Pulumi.<stack>.yaml`: every problem and every warning of a file, before any resource is touched.

Non-goals: creating resources (see `breakglass.components`); asking AWS or Slack whether what a value names exists.
"""
