"""Events that rehearse the alert path: they match the same rules as a use, and AWS never sends one.

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
    """Build the event that rehearses an alert: it matches the subject's pattern, and its message begins with DRILL.

    Any holder of PutEvents on the bus can send one with any content. The marker is all that is pinned. A crafted value
    can put false facts and mentions into the fields that the message shows. By AWS's recorded answers it can change
    nothing else of the message; by AWS's guide it can rewrite all of it (decision 0008).

    Args:
        subject: what is watched.
        path: the kind of evidence to rehearse; one of `subject.evidence_paths`.
        account_id: the account the message is to show.
        region: the region the message is to show; it also decides the partition.
        time: when, as CloudTrail writes it, e.g. `2026-07-01T00:08:20Z`.
        event_id: a fresh UUID, by which the message can be found again.
        person: the session name the message is to show.

    Returns:
        An entry for `events:PutEvents`.

    Raises:
        ValueError: the subject can't show up on this path.
    """
    # Building the pattern refuses a path that does not fit the subject.
    event_pattern(subject, path)
    record = {
        "drill": DRILL_MARKER,
        "eventTime": time,
        "awsRegion": region,
        "eventID": event_id,
        "recipientAccountId": account_id,
        **_rehearsed(path, subject.label, _rehearsed_role(subject, account_id, partition_of_region(region)), person),
    }
    return {"Source": DRILL_SOURCE, "DetailType": DRILL_DETAIL_TYPE, "Detail": json.dumps(record)}


def _rehearsed_role(subject: Subject, account_id: str, partition: str) -> str:
    """Name the role of a drill: a permission set's has a suffix that Identity Center never makes."""
    match subject:
        case PermissionSetSubject(name):
            return f"arn:{partition}:iam::{account_id}:{RESERVED_PATH}AWSReservedSSO_{name}_drill"
        case RoleSubject(arn):
            return arn


def _rehearsed(path: EvidencePath, label: str, role_arn: str, person: str) -> dict[str, Any]:
    """Imitate the fields of a CloudTrail record that the pattern and the message of this path read."""
    _, partition, _, _, account_id, resource = role_arn.split(":")
    match path:
        case EvidencePath.session_start:
            return {
                "eventName": "AssumeRole",
                "requestParameters": {"roleArn": role_arn, "roleSessionName": person},
            }
        case EvidencePath.portal:
            return {
                "eventName": "GetRoleCredentials",
                "serviceEventDetails": {"role_name": label, "account_id": account_id},
            }
        case EvidencePath.console:
            session = f"arn:{partition}:sts::{account_id}:assumed-role/{resource.rsplit('/', 1)[1]}/{person}"
            return {
                "eventName": "ConsoleLogin",
                "userIdentity": {"type": "AssumedRole", "arn": session},
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
