"""Whether a request comes from Slack: its signature over the raw body, and the time it was made.

Source: https://docs.slack.dev/authentication/verifying-requests-from-slack

Non-goals: remembering what was seen before (`replay_key` is what to remember); what is in the body (see `payloads`).
"""

import hashlib
import hmac
import re
from collections.abc import Callable

WINDOW_SECONDS = 300
"""How far the time of a request may be from ours, in both directions."""

RETRY_SECONDS = 900
"""How long Lambda retries an invocation of `interactions`: the maximum age of its asynchronous events."""

HANDED_OVER_SECONDS = WINDOW_SECONDS + RETRY_SECONDS + 60
"""The maximum age of a request in `interactions`: as old as `receiver` accepts, then every retry, and a minute for "
"both to run."""

_MARGIN_SECONDS = 60

_TIMESTAMP = re.compile(r"[0-9]{1,11}")
_SIGNATURE = re.compile(r"v0=[0-9a-f]{64}")


class SignatureError(Exception):
    """A request that Slack has not signed, or not now. The text is for the log: it holds nothing of the request."""


def verify(secret: str, timestamp: str, signature: str, body: bytes, now: int, max_age: int = WINDOW_SECONDS) -> None:
    """Make sure that Slack has signed this body at about this time.

    Args:
        secret: the app's signing secret.
        timestamp: the header X-Slack-Request-Timestamp.
        signature: the header X-Slack-Signature.
        body: as it was sent, to the byte.
        now: the time.
        max_age: the maximum age of the request in seconds.

    Raises:
        SignatureError: if not.
    """
    if not secret:
        # With an empty key anybody could sign.
        raise SignatureError("there is no signing secret")
    if _TIMESTAMP.fullmatch(timestamp) is None:
        raise SignatureError("the timestamp is missing or garbled")
    if _SIGNATURE.fullmatch(signature) is None:
        raise SignatureError("the signature is missing or garbled")
    if not -WINDOW_SECONDS <= now - int(timestamp) <= max_age:
        raise SignatureError("the timestamp is too old, or in the future")
    if not hmac.compare_digest(_signed(secret, timestamp, body), signature.encode()):
        raise SignatureError("the signature is another one")


def verify_with_rotation(
    secret: Callable[[bool], str],
    timestamp: str,
    signature: str,
    body: bytes,
    now: int,
    max_age: int = WINDOW_SECONDS,
) -> None:
    """Verify a request, once more with the secret of now if the known one refuses it: it may have been rotated.

    Args:
        secret: the app's signing secret; with True, as it is now.
        timestamp: as in `verify`, like all that follow.
        signature: the header X-Slack-Signature.
        body: as it was sent, to the byte.
        now: the time.
        max_age: the maximum age of the request in seconds.

    Raises:
        SignatureError: if neither verifies it.
    """
    try:
        verify(secret(False), timestamp, signature, body, now, max_age)
    except SignatureError:
        verify(secret(True), timestamp, signature, body, now, max_age)


def remembered_until(timestamp: str) -> int:
    """Return until when a verified request is remembered: longer than any clock of ours accepts its signature."""
    return int(timestamp) + WINDOW_SECONDS + _MARGIN_SECONDS


def replay_key(signature: str) -> str:
    """Return what to remember of a request, so that it is not taken a second time.

    Slack signs the time with the body, so two requests with one signature are one. Where it repeats a delivery by
    itself, it signs anew.
    """
    return f"slack/{signature.removeprefix('v0=')}"


def _signed(secret: str, timestamp: str, body: bytes) -> bytes:
    digest = hmac.new(secret.encode("utf-8", "surrogatepass"), b"v0:%b:%b" % (timestamp.encode(), body), hashlib.sha256)
    return f"v0={digest.hexdigest()}".encode()
