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
from tests.conftest import ACCOUNT_ID, Deployment, deploy

RULE = "aws:cloudwatch/eventRule:EventRule"
TARGET = "aws:cloudwatch/eventTarget:EventTarget"
CONNECTION = "aws:cloudwatch/eventConnection:EventConnection"
DESTINATION = "aws:cloudwatch/eventApiDestination:EventApiDestination"

STACKS: dict[str, dict[str, Any]] = {
    "both sections": BOTH,
    "alerts only": ALERTS_ONLY,
    "confirmed": CONFIRMED,
    "no drills, no probe": {**ALERTS_ONLY, "alerts": {**ALERTS, "drills": False, "probe": "off"}},
    "scheduled drills": {**ALERTS_ONLY, "alerts": {**ALERTS, "drills": {"every": "P7D"}}},
    "one path": {**BOTH, "alerts": {**ALERTS, "evidence_paths": ["denied"]}},
    "approvals": WITH_APPROVALS,
}


def _known(deployment: Deployment) -> Known:
    """Return what the deployment knows, from its resources."""
    destinations = [f"{each.inputs['name']}/2f6d2a51" for each in deployment.resources if each.type == DESTINATION]
    of_events = f"arn:aws:events:eu-central-1:{ACCOUNT_ID}"
    (connection,) = deployment.of_type(CONNECTION)
    return Known(
        account=ACCOUNT_ID,
        connection_arn=f"{of_events}:connection/{connection.inputs['name']}/8c1e77d4",
        destination_arn=next((f"{of_events}:api-destination/{each}" for each in destinations), None),
    )


@pytest.mark.parametrize("args", STACKS.values(), ids=STACKS.keys())
def test_stack_rules_are_those_of_the_deployed_stack(args: dict[str, Any]) -> None:
    deployment = break_glass(args)
    listed = stack_rules(StackFile.model_validate(args), "prod", _known(deployment))

    deployed = {
        each.inputs["name"]: (
            json.loads(each.inputs["eventPattern"]) if "eventPattern" in each.inputs else None,
            each.inputs.get("state", "ENABLED"),
        )
        for each in deployment.of_type(RULE)
    }
    assert {rule.name: (rule.pattern, rule.state) for rule in listed} == deployed
    assert len(listed) == len(deployed)


@pytest.mark.parametrize("args", STACKS.values(), ids=STACKS.keys())
def test_message_of_each_rule_is_that_of_its_target(args: dict[str, Any]) -> None:
    deployment = break_glass(args)
    targets = {
        each.inputs["rule"]: each.inputs["inputTransformer"]
        for each in deployment.of_type(TARGET)
        if each.inputs["targetId"] == "slack" or each.inputs["rule"].endswith("-lost-connection")
    }
    messages = {rule.name: rule.message for rule in stack_rules(StackFile.model_validate(args), "prod")}

    assert {
        name: {"inputPaths": dict(message.input_paths), "inputTemplate": message.template}
        for name, message in messages.items()
        if message
    } == targets


def test_preview_says_how_many_rules_the_stack_has(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        deploy(lambda: {"arns": BreakGlass("prod", StackFile.model_validate(ALERTS_ONLY)).rule_names}, preview=True)

    count = len(stack_rules(StackFile.model_validate(ALERTS_ONLY), "prod"))
    assert f"The stack has {count} rules on the default event bus, whose default quota is 300." in caplog.messages
