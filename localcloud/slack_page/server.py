"""Serves the page, and does what is clicked in it.

Everything that it shows was written by somebody: the page puts it into the document as text (`page.js`), and the
browser is told to run nothing else than this page's own script. Only this page can make it do something: a request has
to be JSON, which a page from elsewhere can't send without being asked, and has to name this server as its host.

Non-goals: other machines; more than a few people at once.
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
    """The server; it serves, in a thread of its own, for as long as it is entered.

    Args:
        cloud: whose Slack it is.
        port: TCP port of 127.0.0.1; 0 for any.
    """

    daemon_threads = True

    def __init__(self, cloud: RunningCloud, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.cloud = cloud
        self.url = f"http://127.0.0.1:{self.server_port}/"
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.1}, name="slack-page")

    def __enter__(self) -> Self:
        """Begins to serve."""
        self._thread.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        """Ends."""
        self.shutdown()
        self._thread.join()
        self.server_close()

    def person(self, name: str) -> SlackUser:
        """Somebody, as whom something is done now.

        Raises:
            LocalCloudError: if there is no such person, or no app.
        """
        if name not in USERS:
            raise LocalCloudError(f"There is no {name} in this Slack.")
        url = find_request_url(self.cloud)
        if url is None:
            raise LocalCloudError("No app is deployed that could take this: the stack file has no `approvals`.")
        return SlackUser(self.cloud, url, name)


def _click(person: SlackUser, order: Mapping[str, Any]) -> None:
    person.click(order["message"], order["action_id"], order.get("value"))


def _press(person: SlackUser, order: Mapping[str, Any]) -> None:
    person.press(order["view"], order["action_id"], order.get("value"))


_DEEDS: dict[str, Callable[[SlackUser, Mapping[str, Any]], object]] = {
    "command": lambda person, order: person.run_command(order["text"]),
    "shortcut": lambda person, order: person.run_shortcut(order["callback_id"]),
    "click": _click,
    "press": _press,
    "choose": lambda person, order: person.choose(order["view"], order["block_id"], order["chosen"], order["answers"]),
    "options": lambda person, order: person.search_options(order["view"], order["block_id"], order["typed"]),
    "submit": lambda person, order: person.submit(order["view"], order["answers"]),
    "home": lambda person, _: person.open_home(),
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
            [name] = parse_qs(address.query).get("person", [""])
            self._do(lambda: read_user_view(self._page.cloud, name))
        else:
            self._refuse(404, "There is nothing here.")

    def do_POST(self) -> None:
        if not self._is_for_us():
            return
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > _LARGEST_BODY:
            self.close_connection = True
            self._refuse(413, "That is too much.")
            return
        body = self.rfile.read(int(length))
        if self.headers.get_content_type() != "application/json":
            self._refuse(415, "Only this page's own script may do that.")
            return
        self._do(lambda: self._done(json.loads(body)))

    def _done(self, order: Mapping[str, Any]) -> object:
        return _DEEDS[order["deed"]](self._page.person(order["person"]), order)

    def _do(self, deed: Callable[[], object]) -> None:
        """Does something and tells what came of it; what went wrong is told, too, since a person sits before it."""
        try:
            answer = deed()
        except (LocalCloudError, LoopbackError, OSError) as error:
            self._refuse(502, str(error))
        except (KeyError, TypeError, ValueError) as error:
            self._refuse(400, f"That can't be understood ({type(error).__name__}: {error}).")
        else:
            self._answer(200, "application/json", json.dumps(answer).encode())

    def _is_for_us(self) -> bool:
        """Says whether the browser meant this server; a name that somebody points at this machine is not ours."""
        if self.headers.get("Host") in (f"127.0.0.1:{self._page.server_port}", f"localhost:{self._page.server_port}"):
            return True
        self.close_connection = True
        self._refuse(421, "This server is 127.0.0.1 and nothing else.")
        return False

    def _refuse(self, status: int, why: str) -> None:
        self._answer(status, "application/json", json.dumps({"error": why}).encode())

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
