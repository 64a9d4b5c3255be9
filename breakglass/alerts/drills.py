"""Drill events: they match the same rules as a use, and AWS never sends one.

Non-goals: sending them (see docs/runbooks/drill.md).
"""

import json
from typing import Any, assert_never

from breakglass.alerts.patterns import (
    DRILL_DETAIL_TYPE,
    DRILL_MARKER,
    DRILL_SOURCE,
    RESERVED_PATH,
    event_pattern,
)
from breakglass.alerts.subjects import PermissionSetSubject, RoleSubject, Subject
from breakglass.vocabulary import EvidencePath, partition_of_region


def drill_event(
    subject: Subject,
    path: EvidencePath,
    *,
    account_id: str,
    region: str,
    time: str,
    event_id: str,
    person: str = "drill",
) -> dict[str, str]:
    """Build a drill event: it matches the subject's event pattern, and its message begins with DRILL.

    Any holder of PutEvents on the bus can send one with any content; only the marker is fixed. A crafted value can put
    false facts and mentions into the fields that the message shows. By AWS's recorded answers it can change nothing
    else of the message; by AWS's guide it can rewrite all of it (decision 0008).

    Args:
        subject: the watched role.
        path: the evidence path of the drill.
        account_id: the account that the message shows.
        region: the region that the message shows; it also decides the partition.
        time: the time as CloudTrail writes it, e.g. `2026-07-01T00:08:20Z`.
        event_id: a new UUID, by which the message can be found.
        person: the session name that the message shows.

    Returns:
        An entry for `events:PutEvents`.

    Raises:
        ValueError: the subject has no such evidence path.
    """
    # Raises for a path that the subject does not have.
    event_pattern(subject, path)
    record = {
        "drill": DRILL_MARKER,
        "eventTime": time,
        "awsRegion": region,
        "eventID": event_id,
        "recipientAccountId": account_id,
        **_drill_fields(path, subject.label, _drill_role_arn(subject, account_id, partition_of_region(region)), person),
    }
    return {"Source": DRILL_SOURCE, "DetailType": DRILL_DETAIL_TYPE, "Detail": json.dumps(record)}


def _drill_role_arn(subject: Subject, account_id: str, partition: str) -> str:
    """Return the role's ARN; a permission set's role gets a suffix that Identity Center never makes."""
    match subject:
        case PermissionSetSubject(name):
            return f"arn:{partition}:iam::{account_id}:{RESERVED_PATH}AWSReservedSSO_{name}_drill"
        case RoleSubject(arn):
            return arn


def _drill_fields(path: EvidencePath, label: str, role_arn: str, person: str) -> dict[str, Any]:
    """Return the fields of a CloudTrail record that the pattern and the message of this path read."""
    _, partition, _, _, account_id, resource = role_arn.split(":")
    match path:
        case EvidencePath.session_start:
            return {
                "eventName": "AssumeRole",
                "userIdentity": {"type": "AssumedRole", "accountId": account_id},
                "requestParameters": {"roleArn": role_arn, "roleSessionName": person},
            }
        case EvidencePath.portal:
            return {
                "eventName": "GetRoleCredentials",
                "userIdentity": {"type": "IdentityCenterUser"},
                "sourceIPAddress": "drill",
                "serviceEventDetails": {"role_name": label, "account_id": account_id},
            }
        case EvidencePath.console:
            session = f"arn:{partition}:sts::{account_id}:assumed-role/{resource.rsplit('/', 1)[1]}/{person}"
            return {
                "eventName": "ConsoleLogin",
                "userIdentity": {"type": "AssumedRole", "arn": session},
                "sourceIPAddress": "drill",
                "responseElements": {"ConsoleLogin": "Success"},
            }
        case EvidencePath.denied:
            return {
                "eventName": "AssumeRole",
                "userIdentity": {"type": "IAMUser", "accountId": account_id},
                "errorCode": "AccessDenied",
                "errorMessage": f"User: drill is not authorized to perform: sts:AssumeRole on resource: {role_arn}",
            }
        case _:
            assert_never(path)
