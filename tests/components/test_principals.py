"""Names of groups and users become IDs, and each missing name has its own error.

Not proven here: the real provider's text for a missing name.
"""

from typing import Any

import pulumi
import pytest

from breakglass.app.domain.policy import PrincipalKind
from breakglass.components.permission_sets.identity_store import IdentityStore, Missing, key_problem
from breakglass.stack_file.principals import NamedPrincipal, PrincipalSpec
from tests.conftest import IDENTITY_STORE_ID, REGION, ProviderError, deploy

GET_USER = "aws:identitystore/getUser:getUser"
LEADS = NamedPrincipal(PrincipalKind.group, "database-leads", by_id=False)
ADA = NamedPrincipal(PrincipalKind.user, "ada.lovelace", by_id=False)
ADA_BY_ID = NamedPrincipal(PrincipalKind.user, "9067712ab3-11112222-3333-4444-5555-666677778888", by_id=True)


class Holder(pulumi.ComponentResource):
    def __init__(self) -> None:
        super().__init__("test:index:Holder", "holder", None, None)
        self.store = IdentityStore(pulumi.Output.from_input(IDENTITY_STORE_ID), REGION, self)
        self.register_outputs({})


def no_such_user(_: object) -> dict[str, Any]:
    raise ProviderError("ResourceNotFoundException: USER not found.")


@pytest.mark.parametrize(
    ("entry", "key"),
    [
        (PrincipalSpec(group="database-leads"), "group:database-leads"),
        (
            PrincipalSpec(group_id="9067712ab3-11112222-3333-4444-5555-666677778888"),
            "groupId:9067712ab3-11112222-3333-4444-5555-666677778888",
        ),
        (PrincipalSpec(user="ada.lovelace"), "user:ada.lovelace"),
        (
            PrincipalSpec(user_id="9067712ab3-11112222-3333-4444-5555-666677778888"),
            "userId:9067712ab3-11112222-3333-4444-5555-666677778888",
        ),
    ],
)
def test_logical_name_has_the_entry_as_written(entry: PrincipalSpec, key: str) -> None:
    assert entry.principal.key == key


def test_missing_name_does_not_hide_others() -> None:
    def program() -> dict[str, Any]:
        store = Holder().store
        return {principal.key: store.answer_about(principal) for principal in (LEADS, ADA, ADA_BY_ID)}

    deployment = deploy(program, answers={GET_USER: no_such_user})

    assert deployment.outputs == {
        "group:database-leads": "id-of-group-database-leads",
        "user:ada.lovelace": Missing("ResourceNotFoundException: USER not found."),
        "userId:9067712ab3-11112222-3333-4444-5555-666677778888": "9067712ab3-11112222-3333-4444-5555-666677778888",
    }
    assert len(deployment.calls) == 2


def test_missing_required_name_fails_with_its_name() -> None:
    def program() -> dict[str, Any]:
        return {"id": Holder().store.id_of(ADA)}

    with pytest.raises(pulumi.RunError, match=r"user:ada\.lovelace") as refused:
        deploy(program, answers={GET_USER: no_such_user})

    report = " ".join(str(refused.value).split())
    assert "The identity store has no user of this name" in report
    assert "ResourceNotFoundException: USER not found. instead: Write the user name" in report


def may_not_decrypt(_: object) -> dict[str, Any]:
    raise ProviderError(
        "AccessDeniedException: User: arn:aws:sts::111111111111:assumed-role/deploy/me is not authorized to perform: "
        "kms:Decrypt on resource: arn:aws:kms:eu-central-1:111111111111:key/mrk-1234"
    )


def test_principal_behind_kms_key_fails_with_key_problem() -> None:
    with pytest.raises(pulumi.RunError) as refused:
        deploy(lambda: {"id": Holder().store.id_of(ADA)}, answers={GET_USER: may_not_decrypt})

    report = " ".join(str(refused.value).split())
    assert "permissionSets.identityCenterKmsKeyArn" in report
    assert "key/mrk-1234" in report
    assert "no user of this name" not in report


@pytest.mark.parametrize(
    ("said", "of_the_key"),
    [
        ("AccessDeniedException: not authorized to perform kms:Decrypt", True),
        ("operation error identitystore: GetGroupId, KMS_ACCESS_DENIED", True),
        ("ValidationException: KMS_DISABLED", True),
        ("AccessDeniedException: not authorized to perform: identitystore:GetGroupId", False),
        ("ResourceNotFoundException: GROUP not found.", False),
    ],
)
def test_key_problem_only_where_kms_refuses(said: str, of_the_key: bool) -> None:
    assert (key_problem(said) is not None) == of_the_key


GET_MEMBERSHIPS = "aws:identitystore/getGroupMemberships:getGroupMemberships"


def members(answer: Any) -> Any:
    return deploy(lambda: {"members": Holder().store.members("g-1")}, answers={GET_MEMBERSHIPS: answer}).outputs


def test_members_of_a_group() -> None:
    def memberships(args: Any) -> dict[str, Any]:
        assert args == {"identityStoreId": IDENTITY_STORE_ID, "groupId": "g-1", "region": REGION}
        return {"groupMemberships": [{"memberId": {"userId": "u-2"}}, {"memberId": {"userId": "u-1"}}]}

    assert members(memberships) == {"members": ["u-2", "u-1"]}


def test_unreadable_members_are_missing() -> None:
    def refused(_: object) -> dict[str, Any]:
        raise ProviderError("AccessDeniedException")

    assert members(refused) == {"members": Missing("AccessDeniedException")}


def test_group_without_members_is_empty() -> None:
    def nobody(_: object) -> dict[str, Any]:
        return {"groupMemberships": []}

    assert members(nobody) == {"members": []}
