"""`EventLog` registers exactly these resources, with this policy.

Not proven here: that AWS lets rules write to the log group (docs/live-checks.md).
"""

import json
from typing import Any

import pulumi

from breakglass.components.alerts.event_log import EventLog, EventLogArgs, LoggedRule
from tests.conftest import REGION, Deployment, deploy

LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
LOG_POLICY = "aws:cloudwatch/logResourcePolicy:LogResourcePolicy"
TARGET = "aws:cloudwatch/eventTarget:EventTarget"

GROUP_ARN = "arn:aws:logs:eu-central-1:222222222222:log-group:/aws/events/breakglass-prod-fired"
TAGS = {"team": "platform"}


def event_log(**rules: LoggedRule) -> Deployment:
    def program() -> dict[str, pulumi.Output[Any]]:
        made = EventLog("prod-fired", EventLogArgs(rules=rules, region=REGION, tags=TAGS))
        return {"name": made.log_group_name, "arn": made.log_group_arn}

    return deploy(program)


def statement(action: str, **more: Any) -> dict[str, Any]:
    return {
        "Effect": "Allow",
        "Principal": {"Service": ["events.amazonaws.com", "delivery.logs.amazonaws.com"]},
        "Action": action,
        "Resource": f"{GROUP_ARN}:*",
        **more,
    }


def test_inventory_and_outputs() -> None:
    deployment = event_log(devops=LoggedRule("breakglass-prod-devops-session_start", "breakglass-prod-hub"))

    assert deployment.inventory() == {
        ("breakglass:index:EventLog", "prod-fired"),
        (LOG_GROUP, "prod-fired-events"),
        (LOG_POLICY, "prod-fired-events"),
        (TARGET, "prod-fired-devops"),
    }
    assert deployment.outputs == {"name": "/aws/events/breakglass-prod-fired", "arn": GROUP_ARN}


def test_log_group_keeps_events_as_long_as_cloudtrail() -> None:
    assert event_log().get(LOG_GROUP, "prod-fired-events").inputs == {
        "name": "/aws/events/breakglass-prod-fired",
        "retentionInDays": 90,
        "region": REGION,
        "tags": TAGS,
    }


def test_policy_admits_only_rules_of_these_buses() -> None:
    deployment = event_log(
        devops=LoggedRule("breakglass-prod-devops", "breakglass-prod-hub"),
        root=LoggedRule("breakglass-prod-root", "breakglass-prod-hub"),
        own=LoggedRule("breakglass-prod-own"),
    )

    policy = deployment.get(LOG_POLICY, "prod-fired-events").inputs
    assert policy["policyName"] == "breakglass-prod-fired-events"
    rules = "arn:aws:events:eu-central-1:222222222222:rule"
    assert json.loads(policy["policyDocument"]) == {
        "Version": "2012-10-17",
        "Statement": [
            statement("logs:CreateLogStream", Sid="MakeStreams"),
            statement(
                "logs:PutLogEvents",
                Sid="WriteEvents",
                Condition={
                    "ArnLike": {"aws:SourceArn": [f"{rules}/breakglass-*", f"{rules}/breakglass-prod-hub/breakglass-*"]}
                },
            ),
        ],
    }


def test_target_takes_whole_event_without_a_role() -> None:
    deployment = event_log(devops=LoggedRule("breakglass-prod-devops", "breakglass-prod-hub"))

    target = deployment.get(TARGET, "prod-fired-devops")
    assert target.inputs == {
        "targetId": "log",
        "rule": "breakglass-prod-devops",
        "eventBusName": "breakglass-prod-hub",
        "arn": GROUP_ARN,
        "retryPolicy": {"maximumEventAgeInSeconds": 86_400, "maximumRetryAttempts": 185},
        "region": REGION,
    }
    assert "prod-fired-events" in {deployment.by_urn()[urn].name for urn in target.depends_on}
