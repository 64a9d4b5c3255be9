"""Identity Store: groups and users looked up by name or ID, and memberships.

API: https://docs.aws.amazon.com/singlesignon/latest/IdentityStoreAPIReference/
"""

from typing import Any

from localcloud.provider.aws import AwsCallError, LocalAws
from localcloud.provider.resource import Property, ProviderFunction, declare
from localcloud.provider.values import Properties

_ALTERNATE_IDENTIFIER = Property(
    fields={
        "uniqueAttribute": Property(
            fields={"attributePath": Property(required=True), "attributeValue": Property(required=True)}
        ),
        "externalId": Property(fields={"id": Property(required=True), "issuer": Property(required=True)}),
    }
)


def _look_up(aws: LocalAws, kind: str, arguments: Properties) -> str:
    """The ID of a group or user by its alternate identifier, such as its display name."""
    given = arguments.get("alternateIdentifier", {})
    identifier: dict[str, Any] = {}
    if "uniqueAttribute" in given:
        unique = given["uniqueAttribute"]
        identifier["UniqueAttribute"] = {
            "AttributePath": unique["attributePath"],
            "AttributeValue": unique["attributeValue"],
        }
    if "externalId" in given:
        identifier["ExternalId"] = {"Id": given["externalId"]["id"], "Issuer": given["externalId"]["issuer"]}
    if not identifier:
        raise AwsCallError(
            f"Get{kind}Id", "nothing to look up", f"give the {kind.lower()}'s id or `alternateIdentifier`"
        )
    store = arguments["identityStoreId"]
    answer = aws.call("identitystore", f"Get{kind}Id", IdentityStoreId=store, AlternateIdentifier=identifier)
    return answer[f"{kind}Id"]


class GetGroup(ProviderFunction):
    tok = "aws:identitystore/getGroup:getGroup"
    arguments = declare(
        identityStoreId=Property(required=True),
        groupId=Property(),
        alternateIdentifier=_ALTERNATE_IDENTIFIER,
    )

    def call(self, aws: LocalAws, arguments: Properties) -> Properties:
        store = arguments["identityStoreId"]
        group_id = arguments.get("groupId") or _look_up(aws, "Group", arguments)
        answer = aws.call("identitystore", "DescribeGroup", IdentityStoreId=store, GroupId=group_id)
        return {
            "id": group_id,
            "groupId": group_id,
            "identityStoreId": store,
            "alternateIdentifier": arguments.get("alternateIdentifier"),
            "displayName": answer.get("DisplayName"),
            "description": answer.get("Description"),
            "externalIds": _external_ids(answer),
        }


class GetUser(ProviderFunction):
    tok = "aws:identitystore/getUser:getUser"
    arguments = declare(
        identityStoreId=Property(required=True),
        userId=Property(),
        alternateIdentifier=_ALTERNATE_IDENTIFIER,
    )

    def call(self, aws: LocalAws, arguments: Properties) -> Properties:
        store = arguments["identityStoreId"]
        user_id = arguments.get("userId") or _look_up(aws, "User", arguments)
        answer = aws.call("identitystore", "DescribeUser", IdentityStoreId=store, UserId=user_id)
        return {
            "id": user_id,
            "userId": user_id,
            "identityStoreId": store,
            "alternateIdentifier": arguments.get("alternateIdentifier"),
            "displayName": answer.get("DisplayName"),
            "userName": answer.get("UserName"),
            "emails": [
                {"value": email.get("Value"), "type": email.get("Type"), "primary": email.get("Primary", False)}
                for email in answer.get("Emails") or []
            ],
            "externalIds": _external_ids(answer),
        }


def _external_ids(answer: dict[str, Any]) -> list[dict[str, str]]:
    return [{"id": item["Id"], "issuer": item["Issuer"]} for item in answer.get("ExternalIds") or []]


class GetGroupMemberships(ProviderFunction):
    tok = "aws:identitystore/getGroupMemberships:getGroupMemberships"
    arguments = declare(identityStoreId=Property(required=True), groupId=Property(required=True))

    def call(self, aws: LocalAws, arguments: Properties) -> Properties:
        store, group = arguments["identityStoreId"], arguments["groupId"]
        of_group = {"IdentityStoreId": store, "GroupId": group}
        memberships = aws.pages("identitystore", "ListGroupMemberships", "GroupMemberships", **of_group)
        return {
            "identityStoreId": store,
            "groupId": group,
            "groupMemberships": [
                {
                    "groupId": group,
                    "identityStoreId": store,
                    "memberId": {"userId": membership["MemberId"]["UserId"]},
                    "membershipId": membership["MembershipId"],
                }
                for membership in memberships
            ],
        }


FUNCTIONS = (GetGroup(), GetUser(), GetGroupMemberships())
