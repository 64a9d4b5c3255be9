"""The event patterns: as exact JSON, and by what they match for any legal name.

It does not prove that EventBridge accepts them (see `tests.events.matcher`), nor that CloudTrail writes such records.
"""

import json
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from breakglass.alerts.patterns import PATTERN_LIMIT, RULE_STATE, event_pattern, pattern_json
from breakglass.alerts.subjects import PermissionSetSubject, Role, RoleSubject
from breakglass.errors import BreakglassError
from breakglass.vocabulary import ROLE_PATHS, EvidencePath
from tests.events.matcher import matches
from tests.unit.alerts.strategies import (
    account_ids,
    partitions,
    permission_set_names,
    regions,
    reserved_role_arn,
    role_arns,
    role_names,
    session_arn,
    session_names,
    subjects,
    suffixes,
)

STS = {"source": ["aws.sts"], "detail-type": ["AWS API Call via CloudTrail"]}
SSO = {
    "source": ["aws.sso", "aws.signin"],
    "detail-type": ["AWS Service Event via CloudTrail", "AWS API Call via CloudTrail"],
}
SIGN_IN = {
    "source": ["aws.signin"],
    "detail-type": ["AWS Console Sign In via CloudTrail", "AWS Console Signin via CloudTrail"],
}
LOGIN = {"source": ["aws.signin"], "detail-type": ["AWS API Call via CloudTrail"]}
REFUSED = {
    "source": ["aws.sts", "aws.sso", "aws.signin"],
    "detail-type": ["AWS API Call via CloudTrail", "AWS Service Event via CloudTrail"],
}
LOGIN_CALLS = ["AuthorizeOAuth2Access", "CreateOAuth2Token", "CreateOAuth2TokenWithIAM"]
SESSION_CALLS = ["AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"]
SUCCESSFUL_SIGN_INS = [
    {"eventName": ["ConsoleLogin"], "responseElements": {"ConsoleLogin": ["Success"]}},
    {"eventName": ["SwitchRole"], "responseElements": {"SwitchRole": ["Success"]}},
]
SET_ARNS = [
    {"wildcard": "arn:aws:iam::*:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_devops-break-glass_*"},
    {"wildcard": "arn:aws:iam::*:role/aws-reserved/sso.amazonaws.com/*/AWSReservedSSO_devops-break-glass_*"},
]
ROLE_ARN = "arn:aws:iam::222222222222:role/ops/emergency"

SET = PermissionSetSubject("devops-break-glass")
ROLE = RoleSubject(ROLE_ARN)


@pytest.mark.parametrize(
    ("subject", "path", "origin", "detail"),
    [
        (
            SET,
            EvidencePath.session_start,
            STS,
            {
                "eventName": SESSION_CALLS,
                "errorCode": [{"exists": False}],
                "requestParameters": {"roleArn": SET_ARNS},
            },
        ),
        (
            SET,
            EvidencePath.portal,
            SSO,
            {
                "eventName": ["GetRoleCredentials", "Federate"],
                "errorCode": [{"exists": False}],
                "$or": [
                    {"serviceEventDetails": {"role_name": ["devops-break-glass"]}},
                    {"requestParameters": {"roleName": ["devops-break-glass"]}},
                ],
            },
        ),
        (
            SET,
            EvidencePath.console,
            SIGN_IN,
            {
                "$or": SUCCESSFUL_SIGN_INS,
                "userIdentity": {
                    "arn": [{"wildcard": "arn:aws:sts::*:assumed-role/AWSReservedSSO_devops-break-glass_*"}]
                },
            },
        ),
        (
            SET,
            EvidencePath.denied,
            REFUSED,
            {
                "eventName": [*SESSION_CALLS, "GetRoleCredentials", "Federate", *LOGIN_CALLS],
                "errorCode": [{"exists": True}],
                "$or": [
                    {
                        "errorMessage": [
                            {"wildcard": "*:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_devops-break-glass_*"},
                            {"wildcard": "*:role/aws-reserved/sso.amazonaws.com/*/AWSReservedSSO_devops-break-glass_*"},
                        ]
                    },
                    {"requestParameters": {"roleArn": SET_ARNS}},
                    {"serviceEventDetails": {"role_name": ["devops-break-glass"]}},
                    {"requestParameters": {"roleName": ["devops-break-glass"]}},
                    {
                        "eventSource": ["signin.amazonaws.com"],
                        "userIdentity": {
                            "arn": [{"wildcard": "arn:aws:sts::*:assumed-role/AWSReservedSSO_devops-break-glass_*"}]
                        },
                    },
                ],
            },
        ),
        (
            SET,
            EvidencePath.login,
            LOGIN,
            {
                "eventName": LOGIN_CALLS,
                "errorCode": [{"exists": False}],
                "additionalEventData": {"grant_type": [{"exists": False}, {"anything-but": ["refresh_token"]}]},
                "userIdentity": {
                    "arn": [{"wildcard": "arn:aws:sts::*:assumed-role/AWSReservedSSO_devops-break-glass_*"}]
                },
            },
        ),
        (
            ROLE,
            EvidencePath.session_start,
            STS,
            {
                "eventName": SESSION_CALLS,
                "errorCode": [{"exists": False}],
                "requestParameters": {"roleArn": [ROLE_ARN]},
            },
        ),
        (
            ROLE,
            EvidencePath.console,
            SIGN_IN,
            {
                "$or": SUCCESSFUL_SIGN_INS,
                "userIdentity": {"arn": [{"prefix": "arn:aws:sts::222222222222:assumed-role/emergency/"}]},
            },
        ),
        (
            ROLE,
            EvidencePath.denied,
            REFUSED,
            {
                "eventName": [*SESSION_CALLS, *LOGIN_CALLS],
                "errorCode": [{"exists": True}],
                "$or": [
                    {"errorMessage": [{"suffix": f" {ROLE_ARN}"}, {"wildcard": f"* {ROLE_ARN} *"}]},
                    {"requestParameters": {"roleArn": [ROLE_ARN]}},
                    {
                        "eventSource": ["signin.amazonaws.com"],
                        "userIdentity": {"arn": [{"prefix": "arn:aws:sts::222222222222:assumed-role/emergency/"}]},
                    },
                ],
            },
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_event_pattern_is_exactly_this(
    subject: Role, path: EvidencePath, origin: dict[str, Any], detail: dict[str, Any]
) -> None:
    assert event_pattern(subject, path) == {**origin, "detail": detail}


def test_rules_get_read_only_management_events() -> None:
    assert RULE_STATE == "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"


def test_pattern_has_the_partition_of_the_rule_or_the_role() -> None:
    china = json.dumps(event_pattern(SET, EvidencePath.session_start, partition="aws-cn"))
    assert china.count("arn:aws-cn:iam") == 2
    assert "arn:aws:" not in china
    role = RoleSubject("arn:aws-us-gov:iam::222222222222:role/emergency")
    assert "arn:aws-us-gov:sts::222222222222" in json.dumps(event_pattern(role, EvidencePath.console))


def test_pattern_escapes_wildcards_in_names() -> None:
    pattern = event_pattern(PermissionSetSubject("a*b\\c"), EvidencePath.console)
    assert pattern["detail"]["userIdentity"]["arn"] == [
        {"wildcard": r"arn:aws:sts::*:assumed-role/AWSReservedSSO_a\*b\\c_*"}
    ]


def test_plain_role_has_no_pattern_for_the_portal() -> None:
    with pytest.raises(ValueError, match="emergency has no evidence path `portal`"):
        event_pattern(ROLE, EvidencePath.portal)


def test_pattern_json_beyond_the_limit_is_refused() -> None:
    role = RoleSubject(f"arn:aws:iam::222222222222:role/{'p' * 510}/{'e' * 64}")
    assert len(pattern_json(event_pattern(role, EvidencePath.session_start))) < PATTERN_LIMIT
    with pytest.raises(BreakglassError) as refused:
        pattern_json(event_pattern(role, EvidencePath.denied))
    begin = json.dumps(event_pattern(role, EvidencePath.denied), separators=(",", ":"))
    assert str(refused.value) == (
        f"Expected an event pattern of at most 2048 characters, got {len(begin)}: EventBridge would refuse the rule. "
        "The cause is a watched role with a very long path, or a long list of deployers. Give the role a shorter path, "
        "or remove the evidence path `denied`, whose pattern repeats the ARN; name fewer deployers. "
        f"The pattern begins: {begin[:200]}"
    )


def test_pattern_json_of_the_longest_pattern_is_accepted() -> None:
    longest = {"source": ["x" * (PATTERN_LIMIT - len('{"source":[""]}'))]}
    assert len(pattern_json(longest)) == PATTERN_LIMIT
    with pytest.raises(BreakglassError, match="got 2049"):
        pattern_json({"source": [longest["source"][0] + "x"]})


@given(permission_set_names, partitions, st.sampled_from(ROLE_PATHS))
def test_pattern_of_a_permission_set_is_within_the_limit(name: str, partition: str, path: EvidencePath) -> None:
    text = pattern_json(event_pattern(PermissionSetSubject(name), path, partition=partition))
    # The longest is `denied` in aws-us-gov, with a name of 32 characters: 1,178.
    assert len(text) <= 1178 < PATTERN_LIMIT
    assert ": " not in text


# --- matches, for any legal name ---------------------------------------------------------------------------------


def event(source: str, detail_type: str, **detail: Any) -> dict[str, Any]:
    return {"source": source, "detail-type": detail_type, "detail": detail}


def evidence(name: str, role_arn: str, who: str) -> dict[EvidencePath, list[dict[str, Any]]]:
    """Every kind of event that the role leaves behind, by the evidence path it is for."""
    call, service, sign_in = (f"AWS {kind} via CloudTrail" for kind in ("API Call", "Service Event", "Console Sign In"))
    request = {"roleArn": role_arn, "roleSessionName": who}
    session = {"type": "AssumedRole", "arn": session_arn(role_arn, who)}
    message = f"User: arn:aws:iam::1:user/u is not authorized to perform: sts:AssumeRole on resource: {role_arn}"
    error = {"errorCode": "AccessDenied", "errorMessage": message}
    found: dict[EvidencePath, list[dict[str, Any]]] = {
        EvidencePath.session_start: [
            event("aws.sts", call, eventName=name, requestParameters=request)
            for name in ("AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity")
        ],
        EvidencePath.portal: [
            event(source, kind, eventName=call_name, **named)
            for source in ("aws.sso", "aws.signin")
            for kind in (service, call)
            for named in (
                {"serviceEventDetails": {"role_name": name, "account_id": "1"}},
                {"requestParameters": {"roleName": name, "accountId": "1"}},
            )
            for call_name in ("GetRoleCredentials", "Federate")
        ],
        EvidencePath.console: [
            event("aws.signin", detail_type, eventName=n, userIdentity=session, responseElements={n: "Success"})
            for n in ("ConsoleLogin", "SwitchRole")
            for detail_type in (sign_in, "AWS Console Signin via CloudTrail")
        ],
        EvidencePath.denied: [
            event("aws.sts", call, eventName="AssumeRole", **error),
            event(
                "aws.sts", call, eventName="AssumeRole", **error | {"errorMessage": f"{message} because of a policy"}
            ),
            event("aws.sts", call, eventName="AssumeRole", errorCode="ExpiredToken", requestParameters=request),
        ],
    }
    if "/aws-reserved/" in role_arn:
        for portal_event in found[EvidencePath.portal]:
            refused = portal_event["detail"] | {"errorCode": "ForbiddenException"}
            found[EvidencePath.denied].append(portal_event | {"detail": refused})
    else:
        del found[EvidencePath.portal]
    return found


reserved_regions = st.one_of(st.none(), regions)


@given(permission_set_names, partitions, account_ids, reserved_regions, suffixes, session_names)
def test_permission_set_matches_in_every_form_of_its_arn(
    name: str, partition: str, account: str, region: str | None, suffix: str, who: str
) -> None:
    role_arn = reserved_role_arn(name, partition, account, region, suffix)
    for kind, events in evidence(name, role_arn, who).items():
        for path in ROLE_PATHS:
            pattern = event_pattern(PermissionSetSubject(name), path, partition=partition)
            assert [matches(pattern, e) for e in events] == [path is kind] * len(events)


@given(role_arns(), session_names)
def test_plain_role_matches_only_its_rule(role_arn: str, who: str) -> None:
    subject = RoleSubject(role_arn)
    for kind, events in evidence(subject.label, role_arn, who).items():
        for path in subject.evidence_paths:
            pattern = event_pattern(subject, path)
            assert [matches(pattern, e) for e in events] == [path is kind] * len(events)


# Names that contain each other are where a pattern goes wrong, and chance alone rarely makes them.
relatives = st.tuples(permission_set_names, permission_set_names).flatmap(
    lambda pair: st.sampled_from(
        [
            pair,
            (pair[0], (pair[0] + pair[1])[:32]),
            (pair[0], (pair[1] + pair[0])[-32:]),
            (pair[0], (pair[1] + "_" + pair[0])[-32:]),
            (pair[0][:15], "a_AWSReservedSSO_" + pair[0][:15]),
            (pair[0], pair[0].swapcase()),
            (pair[0], pair[0][:-1]),
        ]
    )
)


@given(relatives, partitions, account_ids, reserved_regions, suffixes, session_names)
@example(("x", "a_AWSReservedSSO_x"), "aws", "1" * 12, "eu-central-1", "0" * 16, "me")
@example(("x", "AWSReservedSSO_x"), "aws", "1" * 12, None, "0" * 16, "me")
@example(("devops-break-glass", "devops-break-glass-2"), "aws", "1" * 12, None, "0" * 16, "me")
@example(("devops-break-glass", "x-devops-break-glass"), "aws", "1" * 12, "eu-central-1", "0" * 16, "me")
def test_permission_set_never_matches_another(
    names: tuple[str, str], partition: str, account: str, region: str | None, suffix: str, who: str
) -> None:
    watched, other = names
    # `x_...` beside a watched `x` can't be told apart, so the configuration refuses it.
    assume(other and other != watched and not other.startswith(f"{watched}_"))
    role_arn = reserved_role_arn(other, partition, account, region, suffix)
    for path in ROLE_PATHS:
        pattern = event_pattern(PermissionSetSubject(watched), path, partition=partition)
        for events in evidence(other, role_arn, who).values():
            assert not any(matches(pattern, e) for e in events)


@given(permission_set_names, account_ids, reserved_regions, suffixes, st.data())
def test_name_in_another_case_stays_silent(
    name: str, account: str, region: str | None, suffix: str, data: st.DataObject
) -> None:
    letters = [index for index, c in enumerate(name) if c.isalpha()]
    assume(letters)
    at = data.draw(st.sampled_from(letters))
    other = name[:at] + name[at].swapcase() + name[at + 1 :]
    role_arn = reserved_role_arn(other, "aws", account, region, suffix)
    for path in ROLE_PATHS:
        pattern = event_pattern(PermissionSetSubject(name), path)
        for events in evidence(other, role_arn, "me").values():
            assert not any(matches(pattern, e) for e in events)


@given(role_arns(), role_names, account_ids)
def test_plain_role_never_matches_another(role_arn: str, name: str, account: str) -> None:
    subject = RoleSubject(role_arn)
    stem, own_name = role_arn.rsplit("/", 1)
    neighbours = [
        role_arn + name[: 64 - len(own_name)],
        f"{stem}/{(name + own_name)[-64:]}",
        f"{stem}/{own_name.swapcase()}",
        role_arn.replace(subject.account_id, account),
    ]
    for neighbour in neighbours:
        if neighbour == role_arn:
            continue
        for path in subject.evidence_paths:
            pattern = event_pattern(subject, path)
            for events in evidence(RoleSubject(neighbour).label, neighbour, "me").values():
                assert not any(matches(pattern, e) for e in events)


@given(subjects, st.sampled_from(["AccessDenied", "ExpiredToken", ""]))
def test_failed_call_matches_only_denied(subject: Role, code: str) -> None:
    role_arn = (
        reserved_role_arn(subject.name, "aws", "1" * 12, None, "0" * 16)
        if isinstance(subject, PermissionSetSubject)
        else subject.arn
    )
    for path, events in evidence(subject.label, role_arn, "me").items():
        if path is EvidencePath.denied:
            continue
        for e in events:
            failed = e["detail"] | {"errorCode": code, "responseElements": None}
            assert not matches(event_pattern(subject, path), e | {"detail": failed})


@given(permission_set_names, suffixes)
def test_refused_action_of_a_session_is_not_a_denied_use(name: str, suffix: str) -> None:
    caller = session_arn(reserved_role_arn(name, "aws", "1" * 12, None, suffix), "me")
    other = "arn:aws:iam::111111111111:role/ci"
    message = f"User: {caller} is not authorized to perform: sts:AssumeRole on resource: {other}"
    refused = event(
        "aws.sts", "AWS API Call via CloudTrail", eventName="AssumeRole", errorCode="AccessDenied", errorMessage=message
    )
    assert not matches(event_pattern(PermissionSetSubject(name), EvidencePath.denied), refused)
