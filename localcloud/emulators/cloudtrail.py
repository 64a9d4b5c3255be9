"""A CloudTrail record as the event that EventBridge makes of it.

Shapes: "AWS service events delivered via AWS CloudTrail" in the EventBridge User Guide, and "CloudTrail record
contents" in the CloudTrail User Guide.

Non-goals: CloudTrail data events, insights and network events; validating records.
"""

import uuid
from collections.abc import Mapping
from typing import Any

_DETAIL_TYPES = {
    "AwsApiCall": "AWS API Call via CloudTrail",
    "AwsServiceEvent": "AWS Service Event via CloudTrail",
    "AwsConsoleSignIn": "AWS Console Sign In via CloudTrail",
}
_DRILL = ("breakglass.drill", "Break-glass drill")


class RecordShapeError(Exception):
    """A record lacks what every CloudTrail record has. The message names the field and what it should hold."""


def as_event(record: Mapping[str, Any], *, account: str, region: str) -> dict[str, Any]:
    """Wraps a record into the event envelope.

    A record with a top-level `drill` is a drill: it gets the source and detail-type that an operator's PutEvents call
    has, since no AWS service ever sends such a field.

    Args:
        record: one CloudTrail record (an element of `Records` in a log file).
        account: used where the record has no `recipientAccountId`.
        region: used where the record has no `awsRegion`.

    Raises:
        RecordShapeError: if `eventSource`, `eventTime` or `eventType` is missing or of no use.
    """
    if "drill" in record:
        source, detail_type = _DRILL
    else:
        service, dot, domain = _text(record, "eventSource", "a service's name as in sts.amazonaws.com").partition(".")
        if not dot or not domain.startswith("amazonaws.com"):
            raise RecordShapeError(
                f"eventSource is {record['eventSource']!r}, so the event would have no source that a rule could match: "
                "CloudTrail writes a service's name as in sts.amazonaws.com."
            )
        source = f"aws.{service}"
        event_type = _text(record, "eventType", f"one of {', '.join(_DETAIL_TYPES)}")
        if event_type not in _DETAIL_TYPES:
            raise RecordShapeError(
                f"eventType is {event_type!r}, which does not reach EventBridge as an event that this program watches: "
                f"use a record of type {', '.join(_DETAIL_TYPES)}."
            )
        detail_type = _DETAIL_TYPES[event_type]
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": detail_type,
        "source": source,
        "account": record.get("recipientAccountId", account),
        "time": _text(record, "eventTime", "a UTC time as in 2026-01-31T02:00:00Z"),
        "region": record.get("awsRegion", region),
        "resources": [],
        "detail": dict(record),
    }


def _text(record: Mapping[str, Any], field: str, expected: str) -> str:
    value = record.get(field)
    if not isinstance(value, str):
        raise RecordShapeError(
            f"The record has no {field}: EventBridge takes it from there, so nothing could match. Write {expected}."
        )
    return value
