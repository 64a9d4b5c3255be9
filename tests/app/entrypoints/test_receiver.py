"""The receiver: answers to Slack, and refusals of hostile requests.

Not shown here: API Gateway's own part (tests/local), and how long anything takes (benchmarks).
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakglass.app.entrypoints.interactions import handler as interactions_handler  # noqa: F401 - it imports without an environment
from breakglass.app.entrypoints.receiver_app import MAX_BODY_BYTES, ReceiverContext, handle_request
from breakglass.app.slack import ids
from tests.app.domain.policies import EVERYBODY
from tests.app.doubles.clock import NOW, FixedClock
from tests.app.doubles.log import MemoryLog
from tests.app.doubles.slack import TEAM, MemorySlack

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
FORM = "application/x-www-form-urlencoded"
COMMAND = {
    "command": "/breakglass",
    "text": "it burns",
    "team_id": TEAM,
    "channel_id": "C0APPROVALS1",
    "user_id": "UADA0000",
    "trigger_id": "13345224609.738474920.8088930838d88f008e0",
}


class Endpoint:
    """The context with doubles, and what it did."""

    def __init__(self) -> None:
        self.secrets = [SECRET]
        self.asked = 0
        self.handed: list[dict[str, Any]] = []
        self.log = MemoryLog()
        self.slack = MemorySlack(EVERYBODY)
        self.clock = FixedClock()
        self.failure: Exception | None = None
        self.secret_failure: Exception | None = None
        self.context = ReceiverContext(
            secret=self._secret,
            slack=self.slack,
            interactions=self,
            clock=self.clock,
            log=self.log,
        )

    def hand_over(self, interaction: Mapping[str, Any]) -> None:
        if self.failure is not None:
            raise self.failure
        self.handed.append(dict(interaction))

    def ask(self, interaction: Mapping[str, Any]) -> dict[str, Any]:
        self.hand_over(interaction)
        return {"options": []}

    def send(
        self,
        body: bytes,
        *,
        content_type: str = FORM,
        base64_encoded: bool = True,
        event: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Send a body as Slack does, signed; `event` is what is different about it."""
        changes = dict(event or {})
        at = changes.pop("at", self.clock())
        headers = {
            "content-type": content_type,
            "x-slack-request-timestamp": str(at),
            "x-slack-signature": signature(body, at),
            **changes.pop("headers", {}),
        }
        text = base64.b64encode(body).decode() if base64_encoded else body.decode()
        whole = {
            "headers": headers,
            "body": text,
            "isBase64Encoded": base64_encoded,
            "requestContext": {"http": {"method": "POST", "path": "/slack"}},
            **changes,
        }
        return handle_request(self.context, whole)

    def interact(self, **payload: Any) -> dict[str, Any]:
        """Send an interaction."""
        whole = {"user": {"id": "UADA0000", "team_id": TEAM}, "team": {"id": TEAM}, **payload}
        return self.send(f"payload={quote(json.dumps(whole))}".encode())

    def _secret(self, refresh: bool) -> str:
        self.asked += refresh
        if self.secret_failure is not None:
            raise self.secret_failure
        return self.secrets[-1] if refresh else self.secrets[0]


def signature(body: bytes, at: int, secret: str = SECRET) -> str:
    return "v0=" + hmac.new(secret.encode(), f"v0:{at}:".encode() + body, hashlib.sha256).hexdigest()


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint()


def click(action_id: str, value: str = "r-1") -> dict[str, Any]:
    return {
        "type": "block_actions",
        "trigger_id": COMMAND["trigger_id"],
        "container": {"type": "message", "message_ts": "1764000000.000100", "channel_id": "C0APPROVALS1"},
        "channel": {"id": "C0APPROVALS1"},
        "actions": [{"type": "button", "action_id": action_id, "block_id": "b", "value": value}],
    }


def test_the_command_opens_a_form_and_is_handed_over_as_it_came(endpoint: Endpoint) -> None:
    body = urlencode(COMMAND).encode()
    assert endpoint.send(body) == {"statusCode": 200, "body": ""}
    (view_id,) = endpoint.slack.views
    headers = {"timestamp": str(NOW), "signature": signature(body, NOW)}
    (handed,) = endpoint.handed
    assert len(handed.pop("delivery")) == 32
    assert handed == {"body": body.decode(), "content_type": FORM, **headers, "view_id": view_id}


@pytest.mark.parametrize("action_id", sorted(ids.OPENS_FORM))
def test_button_of_a_form_opens_it_first(endpoint: Endpoint, action_id: str) -> None:
    assert endpoint.interact(**click(action_id))["statusCode"] == 200
    assert endpoint.slack.views
    assert endpoint.handed[0]["view_id"] in endpoint.slack.views


@pytest.mark.parametrize("action_id", [ids.APPROVE, ids.ACKNOWLEDGE, ids.WITHDRAW, ids.DONE])
def test_any_other_button_is_handed_over(endpoint: Endpoint, action_id: str) -> None:
    assert endpoint.interact(**click(action_id)) == {"statusCode": 200, "body": ""}
    assert not endpoint.slack.calls
    assert endpoint.handed[0]["view_id"] is None


def test_a_form_that_is_sent_shows_that_it_is_being_worked_on(endpoint: Endpoint) -> None:
    view = {"id": "V0000000001", "callback_id": ids.DENY_FORM, "private_metadata": "r-1"}
    answered = endpoint.interact(type="view_submission", view=view)
    assert json.loads(answered["body"])["response_action"] == "update"
    assert endpoint.handed


def test_a_list_that_searches_is_answered_by_interactions(endpoint: Endpoint) -> None:
    view = {"id": "V0000000001", "private_metadata": "devops-break-glass"}
    answered = endpoint.interact(
        type="block_suggestion", action_id=ids.VALUE, block_id=ids.ACCOUNTS, value="prod", view=view
    )
    assert json.loads(answered["body"]) == {"options": []}


def test_the_address_is_confirmed_to_slack(endpoint: Endpoint) -> None:
    body = json.dumps({"type": "url_verification", "challenge": "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"})
    answered = endpoint.send(body.encode(), content_type="application/json")
    assert json.loads(answered["body"])["challenge"].startswith("3eZbrw")
    assert not endpoint.handed


def test_receiver_without_an_opened_form_says_so(endpoint: Endpoint) -> None:
    endpoint.slack.fail("views.open", "timeout")
    answered = endpoint.send(urlencode(COMMAND).encode())
    assert "Type the command again" in json.loads(answered["body"])["text"]
    assert endpoint.handed[0]["view_id"] is None


def test_if_nobody_takes_it_over_slack_shows_that_it_failed(endpoint: Endpoint) -> None:
    endpoint.failure = RuntimeError(f"secret {SECRET}")
    assert endpoint.interact(**click(ids.APPROVE)) == {"statusCode": 503, "body": ""}
    assert SECRET not in json.dumps(endpoint.log.lines)


def test_if_the_secret_cannot_be_read_slack_shows_that_it_failed(endpoint: Endpoint) -> None:
    endpoint.secret_failure = RuntimeError("Secrets Manager is down")
    assert endpoint.send(urlencode(COMMAND).encode()) == {"statusCode": 503, "body": ""}
    assert not endpoint.handed


def test_a_rotated_signing_secret_is_read_anew(endpoint: Endpoint) -> None:
    endpoint.secrets = ["an-older-signing-secret-1", SECRET]
    assert endpoint.send(urlencode(COMMAND).encode())["statusCode"] == 200
    assert endpoint.asked == 1


def test_receiver_gives_each_http_request_its_own_delivery(endpoint: Endpoint) -> None:
    body = urlencode(COMMAND).encode()
    assert [endpoint.send(body)["statusCode"] for _ in range(2)] == [200, 200]
    first, second = endpoint.handed
    assert first["signature"] == second["signature"]
    assert first["delivery"] != second["delivery"]


HOSTILE: dict[str, tuple[int, dict[str, Any]]] = {
    # sentence: (status, changes of a good request)
    "no signature": (401, {"headers": {"x-slack-signature": ""}}),
    "a signature of something else": (401, {"headers": {"x-slack-signature": signature(b"else", NOW)}}),
    "a signature by another secret": (
        401,
        {"headers": {"x-slack-signature": signature(urlencode(COMMAND).encode(), NOW, "b" * 32)}},
    ),
    "a signature of another version": (401, {"headers": {"x-slack-signature": "v1=" + "0" * 64}}),
    "a signature that is no text": (401, {"headers": {"x-slack-signature": ["v0=x"]}}),
    "a signature with other digits": (401, {"headers": {"x-slack-signature": "v0=" + "\u0660" * 64}}),
    "no timestamp": (401, {"headers": {"x-slack-request-timestamp": ""}}),
    "a timestamp with a sign": (401, {"headers": {"x-slack-request-timestamp": f"+{NOW}"}}),
    "a timestamp of a thousand digits": (401, {"headers": {"x-slack-request-timestamp": "1" * 1000}}),
    "an old request": (401, {"at": NOW - 301}),
    "a request of the future": (401, {"at": NOW + 301}),
    "another method": (405, {"requestContext": {"http": {"method": "GET"}}}),
    "no method": (405, {"requestContext": {}}),
    "no body": (401, {"body": None}),
    "a body that is no base64": (400, {"body": "=/=", "isBase64Encoded": True}),
    "a body that is no text": (413, {"body": {"a": 1}}),
    "a huge body": (413, {"body": "A" * (2 * MAX_BODY_BYTES + 4)}),
}


@pytest.mark.parametrize("sentence", HOSTILE)
def test_hostile(endpoint: Endpoint, sentence: str) -> None:
    status, changes = HOSTILE[sentence]
    answered = endpoint.send(urlencode(COMMAND).encode(), event=changes)
    assert (answered["statusCode"], answered["body"]) == (status, "")
    assert not endpoint.handed
    assert not endpoint.slack.calls
    assert "it burns" not in json.dumps(endpoint.log.lines)
    assert COMMAND["trigger_id"] not in json.dumps(endpoint.log.lines)


SIGNED_BUT_ODD: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", FORM),
    "invalid UTF-8": (b"payload=\xff\xfe", FORM),
    "no JSON": (b"payload=%7B", FORM),
    "no object": (b"payload=%5B1%5D", FORM),
    "deep nesting": (b"payload=" + quote("[" * 5000).encode(), FORM),
    "an unknown content type": (urlencode(COMMAND).encode(), "text/plain"),
    "a malformed user id": (urlencode({**COMMAND, "user_id": "../../etc"}).encode(), FORM),
    "an unknown interaction": (b"payload=" + quote(json.dumps({"type": "dialog_submission"})).encode(), FORM),
    "a number for a name": (b'{"type": 1}', "application/json"),
    "not a number": (b'{"type": NaN}', "application/json"),
}


@pytest.mark.parametrize("sentence", SIGNED_BUT_ODD)
def test_signed_but_odd(endpoint: Endpoint, sentence: str) -> None:
    body, content_type = SIGNED_BUT_ODD[sentence]
    answered = endpoint.send(body, content_type=content_type)
    assert answered["statusCode"] in (200, 400)
    assert not endpoint.handed


@given(body=st.binary(max_size=300), content_type=st.sampled_from((FORM, "application/json", "", "text/plain")))
def test_any_signed_bytes_get_no_server_error(body: bytes, content_type: str) -> None:
    assert Endpoint().send(body, content_type=content_type)["statusCode"] in (200, 400)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=20,
)
KEYS = ("type", "user", "team", "actions", "view", "container", "channel", "trigger_id", "callback_id", "api_app_id")
TYPES = ("block_actions", "view_submission", "shortcut", "block_suggestion", "view_closed")


@given(
    payload=st.dictionaries(st.sampled_from(KEYS), JSON, max_size=8),
    kind=st.sampled_from(TYPES),
    valid=st.sets(st.sampled_from(("user", "team", "actions", "container", "trigger_id", "view"))),
)
def test_any_interaction_gets_a_safe_answer(payload: dict[str, Any], kind: str, valid: set[str]) -> None:
    good = {
        **click(ids.APPROVE),
        "user": {"id": "UADA0000", "team_id": TEAM},
        "team": {"id": TEAM},
        "view": {"id": "V0000000001", "callback_id": ids.DENY_FORM, "private_metadata": "r-1"},
    }
    mixed = {**payload, **{key: good[key] for key in valid}, "type": kind}
    endpoint = Endpoint()
    body = f"payload={quote(json.dumps(mixed))}".encode()
    assert endpoint.send(body)["statusCode"] in (200, 400)
    for name, fields in endpoint.log.lines:
        assert name in ("refused", "form_not_opened")
        assert set(fields) <= {"status", "why", "error"}


@given(
    headers=st.dictionaries(st.text(max_size=30), st.text(max_size=80)),
    body=st.text(max_size=200),
    encoded=st.booleans(),
)
def test_any_unsigned_request_is_refused(headers: dict[str, str], body: str, encoded: bool) -> None:
    endpoint = Endpoint()
    http = {"http": {"method": "POST"}}
    event = {"headers": headers, "body": body, "isBase64Encoded": encoded, "requestContext": http}
    assert handle_request(endpoint.context, event)["statusCode"] in (400, 401)
    assert not endpoint.handed
