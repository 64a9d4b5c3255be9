"""The principal that a component watches and the event bus of its rules, as its arguments name them.

Non-goals: what is looked for (see `breakglass.alerts.patterns`).
"""

from collections.abc import Iterator
from typing import ClassVar, cast

from pydantic import StrictBool

from breakglass.alerts.subjects import (
    PermissionSetSubject,
    RoleSubject,
    RootSubject,
    UserSubject,
    Watched,
)
from breakglass.stack_file.alerts import EvidencePaths
from breakglass.stack_file.base import ConfigModel, RawValue, StringInput
from breakglass.stack_file.faults import Fault
from breakglass.stack_file.types import PermissionSetName, RoleArn, UserArn
from breakglass.vocabulary import EvidencePath


class EventBus(ConfigModel):
    """Key of the event bus of rules."""

    event_bus_name: StringInput = None
    """Name of the event bus of the rules, in the same account and region, e.g. that of an `AlertHub`. Default: the
    default event bus."""


class WatchedSubject(EvidencePaths):
    """Keys of the principal that is watched: exactly one of `permissionSet`, `roleArn`, `userArn` and `root`."""

    choices: ClassVar[tuple[str, ...]] = ("permissionSet", "roleArn", "userArn", "root")
    """The keys of which there is exactly one."""

    permission_set: PermissionSetName | None = None
    """The name of the permission set to watch, in every account."""
    role_arn: RoleArn | None = None
    """The ARN of the IAM role to watch; not one that Identity Center created."""
    user_arn: UserArn | None = None
    """The ARN of the IAM user to watch."""
    root: StrictBool = False
    """True to watch the root user."""

    @classmethod
    def cross_field_faults(cls, given: RawValue) -> Iterator[Fault]:
        """Yield faults unless there is exactly one subject, which can show up on one of the paths."""
        chosen = [key for key in cls.choices if given[key] and given[key].value is not False]
        if len(chosen) != 1:
            *first, last = cls.choices
            yield given.fault(
                "An alert watches exactly one subject, so that its metrics count the uses of that subject.",
                f"Give exactly one of {', '.join(first)} and {last}. Another subject needs its own alert.",
            )
        if given["evidencePaths"] and not {"permissionSet", "roleArn"} & set(chosen):
            yield given["evidencePaths"].fault(
                "The evidence paths can be chosen for permission sets and roles only. All others are always watched.",
                "Delete `evidence_paths`.",
            )
        if given["roleArn"] and [path.value for path in given["evidencePaths"]] == [EvidencePath.portal]:
            yield given["evidencePaths"].fault(
                "The access portal offers permission sets only, so no rule would watch an IAM role.",
                "Add session_start to `evidence_paths`.",
            )

    @property
    def subject(self) -> Watched:
        """The watched principal as a subject of alerts."""
        if self.root:
            return RootSubject()
        if self.user_arn is not None:
            return UserSubject(self.user_arn)
        if self.role_arn is not None:
            return RoleSubject(self.role_arn)
        return PermissionSetSubject(cast(str, self.permission_set))
