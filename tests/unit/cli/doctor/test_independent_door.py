"""The check `independent-door`: existence, trust, credentials, the last use, and a use that no rule saw.

It does not prove how late IAM reports a use (docs/live-checks.md).
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from breakglass.alerts.subjects import RoleSubject, UserSubject
from breakglass.cli.deployment import Deployment
from breakglass.cli.doctor.independent_door import INDEPENDENT_DOOR
from tests.app.doubles.clock import NOW
from tests.unit.cli.doctor.doubles import ACCOUNT, REGION, Answer, MemoryAws, deployment, examine, refused, resource

DAY = 86_400
ROLE = f"arn:aws:iam::{ACCOUNT}:role/ops/emergency"
USER = f"arn:aws:iam::{ACCOUNT}:user/ada"
USER_RULE = "breakglass-prod-user-ada-111111111111-sign_in"
TRUST = {
    "Statement": {
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::444444444444:root"},
        "Action": "sts:AssumeRole",
        "Condition": {
            "Bool": {"aws:MultiFactorAuthPresent": "true"},
            "StringEquals": {"aws:RequestedRegion": REGION},
        },
    }
}
NOT_FOUND = refused("NoSuchEntity", 404)


def ago(days: float) -> datetime:
    return datetime.fromtimestamp(NOW, UTC) - timedelta(days=days)


def stack(roles: tuple[str, ...] = (), users: tuple[str, ...] = (), **outputs: Any) -> Deployment:
    """A stack with a door, and with a rule of each path for it."""
    names: dict[str, dict[str, str]] = {}
    for subject in (*map(RoleSubject, roles), *map(UserSubject, users)):
        paths = ("session_start", "denied") if isinstance(subject, RoleSubject) else ("sign_in", "credentials")
        names[subject.key] = {path: f"breakglass-prod-{subject.key}-{path}" for path in paths}
    rules = [resource("aws:cloudwatch/eventRule", name) for each in names.values() for name in each.values()]
    rules = [replace(rule, created_at=NOW - 300 * DAY) for rule in rules]
    door = {"roles": list(roles), "users": list(users), "rehearseSeconds": 90 * DAY}
    return deployment(*rules, **{"independentDoor": door, "ruleNames": names, **outputs})


def role(trust: Any = TRUST, used: datetime | None = None, region: str = REGION) -> Answer:
    last = {"LastUsedDate": used, "Region": region} if used else {}
    return {"Role": {"AssumeRolePolicyDocument": trust, "RoleLastUsed": last}}


def matched(days: float, *rules: str) -> Answer:
    """One match of these rules some days ago, or of all rules."""

    def answer(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        assert arguments["MetricName"] == "MatchedEvents"
        name = arguments["Dimensions"][0]["Value"]
        points = [{"Timestamp": ago(days), "Sum": 1.0}, {"Timestamp": ago(days + 1), "Sum": 0.0}]
        return {"Datapoints": points if not rules or name in rules else []}

    return answer


def found(deployed: Deployment, **answers: Answer) -> list[tuple[str, str]]:
    aws = MemoryAws({"GetRole": role(used=ago(3)), "GetMetricStatistics": matched(3), **answers})
    return [(status, what) for status, what, _ in examine(INDEPENDENT_DOOR, deployed, aws)]


# --- roles ------------------------------------------------------------------------------------------------------------


def test_narrow_role_that_was_used_in_time_is_fine() -> None:
    assert found(stack((ROLE,))) == []
    assert found(stack((ROLE,)), GetRole=role(quote(json.dumps(TRUST)), ago(3))) == []


def test_stack_without_a_door_has_no_check() -> None:
    assert INDEPENDENT_DOOR.subjects(deployment()) == []
    assert INDEPENDENT_DOOR.subjects(deployment(independentDoor=None)) == []


def test_missing_role_fails() -> None:
    assert found(stack((ROLE,)), GetRole=NOT_FOUND) == [
        ("fail", "The role emergency of the independent door does not exist.")
    ]


def test_role_of_another_account_is_unknown() -> None:
    assert found(stack(("arn:aws:iam::222222222222:role/emergency",)), GetRole=refused()) == [
        ("unknown", "The role emergency is in account 222222222222, and this stack is in 111111111111.")
    ]


def test_wide_trust_fails_and_weak_trust_is_a_warning() -> None:
    allow = {**TRUST["Statement"], "Principal": "*", "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}
    assert found(stack((ROLE,)), GetRole=role({"Statement": [allow]}, ago(3))) == [
        ("fail", "The trust policy of the role emergency lets any principal of any account in (`*`)."),
        (
            "warn",
            "The trust policy of the role emergency allows every region, and a use is recorded in the region where "
            "the session was called.",
        ),
    ]


@pytest.mark.parametrize(
    ("used", "seen", "expected"),
    [
        (89, 89, []),
        (None, 5, []),
        (91, 91, ["The role emergency was last used 91 days ago; the stack file wants a use every 90 days."]),
        (
            None,
            None,
            ["The role emergency has never been used, as far as AWS knows; the stack file wants a use every 90 days."],
        ),
    ],
)
def test_role_without_a_recent_use_is_a_warning(used: int | None, seen: int | None, expected: list[str]) -> None:
    nothing: Answer = {}
    last = role(used=None if used is None else ago(used))
    matches = nothing if seen is None else matched(seen)
    assert found(stack((ROLE,)), GetRole=last, GetMetricStatistics=matches) == [("warn", what) for what in expected]


def unseen(days: float) -> list[tuple[str, str]]:
    hours = int(days * 24)
    return [("warn", f"The role emergency was used {hours} h ago, and no rule in {REGION} saw it.")]


def test_use_that_no_rule_saw_is_a_warning() -> None:
    nothing: Answer = {}
    assert found(stack((ROLE,)), GetMetricStatistics=nothing) == unseen(3)
    # A use of last week is not the one of three days ago, but a session may have begun a day before.
    assert found(stack((ROLE,)), GetMetricStatistics=matched(7)) == unseen(3)
    assert found(stack((ROLE,)), GetMetricStatistics=matched(4)) == []
    # An attempt is no use.
    assert found(stack((ROLE,)), GetMetricStatistics=matched(3, "breakglass-prod-emergency-111111111111-denied")) == (
        unseen(3)
    )


@pytest.mark.parametrize(
    ("used", "region"), [(ago(3), "eu-west-1"), (ago(0.01), REGION)], ids=["another region", "a moment ago"]
)
def test_use_that_no_rule_could_see_is_no_warning(used: datetime, region: str) -> None:
    assert found(stack((ROLE,)), GetRole=role(used=used, region=region), GetMetricStatistics={}) == []


def test_use_before_the_deployment_is_no_warning() -> None:
    deployed = stack((ROLE,))
    new = replace(deployed, resources=tuple(replace(each, created_at=NOW - DAY) for each in deployed.resources))
    assert found(new, GetMetricStatistics={}) == []


def test_use_that_the_stack_of_global_events_saw_is_seen() -> None:
    deployed = stack((ROLE,), globalEventsStack="global")
    global_rule = "breakglass-global-emergency-111111111111-session_start"
    assert found(deployed, GetMetricStatistics=matched(3, global_rule)) == []

    aws = MemoryAws({"GetRole": role(used=ago(3)), "GetMetricStatistics": matched(3, global_rule)})
    examine(INDEPENDENT_DOOR, deployed, aws)
    asked = {(region, call["Dimensions"][0]["Value"]) for region, service, _, call in aws.calls if service != "iam"}
    assert asked == {(REGION, "breakglass-prod-emergency-111111111111-session_start"), ("us-east-1", global_rule)}


def test_metrics_are_read_within_the_limits_of_cloudwatch() -> None:
    long: dict[str, Any] = {"roles": [ROLE], "users": [], "rehearseSeconds": 366 * DAY}
    [door] = INDEPENDENT_DOOR.subjects(stack((ROLE,), independentDoor=long))
    assert door.window == 367 * DAY


# --- users ------------------------------------------------------------------------------------------------------------

DEVICES: Answer = {"MFADevices": [{"SerialNumber": "arn:aws:iam::111111111111:u2f/user/ada"}]}


def found_user(answers: Mapping[str, Answer], deployed: Deployment | None = None) -> list[tuple[str, str]]:
    user: Answer = {"User": {"UserName": "ada", "PasswordLastUsed": ago(3)}}
    return found(deployed or stack(users=(USER,)), **{"GetUser": user, "ListMFADevices": DEVICES, **answers})


def test_user_with_password_and_device_is_fine() -> None:
    assert found_user({}) == []
    retired: Answer = {"AccessKeyMetadata": [{"AccessKeyId": "AKIA1", "Status": "Inactive"}]}
    assert found_user({"ListAccessKeys": retired}) == []


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({"GetUser": NOT_FOUND}, ("fail", "The user ada of the independent door does not exist.")),
        (
            {"GetLoginProfile": NOT_FOUND},
            ("fail", "The user ada has no password, so its holder can't sign in."),
        ),
        (
            {"ListMFADevices": {}},
            ("fail", "The user ada has no MFA device, so its password is enough to sign in."),
        ),
        (
            {"ListAccessKeys": {"AccessKeyMetadata": [{"AccessKeyId": "AKIA1", "Status": "Active"}]}},
            ("warn", "The user ada has active access keys, which need no MFA: AKIA1."),
        ),
        (
            {"GetUser": {"User": {"UserName": "ada"}}, "GetMetricStatistics": {}},
            (
                "warn",
                "The user ada has never been used, as far as AWS knows; the stack file wants a use every 90 days.",
            ),
        ),
    ],
)
def test_user_that_can_not_be_used_safely_is_found(answers: dict[str, Answer], expected: tuple[str, str]) -> None:
    assert found_user(answers) == [expected]


def test_sign_in_that_no_rule_saw_is_a_warning() -> None:
    nothing: Answer = {}
    # Without the stack of the global events, its rules can't be asked.
    assert found_user({"GetMetricStatistics": nothing}) == []
    deployed = stack(users=(USER,), globalEventsStack="global")
    assert found_user({"GetMetricStatistics": nothing}, deployed) == [
        ("warn", f"The user ada was used 72 h ago, and no rule in {REGION}, us-east-1 saw it.")
    ]
    assert found_user({"GetMetricStatistics": matched(3, USER_RULE)}, deployed) == []


def test_refused_look_at_a_door_leaves_the_other_one() -> None:
    answers: dict[str, Answer] = {"GetUser": refused(), "GetRole": NOT_FOUND}
    [missing, unknown] = examine(INDEPENDENT_DOOR, stack((ROLE,), (USER,)), MemoryAws(answers))
    assert (missing[0], unknown[0]) == ("fail", "unknown")
    assert unknown[2] == "Allow iam:GetUser to your role: docs/runbooks/doctor.md."
