"""Tags: pulumi-aws has them as an object, AWS as a list of key and value.

Non-goals: default tags of the provider, which the stand-in doesn't have: so `tagsAll` always equals `tags`.
"""

from typing import Any

from localcloud.provider.aws import LocalAws
from localcloud.provider.values import Properties

TagList = list[dict[str, str]]


def as_list(inputs: Properties) -> TagList | None:
    """The `tags` of a resource as AWS's operations take them; None when there are none."""
    return [{"Key": key, "Value": value} for key, value in inputs.get("tags", {}).items()] or None


def as_properties(tags: list[dict[str, Any]]) -> Properties:
    """AWS's list as the outputs `tags` and `tagsAll`; those that AWS itself sets are no part of them."""
    own = {tag["Key"]: tag["Value"] for tag in tags if not tag["Key"].startswith("aws:")}
    return {"tags": own, "tagsAll": own}


def changes(old: Properties, new: Properties) -> tuple[TagList, list[str]]:
    """The tags to write and the keys to remove on the way from `old` to `new`."""
    before, after = old.get("tags", {}), new.get("tags", {})
    written = {key: value for key, value in after.items() if before.get(key) != value}
    return as_list({"tags": written}) or [], sorted(before.keys() - after.keys())


def write(aws: LocalAws, service: str, old: Properties, new: Properties, **resource: str) -> None:
    """Write the tags of `new` to a resource by TagResource and UntagResource, as most services have them."""
    written, removed = changes(old, new)
    if removed:
        aws.call(service, "UntagResource", TagKeys=removed, **resource)
    if written:
        aws.call(service, "TagResource", Tags=written, **resource)
