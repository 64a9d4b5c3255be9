"""Reads what `receiver` hands over to `interactions`, and accepts only what Slack has signed.

    {"body", "content_type", "timestamp", "signature", "view_id"}

`body` is the raw body as text; `content_type`, `timestamp` and `signature` are headers of the request. `view_id` is the
form that `receiver` opened: it is not signed, and decides only where the answer is shown.

`lambda:InvokeFunction` on `interactions` is not enough to act as a person. `receiver` reads the signing secret too, so
an attacker who controls `receiver` can sign (docs/threats.md).

Non-goals: replays (see `receiver`). Lambda's retries repeat an interaction, so `interactions` must accept one more than
once.
"""

from collections.abc import Callable, Mapping
from typing import Any

from breakglass.app.ports import Log
from breakglass.app.slack.payloads import Interaction, parse
from breakglass.app.slack.signature import HANDED_OVER_SECONDS, SignatureError, verify_with_rotation


def read_handover(handed: Mapping[str, Any], secret: Callable[[bool], str], now: int, log: Log) -> Interaction:
    """Return an interaction that Slack has signed, at most `HANDED_OVER_SECONDS` ago.

    Args:
        handed: what `receiver` handed over.
        secret: the signing secret; with True, as it is now.
        now: the time.
        log: where to say why it was refused.

    Raises:
        SignatureError: it is unsigned, changed or too old. The function fails with it, which raises its alarm.
        PayloadError: Slack has signed it, and it is none of the known interactions.
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


def _text(handed: Mapping[str, Any], key: str) -> str:
    value = handed.get(key)
    return value if isinstance(value, str) else ""
