"""docs/runbooks/doctor.md: its permissions are those of the checks, and the checks call nothing else.

It does not prove that AWS needs no others (docs/live-checks.md).
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from breakglass.app.aws.identity_store import IdentityStore
from breakglass.app.domain.policy import to_json
from breakglass.cli.doctor import CHECKS
from breakglass.cli.doctor.alert_path import QUEUES, RULES
from breakglass.cli.doctor.check import Check
from breakglass.cli.doctor.finding import to_text
from breakglass.iam.wildcards import overlaps
from tests.app.domain.policies import ADA, policy
from tests.unit.cli.doctor.doubles import ACCOUNT, REGION, MemoryAws, deployment, examine, resource, sources, workspace
from tests.unit.iam.reference import arns_of, is_reading, matches

RUNBOOK = Path(__file__).resolve().parents[4] / "docs" / "runbooks" / "doctor.md"

IAM_PREFIX = {"stepfunctions": "states", "sso-admin": "sso"}
"""Name of a service in IAM, where it is not botocore's."""

OTHER_CLIENT = frozenset(
    {
        "dynamodb:Query",
        "identitystore:GetUserId",
        "identitystore:DescribeUser",
        "identitystore:ListGroupMemberships",
        "identitystore:ListGroupMembershipsForMember",
        "secretsmanager:GetSecretValue",
    }
)
"""Actions of the app's own code: the records (tests/unit/iam), the identity store (below), and the bot token."""

SIGN_IN = '{"source":["aws.signin","aws.events","aws.cloudtrail"]}'

DEPLOYED = deployment(
    resource("aws:cloudwatch/eventRule", "use", eventPattern='{"source":["breakglass.drill"],"x":"CloudTrail"}'),
    resource("aws:cloudwatch/eventRule", "breakglass-prod-sign-in", eventPattern=SIGN_IN),
    resource("aws:cloudwatch/eventConnection", "slack"),
    resource("aws:cloudwatch/eventApiDestination", "slack"),
    resource("aws:sfn/stateMachine", "delivery"),
    resource("aws:sqs/queue", "lost"),
    resource("aws:sns/topic", "alarms"),
    resource("aws:lambda/function", "receiver", environment={"variables": {"BREAKGLASS_BOT_TOKEN_SECRET": "arn"}}),
    resource("aws:dynamodb/table", "records"),
    *(
        resource("aws:cloudwatch/metricAlarm", metric, namespace="Breakglass", metricName=metric)
        for metric in (
            "SlackReachable",
            "LateDrills",
            "MissingSpokes",
            "ReconcilerRuns",
            "UnrecordedAssignments",
            "OverdueExplanations",
        )
    ),
    resource("aws:cloudwatch/eventBus", "breakglass-prod-hub"),
    resource("aws:cloudformation/stackSet", "breakglass-spokes", callAs="SELF"),
    approvalPolicy=to_json(policy()),
    approvalTable="records",
    independentDoor={
        "roles": [f"arn:aws:iam::{ACCOUNT}:role/emergency"],
        "users": [f"arn:aws:iam::{ACCOUNT}:user/ada"],
        "rehearseSeconds": 7_776_000,
    },
    globalEventsStack="global",
    organization={"regions": [REGION]},
    ruleNames={f"emergency-{ACCOUNT}": {"session_start": "use"}, "devops-break-glass": {"portal": "use"}},
)


def documented() -> dict[str, Any]:
    [text] = re.findall(r"```json\n(.*?)```", RUNBOOK.read_text(), re.DOTALL)
    policy_document: dict[str, Any] = json.loads(text)
    return policy_document


def documented_actions() -> list[str]:
    return [
        action
        for statement in documented()["Statement"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    ]


def test_runbook_allows_exactly_the_actions_of_the_checks() -> None:
    assert sorted(documented_actions()) == sorted({action for check in CHECKS for action in check.actions})


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_check_calls_exactly_its_actions(check: Check[Any, Any]) -> None:
    trail = {"Name": "all", "TrailARN": f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/all", "HomeRegion": REGION}
    rule = {"Name": "breakglass-prod-sign-in", "State": "ENABLED", "EventPattern": SIGN_IN}
    answers: dict[str, Any] = {
        "DescribeTrails": {"trailList": [trail]},
        "DescribeTable": {"Table": {}},
        "ListInstances": {"Instances": [{"InstanceArn": "arn:aws:sso:::instance/ssoins-1234567890123456"}]},
        "ListRules": {"Rules": [rule]},
        "TestEventPattern": {"Result": True},
    }
    aws = MemoryAws(answers)
    assert check.subjects(DEPLOYED), "every check has a subject here"
    examine(check, DEPLOYED, sources(aws, slack=workspace))

    called = {f"{IAM_PREFIX.get(service, service)}:{operation}" for _, service, operation, _ in aws.calls}
    assert called == set(check.actions) - OTHER_CLIENT


def test_runbook_shows_findings_as_they_are_printed() -> None:
    rule = resource("aws:cloudwatch/eventRule", "breakglass-prod-devops-break-glass-portal")
    [disabled] = RULES.examine(sources(MemoryAws({"DescribeRule": {"State": "DISABLED"}})), rule)

    assert to_text([disabled, QUEUES.fine(6)]) in RUNBOOK.read_text()


def test_runbook_has_a_row_for_each_check() -> None:
    rows = re.findall(r"^\| (`.*?) \|", RUNBOOK.read_text(), re.MULTILINE)
    assert [name for row in rows for name in re.findall(r"`(.*?)`", row)] == [check.name for check in CHECKS]


def test_identity_store_calls_only_documented_actions() -> None:
    called: set[str] = set()

    class Recorder:
        def call(self, service: Any, operation: str, arguments: Any) -> dict[str, Any]:
            called.add(f"identitystore:{operation}")
            return {"UserId": "u-1", "UserName": "ada", "Emails": [{"Value": "ada@example.com"}]}

        def pages(self, service: Any, operation: str, arguments: Any) -> list[dict[str, Any]]:
            called.add(f"identitystore:{operation}")
            return [{"GroupMemberships": []}]

    client: Any = Recorder()
    store = IdentityStore(client, "d-1")
    store.members(policy().rules[0].requesters)
    store.person_by_email("ada@example.com")
    store.person(ADA.user_id)

    assert called == {action for action in OTHER_CLIENT if action.startswith("identitystore:")}


def test_documented_actions_only_read() -> None:
    levels = {action: matches(action).get(action, "") for action in documented_actions()}
    assert [action for action, level in levels.items() if not is_reading(level)] == []


def test_documented_resources_suit_their_actions() -> None:
    for statement in documented()["Statement"]:
        named = [statement["Resource"]] if isinstance(statement["Resource"], str) else statement["Resource"]
        for action in [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]:
            kinds = list(arns_of(action))
            assert named == ["*"] or any(overlaps(kind, arn) for kind in kinds for arn in named), action
