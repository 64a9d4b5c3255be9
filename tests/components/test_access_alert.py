"""`AccessAlert` registers a rule for each way to give access, with the ARNs and IDs of the deployment.

Not proven here: that a pattern matches what it should (tests/unit/alerts), and what is the same in every alert
(test_usage_alert.py).
"""

import json
from typing import Any, cast

import pulumi
import pulumi_aws as aws
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pulumi.runtime.rpc import UNKNOWN

from breakglass.alerts.messages import slack_message
from breakglass.alerts.patterns import alert_rules
from breakglass.alerts.subjects import AccessArea, AccessSubject
from breakglass.components.alerts.access_alert import AccessAlert, AccessAlertArgs, AccessAlertSpec
from breakglass.iam.documents import dead_letter_queue_policy
from breakglass.vocabulary import EvidencePath, partition_of_region
from tests.conftest import REGION, Deployment, deploy, refusal

COMPONENT = "breakglass:index:AccessAlert"
RULE = "aws:cloudwatch/eventRule:EventRule"
TARGET = "aws:cloudwatch/eventTarget:EventTarget"
QUEUE = "aws:sqs/queue:Queue"
QUEUE_POLICY = "aws:sqs/queuePolicy:QueuePolicy"
TOPIC = "aws:sns/topic:Topic"

MACHINE_ARN = "arn:aws:states:eu-central-1:222222222222:stateMachine:breakglass-prod-slack-delivery"
START_ROLE_ARN = "arn:aws:iam::222222222222:role/breakglass-prod-slack-delivery-start"
SET_ARN = "arn:aws:sso:::permissionSet/ssoins-6904c3a1d5e0b7f2/ps-1234567890abcdef"
GROUP_ID = "9067645ab0-6c1d2e3f-aaaa-bbbb-cccc-0123456789ab"
ROLE_ARN = "arn:aws:iam::222222222222:role/emergency"
ACTOR_ARNS = ["arn:aws:iam::222222222222:role/breakglass-prod-approvals-provisioner"]
UNKNOWN_OUTPUT = object()
"""An output, whose value only a deployment knows."""
KEYS = ("access-assignments", "access-memberships", "access-entitlements")
SUBJECT = AccessSubject(
    sets=(("devops-break-glass", SET_ARN),),
    groups=(("breakers", GROUP_ID),),
    roles=(ROLE_ARN,),
    actors=tuple(ACTOR_ARNS),
)

ARGS: AccessAlertArgs = {
    "region": REGION,
    "permission_set_arns": {"devops-break-glass": SET_ARN},
    "group_ids": {"breakers": GROUP_ID},
    "role_arns": [ROLE_ARN],
    "actor_arns": ACTOR_ARNS,
    "target_arn": MACHINE_ARN,
    "target_role_arn": START_ROLE_ARN,
    "channel": "C0123456789",
    "post_mortem_url": "https://wiki.example.com/post-mortem",
    "tags": {"team": "platform"},
}


def program(**more: Any) -> dict[str, pulumi.Output[Any]]:
    made = AccessAlert("prod-access", cast(AccessAlertArgs, {**ARGS, **more}))
    return {
        "rule_names": made.rule_names,
        "rule_arns": made.rule_arns,
        "queue_name": made.queue_name,
        "queue_arn": made.queue_arn,
        "queue_url": made.queue_url,
    }


def alert(**more: Any) -> Deployment:
    return deploy(lambda: program(**more))


def test_inventory() -> None:
    assert alert().inventory() == {
        (COMPONENT, "prod-access"),
        (QUEUE, "prod-access-dead-letters"),
        (QUEUE_POLICY, "prod-access-dead-letters"),
        *((kind, f"prod-access-{key}") for kind in (RULE, TARGET) for key in KEYS),
    }


def test_outputs() -> None:
    names = {key: f"breakglass-prod-access-{key}" for key in KEYS}
    assert alert().outputs == {
        "rule_names": names,
        "rule_arns": {key: f"arn:aws:events:eu-central-1:222222222222:rule/{name}" for key, name in names.items()},
        "queue_name": "breakglass-prod-access-dead-letters",
        "queue_arn": "arn:aws:sqs:eu-central-1:222222222222:breakglass-prod-access-dead-letters",
        "queue_url": "https://sqs.eu-central-1.amazonaws.com/222222222222/breakglass-prod-access-dead-letters",
    }


@pytest.mark.parametrize("area", AccessArea)
def test_rule_of_area(area: AccessArea) -> None:
    deployment = alert()
    (expected,) = [rule for rule in alert_rules(SUBJECT) if rule.area is area]
    message = slack_message(
        SUBJECT,
        EvidencePath.access,
        area,
        channel="C0123456789",
        post_mortem_url="https://wiki.example.com/post-mortem",
    )

    rule = deployment.get(RULE, f"prod-access-access-{area}").inputs
    assert json.loads(rule.pop("eventPattern")) == expected.pattern
    assert rule == {
        "name": f"breakglass-prod-access-access-{area}",
        "description": f"Break-glass access given around the approvals: {area}.",
        "state": "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS",
        "region": REGION,
        "tags": {"team": "platform"},
    }
    assert deployment.get(TARGET, f"prod-access-access-{area}").inputs == {
        "targetId": "slack",
        "rule": f"breakglass-prod-access-access-{area}",
        "arn": MACHINE_ARN,
        "roleArn": START_ROLE_ARN,
        "inputTransformer": {"inputPaths": dict(message.input_paths), "inputTemplate": message.template},
        "retryPolicy": {"maximumEventAgeInSeconds": 900, "maximumRetryAttempts": 185},
        "deadLetterConfig": {"arn": deployment.outputs["queue_arn"]},
        "region": REGION,
    }


def test_dead_letter_queue_allows_rules_of_alert_only() -> None:
    deployment = alert()

    policy = json.loads(deployment.get(QUEUE_POLICY, "prod-access-dead-letters").inputs["policy"])
    arns = deployment.outputs["rule_arns"].values()
    assert policy == dead_letter_queue_policy(deployment.outputs["queue_arn"], arns)


def with_new_resources(count: int) -> dict[str, Any]:
    """ARNs and IDs that are unknown until the deployment has them."""
    # Any resource will do: only its ARN is used.
    arns = [aws.sns.Topic(f"set-{number}", name=f"set-{number}", region=REGION).arn for number in range(count)]
    return {
        "permission_set_arns": {f"set-{number}": arn for number, arn in enumerate(arns)},
        "group_ids": {f"group-{number}": arn for number, arn in enumerate(arns)},
    }


@pytest.mark.parametrize("count", [1, 60])
def test_preview_has_the_rules_of_the_deployment(count: int) -> None:
    preview, done = (deploy(lambda: program(**with_new_resources(count)), preview=known) for known in (True, False))

    assert preview.inventory() == done.inventory()
    assert {each.inputs["eventPattern"] for each in preview.of_type(RULE)} == {UNKNOWN}
    shown = [each.inputs["eventPattern"] for each in done.of_type(RULE)]
    arn = f"arn:aws:sns:{REGION}:222222222222:set-{count - 1}"
    assert [arn in pattern for pattern in shown].count(True) == 2


def test_many_groups_are_split_over_rules() -> None:
    groups = {f"group-{number}": f"9067645ab0-6c1d2e3f-aaaa-bbbb-cccc-{number:012}" for number in range(60)}

    deployment = alert(group_ids=groups)

    patterns = {
        key: json.loads(deployment.get(RULE, f"prod-access-{key}").inputs["eventPattern"])
        for key in deployment.outputs["rule_names"]
        if key.startswith("access-memberships")
    }
    assert list(patterns) == ["access-memberships", "access-memberships-2"]
    found = [each for pattern in patterns.values() for each in pattern["detail"]["requestParameters"]["groupId"]]
    assert found == list(groups.values())


def as_outputs(values: dict[str, str]) -> dict[str, pulumi.Output[str]]:
    return {name: pulumi.Output.from_input(value) for name, value in values.items()}


def test_short_ids_leave_a_rule_that_matches_nothing() -> None:
    groups = {f"group-{number}": f"{number:036}" for number in range(36)}

    deployment = deploy(lambda: program(group_ids=as_outputs(groups)))

    first, second = (
        json.loads(deployment.get(RULE, f"prod-access-{key}").inputs["eventPattern"])["detail"]["requestParameters"]
        for key in ("access-memberships", "access-memberships-2")
    )
    assert first["groupId"] == list(groups.values())
    assert all(each.startswith("0000000000-00000000-0000-0000-0000-") for each in second["groupId"])


def test_longer_ids_than_documented_fail() -> None:
    arns = {f"set-{number}": f"{SET_ARN}-{'x' * 60}-{number}" for number in range(20)}

    with pytest.raises(pulumi.RunError, match="access-assignments-2 as well: an ID of AWS is longer"):
        deploy(lambda: program(permission_set_arns=as_outputs(arns)))


@given(
    sets=st.integers(0, 60),
    short=st.lists(st.booleans(), max_size=90),
    actors=st.integers(0, 3),
    region=st.sampled_from(["eu-central-1", "us-gov-west-1"]),
)
def test_known_values_need_no_more_rules_than_placeholders(
    sets: int, short: list[bool], actors: int, region: str
) -> None:
    assume(sets or short)
    names, groups = [f"set-{number}" for number in range(sets)], [f"group-{number}" for number in range(len(short))]
    spec = AccessAlertSpec.from_validated(
        region=region,
        permission_set_arns=dict.fromkeys(names, UNKNOWN_OUTPUT),
        group_ids=dict.fromkeys(groups, UNKNOWN_OUTPUT),
        actor_arns=ACTOR_ARNS * actors,
        target_arn="x",
        target_role_arn="x",
        channel="C0123456789",
    )
    arn = SET_ARN.replace("arn:aws:", f"arn:{partition_of_region(region)}:")
    known = spec.subject(
        dict.fromkeys(names, arn),
        {name: GROUP_ID[11:] if is_short else GROUP_ID for name, is_short in zip(groups, short, strict=True)},
    )

    assert {rule.key for rule in alert_rules(known)} <= {rule.key for rule in alert_rules(spec.placeholders)}


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"permission_set_arns": {}, "group_ids": {}, "role_arns": []}, "no rule would watch any access"),
        ({"role_arns": ["arn:aws:iam::222222222222:user/x"]}, "Not an IAM role ARN"),
        ({"actor_arns": ["provisioner"]}, "Not an IAM role ARN"),
        ({"group_ids": {"": GROUP_ID}}, "prod-access.group_ids"),
        ({"permission_set_arns": {"devops break glass": SET_ARN}}, "prod-access.permission_set_arns"),
        ({"channel": "#alerts"}, "prod-access.channel"),
        ({"drills": True}, "prod-access.drills"),
    ],
    ids=lambda value: value if isinstance(value, str) else " and ".join(value),
)
def test_wrong_args_are_refused_before_registration(wrong: Any, why: str) -> None:
    assert why in refusal(lambda: program(**wrong))
