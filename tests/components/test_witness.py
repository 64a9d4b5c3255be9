"""`Witness` registers exactly these resources, with these policies, filters and alarms.

Not proven here: what the state machine does (tests/unit/alerts/test_witness_machine.py), what the filters match
(tests/unit/alerts/test_recorded_uses.py), and that AWS runs both (docs/live-checks.md).
"""

import json
from typing import Any, cast

import pulumi
import pytest

from breakglass.alerts.recorded_uses import use_filters
from breakglass.alerts.subjects import PermissionSetSubject, RoleSubject, RootSubject, Subject, UserSubject
from breakglass.alerts.witness_machine import WitnessSettings, witness_definition
from breakglass.components.alerts.witness import Witness
from breakglass.components.arguments import WitnessArgs
from breakglass.errors import BreakglassError
from breakglass.iam.documents import call_slack, machine_trust, publish, query_logs, write_metrics
from tests.conftest import REGION, Deployment, deploy, refusal

ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
FILTER = "aws:cloudwatch/logMetricFilter:LogMetricFilter"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
LOG_POLICY = "aws:cloudwatch/logResourcePolicy:LogResourcePolicy"
MACHINE = "aws:sfn/stateMachine:StateMachine"
ROLE = "aws:iam/role:Role"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
RULE = "aws:cloudwatch/eventRule:EventRule"
TARGET = "aws:cloudwatch/eventTarget:EventTarget"

CONNECTION_ARN = "arn:aws:events:eu-central-1:222222222222:connection/breakglass-prod-connection/8c1e77d4"
MACHINE_ARN = "arn:aws:states:eu-central-1:222222222222:stateMachine:breakglass-test-witness"
TOPIC_ARN, PAGE_TOPIC_ARN = (
    f"arn:aws:sns:eu-central-1:222222222222:breakglass-prod-{name}" for name in ("mail", "page")
)
FIRED = "/aws/events/breakglass-test-witness-fired"
TRAIL = "aws-controltower/CloudTrailLogs"
LOGS = "arn:aws:logs:eu-central-1:222222222222:log-group"
ROLE_ARN = "arn:aws:iam::222222222222:role/emergency"
USER_ARN = "arn:aws:iam::222222222222:user/ada"
SUBJECTS: list[Subject] = [
    PermissionSetSubject("devops-break-glass"),
    RoleSubject(ROLE_ARN),
    UserSubject(USER_ARN),
    RootSubject(),
]
QUEUE = {"queue_name": "q", "queue_arn": "arn:aws:sqs:eu-central-1:222222222222:q"}
BUS = {"event_bus_name": "breakglass-prod-hub"}
WATCHED: list[dict[str, Any]] = [
    {
        "permission_set": "devops-break-glass",
        "rule_names": {"session_start": "set-rule", "denied": "x"},
        **QUEUE,
        **BUS,
    },
    {"role_arn": ROLE_ARN, "rule_names": {"session_start": "role-rule"}, **QUEUE, **BUS},
    {"user_arn": USER_ARN, "rule_names": {"sign_in": "user-rule"}, **QUEUE, **BUS},
    {"root": True, "rule_names": {"sign_in": "root-rule", "change": "x"}, **QUEUE, **BUS},
    {"tampering": ["tamper-stack"], "rule_names": {"tamper-stack": "x"}, **QUEUE},
]
TAGS = {"team": "platform"}
ARGS: dict[str, Any] = {
    "region": REGION,
    "stack": "prod",
    "channel": "C0123456789",
    "watched": WATCHED,
    "connection_arn": CONNECTION_ARN,
    "topic_arn": TOPIC_ARN,
    "page_topic_arn": PAGE_TOPIC_ARN,
    "tags": TAGS,
}
COMMON = {
    ("breakglass:index:Witness", "test-witness"),
    ("breakglass:index:EventLog", "test-witness-fired"),
    ("breakglass:index:ScheduledMachine", "test-witness"),
    (LOG_GROUP, "test-witness-fired-events"),
    (LOG_POLICY, "test-witness-fired-events"),
    *((TARGET, f"test-witness-fired-{subject.key}") for subject in SUBJECTS),
    (MACHINE, "test-witness-machine"),
    (ROLE, "test-witness-role"),
    (ROLE_POLICY, "test-witness-permissions"),
    (ROLE, "test-witness-start"),
    (ROLE_POLICY, "test-witness-start"),
    (RULE, "test-witness-schedule"),
    (TARGET, "test-witness-schedule"),
}


def program(args: dict[str, Any]) -> dict[str, pulumi.Output[Any]]:
    made = Witness("test-witness", cast(WitnessArgs, args))
    return {"machine_arn": made.machine_arn, "log_group_name": made.log_group_name, "alarm_arns": made.alarm_arns}


def witness(**more: Any) -> Deployment:
    return deploy(lambda: program({**ARGS, **more}))


def document(deployment: Deployment, type_: str, name: str, key: str) -> dict[str, Any]:
    """A JSON input of a resource."""
    return json.loads(deployment.get(type_, name).inputs[key])


FILTERS = {(FILTER, f"test-witness-uses-{number}") for number in (1, 2)}


@pytest.mark.parametrize(
    ("trail", "alarms", "more"),
    [
        (TRAIL, ("missing", "no-trail", "use", "failed-runs"), FILTERS),
        (None, ("missing", "no-trail", "failed-runs"), set()),
    ],
    ids=["log group of a trail", "event history"],
)
def test_inventory_and_outputs(trail: str | None, alarms: tuple[str, ...], more: set[tuple[str, str]]) -> None:
    deployment = witness(**({"trail_log_group": trail} if trail else {}))

    assert deployment.inventory() == {*COMMON, *more, *((ALARM, f"test-witness-{alarm}") for alarm in alarms)}
    alarm = "arn:aws:cloudwatch:eu-central-1:222222222222:alarm:breakglass-test-witness"
    assert deployment.outputs == {
        "machine_arn": MACHINE_ARN,
        "log_group_name": FIRED,
        "alarm_arns": [f"{alarm}-{kind}" for kind in alarms],
    }


@pytest.mark.parametrize("trail", [TRAIL, None])
def test_machine_has_the_definition_of_its_settings(trail: str | None) -> None:
    more: dict[str, Any] = {"trail_log_group": trail, "excluded_accounts": ["555555555555"]} if trail else {}
    deployment = witness(interval_hours=2, **more)

    assert document(deployment, MACHINE, "test-witness-machine", "definition") == witness_definition(
        WitnessSettings(
            stack="prod",
            subjects=SUBJECTS,
            interval_seconds=7200,
            fired_log_group=FIRED,
            trail_log_group=trail,
            excluded_accounts=["555555555555"] if trail else [],
            channel="C0123456789",
            post_message_url="https://slack.com/api/chat.postMessage",
            connection_arn=CONNECTION_ARN,
            topic_arn=TOPIC_ARN,
            page_topic_arn=PAGE_TOPIC_ARN,
        )
    )
    assert deployment.get(RULE, "test-witness-schedule").inputs["scheduleExpression"] == "rate(120 minutes)"


LIST_RUNS = {"Sid": "ListRuns", "Effect": "Allow", "Action": "states:ListExecutions", "Resource": MACHINE_ARN}
HISTORY = [
    {
        "Sid": "LookUpEvents",
        "Effect": "Allow",
        "Action": ["cloudtrail:DescribeTrails", "cloudtrail:LookupEvents", "iam:ListRoles"],
        "Resource": "*",
    },
    {
        "Sid": "ReadTrailStatus",
        "Effect": "Allow",
        "Action": "cloudtrail:GetTrailStatus",
        "Resource": "arn:aws:cloudtrail:*:*:trail/*",
    },
]


@pytest.mark.parametrize(
    ("trail", "read"),
    [
        (TRAIL, [query_logs(f"{LOGS}:{TRAIL}", f"{LOGS}:{FIRED}")]),
        (None, [query_logs(f"{LOGS}:{FIRED}"), *HISTORY]),
    ],
    ids=["log group of a trail", "event history"],
)
def test_role_of_machine_has_only_these_permissions(trail: str | None, read: list[Any]) -> None:
    deployment = witness(**({"trail_log_group": trail} if trail else {}))

    assert document(deployment, ROLE_POLICY, "test-witness-permissions", "policy") == {
        "Version": "2012-10-17",
        "Statement": [
            *call_slack(MACHINE_ARN, CONNECTION_ARN, ["https://slack.com/api/chat.postMessage"]),
            LIST_RUNS,
            *read,
            write_metrics(),
            publish(TOPIC_ARN, PAGE_TOPIC_ARN),
        ],
    }
    assert document(deployment, ROLE, "test-witness-role", "assumeRolePolicy") == machine_trust(MACHINE_ARN)


def test_only_rules_of_uses_write_to_the_log() -> None:
    deployment = witness()

    targets = [deployment.get(TARGET, f"test-witness-fired-{subject.key}").inputs for subject in SUBJECTS]
    assert [each["rule"] for each in targets] == ["set-rule", "role-rule", "user-rule", "root-rule"]
    assert {each["eventBusName"] for each in targets} == {"breakglass-prod-hub"}
    assert {each["arn"] for each in targets} == {f"{LOGS}:{FIRED}"}


def test_rule_on_the_default_bus_has_no_bus_in_its_target() -> None:
    watched = [{**WATCHED[0], "event_bus_name": None}]

    assert "eventBusName" not in witness(watched=watched).get(TARGET, "test-witness-fired-devops-break-glass").inputs


def test_metric_filters_count_uses_in_one_metric() -> None:
    deployment = witness(trail_log_group=TRAIL)

    for number, pattern in enumerate(use_filters(SUBJECTS), start=1):
        assert deployment.get(FILTER, f"test-witness-uses-{number}").inputs == {
            "name": f"breakglass-test-witness-uses-{number}",
            "logGroupName": TRAIL,
            "pattern": pattern,
            "metricTransformation": {"name": "breakglass-test-witness-uses", "namespace": "Breakglass", "value": "1"},
            "region": REGION,
        }
    inputs = deployment.get(ALARM, "test-witness-use").inputs
    assert TRAIL in inputs.pop("alarmDescription")
    assert inputs == {
        "name": "breakglass-test-witness-use",
        "namespace": "Breakglass",
        "metricName": "breakglass-test-witness-uses",
        "statistic": "Sum",
        "period": 300,
        "evaluationPeriods": 1,
        "comparisonOperator": "GreaterThanThreshold",
        "threshold": 0,
        "treatMissingData": "notBreaching",
        "alarmActions": [TOPIC_ARN],
        "region": REGION,
        "tags": TAGS,
    }


@pytest.mark.parametrize(
    ("alarm", "metric", "expected"),
    [
        ("missing", "UsesWithoutAlert", ("SampleCount", "breaching", [TOPIC_ARN])),
        ("no-trail", "ActiveTrails", ("Minimum", "notBreaching", [TOPIC_ARN, PAGE_TOPIC_ARN])),
    ],
)
def test_alarms_on_missing_runs_and_missing_trail(alarm: str, metric: str, expected: Any) -> None:
    inputs = witness(interval_hours=24).get(ALARM, f"test-witness-{alarm}").inputs

    assert "docs/runbooks/alarms.md" in inputs["alarmDescription"]
    assert (inputs["metricName"], inputs["dimensions"]) == (metric, {"Stack": "prod"})
    assert (inputs["comparisonOperator"], inputs["threshold"], inputs["period"]) == ("LessThanThreshold", 1, 172_800)
    assert (inputs["statistic"], inputs["treatMissingData"], inputs["alarmActions"]) == expected


def test_alarm_on_a_trail_that_writes_nothing_pages() -> None:
    inputs = witness(trail_log_group=TRAIL).get(ALARM, "test-witness-no-trail").inputs

    assert "docs/runbooks/alarms.md" in inputs["alarmDescription"]
    assert (inputs["namespace"], inputs["metricName"]) == ("AWS/Logs", "IncomingLogEvents")
    assert inputs["dimensions"] == {"LogGroupName": TRAIL}
    assert (inputs["statistic"], inputs["period"], inputs["treatMissingData"]) == ("Sum", 7200, "breaching")
    assert (inputs["comparisonOperator"], inputs["threshold"]) == ("LessThanThreshold", 1)
    assert inputs["alarmActions"] == [TOPIC_ARN, PAGE_TOPIC_ARN]


def test_alerts_without_uses_are_refused() -> None:
    assert "session_start" in refusal(lambda: program({**ARGS, "watched": WATCHED[-1:]}))


def test_more_roles_than_a_query_takes_are_refused() -> None:
    watched = [
        {**WATCHED[1], "role_arn": f"arn:aws:iam::222222222222:role/{'x' * 60}-{number}"} for number in range(100)
    ]

    with pytest.raises(BreakglassError, match="too many watched"):
        witness(watched=watched, trail_log_group=TRAIL)


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        ({"interval_hours": 0}, "test-witness.interval_hours"),
        ({"interval_hours": 25}, "test-witness.interval_hours"),
        ({"stack": ""}, "test-witness.stack"),
        ({"watched": []}, "test-witness.watched"),
        ({"trail_log_group": "arn:aws:logs:eu-central-1:222222222222:log-group:x"}, "test-witness.trail_log_group"),
        ({"excluded_accounts": [12]}, "test-witness.excluded_accounts[0]"),
        ({"channel": "#incidents"}, "test-witness.channel"),
    ],
)
def test_wrong_argument_is_refused(wrong: dict[str, Any], place: str) -> None:
    assert place in refusal(lambda: program({**ARGS, **wrong}))
