"""Slack's Web API.

Sources: https://docs.slack.dev/apis/web-api/ (bodies, errors), https://docs.slack.dev/apis/web-api/rate-limits (429).

Non-goals: what is said; knowing the methods, but for the ones that take no JSON and the ones that nobody may repeat.
"""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from breakglass.app.aws.aws import AwsError
from breakglass.app.aws.connection import Answer, Connection, UnansweredError
from breakglass.app.aws.secrets import Secrets
from breakglass.app.ports import SlackError

# "Most write methods allow JSON"; these read.
_FORM_METHODS = frozenset({"users.info", "users.lookupByEmail"})

# A second time, there would be two of them.
_POSTS = frozenset({"chat.postMessage", "chat.postEphemeral"})

# What Slack says of a token that was valid before it was rotated.
_TOKEN_REFUSED = frozenset({"invalid_auth", "not_authed", "token_revoked", "token_expired"})


class SlackApi:
    """Implements `ports.Slack`.

    Args:
        url: base of the Web API, without a slash at its end.
        secrets: where the bot token is.
        token_secret: name or ARN of its secret.
        timeout: seconds to wait for a connection, and for each part of an answer.
        patience: for how many seconds in all a call waits when Slack says to come back later.
        pause: how to wait, in seconds.
    """

    def __init__(
        self,
        url: str,
        secrets: Secrets,
        token_secret: str,
        *,
        timeout: float = 10,
        patience: float = 20,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._connection = Connection(url, connect_timeout=timeout, read_timeout=timeout)
        self._secrets = secrets
        self._token_secret = token_secret
        self._patience = patience
        self._pause = pause

    def call(self, method: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Call a method; once more with a new token, if the one in use was refused and there is another.

        Raises:
            SlackError: if the answer isn't `ok`.
        """
        token = self._token(method, self._secrets.current)
        try:
            return self._call(method, arguments, token)
        except SlackError as error:
            if error.error not in _TOKEN_REFUSED:
                raise
            fresh = self._token(method, self._secrets.refreshed)
            if fresh == token:
                raise
        return self._call(method, arguments, fresh)

    def _token(self, method: str, read: Callable[[str], str]) -> str:
        try:
            return read(self._token_secret)
        except AwsError as error:
            raise SlackError(method, "unreachable") from error

    def _call(self, method: str, arguments: Mapping[str, Any], token: str) -> dict[str, Any]:
        answer = self._patiently(method, arguments, token)
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

    def _patiently(self, method: str, arguments: Mapping[str, Any], token: str) -> Answer:
        """Send a call, and send it again when Slack says that it may be, as long as patience lasts."""
        left = self._patience
        while True:
            answer = self._send(method, arguments, token)
            wait = _retry_after(answer)
            if answer.status != 429 or wait > left:
                return answer
            left -= wait
            self._pause(wait)

    def _send(self, method: str, arguments: Mapping[str, Any], token: str) -> Answer:
        form = method in _FORM_METHODS
        body = urlencode(arguments) if form else json.dumps(arguments)
        kind = "application/x-www-form-urlencoded" if form else "application/json"
        headers = {"Content-Type": f"{kind}; charset=utf-8", "Authorization": f"Bearer {token}"}
        try:
            return self._connection.send("POST", f"/{method}", headers, body.encode(), repeatable=method not in _POSTS)
        except UnansweredError as error:
            raise SlackError(method, "timeout" if error.timed_out else "unreachable") from error
        except ValueError:
            # With a character in it that no header carries, it is no token.
            raise SlackError(method, "invalid_auth") from None


def _retry_after(answer: Answer) -> float:
    """Return for how many seconds Slack wants to be left alone; at least one, so that patience comes to an end."""
    given = answer.headers.get("retry-after", "")
    return max(1.0, float(given)) if given.isascii() and given.isdigit() else 1.0
