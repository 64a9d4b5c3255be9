"""The handover from the receiver to the interactions function, accepted only with Slack's signature.

    {"body", "content_type", "timestamp", "signature", "delivery", "view_id"}

`body` is the raw body as text; `content_type`, `timestamp` and `signature` are headers of the request. `delivery` is a
random ID that the receiver gives each HTTP request. `view_id` is the form that the receiver opened. These two are not
signed: `view_id` decides only where the answer is shown, `delivery` only whether it is a retry.

`lambda:InvokeFunction` on the interactions function is not enough to act as a person. The receiver reads the signing
secret too, so an attacker who controls the receiver can sign (docs/threats.md).

A replay is a second HTTP request with the same signature. Lambda's retries repeat one request, with the same
`delivery`, so each retry may act until one succeeds.
"""

from collections.abc import Callable, Mapping
from typing import Any

from breakglass.app.ports import Log, OnceStore
from breakglass.app.slack.payloads import Interaction, parse
from breakglass.app.slack.signature import (
    HANDED_OVER_SECONDS,
    SignatureError,
    remembered_until,
    replay_key,
    verify_with_rotation,
)


def read_handover(handed: Mapping[str, Any], secret: Callable[[bool], str], now: int, log: Log) -> Interaction:
    """Return an interaction that Slack signed at most `HANDED_OVER_SECONDS` ago.

    `secret` returns the signing secret; with True, it reads the secret again.

    Raises:
        SignatureError: if it is unsigned, changed or too old. The function fails with it, which raises its alarm.
        PayloadError: if Slack signed it, and the interaction is unknown.
    """
    body = _text(handed, "body").encode("utf-8", "surrogatepass")
    try:
        verify_with_rotation(
            secret, _text(handed, "timestamp"), _text(handed, "signature"), body, now, max_age=HANDED_OVER_SECONDS
        )
    except SignatureError as error:
        log("handover_refused", why=str(error))
        raise
    return parse(body, _text(handed, "content_type"))


def claim_delivery(handed: Mapping[str, Any], store: OnceStore, log: Log) -> bool:
    """Return whether a verified request is new, or Lambda's retry of the one that came first.

    Raises:
        BusyError: if that is unknown now.
    """
    until = remembered_until(_text(handed, "timestamp"))
    if store.once(replay_key(_text(handed, "signature")), until, owner=_text(handed, "delivery")):
        return True
    log("replay_ignored")
    return False


def _text(handed: Mapping[str, Any], key: str) -> str:
    value = handed.get(key)
    return value if isinstance(value, str) else ""
