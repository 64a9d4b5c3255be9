"""The AWS client of the commands: the caller's credentials, and AWS's errors as problems with a fix.

botocore finds the credentials, as for the AWS CLI: environment, AWS_PROFILE, `aws sso login` and so on.

Non-goals: botocore's clients; `breakglass.app.aws` makes all calls, as in Lambda.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from breakglass.app.aws.aws import TIMEOUT, UNREACHABLE, AwsClient, AwsError
from breakglass.app.aws.sigv4 import Credentials
from breakglass.app.domain.policy import Settings
from breakglass.errors import CommandError, Problem, format_value

if TYPE_CHECKING:
    from botocore.exceptions import BotoCoreError

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
_FORBIDDEN = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedException"})


def create_client(settings: Settings) -> AwsClient:
    """Return a client in the region of the stack, with the caller's credentials."""
    return AwsClient(settings.region, credentials=find_credentials())


@contextmanager
def translate_aws_errors(settings: Settings) -> Iterator[None]:
    """Raise a CommandError with a fix in place of each `AwsError`."""
    try:
        yield
    except AwsError as error:
        raise CommandError(_problem(error, settings)) from None


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


def _problem(error: AwsError, settings: Settings) -> Problem:
    what, code = f"AWS: {error.operation}", format_value(error.code)
    where = f"account {settings.deployed_in}, region {settings.region}"
    if error.code in _EXPIRED:
        return Problem(what, code, "Your AWS credentials have expired.", _SIGN_IN)
    if error.code in _UNKNOWN:
        return Problem(
            what,
            code,
            "AWS does not accept your credentials: the access key is unknown, or the secret key is wrong.",
            _SIGN_IN,
        )
    if error.code in _FORBIDDEN:
        return Problem(
            what,
            code,
            f"Your AWS credentials are not authorized: {error.message or 'AWS gives no reason'}",
            f"Use credentials of the stack's {where}. `explain` reads the identity store (identitystore:GetUserId, "
            "DescribeUser, ListGroupMemberships, ListGroupMembershipsForMember; with a customer-managed KMS key also "
            "kms:Decrypt on it). `audit` queries the table (dynamodb:Query).",
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
