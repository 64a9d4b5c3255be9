"""A small AWS client: signs, sends, and tries again what may pass.

It is here because `import boto3` and making a client take longer than a person's click has. Every operation that is
called through it may reach AWS twice without harm, and where that is not so by itself the caller says why it is (an
idempotency token, a condition on the write). So whatever may pass is tried again: throttling, 5xx, no answer.

Nothing secret gets into an exception: neither credentials nor what was sent or answered.

Non-goals: finding credentials anywhere but in the environment; use by several threads at once.
"""

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote

from breakglass.app.aws.connection import Answer, Connection, UnansweredError
from breakglass.app.aws.services import LAMBDA, Service, endpoint, scope
from breakglass.app.aws.sigv4 import Credentials, signed
from breakglass.app.error_codes import AWS_TRANSIENT, Remedy, remedy_of_aws

Answered = TypeVar("Answered")

UNREACHABLE = "Unreachable"
"""Code of an `AwsError` when no whole answer came."""

TIMEOUT = "Timeout"
"""Code of an `AwsError` when none came in time."""

UNREADABLE = "UnreadableAnswer"
"""Code of an `AwsError` when it was no JSON."""

# Its message repeats the request, and with it the session token.
_TELLING = frozenset({"SignatureDoesNotMatch", "InvalidSignatureException"})


class AwsError(Exception):
    """AWS refused an operation, or did not answer.

    Attributes:
        code: AWS's error code, e.g. `ConditionalCheckFailedException`, or one of this module's.
        message: AWS's message.
        status: of HTTP; 0 if no answer came.
        operation: what was asked.
        reasons: of a cancelled transaction, the code of each item's reason.
        repeated: whether an attempt before this one may have been carried out.
    """

    def __init__(
        self, code: str, message: str, status: int, operation: str = "", reasons: tuple[str, ...] = ()
    ) -> None:
        super().__init__(f"{operation}: {code} ({status}): {message}")
        self.code = code
        self.message = message
        self.status = status
        self.operation = operation
        self.reasons = reasons
        self.repeated = False

    @property
    def unknown(self) -> bool:
        """Whether it may have been carried out all the same."""
        return self.status == 0 or self.status >= 500 or self.code == UNREADABLE

    @property
    def passing(self) -> bool:
        """Whether the same may succeed a moment later."""
        return self.unknown or self.code in AWS_TRANSIENT or self.status == 429

    @property
    def remedy(self) -> Remedy:
        """What helps against it."""
        return Remedy.retry if self.unknown else remedy_of_aws(self.code, self.status)


@dataclass(frozen=True)
class Patience:
    """How long to wait, and how often to try.

    Attributes:
        attempts: of one operation.
        seconds: after how long no further attempt begins.
        connect_timeout: seconds to wait for a connection.
        read_timeout: seconds to wait for each part of an answer.
        first_pause: seconds before the second attempt at most; twice that before the third, and so on.
        longest_pause: seconds before any attempt at most.
    """

    attempts: int = 5
    seconds: float = 10
    connect_timeout: float = 3
    read_timeout: float = 10
    first_pause: float = 0.1
    longest_pause: float = 2


PATIENT = Patience()
"""For functions that nobody waits for."""

HASTY = Patience(attempts=2, seconds=1, connect_timeout=1, read_timeout=1.5, first_pause=0.05)
"""For the one that Slack waits for, three seconds in all."""


def environment_credentials() -> Credentials:
    """Return the credentials that Lambda gives a function."""
    return Credentials(
        os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"], os.environ.get("AWS_SESSION_TOKEN")
    )


class AwsClient:
    """Calls AWS, over one connection for each endpoint.

    Args:
        region: of everything that isn't global.
        credentials: asked before each request.
        patience: how long to wait, and how often to try.
        environment: where endpoints may be overridden, as for boto3.
        pause: how to wait, in seconds.
        chance: a number between 0 and 1, by which pauses differ.
    """

    def __init__(
        self,
        region: str,
        credentials: Callable[[], Credentials] = environment_credentials,
        patience: Patience = PATIENT,
        environment: Mapping[str, str] = os.environ,
        pause: Callable[[float], None] = time.sleep,
        chance: Callable[[], float] = lambda: os.urandom(1)[0] / 255,
    ) -> None:
        self._region = region
        self._credentials = credentials
        self._patience = patience
        self._environment = environment
        self._pause = pause
        self._chance = chance
        self._connections: dict[str, Connection] = {}

    def call(self, service: Service, operation: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Call an operation of a JSON protocol and return its answer.

        Raises:
            AwsError: if AWS refuses it, or goes on failing.
        """
        headers = {
            "Content-Type": f"application/x-amz-json-{service.json_version}",
            "X-Amz-Target": f"{service.target}.{operation}",
        }
        body = json.dumps(arguments).encode()
        return self._patiently(lambda: _parsed(operation, self._send(service, operation, "/", headers, body)))

    def pages(self, service: Service, operation: str, arguments: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Call an operation that answers in pages (`NextToken`) and yield them all.

        Raises:
            AwsError: if AWS refuses it, or goes on failing.
        """
        token: str | None = None
        while True:
            page = self.call(service, operation, {**arguments, **({"NextToken": token} if token else {})})
            yield page
            token = page.get("NextToken")
            if not token:
                return

    def invoke(self, function: str, invocation_type: str, payload: bytes) -> Answer:
        """Invoke a Lambda function.

        Args:
            function: name or ARN.
            invocation_type: `Event` or `RequestResponse`.
            payload: JSON.

        Returns:
            The answer; its header `x-amz-function-error` says that the function failed.

        Raises:
            AwsError: if AWS refuses it, or goes on failing.
        """
        path = f"/2015-03-31/functions/{quote(function, safe='')}/invocations"
        headers = {"Content-Type": "application/json", "X-Amz-Invocation-Type": invocation_type}
        return self._patiently(lambda: self._send(LAMBDA, "Invoke", path, headers, payload))

    def pause(self, failures: int) -> None:
        """Wait before the next attempt: the longer, the more have failed, and by chance ("full jitter")."""
        self._pause(
            self._chance() * min(self._patience.longest_pause, self._patience.first_pause * 2 ** (failures - 1))
        )

    def _patiently(self, attempt: Callable[[], Answered]) -> Answered:
        """Try until it succeeds, or it makes no sense to go on."""
        last = time.monotonic() + self._patience.seconds
        failures, repeated = 0, False
        while True:
            try:
                return attempt()
            except AwsError as error:
                error.repeated = repeated
                repeated = repeated or error.unknown
                failures += 1
                if not error.passing or failures == self._patience.attempts or time.monotonic() > last:
                    raise
            self.pause(failures)

    def _send(self, service: Service, operation: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send one request, and return an answer that is no refusal."""
        connection = self._connection(service)
        credentials = self._credentials()
        whole = signed(
            credentials,
            scope(service, self._region),
            "POST",
            connection.base + path,
            {"Host": connection.host, **headers},
            body,
            time.time(),
        )
        try:
            answer = connection.send("POST", path, {**whole, "User-Agent": "breakglass"}, body, repeatable=True)
        except UnansweredError as error:
            raise AwsError(TIMEOUT if error.timed_out else UNREACHABLE, str(error), 0, operation) from error
        if answer.status >= 300:
            raise _refusal(operation, answer, credentials)
        return answer

    def _connection(self, service: Service) -> Connection:
        url = endpoint(service, self._region, self._environment)
        if url not in self._connections:
            self._connections[url] = Connection(
                url, connect_timeout=self._patience.connect_timeout, read_timeout=self._patience.read_timeout
            )
        return self._connections[url]


def _parsed(operation: str, answer: Answer) -> dict[str, Any]:
    parsed = _object(answer.body or b"{}")
    if parsed is None:
        raise AwsError(UNREADABLE, "the answer is no JSON object", answer.status, operation)
    return parsed


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        parsed = json.loads(body)
    except ValueError:
        return None
    return parsed if isinstance(parsed, dict) else None


def _refusal(operation: str, answer: Answer, credentials: Credentials) -> AwsError:
    """Read AWS's error; a header or the body has its code, with or without a namespace before and a URL behind it."""
    body = _object(answer.body) or {}
    named = answer.headers.get("x-amzn-errortype") or body.get("__type") or body.get("code") or ""
    code = str(named).partition(":")[0].rpartition("#")[2] or f"Http{answer.status}"
    message = "" if code in _TELLING else str(body.get("message") or body.get("Message") or "")
    for secret in (credentials.secret_key, credentials.token):
        message = message.replace(secret, "***") if secret else message
    reasons = tuple(str(reason.get("Code")) for reason in body.get("CancellationReasons") or ())
    return AwsError(code, message, answer.status, operation, reasons)
