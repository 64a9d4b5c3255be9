"""Payloads from Slack, parsed into typed interactions.

A payload is hostile input, although Slack has signed it: a person or a changed message chose its types, depth, numbers
and characters. So it is read field by field. It becomes one of these types, or is refused with a reason that holds
nothing of it. Text of people is kept, except for lone surrogates, which are not characters
(`text.replace_surrogates`).

Sources: https://docs.slack.dev/reference/interaction-payloads,
https://docs.slack.dev/interactivity/implementing-slash-commands, https://docs.slack.dev/apis/events-api

Non-goals: the signature (see `signature`); identity and permissions (see `services`).
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn
from urllib.parse import parse_qsl

from breakglass.app.domain.message import Message
from breakglass.app.slack import ids
from breakglass.app.slack.text import replace_surrogates

NO_CHOICE = "-"
"""The value of a list entry that is only information; it is never among the chosen values."""

DRAWN = "/"
"""Separates an input's action ID from the checksum of its choices (see `forms`)."""


class PayloadError(Exception):
    """A payload that Slack does not send; the text is for the log and holds nothing of it."""


@dataclass(frozen=True)
class SlackActor:
    """The Slack user of an interaction, by user ID and workspace."""

    user_id: str
    team_id: str


@dataclass(frozen=True)
class Command:
    """The slash command.

    Attributes:
        trigger_id: opens a form, for three seconds.
    """

    actor: SlackActor
    trigger_id: str
    channel: str


@dataclass(frozen=True)
class Shortcut:
    """A global shortcut."""

    actor: SlackActor
    trigger_id: str
    callback_id: str


@dataclass(frozen=True)
class Click:
    """A click on a button, or a choice in a menu that is sent at once.

    Attributes:
        value: of the button or the choice; empty if several can be chosen.
        message: the message it is in; None in a form or the Home tab.
        view_id: the form or Home tab it is in; None in a message.
        view_metadata: the `about` of the form; may be empty.
        values: the current input by block ID, without empty blocks.
    """

    actor: SlackActor
    trigger_id: str
    action_id: str
    value: str
    message: Message | None
    view_id: str | None
    view_metadata: str
    values: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Submission:
    """A sent form.

    Attributes:
        metadata: the `about` of the form, the ID of a record.
        values: the input by block ID, without empty blocks.
    """

    actor: SlackActor
    callback_id: str
    view_id: str
    metadata: str
    values: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Suggestion:
    """A search in a list that loads its options.

    Attributes:
        typed: the search text; empty for the first options.
        metadata: the `about` of the form, as last drawn. Slack does not keep the input up to date here
            (https://github.com/slackapi/bolt-js/issues/1146), so it is not read.
    """

    actor: SlackActor
    block_id: str
    typed: str
    metadata: str


@dataclass(frozen=True)
class HomeOpened:
    """The Home tab was opened."""

    actor: SlackActor


@dataclass(frozen=True)
class Challenge:
    """Slack's verification of the request URL; the answer repeats the challenge."""

    challenge: str


@dataclass(frozen=True)
class IgnoredPayload:
    """A payload that needs no answer; `what` names its kind."""

    what: str


Interaction = Command | Shortcut | Click | Submission | Suggestion | HomeOpened | Challenge | IgnoredPayload
"""The types that `parse` returns."""

_Object = Mapping[str, Any]
_Values = dict[str, tuple[str, ...]]

# https://docs.slack.dev/reference/objects: an ID is a letter for its type, then upper-case letters and digits.
_USER = re.compile(r"[UW][A-Z0-9]{2,30}")
_TEAM = re.compile(r"[TE][A-Z0-9]{2,30}")
_CHANNEL = re.compile(r"[CDG][A-Z0-9]{2,30}")
_VIEW = re.compile(r"V[A-Z0-9]{2,30}")
_TS = re.compile(r"[0-9]{1,12}\.[0-9]{1,9}")
_TRIGGER = re.compile(r"[0-9A-Za-z._-]{1,255}")
_COMMAND = re.compile(r"/[^\s]{1,80}")

_MOST_BLOCKS = 100  # of a view
_MOST_CHOICES = 100
_MOST_FIELDS = 50  # Slack sends about fifteen with a command
_LONGEST_VALUE = 2000  # of a button
_LONGEST_METADATA = 3000
_LONGEST_ID = 255

_BUTTONS = frozenset(
    {
        ids.APPROVE,
        ids.DENY,
        ids.ACKNOWLEDGE,
        ids.WITHDRAW,
        ids.BREAK_GLASS,
        ids.DONE,
        ids.EXTEND,
        ids.END,
        ids.EXPLAIN_ALERT,
        ids.EXPLAIN_USE,
        ids.ACCEPT,
        ids.HOME_REQUEST,
        ids.HOME_FILTER,
        ids.HOME_MORE,
        ids.VALUE,
    }
)
_FORMS = frozenset(
    {
        ids.REQUEST_FORM,
        ids.DENY_FORM,
        ids.GLASS_FORM,
        ids.EXTEND_FORM,
        ids.END_FORM,
        ids.EXPLAIN_FORM,
        ids.ACCEPT_FORM,
    }
)
# Buttons with a URL: Slack has opened the page, and only reports the click (`breakglass.alerts.messages`).
_LINKS = frozenset({"open_event", "open_post_mortem"})


def parse(body: bytes, content_type: str) -> Interaction:
    """Return the interaction in the body of a request.

    Raises:
        PayloadError: if it is not a known payload of Slack.
    """
    match content_type.partition(";")[0].strip().lower():
        case "application/json":
            return _event(_json(_decoded(body)))
        case "application/x-www-form-urlencoded":
            return _form(_decoded(body))
        case _:
            raise PayloadError("unknown content type")


# --- the outermost layer ---------------------------------------------------------------------------------------------


def _decoded(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise PayloadError("the body is not UTF-8") from None


def _json(text: str) -> _Object:
    try:
        value = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise PayloadError("invalid JSON") from None
    if not isinstance(value, dict):
        raise PayloadError("the JSON is not an object")
    return value


def _no_number(_: str) -> NoReturn:
    raise ValueError("NaN and infinity are not JSON")


def _form(text: str) -> Interaction:
    if text.startswith("{"):
        # Slack does not sign the content type. An event may hold text of people that looks like a form.
        raise PayloadError("an event with the content type of a form")
    try:
        pairs = parse_qsl(
            text, keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=_MOST_FIELDS
        )
    except ValueError:
        raise PayloadError("invalid form data") from None
    form = dict(pairs)
    if len(form) < len(pairs):
        raise PayloadError("duplicate key in the form data")
    if "payload" in form:
        return _interaction(_json(form["payload"]))
    if "ssl_check" in form:
        return IgnoredPayload("ssl_check")
    return _command(form)


def _command(form: _Object) -> Command:
    _matching(form, "command", _COMMAND)
    return Command(
        actor=SlackActor(_matching(form, "user_id", _USER), _matching(form, "team_id", _TEAM)),
        trigger_id=_matching(form, "trigger_id", _TRIGGER),
        channel=_matching(form, "channel_id", _CHANNEL),
    )


def _event(body: _Object) -> Interaction:
    match body.get("type"):
        case "url_verification":
            return Challenge(_text(body, "challenge", _LONGEST_METADATA))
        case "event_callback":
            event = _object(body, "event")
            if event.get("type") != "app_home_opened":
                return IgnoredPayload("another event")
            if event.get("tab") != "home":
                return IgnoredPayload("another tab")
            return HomeOpened(SlackActor(_matching(event, "user", _USER), _matching(body, "team_id", _TEAM)))
        case "app_rate_limited":
            return IgnoredPayload("app_rate_limited")
        case _:
            raise PayloadError("unknown type of event")


def _interaction(payload: _Object) -> Interaction:
    match payload.get("type"):
        case "block_actions":
            return _click(payload)
        case "view_submission":
            return _submission(payload)
        case "block_suggestion":
            return _suggestion(payload)
        case "shortcut":
            return Shortcut(
                _actor(payload), _matching(payload, "trigger_id", _TRIGGER), _one_of(payload, "callback_id", _SHORTCUTS)
            )
        case "view_closed":
            return IgnoredPayload("view_closed")
        case _:
            raise PayloadError("unknown type of interaction")


_SHORTCUTS = frozenset({ids.SHORTCUT})


# --- interactions ----------------------------------------------------------------------------------------------------


def _actor(payload: _Object) -> SlackActor:
    """Return the user; the team of a user from another workspace is their own, if Slack names it."""
    user = _object(payload, "user")
    team = user if "team_id" in user else {"team_id": _object(payload, "team").get("id")}
    return SlackActor(_matching(user, "id", _USER), _matching(team, "team_id", _TEAM))


def _click(payload: _Object) -> Click | IgnoredPayload:
    actions = payload.get("actions")
    if not isinstance(actions, list) or len(actions) != 1 or not isinstance(actions[0], dict):
        raise PayloadError("not one action")
    action = actions[0]
    if _action_id(action) in _LINKS:
        return IgnoredPayload("a link")
    view = _object(payload, "view") if payload.get("view") is not None else None
    return Click(
        actor=_actor(payload),
        trigger_id=_matching(payload, "trigger_id", _TRIGGER),
        action_id=_known(_action_id(action), _BUTTONS, "action_id"),
        value=_value(action),
        message=_message(payload),
        view_id=_matching(view, "id", _VIEW) if view is not None else None,
        view_metadata=_metadata(view),
        values=_with(_values(payload if view is None else view), action),
    )


def _submission(payload: _Object) -> Submission:
    view = _object(payload, "view")
    return Submission(
        actor=_actor(payload),
        callback_id=_one_of(view, "callback_id", _FORMS),
        view_id=_matching(view, "id", _VIEW),
        metadata=_metadata(view),
        values=_values(view),
    )


def _suggestion(payload: _Object) -> Suggestion:
    view = _object(payload, "view") if payload.get("view") is not None else None
    return Suggestion(
        actor=_actor(payload),
        block_id=_text(payload, "block_id", _LONGEST_ID),
        typed=_text(payload, "value", _LONGEST_VALUE) if payload.get("value") is not None else "",
        metadata=_metadata(view),
    )


def _action_id(holder: _Object) -> str:
    return _text(holder, "action_id", _LONGEST_ID).partition(DRAWN)[0]


def _message(payload: _Object) -> Message | None:
    container = _object(payload, "container")
    if container.get("type") != "message":
        return None
    return Message(_matching(container, "channel_id", _CHANNEL), _matching(container, "message_ts", _TS))


def _metadata(view: _Object | None) -> str:
    if view is None or view.get("private_metadata") is None:
        return ""
    return _text(view, "private_metadata", _LONGEST_METADATA)


# --- input -----------------------------------------------------------------------------------------------------------


def _values(holder: _Object) -> _Values:
    if holder.get("state") is None:
        return {}
    blocks = _object(_object(holder, "state"), "values")
    if len(blocks) > _MOST_BLOCKS:
        raise PayloadError("more blocks than a view has")
    values: _Values = {}
    for block_id, inputs in blocks.items():
        if not isinstance(inputs, dict):
            raise PayloadError("a block of the state is not an object")
        chosen = tuple(text for element in inputs.values() for text in _chosen(element))
        if chosen:
            values[replace_surrogates(block_id)] = chosen
    return values


def _with(values: _Values, action: _Object) -> _Values:
    if action.get("type") == "button" or not isinstance(action.get("block_id"), str):
        return values
    block_id = replace_surrogates(action["block_id"])
    chosen = _chosen(action)
    others = {key: value for key, value in values.items() if key != block_id}
    return {**others, block_id: chosen} if chosen else others


def _chosen(element: object) -> tuple[str, ...]:
    """Return the text of an input, or the values of its choices."""
    if not isinstance(element, dict):
        raise PayloadError("an input is not an object")
    match element.get("type"):
        case "plain_text_input":
            return (_text(element, "value"),) if element.get("value") not in (None, "") else ()
        case "static_select" | "external_select":
            chosen = element.get("selected_option")
            return _option_values([] if chosen is None else [chosen])
        case "multi_static_select" | "multi_external_select":
            return _option_values(element.get("selected_options"))
        case _:
            raise PayloadError("an input of an unknown type")


def _option_values(options: object) -> tuple[str, ...]:
    if options is None:
        return ()
    if not isinstance(options, Sequence) or isinstance(options, str) or len(options) > _MOST_CHOICES:
        raise PayloadError("the choices are not a list")
    values = [
        _text(choice, "value", _LONGEST_ID) if isinstance(choice, dict) else _refuse("a choice") for choice in options
    ]
    return tuple(value for value in values if value != NO_CHOICE)


def _value(action: _Object) -> str:
    if action.get("type") == "button":
        return _text(action, "value", _LONGEST_VALUE) if action.get("value") is not None else ""
    chosen = _chosen(action)
    return chosen[0] if chosen and "selected_option" in action else ""


# --- single fields ---------------------------------------------------------------------------------------------------


def _refuse(what: str) -> NoReturn:
    raise PayloadError(f"{what} is missing or malformed")


def _object(holder: _Object, key: str) -> _Object:
    value = holder.get(key)
    return value if isinstance(value, dict) else _refuse(key)


def _text(holder: _Object, key: str, longest: int | None = None) -> str:
    value = holder.get(key)
    if not isinstance(value, str) or (longest is not None and len(value) > longest):
        _refuse(key)
    return replace_surrogates(value)


def _matching(holder: _Object, key: str, pattern: re.Pattern[str]) -> str:
    value = _text(holder, key)
    return value if pattern.fullmatch(value) else _refuse(key)


def _one_of(holder: _Object, key: str, known: frozenset[str]) -> str:
    return _known(_text(holder, key), known, key)


def _known(value: str, known: frozenset[str], key: str) -> str:
    return value if value in known else _refuse(key)
