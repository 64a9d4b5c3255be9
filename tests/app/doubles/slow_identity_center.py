"""Identity Center in memory, as slow and as busy as a test wants it: what is begun ends without being looked at, too.

`identity_center.MemoryIdentityCenter` is the simpler one. Like that, this does not prove how Identity Center behaves.
"""

from dataclasses import dataclass, field

from breakglass.app.domain.policy import Principal, PrincipalKind
from breakglass.app.domain.records import Access
from breakglass.app.ports import BusyError, Operation, OperationStatus
from tests.app.doubles.clock import FixedClock


@dataclass
class Change:
    """An operation on an assignment: whether it is to be there, and how often to look until it is.

    Attributes:
        access: the assignment.
        present: whether it is to be there.
        begun_at: when it was asked for.
        failure: why it will fail; empty if it succeeds.
        looks: how often it is looked at until it has ended.
        ended: whether it has.
    """

    access: Access
    present: bool
    begun_at: int
    failure: str
    looks: int
    ended: bool = False


@dataclass
class SlowIdentityCenter:
    """Identity Center, whose operations take a while: some looks, or until the model ends them, and never for ever.

    Attributes:
        clock: the time.
        looks: how often an operation is looked at until it has ended.
        busy: how many calls it still refuses to take.
        failure: what creations fail with; empty if they succeed.
        lenient: whether it finds nothing to delete while an assignment is being made, instead of a conflict.
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
            Principal(PrincipalKind.user, one.user_id, one.user_id)
            for one in self.assigned
            if (one.permission_set, one.account) == (permission_set, account)
        )

    def provisioned_accounts(self, permission_set: str) -> tuple[str, ...]:
        return tuple(sorted({one.account for one in self.assigned if one.permission_set == permission_set}))

    def remove(self, permission_set: str, account: str, principal: Principal) -> Operation:
        return self.delete(Access(principal.id, permission_set, account))

    def under_way(self, access: Access) -> bool:
        return any(one.access == access and not one.ended for one in self.operations)

    def end_oldest(self) -> None:
        """Let the operation end that has been under way for longest."""
        for one in self.operations:
            if not one.ended:
                self._end(one)
                return

    def end_overdue(self, seconds: int) -> None:
        """Let every operation end that has been under way for so long."""
        for one in self.operations:
            if not one.ended and self.clock() >= one.begun_at + seconds:
                self._end(one)

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

    def _end(self, one: Change) -> None:
        one.ended = True
        if not one.failure:
            (self.assigned.add if one.present else self.assigned.discard)(one.access)

    def _look(self, operation_id: str) -> Operation:
        one = self.operations[int(operation_id)]
        one.looks -= 1
        if not one.ended and one.looks <= 0:
            self._end(one)
        if not one.ended:
            return Operation(operation_id, OperationStatus.in_progress)
        return Operation(
            operation_id, OperationStatus.failed if one.failure else OperationStatus.succeeded, one.failure
        )
