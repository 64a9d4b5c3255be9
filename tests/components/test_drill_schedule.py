"""`DrillSchedule` registers exactly these resources, with these policies and alarms.

Not proven here: what the state machine does (tests/unit/alerts/test_drill_machine.py), the text of each statement
(tests/unit/iam/test_documents.py), and that AWS keeps the metrics that it reads (docs/live-checks.md).
"""

import json
from typing import Any, cast

import pulumi
import pytest

from breakglass.alerts.drill_machine import LATE_AFTER_SECONDS, METRICS_DELAY_SECONDS, Drills, drill_definition
from breakglass.components.alerts.drill_schedule import DrillSchedule
from breakglass.components.arguments import DrillScheduleArgs
from breakglass.iam.documents import machine_trust, read_metrics, send_events, write_metrics
from tests.conftest import REGION, Deployment, deploy, refusal

ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
MACHINE = "aws:sfn/stateMachine:StateMachine"
ROLE = "aws:iam/role:Role"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
RULE = "aws:cloudwatch/eventRule:EventRule"
TARGET = "aws:cloudwatch/eventTarget:EventTarget"

MACHINE_ARN = "arn:aws:states:eu-central-1:222222222222:stateMachine:breakglass-test-drills"
TOPIC_ARN = "arn:aws:sns:eu-central-1:222222222222:breakglass-prod-alarms"
RULES = {"devops-break-glass": "breakglass-devops-drill", "emergency-222222222222": "breakglass-emergency-drill"}
TAGS = {"team": "platform"}
ARGS: dict[str, Any] = {
    "region": REGION,
    "stack": "prod",
    "drill_rule_names": RULES,
    "topic_arn": TOPIC_ARN,
    "tags": TAGS,
}


def program(args: dict[str, Any]) -> dict[str, pulumi.Output[Any]]:
    made = DrillSchedule("test-drills", cast(DrillScheduleArgs, args))
    return {"machine_arn": made.machine_arn, "alarm_arns": made.alarm_arns}


def schedule(**more: Any) -> Deployment:
    return deploy(lambda: program({**ARGS, **more}))


def test_inventory_and_outputs() -> None:
    deployment = schedule()

    assert deployment.inventory() == {
        ("breakglass:index:DrillSchedule", "test-drills"),
        ("breakglass:index:ScheduledMachine", "test-drills"),
        (MACHINE, "test-drills-machine"),
        (ROLE, "test-drills-role"),
        (ROLE_POLICY, "test-drills-permissions"),
        (ROLE, "test-drills-start"),
        (ROLE_POLICY, "test-drills-start"),
        (RULE, "test-drills-schedule"),
        (TARGET, "test-drills-schedule"),
        *((ALARM, f"test-drills-{kind}") for kind in ("late", "missing", "failed-runs")),
    }
    alarm = "arn:aws:cloudwatch:eu-central-1:222222222222:alarm:breakglass-test-drills"
    assert deployment.outputs == {
        "machine_arn": MACHINE_ARN,
        "alarm_arns": [f"{alarm}-{kind}" for kind in ("late", "missing", "failed-runs")],
    }


@pytest.mark.parametrize("confirmed", [True, False])
def test_machine_has_the_definition_of_its_settings(confirmed: bool) -> None:
    deployment = schedule(interval_days=1, confirmed=confirmed)

    definition = json.loads(deployment.get(MACHINE, "test-drills-machine").inputs["definition"])
    assert definition == drill_definition(Drills("prod", RULES, 86_400, confirmed, "aws"))


@pytest.mark.parametrize("confirmed", [True, False])
def test_drills_of_a_bus_are_sent_to_it_alone(confirmed: bool) -> None:
    bus = "breakglass-prod-hub"
    deployment = schedule(confirmed=confirmed, event_bus_name=bus)

    definition = json.loads(deployment.get(MACHINE, "test-drills-machine").inputs["definition"])
    assert definition == drill_definition(Drills("prod", RULES, 7 * 86_400, confirmed, "aws", bus))
    policy = json.loads(deployment.get(ROLE_POLICY, "test-drills-permissions").inputs["policy"])
    assert policy["Statement"][0] == send_events(MACHINE_ARN, "breakglass.drill", "Break-glass drill", bus)


def test_deletion_of_machine_outlasts_its_longest_wait() -> None:
    timeout = schedule().get(MACHINE, "test-drills-machine").delete_timeout

    assert 60 * int(timeout.removesuffix("m")) > LATE_AFTER_SECONDS + METRICS_DELAY_SECONDS


def test_role_of_machine_has_only_these_permissions() -> None:
    deployment = schedule()

    policy = json.loads(deployment.get(ROLE_POLICY, "test-drills-permissions").inputs["policy"])
    assert policy == {
        "Version": "2012-10-17",
        "Statement": [
            send_events(MACHINE_ARN, "breakglass.drill", "Break-glass drill"),
            write_metrics(),
            read_metrics(),
        ],
    }
    assert json.loads(deployment.get(ROLE, "test-drills-role").inputs["assumeRolePolicy"]) == machine_trust(MACHINE_ARN)


def test_machine_runs_every_hour() -> None:
    assert schedule().get(RULE, "test-drills-schedule").inputs["scheduleExpression"] == "rate(60 minutes)"


@pytest.mark.parametrize("days", [1, 7])
def test_alarm_on_late_drills_lasts_until_the_next_ones(days: int) -> None:
    inputs = schedule(interval_days=days).get(ALARM, "test-drills-late").inputs

    assert "docs/runbooks/drill.md" in inputs.pop("alarmDescription")
    assert inputs == {
        "name": "breakglass-test-drills-late",
        "namespace": "Breakglass",
        "metricName": "LateDrills",
        "dimensions": {"Stack": "prod"},
        "statistic": "Maximum",
        "period": days * 86_400,
        "evaluationPeriods": 1,
        "comparisonOperator": "GreaterThanThreshold",
        "threshold": 0,
        "treatMissingData": "notBreaching",
        "alarmActions": [TOPIC_ARN],
        "region": REGION,
        "tags": TAGS,
    }


def test_alarm_on_missing_runs() -> None:
    inputs = schedule().get(ALARM, "test-drills-missing").inputs

    assert "docs/runbooks/drill.md" in inputs.pop("alarmDescription")
    assert inputs == {
        "name": "breakglass-test-drills-missing",
        "namespace": "Breakglass",
        "metricName": "LateDrills",
        "dimensions": {"Stack": "prod"},
        "statistic": "SampleCount",
        "period": 7200,
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
    [({"interval_days": 0}, "interval_days"), ({"interval_days": 8}, "interval_days"), ({"stack": ""}, "stack")],
    ids=["no interval", "longer than an alarm looks back", "no stack"],
)
def test_wrong_argument_is_refused(wrong: dict[str, Any], place: str) -> None:
    assert f"test-drills.{place}" in refusal(lambda: program({**ARGS, **wrong}))
