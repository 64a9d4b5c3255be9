"""Decisions to request, approve, break the glass, end, explain and accept: pure functions with reasons.

The first rule of this list that refuses decides:

1. A deny rule overrides every rule that allows.
2. A requester does not decide on their own request.
3. A request that no rule allows is refused.
4. Where several rules match, the strictest terms apply: the most approvals, the shortest maximum, every ticket pattern,
   the longest silence before the glass may be broken, and the longest time after a denial. The glass may be broken only
   if every matching rule allows it. The rules with the most approvals govern: their approvers approve.
5. A request for several accounts is one decision. The strictest terms of all its accounts apply, and an approver has to
   be named for each account.

Group membership is read at the time of the decision (`Person.group_ids`). Each click decides again, by the stored
request and the current policy.

Non-goals: identity (see `services.identity`); the state of a request (see `request_lifecycle`).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeVar

from breakglass.app.domain.durations import format_duration
from breakglass.app.domain.people import Person
from breakglass.app.domain.policy import Action, ApprovalPolicy, DenyRule, Principal, Rule
from breakglass.app.domain.records import Denial, Usage, UsageState
from breakglass.app.domain.texts import is_blank

Item = TypeVar("Item")


class Outcome(StrEnum):
    """The outcome of a decision."""

    allowed = "allowed"
    refused = "refused"


@dataclass(frozen=True)
class Terms:
    """The strictest terms of all matching rules; durations in seconds.

    Attributes:
        default_seconds: duration that the form proposes.
        expiry_seconds: time until an unanswered request expires.
        tickets: regular expressions; the whole ticket has to match each.
        glass_after_seconds: time without an answer until the glass may be broken; None for never.
        not_after_denial_seconds: time after a denial in which it may not.
        escalate_after_seconds: time without an answer until `escalate` is mentioned; None for never.
        banners: warnings shown to approvers above the buttons.
        mention_slack_groups: IDs of Slack user groups that are mentioned like `mention`.
        escalate_slack_groups: IDs of Slack user groups that are mentioned like `escalate`.
    """

    approvals: int
    maximum_seconds: int
    default_seconds: int
    expiry_seconds: int
    tickets: tuple[str, ...]
    glass_after_seconds: int | None
    not_after_denial_seconds: int
    mention: tuple[Principal, ...]
    escalate_after_seconds: int | None
    escalate: tuple[Principal, ...]
    banners: tuple[str, ...]
    mention_slack_groups: tuple[str, ...] = ()
    escalate_slack_groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class AnswerHistory:
    """The answers to a request so far, in seconds since 1970.

    Attributes:
        last_answer_at: time of the last answer (`request_lifecycle.unanswered_since`).
    """

    last_answer_at: int
    now: int
    denials: tuple[Denial, ...]


@dataclass(frozen=True)
class Decision:
    """An outcome with its reason.

    Attributes:
        reason: one or more sentences for the person. It may hold text of people, so it is escaped when shown.
        rule: the rule or deny rule that decided; several names if several rules govern; None if no rule applies.
        approvers: people who may approve; empty if unknown.
    """

    outcome: Outcome
    reason: str
    rule: str | None = None
    approvers: tuple[Principal, ...] = ()
    terms: Terms | None = None

    def __bool__(self) -> bool:
        """Return true if allowed: without this method, a forgotten `.outcome` would allow everything."""
        return self.outcome is Outcome.allowed


@dataclass(frozen=True)
class RuleMatch:
    """The match of a rule or deny rule with a person, a permission set and an account."""

    name: str
    applies: bool
    why: str


@dataclass(frozen=True)
class AccessReport:
    """A person's access to one permission set in one account, by the current policy.

    Attributes:
        glass: the decision on access without approval, after the waiting time.
        approval: the decision on their approval of another person's request.
    """

    request: Decision
    glass: Decision
    approval: Decision
    rules: tuple[RuleMatch, ...]
    denies: tuple[RuleMatch, ...]


def may_request(policy: ApprovalPolicy, requester: Person, permission_set: str, accounts: Sequence[str]) -> Decision:
    """Decide on a person's request for a permission set in accounts, with its terms and approvers."""
    unknown = _unknown(policy, permission_set, accounts)
    if unknown:
        return _refused(unknown)
    denied = _denied(policy, requester, Action.request, permission_set, accounts)
    if denied is not None:
        return denied
    matching = {account: _matching(policy, requester, permission_set, account) for account in accounts}
    closed = [account for account, rules in matching.items() if not rules]
    if closed:
        return _refused(
            f"No rule lets {requester.display_name} request {permission_set} in {_named(policy, closed)}. "
            f"{_who_may(policy, permission_set, closed)}"
        )
    governing = {account: _governing(rules) for account, rules in matching.items()}
    approvers = _common([_unique(rule.approvers for rule in rules) for rules in governing.values()])
    names = ", ".join(dict.fromkeys(rule.name for rules in governing.values() for rule in rules))
    if not approvers:
        return _refused(
            "No approver is named for all of these accounts, and one decision covers all of them. Request each account "
            "separately.",
            names,
        )
    terms = _terms(matching)
    return Decision(
        Outcome.allowed,
        f"{requester.display_name} may request {permission_set}. It needs {format_approvals(terms.approvals)} by "
        f"{_listed(approvers)}.",
        names,
        approvers,
        terms,
    )


def check_request(
    policy: ApprovalPolicy,
    requester: Person,
    permission_set: str,
    accounts: Sequence[str],
    duration: int,
    reason: str,
    ticket: str,
) -> Decision:
    """Decide on a request with its duration in seconds, reason and ticket."""
    allowed = may_request(policy, requester, permission_set, accounts)
    if not allowed or allowed.terms is None:
        return allowed
    standing = [account for account in accounts if _has_standing(policy, requester, permission_set, account)]
    if standing:
        return _refused(
            f"{requester.display_name} has {permission_set} in {_named(policy, standing)} already, without a request. "
            "Open it in the access portal.",
            allowed.rule,
        )
    if not 0 < duration <= allowed.terms.maximum_seconds:
        return _refused(
            f"Requested {format_duration(duration)}; the maximum here is "
            f"{format_duration(allowed.terms.maximum_seconds)}.",
            allowed.rule,
        )
    if is_blank(reason):
        return _refused("Write a reason: the approvers need it.", allowed.rule)
    tickets = allowed.terms.tickets
    if tickets and (is_blank(ticket) or not all(re.fullmatch(pattern, ticket) for pattern in tickets)):
        forms = " and ".join(tickets)
        return _refused(f"A ticket is required here, in the form {forms}.", allowed.rule)
    return allowed


def may_approve(
    policy: ApprovalPolicy, requester: Person, approver: Person, permission_set: str, accounts: Sequence[str]
) -> Decision:
    """Decide on a person's approval of a request."""
    denied = _denied(policy, approver, Action.approve, permission_set, accounts)
    if denied is not None:
        return denied
    if approver.user_id == requester.user_id:
        return _refused("A requester can't approve their own request.")
    request = may_request(policy, requester, permission_set, accounts)
    if not request:
        return request
    if not approver.is_among(request.approvers):
        return _refused(
            f"{approver.display_name} is not an approver. Approvers: {_listed(request.approvers)}.",
            request.rule,
            request.approvers,
        )
    return replace(request, reason=f"{approver.display_name} may approve this.")


def decide_request(
    policy: ApprovalPolicy, requester: Person, permission_set: str, accounts: Sequence[str], approvers: Sequence[Person]
) -> Decision:
    """Decide on a request by its approvals so far, as the current policy counts them."""
    request = may_request(policy, requester, permission_set, accounts)
    if not request or request.terms is None:
        return request
    valid = {
        approver.user_id for approver in approvers if may_approve(policy, requester, approver, permission_set, accounts)
    }
    missing = request.terms.approvals - len(valid)
    if missing > 0:
        reason = f"{len(valid)} of {request.terms.approvals} approvals; {missing} more by {_listed(request.approvers)}."
        return replace(request, outcome=Outcome.refused, reason=reason)
    return replace(request, reason=f"{len(valid)} of {request.terms.approvals} approvals.")


def may_break_glass(
    policy: ApprovalPolicy, requester: Person, permission_set: str, accounts: Sequence[str], answers: AnswerHistory
) -> Decision:
    """Decide on access without approval.

    A denial of the same set in any of the accounts is an answer, and stays valid after its request.
    """
    denied = _denied(policy, requester, Action.break_glass, permission_set, accounts)
    if denied is not None:
        return denied
    request = may_request(policy, requester, permission_set, accounts)
    if not request or request.terms is None:
        return request
    after = request.terms.glass_after_seconds
    if after is None:
        return _refused(
            f"The glass can't be broken here: {permission_set} always needs an approval.",
            request.rule,
            request.approvers,
        )
    denial = _last_denial(answers, requester, permission_set, accounts, request.terms.not_after_denial_seconds)
    if denial is not None:
        forbidden = request.terms.not_after_denial_seconds
        return _refused(
            f"{denial.by.name} denied {permission_set} for {requester.display_name} "
            f"{format_duration(answers.now - denial.at)} ago ({denial.request_id}). "
            f"For {format_duration(forbidden)} after a denial the glass can't be broken; "
            f"{format_duration(denial.at + forbidden - answers.now)} to go. An approver can still approve the "
            "request.",
            request.rule,
            request.approvers,
        )
    waited = answers.now - answers.last_answer_at
    if waited < after:
        return _refused(
            f"The glass can be broken after {format_duration(after)} without an answer; "
            f"{format_duration(after - waited)} to go. "
            "The time starts again when a person approves or acknowledges it.",
            request.rule,
            request.approvers,
        )
    return replace(request, reason="No approver answered in time.")


def _last_denial(
    answers: AnswerHistory, requester: Person, permission_set: str, accounts: Sequence[str], forbidden: int
) -> Denial | None:
    """Return the newest denial that still forbids breaking the glass."""
    holding = [
        denial
        for denial in answers.denials
        if (denial.user_id, denial.permission_set) == (requester.user_id, permission_set)
        and not set(denial.accounts).isdisjoint(accounts)
        and answers.now < denial.at + forbidden
    ]
    return max(holding, key=lambda denial: denial.at, default=None)


def may_end(
    policy: ApprovalPolicy, person: Person, requester: Person, permission_set: str, accounts: Sequence[str]
) -> Decision:
    """Decide on ending access: the requester, security, and the approvers of any rule for the set may.

    An end adds no access, so deny rules do not apply, and rules that no longer name the requester count.
    """
    if person.user_id == requester.user_id:
        return Decision(Outcome.allowed, "The requester may end their own access.")
    others, allowed = _in_charge(policy, person, permission_set, accounts)
    return allowed or _refused(f"Only the requester and {_listed(others)} may end this access.", None, others)


def may_deny(
    policy: ApprovalPolicy, person: Person, requester: Person, permission_set: str, accounts: Sequence[str]
) -> Decision:
    """Decide on a denial or acknowledgement: security, and the approvers of any rule for the set may.

    A denial adds no access, so deny rules do not apply. A requester withdraws instead: their own acknowledgement would
    tell the approvers that one of them is deciding.
    """
    if person.user_id == requester.user_id:
        return _refused("A requester can't decide on their own request, but can withdraw it.")
    others, allowed = _in_charge(policy, person, permission_set, accounts)
    return allowed or _refused(f"Only {_listed(others)} may decide on this request.", None, others)


def _in_charge(
    policy: ApprovalPolicy, person: Person, permission_set: str, accounts: Sequence[str]
) -> tuple[tuple[Principal, ...], Decision | None]:
    """Return security and the approvers for a set, with the decision if the person is one of them."""
    rules = _rules_for(policy, permission_set, accounts)
    people = _unique([policy.security, *(rule.approvers for rule in rules)])
    if person.is_among(policy.security):
        return people, Decision(Outcome.allowed, f"{person.display_name} is named under `security`.")
    for rule in rules:
        if person.is_among(rule.approvers):
            return people, Decision(
                Outcome.allowed, f"{person.display_name} is an approver for it.", rule.name, rule.approvers
            )
    return people, None


def may_explain(policy: ApprovalPolicy, usage: Usage, person: Person) -> Decision:
    """Decide on an explanation by the user, by security, or for an unknown user by any person.

    An explanation adds no access, so deny rules do not apply.
    """
    if usage.state is UsageState.accepted:
        return _refused("The explanation is accepted and can't be changed.")
    written_by = usage.explanation.by if usage.explanation is not None else None
    if written_by is not None and written_by.user_id != person.user_id:
        return _refused(f"{written_by.name} has explained it. A second person accepts it.")
    if _is_user(usage, person):
        return Decision(Outcome.allowed, "The user of a role explains it.")
    if not usage.user_id:
        return Decision(Outcome.allowed, "The user is unknown, so any person may explain it.")
    if person.is_among(policy.security):
        return Decision(Outcome.allowed, f"{person.display_name} is named under `security`.")
    others = f" and {_listed(policy.security)}" if policy.security else ""
    return _refused(f"Only the user of {usage.permission_set}{others} may explain this.", approvers=policy.security)


def may_accept(policy: ApprovalPolicy, usage: Usage, person: Person) -> Decision:
    """Decide on an acceptance by security or an approver for the set, except the user and the author.

    For a role without a rule, the approvers of any rule may.
    """
    if usage.explanation is None:
        return _refused("It is not explained yet.")
    if usage.state is UsageState.accepted:
        return _refused("It is accepted already.")
    if person.user_id == usage.explanation.by.user_id or _is_user(usage, person):
        return _refused(
            "The user of the role and the author of the explanation can't accept it: a second person has to."
        )
    if person.is_among(policy.security):
        return Decision(Outcome.allowed, f"{person.display_name} is named under `security`.")
    rules = [rule for rule in policy.rules if usage.permission_set in rule.sets] or policy.rules
    for rule in rules:
        if person.is_among(rule.approvers):
            return Decision(
                Outcome.allowed, f"{person.display_name} is an approver by rule {rule.name}.", rule.name, rule.approvers
            )
    others = _unique([policy.security, *(rule.approvers for rule in rules)])
    return _refused(f"Only {_listed(others)} may accept this.", approvers=others)


def report_access(policy: ApprovalPolicy, person: Person, permission_set: str, account: str) -> AccessReport:
    """Return a person's access to a permission set in an account, with the reasons."""
    request = may_request(policy, person, permission_set, (account,))
    after = request.terms.glass_after_seconds if request.terms is not None else None
    return AccessReport(
        request=request,
        glass=may_break_glass(policy, person, permission_set, (account,), AnswerHistory(0, after or 0, ())),
        approval=_approval_of_others(policy, person, permission_set, account),
        rules=tuple(_match_rule(rule, person, permission_set, account) for rule in policy.rules),
        denies=tuple(_match_deny_rule(deny, person, permission_set, account) for deny in policy.denies),
    )


def _approval_of_others(policy: ApprovalPolicy, person: Person, permission_set: str, account: str) -> Decision:
    denied = _denied(policy, person, Action.approve, permission_set, (account,))
    if denied is not None:
        return denied
    unknown = _unknown(policy, permission_set, (account,))
    if unknown:
        return _refused(unknown)
    about = _rules_for(policy, permission_set, (account,))
    own = [rule for rule in about if person.is_among(rule.approvers)]
    approvers = _unique(rule.approvers for rule in about)
    if not own:
        return _refused(
            f"{person.display_name} is not an approver. Approvers: {_listed(approvers)}.", approvers=approvers
        )
    names = ", ".join(rule.name for rule in own)
    least = min(rule.approvals for rule in own)
    stricter = [rule.name for rule in about if rule not in own and rule.approvals > least]
    but = f" Requests under {', '.join(stricter)} need more approvals, by other approvers." if stricter else ""
    return Decision(
        Outcome.allowed,
        f"{person.display_name} may approve the requests of others by {names}, but not their own.{but}",
        names,
        approvers,
    )


def _match_rule(rule: Rule, person: Person, permission_set: str, account: str) -> RuleMatch:
    if permission_set not in rule.sets:
        why = f"It is for {', '.join(rule.sets)}, not for {permission_set}."
    elif account not in rule.accounts:
        why = f"It is not for account {account}."
    elif not person.is_among(rule.requesters):
        why = f"It lets {_listed(rule.requesters)} request, and {person.display_name} is not one of them."
    else:
        approvals = "One approval" if rule.approvals == 1 else f"{rule.approvals} approvals"
        why = f"It lets {person.display_name} request. {approvals} by {_listed(rule.approvers)}."
        return RuleMatch(rule.name, True, why)
    return RuleMatch(rule.name, False, why)


def _match_deny_rule(deny: DenyRule, person: Person, permission_set: str, account: str) -> RuleMatch:
    if deny.sets and permission_set not in deny.sets:
        why = f"It is for {', '.join(deny.sets)}, not for {permission_set}."
    elif deny.accounts and account not in deny.accounts:
        why = f"It is not for account {account}."
    elif not _forbids(deny, person, permission_set, (account,)):
        why = f"It forbids {_listed(deny.principals)}, and {person.display_name} is not one of them."
    else:
        actions = ", ".join(action.replace("_", " ") for action in deny.actions)
        return RuleMatch(deny.name, True, f"It forbids {person.display_name} to {actions}: {deny.reason}")
    return RuleMatch(deny.name, False, why)


def _is_user(usage: Usage, person: Person) -> bool:
    """Return true if the person is the user, by ID or, if that is unknown, by session name."""
    return person.user_id == usage.user_id if usage.user_id else person.user_name == usage.session_name


def find_requestable(policy: ApprovalPolicy, person: Person) -> Mapping[str, tuple[str, ...]]:
    """Return the sets that a person may request, with the accounts of each; both sorted."""
    found = {
        name: tuple(
            account
            for account in sorted({account for rule in policy.rules if name in rule.sets for account in rule.accounts})
            if may_request(policy, person, name, [account]) and not _has_standing(policy, person, name, account)
        )
        for name in sorted(policy.sets)
    }
    return {name: accounts for name, accounts in found.items() if accounts}


def _refused(reason: str, rule: str | None = None, approvers: tuple[Principal, ...] = ()) -> Decision:
    return Decision(Outcome.refused, reason, rule, approvers)


def _unknown(policy: ApprovalPolicy, permission_set: str, accounts: Sequence[str]) -> str | None:
    """Return the part of a request that does not exist or can't be reached, as a reason."""
    if permission_set not in policy.sets:
        return (
            f"No approval rule covers the permission set {permission_set}. The rules cover "
            f"{', '.join(sorted({name for rule in policy.rules for name in rule.sets}))}."
        )
    if not accounts:
        return "A request needs at least one account."
    settings = policy.settings
    if settings.management_account in accounts and settings.deployed_in != settings.management_account:
        return (
            f"Account {settings.management_account} is the organization's management account, and a delegated "
            f"administrator ({settings.deployed_in}) can't assign access to it: AWS refuses that."
        )
    return None


def _denied(
    policy: ApprovalPolicy, person: Person, action: Action, permission_set: str, accounts: Sequence[str]
) -> Decision | None:
    for deny in policy.denies:
        if action in deny.actions and _forbids(deny, person, permission_set, accounts):
            return _refused(f"The deny rule {deny.name} forbids it: {deny.reason}", deny.name)
    return None


def _forbids(deny: DenyRule, person: Person, permission_set: str, accounts: Sequence[str]) -> bool:
    return (
        (not deny.sets or permission_set in deny.sets)
        and (not deny.accounts or not set(deny.accounts).isdisjoint(accounts))
        and (not deny.principals or person.is_among(deny.principals))
    )


def _rules_for(policy: ApprovalPolicy, permission_set: str, accounts: Sequence[str]) -> list[Rule]:
    return [
        rule for rule in policy.rules if permission_set in rule.sets and not set(accounts).isdisjoint(rule.accounts)
    ]


def _matching(policy: ApprovalPolicy, requester: Person, permission_set: str, account: str) -> list[Rule]:
    return [rule for rule in _rules_for(policy, permission_set, (account,)) if requester.is_among(rule.requesters)]


def _governing(rules: Sequence[Rule]) -> list[Rule]:
    most = max(rule.approvals for rule in rules)
    return [rule for rule in rules if rule.approvals == most]


def _terms(matching: Mapping[str, Sequence[Rule]]) -> Terms:
    rules = [rule for of_account in matching.values() for rule in of_account]
    loud = [
        rule for account, of_account in matching.items() for rule in of_account if account not in rule.quiet_accounts
    ]
    silences = [rule.glass_after_seconds for rule in rules]
    waits = [rule.escalate_after_seconds for rule in loud if rule.escalate_after_seconds is not None]
    maximum = min(rule.maximum_seconds for rule in rules)
    return Terms(
        approvals=max(rule.approvals for rule in rules),
        maximum_seconds=maximum,
        default_seconds=min(maximum, *(rule.default_seconds for rule in rules)),
        expiry_seconds=min(rule.expiry_seconds for rule in rules),
        tickets=tuple(dict.fromkeys(rule.ticket_pattern for rule in rules if rule.ticket_pattern is not None)),
        glass_after_seconds=None if None in silences else max(silence for silence in silences if silence is not None),
        not_after_denial_seconds=max(rule.not_after_denial_seconds for rule in rules),
        mention=_unique(rule.mention for rule in loud),
        escalate_after_seconds=min(waits, default=None),
        escalate=_unique(rule.escalate for rule in loud),
        banners=tuple(dict.fromkeys(rule.risk_banner for rule in rules if rule.risk_banner is not None)),
        mention_slack_groups=_unique(rule.mention_slack_groups for rule in loud),
        escalate_slack_groups=_unique(rule.escalate_slack_groups for rule in loud),
    )


def _has_standing(policy: ApprovalPolicy, person: Person, permission_set: str, account: str) -> bool:
    return any(
        standing.permission_set == permission_set
        and standing.account == account
        and person.is_among((standing.principal,))
        for standing in policy.standing
    )


def _unique(lists: Iterable[tuple[Item, ...]]) -> tuple[Item, ...]:
    return tuple(dict.fromkeys(item for items in lists for item in items))


def _common(lists: Sequence[tuple[Principal, ...]]) -> tuple[Principal, ...]:
    return tuple(principal for principal in lists[0] if all(principal in others for others in lists[1:]))


def format_approvals(count: int) -> str:
    """Return the number of approvals that a request needs."""
    return "one approval" if count == 1 else f"{count} approvals by different people"


def _who_may(policy: ApprovalPolicy, permission_set: str, accounts: Sequence[str]) -> str:
    rules = _rules_for(policy, permission_set, accounts)
    if not rules:
        return "No rule covers it."
    return f"Allowed requesters: {_listed(_unique(rule.requesters for rule in rules))}."


def _listed(principals: Sequence[Principal]) -> str:
    return ", ".join(f"{principal.kind} {principal.name}" for principal in principals) or "no one"


def _named(policy: ApprovalPolicy, accounts: Sequence[str]) -> str:
    return ", ".join(
        f"{account} ({policy.accounts[account]})" if account in policy.accounts else account for account in accounts
    )
