"""An HTTP endpoint for tests: the API behind an API destination or an HTTP Task."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import cast


class Endpoint(ThreadingHTTPServer):
    """Answers as it is told, then with 200.

    Attributes:
        answers: status and headers of the next answers.
        body: body of each answer.
        requests: headers and body of what arrived.
        may_answer: cleared to hold back answers.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _EndpointHandler)
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.body = b""
        self.requests: list[tuple[dict[str, str], str]] = []
        self.may_answer = threading.Event()
        self.may_answer.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/post"


class _EndpointHandler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server = cast(Endpoint, self.server)
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        server.requests.append((dict(self.headers), body))
        server.may_answer.wait()
        status, headers = server.answers.pop(0) if server.answers else (200, {})
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(server.body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def running_endpoint() -> Iterator[Endpoint]:
    """An endpoint that listens."""
    with Endpoint() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()
