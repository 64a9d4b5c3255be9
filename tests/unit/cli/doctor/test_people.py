"""The check `person`: the app's own identification of the people of the rules.

It does not prove how Slack finds an address (docs/live-checks.md).
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from breakglass.app.domain.policy import ApprovalPolicy, to_json
from breakglass.app.ports import Slack
from breakglass.cli.deployment import SECRET, Deployment
from breakglass.cli.doctor.metrics import FUNCTION_TYPE
from breakglass.cli.doctor.people import PEOPLE, people_entry
from tests.app.domain.policies import ADA, BEA, CLEO, EVERYBODY, policy, rule
from tests.app.doubles.directory import MemoryDirectory
from tests.app.doubles.slack import MemorySlack
from tests.unit.cli.doctor.doubles import deployment, examine, refused, resource, sources

SECRET_ARN = "arn:aws:secretsmanager:eu-central-1:111111111111:secret:breakglass-prod-slack-token-x"
RECEIVER = resource(FUNCTION_TYPE, "receiver", environment={"variables": {"BREAKGLASS_BOT_TOKEN_SECRET": SECRET_ARN}})


def deployed(approval_policy: ApprovalPolicy) -> Deployment:
    return deployment(RECEIVER, approvalPolicy=to_json(approval_policy), approvalTable="records")


class Company:
    """The rule `databases`: ada, bea and eve request, bea and cleo approve."""

    def __init__(self, people: Mapping[str, str] | None = None, approvals: int = 1) -> None:
        self.policy = policy(rule(approvals=approvals), people=dict(people or {}))
        self.slack = MemorySlack(EVERYBODY)
        self.directory = MemoryDirectory(EVERYBODY)
        self.secrets: list[str] = []

    def findings(self) -> list[tuple[str, str, str]]:
        def connect(_: ApprovalPolicy, secret: str) -> Slack:
            self.secrets.append(secret)
            return self.slack

        return examine(PEOPLE, deployed(self.policy), sources(slack=connect, directory=self.directory))

    def only(self) -> tuple[str, str, str]:
        [finding] = self.findings()
        return finding

    def change(self, slack_id: str, **changes: Any) -> None:
        self.slack.users[slack_id] = {**self.slack.users[slack_id], **changes}


def test_people_that_slack_recognises_have_no_finding() -> None:
    company = Company()

    assert company.findings() == []
    assert company.secrets == [SECRET_ARN]
    assert len(company.slack.made("auth.test")) == 1


def test_person_without_a_slack_account_gets_the_entry_to_write() -> None:
    company = Company()
    del company.slack.users["UCLEO"]
    status, what, do = company.only()

    assert (status, what) == (
        "warn",
        "cleo, approver of databases, is not recognised: No active account of this Slack workspace has the "
        "address cleo@example.com.",
    )
    assert do.endswith('write under `breakglass:approvals.people`: U...: "cleo"')


def test_person_in_both_roles_is_named_once() -> None:
    company = Company()
    del company.slack.users["UBEA"]

    assert company.only()[1].startswith("bea, approver of databases, requester of databases, is not recognised")


def test_person_without_an_address_gets_the_entry_to_write() -> None:
    company = Company()
    company.directory.people["u-cleo"] = replace(company.directory.people["u-cleo"], email="")

    assert "This user has no e-mail address in Identity Center." in company.only()[1]


def test_unconfirmed_address_gets_the_entry_with_the_slack_id() -> None:
    company = Company()
    company.change("UCLEO", is_email_confirmed=False)
    status, what, do = company.only()

    assert (status, what.startswith("cleo (Slack account UCLEO), approver of databases")) == ("warn", True)
    assert "Slack has not confirmed your e-mail address" in what
    assert do == (
        "Ask the person for the member ID (in their Slack profile, Copy member ID). If it is UCLEO, write under "
        '`breakglass:approvals.people`: UCLEO: "cleo"'
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"is_restricted": True}, "Guests of this workspace"),
        ({"is_ultra_restricted": True}, "Guests of this workspace"),
        ({"is_bot": True}, "Bots and apps"),
        ({"team_id": "T0OTHER"}, "People of another workspace"),
    ],
)
def test_account_without_rights_needs_a_change_in_slack(changes: dict[str, Any], said: str) -> None:
    company = Company()
    company.change("UCLEO", **changes)
    _, what, do = company.only()

    assert said in what
    assert "no entry of `people` helps it" in do
    assert "UCLEO:" not in do


def test_person_pinned_to_an_account_is_recognised_by_it_alone() -> None:
    company = Company(people={"UFAY": "u-cleo"})
    assert company.findings() == []

    company.change("UFAY", deleted=True)
    _, what, _ = company.only()
    assert what.startswith("cleo (Slack account UFAY)")
    assert what.endswith("This Slack account is deactivated.")


def test_grid_person_pinned_by_two_ids_needs_one() -> None:
    company = Company(people={"WCLEO": "u-cleo", "UCLEO": "u-cleo"})
    assert company.findings() == []


def test_account_of_another_person_is_named() -> None:
    """Two users of Identity Center have the address in some order; Slack's account acts as the other one."""
    company = Company()
    company.directory.people["u-cleo"] = replace(company.directory.people["u-cleo"], email="fay@example.com")
    _, what, _ = company.only()

    assert "This account acts as fay." in what


def test_rule_with_too_few_approvers_fails() -> None:
    company = Company(approvals=2)
    company.change("UCLEO", deleted=True)

    assert [(status, what.partition(":")[0]) for status, what, _ in company.findings()] == [
        ("fail", "The rule databases needs 2 approvers, and Slack recognises 1 of 2."),
        ("warn", "cleo, approver of databases, is not recognised"),
    ]


def test_rule_without_people_fails() -> None:
    company = Company()
    for person in (ADA, BEA, CLEO):
        company.directory.disable(person)
    company.directory.people.pop("u-eve")

    assert [what for _, what, _ in company.findings()] == [
        "The rule databases needs 1 approver, and Slack recognises 0 of 0.",
        "The rule databases needs 1 requester, and Slack recognises 0 of 0.",
    ]


@pytest.mark.parametrize(
    ("method", "error", "status", "said"),
    [
        ("users.lookupByEmail", "missing_scope", "fail", "lacks the scope users:read.email"),
        ("users.info", "missing_scope", "fail", "lacks the scope users:read,"),
        ("*", "token_revoked", "fail", "(token_revoked): the token was revoked."),
        ("*", "timeout", "unknown", "Slack did not answer users.lookupByEmail (timeout)."),
    ],
)
def test_error_of_slack_is_one_finding(method: str, error: str, status: str, said: str) -> None:
    company = Company()
    company.slack.fail(method, error, times=None)
    found, what, _ = company.only()

    assert (found, said in what) == (status, True)


def test_unreadable_token_is_unknown_with_its_permission() -> None:
    def connect(_: ApprovalPolicy, secret: str) -> Slack:
        error = refused()
        error.operation = "GetSecretValue"
        raise error

    [(status, what, do)] = examine(PEOPLE, deployed(policy()), sources(slack=connect))

    assert (status, "AWS refused GetSecretValue" in what) == ("unknown", True)
    assert do == "Allow secretsmanager:GetSecretValue to your role: docs/runbooks/doctor.md."


def test_refused_identity_store_is_unknown() -> None:
    company = Company()
    company.directory.failure = refused()

    assert company.only()[0] == "unknown"


@pytest.mark.parametrize("environment", [None, {}, {"variables": {}}, SECRET, {"variables": SECRET}])
def test_unknown_secret_of_the_token_is_unknown(environment: Any) -> None:
    function = resource(FUNCTION_TYPE, "receiver", environment=environment)
    outputs = deployed(policy()).outputs
    [(status, what, _)] = examine(PEOPLE, Deployment((function,), outputs))

    assert (status, "names the secret of the bot token" in what) == ("unknown", True)


def test_stack_without_approvals_has_no_people() -> None:
    assert examine(PEOPLE, deployment(RECEIVER)) == []


def test_people_entry_quotes_a_hostile_name() -> None:
    assert people_entry("U1", 'a": b\n#') == 'U1: "a\\": b\\n#"'
