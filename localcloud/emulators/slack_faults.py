"""Ways in which Slack fails its apps, on request: not at all, slowly, by status, with `ok: false`.

Non-goals: losing what it accepted.
"""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

APP_METHODS = frozenset(
    {
        "auth.test",
        "chat.deleteScheduledMessage",
        "chat.postEphemeral",
        "chat.postMessage",
        "chat.scheduleMessage",
        "chat.update",
        "users.info",
        "users.lookupByEmail",
        "views.open",
        "views.publish",
        "views.update",
    }
)
"""The methods that the alert path and the approval app call. The local cloud itself calls others, which never fail."""


@dataclass
class SlackFault:
    """One way to fail.

    Attributes:
        methods: the methods that fail.
        times: number of calls; None for all.
        seconds: delay of an answer.
        error: Slack's error, in an answer with `ok: false`.
        retry_after: seconds, in an answer with status 429.
        status: HTTP status of an answer that is an HTML page, such as 503.
        silent: True to close the connection without an answer.
        lasts: seconds after which it ends by itself, by the caller's clock (`localcloud.emulators.clock`); None if it
            stays.
        with_blocks: True to fail only calls whose message has blocks.
        since: when it began, in seconds since the epoch.
    """

    methods: frozenset[str] = field(default=APP_METHODS)
    times: int | None = None
    seconds: float = 0
    error: str | None = None
    retry_after: int | None = None
    status: int | None = None
    silent: bool = False
    lasts: float | None = None
    with_blocks: bool = False
    since: float = field(default_factory=time.time)


class SlackFaults:
    """The fault in force, if any; thread-safe."""

    def __init__(self) -> None:
        self._fault: SlackFault | None = None
        self._lock = threading.Lock()

    def set(self, fault: Mapping[str, Any]) -> None:
        """Sets the fault; an empty mapping removes it."""
        ordered: dict[str, Any] = {**fault, "methods": frozenset(fault.get("methods", APP_METHODS))}
        with self._lock:
            self._fault = SlackFault(**ordered) if fault else None

    def of(self, method: str, has_blocks: bool = False, skipped: float = 0.0) -> SlackFault | None:
        """The fault that a call meets; None if it meets none.

        Args:
            method: the method that is called.
            has_blocks: True if the message has blocks.
            skipped: seconds that the caller's clock is ahead.
        """
        with self._lock:
            fault = self._fault
            if fault is None or method not in fault.methods or fault.times == 0:
                return None
            if fault.lasts is not None and time.time() + skipped > fault.since + fault.lasts:
                return None
            if fault.with_blocks and not has_blocks:
                return None
            if fault.times is not None:
                fault.times -= 1
            return fault
