"""People and groups, by the API of Identity Center's identity store.

A user name and an e-mail address are unique in an identity store
(https://repost.aws/knowledge-center/iam-identity-center-provision). AWS does not document how the API compares them, so
a result is compared again here, letter by letter.

Source: https://docs.aws.amazon.com/singlesignon/latest/IdentityStoreAPIReference/

Non-goals: caching. A decision needs the current members of a group.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from breakglass.app.aws.aws import AwsClient, AwsError
from breakglass.app.aws.services import IDENTITY_STORE
from breakglass.app.domain.people import Person
from breakglass.app.domain.policy import Principal, PrincipalKind
from breakglass.app.domain.records import LONGEST_NAME

_PAGE = 100
"""Maximum items of a page."""


class IdentityStore:
    """Implements `ports.Directory`; each method raises `AwsError` if AWS refuses or every attempt fails.

    Args:
        client: to call the identity store with.
        store_id: ID of the identity store, `d-...`.
    """

    def __init__(self, client: AwsClient, store_id: str) -> None:
        self._client = client
        self._store_id = store_id

    def person(self, user_id: str) -> Person | None:
        """DescribeUser and ListGroupMembershipsForMember."""
        user = self._user(user_id)
        return self._with_groups(user) if user else None

    def person_by_email(self, address: str) -> Person | None:
        """GetUserId by `emails.value`, then as `person`."""
        user = self._found("emails.value", address)
        has_it = user is not None and address in (email.get("Value") for email in user.get("Emails") or ())
        return self._with_groups(user) if user and has_it else None

    def is_in_other_case(self, address: str) -> bool:
        """GetUserId by `emails.value`, of the address and of it in lower case.

        AWS does not document whether it ignores case; either way, one of the two finds the usual case, a lower-case
        address in the identity store.
        """
        users = (self._found("emails.value", spelled) for spelled in dict.fromkeys((address, address.lower())))
        emails = (email.get("Value") or "" for user in users if user for email in user.get("Emails") or ())
        return any(email != address and email.casefold() == address.casefold() for email in emails)

    def person_by_user_name(self, user_name: str) -> Person | None:
        """GetUserId by `userName`, then as `person`."""
        user = self._found("userName", user_name)
        return self._with_groups(user) if user and user.get("UserName") == user_name else None

    def members(self, principals: Sequence[Principal]) -> tuple[Person, ...]:
        """ListGroupMemberships of each group, and DescribeUser of each person."""
        user_ids = dict.fromkeys(user_id for principal in principals for user_id in self._user_ids(principal))
        users = (self._user(user_id) for user_id in user_ids)
        return tuple(_person(user) for user in users if user)

    def _with_groups(self, user: Mapping[str, Any]) -> Person:
        member = {"MemberId": {"UserId": user["UserId"]}}
        groups = frozenset(
            membership["GroupId"] for membership in self._memberships("ListGroupMembershipsForMember", member)
        )
        return replace(_person(user), group_ids=groups)

    def _user_ids(self, principal: Principal) -> Iterator[str]:
        if principal.kind is PrincipalKind.user:
            yield principal.id
            return
        for membership in self._memberships("ListGroupMemberships", {"GroupId": principal.id}):
            yield membership["MemberId"]["UserId"]

    def _memberships(self, operation: str, of: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return all memberships; none for a deleted group."""
        asked = {"IdentityStoreId": self._store_id, "MaxResults": _PAGE, **of}
        try:
            pages = list(self._client.pages(IDENTITY_STORE, operation, asked))
        except AwsError as error:
            if error.code == "ResourceNotFoundException":
                return []
            raise
        return [membership for page in pages for membership in page["GroupMemberships"]]

    def _found(self, path: str, value: str) -> dict[str, Any] | None:
        """Return the user with this value of a unique attribute."""
        attribute = {"AttributePath": path, "AttributeValue": value}
        found = self._call("GetUserId", AlternateIdentifier={"UniqueAttribute": attribute}) if value else None
        return self._user(found["UserId"]) if found else None

    def _user(self, user_id: str) -> dict[str, Any] | None:
        """Return a user, or None if unknown or disabled; users of older stores have no status."""
        user = self._call("DescribeUser", UserId=user_id) if user_id else None
        return None if user is None or user.get("UserStatus") == "DISABLED" else user

    def _call(self, operation: str, **arguments: Any) -> dict[str, Any] | None:
        try:
            return self._client.call(IDENTITY_STORE, operation, {"IdentityStoreId": self._store_id, **arguments})
        except AwsError as error:
            if error.code == "ResourceNotFoundException":
                return None
            raise


def _person(user: Mapping[str, Any]) -> Person:
    name = user.get("UserName") or ""
    addresses = sorted(user.get("Emails") or (), key=lambda email: not email.get("Primary"))
    email = next((address["Value"] for address in addresses if address.get("Value")), "")
    return Person(user["UserId"], name, (user.get("DisplayName") or name)[:LONGEST_NAME], email=email)
