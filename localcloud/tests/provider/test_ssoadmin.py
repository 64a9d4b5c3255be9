"""Identity Center's asynchronous operations, which the emulator ends at once: here they take their time, or fail."""

from collections.abc import Iterable
from typing import Any

import pytest

from localcloud.provider import aws
from localcloud.provider.aws import Answer, AwsCallError, LocalAws
from localcloud.provider.ssoadmin import AccountAssignment, ManagedPolicyAttachment

INSTANCE, SET = "arn:aws:sso:::instance/ssoins-1", "arn:aws:sso:::permissionSet/ssoins-1/ps-1"
ASSIGNMENT = {
    "instanceArn": INSTANCE,
    "permissionSetArn": SET,
    "principalId": "11111111-2222-3333-4444-555555555555",
    "principalType": "GROUP",
    "targetId": "222222222222",
    "targetType": "AWS_ACCOUNT",
}


class ScriptedAws(LocalAws):
    """Answers operations in the order written down, and accepts no others."""

    def __init__(self, script: Iterable[tuple[str, Answer]]) -> None:
        super().__init__("eu-central-1")
        self.script = list(script)

    def call(self, service: str, operation: str, **parameters: Any) -> Answer:
        expected, answer = self.script.pop(0)
        assert operation == expected
        return answer


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aws, "_POLL_SECONDS", 0)


def status(key: str, value: str, **more: str) -> Answer:
    return {key: {"Status": value, "RequestId": "r-1", **more}}


def test_an_assignment_is_made_when_its_creation_succeeded() -> None:
    key, describe = "AccountAssignmentCreationStatus", "DescribeAccountAssignmentCreationStatus"
    script: list[tuple[str, Answer]] = [
        ("ListAccountAssignments", {"AccountAssignments": []}),
        ("CreateAccountAssignment", status(key, "IN_PROGRESS")),
        (describe, status(key, "IN_PROGRESS")),
        (describe, status(key, "SUCCEEDED")),
    ]
    scripted = ScriptedAws(script)
    resource_id = AccountAssignment().create(scripted, ASSIGNMENT)
    assert resource_id == f"11111111-2222-3333-4444-555555555555,GROUP,222222222222,AWS_ACCOUNT,{SET},{INSTANCE}"
    assert scripted.script == []


def test_failed_assignment_is_an_error_with_awss_reason() -> None:
    key = "AccountAssignmentCreationStatus"
    script: list[tuple[str, Answer]] = [
        ("ListAccountAssignments", {"AccountAssignments": []}),
        ("CreateAccountAssignment", status(key, "IN_PROGRESS")),
        (f"Describe{key}", status(key, "FAILED", FailureReason="Received a 404 status error: Account not found")),
    ]
    with pytest.raises(AwsCallError, match="CreateAccountAssignment: FAILED: Received a 404 status error"):
        AccountAssignment().create(ScriptedAws(script), ASSIGNMENT)


def test_a_removed_assignment_is_waited_for() -> None:
    key = "AccountAssignmentDeletionStatus"
    script: list[tuple[str, Answer]] = [
        ("DeleteAccountAssignment", status(key, "IN_PROGRESS")),
        (f"Describe{key}", status(key, "IN_PROGRESS")),
        (f"Describe{key}", status(key, "SUCCEEDED")),
    ]
    scripted = ScriptedAws(script)
    AccountAssignment().delete(scripted, "", ASSIGNMENT)
    assert scripted.script == []


@pytest.mark.parametrize("end", ["SUCCEEDED", "FAILED"])
def test_a_changed_permission_set_is_provisioned_and_waited_for(end: str) -> None:
    key = "PermissionSetProvisioningStatus"
    script: list[tuple[str, Answer]] = [
        ("ProvisionPermissionSet", status(key, "IN_PROGRESS")),
        (f"Describe{key}", status(key, "IN_PROGRESS")),
        (f"Describe{key}", status(key, end)),
    ]
    scripted = ScriptedAws(script)
    if end == "SUCCEEDED":
        ManagedPolicyAttachment().settle(scripted, "", ASSIGNMENT)
    else:
        with pytest.raises(AwsCallError, match="ProvisionPermissionSet: FAILED"):
            ManagedPolicyAttachment().settle(scripted, "", ASSIGNMENT)
    assert scripted.script == []
