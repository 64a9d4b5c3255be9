"""Who may request, approve, break the glass and end: one precedence, in pure functions that explain their answers.

In this order, and the first that refuses is the answer:

1. A deny rule beats everything that a rule allows.
2. Nobody decides on their own request.
3. What no rule allows is refused.
4. Where several rules match, the strictest holds: the most approvals, the shortest maximum, every ticket pattern, the
   longest silence before the glass may be broken and the longest time after a denial (and only if each of them lets it
   be broken at all). The rules that ask for the most approvals govern: their approvers approve.
5. A request for several accounts is one decision, so the strictest of all its accounts holds, and whoever approves it
   has to be named for each of them.

A group counts by who is in it at the moment of the question (`Person.group_ids`). The decision is taken again at every
click, from the stored request and the policy of that moment.

Non-goals: finding out who somebody is (see `services.identity`), and whether a request is still open (see
`request_lifecycle`).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from breakglass.app.domain.durations import format_duration
from breakglass.app.domain.people import Person
from breakglass.app.domain.policy import Action, ApprovalPolicy, DenyRule, Principal, Rule
from breakglass.app.domain.records import Denial, Usage, UsageState
from breakglass.app.domain.texts import is_blank


class Outcome(StrEnum):
    """The answer."""

    allowed = "allowed"
    refused = "refused"


@dataclass(frozen=True)
class Terms:
    """Under what conditions a request is decided; the strictest of all matching rules, durations in seconds.

    Attributes:
        approvals: how many different people have to approve.
        maximum_seconds: how long access may last.
        default_seconds: what the form proposes.
        expiry_seconds: after how long an unanswered request expires.
        tickets: regular expressions, each of which the whole ticket has to match.
        glass_after_seconds: after how long without an answer the glass may be broken; None for never.
        not_after_denial_seconds: for how long after a denial it may not.
        mention: who is mentioned at once; nobody for quiet accounts.
        escalate_after_seconds: after how long without an answer `escalate` is mentioned; None for never.
        escalate: who is mentioned then.
        banners: what whoever decides is shown.
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


@dataclass(frozen=True)
class AnswerHistory:
    """The facts that say whether nobody answers, in seconds since 1970.

    Attributes:
        last_answer_at: when a person was last seen to be awake (`request_lifecycle.unanswered_since`).
        now: the time.
        denials: what was denied lately.
    """

    last_answer_at: int
    now: int
    denials: tuple[Denial, ...]


@dataclass(frozen=True)
class Decision:
    """An answer and why.

    Attributes:
        outcome: the answer.
        reason: why, in a sentence for the person who asked. It may hold what people wrote, so it is escaped when shown.
        rule: the rule or deny rule that decided; several names if several rules govern; None if none has a say.
        approvers: who may approve, whoever asked; empty if nobody or not known.
        terms: the conditions, if some rule allows the request.
    """

    outcome: Outcome
    reason: str
    rule: str | None = None
    approvers: tuple[Principal, ...] = ()
    terms: Terms | None = None

    def __bool__(self) -> bool:
        """Say whether it is allowed: without this, a forgotten `.outcome` would let everybody in."""
        return self.outcome is Outcome.allowed


@dataclass(frozen=True)
class RuleMatch:
    """What one rule, or deny rule, has to do with a question.

    Attributes:
        name: the rule's.
        applies: whether it has a say.
        why: why, or why not, in a sentence.
    """

    name: str
    applies: bool
    why: str


@dataclass(frozen=True)
class AccessReport:
    """Who can approve a request, by which rule, and what a person may, for one permission set in one account.

    Attributes:
        request: whether the person may request it; it names the governing rule and the approvers.
        glass: whether they may take it without approval, once they have waited long enough.
        approval: whether their approval of somebody else's request counts, and by which rules.
        rules: every rule, and whether it applies to a request of theirs.
        denies: every deny rule, and whether it hits them.
    """

    request: Decision
    glass: Decision
    approval: Decision
    rules: tuple[RuleMatch, ...]
    denies: tuple[RuleMatch, ...]


def may_request(policy: ApprovalPolicy, requester: Person, permission_set: str, accounts: Sequence[str]) -> Decision:
    """Decide whether a person may request a permission set in these accounts, under which terms, and who approves."""
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
            "No approver is named for all of these accounts, and one request is one decision: request them one by one.",
            names,
        )
    terms = _terms(matching)
    people = "one approval" if terms.approvals == 1 else f"{terms.approvals} approvals by different people"
    return Decision(
        Outcome.allowed,
        f"{requester.display_name} may request {permission_set}; it takes {people} by {_listed(approvers)}.",
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
    """Decide whether a request may be made as it was written; durations in seconds."""
    allowed = may_request(policy, requester, permission_set, accounts)
    if not allowed or allowed.terms is None:
        return allowed
    standing = [account for account in accounts if _has_standing(policy, requester, permission_set, account)]
    if standing:
        return _refused(
            f"{requester.display_name} has {permission_set} in {_named(policy, standing)} already, without a request: "
            "open it in the access portal.",
            allowed.rule,
        )
    if not 0 < duration <= allowed.terms.maximum_seconds:
        return _refused(
            f"Access may last {format_duration(allowed.terms.maximum_seconds)} at most here, and "
            f"{format_duration(duration)} were asked for.",
            allowed.rule,
        )
    if is_blank(reason):
        return _refused("Whoever decides has to know why: write a reason.", allowed.rule)
    tickets = allowed.terms.tickets
    if tickets and (is_blank(ticket) or not all(re.fullmatch(pattern, ticket) for pattern in tickets)):
        wanted = " and ".join(tickets)
        return _refused(f"A ticket is required here, in the form {wanted}.", allowed.rule)
    return allowed


def may_approve(
    policy: ApprovalPolicy, requester: Person, approver: Person, permission_set: str, accounts: Sequence[str]
) -> Decision:
    """Decide whether a person's approval of somebody's request counts."""
    denied = _denied(policy, approver, Action.approve, permission_set, accounts)
    if denied is not None:
        return denied
    if approver.user_id == requester.user_id:
        return _refused("Nobody approves their own request.")
    request = may_request(policy, requester, permission_set, accounts)
    if not request:
        return request
    if not approver.is_among(request.approvers):
        return _refused(
            f"{approver.display_name} is not among those who approve this: {_listed(request.approvers)}.",
            request.rule,
            request.approvers,
        )
    return Decision(
        Outcome.allowed, f"{approver.display_name} may approve this.", request.rule, request.approvers, request.terms
    )


def decide_request(
    policy: ApprovalPolicy, requester: Person, permission_set: str, accounts: Sequence[str], approvers: Sequence[Person]
) -> Decision:
    """Decide a request on the approvals so far: allowed only with enough different people whose approval counts now."""
    request = may_request(policy, requester, permission_set, accounts)
    if not request or request.terms is None:
        return request
    valid = {
        approver.user_id for approver in approvers if may_approve(policy, requester, approver, permission_set, accounts)
    }
    missing = request.terms.approvals - len(valid)
    if missing > 0:
        return Decision(
            Outcome.refused,
            f"{len(valid)} of {request.terms.approvals} approvals; {missing} more by {_listed(request.approvers)}.",
            request.rule,
            request.approvers,
            request.terms,
        )
    return Decision(
        Outcome.allowed,
        f"{len(valid)} of {request.terms.approvals} approvals.",
        request.rule,
        request.approvers,
        request.terms,
    )


def may_break_glass(
    policy: ApprovalPolicy, requester: Person, permission_set: str, accounts: Sequence[str], answers: AnswerHistory
) -> Decision:
    """Decide whether the requester may take access without approval.

    A denial of the same set in any of the accounts is an answer, and holds for longer than its request.
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
            f"The glass can't be broken here: {permission_set} always takes an approval.",
            request.rule,
            request.approvers,
        )
    no = _last_denial(answers, requester, permission_set, accounts, request.terms.not_after_denial_seconds)
    if no is not None:
        forbidden = request.terms.not_after_denial_seconds
        return _refused(
            f"{no.by.name} denied {permission_set} for {requester.display_name} "
            f"{format_duration(answers.now - no.at)} ago "
            f"({no.request_id}). For {format_duration(forbidden)} after a denial the glass can't be broken; "
            f"{format_duration(no.at + forbidden - answers.now)} to go. An approver can still approve the request.",
            request.rule,
            request.approvers,
        )
    waited = answers.now - answers.last_answer_at
    if waited < after:
        return _refused(
            f"The glass can be broken after {format_duration(after)} without an answer; "
            f"{format_duration(after - waited)} to go. The time "
            "starts again when a person approves, or says that they are looking.",
            request.rule,
            request.approvers,
        )
    return Decision(Outcome.allowed, "Nobody answered in time.", request.rule, request.approvers, request.terms)


def _last_denial(
    answers: AnswerHistory, requester: Person, permission_set: str, accounts: Sequence[str], forbidden: int
) -> Denial | None:
    """Return the newest denial that still forbids breaking the glass, if there is one."""
    holding = [
        one
        for one in answers.denials
        if (one.user_id, one.permission_set) == (requester.user_id, permission_set)
        and not set(one.accounts).isdisjoint(accounts)
        and answers.now < one.at + forbidden
    ]
    return max(holding, key=lambda one: one.at, default=None)


def may_end(
    policy: ApprovalPolicy, person: Person, requester: Person, permission_set: str, accounts: Sequence[str]
) -> Decision:
    """Decide whether a person may end somebody's access: the requester, security, and whoever approves for the set.

    Ending makes nothing worse, so no deny rule stands in its way, and rules that no longer name the requester count.
    """
    if person.user_id == requester.user_id:
        return Decision(Outcome.allowed, "Everybody may give back their own access.")
    others, allowed = _in_charge(policy, person, permission_set, accounts)
    return allowed or _refused(f"Only the requester and {_listed(others)} may end this access.", None, others)


def may_deny(
    policy: ApprovalPolicy, person: Person, requester: Person, permission_set: str, accounts: Sequence[str]
) -> Decision:
    """Decide whether a person may deny somebody's request, or look at it: security, and whoever approves for the set.

    Denying opens nothing, so no deny rule stands in its way. Whoever asked withdraws instead: a look of their own would
    tell the others that somebody is taking care of it.
    """
    if person.user_id == requester.user_id:
        return _refused("Nobody decides on their own request; you can withdraw it.")
    others, allowed = _in_charge(policy, person, permission_set, accounts)
    return allowed or _refused(f"Only {_listed(others)} may decide on this request.", None, others)


def _in_charge(
    policy: ApprovalPolicy, person: Person, permission_set: str, accounts: Sequence[str]
) -> tuple[tuple[Principal, ...], Decision | None]:
    """Return security and all who approve for a set in one of the accounts, and why this person is among them."""
    rules = [
        rule for rule in policy.rules if permission_set in rule.sets and not set(accounts).isdisjoint(rule.accounts)
    ]
    those = _unique([policy.security, *(rule.approvers for rule in rules)])
    if person.is_among(policy.security):
        return those, Decision(Outcome.allowed, f"{person.display_name} is named under `security`.")
    for rule in rules:
        if person.is_among(rule.approvers):
            return those, Decision(
                Outcome.allowed, f"{person.display_name} approves for it.", rule.name, rule.approvers
            )
    return those, None


def may_explain(policy: ApprovalPolicy, use: Usage, person: Person) -> Decision:
    """Decide whether a person may explain a use: whoever it was, anybody where that isn't known, and security.

    Explaining opens nothing, so no deny rule stands in its way.
    """
    if use.state is UsageState.accepted:
        return _refused("It is explained and signed off; nothing can be changed any more.")
    written_by = use.explanation.by if use.explanation is not None else None
    if written_by is not None and written_by.user_id != person.user_id:
        return _refused(f"{written_by.name} has explained it; somebody else signs it off.")
    if _is_user(use, person):
        return Decision(Outcome.allowed, "Whoever used a role explains it.")
    if not use.user_id:
        return Decision(Outcome.allowed, "Nobody knows who it was, so whoever can explain it may.")
    if person.is_among(policy.security):
        return Decision(Outcome.allowed, f"{person.display_name} is named under `security`.")
    others = f" and {_listed(policy.security)}" if policy.security else ""
    return _refused(f"Only whoever used {use.permission_set}{others} may explain this.", approvers=policy.security)


def may_accept(policy: ApprovalPolicy, use: Usage, person: Person) -> Decision:
    """Decide whether a person may agree with an explanation: security, and who approves for the set; never alone.

    For a role that no rule is about, whoever approves by any rule.
    """
    if use.explanation is None:
        return _refused("It is not explained yet.")
    if use.state is UsageState.accepted:
        return _refused("It is signed off already.")
    if person.user_id == use.explanation.by.user_id or _is_user(use, person):
        return _refused("Nobody signs off their own use or their own explanation: it takes a second person.")
    if person.is_among(policy.security):
        return Decision(Outcome.allowed, f"{person.display_name} is named under `security`.")
    rules = [rule for rule in policy.rules if use.permission_set in rule.sets] or policy.rules
    for rule in rules:
        if person.is_among(rule.approvers):
            return Decision(
                Outcome.allowed, f"{person.display_name} approves by the rule {rule.name}.", rule.name, rule.approvers
            )
    others = _unique([policy.security, *(rule.approvers for rule in rules)])
    return _refused(f"Only {_listed(others)} may sign this off.", approvers=others)


def report_access(policy: ApprovalPolicy, person: Person, permission_set: str, account: str) -> AccessReport:
    """Answer who can approve a permission set in an account, by which rule, and why (not) this person."""
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
    """Decide whether a person's approval of somebody else's request counts, whoever asks."""
    denied = _denied(policy, person, Action.approve, permission_set, (account,))
    if denied is not None:
        return denied
    unknown = _unknown(policy, permission_set, (account,))
    if unknown:
        return _refused(unknown)
    about = [rule for rule in policy.rules if permission_set in rule.sets and account in rule.accounts]
    theirs = [rule for rule in about if person.is_among(rule.approvers)]
    approvers = _unique(rule.approvers for rule in about)
    if not theirs:
        return _refused(
            f"{person.display_name} is not among those who approve this: {_listed(approvers)}.", approvers=approvers
        )
    names = ", ".join(rule.name for rule in theirs)
    least = min(rule.approvals for rule in theirs)
    stricter = [rule.name for rule in about if rule not in theirs and rule.approvals > least]
    but = f" It does not count for whoever {', '.join(stricter)} lets request: that asks for more." if stricter else ""
    return Decision(
        Outcome.allowed,
        f"{person.display_name} may approve what others request by {names}, and never their own request.{but}",
        names,
        approvers,
    )


def _match_rule(rule: Rule, person: Person, permission_set: str, account: str) -> RuleMatch:
    if permission_set not in rule.sets:
        why = f"It is not about {permission_set}, but about {', '.join(rule.sets)}."
    elif account not in rule.accounts:
        why = f"It is not about account {account}."
    elif not person.is_among(rule.requesters):
        why = f"It lets {_listed(rule.requesters)} request, and {person.display_name} is not among them."
    else:
        people = "One approval" if rule.approvals == 1 else f"{rule.approvals} approvals"
        why = f"It lets {person.display_name} request. {people} by {_listed(rule.approvers)}."
        return RuleMatch(rule.name, True, why)
    return RuleMatch(rule.name, False, why)


def _match_deny_rule(deny: DenyRule, person: Person, permission_set: str, account: str) -> RuleMatch:
    if deny.sets and permission_set not in deny.sets:
        why = f"It is not about {permission_set}, but about {', '.join(deny.sets)}."
    elif deny.accounts and account not in deny.accounts:
        why = f"It is not about account {account}."
    elif not _hits(deny, person, permission_set, (account,)):
        why = f"It hits {_listed(deny.principals)}, and {person.display_name} is not among them."
    else:
        actions = ", ".join(action.replace("_", " ") for action in deny.actions)
        return RuleMatch(deny.name, True, f"It forbids {person.display_name} to {actions}: {deny.reason}")
    return RuleMatch(deny.name, False, why)


def _is_user(use: Usage, person: Person) -> bool:
    """Say whether it was this person, by their id or, where none is known, by the name that their sessions have."""
    return person.user_id == use.user_id if use.user_id else person.user_name == use.session_name


def find_requestable(policy: ApprovalPolicy, person: Person) -> Mapping[str, tuple[str, ...]]:
    """Return which sets a person may request, and in which accounts each; both sorted."""
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
    """Say what of a request does not exist or can't be reached from here."""
    if permission_set not in policy.sets:
        return (
            f"There is no permission set {permission_set} under approval; there are {', '.join(sorted(policy.sets))}."
        )
    if not accounts:
        return "A request is for at least one account."
    settings = policy.settings
    if settings.management_account in accounts and settings.deployed_in != settings.management_account:
        return (
            f"Account {settings.management_account} is the organisation's management account, and a delegated "
            f"administrator ({settings.deployed_in}) can't give access to it: AWS refuses that."
        )
    return None


def _denied(
    policy: ApprovalPolicy, person: Person, action: Action, permission_set: str, accounts: Sequence[str]
) -> Decision | None:
    for deny in policy.denies:
        if action in deny.actions and _hits(deny, person, permission_set, accounts):
            return _refused(f"The deny rule {deny.name} forbids it: {deny.reason}", deny.name)
    return None


def _hits(deny: DenyRule, person: Person, permission_set: str, accounts: Sequence[str]) -> bool:
    return (
        (not deny.sets or permission_set in deny.sets)
        and (not deny.accounts or not set(deny.accounts).isdisjoint(accounts))
        and (not deny.principals or person.is_among(deny.principals))
    )


def _matching(policy: ApprovalPolicy, requester: Person, permission_set: str, account: str) -> list[Rule]:
    return [
        rule
        for rule in policy.rules
        if permission_set in rule.sets and account in rule.accounts and requester.is_among(rule.requesters)
    ]


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
    )


def _has_standing(policy: ApprovalPolicy, person: Person, permission_set: str, account: str) -> bool:
    return any(
        standing.permission_set == permission_set
        and standing.account == account
        and person.is_among((standing.principal,))
        for standing in policy.standing
    )


def _unique(lists: Iterable[tuple[Principal, ...]]) -> tuple[Principal, ...]:
    return tuple(dict.fromkeys(principal for principals in lists for principal in principals))


def _common(lists: Sequence[tuple[Principal, ...]]) -> tuple[Principal, ...]:
    return tuple(principal for principal in lists[0] if all(principal in others for others in lists[1:]))


def _who_may(policy: ApprovalPolicy, permission_set: str, accounts: Sequence[str]) -> str:
    rules = [
        rule for rule in policy.rules if permission_set in rule.sets and not set(accounts).isdisjoint(rule.accounts)
    ]
    if not rules:
        return "No rule is about it at all."
    return f"Those who may: {_listed(_unique(rule.requesters for rule in rules))}."


def _listed(principals: Sequence[Principal]) -> str:
    return ", ".join(f"{principal.kind} {principal.name}" for principal in principals) or "nobody"


def _named(policy: ApprovalPolicy, accounts: Sequence[str]) -> str:
    return ", ".join(
        f"{account} ({policy.accounts[account]})" if account in policy.accounts else account for account in accounts
    )
