"""The approval policy: one frozen document, compiled at deployment and packed with the functions.

It is validated before it is compiled, so reading it checks nothing again. It keeps names beside IDs, so that answers
use the words of the stack file.

Non-goals: deciding (see `decision`); who is in a group (asked of Identity Center at the moment of a decision).
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum

from breakglass.app.domain.codec import decode


class PrincipalKind(StrEnum):
    """The kind of a principal."""

    group = "group"
    user = "user"


@dataclass(frozen=True)
class Principal:
    """A group or user of the identity store.

    Attributes:
        name: the group's display name or the user's user name, as in the stack file.
    """

    kind: PrincipalKind
    id: str
    name: str


@dataclass(frozen=True)
class Rule:
    """Requesters, approvers and terms for permission sets in accounts.

    Attributes:
        name: as in the stack file; every decision names it.
        approvals: number of different people who have to approve.
        maximum_seconds: maximum duration of access, from the approval or extension.
        default_seconds: duration that the form proposes.
        expiry_seconds: time until an unanswered request expires.
        ticket_pattern: regular expression for the whole ticket; None if no ticket is needed.
        glass_after_seconds: time without an answer until the requester may break the glass; None for never.
        not_after_denial_seconds: time after a denial in which they may not.
        mention: principals mentioned with a new request (`ping` in the stack file).
        escalate_after_seconds: time without an answer until `escalate` is mentioned; None for never.
        escalate: principals mentioned then.
        quiet_accounts: accounts without mentions, unless the glass is broken.
        risk_banner: warning shown to approvers above the buttons.
        mention_slack_groups: IDs of Slack user groups mentioned like `mention`. They are no principals: they decide
            nothing.
        escalate_slack_groups: IDs of Slack user groups mentioned like `escalate`.
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
    mention_slack_groups: tuple[str, ...] = ()
    escalate_slack_groups: tuple[str, ...] = ()


class Action(StrEnum):
    """An action that a deny rule forbids."""

    request = "request"
    approve = "approve"
    break_glass = "break_glass"


@dataclass(frozen=True)
class DenyRule:
    """Actions that are forbidden, even if a rule allows them.

    Attributes:
        reason: shown with the refusal.
        sets: names of permission sets; empty for all.
        accounts: account IDs; empty for all.
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
        session_seconds: maximum lifetime of a session after its assignment is deleted.
    """

    arn: str
    session_seconds: int


@dataclass(frozen=True)
class StandingAssignment:
    """An assignment that the stack file makes; the workflow does not touch it."""

    principal: Principal
    permission_set: str
    account: str


class UnmanagedAssignments(StrEnum):
    """The reaction to an assignment that neither a request nor the stack file made."""

    report = "report"
    """It is reported in the channel."""
    revoke = "revoke"
    """It is revoked and reported."""


@dataclass(frozen=True)
class Settings:
    """Settings of the whole stack.

    Attributes:
        region: of Identity Center and of everything here.
        deployed_in: the account of this deployment.
        slack_api_url: base URL of Slack's Web API, without a slash at its end.
        channel: ID of the channel where requests are decided.
        second_channel: ID of the other channel that announces a broken glass; None if no rule allows it.
        explain_within_seconds: time until an unexplained usage is overdue.
        remind_every_seconds: interval of reminders of an unanswered request or an unexplained usage.
        session_policy_id: ID of the service control policy that ends live sessions; None if they are not ended.
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
        sets: permission-set name -> the set.
        people: Slack user ID -> Identity Center user ID, where e-mail addresses differ.
        security: people who may end any access and read the whole history.
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
    """Return the document as readable JSON, always the same text for the same policy."""
    return json.dumps(asdict(policy), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def from_json(text: str) -> ApprovalPolicy:
    """Return the policy in the text of `to_json`.

    Raises:
        ValueError: if it is not such a text.
    """
    return decode(ApprovalPolicy, text)
