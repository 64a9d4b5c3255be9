"""The check `person`: Slack recognises the requesters and approvers of each rule, as the app would.

For each person in the groups of a rule, the app's own code identifies their Slack account (`app.services.identity`).
The account is found by the table `people`, or by the person's address in Identity Center; never by a name, which any
user of Slack can choose.

Non-goals: what a person may do (`breakglass explain`); principals that are only mentioned.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from breakglass.alerts.slack_errors import describe_slack_error
from breakglass.app.domain.people import Person
from breakglass.app.domain.policy import ApprovalPolicy, Principal
from breakglass.app.error_codes import Remedy
from breakglass.app.ports import Slack, SlackError
from breakglass.app.services.context import IdentityContext
from breakglass.app.services.identity import (
    IneligibleUserError,
    MissingScopeError,
    UnknownUserError,
    identify_user,
)
from breakglass.app.slack.payloads import SlackActor
from breakglass.cli.deployment import SECRET, Deployment
from breakglass.cli.doctor.approvals import deployed_approvals, deployed_variables
from breakglass.cli.doctor.check import Check, Judgement, Sources
from breakglass.cli.doctor.finding import Status
from breakglass.cli.doctor.metrics import FUNCTION_TYPE

_TOKEN_VARIABLE = "BREAKGLASS_BOT_TOKEN_SECRET"  # noqa: S105 - the name of a variable

_MEMBER_ID = "the member ID (in their Slack profile, Copy member ID)"


@dataclass(frozen=True)
class RulePeople:
    """The policy, and the ARN of the secret with the bot token; empty if no function names it."""

    policy: ApprovalPolicy
    secret: str


@dataclass(frozen=True)
class Recognition:
    """The Slack account of a person, as the app sees it.

    Attributes:
        slack_id: of the account; empty if none was found.
        refusal: the app's answer to this account; empty if it acts as this person.
        helps: False if no entry of `people` helps this account.
    """

    person: Person
    slack_id: str = ""
    refusal: str = ""
    helps: bool = True


@dataclass(frozen=True)
class PeopleReport:
    """The people of the rules.

    Attributes:
        members: principal -> user IDs of its people.
        people: user ID -> their Slack account.
        failure: Slack's error, if Slack answered no question; then `people` is incomplete.
    """

    members: Mapping[Principal, frozenset[str]] = field(default_factory=dict)
    people: Mapping[str, Recognition] = field(default_factory=dict)
    failure: Judgement | None = None


class _OneAuthTest:
    """Slack, with one call of `auth.test` for all people."""

    def __init__(self, slack: Slack) -> None:
        self._slack = slack
        self._own: dict[str, Any] | None = None

    def call(self, method: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        if method != "auth.test":
            return self._slack.call(method, arguments)
        self._own = self._own or self._slack.call(method, arguments)
        return self._own


def _subjects(deployment: Deployment) -> list[RulePeople]:
    variables = (deployed_variables(function) for function in deployment.of_type(FUNCTION_TYPE))
    secrets = [str(each[_TOKEN_VARIABLE]) for each in variables if isinstance(each, dict) and _TOKEN_VARIABLE in each]
    secret = secrets[0] if secrets else ""
    return [RulePeople(approvals.policy, secret) for approvals in deployed_approvals(deployment)]


def _look(sources: Sources, asked: RulePeople) -> PeopleReport:
    if asked.secret in ("", SECRET):
        what = "No function of the stack's state names the secret of the bot token."
        return PeopleReport(failure=Judgement(Status.unknown, what, "Run `pulumi up`, and look again."))
    policy, directory = asked.policy, sources.directory(asked.policy)
    principals = dict.fromkeys(principal for rule in policy.rules for principal in (*rule.requesters, *rule.approvers))
    people: dict[str, Person] = {}
    members: dict[Principal, frozenset[str]] = {}
    for principal in principals:
        sources.report(f"asking Identity Center about {principal.kind} {principal.name}")
        found = directory.members([principal])
        members[principal] = frozenset(person.user_id for person in found)
        people |= {person.user_id: person for person in found}
    slack = _OneAuthTest(sources.slack(policy, asked.secret))
    context = IdentityContext(policy, sources.clock, _no_log, directory, slack)
    recognised: dict[str, Recognition] = {}
    try:
        for number, person in enumerate(people.values(), 1):
            sources.report(f"asking Slack about the people of the rules: {number} of {len(people)}")
            recognised[person.user_id] = recognise(context, person)
    except MissingScopeError as error:
        return PeopleReport(failure=_missing_scope(error.scope))
    except SlackError as error:
        return PeopleReport(failure=_slack_failure(error))
    return PeopleReport(members, recognised)


def _no_log(event: str, **fields: Any) -> None:
    pass


def recognise(context: IdentityContext, person: Person) -> Recognition:
    """Return the Slack account of a person, and the app's answer to it.

    Raises:
        MissingScopeError: the Slack app lacks the scope to ask Slack.
        SlackError: Slack can't answer.
    """
    pinned = [slack_id for slack_id, user_id in context.policy.people.items() if user_id == person.user_id]
    answers = [_answer(context, person, slack_id) for slack_id in pinned or _accounts_by_address(context, person)]
    # In an Enterprise Grid, a person may be pinned by two IDs.
    return next((answer for answer in answers if not answer.refusal), answers[0] if answers else _no_account(person))


def _accounts_by_address(context: IdentityContext, person: Person) -> list[str]:
    if not person.email:
        return []
    try:
        found = context.slack.call("users.lookupByEmail", {"email": person.email})
    except SlackError as error:
        if error.error == "missing_scope":
            raise MissingScopeError("users:read.email") from error
        if error.error in ("users_not_found", "user_not_found"):
            return []
        raise
    return [str(found["user"]["id"])]


def _answer(context: IdentityContext, person: Person, slack_id: str) -> Recognition:
    try:
        acting = identify_user(context, SlackActor(slack_id, ""))
    except IneligibleUserError as error:
        return Recognition(person, slack_id, str(error), helps=False)
    except UnknownUserError as error:
        return Recognition(person, slack_id, str(error))
    if acting.user_id == person.user_id:
        return Recognition(person, slack_id)
    return Recognition(person, slack_id, f"This account acts as {acting.user_name}.")


def _no_account(person: Person) -> Recognition:
    if not person.email:
        return Recognition(person, refusal="This user has no e-mail address in Identity Center.")
    return Recognition(person, refusal=f"No active account of this Slack workspace has the address {person.email}.")


def _missing_scope(scope: str) -> Judgement:
    return Judgement(
        Status.fail,
        f"The Slack app lacks the scope {scope}, so it can't identify any person.",
        "Paste the stack's output slackAppManifest into the app's page App Manifest, and install the app again: "
        "docs/runbooks/slack-app.md.",
    )


def _slack_failure(error: SlackError) -> Judgement:
    if error.remedy is not Remedy.repair:
        what = f"Slack did not answer {error.method} ({error.error})."
        return Judgement(Status.unknown, what, "Try again in a moment; see https://slack-status.com.")
    described = describe_slack_error(error.error)
    return Judgement(Status.fail, f"Slack refused {error.method} ({error.error}): {described.words}.", described.fix)


# --- judgement --------------------------------------------------------------------------------------------------------


def judge_people(asked: RulePeople, report: PeopleReport) -> list[Judgement]:
    """Return a problem for each person that Slack does not recognise, and for each rule that lacks people."""
    if report.failure is not None:
        return [report.failure]
    roles: dict[str, list[str]] = {}
    problems: list[Judgement] = []
    for rule in asked.policy.rules:
        for kind, principals, needed in (
            ("approver", rule.approvers, rule.approvals),
            ("requester", rule.requesters, 1),
        ):
            user_ids = sorted(frozenset[str]().union(*(report.members[each] for each in principals)))
            for user_id in user_ids:
                roles.setdefault(user_id, []).append(f"{kind} of {rule.name}")
            fine = sum(not report.people[user_id].refusal for user_id in user_ids)
            if fine < needed:
                problems.append(_too_few(rule.name, kind, needed, fine, len(user_ids)))
    refused = (recognition for user_id, recognition in report.people.items() if recognition.refusal)
    people = (_unrecognised(recognition, roles.get(recognition.person.user_id, [])) for recognition in refused)
    return [*problems, *people]


def _too_few(rule: str, kind: str, needed: int, fine: int, named: int) -> Judgement:
    why = (
        "A request by this rule can't be approved in Slack."
        if kind == "approver"
        else "No one can request access by this rule."
    )
    return Judgement(
        Status.fail,
        f"The rule {rule} needs {needed} {kind}{'' if needed == 1 else 's'}, and Slack recognises {fine} of {named}.",
        "Add people to the groups of the rule, or repair the accounts that are named here.",
        why,
    )


def _unrecognised(recognition: Recognition, roles: Sequence[str]) -> Judgement:
    person = recognition.person
    account = f" (Slack account {recognition.slack_id})" if recognition.slack_id else ""
    return Judgement(
        Status.warn,
        f"{person.user_name}{account}, {', '.join(roles)}, is not recognised: {recognition.refusal}",
        " ".join(_remedy(recognition)),
        "The app answers a click of this account with this refusal.",
    )


def _remedy(recognition: Recognition) -> Iterator[str]:
    person = recognition.person
    entry = people_entry(recognition.slack_id or "U...", person.user_name)
    if not recognition.helps:
        yield "Let an owner of the workspace make this account a full, active member; no entry of `people` helps it."
        yield f"If the person has another account, ask them for {_MEMBER_ID}, and write under"
        yield f"`breakglass:approvals.people`: {people_entry('U...', person.user_name)}"
    elif recognition.slack_id:
        yield f"Ask the person for {_MEMBER_ID}. If it is {recognition.slack_id}, write under"
        yield f"`breakglass:approvals.people`: {entry}"
    else:
        yield f"Invite the person to Slack with this address. Or ask them for {_MEMBER_ID}, and write under"
        yield f"`breakglass:approvals.people`: {entry}"


def people_entry(slack_id: str, user_name: str) -> str:
    """Return an entry of `people` as one line of YAML, e.g. `U0123ABCD: "ada.lovelace"`."""
    return f"{slack_id}: {json.dumps(user_name, ensure_ascii=False)}"


PEOPLE = Check(
    name="person",
    why="The app refuses a person that it can't identify: they can neither request nor approve.",
    subjects=_subjects,
    look=_look,
    judge=judge_people,
    ok="Slack recognises all requesters and approvers of the rules",
    actions=(
        "identitystore:GetUserId",
        "identitystore:DescribeUser",
        "identitystore:ListGroupMemberships",
        "identitystore:ListGroupMembershipsForMember",
        "secretsmanager:GetSecretValue",
    ),
    name_subject=lambda _: "the people of the rules",
)
