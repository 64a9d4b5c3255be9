"""Slack's Web API.

Sources: https://docs.slack.dev/apis/web-api/ (bodies, errors), https://docs.slack.dev/apis/web-api/rate-limits (429).

Non-goals: the content of messages.
"""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from breakglass.app.aws.aws import AwsError
from breakglass.app.aws.connection import Connection, HttpResponse, NoResponseError
from breakglass.app.aws.secrets import Secrets
from breakglass.app.ports import SlackError

# "Most write methods allow JSON"; these read.
_FORM_METHODS = frozenset({"users.info", "users.lookupByEmail"})

# Not idempotent: a retry would post twice.
_POSTS = frozenset({"chat.postMessage", "chat.postEphemeral"})

# Errors of a token that was rotated.
_TOKEN_REFUSED = frozenset({"invalid_auth", "not_authed", "token_revoked", "token_expired"})


class SlackApi:
    """Implements `ports.Slack`.

    Args:
        url: base URL of the Web API, without a trailing slash.
        secrets: cache of secrets.
        token_secret: name or ARN of the bot token's secret.
        timeout: timeout of a connection, and of each part of an answer.
        wait_seconds: maximum seconds that a call waits for rate limits.
        pause: waits for so many seconds.
    """

    def __init__(
        self,
        url: str,
        secrets: Secrets,
        token_secret: str,
        *,
        timeout: float = 10,
        wait_seconds: float = 20,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._connection = Connection(url, connect_timeout=timeout, read_timeout=timeout)
        self._secrets = secrets
        self._token_secret = token_secret
        self._wait_seconds = wait_seconds
        self._pause = pause

    def call(self, method: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Call a method; if Slack refuses the cached token, retry once with the current one.

        Raises:
            SlackError: if the answer is not `ok`.
        """
        token = self._token(method, self._secrets.get)
        try:
            return self._call(method, arguments, token)
        except SlackError as error:
            if error.error not in _TOKEN_REFUSED:
                raise
            fresh = self._token(method, self._secrets.refresh)
            if fresh == token:
                raise
        return self._call(method, arguments, fresh)

    def _token(self, method: str, read: Callable[[str], str]) -> str:
        try:
            return read(self._token_secret)
        except AwsError as error:
            raise SlackError(method, "unreachable") from error

    def _call(self, method: str, arguments: Mapping[str, Any], token: str) -> dict[str, Any]:
        answer = self._send_with_retries(method, arguments, token)
        if answer.status == 429:
            raise SlackError(method, "rate_limited")
        try:
            said = json.loads(answer.body) if answer.status == 200 else None
        except ValueError:
            said = None
        if not isinstance(said, dict):
            raise SlackError(method, "unreachable")
        if said.get("ok") is not True:
            error = str(said.get("error") or "unknown_error")
            raise SlackError(method, "rate_limited" if error == "ratelimited" else error)
        return said

    def _send_with_retries(self, method: str, arguments: Mapping[str, Any], token: str) -> HttpResponse:
        left = self._wait_seconds
        while True:
            answer = self._send(method, arguments, token)
            wait = _retry_after(answer)
            if answer.status != 429 or wait > left:
                return answer
            left -= wait
            self._pause(wait)

    def _send(self, method: str, arguments: Mapping[str, Any], token: str) -> HttpResponse:
        form = method in _FORM_METHODS
        body = urlencode(arguments) if form else json.dumps(arguments)
        kind = "application/x-www-form-urlencoded" if form else "application/json"
        headers = {"Content-Type": f"{kind}; charset=utf-8", "Authorization": f"Bearer {token}"}
        try:
            return self._connection.send("POST", f"/{method}", headers, body.encode(), repeatable=method not in _POSTS)
        except NoResponseError as error:
            raise SlackError(method, "timeout" if error.timed_out else "unreachable") from error
        except ValueError:
            # The token has a character that HTTP does not allow in a header.
            raise SlackError(method, "invalid_auth") from None


def _retry_after(answer: HttpResponse) -> float:
    """Return the seconds of `Retry-After`, at least one, so that the total wait ends."""
    given = answer.headers.get("retry-after", "")
    return max(1.0, float(given)) if given.isascii() and given.isdigit() else 1.0
