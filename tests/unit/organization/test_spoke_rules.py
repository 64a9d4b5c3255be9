"""Spokes forward all that the hub's rules match, no event twice, within EventBridge's limits.

The events are made from the patterns of the hub, with callers of all kinds.
"""

import re
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from breakglass.alerts.patterns import PATTERN_LIMIT, Pattern, alert_rules
from breakglass.alerts.patterns.alternatives import compact_json
from breakglass.alerts.patterns.parts import API_CALL, LOGIN_CALLS, SERVICE_EVENT, SIGN_IN
from breakglass.alerts.patterns.roles import PORTAL_CALLS, SESSION_CALLS
from breakglass.alerts.subjects import PermissionSetSubject, RoleSubject, RootSubject, Subject, UserSubject
from breakglass.errors import BreakglassError
from breakglass.organization.spoke_rules import SpokeRule, SpokeSettings, spoke_rules
from breakglass.vocabulary import EvidencePath
from localcloud.emulators.complexity import wildcard_complexity
from tests.events.matcher import matches

MARGIN = 8
"""The highest wildcard complexity of our own patterns (tests/unit/alerts/test_complexity.py)."""

ROLES = tuple(
    f"arn:aws:iam::{account}:role/{name}"
    for account, name in (("222222222222", "emergency"), ("222222222222", "emergency-2"), ("333333333333", "ops/door"))
)
BELOW = "arn:aws:iam::333333333333:role/break-glass/dba"
USERS = ("arn:aws:iam::222222222222:user/door", "arn:aws:iam::333333333333:user/b/Door-2")
SETTINGS = SpokeSettings(roles=ROLES, role_path="/break-glass/", users=USERS, portal=True)
HUB: list[Subject] = [
    PermissionSetSubject("devops"),
    *map(RoleSubject, (*ROLES, BELOW)),
    *map(UserSubject, USERS),
    RootSubject(),
]

TEXTS = st.sampled_from(["x", "door", "role/emergency", "a b", "0"])
STS = {*SESSION_CALLS, "AssumeRoot", "GetSessionToken", "GetFederationToken"}
SIGN_INS = {"ConsoleLogin", "SwitchRole", "PasswordUpdated", "PasswordRecoveryRequested", "PasswordRecoveryCompleted"}
SIGN_INS |= {"EmailUpdated"}


@st.composite
def matching(draw: st.DrawFn, pattern: Pattern) -> Any:
    """An object that a pattern matches."""
    made: dict[str, Any] = {}
    for key, value in pattern.items():
        if key == "$or":
            made = _merged(made, draw(matching(draw(st.sampled_from(value)))))
        elif isinstance(value, dict):
            made = _merged(made, {key: draw(matching(value))})
        elif (chosen := draw(_value(draw(st.sampled_from(value))))) is not None:
            made[key] = chosen
    return made


@st.composite
def _value(draw: st.DrawFn, matcher: Any) -> Any:
    match matcher:
        case {"exists": False}:
            return None
        case {"exists": True}:
            return draw(TEXTS)
        case {"prefix": prefix}:
            return prefix + draw(TEXTS)
        case {"suffix": suffix}:
            return draw(TEXTS) + suffix
        case {"wildcard": wildcard}:
            parts = wildcard.split("*")
            return parts[0] + "".join(draw(TEXTS) + part for part in parts[1:])
        case {"equals-ignore-case": text}:
            return text
        case {"anything-but": _}:
            return "other"
        case _:
            return matcher


def _merged(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    common = [key for key in first if key in second and isinstance(first[key], Mapping)]
    return {**first, **second, **{key: _merged(first[key], second[key]) for key in common}}


def _sources(name: str) -> list[str]:
    """The sources that an event of this name has in reality."""
    if name in STS:
        return ["aws.sts"]
    if name in PORTAL_CALLS:
        return ["aws.sso", *(["aws.signin"] if name == "Federate" else [])]
    return ["aws.signin"] if name in SIGN_INS or name in LOGIN_CALLS else ["aws.iam", "aws.ec2"]


def _types(name: str) -> list[str]:
    if name in SIGN_INS:
        return SIGN_IN
    return [API_CALL, *([SERVICE_EVENT] if name in PORTAL_CALLS else [])]


def _is_possible(detail: Mapping[str, Any]) -> bool:
    """Only the portal names a permission set, and an event of `aws login` names its session alone."""
    if detail["eventName"] in LOGIN_CALLS:
        return detail.keys().isdisjoint({"errorMessage", "requestParameters", "serviceEventDetails"})
    names_set = "serviceEventDetails" in detail or "roleName" in detail.get("requestParameters", {})
    return not (names_set and detail["eventName"] in STS)


@st.composite
def events(draw: st.DrawFn) -> tuple[Pattern, dict[str, Any]]:
    """A pattern of the hub, and an event for it from a caller of any kind."""
    pattern = draw(st.sampled_from([rule.pattern for subject in HUB for rule in alert_rules(subject)]))
    event = draw(matching(pattern))
    detail = event["detail"]
    name = detail.setdefault("eventName", "CreateAccessKey")
    event["source"] = draw(st.sampled_from(_sources(name)))
    event["detail-type"] = draw(st.sampled_from(_types(name)))
    detail["eventSource"] = event["source"].removeprefix("aws.") + ".amazonaws.com"
    caller = {
        "type": draw(st.sampled_from([None, "AssumedRole", "IAMUser", "Root", "SAMLUser", "Unknown"])),
        "userName": draw(st.sampled_from([None, "door", "Door-2", "someone"])),
    }
    known = {key: value for key, value in caller.items() if value is not None}
    detail["userIdentity"] = {**known, **detail.get("userIdentity", {})}
    return pattern, event


def forwarding(event: Mapping[str, Any], settings: SpokeSettings = SETTINGS) -> list[str]:
    return [rule.key for rule in spoke_rules(settings) if rule.pattern and matches(rule.pattern, event)]


@given(made=events())
def test_event_that_a_hub_rule_matches_is_forwarded_once(made: tuple[Pattern, dict[str, Any]]) -> None:
    pattern, event = made
    assume(_is_possible(event["detail"]) and matches(pattern, event))
    assert len(forwarding(event)) == 1


@given(made=events())
def test_no_event_is_forwarded_twice(made: tuple[Pattern, dict[str, Any]]) -> None:
    assert len(forwarding(made[1])) <= 1


def test_event_of_a_user_in_another_case_is_not_lost() -> None:
    event = {
        "source": "aws.sts",
        "detail-type": "AWS API Call via CloudTrail",
        "detail": {"eventName": "GetSessionToken", "userIdentity": {"type": "IAMUser", "userName": "DOOR"}},
    }
    assert forwarding(event) == ["users"]


def test_patterns_of_a_spoke_without_settings_are_exactly_these() -> None:
    not_root = {"type": [{"exists": False}, {"anything-but": ["Root"]}]}
    calls = ["AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"]
    reserved = {"wildcard": "arn:aws:iam::*:role/aws-reserved/sso.amazonaws.com/*"}
    sts = {"source": ["aws.sts"], "detail-type": ["AWS API Call via CloudTrail"]}
    sign_ins = ["AWS Console Sign In via CloudTrail", "AWS Console Signin via CloudTrail"]
    logins = ["AuthorizeOAuth2Access", "CreateOAuth2Token", "CreateOAuth2TokenWithIAM"]
    patterns = {rule.key: rule.pattern for rule in spoke_rules(SpokeSettings(portal=True))}
    assert patterns.pop("portal") == {
        "source": ["aws.sso", "aws.signin"],
        "detail-type": ["AWS Service Event via CloudTrail", "AWS API Call via CloudTrail"],
        "detail": {"eventName": ["GetRoleCredentials", "Federate", "AddRegion"], "userIdentity": not_root},
    }
    assert patterns == {
        "sessions": {
            **sts,
            "detail": {
                "eventName": calls,
                "errorCode": [{"exists": False}],
                "requestParameters": {"roleArn": [reserved]},
                "userIdentity": not_root,
            },
        },
        "console": {
            "source": ["aws.signin"],
            "detail-type": ["AWS API Call via CloudTrail", *sign_ins],
            "detail": {
                "eventName": ["ConsoleLogin", "SwitchRole", *logins],
                "userIdentity": {"arn": [{"prefix": "arn:aws:sts::"}], **not_root},
            },
        },
        "denied": {
            **sts,
            "detail": {
                "eventName": calls,
                "errorCode": [{"exists": True}],
                "$or": [
                    {"errorMessage": [{"wildcard": "*:role/aws-reserved/sso.amazonaws.com/*"}]},
                    {"requestParameters": {"roleArn": [reserved]}},
                ],
                "userIdentity": not_root,
            },
        },
        "root": {
            "source": [{"prefix": "aws."}],
            "detail-type": ["AWS API Call via CloudTrail", "AWS Service Event via CloudTrail", *sign_ins],
            "detail": {
                "$or": [
                    {"userIdentity": {"type": ["Root"]}},
                    {"eventName": ["AssumeRoot"], "userIdentity": not_root},
                ]
            },
        },
        "heartbeat": None,
    }


def test_watched_user_has_a_rule_that_the_others_leave_out() -> None:
    not_root = {"type": [{"exists": False}, {"anything-but": ["Root"]}]}
    patterns = {rule.key: rule.pattern for rule in spoke_rules(SpokeSettings(users=USERS[:1])) if rule.pattern}
    name = [{"equals-ignore-case": "door"}]
    changed = {"eventSource": ["iam.amazonaws.com"], "requestParameters": {"userName": name}, "userIdentity": not_root}
    assert patterns["users"] == {
        "source": [{"prefix": "aws."}],
        "detail-type": patterns["root"]["detail-type"],
        "detail": {"$or": [{"userIdentity": {"userName": name, **not_root}}, changed]},
    }
    others = {**not_root, "userName": [{"exists": False}, {"anything-but": ["door"]}]}
    for key in ("sessions", "denied"):
        assert patterns[key]["detail"]["userIdentity"] == others
    assert patterns["root"]["detail"]["$or"][1]["userIdentity"] == others


def test_descriptions_say_what_a_rule_forwards() -> None:
    rules = spoke_rules(SpokeSettings(users=USERS, portal=True))
    assert {rule.key: rule.description for rule in rules} == {
        "sessions": "Forwards sessions of roles that may be watched.",
        "console": "Forwards sign-ins of roles to the console, and `aws login`.",
        "denied": "Forwards refused sessions of such roles.",
        "root": "Forwards what the root user does, and AssumeRoot.",
        "portal": "Forwards what the portal of Identity Center gives out.",
        "users": "Forwards what the watched IAM users do, and changes of them.",
        "heartbeat": "Shows the hub of the break-glass alerts that this spoke works.",
    }


def test_portal_forwards_a_further_region_of_identity_center() -> None:
    event = {
        "source": "aws.sso",
        "detail-type": "AWS API Call via CloudTrail",
        "detail": {"eventName": "AddRegion", "userIdentity": {"type": "AssumedRole"}},
    }
    assert forwarding(event) == ["portal"]
    assert forwarding(event, SpokeSettings()) == []


def test_only_portal_events_need_the_rule_of_the_portal() -> None:
    """The stack set leaves it out: other accounts than that of Identity Center have no such events."""
    without = [rule.key for rule in spoke_rules(SpokeSettings())]
    with_it = [rule.key for rule in spoke_rules(SpokeSettings(portal=True))]

    assert [key for key in with_it if key not in without] == ["portal"]
    portal = [rule for rule in alert_rules(HUB[0]) if rule.path is EvidencePath.portal]
    assert [rule.pattern["detail"]["eventName"] for rule in portal] == [["GetRoleCredentials", "Federate"]]


def test_states_let_read_only_events_through() -> None:
    states = {rule.key: rule.state for rule in spoke_rules(SETTINGS)}

    assert states.pop("heartbeat") == "ENABLED"
    assert set(states.values()) == {"ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"}


def test_heartbeat_is_sent_each_day_at_four() -> None:
    *_, heartbeat = spoke_rules(SpokeSettings())

    assert (heartbeat.name, heartbeat.schedule) == ("breakglass-spoke-heartbeat", "cron(0 4 * * ? *)")


def _roles(count: int) -> tuple[str, ...]:
    return tuple(f"arn:aws:iam::{222222222222 + i % 4}:role/emergency-operator-{i:02}" for i in range(count))


def _users(count: int) -> tuple[str, ...]:
    return tuple(f"arn:aws:iam::222222222222:user/break-glass-admin-{i:02}" for i in range(count))


@pytest.mark.parametrize("roles", [0, 1, 2, 13, 25])
@pytest.mark.parametrize("path", [None, "/break-glass/"])
@pytest.mark.parametrize("users", [0, 8])
def test_rules_keep_the_limits_of_eventbridge(roles: int, path: str | None, users: int) -> None:
    settings = SpokeSettings(roles=_roles(roles), role_path=path, users=_users(users), portal=True)
    patterns = [rule.pattern for rule in spoke_rules(settings) if rule.pattern]

    assert max(len(compact_json(pattern)) for pattern in patterns) <= PATTERN_LIMIT
    assert max(wildcard_complexity(pattern, behind_absent=True) for pattern in patterns) <= MARGIN


def test_thirteen_roles_need_seven_rules_for_refusals() -> None:
    keys = [rule.key for rule in spoke_rules(SpokeSettings(roles=_roles(13)))]

    assert [key for key in keys if key.startswith("denied")] == ["denied", *(f"denied-{i}" for i in range(2, 8))]


def test_roles_below_the_path_are_in_no_rule_themselves() -> None:
    def patterns(*roles: str) -> list[SpokeRule]:
        return spoke_rules(SpokeSettings(roles=roles, role_path="/break-glass/"))

    assert SpokeSettings(roles=(BELOW, *ROLES), role_path="/break-glass/").roles_by_arn == sorted(ROLES)
    assert patterns(BELOW) == patterns()
    assert patterns(ROLES[0]) != patterns()


def test_role_below_the_path_is_forwarded() -> None:
    call = {"source": "aws.sts", "detail-type": "AWS API Call via CloudTrail"}
    session = {"eventName": "AssumeRole", "requestParameters": {"roleArn": BELOW}, "userIdentity": {"type": "IAMUser"}}
    message = f"User: x is not authorized to perform: sts:AssumeRole on resource: {BELOW}"
    refusal = {"eventName": "AssumeRole", "errorCode": "AccessDenied", "errorMessage": message}

    for detail, key in ((session, "sessions"), (refusal, "denied")):
        event = {**call, "detail": detail}
        assert forwarding(event, SpokeSettings(role_path="/break-glass/")) == [key]
        assert forwarding(event, SpokeSettings()) == []


def test_rules_do_not_depend_on_the_order_of_roles_and_users() -> None:
    turned = SpokeSettings(roles=ROLES[::-1], role_path=SETTINGS.role_path, users=(*USERS[::-1], USERS[0]), portal=True)
    assert spoke_rules(turned) == spoke_rules(SETTINGS)


def test_twenty_rules_are_the_most_of_a_spoke() -> None:
    assert len(spoke_rules(SpokeSettings(roles=_roles(30)))) == 20
    assert refused(SpokeSettings(roles=_roles(31))) == (
        "Expected at most 20 rules in a spoke, got 21: each account has them. The cause is the 31 watched roles that "
        "are not below `watch.rolePath`. Make such roles below one path, and watch the path instead, e.g. "
        "`rolePath: /break-glass/`."
    )


def refused(settings: SpokeSettings) -> str:
    with pytest.raises(BreakglassError) as error:
        spoke_rules(settings)
    return str(error.value)


def test_pattern_of_2048_characters_is_the_longest() -> None:
    def settings(name: str) -> SpokeSettings:
        role = f"arn:aws:iam::222222222222:role/{'p' * 513}/r"
        return SpokeSettings(roles=(role,), users=(f"arn:aws:iam::222222222222:user/{name}",))

    patterns = [rule.pattern for rule in spoke_rules(settings("eve")) if rule.pattern]
    assert max(len(compact_json(pattern)) for pattern in patterns) == PATTERN_LIMIT
    assert refused(settings("evie")) == (
        "Expected an event pattern of at most 2048 characters for the rule breakglass-spoke-denied-2, got 2049: "
        "EventBridge would refuse the rule in each account. The cause is a long list of watched IAM users (1 of them), "
        "or a role with a very long path. Watch fewer users, or give the role a shorter path."
    )


def test_too_many_users_are_refused() -> None:
    assert "for the rule breakglass-spoke-users, got 2085" in refused(SpokeSettings(users=_users(18)))


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_patterns_name_the_partition(partition: str) -> None:
    rules = [rule for rule in spoke_rules(SpokeSettings(partition=partition, role_path="/b/", portal=True))]

    assert set(re.findall(r"arn:([a-z-]+):", "".join(str(rule.pattern) for rule in rules))) == {partition}
