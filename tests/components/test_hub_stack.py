"""`BreakGlass` as the hub of an organization, and as a stack of spokes.

Not proven here: the rules of a spoke (tests/unit/organization), the inputs of each component (the files of this folder
named after them), and that a switch between the kinds of stacks leaves no moment unwatched (tests/engine).
"""

import json
from typing import Any

import pytest

from breakglass.components.break_glass import BreakGlass
from breakglass.errors import ConfigError
from breakglass.organization.spoke_rules import SpokeSettings, spoke_rules
from breakglass.stack_file.stack import StackFile
from tests.components.test_break_glass import (
    ALERTS,
    ALERTS_ONLY,
    BOTH,
    GET_CALLER,
    PERMISSION_SETS,
    WITH_APPROVALS,
    break_glass,
    of_a_schedule,
    program,
    warned,
)
from tests.conftest import ACCOUNT_ID, Deployment, ProviderError, deploy

RULE = "aws:cloudwatch/eventRule:EventRule"
TARGET = "aws:cloudwatch/eventTarget:EventTarget"
ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
MACHINE = "aws:sfn/stateMachine:StateMachine"
GET_ORGANIZATION = "aws:organizations/getOrganization:getOrganization"

REGIONS = ["eu-central-1", "us-east-1"]
ORGANIZATION: dict[str, Any] = {"id": "o-exampleorgid", "spokes": {"units": ["r-ab12"], "regions": REGIONS}}
BUS = "breakglass-prod-hub"
BUS_ARN = f"arn:aws:events:eu-central-1:{ACCOUNT_ID}:event-bus/{BUS}"
USERS = {**ALERTS["watch"], "users": ["arn:aws:iam::222222222222:user/break-glass-admin"]}


def hub(args: dict[str, Any] = ALERTS_ONLY, *, spokes: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """Return the arguments of a stack as those of a hub, with other keys of `organization`."""
    organization = {**ORGANIZATION, "spokes": {**ORGANIZATION["spokes"], **(spokes or {})}, **more}
    return {**args, "alerts": {**args["alerts"], "organization": organization}}


FORWARD_TO = "arn:aws:events:eu-central-1:444444444444:event-bus/breakglass-prod-hub"
SPOKE: dict[str, Any] = {
    "alerts": {
        "region": "eu-central-1",
        "regions": REGIONS,
        "forward_to": FORWARD_TO,
        "watch": {"roles": ["arn:aws:iam::222222222222:role/emergency"]},
    },
    "tags": {"team": "platform"},
}


def of_a_spoke(region: str, *, portal: bool, users: int = 0) -> set[tuple[str, str]]:
    """Return the resources of the spoke of a region."""
    name = f"prod-spoke-{region}"
    watched = tuple(f"arn:aws:iam::222222222222:user/{number}" for number in range(users))
    rules = [rule.key for rule in spoke_rules(SpokeSettings(portal=portal, users=watched))]
    return {
        ("breakglass:index:Spoke", name),
        *((f"aws:sqs/{kind}", f"{name}-dead-letters") for kind in ("queue:Queue", "queuePolicy:QueuePolicy")),
        *((f"aws:iam/{kind}", f"{name}-role") for kind in ("role:Role", "rolePolicy:RolePolicy")),
        *((kind, f"{name}-{rule}") for kind in (RULE, TARGET) for rule in rules),
    }


OF_SPOKES = of_a_spoke("eu-central-1", portal=True) | of_a_spoke("us-east-1", portal=True)
OF_THE_BUS = {
    ("breakglass:index:AlertHub", "prod-hub"),
    ("aws:cloudwatch/eventBus:EventBus", "prod-hub-bus"),
    ("aws:cloudwatch/eventBusPolicy:EventBusPolicy", "prod-hub-bus"),
}
OF_THE_SPOKE_SET = {
    ("breakglass:index:SpokeSet", "prod-spokes"),
    ("aws:cloudformation/stackSet:StackSet", "prod-spokes-stack-set"),
    ("aws:cloudformation/stackInstances:StackInstances", "prod-spokes-instances"),
}


def of_an_event_log(name: str, *targets: str) -> set[tuple[str, str]]:
    """Return the resources of a log group of events."""
    return {
        ("breakglass:index:EventLog", name),
        ("aws:cloudwatch/logGroup:LogGroup", f"{name}-events"),
        ("aws:cloudwatch/logResourcePolicy:LogResourcePolicy", f"{name}-events"),
        *((TARGET, f"{name}-{target}") for target in targets),
    }


OF_THE_ROLL_CALL = {
    *of_a_schedule("RollCall", "prod-roll-call", "missing"),
    *of_an_event_log("prod-roll-call", "heartbeat"),
    *((RULE, f"prod-roll-call-{key}") for key in ("heartbeat", "added-region")),
    (TARGET, "prod-roll-call-added-region"),
}


# Tampering with the bus, the StackSet and the spokes does not fit into the rules of a stack without them.
OF_TAMPERING = {
    *((RULE, f"prod-tampering-{key}") for key in ("tamper-stack-2", "denied-2")),
    *(
        (TARGET, f"prod-{part}tampering-{key}")
        for part in ("", "monitoring-")
        for key in ("tamper-stack-2", "denied-2")
    ),
    (ALARM, "prod-monitoring-tampering-failed-deliveries-2"),
}


@pytest.mark.parametrize(
    ("args", "added"),
    [
        (hub(), OF_THE_BUS | OF_SPOKES | OF_THE_SPOKE_SET | OF_THE_ROLL_CALL),
        (hub(roll_call="off"), OF_THE_BUS | OF_SPOKES | OF_THE_SPOKE_SET),
        (hub(spokes={"call_as": "elsewhere"}), OF_THE_BUS | OF_SPOKES | OF_THE_ROLL_CALL),
    ],
    ids=["hub", "no roll call", "a StackSet made elsewhere"],
)
def test_hub_is_a_stack_with_more_parts(args: dict[str, Any], added: set[tuple[str, str]]) -> None:
    assert break_glass(args).inventory() - break_glass(ALERTS_ONLY).inventory() == added | OF_TAMPERING
    assert break_glass(ALERTS_ONLY).inventory() <= break_glass(args).inventory()


def on_bus(name: str) -> bool:
    """Return whether a rule, by its logical name or that of a target, is about a principal."""
    parts = ("tampering", "access-by-hand", "lost-connection", "-schedule", "key_use-alarm", "prod-spoke-")
    return not any(part in name for part in parts)


def test_rules_of_principals_alone_are_on_the_bus() -> None:
    """The default bus tells of a deletion of the other one; schedules and alarms have no choice."""
    args = hub({**WITH_APPROVALS, "alerts": {**ALERTS, "watch": USERS, "drills": {"every": "P7D"}}})
    deployment = break_glass(args)

    for each in (*deployment.of_type(RULE), *deployment.of_type(TARGET)):
        assert each.inputs.get("eventBusName") == (BUS if on_bus(each.name) else None), each.name
    ids = {each.inputs["targetId"] for each in deployment.of_type(TARGET) if "eventBusName" in each.inputs}
    assert ids >= {"slack", "email", "record", "log"}


def test_hub_changes_rules_only_by_their_bus() -> None:
    before, after = break_glass(BOTH).by_urn(), break_glass(hub(BOTH)).by_urn()
    changed = [(each, after[urn]) for urn, each in before.items() if each.inputs != after[urn].inputs]

    assert {old.type for old, _ in changed} == {
        RULE,
        TARGET,
        ALARM,
        "aws:cloudwatch/dashboard:Dashboard",
        "aws:sqs/queuePolicy:QueuePolicy",
        # The Deny of the break-glass sets also protects the bus and the StackSet.
        "aws:ssoadmin/permissionSetInlinePolicy:PermissionSetInlinePolicy",
    }
    for old, new in changed:
        if old.type in (RULE, TARGET) and "tampering" not in old.name:
            assert new.inputs == {**old.inputs, "eventBusName": BUS}
            assert new.create_first


def test_spokes_wait_for_every_target_on_the_bus() -> None:
    args = hub({**WITH_APPROVALS, "alerts": {**ALERTS, "watch": USERS}}, witness={"trail_log_group": "trail"})
    deployment = break_glass(args)

    targets = {each.urn for each in deployment.of_type(TARGET) if "eventBusName" in each.inputs}
    forwarding = [each for each in deployment.of_type(TARGET) if each.inputs["targetId"] == "hub"]
    (stack_set,) = deployment.of_type("aws:cloudformation/stackSet:StackSet")
    policy = deployment.get("aws:cloudwatch/eventBusPolicy:EventBusPolicy", "prod-hub-bus").urn
    assert len(forwarding) >= 2 * len(spoke_rules(SpokeSettings()))
    for each in (*forwarding, stack_set):
        assert each.depends_on >= {*targets, policy}


def test_spokes_forward_to_the_bus_of_their_hub() -> None:
    deployment = break_glass(hub())

    arns = {each.inputs["arn"] for each in deployment.of_type(TARGET) if each.inputs["targetId"] == "hub"}
    (stack_set,) = deployment.of_type("aws:cloudformation/stackSet:StackSet")
    assert arns == {BUS_ARN}
    assert stack_set.inputs["parameters"] == {"HubBusArn": BUS_ARN}
    assert deployment.outputs["hub_bus_arn"] == BUS_ARN


def test_spokes_forward_what_the_hub_watches() -> None:
    watch = {
        "roles": ["arn:aws:iam::333333333333:role/emergency"],
        "role_path": "/break-glass/",
        "users": USERS["users"],
    }
    deployment = break_glass(hub({**ALERTS_ONLY, "alerts": {**ALERTS, "watch": watch}}))

    patterns = " ".join(
        each.inputs.get("eventPattern", "") for each in deployment.of_type(RULE) if each.name.startswith("prod-spoke-")
    )
    (stack_set,) = deployment.of_type("aws:cloudformation/stackSet:StackSet")
    for text in (patterns, stack_set.inputs["templateBody"]):
        assert "role/emergency" in text
        assert "role/break-glass/*" in text
        assert "break-glass-admin" in text


def test_spoke_set_leaves_out_the_account_of_the_hub() -> None:
    (stack_set,) = break_glass(hub(spokes={"exclude": ["333333333333"]})).of_type(
        "aws:cloudformation/stackSet:StackSet"
    )

    condition = json.dumps(json.loads(stack_set.inputs["templateBody"])["Conditions"])
    assert "333333333333" in condition
    assert ACCOUNT_ID in condition


def test_region_of_the_hub_has_a_spoke() -> None:
    deployment = break_glass(hub(spokes={"regions": ["eu-central-1"]}))

    assert {each.name for each in deployment.of_type("breakglass:index:Spoke")} == {"prod-spoke-eu-central-1"}


@pytest.mark.parametrize("delivery", ["direct", "confirmed"])
def test_drills_of_a_hub_are_sent_to_its_bus(delivery: str) -> None:
    args = hub({**ALERTS_ONLY, "alerts": {**ALERTS, "delivery": delivery, "drills": {"every": "P7D"}}})
    deployment = break_glass(args)

    definition = deployment.get(MACHINE, "prod-drills-machine").inputs["definition"]
    policy = deployment.get("aws:iam/rolePolicy:RolePolicy", "prod-drills-permissions").inputs["policy"]
    assert f'"EventBusName":"{BUS}"' in definition
    assert f'"{BUS_ARN}"' in policy


@pytest.mark.parametrize(
    ("args", "lines"),
    [
        (hub(), {"spokes without a heartbeat"}),
        (hub(roll_call="off"), set[str]()),
        (hub(witness={"trail_log_group": "trail"}), {"spokes without a heartbeat", "uses without an alert"}),
        ({**ALERTS_ONLY, "alerts": {**ALERTS, "witness": "PT1H"}}, {"uses without an alert"}),
    ],
    ids=["roll call", "neither", "both", "witness of one account"],
)
def test_dashboard_shows_what_is_not_seen(args: dict[str, Any], lines: set[str]) -> None:
    deployment = break_glass(args)
    body = json.loads(
        deployment.get("aws:cloudwatch/dashboard:Dashboard", "prod-monitoring-dashboard").inputs["dashboardBody"]
    )

    graphs = [each["properties"] for each in body["widgets"] if "metrics" in each["properties"]]
    shown = {
        line[-1]["label"] for graph in graphs for line in graph["metrics"] if graph["title"].startswith("Not seen")
    }
    (alarms,) = [each["properties"]["alarms"] for each in body["widgets"] if each["type"] == "alarm"]
    assert shown == lines
    assert {each.inputs["name"] for each in deployment.of_type(ALARM)} == {arn.rsplit(":", 1)[1] for arn in alarms}


def test_witness_of_a_hub_compares_trail_and_bus() -> None:
    deployment = break_glass(hub(witness={"trail_log_group": "organization-trail"}))

    assert "organization-trail" in deployment.get(MACHINE, "prod-witness-machine").inputs["definition"]
    of_log = [each for each in deployment.of_type(TARGET) if each.name.startswith("prod-witness-fired-")]
    assert {each.inputs["eventBusName"] for each in of_log} == {BUS}


# --- the account ------------------------------------------------------------------------------------------------------


def member(_: object) -> dict[str, Any]:
    """The organization, seen from a member account."""
    return {"id": "o-exampleorgid", "masterAccountId": "111111111111", "accounts": [], "enabledPolicyTypes": []}


def unreadable(_: object) -> dict[str, Any]:
    raise ProviderError("AccessDeniedException: DescribeOrganization")


DELEGATED = hub(spokes={"call_as": "delegatedAdmin"})


def test_hub_in_the_management_account_needs_no_other_stack(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        deploy(lambda: program(hub()))

    assert "needs a stack of its own" not in warned(caplog)


def test_hub_elsewhere_says_which_stack_is_needed(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        deployment = deploy(lambda: program(DELEGATED), answers={GET_ORGANIZATION: member})

    said = next(each for each in caplog.messages if "needs a stack of its own" in each)
    assert said.startswith("The management account, 111111111111, needs a stack of its own")
    section = json.loads(said.split("`breakglass:alerts: ")[1].split("`")[0])
    assert section == {
        "region": "eu-central-1",
        "regions": REGIONS,
        "forwardTo": deployment.outputs["hub_bus_arn"],
        "watch": {"roles": ["arn:aws:iam::222222222222:role/emergency"]},
    }
    assert StackFile.model_validate({"alerts": section}).spoke
    # The events of the portal come from the other stack, so the rules for them are no mistake.
    assert "never fire" not in warned(caplog)
    assert not [each for each in deployment.resources if each.name.endswith("-portal") and "spoke" in each.name]


def test_hub_says_that_an_excluded_account_is_not_reported(caplog: pytest.LogCaptureFixture) -> None:
    args = hub(spokes={"call_as": "delegatedAdmin", "exclude": ["111111111111"]})
    with caplog.at_level("INFO"):
        deploy(lambda: program(args), answers={GET_ORGANIZATION: member})

    assert "so the roll call does not report that the stack is missing" in warned(caplog)


def test_hub_of_unknown_organization_says_what_may_be_needed(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        deployment = deploy(lambda: program(DELEGATED), answers={GET_ORGANIZATION: unreadable})

    assert f"Unless {ACCOUNT_ID} is the management account, that one needs a stack of its own" in warned(caplog)
    assert deployment.outputs["hub_bus_arn"] == BUS_ARN
    assert [each for each in deployment.of_type(RULE) if each.name == "prod-spoke-eu-central-1-portal"]


def refused(args: dict[str, Any], **answers: Any) -> str:
    """Deploy a stack that is refused when only its `BreakGlass` is registered, and return the report."""
    deployment = Deployment()
    with pytest.raises(ConfigError) as error:
        deploy(lambda: program(args), answers=answers, into=deployment)
    assert [each.type for each in deployment.resources] == ["breakglass:index:BreakGlass"]
    return " ".join(str(error.value).split())


def test_hub_of_another_organization_is_refused() -> None:
    report = refused(hub(id="o-anotherorgid"))

    assert "alerts.organization.id" in report
    assert "Write o-exampleorgid." in report


def test_stack_set_of_a_member_account_is_refused() -> None:
    assert "callAs: delegatedAdmin" in refused(hub(), **{GET_ORGANIZATION: member})


def test_hub_that_excludes_its_own_account_is_refused() -> None:
    report = refused(hub(spokes={"exclude": ["333333333333", ACCOUNT_ID]}))

    assert "alerts.organization.spokes.exclude[1]" in report
    assert "Delete the entry." in report


def test_delegation_in_the_management_account_is_refused() -> None:
    assert "Write `callAs: self`." in refused(DELEGATED)


# --- a stack of spokes ------------------------------------------------------------------------------------------------


def test_spoke_stack_is_made_of_spokes_only() -> None:
    deployment = break_glass(SPOKE)

    assert deployment.inventory() == {("breakglass:index:BreakGlass", "prod"), *OF_SPOKES}
    assert {key for key, value in deployment.outputs.items() if value} == set()
    assert {each.inputs["arn"] for each in deployment.of_type(TARGET)} == {FORWARD_TO}


def test_spoke_stack_of_a_member_account_has_no_portal() -> None:
    deployment = deploy(lambda: program(SPOKE), answers={GET_ORGANIZATION: member})

    spokes = of_a_spoke("eu-central-1", portal=False) | of_a_spoke("us-east-1", portal=False)
    assert deployment.inventory() == {("breakglass:index:BreakGlass", "prod"), *spokes}


@pytest.mark.parametrize("answer", [member, unreadable])
def test_spoke_stack_with_sets_or_unknown_owner_has_portal(answer: Any) -> None:
    args = {**SPOKE, "permission_sets": PERMISSION_SETS} if answer is member else SPOKE
    deployment = deploy(lambda: program(args), answers={GET_ORGANIZATION: answer})

    assert deployment.inventory() >= OF_SPOKES


def test_spoke_stack_in_the_account_of_the_hub_is_refused() -> None:
    def in_hub(_: object) -> dict[str, Any]:
        return {"accountId": "444444444444"}

    report = refused(SPOKE, **{GET_CALLER: in_hub})

    assert "alerts.forwardTo" in report
    assert "with the same names" in report


def test_stack_of_neither_kind_names_no_bus() -> None:
    deployment = break_glass({**WITH_APPROVALS, "alerts": {**ALERTS, "watch": USERS, "drills": {"every": "P7D"}}})

    for each in deployment.resources:
        assert "eventBusName" not in each.inputs
        assert each.type in (RULE, MACHINE) or "EventBusName" not in json.dumps(each.inputs)
    definition = deployment.get(MACHINE, "prod-drills-machine").inputs["definition"]
    assert "EventBusName" not in definition
    assert not [each for each in deployment.resources if ":Spoke" in each.type or "prod-hub" in each.name]
    assert deployment.outputs["hub_bus_arn"] is None


def test_preview_says_how_many_rules_are_on_each_bus(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        deployment = deploy(lambda: {"arns": BreakGlass("prod", StackFile.model_validate(hub())).rule_names})

    rules = [each for each in deployment.of_type(RULE) if each.inputs["region"] == "eu-central-1"]
    bus = sum("eventBusName" in each.inputs for each in rules)
    assert (
        f"The stack has {len(rules) - bus} rules on the default event bus and {bus} rules on event bus {BUS}, whose "
        "default quota is 300."
    ) in caplog.messages
