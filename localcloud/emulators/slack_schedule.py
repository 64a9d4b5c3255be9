"""Scheduled messages of Slack, which the Slack emulator lacks.

From the pages of chat.scheduleMessage and chat.deleteScheduledMessage. A message stays scheduled until it is deleted:
by Slack's "Bug alert", one with metadata is never posted.

Non-goals: posting at the time; chat.scheduledMessages.list.
"""

import itertools
import threading
from collections.abc import Mapping
from typing import Any

_FARTHEST = 120 * 86_400
_WINDOW = 300
_IN_WINDOW = 30


class ScheduleError(Exception):
    """Slack refuses; the argument is its error code."""


class ScheduledMessages:
    """The messages that are scheduled; thread-safe."""

    def __init__(self) -> None:
        self._messages: dict[str, tuple[str, int]] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def schedule(self, arguments: Mapping[str, Any], now: float) -> dict[str, Any]:
        """Schedules a message in a channel that would show it; returns Slack's answer.

        Args:
            arguments: of the call.
            now: the time of the caller, in seconds since the epoch.

        Raises:
            ScheduleError: the time is not acceptable, there are too many messages for it, or there is no text.
        """
        channel, post_at = arguments["channel"], _time(arguments.get("post_at"))
        if not arguments.get("text") and not arguments.get("blocks"):
            raise ScheduleError("no_text")
        if post_at <= now:
            raise ScheduleError("time_in_past")
        if post_at > now + _FARTHEST:
            raise ScheduleError("time_too_far")
        with self._lock:
            others = [time for other, time in self._messages.values() if other == channel]
            if sum(abs(time - post_at) < _WINDOW for time in others) >= _IN_WINDOW:
                raise ScheduleError("restricted_too_many")
            identifier = f"Q{next(self._numbers):08}"
            self._messages[identifier] = channel, post_at
        message = {"type": "delayed_message", "text": arguments.get("text", "")}
        return {
            "ok": True,
            "channel": channel,
            "scheduled_message_id": identifier,
            "post_at": post_at,
            "message": message,
        }

    def delete(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Deletes a message that is scheduled; returns Slack's answer.

        Raises:
            ScheduleError: it is not scheduled in this channel.
        """
        identifier = str(arguments.get("scheduled_message_id"))
        with self._lock:
            if self._messages.get(identifier, ("", 0))[0] != arguments["channel"]:
                raise ScheduleError("invalid_scheduled_message_id")
            del self._messages[identifier]
        return {"ok": True}

    def list(self) -> list[dict[str, Any]]:
        """Return what is scheduled, ready for JSON."""
        with self._lock:
            return [
                {"id": identifier, "channel": channel, "post_at": post_at}
                for identifier, (channel, post_at) in self._messages.items()
            ]


def _time(post_at: object) -> int:
    try:
        return int(str(post_at))
    except ValueError:
        raise ScheduleError("invalid_time") from None
