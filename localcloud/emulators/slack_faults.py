"""Ways in which Slack fails its apps, by order: not at all, slowly, with 429, with `ok: false`.

Non-goals: losing what it accepted.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

APP_METHODS = frozenset(
    {
        "auth.test",
        "chat.postEphemeral",
        "chat.postMessage",
        "chat.update",
        "users.info",
        "users.lookupByEmail",
        "views.open",
        "views.publish",
        "views.update",
    }
)
"""What the approval app calls. Other methods are how the local cloud itself looks on, and never fail."""


@dataclass
class SlackFault:
    """One way to fail.

    Attributes:
        methods: which methods fail.
        times: how many calls; None for all from now on.
        seconds: how long an answer takes.
        error: Slack's error, in an answer with `ok: false`.
        retry_after: seconds, in an answer with status 429.
        silent: whether the connection is closed without an answer.
    """

    methods: frozenset[str] = field(default=APP_METHODS)
    times: int | None = None
    seconds: float = 0
    error: str | None = None
    retry_after: int | None = None
    silent: bool = False


class SlackFaults:
    """The fault that was ordered, if there is one; safe to use from several threads."""

    def __init__(self) -> None:
        self._fault: SlackFault | None = None
        self._lock = threading.Lock()

    def order(self, fault: Mapping[str, Any]) -> None:
        """From now on, fail like this; an empty mapping ends it."""
        ordered: dict[str, Any] = {**fault, "methods": frozenset(fault.get("methods", APP_METHODS))}
        with self._lock:
            self._fault = SlackFault(**ordered) if fault else None

    def of(self, method: str) -> SlackFault | None:
        """The fault that this call meets, counted as met."""
        with self._lock:
            fault = self._fault
            if fault is None or method not in fault.methods or fault.times == 0:
                return None
            if fault.times is not None:
                fault.times -= 1
            return fault
