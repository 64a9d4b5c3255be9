"""The list of a stack's rules is that of the resources: names, patterns, states and messages.

Not proven here: that EventBridge accepts them (tests/local).
"""

import json
from typing import Any

import pytest

from breakglass.components.break_glass import BreakGlass
from breakglass.stack_file.rules import Known, stack_rules
from breakglass.stack_file.stack import StackFile
from tests.components.test_break_glass import ALERTS, ALERTS_ONLY, BOTH, CONFIRMED, WITH_APPROVALS, break_glass
from tests.components.test_hub_stack import SPOKE, hub
from tests.conftest import ACCOUNT_ID, Deployment, deploy

API = "aws:apigatewayv2/api:Api"
RULE = "aws:cloudwatch/eventRule:EventRule"
TARGET = "aws:cloudwatch/eventTarget:EventTarget"
CONNECTION = "aws:cloudwatch/eventConnection:EventConnection"
DESTINATION = "aws:cloudwatch/eventApiDestination:EventApiDestination"

WATCH = {
    "root": False,
    "users": ["arn:aws:iam::222222222222:user/break-glass-admin"],
    "independent_door": {"roles": ["arn:aws:iam::222222222222:role/door"]},
}
KEY_ARN = "arn:aws:kms:eu-central-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab"
TAMPER = {
    "deployers": ["arn:aws:iam::222222222222:role/deploy-pipeline"],
    "trail": "management-events",
    "trail_bucket": "trail",
    "keys": [KEY_ARN],
    "stacks": ["web"],
}
WATCHER = {**ALERTS, "region": "us-east-1", "watch": {}, "tamper": {**TAMPER, "session_policy": "p-87654321"}}

STACKS: dict[str, dict[str, Any]] = {
    "both sections": BOTH,
    "alerts only": ALERTS_ONLY,
    "confirmed": CONFIRMED,
    "no drills, no probe": {**ALERTS_ONLY, "alerts": {**ALERTS, "drills": False, "probe": "off"}},
    "scheduled drills": {**ALERTS_ONLY, "alerts": {**ALERTS, "drills": {"every": "P7D"}}},
    "one path": {**BOTH, "alerts": {**ALERTS, "evidence_paths": ["denied"]}},
    "approvals": WITH_APPROVALS,
    "users and the independent door": {**ALERTS_ONLY, "alerts": {**ALERTS, "watch": WATCH}},
    "root alone": {**ALERTS_ONLY, "alerts": {**ALERTS, "watch": {}}},
    "no tampering": {**BOTH, "alerts": {**ALERTS, "tamper": False}},
    "tampering with all that it can name": {**WITH_APPROVALS, "alerts": {**ALERTS, "tamper": TAMPER}},
    "a watcher of another stack": {**ALERTS_ONLY, "alerts": WATCHER},
    "hub": hub({**WITH_APPROVALS, "alerts": {**ALERTS, "watch": WATCH}}),
    "hub without a roll call": hub(roll_call="off"),
    "witness": {**ALERTS_ONLY, "alerts": {**ALERTS, "witness": "PT1H"}},
}


def _known(deployment: Deployment) -> Known:
    """Return what the deployment knows, from its resources."""
    destinations = [f"{each.inputs['name']}/2f6d2a51" for each in deployment.resources if each.type == DESTINATION]
    (connection,) = deployment.of_type(CONNECTION)
    of_events = f"arn:aws:events:{connection.inputs['region']}:{ACCOUNT_ID}"
    return Known(
        account=ACCOUNT_ID,
        sets=deployment.outputs["permission_set_arns"],
        groups={"database-oncall": "id-of-group-database-oncall"},
        api_id=next((f"{each.name}-id" for each in deployment.resources if each.type == API), ""),
        session_policy_id=deployment.outputs["session_policy_id"] or "",
        connection_arn=f"{of_events}:connection/{connection.inputs['name']}/8c1e77d4",
        destination_arn=next((f"{of_events}:api-destination/{each}" for each in destinations), None),
    )


@pytest.mark.parametrize("args", STACKS.values(), ids=STACKS.keys())
def test_stack_rules_are_those_of_the_deployed_stack(args: dict[str, Any]) -> None:
    deployment = break_glass(args)
    listed = stack_rules(StackFile.model_validate(args), "prod", _known(deployment))

    deployed = _deployed(deployment, args["alerts"]["region"])
    assert {(rule.bus, rule.name): (rule.pattern, rule.state) for rule in listed} == deployed
    assert len(listed) == len(deployed)


def _deployed(deployment: Deployment, region: str) -> dict[tuple[str | None, str], tuple[Any, str]]:
    """Return pattern and state of the rules in a region, by bus and name."""
    return {
        (each.inputs.get("eventBusName"), each.inputs["name"]): (
            json.loads(each.inputs["eventPattern"]) if "eventPattern" in each.inputs else None,
            each.inputs.get("state", "ENABLED"),
        )
        for each in deployment.of_type(RULE)
        if each.inputs["region"] == region
    }


@pytest.mark.parametrize("region", SPOKE["alerts"]["regions"])
def test_stack_rules_of_spokes_are_those_of_each_region(region: str) -> None:
    listed = stack_rules(StackFile.model_validate(SPOKE), "prod")

    deployed = _deployed(break_glass(SPOKE), region)
    assert {(rule.bus, rule.name): (rule.pattern, rule.state) for rule in listed} == deployed


@pytest.mark.parametrize("args", STACKS.values(), ids=STACKS.keys())
def test_message_of_each_rule_is_that_of_its_target(args: dict[str, Any]) -> None:
    deployment = break_glass(args)
    targets = {
        each.inputs["rule"]: each.inputs["inputTransformer"]
        for each in deployment.of_type(TARGET)
        if each.inputs["targetId"] == "slack" or each.inputs["rule"].endswith(("-lost-connection", "-added-region"))
    }
    rules = stack_rules(StackFile.model_validate(args), "prod", _known(deployment))
    messages = {rule.name: rule.message for rule in rules}

    assert {
        name: {"inputPaths": dict(message.input_paths), "inputTemplate": message.template}
        for name, message in messages.items()
        if message
    } == targets


@pytest.mark.parametrize(
    ("rules", "functions"),
    [
        ("prod-access-by-hand-", ("provisioner",)),
        ("prod-tampering-tamper-global", ("provisioner", "reconciler")),
        ("prod-tampering-denied", ("provisioner", "reconciler")),
    ],
)
def test_roles_left_out_are_those_of_deployed_functions(rules: str, functions: tuple[str, ...]) -> None:
    deployment = break_glass(WITH_APPROVALS)
    roles = [deployment.get("aws:iam/role:Role", f"prod-approvals-{each}-role").inputs["name"] for each in functions]

    patterns = {
        each.name: json.loads(each.inputs["eventPattern"])["detail"]
        for each in deployment.of_type(RULE)
        if each.name.startswith(rules)
    }
    left_out = [detail["userIdentity"]["sessionContext"]["sessionIssuer"]["arn"] for detail in patterns.values()]
    arns = [f"arn:aws:iam::{ACCOUNT_ID}:role/{role}" for role in roles]
    assert patterns
    assert left_out == [[{"exists": False}, {"anything-but": arns}]] * len(patterns)


def test_preview_says_how_many_rules_the_stack_has(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        deploy(lambda: {"arns": BreakGlass("prod", StackFile.model_validate(ALERTS_ONLY)).rule_names}, preview=True)

    count = len(stack_rules(StackFile.model_validate(ALERTS_ONLY), "prod"))
    assert f"The stack has {count} rules on the default event bus, whose default quota is 300." in caplog.messages
