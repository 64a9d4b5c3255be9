"""moto's Identity Center, Identity Store and Organizations: `python -m localcloud.emulators.identity --port N ...`.

moto has an Identity Center instance from the start; here it gets an organisation with accounts, groups and users. What
moto lacks of permission sets is added: permissions boundaries, and tags after creation. Everything is in memory.

Non-goals: permissions, slow or failing assignments.
"""

import argparse
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from localcloud.emulators.process import exit_with_parent

if TYPE_CHECKING:
    from moto.ssoadmin.responses import SSOAdminResponse

ACCOUNTS = {"222222222222": "production", "333333333333": "staging"}
"""Member accounts of the organisation: id to name."""

USERS = {
    "ada.lovelace": "Ada Lovelace",
    "grace.hopper": "Grace Hopper",
    "alan.turing": "Alan Turing",
    "barbara.liskov": "Barbara Liskov",
    "edsger.dijkstra": "Edsger Dijkstra",
}
"""Users of the identity store: user name to display name."""

GROUPS = {
    "database-oncall": ("ada.lovelace", "grace.hopper"),
    "network-oncall": ("ada.lovelace", "grace.hopper", "alan.turing"),
    "database-leads": ("grace.hopper", "barbara.liskov"),
    "security": ("edsger.dijkstra",),
}
"""Groups of the identity store, and who is in them."""


def main() -> None:
    """Serves until the parent is gone."""
    exit_with_parent()
    parser = argparse.ArgumentParser(description="moto as the local cloud needs it; started by localcloud.cloud.")
    parser.add_argument("--port", type=int, required=True, help="TCP port of 127.0.0.1")
    parser.add_argument("--account", required=True, help="account id of the organisation's management account")
    parser.add_argument("--region", required=True, help="home region of Identity Center")
    arguments = parser.parse_args()

    # Imported here, after the parent is watched: this takes the longest.
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
    from werkzeug.serving import run_simple

    teach_permission_sets()
    seed(arguments.account, arguments.region)
    application = DomainDispatcherApplication(create_backend_app)
    run_simple("127.0.0.1", arguments.port, application, threaded=True, request_handler=MotoRequestHandler)


def seed(account: str, region: str) -> None:
    """Fills moto of this process with `ACCOUNTS`, `GROUPS` and `USERS`.

    Args:
        account: id of the management account, which owns the Identity Center instance.
        region: home region of Identity Center.
    """
    from moto.identitystore.models import identitystore_backends
    from moto.organizations.models import organizations_backends
    from moto.ssoadmin.models import ssoadmin_backends

    organization = organizations_backends[account]["aws"]
    organization.create_organization(region)
    for account_id, name in ACCOUNTS.items():
        organization.create_account(AccountName=name, Email=f"{name}@example.com")
        organization.accounts[-1].id = account_id

    store_id = ssoadmin_backends[account][region].list_instances()[0].identity_store_id
    store = identitystore_backends[account][region]
    users: dict[str, str] = {}
    for user_name, display_name in USERS.items():
        given, family = display_name.split()
        name, email = {"GivenName": given, "FamilyName": family}, [{"Value": email_address(user_name)}]
        users[user_name], _ = store.create_user(
            store_id, user_name, name, display_name, "", "", email, [], [], "", "", "", "", ""
        )
    for group_name, members in GROUPS.items():
        group = store.create_group(store_id, group_name, "")[0]
        for member in members:
            store.create_group_membership(store_id, group, {"UserId": users[member]})


def email_address(user_name: str) -> str:
    """A user's e-mail address, in the identity store as in Slack."""
    return f"{user_name}@example.com"


def teach_permission_sets() -> None:
    """Adds to moto of this process the operations on permission sets that it answers with 500."""
    from moto.ssoadmin.responses import SSOAdminResponse

    operations: tuple[Callable[[SSOAdminResponse], str], ...] = (
        *(put_permissions_boundary_to_permission_set, get_permissions_boundary_for_permission_set),
        *(delete_permissions_boundary_from_permission_set, tag_resource, untag_resource, list_tags_for_resource),
    )
    for operation in operations:
        setattr(SSOAdminResponse, operation.__name__, operation)


def put_permissions_boundary_to_permission_set(request: "SSOAdminResponse") -> str:
    """PutPermissionsBoundaryToPermissionSet of the IAM Identity Center API."""
    _permission_set(request, "PermissionSetArn").permissions_boundary = request._get_param("PermissionsBoundary")
    return "{}"


def get_permissions_boundary_for_permission_set(request: "SSOAdminResponse") -> str:
    """GetPermissionsBoundaryForPermissionSet of the IAM Identity Center API."""
    return json.dumps({"PermissionsBoundary": _with_boundary(request).permissions_boundary})


def delete_permissions_boundary_from_permission_set(request: "SSOAdminResponse") -> str:
    """DeletePermissionsBoundaryFromPermissionSet of the IAM Identity Center API."""
    del _with_boundary(request).permissions_boundary
    return "{}"


def tag_resource(request: "SSOAdminResponse") -> str:
    """TagResource of the IAM Identity Center API, for permission sets."""
    permission_set = _permission_set(request, "ResourceArn")
    _set_tags(permission_set, _tags(permission_set) | {tag["Key"]: tag["Value"] for tag in request._get_param("Tags")})
    return "{}"


def untag_resource(request: "SSOAdminResponse") -> str:
    """UntagResource of the IAM Identity Center API, for permission sets."""
    permission_set, keys = _permission_set(request, "ResourceArn"), request._get_param("TagKeys")
    _set_tags(permission_set, {key: value for key, value in _tags(permission_set).items() if key not in keys})
    return "{}"


def list_tags_for_resource(request: "SSOAdminResponse") -> str:
    """ListTagsForResource of the IAM Identity Center API, for permission sets, all on one page."""
    return json.dumps({"Tags": _permission_set(request, "ResourceArn").tags or []})


def _permission_set(request: "SSOAdminResponse", arn_parameter: str) -> Any:
    return request.ssoadmin_backend._find_permission_set(
        request._get_param("InstanceArn"), request._get_param(arn_parameter)
    )


def _with_boundary(request: "SSOAdminResponse") -> Any:
    from moto.ssoadmin.exceptions import ResourceNotFoundException

    permission_set = _permission_set(request, "PermissionSetArn")
    if not hasattr(permission_set, "permissions_boundary"):
        raise ResourceNotFoundException(f"PermissionSet {permission_set.name} has no permissions boundary")
    return permission_set


def _tags(permission_set: Any) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in permission_set.tags or []}


def _set_tags(permission_set: Any, tags: dict[str, str]) -> None:
    permission_set.tags = [{"Key": key, "Value": value} for key, value in tags.items()]


if __name__ == "__main__":
    main()
