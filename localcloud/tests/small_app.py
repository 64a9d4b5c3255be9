"""A small Slack app for the tests of Slack users: a form, a search and some buttons.

It answers as the approval app does: a form opens as `Loading` and is filled in afterwards; what becomes of a submission
comes after the answer to it. It proves nothing about the approval app.
"""

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import parse_qs

from localcloud.cloud import RunningCloud
from localcloud.slack_user import sign_request

ROLES = ("devops-break-glass", "network-break-glass")
ACCOUNTS = ("production", "staging")


def text(words: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": words}


def option(words: str) -> dict[str, Any]:
    return {"text": text(words), "value": words}


def told(title: str, words: str) -> dict[str, Any]:
    return {"type": "modal", "title": text(title), "blocks": [{"type": "section", "text": text(words)}]}


def form(role: str = "") -> dict[str, Any]:
    """A form; with a role, it asks for accounts, too."""
    roles = {
        "type": "static_select",
        "action_id": "value",
        "options": [option(each) for each in ROLES],
        **({"initial_option": option(role)} if role else {}),
    }
    accounts = {"type": "multi_external_select", "action_id": f"value/{role}", "min_query_length": 0}
    reason = {"type": "plain_text_input", "action_id": "value", "initial_value": "An incident"}
    asked = [("accounts", "Accounts", accounts)] if role else []
    return {
        "type": "modal",
        "callback_id": "request_form",
        "title": text("Request access"),
        "submit": text("Request"),
        "blocks": [
            {"type": "input", "block_id": "role", "label": text("Role"), "element": roles, "dispatch_action": True},
            *(
                {"type": "input", "block_id": block_id, "label": text(label), "element": element}
                for block_id, label, element in [*asked, ("reason", "Why", reason)]
            ),
        ],
    }


def home() -> dict[str, Any]:
    button = {"type": "button", "action_id": "opens", "text": text("Request"), "value": "from home"}
    return {"type": "home", "blocks": [{"type": "actions", "elements": [button]}]}


class SmallApp(ThreadingHTTPServer):
    """The app; `requests` are the payloads that it has got."""

    daemon_threads = True

    def __init__(self, cloud: RunningCloud) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.cloud = cloud
        self.request_url = f"http://127.0.0.1:{self.server_port}/slack"
        self.requests: list[dict[str, Any]] = []
        self.seconds = 0.0
        self.status = 200

    def later(self, method: str, arguments: Mapping[str, Any]) -> None:
        """Calls Slack after the request is answered, as the function does that handles it."""
        threading.Thread(target=self.cloud.call_slack, args=(method, arguments), daemon=True).start()

    def open(self, trigger_id: str) -> None:
        view = self.cloud.call_slack("views.open", {"trigger_id": trigger_id, "view": told("Loading", "…")})["view"]
        self.later("views.update", {"view_id": view["id"], "view": form()})

    def answer(self, payload: dict[str, Any]) -> object:
        match payload:
            case {"command": _, "trigger_id": trigger_id} | {"type": "shortcut", "trigger_id": trigger_id}:
                self.open(trigger_id)
            case {"type": "block_actions", "actions": [{"action_id": "opens"}], "trigger_id": trigger_id}:
                self.open(trigger_id)
            case {"type": "block_actions", "actions": [{"selected_option": chosen}], "view": view}:
                self.later("views.update", {"view_id": view["id"], "view": form(chosen["value"])})
            case {"type": "block_actions", "container": {"channel_id": channel, "message_ts": ts}, "user": user}:
                self.later(
                    "chat.postMessage", {"channel": channel, "thread_ts": ts, "text": f"<@{user['id']}> clicked"}
                )
                self.later("chat.postEphemeral", {"channel": channel, "user": user["id"], "text": "You clicked."})
            case {"type": "block_suggestion", "value": typed}:
                return {"options": [option(each) for each in ACCOUNTS if typed in each]}
            case {"type": "view_submission", "view": view}:
                said = json.dumps(view["state"]["values"])
                self.later("views.update", {"view_id": view["id"], "view": told("Requested", said)})
                return {"response_action": "update", "view": told("Request access", "Sent.")}
            case {"event": {"type": "app_home_opened", "user": user}}:
                self.later("views.publish", {"user_id": user, "view": home()})
        return None


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        app = cast(SmallApp, self.server)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        at = int(self.headers["X-Slack-Request-Timestamp"])
        status, answer = 401, None
        if (
            self.headers["X-Slack-Signature"]
            == sign_request(app.cloud.slack_signing_secret, body, at)["X-Slack-Signature"]
        ):
            payload = _payload(body, self.headers["Content-Type"])
            app.requests.append(payload)
            status = app.status
            answer = app.answer(payload) if status == 200 else None
            time.sleep(app.seconds)
        content = b"" if answer is None else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        pass


def _payload(body: bytes, content_type: str) -> dict[str, Any]:
    if content_type == "application/json":
        event: dict[str, Any] = json.loads(body)
        return event
    fields = {name: values[0] for name, values in parse_qs(body.decode()).items()}
    return json.loads(fields["payload"]) if "payload" in fields else fields


@contextmanager
def small_app(cloud: RunningCloud) -> Iterator[SmallApp]:
    """The app, as long as it runs."""
    with SmallApp(cloud) as app:
        thread = threading.Thread(target=app.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield app
        finally:
            app.shutdown()
            thread.join()
