"""The demo's result for each record: the expected alerts and those that arrived."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from breakglass.alerts.drills import DRILL_EVENT_TYPE

FOREIGN_ALERT = "unknown"
"""Kind of a message that names no evidence path, so it is not an alert."""

DRILL = "drill"
"""Kind of a drill's message."""


@dataclass(frozen=True)
class Verdict:
    """One record's result.

    Attributes:
        file: name of the record's file.
        expected: alert kinds (evidence paths, `drill`) in alphabetical order, one for each message; None without an
            expectation.
        seen: alert kinds of the messages that Slack accepted, likewise.
        seconds: from the record on the bus to the last of its messages in Slack; None if none came.
    """

    file: str
    expected: tuple[str, ...] | None
    seen: tuple[str, ...]
    seconds: float | None

    @property
    def ok(self) -> bool:
        """True if exactly the expected alerts arrived."""
        return self.expected is None or self.expected == self.seen

    @property
    def missing(self) -> int:
        """Number of expected alerts that did not arrive."""
        return (Counter(self.expected or ()) - Counter(self.seen)).total()

    @property
    def unexpected(self) -> int:
        """Number of alerts that arrived unexpectedly."""
        return 0 if self.expected is None else (Counter(self.seen) - Counter(self.expected)).total()


def list_alert_kinds(messages: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """The evidence path of each message or `drill`, in alphabetical order; repeated messages count each.

    Args:
        messages: bodies of chat.postMessage calls; the alert path names its evidence in `metadata.event_payload`.
    """
    return tuple(sorted(map(_alert_kind, messages)))


def first_of_each_kind(messages: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The first message of each evidence path, in the order of arrival."""
    found: dict[str, Mapping[str, Any]] = {}
    for message in messages:
        found.setdefault(_alert_kind(message), message)
    return list(found.values())


def _alert_kind(message: Mapping[str, Any]) -> str:
    metadata = message.get("metadata") or {}
    if metadata.get("event_type") == DRILL_EVENT_TYPE:
        return DRILL
    payload = metadata.get("event_payload") or {}
    return str(payload.get("evidence", FOREIGN_ALERT))
