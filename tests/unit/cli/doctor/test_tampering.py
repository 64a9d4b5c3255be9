"""The checks `tampering` and `global-events`, with the product's own patterns and a second matcher.

It does not prove that EventBridge's TestEventPattern takes these events (docs/live-checks.md).
"""

import json
from typing import Any

import pytest

from breakglass.alerts.subjects import PermissionSetSubject, RootSubject, UserSubject
from breakglass.cli.deployment import Deployment, Resource
from breakglass.cli.doctor.tampering import GLOBAL_EVENTS, TAMPERING, Place, call_event, matching_rules
from tests.events.matcher import matches
from tests.unit.cli.doctor.buses import Buses, tamper
from tests.unit.cli.doctor.doubles import ACCOUNT, REGION, deployment, examine, refused, resource

SLACK = resource("aws:cloudwatch/eventConnection", "slack")
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd"
TRAIL = {
    "Name": "events",
    "TrailARN": f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/events",
    "HomeRegion": REGION,
    "S3BucketName": "records",
    "KmsKeyId": KEY,
}
ALL = {"trail": "events", "buckets": ("records",), "keys": (KEY,)}
ELSEWHERE = "us-east-1"


def stack(*rules: Resource, **outputs: Any) -> Deployment:
    return deployment(SLACK, *rules, **outputs)


def watchers(buses: Buses, deployed: Deployment, *trails: dict[str, Any]) -> list[tuple[str, str]]:
    aws = buses.aws(DescribeTrails={"trailList": list(trails)})
    return [(status, what) for status, what, _ in examine(TAMPERING, deployed, aws)]


def watched(**named: Any) -> tuple[Buses, Deployment]:
    """A stack that another one watches."""
    buses = Buses()
    buses.add("watcher", tamper("watcher", "prod"))
    return buses, stack(*buses.add("prod", RootSubject(), tamper("prod", **named)))


def test_stack_and_trail_that_are_watched_are_fine() -> None:
    assert watchers(*watched(**ALL), TRAIL) == []
    assert watchers(*watched(**{**ALL, "trail": TRAIL["TrailARN"]}), TRAIL) == []


def test_other_rules_of_the_program_are_not_asked_about() -> None:
    buses, deployed = watched(**ALL)
    own = resource("aws:cloudwatch/eventRule", "a-rule-of-the-program")
    assert watchers(buses, stack(own, *deployed.resources), TRAIL) == []


def test_spokes_in_further_regions_are_not_asked_about() -> None:
    buses, deployed = watched(**ALL)
    spoke = resource("aws:cloudwatch/eventRule", "breakglass-spoke-root", region=ELSEWHERE)
    assert watchers(buses, stack(spoke, *deployed.resources), TRAIL) == []


def test_stack_without_tamper_rules_is_a_warning() -> None:
    buses = Buses()
    assert watchers(buses, stack(*buses.add("prod", RootSubject())), TRAIL) == [
        ("warn", f"No rule of this stack reports tampering with its resources in {REGION}.")
    ]


ALONE = ("warn", f"No other stack of this account watches the rules of this stack in {REGION}.")


def test_stack_that_no_other_watches_is_a_warning() -> None:
    buses = Buses()
    deployed = stack(*buses.add("prod", tamper("prod", **ALL)))
    assert watchers(buses, deployed, TRAIL) == [ALONE]

    buses.add("watcher", tamper("watcher"))
    buses.add("watcher-2", tamper("prod"), state="DISABLED")
    buses.add("watcher-3", tamper("prod"), region=ELSEWHERE)
    assert watchers(buses, deployed, TRAIL) == [ALONE]


def test_disabled_rule_of_tampering_reports_nothing() -> None:
    buses = Buses()
    assert watchers(buses, stack(*buses.add("prod", tamper("prod"), state="DISABLED"))) == [
        ("warn", f"No rule of this stack reports tampering with its resources in {REGION}.")
    ]


def test_trail_that_is_not_named_is_a_warning() -> None:
    unseen = ("warn", f"No rule reports that a trail of this account is stopped: events ({REGION}).")
    assert watchers(*watched(), TRAIL) == [unseen]
    assert watchers(*watched(trail="other"), TRAIL) == [unseen]
    # One of several trails is enough.
    assert watchers(*watched(**ALL), {**TRAIL, "Name": "x", "TrailARN": f"{TRAIL['TrailARN']}x"}, TRAIL) == []


def test_bucket_and_key_that_are_not_named_are_a_warning() -> None:
    found = watchers(*watched(trail="events"), TRAIL)
    assert found == [
        ("warn", f"No rule reports changes of what the trail events needs: trailBucket: records, keys: [{KEY}].")
    ]
    foreign = {**TRAIL, "KmsKeyId": f"arn:aws:kms:{REGION}:999999999999:key/1"}
    assert watchers(*watched(trail="events", buckets=("records",)), foreign) == []


def test_trail_is_watched_in_its_home_region() -> None:
    at_home = {**TRAIL, "HomeRegion": ELSEWHERE, "TrailARN": f"arn:aws:cloudtrail:{ELSEWHERE}:{ACCOUNT}:trail/events"}
    buses, deployed = watched(**ALL)
    assert watchers(buses, deployed, at_home) == [
        ("warn", f"No rule reports that a trail of this account is stopped: events ({ELSEWHERE}).")
    ]
    buses.add("global", tamper("global", "prod", **ALL), region=ELSEWHERE)
    assert watchers(buses, deployed, at_home) == []


def test_trail_of_the_organization_is_for_its_owner() -> None:
    foreign = {**TRAIL, "TrailARN": f"arn:aws:cloudtrail:{REGION}:999999999999:trail/events"}
    buses, deployed = watched(**ALL)
    assert watchers(buses, deployed, foreign) == [
        ("ok", "The trail events belongs to account 999999999999: only a stack there sees that it is changed.")
    ]
    assert watchers(buses, deployed, foreign, TRAIL) == []


def test_stack_without_alerts_has_no_check_of_tampering() -> None:
    assert TAMPERING.subjects(deployment(resource("aws:cloudwatch/eventRule", "schedule"))) == []
    assert GLOBAL_EVENTS.subjects(deployment(resource("aws:cloudwatch/eventRule", "schedule"))) == []


@pytest.mark.parametrize("check", [TAMPERING, GLOBAL_EVENTS], ids=lambda check: check.name)
def test_refused_test_of_a_pattern_is_unknown(check: Any) -> None:
    buses, deployed = watched(**ALL)
    aws = buses.aws(DescribeTrails={"trailList": [TRAIL]})
    aws.answers["TestEventPattern"] = refused()
    [(status, _, do)] = examine(check, deployed, aws)
    assert (status, do) == ("unknown", "Allow events:TestEventPattern to your role: docs/runbooks/doctor.md.")


# --- the region of global events --------------------------------------------------------------------------------------

ADA = UserSubject(f"arn:aws:iam::{ACCOUNT}:user/ops/ada")
ROLE = resource("aws:iam/role", "breakglass-prod-slack")
MISSING = "sign-ins of root, new credentials of the user ada, changes of the IAM roles of this stack"


def elsewhere(buses: Buses, *rules: Resource, named: str | None = "global", **outputs: Any) -> list[tuple[str, str]]:
    names: dict[str, dict[str, str]] = {ADA.key: {}, "user-x-999999999999": {}, RootSubject().key: {}}
    deployed = stack(ROLE, *rules, globalEventsStack=named, ruleNames=names, **outputs)
    return [(status, what) for status, what, _ in examine(GLOBAL_EVENTS, deployed, buses.aws())]


def prod(buses: Buses) -> list[Resource]:
    return buses.add("prod", RootSubject(), ADA, tamper("prod"))


def test_stack_in_the_region_of_global_events_watches_the_same() -> None:
    buses = Buses()
    rules = prod(buses)
    buses.add("global", RootSubject(), ADA, tamper("global", "prod"), region=ELSEWHERE)
    assert elsewhere(buses, *rules) == []


def test_no_stack_in_the_region_of_global_events_is_a_warning() -> None:
    buses = Buses()
    [(status, what)] = elsewhere(buses, *prod(buses), named=None)
    assert status == "warn"
    assert what == f"This stack names no stack in us-east-1, so it is unknown whether any rule reports: {MISSING}."


def test_named_stack_without_rules_there_fails() -> None:
    buses = Buses()
    rules = prod(buses)
    expected = [("fail", "The stack global has no enabled rule in us-east-1.")]
    assert elsewhere(buses, *rules) == expected
    buses.add("global", RootSubject(), region=REGION)
    buses.add("globally", RootSubject(), region=ELSEWHERE)
    buses.add("global", RootSubject(), region=ELSEWHERE, state="DISABLED")
    assert elsewhere(buses, *rules) == expected


def test_named_stack_that_watches_less_fails() -> None:
    buses = Buses()
    rules = prod(buses)
    buses.add("global", RootSubject(), tamper("global"), region=ELSEWHERE)
    assert elsewhere(buses, *rules) == [
        (
            "fail",
            "No enabled rule of the stack global in us-east-1 reports: new credentials of the user ada, "
            "changes of the IAM roles of this stack.",
        )
    ]


def test_policy_that_ends_sessions_is_watched_there() -> None:
    buses = Buses()
    rules = buses.add("prod", tamper("prod", policy_ids=("p-1",)))
    buses.add("global", tamper("global", "prod"), region=ELSEWHERE)
    assert elsewhere(buses, *rules, sessionPolicyId="p-1") == [
        (
            "fail",
            "No enabled rule of the stack global in us-east-1 reports: changes of the policy that ends sessions.",
        )
    ]
    buses.add("global", tamper("global", "prod", policy_ids=("p-1",)), region=ELSEWHERE)
    assert elsewhere(buses, *rules, sessionPolicyId="p-1") == []


def test_unwatched_events_are_not_missed_there() -> None:
    buses = Buses()
    rules = buses.add("prod", ADA)
    buses.add("global", ADA, region=ELSEWHERE)
    assert elsewhere(buses, *rules) == []


def test_stack_in_the_region_of_global_events_needs_no_other() -> None:
    rule = resource("aws:cloudwatch/eventRule", "breakglass-prod-root", region=ELSEWHERE)
    assert GLOBAL_EVENTS.subjects(stack(rule)) == []


def test_rules_that_are_not_asked_about_would_not_match() -> None:
    buses = Buses()
    rules = [*prod(buses), *buses.add("other", PermissionSetSubject("devops"), tamper("other", **ALL))]
    [asked] = GLOBAL_EVENTS.subjects(stack(ROLE, *rules, ruleNames={ADA.key: {}}))
    place = Place(ACCOUNT, REGION)
    deleted = call_event(place, "events", "DeleteRule", {"name": "breakglass-prod-x"})
    stopped = call_event(place, "cloudtrail", "StopLogging", {"name": "events"})
    for event in (*asked.events.values(), deleted, stopped):
        aws = buses.aws()
        found = matching_rules(aws, buses.rules[REGION], event)
        assert found == {
            rule["Name"] for rule in buses.rules[REGION] if matches(json.loads(rule["EventPattern"]), event)
        }
        assert len(aws.calls) < len(rules)


def test_events_have_the_fields_that_event_bridge_demands() -> None:
    [asked] = GLOBAL_EVENTS.subjects(stack(ROLE, *prod(Buses()), ruleNames={ADA.key: {}}))
    for event in asked.events.values():
        assert {"id", "account", "source", "time", "region", "resources", "detail-type"} <= set(event)
        assert json.loads(json.dumps(event)) == event
        assert (event["region"], event["account"]) == (ELSEWHERE, ACCOUNT)
