"""Assignments of permission sets, by the API of IAM Identity Center.

Sources: https://docs.aws.amazon.com/singlesignon/latest/APIReference/; for the failed deletion of a missing assignment,
https://github.com/hashicorp/terraform-provider-aws/issues/19341.

Non-goals: the choice of assignments (see `services.provisioning`), and waiting for operations.
"""

from collections.abc import Mapping
from typing import Any

from breakglass.app.aws.aws import AwsClient, AwsError
from breakglass.app.aws.services import SSO_ADMIN
from breakglass.app.domain.policy import PermissionSet, Principal, PrincipalKind
from breakglass.app.domain.records import LONGEST_FAILURE, Access
from breakglass.app.error_codes import Remedy
from breakglass.app.ports import BusyError, Operation, OperationStatus

_NOT_FOUND = "ResourceNotFoundException"
_PRINCIPAL_TYPES = {PrincipalKind.user: "USER", PrincipalKind.group: "GROUP"}
_KINDS = {principal_type: kind for kind, principal_type in _PRINCIPAL_TYPES.items()}
_PROGRESS = {
    "IN_PROGRESS": OperationStatus.in_progress,
    "SUCCEEDED": OperationStatus.succeeded,
    "FAILED": OperationStatus.failed,
}


class UnknownSetError(LookupError):
    """The policy has no permission set of this name."""


class AwsIdentityCenter:
    """Implements `ports.IdentityCenter`; each method raises `BusyError` if a retry may help.

    Args:
        client: to call Identity Center with.
        instance_arn: ARN of the instance.
        sets: permission sets of the policy, by name.
    """

    def __init__(self, client: AwsClient, instance_arn: str, sets: Mapping[str, PermissionSet]) -> None:
        self._client = client
        self._instance_arn = instance_arn
        self._sets = sets

    def create(self, access: Access, set_arn: str = "") -> Operation:
        """CreateAccountAssignment; a permanent refusal is a failed operation with its reason."""
        arn = set_arn or self._arn(access.permission_set)
        assignment = _assignment(arn, access.account, _user(access))
        try:
            answer = self._call("CreateAccountAssignment", assignment)
        except AwsError as error:
            if error.repeated:
                # An earlier attempt may have started it, so it has not failed yet.
                raise BusyError(f"{error.operation}: {error.code}", error.code) from error
            return Operation("", OperationStatus.failed, f"{error.code}: {error.message}"[:LONGEST_FAILURE])
        return _operation(answer["AccountAssignmentCreationStatus"])

    def creation(self, operation_id: str) -> Operation:
        """DescribeAccountAssignmentCreationStatus; a forgotten operation counts as failed."""
        asked = {"AccountAssignmentCreationRequestId": operation_id}
        status = self._status("DescribeAccountAssignmentCreationStatus", "AccountAssignmentCreationStatus", asked)
        return _forgotten(operation_id) if status is None else _operation(status)

    def delete(self, access: Access, set_arn: str = "") -> Operation:
        """DeleteAccountAssignment of a user."""
        return self._remove(set_arn or self._arn(access.permission_set), access.account, _user(access))

    def deletion(self, operation_id: str) -> Operation:
        """DescribeAccountAssignmentDeletionStatus; a failed one counts as succeeded if the assignment is not listed."""
        asked = {"AccountAssignmentDeletionRequestId": operation_id}
        status = self._status("DescribeAccountAssignmentDeletionStatus", "AccountAssignmentDeletionStatus", asked)
        if status is None:
            return _forgotten(operation_id)
        operation = _operation(status)
        if operation.status is OperationStatus.failed and not self._is_listed(status):
            return Operation("", OperationStatus.succeeded)
        return operation

    def is_assigned(self, access: Access, set_arn: str = "") -> bool:
        """ListAccountAssignments, all pages."""
        wanted = (PrincipalKind.user, access.user_id)
        listed = self._listed(access.account, set_arn or self._arn(access.permission_set))
        return any((assigned.kind, assigned.id) == wanted for assigned in listed)

    def assignments(self, permission_set: str, account: str) -> tuple[Principal, ...]:
        """ListAccountAssignments, all pages."""
        return self._listed(account, self._arn(permission_set))

    def remove(self, permission_set: str, account: str, principal: Principal) -> Operation:
        """DeleteAccountAssignment."""
        return self._remove(self._arn(permission_set), account, principal)

    def _remove(self, set_arn: str, account: str, principal: Principal) -> Operation:
        try:
            answer = self._call("DeleteAccountAssignment", _assignment(set_arn, account, principal))
        except AwsError as error:
            if error.code == _NOT_FOUND:
                return Operation("", OperationStatus.succeeded)
            raise
        return _operation(answer["AccountAssignmentDeletionStatus"])

    def provisioned_accounts(self, permission_set: str) -> tuple[str, ...]:
        """ListAccountsForProvisionedPermissionSet, all pages."""
        asked = {"PermissionSetArn": self._arn(permission_set)}
        pages = self._pages("ListAccountsForProvisionedPermissionSet", asked)
        return tuple(dict.fromkeys(account for page in pages for account in page["AccountIds"]))

    def _arn(self, permission_set: str) -> str:
        if permission_set not in self._sets:
            raise UnknownSetError(f"The policy has no permission set {permission_set}")
        return self._sets[permission_set].arn

    def _is_listed(self, status: Mapping[str, Any]) -> bool:
        """Return whether the assignment of an operation exists."""
        listed = self._listed(status["TargetId"], status["PermissionSetArn"])
        wanted = (status["PrincipalType"], status["PrincipalId"])
        return any((_PRINCIPAL_TYPES[assigned.kind], assigned.id) == wanted for assigned in listed)

    def _listed(self, account: str, set_arn: str) -> tuple[Principal, ...]:
        """Return the assigned principals; none if the set or the account is gone."""
        try:
            pages = self._pages("ListAccountAssignments", {"AccountId": account, "PermissionSetArn": set_arn})
        except AwsError as error:
            if error.code == _NOT_FOUND:
                return ()
            raise
        found = (assigned for page in pages for assigned in page["AccountAssignments"])
        return tuple(
            Principal(_KINDS[assigned["PrincipalType"]], assigned["PrincipalId"], assigned["PrincipalId"])
            for assigned in found
        )

    def _status(self, operation: str, answer: str, asked: Mapping[str, str]) -> dict[str, Any] | None:
        try:
            status: dict[str, Any] = self._call(operation, asked)[answer]
        except AwsError as error:
            if error.code == _NOT_FOUND:
                return None
            raise
        return status

    def _call(self, operation: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        try:
            return self._client.call(SSO_ADMIN, operation, {"InstanceArn": self._instance_arn, **arguments})
        except AwsError as error:
            raise _busy(error) from error

    def _pages(self, operation: str, arguments: Mapping[str, Any]) -> list[dict[str, Any]]:
        try:
            pages = self._client.pages(SSO_ADMIN, operation, {"InstanceArn": self._instance_arn, **arguments})
            return list(pages)
        except AwsError as error:
            raise _busy(error) from error


def _busy(error: AwsError) -> AwsError | BusyError:
    """Return the error to raise: a BusyError for another operation, a quota, throttling and 5xx."""
    return BusyError(f"{error.operation}: {error.code}", error.code) if error.remedy is Remedy.retry else error


def _assignment(set_arn: str, account: str, principal: Principal) -> dict[str, str]:
    return {
        "TargetId": account,
        "TargetType": "AWS_ACCOUNT",
        "PermissionSetArn": set_arn,
        "PrincipalType": _PRINCIPAL_TYPES[principal.kind],
        "PrincipalId": principal.id,
    }


def _user(access: Access) -> Principal:
    return Principal(PrincipalKind.user, access.user_id, access.user_id)


def _operation(status: Mapping[str, Any]) -> Operation:
    # A new operation may have no status.
    progress = _PROGRESS[status.get("Status") or "IN_PROGRESS"]
    return Operation(status.get("RequestId", ""), progress, (status.get("FailureReason") or "")[:LONGEST_FAILURE])


def _forgotten(operation_id: str) -> Operation:
    return Operation(operation_id, OperationStatus.failed, "Identity Center knows no such operation.")
