"""Operations on permission sets that moto lacks.

Non-goals: provisioning.
"""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from moto.ssoadmin.responses import SSOAdminResponse


def install_permission_sets() -> None:
    """Adds to moto of this process the operations that it answers with 500."""
    from moto.ssoadmin.responses import SSOAdminResponse

    operations: tuple[Callable[[SSOAdminResponse], str], ...] = (
        *(put_permissions_boundary_to_permission_set, get_permissions_boundary_for_permission_set),
        *(delete_permissions_boundary_from_permission_set, tag_resource, untag_resource, list_tags_for_resource),
    )
    for operation in operations:
        setattr(SSOAdminResponse, operation.__name__, operation)


def put_permissions_boundary_to_permission_set(request: "SSOAdminResponse") -> str:
    _permission_set(request, "PermissionSetArn").permissions_boundary = request._get_param("PermissionsBoundary")
    return "{}"


def get_permissions_boundary_for_permission_set(request: "SSOAdminResponse") -> str:
    return json.dumps({"PermissionsBoundary": _with_boundary(request).permissions_boundary})


def delete_permissions_boundary_from_permission_set(request: "SSOAdminResponse") -> str:
    del _with_boundary(request).permissions_boundary
    return "{}"


def tag_resource(request: "SSOAdminResponse") -> str:
    permission_set = _permission_set(request, "ResourceArn")
    _set_tags(permission_set, _tags(permission_set) | {tag["Key"]: tag["Value"] for tag in request._get_param("Tags")})
    return "{}"


def untag_resource(request: "SSOAdminResponse") -> str:
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
