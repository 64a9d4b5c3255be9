"""Where a message in Slack is. Apart from the records, so that a click can be read without loading them.

Non-goals: what a message says (see `slack`).
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Message:
    """A message in Slack that is kept up to date, or in whose thread something is told."""

    channel: str
    ts: str
