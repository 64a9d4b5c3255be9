"""The AWS clients of the commands: the caller's credentials, and AWS's errors as problems with a fix.

botocore finds the credentials, as for the AWS CLI: environment, AWS_PROFILE, `aws sso login` and so on. A command that
runs code of the app gets the app's own client (`create_client`). For other operations `BotocoreClient` calls botocore,
which knows the protocols of all services.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from breakglass.app.aws.aws import ECHOING_CODES, TIMEOUT, UNREACHABLE, AwsClient, AwsError
from breakglass.app.aws.sigv4 import Credentials
from breakglass.errors import CommandError, Problem, format_value

if TYPE_CHECKING:
    from botocore.exceptions import BotoCoreError, ClientError

_SIGN_IN = "Sign in with a profile of the stack's account: `aws sso login --profile NAME`, and set AWS_PROFILE=NAME."

_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
_UNKNOWN = frozenset(
    {
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationTokenException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)

FORBIDDEN_CODES = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "AuthorizationError",
        "AuthorizationErrorException",
        "UnauthorizedException",
        "UnauthorizedOperation",
    }
)
"""AWS's error codes for a missing permission; SNS says AuthorizationError."""


class AwsOperations(Protocol):
    """Operations of any AWS service, in one region."""

    def call(self, service: str, operation: str, **arguments: Any) -> dict[str, Any]:
        """Call an operation and return its answer.

        Args:
            service: botocore's name of the service, e.g. `events`.
            operation: AWS's name of the operation, e.g. `DescribeRule`.
            arguments: AWS's names and values of its parameters.

        Raises:
            AwsError: AWS refused the call, or did not answer.
            CommandError: no credentials were found.
        """

    def pages(self, service: str, operation: str, **arguments: Any) -> Iterator[dict[str, Any]]:
        """Yield every page of an operation that has pages, as `call` returns it."""


class BotocoreClient:
    """Implements `AwsOperations` with botocore and the caller's credentials; several threads may use one.

    Args:
        region: region of all calls.
    """

    def __init__(self, region: str) -> None:
        self._region = region
        self._lock = threading.Lock()
        self._session: Any = None
        self._clients: dict[str, Any] = {}

    def call(self, service: str, operation: str, **arguments: Any) -> dict[str, Any]:
        """See `AwsOperations`."""
        from botocore import xform_name

        with _botocore_errors(operation):
            answer: dict[str, Any] = getattr(self._client(service), xform_name(operation))(**arguments)
        return answer

    def pages(self, service: str, operation: str, **arguments: Any) -> Iterator[dict[str, Any]]:
        """See `AwsOperations`."""
        from botocore import xform_name

        with _botocore_errors(operation):
            yield from self._client(service).get_paginator(xform_name(operation)).paginate(**arguments)

    def _client(self, service: str) -> Any:
        from botocore.config import Config  # slow to import, and not all commands need it
        from botocore.session import Session

        # Only clients may be shared between threads, not the session that creates them.
        with self._lock:
            if self._session is None:
                self._session = Session()
            if service not in self._clients:
                self._clients[service] = self._session.create_client(
                    service,
                    region_name=self._region,
                    config=Config(
                        connect_timeout=5,
                        read_timeout=20,
                        retries={"mode": "standard", "total_max_attempts": 4},
                        max_pool_connections=20,
                        user_agent_extra="breakglass",
                    ),
                )
            return self._clients[service]


@contextmanager
def _botocore_errors(operation: str) -> Iterator[None]:
    """Raise an AwsError, or a CommandError without credentials, in place of each error of botocore."""
    from botocore import exceptions

    try:
        yield
    except exceptions.ClientError as error:
        raise _refusal(error, operation) from None
    except (exceptions.ConnectTimeoutError, exceptions.ReadTimeoutError) as error:
        raise AwsError(TIMEOUT, str(error), 0, operation) from None
    except (exceptions.HTTPClientError, exceptions.ConnectionError) as error:
        raise AwsError(UNREACHABLE, str(error), 0, operation) from None
    except (exceptions.ParamValidationError, exceptions.UnknownServiceError) as error:
        raise AwsError(type(error).__name__, str(error), 400, operation) from None
    except exceptions.BotoCoreError as error:
        raise CommandError(_no_credentials(error)) from None


def _refusal(error: "ClientError", operation: str) -> AwsError:
    answer = error.response
    refused = answer.get("Error") or {}
    code = str(refused.get("Code") or "")
    message = "" if code in ECHOING_CODES else str(refused.get("Message") or "")
    return AwsError(code, message, int((answer.get("ResponseMetadata") or {}).get("HTTPStatusCode") or 0), operation)


def create_client(region: str) -> AwsClient:
    """Return the app's client in a region, with the caller's credentials; for one thread."""
    return AwsClient(region, credentials=find_credentials())


@contextmanager
def translate_aws_errors(account: str, region: str, permissions: str) -> Iterator[None]:
    """Raise a CommandError with a fix in place of each `AwsError`.

    Args:
        account: ID of the stack's account.
        region: the stack's region.
        permissions: a sentence that lists the permissions of the command.
    """
    try:
        yield
    except AwsError as error:
        raise CommandError(_problem(error, account, region, permissions)) from None


def find_credentials() -> Callable[[], Credentials]:
    """Return a function that finds the caller's credentials at the first call, and renews them."""
    found: list[Any] = []

    def current() -> Credentials:
        from botocore.exceptions import BotoCoreError  # slow to import, and not all commands need it
        from botocore.session import Session

        try:
            if not found:
                found.append(Session().get_credentials())
            frozen = found[0].get_frozen_credentials() if found[0] else None
        except BotoCoreError as error:
            raise CommandError(_no_credentials(error)) from None
        if frozen is None:
            raise CommandError(Problem("AWS credentials", "(none)", "No AWS credentials were found.", _SIGN_IN))
        return Credentials(frozen.access_key, frozen.secret_key, frozen.token)

    return current


def _no_credentials(error: "BotoCoreError") -> Problem:
    return Problem("AWS credentials", f"({type(error).__name__})", f"No AWS credentials were found: {error}", _SIGN_IN)


def _problem(error: AwsError, account: str, region: str, permissions: str) -> Problem:
    what, code = f"AWS: {error.operation}", format_value(error.code)
    where = f"account {account}, region {region}"
    if error.code in _EXPIRED:
        return Problem(what, code, "Your AWS credentials have expired.", _SIGN_IN)
    if error.code in _UNKNOWN:
        return Problem(
            what,
            code,
            "AWS does not accept your credentials: the access key is unknown, or the secret key is wrong.",
            _SIGN_IN,
        )
    if error.code in FORBIDDEN_CODES:
        return Problem(
            what,
            code,
            f"Your AWS credentials are not authorized: {error.message or 'AWS gives no reason'}",
            f"Use credentials of the stack's {where}. {permissions}",
        )
    if error.code == "ResourceNotFoundException":
        return Problem(
            what,
            code,
            f"Not found: {error.message or 'AWS gives no reason'}. Your credentials may be of another account than "
            f"the stack's {where}.",
            "Compare the account with `aws sts get-caller-identity`. " + _SIGN_IN,
        )
    if error.code in (UNREACHABLE, TIMEOUT):
        return Problem(
            what,
            code,
            f"AWS did not respond ({error.message}).",
            f"Check this machine's network path to AWS in {where}.",
        )
    return Problem(
        what, code, f"AWS refused the call: {error.message or 'AWS gives no reason'}", "Try again in a moment."
    )
