"""The check `trail`: which trails log what EventBridge needs.

It does not prove that a member account may read an organization trail (docs/live-checks.md).
"""

import json
from typing import Any

import pytest

from breakglass.alerts.patterns import alert_rules
from breakglass.alerts.subjects import TamperSubject
from breakglass.cli.doctor.trail import TRAIL, Recording, Trail, judge_trails, logged_events
from tests.unit.cli.doctor.doubles import REGION, MemoryAws, deployment, examine, refused, resource, told

BOTH = frozenset({"read", "write"})
READ, WRITE, NONE = frozenset({"read"}), frozenset({"write"}), frozenset[str]()
RULE = resource("aws:cloudwatch/eventRule", "use", eventPattern='{"detail-type":["AWS API Call via CloudTrail"]}')
MANAGEMENT = {"Field": "eventCategory", "Equals": ["Management"]}


def basic(**selector: Any) -> dict[str, Any]:
    return {"EventSelectors": [selector]}


def advanced(*fields: dict[str, Any]) -> dict[str, Any]:
    return {"AdvancedEventSelectors": [{"FieldSelectors": [MANAGEMENT, *fields]}]}


@pytest.mark.parametrize(
    ("selectors", "whole", "partial"),
    [
        ({}, NONE, NONE),
        (basic(ReadWriteType="All", IncludeManagementEvents=True), BOTH, NONE),
        (basic(ReadWriteType="WriteOnly", IncludeManagementEvents=True), WRITE, NONE),
        (basic(ReadWriteType="ReadOnly", IncludeManagementEvents=True), READ, NONE),
        (basic(ReadWriteType="All", IncludeManagementEvents=False), NONE, NONE),
        (basic(ReadWriteType="All", ExcludeManagementEventSources=["kms.amazonaws.com"]), BOTH, NONE),
        (basic(ReadWriteType="All", ExcludeManagementEventSources=["sts.amazonaws.com"]), NONE, BOTH),
        (basic(ReadWriteType="New"), NONE, NONE),
        (advanced(), BOTH, NONE),
        (advanced({"Field": "readOnly", "Equals": ["true"]}), READ, NONE),
        (advanced({"Field": "readOnly", "Equals": ["false"]}), WRITE, NONE),
        (advanced({"Field": "eventSource", "NotEquals": ["kms.amazonaws.com", "rdsdata.amazonaws.com"]}), BOTH, NONE),
        (advanced({"Field": "eventSource", "NotEquals": ["sso.amazonaws.com"]}), NONE, BOTH),
        (advanced({"Field": "eventSource", "NotEquals": [], "NotStartsWith": ["s"]}), NONE, BOTH),
        (advanced({"Field": "userIdentity.arn", "NotStartsWith": ["arn:aws:sts::1"]}), NONE, BOTH),
        (
            {"AdvancedEventSelectors": [{"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Data"]}]}]},
            NONE,
            NONE,
        ),
        ({**basic(ReadWriteType="WriteOnly"), **advanced({"Field": "eventName", "Equals": ["x"]})}, WRITE, READ),
    ],
)
def test_logged_events_of_selectors(selectors: dict[str, Any], whole: frozenset[str], partial: frozenset[str]) -> None:
    assert logged_events(selectors) == (whole, partial)


@pytest.mark.parametrize(
    ("trails", "expected"),
    [
        ([Trail("all", True, BOTH)], []),
        ([Trail("reads", True, READ), Trail("writes", True, WRITE)], []),
        ([Trail("all", True, BOTH), Trail("secret", refused="AccessDenied")], []),
        ([], [("fail", "No trail records events of eu-central-1.")]),
        ([Trail("all", False, BOTH)], [("fail", "Logging is stopped on every trail of eu-central-1: all.")]),
        ([Trail("writes", True, WRITE)], [("fail", "No trail logs the read management events of eu-central-1.")]),
        (
            [Trail("data", True)],
            [("fail", "No trail logs the read and write management events of eu-central-1.")],
        ),
        (
            [Trail("some", True, WRITE, READ)],
            [
                (
                    "warn",
                    "The trails of eu-central-1 exclude some read management events, by event source or another field.",
                )
            ],
        ),
        (
            [Trail("writes", True, WRITE), Trail("org", refused="AccessDenied")],
            [
                (
                    "unknown",
                    "No readable trail logs all read management events of eu-central-1, and AWS does not show these "
                    "trails: org (AccessDenied).",
                )
            ],
        ),
    ],
)
def test_judge_trails_names_the_missing_events(trails: list[Trail], expected: list[tuple[str, str]]) -> None:
    assert told(judge_trails(Recording(REGION, frozenset()), trails)) == expected


def test_trail_of_the_organization_is_read_in_its_home_region() -> None:
    arn = "arn:aws:cloudtrail:us-east-1:999999999999:trail/org"
    aws = MemoryAws(
        {
            "DescribeTrails": {"trailList": [{"Name": "org", "TrailARN": arn, "HomeRegion": "us-east-1"}]},
            "GetTrailStatus": {"IsLogging": True},
            "GetEventSelectors": basic(ReadWriteType="All", IncludeManagementEvents=True),
        }
    )

    assert examine(TRAIL, deployment(RULE), aws) == []
    assert [(region, operation, arguments) for region, _, operation, arguments in aws.calls] == [
        (REGION, "DescribeTrails", {"includeShadowTrails": True}),
        (REGION, "GetTrailStatus", {"Name": arn}),
        ("us-east-1", "GetEventSelectors", {"TrailName": arn}),
    ]


@pytest.mark.parametrize(
    ("named", "expected"), [({"keys": ("arn:aws:kms:eu-central-1:1:key/2",)}, ["warn"]), ({"trail": "all"}, [])]
)
def test_trail_without_kms_hides_changes_of_watched_keys(named: Any, expected: list[str]) -> None:
    aws = MemoryAws(
        {
            "DescribeTrails": {"trailList": [{"Name": "all"}]},
            "GetTrailStatus": {"IsLogging": True},
            "GetEventSelectors": basic(ReadWriteType="All", ExcludeManagementEventSources=["kms.amazonaws.com"]),
        }
    )
    rules = [
        resource("aws:cloudwatch/eventRule", rule.key, eventPattern=json.dumps(rule.pattern))
        for rule in alert_rules(TamperSubject(("breakglass-prod-",), **named))
    ]
    findings = examine(TRAIL, deployment(*rules), aws)
    assert [status for status, _, _ in findings] == expected
    assert all("cloudtrail.amazonaws.com" in do and "kms.amazonaws.com" in do for _, _, do in findings)


def test_trail_that_a_member_may_not_read_is_unknown() -> None:
    aws = MemoryAws({"DescribeTrails": {"trailList": [{"Name": "org"}]}, "GetTrailStatus": refused()})
    [(status, what, do)] = examine(TRAIL, deployment(RULE), aws)

    assert (status, "org (AccessDeniedException)" in what) == ("unknown", True)
    assert "cloudtrail:GetTrailStatus" in do


def test_refused_list_of_trails_is_unknown() -> None:
    [(status, what, do)] = examine(TRAIL, deployment(RULE), MemoryAws({"DescribeTrails": refused()}))

    assert status == "unknown"
    assert "AWS refused DescribeTrails (AccessDeniedException)" in what
    assert do == "Allow cloudtrail:DescribeTrails to your role: docs/runbooks/doctor.md."


def test_stack_without_rules_needs_no_trail() -> None:
    assert examine(TRAIL, deployment(), MemoryAws()) == []
