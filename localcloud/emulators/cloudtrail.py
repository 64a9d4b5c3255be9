"""A CloudTrail record as the event that EventBridge makes of it.

Shapes: "AWS service events delivered via AWS CloudTrail" in the EventBridge User Guide, and "CloudTrail record
contents" in the CloudTrail User Guide.

Non-goals: CloudTrail data events, insights and network events; validating more of a record than the envelope needs.
"""

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from breakglass.alerts.drills import DRILL_DETAIL_TYPE, DRILL_SOURCE

_DETAIL_TYPES = {
    "AwsApiCall": "AWS API Call via CloudTrail",
    "AwsServiceEvent": "AWS Service Event via CloudTrail",
    "AwsConsoleSignIn": "AWS Console Sign In via CloudTrail",
    # As AWS's own examples of failed sign-ins spell it.
    "AwsConsoleSignin": "AWS Console Sign In via CloudTrail",
}
# Records before version 1.02 have no type; they are of API calls.
_OLDEST_TYPE = "AwsApiCall"


class RecordShapeError(Exception):
    """Not a record that EventBridge could receive; the message names the field and its expected value."""


def as_event(record: Mapping[str, Any], *, account: str, region: str) -> dict[str, Any]:
    """Wraps a record into the event envelope.

    A record with a top-level `drill`, which CloudTrail never writes, is the drill with this detail: it gets the source
    and detail-type of an operator's PutEvents call.

    Args:
        record: one CloudTrail record (an element of `Records` in a log file), or `{"drill": DETAIL}`.
        account: used where the record has no `recipientAccountId`.
        region: used where the record has no `awsRegion`.

    Raises:
        RecordShapeError: if `eventSource` is missing, or it, `eventType` or `drill` is of no use.
    """
    detail: Mapping[str, Any] = record
    if "drill" in record:
        source, detail_type, detail = DRILL_SOURCE, DRILL_DETAIL_TYPE, record["drill"]
        if not isinstance(detail, dict):
            raise RecordShapeError(
                f'drill is {detail!r}, and a drill\'s detail is an object: write {{"drill": {{"role": ROLE}}}} with '
                "the name of a watched role."
            )
    else:
        service, dot, domain = str(record.get("eventSource")).partition(".")
        if not dot or not domain.startswith("amazonaws.com"):
            raise RecordShapeError(
                f"eventSource is {record.get('eventSource')!r}, so the event would have no source that a rule could "
                "match: CloudTrail writes a service's name as in sts.amazonaws.com."
            )
        source = f"aws.{service}"
        event_type = record.get("eventType", _OLDEST_TYPE)
        if not isinstance(event_type, str) or event_type not in _DETAIL_TYPES:
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
        "time": record.get("eventTime", datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")),
        "region": record.get("awsRegion", region),
        "resources": [],
        "detail": dict(detail),
    }


def relocate(record: Mapping[str, Any], account: str, region: str) -> dict[str, Any]:
    """Return the record that CloudTrail would write if the same had happened in another account and region.

    The account is replaced wherever the record names it, also in ARNs. Identity Center's home region in the path of a
    role is no region of the event, so it stays.

    Args:
        record: a CloudTrail record with a `recipientAccountId`.
        account: the other account.
        region: the other region.
    """
    moved: dict[str, Any] = json.loads(json.dumps(record).replace(record["recipientAccountId"], account))
    return {**moved, "recipientAccountId": account, "awsRegion": region}
