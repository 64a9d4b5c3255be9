"""EventBridge's delivery of one event to an API destination: attempts, waits, and the dead letter's attributes.

From "Event retry policy and using dead-letter queues" and "API destinations" in the EventBridge User Guide: 401, 407,
409, 429 and 5xx are retried, other failures are not; Retry-After is respected; retries end with the target's
MaximumRetryAttempts or MaximumEventAgeInSeconds.

From recorded dead letters:

- a time-out and an address that can't be reached, code and text (a letter of 2023-04-04 kept as a fixture with target
  `IDMS.BECSRESTAPI.ApiDestination-PRD`, and a drill of 2026-02-12);
- RETRY_ATTEMPTS and EXHAUSTED_RETRY_CONDITION are absent if nothing was retried (radkawar/stackd at 9dc356f5,
  testdata/aws/eventbridge/delivery.json);
- the letter comes after the age limit, not before: that of 2023 was sent 24 h 5 min 50 s after its event, with 129
  retries. AWS documents "exponential back off and jitter" but no figures. Here a wait is twice the one before, from 1 s
  to 720 s, which gives those 129 retries; without jitter, so that runs repeat.

No recording has the code of an HTTP status. Here it is one code for all of them, so that nothing can decide by it.

Time comes from the caller (`sleep`), so it is tested without waiting.
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
_LONGEST_WAIT = 720.0
_NOT_INVOKED = "Unable to invoke ApiDestination endpoint: "


@dataclass(frozen=True)
class Failure:
    """An event that EventBridge gave up on.

    Attributes:
        code: ERROR_CODE of the dead letter.
        message: ERROR_MESSAGE of the dead letter.
        retries: RETRY_ATTEMPTS of the dead letter, which lacks it if nothing was retried.
        exhausted: EXHAUSTED_RETRY_CONDITION of the dead letter; None if retrying had no sense.
    """

    code: str
    message: str
    retries: int = 0
    exhausted: str | None = None

    def message_attributes(self, rule_arn: str, target_arn: str) -> dict[str, str]:
        """Attributes of the message in a rule's dead-letter queue."""
        attributes = {
            "RULE_ARN": rule_arn,
            "TARGET_ARN": target_arn,
            "ERROR_CODE": self.code,
            "ERROR_MESSAGE": self.message,
        }
        if self.retries:
            attributes["RETRY_ATTEMPTS"] = str(self.retries)
        if self.exhausted is not None:
            attributes["EXHAUSTED_RETRY_CONDITION"] = self.exhausted
        return attributes


INVALID_JSON = Failure("INVALID_JSON", "Invalid input for target.")
"""The input of the target is no JSON, so it was not sent (recorded: `breakglass.alerts.input_template`)."""


@dataclass(frozen=True)
class TargetResponse:
    """The result of one attempt.

    Attributes:
        status: HTTP status, or None if none came back.
        retry_after: seconds that the destination asked to wait.
        error_code: ERROR_CODE of the dead letter.
        error: ERROR_MESSAGE of the dead letter.
        permanent: True if EventBridge could not send at all, so it does not retry.
    """

    status: int | None
    retry_after: float = 0.0
    error_code: str = "ERROR_FROM_TARGET"
    error: str = ""
    permanent: bool = False

    @classmethod
    def timed_out(cls) -> "TargetResponse":
        text = f"{_NOT_INVOKED}Timeout calling endpoint for API Destination: socket closed."
        return cls(None, error_code="UNKNOWN", error=text)

    @classmethod
    def unreachable(cls) -> "TargetResponse":
        """No connection to the destination came about, or it broke."""
        text = f"{_NOT_INVOKED}API destination endpoint cannot be reached."
        return cls(None, error_code="SDK_CLIENT_ERROR", error=text)

    @classmethod
    def impossible(cls, error_code: str, reason: str) -> "TargetResponse":
        return cls(None, error_code=error_code, error=reason, permanent=True)

    @property
    def is_delivered(self) -> bool:
        """True if EventBridge counts the event as delivered: it reads the status, never the body."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_retryable(self) -> bool:
        if self.status is None:
            return not self.permanent
        return self.status in _RETRIED_STATUSES or self.status >= 500

    def failure(self, retries: int = 0, exhausted: str | None = None) -> Failure:
        """The failure that EventBridge records after this response."""
        return Failure(self.error_code, self.error or f"{_NOT_INVOKED}HTTP {self.status}", retries, exhausted)


@dataclass(frozen=True)
class TargetRetryPolicy:
    """The `RetryPolicy` of a target, with EventBridge's defaults."""

    maximum_retry_attempts: int = 185
    maximum_event_age: float = 86_400.0

    @classmethod
    def of_target(cls, target: Mapping[str, Any]) -> "TargetRetryPolicy":
        """Reads it from a target as PutTargets takes it."""
        policy = target.get("RetryPolicy", {})
        return cls(
            policy.get("MaximumRetryAttempts", cls.maximum_retry_attempts),
            policy.get("MaximumEventAgeInSeconds", cls.maximum_event_age),
        )


def deliver(
    send: Callable[[], TargetResponse], policy: TargetRetryPolicy, sleep: Callable[[float], None]
) -> Failure | None:
    """Tries until the event is delivered, or the first attempt after one of the policy's limits has failed.

    Args:
        send: one attempt.
        policy: when to give up.
        sleep: waits the given seconds; their sum counts as the event's age.

    Returns:
        None if delivered.
    """
    retries, age, wait = 0, 0.0, 1.0
    while not (answer := send()).is_delivered:
        if not answer.is_retryable:
            return answer.failure()
        if retries >= policy.maximum_retry_attempts:
            return answer.failure(retries, "MaximumRetryAttempts")
        if age > policy.maximum_event_age:
            return answer.failure(retries, "MaximumEventAgeInSeconds")
        pause = max(wait, answer.retry_after)
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
