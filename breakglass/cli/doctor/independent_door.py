"""The check `independent-door`: its roles and users exist, are narrow, and were used lately.

They are the door for the case that Identity Center is down (`watch.independentDoor` of the stack file). IAM says who
gets in, and when they were last used; a use in earnest is a rehearsal, too. CloudWatch says which uses matched a rule.

Sources: IAM API Reference, "RoleLastUsed" (400 days, with the region of the last call), "User" (`PasswordLastUsed`).

Non-goals: what the door's roles and users may do; whether its holders find the password and the MFA device.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from breakglass.alerts.subjects import RoleSubject, UserSubject
from breakglass.cli.aws_client import AwsOperations
from breakglass.cli.deployment import Deployment
from breakglass.cli.doctor.alert_path import RULE
from breakglass.cli.doctor.check import Check, Judgement, Sources, call_or_none, list_pages
from breakglass.cli.doctor.finding import Status
from breakglass.cli.doctor.metrics import DAY, Series, format_age, matched_events, read_datapoints
from breakglass.cli.doctor.tampering import global_events_stack
from breakglass.cli.stack_outputs import INDEPENDENT_DOOR_OUTPUT, RULE_NAMES_OUTPUT
from breakglass.iam.trust import trust_faults
from breakglass.naming import physical_name
from breakglass.vocabulary import EvidencePath, global_events_region

_RUNBOOK = "docs/runbooks/identity-center-is-down.md"
_TRACKED_SECONDS = 400 * DAY
_USES = (EvidencePath.session_start, EvidencePath.console, EvidencePath.sign_in, EvidencePath.login)
_SETTLED_SECONDS = 3600
"""CloudTrail and CloudWatch need some minutes for a use."""

_NARROW = "Each other way through this door is one for an attacker."

Principal = RoleSubject | UserSubject
"""A role or user of the door."""


@dataclass(frozen=True)
class Door:
    """A role or user of the independent door.

    Attributes:
        subject: the role or user.
        account: ID of the stack's account.
        region: the stack's region.
        rehearse_seconds: the longest time between two uses.
        rules: a series of matched events for each rule that sees its uses.
        watched_since: the time of the first deployment of its rules, in seconds since 1970.
    """

    subject: Principal
    account: str
    region: str
    rehearse_seconds: int
    rules: tuple[Series, ...]
    watched_since: float = 0

    @property
    def name(self) -> str:
        """Its kind and name, for findings."""
        return f"{'user' if isinstance(self.subject, UserSubject) else 'role'} {self.subject.label}"

    @property
    def window(self) -> int:
        """The seconds of metrics to read, whole days."""
        return min(max(self.rehearse_seconds, 2 * DAY) + DAY, _TRACKED_SECONDS) // DAY * DAY


@dataclass(frozen=True)
class DoorState:
    """A door as AWS has it.

    Attributes:
        exists: False if IAM has no such role or user.
        faults: what keeps its holders out, or lets others in.
        used: seconds since its last use by IAM; None without one that IAM knows of.
        used_in: the region of that use; empty if IAM does not say.
        matched: seconds since a rule last saw a use, up to a day too many; None without one.
        age: seconds since its rules were first deployed.
    """

    exists: bool = True
    faults: tuple[Judgement, ...] = ()
    used: float | None = None
    used_in: str = ""
    matched: float | None = None
    age: float = 0


def _doors(deployment: Deployment) -> list[Door]:
    given = deployment.outputs.get(INDEPENDENT_DOOR_OUTPUT)
    if not isinstance(given, dict):
        return []
    subjects = [*map(RoleSubject, given.get("roles") or ()), *map(UserSubject, given.get("users") or ())]
    return [_door(deployment, each, int(given["rehearseSeconds"])) for each in subjects]


def _door(deployment: Deployment, subject: Principal, rehearse_seconds: int) -> Door:
    names: Mapping[str, Any] = (deployment.outputs.get(RULE_NAMES_OUTPUT) or {}).get(subject.key) or {}
    names = {path: name for path, name in names.items() if path in _USES}
    rules = [rule for rule in deployment.of_type(RULE) if rule.physical_name in names.values()]
    watching = [matched_events(rule.region, rule.physical_name, rule.get("eventBusName")) for rule in rules]
    # The stack in us-east-1 sees what is called at the global endpoints. Its rules have the same keys.
    stack, elsewhere = global_events_stack(deployment), global_events_region(deployment.region)
    if stack and elsewhere != deployment.region:
        watching += [matched_events(elsewhere, physical_name(f"{stack}-{subject.key}-{path}")) for path in names]
    return Door(
        subject,
        deployment.account,
        deployment.region,
        rehearse_seconds,
        tuple(watching),
        max((rule.created_at for rule in rules), default=0),
    )


def _look(sources: Sources, door: Door) -> DoorState | None:
    """Return the door as AWS has it; None if it is in another account."""
    if door.subject.account_id != door.account:
        return None
    # IAM is the same in each region.
    iam, now = sources.aws(door.region), sources.clock()
    look = _look_at_user if isinstance(door.subject, UserSubject) else _look_at_role
    state = look(iam, door.subject, now)
    if not state.exists:
        return state
    values = (value for rule in door.rules for value in read_datapoints(sources, rule, "Sum", door.window, DAY))
    matched = min((value.age for value in values if value.value > 0), default=None)
    return replace(state, matched=matched, age=now - door.watched_since)


def _look_at_role(iam: AwsOperations, role: Principal, now: int) -> DoorState:
    answer = call_or_none(iam, "iam", "GetRole", RoleName=role.label)
    if answer is None:
        return DoorState(exists=False)
    found = answer.get("Role") or {}
    document = found.get("AssumeRolePolicyDocument") or {}
    document = json.loads(unquote(document)) if isinstance(document, str) else document
    faults = tuple(
        Judgement(
            Status.fail if fault.is_open else Status.warn,
            f"The trust policy of the role {role.label} {fault.what}.",
            fault.do,
            "" if fault.is_open else _NARROW,
        )
        for fault in trust_faults(document, role.account_id)
    )
    last = found.get("RoleLastUsed") or {}
    return DoorState(faults=faults, used=_age(last.get("LastUsedDate"), now), used_in=str(last.get("Region") or ""))


def _look_at_user(iam: AwsOperations, user: Principal, now: int) -> DoorState:
    name = {"UserName": user.label}
    answer = call_or_none(iam, "iam", "GetUser", **name)
    if answer is None:
        return DoorState(exists=False)
    devices = list(list_pages(iam, "MFADevices", "iam", "ListMFADevices", **name))
    keys = list(list_pages(iam, "AccessKeyMetadata", "iam", "ListAccessKeys", **name))
    active = [str(key.get("AccessKeyId")) for key in keys if key.get("Status") == "Active"]
    faults = []
    if call_or_none(iam, "iam", "GetLoginProfile", **name) is None:
        what = f"The user {user.label} has no password, so its holder can't sign in."
        faults.append(Judgement(Status.fail, what, f"Give it one, and seal it: {_RUNBOOK}."))
    if not devices:
        what = f"The user {user.label} has no MFA device, so its password is enough to sign in."
        faults.append(Judgement(Status.fail, what, f"Give it a hardware device, and seal it: {_RUNBOOK}."))
    if active:
        what = f"The user {user.label} has active access keys, which need no MFA: {', '.join(active)}."
        faults.append(Judgement(Status.warn, what, "Delete them. The door is opened in the console.", _NARROW))
    # A sign-in of a user is recorded in the region of the global events, or in the one of its sign-in page.
    used = _age((answer.get("User") or {}).get("PasswordLastUsed"), now)
    return DoorState(faults=tuple(faults), used=used)


def _age(moment: Any, now: int) -> float | None:
    return now - moment.timestamp() if isinstance(moment, datetime) else None


# --- judgement --------------------------------------------------------------------------------------------------------


def judge_door(door: Door, state: DoorState | None) -> list[Judgement]:
    """Return the problems of a door: missing, too wide, closed to its holders, not rehearsed, or opened unseen."""
    if state is None:
        return [
            Judgement(
                Status.unknown,
                f"The {door.name} is in account {door.subject.account_id}, and this stack is in {door.account}.",
                "Name it in the stack of its own account, too: only there are its uses recorded.",
            )
        ]
    if not state.exists:
        what = f"The {door.name} of the independent door does not exist."
        return [Judgement(Status.fail, what, f"Create it: {_RUNBOOK}. Or correct `watch.independentDoor`.")]
    return [*state.faults, *_judge_rehearsal(door, state), *_judge_alert(door, state)]


def _judge_rehearsal(door: Door, state: DoorState) -> Iterator[Judgement]:
    last = min((age for age in (state.used, state.matched) if age is not None), default=None)
    if last is not None and last <= door.rehearse_seconds:
        return
    when = "has never been used, as far as AWS knows" if last is None else f"was last used {int(last) // DAY} days ago"
    yield Judgement(
        Status.warn,
        f"The {door.name} {when}; the stack file wants a use every {door.rehearse_seconds // DAY} days.",
        "Open the door in a game day: docs/runbooks/drill.md.",
    )


def _judge_alert(door: Door, state: DoorState) -> Iterator[Judgement]:
    """Yield a problem if IAM knows of a use that the rules should have seen, and did not."""
    used, seen_in = state.used, {rule.region for rule in door.rules}
    recorded_in = state.used_in or global_events_region(door.region)
    if used is None or recorded_in not in seen_in or not _SETTLED_SECONDS < used < min(state.age, door.window):
        return
    # The session may have begun half a day before its last call, and a value is of a whole day.
    if state.matched is None or state.matched > used + 1.5 * DAY:
        yield Judgement(
            Status.warn,
            f"The {door.name} was used {format_age(used)} ago, and no rule in {', '.join(sorted(seen_in))} saw it.",
            "Look for its session in CloudTrail, in all regions, and whether a message came. Then see the findings "
            "`rule` and `trail`, and limit the regions of the door.",
            "A use of the door without an alert is what this stack exists to prevent.",
        )


INDEPENDENT_DOOR = Check(
    name="independent-door",
    why="While Identity Center is down, this door is the only one; it can't be made or repaired then.",
    subjects=_doors,
    look=_look,
    judge=judge_door,
    ok="roles and users of the independent door that exist, are narrow, and were used in time: {count}",
    actions=(
        "iam:GetRole",
        "iam:GetUser",
        "iam:GetLoginProfile",
        "iam:ListMFADevices",
        "iam:ListAccessKeys",
        "cloudwatch:GetMetricStatistics",
    ),
    name_subject=lambda door: f"the {door.name} of the independent door",
)
