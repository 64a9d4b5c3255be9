"""The rule for a lost connection matches the events AWS documents, for this connection and destination only.

The events have the shape of "Amazon EventBridge events detail reference". Not proven here: that AWS emits them
(docs/live-checks.md).
"""

import json
from typing import Any

import pytest

from breakglass.alerts.connection_events import lost_connection_pattern, lost_connection_text
from breakglass.alerts.messages import substitute
from tests.events.matcher import matches

CONNECTION = "arn:aws:events:eu-central-1:222222222222:connection/breakglass-prod-slack-connection/8c1e77d4"
DESTINATION = "arn:aws:events:eu-central-1:222222222222:api-destination/breakglass-prod-slack-destination/2f6d2a51"
OTHER = "arn:aws:events:eu-central-1:222222222222:connection/somebody-elses/00000000"


def event(detail_type: str, resource: str) -> dict[str, Any]:
    return {
        "version": "0",
        "id": "1d7a4ac6-a50a-745f-a331-a0d802f7badb",
        "detail-type": detail_type,
        "source": "aws.events",
        "account": "222222222222",
        "time": "2026-07-01T09:08:20Z",
        "region": "eu-central-1",
        "resources": [resource],
        "detail": {
            "ConnectionName": "sample",
            "StateReason": 'said "no"',
            "Timestamp": "2026-07-01 09:08:20 +0000 UTC",
        },
    }


@pytest.mark.parametrize(
    ("detail_type", "resource", "expected"),
    [
        ("Connection Deauthorized", CONNECTION, True),
        ("API Destination Deactivated", DESTINATION, True),
        ("Connection Authorized", CONNECTION, False),
        ("Connection Update Started", CONNECTION, False),
        ("API Destination Activated", DESTINATION, False),
        ("Connection Deauthorized", OTHER, False),
    ],
)
def test_pattern(detail_type: str, resource: str, expected: bool) -> None:
    pattern = lost_connection_pattern(CONNECTION, DESTINATION)

    assert matches(pattern, event(detail_type, resource)) is expected


def test_pattern_without_destination_matches_connection_only() -> None:
    pattern = lost_connection_pattern(CONNECTION)

    assert matches(pattern, event("Connection Deauthorized", CONNECTION))
    assert not matches(pattern, event("Connection Authorized", CONNECTION))
    assert not matches(pattern, event("API Destination Deactivated", DESTINATION))


def test_lost_connection_mail_has_event_and_fix() -> None:
    mail = json.loads(substitute(lost_connection_text(), event("Connection Deauthorized", CONNECTION)))

    assert "Connection Deauthorized at 2026-07-01T09:08:20Z in account 222222222222, eu-central-1" in mail
    assert "docs/runbooks/rotate-the-token.md" in mail
    assert "<" not in mail


def test_lost_connection_mail_excludes_free_text() -> None:
    assert set(lost_connection_text().input_paths.values()) == {"$.detail-type", "$.time", "$.account", "$.region"}
