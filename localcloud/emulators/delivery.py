"""How EventBridge delivers one event to an API destination: attempts, waits, and what it writes on a dead letter.

From "Event retry policy and using dead-letter queues" and "API destinations" in the EventBridge User Guide: 401, 407,
409, 429 and 5xx are retried, other failures are not; Retry-After is respected; retries end with the target's
MaximumRetryAttempts or MaximumEventAgeInSeconds. AWS documents "exponential back off and jitter" but no figures: here
a wait is twice the one before, from 1 s to 512 s, without jitter, so that runs repeat. AWS lists the error codes but
not which status gets which.

Time comes from the caller (`sleep`, `now`), so it is tested without waiting.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

_RETRIED_STATUSES = frozenset(
    {
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.PROXY_AUTHENTICATION_REQUIRED,
        HTTPStatus.CONFLICT,
        HTTPStatus.TOO_MANY_REQUESTS,
    }
)
_LONGEST_WAIT = 512.0


@dataclass(frozen=True)
class Answer:
    """How one attempt ended.

    Attributes:
        status: HTTP status, or None if none came back.
        error: why none came back.
        retry_after: seconds that the destination asked to wait.
        permanent_error: error code, if EventBridge could not even try and trying again has no sense.
    """

    status: int | None
    error: str = ""
    retry_after: float = 0.0
    permanent_error: str | None = None

    @classmethod
    def impossible(cls, error_code: str, reason: str) -> "Answer":
        """EventBridge lacks a permission or a resource."""
        return cls(None, reason, permanent_error=error_code)

    @property
    def delivered(self) -> bool:
        """Whether EventBridge counts the event as delivered: by the status alone, whatever the body says."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def retriable(self) -> bool:
        """Whether EventBridge tries again."""
        if self.status is None:
            return self.permanent_error is None
        return self.status in _RETRIED_STATUSES or self.status >= 500

    @property
    def error_code(self) -> str:
        """The dead letter's ERROR_CODE."""
        if self.status is None:
            return self.permanent_error or "CONNECTION_FAILURE"
        if self.status == HTTPStatus.TOO_MANY_REQUESTS:
            return "THROTTLING"
        return "SDK_CLIENT_ERROR" if self.status < 500 else "ERROR_FROM_TARGET"


@dataclass(frozen=True)
class RetryPolicy:
    """A target's RetryPolicy, with EventBridge's defaults."""

    maximum_retry_attempts: int = 185
    maximum_event_age: float = 86_400.0

    @classmethod
    def of_target(cls, target: Mapping[str, Any]) -> "RetryPolicy":
        """Reads it from a target as PutTargets takes it."""
        policy = target.get("RetryPolicy", {})
        return cls(
            policy.get("MaximumRetryAttempts", cls.maximum_retry_attempts),
            policy.get("MaximumEventAgeInSeconds", cls.maximum_event_age),
        )


@dataclass(frozen=True)
class Failure:
    """An event that EventBridge gave up on.

    Attributes:
        code: ERROR_CODE of the dead letter.
        message: ERROR_MESSAGE of the dead letter.
        retries: RETRY_ATTEMPTS of the dead letter.
        exhausted: EXHAUSTED_RETRY_CONDITION of the dead letter; None if retrying had no sense.
    """

    code: str
    message: str
    retries: int = 0
    exhausted: str | None = None

    def message_attributes(self, rule_arn: str, target_arn: str) -> dict[str, str]:
        """Attributes that EventBridge documents for a message in a rule's dead-letter queue."""
        attributes = {
            "RULE_ARN": rule_arn,
            "TARGET_ARN": target_arn,
            "ERROR_CODE": self.code,
            "ERROR_MESSAGE": self.message,
            "RETRY_ATTEMPTS": str(self.retries),
        }
        return attributes if self.exhausted is None else attributes | {"EXHAUSTED_RETRY_CONDITION": self.exhausted}


def deliver(send: Callable[[], Answer], policy: RetryPolicy, sleep: Callable[[float], None]) -> Failure | None:
    """Tries until the event is delivered or EventBridge would give up.

    Args:
        send: one attempt.
        policy: when to give up.
        sleep: waits the given seconds; their sum counts as the event's age.

    Returns:
        None if delivered.
    """
    retries, age, wait = 0, 0.0, 1.0
    while not (answer := send()).delivered:
        message = answer.error or f"API destination returned HTTP status {answer.status}"
        if not answer.retriable:
            return Failure(answer.error_code, message)
        pause = max(wait, answer.retry_after)
        if retries >= policy.maximum_retry_attempts:
            return Failure(answer.error_code, message, retries, "MaximumRetryAttempts")
        if age + pause > policy.maximum_event_age:
            return Failure(answer.error_code, message, retries, "MaximumEventAgeInSeconds")
        sleep(pause)
        age, retries, wait = age + pause, retries + 1, min(wait * 2, _LONGEST_WAIT)
    return None


class RateLimit:
    """InvocationRateLimitPerSecond: calls to one destination are spread evenly."""

    def __init__(self) -> None:
        self._next: dict[str, float] = {}
        self._lock = threading.Lock()

    def reserve(self, destination: str, per_second: int, now: float) -> float:
        """Takes the next free slot and returns the seconds until then."""
        with self._lock:
            slot = max(now, self._next.get(destination, now))
            self._next[destination] = slot + 1 / per_second
        return slot - now
