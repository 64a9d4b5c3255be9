"""The subjects of alerts: the role of a permission set, in all accounts, or one IAM role.

Non-goals: checking names and ARNs, which are valid here (`breakglass.stack_file.types`).
"""

from dataclasses import dataclass

from breakglass.vocabulary import EvidencePath


@dataclass(frozen=True)
class PermissionSetSubject:
    """A permission set of IAM Identity Center, watched in all accounts at once."""

    name: str

    @property
    def label(self) -> str:
        """The permission set's name, for messages."""
        return self.name

    @property
    def key(self) -> str:
        """A unique key in the stack, for logical names."""
        return self.name

    @property
    def evidence_paths(self) -> tuple[EvidencePath, ...]:
        """All evidence paths."""
        return tuple(EvidencePath)


@dataclass(frozen=True)
class RoleSubject:
    """An IAM role that Identity Center did not make, e.g. `arn:aws:iam::111122223333:role/path/emergency`."""

    arn: str

    @property
    def account_id(self) -> str:
        """The account that owns the role."""
        return self.arn.split(":")[4]

    @property
    def label(self) -> str:
        """The role's name without its path, for messages."""
        return self.arn.rsplit("/", 1)[1]

    @property
    def key(self) -> str:
        """A unique key in the stack, for logical names: several accounts may have a role of this name."""
        return f"{self.label}-{self.account_id}"

    @property
    def evidence_paths(self) -> tuple[EvidencePath, ...]:
        """All evidence paths but the portal, which offers permission sets only."""
        return tuple(path for path in EvidencePath if path is not EvidencePath.portal)


Subject = PermissionSetSubject | RoleSubject
"""A watched permission set or IAM role."""
