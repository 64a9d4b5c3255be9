"""Asynchronous account assignments, as in Identity Center; in moto they take effect at once.

From the API Reference of IAM Identity Center: CreateAccountAssignment and DeleteAccountAssignment start an operation
and answer IN_PROGRESS. Describe… reports SUCCEEDED, or FAILED with a reason. An assignment in progress is in no list.
Another operation on the same assignment gets ConflictException meanwhile.

On request (`OperationBehavior`) operations stay in progress longer, or fail.

Not documented, so not proven here: a second creation has no effect, and neither has a failed one.

Non-goals: quotas; the existence of the principal.
"""

import json
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from moto.ssoadmin.responses import SSOAdminResponse

CREATION, DELETION = "CreateAccountAssignment", "DeleteAccountAssignment"

UNEXPECTED = "An unexpected internal service exception was encountered"
"""A recorded `FailureReason` of a creation (hashicorp/terraform-provider-aws#1927); the next one may succeed."""

PROPAGATION = (
    "Received a 403 status error: Access denied by IAM. Please check your policy, or wait for role propagation to "
    "complete and try again."
)
"""A recorded `FailureReason` of a creation, shortened (org-formation/org-formation-cli#66); the next may succeed."""

NO_ASSIGNEE = "Received a 404 status error: the USER assignee was not found in directory d-1234567890"
"""A recorded `FailureReason` of a deletion, shortened (hashicorp/terraform-provider-aws#19341)."""

_FIELDS = ("InstanceArn", "TargetId", "TargetType", "PermissionSetArn", "PrincipalType", "PrincipalId")


@dataclass
class OperationBehavior:
    """The course of an operation.

    Attributes:
        operations: the operations that it applies to.
        polls: number of calls that find it in progress (describe, list, or conflict).
        seconds: time that it is in progress.
        failure: its FailureReason, one of the recorded ones above or any other; None if it succeeds.
        times: number of operations; None for all.
    """

    operations: tuple[str, ...] = (CREATION, DELETION)
    polls: int = 0
    seconds: float = 0
    failure: str | None = None
    times: int | None = None

    def __post_init__(self) -> None:
        self.operations = tuple(self.operations)


@dataclass
class _Operation:
    name: str
    assignment: dict[str, str]
    behavior: OperationBehavior
    effect: Callable[[], object]
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    created: float = field(default_factory=time.time)
    began: float = field(default_factory=time.monotonic)
    polls: int = 0
    status: str = "IN_PROGRESS"

    def end_if_due(self) -> None:
        waited = self.polls >= self.behavior.polls and time.monotonic() - self.began >= self.behavior.seconds
        if self.status != "IN_PROGRESS" or not waited:
            return
        if self.behavior.failure is None:
            self.effect()
        self.status = "SUCCEEDED" if self.behavior.failure is None else "FAILED"

    def to_api(self) -> dict[str, Any]:
        failure = {"FailureReason": self.behavior.failure} if self.status == "FAILED" else {}
        shown = {key: value for key, value in self.assignment.items() if key != "InstanceArn"}
        return {"Status": self.status, "RequestId": self.id, "CreatedDate": self.created, **failure, **shown}


class Assignments:
    """The operations in progress in moto of this process; thread-safe."""

    def __init__(self) -> None:
        # Held while answering: an operation may end during another's answer.
        self._lock = threading.RLock()
        self._behaviors: list[OperationBehavior] = []
        self._operations: dict[str, _Operation] = {}
        self._moto_lists: Callable[[SSOAdminResponse], str]

    def add(self, behavior: Mapping[str, Any]) -> None:
        """Adds a behavior for the next operations; an empty mapping removes all.

        Raises:
            TypeError: if a field is unknown.
        """
        with self._lock:
            self._behaviors = [*self._behaviors, OperationBehavior(**behavior)] if behavior else []

    def install(self) -> None:
        from moto.ssoadmin.responses import SSOAdminResponse

        self._moto_lists = SSOAdminResponse.list_account_assignments
        answers: dict[str, Callable[[SSOAdminResponse], dict[str, Any]]] = {
            "create_account_assignment": self._create,
            "delete_account_assignment": self._delete,
            "describe_account_assignment_creation_status": self._describe_creation,
            "describe_account_assignment_deletion_status": self._describe_deletion,
            "list_account_assignments": self._list,
            "list_accounts_for_provisioned_permission_set": _accounts,
        }
        for name, answer in answers.items():
            setattr(SSOAdminResponse, name, self._operation(answer))

    def end_due(self) -> None:
        """Lets everything come to its end for which it is time."""
        with self._lock:
            for operation in self._operations.values():
                operation.end_if_due()

    def _operation(self, answer: "Callable[[SSOAdminResponse], dict[str, Any]]") -> "Callable[[SSOAdminResponse], str]":
        def operation(request: "SSOAdminResponse") -> str:
            with self._lock:
                self.end_due()
                return json.dumps(answer(request))

        return operation

    def _create(self, request: "SSOAdminResponse") -> dict[str, Any]:
        backend, assignment = request.ssoadmin_backend, _assignment(request)
        backend._find_permission_set(assignment["InstanceArn"], assignment["PermissionSetArn"])

        def create() -> None:
            if not _exists(backend, assignment):
                backend.create_account_assignment(*assignment.values())

        return {"AccountAssignmentCreationStatus": self._begin(CREATION, assignment, create)}

    def _delete(self, request: "SSOAdminResponse") -> dict[str, Any]:
        backend, assignment = request.ssoadmin_backend, _assignment(request)
        self._refuse_conflict(assignment)
        backend._find_account(*assignment.values())

        def delete() -> None:
            backend.delete_account_assignment(*assignment.values())

        return {"AccountAssignmentDeletionStatus": self._begin(DELETION, assignment, delete)}

    def _begin(self, name: str, assignment: dict[str, str], effect: Callable[[], object]) -> dict[str, Any]:
        self._refuse_conflict(assignment)
        operation = _Operation(name, assignment, self._behavior(name), effect)
        self._operations[operation.id] = operation
        return operation.to_api()

    def _behavior(self, name: str) -> OperationBehavior:
        for behavior in self._behaviors:
            if name in behavior.operations and behavior.times != 0:
                if behavior.times is not None:
                    behavior.times -= 1
                return behavior
        return OperationBehavior()

    def _refuse_conflict(self, assignment: Mapping[str, str]) -> None:
        from moto.ssoadmin.exceptions import ConflictException

        for other in self._operations.values():
            if other.status == "IN_PROGRESS" and other.assignment == assignment:
                other.polls += 1
                raise ConflictException("Another operation on this assignment is in progress.")

    def _list(self, request: "SSOAdminResponse") -> dict[str, Any]:
        asked = (request._get_param("PermissionSetArn"), request._get_param("AccountId"))
        for operation in self._operations.values():
            if (operation.assignment["PermissionSetArn"], operation.assignment["TargetId"]) == asked:
                operation.polls += 1
        listed: dict[str, Any] = json.loads(self._moto_lists(request))
        return listed

    def _describe_creation(self, request: "SSOAdminResponse") -> dict[str, Any]:
        asked = request._get_param("AccountAssignmentCreationRequestId")
        return {"AccountAssignmentCreationStatus": self._describe(CREATION, asked)}

    def _describe_deletion(self, request: "SSOAdminResponse") -> dict[str, Any]:
        asked = request._get_param("AccountAssignmentDeletionRequestId")
        return {"AccountAssignmentDeletionStatus": self._describe(DELETION, asked)}

    def _describe(self, name: str, asked: str) -> dict[str, Any]:
        from moto.ssoadmin.exceptions import ResourceNotFoundException

        operation = self._operations.get(asked)
        if operation is None or operation.name != name:
            raise ResourceNotFoundException(f"There is no request {asked}.")
        operation.polls += 1
        return operation.to_api()


def _assignment(request: "SSOAdminResponse") -> dict[str, str]:
    """The assignment that a request names; in the order in which moto's own functions take it."""
    return {name: request._get_param(name) for name in _FIELDS}


def _exists(backend: Any, assignment: Mapping[str, str]) -> bool:
    from moto.ssoadmin.exceptions import ResourceNotFoundException

    try:
        backend._find_account(*assignment.values())
    except ResourceNotFoundException:
        return False
    return True


def _accounts(request: "SSOAdminResponse") -> dict[str, Any]:
    """Tells where anybody is assigned a set, all on one page; moto tells the caller's own account."""
    backend, arn = request.ssoadmin_backend, request._get_param("PermissionSetArn")
    backend._find_permission_set(request._get_param("InstanceArn"), arn)
    accounts = {each.target_id for each in backend.account_assignments if each.permission_set_arn == arn}
    return {"AccountIds": sorted(accounts)}
