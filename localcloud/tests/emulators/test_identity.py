"""The organization of the local cloud, and what it adds to moto's permission sets, through AWS's own API."""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localcloud.cloud import MANAGEMENT_ACCOUNT, REGION, RunningCloud
from localcloud.emulators.identity import ACCOUNTS, GROUPS, ORGANIZATION_ID, ROOT_ID, UNITS, USERS

pytestmark = pytest.mark.local


@pytest.fixture(scope="module")
def sso(cloud: RunningCloud) -> Any:
    return cloud.client("sso-admin")


@pytest.fixture(scope="module")
def instance(sso: Any) -> dict[str, Any]:
    [only] = sso.list_instances()["Instances"]
    return only


@pytest.fixture
def permission_set(sso: Any, instance: dict[str, Any]) -> Iterator[dict[str, str]]:
    """Arguments that name a new permission set."""
    names = {"InstanceArn": instance["InstanceArn"]}
    created = sso.create_permission_set(**names, Name="devops", Tags=[{"Key": "team", "Value": "platform"}])
    names["PermissionSetArn"] = created["PermissionSet"]["PermissionSetArn"]
    yield names
    sso.delete_permission_set(**names)


def test_the_management_account_owns_the_only_instance(instance: dict[str, Any]) -> None:
    assert instance["OwnerAccountId"] == MANAGEMENT_ACCOUNT


def test_the_instance_is_in_its_first_region(sso: Any, instance: dict[str, Any]) -> None:
    regions = sso.list_regions(InstanceArn=instance["InstanceArn"])["Regions"]
    assert [(each["RegionName"], each["Status"], each["IsPrimaryRegion"]) for each in regions] == [
        (REGION, "ACTIVE", True)
    ]


def test_the_organization_has_the_accounts(cloud: RunningCloud) -> None:
    organizations = cloud.client("organizations")
    assert organizations.describe_organization()["Organization"]["MasterAccountId"] == MANAGEMENT_ACCOUNT
    accounts = {account["Id"]: account["Name"] for account in organizations.list_accounts()["Accounts"]}
    assert accounts == {MANAGEMENT_ACCOUNT: "master", **ACCOUNTS}


def test_accounts_name_their_path_in_the_organization(cloud: RunningCloud) -> None:
    organizations, workloads = cloud.client("organizations"), next(iter(UNITS))
    production = next(iter(ACCOUNTS))

    def paths() -> dict[str, list[str]]:
        return {each["Id"]: each["Paths"] for each in organizations.list_accounts()["Accounts"]}

    top = f"{ORGANIZATION_ID}/{ROOT_ID}"
    assert paths()[MANAGEMENT_ACCOUNT] == [f"{top}/{MANAGEMENT_ACCOUNT}/"]
    assert paths()[production] == [f"{top}/{workloads}/{production}/"]
    lower = organizations.create_organizational_unit(ParentId=workloads, Name="lower")["OrganizationalUnit"]["Id"]
    organizations.move_account(AccountId=production, SourceParentId=workloads, DestinationParentId=lower)
    assert paths()[production] == [f"{top}/{workloads}/{lower}/{production}/"]
    organizations.move_account(AccountId=production, SourceParentId=lower, DestinationParentId=workloads)


def test_each_group_is_found_by_name_and_holds_its_members(cloud: RunningCloud, instance: dict[str, Any]) -> None:
    store = cloud.client("identitystore")
    store_id = instance["IdentityStoreId"]

    def found(operation: str, path: str, value: str) -> dict[str, Any]:
        attribute = {"UniqueAttribute": {"AttributePath": path, "AttributeValue": value}}
        answer: dict[str, Any] = getattr(store, operation)(IdentityStoreId=store_id, AlternateIdentifier=attribute)
        return answer

    users = {name: found("get_user_id", "userName", name)["UserId"] for name in USERS}
    assert len(set(users.values())) == len(USERS)
    for name, members_of_it in GROUPS.items():
        group = found("get_group_id", "displayName", name)["GroupId"]
        members = store.list_group_memberships(IdentityStoreId=store_id, GroupId=group)["GroupMemberships"]
        assert {member["MemberId"]["UserId"] for member in members} == {users[each] for each in members_of_it}


@pytest.mark.parametrize(
    "boundary",
    [
        {"ManagedPolicyArn": "arn:aws:iam::aws:policy/AmazonRDSFullAccess"},
        {"CustomerManagedPolicyReference": {"Name": "boundary", "Path": "/"}},
    ],
)
def test_a_permissions_boundary_is_put_read_and_deleted(
    sso: Any, permission_set: dict[str, str], boundary: dict[str, Any]
) -> None:
    def read() -> dict[str, Any]:
        answer: dict[str, Any] = sso.get_permissions_boundary_for_permission_set(**permission_set)
        return answer["PermissionsBoundary"]

    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        read()
    sso.put_permissions_boundary_to_permission_set(**permission_set, PermissionsBoundary=boundary)
    assert read() == boundary
    sso.delete_permissions_boundary_from_permission_set(**permission_set)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        read()
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        sso.delete_permissions_boundary_from_permission_set(**permission_set)


def test_tags_are_listed_added_changed_and_removed(sso: Any, permission_set: dict[str, str]) -> None:
    resource = {"InstanceArn": permission_set["InstanceArn"], "ResourceArn": permission_set["PermissionSetArn"]}

    def tags() -> dict[str, str]:
        return {tag["Key"]: tag["Value"] for tag in sso.list_tags_for_resource(**resource)["Tags"]}

    assert tags() == {"team": "platform"}
    sso.tag_resource(**resource, Tags=[{"Key": "team", "Value": "db"}, {"Key": "cost", "Value": "1"}])
    assert tags() == {"team": "db", "cost": "1"}
    sso.untag_resource(**resource, TagKeys=["team", "absent"])
    assert tags() == {"cost": "1"}


def test_an_unknown_permission_set_is_refused(sso: Any, permission_set: dict[str, str]) -> None:
    unknown = {**permission_set, "PermissionSetArn": f"{permission_set['PermissionSetArn'][:-16]}{'0' * 16}"}
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        sso.get_permissions_boundary_for_permission_set(**unknown)


def test_further_region_of_identity_center_is_listed(sso: Any) -> None:
    arn = sso.list_instances()["Instances"][0]["InstanceArn"]

    def regions() -> dict[str, bool]:
        return {each["RegionName"]: each["IsPrimaryRegion"] for each in sso.list_regions(InstanceArn=arn)["Regions"]}

    assert regions() == {REGION: True}
    sso.add_region(InstanceArn=arn, RegionName="us-east-1")
    assert regions() == {REGION: True, "us-east-1": False}
    assert sso.describe_region(InstanceArn=arn, RegionName="us-east-1")["Status"] == "ACTIVE"
    sso.remove_region(InstanceArn=arn, RegionName="us-east-1")
    assert regions() == {REGION: True}
    with pytest.raises(sso.exceptions.ConflictException):
        sso.remove_region(InstanceArn=arn, RegionName=REGION)


def test_accounts_have_been_members_for_long(cloud: RunningCloud) -> None:
    accounts = cloud.client("organizations").list_accounts()["Accounts"]
    joined = [account["JoinedTimestamp"].year for account in accounts if account["Id"] in ACCOUNTS]
    assert joined == [2020] * len(ACCOUNTS)
