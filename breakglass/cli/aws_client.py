"""AWS as the person who runs a command: their credentials, and what AWS refuses in words that help.

Credentials are found as everywhere else: environment, AWS_PROFILE, sign-in by `aws sso login`, and so on, by botocore.
Non-goals: botocore's clients; the adapters make all calls, as they do in Lambda.
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

_OVER = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
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
    """Return a client in the region of the stack, with the credentials of whoever runs the command."""
    return AwsClient(settings.region, credentials=find_credentials())


@contextmanager
def translate_aws_errors(settings: Settings) -> Iterator[None]:
    """Turn what AWS refuses into what to do about it.

    Raises:
        CommandError: in place of an `AwsError`.
    """
    try:
        yield
    except AwsError as error:
        raise CommandError(_problem(error, settings)) from None


def find_credentials() -> Callable[[], Credentials]:
    """Return what finds the person's credentials when they are first needed, and renews them."""
    found: list[Any] = []

    def current() -> Credentials:
        from botocore.exceptions import BotoCoreError  # takes a while, and not every command gets here
        from botocore.session import Session

        try:
            if not found:
                found.append(Session().get_credentials())
            frozen = found[0].get_frozen_credentials() if found[0] else None
        except BotoCoreError as error:
            raise CommandError(_no_credentials(error)) from None
        if frozen is None:
            raise CommandError(Problem("AWS credentials", "(none)", "There are no AWS credentials here.", _SIGN_IN))
        return Credentials(frozen.access_key, frozen.secret_key, frozen.token)

    return current


def _no_credentials(error: "BotoCoreError") -> Problem:
    return Problem("AWS credentials", f"({type(error).__name__})", f"No credentials were found: {error}", _SIGN_IN)


def _problem(error: AwsError, settings: Settings) -> Problem:
    what, code = f"AWS: {error.operation}", format_value(error.code)
    where = f"account {settings.deployed_in}, region {settings.region}"
    if error.code in _OVER:
        return Problem(what, code, "Your AWS credentials have expired.", _SIGN_IN)
    if error.code in _UNKNOWN:
        return Problem(what, code, "AWS does not know your credentials, or they are written down wrongly.", _SIGN_IN)
    if error.code in _FORBIDDEN:
        return Problem(
            what,
            code,
            f"Your AWS credentials may not do this: {error.message or 'AWS gives no reason'}",
            f"Use credentials of {where}, where the stack is, that may read the identity store for `explain` "
            "(identitystore:GetUserId, DescribeUser, ListGroupMemberships, ListGroupMembershipsForMember; with a "
            "customer-managed KMS key also kms:Decrypt on it), and query the table for `audit` (dynamodb:Query).",
        )
    if error.code == "ResourceNotFoundException":
        return Problem(
            what,
            code,
            f"It is not there: {error.message or 'AWS says no more'}. Your credentials may be of another account than "
            f"the stack, which is in {where}.",
            "Look with `aws sts get-caller-identity`. " + _SIGN_IN,
        )
    if error.code in (UNREACHABLE, TIMEOUT):
        return Problem(
            what, code, f"AWS did not answer ({error.message}).", f"Look whether this machine reaches AWS in {where}."
        )
    return Problem(what, code, f"AWS refused it: {error.message or 'without a reason'}", "Try again in a moment.")
