"""Faults of the section `approvals`, alone and beside the other sections.

Not proven here: that the named principals exist (tests/components), and the decisions (tests/app).
"""

from typing import Any

import pytest

from breakglass.app.domain.policy import UnmanagedAssignments
from breakglass.errors import ConfigError
from breakglass.stack_file.approvals import ApprovalRule
from breakglass.stack_file.check import validate_stack
from breakglass.stack_file.report import validate
from breakglass.stack_file.stack import StackFile
from tests.unit.stack_file.stack_files import (
    ALERTS,
    APPROVALS,
    BREAK_GLASS,
    ENCRYPTED,
    RULE,
    SIGNING_SECRET,
    STACKS,
    Keys,
    Scenario,
    assert_told,
    problems,
    stack,
    stack_with_approvals,
    warnings,
)

RULE_PATH = "breakglass:approvals.rules[0]"
DENY: dict[str, Any] = {"name": "contractors", "reason": "Under supervision.", "actions": ["approve"]}

SCENARIOS = [
    # --- people
    Scenario(
        "an entry names one group or user",
        [((*RULE, "approvers", 0, "user"), "ada")],
        f"{RULE_PATH}.approvers[0]",
        "got group and user",
        "its own list entry",
        value='{"group": "database-leads", "user": "ada"}',
    ),
    Scenario(
        "an entry names a principal",
        [((*RULE, "requesters", 0), {})],
        f"{RULE_PATH}.requesters[0]",
        "got none",
        "`group:`, `groupId:`, `user:` and `userId:`",
    ),
    Scenario(
        "a principal is named once",
        [((*RULE, "approvers", 1), {"group": "database-leads"})],
        f"{RULE_PATH}.approvers[1]",
        "Duplicate entry",
        "Delete one",
    ),
    Scenario(
        "a rule has approvers",
        [((*RULE, "approvers"), [])],
        f"{RULE_PATH}.approvers",
        "The list is empty",
        "Add an entry",
    ),
    Scenario(
        "as many approvals as people are named can be had",
        [((*RULE, "approvers"), [{"user": "ada"}, {"user": "grace"}]), ((*RULE, "approvals"), 3)],
        f"{RULE_PATH}.approvals",
        "needs 3 approvals by different people and names 2",
        "Write 2 or less",
    ),
    Scenario(
        "the only approver is not the only requester",
        [((*RULE, "requesters"), [{"user": "ada"}]), ((*RULE, "approvers"), [{"user": "ada"}])],
        f"{RULE_PATH}.approvers",
        "Requesters can't approve their own requests",
        "other `approvers`",
    ),
    Scenario(
        "two people who need two approvals can't approve each other's requests",
        [
            ((*RULE, "requesters"), [{"user": "ada"}, {"userId": "0123456789-abcdef01-2345-6789-abcd-ef0123456789"}]),
            ((*RULE, "approvers"), [{"userId": "0123456789-abcdef01-2345-6789-abcd-ef0123456789"}, {"user": "ada"}]),
            ((*RULE, "approvals"), 2),
        ],
        f"{RULE_PATH}.approvers",
        "each requester of this rule would have to",
        "as many others",
        value='[{"userId": "0123456789-abcdef01-2345-6789-abcd-ef0123456789"}, {"user": "ada"}]',
    ),
    Scenario(
        "a mention is of one group or user",
        [((*RULE, "ping"), [{"group": "database-leads", "slackGroup": "S0123ABCD"}])],
        f"{RULE_PATH}.ping[0]",
        "got group and slackGroup",
        "Another mention needs its own list entry",
        value='{"group": "database-leads", "slackGroup": "S0123ABCD"}',
    ),
    Scenario(
        "a Slack user group is named by its id",
        [((*RULE, "escalate"), {"after": "PT5M", "ping": [{"slackGroup": "@oncall"}]})],
        f"{RULE_PATH}.escalate.ping[0].slackGroup",
        "notifies no one of a handle",
        "copy the group ID",
        value='"@oncall"',
    ),
    Scenario(
        "a Slack user group is mentioned once",
        [((*RULE, "ping"), [{"slackGroup": "S0123ABCD"}, {"slackGroup": "S0123ABCD"}])],
        f"{RULE_PATH}.ping[1]",
        "Duplicate entry",
        "Delete one",
        value='{"slackGroup": "S0123ABCD"}',
    ),
    Scenario(
        "a person in Slack is named by their member id",
        [((*APPROVALS, "people"), {"@ada": "ada.lovelace"})],
        'breakglass:approvals.people["@ada"]',
        "change their name and handle in Slack",
        "member ID",
        value='"@ada"',
    ),
    # --- durations
    Scenario(
        "access lasts twelve hours at most",
        [((*RULE, "maximumDuration"), "PT13H")],
        f"{RULE_PATH}.maximumDuration",
        "twelve hours (PT12H)",
        "extend the access",
    ),
    Scenario(
        "a duration has its unit",
        [((*RULE, "requestExpiry"), 30)],
        f"{RULE_PATH}.requestExpiry",
        "got a number",
        "PT10M",
    ),
    Scenario(
        "a time is a week at most",
        [((*APPROVALS, "explainWithin"), "PT169H")],
        "breakglass:approvals.explainWithin",
        "seven days (PT168H)",
        "PT30M",
    ),
    Scenario(
        "what the form proposes is allowed",
        [((*RULE, "defaultDuration"), "PT2H")],
        f"{RULE_PATH}.defaultDuration",
        "the rule allows at most PT1H",
        "raise `maximumDuration`",
    ),
    Scenario(
        "the escalation comes before the expiry",
        [((*RULE, "escalate"), {"after": "PT30M", "ping": [{"group": "security"}]})],
        f"{RULE_PATH}.escalate.after",
        "expires after PT30M, so the escalation",
        "less than PT30M",
        value='"PT30M"',
    ),
    Scenario(
        "the glass can be broken before the request is over",
        [
            ((*RULE, "requestExpiry"), "PT10M"),
            ((*RULE, "withoutApproval"), {"after": "PT10M"}),
            ((*APPROVALS, "secondChannel"), "C0SECURITY"),
        ],
        f"{RULE_PATH}.withoutApproval.after",
        "the glass could never be broken",
        "raise `requestExpiry`",
        value='"PT10M"',
    ),
    Scenario(
        "the number of reminders is limited",
        [((*RULE, "requestExpiry"), "PT168H"), ((*APPROVALS, "remindEvery"), "PT1M")],
        "breakglass:approvals.remindEvery",
        "expires after PT168H would have more than 500 reminders",
        "or shorten `requestExpiry`",
    ),
    # --- subjects
    Scenario(
        "a ticket's form is a regular expression",
        [((*RULE, "ticketPattern"), "INC-[0-9+")],
        f"{RULE_PATH}.ticketPattern",
        "Not a regular expression (unterminated character set",
        '"INC-[0-9]+"',
    ),
    Scenario(
        "a ticket can't be left out where one is asked for",
        [((*RULE, "ticketPattern"), "(INC-[0-9]+)?")],
        f"{RULE_PATH}.ticketPattern",
        "matches an empty string",
        "leave the key out",
    ),
    Scenario(
        "no ticket keeps the function busy",
        [((*RULE, "ticketPattern"), "([A-Z]+)+-[0-9]+")],
        f"{RULE_PATH}.ticketPattern",
        "more than a million times",
        "a quantifier inside a repeated group",
    ),
    Scenario(
        "a quiet account is one of the rule's",
        [((*RULE, "quietAccounts"), ["333333333333"])],
        f"{RULE_PATH}.quietAccounts[0]",
        "not in this rule",
        "the rule's `accounts`",
        value='"333333333333"',
    ),
    Scenario(
        "a rule has a name that the record can be searched for",
        [((*RULE, "name"), "data*bases")],
        f"{RULE_PATH}.name",
        "Decisions and the audit trail show it",
        "e.g. databases",
    ),
    Scenario(
        "a rule and a deny rule have two names",
        [((*APPROVALS, "denies"), [{**DENY, "name": "databases"}])],
        "breakglass:approvals.denies[0].name",
        "would be ambiguous",
        "its own name",
        value='"databases"',
    ),
    Scenario(
        "a deny rule says why",
        [((*APPROVALS, "denies"), [{**DENY, "reason": "  "}])],
        "breakglass:approvals.denies[0].reason",
        "shown in Slack to approvers and refused users",
        "one or two sentences",
        value='"  "',
    ),
    Scenario(
        "a deny rule forbids what there is",
        [((*APPROVALS, "denies"), [{**DENY, "actions": ["break_glass"]}])],
        "breakglass:approvals.denies[0].actions[0]",
        "Not an allowed value",
        "Did you mean breakGlass?",
        value='"break_glass"',
    ),
    Scenario(
        "the glass is broken loudly",
        [((*RULE, "withoutApproval"), {"after": "PT0S"})],
        "breakglass:approvals.secondChannel",
        "the people who did not answer",
        "Add `secondChannel:",
        value="(missing)",
    ),
    Scenario(
        "the second channel is another one",
        [((*APPROVALS, "secondChannel"), "C0APPROVALS")],
        "breakglass:approvals.secondChannel",
        "no one else would hear",
        "another channel",
    ),
    # --- beside the other sections
    Scenario(
        "a rule's set is one of this file",
        [((*RULE, "sets", 0), "devops-breakglass")],
        f"{RULE_PATH}.sets[0]",
        "Not a break-glass set of this file",
        "Did you mean devops-break-glass?",
    ),
    Scenario(
        "a set that is only watched can't be given out",
        [((*RULE, "sets", 1), "DatabaseAdmin")],
        f"{RULE_PATH}.sets[1]",
        "no set that is managed elsewhere",
        "Expected one of: devops-break-glass.",
    ),
    Scenario(
        "an everyday set is not requested",
        [((*RULE, "sets", 0), "devops")],
        f"{RULE_PATH}.sets[0]",
        "an everyday set",
        "Write devops-break-glass.",
    ),
    Scenario(
        "a deny rule's set is one of this file",
        [((*APPROVALS, "denies"), [{**DENY, "sets": ["admin"]}])],
        "breakglass:approvals.denies[0].sets[0]",
        "Not a break-glass set of this file",
        "Expected one of",
        value='"admin"',
    ),
    Scenario(
        "the alert path is in the region of Identity Center",
        [((*ALERTS, "region"), "eu-west-1")],
        "breakglass:alerts.region",
        "runs in eu-central-1, beside Identity Center",
        "Write eu-central-1 in both sections",
    ),
    Scenario(
        "Slack's other methods are beside chat.postMessage",
        [((*ALERTS, "slack", "postMessageUrl"), "https://proxy.example.com/slack")],
        "breakglass:alerts.slack.postMessageUrl",
        "derives the URLs of Slack's other methods",
        "https://slack.com/api/chat.postMessage",
    ),
    # --- secrets
    Scenario(
        "clicks are checked with a signing secret",
        [(("slackSigningSecret",), None)],
        "breakglass:slackSigningSecret",
        "proves that a request comes from Slack",
        "pulumi config set --secret breakglass:slackSigningSecret",
        value="(missing)",
    ),
    Scenario(
        "the signing secret comes from one place",
        [((*APPROVALS, "signingSecretName"), "slack/signing-secret")],
        "breakglass:approvals.signingSecretName",
        "has two sources",
        "pulumi config rm breakglass:slackSigningSecret",
        value='"(not shown)"',
    ),
    Scenario(
        "the signing secret is encrypted",
        [(("slackSigningSecret",), SIGNING_SECRET)],
        "breakglass:slackSigningSecret",
        "approve requests in any user's name",
        "regenerate the secret in Slack",
        value='"(not shown)"',
    ),
    Scenario(
        "the section is not encrypted",
        [(APPROVALS, ENCRYPTED)],
        "breakglass:approvals",
        "Only the bot token, the signing secret and the addresses of pagers are",
        "in clear",
    ),
]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.says)
def test_fault_gives_one_problem_with_why_and_instead(scenario: Scenario) -> None:
    assert_told(problems(stack_with_approvals(*scenario.changes)), scenario)


def test_valid_section_passes() -> None:
    assert problems(stack_with_approvals()) == []


@pytest.mark.parametrize("missing", ["permissionSets", "alerts"])
def test_approvals_without_other_section_is_refused(missing: str) -> None:
    found = problems(stack_with_approvals(((missing,), None)))
    (problem,) = [problem for problem in found if problem.path == "breakglass:approvals"]
    assert f"needs `{missing}` in the same file" in problem.why
    assert problem.instead.startswith(f"Add `{missing}` to this file")


def test_approvals_alone_gives_one_problem() -> None:
    raw = stack_with_approvals((("permissionSets",), None), (("alerts",), None))
    (problem,) = problems(raw)
    assert problem.path == "breakglass:approvals"
    assert "needs `permissionSets` and `alerts`" in problem.why


def test_signing_secret_without_approvals_passes() -> None:
    """It may be set before the section is written."""
    assert problems(stack((("slackSigningSecret",), ENCRYPTED))) == []


def test_several_faults_come_in_one_report() -> None:
    raw = stack_with_approvals(
        ((*APPROVALS, "channel"), "#approvals"),
        ((*RULE, "sets", 0), "admin"),
        ((*RULE, "approvers", 0), {"gruop": "database-leads"}),
        ((*RULE, "accounts"), [222222222222]),
        ((*RULE, "withoutApproval"), {"after": "10 minutes"}),
        ((*RULE, "maximumDuraton"), "PT1H"),
        ((*APPROVALS, "denies"), [{"name": "databases", "actions": []}]),
        ((*ALERTS, "region"), "eu-west-1"),
        ((*BREAK_GLASS, "sessionDuration"), "PT4H"),
        (("slackSigningSecret",), None),
    )
    assert sorted(problem.path.removeprefix("breakglass:") for problem in problems(raw)) == [
        "alerts.region",
        "approvals.channel",
        "approvals.denies[0].actions",
        "approvals.denies[0].name",
        "approvals.denies[0].reason",
        "approvals.rules[0].accounts[0]",
        "approvals.rules[0].approvers[0]",
        "approvals.rules[0].approvers[0].gruop",
        "approvals.rules[0].maximumDuraton",
        "approvals.rules[0].sets[0]",
        "approvals.rules[0].withoutApproval.after",
        "approvals.secondChannel",
        "permissionSets.pairs[0].breakGlass.sessionDuration",
        "slackSigningSecret",
    ]


def test_rule_sets_with_invalid_pair_names_are_not_judged() -> None:
    raw = stack_with_approvals(((*BREAK_GLASS, "name"), 17))
    assert [problem.path for problem in problems(raw)] == ["breakglass:permissionSets.pairs[0].breakGlass.name"]


@pytest.mark.parametrize(
    "changes",
    [
        # A group may hold anybody, and any number of people.
        [((*RULE, "requesters"), [{"group": "leads"}]), ((*RULE, "approvers"), [{"group": "leads"}])],
        [((*RULE, "requesters"), [{"group": "leads"}]), ((*RULE, "approvers"), [{"user": "ada"}])],
        [((*RULE, "approvals"), 3)],
        # Each approves what the other requests.
        [
            ((*RULE, "requesters"), [{"user": "ada"}, {"user": "grace"}]),
            ((*RULE, "approvers"), [{"user": "ada"}, {"user": "grace"}]),
        ],
        # Each can approve the other's requests.
        [((*RULE, "requesters"), [{"user": "ada"}, {"user": "grace"}]), ((*RULE, "approvers"), [{"user": "ada"}])],
    ],
)
def test_rule_with_an_approver_left_passes(changes: list[tuple[Keys, object]]) -> None:
    assert problems(stack_with_approvals(*changes)) == []


@pytest.mark.parametrize(
    ("maximum", "default", "proposed"),
    [(None, None, "PT1H"), ("PT4H", None, "PT1H"), ("PT30M", None, "PT30M"), ("PT4H", "PT2H", "PT2H")],
)
def test_default_duration_is_an_hour_or_the_rules_value(
    maximum: str | None, default: str | None, proposed: str
) -> None:
    given = {"maximumDuration": maximum, "defaultDuration": default}
    changes = [((*RULE, key), value) for key, value in given.items() if value]
    assert _rule(validate_stack(stack_with_approvals(*changes), STACKS)).proposed_duration == proposed


def test_omitted_keys_have_documented_defaults() -> None:
    approvals = validate_stack(stack_with_approvals(), STACKS).approvals
    assert approvals is not None
    assert approvals.model_dump(exclude_none=True) == {
        "channel": "C0APPROVALS",
        "people": {},
        "security": [],
        "rules": [
            {
                "name": "databases",
                "sets": ["devops-break-glass"],
                "accounts": ["222222222222"],
                "requesters": [{"group": "developers"}],
                "approvers": [{"group": "database-leads"}],
                "approvals": 1,
                "maximum_duration": "PT1H",
                "request_expiry": "PT30M",
                "ping": [],
                "quiet_accounts": [],
            }
        ],
        "denies": [],
        "explain_within": "PT24H",
        "remind_every": "PT4H",
        "end_sessions": False,
        "unrecorded_assignments": UnmanagedAssignments.report,
        "protect_records": True,
    }


@pytest.mark.parametrize(
    ("raw", "explains"),
    [
        (stack(), False),
        (stack(((*ALERTS, "explainButton"), True)), True),
        (stack_with_approvals(), True),
        (stack_with_approvals(((*ALERTS, "explainButton"), False)), False),
        (stack((("alerts",), None), (("slackBotToken",), None)), False),
    ],
)
def test_explain_button_with_approvals_is_on_by_default(raw: dict[str, Any], explains: bool) -> None:
    assert validate_stack(raw, STACKS).has_explain_button is explains


def test_workflow_alarms_without_email_give_warning() -> None:
    (warning,) = warnings(stack_with_approvals(((*ALERTS, "monitoring"), None)))
    assert warning.path == "breakglass:alerts.monitoring.emails"
    assert "Access that can't be revoked raises an alarm there as well." in warning.why


def test_component_with_two_signing_secrets_is_refused() -> None:
    raw = validate_stack(stack_with_approvals(), STACKS).model_dump(exclude_none=True)
    raw["slack_bot_token"] = "known at deployment only"
    raw["alerts"]["region"] = "eu-west-1"
    with pytest.raises(ConfigError) as refused:
        validate(StackFile, raw, "breakglass.")
    assert [problem.path for problem in refused.value.problems] == [
        "breakglass.alerts.region",
        "breakglass.slackSigningSecret",
    ]


def _rule(stack_file: StackFile) -> ApprovalRule:
    assert stack_file.approvals is not None
    return stack_file.approvals.rules[0]


SLACK_GROUP = {"slackGroup": "S0123ABCD"}


@pytest.mark.parametrize(
    ("keys", "entry"),
    [
        ((*RULE, "requesters", 0), SLACK_GROUP),
        ((*RULE, "approvers", 0), SLACK_GROUP),
        ((*APPROVALS, "security"), [SLACK_GROUP]),
        ((*APPROVALS, "denies"), [{**DENY, "principals": [SLACK_GROUP]}]),
        (("permissionSets", "pairs", 0, "assignments", 0), {**SLACK_GROUP, "accounts": ["222222222222"]}),
    ],
    ids=["requester", "approver", "security", "deny", "assignment"],
)
def test_slack_group_outside_mentions_is_refused(keys: Keys, entry: object) -> None:
    (problem,) = problems(stack_with_approvals((keys, entry)))
    assert problem.path.endswith("[0].slackGroup")
    assert "A Slack user group has no rights here." in problem.why
    assert "`group:` or `groupId:`" in problem.instead
