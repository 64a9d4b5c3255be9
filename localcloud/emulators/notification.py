"""A notification of an SNS topic, as one subscription received it."""

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Notification:
    """A notification that a subscription received.

    Attributes:
        protocol: `email` or `https`.
        endpoint: the e-mail address, or the address that a pager listens on.
        topic_arn: ARN of the topic.
        subject: subject of the notification; empty if it has none.
        message: its text.
        at: AWS's time (`localcloud.emulators.clock`), in seconds since the epoch.
    """

    protocol: str
    endpoint: str
    topic_arn: str
    subject: str
    message: str
    at: float


def alarm_of(notification: Notification) -> dict[str, Any] | None:
    """Return CloudWatch's description of an alarm, if the notification is about one."""
    try:
        content = json.loads(notification.message)
    except ValueError:
        return None
    return content if isinstance(content, dict) and "AlarmName" in content else None
