"""The key `alerts.watch` of a stack file: the principals whose use raises an alert.

Non-goals: the break-glass sets of the same stack, which are watched without an entry here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from pydantic import Field, StrictBool, TypeAdapter

from breakglass.alerts.patterns import PATTERN_LIMIT
from breakglass.errors import BreakglassError
from breakglass.organization.spoke_rules import SpokeSettings
from breakglass.organization.spoke_template import TEMPLATE_LIMIT, template_body
from breakglass.stack_file.base import ConfigModel, RawValue
from breakglass.stack_file.faults import Fault
from breakglass.stack_file.types import (
    PermissionSetName,
    Region,
    RehearsalInterval,
    RoleArn,
    UserArn,
    WatchedPath,
    days,
)
from breakglass.vocabulary import partition_of_region

ROLE_ARN = TypeAdapter(RoleArn)
USER_ARN = TypeAdapter(UserArn)
_REGION = TypeAdapter(Region)
_WATCHED_PATH = TypeAdapter(WatchedPath)


class IndependentDoor(ConfigModel):
    """IAM roles and users that are the way in when Identity Center is down.

    They are watched like `watch.roles` and `watch.users`, and `breakglass doctor` examines them.
    """

    roles: list[RoleArn] = Field(default_factory=list)
    """ARNs of the IAM roles."""
    users: list[UserArn] = Field(default_factory=list)
    """ARNs of the IAM users."""
    rehearse_every: RehearsalInterval = "P90D"
    """The longest time between two rehearsals, P1D to P366D. A door that is not rehearsed may not open."""

    @property
    def rehearse_every_days(self) -> int:
        """The longest time between two rehearsals in days."""
        return days(self.rehearse_every)

    @classmethod
    def cross_field_faults(cls, given: RawValue) -> Iterator[Fault]:
        """Yield a fault of a door without a role or user."""
        if given.value is not None and not (given["roles"].value or given["users"].value):
            yield given.fault(
                "The independent door has neither a role nor a user, so there is no way in without Identity Center.",
                "Add `roles: [<ARN>]` or `users: [<ARN>]`, or delete `independentDoor`.",
            )


class Watch(ConfigModel):
    """Principals that raise alerts without being managed by this program."""

    root: StrictBool = True
    """Watch the root user of each account whose events reach this stack's event bus."""
    permission_sets: list[PermissionSetName] = Field(default_factory=list)
    """Names of permission sets that are managed elsewhere."""
    roles: list[RoleArn] = Field(default_factory=list)
    """ARNs of IAM roles that Identity Center did not create."""
    users: list[UserArn] = Field(default_factory=list)
    """ARNs of IAM users. Their sign-ins, sessions, credentials and long-lived access keys are watched."""
    role_path: WatchedPath | None = None
    """A path of IAM roles, e.g. `/break-glass/`, with `organization`: spokes forward the sessions of all roles below
    it, so a new one changes no spoke. `roles` still names those that raise alerts."""
    independent_door: IndependentDoor | None = None
    """The way in on the day when Identity Center is down, watched as well. `breakglass doctor` checks that it exists,
    that its trust is narrow, and when it was last rehearsed."""

    @property
    def role_arns(self) -> list[str]:
        """The ARNs of all watched IAM roles, with those of the independent door."""
        return [*self.roles, *(self.independent_door.roles if self.independent_door else [])]

    @property
    def user_arns(self) -> list[str]:
        """The ARNs of all watched IAM users, with those of the independent door."""
        return [*self.users, *(self.independent_door.users if self.independent_door else [])]


def watched_roles(watch: RawValue) -> list[RawValue]:
    """Return the unchecked ARNs of all watched IAM roles; see `Watch.role_arns`."""
    return [*watch["roles"], *watch["independentDoor"]["roles"]]


def watched_users(watch: RawValue) -> list[RawValue]:
    """Return the unchecked ARNs of all watched IAM users; see `Watch.user_arns`."""
    return [*watch["users"], *watch["independentDoor"]["users"]]


def forwarding_faults(watch: RawValue, region: RawValue, exclude: RawValue | None = None) -> Iterator[Fault]:
    """Yield a fault of more users, roles or excluded accounts than spokes have room for."""
    here = region.valid(_REGION)
    if here is None:
        return
    path = watch["rolePath"].valid(_WATCHED_PATH)
    roles = tuple(filter(None, (role.valid(ROLE_ARN) for role in watched_roles(watch))))
    users = tuple(filter(None, (user.valid(USER_ARN) for user in watched_users(watch))))
    settings = SpokeSettings(partition_of_region(here), roles=roles, role_path=path, users=users)
    excluded = [account.text or "" for account in exclude or ()]
    if not _fit(replace(settings, roles=())):
        yield watch["users"].fault(
            f"The rules of a spoke have no room for the names of {len(users)} users: EventBridge takes {PATTERN_LIMIT} "
            "characters for a pattern, and each account of the organization has these rules.",
            "Watch fewer users, or give those for emergencies the same name in each account.",
        )
    elif not _fit(settings):
        yield watch["roles"].fault(
            f"The rules of a spoke have no room for the ARNs of {len(settings.roles_by_arn)} roles: EventBridge takes "
            f"{PATTERN_LIMIT} characters for a pattern, and each account of the organization has these rules.",
            "Create such roles below one path (IAM can't move a role), and add e.g. `rolePath: /break-glass/`. The "
            "spokes then forward all that is below it, and need no ARN of these roles.",
        )
    elif exclude and not _fit(settings, excluded):
        yield exclude.fault(
            f"The template of the spokes has no room for {len(excluded)} accounts: CloudFormation takes "
            f"{TEMPLATE_LIMIT:,} bytes.",
            "Name the units with the other accounts in `units` instead.",
        )


def _fit(settings: SpokeSettings, exclude: Sequence[str] = ()) -> bool:
    try:
        template_body(settings, exclude)
    except BreakglassError:
        return False
    return True
