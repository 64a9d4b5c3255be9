"""A scripted HTTP server in this process, which records requests and their connections."""

import json
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self, cast


@dataclass(frozen=True)
class Reply:
    """An answer.

    Attributes:
        body: as it is sent; an object is sent as JSON.
        status: of HTTP.
        headers: besides Content-Length.
        hang_up: whether the connection is closed afterwards, without saying so before.
    """

    body: Any = field(default_factory=dict)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    hang_up: bool = False


class HangUp:
    """Take the request and close the connection."""


class Silence:
    """Take the request and never answer."""


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    connection: int

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class ScriptedServer(ThreadingHTTPServer):
    """The server; runs inside `with`.

    Attributes:
        script: actions for the next requests; the last action repeats.
        asked: what arrived, in order.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script: deque[Reply | HangUp | Silence] = deque()
        self.asked: list[Asked] = []
        self.connections = 0
        self.over = threading.Event()
        self._hung_up = threading.Condition()
        self._gone = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def answers(self, *script: Reply | HangUp | Silence) -> None:
        """Do this from now on."""
        self.script = deque(script)

    def next_step(self) -> Reply | HangUp | Silence:
        return self.script.popleft() if len(self.script) > 1 else self.script[0]

    def wait_until_gone(self, connections: int) -> None:
        """Return when so many connections were closed by this side."""
        with self._hung_up:
            assert self._hung_up.wait_for(lambda: self._gone >= connections, timeout=30)

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        with self._hung_up:
            self._gone += 1
            self._hung_up.notify_all()

    def operations(self) -> list[str]:
        """The operations that were asked for, by their target headers."""
        return [asked.headers.get("X-Amz-Target", asked.path).rpartition(".")[2] for asked in self.asked]

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def server_close(self) -> None:
        self.over.set()
        self.shutdown()
        super().server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body are two writes; the second would wait until the first is acknowledged.
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self._scripted.connections += 1
        self._connection = self._scripted.connections

    @property
    def _scripted(self) -> ScriptedServer:
        return cast(ScriptedServer, self.server)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        asked = Asked(self.command, self.path, dict(self.headers.items()), body, self._connection)
        self._scripted.asked.append(asked)
        step = self._scripted.next_step()
        match step:
            case HangUp():
                self.close_connection = True
            case Silence():
                self._scripted.over.wait()
                self.close_connection = True
            case Reply():
                self._reply(step)

    def _reply(self, reply: Reply) -> None:
        content = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        self.close_connection = reply.hang_up

    def log_message(self, format: str, *args: object) -> None:
        pass


def refusal(code: str, message: str = "", status: int = 400, **more: Any) -> Reply:
    """An error of AWS's JSON protocols."""
    return Reply({"__type": f"com.amazonaws.service#{code}", "message": message, **more}, status)


def never(_: float) -> None:
    """Fail: no pause is expected."""
    raise AssertionError("there was a pause")


Pause = Callable[[float], None]
