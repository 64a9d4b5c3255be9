"""Who can approve a permission set in an account, by which rule, and why not me?

The answer is that of the functions in AWS (`app.domain.decision`), with the groups as they are at this moment; and
it names the people whom a group stands for.

Non-goals: what becomes of a request that is open already, which its message in Slack tells.
"""

from collections.abc import Iterator, Mapping, Sequence
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
    """What is asked.

    Attributes:
        who: user name, or e-mail address, of the person it is about.
        permission_set: name of a break-glass set.
        account: id of an account.
        requester: user name, or e-mail address, of somebody whose request `who` might approve; None if it is about
            what `who` may.
    """

    who: str
    permission_set: str
    account: str
    requester: str | None = None


@dataclass(frozen=True)
class Candidate:
    """Somebody who is named as an approver, by themselves or by a group.

    Attributes:
        person: who.
        through: the groups or the user of the policy that name them.
        approval: whether their approval counts, and why.
    """

    person: Person
    through: tuple[Principal, ...]
    approval: Decision


@dataclass(frozen=True)
class ApprovalReport:
    """The whole answer.

    Attributes:
        question: what was asked.
        account: name of the account.
        who: the person it is about.
        answer: what they may.
        requester: whose request it would be: `who` themselves, or whom `Question.requester` names.
        asked: what the policy has for the requester.
        verdict: whether `who` may approve the request of the requester, if that was asked.
        candidates: everybody who is named as an approver.
    """

    question: Question
    account: str
    who: Person
    answer: AccessReport
    requester: Person
    asked: AccessReport
    verdict: Decision | None
    candidates: tuple[Candidate, ...]

    @property
    def enough(self) -> bool:
        """Whether as many people can approve as it takes."""
        terms = self.asked.request.terms
        return sum(bool(one.approval) for one in self.candidates) >= (terms.approvals if terms else 1)


def check_question(policy: ApprovalPolicy, question: Question) -> None:
    """Refuse what the policy does not know; nothing is asked of AWS for that.

    Raises:
        InvalidArgumentError: if there is no such permission set or account.
    """
    if question.permission_set not in policy.sets:
        raise InvalidArgumentError(
            Problem(
                "--set",
                format_value(question.permission_set),
                "No such permission set is under approval, so there is nobody to approve it.",
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
                "The policy knows no account with this id, so no rule can be about it.",
                _nearest_account(question.account, accounts),
            )
        )


def _nearest_account(written: str, accounts: Mapping[str, str]) -> str:
    """Say which account was probably meant, by its id or by its name."""
    told = {account: f"{account} ({name})" if name else account for account, name in sorted(accounts.items())}
    close = closest(written, [*told, *filter(None, accounts.values())], cutoff=0.5)
    meant = [text for account, text in told.items() if close in (account, accounts[account])]
    question = f"Did you mean {' or '.join(meant)}? " if meant else ""
    return f"{question}Possible here: {', '.join(told.values())}."


def build_report(
    policy: ApprovalPolicy, directory: Directory, question: Question, progress: Progress
) -> ApprovalReport:
    """Answer a question that `check` let pass.

    Raises:
        InvalidArgumentError: if there is no such person.
    """
    progress.doing = "asking Identity Center who they are"
    who = _person(directory, "--who", question.who)
    requester = who if question.requester is None else _person(directory, "--for", question.requester)
    of, account = question.permission_set, question.account
    asked = decision.report_access(policy, requester, of, account)
    answer = decision.report_access(policy, who, of, account)
    verdict = decision.may_approve(policy, requester, who, of, [account]) if question.requester is not None else None
    return ApprovalReport(
        question=question,
        account=policy.accounts.get(account, ""),
        who=who,
        answer=answer,
        requester=requester,
        asked=asked,
        verdict=verdict,
        candidates=tuple(_candidates(policy, directory, requester, question, progress)),
    )


def to_json(of: ApprovalReport) -> dict[str, Any]:
    """Return a report, ready for JSON."""
    return {
        "permission_set": of.question.permission_set,
        "account": {"id": of.question.account, "name": of.account},
        "who": {**_who(of.who), **_answer(of.answer)},
        **({"for": {**_who(of.requester), **_answer(of.asked)}} if of.verdict is not None else {}),
        **({"may_approve_for": _decision(of.verdict)} if of.verdict is not None else {}),
        "terms": _terms(of.asked.request.terms),
        "approvers": [
            {
                **_who(one.person),
                "through": [_principal(principal) for principal in one.through],
                **_decision(one.approval),
            }
            for one in of.candidates
        ],
        "enough_approvers": of.enough,
    }


def to_text(of: ApprovalReport) -> str:
    """Return a report for a terminal."""
    account = f"{of.question.account} ({of.account})" if of.account else of.question.account
    sections = [
        (f"{of.question.permission_set} in {account}", _verdicts(of)),
        (_heading(of), _approvers(of)),
        ("Conditions", _conditions(of.asked.request.terms)),
        (f"Rules, for a request of {_name(of.requester)}", _readings(of.asked.rules, "allows it")),
        (f"Deny rules, for {_name(of.who)}", _readings(of.answer.denies, "forbids it")),
    ]
    if of.requester != of.who:
        sections.append((f"Deny rules, for {_name(of.requester)}", _readings(of.asked.denies, "forbids it")))
    return "\n\n".join("\n".join([to_one_line(title), *format_columns(rows)]) for title, rows in sections if rows)


# --- people -----------------------------------------------------------------------------------------------------------


def _person(directory: Directory, option: str, name: str) -> Person:
    """Find somebody by user name or, since many a directory has them for user names, by e-mail address."""
    person = directory.person_by_user_name(name)
    if person is None and "@" in name:
        person = directory.person_by_email(name)
    if person is None:
        raise InvalidArgumentError(
            Problem(
                option,
                format_value(name),
                "Nobody in the identity store has exactly this user name, or they are disabled.",
                "Write the user name as Identity Center shows it under Users, letter by letter; their e-mail address "
                "will do as well. `aws identitystore list-users` lists all.",
            )
        )
    return person


def _candidates(
    policy: ApprovalPolicy, directory: Directory, requester: Person, question: Question, progress: Progress
) -> Iterator[Candidate]:
    """Yield the people who are named as approvers, each once; who can approve come first."""
    of, account = question.permission_set, question.account
    request = decision.may_request(policy, requester, of, [account])
    about = (rule for rule in policy.rules if of in rule.sets and account in rule.accounts)
    named = request.approvers if request else dict.fromkeys(one for rule in about for one in rule.approvers)
    through: dict[str, list[Principal]] = {}
    for principal in named:
        progress.doing = f"asking Identity Center about {principal.kind} {principal.name}"
        for member in directory.members([principal]):
            through.setdefault(member.user_id, []).append(principal)
    found: list[Candidate] = []
    for user_id, principals in through.items():
        # Members come without their groups, which a deny rule may be about.
        person = directory.person(user_id)
        if person is not None:
            found.append(Candidate(person, tuple(principals), _approval(policy, requester, person, question, request)))
        progress.doing = f"asking Identity Center about the approvers: {len(found)} of {len(through)}"
    yield from sorted(found, key=lambda one: (not one.approval, one.person.user_name))


def _approval(
    policy: ApprovalPolicy, requester: Person, approver: Person, question: Question, request: Decision
) -> Decision:
    """Decide whether an approval counts: for this requester or, if they may not request it, for anybody who may."""
    if request:
        return decision.may_approve(policy, requester, approver, question.permission_set, [question.account])
    return decision.report_access(policy, approver, question.permission_set, question.account).approval


# --- as text ----------------------------------------------------------------------------------------------------------


def _verdicts(of: ApprovalReport) -> list[tuple[str, ...]]:
    if of.verdict is None:
        return [(f"{_name(of.who)} may", verb, *reading) for verb, reading in _abilities(of.answer)]
    theirs = f"approve a request of {of.requester.user_name}"
    return [
        (f"{_name(of.who)} may", theirs, *_yes(of.verdict)),
        (f"{_name(of.requester)} may", "request it", *_yes(of.asked.request)),
    ]


def _abilities(answer: AccessReport) -> tuple[tuple[str, tuple[str, str]], ...]:
    terms = answer.request.terms
    after = terms.glass_after_seconds if terms else None
    glass = _yes(answer.glass)
    if answer.glass and terms is not None and after is not None:
        glass = "yes", f"{_without_approval(after, terms.not_after_denial_seconds).capitalize()}."
    return (
        ("request it", _yes(answer.request)),
        ("break the glass", glass),
        ("approve what others request", _yes(answer.approval)),
    )


def _yes(of: Decision) -> tuple[str, str]:
    return ("yes" if of else "no"), of.reason


def _heading(of: ApprovalReport) -> str:
    terms = of.asked.request.terms
    if terms is None:
        return "Who can approve it for those who may request it"
    people = "one person" if terms.approvals == 1 else f"{terms.approvals} different people"
    few = "" if of.enough else "; too few can now"
    return f"Who can approve it for {_name(of.requester)}, by rule {of.asked.request.rule}: it takes {people}{few}"


def _approvers(of: ApprovalReport) -> list[tuple[str, ...]]:
    if not of.candidates:
        return [("nobody", "the groups that are named are empty, or nobody is named")]
    return [
        (
            _name(one.person),
            ", ".join(f"{principal.kind} {principal.name}" for principal in one.through),
            "can" if one.approval else "can't",
            "" if one.approval else one.approval.reason,
        )
        for one in of.candidates
    ]


def _conditions(terms: Terms | None) -> list[tuple[str, str]]:
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
        ("ticket", " and ".join(terms.tickets) or "none is asked for"),
        ("without approval", "never" if glass is None else _without_approval(glass, terms.not_after_denial_seconds)),
        ("mentioned at once", _listed(terms.mention)),
    ]
    if terms.escalate_after_seconds is not None:
        rows.append((f"mentioned after {format_duration(terms.escalate_after_seconds)}", _listed(terms.escalate)))
    return [*rows, *(("risk", banner) for banner in terms.banners)]


def _without_approval(after: int, not_after_denial: int) -> str:
    return (
        f"after {format_duration(after)} without an answer, and not for {format_duration(not_after_denial)} after a "
        "denial"
    )


def _readings(readings: Sequence[RuleMatch], applies: str) -> list[tuple[str, ...]]:
    return [(one.name, applies if one.applies else "no", one.why) for one in readings]


def _listed(principals: Sequence[Principal]) -> str:
    return ", ".join(f"{principal.kind} {principal.name}" for principal in principals) or "nobody"


def _name(person: Person) -> str:
    return f"{person.user_name} ({person.display_name})"


# --- as JSON ----------------------------------------------------------------------------------------------------------


def _who(person: Person) -> dict[str, str]:
    return {"user_id": person.user_id, "user_name": person.user_name, "display_name": person.display_name}


def _answer(answer: AccessReport) -> dict[str, Any]:
    return {
        "request": _decision(answer.request),
        "break_glass": _decision(answer.glass),
        "approve_others": _decision(answer.approval),
        "rules": list(map(_reading, answer.rules)),
        "denies": list(map(_reading, answer.denies)),
    }


def _decision(of: Decision) -> dict[str, Any]:
    return {"outcome": of.outcome.value, "reason": of.reason, "rule": of.rule}


def _reading(of: RuleMatch) -> Mapping[str, Any]:
    return {"name": of.name, "applies": of.applies, "why": of.why}


def _principal(principal: Principal) -> dict[str, str]:
    return {"kind": principal.kind.value, "id": principal.id, "name": principal.name}


def _terms(terms: Terms | None) -> dict[str, Any] | None:
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
        "ping": list(map(_principal, terms.mention)),
        "escalate_after_seconds": terms.escalate_after_seconds,
        "escalate": list(map(_principal, terms.escalate)),
        "risk_banners": list(terms.banners),
    }
