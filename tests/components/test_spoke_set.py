"""`SpokeSet` registers two resources for any number of accounts.

Not proven here: what CloudFormation makes of them (docs/live-checks.md).
"""

from typing import Any, cast

import pulumi
import pytest

from breakglass.components.organization.spoke_set import SpokeSet, SpokeSetArgs
from breakglass.organization.spoke_rules import SpokeSettings
from breakglass.organization.spoke_template import template_body
from tests.conftest import REGION, Deployment, deploy, refusal

STACK_SET = "aws:cloudformation/stackSet:StackSet"
INSTANCES = "aws:cloudformation/stackInstances:StackInstances"
HUB = "arn:aws:events:eu-central-1:444444444444:event-bus/breakglass-prod-hub"
ARGS = {
    "region": REGION,
    "hub_bus_arn": HUB,
    "units": ["r-ab12"],
    "exclude": ["333333333333"],
    "regions": [REGION, "us-east-1"],
    "role_path": "/break-glass/",
    "tags": {"team": "platform"},
}


def program(args: dict[str, Any]) -> dict[str, pulumi.Output[Any]]:
    return {"stack_set_id": SpokeSet("prod-spokes", cast(SpokeSetArgs, args)).stack_set_id}


def create(**more: Any) -> Deployment:
    return deploy(lambda: program({**ARGS, **more}))


def test_inventory_and_output() -> None:
    deployment = create()

    assert deployment.inventory() == {
        ("breakglass:index:SpokeSet", "prod-spokes"),
        (STACK_SET, "prod-spokes-stack-set"),
        (INSTANCES, "prod-spokes-instances"),
    }
    assert deployment.outputs == {"stack_set_id": "breakglass-spokes:0a1b2c3d-4e5f-6789-abcd-ef0123456789"}


def test_stack_set_deploys_to_new_accounts_by_itself() -> None:
    inputs = create().get(STACK_SET, "prod-spokes-stack-set").inputs

    assert inputs.pop("templateBody") == template_body(SpokeSettings(role_path="/break-glass/"), ["333333333333"])
    assert inputs == {
        "name": "breakglass-spokes",
        "description": "Forwards events about break-glass access to the hub of the organization.",
        "permissionModel": "SERVICE_MANAGED",
        "autoDeployment": {"enabled": True, "retainStacksOnAccountRemoval": False},
        "callAs": "SELF",
        "capabilities": ["CAPABILITY_NAMED_IAM"],
        "managedExecution": {"active": True},
        "operationPreferences": {
            "failureTolerancePercentage": 100,
            "maxConcurrentPercentage": 100,
            "regionConcurrencyType": "PARALLEL",
        },
        "parameters": {"HubBusArn": HUB},
        "region": REGION,
        "tags": {"team": "platform"},
    }


def test_instances_are_in_all_regions_of_the_units() -> None:
    assert create().get(INSTANCES, "prod-spokes-instances").inputs == {
        "stackSetName": "breakglass-spokes",
        "callAs": "SELF",
        "regions": [REGION, "us-east-1"],
        "deploymentTargets": {"organizationalUnitIds": ["r-ab12"]},
        "operationPreferences": {
            "failureTolerancePercentage": 100,
            "maxConcurrentPercentage": 100,
            "regionConcurrencyType": "PARALLEL",
            "concurrencyMode": "SOFT_FAILURE_TOLERANCE",
        },
        "retainStacks": False,
        "region": REGION,
    }


def test_changed_exclusions_change_the_template_alone() -> None:
    before, after = create(), create(exclude=["333333333333", "555555555555"])

    changed = {urn for urn, each in before.by_urn().items() if after.by_urn()[urn].inputs != each.inputs}
    assert changed == {before.get(STACK_SET, "prod-spokes-stack-set").urn}


def test_delegated_administrator_calls_as_such() -> None:
    deployment = create(call_as="delegatedAdmin")

    for kind in (STACK_SET, INSTANCES):
        assert {each.inputs["callAs"] for each in deployment.of_type(kind)} == {"DELEGATED_ADMIN"}


def test_update_has_time_for_hundreds_of_accounts() -> None:
    deployment = create()

    for kind in (STACK_SET, INSTANCES):
        assert {each.delete_timeout for each in deployment.of_type(kind)} == {"3h"}


@pytest.mark.parametrize(
    ("key", "value"), [("call_as", "elsewhere"), ("units", []), ("units", ["111111111111"]), ("regions", [])]
)
def test_wrong_argument_is_refused(key: str, value: Any) -> None:
    assert f"prod-spokes.{key}" in refusal(lambda: program({**ARGS, key: value}))
