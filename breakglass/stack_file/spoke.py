"""The section `alerts` of a spoke stack, which forwards an account's events to the organization's hub.

The management account needs such a stack if the hub is elsewhere: a service-managed StackSet leaves that account out
("Deploy StackSets with service-managed permissions", AWS CloudFormation User Guide).
"""

from collections.abc import Iterator

from pydantic import Field

from breakglass.stack_file.alerts import AlertPath
from breakglass.stack_file.base import ConfigModel, RawValue, duplicate_faults
from breakglass.stack_file.faults import Fault
from breakglass.stack_file.types import HubBusArn, Region, RoleArn, UserArn, WatchedPath


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


class SpokeAlerts(AlertPath):
    """The section `alerts` of a spoke stack: forwards the account's events to a hub, raises no alert."""

    regions: list[Region] = Field(default_factory=list)
    """The regions whose events are forwarded, `region` included. Default: `region` only."""
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
        """Yield faults of duplicate regions."""
        yield from duplicate_faults(given["regions"])


def is_spoke(alerts: RawValue) -> bool:
    """Return whether the section `alerts` is that of a spoke stack."""
    return isinstance(alerts.value, SpokeAlerts) or bool(alerts["forwardTo"])
