"""The address of a Slack message, apart from the records that a click does not need."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Message:
    """The channel and timestamp of a message."""

    channel: str
    ts: str
