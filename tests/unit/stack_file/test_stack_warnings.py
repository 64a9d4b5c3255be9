"""Warnings about valid stack files, from their text.

Not proven here: how AWS fails where it is warned that it would.
"""

from typing import Any

import pytest

from tests.unit.stack_file.stack_files import (
    ALERTS,
    ASSIGNMENT,
    BREAK_GLASS,
    ENCRYPTED,
    PAIR,
    Keys,
    hub,
    spoke,
    stack,
    stack_with_approvals,
    warnings,
)

BREAK_GLASS_PATH = "breakglass:permissionSets.pairs[0].breakGlass"
MONITORING = (*ALERTS, "monitoring")
EMAILS = {"emails": ["oncall@example.com"]}
PAGERS = {"pagers": {"pagerduty": ENCRYPTED}}
SERVICES = "EC2 S3 RDS VPC Route53 SQS SNS CloudWatch Lambda ECS Logs".split()


@pytest.mark.parametrize("kind", ["everyday", "breakGlass"])
@pytest.mark.parametrize(("count", "warned"), [(10, False), (11, True)])
def test_policies_beyond_the_role_quota_are_warned_about(kind: str, count: int, warned: bool) -> None:
    arns = [f"arn:aws:iam::aws:policy/Amazon{name}ReadOnlyAccess" for name in SERVICES[: count - 1]]
    found = warnings(
        stack(
            ((*PAIR, kind, "managedPolicies"), arns),
            ((*PAIR, kind, "customerManagedPolicies"), [{"name": "own"}]),
        )
    )
    assert (
        f"breakglass:permissionSets.pairs[0].{kind}.managedPolicies" in [warning.path for warning in found]
    ) == warned


OWN_POLICY = [{"name": "emergency-databases", "path": "/sso/"}]
OWN_BOUNDARY = {"customerManagedPolicy": {"name": "emergency-boundary", "path": "/sso/"}}


@pytest.mark.parametrize(
    ("key", "value", "policy"),
    [
        ("customerManagedPolicies", OWN_POLICY, "/sso/emergency-databases"),
        ("permissionsBoundary", OWN_BOUNDARY, "/sso/emergency-boundary"),
    ],
)
def test_set_first_made_on_request_is_warned_about(key: str, value: object, policy: str) -> None:
    everyday = {"group": "database-oncall", "accounts": ["222222222222"], "sets": ["everyday"]}
    elsewhere = {"group": "database-leads", "accounts": ["333333333333"]}
    raw = stack_with_approvals(((*PAIR, "assignments"), [everyday, elsewhere]), ((*BREAK_GLASS, key), value))

    found = [warning for warning in warnings(raw) if warning.path == BREAK_GLASS_PATH]

    assert len(found) == 1
    assert f"lacks {policy}." in found[0].why
    assert "in 222222222222" in found[0].why


def test_set_without_assignment_is_warned_about() -> None:
    everyday = {"group": "database-oncall", "accounts": ["222222222222"], "sets": ["everyday"]}
    raw = stack(((*PAIR, "assignments"), [everyday]), ((*BREAK_GLASS, "customerManagedPolicies"), OWN_POLICY))

    (why,) = [warning.why for warning in warnings(raw) if warning.path == BREAK_GLASS_PATH]

    assert "in any account" in why


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param([], id="needs nothing of the account"),
        pytest.param(
            [
                ((*BREAK_GLASS, "permissionsBoundary"), OWN_BOUNDARY),
                (
                    (*PAIR, "assignments", 1),
                    {"group": "no-members", "accounts": ["222222222222"], "sets": ["breakGlass"]},
                ),
            ],
            id="an assignment makes the role at the deployment",
        ),
        pytest.param(
            [((*BREAK_GLASS, "permissionsBoundary"), {"managedPolicyArn": "arn:aws:iam::aws:policy/PowerUserAccess"})],
            id="a boundary of AWS is in every account",
        ),
    ],
)
def test_set_that_can_be_made_is_not_warned_about(changes: list[tuple[Keys, object]]) -> None:
    everyday = {"group": "database-oncall", "accounts": ["222222222222"], "sets": ["everyday"]}
    raw = stack_with_approvals(((*PAIR, "assignments"), [everyday]), *changes)

    assert [warning for warning in warnings(raw) if warning.path == BREAK_GLASS_PATH] == []


@pytest.mark.parametrize(
    ("delivery", "monitoring", "key", "why"),
    [
        ("direct", {}, "emails", "Alerts reach only Slack"),
        ("direct", PAGERS, "emails", "The pagers get uses and undelivered alerts, but no other alarm"),
        ("direct", {**EMAILS, "alertsByEmail": False}, "alertsByEmail", "Alerts reach only Slack"),
        ("direct", EMAILS, None, ""),
        ("direct", {**EMAILS, **PAGERS, "alertsByEmail": False}, None, ""),
        ("confirmed", EMAILS, None, ""),
        ("confirmed", PAGERS, "emails", "The pagers get uses and undelivered alerts, but no other alarm"),
    ],
)
def test_alerts_that_reach_only_slack_are_warned_about(
    delivery: str, monitoring: dict[str, object], key: str | None, why: str
) -> None:
    found = warnings(stack(((*ALERTS, "delivery"), delivery), (MONITORING, monitoring)))

    assert [warning.path for warning in found] == ([f"breakglass:alerts.monitoring.{key}"] if key else [])
    assert all(why in warning.why for warning in found)


GLOBAL_EVENTS = "breakglass:alerts.globalEventsStack"
USERS = {"root": False, "users": ["arn:aws:iam::222222222222:user/break-glass-admin"]}


@pytest.mark.parametrize(
    ("changes", "unseen"),
    [
        ([], ["sign-ins of root", "changes of IAM"]),
        ([((*ALERTS, "watch", "root"), False)], ["changes of IAM"]),
        ([((*ALERTS, "tamper"), False)], ["sign-ins of root"]),
        ([((*ALERTS, "watch"), USERS), ((*ALERTS, "tamper"), False)], ["changes of the users' credentials"]),
        ([((*ALERTS, "watch", "root"), False), ((*ALERTS, "tamper"), False)], []),
    ],
)
def test_unseen_global_events_are_warned_about(changes: list[tuple[Keys, object]], unseen: list[str]) -> None:
    found = warnings(stack(((*ALERTS, "globalEventsStack"), None), *changes))

    assert [warning.path for warning in found] == ([GLOBAL_EVENTS] if unseen else [])
    events = "sign-ins of root", "changes of the users' credentials", "changes of IAM"
    assert [event for event in events if found and event in found[0].why] == unseen
    # It is no reason to watch less.
    assert not any("false" in warning.instead for warning in found)


@pytest.mark.parametrize(
    ("region", "elsewhere"),
    [
        ("us-east-1", None),
        ("eu-central-1", "us-east-1"),
        ("cn-north-1", None),
        ("cn-northwest-1", "cn-north-1"),
        ("us-gov-west-1", None),
        ("us-gov-east-1", "us-gov-west-1"),
    ],
)
def test_region_of_global_events_is_that_of_the_partition(region: str, elsewhere: str | None) -> None:
    raw = stack(
        (("permissionSets",), None),
        ((*ALERTS, "region"), region),
        ((*ALERTS, "watch"), {"root": True}),
        ((*ALERTS, "tamper"), False),
        ((*ALERTS, "globalEventsStack"), None),
    )

    found = warnings(raw)

    assert [warning.path for warning in found] == ([GLOBAL_EVENTS] if elsewhere else [])
    assert all(f"in {elsewhere} only" in warning.why for warning in found)


@pytest.mark.parametrize(
    ("key", "value", "at"),
    [
        ("trail", "arn:aws:cloudtrail:us-east-1:111111111111:trail/all", "trail"),
        ("trail", "arn:aws:cloudtrail:eu-central-1:111111111111:trail/all", None),
        ("trail", "all", None),
        (
            "keys",
            [f"arn:aws:kms:{region}:111111111111:key/1" for region in ("eu-central-1", "eu-west-1")],
            "keys[1]",
        ),
    ],
)
def test_trail_and_keys_of_another_region_are_warned_about(key: str, value: object, at: str | None) -> None:
    found = warnings(stack(((*ALERTS, "tamper", key), value)))

    assert [warning.path for warning in found] == ([f"breakglass:alerts.tamper.{at}"] if at else [])


SPOKES: Keys = (*ALERTS, "organization", "spokes")
SPOKES_PATH = "breakglass:alerts.organization.spokes"


def test_hub_and_spoke_without_mistake_have_no_warning() -> None:
    assert warnings(hub()) == []
    assert warnings(spoke()) == []


def test_hub_needs_a_stack_for_tampering_with_iam_only() -> None:
    (warning,) = warnings(hub(((*ALERTS, "globalEventsStack"), None), ((*ALERTS, "watch", "users"), USERS["users"])))

    assert warning.path == GLOBAL_EVENTS
    assert "changes of IAM" in warning.why
    assert "root" not in warning.why
    assert "credentials" not in warning.why


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        (hub(((*SPOKES, "regions"), ["eu-central-1"])), f"{SPOKES_PATH}.regions"),
        (spoke(((*ALERTS, "regions"), ["eu-central-1", "eu-west-1"])), "breakglass:alerts.regions"),
        (spoke(((*ALERTS, "regions"), None)), "breakglass:alerts.regions"),
    ],
)
def test_spokes_that_miss_the_global_region_are_warned_about(raw: dict[str, Any], path: str) -> None:
    (warning,) = warnings(raw)

    assert warning.path == path
    assert "sign-ins of root" in warning.why
    assert "in us-east-1 only" in warning.why
    assert warning.instead == "Add us-east-1."


def test_hub_without_roll_call_is_warned_about() -> None:
    (warning,) = warnings(hub(((*ALERTS, "organization", "rollCall"), "off")))

    assert warning.path == "breakglass:alerts.organization.rollCall"
    assert "forwards no events" in warning.why


def test_excluded_account_with_uses_is_warned_about() -> None:
    (warning,) = warnings(hub(((*SPOKES, "exclude"), ["333333333333", "222222222222"])))

    assert (warning.path, warning.value) == (f"{SPOKES_PATH}.exclude[1]", '"222222222222"')
    assert "arn:aws:iam::222222222222:role/emergency-operator, devops-break-glass." in warning.why


def test_excluded_account_with_everyday_sets_is_no_mistake() -> None:
    everyday = ((*ASSIGNMENT, "sets"), ["everyday"])

    assert warnings(hub(((*SPOKES, "exclude"), ["222222222222"]), everyday, ((*ALERTS, "watch", "roles"), []))) == []


@pytest.mark.parametrize(
    ("regions", "portal"), [(["eu-west-1", "us-east-1"], True), (["eu-west-1", "us-east-1", "eu-central-1"], False)]
)
def test_hub_outside_the_home_region_sees_the_portal(regions: list[str], portal: bool) -> None:
    (warning,) = warnings(hub(((*ALERTS, "region"), "eu-west-1"), ((*SPOKES, "regions"), regions)))

    assert warning.path == "breakglass:alerts.region"
    assert ("`portal`" in warning.why) == portal
    assert ("Add eu-central-1 to `spokes.regions`." in warning.instead) == portal
    assert "around the approvals" in warning.why


def test_rules_beyond_the_quota_of_the_hubs_bus_are_warned_about() -> None:
    roles = [f"arn:aws:iam::222222222222:role/break-glass/{number}" for number in range(60)]

    (warning,) = warnings(hub(((*ALERTS, "watch"), {"roles": roles, "rolePath": "/break-glass/"})))

    assert warning.path == "breakglass:alerts"
    assert "on the event bus of the hub" in warning.why


@pytest.mark.parametrize(
    ("changes", "warned"),
    [
        ([((*ALERTS, "tamper"), {})], True),
        ([((*ALERTS, "tamper"), None)], True),
        ([((*ALERTS, "tamper"), False)], False),
        ([((*ALERTS, "tamper"), {}), (("permissionSets",), None)], False),
    ],
)
def test_sets_without_deployers_are_warned_about(changes: list[tuple[Keys, object]], warned: bool) -> None:
    found = warnings(stack(*changes))

    assert [warning.path for warning in found] == (["breakglass:alerts.tamper.deployers"] if warned else [])


def test_alerts_outside_the_home_region_are_warned_about() -> None:
    (warning,) = warnings(stack(((*ALERTS, "region"), "eu-west-1")))

    assert warning.path == "breakglass:alerts.region"
    assert "in eu-central-1, its home region" in warning.why
    assert "`region: eu-central-1`" in warning.instead
