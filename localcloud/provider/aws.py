"""The AWS calls of the stand-in: clients for the local cloud only, and errors a person can read.

Non-goals: retries and credentials. The emulators have no transient errors, so a retry would only hide a fault.
"""

import os
import threading
import time
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from botocore.client import BaseClient

Answer = dict[str, Any]
"""The parsed response of an AWS operation."""

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_NOT_FOUND = frozenset(
    {
        "ResourceNotFoundException",  # most services: DynamoDB, EventBridge, Identity Center, Lambda, Logs and others
        "ResourceNotFound",  # CloudWatch
        "DashboardNotFoundError",  # the same for dashboards, as MiniStack spells it
        "NoSuchEntity",  # IAM
        "NotFound",  # SNS
        "NotFoundException",  # API Gateway
        "PolicyNotAttachedException",  # Organizations
        "PolicyNotFoundException",  # Organizations
        "StackSetNotFoundException",
        "StateMachineDoesNotExist",
        "AWS.SimpleQueueService.NonExistentQueue",
        "QueueDoesNotExist",
    }
)
_POLL_SECONDS = 0.2
_POLL_LIMIT_SECONDS = 120

_client_lock = threading.Lock()


class AwsCallError(Exception):
    """AWS, or the emulator in its place, refused a call. The message names operation, error code and reason."""

    def __init__(self, operation: str, code: str, reason: str) -> None:
        super().__init__(f"{operation}: {code}: {reason}")
        self.code = code

    @property
    def not_found(self) -> bool:
        """True if the resource doesn't exist."""
        return self.code in _NOT_FOUND


class LocalAws:
    """The AWS operations, in one region."""

    def __init__(self, region: str) -> None:
        self.region = region

    def call(self, service: str, operation: str, **parameters: Any) -> Answer:
        """Calls one operation, for example `call("events", "PutRule", Name="x")`.

        Raises:
            AwsCallError: the parameters don't fit AWS's model, or the call was refused.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            method = getattr(_client(service, self.region), _methods(service, self.region)[operation])
            return method(**{name: value for name, value in parameters.items() if value is not None})
        except ClientError as error:
            details = error.response.get("Error", {})
            raise AwsCallError(operation, details.get("Code", "Unknown"), details.get("Message", str(error))) from error
        except BotoCoreError as error:
            raise AwsCallError(operation, type(error).__name__, str(error)) from error

    def pages(self, service: str, operation: str, key: str, **parameters: Any) -> list[Any]:
        """Calls a paginated operation to its end and returns all items under `key` of the answers."""
        items: list[Any] = []
        token: str | None = None
        while True:
            answer = self.call(service, operation, NextToken=token, **parameters)
            items += answer.get(key, [])
            token = answer.get("NextToken")
            if not token:
                return items


def poll(what: str, status: Callable[[], tuple[str, str]], done: str, pending: frozenset[str]) -> None:
    """Asks for the status of an asynchronous operation until it is `done`.

    Args:
        what: the operation, for the error message.
        status: asks once; returns the status and AWS's reason for it (may be empty).
        done: the status that ends the wait.
        pending: the statuses to wait on.

    Raises:
        AwsCallError: any other status, or still pending after two minutes.
    """
    deadline = time.monotonic() + _POLL_LIMIT_SECONDS
    while True:
        now, reason = status()
        if now == done:
            return
        if now not in pending:
            raise AwsCallError(what, now, reason or f"ended in state {now}, expected {done}")
        if time.monotonic() > deadline:
            raise AwsCallError(what, now, f"still {now} after {_POLL_LIMIT_SECONDS} s, expected {done}")
        time.sleep(_POLL_SECONDS)


@cache
def _session() -> Any:
    from botocore.session import Session  # slow to import: not before the first call is needed

    # Ignores the user's AWS_PROFILE and configuration file.
    return Session({"profile": (None, None, None, None), "config_file": (None, None, os.devnull, None)})


def _client(service: str, region: str) -> "BaseClient":
    with _client_lock:  # clients are thread-safe, creating them is not
        return _make_client(service, region)


@cache
def _make_client(service: str, region: str) -> "BaseClient":
    from botocore.config import Config

    config = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=60)
    client = _session().create_client(service, region_name=region, config=config)
    endpoint = client.meta.endpoint_url
    if urlsplit(endpoint).hostname not in _LOOPBACK:
        raise AwsCallError(service, "not the local cloud", f"its endpoint is {endpoint}; {refusal()}")
    return client


@cache
def _methods(service: str, region: str) -> dict[str, str]:
    """AWS's operation names to the method names boto3 gives them."""
    return {operation: method for method, operation in _client(service, region).meta.method_to_api_mapping.items()}


def refusal() -> str:
    """The reason why the stand-in accepts loopback endpoints only, and the fix."""
    return (
        "the stand-in for the AWS provider only talks to the local cloud on 127.0.0.1; it would otherwise change a "
        "real account. Start the local cloud and use the environment it prints; to deploy to AWS, take "
        "localcloud/provider/bin off PATH so that Pulumi uses the real provider"
    )


def configured() -> bool:
    """True if `AWS_ENDPOINT_URL` points AWS clients at this machine."""
    return urlsplit(os.environ.get("AWS_ENDPOINT_URL", "")).hostname in _LOOPBACK
