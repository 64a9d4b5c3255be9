"""An HTTP connection to one host, kept alive between calls.

Lambda freezes a function between two events, and the server closes the connection meanwhile. So a connection that was
idle for long, or has unread bytes before a request, is replaced. If the server has closed it all the same, an
idempotent request is sent again.

Non-goals: proxies, redirects, compression, use by several threads at once.
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
"""Idle time after which a connection is replaced; load balancers close one after about a minute, and a NAT gateway may
drop it silently."""


class NoResponseError(Exception):
    """No complete answer.

    Attributes:
        sent: True if the server may have received the request.
        timed_out: True after a timeout.
    """

    def __init__(self, host: str, cause: Exception, *, sent: bool) -> None:
        super().__init__(f"no answer from {host}: {type(cause).__name__}")
        self.sent = sent
        self.timed_out = isinstance(cause, TimeoutError)


@dataclass(frozen=True)
class HttpResponse:
    """An HTTP response.

    Attributes:
        status: status code.
        headers: values by lower-case name.
        body: the complete body.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


class Connection:
    """A connection to one host, opened by the first request.

    Args:
        url: scheme, host, and an optional path prefix.
        connect_timeout: seconds to connect, TLS included, over all addresses of the host.
        read_timeout: seconds to wait for each part of an answer.
    """

    def __init__(self, url: str, *, connect_timeout: float, read_timeout: float) -> None:
        self._http: http.client.HTTPConnection | None = None
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"Not an http or https URL: {url!r}")
        self.host = parts.netloc
        self.base = parts.path.rstrip("/")
        self._secure = parts.scheme == "https"
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._used_at = 0.0

    def send(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, *, repeatable: bool
    ) -> HttpResponse:
        """Send a request and return the response, of any status.

        Args:
            method: HTTP method.
            path: appended to the path of the URL.
            headers: all headers but Content-Length.
            body: the body.
            repeatable: True if the request is idempotent.

        Raises:
            NoResponseError: without a complete response.
        """
        kept = self._kept_alive()
        try:
            return self._exchange(kept or self._connected(), method, path, headers, body)
        except NoResponseError as error:
            if kept is None or error.timed_out or not repeatable:
                raise
        return self._exchange(self._connected(), method, path, headers, body)

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._http is not None:
            self._http.close()
            self._http = None

    def __del__(self) -> None:
        self.close()

    def _kept_alive(self) -> http.client.HTTPConnection | None:
        kept = self._http.sock if self._http is not None else None
        if kept is None:
            return None
        # No request is open, so readable bytes are the end of the connection.
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
            raise NoResponseError(self.host, error, sent=False) from error
        fresh.sock.settimeout(self._read_timeout)
        self._http = fresh
        return fresh

    def _socket(self, host: str, port: int) -> socket.socket:
        """Connect to the first address of the host that answers.

        `socket.create_connection` gives each address the full timeout, so a host with six addresses takes six times it.
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
                # A timeout of 0 would not wait.
                plain.settimeout(max(0.001, last - time.monotonic()))
                return _tls().wrap_socket(plain, server_hostname=host)
            except OSError as error:
                plain.close()
                failure = error
        raise failure

    def _exchange(
        self, connection: http.client.HTTPConnection, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> HttpResponse:
        try:
            connection.request(method, self.base + path, body, {"Host": self.host, **headers})
            response = connection.getresponse()
            answer = HttpResponse(
                response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
            )
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise NoResponseError(self.host, error, sent=True) from error
        except ValueError:
            self.close()
            # The original error shows the header, which may be a token.
            raise ValueError(f"A header for {self.host} has a character that HTTP does not allow") from None
        self._used_at = time.monotonic()
        return answer


@cache
def _tls() -> ssl.SSLContext:
    """Return the TLS context of all connections; reading the certificates is slow."""
    return ssl.create_default_context()
