"""The section `approvals` of a stack file, as frozen models: who may request what, who decides, under which terms.

What the section says by itself is judged here; how it goes together with the other sections of the file is judged in
`breakglass.stack_file.approvals_lint`.

Non-goals: who is in a group, and whether what a value names exists: that is asked of Identity Center, at the deployment
for names and at every decision for members.
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
from breakglass.stack_file.principals import PRINCIPAL_KEYS, Principals, PrincipalSpec
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

# What `AccessDuration` and `Span` are where the file says nothing.
_MAXIMUM = "PT1H"
_EXPIRY = "PT30M"
_REMIND = "PT4H"

NOT_AFTER_DENIAL = "PT12H"
"""For how long after a denial the glass can't be broken, where the file says nothing."""

_MOST_REMINDERS = 500
_MOST_STEPS = 1_000_000


class DeniedAction(StrEnum):
    """What a deny rule forbids."""

    request = "request"
    """To ask for access, and to be given it."""
    approve = "approve"
    """To decide on somebody else's request."""
    breakGlass = "breakGlass"  # noqa: N815 the value as the stack file writes it
    """To take access without approval."""


def _ticket_pattern(value: object) -> str:
    if not isinstance(value, str):
        raise fault(
            f"A regular expression belongs here, and this is {yaml_kind(value)}.", 'Write e.g. "INC-[0-9]+", in quotes.'
        )
    try:
        pattern = re.compile(value)
        steps = most_steps(value, LONGEST_TICKET, _MOST_STEPS)
    except (re.error, OverflowError, RecursionError) as error:
        raise fault(
            f"This is no regular expression ({error}), so no ticket could ever match it and every request would be "
            "refused.",
            'Write a regular expression of Python for the whole ticket, e.g. "INC-[0-9]+".',
        ) from None
    if steps > _MOST_STEPS:
        raise fault(
            f"There are tickets of {LONGEST_TICKET} characters that this pattern can be tried on in more than a "
            "million ways before it is known that none of them fits. The function that answers in Slack would be busy "
            "with one for seconds, or for ever.",
            "Put no quantifier inside a group that is repeated itself, as in ([A-Z]+)+, and put no quantifiers side by "
            'side that match the same characters, as in .*.*.*.*. Write e.g. "(INC|CHG)-[0-9]+".',
        )
    if pattern.fullmatch(""):
        raise fault(
            "The pattern also matches an empty text, so a request without a ticket would pass.",
            'Write a pattern that asks for at least one character, e.g. "INC-[0-9]+"; leave the key out if no ticket '
            "is needed.",
        )
    return value


TicketPattern = Annotated[
    str,
    BeforeValidator(_ticket_pattern),
    WithJsonSchema({"type": "string", "examples": ["INC-[0-9]+"]}),
]
"""A regular expression of Python that the whole ticket has to match, in few steps whatever the ticket."""


class WithoutApproval(ConfigModel):
    """Breaking the glass: the requester takes access that nobody has approved, and everybody is told."""

    after: Wait
    """After how long without an answer; PT0S for at once. It starts again with each approval and each *Acknowledge*."""
    not_after_denial: Span = NOT_AFTER_DENIAL
    """For how long after a denial the same person may not, for the same set and any of the accounts."""


class Escalation(ConfigModel):
    """Who is mentioned if nobody answers."""

    after: Span
    """After how long without an answer."""
    ping: Principals
    """Who is mentioned then. It gives nobody the right to approve."""


class ApprovalRule(ConfigModel):
    """Who may request which break-glass sets in which accounts, who approves, and under what terms."""

    name: RuleName
    """What every decision by this rule is recorded with."""
    sets: Annotated[list[PermissionSetName], Field(min_length=1, examples=[["devops-break-glass"]])]
    """Names of break-glass permission sets of this file."""
    accounts: Annotated[list[AccountId], Field(min_length=1, examples=[["111122223333"]])]
    """Account ids, each in quotes."""
    requesters: Principals
    """Who may request."""
    approvers: Principals
    """Who may approve; nobody ever approves their own request."""
    approvals: Annotated[int, Field(ge=1, le=10), NO_BOOL] = 1
    """How many different people have to approve. Of several rules that match, the most approvals hold."""
    maximum_duration: AccessDuration = _MAXIMUM
    """How long access may last from the moment it is approved, at most PT12H."""
    default_duration: AccessDuration | None = None
    """What the form proposes; an hour by default, or `maximumDuration` if that is shorter."""
    request_expiry: Span = _EXPIRY
    """After how long an unanswered request expires."""
    ticket_pattern: TicketPattern | None = None
    """A regular expression that the whole ticket has to match; without it no ticket is asked for."""
    without_approval: WithoutApproval | None = None
    """Whether the requester may break the glass if nobody answers, and when; never without this key."""
    ping: list[PrincipalSpec] = Field(default_factory=list, examples=[[{"group": "database-leads"}]])
    """Who is mentioned at once. It gives nobody the right to approve."""
    escalate: Escalation | None = None
    """Who is mentioned if nobody answers."""
    quiet_accounts: list[AccountId] = Field(default_factory=list, examples=[["111122223333"]])
    """Accounts of this rule for which nobody is mentioned, unless the glass is broken."""
    risk_banner: RuleText | None = Field(default=None, examples=["These databases hold personal data."])
    """What whoever decides is shown above the buttons."""

    @property
    def proposed_duration(self) -> str:
        """What the form proposes."""
        if self.default_duration is not None:
            return self.default_duration
        return min(_MAXIMUM, self.maximum_duration, key=seconds)

    @classmethod
    def cross_field_faults(cls, given: RawValue) -> Iterator[Fault]:
        """Nothing twice, and every duration before the one that ends it."""
        for key in ("sets", "accounts", "requesters", "approvers", "ping", "quietAccounts"):
            yield from duplicate_faults(given[key])
        yield from duplicate_faults(given["escalate"]["ping"])
        yield from _impossible_durations(given)
        yield from _too_few_people(given)
        accounts = {account.text for account in given["accounts"]}
        for account in given["quietAccounts"]:
            if account.text and account.text not in accounts:
                yield account.fault(
                    "The account is not in this rule, so being quiet about it has no effect.",
                    "Delete it here, or add it to the rule's `accounts`.",
                )


def _impossible_durations(given: RawValue) -> Iterator[Fault]:
    """Complain about what would never happen, because something else happens before."""
    maximum = given["maximumDuration"].valid(_ACCESS_DURATION) if given["maximumDuration"] else _MAXIMUM
    default = given["defaultDuration"].valid(_ACCESS_DURATION)
    if maximum and default and seconds(default) > seconds(maximum):
        yield given["defaultDuration"].fault(
            f"The form would propose {default}, and the rule allows {maximum} at most: whoever sends the form as it is "
            "would be refused.",
            f"Write {maximum} or less, or raise `maximumDuration`.",
        )
    expiry = given["requestExpiry"].valid(_SPAN) if given["requestExpiry"] else _EXPIRY
    if not expiry:
        return
    for key, adapter, what in (
        ("escalate", _SPAN, "nobody of `escalate` would ever be mentioned"),
        ("withoutApproval", _WAIT, "the glass could never be broken"),
    ):
        after = given[key]["after"].valid(adapter)
        if after and seconds(after) >= seconds(expiry):
            yield given[key]["after"].fault(
                f"A request expires unanswered after {expiry}, so {what}.",
                f"Write less than {expiry}, or raise `requestExpiry`.",
            )


def _too_few_people(given: RawValue) -> Iterator[Fault]:
    """Complain about a rule by which nothing could ever be approved, as far as that is known without the groups.

    A group may have any number of members, and anybody among them, so only what people are named by themselves counts.
    """
    needed, approvers = given["approvals"].value, _named(given["approvers"])
    if not approvers or _with_groups(approvers) or not isinstance(needed, int | float | None):
        return
    needed = 1 if needed is None else needed
    if needed > len(approvers):
        yield given["approvals"].fault(
            f"The rule asks for {needed} approvals by different people, and names {len(approvers)}: nothing could ever "
            "be approved by it.",
            f"Write {len(approvers)} or less, or name more `approvers`, better a group.",
        )
        return
    requesters = _named(given["requesters"])
    if requesters and not _with_groups(requesters) and all(len(approvers - {one}) < needed for one in requesters):
        yield given["approvers"].fault(
            "Nobody approves their own request, and whoever may request by this rule needs an approval of their own: "
            "nothing could ever be approved by it.",
            "Name somebody else under `approvers`, better a group; of several approvals, as many others.",
        )


def _named(entries: RawValue) -> set[tuple[str, str]]:
    """Return the groups and users that are named, each with its key."""
    return {(key, text) for entry in entries for key in PRINCIPAL_KEYS if (text := entry[key].text) is not None}


def _with_groups(named: set[tuple[str, str]]) -> bool:
    return any(key.startswith("group") for key, _ in named)


class DenyRuleSpec(ConfigModel):
    """What nobody may, whatever a rule allows."""

    name: RuleName
    """What every refusal by this rule is recorded with."""
    reason: RuleText = Field(examples=["Contractors work under supervision."])
    """Why; told to whoever is refused."""
    actions: Annotated[list[DeniedAction], Field(min_length=1, examples=[["request", "approve", "breakGlass"]])]
    """What is forbidden."""
    sets: list[PermissionSetName] = Field(default_factory=list, examples=[["devops-break-glass"]])
    """For which break-glass sets; for all of them by default."""
    accounts: list[AccountId] = Field(default_factory=list, examples=[["111122223333"]])
    """In which accounts; in all of them by default."""
    principals: list[PrincipalSpec] = Field(default_factory=list, examples=[[{"group": "contractors"}]])
    """Whom it hits; everybody by default."""

    @classmethod
    def cross_field_faults(cls, given: RawValue) -> Iterator[Fault]:
        """Nothing twice."""
        for key in ("actions", "sets", "accounts", "principals"):
            yield from duplicate_faults(given[key])


class ApprovalSettings(ConfigModel):
    """The approval workflow in Slack: access to the break-glass sets of this file is requested, decided, and ends."""

    channel: SlackChannelId
    """The ID of the channel where requests are decided. The Slack app must be a member of it."""
    second_channel: SlackChannelId | None = None
    """The ID of the channel that is told as well when the glass is broken; needed if a rule has `withoutApproval`."""
    signing_secret_name: SecretName | None = Field(default=None, examples=["breakglass-slack-signing-secret"])
    """The name of an existing secret with the Slack app's signing secret; if left out, one is made of
    `slackSigningSecret`."""
    people: dict[SlackUserId, PrincipalName] = Field(default_factory=dict, examples=[{"U0123ABCD": "ada.lovelace"}])
    """Slack user id -> user name in Identity Center, for people whose e-mail address differs between the two, is not
    confirmed in Slack (single sign-on) or is hidden there. It pins them: an address makes no other Slack user them.
    Of the two ids in an Enterprise Grid, `U...` and `W...`, either is enough."""
    security: list[PrincipalSpec] = Field(default_factory=list, examples=[[{"group": "security"}]])
    """Who may end any access, and read the whole history."""
    rules: Annotated[list[ApprovalRule], Field(min_length=1)]
    """Who may request what, and who approves."""
    denies: list[DenyRuleSpec] = Field(default_factory=list)
    """What nobody may, whatever a rule allows."""
    explain_within: Span = "PT24H"
    """After how long a use that nobody has explained is overdue."""
    remind_every: Span = _REMIND
    """How often an unanswered request, or a use that nobody has explained, is brought up again."""
    end_sessions: StrictBool = False
    """Whether live sessions end with the access, by a service control policy on the rules' accounts; without it a
    session lives on for up to its `sessionDuration`. Sessions in the management account live on all the same, since no
    such policy binds it. Only the management account may make the policy, or who it lets manage policies."""
    unrecorded_assignments: UnmanagedAssignments = Field(
        default=UnmanagedAssignments.report, examples=["report", "revoke"]
    )
    """What becomes of an assignment of a break-glass set that neither a request nor this file made."""
    protect_records: StrictBool = True
    """Whether AWS refuses to delete the table with the records and the audit trail. To destroy a stack, write false,
    `pulumi up`, and only then `pulumi destroy`."""

    @classmethod
    def cross_field_faults(cls, given: RawValue) -> Iterator[Fault]:
        """Every name says one thing, and whoever is to hear of a broken glass can."""
        yield from duplicate_faults(given["security"])
        yield from _too_often(given)
        yield from _repeated_names([*given["rules"], *given["denies"]])
        channel, second = given["channel"], given["secondChannel"]
        if second and second.value == channel.value:
            yield second.fault(
                "This is the channel where requests are decided, so nobody else would hear that the glass was broken.",
                "Write the ID of another channel, which other people read, e.g. that of your security team.",
            )
        if not second and any(rule["withoutApproval"] for rule in given["rules"]):
            yield second.fault(
                "A rule lets people take access that nobody has approved (`withoutApproval`), and the people of the "
                "channel where requests are decided may be the very ones who did not answer.",
                "Add `secondChannel: <ID of a channel that other people read>`.",
            )


def _too_often(given: RawValue) -> Iterator[Fault]:
    """Complain about requests that would be brought up again without end: a workflow holds only so many steps."""
    every = given["remindEvery"].valid(_SPAN) if given["remindEvery"] else _REMIND
    expiries = [rule["requestExpiry"].valid(_SPAN) if rule["requestExpiry"] else _EXPIRY for rule in given["rules"]]
    longest = max((one for one in expiries if one), key=seconds, default=None)
    if every and longest and seconds(longest) > _MOST_REMINDERS * seconds(every):
        yield given["remindEvery"].fault(
            f"A request that expires unanswered after {longest} would be brought up again more than {_MOST_REMINDERS} "
            "times, which nobody reads, and the workflow that waits for it could not hold it (Step Functions: 25,000 "
            "events in the history of an execution).",
            "Write a longer duration, e.g. PT4H, or shorten `requestExpiry`.",
        )


def _repeated_names(rules: list[RawValue]) -> Iterator[Fault]:
    seen: set[str] = set()
    for name in (rule["name"] for rule in rules):
        if name.text in seen:
            yield name.fault(
                "Another rule or deny rule has this name, so the record of a decision would not say which of them it "
                "was.",
                "Give each its own name.",
            )
        seen |= {name.text} if name.text else set()
