"""Account assignments and other operations of Identity Center that the approval app calls, by AWS's own API.

Proves nothing about AWS: it holds the emulator to what AWS's documentation says.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localcloud.cloud import MANAGEMENT_ACCOUNT, RunningCloud
from localcloud.emulators.assignments import NO_ASSIGNEE, PROPAGATION
from localcloud.emulators.identity import ACCOUNTS, GROUPS

pytestmark = pytest.mark.local

PRODUCTION, STAGING, *_ = ACCOUNTS


@pytest.fixture(scope="module")
def sso(cloud: RunningCloud) -> Any:
    return cloud.client("sso-admin")


@pytest.fixture(scope="module")
def store(cloud: RunningCloud, sso: Any) -> tuple[Any, str]:
    """The client of the identity store, and the store's id."""
    return cloud.client("identitystore"), sso.list_instances()["Instances"][0]["IdentityStoreId"]


@pytest.fixture(scope="module")
def ada(store: tuple[Any, str]) -> str:
    return user_id(store, "UserName", "ada.lovelace")


@pytest.fixture(autouse=True)
def no_faults(cloud: RunningCloud) -> Iterator[None]:
    yield
    cloud.end_faults()


@pytest.fixture
def names(sso: Any) -> Iterator[dict[str, str]]:
    """Arguments that name a new permission set, whose assignments go with the test."""
    instance = sso.list_instances()["Instances"][0]["InstanceArn"]
    arn = sso.create_permission_set(InstanceArn=instance, Name="devops")["PermissionSet"]["PermissionSetArn"]
    yield {"InstanceArn": instance, "PermissionSetArn": arn}
    for account in ACCOUNTS:
        for each in listed(sso, {"InstanceArn": instance, "PermissionSetArn": arn}, account):
            principal = {key: each[key] for key in ("PrincipalType", "PrincipalId")}
            sso.delete_account_assignment(
                InstanceArn=instance, PermissionSetArn=arn, TargetId=account, TargetType="AWS_ACCOUNT", **principal
            )
    listed(sso, {"InstanceArn": instance, "PermissionSetArn": arn}, PRODUCTION)
    sso.delete_permission_set(InstanceArn=instance, PermissionSetArn=arn)


def user_id(store: tuple[Any, str], attribute: str, value: str) -> str:
    client, store_id = store
    unique = {"UniqueAttribute": {"AttributePath": attribute, "AttributeValue": value}}
    found: str = client.get_user_id(IdentityStoreId=store_id, AlternateIdentifier=unique)["UserId"]
    return found


def listed(sso: Any, names: dict[str, str], account: str) -> list[dict[str, str]]:
    pages = sso.get_paginator("list_account_assignments").paginate(
        **names, AccountId=account, PaginationConfig={"PageSize": 1}
    )
    return [each for page in pages for each in page["AccountAssignments"]]


def access(names: dict[str, str], user: str, account: str = PRODUCTION) -> dict[str, str]:
    return {**names, "TargetId": account, "TargetType": "AWS_ACCOUNT", "PrincipalType": "USER", "PrincipalId": user}


def create(sso: Any, names: dict[str, str], user: str, account: str = PRODUCTION) -> dict[str, Any]:
    status: dict[str, Any] = sso.create_account_assignment(**access(names, user, account))[
        "AccountAssignmentCreationStatus"
    ]
    return status


def delete(sso: Any, names: dict[str, str], user: str) -> dict[str, Any]:
    status: dict[str, Any] = sso.delete_account_assignment(**access(names, user))["AccountAssignmentDeletionStatus"]
    return status


def creation(sso: Any, names: dict[str, str], begun: dict[str, Any]) -> dict[str, Any]:
    status: dict[str, Any] = sso.describe_account_assignment_creation_status(
        InstanceArn=names["InstanceArn"], AccountAssignmentCreationRequestId=begun["RequestId"]
    )["AccountAssignmentCreationStatus"]
    return status


def deletion(sso: Any, names: dict[str, str], begun: dict[str, Any]) -> dict[str, Any]:
    status: dict[str, Any] = sso.describe_account_assignment_deletion_status(
        InstanceArn=names["InstanceArn"], AccountAssignmentDeletionRequestId=begun["RequestId"]
    )["AccountAssignmentDeletionStatus"]
    return status


def test_an_assignment_is_begun_made_and_taken_away(
    cloud: RunningCloud, sso: Any, names: dict[str, str], ada: str
) -> None:
    begun = create(sso, names, ada)
    assert (begun["Status"], begun["PrincipalId"], begun["TargetId"]) == ("IN_PROGRESS", ada, PRODUCTION)
    assert creation(sso, names, begun) == {**begun, "Status": "SUCCEEDED"}
    assert cloud.assignments("devops", PRODUCTION) == ["ada.lovelace"]
    ended = delete(sso, names, ada)
    assert ended["Status"] == "IN_PROGRESS"
    assert deletion(sso, names, ended)["Status"] == "SUCCEEDED"
    assert cloud.assignments("devops", PRODUCTION) == []


def test_assignment_with_polls_stays_in_progress_for_them(
    cloud: RunningCloud, sso: Any, names: dict[str, str], ada: str
) -> None:
    cloud.set_assignment_behavior(polls=2, times=1)
    begun = create(sso, names, ada)
    assert creation(sso, names, begun)["Status"] == "IN_PROGRESS"
    assert cloud.assignments("devops", PRODUCTION) == []
    assert [creation(sso, names, begun)["Status"] for _ in range(2)] == ["IN_PROGRESS", "SUCCEEDED"]
    assert cloud.assignments("devops", PRODUCTION) == ["ada.lovelace"]


def test_assignment_with_seconds_is_made_without_a_poll(
    cloud: RunningCloud, sso: Any, names: dict[str, str], ada: str
) -> None:
    cloud.set_assignment_behavior(seconds=0.3, times=1)
    create(sso, names, ada)
    assert listed(sso, names, PRODUCTION) == []
    while not listed(sso, names, PRODUCTION):
        pass


def test_assignment_in_progress_conflicts_with_another_operation(
    cloud: RunningCloud, sso: Any, names: dict[str, str], ada: str
) -> None:
    cloud.set_assignment_behavior(polls=2, times=1)
    begun = create(sso, names, ada)
    for operation in (create, delete):
        with pytest.raises(ClientError, match="ConflictException"):
            operation(sso, names, ada)
    create(sso, names, ada, STAGING)
    assert creation(sso, names, begun)["Status"] == "SUCCEEDED"
    assert delete(sso, names, ada)["Status"] == "IN_PROGRESS"


def test_assignment_with_a_failure_fails_and_has_no_effect(
    cloud: RunningCloud, sso: Any, names: dict[str, str], ada: str
) -> None:
    cloud.set_assignment_behavior(operations=["CreateAccountAssignment"], failure=PROPAGATION, times=1)
    failed = creation(sso, names, create(sso, names, ada))
    assert (failed["Status"], failed["FailureReason"]) == ("FAILED", PROPAGATION)
    assert listed(sso, names, PRODUCTION) == []
    assert creation(sso, names, create(sso, names, ada))["Status"] == "SUCCEEDED"


def test_a_deletion_fails_and_leaves_the_assignment(
    cloud: RunningCloud, sso: Any, names: dict[str, str], ada: str
) -> None:
    creation(sso, names, create(sso, names, ada))
    cloud.set_assignment_behavior(operations=["DeleteAccountAssignment"], failure=NO_ASSIGNEE, times=1)
    assert deletion(sso, names, delete(sso, names, ada))["Status"] == "FAILED"
    assert cloud.assignments("devops", PRODUCTION) == ["ada.lovelace"]


def test_the_same_assignment_twice_is_one(sso: Any, names: dict[str, str], ada: str) -> None:
    for _ in range(2):
        creation(sso, names, create(sso, names, ada))
    assert len(listed(sso, names, PRODUCTION)) == 1


def test_what_is_not_there_can_not_be_taken_away(sso: Any, names: dict[str, str], ada: str) -> None:
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        delete(sso, names, ada)


def test_a_creation_is_no_deletion(sso: Any, names: dict[str, str], ada: str) -> None:
    begun = create(sso, names, ada)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        deletion(sso, names, begun)


def test_assignments_come_in_pages(sso: Any, store: tuple[Any, str], names: dict[str, str]) -> None:
    people = {user_id(store, "UserName", name) for name in ("ada.lovelace", "grace.hopper", "alan.turing")}
    for person in people:
        creation(sso, names, create(sso, names, person))
    assert {each["PrincipalId"] for each in listed(sso, names, PRODUCTION)} == people


def test_a_set_is_provisioned_where_somebody_is_assigned_it(sso: Any, names: dict[str, str], ada: str) -> None:
    assert sso.list_accounts_for_provisioned_permission_set(**names)["AccountIds"] == []
    for account in ACCOUNTS:
        creation(sso, names, create(sso, names, ada, account))
    assert sso.list_accounts_for_provisioned_permission_set(**names)["AccountIds"] == sorted(ACCOUNTS)


def test_a_person_is_found_by_name_and_by_address(store: tuple[Any, str], ada: str) -> None:
    assert user_id(store, "Emails.Value", "ada.lovelace@example.com") == ada
    client, store_id = store
    for attribute, value in (("UserName", "nobody"), ("Emails.Value", "ada@example.com")):
        with pytest.raises(client.exceptions.ResourceNotFoundException):
            user_id(store, attribute, value)
    told = client.describe_user(IdentityStoreId=store_id, UserId=ada)
    assert (told["UserName"], told["DisplayName"], told["UserStatus"]) == ("ada.lovelace", "Ada Lovelace", "ENABLED")
    assert told["Emails"] == [{"Value": "ada.lovelace@example.com", "Type": "work", "Primary": True}]


def test_a_person_is_disabled(cloud: RunningCloud, store: tuple[Any, str], ada: str) -> None:
    client, store_id = store
    cloud.set_user_status("ada.lovelace", "DISABLED")
    assert client.describe_user(IdentityStoreId=store_id, UserId=ada)["UserStatus"] == "DISABLED"
    cloud.set_user_status("ada.lovelace", "ENABLED")
    assert client.describe_user(IdentityStoreId=store_id, UserId=ada)["UserStatus"] == "ENABLED"


def test_the_groups_of_a_person_come_in_pages(store: tuple[Any, str]) -> None:
    client, store_id = store
    grace = user_id(store, "UserName", "grace.hopper")
    pages = client.get_paginator("list_group_memberships_for_member").paginate(
        IdentityStoreId=store_id, MemberId={"UserId": grace}, PaginationConfig={"PageSize": 1}
    )
    groups = [each["GroupId"] for page in pages for each in page["GroupMemberships"]]
    named = {client.describe_group(IdentityStoreId=store_id, GroupId=group)["DisplayName"] for group in groups}
    assert named == {name for name, members in GROUPS.items() if "grace.hopper" in members}


def test_a_policy_of_the_organization_is_read_and_rewritten(cloud: RunningCloud) -> None:
    organizations = cloud.client("organizations")
    made = organizations.create_policy(
        Name="ended-sessions", Description="", Type="SERVICE_CONTROL_POLICY", Content='{"Version": "2012-10-17"}'
    )
    policy = made["Policy"]["PolicySummary"]["Id"]
    content = '{"Version": "2012-10-17", "Statement": []}'
    organizations.update_policy(PolicyId=policy, Content=content)
    told = organizations.describe_policy(PolicyId=policy)["Policy"]
    assert (told["Content"], told["PolicySummary"]["Name"]) == (content, "ended-sessions")
    organizations.delete_policy(PolicyId=policy)
    assert organizations.describe_organization()["Organization"]["MasterAccountId"] == MANAGEMENT_ACCOUNT
