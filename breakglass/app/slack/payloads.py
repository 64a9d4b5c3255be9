"""What Slack sends when people do something, as values of a few types.

Slack has signed it, and still everything in it is what somebody typed or a changed message said: any type, any depth,
any number, any character. So it is read field by field, and either becomes one of these types or is refused with a
reason that holds nothing of it. What people typed is kept as it is, but for lone surrogates, which are no characters
(`text.replace_surrogates`).

Sources: https://docs.slack.dev/reference/interaction-payloads,
https://docs.slack.dev/interactivity/implementing-slash-commands, https://docs.slack.dev/apis/events-api

Non-goals: the signature (see `signature`); who somebody is, and what they may (see `app`).
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
"""The value of an entry in a list that is there to be read, not to be chosen; it is never among what was chosen."""

DRAWN = "/"
"""What follows it in the action id of an input tells drawings of a form apart (see `forms`), and is left out here."""


class PayloadError(Exception):
    """What came is nothing that Slack sends us. The text is for the log: it holds nothing of it."""


@dataclass(frozen=True)
class SlackActor:
    """Who did it: user id and workspace."""

    user_id: str
    team_id: str


@dataclass(frozen=True)
class Command:
    """Somebody typed the slash command.

    Attributes:
        actor: who.
        trigger_id: opens a form, for three seconds.
        text: what they typed after it.
        channel: where.
    """

    actor: SlackActor
    trigger_id: str
    text: str
    channel: str


@dataclass(frozen=True)
class Shortcut:
    """Somebody chose a global shortcut.

    Attributes:
        actor: who.
        trigger_id: opens a form, for three seconds.
        callback_id: which one.
    """

    actor: SlackActor
    trigger_id: str
    callback_id: str


@dataclass(frozen=True)
class Click:
    """Somebody clicked a button or chose from a menu that answers at once.

    Attributes:
        actor: who.
        trigger_id: opens a form, for three seconds.
        action_id: of the button or menu, one of `ids`.
        value: of the button, or of what was chosen; empty if several can be.
        message: the message it is in; None in a form or the Home tab.
        view_id: the form or Home tab it is in; None in a message.
        view_metadata: what the form says it is about; may be empty.
        values: what is filled in and chosen, by block id; a block with nothing in it is not there.
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
    """Somebody sent a form.

    Attributes:
        actor: who.
        callback_id: which form, one of `ids`.
        view_id: this opening of it.
        metadata: what it is about, the id of a record.
        values: what is filled in and chosen, by block id; a block with nothing in it is not there.
    """

    actor: SlackActor
    callback_id: str
    view_id: str
    metadata: str
    values: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Suggestion:
    """Somebody looks for something in a list that searches.

    Attributes:
        actor: who.
        action_id: of the list.
        block_id: of the list.
        typed: what they look for; empty for the beginning of the list.
        metadata: what the form says it is about, as it was drawn last.
        values: what is filled in and chosen, by block id. Slack does not keep it up to date here
            (https://github.com/slackapi/bolt-js/issues/1146), so `metadata` is to be believed before it.
    """

    actor: SlackActor
    action_id: str
    block_id: str
    typed: str
    metadata: str
    values: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class HomeOpened:
    """Somebody opened the Home tab; the event id is the same for a repeated delivery."""

    actor: SlackActor
    event_id: str


@dataclass(frozen=True)
class Challenge:
    """Slack asks whether this is the app; the answer is what it sent."""

    challenge: str


@dataclass(frozen=True)
class IgnoredPayload:
    """Something that needs no answer; `what` is for the log."""

    what: str


Interaction = Command | Shortcut | Click | Submission | Suggestion | HomeOpened | Challenge | IgnoredPayload
"""Everything that `parse` returns."""

_Object = Mapping[str, Any]
_Values = dict[str, tuple[str, ...]]

# https://docs.slack.dev/reference/objects: ids are upper-case letters and digits after a letter that says of what.
_USER = re.compile(r"[UW][A-Z0-9]{2,30}")
_TEAM = re.compile(r"[TE][A-Z0-9]{2,30}")
_CHANNEL = re.compile(r"[CDG][A-Z0-9]{2,30}")
_VIEW = re.compile(r"V[A-Z0-9]{2,30}")
_EVENT = re.compile(r"Ev[A-Z0-9]{2,30}")
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
# Buttons with an address: Slack tells of the click, and has opened the page (`breakglass.alerts.messages`).
_LINKS = frozenset({"open_event", "open_post_mortem"})


def parse(body: bytes, content_type: str) -> Interaction:
    """Read what Slack has sent.

    Args:
        body: as it was sent.
        content_type: the header.

    Raises:
        PayloadError: if it is nothing that we know.
    """
    match content_type.partition(";")[0].strip().lower():
        case "application/json":
            return _event(_json(_decoded(body)))
        case "application/x-www-form-urlencoded":
            return _form(_decoded(body))
        case _:
            raise PayloadError("another content type")


# --- the outermost layer ---------------------------------------------------------------------------------------------


def _decoded(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise PayloadError("the body is no UTF-8") from None


def _json(text: str) -> _Object:
    try:
        value = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise PayloadError("the JSON can't be read") from None
    if not isinstance(value, dict):
        raise PayloadError("the JSON is no object")
    return value


def _no_number(_: str) -> NoReturn:
    raise ValueError("NaN and infinity are no JSON")


def _form(text: str) -> Interaction:
    if text.startswith("{"):
        # Slack does not sign the content type. An event may hold what people wrote, and that may look like a form.
        raise PayloadError("an event that is called a form")
    try:
        pairs = parse_qsl(
            text, keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=_MOST_FIELDS
        )
    except ValueError:
        raise PayloadError("the form can't be read") from None
    form = dict(pairs)
    if len(form) < len(pairs):
        raise PayloadError("a key of the form comes twice")
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
        text=_text(form, "text") if "text" in form else "",
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
            actor = SlackActor(_matching(event, "user", _USER), _matching(body, "team_id", _TEAM))
            return HomeOpened(actor, _matching(body, "event_id", _EVENT))
        case "app_rate_limited":
            return IgnoredPayload("app_rate_limited")
        case _:
            raise PayloadError("another type of event")


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
            raise PayloadError("another type of interaction")


_SHORTCUTS = frozenset({ids.SHORTCUT})


# --- interactions ----------------------------------------------------------------------------------------------------


def _actor(payload: _Object) -> SlackActor:
    """Return who did it; of people of other workspaces the team is theirs, if Slack says so."""
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
        action_id=_action_id(payload),
        block_id=_text(payload, "block_id", _LONGEST_ID),
        typed=_text(payload, "value", _LONGEST_VALUE) if payload.get("value") is not None else "",
        metadata=_metadata(view),
        values=_values(view) if view is not None else {},
    )


def _action_id(holder: _Object) -> str:
    return _text(holder, "action_id", _LONGEST_ID).partition(DRAWN)[0]


def _message(payload: _Object) -> Message | None:
    """Return the message that was clicked in; None if it was none."""
    container = _object(payload, "container")
    if container.get("type") != "message":
        return None
    return Message(_matching(container, "channel_id", _CHANNEL), _matching(container, "message_ts", _TS))


def _metadata(view: _Object | None) -> str:
    if view is None or view.get("private_metadata") is None:
        return ""
    return _text(view, "private_metadata", _LONGEST_METADATA)


# --- what is filled in and chosen ------------------------------------------------------------------------------------


def _values(holder: _Object) -> _Values:
    """Return the state of a form, or of the menus in a message."""
    if holder.get("state") is None:
        return {}
    blocks = _object(_object(holder, "state"), "values")
    if len(blocks) > _MOST_BLOCKS:
        raise PayloadError("more blocks than a view has")
    values: _Values = {}
    for block_id, inputs in blocks.items():
        if not isinstance(inputs, dict):
            raise PayloadError("a block of the state is no object")
        chosen = tuple(text for one in inputs.values() for text in _chosen(one))
        if chosen:
            values[replace_surrogates(block_id)] = chosen
    return values


def _with(values: _Values, action: _Object) -> _Values:
    """Return the state with what was chosen just now in it."""
    if action.get("type") == "button" or not isinstance(action.get("block_id"), str):
        return values
    block_id = replace_surrogates(action["block_id"])
    chosen = _chosen(action)
    others = {key: value for key, value in values.items() if key != block_id}
    return {**others, block_id: chosen} if chosen else others


def _chosen(element: object) -> tuple[str, ...]:
    """Return what is in an input: a text, or the values of what was chosen."""
    if not isinstance(element, dict):
        raise PayloadError("an input is no object")
    match element.get("type"):
        case "plain_text_input":
            return (_text(element, "value"),) if element.get("value") not in (None, "") else ()
        case "static_select" | "external_select":
            chosen = element.get("selected_option")
            return _option_values([] if chosen is None else [chosen])
        case "multi_static_select" | "multi_external_select":
            return _option_values(element.get("selected_options"))
        case _:
            raise PayloadError("an input of another type")


def _option_values(options: object) -> tuple[str, ...]:
    if options is None:
        return ()
    if not isinstance(options, Sequence) or isinstance(options, str) or len(options) > _MOST_CHOICES:
        raise PayloadError("what was chosen is no list")
    values = [_text(one, "value", _LONGEST_ID) if isinstance(one, dict) else _refuse("a choice") for one in options]
    return tuple(value for value in values if value != NO_CHOICE)


def _value(action: _Object) -> str:
    """Return the value of a button or of what was chosen."""
    if action.get("type") == "button":
        return _text(action, "value", _LONGEST_VALUE) if action.get("value") is not None else ""
    chosen = _chosen(action)
    return chosen[0] if chosen and "selected_option" in action else ""


# --- single fields ---------------------------------------------------------------------------------------------------


def _refuse(what: str) -> NoReturn:
    raise PayloadError(f"{what} is missing, or not as Slack has it")


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
