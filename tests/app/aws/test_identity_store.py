"""Users and groups of the identity store, by the local cloud and by scripted answers.

It does not prove what AWS's GetUserId takes for equal.
"""

from typing import Any

import pytest

from breakglass.app.aws.aws import AwsClient, AwsError, RetryPolicy
from breakglass.app.aws.identity_store import IdentityStore
from breakglass.app.aws.sigv4 import Credentials
from breakglass.app.domain.people import Person
from breakglass.app.domain.policy import Principal, PrincipalKind
from localcloud.cloud import RunningCloud
from localcloud.emulators.identity import GROUPS, USERS, email_address
from tests.app.aws.local_table import local_client
from tests.app.aws.scripted_server import Reply, ScriptedServer, refusal

STORE = "d-1234567890"
USER: dict[str, Any] = {
    "UserId": "u-1",
    "UserName": "ada",
    "DisplayName": "Ada Lovelace",
    "UserStatus": "ENABLED",
    "Emails": [{"Value": "other@example.com"}, {"Value": "Ada@example.com", "Primary": True}],
}
ADA = Person("u-1", "ada", "Ada Lovelace", frozenset({"g-1", "g-2"}), email="Ada@example.com")
FOUND = Reply({"UserId": "u-1", "IdentityStoreId": STORE})
NOBODY = refusal("ResourceNotFoundException")


@pytest.fixture
def directory(server: ScriptedServer) -> IdentityStore:
    environment = {"AWS_ENDPOINT_URL": server.url}
    credentials = Credentials("AKIDEXAMPLE", "any")
    client = AwsClient("eu-central-1", lambda: credentials, RetryPolicy(attempts=1), environment)
    return IdentityStore(client, STORE)


def user(**changes: Any) -> Reply:
    return Reply({**USER, **changes})


def memberships(*ids: tuple[str, str], token: str | None = None) -> Reply:
    found = [{"GroupId": group_id, "MemberId": {"UserId": user_id}} for group_id, user_id in ids]
    return Reply({"GroupMemberships": found, "NextToken": token})


GROUPS_OF_ADA = (memberships(("g-1", "u-1"), token="more"), memberships(("g-2", "u-1")))


def test_a_person_has_all_their_groups(server: ScriptedServer, directory: IdentityStore) -> None:
    server.answers(user(), *GROUPS_OF_ADA)
    assert directory.person("u-1") == ADA
    assert server.operations() == ["DescribeUser", *["ListGroupMembershipsForMember"] * 2]
    assert server.asked[1].json == {
        "IdentityStoreId": STORE,
        "MaxResults": 100,
        "MemberId": {"UserId": "u-1"},
    }


def test_a_person_is_found_by_any_of_their_addresses(server: ScriptedServer, directory: IdentityStore) -> None:
    for address in ("Ada@example.com", "other@example.com"):
        server.answers(FOUND, user(), *GROUPS_OF_ADA)
        assert directory.person_by_email(address) == ADA
    attribute = {"AttributePath": "emails.value", "AttributeValue": "Ada@example.com"}
    assert server.asked[0].json["AlternateIdentifier"] == {"UniqueAttribute": attribute}


@pytest.mark.parametrize("address", ["ada@example.com", "ADA@EXAMPLE.COM", "Ada@example.com ", "Ada@ex\u0430mple.com"])
def test_person_by_a_similar_address_is_none(server: ScriptedServer, directory: IdentityStore, address: str) -> None:
    server.answers(FOUND, user(), *GROUPS_OF_ADA)
    assert directory.person_by_email(address) is None


@pytest.mark.parametrize("address", ["ada@example.com", "ADA@EXAMPLE.COM"])
def test_address_in_other_case_is_told(server: ScriptedServer, directory: IdentityStore, address: str) -> None:
    # AWS may ignore case or not.
    server.answers(FOUND, user(), FOUND, user())
    assert directory.is_in_other_case(address)
    server.answers(NOBODY, FOUND, user(Emails=[{"Value": address.lower()}]))
    assert directory.is_in_other_case(address) is (address != address.lower())


def test_address_that_differs_otherwise_is_not_in_other_case(server: ScriptedServer, directory: IdentityStore) -> None:
    server.answers(FOUND, user(), FOUND, user())
    assert not directory.is_in_other_case("Ada@example.org")
    server.answers(FOUND, user(), FOUND, user(Emails=[{"Value": "Ada@example.com"}]))
    assert not directory.is_in_other_case("Ada@example.com")
    server.answers(NOBODY)
    assert not directory.is_in_other_case("Ada@example.com")


def test_a_person_is_found_by_their_user_name(server: ScriptedServer, directory: IdentityStore) -> None:
    server.answers(FOUND, user(), *GROUPS_OF_ADA)
    assert directory.person_by_user_name("ada") == ADA
    assert server.asked[0].json["AlternateIdentifier"]["UniqueAttribute"]["AttributePath"] == "userName"
    server.answers(FOUND, user(), *GROUPS_OF_ADA)
    assert directory.person_by_user_name("Ada") is None


@pytest.mark.parametrize("emails", [None, [], [{"Type": "work"}]])
def test_a_person_may_have_no_address(
    server: ScriptedServer, directory: IdentityStore, emails: list[dict[str, Any]] | None
) -> None:
    server.answers(user(Emails=emails, DisplayName=None), memberships())
    assert directory.person("u-1") == Person("u-1", "ada", "ada")
    server.answers(FOUND, user(Emails=emails))
    assert directory.person_by_email("ada@example.com") is None


def test_a_disabled_user_is_nobody(server: ScriptedServer, directory: IdentityStore) -> None:
    server.answers(user(UserStatus="DISABLED"))
    assert directory.person("u-1") is None
    server.answers(FOUND, user(UserStatus="DISABLED"))
    assert directory.person_by_email("Ada@example.com") is None
    server.answers(FOUND, user(UserStatus="DISABLED"))
    assert directory.person_by_user_name("ada") is None
    server.answers(user(UserStatus="DISABLED"))
    assert directory.members([Principal(PrincipalKind.user, "u-1", "ada")]) == ()


def test_a_user_whose_status_is_not_told_is_enabled(server: ScriptedServer, directory: IdentityStore) -> None:
    told = {key: value for key, value in USER.items() if key != "UserStatus"}
    server.answers(Reply(told), *GROUPS_OF_ADA)
    assert directory.person("u-1") == ADA


def test_who_is_not_there_is_nobody(server: ScriptedServer, directory: IdentityStore) -> None:
    server.answers(NOBODY)
    assert directory.person("u-1") is None
    assert directory.person_by_email("ada@example.com") is None
    assert directory.person_by_user_name("ada") is None


def test_an_empty_identity_is_nobody_and_not_asked_for(server: ScriptedServer, directory: IdentityStore) -> None:
    assert directory.person("") is None
    assert directory.person_by_email("") is None
    assert directory.person_by_user_name("") is None
    assert server.asked == []


def test_members_come_once_and_without_groups(server: ScriptedServer, directory: IdentityStore) -> None:
    server.answers(
        memberships(("g-1", "u-1"), token="more"), memberships(("g-1", "u-2")), user(), user(UserId="u-2"), user()
    )
    principals = [
        Principal(PrincipalKind.group, "g-1", "team"),
        Principal(PrincipalKind.user, "u-2", "bea"),
        Principal(PrincipalKind.user, "u-1", "ada"),
    ]
    assert [(person.user_id, person.group_ids) for person in directory.members(principals)] == [
        ("u-1", frozenset()),
        ("u-2", frozenset()),
    ]
    assert server.operations() == ["ListGroupMemberships"] * 2 + ["DescribeUser"] * 2


def test_a_group_that_was_deleted_has_no_members(server: ScriptedServer, directory: IdentityStore) -> None:
    server.answers(NOBODY)
    assert directory.members([Principal(PrincipalKind.group, "g-1", "team")]) == ()


def test_person_without_an_answer_raises(server: ScriptedServer, directory: IdentityStore) -> None:
    server.answers(refusal("AccessDeniedException"))
    for ask in (directory.person, directory.person_by_email, directory.person_by_user_name):
        with pytest.raises(AwsError):
            ask("any")
    with pytest.raises(AwsError):
        directory.members([Principal(PrincipalKind.group, "g-1", "team")])


# In the local cloud


@pytest.fixture(scope="module")
def local(cloud: RunningCloud) -> IdentityStore:
    [instance] = cloud.client("sso-admin").list_instances()["Instances"]
    return IdentityStore(local_client(cloud), instance["IdentityStoreId"])


@pytest.fixture(scope="module")
def groups(cloud: RunningCloud) -> dict[str, Principal]:
    [instance] = cloud.client("sso-admin").list_instances()["Instances"]
    found = cloud.client("identitystore").list_groups(IdentityStoreId=instance["IdentityStoreId"])["Groups"]
    names = {group["DisplayName"]: group["GroupId"] for group in found}
    return {name: Principal(PrincipalKind.group, names[name], name) for name in GROUPS}


@pytest.mark.local
@pytest.mark.parametrize("name", USERS)
def test_each_local_user_is_found_by_each_name(local: IdentityStore, groups: dict[str, Principal], name: str) -> None:
    person = local.person_by_email(email_address(name))
    assert person is not None
    assert (person.user_name, person.display_name, person.email) == (name, USERS[name], email_address(name))
    assert person.group_ids == {groups[group].id for group, members in GROUPS.items() if name in members}
    assert local.person(person.user_id) == local.person_by_user_name(name) == person


@pytest.mark.local
def test_members_in_the_local_cloud_are_the_people_of_the_groups(
    local: IdentityStore, groups: dict[str, Principal]
) -> None:
    found = local.members([groups["database-oncall"], groups["network-oncall"]])
    assert sorted(person.user_name for person in found) == ["ada.lovelace", "alan.turing", "grace.hopper"]


@pytest.mark.local
def test_nobody_in_the_local_cloud_has_another_name(local: IdentityStore) -> None:
    assert local.person_by_email("nobody@example.com") is None
    assert local.person_by_user_name("nobody") is None
    assert local.person("00000000-0000-0000-0000-000000000000") is None


@pytest.mark.local
def test_somebody_who_was_disabled_in_the_local_cloud_is_nobody(
    cloud: RunningCloud, local: IdentityStore, groups: dict[str, Principal]
) -> None:
    cloud.set_user_status("alan.turing", "DISABLED")
    try:
        assert local.person_by_user_name("alan.turing") is None
        assert "alan.turing" not in {person.user_name for person in local.members([groups["network-oncall"]])}
    finally:
        cloud.set_user_status("alan.turing", "ENABLED")
