"""Verification of Slack's request signature over the raw body and the timestamp.

Source: https://docs.slack.dev/authentication/verifying-requests-from-slack

Non-goals: storing replay keys (see `ports.Store`); reading the body (see `payloads`).
"""

import hashlib
import hmac
import re
from collections.abc import Callable

WINDOW_SECONDS = 300
"""Maximum difference between a request's time and ours, in both directions."""

RETRY_SECONDS = 900
"""Maximum age of the asynchronous events of `interactions`: Lambda retries an invocation for as long."""

HANDED_OVER_SECONDS = WINDOW_SECONDS + RETRY_SECONDS + 60
"""Maximum age of a request in `interactions`: the receiver's window, every retry, and a minute for both to run."""

_MARGIN_SECONDS = 60

_TIMESTAMP = re.compile(r"[0-9]{1,11}")
_SIGNATURE = re.compile(r"v0=[0-9a-f]{64}")


class SignatureError(Exception):
    """A request without a valid, recent signature; the text is for the log and holds nothing of it."""


def verify(secret: str, timestamp: str, signature: str, body: bytes, now: int, max_age: int = WINDOW_SECONDS) -> None:
    """Verify that Slack has signed these exact bytes at most `max_age` seconds ago.

    Raises:
        SignatureError: if the signature or the timestamp is wrong.
    """
    if not secret:
        # With an empty key anyone could sign.
        raise SignatureError("there is no signing secret")
    if _TIMESTAMP.fullmatch(timestamp) is None:
        raise SignatureError("the timestamp is missing or garbled")
    if _SIGNATURE.fullmatch(signature) is None:
        raise SignatureError("the signature is missing or garbled")
    if not -WINDOW_SECONDS <= now - int(timestamp) <= max_age:
        raise SignatureError("the timestamp is too old, or in the future")
    if not hmac.compare_digest(_signed(secret, timestamp, body), signature.encode()):
        raise SignatureError("the signature does not match")


def verify_with_rotation(
    secret: Callable[[bool], str],
    timestamp: str,
    signature: str,
    body: bytes,
    now: int,
    max_age: int = WINDOW_SECONDS,
) -> None:
    """Verify a request; if the cached secret fails, retry with the current one, which may have been rotated.

    `secret` returns the app's signing secret; with True, the current one.

    Raises:
        SignatureError: if both secrets fail.
    """
    try:
        verify(secret(False), timestamp, signature, body, now, max_age)
    except SignatureError:
        verify(secret(True), timestamp, signature, body, now, max_age)


def remembered_until(timestamp: str) -> int:
    """Return the expiry of a replay key: later than any function accepts the signature."""
    return int(timestamp) + HANDED_OVER_SECONDS + _MARGIN_SECONDS


def replay_key(signature: str) -> str:
    """Return the key that identifies a request, to refuse a replay.

    Slack signs the time with the body, so equal signatures mean the same request. Slack's own redelivery has a new
    signature.
    """
    return f"slack/{signature.removeprefix('v0=')}"


def _signed(secret: str, timestamp: str, body: bytes) -> bytes:
    digest = hmac.new(secret.encode("utf-8", "surrogatepass"), b"v0:%b:%b" % (timestamp.encode(), body), hashlib.sha256)
    return f"v0={digest.hexdigest()}".encode()
