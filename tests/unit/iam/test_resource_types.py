"""Every Allow that this project writes or documents names a resource of each type that its actions demand.

IAM checks a call on all resources that it works on: with one of them missing the call is refused. Which types an action
demands is known from AWS's reference (`tests.unit.iam.reference`); that the reference is complete is not shown here.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pulumi
import pytest

import breakglass
from breakglass.alerts.drills import DRILL_DETAIL_TYPE, DRILL_SOURCE
from breakglass.iam.app_roles import function_permissions, workflow_permissions
from breakglass.iam.documents import (
    build_document,
    call_slack,
    publish,
    read_metrics,
    send_events,
    start_machine,
    statements_of,
    write_metrics,
)
from breakglass.iam.wildcards import overlaps
from breakglass.naming import AppFunction
from tests.app.domain.policies import MANAGEMENT, policy, rule
from tests.unit.iam.reference import arns_of, matches
from tests.unit.iam.test_app_roles import ARNS, CENTER_KEY, KEY, SCOPE, SCP
from tests.unit.iam.test_documents import CONNECTION, MACHINE, TOPIC

STACKS = Path(__file__).parents[3] / "stacks"
FULL = replace(
    SCOPE,
    policy=policy(rule(accounts=(MANAGEMENT,))),
    kms_key_arn=KEY,
    session_policy_arn=SCP,
    identity_center_key_arn=CENTER_KEY,
)

OF_ANOTHER_KIND = {
    # An execution is of a standard or of an express state machine, never of both.
    ("states:DescribeExecution", "arn:aws:states:*:*:express:*:*:*"),
}


def missing(actions: Sequence[str], resources: Sequence[str]) -> list[tuple[str, str]]:
    """Return each action with the type's ARN pattern that none of the resources can be."""
    return [
        (action, arn)
        for action in actions
        # Actions that are not in the reference are told by `test_actions`.
        if matches(action)
        for arn in arns_of(action, required=True)
        if "*" not in resources
        and not any(overlaps(resource, arn) for resource in resources)
        and (action, arn) not in OF_ANOTHER_KIND
    ]


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def missing_in(document: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        each
        for statement in statements_of(document)
        for each in missing(listed(statement["Action"]), listed(statement["Resource"]))
    ]


@pytest.mark.parametrize("file", sorted((STACKS / "policies").glob("*.json")), ids=lambda file: file.name)
def test_policy_of_a_stack_names_every_resource_type(file: Path) -> None:
    assert missing_in(json.loads(file.read_text(encoding="utf-8"))) == []


def test_databases_behind_a_customer_key_can_be_restored() -> None:
    document = json.loads((STACKS / "policies" / "devops-break-glass.json").read_text(encoding="utf-8"))
    of_kms = [each for each in document["Statement"] if any("kms:" in action for action in listed(each["Action"]))]
    assert {action for each in of_kms for action in listed(each["Action"])} == {
        "kms:CreateGrant",
        "kms:Decrypt",
        "kms:DescribeKey",
        "kms:GenerateDataKey",
    }
    via = {each["Condition"]["StringEquals"]["kms:ViaService"] for each in of_kms}
    assert via == {"rds.eu-central-1.amazonaws.com"}


@pytest.mark.parametrize("app_function", AppFunction)
def test_policy_of_a_function_names_every_resource_type(app_function: AppFunction) -> None:
    assert missing_in(function_permissions(app_function, FULL)) == []


def test_policy_of_the_state_machine_names_every_resource_type() -> None:
    assert missing_in(workflow_permissions(ARNS)) == []


def test_policies_of_the_alert_path_name_every_resource_type() -> None:
    url = "https://slack.com/api/chat.postMessage"
    statements = [
        *call_slack(MACHINE, CONNECTION, [url], KEY),
        publish(TOPIC),
        send_events(MACHINE, DRILL_SOURCE, DRILL_DETAIL_TYPE),
        write_metrics(),
        read_metrics(),
        *statements_of(start_machine(MACHINE)),
    ]
    assert missing_in(build_document(*statements)) == []


COMPONENTS = [
    each
    for name in breakglass.__all__
    if isinstance(each := getattr(breakglass, name), type) and issubclass(each, pulumi.ComponentResource)
]


def documented(component: type) -> Iterator[tuple[list[str], list[str]]]:
    """Yield the actions and the resources of every sentence of the form On `ARN` and `ARN`: `action`, `action`."""
    text = " ".join((component.__doc__ or "").split())
    for sentence in re.split(r"(?:^|- |\. |, )[Oo]n (?=`)", text)[1:]:
        resources, _, actions = re.split(r" - | Raises:", sentence)[0].partition(": ")
        arns = [
            arn.replace("PARTITION", "aws").replace("REGION", "eu-central-1").replace("ACCOUNT", "111111111111")
            for arn in re.findall(r"`(arn:[^`]+|\*)`", resources)
        ]
        yield re.findall(r"`([a-z0-9-]+:[A-Z][A-Za-z]+)`", actions), arns


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda component: component.__name__)
def test_documented_permissions_name_every_resource_type(component: type) -> None:
    assert [each for actions, arns in documented(component) if arns for each in missing(actions, arns)] == []


def test_documented_permissions_are_found() -> None:
    found = {each for component in COMPONENTS for actions, arns in documented(component) if arns for each in actions}
    assert len(found) > 100
    assert {"sso:ProvisionPermissionSet", "sso:CreateAccountAssignment", "identitystore:ListGroupMemberships"} <= found
