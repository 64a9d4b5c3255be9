"""The slack before the Slack emulator, in this process and with a stand-in for the emulator.

Not shown here: the real emulator (test_cloud.py, and the demo).
"""

import json
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar, cast

import pytest

from localcloud.emulators.loopback import LoopbackError, request_json
from localcloud.emulators.slack import UPSTREAM_TOKENS, SlackServer

TOKEN = "xoxb-known"
JSON = "application/json; charset=utf-8"
FORM = "application/x-www-form-urlencoded"
MESSAGE = {"channel": "C1", "text": "used"}

_Server = TypeVar("_Server", bound=ThreadingHTTPServer)


class Upstream(ThreadingHTTPServer):
    """Replaces `emulate`: records requests and answers as told."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _UpstreamHandler)
        self.requests: list[tuple[str, str, str | None, bytes]] = []
        self.answer: dict[str, Any] = {"ok": True, "ts": "1.0"}


class _UpstreamHandler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server = cast(Upstream, self.server)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        server.requests.append((self.command, self.path, self.headers["Authorization"], body))
        content = json.dumps(server.answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("X-Upstream", "yes")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_GET(self) -> None:
        self.do_POST()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with Upstream() as server:
        yield from _serving(server)


@pytest.fixture
def slack(upstream: Upstream) -> Iterator[SlackServer]:
    upstream.requests.clear()
    upstream.answer = {"ok": True, "ts": "1.0"}
    with SlackServer(0, f"http://127.0.0.1:{upstream.server_port}") as server:
        server.tokens.add(TOKEN)
        yield from _serving(server)


def _serving(server: _Server) -> Iterator[_Server]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()


def call(
    slack: SlackServer, path: str, body: bytes | str = b"", *, token: str | None = TOKEN, content_type: str = JSON
) -> dict[str, Any]:
    """The answer to a POST; that its status is 200, as Slack's always is, is checked here."""
    headers = {"Content-Type": content_type} | ({} if token is None else {"Authorization": f"Bearer {token}"})
    connection = HTTPConnection("127.0.0.1", slack.server_port)
    connection.request("POST", path, body, headers)
    response = connection.getresponse()
    assert response.status == 200
    answer: dict[str, Any] = json.loads(response.read())
    connection.close()
    return answer


def post(slack: SlackServer, message: object, **options: Any) -> dict[str, Any]:
    return call(slack, "/api/chat.postMessage", json.dumps(message), **options)


def test_message_is_forwarded_unchanged_except_the_token(slack: SlackServer, upstream: Upstream) -> None:
    assert post(slack, MESSAGE) == {"ok": True, "ts": "1.0"}
    raw = json.dumps(MESSAGE).encode()
    assert upstream.requests == [("POST", "/api/chat.postMessage", f"Bearer {UPSTREAM_TOKENS[0]}", raw)]


def test_the_emulators_limit_for_a_token_is_not_met(slack: SlackServer, upstream: Upstream) -> None:
    for _ in range(len(UPSTREAM_TOKENS) + 1):
        post(slack, MESSAGE)
    used = [authorization for _, _, authorization, _ in upstream.requests]
    assert set(used) == {f"Bearer {token}" for token in UPSTREAM_TOKENS}
    assert used[0] == used[-1]


def test_posts_are_remembered_in_order_with_what_became_of_them(slack: SlackServer, upstream: Upstream) -> None:
    post(slack, MESSAGE)
    post(slack, {**MESSAGE, "blocks": []})
    upstream.answer = {"ok": False, "error": "is_archived"}
    assert post(slack, MESSAGE) == upstream.answer
    posts = slack.posts()
    assert [(each["body"], each["error"]) for each in posts] == [
        (MESSAGE, None),
        ({**MESSAGE, "blocks": []}, "invalid_blocks"),
        (MESSAGE, "is_archived"),
    ]
    assert [each["received"] for each in posts] == sorted(each["received"] for each in posts)


@pytest.mark.parametrize(
    ("token", "error"), [(None, "not_authed"), ("", "not_authed"), ("xoxb-unknown", "invalid_auth")]
)
@pytest.mark.parametrize("path", ["/api/chat.postMessage", "/api/conversations.list"])
def test_a_token_that_is_missing_or_unknown_is_refused(
    slack: SlackServer, upstream: Upstream, path: str, token: str | None, error: str
) -> None:
    assert call(slack, path, json.dumps(MESSAGE), token=token) == {"ok": False, "error": error}
    assert upstream.requests == []


def test_a_revoked_token_is_refused_from_then_on(slack: SlackServer, upstream: Upstream) -> None:
    assert call(slack, "/api/auth.revoke", "{}") == {"ok": True, "revoked": True}
    assert post(slack, MESSAGE) == {"ok": False, "error": "token_revoked"}
    assert [(each["body"], each["error"]) for each in slack.posts()] == [(MESSAGE, "token_revoked")]
    assert upstream.requests == []


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ('{"text": "a "quote" in it"}', "invalid_json"),
        ('{"text": "a\nline"}', "invalid_json"),
        ("", "invalid_json"),
        ("[]", "json_not_object"),
        ('"text"', "json_not_object"),
        ('{"blocks": "["}', "invalid_blocks_format"),
        ('{"blocks": {"type": "divider"}}', "invalid_blocks_format"),
        ('{"metadata": "{"}', "invalid_metadata_format"),
        ('{"metadata": {"event_type": "x"}}', "invalid_metadata_format"),
    ],
)
def test_a_message_that_slack_can_not_read_is_refused(
    slack: SlackServer, upstream: Upstream, body: str, error: str
) -> None:
    assert call(slack, "/api/chat.postMessage", body) == {"ok": False, "error": error}
    [remembered] = slack.posts()
    assert remembered["error"] == error
    assert upstream.requests == []


def test_blocks_beyond_slacks_limits_are_refused_with_the_place(slack: SlackServer, upstream: Upstream) -> None:
    blocks = [{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}]
    assert post(slack, {**MESSAGE, "blocks": blocks}) == {
        "ok": False,
        "error": "invalid_blocks",
        "response_metadata": {
            "messages": ["[ERROR] must be less than 151 characters [json-pointer:/blocks/0/text/text]"]
        },
    }
    assert upstream.requests == []


@pytest.mark.parametrize("method", ["chat.update", "chat.postEphemeral"])
def test_blocks_are_checked_wherever_they_come(slack: SlackServer, upstream: Upstream, method: str) -> None:
    answer = call(slack, f"/api/{method}", json.dumps({**MESSAGE, "blocks": [{"type": "poem"}]}))
    assert answer["error"] == "invalid_blocks"
    assert upstream.requests == []


def test_a_form_may_hold_blocks_as_text(slack: SlackServer, upstream: Upstream) -> None:
    accepted = "channel=C1&blocks=%5B%7B%22type%22%3A%22divider%22%7D%5D"
    assert call(slack, "/api/chat.postMessage", accepted, content_type=FORM)["ok"]
    refused = "channel=C1&blocks=%5B%7B%22type%22%3A%22poem%22%7D%5D"
    assert call(slack, "/api/chat.postMessage", refused, content_type=FORM)["error"] == "invalid_blocks"
    assert len(upstream.requests) == 1


def test_pages_are_handed_on_for_a_person_without_token(slack: SlackServer, upstream: Upstream) -> None:
    connection = HTTPConnection("127.0.0.1", slack.server_port)
    connection.request("GET", "/?tab=messages")
    response = connection.getresponse()
    assert json.loads(response.read()) == upstream.answer
    assert response.headers["X-Upstream"] == "yes"
    connection.close()
    assert [(method, path) for method, path, _, _ in upstream.requests] == [("GET", "/?tab=messages")]


def test_the_local_cloud_adds_tokens_and_reads_posts(slack: SlackServer) -> None:
    call(slack, "/_localcloud/tokens", json.dumps({"token": "xoxb-new"}), token=None)
    assert post(slack, MESSAGE, token="xoxb-new")["ok"]
    connection = HTTPConnection("127.0.0.1", slack.server_port)
    connection.request("GET", "/_localcloud/posts")
    assert json.loads(connection.getresponse().read()) == slack.posts()
    connection.request("GET", "/_localcloud/posts?known=1")
    assert json.loads(connection.getresponse().read()) == []
    connection.close()


def test_no_token_is_remembered(slack: SlackServer) -> None:
    post(slack, MESSAGE)
    post(slack, MESSAGE, token="xoxb-unknown")
    assert "xoxb" not in json.dumps(slack.posts())


def test_scheduled_message_meets_the_checks_of_a_posted_one(slack: SlackServer, upstream: Upstream) -> None:
    def schedule(message: object, **options: Any) -> dict[str, Any]:
        return call(slack, "/api/chat.scheduleMessage", json.dumps(message), **options)

    upstream.answer = {"ok": True, "channel": {"is_archived": False}}
    message = {**MESSAGE, "post_at": int(time.time()) + 60}
    assert schedule(message)["ok"] is True
    assert [path for _, path, _, _ in upstream.requests] == ["/api/conversations.info"]
    assert schedule({**message, "blocks": [{"type": "nonsense"}]})["error"] == "invalid_blocks"
    assert schedule(message, token="xoxb-other")["error"] == "invalid_auth"
    upstream.answer = {"ok": True, "channel": {"is_archived": True}}
    assert schedule(message)["error"] == "is_archived"
    assert len(slack.scheduled.list()) == 1


def test_fault_of_the_server_is_a_page_in_html(slack: SlackServer) -> None:
    slack.faults.set({"status": 503, "times": 1})
    url = f"http://127.0.0.1:{slack.server_port}/api/chat.postMessage"
    with pytest.raises(LoopbackError, match="answered 503: <html>"):
        request_json("POST", url, MESSAGE)
    assert post(slack, MESSAGE)["ok"] is True
