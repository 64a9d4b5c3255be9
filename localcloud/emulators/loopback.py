"""JSON over HTTP to the servers on this machine, never through a proxy.

Non-goals: TLS, redirects, retries, other hosts.
"""

import http.client
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit


class LoopbackError(Exception):
    """A server on this machine answered with an error status or with something else than JSON."""


def request_json(
    method: str, url: str, body: object = None, *, headers: Mapping[str, str] | None = None, timeout: float = 30
) -> Any:
    """Sends one request and returns the parsed answer.

    Args:
        method: HTTP method.
        url: where to, with scheme http.
        body: sent as JSON; nothing is sent when None.
        headers: sent besides Content-Type.
        timeout: seconds to wait for the connection and for each part of the answer.

    Raises:
        OSError: if nothing answers at the address.
        LoopbackError: if the answer's status is not 2xx or the answer is no JSON.
    """
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=timeout)
    try:
        connection.request(
            method,
            parts.path + (f"?{parts.query}" if parts.query else ""),
            body=None if body is None else json.dumps(body),
            headers={"Content-Type": "application/json; charset=utf-8", **(headers or {})},
        )
        response = connection.getresponse()
        content = response.read()
    finally:
        connection.close()
    if not 200 <= response.status < 300:
        raise LoopbackError(f"{method} {url} answered {response.status}: {content[:500].decode(errors='replace')}")
    try:
        return json.loads(content)
    except ValueError as error:
        raise LoopbackError(f"{method} {url} answered no JSON: {content[:500].decode(errors='replace')}") from error
