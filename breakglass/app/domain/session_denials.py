"""The service control policy that ends live sessions, as functions from text to text.

A deleted assignment leaves a session of up to the set's length. AWS's own way to end it is a service control policy
that exists beforehand and gets the user's ID when needed ("Use a Deny policy to revoke active user permissions", AWS
IAM Identity Center User Guide). Each statement denies everything to one person, with one permission set, in the ended
accounts of one request, for sessions that began before a time. A later session of the same person, by another request,
is not denied.

The accounts of a request that end in the same minute share a statement, because the whole policy is limited to 5,120
characters ("Quotas and service limits for AWS Organizations"). A dozen requests for one account each fit, or four for
fifty. A set called `<set>_x` would be denied too, so such neighbours are refused at deployment.

A statement that a person has edited is left alone. A statement that stays too long denies no session that can still be
valid.

Not denied: roles assumed from the session, which have sessions of their own, and the management account, to which no
service control policy applies.

Non-goals: reading and writing the policy, and the time to do so (see `services.session_denials`).
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from breakglass.app.domain.records import Access

MAXIMUM_CHARACTERS = 5120
"""Maximum length of the policy. AWS documents characters, and was seen to count bytes; all text here is ASCII."""

GROUPING_SECONDS = 60
"""Accounts of one request that end within this span share a statement, with the latest of their ends."""


class SessionPolicyError(Exception):
    """The policy can't be changed; the grant stores `why`, one word."""

    why = "refused"


class SessionPolicyFullError(SessionPolicyError):
    """The policy would be longer than AWS accepts."""

    why = "full"


class SessionPolicyUnreadableError(SessionPolicyError):
    """The content is not a policy: a person or another tool has edited it."""

    why = "unreadable"


class SessionPolicyRefusedError(SessionPolicyError):
    """AWS refuses to read or write the policy, and a retry does not help."""


@dataclass(frozen=True)
class SessionDenial:
    """The denial of one person's sessions in one account.

    Attributes:
        before: sessions that began before this time are denied, in seconds since 1970.
    """

    request_id: str
    access: Access
    before: int
    partition: str


def render_policy(denials: Iterable[SessionDenial] = ()) -> str:
    """Return the policy; without denials it denies no session, as at its creation."""
    text = _written({"Version": "2012-10-17", "Statement": [_NOBODY]})
    for denial in denials:
        text = add_denial(text, denial)
    return text


def denial_id(request_id: str, access: Access) -> str:
    """Return the ID of a denial in the policy: letters and digits, with the account at its end."""
    return f"{_prefix(request_id)}{access.account}"


def list_denial_ids(content: str) -> frozenset[str]:
    """Return the IDs of the denials in the policy.

    Raises:
        SessionPolicyUnreadableError: if the content is not a policy.
    """
    return frozenset(
        name for known in map(_ended, _read(content)["Statement"]) if known is not None for name in known.sids
    )


def add_denial(content: str, denial: SessionDenial) -> str:
    """Return the policy with one more denial; a known one changes nothing.

    Raises:
        SessionPolicyFullError: if the policy would be too long.
        SessionPolicyUnreadableError: if the content is not a policy.
    """
    if denial_id(denial.request_id, denial.access) in list_denial_ids(content):
        return content
    document = _read(content)
    fresh = _fresh(denial)
    # A statement with this ID that a person has edited is replaced, so that the sessions are denied.
    statements = [statement for statement in document["Statement"] if not _is_named(statement, fresh.sid)]
    for place, statement in enumerate(statements):
        known = _ended(statement)
        if known is not None and known.goes_with(fresh):
            statements[place] = known.together_with(fresh).statement()
            break
    else:
        statements.append(fresh.statement())
    text = _written({**document, "Statement": statements})
    if len(text.encode()) > MAXIMUM_CHARACTERS:
        raise SessionPolicyFullError(
            f"The policy that ends sessions would have {len(text.encode())} characters, and AWS takes "
            f"{MAXIMUM_CHARACTERS}."
        )
    return text


def remove_denial(content: str, sid: str) -> str:
    """Return the policy without a denial; an unknown one changes nothing.

    Raises:
        SessionPolicyUnreadableError: if the content is not a policy.
    """
    document = _read(content)
    statements = [kept for statement in document["Statement"] for kept in _less(statement, sid)]
    if statements == document["Statement"]:
        return content
    # A policy has at least one statement.
    return _written({**document, "Statement": statements or [_NOBODY]})


# Between them is `sso.amazonaws.com`, and the region where Identity Center is not in us-east-1. The slash before the
# name matters: a permission set may be called `a_AWSReservedSSO_x`.
_ROLE = "role/aws-reserved/*/AWSReservedSSO_"
_USER, _ACCOUNT, _ARN, _ISSUED = (
    "identitystore:userId",
    "aws:PrincipalAccount",
    "aws:PrincipalArn",
    "aws:TokenIssueTime",
)
_NOBODY = {
    "Sid": "Nobody",
    "Effect": "Deny",
    "Action": "*",
    "Resource": "*",
    "Condition": {"StringEquals": {_USER: "nobody"}},
}


@dataclass(frozen=True)
class _DenyStatement:
    """One statement: a person's sessions with one set in the accounts of one request.

    Attributes:
        prefix: of its ID, from the request's ID.
        role: pattern of the set's role in any account.
        before: sessions that began before this time are denied, in seconds since 1970.
    """

    prefix: str
    user_id: str
    role: str
    accounts: tuple[str, ...]
    before: int

    @property
    def sid(self) -> str:
        return f"{self.prefix}{self.accounts[0]}"

    @property
    def sids(self) -> tuple[str, ...]:
        return tuple(f"{self.prefix}{account}" for account in self.accounts)

    def goes_with(self, other: "_DenyStatement") -> bool:
        same = (self.prefix, self.user_id, self.role) == (other.prefix, other.user_id, other.role)
        return same and self.before // GROUPING_SECONDS == other.before // GROUPING_SECONDS

    def together_with(self, other: "_DenyStatement") -> "_DenyStatement":
        accounts = tuple(sorted({*self.accounts, *other.accounts}))
        return replace(self, accounts=accounts, before=max(self.before, other.before))

    def statement(self) -> dict[str, Any]:
        return {
            "Sid": self.sid,
            "Effect": "Deny",
            "Action": "*",
            "Resource": "*",
            "Condition": {
                "StringEquals": {_USER: self.user_id, _ACCOUNT: list(self.accounts)},
                "ArnLike": {_ARN: self.role},
                "DateLessThan": {_ISSUED: datetime.fromtimestamp(self.before, UTC).strftime(_FORMAT)},
            },
        }


_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
_OWN_SID = re.compile(r"(Ended[0-9A-Za-z]+?)[0-9]{12}")


def _prefix(request_id: str) -> str:
    return f"Ended{re.sub('[^0-9A-Za-z]', '', request_id)}"


def _fresh(denial: SessionDenial) -> _DenyStatement:
    access = denial.access
    role = f"arn:{denial.partition}:iam::*:{_ROLE}{access.permission_set}_*"
    return _DenyStatement(_prefix(denial.request_id), access.user_id, role, (access.account,), denial.before)


def _ended(statement: Any) -> _DenyStatement | None:
    """Return a parsed statement; None for one that this module did not write."""
    try:
        found = _OWN_SID.fullmatch(statement["Sid"])
        condition = statement["Condition"]
        if found is None:
            return None
        ended = _DenyStatement(
            prefix=found[1],
            user_id=condition["StringEquals"][_USER],
            role=condition["ArnLike"][_ARN],
            accounts=tuple(condition["StringEquals"][_ACCOUNT]),
            before=int(datetime.fromisoformat(condition["DateLessThan"][_ISSUED]).timestamp()),
        )
        return ended if ended.accounts and ended.statement() == statement else None
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def _less(statement: Any, sid: str) -> list[Any]:
    """Return a statement without one denial: changed, unchanged, or not at all."""
    known = _ended(statement)
    if known is None:
        return [] if _is_named(statement, sid) else [statement]
    if sid not in known.sids:
        return [statement]
    accounts = tuple(account for account in known.accounts if f"{known.prefix}{account}" != sid)
    return [replace(known, accounts=accounts).statement()] if accounts else []


def _is_named(statement: Any, sid: str) -> bool:
    return isinstance(statement, dict) and statement.get("Sid") == sid


def _read(content: str) -> dict[str, Any]:
    """Return the policy; a single statement need not be in a list."""
    try:
        document = json.loads(content)
    except ValueError:
        raise SessionPolicyUnreadableError("The policy that ends sessions is not JSON.") from None
    statements = document.get("Statement") if isinstance(document, dict) else None
    if isinstance(statements, dict):
        statements = [statements]
    if not isinstance(statements, list):
        raise SessionPolicyUnreadableError("The policy that ends sessions has no statements.")
    return {**document, "Statement": statements}


def _written(document: dict[str, Any]) -> str:
    return json.dumps(document, separators=(",", ":"))
