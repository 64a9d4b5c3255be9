"""The role that a component watches, as its arguments name it.

Non-goals: what is looked for (see `breakglass.alerts.patterns`).
"""

from collections.abc import Iterator
from typing import cast

from breakglass.alerts.subjects import PermissionSetSubject, Role, RoleSubject
from breakglass.stack_file.alerts import EvidencePaths
from breakglass.stack_file.base import RawValue
from breakglass.stack_file.faults import Fault
from breakglass.stack_file.types import PermissionSetName, RoleArn
from breakglass.vocabulary import EvidencePath


class WatchedRole(EvidencePaths):
    """Keys of the role that is watched: exactly one of `permissionSet` and `roleArn`."""

    permission_set: PermissionSetName | None = None
    """The name of the permission set to watch, in every account."""
    role_arn: RoleArn | None = None
    """The ARN of the IAM role to watch; not one that Identity Center created."""

    @classmethod
    def cross_field_faults(cls, given: RawValue) -> Iterator[Fault]:
        """Yield faults unless there is exactly one role, which can show up on one of the paths."""
        if bool(given["permissionSet"]) == bool(given["roleArn"]):
            yield given.fault(
                "An alert watches exactly one role, so that its metrics count the uses of that role.",
                "Give either `permission_set` (a name) or `role_arn`. Another role needs its own alert.",
            )
        if given["roleArn"] and [path.value for path in given["evidencePaths"]] == [EvidencePath.portal]:
            yield given["evidencePaths"].fault(
                "The access portal offers permission sets only, so no rule would watch an IAM role.",
                "Add session_start to `evidence_paths`.",
            )

    @property
    def subject(self) -> Role:
        """The watched role as a subject of alerts."""
        if self.role_arn is not None:
            return RoleSubject(self.role_arn)
        return PermissionSetSubject(cast(str, self.permission_set))

    @property
    def paths(self) -> list[EvidencePath]:
        """The evidence paths on which this role can show up, without repetition, always in the same order."""
        return [path for path in self.subject.evidence_paths if path in self.evidence_paths]
