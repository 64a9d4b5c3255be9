"""Identity Center in memory, slow and busy on demand; operations also end without a poll.

`identity_center.MemoryIdentityCenter` is the simpler one. Like that, this does not prove how Identity Center behaves.
"""

from dataclasses import dataclass, field

from breakglass.app.domain.policy import Principal, PrincipalKind
from breakglass.app.domain.records import Access
from breakglass.app.ports import BusyError, Operation, OperationStatus
from tests.app.doubles.clock import FixedClock


@dataclass
class Change:
    """A pending creation or deletion of an assignment.

    Attributes:
        access: the assignment.
        present: True for a creation.
        begun_at: the start.
        failure: the reason of its failure; empty for success.
        looks: polls until it has ended.
        ended: True once it has ended.
    """

    access: Access
    present: bool
    begun_at: int
    failure: str
    looks: int
    ended: bool = False


@dataclass
class SlowIdentityCenter:
    """Identity Center whose operations last some polls, or until the model ends them.

    Attributes:
        clock: the time.
        looks: polls of an operation until it has ended.
        busy: number of calls that it still refuses.
        failure: the failure of creations; empty for success.
        lenient: True for nothing to delete during a creation, instead of a conflict.
    """

    clock: FixedClock
    looks: int = 0
    busy: int = 0
    failure: str = ""
    lenient: bool = False
    assigned: set[Access] = field(default_factory=set)
    operations: list[Change] = field(default_factory=list)

    def create(self, access: Access, set_arn: str = "") -> Operation:
        self._be_busy()
        return self._begin(access, present=True)

    def creation(self, operation_id: str) -> Operation:
        self._be_busy()
        return self._look(operation_id)

    def delete(self, access: Access, set_arn: str = "") -> Operation:
        self._be_busy()
        if access not in self.assigned and (self.lenient or not self.under_way(access)):
            return Operation("", OperationStatus.succeeded)
        return self._begin(access, present=False)

    def deletion(self, operation_id: str) -> Operation:
        self._be_busy()
        return self._look(operation_id)

    def is_assigned(self, access: Access, set_arn: str = "") -> bool:
        self._be_busy()
        return access in self.assigned

    def assignments(self, permission_set: str, account: str) -> tuple[Principal, ...]:
        return tuple(
            Principal(PrincipalKind.user, access.user_id, access.user_id)
            for access in self.assigned
            if (access.permission_set, access.account) == (permission_set, account)
        )

    def provisioned_accounts(self, permission_set: str) -> tuple[str, ...]:
        return tuple(sorted({access.account for access in self.assigned if access.permission_set == permission_set}))

    def remove(self, permission_set: str, account: str, principal: Principal) -> Operation:
        return self.delete(Access(principal.id, permission_set, account))

    def under_way(self, access: Access) -> bool:
        return any(operation.access == access and not operation.ended for operation in self.operations)

    def end_oldest(self) -> None:
        """End the oldest pending operation."""
        for operation in self.operations:
            if not operation.ended:
                self._end(operation)
                return

    def end_overdue(self, seconds: int) -> None:
        """End every operation that has been pending for so long."""
        for operation in self.operations:
            if not operation.ended and self.clock() >= operation.begun_at + seconds:
                self._end(operation)

    def _be_busy(self) -> None:
        if self.busy > 0:
            self.busy -= 1
            raise BusyError("ThrottlingException")

    def _begin(self, access: Access, *, present: bool) -> Operation:
        if self.under_way(access):
            raise BusyError("ConflictException")
        failure = self.failure if present else ""
        self.operations.append(Change(access, present, self.clock(), failure, self.looks + 1))
        return self._look(str(len(self.operations) - 1))

    def _end(self, change: Change) -> None:
        change.ended = True
        if not change.failure:
            (self.assigned.add if change.present else self.assigned.discard)(change.access)

    def _look(self, operation_id: str) -> Operation:
        operation = self.operations[int(operation_id)]
        operation.looks -= 1
        if not operation.ended and operation.looks <= 0:
            self._end(operation)
        if not operation.ended:
            return Operation(operation_id, OperationStatus.in_progress)
        return Operation(
            operation_id, OperationStatus.failed if operation.failure else OperationStatus.succeeded, operation.failure
        )
