"""Assignments in the local cloud's Identity Center, and answers of Identity Center that it does not give.

It does not prove how long AWS takes, nor all reasons for which it fails an operation.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from breakglass.app.aws.aws import AwsClient, AwsError, RetryPolicy
from breakglass.app.aws.identity_center import AwsIdentityCenter, UnknownSetError
from breakglass.app.aws.sigv4 import Credentials
from breakglass.app.domain.policy import PermissionSet, Principal, PrincipalKind
from breakglass.app.domain.records import Access
from breakglass.app.error_codes import describe_error
from breakglass.app.ports import BusyError, Operation, OperationStatus
from localcloud.cloud import RunningCloud
from tests.app.aws.local_table import local_client
from tests.app.aws.scripted_server import HangUp, Reply, ScriptedServer, refusal

INSTANCE = "arn:aws:sso:::instance/ssoins-1234567890abcdef"
ARN = "arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-1234567890abcdef"
RDS = "devops-break-glass"
ACCESS = Access("u-ada", RDS, "222222222222")
ADA = Principal(PrincipalKind.user, "u-ada", "u-ada")
TEAM = Principal(PrincipalKind.group, "g-team", "g-team")
ASSIGNMENT = {
    "TargetId": "222222222222",
    "TargetType": "AWS_ACCOUNT",
    "PermissionSetArn": ARN,
    "PrincipalType": "USER",
    "PrincipalId": "u-ada",
}


@pytest.fixture
def center(server: ScriptedServer) -> AwsIdentityCenter:
    environment = {"AWS_ENDPOINT_URL": server.url}
    credentials = Credentials("AKIDEXAMPLE", "any")
    client = AwsClient("eu-central-1", lambda: credentials, RetryPolicy(attempts=2), environment, lambda _: None)
    return AwsIdentityCenter(client, INSTANCE, {RDS: PermissionSet(ARN, 3600)})


def creation(**status: Any) -> Reply:
    return Reply({"AccountAssignmentCreationStatus": {"RequestId": "o-1", **status}})


def deletion(**status: Any) -> Reply:
    return Reply({"AccountAssignmentDeletionStatus": {"RequestId": "o-1", **ASSIGNMENT, **status}})


def listed(*principals: tuple[str, str], token: str | None = None) -> Reply:
    assignments = [{"PrincipalType": kind, "PrincipalId": name} for kind, name in principals]
    return Reply({"AccountAssignments": assignments, "NextToken": token})


def test_a_creation_names_the_set_by_its_arn(server: ScriptedServer, center: AwsIdentityCenter) -> None:
    server.answers(creation(Status="IN_PROGRESS"))
    assert center.create(ACCESS) == Operation("o-1", OperationStatus.in_progress)
    assert server.operations() == ["CreateAccountAssignment"]
    assert server.asked[0].json == {"InstanceArn": INSTANCE, **ASSIGNMENT}


@pytest.mark.parametrize(
    ("status", "operation"),
    [
        ({"Status": "IN_PROGRESS"}, Operation("o-1", OperationStatus.in_progress)),
        ({"Status": "SUCCEEDED"}, Operation("o-1", OperationStatus.succeeded)),
        (
            {"Status": "FAILED", "FailureReason": "no such user"},
            Operation("o-1", OperationStatus.failed, "no such user"),
        ),
        ({}, Operation("o-1", OperationStatus.in_progress)),
    ],
)
def test_an_operation_tells_how_far_it_is_and_why_it_failed(
    server: ScriptedServer, center: AwsIdentityCenter, status: dict[str, str], operation: Operation
) -> None:
    server.answers(creation(**status))
    assert center.creation("o-1") == operation
    assert server.asked[0].json == {"InstanceArn": INSTANCE, "AccountAssignmentCreationRequestId": "o-1"}


@pytest.mark.parametrize(
    "code",
    ["ResourceNotFoundException", "ValidationException", "AccessDeniedException"],
)
def test_create_refused_for_good_fails_with_the_reason(
    server: ScriptedServer, center: AwsIdentityCenter, code: str
) -> None:
    server.answers(refusal(code, "because"))
    assert center.create(ACCESS) == Operation("", OperationStatus.failed, f"{code}: because")


@pytest.mark.parametrize("lost", [HangUp(), refusal("InternalServerException", status=500)])
def test_create_refused_in_a_retry_is_busy(
    server: ScriptedServer, center: AwsIdentityCenter, lost: Reply | HangUp
) -> None:
    server.answers(lost, refusal("ValidationException"))
    with pytest.raises(BusyError):
        center.create(ACCESS)
    server.answers(refusal("ThrottlingException"), refusal("ValidationException"))
    assert center.create(ACCESS).status is OperationStatus.failed


@pytest.mark.parametrize(
    "failure",
    [
        refusal("ConflictException"),
        refusal("ServiceQuotaExceededException"),
        refusal("ThrottlingException"),
        refusal("TooManyRequestsException", status=429),
        refusal("InternalServerException", status=500),
        Reply(b"", 503),
        HangUp(),
    ],
)
def test_what_passes_is_left_to_the_caller_to_try_again(
    server: ScriptedServer, center: AwsIdentityCenter, failure: Reply | HangUp
) -> None:
    server.answers(failure)
    for ask in (
        lambda: center.create(ACCESS),
        lambda: center.creation("o-1"),
        lambda: center.delete(ACCESS),
        lambda: center.deletion("o-1"),
        lambda: center.is_assigned(ACCESS),
        lambda: center.provisioned_accounts(RDS),
    ):
        with pytest.raises(BusyError):
            ask()


def test_busy_error_is_described_with_the_code_of_aws(server: ScriptedServer, center: AwsIdentityCenter) -> None:
    server.answers(refusal("ConflictException"))
    with pytest.raises(BusyError) as busy:
        center.delete(ACCESS)
    assert describe_error(busy.value) == {"error": "BusyError", "code": "ConflictException"}


def test_what_does_not_pass_is_an_error(server: ScriptedServer, center: AwsIdentityCenter) -> None:
    server.answers(refusal("AccessDeniedException"))
    with pytest.raises(AwsError):
        center.delete(ACCESS)
    with pytest.raises(AwsError):
        center.is_assigned(ACCESS)


def test_to_delete_what_is_not_there_has_succeeded(server: ScriptedServer, center: AwsIdentityCenter) -> None:
    server.answers(refusal("ResourceNotFoundException"))
    assert center.delete(ACCESS) == Operation("", OperationStatus.succeeded)


def test_failed_deletion_of_a_missing_assignment_succeeds(server: ScriptedServer, center: AwsIdentityCenter) -> None:
    failed = deletion(Status="FAILED", FailureReason="Received a 404 status error: the USER assignee was not found")
    server.answers(failed, listed(("GROUP", "u-ada"), ("USER", "u-bea")))
    assert center.deletion("o-1") == Operation("", OperationStatus.succeeded), "nothing was deleted"
    assert server.operations() == ["DescribeAccountAssignmentDeletionStatus", "ListAccountAssignments"]
    assert server.asked[1].json == {
        "InstanceArn": INSTANCE,
        "AccountId": "222222222222",
        "PermissionSetArn": ARN,
    }


def test_failed_deletion_of_a_listed_assignment_fails(server: ScriptedServer, center: AwsIdentityCenter) -> None:
    server.answers(deletion(Status="FAILED", FailureReason="why"), listed(("USER", "u-ada")))
    assert center.deletion("o-1") == Operation("o-1", OperationStatus.failed, "why")


def test_an_operation_that_is_not_remembered_has_failed(server: ScriptedServer, center: AwsIdentityCenter) -> None:
    server.answers(refusal("ResourceNotFoundException"))
    assert center.creation("o-1").status is OperationStatus.failed
    assert center.deletion("o-1").status is OperationStatus.failed


def test_assignment_of_a_set_that_left_is_found_by_its_arn(server: ScriptedServer, center: AwsIdentityCenter) -> None:
    gone = Access("u-ada", "no-longer-there", "222222222222")
    server.answers(listed(("USER", "u-ada")), deletion(Status="IN_PROGRESS"))
    assert center.is_assigned(gone, "arn:aws:sso:::permissionSet/ssoins-1/ps-old")
    center.delete(gone, "arn:aws:sso:::permissionSet/ssoins-1/ps-old")
    assert {asked.json["PermissionSetArn"] for asked in server.asked} == {"arn:aws:sso:::permissionSet/ssoins-1/ps-old"}
    with pytest.raises(UnknownSetError):
        center.is_assigned(gone)


def test_assignments_are_listed_to_the_last_page(server: ScriptedServer, center: AwsIdentityCenter) -> None:
    server.answers(listed(("GROUP", "g-team"), token="more"), listed(("USER", "u-ada")))
    assert center.assignments(RDS, "222222222222") == (TEAM, ADA)
    server.answers(listed(("GROUP", "u-ada"), token="more"), listed(("USER", "u-ada")))
    assert center.is_assigned(ACCESS)
    server.answers(listed(("GROUP", "u-ada"), ("USER", "u-bea")))
    assert not center.is_assigned(ACCESS)


def test_where_the_set_or_the_account_is_gone_nobody_is_assigned(
    server: ScriptedServer, center: AwsIdentityCenter
) -> None:
    server.answers(refusal("ResourceNotFoundException"))
    assert not center.is_assigned(ACCESS)
    assert center.assignments(RDS, "222222222222") == ()


def test_accounts_are_listed_to_the_last_page(server: ScriptedServer, center: AwsIdentityCenter) -> None:
    server.answers(Reply({"AccountIds": ["1", "2"], "NextToken": "more"}), Reply({"AccountIds": ["2", "3"]}))
    assert center.provisioned_accounts(RDS) == ("1", "2", "3")


def test_a_group_is_removed_as_a_group(server: ScriptedServer, center: AwsIdentityCenter) -> None:
    server.answers(deletion(Status="IN_PROGRESS"))
    assert center.remove(RDS, "222222222222", TEAM) == Operation("o-1", OperationStatus.in_progress)
    assert server.operations() == ["DeleteAccountAssignment"]
    assert {**ASSIGNMENT, "PrincipalType": "GROUP", "PrincipalId": "g-team"}.items() <= server.asked[0].json.items()


def test_a_set_that_the_policy_does_not_have_is_named(server: ScriptedServer, center: AwsIdentityCenter) -> None:
    with pytest.raises(UnknownSetError, match="no permission set network-break-glass"):
        center.create(replace(ACCESS, permission_set="network-break-glass"))
    assert server.asked == []


# In the local cloud


@pytest.fixture
def local(cloud: RunningCloud) -> Iterator[tuple[AwsIdentityCenter, Access]]:
    sso = cloud.client("sso-admin")
    [instance] = sso.list_instances()["Instances"]
    names = {"InstanceArn": instance["InstanceArn"]}
    arn = sso.create_permission_set(**names, Name=RDS)["PermissionSet"]["PermissionSetArn"]
    attribute = {"UniqueAttribute": {"AttributePath": "userName", "AttributeValue": "ada.lovelace"}}
    user: str = cloud.client("identitystore").get_user_id(
        IdentityStoreId=instance["IdentityStoreId"], AlternateIdentifier=attribute
    )["UserId"]
    client = local_client(cloud)
    yield (
        AwsIdentityCenter(client, names["InstanceArn"], {RDS: PermissionSet(arn, 3600)}),
        replace(ACCESS, user_id=user),
    )
    cloud.end_faults()
    sso.delete_permission_set(**names, PermissionSetArn=arn)


@pytest.mark.local
def test_an_assignment_is_made_listed_and_taken_away(
    cloud: RunningCloud, local: tuple[AwsIdentityCenter, Access]
) -> None:
    center, access = local
    cloud.set_assignment_behavior(polls=2)
    assert not center.is_assigned(access)
    assert center.provisioned_accounts(RDS) == ()
    made = center.create(access)
    with pytest.raises(BusyError, match="ConflictException"):
        center.delete(access)
    assert followed(center.creation, made) == OperationStatus.succeeded
    assert center.is_assigned(access)
    assert cloud.assignments(RDS, access.account) == ["ada.lovelace"]
    assert center.provisioned_accounts(RDS) == (access.account,)
    assert [principal.id for principal in center.assignments(RDS, access.account)] == [access.user_id]
    taken = center.delete(access)
    assert followed(center.deletion, taken) == OperationStatus.succeeded
    assert not center.is_assigned(access)
    assert cloud.assignments(RDS, access.account) == []
    assert center.delete(access).status is OperationStatus.succeeded


@pytest.mark.local
def test_an_assignment_that_comes_to_nothing_says_why(
    cloud: RunningCloud, local: tuple[AwsIdentityCenter, Access]
) -> None:
    center, access = local
    cloud.set_assignment_behavior(failure="The user was deleted meanwhile.")
    made = center.create(access)
    assert followed(center.creation, made) == OperationStatus.failed
    assert center.creation(made.id).failure == "The user was deleted meanwhile."
    assert not center.is_assigned(access)


@pytest.mark.local
def test_throttling_is_waited_out_or_left_to_the_caller(
    cloud: RunningCloud, local: tuple[AwsIdentityCenter, Access]
) -> None:
    center, access = local
    cloud.fail("sso:CreateAccountAssignment", error="ThrottlingException", times=1)
    assert center.create(access).status is not OperationStatus.failed
    cloud.fail("sso:ListAccountAssignments", error="ConflictException")
    with pytest.raises(BusyError):
        center.is_assigned(access)
    cloud.end_faults()
    center.delete(access)


def followed(ask: Any, operation: Operation) -> OperationStatus:
    """Ask until the operation is over; the local cloud's ends after so many questions."""
    while operation.status is OperationStatus.in_progress:
        operation = ask(operation.id)
    return operation.status
