"""A proxy before the Slack emulator: `python -m localcloud.emulators.slack --port N --upstream URL`.

`emulate` keeps channels and messages as Slack does, but takes any token and any blocks. The proxy refuses what Slack
refuses, in Slack's way (HTTP 200 and `{"ok": false, "error": ...}`), records each post with its result, and forwards
everything else, the emulator's own page included. It adds scheduled messages (`slack_schedule`). From Slack's "Web API"
and the pages of chat.postMessage and auth.revoke.

For the local cloud only: `POST /_localcloud/tokens` makes a token valid, `GET /_localcloud/posts` lists the posts, and
`GET /_localcloud/scheduled` the scheduled messages. `GET /_localcloud/views?user=U` lists a user's views,
`GET /_localcloud/ephemerals?user=U` their ephemeral messages (`slack_views`). `POST /_localcloud/views` reports an
app's answer to a submission, `POST /_localcloud/users` changes a user, `POST /_localcloud/faults` makes Slack fail
(`slack_faults`).

Non-goals: rate limits (EventBridge's own keeps below Slack's), scopes; sending clicks to the app
(`localcloud.slack_user` does).
"""

import argparse
import http.client
import itertools
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import parse_qs, parse_qsl, urlsplit

from localcloud.emulators import clock
from localcloud.emulators.block_kit import block_problems, is_metadata_accepted, view_problems
from localcloud.emulators.loopback import request_json
from localcloud.emulators.process import exit_with_parent
from localcloud.emulators.slack_faults import SlackFault, SlackFaults
from localcloud.emulators.slack_schedule import ScheduledMessages, ScheduleError
from localcloud.emulators.slack_views import Ephemerals, Views

UPSTREAM_TOKENS = tuple(f"emulator-{number}" for number in range(200))
"""Tokens of the bot's user that replace the caller's, in turn: the emulator allows each 5,000 calls an hour."""

_ORDINARY = {"is_restricted": False, "is_ultra_restricted": False, "is_app_user": False, "is_email_confirmed": True}
"""Fields of a full member that the emulator lacks ("User type")."""

_HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "transfer-encoding", "content-length", "host", "authorization", clock.HEADER.lower()}
)


@dataclass(frozen=True)
class Post:
    """One chat.postMessage call.

    Attributes:
        body: the message as posted; the raw text if it was no JSON object.
        error: Slack's error, None if the message was accepted.
        received: when it arrived, in seconds since the epoch.
        skipped: seconds that were left out of AWS's waits before it (`localcloud.emulators.clock`).
    """

    body: Any
    error: str | None
    received: float
    skipped: float = 0.0


class SlackRefusalError(Exception):
    def __init__(self, error: str, messages: list[str] | None = None) -> None:
        super().__init__(error)
        self.error = error
        self.messages = messages

    def answer(self) -> dict[str, Any]:
        body: dict[str, Any] = {"ok": False, "error": self.error}
        return body if self.messages is None else body | {"response_metadata": {"messages": self.messages}}


class Tokens:
    def __init__(self) -> None:
        self._valid: set[str] = set()
        self._revoked: set[str] = set()

    def add(self, token: str) -> None:
        self._valid.add(token)

    def revoke(self, token: str) -> None:
        self._valid.discard(token)
        self._revoked.add(token)

    def check(self, authorization: str | None) -> str:
        """Returns the token of an Authorization header.

        Raises:
            SlackRefusalError: without a token, or with one that is revoked or unknown.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme != "Bearer" or not token:
            raise SlackRefusalError("not_authed")
        if token in self._revoked:
            raise SlackRefusalError("token_revoked")
        if token not in self._valid:
            raise SlackRefusalError("invalid_auth")
        return token


def parse_arguments(body: bytes, content_type: str) -> dict[str, Any]:
    """The arguments of a Web API call, whichever way they were sent.

    Raises:
        SlackRefusalError: if they can't be read.
    """
    if content_type.partition(";")[0].strip().lower() != "application/json":
        return dict(parse_qsl(body.decode(errors="replace")))
    try:
        arguments = json.loads(body)
    except ValueError as error:
        raise SlackRefusalError("invalid_json") from error
    if not isinstance(arguments, dict):
        raise SlackRefusalError("json_not_object")
    return arguments


def check_message(arguments: Mapping[str, Any]) -> None:
    """Checks what a message is made of.

    Raises:
        SlackRefusalError: if Slack would not take it.
    """
    blocks = _parsed(arguments, "blocks", "invalid_blocks_format")
    if blocks is not None:
        if not isinstance(blocks, list):
            raise SlackRefusalError("invalid_blocks_format")
        problems = block_problems(blocks)
        if problems:
            raise SlackRefusalError("invalid_blocks", problems)
    metadata = _parsed(arguments, "metadata", "invalid_metadata_format")
    if metadata is not None and not is_metadata_accepted(metadata):
        raise SlackRefusalError("invalid_metadata_format")


def check_view(arguments: Mapping[str, Any]) -> None:
    """Checks a form or a Home tab, if the call has one.

    Raises:
        SlackRefusalError: if Slack would not take it.
    """
    view = _parsed(arguments, "view", "invalid_arguments")
    if view is not None and (problems := view_problems(view)):
        raise SlackRefusalError("invalid_arguments", problems)


def _parsed(arguments: Mapping[str, Any], name: str, error: str) -> Any:
    value = arguments.get(name)
    if not isinstance(value, str):
        return value
    try:
        # Calls with form arguments hold JSON as text; Slack takes that within JSON arguments, too.
        return json.loads(value)
    except ValueError as invalid:
        raise SlackRefusalError(error) from invalid


class SlackServer(ThreadingHTTPServer):
    daemon_threads = True
    # A burst of alerts opens many connections at once; beyond this the kernel would refuse some.
    request_queue_size = 128

    def __init__(self, port: int, upstream: str) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.upstream = urlsplit(upstream).netloc
        self.tokens = Tokens()
        self.views = Views()
        self.ephemerals = Ephemerals()
        self.faults = SlackFaults()
        self.scheduled = ScheduledMessages()
        self.people: dict[str, dict[str, Any]] = {}
        self.upstream_tokens = itertools.cycle(UPSTREAM_TOKENS)
        self._posts: list[Post] = []
        self._posts_lock = threading.Lock()

    def record(self, post: Post) -> None:
        with self._posts_lock:
            self._posts.append(post)

    def posts(self, known: int = 0) -> list[dict[str, Any]]:
        """The posts without the first `known` ones."""
        with self._posts_lock:
            return [asdict(post) for post in self._posts[known:]]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    _content = b""
    """The body of the request."""

    @property
    def _slack(self) -> SlackServer:
        return cast(SlackServer, self.server)

    def do_GET(self) -> None:
        self._content = self._read()
        address = urlsplit(self.path)
        if address.path == "/_localcloud/posts":
            self._answer_json(self._slack.posts(int(parse_qs(address.query).get("known", ["0"])[0])))
        elif address.path == "/_localcloud/scheduled":
            self._answer_json(self._slack.scheduled.list())
        elif address.path == "/_localcloud/views":
            self._answer_json(self._slack.views.of(parse_qs(address.query)["user"][0]))
        elif address.path == "/_localcloud/ephemerals":
            self._answer_json(self._slack.ephemerals.of(parse_qs(address.query)["user"][0]))
        else:
            self._handle()

    def do_POST(self) -> None:
        self._content = self._read()
        if self.path.startswith("/_localcloud/"):
            self._run_command(self.path.removeprefix("/_localcloud/"), json.loads(self._content))
            return
        fault = self._slack.faults.of(self.path.removeprefix("/api/"), self._has_blocks(), self._skipped())
        if fault and not self._apply_fault(fault):
            return
        if self.path == "/api/chat.postMessage":
            self._post_message()
        else:
            self._handle()

    def _run_command(self, what: str, command: dict[str, Any]) -> None:
        answer: dict[str, int] = {}
        match what:
            case "tokens":
                self._slack.tokens.add(command["token"])
            case "faults":
                self._slack.faults.set(command)
            case "users":
                self._slack.people[command.pop("id")] = command
            case "views":
                answer["changes"] = self._slack.views.record_answer(**command)
        self._answer_json(answer)

    def _apply_fault(self, fault: SlackFault) -> bool:
        """Fails a call as ordered; says whether it goes on all the same."""
        time.sleep(fault.seconds)
        if fault.silent:
            self.close_connection = True
        elif fault.status is not None:
            self._answer(fault.status, [("Content-Type", "text/html")], b"<html>Server error</html>")
        elif fault.retry_after is not None:
            self._answer(429, [("Retry-After", str(fault.retry_after))], b"")
        elif fault.error is not None:
            self._answer_json({"ok": False, "error": fault.error})
        else:
            return True
        return False

    def _post_message(self) -> None:
        received, raw = time.time(), self._content
        body: Any = raw.decode(errors="replace")
        try:
            # Parsed first, so that a refused message is recorded in readable form, too.
            arguments = parse_arguments(raw, self.headers.get("Content-Type", ""))
            body = arguments
            self._slack.tokens.check(self.headers.get("Authorization"))
            check_message(arguments)
            status, headers, content = self._upstream(raw)
        except SlackRefusalError as refusal:
            self._slack.record(Post(body, refusal.error, received, self._skipped()))
            self._answer_json(refusal.answer())
            return
        answer = json.loads(content)
        self._slack.record(Post(body, None if answer["ok"] else answer["error"], received, self._skipped()))
        self._answer(status, headers, content)

    def _handle(self) -> None:
        raw = self._content
        try:
            if self.path.startswith("/api/"):
                token = self._slack.tokens.check(self.headers.get("Authorization"))
                arguments = parse_arguments(raw, self.headers.get("Content-Type", ""))
                if self.path == "/api/auth.revoke":
                    self._slack.tokens.revoke(token)
                    self._answer_json({"ok": True, "revoked": True})
                    return
                if self.path in ("/api/chat.scheduleMessage", "/api/chat.deleteScheduledMessage"):
                    self._answer_json(self._handle_schedule(arguments))
                    return
                check_message(arguments)
                check_view(arguments)
                status, headers, content = self._upstream(raw)
                self._answer(status, headers, self._record_views(arguments, content))
                return
            self._answer(*self._upstream(raw))
        except SlackRefusalError as refusal:
            self._answer_json(refusal.answer())

    def _handle_schedule(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        channel = self._find_channel(arguments.get("channel"))
        try:
            if self.path == "/api/chat.deleteScheduledMessage":
                return self._slack.scheduled.delete(arguments)
            if channel["is_archived"]:
                raise SlackRefusalError("is_archived")
            check_message(arguments)
            return self._slack.scheduled.schedule(arguments, time.time() + self._skipped())
        except ScheduleError as error:
            raise SlackRefusalError(str(error)) from error

    def _find_channel(self, channel: object) -> dict[str, Any]:
        """The emulator's channel.

        Raises:
            SlackRefusalError: there is none of this ID.
        """
        token = next(self._slack.upstream_tokens)
        url = f"http://{self._slack.upstream}/api/conversations.info"
        found = request_json("POST", url, {"channel": channel}, headers={"Authorization": f"Bearer {token}"})
        if not found["ok"]:
            raise SlackRefusalError("channel_not_found")
        answer: dict[str, Any] = found["channel"]
        return answer

    def _record_views(self, arguments: Mapping[str, Any], content: bytes) -> bytes:
        """Records the views in an answer, and adds the fields of users that the emulator lacks."""
        answer = json.loads(content)
        if not answer["ok"]:
            return content
        match self.path.removeprefix("/api/"):
            case "views.open" | "views.update" | "views.publish":
                self._slack.views.record_view(arguments, answer["view"])
            case "chat.postEphemeral":
                self._slack.ephemerals.add(arguments, answer["message_ts"])
            case "views.generateTriggerId":
                self._slack.views.record_trigger(answer["trigger_id"], arguments["user_id"])
            case "users.info" | "users.lookupByEmail":
                user = answer["user"]
                answer["user"] = {**user, **_ORDINARY, **self._slack.people.get(user["id"], {})}
                return json.dumps(answer).encode()
        return content

    def _read(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _skipped(self) -> float:
        return float(self.headers.get(clock.HEADER, 0))

    def _has_blocks(self) -> bool:
        try:
            return bool(parse_arguments(self._content, self.headers.get("Content-Type", "")).get("blocks"))
        except SlackRefusalError:
            return False

    def _upstream(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP}
        token = next(self._slack.upstream_tokens)
        connection = http.client.HTTPConnection(self._slack.upstream, timeout=10)
        try:
            connection.request(self.command, self.path, body or None, {**headers, "Authorization": f"Bearer {token}"})
            response = connection.getresponse()
            kept = [(name, value) for name, value in response.getheaders() if name.lower() not in _HOP_BY_HOP]
            return response.status, kept, response.read()
        finally:
            connection.close()

    def _answer_json(self, body: object) -> None:
        self._answer(200, [("Content-Type", "application/json; charset=utf-8")], json.dumps(body).encode())

    def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        # Requests carry tokens in their query at times, and the posts are remembered anyway.
        pass


def main() -> None:
    exit_with_parent()
    parser = argparse.ArgumentParser(description="The slack before the Slack emulator; started by localcloud.cloud.")
    parser.add_argument("--port", type=int, required=True, help="TCP port of 127.0.0.1")
    parser.add_argument("--upstream", required=True, help="URL of the emulator")
    arguments = parser.parse_args()
    SlackServer(arguments.port, arguments.upstream).serve_forever()


if __name__ == "__main__":
    main()
