"""AWS's clock in a local cloud that shortens waits.

EventBridge's waits between retries and Step Functions' waits and retries are shortened here, so the machine's clock
says too little about AWS. Each flow (an event's delivery, an execution, the alarm that follows) keeps the seconds that
were left out of its waits so far; AWS's clock is the machine's plus these seconds. A thread that starts with a copy of
its starter's context (`contextvars`) goes on with its starter's clock. HTTP calls to the local Slack carry the seconds
in `HEADER`, so Slack knows the caller's clock.

So a time by this clock is partly measured (what really ran) and partly computed (the waits as they are deployed).

Non-goals: CloudTrail's delay before the bus; the clock of Lambda functions, whose waits are for people.
"""

import contextvars
import time

HEADER = "X-Localcloud-Skipped"
"""Header of HTTP requests: the seconds that were left out before the request."""

_skipped: contextvars.ContextVar[float] = contextvars.ContextVar("skipped", default=0.0)


def skipped() -> float:
    """Return the seconds that were left out of the waits of this flow so far."""
    return _skipped.get()


def now() -> float:
    """Return AWS's time in this flow, in seconds since the epoch."""
    return time.time() + _skipped.get()


def skip(seconds: float) -> None:
    """Leave out seconds of a wait of this flow."""
    _skipped.set(_skipped.get() + seconds)


def sleep(seconds: float, scale: float) -> None:
    """Wait for a fraction of some seconds, and leave out the rest.

    Args:
        seconds: the duration of the wait at AWS.
        scale: the fraction that is really waited here, 0 to 1.
    """
    time.sleep(seconds * scale)
    skip(seconds * (1 - scale))


def headers() -> dict[str, str]:
    """Return the header by which a server learns the clock of this flow."""
    return {HEADER: f"{_skipped.get():.3f}"}
