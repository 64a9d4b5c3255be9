"""The subjects of alerts: roles, IAM users, the root user, access around the approvals, and tampering.

A subject has one rule for each of its evidence paths. Two subjects have paths with several rules, one for each area.

Non-goals: checking names and ARNs, which are valid here (`breakglass.stack_file.types`).
"""

from dataclasses import dataclass
from enum import StrEnum

from breakglass.vocabulary import ROLE_PATHS, EvidencePath


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
        """All evidence paths of a role."""
        return ROLE_PATHS


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
        """All evidence paths of a role but the portal, which offers permission sets only."""
        return tuple(path for path in ROLE_PATHS if path is not EvidencePath.portal)


@dataclass(frozen=True)
class UserSubject:
    """An IAM user, e.g. `arn:aws:iam::111122223333:user/path/break-glass-admin`."""

    arn: str

    @property
    def account_id(self) -> str:
        """The account of the user."""
        return self.arn.split(":")[4]

    @property
    def label(self) -> str:
        """The user's name without its path, for messages."""
        return self.arn.rsplit("/", 1)[1]

    @property
    def key(self) -> str:
        """A key for logical names. The stack file refuses a role that has it, too."""
        return f"user-{self.label}-{self.account_id}"

    @property
    def evidence_paths(self) -> tuple[EvidencePath, ...]:
        """All evidence paths of a user."""
        paths = EvidencePath
        return (paths.sign_in, paths.login, paths.credentials, paths.key_use, paths.denied)


@dataclass(frozen=True)
class RootSubject:
    """The root user of every account whose events reach the bus."""

    @property
    def label(self) -> str:
        """The name for messages."""
        return "root"

    @property
    def key(self) -> str:
        """A unique key in the stack, for logical names: other keys end in an account."""
        return "root-user"

    @property
    def evidence_paths(self) -> tuple[EvidencePath, ...]:
        """All evidence paths of root."""
        paths = EvidencePath
        return (paths.sign_in, paths.change, paths.login, paths.assume_root, paths.denied)


class AccessArea(StrEnum):
    """A way to give access around the approvals, with rules of its own."""

    assignments = "assignments"
    """An account assignment of a break-glass set."""
    memberships = "memberships"
    """A member of a group that has a break-glass set."""
    entitlements = "entitlements"
    """A watched role, by AWS's account access manager."""


@dataclass(frozen=True)
class AccessSubject:
    """Break-glass access that is given around the approvals.

    Attributes:
        sets: ARN of each break-glass set of the stack, by its name.
        groups: ID of each group that an assignment gives a break-glass set, by its name.
        roles: ARNs of the watched IAM roles.
        actors: ARNs of the roles that may give access: the approvals' own function, and the deployers.
    """

    sets: tuple[tuple[str, str], ...] = ()
    groups: tuple[tuple[str, str], ...] = ()
    roles: tuple[str, ...] = ()
    actors: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The name for messages."""
        return "access"

    @property
    def key(self) -> str:
        """A unique key in the stack, for logical names."""
        return "access-by-hand"


class TamperArea(StrEnum):
    """A part of what tampering can touch, with a rule of its own."""

    rules = "rules"
    """The rules of the stack and the default event bus, in its region. A message can show the name of a rule, since
    those of EventBridge have a closed alphabet."""
    stack = "stack"
    """The other resources of the stack, in its region."""
    trail = "trail"
    """The trail, its bucket and the keys."""
    globals = "global"
    """IAM, AWS Organizations and the account, which are recorded in us-east-1 alone."""


@dataclass(frozen=True)
class TamperSubject:
    """The alert path, the approvals, and the records that they need.

    Attributes:
        prefixes: prefixes of the names of resources, e.g. `breakglass-prod-`, of this stack and of others.
        secret_names: names of the stack's secrets without such a prefix.
        trail: name or ARN of the trail; None if it is not known.
        buckets: names of the trail's buckets.
        keys: ARNs of the keys of the trail and of the secrets.
        policy_ids: IDs of the policies that end sessions.
        api_id: ID of the API of the approvals; None without approvals.
        deployers: ARNs of the roles that deploy the stack.
        functions: ARNs of the roles of the approvals' functions, which write the policies that end sessions.
        hub: True if the stack is the hub of an organization, with an event bus, spokes of its own account, and the
            StackSet of the others.
        witness: True if the stack has a witness, with a log of fired events and perhaps filters of a trail's log.
    """

    prefixes: tuple[str, ...]
    secret_names: tuple[str, ...] = ()
    trail: str | None = None
    buckets: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    policy_ids: tuple[str, ...] = ()
    api_id: str | None = None
    deployers: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()
    hub: bool = False
    witness: bool = False

    @property
    def actors(self) -> tuple[str, ...]:
        """ARNs of the roles whose changes of those policies are no tampering."""
        return (*self.deployers, *self.functions)

    @property
    def areas(self) -> tuple[TamperArea, ...]:
        """The areas that the subject has something of."""
        has_trail = self.trail is not None or self.buckets or self.keys
        return tuple(area for area in TamperArea if area is not TamperArea.trail or has_trail)

    @property
    def label(self) -> str:
        """The name for messages: that of the first prefix."""
        return self.prefixes[0].removesuffix("-")

    @property
    def key(self) -> str:
        """A unique key in the stack, for logical names."""
        return "tampering"


Role = PermissionSetSubject | RoleSubject
"""A watched permission set or IAM role."""

Drilled = Role | RootSubject
"""A principal whose alerts have drills."""

Subject = Drilled | UserSubject
"""A principal by which the glass is broken."""

Watched = Subject | AccessSubject | TamperSubject
"""A subject of alerts: also access that is given around the approvals, and tampering."""
