"""The rules of the roll call, by two matchers. Not proven here: the record of AddRegion (docs/live-checks.md)."""

from typing import Any

import pytest

from breakglass.alerts.messages import substitute
from breakglass.organization.roll_call_rules import added_region_text, roll_call_rules
from tests.events.matcher import matches, ministack_matches

HEARTBEAT: dict[str, Any] = {
    "version": "0",
    "id": "89d1a02d-5ec7-412e-82f5-13505f849b41",
    "detail-type": "Scheduled Event",
    "source": "aws.events",
    "account": "222222222222",
    "time": "2026-11-30T04:00:00Z",
    "region": "us-east-1",
    "resources": ["arn:aws:events:us-east-1:222222222222:rule/breakglass-spoke-heartbeat"],
    "detail": {},
}
ADDED: dict[str, Any] = {
    "version": "0",
    "detail-type": "AWS API Call via CloudTrail",
    "source": "aws.sso",
    "account": "111111111111",
    "region": "eu-central-1",
    "resources": [],
    "detail": {
        "eventVersion": "1.11",
        "eventSource": "sso.amazonaws.com",
        "eventName": "AddRegion",
        "eventTime": "2026-11-30T12:00:00Z",
        "awsRegion": "eu-central-1",
        "recipientAccountId": "111111111111",
        "requestParameters": {
            "instanceArn": "arn:aws:sso:::instance/ssoins-1234567890123456",
            "regionName": "us-east-1",
        },
    },
}


@pytest.mark.parametrize(
    ("event", "keys"),
    [
        (HEARTBEAT, ["heartbeat"]),
        ({**HEARTBEAT, "resources": ["arn:aws-cn:events:cn-north-1:2:rule/breakglass-spoke-heartbeat"]}, ["heartbeat"]),
        ({**HEARTBEAT, "source": "breakglass.drill"}, []),
        ({**HEARTBEAT, "resources": ["arn:aws:events:us-east-1:222222222222:rule/other-spoke-heartbeat"]}, []),
        ({**HEARTBEAT, "resources": ["arn:aws:events:us-east-1:2:rule/breakglass-spoke-heartbeat-2"]}, []),
        (ADDED, ["added-region"]),
        ({**ADDED, "detail": {**ADDED["detail"], "errorCode": "AccessDenied"}}, []),
        ({**ADDED, "detail": {**ADDED["detail"], "eventName": "RemoveRegion"}}, []),
        ({**ADDED, "detail-type": "AWS Service Event via CloudTrail"}, []),
    ],
    ids=[
        "heartbeat",
        "heartbeat in China",
        "forged source",
        "other rule",
        "other end",
        "added",
        "refused",
        "removed",
        "other kind",
    ],
)
def test_rules_match_heartbeats_and_added_regions(event: dict[str, Any], keys: list[str]) -> None:
    for matcher in (matches, ministack_matches):
        assert [rule.key for rule in roll_call_rules() if matcher(rule.pattern, event)] == keys


def test_text_of_an_added_region_says_what_is_missing() -> None:
    text = substitute(added_region_text(), ADDED)

    assert text.startswith(
        '"IAM Identity Center got a further region: us-east-1, at 2026-11-30T12:00:00Z, in account 111111111111.'
    )
    assert "docs/runbooks/coverage.md" in text
