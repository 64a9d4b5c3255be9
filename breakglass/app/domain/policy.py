"""The approval policy: one frozen document, compiled at deployment, packed with the functions and readable by a person.

Everything in it was validated before it was compiled; reading it again trusts it. Names are kept beside ids, so that
every answer can be given in the words of the stack file.

Non-goals: deciding (see `decision`); who is in a group (asked of Identity Center at the moment of a decision).
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum

from breakglass.app.domain.codec import decode


class PrincipalKind(StrEnum):
    """What an entry of a rule names."""

    group = "group"
    user = "user"


@dataclass(frozen=True)
class Principal:
    """A group or user of the identity store.

    Attributes:
        kind: whether it is a group or a user.
        id: its id in the identity store.
        name: the group's display name or the user's user name, as in the stack file.
    """

    kind: PrincipalKind
    id: str
    name: str


@dataclass(frozen=True)
class Rule:
    """Who may request which permission sets in which accounts, who approves, and under what terms.

    Attributes:
        name: as in the stack file; every decision names it.
        sets: names of break-glass permission sets.
        accounts: account ids.
        requesters: who may request.
        approvers: who may approve.
        approvals: how many different people have to approve.
        maximum_seconds: how long access may last, from the moment it is approved or extended.
        default_seconds: what the form proposes.
        expiry_seconds: after how long an unanswered request expires.
        ticket_pattern: regular expression that the whole ticket has to match; None if no ticket is asked for.
        glass_after_seconds: after how long without an answer the requester may break the glass; None for never.
        not_after_denial_seconds: for how long after a denial they may not.
        mention: who is mentioned at once.
        escalate_after_seconds: after how long without an answer `escalate` is mentioned; None for never.
        escalate: who is mentioned then.
        quiet_accounts: accounts for which nobody is mentioned, unless the glass is broken.
        risk_banner: shown to whoever decides.
    """

    name: str
    sets: tuple[str, ...]
    accounts: tuple[str, ...]
    requesters: tuple[Principal, ...]
    approvers: tuple[Principal, ...]
    approvals: int
    maximum_seconds: int
    default_seconds: int
    expiry_seconds: int
    ticket_pattern: str | None = None
    glass_after_seconds: int | None = None
    not_after_denial_seconds: int = 43_200
    mention: tuple[Principal, ...] = ()
    escalate_after_seconds: int | None = None
    escalate: tuple[Principal, ...] = ()
    quiet_accounts: tuple[str, ...] = ()
    risk_banner: str | None = None


class Action(StrEnum):
    """What a deny rule forbids."""

    request = "request"
    approve = "approve"
    break_glass = "break_glass"


@dataclass(frozen=True)
class DenyRule:
    """What nobody may, whatever a rule allows.

    Attributes:
        name: as in the stack file.
        reason: told to whoever is refused.
        actions: what is forbidden.
        sets: names of permission sets; empty for all.
        accounts: account ids; empty for all.
        principals: whom it hits; empty for everybody.
    """

    name: str
    reason: str
    actions: tuple[Action, ...]
    sets: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    principals: tuple[Principal, ...] = ()


@dataclass(frozen=True)
class PermissionSet:
    """A break-glass permission set under approval.

    Attributes:
        arn: its ARN.
        session_seconds: how long a session lives on after the assignment is gone.
    """

    arn: str
    session_seconds: int


@dataclass(frozen=True)
class StandingAssignment:
    """An assignment of a break-glass set that the stack file itself makes; the workflow leaves it alone."""

    principal: Principal
    permission_set: str
    account: str


class UnmanagedAssignments(StrEnum):
    """What becomes of an assignment that neither a request nor the stack file made."""

    report = "report"
    """It is told in the channel."""
    revoke = "revoke"
    """It is taken back, and told."""


@dataclass(frozen=True)
class Settings:
    """Where things are, and how the whole stack is run.

    Attributes:
        region: of Identity Center and of everything here.
        partition: of AWS.
        instance_arn: ARN of the Identity Center instance.
        identity_store_id: id of its identity store.
        deployed_in: the account that this runs in.
        management_account: the organisation's management account.
        slack_api_url: base of Slack's Web API, without a slash at its end.
        channel: ID of the channel where requests are decided.
        second_channel: ID of the channel that is told as well when the glass is broken; None if no rule allows it.
        explain_within_seconds: after how long an unexplained use is overdue.
        remind_every_seconds: how often an unanswered request or an unexplained use is brought up again.
        session_policy_id: id of the service control policy that ends live sessions; None if they are not ended.
        unmanaged: what becomes of assignments nobody recorded.
    """

    region: str
    partition: str
    instance_arn: str
    identity_store_id: str
    deployed_in: str
    management_account: str
    slack_api_url: str
    channel: str
    second_channel: str | None
    explain_within_seconds: int
    remind_every_seconds: int
    session_policy_id: str | None
    unmanaged: UnmanagedAssignments


@dataclass(frozen=True)
class ApprovalPolicy:
    """The whole document.

    Attributes:
        settings: where things are.
        rules: who may what.
        denies: what nobody may.
        sets: permission-set name -> the set.
        accounts: account id -> its name, for people.
        people: Slack user id -> Identity Center user id, where e-mail addresses differ.
        security: who may end any access, and read the whole history.
        standing: assignments that the stack file makes.
    """

    settings: Settings
    rules: tuple[Rule, ...]
    denies: tuple[DenyRule, ...]
    sets: Mapping[str, PermissionSet]
    accounts: Mapping[str, str]
    people: Mapping[str, str]
    security: tuple[Principal, ...]
    standing: tuple[StandingAssignment, ...]


def to_json(policy: ApprovalPolicy) -> str:
    """Write the document as a person reads it and `from_json` does: the same policy always gives the same text."""
    return json.dumps(asdict(policy), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def from_json(text: str) -> ApprovalPolicy:
    """Read what `to_json` wrote.

    Raises:
        ValueError: if it is something else.
    """
    return decode(ApprovalPolicy, text)
