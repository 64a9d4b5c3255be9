"""Faults of AWS services on request: refused calls, slow or lost responses, killed callers.

A fault names operations as an IAM policy does, `dynamodb:PutItem` or `secretsmanager:*`, with one difference: the part
before the colon is the name that a request is signed for ("sso" for sso-admin, "states" for Step Functions).

Errors have the statuses of the AWS JSON protocols: 500 for a fault of the service, else 400. Lambda's API has statuses
of its own for some.

Non-goals: faults for the test that observes (`OBSERVER`), Slack (`slack_faults`), slow or failed assignments
(`assignments`), killed functions (`functions`).
"""

import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

OBSERVER = "localcloud-observer"
"""A caller with this in its User-Agent meets no faults; `RunningCloud.client` has it."""

_SIGNED_FOR = re.compile(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/")
_INVOCATION = re.compile(r"/functions/[^/]+/invocations$")
_SERVICE_ERRORS = re.compile(r"Internal|^ServiceException$|Unavailable|^ServerException$|ServerError$")
_LAMBDA_STATUS = {"TooManyRequestsException": 429, "AccessDeniedException": 403, "ResourceNotFoundException": 404}


@dataclass
class AwsFault:
    """One fault.

    Attributes:
        operations: the operations that fail, with `*` and `?` as in a shell.
        error: the error that is answered; the operation is not carried out.
        text: the text of the error, where it matters to the caller.
        lost: carry out the operation and lose the response.
        seconds: delay of the response; alone, the call succeeds.
        kills: name of a function that is killed before it gets the response.
        kill_url: address for that, of a service in another process than the functions.
        skip: number of calls that succeed before.
        times: number of calls that fail; None for all.
    """

    operations: tuple[str, ...]
    error: str | None = None
    text: str = "The local cloud was told to fail here."
    lost: bool = False
    seconds: float = 0
    kills: str | None = None
    kill_url: str | None = None
    skip: int = 0
    times: int | None = None

    def __post_init__(self) -> None:
        self.operations = tuple(self.operations)

    @property
    def is_carried_out(self) -> bool:
        """True if the operation is carried out, with any response."""
        return self.lost or self.error is None

    @property
    def answer_error(self) -> str | None:
        """The error that is answered; None if the real answer is."""
        return self.error or ("InternalServerException" if self.lost or self.kills else None)


class Faults:
    """The faults in force; thread-safe."""

    def __init__(self) -> None:
        self._faults: list[AwsFault] = []
        self._lock = threading.Lock()

    def add(self, fault: Mapping[str, Any]) -> None:
        """Adds a fault; an empty mapping removes all.

        Raises:
            TypeError: if a field is unknown, or `operations` is missing.
        """
        with self._lock:
            self._faults = [*self._faults, AwsFault(**fault)] if fault else []

    def of(self, operation: str, user_agent: str = "") -> AwsFault | None:
        if OBSERVER in user_agent:
            return None
        with self._lock:
            for fault in self._faults:
                if fault.times == 0 or not any(fnmatchcase(operation, pattern) for pattern in fault.operations):
                    continue
                if fault.skip:
                    fault.skip -= 1
                    continue
                if fault.times is not None:
                    fault.times -= 1
                return fault
        return None


def operation_of(method: str, path: str, authorization: str, target: str) -> str:
    """Tells which operation a request asks for, as in `dynamodb:PutItem`; empty for none that is known here.

    Args:
        method: of the request.
        path: of the request.
        authorization: its Authorization header, which names the service.
        target: its X-Amz-Target header, which names the operation in the AWS JSON protocols.
    """
    signed = _SIGNED_FOR.search(authorization)
    if signed is None:
        return ""
    name = target.rpartition(".")[2]
    if not name and method == "POST" and _INVOCATION.search(path):
        name = "Invoke"
    return f"{signed[1]}:{name}" if name else ""


def error_answer(operation: str, error: str, text: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of an error."""
    status = 500 if _SERVICE_ERRORS.search(error) else 400
    if operation.startswith("lambda:"):
        status = _LAMBDA_STATUS.get(error, status)
    answer: dict[str, Any] = {"__type": error, "message": text, "Message": text}
    if error == "TransactionCanceledException":
        # As if another transaction held the item: the emulated table never does it by itself.
        answer["CancellationReasons"] = [{"Code": "TransactionConflict", "Message": text}]
    body = json.dumps(answer).encode()
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amzn-ErrorType": error}
    return status, {**headers, "Content-Length": str(len(body))}, body
