"""The section `alerts` of a spoke stack, which forwards an account's events to the organization's hub.

The management account needs such a stack if the hub is elsewhere: a service-managed StackSet leaves that account out
("Deploy StackSets with service-managed permissions", AWS CloudFormation User Guide).
"""

from collections.abc import Iterator, Mapping

from pydantic import Field, TypeAdapter

from breakglass.stack_file.alerts import AlertPath
from breakglass.stack_file.base import ConfigModel, RawValue
from breakglass.stack_file.faults import Fault
from breakglass.stack_file.regions import partition_faults, spoke_region_faults
from breakglass.stack_file.types import HubBusArn, Region, RoleArn, UserArn, WatchedPath
from breakglass.stack_file.watch import ROLE_ARN, USER_ARN, forwarding_faults

_BUS_ARN = TypeAdapter(HubBusArn)

_NO_ALERT = "A spoke stack raises no alert itself, so the key would have no effect. The alerts are those of the hub."

REFUSED: Mapping[str, tuple[str, str]] = {
    **{
        key: (_NO_ALERT, "Delete the key here, and write it in the stack file of the hub.")
        for key in ("slack", "delivery", "retry", "probe", "drills", "postMortemUrl", "explainButton", "monitoring")
    },
    "organization": (
        "A hub gets events that spokes forward, and EventBridge forwards no event a second time. So a stack that is "
        "both would lose the events of all other accounts.",
        "Delete `forwardTo` if this stack is the hub, or `organization` if it is a spoke.",
    ),
    "evidencePaths": (
        "A spoke forwards the events of all evidence paths. The hub chooses those that raise alerts.",
        "Delete the key here, and write it in the stack file of the hub.",
    ),
    "tamper": (
        "A spoke forwards no event about tampering; each stack with alerts watches its own account. The roll call of "
        "the hub reports a spoke that was removed.",
        "Delete the key. For reports of tampering in this account, deploy another stack with alerts of its own here.",
    ),
    "globalEventsStack": (
        "A spoke forwards the events of that region if it is one of `regions`.",
        "Delete the key, and add us-east-1 (cn-north-1, us-gov-west-1) to `regions`.",
    ),
    "witness": (
        "This stack has no rule that could fail to fire. The witness of the hub compares the uses of all accounts.",
        "Delete the key, and write `organization.witness` in the stack file of the hub.",
    ),
}
"""Keys of the other section `alerts` that a spoke stack does not take: the reason and the fix of each."""

_REFUSED_WATCH: Mapping[str, tuple[str, str]] = {
    "root": (
        "A spoke forwards the events of root in any case. The hub decides if they raise an alert.",
        "Delete the key here.",
    ),
    "permissionSets": (
        "A spoke forwards the sessions of all permission sets. The hub names those that raise alerts.",
        "Delete the key here, and name the sets in the stack file of the hub.",
    ),
    "independentDoor": (
        "A spoke only forwards events. The hub watches the independent door.",
        "Write its ARNs under `roles` and `users`, and `independentDoor` in the stack file of the hub.",
    ),
}


def _refused(given: RawValue, keys: Mapping[str, tuple[str, str]]) -> Iterator[Fault]:
    return (given[key].fault(*why) for key, why in keys.items() if given[key])


class SpokeWatch(ConfigModel):
    """Roles and users whose events a spoke forwards, besides permission sets and root."""

    roles: list[RoleArn] = Field(default_factory=list)
    """ARNs of IAM roles that Identity Center did not create."""
    users: list[UserArn] = Field(default_factory=list)
    """ARNs of IAM users."""
    role_path: WatchedPath | None = None
    """A path of IAM roles, e.g. `/break-glass/`. The sessions of all roles below it are forwarded."""

    @property
    def role_arns(self) -> list[str]:
        """The ARNs of the roles, as in `Watch`."""
        return self.roles

    @property
    def user_arns(self) -> list[str]:
        """The ARNs of the users, as in `Watch`."""
        return self.users

    @classmethod
    def cross_field_faults(cls, given: RawValue) -> Iterator[Fault]:
        """Yield a fault for each key that only a stack with alerts has."""
        return _refused(given, _REFUSED_WATCH)


class SpokeAlerts(AlertPath):
    """The section `alerts` of a spoke stack: forwards the account's events to a hub, raises no alert."""

    region: Region
    """The region of the stack. CloudTrail must deliver the management events of each region that is forwarded."""
    regions: list[Region] = Field(default_factory=list, examples=[["eu-central-1", "us-east-1"]])
    """The regions whose events are forwarded, `region` included. Root's sign-ins are recorded in us-east-1 (cn-north-1,
    us-gov-west-1) only. Default: `region` alone."""
    forward_to: HubBusArn
    """The ARN of the event bus of the hub: the output `hubBusArn` of its stack. With this key, the stack is a spoke."""
    watch: SpokeWatch = Field(default_factory=SpokeWatch)
    """Roles and users whose events are forwarded besides permission sets and root: the same as in the hub's file."""

    @property
    def all_regions(self) -> list[str]:
        """The regions of the spokes."""
        return self.regions or [self.region]

    @classmethod
    def cross_field_faults(cls, given: RawValue) -> Iterator[Fault]:
        """Yield faults of keys of a stack with alerts, and of regions and ARNs."""
        region, watch = given["region"], given["watch"]
        yield from _refused(given, REFUSED)
        yield from spoke_region_faults(given["regions"], region)
        yield from partition_faults(given["forwardTo"], _BUS_ARN, region, "The hub would get no event of this account.")
        yield from forwarding_faults(watch, region)
        for key, adapter in (("roles", ROLE_ARN), ("users", USER_ARN)):
            for arn in watch[key]:
                yield from partition_faults(arn, adapter, region, "CloudTrail records nothing about it here.")


def is_spoke(alerts: RawValue) -> bool:
    """Return whether the section `alerts` is that of a spoke stack."""
    return isinstance(alerts.value, SpokeAlerts) or bool(alerts["forwardTo"])
