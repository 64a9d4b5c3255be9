"""The checks of an organization: bus, StackSet, roll call, regions of Identity Center.

The rules and targets of the hub, and of the spokes in its own account, are those of `rule` and `target`.

Sources: API Reference of EventBridge ("DescribeEventBus"), CloudFormation ("StackInstanceSummary") and IAM Identity
Center ("ListRegions").

Non-goals: spokes of other accounts that are not of the StackSet (`breakglass coverage`).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from breakglass.app.aws.aws import AwsError
from breakglass.cli.deployment import Deployment, Resource
from breakglass.cli.doctor.alert_path import REDEPLOY, RULE, Answer, missing
from breakglass.cli.doctor.check import Check, Judgement, Sources, call_or_none, list_pages
from breakglass.cli.doctor.finding import Status
from breakglass.cli.doctor.metrics import DAY, AlarmedSeries, Readings, format_age, metric_check
from breakglass.cli.stack_outputs import ORGANIZATION_OUTPUT, RULE_NAMES_OUTPUT
from breakglass.naming import SPOKE_STACK_SET, AlertMetric
from breakglass.vocabulary import EvidencePath

BUS_TYPE = "aws:cloudwatch/eventBus"
BUS_POLICY_TYPE = "aws:cloudwatch/eventBusPolicy"
STACK_SET_TYPE = "aws:cloudformation/stackSet"

_RUNBOOK = "docs/runbooks/coverage.md"
_COVERAGE = f"`breakglass coverage` says which, and what to do: {_RUNBOOK}."
_SHOWN = 5


# --- the hub's bus ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class HubBus:
    """The bus of a hub, and its policy as deployed, JSON; None without one."""

    bus: Resource
    policy: str | None


def hub_buses(deployment: Deployment) -> list[HubBus]:
    """Return the buses of the stack with their policies."""
    policies = {str(each.get("eventBusName")): str(each.get("policy")) for each in deployment.of_type(BUS_POLICY_TYPE)}
    return [HubBus(bus, policies.get(bus.physical_name)) for bus in deployment.of_type(BUS_TYPE)]


def _look_at_bus(sources: Sources, hub: HubBus) -> Answer:
    return call_or_none(sources.aws(hub.bus.region), "events", "DescribeEventBus", Name=hub.bus.physical_name)


def judge_bus(hub: HubBus, found: Answer) -> list[Judgement]:
    """Return the problems of the bus: missing, or with another policy than deployed."""
    name = hub.bus.physical_name
    if found is None:
        return missing("The event bus", name)
    if hub.policy is None or _statements(hub.policy) == _statements(found.get("Policy")):
        return []
    what = "another policy than deployed" if found.get("Policy") else "no policy"
    return [Judgement(Status.fail, f"The event bus {name} has {what}.", REDEPLOY)]


def _statements(policy: Any) -> list[str]:
    """Return the statements of a policy in a form in which equal ones are the same text."""
    try:
        document = json.loads(policy)
        return sorted(json.dumps(_plain(each), sort_keys=True) for each in document["Statement"])
    except (ValueError, KeyError, TypeError):
        return []


def _plain(value: Any) -> Any:
    """Return a value as IAM reads it: one value is a list of one, `{"AWS": "*"}` is `*`."""
    match value:
        case {"AWS": principals} if len(value) == 1:
            return _plain(principals)
        case dict():
            return {key: _plain(each) for key, each in value.items()}
        case list():
            return sorted(map(str, value))
        case _:
            return [str(value)]


HUB = Check(
    name="hub",
    why="Without this bus and its policy no event of any other account or region arrives, and none is reported.",
    subjects=hub_buses,
    look=_look_at_bus,
    judge=judge_bus,
    ok="the bus of the hub admits the spokes, as deployed",
    actions=("events:DescribeEventBus",),
    name_subject=lambda hub: f"the event bus {hub.bus.physical_name}",
)


# --- the StackSet -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SpokeSet:
    """The StackSet of the spokes.

    Attributes:
        region: its region.
        call_as: `SELF` or `DELEGATED_ADMIN`.
        regions: the regions of the spokes.
    """

    region: str
    call_as: str
    regions: tuple[str, ...]


def _spoke_sets(deployment: Deployment) -> list[SpokeSet]:
    organization = deployment.outputs.get(ORGANIZATION_OUTPUT) or {}
    return [
        SpokeSet(each.region, str(each.get("callAs") or "SELF"), tuple(organization.get("regions") or ()))
        for each in deployment.of_type(STACK_SET_TYPE)
        if each.physical_name == SPOKE_STACK_SET
    ]


def list_instances(sources: Sources, region: str, call_as: str) -> list[Mapping[str, Any]] | None:
    """Return the instances of the StackSet of the spokes; None if it does not exist."""
    which = {"StackSetName": SPOKE_STACK_SET, "CallAs": call_as}
    try:
        return list(list_pages(sources.aws(region), "Summaries", "cloudformation", "ListStackInstances", **which))
    except AwsError as error:
        if error.code != "StackSetNotFoundException":
            raise
        return None


def detailed_status(instance: Mapping[str, Any]) -> str:
    """Return the detailed status of an instance, e.g. `FAILED`; empty without one."""
    return str((instance.get("StackInstanceStatus") or {}).get("DetailedStatus") or "")


def judge_instances(spokes: SpokeSet, found: Sequence[Mapping[str, Any]] | None) -> list[Judgement]:
    """Return the problems of the StackSet: missing, without instances, or with some that are not current."""
    if found is None:
        return missing("The StackSet", SPOKE_STACK_SET)
    problems: list[Judgement] = []
    if not found:
        problems.append(
            Judgement(Status.fail, f"The StackSet {SPOKE_STACK_SET} has no instances.", f"Run `pulumi up`. {_COVERAGE}")
        )
    # A suspended account is left out of each operation, and nothing can be used in it.
    found = [each for each in found if detailed_status(each) != "SKIPPED_SUSPENDED_ACCOUNT"]
    for what, chosen in (
        ("not up to date", [each for each in found if each.get("Status") == "OUTDATED"]),
        ("inoperable", [each for each in found if each.get("Status") == "INOPERABLE"]),
        ("changed by hand", [each for each in found if each.get("DriftStatus") == "DRIFTED"]),
    ):
        if chosen:
            places = ", ".join(f"{each.get('Account')} {each.get('Region')}" for each in chosen[:_SHOWN])
            more = f" and {len(chosen) - _SHOWN} more" if len(chosen) > _SHOWN else ""
            problems.append(Judgement(Status.fail, f"Spokes that are {what}: {places}{more}.", _COVERAGE))
    return problems


SPOKES = Check(
    name="spokes",
    why="An account whose spoke is missing or old raises no alert, or not all.",
    subjects=_spoke_sets,
    look=lambda sources, spokes: list_instances(sources, spokes.region, spokes.call_as),
    judge=judge_instances,
    ok="every instance of the StackSet of the spokes is up to date",
    actions=("cloudformation:ListStackInstances",),
    name_subject=lambda _: f"the StackSet {SPOKE_STACK_SET}",
)


# --- the roll call ----------------------------------------------------------------------------------------------------


def judge_roll_call(alarmed: AlarmedSeries, readings: Readings) -> list[Judgement]:
    """Return a judgement of the last roll call: it heard all spokes, missed some, or did not run."""
    last = readings.last
    if last is None and readings.deployed < alarmed.window:
        return [Judgement(Status.warn, "There was no roll call yet.", "It runs at 05:00 UTC. Look again after that.")]
    if last is None or last.age > alarmed.window + 3600:
        when = "for days" if last is None else f"for {format_age(last.age)}"
        do = "Read the executions of its state machine, and the rule of its schedule: docs/runbooks/alarms.md."
        return [Judgement(Status.fail, f"There was no roll call {when}.", do)]
    if last.value > 0:
        what = f"Spokes that the last roll call, {format_age(last.age)} ago, did not hear: {int(last.value)}."
        return [Judgement(Status.fail, what, _COVERAGE)]
    return []


ROLL_CALL = metric_check(
    "roll-call",
    AlertMetric.missing_spokes,
    why="Uses in an account that is not heard raise no alert.",
    ok="the last roll call heard all spokes",
    judge=judge_roll_call,
    seconds=7 * DAY,
    period=3600,
)


# --- regions of Identity Center ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class WatchedRegions:
    """The regions that a stack watches in an account that may own Identity Center.

    Attributes:
        region: the stack's region.
        regions: all of them: those of the spokes of a hub, else the stack's own.
        is_hub: True for a hub.
    """

    region: str
    regions: tuple[str, ...]
    is_hub: bool


def _watched_regions(deployment: Deployment) -> list[WatchedRegions]:
    rules: Mapping[str, Mapping[str, str]] = deployment.outputs.get(RULE_NAMES_OUTPUT) or {}
    if not deployment.of_type(RULE) or not any(EvidencePath.portal in names for names in rules.values()):
        return []
    organization = deployment.outputs.get(ORGANIZATION_OUTPUT)
    regions = tuple(organization["regions"]) if organization else (deployment.region,)
    return [WatchedRegions(deployment.region, regions, organization is not None)]


def _look_at_regions(sources: Sources, watched: WatchedRegions) -> list[str]:
    """Return the regions of the instance of Identity Center in the account, and none without an instance."""
    aws = sources.aws(watched.region)
    instances = [str(each["InstanceArn"]) for each in list_pages(aws, "Instances", "sso-admin", "ListInstances")]
    return [
        str(region["RegionName"])
        for arn in instances
        for region in list_pages(aws, "Regions", "sso-admin", "ListRegions", InstanceArn=arn)
    ]


def judge_regions(watched: WatchedRegions, found: Sequence[str]) -> list[Judgement]:
    """Return a problem for regions of Identity Center that are not watched, or not known."""
    if watched.is_hub and not found:
        what = "The regions of Identity Center are not known: this account has no instance in this region."
        do = "In the account and region of the instance: `aws sso-admin list-regions`. Each region needs spokes."
        return [Judgement(Status.unknown, what, do)]
    further = sorted(set(found) - set(watched.regions))
    if not further:
        return []
    names = ", ".join(further)
    if watched.is_hub:
        do = f"Add {names} to alerts.organization.spokes.regions, and run `pulumi up`; likewise in spoke stacks."
        return [Judgement(Status.fail, f"Identity Center is also in regions without spokes: {names}.", do)]
    do = "Deploy a stack with `alerts` there, too, or make this one a hub: docs/runbooks/first-deploy.md."
    return [Judgement(Status.warn, f"Identity Center is also in other regions than this stack: {names}.", do)]


IDENTITY_CENTER_REGIONS = Check(
    name="identity-center-regions",
    why="Sessions that start in a further region of Identity Center are recorded there only.",
    subjects=_watched_regions,
    look=_look_at_regions,
    judge=judge_regions,
    ok="every region of Identity Center is watched",
    actions=("sso:ListInstances", "sso:ListRegions"),
    name_subject=lambda _: "the regions of Identity Center",
)

ORGANIZATION: Sequence[Check[Any, Any]] = (HUB, SPOKES, ROLL_CALL, IDENTITY_CENTER_REGIONS)
"""The checks of an organization."""
