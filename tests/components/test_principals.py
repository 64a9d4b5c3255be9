"""Names of groups and users become ids, all at once, and a name that can't be found is told by itself.

Not proven here: what the real provider says of a name that isn't there.
"""

from dataclasses import dataclass
from typing import Any

import pulumi
import pytest

from breakglass.components.principals import IdentityStore, Named, NotFoundError, named, principal_id
from breakglass.lambdas.domain.policy import PrincipalKind
from tests.conftest import IDENTITY_STORE_ID, REGION, ProviderError, deploy

GET_USER = "aws:identitystore/getUser:getUser"
LEADS = Named(PrincipalKind.group, "database-leads", by_id=False)
ADA = Named(PrincipalKind.user, "ada.lovelace", by_id=False)
ADA_BY_ID = Named(PrincipalKind.user, "9067712ab3-0001", by_id=True)


@dataclass(frozen=True)
class Entry:
    group: str | None = None
    group_id: str | None = None
    user: str | None = None
    user_id: str | None = None


class Holder(pulumi.ComponentResource):
    def __init__(self) -> None:
        super().__init__("test:index:Holder", "holder", None, None)
        self.store = IdentityStore(IDENTITY_STORE_ID, REGION, self)
        self.register_outputs({})


def no_such_user(_: object) -> dict[str, Any]:
    raise ProviderError("ResourceNotFoundException: USER not found.")


def ids(*principals: Named) -> dict[str, Any]:
    def program() -> dict[str, Any]:
        store = Holder().store
        found = pulumi.Output.from_input(IDENTITY_STORE_ID).apply(lambda _: store.ids(principals))
        return {"found": found.apply(lambda by_name: {one.key: said(each) for one, each in by_name.items()})}

    def said(each: str | NotFoundError) -> str:
        return each if isinstance(each, str) else f"not found: {each}"

    deployment = deploy(program, answers={GET_USER: no_such_user})
    return {**deployment.outputs["found"], "calls": len(deployment.calls)}


@pytest.mark.parametrize(
    ("entry", "key"),
    [
        (Entry(group="database-leads"), "group:database-leads"),
        (Entry(group_id="9067712ab3-0001"), "groupId:9067712ab3-0001"),
        (Entry(user="ada.lovelace"), "user:ada.lovelace"),
        (Entry(user_id="9067712ab3-0001"), "userId:9067712ab3-0001"),
    ],
)
def test_an_entry_is_called_in_logical_names_as_it_is_written(entry: Entry, key: str) -> None:
    assert named(entry).key == key


def test_of_many_names_each_is_looked_up_once_and_a_wrong_one_does_not_hide_the_others() -> None:
    assert ids(LEADS, ADA, ADA_BY_ID, LEADS) == {
        "group:database-leads": "id-of-group-database-leads",
        "user:ada.lovelace": "not found: ResourceNotFoundException: USER not found.",
        "userId:9067712ab3-0001": "9067712ab3-0001",
        "calls": 2,
    }


def test_a_name_that_has_to_be_there_is_named_where_it_is_not() -> None:
    def program() -> dict[str, Any]:
        return {"id": principal_id(ADA, pulumi.Output.from_input(IDENTITY_STORE_ID), REGION, Holder())}

    with pytest.raises(pulumi.RunError, match=r"user:ada\.lovelace") as refused:
        deploy(program, answers={GET_USER: no_such_user})

    report = " ".join(str(refused.value).split())
    assert "identity store d-9967712ab3 does not tell of a user of this name" in report
    assert "ResourceNotFoundException: USER not found. instead: Write the user name" in report


def test_members_of_a_group() -> None:
    def memberships(args: Any) -> dict[str, Any]:
        assert args == {"identityStoreId": IDENTITY_STORE_ID, "groupId": "g-1", "region": REGION}
        return {"groupMemberships": [{"memberId": {"userId": "u-2"}}, {"memberId": {"userId": "u-1"}}]}

    def program() -> dict[str, Any]:
        return {"members": pulumi.Output.from_input(Holder().store.members("g-1")).apply(sorted)}

    answers = {"aws:identitystore/getGroupMemberships:getGroupMemberships": memberships}
    assert deploy(program, answers=answers).outputs == {"members": ["u-1", "u-2"]}
