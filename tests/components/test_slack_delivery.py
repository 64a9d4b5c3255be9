"""`SlackDelivery` registers exactly these resources, with these policies and this alarm.

Not proven here: what the state machine does (tests/unit/alerts/test_delivery_machine.py), the text of each statement
(tests/unit/iam/test_documents.py), and that AWS starts the machine and lets it post (docs/live-checks.md).
"""

import json
from typing import Any, cast

import pulumi
import pytest

from breakglass.alerts.delivery_machine import LATE_SECONDS, TELL_AFTER_SECONDS, DeliverySettings, delivery_definition
from breakglass.components.alerts.slack_delivery import SlackDelivery
from breakglass.components.arguments import SlackDeliveryArgs
from breakglass.iam.documents import deliver_alerts, events_trust, machine_trust, start_machine
from tests.conftest import REGION, Deployment, deploy, refusal

ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
MACHINE = "aws:sfn/stateMachine:StateMachine"
ROLE = "aws:iam/role:Role"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"

CONNECTION_ARN = "arn:aws:events:eu-central-1:222222222222:connection/breakglass-prod-connection/8c1e77d4"
MACHINE_ARN = "arn:aws:states:eu-central-1:222222222222:stateMachine:breakglass-delivery"
TOPIC_ARN = "arn:aws:sns:eu-central-1:222222222222:breakglass-prod-alarms"
PAGE_TOPIC_ARN = "arn:aws:sns:eu-central-1:222222222222:breakglass-prod-pages"
KEY_ARN = "arn:aws:kms:eu-central-1:222222222222:key/0a1b2c3d"
URL = "https://slack-gov.com/api/chat.postMessage"
CHANNELS = ["C0123456789", "C0DRILLS0000"]
NAMES = {"222222222222": "production"}
TAGS = {"team": "platform"}
ARGS: dict[str, Any] = {
    "region": REGION,
    "stack": "prod",
    "channels": CHANNELS,
    "account_names": NAMES,
    "post_message_url": URL,
    "connection_arn": CONNECTION_ARN,
    "topic_arn": TOPIC_ARN,
    "page_topic_arn": PAGE_TOPIC_ARN,
    "tags": TAGS,
}


def program(args: dict[str, Any]) -> dict[str, pulumi.Output[Any]]:
    made = SlackDelivery("delivery", cast(SlackDeliveryArgs, args))
    return {"machine_arn": made.machine_arn, "start_role_arn": made.start_role_arn, "alarm_arn": made.alarm_arn}


def delivery(**more: Any) -> Deployment:
    return deploy(lambda: program({**ARGS, **more}))


def document(deployment: Deployment, type_: str, name: str, key: str) -> dict[str, Any]:
    """A JSON input of a resource."""
    return json.loads(deployment.get(type_, name).inputs[key])


def test_inventory_and_outputs() -> None:
    deployment = delivery()

    assert deployment.inventory() == {
        ("breakglass:index:SlackDelivery", "delivery"),
        (MACHINE, "delivery-machine"),
        (ROLE, "delivery-role"),
        (ROLE_POLICY, "delivery-permissions"),
        (ROLE, "delivery-start"),
        (ROLE_POLICY, "delivery-start"),
        (ALARM, "delivery-undelivered"),
    }
    assert deployment.calls == []
    assert deployment.outputs == {
        "machine_arn": MACHINE_ARN,
        "start_role_arn": "arn:aws:iam::222222222222:role/breakglass-delivery-start",
        "alarm_arn": "arn:aws:cloudwatch:eu-central-1:222222222222:alarm:breakglass-delivery-undelivered",
    }


def test_machine_has_definition_and_no_log() -> None:
    machine = delivery().get(MACHINE, "delivery-machine").inputs

    settings = DeliverySettings(URL, CONNECTION_ARN, CHANNELS, TOPIC_ARN, PAGE_TOPIC_ARN, "prod", NAMES)
    assert json.loads(machine.pop("definition")) == delivery_definition(settings)
    # A Standard machine is the default; an Express machine would end after five minutes.
    assert machine == {
        "name": "breakglass-delivery",
        "roleArn": "arn:aws:iam::222222222222:role/breakglass-delivery",
        "region": REGION,
        "tags": TAGS,
    }


def test_machine_without_pagers_and_names() -> None:
    deployment = delivery(page_topic_arn=None, account_names={})

    settings = DeliverySettings(URL, CONNECTION_ARN, CHANNELS, TOPIC_ARN, None, "prod", {})
    definition = document(deployment, MACHINE, "delivery-machine", "definition")
    assert definition == delivery_definition(settings)
    policy = document(deployment, ROLE_POLICY, "delivery-permissions", "policy")
    assert policy == deliver_alerts(MACHINE_ARN, CONNECTION_ARN, URL, [TOPIC_ARN])
    assert deployment.get(ALARM, "delivery-undelivered").inputs["alarmActions"] == [TOPIC_ARN]


@pytest.mark.parametrize("key", [None, KEY_ARN], ids=["AWS's key", "own key"])
def test_role_of_machine_delivers_alerts_only(key: str | None) -> None:
    deployment = delivery(kms_key_arn=key)

    assert deployment.get(ROLE, "delivery-role").inputs["name"] == "breakglass-delivery"
    trust = document(deployment, ROLE, "delivery-role", "assumeRolePolicy")
    assert trust == machine_trust(MACHINE_ARN)
    policy = document(deployment, ROLE_POLICY, "delivery-permissions", "policy")
    assert policy == deliver_alerts(MACHINE_ARN, CONNECTION_ARN, URL, [TOPIC_ARN, PAGE_TOPIC_ARN], key)
    assert deployment.get(ROLE_POLICY, "delivery-permissions").inputs["role"] == "breakglass-delivery"


def test_start_role_starts_this_machine_only() -> None:
    deployment = delivery()

    trust = document(deployment, ROLE, "delivery-start", "assumeRolePolicy")
    assert trust == events_trust(MACHINE_ARN)
    policy = document(deployment, ROLE_POLICY, "delivery-start", "policy")
    assert policy == start_machine(MACHINE_ARN)
    assert deployment.get(ROLE_POLICY, "delivery-start").inputs["role"] == "breakglass-delivery-start"


def test_machine_waits_for_its_permissions() -> None:
    deployment = delivery()

    permissions = deployment.get(ROLE_POLICY, "delivery-permissions")
    assert permissions.urn in deployment.get(MACHINE, "delivery-machine").depends_on


def test_deletion_of_machine_outlasts_its_longest_wait() -> None:
    timeout = delivery().get(MACHINE, "delivery-machine").delete_timeout

    assert 60 * int(timeout.removesuffix("m")) > LATE_SECONDS + TELL_AFTER_SECONDS


def test_alarm_pages_for_each_execution_that_does_not_succeed() -> None:
    alarm = delivery().get(ALARM, "delivery-undelivered").inputs

    assert alarm["alarmActions"] == [TOPIC_ARN, PAGE_TOPIC_ARN]
    assert (alarm["threshold"], alarm["evaluationPeriods"]) == (0, 1)
    assert (alarm["comparisonOperator"], alarm["treatMissingData"]) == ("GreaterThanThreshold", "notBreaching")
    *metrics, total = alarm["metricQueries"]
    assert [query["metric"] for query in metrics] == [
        {
            "namespace": "AWS/States",
            "metricName": metric,
            "dimensions": {"StateMachineArn": MACHINE_ARN},
            "stat": "Sum",
            "period": 60,
        }
        for metric in ("ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted")
    ]
    assert total == {
        "id": "failures",
        "expression": "SUM(METRICS())",
        "label": "failures",
        "returnData": True,
    }
    assert "docs/runbooks/slack-is-down.md" in alarm["alarmDescription"]


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"channels": []}, "delivery.channels"),
        ({"channels": ["#alerts"]}, "delivery.channels[0]"),
        ({"channels": ["C0123456789", "C0123456789"]}, "Duplicate"),
        ({"stack": ""}, "delivery.stack"),
        ({"post_message_url": "http://slack.com/api/chat.postMessage"}, "delivery.post_message_url"),
        ({"account_names": {"222222222222": 1}}, "delivery.account_names"),
        ({"chanels": CHANNELS}, "Did you mean channels"),
    ],
    ids=lambda value: value if isinstance(value, str) else " and ".join(value),
)
def test_wrong_args_are_refused_before_registration(wrong: Any, why: str) -> None:
    assert why in refusal(lambda: program({**ARGS, **wrong}))
