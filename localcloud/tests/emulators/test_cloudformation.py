"""CloudFormation of the local cloud: what it adds to MiniStack, through AWS's own API.

Proves nothing about AWS: it holds the emulator to AWS's documentation.
"""

import itertools
import json
import time
from typing import Any

import pytest

from localcloud.cloud import REGION, RunningCloud

pytestmark = pytest.mark.local

MEMBER = "333333333333"
BUS = "arn:aws:events:eu-central-1:111111111111:event-bus/hub"
TARGET = {"Id": "hub", "Arn": BUS, "RoleArn": f"arn:aws:iam::{MEMBER}:role/spoke"}

_numbers = itertools.count()


def deploy(cloud: RunningCloud, resources: dict[str, Any], **sections: Any) -> tuple[str, list[str]]:
    """Return the status of a new stack in a member account, and the reasons of its failures."""
    cloudformation, name = cloud.client("cloudformation", MEMBER), f"stack-{next(_numbers)}"
    body = json.dumps({"Resources": resources, **sections})
    cloudformation.create_stack(StackName=name, TemplateBody=body, Capabilities=["CAPABILITY_NAMED_IAM"])
    while (status := cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"])[-8:] == "PROGRESS":
        time.sleep(0.01)
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    return status, [event["ResourceStatusReason"] for event in events if event["ResourceStatus"] == "CREATE_FAILED"]


def rule(name: str, **properties: Any) -> dict[str, Any]:
    return {"Type": "AWS::Events::Rule", "Properties": {"Name": name, **properties}}


def test_rule_of_a_stack_is_as_by_the_api(cloud: RunningCloud) -> None:
    name = f"rule-{next(_numbers)}"
    pattern, state = {"source": ["aws.sts"]}, "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
    assert deploy(cloud, {"Rule": rule(name, EventPattern=pattern, State=state, Targets=[TARGET])})[0] == (
        "CREATE_COMPLETE"
    )
    events = cloud.client("events", MEMBER)
    described = events.describe_rule(Name=name)
    assert (json.loads(described["EventPattern"]), described["State"]) == (pattern, state)
    assert described["Arn"] == f"arn:aws:events:{REGION}:{MEMBER}:rule/{name}"
    assert events.list_targets_by_rule(Rule=name)["Targets"] == [TARGET]


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        ({"EventPattern": {"source": "aws.sts"}}, "Event pattern is not valid"),
        ({"EventPattern": {"source": ["x" * 2048]}}, "more than 2048 characters"),
        (
            {"EventPattern": {"source": ["x"]}, "Targets": [{**TARGET, "RetryPolicy": {"MaximumRetryAttempts": 1}}]},
            "RetryPolicy not supported",
        ),
    ],
    ids=["pattern", "length", "retry"],
)
def test_rule_that_the_api_refuses_fails(cloud: RunningCloud, properties: dict[str, Any], reason: str) -> None:
    status, reasons = deploy(cloud, {"Rule": rule(f"rule-{next(_numbers)}", **properties)})
    assert status == "ROLLBACK_COMPLETE"
    assert reason in reasons[0]


@pytest.mark.parametrize("parameter", ["AWS::AccountId", "AWS::Region"])
@pytest.mark.parametrize("is_equal", [True, False])
def test_condition_knows_account_and_region(cloud: RunningCloud, parameter: str, is_equal: bool) -> None:
    value = {"AWS::AccountId": MEMBER, "AWS::Region": REGION}[parameter] if is_equal else "elsewhere"
    names = [f"rule-{next(_numbers)}" for _ in range(2)]
    always, here = (rule(name, EventPattern={"source": ["aws.sts"]}) for name in names)
    resources = {"Always": always, "Here": {**here, "Condition": "IsHere"}}
    condition = {"IsHere": {"Fn::Equals": [{"Ref": parameter}, value]}}
    assert deploy(cloud, resources, Conditions=condition) == ("CREATE_COMPLETE", [])
    rules = [each["Name"] for each in cloud.client("events", MEMBER).list_rules()["Rules"]]
    assert [name in rules for name in names] == [True, is_equal]


def test_resource_whose_name_exists_fails(cloud: RunningCloud) -> None:
    name = f"taken-{next(_numbers)}"
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    resources = {
        "Rule": rule(name, ScheduleExpression="rate(1 day)"),
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": name}},
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {"RoleName": name, "AssumeRolePolicyDocument": json.loads(trust)},
        },
    }
    cloud.client("events", MEMBER).put_rule(Name=name, ScheduleExpression="rate(1 day)")
    cloud.client("sqs", MEMBER).create_queue(QueueName=name)
    cloud.client("iam", MEMBER).create_role(RoleName=name, AssumeRolePolicyDocument=trust)
    for resource in resources.values():
        status, reasons = deploy(cloud, {"Only": resource})
        assert status == "ROLLBACK_COMPLETE"
        assert "already exists" in reasons[0]
    assert cloud.client("events", MEMBER).describe_rule(Name=name)["ScheduleExpression"] == "rate(1 day)"
