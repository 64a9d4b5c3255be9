"""The checks of an organization: bus, StackSet, roll call, regions of Identity Center."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from breakglass.cli.deployment import Deployment
from breakglass.cli.doctor.alert_path import RULE
from breakglass.cli.doctor.metrics import ALARM_TYPE
from breakglass.cli.doctor.organization import (
    BUS_POLICY_TYPE,
    BUS_TYPE,
    HUB,
    IDENTITY_CENTER_REGIONS,
    ROLL_CALL,
    SPOKES,
    STACK_SET_TYPE,
)
from breakglass.iam.documents import hub_bus_policy, policy_json
from tests.app.doubles.clock import NOW
from tests.unit.cli.doctor.doubles import REGION, MemoryAws, deployment, examine, refused, resource

BUS_ARN = f"arn:aws:events:{REGION}:111111111111:event-bus/breakglass-prod-hub"
POLICY = hub_bus_policy(BUS_ARN, "o-exampleorgid")
ORGANIZATION = {"regions": [REGION, "us-east-1"], "callAs": "self"}
RULE_NAMES = {"devops-break-glass": {"portal": "use"}}


# --- the bus ----------------------------------------------------------------------------------------------------------


def bus(answer: Any) -> list[Any]:
    deployed = deployment(
        resource(BUS_TYPE, "breakglass-prod-hub"),
        resource(BUS_POLICY_TYPE, "", eventBusName="breakglass-prod-hub", policy=policy_json(POLICY)),
    )
    return [(status, what) for status, what, _ in examine(HUB, deployed, MemoryAws({"DescribeEventBus": answer}))]


def changed(**changes: Any) -> dict[str, Any]:
    (statement,) = POLICY["Statement"]
    return {"Policy": json.dumps({"Version": "2012-10-17", "Statement": [{**statement, **changes}]})}


def test_bus_with_its_policy_is_fine() -> None:
    assert bus({"Policy": policy_json(POLICY)}) == []


def test_policy_in_another_spelling_is_the_same() -> None:
    (statement,) = POLICY["Statement"]
    backwards = dict(reversed(list(statement.items())))

    assert bus({"Policy": json.dumps({"Statement": [backwards], "Version": "2012-10-17"}, indent=2)}) == []
    assert bus(changed(Principal={"AWS": ["*"]}, Action=[statement["Action"]])) == []


def test_missing_bus_fails() -> None:
    assert bus(refused("ResourceNotFoundException")) == [
        ("fail", "The event bus breakglass-prod-hub does not exist in AWS.")
    ]


@pytest.mark.parametrize("answer", [{}, {"Policy": ""}], ids=["absent", "empty"])
def test_bus_without_policy_fails(answer: dict[str, Any]) -> None:
    assert bus(answer) == [("fail", "The event bus breakglass-prod-hub has no policy.")]


@pytest.mark.parametrize(
    "answer",
    [
        changed(Condition={}),
        changed(Effect="Deny"),
        changed(Principal={"AWS": "arn:aws:iam::999999999999:root"}),
        {"Policy": json.dumps({"Statement": [*POLICY["Statement"], {"Effect": "Allow", "Principal": "*"}]})},
        {"Policy": "no JSON"},
    ],
    ids=["open", "denied", "one account", "one more", "no JSON"],
)
def test_bus_with_another_policy_fails(answer: dict[str, Any]) -> None:
    assert bus(answer) == [("fail", "The event bus breakglass-prod-hub has another policy than deployed.")]


# --- the StackSet -----------------------------------------------------------------------------------------------------


def instance(account: str, region: str = REGION, **more: Any) -> dict[str, Any]:
    return {"Account": account, "Region": region, "Status": "CURRENT", "DriftStatus": "NOT_CHECKED", **more}


def spokes(*instances: dict[str, Any], answer: Any = None) -> list[Any]:
    deployed = deployment(
        resource(STACK_SET_TYPE, "breakglass-spokes", callAs="DELEGATED_ADMIN"),
        resource(STACK_SET_TYPE, "another"),
        organization=ORGANIZATION,
    )
    aws = MemoryAws({"ListStackInstances": answer or {"Summaries": list(instances)}})
    found = [(status, what) for status, what, _ in examine(SPOKES, deployed, aws)]
    assert [arguments for *_, arguments in aws.calls] == [
        {"StackSetName": "breakglass-spokes", "CallAs": "DELEGATED_ADMIN"}
    ]
    return found


def test_current_instances_are_fine() -> None:
    assert spokes(instance("222222222222"), instance("333333333333", DriftStatus="IN_SYNC")) == []


def test_instance_of_a_suspended_account_is_fine() -> None:
    skipped = {"DetailedStatus": "SKIPPED_SUSPENDED_ACCOUNT"}
    assert spokes(instance("222222222222", Status="OUTDATED", StackInstanceStatus=skipped)) == []


def test_each_kind_of_faulty_instance_fails() -> None:
    found = spokes(
        instance("222222222222", Status="OUTDATED"),
        instance("222222222222", "us-east-1", Status="INOPERABLE"),
        instance("333333333333", DriftStatus="DRIFTED"),
        *(instance(f"44444444444{number}", Status="OUTDATED") for number in range(6)),
    )

    listed = ", ".join([f"222222222222 {REGION}", *(f"44444444444{number} {REGION}" for number in range(4))])
    assert found == [
        ("fail", f"Spokes that are not up to date: {listed} and 2 more."),
        ("fail", "Spokes that are inoperable: 222222222222 us-east-1."),
        ("fail", f"Spokes that are changed by hand: 333333333333 {REGION}."),
    ]


def test_stack_set_without_instances_fails() -> None:
    assert spokes() == [("fail", "The StackSet breakglass-spokes has no instances.")]


def test_missing_stack_set_fails() -> None:
    assert spokes(answer=refused("StackSetNotFoundException")) == [
        ("fail", "The StackSet breakglass-spokes does not exist in AWS.")
    ]


def test_refused_list_is_unknown() -> None:
    ((status, what),) = spokes(answer=refused())
    assert (status, "AWS refused ListStackInstances" in what) == ("unknown", True)


# --- the roll call ----------------------------------------------------------------------------------------------------


def roll_call(*values: tuple[float, float], created_at: float = 0) -> list[Any]:
    alarm = resource(
        ALARM_TYPE,
        "missing",
        namespace="Breakglass",
        metricName="MissingSpokes",
        dimensions={"Stack": "prod"},
        period=93_600,
        evaluationPeriods=1,
    )
    alarm = type(alarm)(alarm.type, alarm.id, alarm.inputs, alarm.outputs, created_at)
    now = datetime.fromtimestamp(NOW, UTC)
    points = [{"Timestamp": now - timedelta(seconds=age), "Maximum": value} for value, age in values]
    aws = MemoryAws({"GetMetricStatistics": {"Datapoints": points}})
    return [(status, what) for status, what, _ in examine(ROLL_CALL, deployment(alarm), aws)]


def test_roll_call_that_heard_all_is_fine() -> None:
    assert roll_call((0, 7200), (3, 90_000)) == []


def test_roll_call_that_missed_spokes_fails() -> None:
    assert roll_call((3, 7200), (0, 90_000)) == [
        ("fail", "Spokes that the last roll call, 2 h ago, did not hear: 3."),
    ]


def test_roll_call_that_stopped_fails() -> None:
    assert roll_call((0, 100_800)) == [("fail", "There was no roll call for 28 h.")]
    assert roll_call() == [("fail", "There was no roll call for days.")]


def test_roll_call_before_its_first_run_is_a_warning() -> None:
    assert roll_call(created_at=NOW - 3600) == [("warn", "There was no roll call yet.")]


# --- regions of Identity Center ---------------------------------------------------------------------------------------


def regions(deployed: Deployment, *found: str) -> list[Any]:
    arn = "arn:aws:sso:::instance/ssoins-1234567890123456"
    answers: dict[str, Any] = {
        "ListInstances": {"Instances": [{"InstanceArn": arn}] if found else []},
        "ListRegions": {"Regions": [{"RegionName": region, "Status": "ACTIVE"} for region in found]},
    }
    return [(status, what) for status, what, _ in examine(IDENTITY_CENTER_REGIONS, deployed, MemoryAws(answers))]


ALERTS = deployment(resource(RULE, "use"), ruleNames=RULE_NAMES)
A_HUB = deployment(resource(RULE, "use"), ruleNames=RULE_NAMES, organization=ORGANIZATION)


def test_region_of_identity_center_without_spokes_fails() -> None:
    assert regions(A_HUB, REGION, "eu-west-1", "us-east-1", "ap-east-1") == [
        ("fail", "Identity Center is also in regions without spokes: ap-east-1, eu-west-1.")
    ]
    assert regions(A_HUB, REGION, "us-east-1") == []


def test_hub_without_identity_center_does_not_know_its_regions() -> None:
    assert regions(A_HUB) == [
        ("unknown", "The regions of Identity Center are not known: this account has no instance in this region.")
    ]


def test_region_of_identity_center_without_the_stack_warns() -> None:
    assert regions(ALERTS, REGION, "us-east-1") == [
        ("warn", "Identity Center is also in other regions than this stack: us-east-1.")
    ]
    assert regions(ALERTS, REGION) == []


def test_account_without_identity_center_has_no_finding() -> None:
    assert regions(ALERTS) == []


def test_stack_without_portal_rules_is_not_asked() -> None:
    names = {"root-user": {"sign_in": "use"}}
    assert IDENTITY_CENTER_REGIONS.subjects(deployment(resource(RULE, "use"), ruleNames=names)) == []
    assert IDENTITY_CENTER_REGIONS.subjects(deployment(resource(RULE, "use"))) == []


@pytest.mark.parametrize("check", [HUB, SPOKES, ROLL_CALL], ids=lambda check: check.name)
def test_stack_without_organization_has_no_subject(check: Any) -> None:
    assert check.subjects(ALERTS) == []
