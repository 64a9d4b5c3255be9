"""The answer to each request from Slack, given within three seconds.

Slack waits three seconds, also for a cold start, and a trigger opens a form for three seconds. So the receiver verifies
the signature, opens the form as `Loading`, hands over to `interactions`, and answers. Nothing of a request is logged.

Non-goals: decisions (see `services.dispatch`), and replays (see `services.handover`).
"""

import base64
import binascii
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from breakglass.app.ports import Clock, InteractionsFunction, Log, Slack, SlackError
from breakglass.app.slack import ids, modals
from breakglass.app.slack.payloads import (
    Challenge,
    Click,
    Command,
    IgnoredPayload,
    Interaction,
    PayloadError,
    Shortcut,
    Submission,
    Suggestion,
    parse,
)
from breakglass.app.slack.signature import SignatureError, verify_with_rotation

MAX_BODY_BYTES = 200_000
"""Maximum size in bytes: ten times a full form; an asynchronous invocation takes 256 KB."""

_TIMESTAMP = "x-slack-request-timestamp"
_SIGNATURE = "x-slack-signature"

Response = dict[str, Any]
"""A response of the HTTP API, payload format 2.0."""


@dataclass(frozen=True)
class ReceiverContext:
    """The context of the receiver.

    Attributes:
        secret: returns the signing secret; with True, it reads the current one.
        slack: Slack's Web API, with a short timeout.
        interactions: the interactions function.
        clock: the time.
        log: the structured log.
    """

    secret: Callable[[bool], str]
    slack: Slack
    interactions: InteractionsFunction
    clock: Clock
    log: Log


def handle_request(context: ReceiverContext, event: Mapping[str, Any]) -> Response:
    """Answer a request from Slack.

    Args:
        context: the context of the receiver.
        event: an event of the HTTP API, payload format 2.0.

    Returns:
        The response; 200 for each signed request of a known kind.
    """
    try:
        body = _body(event)
        _verify(context, event, body)
        return _handle(context, body, event, parse(body, _header(event, "content-type")))
    except _UnreadableError as error:
        return _refuse(context, error.status, str(error))
    except SignatureError as error:
        return _refuse(context, 401, str(error))
    except PayloadError as error:
        return _refuse(context, 400, str(error))
    except Exception as error:
        # Slack shows an error, and the person clicks again.
        context.log("not_handed_over", error=type(error).__name__)
        return _response(503)


class _UnreadableError(Exception):
    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


def _body(event: Mapping[str, Any]) -> bytes:
    http = event.get("requestContext", {}).get("http", {})
    if http.get("method") != "POST":
        raise _UnreadableError(405, "not a POST")
    text = event.get("body") or ""
    if not isinstance(text, str) or len(text) > 2 * MAX_BODY_BYTES:
        raise _UnreadableError(413, "body too large")
    try:
        body = base64.b64decode(text, validate=True) if event.get("isBase64Encoded") else text.encode()
    except (binascii.Error, ValueError):
        raise _UnreadableError(400, "body is not base64") from None
    if len(body) > MAX_BODY_BYTES:
        raise _UnreadableError(413, "body too large")
    return body


def _header(event: Mapping[str, Any], name: str) -> str:
    """Return a header; API Gateway lower-cases names and joins repeated headers."""
    value = event.get("headers", {}).get(name, "")
    return value if isinstance(value, str) else ""


def _verify(context: ReceiverContext, event: Mapping[str, Any], body: bytes) -> None:
    timestamp, signature = _header(event, _TIMESTAMP), _header(event, _SIGNATURE)
    verify_with_rotation(context.secret, timestamp, signature, body, context.clock())


def _handle(context: ReceiverContext, body: bytes, event: Mapping[str, Any], interaction: Interaction) -> Response:
    match interaction:
        case Challenge():
            return _response(200, {"challenge": interaction.challenge})
        case IgnoredPayload():
            return _response(200)
    # `interactions` verifies the signature itself. A body that was parsed is valid UTF-8, so its text is the same bytes
    # there.
    handed: dict[str, Any] = {
        "body": body.decode(),
        "content_type": _header(event, "content-type"),
        "timestamp": _header(event, _TIMESTAMP),
        "signature": _header(event, _SIGNATURE),
        "delivery": os.urandom(16).hex(),
        "view_id": None,
    }
    match interaction:
        case Suggestion():
            return _response(200, context.interactions.ask(handed))
        case Command() | Shortcut() | Click() if _opens_form(interaction):
            handed["view_id"] = _open_form(context, interaction.trigger_id)
            context.interactions.hand_over(handed)
            if handed["view_id"] is None and isinstance(interaction, Command):
                return _response(200, {"text": "Slack did not open the form in time. Type the command again."})
            return _response(200)
        case Submission():
            context.interactions.hand_over(handed)
            return _response(200, {"response_action": "update", "view": modals.processing_modal()})
        case _:
            context.interactions.hand_over(handed)
            return _response(200)


def _opens_form(interaction: Command | Shortcut | Click) -> bool:
    if isinstance(interaction, Click):
        return interaction.action_id in ids.OPENS_FORM
    return isinstance(interaction, Command) or interaction.callback_id == ids.SHORTCUT


def _open_form(context: ReceiverContext, trigger_id: str) -> str | None:
    """Open the form as `Loading`; return its ID, or None if Slack refuses."""
    try:
        return str(
            context.slack.call("views.open", {"trigger_id": trigger_id, "view": modals.loading_modal()})["view"]["id"]
        )
    except SlackError as error:
        context.log("form_not_opened", error=error.error)
        return None


def _refuse(context: ReceiverContext, status: int, why: str) -> Response:
    context.log("refused", status=status, why=why)
    return _response(status)


def _response(status: int, body: Mapping[str, Any] | None = None) -> Response:
    if body is None:
        return {"statusCode": status, "body": ""}
    return {"statusCode": status, "headers": {"content-type": "application/json"}, "body": json.dumps(body)}
