"""`RollCall` registers exactly these resources, with these policies and alarms.

Not proven here: what the state machine does (tests/unit/organization/test_roll_call_machine.py), which events the rules
match (test_roll_call_rules.py beside it), and that AWS lets the machine ask (docs/live-checks.md).
"""

import json
from typing import Any, cast

import pulumi
import pytest

from breakglass.alerts.patterns import pattern_json
from breakglass.components.arguments import RollCallArgs
from breakglass.components.organization.roll_call import RollCall
from breakglass.iam.documents import machine_trust
from breakglass.organization.roll_call_machine import RollCallSettings, roll_call_definition
from breakglass.organization.roll_call_rules import added_region_text, roll_call_rules
from tests.conftest import REGION, Deployment, deploy, refusal

ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
MACHINE = "aws:sfn/stateMachine:StateMachine"
ROLE = "aws:iam/role:Role"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
RULE = "aws:cloudwatch/eventRule:EventRule"
TARGET = "aws:cloudwatch/eventTarget:EventTarget"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
LOG_POLICY = "aws:cloudwatch/logResourcePolicy:LogResourcePolicy"

BUS = "breakglass-test-hub"
MACHINE_ARN = "arn:aws:states:eu-central-1:222222222222:stateMachine:breakglass-test-roll-call"
LOG_GROUP_ARN = "arn:aws:logs:eu-central-1:222222222222:log-group:/aws/events/breakglass-test-roll-call"
TOPIC_ARN = "arn:aws:sns:eu-central-1:222222222222:breakglass-test-monitoring-alarms"
TAGS = {"team": "platform"}
ARGS: dict[str, Any] = {
    "region": REGION,
    "stack": "test",
    "bus_name": BUS,
    "regions": ["eu-central-1", "us-east-1"],
    "exclude": ["333333333333"],
    "units": ["ou-ab12-workload"],
    "topic_arn": TOPIC_ARN,
    "tags": TAGS,
}


def program(args: dict[str, Any]) -> dict[str, pulumi.Output[Any]]:
    made = RollCall("test-roll-call", cast(RollCallArgs, args))
    return {
        "machine_arn": made.machine_arn,
        "log_group_name": made.log_group_name,
        "rule_names": made.rule_names,
        "alarm_arns": made.alarm_arns,
    }


def roll_call(**more: Any) -> Deployment:
    return deploy(lambda: program({**ARGS, **more}))


def test_inventory_and_outputs() -> None:
    deployment = roll_call()

    assert deployment.inventory() == {
        ("breakglass:index:RollCall", "test-roll-call"),
        ("breakglass:index:EventLog", "test-roll-call"),
        ("breakglass:index:ScheduledMachine", "test-roll-call"),
        (RULE, "test-roll-call-heartbeat"),
        (RULE, "test-roll-call-added-region"),
        (TARGET, "test-roll-call-added-region"),
        (LOG_GROUP, "test-roll-call-events"),
        (LOG_POLICY, "test-roll-call-events"),
        (TARGET, "test-roll-call-heartbeat"),
        (MACHINE, "test-roll-call-machine"),
        (ROLE, "test-roll-call-role"),
        (ROLE_POLICY, "test-roll-call-permissions"),
        (ROLE, "test-roll-call-start"),
        (ROLE_POLICY, "test-roll-call-start"),
        (RULE, "test-roll-call-schedule"),
        (TARGET, "test-roll-call-schedule"),
        *((ALARM, f"test-roll-call-{kind}") for kind in ("missing", "failed-runs")),
    }
    alarm = "arn:aws:cloudwatch:eu-central-1:222222222222:alarm:breakglass-test-roll-call"
    assert deployment.outputs == {
        "machine_arn": MACHINE_ARN,
        "log_group_name": "/aws/events/breakglass-test-roll-call",
        "rule_names": {
            "heartbeat": "breakglass-test-roll-call-heartbeat",
            "added-region": "breakglass-test-roll-call-added-region",
        },
        "alarm_arns": [f"{alarm}-{kind}" for kind in ("missing", "failed-runs")],
    }


def test_rules_are_on_the_bus_of_the_hub() -> None:
    deployment = roll_call()

    for rule in roll_call_rules():
        assert deployment.get(RULE, f"test-roll-call-{rule.key}").inputs == {
            "name": f"breakglass-test-roll-call-{rule.key}",
            "description": rule.description,
            "eventBusName": BUS,
            "eventPattern": pattern_json(rule.pattern),
            "state": "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS",
            "region": REGION,
            "tags": TAGS,
        }


def test_heartbeats_go_to_the_log_group() -> None:
    inputs = roll_call().get(TARGET, "test-roll-call-heartbeat").inputs

    assert (inputs["rule"], inputs["eventBusName"], inputs["arn"]) == (
        "breakglass-test-roll-call-heartbeat",
        BUS,
        LOG_GROUP_ARN,
    )


def test_further_region_of_identity_center_is_mailed() -> None:
    text = added_region_text()

    assert roll_call().get(TARGET, "test-roll-call-added-region").inputs == {
        "targetId": "mail",
        "rule": "breakglass-test-roll-call-added-region",
        "eventBusName": BUS,
        "arn": TOPIC_ARN,
        "inputTransformer": {"inputPaths": dict(text.input_paths), "inputTemplate": text.template},
        "retryPolicy": {"maximumEventAgeInSeconds": 86_400, "maximumRetryAttempts": 185},
        "region": REGION,
    }


def test_machine_has_the_definition_of_its_settings() -> None:
    definition = json.loads(roll_call().get(MACHINE, "test-roll-call-machine").inputs["definition"])

    assert definition == roll_call_definition(
        RollCallSettings(
            stack="test",
            regions=["eu-central-1", "us-east-1"],
            exclude=["333333333333"],
            units=["ou-ab12-workload"],
            log_group="/aws/events/breakglass-test-roll-call",
            topic_arn=TOPIC_ARN,
        )
    )


def test_role_of_machine_has_only_these_permissions() -> None:
    deployment = roll_call()

    assert json.loads(deployment.get(ROLE_POLICY, "test-roll-call-permissions").inputs["policy"]) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "QueryLogs",
                "Effect": "Allow",
                "Action": ["logs:StartQuery", "logs:GetQueryResults"],
                "Resource": f"{LOG_GROUP_ARN}:*",
            },
            {"Sid": "ListAccounts", "Effect": "Allow", "Action": "organizations:ListAccounts", "Resource": "*"},
            {"Sid": "SendMail", "Effect": "Allow", "Action": "sns:Publish", "Resource": TOPIC_ARN},
            {
                "Sid": "WriteMetrics",
                "Effect": "Allow",
                "Action": "cloudwatch:PutMetricData",
                "Resource": "*",
                "Condition": {"StringEquals": {"cloudwatch:namespace": "Breakglass"}},
            },
        ],
    }
    trust = json.loads(deployment.get(ROLE, "test-roll-call-role").inputs["assumeRolePolicy"])
    assert trust == machine_trust(MACHINE_ARN)


def test_machine_runs_an_hour_after_the_heartbeats() -> None:
    inputs = roll_call().get(RULE, "test-roll-call-schedule").inputs

    assert inputs["scheduleExpression"] == "cron(0 5 * * ? *)"
    # Schedules are refused on a bus of one's own.
    assert "eventBusName" not in inputs


def test_alarm_on_missing_runs() -> None:
    inputs = roll_call().get(ALARM, "test-roll-call-missing").inputs

    assert "docs/runbooks/coverage.md" in inputs.pop("alarmDescription")
    assert inputs == {
        "name": "breakglass-test-roll-call-missing",
        "namespace": "Breakglass",
        "metricName": "MissingSpokes",
        "dimensions": {"Stack": "test"},
        "statistic": "SampleCount",
        "period": 93_600,
        "evaluationPeriods": 1,
        "comparisonOperator": "LessThanThreshold",
        "threshold": 1,
        "treatMissingData": "breaching",
        "alarmActions": [TOPIC_ARN],
        "region": REGION,
        "tags": TAGS,
    }


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        ({"regions": []}, "regions"),
        ({"regions": ["Frankfurt"]}, "regions[0]"),
        ({"exclude": ["1"]}, "exclude[0]"),
        ({"units": ["o-exampleorgid"]}, "units[0]"),
        ({"stack": ""}, "stack"),
    ],
    ids=["no region", "no region code", "no account", "an organization", "no stack"],
)
def test_wrong_argument_is_refused(wrong: dict[str, Any], place: str) -> None:
    assert f"test-roll-call.{place}" in refusal(lambda: program({**ARGS, **wrong}))
