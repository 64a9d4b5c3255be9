"""Identity Center in memory: operations that are slow, refused, fail, or lose their answer.

It does not prove how Identity Center orders simultaneous operations: a pending operation refuses another on the same
assignment, as AWS's `ConflictException` does.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from breakglass.app.domain.policy import Principal, PrincipalKind
from breakglass.app.domain.records import Access
from breakglass.app.ports import BusyError, Operation, OperationStatus


class BrokenError(Exception):
    """The call ended without an answer; what it asked for may have been done."""


@dataclass
class _Change:
    access: Access
    present: bool
    polls: int
    failure: str = ""
    ended: bool = False


@dataclass
class MemoryIdentityCenter:
    """Assignments of users, as they are.

    Attributes:
        polls: polls of an operation until it has ended.
        failure: the failure of the next creations; empty for success.
        failures: failures of the next creations, one each, before `failure` counts.
        unlisted: number of lists that still lack the assignment.
        sets: names of the sets that are known without an ARN; None for all.
        trouble: called before and after each call with its name; may raise.
    """

    polls: int = 0
    failure: str = ""
    failures: list[str] = field(default_factory=list)
    unlisted: int = 0
    sets: frozenset[str] | None = None
    trouble: Callable[[str, bool], None] = lambda call, done: None
    assigned: set[Access] = field(default_factory=set)
    groups: set[tuple[str, str, str]] = field(default_factory=set)
    created: list[Access] = field(default_factory=list)
    deleted: list[Access] = field(default_factory=list)
    _operations: dict[str, _Change] = field(default_factory=dict)

    def create(self, access: Access, set_arn: str = "") -> Operation:
        self._know(access, set_arn)
        self.trouble("create", False)
        self.created.append(access)
        operation = self._begin(access, present=True)
        self.trouble("create", True)
        return operation

    def creation(self, operation_id: str) -> Operation:
        return self._look("creation", operation_id)

    def delete(self, access: Access, set_arn: str = "") -> Operation:
        self._know(access, set_arn)
        self.trouble("delete", False)
        if access not in self.assigned and not self._under_way(access):
            return Operation("", OperationStatus.succeeded)
        self.deleted.append(access)
        operation = self._begin(access, present=False)
        self.trouble("delete", True)
        return operation

    def deletion(self, operation_id: str) -> Operation:
        return self._look("deletion", operation_id)

    def is_assigned(self, access: Access, set_arn: str = "") -> bool:
        self._know(access, set_arn)
        self.trouble("is_assigned", False)
        if self.unlisted > 0:
            self.unlisted -= 1
            return False
        return access in self.assigned

    def assignments(self, permission_set: str, account: str) -> tuple[Principal, ...]:
        users = [
            Principal(PrincipalKind.user, access.user_id, access.user_id)
            for access in self.assigned
            if (access.permission_set, access.account) == (permission_set, account)
        ]
        groups = [
            Principal(PrincipalKind.group, group, group)
            for group, name, where in self.groups
            if (name, where) == (permission_set, account)
        ]
        return (*users, *groups)

    def remove(self, permission_set: str, account: str, principal: Principal) -> Operation:
        self.groups.discard((principal.id, permission_set, account))
        self.assigned.discard(Access(principal.id, permission_set, account))
        return Operation("", OperationStatus.succeeded)

    def provisioned_accounts(self, permission_set: str) -> tuple[str, ...]:
        users = {access.account for access in self.assigned if access.permission_set == permission_set}
        groups = {where for _, name, where in self.groups if name == permission_set}
        return tuple(sorted(users | groups))

    def _know(self, access: Access, set_arn: str) -> None:
        if self.sets is not None and access.permission_set not in self.sets and not set_arn:
            raise LookupError(f"the policy has no permission set {access.permission_set}")

    def _begin(self, access: Access, *, present: bool) -> Operation:
        if self._under_way(access):
            raise BusyError("ConflictException")
        operation_id = f"o-{len(self._operations)}"
        failure = (self.failures.pop(0) if self.failures else self.failure) if present else ""
        self._operations[operation_id] = _Change(access, present, self.polls, failure)
        return self._progress(operation_id)

    def _under_way(self, access: Access) -> bool:
        return any(operation.access == access and not operation.ended for operation in self._operations.values())

    def _look(self, call: str, operation_id: str) -> Operation:
        self.trouble(call, False)
        self._operations[operation_id].polls -= 1
        return self._progress(operation_id)

    def _progress(self, operation_id: str) -> Operation:
        change = self._operations[operation_id]
        if change.polls > 0:
            return Operation(operation_id, OperationStatus.in_progress)
        if not change.ended:
            change.ended = True
            if not change.failure:
                (self.assigned.add if change.present else self.assigned.discard)(change.access)
        return Operation(
            operation_id, OperationStatus.failed if change.failure else OperationStatus.succeeded, change.failure
        )
