"""What is watched: the role of a permission set, in every account where Identity Center makes it, or one IAM role.

Non-goals: checking the name or ARN; both come validated (`breakglass.stack_file.types`).
"""

from dataclasses import dataclass

from breakglass.vocabulary import EvidencePath


@dataclass(frozen=True)
class PermissionSetSubject:
    """A permission set of IAM Identity Center, watched in all accounts at once.

    Attributes:
        name: the permission set's name, 1 to 32 characters of `[A-Za-z0-9_+=,.@-]`.
    """

    name: str

    @property
    def label(self) -> str:
        """What people call it: the permission set's name."""
        return self.name

    @property
    def key(self) -> str:
        """Its identity within a stack, for logical names."""
        return self.name

    @property
    def evidence_paths(self) -> tuple[EvidencePath, ...]:
        """The evidence paths on which its use can show up: all of them."""
        return tuple(EvidencePath)


@dataclass(frozen=True)
class RoleSubject:
    """An IAM role that Identity Center did not make.

    Attributes:
        arn: the role's ARN, e.g. `arn:aws:iam::111122223333:role/path/emergency`.
    """

    arn: str

    @property
    def account_id(self) -> str:
        """The account that owns the role."""
        return self.arn.split(":")[4]

    @property
    def label(self) -> str:
        """What people call it: the role's name, without its path."""
        return self.arn.rsplit("/", 1)[1]

    @property
    def key(self) -> str:
        """Its identity within a stack, for logical names: one role name may be watched in several accounts."""
        return f"{self.label}-{self.account_id}"

    @property
    def evidence_paths(self) -> tuple[EvidencePath, ...]:
        """The evidence paths on which its use can show up: the access portal hands out permission sets only."""
        return tuple(path for path in EvidencePath if path is not EvidencePath.portal)


Subject = PermissionSetSubject | RoleSubject
"""Whatever an alert watches."""
