"""`Spoke` registers exactly these resources, with these policies, and in an order in which no event is lost.

Not proven here: the patterns (tests/unit/organization), and that AWS forwards an event (docs/live-checks.md).
"""

import json
import re
from typing import Any, cast

import pulumi

from breakglass.components.organization.spoke import Spoke, SpokeArgs
from breakglass.organization.spoke_rules import SpokeSettings, spoke_rules
from breakglass.organization.spoke_template import spoke_template
from tests.conftest import ACCOUNT_ID, REGION, Deployment, deploy, refusal

RULE = "aws:cloudwatch/eventRule:EventRule"
TARGET = "aws:cloudwatch/eventTarget:EventTarget"
ROLE = "aws:iam/role:Role"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
QUEUE = "aws:sqs/queue:Queue"
QUEUE_POLICY = "aws:sqs/queuePolicy:QueuePolicy"

HUB = "arn:aws:events:eu-central-1:444444444444:event-bus/breakglass-prod-hub"
QUEUE_ARN = "arn:aws:sqs:eu-central-1:222222222222:breakglass-spoke-dead-letters"
ROLE_ARN = "arn:aws:iam::222222222222:role/breakglass-spoke-eu-central-1"
ARGS = {"region": REGION, "hub_bus_arn": HUB, "tags": {"team": "platform"}}
KEYS = ["sessions", "console", "denied", "root", "heartbeat"]


def program(args: dict[str, Any]) -> dict[str, pulumi.Output[Any]]:
    spoke = Spoke("prod-spoke", cast(SpokeArgs, args))
    return {"role_arn": spoke.role_arn, "rule_names": spoke.rule_names, "queue_url": spoke.queue_url}


def create(**more: Any) -> Deployment:
    return deploy(lambda: program({**ARGS, **more}))


def test_inventory() -> None:
    assert create().inventory() == {
        ("breakglass:index:Spoke", "prod-spoke"),
        (QUEUE, "prod-spoke-dead-letters"),
        (QUEUE_POLICY, "prod-spoke-dead-letters"),
        (ROLE, "prod-spoke-role"),
        (ROLE_POLICY, "prod-spoke-role"),
        *((kind, f"prod-spoke-{key}") for kind in (RULE, TARGET) for key in KEYS),
    }


def test_rules_are_those_of_the_settings() -> None:
    role, user = "arn:aws:iam::333333333333:role/emergency", "arn:aws:iam::333333333333:user/door"
    deployment = create(roles=[role], role_path="/break-glass/", users=[user], portal=True)

    planned = spoke_rules(SpokeSettings(roles=(role,), role_path="/break-glass/", users=(user,), portal=True))
    registered = {rule.inputs["name"]: rule.inputs for rule in deployment.of_type(RULE)}
    assert [rule.key for rule in planned] == [
        "sessions",
        "console",
        "denied",
        "denied-2",
        *KEYS[3:4],
        "portal",
        "users",
        "heartbeat",
    ]
    assert registered == {
        rule.name: {
            "name": rule.name,
            "description": rule.description,
            "state": rule.state,
            "region": REGION,
            "tags": {"team": "platform"},
            **({"scheduleExpression": rule.schedule} if rule.schedule else {}),
            **({"eventPattern": json.dumps(rule.pattern, separators=(",", ":"))} if rule.pattern else {}),
        }
        for rule in planned
    }


def test_target_has_role_and_queue_and_nothing_that_aws_refuses() -> None:
    for target in create().of_type(TARGET):
        assert target.inputs == {
            "targetId": "hub",
            "rule": "breakglass-spoke-" + target.name.removeprefix("prod-spoke-"),
            "arn": HUB,
            "roleArn": ROLE_ARN,
            "deadLetterConfig": {"arn": QUEUE_ARN},
            "region": REGION,
        }


def test_target_exists_only_after_both_policies() -> None:
    deployment = create()
    policies = {
        deployment.get(ROLE_POLICY, "prod-spoke-role").urn,
        deployment.get(QUEUE_POLICY, "prod-spoke-dead-letters").urn,
    }
    for target in deployment.of_type(TARGET):
        assert policies <= target.depends_on


def test_rules_wait_for_the_role_that_a_second_spoke_can_t_have() -> None:
    deployment = create()
    role = deployment.get(ROLE, "prod-spoke-role").urn
    assert all(role in rule.depends_on for rule in deployment.of_type(RULE))


def test_role_may_send_events_to_the_hub_only() -> None:
    deployment = create()
    role, policy = (deployment.get(kind, "prod-spoke-role").inputs for kind in (ROLE, ROLE_POLICY))

    assert (role["name"], policy["role"], policy["name"]) == (*[ROLE_ARN.rsplit("/", 1)[1]] * 2, "forward-events")
    assert json.loads(policy["policy"]) == {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "events:PutEvents", "Resource": HUB}],
    }
    assert json.loads(role["assumeRolePolicy"]) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "events.amazonaws.com"},
                "Action": "sts:AssumeRole",
                "Condition": {
                    "ArnLike": {
                        "aws:SourceArn": "arn:aws:events:eu-central-1:222222222222:rule/breakglass-spoke-*",
                    }
                },
            }
        ],
    }


def test_queue_takes_undelivered_events_of_the_rules_only() -> None:
    deployment = create()

    assert deployment.get(QUEUE, "prod-spoke-dead-letters").inputs == {
        "name": "breakglass-spoke-dead-letters",
        "messageRetentionSeconds": 1_209_600,
        "sqsManagedSseEnabled": True,
        "region": REGION,
        "tags": {"team": "platform"},
    }
    assert json.loads(deployment.get(QUEUE_POLICY, "prod-spoke-dead-letters").inputs["policy"]) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "events.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": QUEUE_ARN,
                "Condition": {
                    "ArnEquals": {
                        "aws:SourceArn": [
                            f"arn:aws:events:eu-central-1:222222222222:rule/breakglass-spoke-{key}"
                            for key in sorted(KEYS)
                        ]
                    }
                },
            }
        ],
    }


def test_outputs() -> None:
    assert create().outputs == {
        "role_arn": ROLE_ARN,
        "rule_names": {key: f"breakglass-spoke-{key}" for key in KEYS},
        "queue_url": "https://sqs.eu-central-1.amazonaws.com/222222222222/breakglass-spoke-dead-letters",
    }


def test_too_many_roles_are_refused_with_the_way_out() -> None:
    roles = [f"arn:aws:iam::333333333333:role/emergency-{number}" for number in range(60)]

    assert "rolePath: /break-glass/" in refusal(lambda: program({**ARGS, "roles": roles}))


def in_account(value: Any) -> Any:
    """A part of a template as CloudFormation resolves it in the account and region of the component."""
    values = {"AWS::Partition": "aws", "AWS::Region": REGION, "AWS::AccountId": ACCOUNT_ID, "HubBusArn": HUB}
    arns = {"Role": ROLE_ARN, "DeadLetters": QUEUE_ARN}
    match value:
        case {"Ref": str(name)}:
            return values.get(name, name)
        case {"Fn::Sub": str(text)}:
            return re.sub(r"\$\{([^}]+)\}", lambda found: values[found[1]], text)
        case {"Fn::GetAtt": [str(name), "Arn"]}:
            return arns[name]
        case dict():
            return {key: in_account(each) for key, each in value.items()}
        case list():
            return [in_account(each) for each in value]
        case _:
            return value


def test_template_makes_the_same_resources() -> None:
    role, user = "arn:aws:iam::333333333333:role/emergency", "arn:aws:iam::333333333333:user/door"
    deployment = create(roles=[role], role_path="/break-glass/", users=[user], portal=True, tags={})
    settings = SpokeSettings(roles=(role,), role_path="/break-glass/", users=(user,), portal=True)
    resources = in_account(spoke_template(settings)["Resources"])
    made = {name: (resource["Type"], resource["Properties"]) for name, resource in resources.items()}

    queue = deployment.get(QUEUE, "prod-spoke-dead-letters").inputs
    assert made.pop("DeadLetters") == (
        "AWS::SQS::Queue",
        {
            "QueueName": queue["name"],
            "MessageRetentionPeriod": queue["messageRetentionSeconds"],
            "SqsManagedSseEnabled": queue["sqsManagedSseEnabled"],
        },
    )
    policy = json.loads(deployment.get(QUEUE_POLICY, "prod-spoke-dead-letters").inputs["policy"])
    assert made.pop("DeadLetterPolicy") == (
        "AWS::SQS::QueuePolicy",
        {"Queues": ["DeadLetters"], "PolicyDocument": policy},
    )
    role_inputs, inline = (deployment.get(kind, "prod-spoke-role").inputs for kind in (ROLE, ROLE_POLICY))
    assert made.pop("Role") == (
        "AWS::IAM::Role",
        {
            "RoleName": role_inputs["name"],
            "Description": role_inputs["description"],
            "AssumeRolePolicyDocument": json.loads(role_inputs["assumeRolePolicy"]),
            "Policies": [{"PolicyName": inline["name"], "PolicyDocument": json.loads(inline["policy"])}],
        },
    )
    targets = {target.inputs["rule"]: target.inputs for target in deployment.of_type(TARGET)}
    assert sorted(made.values(), key=str) == sorted(
        (
            ("AWS::Events::Rule", as_template(rule.inputs, targets[rule.inputs["name"]]))
            for rule in deployment.of_type(RULE)
        ),
        key=str,
    )


def as_template(rule: dict[str, Any], target: dict[str, Any]) -> dict[str, Any]:
    """A rule and its target of the component, with the names of CloudFormation."""
    pattern = {"EventPattern": json.loads(rule["eventPattern"])} if "eventPattern" in rule else {}
    schedule = {"ScheduleExpression": rule["scheduleExpression"]} if "scheduleExpression" in rule else {}
    return {
        "Name": rule["name"],
        "Description": rule["description"],
        "State": rule["state"],
        **pattern,
        **schedule,
        "Targets": [
            {
                "Id": target["targetId"],
                "Arn": target["arn"],
                "RoleArn": target["roleArn"],
                "DeadLetterConfig": {"Arn": target["deadLetterConfig"]["arn"]},
            }
        ],
    }
