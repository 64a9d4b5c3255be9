"""Identity Center in memory: operations that are slow, refused, fail, or lose their answer.

It does not prove how Identity Center orders simultaneous operations: a pending operation refuses another on the same
assignment, as AWS's `ConflictException` does.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from breakglass.app.domain.policy import Principal, PrincipalKind
from breakglass.app.domain.records import Access
from breakglass.app.ports import BusyError, Clock, Operation, OperationStatus


@dataclass
class PendingChange:
    """An operation: a creation if `present`, else a deletion; `failure` is empty for success."""

    access: Access
    present: bool
    started_at: int
    polls: int
    failure: str = ""
    ended: bool = False


@dataclass
class MemoryIdentityCenter:
    """Assignments of users, as they are.

    Attributes:
        clock: the time at which operations start.
        polls: polls of an operation until it has ended.
        failure: the failure of the next creations; empty for success.
        failures: failures of the next creations, one each, before `failure` counts.
        unlisted: number of lists that still lack the assignment.
        sets: names of the sets that are known without an ARN; None for all.
        busy: number of calls that it still refuses.
        lenient: True for nothing to delete during a creation, instead of a conflict.
        trouble: called before and after each call with its name; may raise.
    """

    clock: Clock = lambda: 0
    polls: int = 0
    failure: str = ""
    failures: list[str] = field(default_factory=list)
    unlisted: int = 0
    sets: frozenset[str] | None = None
    busy: int = 0
    lenient: bool = False
    trouble: Callable[[str, bool], None] = lambda call, done: None
    assigned: set[Access] = field(default_factory=set)
    groups: set[tuple[str, str, str]] = field(default_factory=set)
    created: list[Access] = field(default_factory=list)
    deleted: list[Access] = field(default_factory=list)
    operations: list[PendingChange] = field(default_factory=list)

    def create(self, access: Access, set_arn: str = "") -> Operation:
        self._call("create", access, set_arn)
        self.created.append(access)
        operation = self._start(access, present=True)
        self.trouble("create", True)
        return operation

    def creation(self, operation_id: str) -> Operation:
        return self._poll("creation", operation_id)

    def delete(self, access: Access, set_arn: str = "") -> Operation:
        self._call("delete", access, set_arn)
        if access not in self.assigned and (self.lenient or not self._is_pending(access)):
            return Operation("", OperationStatus.succeeded)
        self.deleted.append(access)
        operation = self._start(access, present=False)
        self.trouble("delete", True)
        return operation

    def deletion(self, operation_id: str) -> Operation:
        return self._poll("deletion", operation_id)

    def is_assigned(self, access: Access, set_arn: str = "") -> bool:
        self._call("is_assigned", access, set_arn)
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
        return self.delete(Access(principal.id, permission_set, account), "any")

    def provisioned_accounts(self, permission_set: str) -> tuple[str, ...]:
        users = {access.account for access in self.assigned if access.permission_set == permission_set}
        groups = {where for _, name, where in self.groups if name == permission_set}
        return tuple(sorted(users | groups))

    def end_oldest(self) -> None:
        """End the oldest pending operation."""
        for operation in [change for change in self.operations if not change.ended][:1]:
            self._end(operation)

    def end_overdue(self, seconds: int) -> None:
        """End every operation that has been pending for so long."""
        for operation in self.operations:
            if not operation.ended and self.clock() >= operation.started_at + seconds:
                self._end(operation)

    def _call(self, call: str, access: Access | None = None, set_arn: str = "") -> None:
        if self.busy > 0:
            self.busy -= 1
            raise BusyError("ThrottlingException")
        if access is not None and self.sets is not None and access.permission_set not in self.sets and not set_arn:
            raise LookupError(f"the policy has no permission set {access.permission_set}")
        self.trouble(call, False)

    def _start(self, access: Access, *, present: bool) -> Operation:
        if self._is_pending(access):
            raise BusyError("ConflictException")
        failure = (self.failures.pop(0) if self.failures else self.failure) if present else ""
        self.operations.append(PendingChange(access, present, self.clock(), self.polls, failure))
        return self._state(len(self.operations) - 1)

    def _is_pending(self, access: Access) -> bool:
        return any(change.access == access and not change.ended for change in self.operations)

    def _poll(self, call: str, operation_id: str) -> Operation:
        self._call(call)
        number = int(operation_id)
        self.operations[number].polls -= 1
        return self._state(number)

    def _end(self, change: PendingChange) -> None:
        change.ended = True
        if not change.failure:
            (self.assigned.add if change.present else self.assigned.discard)(change.access)

    def _state(self, number: int) -> Operation:
        change = self.operations[number]
        if not change.ended and change.polls <= 0:
            self._end(change)
        if not change.ended:
            return Operation(str(number), OperationStatus.in_progress)
        status = OperationStatus.failed if change.failure else OperationStatus.succeeded
        return Operation(str(number), status, change.failure)
