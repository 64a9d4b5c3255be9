"""The users and groups of moto's identity store, and their assignments.

Non-goals: changing groups, for which moto has AWS's own operations.
"""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from moto.identitystore.responses import IdentityStoreResponse


class EmulatedDirectory:
    """Groups, users and assignments in moto of this process.

    Args:
        account: id of the account that owns the Identity Center instance.
        region: home region of Identity Center.
    """

    def __init__(self, account: str, region: str) -> None:
        from moto.identitystore.models import identitystore_backends
        from moto.ssoadmin.models import ssoadmin_backends

        self._center = ssoadmin_backends[account][region]
        self._backend = identitystore_backends[account][region]
        self.store_id = self._center.list_instances()[0].identity_store_id
        self._disabled: set[str] = set()

    def add_user(self, user_name: str, display_name: str, email: str) -> str:
        given, family = display_name.split()
        name, emails = {"GivenName": given, "FamilyName": family}, [{"Value": email, "Type": "work", "Primary": True}]
        return self._backend.create_user(
            self.store_id, user_name, name, display_name, "", "", emails, [], [], "", "", "", "", ""
        )[0]

    def add_group(self, name: str, members: list[str]) -> None:
        group = self._backend.create_group(self.store_id, name, "")[0]
        for user_id in members:
            self._backend.create_group_membership(self.store_id, group, {"UserId": user_id})

    def set_status(self, user_name: str, status: str) -> None:
        """Makes a user ENABLED or DISABLED; no API does, only the console.

        Raises:
            KeyError: if there is no such user.
        """
        user_id = {user.UserName: user.UserId for user in self._data.users.values()}[user_name]
        (self._disabled.add if status == "DISABLED" else self._disabled.discard)(user_id)

    def install(self) -> None:
        """Lets moto's DescribeUser tell the status."""
        from moto.identitystore.responses import IdentityStoreResponse

        describe: Callable[[IdentityStoreResponse], str] = IdentityStoreResponse.describe_user

        def describe_user(request: "IdentityStoreResponse") -> str:
            told = json.loads(describe(request))
            return json.dumps({**told, "UserStatus": "DISABLED" if told["UserId"] in self._disabled else "ENABLED"})

        # Assigned by name: a type checker takes the method for each that no other may replace.
        setattr(IdentityStoreResponse, describe_user.__name__, describe_user)

    def list_assigned(self, permission_set: str, account: str) -> list[dict[str, str]]:
        """Tells who is assigned a permission set in an account: `type` (USER or GROUP), `id` and `name`."""
        arns = {each.permission_set_arn for each in self._center.permission_sets if each.name == permission_set}
        return [
            {"type": each.principal_type, "id": each.principal_id, "name": self._name(each.principal_id)}
            for each in list(self._center.account_assignments)
            if each.permission_set_arn in arns and each.target_id == account
        ]

    @property
    def _data(self) -> Any:
        return self._backend.identity_stores[self.store_id]

    def _name(self, principal_id: str) -> str:
        user, group = self._data.users.get(principal_id), self._data.groups.get(principal_id)
        return user.UserName if user else group.DisplayName if group else principal_id
