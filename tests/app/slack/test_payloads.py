"""Slack's payloads, parsed; everything else is refused with a reason that holds nothing of it.

The payloads have the shapes of Slack's documentation, shortened. Not proved here: that Slack still sends these shapes
(a live check), and their handling (`services`).
"""

import copy
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote_plus, urlencode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from breakglass.app.domain.records import Message
from breakglass.app.slack import ids
from breakglass.app.slack.payloads import (
    NO_CHOICE,
    Challenge,
    Click,
    Command,
    HomeOpened,
    IgnoredPayload,
    Interaction,
    PayloadError,
    Shortcut,
    SlackActor,
    Submission,
    Suggestion,
    parse,
)

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
ADA = SlackActor("UADA", "T0COMPANY01")
TRIGGER = "12466734323.1395872398.trg0a1b"

WHO = {
    "user": {"id": "UADA", "username": "ada", "team_id": "T0COMPANY01"},
    "team": {"id": "T0COMPANY01", "domain": "company"},
    "api_app_id": "A0BREAKGLASS",
    "trigger_id": TRIGGER,
}
STATE = {
    "values": {
        ids.ROLE: {
            "value": {"type": "static_select", "selected_option": {"text": {"type": "plain_text"}, "value": "devops"}}
        },
        ids.ACCOUNTS: {
            "value/devops": {
                "type": "multi_external_select",
                "selected_options": [{"value": "222222222222"}, {"value": NO_CHOICE}, {"value": "333333333333"}],
            }
        },
        ids.DURATION: {"value": {"type": "static_select", "selected_option": None}},
        ids.REASON: {"value": {"type": "plain_text_input", "value": "the restore: failed\n<!channel> &amp; \u202e"}},
        ids.TICKET: {"value": {"type": "plain_text_input", "value": None}},
    }
}
FILLED = {
    ids.ROLE: ("devops",),
    ids.ACCOUNTS: ("222222222222", "333333333333"),
    ids.REASON: ("the restore: failed\n<!channel> &amp; \u202e",),
}
VIEW = {
    "id": "V0FORM",
    "type": "modal",
    "callback_id": ids.REQUEST_FORM,
    "private_metadata": "devops",
    "state": STATE,
}
CLICK: dict[str, Any] = {
    **WHO,
    "type": "block_actions",
    "container": {"type": "message", "message_ts": "1764000001.000100", "channel_id": "C0APPROVALS1"},
    "channel": {"id": "C0APPROVALS1", "name": "approvals"},
    "message": {"ts": "1764000001.000100", "text": "changed", "blocks": [{"type": "divider"}]},
    "state": {"values": {}},
    "actions": [
        {
            "type": "button",
            "action_id": ids.APPROVE,
            "block_id": "x",
            "value": "r-0123456789abcdef",
            "action_ts": "1764000002.1",
        }
    ],
}
CHOICE = {
    **WHO,
    "type": "block_actions",
    "container": {"type": "view", "view_id": "V0FORM"},
    "view": VIEW,
    "actions": [
        {
            "type": "static_select",
            "action_id": "value/0a1b2c",
            "block_id": ids.ROLE,
            "selected_option": {"value": "network"},
        }
    ],
}
SUBMISSION = {**WHO, "type": "view_submission", "view": VIEW}
SUGGESTION = {
    **WHO,
    "type": "block_suggestion",
    "action_id": "value/devops",
    "block_id": ids.ACCOUNTS,
    "value": "prod",
    "container": {"type": "view", "view_id": "V0FORM"},
    "view": VIEW,
}
SHORTCUT = {**WHO, "type": "shortcut", "callback_id": ids.SHORTCUT}
COMMAND = {
    "command": "/breakglass",
    "text": " help ",
    "team_id": "T0COMPANY01",
    "channel_id": "C0GENERAL01",
    "user_id": "UADA",
    "user_name": "ada",
    "api_app_id": "A0BREAKGLASS",
    "is_enterprise_install": "false",
    "enterprise_id": "",
    "trigger_id": TRIGGER,
}
HOME = {
    "type": "event_callback",
    "team_id": "T0COMPANY01",
    "event_id": "Ev0PV52K25",
    "event": {"type": "app_home_opened", "user": "UADA", "channel": "D0LOCAL", "tab": "home"},
}


def interaction(payload: Any) -> Interaction:
    return parse(f"payload={quote_plus(json.dumps(payload))}".encode(), FORM)


def event(payload: Any) -> Interaction:
    return parse(json.dumps(payload).encode(), f"{JSON}; charset=utf-8")


def changed(payload: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Return a payload with a new value at `a.b.0.c`; `...` removes the key."""
    whole = copy.deepcopy(payload)
    *keys, last = [int(key) if key.isdigit() else key for key in path.split(".")]
    holder: Any = whole
    for key in keys:
        holder = holder[key]
    if value is ...:
        del holder[last]
    else:
        holder[last] = value
    return whole


def test_parse_click_in_message() -> None:
    assert interaction(CLICK) == Click(
        actor=ADA,
        trigger_id=TRIGGER,
        action_id=ids.APPROVE,
        value="r-0123456789abcdef",
        message=Message("C0APPROVALS1", "1764000001.000100"),
        view_id=None,
        view_metadata="",
        values={},
    )


def test_parse_choice_in_form_with_all_input() -> None:
    assert interaction(CHOICE) == Click(
        actor=ADA,
        trigger_id=TRIGGER,
        action_id=ids.VALUE,
        value="network",
        message=None,
        view_id="V0FORM",
        view_metadata="devops",
        values={**FILLED, ids.ROLE: ("network",)},
    )


def test_parse_choice_of_emptied_list() -> None:
    action: dict[str, Any] = {
        "type": "multi_external_select",
        "action_id": "value",
        "block_id": ids.ACCOUNTS,
        "selected_options": [],
    }
    click = interaction({**CHOICE, "actions": [action]})
    assert isinstance(click, Click)
    assert click.values == {ids.ROLE: FILLED[ids.ROLE], ids.REASON: FILLED[ids.REASON]}
    assert click.value == ""


def test_parse_submission_keeps_every_text() -> None:
    assert interaction(SUBMISSION) == Submission(ADA, ids.REQUEST_FORM, "V0FORM", "devops", FILLED)


def test_parse_suggestion() -> None:
    assert interaction(SUGGESTION) == Suggestion(ADA, ids.ACCOUNTS, "prod", "devops")


def test_parse_shortcut_and_command() -> None:
    assert interaction(SHORTCUT) == Shortcut(ADA, TRIGGER, ids.SHORTCUT)
    assert parse(urlencode(COMMAND).encode(), FORM) == Command(ADA, TRIGGER, "C0GENERAL01")


def test_parse_home_opened_ignores_other_tabs() -> None:
    assert event(HOME) == HomeOpened(ADA)
    assert event(changed(HOME, "event.tab", "messages")) == IgnoredPayload("another tab")
    assert event(changed(HOME, "event.type", "message")) == IgnoredPayload("another event")


def test_parse_challenge() -> None:
    assert event({"type": "url_verification", "token": "x", "challenge": "3eZbrw1a"}) == Challenge("3eZbrw1a")


@pytest.mark.parametrize(
    ("came", "what"),
    [
        (b"ssl_check=1&token=x", "ssl_check"),
        (f"payload={quote_plus(json.dumps({**WHO, 'type': 'view_closed', 'view': VIEW}))}".encode(), "view_closed"),
    ],
)
def test_parse_ignored_payloads(came: bytes, what: str) -> None:
    assert parse(came, FORM) == IgnoredPayload(what)


@pytest.mark.parametrize("link", ["open_event", "open_post_mortem"])
def test_parse_ignores_click_on_link(link: str) -> None:
    action = {"type": "button", "action_id": link, "block_id": "x"}
    assert interaction({**CLICK, "actions": [action]}) == IgnoredPayload("a link")


def test_parse_actor_of_another_workspace() -> None:
    guest = interaction(changed(CLICK, "user.team_id", "T0OTHER01"))
    assert isinstance(guest, Click)
    assert guest.actor == SlackActor("UADA", "T0OTHER01")
    unsaid = interaction(changed(CLICK, "user.team_id", ...))
    assert isinstance(unsaid, Click)
    assert unsaid.actor == ADA


def test_parse_replaces_lone_surrogates() -> None:
    sent = interaction(
        changed(SUBMISSION, f"view.state.values.{ids.REASON}.value.value", "a\ud800b \ud83d\ude00 \udc00")
    )
    assert isinstance(sent, Submission)
    assert sent.values[ids.REASON] == ("a\ufffdb \U0001f600 \ufffd",)


@pytest.mark.parametrize(
    ("payload", "path", "value", "reason"),
    [
        (CLICK, "user.id", "uada", "id is missing or malformed"),
        (CLICK, "user.id", "UADA\n", "id is missing or malformed"),
        (CLICK, "user.id", "U\u0660\u0661\u0662", "id is missing or malformed"),
        (CLICK, "user.id", ["UADA"], "id is missing or malformed"),
        (CLICK, "user.team_id", None, "team_id is missing or malformed"),
        (CLICK, "user", ..., "user is missing or malformed"),
        (CLICK, "trigger_id", "../..", "trigger_id is missing or malformed"),
        (CLICK, "actions", [], "not one action"),
        (CLICK, "actions", CLICK["actions"] * 2, "not one action"),
        (CLICK, "actions.0.action_id", "approve_all", "action_id is missing or malformed"),
        (CLICK, "actions.0.value", "x" * 2001, "value is missing or malformed"),
        (CLICK, "actions.0.value", 7, "value is missing or malformed"),
        (CLICK, "actions.0.type", "rich_text_input", "an input of an unknown type"),
        (CLICK, "container", None, "container is missing or malformed"),
        (CLICK, "container.channel_id", "#general", "channel_id is missing or malformed"),
        (CLICK, "container.message_ts", "1e9", "message_ts is missing or malformed"),
        (CLICK, "type", "interactive_message", "unknown type of interaction"),
        (SHORTCUT, "callback_id", "approve", "callback_id is missing or malformed"),
        (SUBMISSION, "view.callback_id", "approve_form", "callback_id is missing or malformed"),
        (SUBMISSION, "view.id", "r-0123", "id is missing or malformed"),
        (SUBMISSION, "view.private_metadata", "x" * 3001, "private_metadata is missing or malformed"),
        (SUBMISSION, "view.state", [], "state is missing or malformed"),
        (SUBMISSION, "view.state.values", {str(n): {} for n in range(101)}, "more blocks than a view has"),
        (SUBMISSION, "view.state.values.x", 7, "a block of the state is not an object"),
        (SUBMISSION, "view.state.values.x", {"value": "y"}, "an input is not an object"),
        (SUBMISSION, f"view.state.values.{ids.REASON}.value.value", 7, "value is missing or malformed"),
        (
            SUBMISSION,
            f"view.state.values.{ids.ROLE}.value.selected_option",
            "x",
            "a choice is missing or malformed",
        ),
        (
            SUBMISSION,
            f"view.state.values.{ids.ACCOUNTS}.value/devops.selected_options",
            [{"value": "x"}] * 101,
            "the choices are not a list",
        ),
        (SUGGESTION, "value", {"x": 1}, "value is missing or malformed"),
        (SUGGESTION, "block_id", "x" * 256, "block_id is missing or malformed"),
    ],
)
def test_parse_refuses_malformed_field_by_its_name(payload: dict[str, Any], path: str, value: Any, reason: str) -> None:
    with pytest.raises(PayloadError) as refused:
        interaction(changed(payload, path, value))
    assert str(refused.value) == reason


def test_parse_refuses_event_sent_as_form() -> None:
    click = quote_plus(json.dumps(CLICK))
    body = json.dumps({"type": "event_callback", "event": {"text": f"why=it burns&payload={click}&x="}}).encode()
    assert isinstance(parse(body[1:], FORM), Click), "nothing else is wrong with it"
    with pytest.raises(PayloadError, match="content type of a form"):
        parse(body, FORM)


@pytest.mark.parametrize(
    ("body", "content_type", "reason"),
    [
        (b"", FORM, "command is missing or malformed"),
        (b"", JSON, "invalid JSON"),
        (b"{}", "", "unknown content type"),
        (b"{}", "text/plain", "unknown content type"),
        (b"{}", JSON, "unknown type of event"),
        (b"[]", JSON, "the JSON is not an object"),
        (b"\xff\xfe{", JSON, "the body is not UTF-8"),
        ('{"type": "url_verification"}'.encode("utf-16"), JSON, "the body is not UTF-8"),
        (b'{"type": NaN}', JSON, "invalid JSON"),
        (b'{"type": -Infinity}', JSON, "invalid JSON"),
        (b'{"type": ' + b"9" * 5000 + b"}", JSON, "invalid JSON"),
        (b'{"a":' * 100_000, JSON, "invalid JSON"),
        (b"[" * 100_000 + b"]" * 100_000, JSON, "invalid JSON"),
        (b"payload=%7B%7D&payload=%7B%7D", FORM, "duplicate key in the form data"),
        (b"payload=%ff", FORM, "invalid form data"),
        (b"payload=%ED%A0%80", FORM, "invalid form data"),
        (b"payload", FORM, "invalid form data"),
        (b"payload=" + quote_plus("{" * 10).encode(), FORM, "invalid JSON"),
        (b"&".join(b"k%d=" % n for n in range(60)), FORM, "invalid form data"),
        (urlencode({**COMMAND, "user_id": "ada"}).encode(), FORM, "user_id is missing or malformed"),
        (urlencode({**COMMAND, "command": "breakglass"}).encode(), FORM, "command is missing or malformed"),
        (urlencode({**COMMAND, "channel_id": ""}).encode(), FORM, "channel_id is missing or malformed"),
    ],
)
def test_parse_refuses_unreadable_body(body: bytes, content_type: str, reason: str) -> None:
    with pytest.raises(PayloadError) as refused:
        parse(body, content_type)
    assert str(refused.value) == reason
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


# --- any input -------------------------------------------------------------------------------------------------------

KINDS = (Command, Shortcut, Click, Submission, Suggestion, HomeOpened, Challenge, IgnoredPayload)
TEXTS = st.text(st.characters(exclude_categories=()), max_size=20)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS | st.just(10**400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)
PAYLOADS = [CLICK, CHOICE, SUBMISSION, SUGGESTION, SHORTCUT]


def paths(value: Any, before: str = "") -> Iterator[str]:
    """Yield the path of every value in a payload."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in items:
        if "." not in str(key):
            yield f"{before}{key}"
            yield from paths(each, f"{before}{key}.")


PLACES = [(payload, path) for payload in PAYLOADS for path in paths(payload)]


def texts(value: Any) -> Iterator[str]:
    """Yield every text in a value that `parse` returned."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield key
            yield from texts(each)
    elif isinstance(value, tuple):
        for each in value:
            yield from texts(each)
    elif hasattr(value, "__dataclass_fields__"):
        for name in value.__dataclass_fields__:
            yield from texts(getattr(value, name))


def outcome(body: bytes, content_type: str) -> Interaction | str:
    try:
        return parse(body, content_type)
    except PayloadError as refused:
        return str(refused)


REASON = re.compile(r"[A-Za-z8_,' -]{1,60}")


def read_or_refused(body: bytes, content_type: str) -> None:
    read = outcome(body, content_type)
    if isinstance(read, str):
        assert REASON.fullmatch(read)
        return
    assert isinstance(read, KINDS)
    for text in texts(read):
        text.encode()


@given(place=st.sampled_from(PLACES), value=ANYTHING | st.just(...))
@example(place=(CLICK, "user.id"), value="U\ud800")
def test_parse_any_value_at_any_place(place: tuple[dict[str, Any], str], value: Any) -> None:
    body = f"payload={quote_plus(json.dumps(changed(*place, value)))}".encode()
    read_or_refused(body, FORM)


@given(value=ANYTHING, content_type=st.sampled_from([FORM, JSON]))
def test_parse_any_json(value: Any, content_type: str) -> None:
    text = json.dumps(value)
    read_or_refused((f"payload={quote_plus(text)}" if content_type == FORM else text).encode(), content_type)


@given(body=st.binary(), content_type=st.sampled_from([FORM, JSON]) | TEXTS)
def test_parse_any_bytes(body: bytes, content_type: str) -> None:
    read_or_refused(body, content_type)


@given(value=ANYTHING, path=st.sampled_from(sorted(paths(HOME))))
def test_parse_any_event(value: Any, path: str) -> None:
    read_or_refused(json.dumps(changed(HOME, path, value)).encode(), JSON)


@given(typed=st.text(max_size=200))
def test_parse_keeps_typed_text_exactly(typed: str) -> None:
    sent = interaction(changed(SUBMISSION, f"view.state.values.{ids.REASON}.value.value", typed))
    assert isinstance(sent, Submission)
    assert sent.values.get(ids.REASON, ("",)) == (typed,)


def test_parse_knows_every_button_and_form() -> None:
    names = {name: value for name, value in vars(ids).items() if name.isupper() and isinstance(value, str)}
    forms = {value for name, value in names.items() if name.endswith("_FORM")}
    inputs = {ids.ROLE, ids.ACCOUNTS, ids.DURATION, ids.REASON, ids.TICKET, ids.NOTE, ids.JUSTIFICATION, ids.INCIDENT}
    inputs |= {ids.DONE_WHAT, ids.FOLLOW_UP}
    buttons = {*names.values()} - forms - inputs - {ids.COMMAND, ids.SHORTCUT}
    assert ids.OPENS_FORM <= buttons
    for action_id in buttons:
        read = interaction(changed(CLICK, "actions.0.action_id", action_id))
        assert isinstance(read, Click)
        assert read.action_id == action_id
    for callback_id in forms:
        sent = interaction(changed(SUBMISSION, "view.callback_id", callback_id))
        assert isinstance(sent, Submission)
        assert sent.callback_id == callback_id
