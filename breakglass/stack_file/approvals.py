"""The section `approvals` of a stack file: who may request access, who approves it, and on what terms.

`breakglass.stack_file.approvals_lint` checks it against the other sections.

Non-goals: members of groups. The approvals look them up in Identity Center at every decision.
"""

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated

from pydantic import BeforeValidator, Field, StrictBool, TypeAdapter, WithJsonSchema

from breakglass.app.domain.policy import UnmanagedAssignments
from breakglass.app.domain.texts import LONGEST_TICKET
from breakglass.stack_file.backtracking import most_steps
from breakglass.stack_file.base import ConfigModel, RawValue, duplicate_faults
from breakglass.stack_file.faults import Fault, fault, yaml_kind
from breakglass.stack_file.principals import (
    MENTIONS_EXAMPLES,
    PRINCIPAL_KEYS,
    Mentions,
    MentionSpec,
    Principals,
    PrincipalSpec,
)
from breakglass.stack_file.types import (
    NO_BOOL,
    AccessDuration,
    AccountId,
    PermissionSetName,
    PrincipalName,
    RuleName,
    RuleText,
    SecretName,
    SlackChannelId,
    SlackUserId,
    Span,
    Wait,
    seconds,
)

_ACCESS_DURATION = TypeAdapter(AccessDuration)
_SPAN = TypeAdapter(Span)
_WAIT = TypeAdapter(Wait)

# Defaults.
_MAXIMUM = "PT1H"
_EXPIRY = "PT30M"
_REMIND = "PT4H"

NOT_AFTER_DENIAL = "PT12H"
"""The time after a denial in which the glass can't be broken, by default."""

_MOST_REMINDERS = 500
_MOST_STEPS = 1_000_000


class DeniedAction(StrEnum):
    """An action that a deny rule forbids."""

    request = "request"
    """To request access, and to get it."""
    approve = "approve"
    """To decide on another user's request."""
    breakGlass = "breakGlass"  # noqa: N815 the value as the stack file writes it
    """To take access without approval."""


def _ticket_pattern(value: object) -> str:
    if not isinstance(value, str):
        raise fault(f"Expected a regular expression, got {yaml_kind(value)}.", 'Write e.g. "INC-[0-9]+", in quotes.')
    try:
        pattern = re.compile(value)
        steps = most_steps(value, LONGEST_TICKET, _MOST_STEPS)
    except (re.error, OverflowError, RecursionError) as error:
        raise fault(
            f"Not a regular expression ({error}), so no ticket would match it and every request would be refused.",
            'Write a Python regular expression for the whole ticket, e.g. "INC-[0-9]+".',
        ) from None
    if steps > _MOST_STEPS:
        raise fault(
            f"A ticket of {LONGEST_TICKET} characters can make this pattern backtrack more than a million times. The "
            "function that answers Slack would be busy with it for seconds or longer.",
            "Avoid a quantifier inside a repeated group, as in ([A-Z]+)+, and adjacent quantifiers that match the same "
            'characters, as in .*.*.*.*. Write e.g. "(INC|CHG)-[0-9]+".',
        )
    if pattern.fullmatch(""):
        raise fault(
            "The pattern matches an empty string, so a request without a ticket would pass.",
            'Write a pattern that needs at least one character, e.g. "INC-[0-9]+", or leave the key out if no ticket '
            "is needed.",
        )
    return value


TicketPattern = Annotated[
    str,
    BeforeValidator(_ticket_pattern),
    WithJsonSchema({"type": "string", "examples": ["INC-[0-9]+"]}),
]
"""A Python regular expression that the whole ticket has to match, in few steps for any ticket."""


class WithoutApproval(ConfigModel):
    """Breaking the glass: the requester takes access without approval, and both channels are told."""

    after: Wait
    """The time that a request has to be unanswered; PT0S for no wait. Each approval and each *Acknowledge* starts it
    again."""
    not_after_denial: Span = NOT_AFTER_DENIAL
    """The time after a denial in which the same person may not break the glass for the same set and any of the
    accounts."""


class Escalation(ConfigModel):
    """A second mention in Slack, for a request that is not answered."""

    after: Span
    """The time that a request has to be unanswered."""
    ping: Mentions
    """Groups, users and Slack user groups to mention. A mention gives no right to approve."""


class ApprovalRule(ConfigModel):
    """The requesters, approvers and terms of some break-glass sets in some accounts."""

    name: RuleName
    """The rule's name, which is recorded with each decision."""
    sets: Annotated[list[PermissionSetName], Field(min_length=1, examples=[["devops-break-glass"]])]
    """Names of break-glass permission sets of the same stack."""
    accounts: Annotated[list[AccountId], Field(min_length=1, examples=[["111122223333"]])]
    """Account IDs, each in quotes."""
    requesters: Principals
    """Groups and users who may request."""
    approvers: Principals
    """Groups and users who may approve. They can't approve their own requests."""
    approvals: Annotated[int, Field(ge=1, le=10), NO_BOOL] = 1
    """The number of people who have to approve. If several rules match, the highest number counts."""
    maximum_duration: AccessDuration = _MAXIMUM
    """The longest access, counted from the approval; at most PT12H."""
    default_duration: AccessDuration | None = None
    """The duration that the form proposes. Default: one hour, or `maximumDuration` if that is shorter."""
    request_expiry: Span = _EXPIRY
    """The time after which an unanswered request expires."""
    ticket_pattern: TicketPattern | None = None
    """A regular expression that the whole ticket has to match. Without it the form has no ticket."""
    without_approval: WithoutApproval | None = None
    """Allows the requester to break the glass if there is no answer. Without it the glass can't be broken."""
    ping: list[MentionSpec] = Field(default_factory=list, examples=MENTIONS_EXAMPLES)
    """Groups, users and Slack user groups to mention with the request. A mention gives no right to approve."""
    escalate: Escalation | None = None
    """A second mention in Slack, for a request that is not answered."""
    quiet_accounts: list[AccountId] = Field(default_factory=list, examples=[["111122223333"]])
    """Accounts of this rule whose requests mention no one, unless the glass is broken."""
    risk_banner: RuleText | None = Field(default=None, examples=["These databases hold personal data."])
    """A warning shown to approvers above the buttons."""

    @property
    def proposed_duration(self) -> str:
        """The duration that the form proposes."""
        if self.default_duration is not None:
            return self.default_duration
        return min(_MAXIMUM, self.maximum_duration, key=seconds)

    @classmethod
    def cross_field_faults(cls, given: RawValue) -> Iterator[Fault]:
        """Yield faults of duplicates, of durations that never take effect, and of too few approvers."""
        for key in ("sets", "accounts", "requesters", "approvers", "ping", "quietAccounts"):
            yield from duplicate_faults(given[key])
        yield from duplicate_faults(given["escalate"]["ping"])
        yield from _duration_faults(given)
        yield from _approver_count_faults(given)
        accounts = {account.text for account in given["accounts"]}
        for account in given["quietAccounts"]:
            if account.text and account.text not in accounts:
                yield account.fault(
                    "The account is not in this rule, so the entry has no effect.",
                    "Delete it here, or add it to the rule's `accounts`.",
                )


def _duration_faults(given: RawValue) -> Iterator[Fault]:
    """Yield a fault for each duration that another one ends first."""
    maximum = given["maximumDuration"].valid(_ACCESS_DURATION) if given["maximumDuration"] else _MAXIMUM
    default = given["defaultDuration"].valid(_ACCESS_DURATION)
    if maximum and default and seconds(default) > seconds(maximum):
        yield given["defaultDuration"].fault(
            f"The form would propose {default}, and the rule allows at most {maximum}: a requester who accepts the "
            "proposal would be refused.",
            f"Write {maximum} or less, or raise `maximumDuration`.",
        )
    expiry = given["requestExpiry"].valid(_SPAN) if given["requestExpiry"] else _EXPIRY
    if not expiry:
        return
    for key, adapter, consequence in (
        ("escalate", _SPAN, "the escalation would never happen"),
        ("withoutApproval", _WAIT, "the glass could never be broken"),
    ):
        after = given[key]["after"].valid(adapter)
        if after and seconds(after) >= seconds(expiry):
            yield given[key]["after"].fault(
                f"An unanswered request expires after {expiry}, so {consequence}.",
                f"Write less than {expiry}, or raise `requestExpiry`.",
            )


def _approver_count_faults(given: RawValue) -> Iterator[Fault]:
    """Yield a fault if the rule names too few users to approve; a group may have any members."""
    needed, approvers = given["approvals"].value, _principals(given["approvers"])
    if not approvers or _has_group(approvers) or not isinstance(needed, int | float | None):
        return
    needed = 1 if needed is None else needed
    if needed > len(approvers):
        yield given["approvals"].fault(
            f"The rule needs {needed} approvals by different people and names {len(approvers)}, so it can't approve "
            "anything.",
            f"Write {len(approvers)} or less, or name more `approvers`, better a group.",
        )
        return
    requesters = _principals(given["requesters"])
    if requesters and not _has_group(requesters) and all(len(approvers - {user}) < needed for user in requesters):
        yield given["approvers"].fault(
            "Requesters can't approve their own requests, and each requester of this rule would have to. The rule "
            "can't approve anything.",
            "Name other `approvers`, better a group; for several approvals, as many others.",
        )


def _principals(entries: RawValue) -> set[tuple[str, str]]:
    """Return the groups and users of a list, each with its key."""
    return {(key, text) for entry in entries for key in PRINCIPAL_KEYS if (text := entry[key].text) is not None}


def _has_group(principals: set[tuple[str, str]]) -> bool:
    return any(key.startswith("group") for key, _ in principals)


class DenyRuleSpec(ConfigModel):
    """Actions that are forbidden even if a rule allows them."""

    name: RuleName
    """The deny rule's name, which is recorded with each refusal."""
    reason: RuleText = Field(examples=["Contractors work under supervision."])
    """The reason, shown to the user who is refused."""
    actions: Annotated[list[DeniedAction], Field(min_length=1, examples=[["request", "approve", "breakGlass"]])]
    """The forbidden actions."""
    sets: list[PermissionSetName] = Field(default_factory=list, examples=[["devops-break-glass"]])
    """The break-glass sets that the rule is about. Default: all."""
    accounts: list[AccountId] = Field(default_factory=list, examples=[["111122223333"]])
    """The accounts that the rule is about. Default: all."""
    principals: list[PrincipalSpec] = Field(default_factory=list, examples=[[{"group": "contractors"}]])
    """The groups and users that the rule is about. Default: all."""

    @classmethod
    def cross_field_faults(cls, given: RawValue) -> Iterator[Fault]:
        """Yield faults of duplicates."""
        for key in ("actions", "sets", "accounts", "principals"):
            yield from duplicate_faults(given[key])


class ApprovalSettings(ConfigModel):
    """The approval workflow in Slack: access to break-glass sets is requested, approved, and revoked."""

    channel: SlackChannelId
    """The ID of the channel where requests are approved. The Slack app must be a member of it."""
    second_channel: SlackChannelId | None = None
    """The ID of a second channel, which is told when the glass is broken. Needed if a rule has `withoutApproval`."""
    signing_secret_name: SecretName | None = Field(default=None, examples=["breakglass-slack-signing-secret"])
    """The name of an existing secret with the Slack app's signing secret. Default: a secret is created from
    `slackSigningSecret`."""
    people: dict[SlackUserId, PrincipalName] = Field(default_factory=dict, examples=[{"U0123ABCD": "ada.lovelace"}])
    """Slack user ID -> user name in Identity Center, for people whose e-mail address differs between the two, is not
    confirmed in Slack (single sign-on) or is hidden there. No other Slack user counts as these people, even with their
    address. In an Enterprise Grid either of the two IDs, `U...` and `W...`, is enough."""
    security: list[PrincipalSpec] = Field(default_factory=list, examples=[[{"group": "security"}]])
    """Groups and users who may end any access, and read the whole history."""
    rules: Annotated[list[ApprovalRule], Field(min_length=1)]
    """The rules by which access is requested and approved."""
    denies: list[DenyRuleSpec] = Field(default_factory=list)
    """Actions that are forbidden even if a rule allows them."""
    explain_within: Span = "PT24H"
    """The time after which a usage without an explanation is overdue."""
    remind_every: Span = _REMIND
    """The interval of reminders of an unanswered request, or of a usage without an explanation."""
    end_sessions: StrictBool = False
    """End live sessions with the access, by a service control policy on the rules' accounts. Otherwise a session lasts
    for up to its `sessionDuration`. In the management account it always does, since no such policy applies there. Only
    the management account may create the policy, or an account that it lets manage policies."""
    unrecorded_assignments: UnmanagedAssignments = Field(
        default=UnmanagedAssignments.report, examples=["report", "revoke"]
    )
    """The reaction to an assignment of a break-glass set that neither a request nor the stack made."""
    protect_records: StrictBool = True
    """Let AWS refuse to delete the table with the records and the audit trail. To destroy a stack, write false, run
    `pulumi up`, and only then `pulumi destroy`."""

    @classmethod
    def cross_field_faults(cls, given: RawValue) -> Iterator[Fault]:
        """Yield faults of duplicate names, of too many reminders, and of a missing or useless second channel."""
        yield from duplicate_faults(given["security"])
        yield from _reminder_faults(given)
        yield from _duplicate_name_faults([*given["rules"], *given["denies"]])
        channel, second = given["channel"], given["secondChannel"]
        if second and second.value == channel.value:
            yield second.fault(
                "This is the channel where requests are approved, so no one else would hear that the glass was broken.",
                "Write the ID of another channel, which other people read, e.g. that of your security team.",
            )
        if not second and any(rule["withoutApproval"] for rule in given["rules"]):
            yield second.fault(
                "A rule allows access without approval (`withoutApproval`), and the members of the channel where "
                "requests are approved may be the people who did not answer.",
                "Add `secondChannel: <ID of a channel that other people read>`.",
            )


def _reminder_faults(given: RawValue) -> Iterator[Fault]:
    """Yield a fault if a request could have more reminders than its workflow holds."""
    every = given["remindEvery"].valid(_SPAN) if given["remindEvery"] else _REMIND
    expiries = [rule["requestExpiry"].valid(_SPAN) if rule["requestExpiry"] else _EXPIRY for rule in given["rules"]]
    longest = max((expiry for expiry in expiries if expiry), key=seconds, default=None)
    if every and longest and seconds(longest) > _MOST_REMINDERS * seconds(every):
        yield given["remindEvery"].fault(
            f"A request that expires after {longest} would have more than {_MOST_REMINDERS} reminders. Its workflow "
            "could not hold them (Step Functions: 25,000 events in the history of an execution).",
            "Write a longer duration, e.g. PT4H, or shorten `requestExpiry`.",
        )


def _duplicate_name_faults(rules: list[RawValue]) -> Iterator[Fault]:
    seen: set[str] = set()
    for name in (rule["name"] for rule in rules):
        if name.text in seen:
            yield name.fault(
                "Duplicate name: another rule or deny rule has it, so the record of a decision would be ambiguous.",
                "Give each its own name.",
            )
        seen |= {name.text} if name.text else set()
