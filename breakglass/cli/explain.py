"""Explains who can approve a permission set in an account, by which rule, and why a person can't.

The same code decides as in AWS (`app.domain.decision`), with the groups as they are now. The report names the people
in the groups.

Non-goals: the state of an open request, which its message in Slack shows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from breakglass.app.domain import decision
from breakglass.app.domain.decision import AccessReport, Decision, RuleMatch, Terms
from breakglass.app.domain.durations import format_duration
from breakglass.app.domain.people import Person
from breakglass.app.domain.policy import ApprovalPolicy, Principal
from breakglass.app.ports import Directory
from breakglass.cli.layout import format_columns, to_one_line
from breakglass.cli.progress import Progress
from breakglass.errors import InvalidArgumentError, Problem, format_value
from breakglass.stack_file.report import closest, nearest


@dataclass(frozen=True)
class Question:
    """The arguments; `who` and `requester` are user names or e-mail addresses."""

    who: str
    permission_set: str
    account: str
    requester: str | None = None


@dataclass(frozen=True)
class Candidate:
    """A person named as an approver, directly or by groups of the approval policy."""

    person: Person
    through: tuple[Principal, ...]
    approval: Decision


@dataclass(frozen=True)
class ApprovalReport:
    """The answer to a question.

    Attributes:
        account: name of the account.
        requester: the user of `Question.requester`, or `person` without one.
        verdict: the decision on an approval by `person` of a request by `requester`; None without `Question.requester`.
    """

    question: Question
    account: str
    person: Person
    access: AccessReport
    requester: Person
    requester_access: AccessReport
    verdict: Decision | None
    candidates: tuple[Candidate, ...]

    @property
    def has_enough_approvers(self) -> bool:
        """True if enough candidates can approve."""
        terms = self.requester_access.request.terms
        return sum(bool(each.approval) for each in self.candidates) >= (terms.approvals if terms else 1)


def check_question(policy: ApprovalPolicy, question: Question) -> None:
    """Check the question's names against the approval policy, without a call of AWS.

    Raises:
        InvalidArgumentError: the policy has no such permission set or account.
    """
    if question.permission_set not in policy.sets:
        raise InvalidArgumentError(
            Problem(
                "--set",
                format_value(question.permission_set),
                "No such permission set is under approval, so it has no approvers.",
                nearest(question.permission_set, sorted(policy.sets)),
            )
        )
    accounts = {account: policy.accounts.get(account, "") for rule in policy.rules for account in rule.accounts}
    accounts.update(policy.accounts)
    if question.account not in accounts:
        raise InvalidArgumentError(
            Problem(
                "--account",
                format_value(question.account),
                "The approval policy has no account with this ID, so no rule applies to it.",
                _nearest_account(question.account, accounts),
            )
        )


def _nearest_account(written: str, accounts: Mapping[str, str]) -> str:
    """Return a fix that names the account with the most similar ID or name."""
    listed = {account: f"{account} ({name})" if name else account for account, name in sorted(accounts.items())}
    close = closest(written, [*listed, *filter(None, accounts.values())], cutoff=0.5)
    meant = [text for account, text in listed.items() if close in (account, accounts[account])]
    question = f"Did you mean {' or '.join(meant)}? " if meant else ""
    return f"{question}Possible here: {', '.join(listed.values())}."


def build_report(
    policy: ApprovalPolicy, directory: Directory, question: Question, progress: Progress
) -> ApprovalReport:
    """Answer a question that has passed `check_question`.

    Raises:
        InvalidArgumentError: the identity store has no such user.
    """
    progress.activity = "looking up users in Identity Center"
    who = _find_person(directory, "--who", question.who)
    requester = who if question.requester is None else _find_person(directory, "--for", question.requester)
    name, account = question.permission_set, question.account
    return ApprovalReport(
        question=question,
        account=policy.accounts.get(account, ""),
        person=who,
        access=decision.report_access(policy, who, name, account),
        requester=requester,
        requester_access=decision.report_access(policy, requester, name, account),
        verdict=None if question.requester is None else decision.may_approve(policy, requester, who, name, [account]),
        candidates=_find_candidates(policy, directory, requester, question, progress),
    )


def to_json(report: ApprovalReport) -> dict[str, Any]:
    """Return a report as JSON."""
    return {
        "permission_set": report.question.permission_set,
        "account": {"id": report.question.account, "name": report.account},
        "who": {**_person_json(report.person), **_access_json(report.access)},
        **(
            {"for": {**_person_json(report.requester), **_access_json(report.requester_access)}}
            if report.verdict is not None
            else {}
        ),
        **({"may_approve_for": _decision_json(report.verdict)} if report.verdict is not None else {}),
        "terms": _terms_json(report.requester_access.request.terms),
        "approvers": [
            {
                **_person_json(each.person),
                "through": [_principal_json(principal) for principal in each.through],
                **_decision_json(each.approval),
            }
            for each in report.candidates
        ],
        "enough_approvers": report.has_enough_approvers,
    }


def to_text(report: ApprovalReport) -> str:
    """Return a report for a terminal."""
    account = f"{report.question.account} ({report.account})" if report.account else report.question.account
    sections = [
        (f"{report.question.permission_set} in {account}", _verdict_rows(report)),
        (_approvers_title(report), _approver_rows(report)),
        ("Conditions", _condition_rows(report.requester_access.request.terms)),
        (f"Rules, for a request of {_name(report.requester)}", _rule_rows(report.requester_access.rules, "allows it")),
        (f"Deny rules, for {_name(report.person)}", _rule_rows(report.access.denies, "forbids it")),
    ]
    if report.requester != report.person:
        sections.append(
            (f"Deny rules, for {_name(report.requester)}", _rule_rows(report.requester_access.denies, "forbids it"))
        )
    return "\n\n".join("\n".join([to_one_line(title), *format_columns(rows)]) for title, rows in sections if rows)


# --- people -----------------------------------------------------------------------------------------------------------


def _find_person(directory: Directory, option: str, name: str) -> Person:
    """Return a user by user name or, since many directories use them as user names, by e-mail address."""
    person = directory.person_by_user_name(name)
    if person is None and "@" in name:
        person = directory.person_by_email(name)
    if person is None:
        raise InvalidArgumentError(
            Problem(
                option,
                format_value(name),
                "The identity store has no enabled user with exactly this user name.",
                "Write the user name as Identity Center shows it under Users, or the user's e-mail address. "
                "`aws identitystore list-users` lists all users.",
            )
        )
    return person


def _find_candidates(
    policy: ApprovalPolicy, directory: Directory, requester: Person, question: Question, progress: Progress
) -> tuple[Candidate, ...]:
    """Return the people named as approvers, those who can approve first."""
    name, account = question.permission_set, question.account
    request = decision.may_request(policy, requester, name, [account])
    rules = (rule for rule in policy.rules if name in rule.sets and account in rule.accounts)
    approvers = request.approvers if request else dict.fromkeys(each for rule in rules for each in rule.approvers)
    through: dict[str, list[Principal]] = {}
    for principal in approvers:
        progress.activity = f"asking Identity Center about {principal.kind} {principal.name}"
        for member in directory.members([principal]):
            through.setdefault(member.user_id, []).append(principal)
    found: list[Candidate] = []
    for user_id, principals in through.items():
        # Members come without their groups, which a deny rule may name.
        person = directory.person(user_id)
        if person is not None:
            found.append(
                Candidate(person, tuple(principals), _decide_approval(policy, requester, person, question, request))
            )
        progress.activity = f"asking Identity Center about the approvers: {len(found)} of {len(through)}"
    return tuple(sorted(found, key=lambda each: (not each.approval, each.person.user_name)))


def _decide_approval(
    policy: ApprovalPolicy, requester: Person, approver: Person, question: Question, request: Decision
) -> Decision:
    """Decide an approval for this requester or, if they may not request it, for others who may."""
    if request:
        return decision.may_approve(policy, requester, approver, question.permission_set, [question.account])
    return decision.report_access(policy, approver, question.permission_set, question.account).approval


# --- as text ----------------------------------------------------------------------------------------------------------


def _verdict_rows(report: ApprovalReport) -> list[tuple[str, ...]]:
    if report.verdict is None:
        return [(f"{_name(report.person)} may", *row) for row in _access_rows(report.access)]
    return [
        (
            f"{_name(report.person)} may",
            f"approve a request of {report.requester.user_name}",
            *_yes_or_no(report.verdict),
        ),
        (f"{_name(report.requester)} may", "request it", *_yes_or_no(report.requester_access.request)),
    ]


def _access_rows(access: AccessReport) -> tuple[tuple[str, ...], ...]:
    terms = access.request.terms
    after = terms.glass_after_seconds if terms else None
    glass = _yes_or_no(access.glass)
    if access.glass and terms is not None and after is not None:
        glass = "yes", f"{_without_approval(after, terms.not_after_denial_seconds).capitalize()}."
    return (
        ("request it", *_yes_or_no(access.request)),
        ("break the glass", *glass),
        ("approve what others request", *_yes_or_no(access.approval)),
    )


def _yes_or_no(decided: Decision) -> tuple[str, str]:
    return ("yes" if decided else "no"), decided.reason


def _approvers_title(report: ApprovalReport) -> str:
    request = report.requester_access.request
    if request.terms is None:
        return "Approvers for those who may request it"
    needed = (
        "one approval" if request.terms.approvals == 1 else f"{request.terms.approvals} approvals by different people"
    )
    few = "" if report.has_enough_approvers else "; too few approvers available"
    return f"Approvers for {_name(report.requester)}, by rule {request.rule}: {needed} needed{few}"


def _approver_rows(report: ApprovalReport) -> list[tuple[str, ...]]:
    if not report.candidates:
        return [("no approvers", "the named groups are empty, or no approver is named")]
    return [
        (
            _name(each.person),
            _list_principals(each.through),
            "can" if each.approval else "can't",
            "" if each.approval else each.approval.reason,
        )
        for each in report.candidates
    ]


def _condition_rows(terms: Terms | None) -> list[tuple[str, str]]:
    if terms is None:
        return []
    glass = terms.glass_after_seconds
    rows = [
        (
            "lasts",
            f"at most {format_duration(terms.maximum_seconds)}; the form proposes "
            f"{format_duration(terms.default_seconds)}",
        ),
        ("expires", f"after {format_duration(terms.expiry_seconds)} without an answer"),
        ("ticket", " and ".join(terms.tickets) or "not required"),
        ("without approval", "never" if glass is None else _without_approval(glass, terms.not_after_denial_seconds)),
        ("mentioned at once", _list_mentions(terms.mention, terms.mention_slack_groups)),
    ]
    if terms.escalate_after_seconds is not None:
        rows.append(
            (
                f"mentioned after {format_duration(terms.escalate_after_seconds)}",
                _list_mentions(terms.escalate, terms.escalate_slack_groups),
            )
        )
    return [*rows, *(("risk", banner) for banner in terms.banners)]


def _without_approval(after: int, not_after_denial: int) -> str:
    return (
        f"after {format_duration(after)} without an answer, and not for {format_duration(not_after_denial)} after a "
        "denial"
    )


def _rule_rows(matches: Sequence[RuleMatch], applies: str) -> list[tuple[str, ...]]:
    return [(match.name, applies if match.applies else "no", match.why) for match in matches]


def _list_principals(principals: Sequence[Principal]) -> str:
    return ", ".join(f"{principal.kind} {principal.name}" for principal in principals) or "none"


def _list_mentions(principals: Sequence[Principal], slack_groups: Sequence[str]) -> str:
    groups = [f"Slack user group {group_id}" for group_id in slack_groups]
    return ", ".join([_list_principals(principals), *groups] if principals else groups) or "none"


def _name(person: Person) -> str:
    return f"{person.user_name} ({person.display_name})"


# --- as JSON ----------------------------------------------------------------------------------------------------------


def _person_json(person: Person) -> dict[str, str]:
    return {"user_id": person.user_id, "user_name": person.user_name, "display_name": person.display_name}


def _access_json(access: AccessReport) -> dict[str, Any]:
    return {
        "request": _decision_json(access.request),
        "break_glass": _decision_json(access.glass),
        "approve_others": _decision_json(access.approval),
        "rules": list(map(_match_json, access.rules)),
        "denies": list(map(_match_json, access.denies)),
    }


def _decision_json(decided: Decision) -> dict[str, Any]:
    return {"outcome": decided.outcome.value, "reason": decided.reason, "rule": decided.rule}


def _match_json(match: RuleMatch) -> Mapping[str, Any]:
    return {"name": match.name, "applies": match.applies, "why": match.why}


def _principal_json(principal: Principal) -> dict[str, str]:
    return {"kind": principal.kind.value, "id": principal.id, "name": principal.name}


def _terms_json(terms: Terms | None) -> dict[str, Any] | None:
    if terms is None:
        return None
    return {
        "approvals": terms.approvals,
        "maximum_seconds": terms.maximum_seconds,
        "default_seconds": terms.default_seconds,
        "expiry_seconds": terms.expiry_seconds,
        "tickets": list(terms.tickets),
        "break_glass_after_seconds": terms.glass_after_seconds,
        "not_after_denial_seconds": None if terms.glass_after_seconds is None else terms.not_after_denial_seconds,
        "ping": list(map(_principal_json, terms.mention)),
        "ping_slack_groups": list(terms.mention_slack_groups),
        "escalate_after_seconds": terms.escalate_after_seconds,
        "escalate": list(map(_principal_json, terms.escalate)),
        "escalate_slack_groups": list(terms.escalate_slack_groups),
        "risk_banners": list(terms.banners),
    }
