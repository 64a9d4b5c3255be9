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
from collections.abc import Callable
from datetime import UTC, datetime

HEADER = "X-Localcloud-Skipped"
"""Header of HTTP requests: the seconds that were left out before the request."""

_LOOK = 0.1

_skipped: contextvars.ContextVar[float] = contextvars.ContextVar("skipped", default=0.0)


def skipped() -> float:
    """Return the seconds that were left out of the waits of this flow so far."""
    return _skipped.get()


def now() -> float:
    """Return AWS's time in this flow, in seconds since the epoch."""
    return time.time() + _skipped.get()


def now_iso() -> str:
    """Return AWS's time in this flow, as Step Functions writes it: `2026-11-30T09:30:00.000Z`."""
    return datetime.fromtimestamp(now(), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def skip(seconds: float) -> None:
    """Leave out seconds of a wait of this flow."""
    _skipped.set(_skipped.get() + seconds)


def join(branch: contextvars.Context) -> None:
    """Go on with the clock of a branch of this flow that has ended, if it is ahead."""
    _skipped.set(max(_skipped.get(), branch.get(_skipped, 0.0)))


def sleep(seconds: float, scale: float, interrupt: Callable[[], None] = lambda: None) -> None:
    """Wait for a fraction of some seconds, and leave out the rest.

    Args:
        seconds: the duration of the wait at AWS.
        scale: the fraction that is really waited here, 0 to 1.
        interrupt: called several times a second; it raises to end the wait.
    """
    end = time.monotonic() + seconds * scale
    while (left := end - time.monotonic()) > 0:
        interrupt()
        time.sleep(min(_LOOK, left))
    skip(seconds * (1 - scale))


def headers() -> dict[str, str]:
    """Return the header by which a server learns the clock of this flow."""
    return {HEADER: f"{_skipped.get():.3f}"}
