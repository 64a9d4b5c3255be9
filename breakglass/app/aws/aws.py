"""A small AWS client, which signs requests and retries transient errors.

`import boto3` and its clients would double the processor time of a cold start (docs/decisions/0016). Each operation
that the app calls is idempotent, by an idempotency token or a condition where it is not so by itself. So throttling,
5xx and lost answers are retried. An exception holds no credentials, request or answer.

Non-goals: credentials from anywhere but the environment; use by several threads at once.
"""

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote

from breakglass.app.aws.connection import Connection, HttpResponse, NoResponseError
from breakglass.app.aws.services import LAMBDA, Service, endpoint, scope
from breakglass.app.aws.sigv4 import Credentials, sign_request
from breakglass.app.error_codes import AWS_TRANSIENT, Remedy, remedy_of_aws

Result = TypeVar("Result")

UNREACHABLE = "Unreachable"
"""Code of an `AwsError` without a complete answer."""

TIMEOUT = "Timeout"
"""Code of an `AwsError` without an answer in time."""

UNREADABLE = "UnreadableAnswer"
"""Code of an `AwsError` whose answer is not JSON."""

ECHOING_CODES = frozenset({"SignatureDoesNotMatch", "InvalidSignatureException"})
"""Codes whose messages repeat the request, with the session token."""


class AwsError(Exception):
    """AWS refused an operation, or did not answer.

    Attributes:
        code: AWS's error code, e.g. `ConditionalCheckFailedException`, or a code of this module.
        message: AWS's message.
        status: HTTP status; 0 without an answer.
        operation: name of the operation.
        reasons: code of each item's reason, for a cancelled transaction.
        repeated: True if an earlier attempt may have succeeded.
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
    def outcome_unknown(self) -> bool:
        """True if the operation may have succeeded all the same."""
        return self.status == 0 or self.status >= 500 or self.code == UNREADABLE

    @property
    def retryable(self) -> bool:
        """True if a retry may succeed."""
        return self.outcome_unknown or self.code in AWS_TRANSIENT or self.status == 429

    @property
    def remedy(self) -> Remedy:
        """The remedy for this error."""
        return Remedy.retry if self.outcome_unknown else remedy_of_aws(self.code, self.status)


@dataclass(frozen=True)
class RetryPolicy:
    """Timeouts and retries of an operation, in seconds.

    Attributes:
        attempts: maximum attempts.
        seconds: time after which no attempt starts.
        connect_timeout: timeout of a connection.
        read_timeout: timeout of each part of an answer.
        first_pause: maximum pause before the second attempt; it doubles with each attempt.
        longest_pause: maximum pause before any attempt.
    """

    attempts: int = 5
    seconds: float = 10
    connect_timeout: float = 3
    read_timeout: float = 10
    first_pause: float = 0.1
    longest_pause: float = 2


BACKGROUND = RetryPolicy()
"""For functions that run in the background."""

INTERACTIVE = RetryPolicy(attempts=2, seconds=1, connect_timeout=1, read_timeout=1.5, first_pause=0.05)
"""For the receiver: Slack waits three seconds in all."""


def environment_credentials() -> Credentials:
    """Return the credentials that Lambda gives a function."""
    return Credentials(
        os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"], os.environ.get("AWS_SESSION_TOKEN")
    )


class AwsClient:
    """A client for all services, with one connection for each endpoint.

    Args:
        region: region of the regional services.
        credentials: returns the credentials for each request.
        retry_policy: timeouts and retries.
        environment: overrides of endpoints, as for boto3.
        pause: waits for so many seconds.
        chance: returns a random number between 0 and 1, the jitter of pauses.
    """

    def __init__(
        self,
        region: str,
        credentials: Callable[[], Credentials] = environment_credentials,
        retry_policy: RetryPolicy = BACKGROUND,
        environment: Mapping[str, str] = os.environ,
        pause: Callable[[float], None] = time.sleep,
        chance: Callable[[], float] = lambda: os.urandom(1)[0] / 255,
    ) -> None:
        self._region = region
        self._credentials = credentials
        self._retry_policy = retry_policy
        self._environment = environment
        self._pause = pause
        self._chance = chance
        self._connections: dict[str, Connection] = {}

    def call(self, service: Service, operation: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Call an operation of a JSON protocol and return its answer.

        Raises:
            AwsError: if AWS refuses, or every attempt fails.
        """
        headers = {
            "Content-Type": f"application/x-amz-json-{service.json_version}",
            "X-Amz-Target": f"{service.target}.{operation}",
        }
        body = json.dumps(arguments).encode()
        return self._send_with_retries(lambda: _parsed(operation, self._send(service, operation, "/", headers, body)))

    def pages(self, service: Service, operation: str, arguments: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Yield every page of an operation that pages by `NextToken`.

        Raises:
            AwsError: if AWS refuses, or every attempt fails.
        """
        token: str | None = None
        while True:
            page = self.call(service, operation, {**arguments, **({"NextToken": token} if token else {})})
            yield page
            token = page.get("NextToken")
            if not token:
                return

    def invoke(self, function: str, invocation_type: str, payload: bytes) -> HttpResponse:
        """Invoke a Lambda function.

        Args:
            function: name or ARN.
            invocation_type: `Event` or `RequestResponse`.
            payload: JSON.

        Returns:
            The answer; it has the header `x-amz-function-error` if the function failed.

        Raises:
            AwsError: if AWS refuses, or every attempt fails.
        """
        path = f"/2015-03-31/functions/{quote(function, safe='')}/invocations"
        headers = {"Content-Type": "application/json", "X-Amz-Invocation-Type": invocation_type}
        return self._send_with_retries(lambda: self._send(LAMBDA, "Invoke", path, headers, payload))

    def pause(self, failures: int) -> None:
        """Wait before the next attempt, with exponential backoff and full jitter."""
        self._pause(
            self._chance() * min(self._retry_policy.longest_pause, self._retry_policy.first_pause * 2 ** (failures - 1))
        )

    def _send_with_retries(self, attempt: Callable[[], Result]) -> Result:
        last = time.monotonic() + self._retry_policy.seconds
        failures, repeated = 0, False
        while True:
            try:
                return attempt()
            except AwsError as error:
                error.repeated = repeated
                repeated = repeated or error.outcome_unknown
                failures += 1
                if not error.retryable or failures == self._retry_policy.attempts or time.monotonic() > last:
                    raise
            self.pause(failures)

    def _send(
        self, service: Service, operation: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> HttpResponse:
        connection = self._connection(service)
        credentials = self._credentials()
        whole = sign_request(
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
        except NoResponseError as error:
            raise AwsError(TIMEOUT if error.timed_out else UNREACHABLE, str(error), 0, operation) from error
        if answer.status >= 300:
            raise _refusal(operation, answer, credentials)
        return answer

    def _connection(self, service: Service) -> Connection:
        url = endpoint(service, self._region, self._environment)
        if url not in self._connections:
            self._connections[url] = Connection(
                url, connect_timeout=self._retry_policy.connect_timeout, read_timeout=self._retry_policy.read_timeout
            )
        return self._connections[url]


def _parsed(operation: str, answer: HttpResponse) -> dict[str, Any]:
    parsed = _object(answer.body or b"{}")
    if parsed is None:
        raise AwsError(UNREADABLE, "Expected a JSON object", answer.status, operation)
    return parsed


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        parsed = json.loads(body)
    except ValueError:
        return None
    return parsed if isinstance(parsed, dict) else None


def _refusal(operation: str, answer: HttpResponse, credentials: Credentials) -> AwsError:
    """Return AWS's error; its code may have a namespace before it or a URL after it."""
    body = _object(answer.body) or {}
    named = answer.headers.get("x-amzn-errortype") or body.get("__type") or body.get("code") or ""
    code = str(named).partition(":")[0].rpartition("#")[2] or f"Http{answer.status}"
    message = "" if code in ECHOING_CODES else str(body.get("message") or body.get("Message") or "")
    for secret in (credentials.secret_key, credentials.token):
        message = message.replace(secret, "***") if secret else message
    reasons = tuple(str(reason.get("Code")) for reason in body.get("CancellationReasons") or ())
    return AwsError(code, message, answer.status, operation, reasons)
