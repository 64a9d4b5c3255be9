"""`SlackProbe` registers exactly these resources, with these policies and alarms.

Not proven here: what the state machine does (tests/unit/alerts/test_probe_machine.py), the text of each statement
(tests/unit/iam/test_documents.py), and that AWS starts the machine and Slack takes its messages (docs/live-checks.md).
"""

import json
from typing import Any, cast

import pulumi
import pytest

from breakglass.alerts.probe_machine import Probe, probe_definition
from breakglass.components.alerts.slack_probe import SlackProbe
from breakglass.components.arguments import SlackProbeArgs
from breakglass.iam.documents import (
    call_slack,
    machine_trust,
    publish,
    read_metrics,
    rule_trust,
    start_machine,
    write_metrics,
)
from tests.conftest import REGION, Deployment, deploy, refusal

ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
MACHINE = "aws:sfn/stateMachine:StateMachine"
ROLE = "aws:iam/role:Role"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
RULE = "aws:cloudwatch/eventRule:EventRule"
TARGET = "aws:cloudwatch/eventTarget:EventTarget"

CONNECTION_ARN = "arn:aws:events:eu-central-1:222222222222:connection/breakglass-prod-connection/8c1e77d4"
MACHINE_ARN = "arn:aws:states:eu-central-1:222222222222:stateMachine:breakglass-test-probe"
RULE_ARN = "arn:aws:events:eu-central-1:222222222222:rule/breakglass-test-probe-schedule"
TOPIC_ARN = "arn:aws:sns:eu-central-1:222222222222:breakglass-prod-alarms"
KEY_ARN = "arn:aws:kms:eu-central-1:222222222222:key/0a1b2c3d"
CHANNELS = ["C0123456789", "C0APPROVALS1"]
TAGS = {"team": "platform"}
ARGS: dict[str, Any] = {
    "region": REGION,
    "stack": "prod",
    "channels": CHANNELS,
    "connection_arn": CONNECTION_ARN,
    "topic_arn": TOPIC_ARN,
    "tags": TAGS,
}


def program(args: dict[str, Any]) -> dict[str, pulumi.Output[Any]]:
    made = SlackProbe("test-probe", cast(SlackProbeArgs, args))
    return {"machine_arn": made.machine_arn, "channels": made.channels, "alarm_arns": made.alarm_arns}


def probe(**more: Any) -> Deployment:
    return deploy(lambda: program({**ARGS, **more}))


def document(deployment: Deployment, type_: str, name: str, key: str) -> dict[str, Any]:
    """A JSON input of a resource."""
    return json.loads(deployment.get(type_, name).inputs[key])


def test_inventory_and_outputs() -> None:
    deployment = probe()

    assert deployment.inventory() == {
        ("breakglass:index:SlackProbe", "test-probe"),
        ("breakglass:index:ScheduledMachine", "test-probe"),
        (MACHINE, "test-probe-machine"),
        (ROLE, "test-probe-role"),
        (ROLE_POLICY, "test-probe-permissions"),
        (ROLE, "test-probe-start"),
        (ROLE_POLICY, "test-probe-start"),
        (RULE, "test-probe-schedule"),
        (TARGET, "test-probe-schedule"),
        (ALARM, "test-probe-failed-runs"),
        *((ALARM, f"test-probe-{channel}") for channel in CHANNELS),
    }
    alarm = "arn:aws:cloudwatch:eu-central-1:222222222222:alarm:breakglass-test-probe"
    assert deployment.outputs == {
        "machine_arn": MACHINE_ARN,
        "channels": CHANNELS,
        "alarm_arns": [*(f"{alarm}-{channel}" for channel in CHANNELS), f"{alarm}-failed-runs"],
    }


def test_machine_has_the_definition_of_its_settings() -> None:
    deployment = probe(interval_minutes=5, post_message_url="https://slack-gov.com/api/chat.postMessage")

    inputs = deployment.get(MACHINE, "test-probe-machine").inputs
    definition = json.loads(inputs.pop("definition"))
    role_arn = "arn:aws:iam::222222222222:role/breakglass-test-probe"
    assert inputs == {"name": "breakglass-test-probe", "roleArn": role_arn, "region": REGION, "tags": TAGS}
    assert definition == probe_definition(
        Probe("prod", CHANNELS, 300, "https://slack-gov.com/api/chat.postMessage", CONNECTION_ARN, TOPIC_ARN)
    )


def test_role_of_machine_has_only_these_permissions() -> None:
    deployment = probe(kms_key_arn=KEY_ARN)

    urls = [f"https://slack.com/api/chat.{method}" for method in ("scheduleMessage", "deleteScheduledMessage")]
    assert document(deployment, ROLE_POLICY, "test-probe-permissions", "policy") == {
        "Version": "2012-10-17",
        "Statement": [
            *call_slack(MACHINE_ARN, CONNECTION_ARN, urls, KEY_ARN),
            write_metrics(),
            read_metrics(),
            publish(TOPIC_ARN),
        ],
    }
    assert document(deployment, ROLE, "test-probe-role", "assumeRolePolicy") == machine_trust(MACHINE_ARN)


def test_role_of_schedule_may_start_this_machine_only() -> None:
    deployment = probe()

    assert document(deployment, ROLE_POLICY, "test-probe-start", "policy") == start_machine(MACHINE_ARN)
    assert document(deployment, ROLE, "test-probe-start", "assumeRolePolicy") == rule_trust(RULE_ARN)


def test_schedule_starts_machine_when_its_roles_are_ready() -> None:
    deployment = probe(interval_minutes=5)

    rule, target = deployment.get(RULE, "test-probe-schedule"), deployment.get(TARGET, "test-probe-schedule")
    assert rule.inputs["scheduleExpression"] == "rate(5 minutes)"
    assert target.inputs == {
        "targetId": "machine",
        "rule": "breakglass-test-probe-schedule",
        "arn": MACHINE_ARN,
        "roleArn": "arn:aws:iam::222222222222:role/breakglass-test-probe-start",
        "input": "{}",
        "retryPolicy": {"maximumEventAgeInSeconds": 300, "maximumRetryAttempts": 3},
        "region": REGION,
    }
    waited_for = {deployment.by_urn()[urn].name for urn in target.depends_on}
    assert waited_for >= {"test-probe-permissions", "test-probe-start"}


@pytest.mark.parametrize("channel", CHANNELS)
def test_alarm_for_each_channel_and_for_its_silence(channel: str) -> None:
    inputs = probe(interval_minutes=60).get(ALARM, f"test-probe-{channel}").inputs

    text = inputs.pop("alarmDescription")
    assert channel in text
    assert "docs/runbooks/slack-is-down.md" in text
    assert inputs == {
        "name": f"breakglass-test-probe-{channel}",
        "namespace": "Breakglass",
        "metricName": "SlackReachable",
        "dimensions": {"Stack": "prod", "Channel": channel},
        "statistic": "Minimum",
        "period": 7200,
        "evaluationPeriods": 1,
        "comparisonOperator": "LessThanThreshold",
        "threshold": 1,
        "treatMissingData": "breaching",
        "alarmActions": [TOPIC_ARN],
        "region": REGION,
        "tags": TAGS,
    }


def test_alarm_for_runs_that_fail_or_do_not_start() -> None:
    inputs = probe().get(ALARM, "test-probe-failed-runs").inputs

    metrics = [query["metric"] for query in inputs["metricQueries"] if "metric" in query]
    assert [(each["metricName"], *each["dimensions"].items()) for each in metrics] == [
        ("FailedInvocations", ("RuleName", "breakglass-test-probe-schedule")),
        ("ExecutionsFailed", ("StateMachineArn", MACHINE_ARN)),
        ("ExecutionsTimedOut", ("StateMachineArn", MACHINE_ARN)),
        ("ExecutionsAborted", ("StateMachineArn", MACHINE_ARN)),
    ]
    assert (inputs["threshold"], inputs["treatMissingData"]) == (0, "notBreaching")


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        ({"channels": []}, "test-probe.channels"),
        ({"channels": ["#incidents"]}, "test-probe.channels[0]"),
        ({"channels": ["C0123456789", "C0123456789"]}, "test-probe.channels[1]"),
        ({"interval_minutes": 4}, "test-probe.interval_minutes"),
        ({"interval_minutes": 61}, "test-probe.interval_minutes"),
        ({"stack": ""}, "test-probe.stack"),
        ({"post_message_url": "https://proxy.example.com/slack"}, "test-probe.post_message_url"),
    ],
    ids=["no channel", "channel name", "channel twice", "too often", "too rarely", "no stack", "other URL"],
)
def test_wrong_argument_is_refused(wrong: dict[str, Any], place: str) -> None:
    assert place in refusal(lambda: program({**ARGS, **wrong}))
