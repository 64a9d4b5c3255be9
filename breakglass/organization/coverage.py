"""The coverage: the accounts, regions and evidence paths that a stack watches, or the reason why not.

A path is watched in an account and region if its events reach the stack (a spoke, or the stack's own bus) and its rules
are as deployed. The judgement of a spoke:

    the account is not active, excluded or outside the units    no spoke is expected
    it was heard, and its StackSet instance is as it should be  watched
    it was heard, and the instance is outdated or changed       some of its rules may be, too
    it was not heard                                            the instance says why, if there is one

Non-goals: asking AWS (`breakglass.cli.coverage`); the way from a rule to Slack, and the trail (`breakglass doctor`).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from breakglass.alerts.evidence import EVIDENCE, GLOBAL_REGION
from breakglass.alerts.subjects import (
    AccessSubject,
    PermissionSetSubject,
    RoleSubject,
    RootSubject,
    TamperSubject,
    UserSubject,
    Watched,
)
from breakglass.organization.roll_call_machine import WINDOW_HOURS
from breakglass.vocabulary import EvidencePath, global_events_region

WATCHED = "watched"
"""The value of an evidence path that is watched."""

Place = tuple[str, str]
"""An account's ID and a region."""


class Reason(StrEnum):
    """The reason why an evidence path is not watched in an account and region."""

    hub = "hub"
    """The hub's bus is missing, or does not admit the spokes as deployed."""
    rule = "rule"
    """A rule of the stack is missing, disabled or changed."""
    no_spoke = "no_spoke"
    """There is no spoke."""
    not_heard_yet = "not_heard_yet"
    """The spoke was deployed and never heard."""
    no_heartbeat = "no_heartbeat"
    """The spoke was heard once, and not any more."""
    outdated = "outdated"
    """The StackSet could not bring the spoke up to date."""
    inoperable = "inoperable"
    """The StackSet can't manage the spoke any more."""
    drifted = "drifted"
    """The spoke was changed by hand."""
    region_not_enabled = "region_not_enabled"
    """The account has not enabled the region."""
    excluded = "excluded"
    """The stack file excludes the account."""
    not_active = "not_active"
    """The account is suspended or closed, or not open yet."""
    outside_units = "outside_units"
    """The account is in no unit of the stack file."""
    nothing_to_watch = "nothing_to_watch"
    """The stack watches no principal whose uses are recorded there."""


NOT_EXPECTED = frozenset(
    {
        Reason.region_not_enabled,
        Reason.excluded,
        Reason.not_active,
        Reason.outside_units,
        Reason.nothing_to_watch,
    }
)
"""Reasons that are no gap: nothing can be used there, or the stack file says so."""

MEANINGS: Mapping[Reason, tuple[str, str]] = {
    Reason.hub: (
        "The hub's event bus is missing or has another policy than deployed, so events of the spokes may not arrive.",
        "CloudTrail says who changed it. Then run `pulumi up --refresh`.",
    ),
    Reason.rule: (
        "A rule of the stack is missing, disabled or changed, so these events raise no alert.",
        "uv run breakglass doctor says which, and what to do.",
    ),
    Reason.no_spoke: (
        "There is no spoke, and none was ever heard: no event of the account in this region reaches the hub.",
        "If the account is in no unit of the stack file, add its unit. Else run `pulumi up`, or add the account to the "
        "StackSet. The management account needs a stack with alerts.forwardTo.",
    ),
    Reason.not_heard_yet: (
        "The spoke is deployed, and no heartbeat of it has come yet.",
        "The first heartbeat comes at 04:00 UTC. Ask again after that.",
    ),
    Reason.no_heartbeat: (
        f"The spoke was heard before, and not in the last {WINDOW_HOURS} hours. Its rules, its role, or a service "
        "control policy keeps its events back.",
        "Read the dead letters of the queue breakglass-spoke-dead-letters there; CloudTrail of the account says who "
        "changed the spoke. Then update the instance of the StackSet, or the spoke's stack.",
    ),
    Reason.outdated: (
        "The StackSet could not bring the spoke up to date: it may lack rules that the hub needs.",
        "Repair the cause, then update the instance of the StackSet, e.g. by `pulumi up`.",
    ),
    Reason.inoperable: (
        "The StackSet can't manage the spoke any more, so it gets no update and is not deleted with the set.",
        "Delete the instance from the StackSet with its stack retained, delete the stack in the account, and run "
        "`pulumi up`.",
    ),
    Reason.drifted: (
        "The spoke was changed by hand: it may forward less than the hub needs.",
        "CloudTrail of the account says who changed it. Then update the instance of the StackSet, or run `pulumi up` "
        "for a spoke of a stack.",
    ),
    Reason.region_not_enabled: ("The account has not enabled the region, so nothing can be used there.", ""),
    Reason.excluded: ("The stack file excludes the account: its events raise no alert.", ""),
    Reason.not_active: ("The account is not active, so no session can be started in it.", ""),
    Reason.outside_units: ("The account is in no unit of the stack file: its events raise no alert.", ""),
    Reason.nothing_to_watch: ("The stack watches no role or user whose uses are recorded there.", ""),
}
"""Meaning and remedy of each reason."""


_DIRECT = {AccessSubject().key: EvidencePath.access, TamperSubject(()).key: EvidencePath.tamper}
"""The evidence path of the subjects whose rules are on the default bus of the stack's account."""

_OF_ONE_ACCOUNT = re.compile(r".+-[0-9]{12}")
"""Matches the key of a role or user, which is of one account; also a permission set with such a name."""


@dataclass(frozen=True)
class Account:
    """An account of the organization.

    Attributes:
        number: its ID.
        name: its name, which is hostile text.
        state: its state, e.g. `ACTIVE`.
        is_management: True for the management account, which has no instance of the StackSet.
        unit_path: its path in the organization, `o-ID/r-ID/ou-ID/NUMBER/`; empty if it is not known.
    """

    number: str
    name: str
    state: str = "ACTIVE"
    is_management: bool = False
    unit_path: str = ""


@dataclass(frozen=True)
class Instance:
    """A spoke as CloudFormation, or the stack that made it, knows it.

    Attributes:
        status: `CURRENT`, `OUTDATED` or `INOPERABLE`.
        detail: the reason for another status than `CURRENT`, which is hostile text.
        drifted: True if it is known to differ from what was deployed.
    """

    status: str = "CURRENT"
    detail: str = ""
    drifted: bool = False


@dataclass(frozen=True)
class Expectation:
    """The spokes that a hub expects.

    Attributes:
        account: the hub's account.
        regions: the regions of each account.
        units: the roots and units whose accounts have spokes; empty for all.
        exclude: accounts without a spoke.
        has_roll_call: True if the hub keeps heartbeats.
    """

    account: str
    regions: Sequence[str]
    units: Sequence[str] = ()
    exclude: Sequence[str] = ()
    has_roll_call: bool = True


@dataclass(frozen=True)
class Observation:
    """The state of the spokes.

    Attributes:
        now: the time, in seconds since 1970.
        instances: the known spokes.
        heard: the time of the last heartbeat of each, in seconds since 1970.
        enabled: whether an account has enabled a region, where that is known.
        hub_fault: what is wrong with the hub's bus; empty if it is as deployed.
    """

    now: float
    instances: Mapping[Place, Instance] = field(default_factory=dict)
    heard: Mapping[Place, float] = field(default_factory=dict)
    enabled: Mapping[Place, bool] = field(default_factory=dict)
    hub_fault: str = ""


@dataclass(frozen=True)
class PathRule:
    """A rule of the stack with an evidence path.

    Attributes:
        path: the evidence path.
        fault: what is wrong with the rule; empty if it is as deployed.
        account: the only account with such events; None for all.
        region: the only region with such events; None for all.
        is_direct: True if no spoke forwards such events: the rule is on the default bus of the account.
    """

    path: str
    fault: str = ""
    account: str | None = None
    region: str | None = None
    is_direct: bool = False

    def is_about(self, account: str, region: str) -> bool:
        """Return whether such events are recorded in an account and region."""
        return self.account in (None, account) and self.region in (None, region)


@dataclass(frozen=True)
class Row:
    """The coverage of an account in a region.

    Attributes:
        account: the account's ID.
        name: the account's name.
        region: the region.
        paths: `WATCHED`, or the reason why not, by evidence path.
        reason: the reason why not all paths are watched; None if they are.
        detail: what is known besides the reason, for people.
    """

    account: str
    name: str
    region: str
    paths: Mapping[str, str]
    reason: Reason | None = None
    detail: str = ""

    @property
    def is_watched(self) -> bool | None:
        """True if all paths are watched, False for a gap, None if none is expected."""
        if self.reason is None:
            return True
        return None if self.reason in NOT_EXPECTED else False


# --- evidence paths ---------------------------------------------------------------------------------------------------


def path_rules(
    rule_names: Mapping[str, Mapping[str, str]], faults: Mapping[str, str], own: Place, management: str | None
) -> list[PathRule]:
    """Return the rules of a stack with their evidence paths; drills have none.

    Args:
        rule_names: name of each rule, by the keys of its subject and rule (output `ruleNames`).
        faults: what is wrong with a rule, by its name.
        own: the stack's account and region, which alone have the events of access and tampering.
        management: the management account, which alone has the events of the portal; None if it is not known.
    """
    found = []
    for subject_key, names in rule_names.items():
        for key, name in names.items():
            path = _path(subject_key, key)
            if path is not None:
                account, region = _place_of(subject_key, path, own, management)
                found.append(PathRule(path.value, faults.get(name, ""), account, region, subject_key in _DIRECT))
    return found


def _path(subject_key: str, key: str) -> EvidencePath | None:
    if subject_key in _DIRECT:
        return _DIRECT[subject_key]
    return next((path for path in EvidencePath if path.value == key.partition("-")[0]), None)


def _place_of(
    subject_key: str, path: EvidencePath, own: Place, management: str | None
) -> tuple[str | None, str | None]:
    if subject_key in _DIRECT:
        return own
    evidence = [EVIDENCE.get((kind, path, None)) for kind in _kinds(subject_key)]
    is_global = any(each is not None and each.region == GLOBAL_REGION for each in evidence)
    region = global_events_region(own[1]) if is_global else None
    if path is EvidencePath.portal:
        return management, region
    return (subject_key[-12:] if _OF_ONE_ACCOUNT.fullmatch(subject_key) else None), region


def _kinds(subject_key: str) -> tuple[type[Watched], ...]:
    """Return the kinds of subjects that may have a key."""
    return (RootSubject,) if subject_key == RootSubject().key else (PermissionSetSubject, RoleSubject, UserSubject)


# --- rows -------------------------------------------------------------------------------------------------------------


def own_row(rules: Iterable[PathRule], own: Place) -> Row:
    """Return the coverage of a stack without an organization: its own account and region."""
    return _row(Account(own[0], ""), own[1], list(rules), None, "")


def organization_rows(
    accounts: Iterable[Account], expectation: Expectation, observation: Observation, rules: Iterable[PathRule]
) -> list[Row]:
    """Return the coverage of each account in each region, in the order of the accounts."""
    all_rules = list(rules)
    return [
        _row(account, region, all_rules, *_judge(account, region, expectation, observation))
        for account in accounts
        for region in expectation.regions
    ]


def _row(account: Account, region: str, rules: Sequence[PathRule], reason: Reason | None, detail: str) -> Row:
    here = [rule for rule in rules if rule.is_about(account.number, region)]
    paths = {rule.path: reason.value if reason and not rule.is_direct else WATCHED for rule in here}
    faults = [rule for rule in here if rule.fault and paths[rule.path] == WATCHED]
    paths |= {rule.path: Reason.rule.value for rule in faults}
    if reason is None and faults:
        reason, detail = Reason.rule, " ".join(dict.fromkeys(rule.fault for rule in faults))
    if reason is None and not here:
        reason = Reason.nothing_to_watch
    ordered = {path.value: paths[path.value] for path in EvidencePath if path.value in paths}
    return Row(account.number, account.name, region, ordered, reason, detail)


def _judge(
    account: Account, region: str, expectation: Expectation, observation: Observation
) -> tuple[Reason | None, str]:
    """Return the reason why events do not reach the hub, and a detail; None if they do."""
    if account.state != "ACTIVE":
        return Reason.not_active, account.state
    if account.number in expectation.exclude:
        return Reason.excluded, ""
    if not _is_expected(account, expectation):
        return Reason.outside_units, ""
    place = (account.number, region)
    instance, heard = observation.instances.get(place), observation.heard.get(place)
    is_heard = heard is not None and observation.now - heard <= WINDOW_HOURS * 3600
    if not is_heard and observation.enabled.get(place) is False:
        return Reason.region_not_enabled, ""
    fault = _instance_fault(instance) if instance else None
    if observation.hub_fault:
        return Reason.hub, observation.hub_fault
    if fault or is_heard:
        return fault or (None, "")
    if heard is not None:
        return Reason.no_heartbeat, ""
    if instance is None:
        return Reason.no_spoke, _MANAGEMENT if account.is_management else ""
    return (Reason.not_heard_yet, "") if expectation.has_roll_call else (None, "")


_MANAGEMENT = "It is the management account, which StackSets leave out."


def _is_expected(account: Account, expectation: Expectation) -> bool:
    """Return whether the account is to have spokes.

    The management account and the hub's own are in any unit.
    """
    if account.is_management or account.number == expectation.account:
        return True
    if not expectation.units or not account.unit_path:
        return True
    return any(f"/{unit}/" in account.unit_path for unit in expectation.units)


def _instance_fault(instance: Instance) -> tuple[Reason, str] | None:
    match instance.status:
        case "INOPERABLE":
            return Reason.inoperable, instance.detail
        case "OUTDATED":
            return Reason.outdated, instance.detail
        case _:
            return (Reason.drifted, instance.detail) if instance.drifted else None
