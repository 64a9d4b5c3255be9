"""One HTTP connection to one host, kept alive from call to call.

A function is frozen between two events, for a second or for an hour, and the other end hangs up meanwhile. So a
connection that was idle for long, or that has something to read before anything was asked, is made anew before it is
used; and where a request may be repeated, it is when the other end turns out to have hung up all the same.

Non-goals: proxies, redirects, compression, several requests at once (a thread needs a connection of its own).
"""

import http.client
import select
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlsplit

IDLE_SECONDS = 20
"""After how long without use a connection is not trusted any more; load balancers hang up after a minute or so, and
what lies between may forget a connection without telling anybody."""


class UnansweredError(Exception):
    """No answer came, or only a part of one.

    Attributes:
        sent: whether the other end may have got the request.
        timed_out: whether the time was over.
    """

    def __init__(self, host: str, cause: Exception, *, sent: bool) -> None:
        super().__init__(f"no answer from {host}: {type(cause).__name__}")
        self.sent = sent
        self.timed_out = isinstance(cause, TimeoutError)


@dataclass(frozen=True)
class Answer:
    """What came back.

    Attributes:
        status: of HTTP.
        headers: by lower-cased name.
        body: the whole of it.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


class Connection:
    """A connection to one host, made when it is first used.

    Args:
        url: scheme, host and, where there is one, a path before all others.
        connect_timeout: seconds to wait until it is there, TLS included, whatever number of addresses the host has.
        read_timeout: seconds to wait for each part of an answer.
    """

    def __init__(self, url: str, *, connect_timeout: float, read_timeout: float) -> None:
        self._http: http.client.HTTPConnection | None = None
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url!r} is no http or https URL")
        self.host = parts.netloc
        self.base = parts.path.rstrip("/")
        self._secure = parts.scheme == "https"
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._used_at = 0.0

    def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes, *, repeatable: bool) -> Answer:
        """Send a request and return the answer, whatever its status.

        Args:
            method: of HTTP.
            path: appended to the path of the URL.
            headers: all but Content-Length.
            body: as it is sent.
            repeatable: whether it does no harm if the other end gets the request twice.

        Raises:
            UnansweredError: if no whole answer came.
        """
        kept = self._kept_alive()
        try:
            return self._exchange(kept or self._connected(), method, path, headers, body)
        except UnansweredError as error:
            if kept is None or error.timed_out or not repeatable:
                raise
        return self._exchange(self._connected(), method, path, headers, body)

    def close(self) -> None:
        """Hang up; the next request connects again."""
        if self._http is not None:
            self._http.close()
            self._http = None

    def __del__(self) -> None:
        self.close()

    def _kept_alive(self) -> http.client.HTTPConnection | None:
        """Return the connection of the request before, if it is still good."""
        kept = self._http.sock if self._http is not None else None
        if kept is None:
            return None
        # Nobody has been asked, so what can be read is the end of the connection.
        if time.monotonic() - self._used_at > IDLE_SECONDS or select.select([kept], [], [], 0)[0]:
            self.close()
        return self._http

    def _connected(self) -> http.client.HTTPConnection:
        self.close()
        fresh = (
            http.client.HTTPSConnection(self.host, context=_tls())
            if self._secure
            else http.client.HTTPConnection(self.host)
        )
        try:
            fresh.sock = self._socket(fresh.host, fresh.port)
        except OSError as error:
            raise UnansweredError(self.host, error, sent=False) from error
        fresh.sock.settimeout(self._read_timeout)
        self._http = fresh
        return fresh

    def _socket(self, host: str, port: int) -> socket.socket:
        """Connect to the first address of a host that answers.

        `socket.create_connection` gives each address the whole time, so a host with six of them that does not answer
        would take six times as long.
        """
        last = time.monotonic() + self._connect_timeout
        failure: OSError = TimeoutError(f"{host} has no address")
        for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            left = last - time.monotonic()
            if left <= 0:
                break
            plain = socket.socket(family, kind, protocol)
            try:
                plain.settimeout(left)
                plain.connect(address)
                plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if not self._secure:
                    return plain
                # A time-out of 0 would not wait at all.
                plain.settimeout(max(0.001, last - time.monotonic()))
                return _tls().wrap_socket(plain, server_hostname=host)
            except OSError as error:
                plain.close()
                failure = error
        raise failure

    def _exchange(
        self, connection: http.client.HTTPConnection, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> Answer:
        try:
            connection.request(method, self.base + path, body, {"Host": self.host, **headers})
            response = connection.getresponse()
            answer = Answer(
                response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
            )
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise UnansweredError(self.host, error, sent=True) from error
        except ValueError:
            self.close()
            # The original shows the header, and that may be a token.
            raise ValueError(f"a header for {self.host} has a character that HTTP does not carry") from None
        self._used_at = time.monotonic()
        return answer


@cache
def _tls() -> ssl.SSLContext:
    """Return what all connections share: reading the certificates takes longer than anything else here."""
    return ssl.create_default_context()
