"""Serves the page of the Slack users, and carries out their actions.

Messages are hostile input: the page inserts them as text (`page.js`), and its policy allows no other script. Only this
page can act: a request must be JSON, which a foreign page can't send without a CORS preflight, and must name this host.

Non-goals: other machines; more than a few users at once.
"""

import json
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast
from urllib.parse import parse_qs, urlsplit

from localcloud.cloud import LocalCloudError, RunningCloud
from localcloud.emulators.identity import USERS
from localcloud.emulators.loopback import LoopbackError
from localcloud.request_url import find_request_url
from localcloud.slack_page.user_view import read_user_view
from localcloud.slack_user import SlackUser

_FILES = {
    "/": ("page.html", "text/html"),
    "/page.js": ("page.js", "text/javascript"),
    "/page.css": ("page.css", "text/css"),
}
_POLICY = "; ".join(
    (
        *("default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "img-src data:"),
        *("form-action 'none'", "base-uri 'none'", "frame-ancestors 'none'"),
    )
)
_LARGEST_BODY = 1_000_000


class SlackPage(ThreadingHTTPServer):
    """The server; it serves in its own thread while its context is open."""

    daemon_threads = True

    def __init__(self, cloud: RunningCloud, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.cloud = cloud
        self.url = f"http://127.0.0.1:{self.server_port}/"
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.1}, name="slack-page")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()

    def user(self, name: str) -> SlackUser:
        """Return a user to act as.

        Raises:
            LocalCloudError: no such user, or no app.
        """
        if name not in USERS:
            raise LocalCloudError(f"No such user in this Slack: {name}.")
        url = find_request_url(self.cloud)
        if url is None:
            raise LocalCloudError("No app is deployed, so nothing was sent. Add `approvals` to the stack file.")
        return SlackUser(self.cloud, url, name)


def _click(user: SlackUser, action: Mapping[str, Any]) -> None:
    user.click(action["message"], action["action_id"], action.get("value"))


def _press(user: SlackUser, action: Mapping[str, Any]) -> None:
    user.press(action["view"], action["action_id"], action.get("value"))


_ACTIONS: dict[str, Callable[[SlackUser, Mapping[str, Any]], object]] = {
    "command": lambda user, action: user.run_command(action["text"]),
    "shortcut": lambda user, action: user.run_shortcut(action["callback_id"]),
    "click": _click,
    "press": _press,
    "choose": lambda user, action: user.choose(action["view"], action["block_id"], action["chosen"], action["answers"]),
    "options": lambda user, action: user.search_options(action["view"], action["block_id"], action["typed"]),
    "submit": lambda user, action: user.submit(action["view"], action["answers"]),
    "home": lambda user, _: user.open_home(),
}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def _page(self) -> SlackPage:
        return cast(SlackPage, self.server)

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        if not self._is_for_us():
            return
        if address.path in _FILES:
            name, kind = _FILES[address.path]
            self._answer(200, f"{kind}; charset=utf-8", (Path(__file__).parent / name).read_bytes())
        elif address.path == "/user-view":
            [name] = parse_qs(address.query).get("user", [""])
            self._do(lambda: read_user_view(self._page.cloud, name))
        else:
            self._refuse(404, "Not found.")

    def do_POST(self) -> None:
        if not self._is_for_us():
            return
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > _LARGEST_BODY:
            self.close_connection = True
            self._refuse(413, f"Expected at most {_LARGEST_BODY} bytes.")
            return
        body = self.rfile.read(int(length))
        if self.headers.get_content_type() != "application/json":
            self._refuse(415, "Expected JSON, as this page's own script sends it.")
            return
        self._do(lambda: self._act(json.loads(body)))

    def _act(self, action: Mapping[str, Any]) -> object:
        return _ACTIONS[action["type"]](self._page.user(action["user"]), action)

    def _do(self, action: Callable[[], object]) -> None:
        """Answer with the result of an action, or with its error."""
        try:
            answer = action()
        except (LocalCloudError, LoopbackError, OSError) as error:
            self._refuse(502, str(error))
        except (KeyError, TypeError, ValueError) as error:
            self._refuse(400, f"Not a valid action: {type(error).__name__}: {error}.")
        else:
            self._answer(200, "application/json", json.dumps(answer).encode())

    def _is_for_us(self) -> bool:
        """True if the request names this server; any other name may be a DNS rebinding attack."""
        if self.headers.get("Host") in (f"127.0.0.1:{self._page.server_port}", f"localhost:{self._page.server_port}"):
            return True
        self.close_connection = True
        self._refuse(421, "Expected 127.0.0.1 or localhost as the host.")
        return False

    def _refuse(self, status: int, error: str) -> None:
        self._answer(status, "application/json", json.dumps({"error": error}).encode())

    def _answer(self, status: int, content_type: str, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Content-Security-Policy", _POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        # One look a second says nothing.
        pass
