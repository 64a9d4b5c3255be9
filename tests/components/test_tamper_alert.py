"""`TamperAlert` registers a rule for each area of tampering, with the IDs of the deployment.

Not proven here: that a pattern matches what it should (tests/unit/alerts), and what is the same in every alert
(test_usage_alert.py, test_access_alert.py).
"""

import json
from typing import Any, cast

import pulumi
import pulumi_aws as aws
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi.runtime.rpc import UNKNOWN
from pydantic import TypeAdapter

from breakglass.alerts.messages import slack_message
from breakglass.alerts.patterns import AlertRule, alert_rules
from breakglass.alerts.subjects import TamperSubject
from breakglass.components.alerts.tamper_alert import TamperAlert, TamperAlertArgs
from breakglass.iam.documents import dead_letter_queue_policy
from breakglass.naming import stack_prefix
from breakglass.stack_file.types import NamePrefix
from tests.conftest import REGION, Deployment, deploy, refusal

COMPONENT = "breakglass:index:TamperAlert"
RULE = "aws:cloudwatch/eventRule:EventRule"
TARGET = "aws:cloudwatch/eventTarget:EventTarget"
QUEUE = "aws:sqs/queue:Queue"
QUEUE_POLICY = "aws:sqs/queuePolicy:QueuePolicy"

DESTINATION_ARN = "arn:aws:events:eu-central-1:222222222222:api-destination/breakglass-prod-destination/2f6d2a51"
DESTINATION_ROLE_ARN = "arn:aws:iam::222222222222:role/breakglass-prod-role"
KEY_ARN = "arn:aws:kms:eu-central-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab"
DEPLOYER_ARN = "arn:aws:iam::222222222222:role/deploy-pipeline"
FUNCTION_ARN = "arn:aws:iam::222222222222:role/breakglass-prod-approvals-reconciler"
SUBJECT = TamperSubject(
    prefixes=("breakglass-prod-", "breakglass-watcher-"),
    secret_names=("slack/bot-token",),
    trail="management-events",
    buckets=("org-trail-222222222222",),
    keys=(KEY_ARN,),
    policy_ids=("p-12345678",),
    api_id="a1b2c3d4e5",
    deployers=(DEPLOYER_ARN,),
    functions=(FUNCTION_ARN,),
)
RULES = {rule.key: rule for rule in alert_rules(SUBJECT)}

ARGS: TamperAlertArgs = {
    "region": REGION,
    "prefixes": ["breakglass-prod-", "breakglass-watcher-"],
    "secret_names": ["slack/bot-token"],
    "trail": "management-events",
    "trail_buckets": ["org-trail-222222222222"],
    "key_arns": [KEY_ARN],
    "policy_ids": ["p-12345678"],
    "api_id": "a1b2c3d4e5",
    "deployer_arns": [DEPLOYER_ARN],
    "function_arns": [FUNCTION_ARN],
    "target_arn": DESTINATION_ARN,
    "target_role_arn": DESTINATION_ROLE_ARN,
    "channel": "C0123456789",
    "retry": {"maximum_event_age_seconds": 60},
    "tags": {"team": "platform"},
}


def program(**more: Any) -> dict[str, pulumi.Output[Any]]:
    made = TamperAlert("prod-tampering", cast(TamperAlertArgs, {**ARGS, **more}))
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
    assert {"tamper-stack", "tamper-trail", "tamper-global", "session_start", "denied"} <= RULES.keys()
    assert alert().inventory() == {
        (COMPONENT, "prod-tampering"),
        (QUEUE, "prod-tampering-dead-letters"),
        (QUEUE_POLICY, "prod-tampering-dead-letters"),
        *((kind, f"prod-tampering-{key}") for kind in (RULE, TARGET) for key in RULES),
    }


def test_outputs() -> None:
    names = {key: f"breakglass-prod-tampering-{key}" for key in RULES}
    assert alert().outputs == {
        "rule_names": names,
        "rule_arns": {key: f"arn:aws:events:eu-central-1:222222222222:rule/{name}" for key, name in names.items()},
        "queue_name": "breakglass-prod-tampering-dead-letters",
        "queue_arn": "arn:aws:sqs:eu-central-1:222222222222:breakglass-prod-tampering-dead-letters",
        "queue_url": "https://sqs.eu-central-1.amazonaws.com/222222222222/breakglass-prod-tampering-dead-letters",
    }


@pytest.mark.parametrize("expected", RULES.values(), ids=RULES)
def test_rule_and_target(expected: AlertRule) -> None:
    deployment = alert()
    message = slack_message(SUBJECT, expected.path, expected.area, channel="C0123456789")

    rule = deployment.get(RULE, f"prod-tampering-{expected.key}").inputs
    assert json.loads(rule.pop("eventPattern")) == expected.pattern
    assert rule.pop("description")
    assert rule == {
        "name": f"breakglass-prod-tampering-{expected.key}",
        "state": "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS",
        "region": REGION,
        "tags": {"team": "platform"},
    }
    assert deployment.get(TARGET, f"prod-tampering-{expected.key}").inputs == {
        "targetId": "slack",
        "rule": f"breakglass-prod-tampering-{expected.key}",
        "arn": DESTINATION_ARN,
        "roleArn": DESTINATION_ROLE_ARN,
        "inputTransformer": {"inputPaths": dict(message.input_paths), "inputTemplate": message.template},
        "retryPolicy": {"maximumEventAgeInSeconds": 60, "maximumRetryAttempts": 185},
        "deadLetterConfig": {"arn": deployment.outputs["queue_arn"]},
        "region": REGION,
    }


def test_dead_letter_queue_allows_rules_of_alert_only() -> None:
    deployment = alert()

    policy = json.loads(deployment.get(QUEUE_POLICY, "prod-tampering-dead-letters").inputs["policy"])
    arns = deployment.outputs["rule_arns"].values()
    assert policy == dead_letter_queue_policy(deployment.outputs["queue_arn"], arns)


def test_least_arguments_watch_the_stack_alone() -> None:
    least = {key: ARGS[key] for key in ("region", "target_arn", "target_role_arn", "channel")}
    deployment = deploy(lambda: {"made": TamperAlert("x", cast(Any, {**least, "prefixes": ["breakglass-x-"]})).urn})

    rules = {rule.key: rule.pattern for rule in alert_rules(TamperSubject(("breakglass-x-",)))}
    assert "session_start" not in rules
    assert {
        each.name.removeprefix("x-"): json.loads(each.inputs["eventPattern"]) for each in deployment.of_type(RULE)
    } == rules


def test_preview_has_the_rules_of_the_deployment() -> None:
    def with_new_resources() -> dict[str, pulumi.Output[Any]]:
        # Any resource will do: only its ID is used.
        new = aws.sns.Topic("p-12345678", name="new", region=REGION)
        return program(policy_ids=[new.id], api_id=new.id)

    preview, done = deploy(with_new_resources, preview=True), deploy(with_new_resources)

    assert preview.inventory() == done.inventory()
    assert {each.inputs["eventPattern"] for each in preview.of_type(RULE)} == {UNKNOWN}
    assert any('"p-12345678-id"' in each.inputs["eventPattern"] for each in done.of_type(RULE))


@given(st.from_regex(r"[A-Za-z0-9_.-]{1,100}", fullmatch=True))
def test_prefix_of_each_stack_is_allowed(stack: str) -> None:
    prefix = stack_prefix(stack)

    assert TypeAdapter(NamePrefix).validate_python(prefix) == prefix


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"prefixes": []}, "prod-tampering.prefixes"),
        ({"prefixes": ["breakglass-"]}, "Another prefix would report changes of other resources"),
        ({"prefixes": ["breakglass-prod"]}, "Another prefix would report changes of other resources"),
        ({"prefixes": ["prod-"]}, "Another prefix would report changes of other resources"),
        ({"trail": "x"}, "Not the name or ARN of a trail"),
        ({"trail_buckets": ["arn:aws:s3:::x"]}, "prod-tampering.trail_buckets"),
        ({"key_arns": ["alias/x"]}, "Not a KMS key ARN"),
        ({"deployer_arns": ["arn:aws:iam::222222222222:user/x"]}, "Not an IAM role ARN"),
        ({"function_arns": ["reconciler"]}, "Not an IAM role ARN"),
        ({"channel": "#alerts"}, "prod-tampering.channel"),
        ({"root": True}, "prod-tampering.root"),
    ],
    ids=lambda value: value if isinstance(value, str) else " and ".join(value),
)
def test_wrong_args_are_refused_before_registration(wrong: Any, why: str) -> None:
    assert why in refusal(lambda: program(**wrong))
