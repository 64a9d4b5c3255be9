"""How a component's arguments name the role that is watched.

Non-goals: what is looked for (see `breakglass.alerts.patterns`).
"""

from collections.abc import Iterator
from typing import cast

from pydantic import Field

from breakglass.alerts.subjects import PermissionSetSubject, RoleSubject, Subject
from breakglass.stack_file.base import ConfigModel, RawValue
from breakglass.stack_file.faults import Fault
from breakglass.stack_file.types import PermissionSetName, RoleArn
from breakglass.vocabulary import EvidencePath


class WatchedRole(ConfigModel):
    """A permission set or an IAM role, and the evidence paths on which its use is looked for."""

    permission_set: PermissionSetName | None = None
    """The name of the permission set to watch."""
    role_arn: RoleArn | None = None
    """The ARN of the IAM role to watch."""
    evidence_paths: list[EvidencePath] = Field(default_factory=lambda: list(EvidencePath), min_length=1)
    """The places in CloudTrail to look at."""

    @classmethod
    def cross_field_faults(cls, given: RawValue) -> Iterator[Fault]:
        """Exactly one role, which can show up on at least one of the paths."""
        if bool(given["permissionSet"]) == bool(given["roleArn"]):
            yield given.fault(
                "One alert watches one role, so that its metrics count the uses of that role.",
                "Give either `permission_set` (a name) or `role_arn`; make another alert for another role.",
            )
        if given["roleArn"] and [path.value for path in given["evidencePaths"]] == [EvidencePath.portal]:
            yield given["evidencePaths"].fault(
                "The access portal hands out permission sets only, so an IAM role would be watched by no rule.",
                "Add session_start to `evidence_paths`.",
            )

    @property
    def subject(self) -> Subject:
        """What is watched."""
        if self.role_arn is not None:
            return RoleSubject(self.role_arn)
        return PermissionSetSubject(cast(str, self.permission_set))

    @property
    def paths(self) -> list[EvidencePath]:
        """The evidence paths on which this role can show up, without repetition, always in the same order."""
        return [path for path in self.subject.evidence_paths if path in self.evidence_paths]
