"""The checks of the alert path, each with a sound resource, a missing one, and changed ones."""

from typing import Any

import pytest

from breakglass.cli.deployment import SECRET, Resource
from breakglass.cli.doctor.alert_path import (
    ALERT_PATH,
    CONNECTION,
    CONNECTION_TYPE,
    DESTINATION,
    DESTINATION_TYPE,
    MACHINE_TYPE,
    MACHINES,
    QUEUE_TYPE,
    QUEUES,
    RULE,
    RULES,
    TARGET,
    TARGETS,
)
from breakglass.cli.doctor.check import Check
from tests.unit.cli.doctor.doubles import MemoryAws, deployment, examine, refused, resource

ALL_EVENTS = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
USE = resource(RULE, "use", state=ALL_EVENTS, eventPattern='{"source": ["aws.sts"]}')
SCHEDULE = resource(RULE, "schedule", scheduleExpression="rate(5 minutes)")
FOUND = {"State": ALL_EVENTS, "EventPattern": '{"source":["aws.sts"]}'}


def texts(check: Check[Any, Any], deployed: list[Resource], **answers: Any) -> list[tuple[str, str]]:
    return [(status, what) for status, what, _ in examine(check, deployment(*deployed), MemoryAws(answers))]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (FOUND, []),
        (refused("ResourceNotFoundException"), [("fail", "The rule use does not exist in AWS.")]),
        ({**FOUND, "State": "DISABLED"}, [("fail", "The rule use is disabled.")]),
        (
            {**FOUND, "State": "ENABLED"},
            [("fail", f"The rule use has the state ENABLED, not {ALL_EVENTS}.")],
        ),
        (
            {**FOUND, "EventPattern": '{"source":["aws.s3"]}'},
            [("fail", "The rule use has another EventPattern than deployed.")],
        ),
        (
            {**FOUND, "State": "DISABLED", "EventPattern": ""},
            [("fail", "The rule use is disabled."), ("fail", "The rule use has another EventPattern than deployed.")],
        ),
    ],
)
def test_rule_differs_from_the_deployed_one(found: Any, expected: list[tuple[str, str]]) -> None:
    assert texts(RULES, [USE], DescribeRule=found) == expected


def test_rule_of_a_schedule_needs_only_enabled() -> None:
    found = {"State": "ENABLED", "ScheduleExpression": "rate(5 minutes)"}
    assert texts(RULES, [SCHEDULE], DescribeRule=found) == []
    assert texts(RULES, [SCHEDULE], DescribeRule={**found, "ScheduleExpression": "rate(1 day)"}) == [
        ("fail", "The rule schedule has another ScheduleExpression than deployed.")
    ]


def target(name: str = "slack", **changes: Any) -> Resource:
    inputs = {
        "targetId": name,
        "rule": "use",
        "arn": "arn:destination",
        "roleArn": "arn:role",
        "inputTransformer": {"inputPaths": {"who": "$.x"}, "inputTemplate": '{"text":"<who>"}'},
        "retryPolicy": {"maximumRetryAttempts": 9, "maximumEventAgeInSeconds": 900},
        "deadLetterConfig": {"arn": "arn:queue"},
    }
    return resource(TARGET, name, **{**inputs, **changes})


SLACK = {
    "Id": "slack",
    "Arn": "arn:destination",
    "RoleArn": "arn:role",
    "InputTransformer": {"InputPathsMap": {"who": "$.x"}, "InputTemplate": '{"text":"<who>"}'},
    "RetryPolicy": {"MaximumRetryAttempts": 9, "MaximumEventAgeInSeconds": 900},
    "DeadLetterConfig": {"Arn": "arn:queue"},
}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([SLACK], []),
        ([], [("fail", "The rule use has no target slack.")]),
        (
            [{**SLACK, "InputTransformer": {"InputPathsMap": {"who": "$.x"}, "InputTemplate": '{"text":"calm"}'}}],
            [("fail", "The target slack of the rule use differs from the deployed one: InputTemplate.")],
        ),
        (
            [{"Id": "slack", "Arn": "arn:other", "Input": "{}"}],
            [
                (
                    "fail",
                    "The target slack of the rule use differs from the deployed one: Arn, RoleArn, Input, "
                    "InputPathsMap, InputTemplate, dead-letter queue, retries, maximum age.",
                )
            ],
        ),
        (
            [SLACK, {"Id": "copy", "Arn": "arn:aws:sqs:::foreign"}],
            [("warn", "The rule use has targets that this stack did not create: copy.")],
        ),
    ],
)
def test_targets_differ_from_the_deployed_ones(found: list[Any], expected: list[tuple[str, str]]) -> None:
    assert texts(TARGETS, [USE, target()], ListTargetsByRule={"Targets": found}) == expected


def test_targets_of_a_missing_rule_are_reported_with_the_rule() -> None:
    missing = refused("ResourceNotFoundException")
    assert texts(TARGETS, [USE, target()], ListTargetsByRule=missing) == []
    assert len(texts(RULES, [USE, target()], DescribeRule=missing)) == 1


def test_target_with_secret_input_is_not_compared_there() -> None:
    hidden = target(inputTransformer=SECRET, retryPolicy=None)
    other = {**SLACK, "InputTransformer": {"InputTemplate": "other"}}
    assert texts(TARGETS, [USE, hidden], ListTargetsByRule={"Targets": [other]}) == []


def test_rule_without_targets_in_the_stack_reports_a_foreign_one() -> None:
    assert [status for status, _ in texts(TARGETS, [USE], ListTargetsByRule={"Targets": [SLACK]})] == ["warn"]


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("AUTHORIZED", []),
        ("AUTHORIZING", ["warn"]),
        ("UPDATING", ["warn"]),
        ("DEAUTHORIZED", ["fail"]),
        ("DEAUTHORIZING", ["fail"]),
        ("FAILED_CONNECTIVITY", ["fail"]),
        ("DELETING", ["fail"]),
    ],
)
def test_connection_is_judged_by_its_state(state: str, expected: list[str]) -> None:
    found = {"ConnectionState": state, "StateReason": "Because."}
    shown = texts(CONNECTION, [resource(CONNECTION_TYPE, "slack")], DescribeConnection=found)

    assert [status for status, _ in shown] == expected
    assert all(what == f"The connection slack is {state}. Because." for _, what in shown)


URL = "https://slack.com/api/chat.postMessage"
POST = resource(DESTINATION_TYPE, "slack", connectionArn="arn:c", httpMethod="POST", invocationEndpoint=URL)
POSTS = {"ApiDestinationState": "ACTIVE", "ConnectionArn": "arn:c", "HttpMethod": "POST", "InvocationEndpoint": URL}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (POSTS, []),
        ({**POSTS, "ApiDestinationState": "INACTIVE"}, ["The API destination slack is INACTIVE."]),
        (
            {**POSTS, "InvocationEndpoint": "https://evil.example"},
            ["The API destination slack has another InvocationEndpoint than deployed."],
        ),
        ({**POSTS, "ConnectionArn": "arn:d"}, ["The API destination slack has another ConnectionArn than deployed."]),
    ],
)
def test_destination_differs_from_the_deployed_one(found: Any, expected: list[str]) -> None:
    assert texts(DESTINATION, [POST], DescribeApiDestination=found) == [("fail", what) for what in expected]


MACHINE = resource(MACHINE_TYPE, "delivery", definition='{"StartAt": "Post"}', roleArn="arn:role")
RUNS = {"status": "ACTIVE", "definition": '{"StartAt":"Post"}', "roleArn": "arn:role"}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (RUNS, []),
        ({**RUNS, "status": "DELETING"}, ["The state machine delivery is DELETING."]),
        ({**RUNS, "definition": "{}"}, ["The state machine delivery has another definition than deployed."]),
        ({**RUNS, "roleArn": "arn:x"}, ["The state machine delivery has another roleArn than deployed."]),
        (refused("StateMachineDoesNotExist"), ["The state machine delivery does not exist in AWS."]),
    ],
)
def test_machine_differs_from_the_deployed_one(found: Any, expected: list[str]) -> None:
    assert texts(MACHINES, [MACHINE], DescribeStateMachine=found) == [("fail", what) for what in expected]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ({"Attributes": {"ApproximateNumberOfMessages": "0"}}, []),
        ({"Attributes": {"ApproximateNumberOfMessages": "2"}}, ["Dead letters in the queue lost: 2."]),
        (
            {"Attributes": {"ApproximateNumberOfMessages": "0", "ApproximateNumberOfMessagesNotVisible": "1"}},
            ["Dead letters in the queue lost: 1."],
        ),
        (refused("AWS.SimpleQueueService.NonExistentQueue"), ["The dead-letter queue lost does not exist in AWS."]),
    ],
)
def test_queue_with_dead_letters_fails(found: Any, expected: list[str]) -> None:
    assert texts(QUEUES, [resource(QUEUE_TYPE, "lost")], GetQueueAttributes=found) == [
        ("fail", what) for what in expected
    ]


@pytest.mark.parametrize("check", ALERT_PATH, ids=lambda check: check.name)
def test_refused_call_is_unknown_with_its_permission(check: Check[Any, Any]) -> None:
    aws = MemoryAws({action.partition(":")[2]: refused() for action in check.actions})
    deployed = deployment(USE, target(), resource(CONNECTION_TYPE, "c"), POST, MACHINE, resource(QUEUE_TYPE, "lost"))
    [(status, _, do)] = examine(check, deployed, aws)

    assert status == "unknown"
    assert do == f"Allow {check.actions[0]} to your role: docs/runbooks/doctor.md."


def test_aws_without_an_answer_is_unknown_with_a_network_hint() -> None:
    aws = MemoryAws({"DescribeRule": refused("Unreachable", status=0)})
    [(status, what, do)] = examine(RULES, deployment(USE), aws)

    assert (status, "did not respond to DescribeRule" in what) == ("unknown", True)
    assert "network path" in do
