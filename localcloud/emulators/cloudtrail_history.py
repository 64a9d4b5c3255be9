"""CloudTrail's event history and the log group of a trail, with the replayed records.

From "LookupEvents" in the CloudTrail API Reference: events of an account and region, newest first, by one attribute, at
most 50 a page. MiniStack has no pages. From "Monitoring CloudTrail Log Files with Amazon CloudWatch Logs" in the
CloudTrail User Guide: a trail delivers records as they are, one event each.

One log group is the trail's, for all accounts and regions, as that of an organization's trail is. An event arrives
there at once.

Non-goals: the calls that the emulated AWS gets, which CloudTrail would record, too; files of a trail in S3.
"""

import importlib
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from localcloud.emulators import clock, cloudwatch_logs
from localcloud.emulators.connections import Response
from localcloud.emulators.hooks import require_hooks
from localcloud.emulators.scope import current_scope, scope

# Any: MiniStack has no annotations.
_cloudtrail: Any = importlib.import_module("ministack.services.cloudtrail")

_PAGE = 50
_ATTRIBUTES = ("EventId", "EventName", "ReadOnly", "Username", "EventSource", "AccessKeyId")


class EventHistory:
    """The event history of each account and region, and the trail."""

    def __init__(self) -> None:
        self._trail: tuple[tuple[str, str], str] | None = None

    def install(self) -> None:
        """Replaces LookupEvents of the MiniStack of this process.

        Raises:
            RuntimeError: if this MiniStack is not built as the one that this was written for.
        """
        require_hooks(_cloudtrail, "_DISPATCH", "_get_event_queue", "_ok")
        _cloudtrail._DISPATCH["LookupEvents"] = _look_up

    def set_trail(self, log_group: str | None) -> None:
        """Let the trail deliver into a log group of this account and region; None ends that."""
        self._trail = None if log_group is None else (current_scope(), log_group)

    def record(self, content: Mapping[str, Any]) -> None:
        """Put a record into the event history of this account and region, and into the trail's log group."""
        account, region = current_scope()
        _cloudtrail._get_event_queue().append(_described(content))
        if self._trail is not None:
            place, log_group = self._trail
            with scope(*place):
                cloudwatch_logs.write_event(log_group, f"{account}_CloudTrail_{region}", json.dumps(content))


def _described(content: Mapping[str, Any]) -> dict[str, Any]:
    """The event as LookupEvents shows it; its names are those that a request may look for."""
    identity = content.get("userIdentity") or {}
    described = {
        "EventId": content.get("eventID"),
        "EventName": content.get("eventName"),
        "EventSource": content.get("eventSource"),
        "ReadOnly": json.dumps(content.get("readOnly", False)),
        "AccessKeyId": identity.get("accessKeyId"),
        "Username": identity.get("userName") or (identity.get("principalId") or "").partition(":")[2] or None,
    }
    at = content.get("eventTime")
    return {
        **{name: value for name, value in described.items() if value is not None},
        "EventTime": datetime.fromisoformat(at).timestamp() if at else clock.now(),
        "Resources": [dict(resource) for resource in _resources(content)],
        "CloudTrailEvent": json.dumps(content),
    }


def _resources(content: Mapping[str, Any]) -> Iterator[Mapping[str, str]]:
    names = set()
    for resource in content.get("resources") or ():
        names.add(resource.get("ARN"))
        yield {"ResourceName": resource.get("ARN", ""), "ResourceType": resource.get("type", "")}
    role = (content.get("requestParameters") or {}).get("roleArn")
    if role is not None and role not in names:
        yield {"ResourceName": role, "ResourceType": "AWS::IAM::Role"}


def _look_up(body: Mapping[str, Any]) -> Response:
    found = [event for event in reversed(list(_cloudtrail._get_event_queue())) if _is_sought(event, body)]
    found.sort(key=lambda event: event["EventTime"], reverse=True)
    begin, size = int(body.get("NextToken") or 0), min(int(body.get("MaxResults") or _PAGE), _PAGE)
    page: dict[str, Any] = {"Events": found[begin : begin + size]}
    if begin + size < len(found):
        page["NextToken"] = str(begin + size)
    answer: Response = _cloudtrail._ok(page)
    return answer


def _is_sought(event: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    begin, end = body.get("StartTime"), body.get("EndTime")
    if (begin is not None and event["EventTime"] < _seconds(begin)) or (
        end is not None and event["EventTime"] > _seconds(end)
    ):
        return False
    for attribute in body.get("LookupAttributes") or ():
        key, value = attribute["AttributeKey"], attribute["AttributeValue"]
        has = [event.get(key)] if key in _ATTRIBUTES else [resource.get(key) for resource in event["Resources"]]
        if value not in has:
            return False
    return True


def _seconds(time: str | float) -> float:
    """Return a time of a request in seconds since the epoch; a state machine sends it as text."""
    return datetime.fromisoformat(time).timestamp() if isinstance(time, str) else float(time)
