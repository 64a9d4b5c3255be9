"""The event patterns of root, IAM users and access around the approvals.

They are compared as exact JSON, and by what they match.

It does not prove that EventBridge accepts them (see `tests.events.matcher`), nor that CloudTrail writes such records.
"""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakglass.alerts.patterns import PATTERN_LIMIT, alert_rules, event_pattern, pattern_json
from breakglass.alerts.patterns.alternatives import any_of, parameter
from breakglass.alerts.subjects import AccessArea, AccessSubject, RootSubject, Subject, UserSubject
from breakglass.vocabulary import EvidencePath
from localcloud.emulators.complexity import wildcard_complexity
from tests.events.matcher import matches
from tests.unit.alerts.strategies import NAME_ALPHABET, account_ids, partitions

CALL = "AWS API Call via CloudTrail"
SIGN_IN = ["AWS Console Sign In via CloudTrail", "AWS Console Signin via CloudTrail"]
LOGIN_CALLS = ["AuthorizeOAuth2Access", "CreateOAuth2Token", "CreateOAuth2TokenWithIAM"]
SUCCEEDED = {"errorCode": [{"exists": False}]}
REFUSED = {"errorCode": [{"exists": True}]}
CHANGES = {"readOnly": [False, {"exists": False}]}
NO_REFRESH = {"additionalEventData": {"grant_type": [{"exists": False}, {"anything-but": ["refresh_token"]}]}}

ROOT = RootSubject()
IS_ROOT = {"type": ["Root"]}
USER = UserSubject("arn:aws:iam::222222222222:user/ops/break-glass-admin")
USER_NAME = {"userName": [{"equals-ignore-case": "break-glass-admin"}]}
IS_USER = {"type": ["IAMUser"], "accountId": ["222222222222"], **USER_NAME}


@pytest.mark.parametrize(
    ("subject", "path", "pattern"),
    [
        (
            ROOT,
            EvidencePath.sign_in,
            {
                "source": ["aws.signin"],
                "detail-type": SIGN_IN,
                "detail": {
                    "$or": [
                        {"eventName": ["ConsoleLogin"], "responseElements": {"ConsoleLogin": ["Success"]}},
                        {
                            "eventName": [
                                "PasswordUpdated",
                                "PasswordRecoveryRequested",
                                "PasswordRecoveryCompleted",
                                "EmailUpdated",
                            ]
                        },
                    ],
                    "userIdentity": IS_ROOT,
                },
            },
        ),
        (
            ROOT,
            EvidencePath.change,
            {
                "source": [{"prefix": "aws."}],
                "detail-type": [CALL],
                "detail": {
                    "eventSource": [{"anything-but": ["signin.amazonaws.com"]}],
                    **CHANGES,
                    **SUCCEEDED,
                    "userIdentity": {
                        **IS_ROOT,
                        "invokedBy": [{"exists": False}, "aws-mcp.amazonaws.com", "signin.amazonaws.com"],
                    },
                },
            },
        ),
        (
            ROOT,
            EvidencePath.login,
            {
                "source": ["aws.signin"],
                "detail-type": [CALL],
                "detail": {"eventName": LOGIN_CALLS, **SUCCEEDED, **NO_REFRESH, "userIdentity": IS_ROOT},
            },
        ),
        (
            ROOT,
            EvidencePath.assume_root,
            {"source": ["aws.sts"], "detail-type": [CALL], "detail": {"eventName": ["AssumeRoot"], **SUCCEEDED}},
        ),
        (
            ROOT,
            EvidencePath.denied,
            {
                "source": ["aws.signin", "aws.sts"],
                "detail-type": [CALL, *SIGN_IN],
                "detail": {
                    "$or": [
                        {
                            "eventName": ["ConsoleLogin"],
                            "responseElements": {"ConsoleLogin": ["Failure"]},
                            "userIdentity": IS_ROOT,
                        },
                        {"eventName": LOGIN_CALLS, **REFUSED, "userIdentity": IS_ROOT},
                        {"eventName": ["AssumeRoot"], **REFUSED},
                    ]
                },
            },
        ),
        (
            USER,
            EvidencePath.sign_in,
            {
                "source": ["aws.signin", "aws.sts"],
                "detail-type": [CALL, *SIGN_IN],
                "detail": {
                    "$or": [
                        {"eventName": ["ConsoleLogin"], "responseElements": {"ConsoleLogin": ["Success"]}},
                        {"eventName": ["GetSessionToken", "GetFederationToken", "AssumeRole"], **SUCCEEDED},
                    ],
                    "userIdentity": IS_USER,
                },
            },
        ),
        (
            USER,
            EvidencePath.login,
            {
                "source": ["aws.signin"],
                "detail-type": [CALL],
                "detail": {"eventName": LOGIN_CALLS, **SUCCEEDED, **NO_REFRESH, "userIdentity": IS_USER},
            },
        ),
        (
            USER,
            EvidencePath.credentials,
            {
                "source": ["aws.iam"],
                "detail-type": [CALL],
                "detail": {
                    **CHANGES,
                    **SUCCEEDED,
                    "recipientAccountId": ["222222222222"],
                    "$or": [
                        {"requestParameters": USER_NAME},
                        {
                            "eventName": [
                                "ChangePassword",
                                "CreateAccessKey",
                                "CreateLoginProfile",
                                "DeactivateMFADevice",
                                "DeleteAccessKey",
                                "DeleteLoginProfile",
                                "DeleteServiceSpecificCredential",
                                "DeleteSigningCertificate",
                                "DeleteVirtualMFADevice",
                                "ResetServiceSpecificCredential",
                                "UpdateAccessKey",
                                "UpdateServiceSpecificCredential",
                                "UpdateSigningCertificate",
                                "UploadSigningCertificate",
                            ],
                            "requestParameters": {"userName": [{"exists": False}]},
                            "userIdentity": IS_USER,
                        },
                    ],
                },
            },
        ),
        (
            USER,
            EvidencePath.key_use,
            {
                "source": [{"prefix": "aws."}],
                "detail-type": [CALL],
                "detail": {"userIdentity": {**IS_USER, "accessKeyId": [{"prefix": "AKIA"}]}},
            },
        ),
        (
            USER,
            EvidencePath.denied,
            {
                "source": ["aws.signin", "aws.sts"],
                "detail-type": [CALL, *SIGN_IN],
                "detail": {
                    "$or": [
                        {"eventName": ["ConsoleLogin"], "responseElements": {"ConsoleLogin": ["Failure"]}},
                        {
                            "eventName": ["GetSessionToken", "GetFederationToken", "AssumeRole", *LOGIN_CALLS],
                            **REFUSED,
                        },
                    ],
                    "userIdentity": IS_USER,
                },
            },
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else getattr(value, "label", ""),
)
def test_pattern_of_a_principal_is_exactly_this(subject: Subject, path: EvidencePath, pattern: dict[str, Any]) -> None:
    assert event_pattern(subject, path) == pattern


SETS = tuple(
    (f"set-{number}", f"arn:aws:sso:::permissionSet/ssoins-6904c3a1d5e0b7f2/ps-{number:016}") for number in range(30)
)
ACCESS = AccessSubject(
    sets=SETS[:2],
    groups=(("database-oncall", "9067f5aa1e-6d5f1ab2-3c4d-4e5f-8a9b-0c1d2e3f4a5b"),),
    roles=("arn:aws:iam::222222222222:role/emergency-operator",),
    actors=("arn:aws:iam::111111111111:role/provisioner", "arn:aws:iam::111111111111:role/deploy-pipeline"),
)


def test_patterns_of_access_are_exactly_these() -> None:
    not_by_actors = {
        "userIdentity": {
            "sessionContext": {
                "sessionIssuer": {
                    "arn": [
                        {"exists": False},
                        {
                            "anything-but": [
                                "arn:aws:iam::111111111111:role/deploy-pipeline",
                                "arn:aws:iam::111111111111:role/provisioner",
                            ]
                        },
                    ]
                }
            }
        }
    }
    assert {rule.key: rule.pattern for rule in alert_rules(ACCESS)} == {
        "access-assignments": {
            "source": ["aws.sso"],
            "detail-type": [CALL],
            "detail": {
                "eventName": ["CreateAccountAssignment"],
                **SUCCEEDED,
                "requestParameters": {"permissionSetArn": [SETS[0][1], SETS[1][1]]},
                **not_by_actors,
            },
        },
        "access-memberships": {
            "source": ["aws.sso-directory", "aws.identitystore"],
            "detail-type": [CALL],
            "detail": {
                "eventName": ["AddMemberToGroup", "CreateGroupMembership"],
                **SUCCEEDED,
                "requestParameters": {"groupId": ["9067f5aa1e-6d5f1ab2-3c4d-4e5f-8a9b-0c1d2e3f4a5b"]},
                **not_by_actors,
            },
        },
        "access-entitlements": {
            "source": ["aws.account-access"],
            "detail-type": [CALL],
            "detail": {
                "eventName": ["CreateEntitlement"],
                **SUCCEEDED,
                "requestParameters": {
                    "entitlement": {"principalRole": {"roleArn": ["arn:aws:iam::222222222222:role/emergency-operator"]}}
                },
                **not_by_actors,
            },
        },
    }


def test_access_to_many_sets_is_split_over_rules() -> None:
    rules = alert_rules(AccessSubject(sets=SETS, actors=ACCESS.actors))
    assert [rule.key for rule in rules] == ["access-assignments", "access-assignments-2"]
    found = [arn for rule in rules for arn in rule.pattern["detail"]["requestParameters"]["permissionSetArn"]]
    assert found == [arn for _, arn in SETS]
    assert all(len(pattern_json(rule.pattern)) <= PATTERN_LIMIT for rule in rules)


def test_assignment_by_an_actor_is_silent_by_its_arn_only() -> None:
    def assigned(issuer: str | None) -> dict[str, Any]:
        context = {"sessionContext": {"sessionIssuer": {"arn": issuer}}} if issuer else {}
        detail = {
            "eventName": "CreateAccountAssignment",
            "requestParameters": {"permissionSetArn": SETS[0][1]},
            "userIdentity": {"type": "AssumedRole", **context},
        }
        return {"source": "aws.sso", "detail-type": CALL, "detail": detail}

    (pattern,) = (rule.pattern for rule in alert_rules(ACCESS) if rule.area is AccessArea.assignments)
    assert not matches(pattern, assigned("arn:aws:iam::111111111111:role/provisioner"))
    assert matches(pattern, assigned("arn:aws:iam::222222222222:role/provisioner"))
    assert matches(pattern, assigned(None))


def test_subject_of_another_kind_has_no_such_pattern() -> None:
    with pytest.raises(ValueError, match="root has no evidence path `credentials`"):
        event_pattern(ROOT, EvidencePath.credentials)
    with pytest.raises(ValueError, match="break-glass-admin has no evidence path `portal`"):
        event_pattern(USER, EvidencePath.portal)


def test_single_alternative_has_no_or() -> None:
    """Event Ruler refuses a `$or` of one object."""
    assert any_of(parameter("name", "a", "b")) == {"requestParameters": {"name": ["a", "b"]}}
    assert any_of([*parameter("name", "a"), *parameter("rule", "b")]) == {
        "requestParameters": {"$or": [{"name": ["a"]}, {"rule": ["b"]}]}
    }


# --- matches, for any legal name -------------------------------------------------------------------------------------

user_names = st.text(NAME_ALPHABET, min_size=1, max_size=64)
user_arns = st.builds("arn:{}:iam::{}:user/{}".format, partitions, account_ids, user_names)


def events_of(name: str, account: str) -> dict[EvidencePath, list[dict[str, Any]]]:
    """Return events that an IAM user leaves behind, by the evidence path they are for."""
    identity = {"type": "IAMUser", "accountId": account, "userName": name}

    def event(source: str, kind: str, event_name: str, **detail: Any) -> dict[str, Any]:
        found = {"eventName": event_name, "userIdentity": identity, "recipientAccountId": account, **detail}
        return {"source": source, "detail-type": kind, "detail": found}

    by_other = {"userIdentity": {"type": "AssumedRole", "accountId": account}}
    return {
        EvidencePath.sign_in: [
            event("aws.signin", SIGN_IN[0], "ConsoleLogin", responseElements={"ConsoleLogin": "Success"}),
            event("aws.sts", CALL, "GetSessionToken"),
            event("aws.sts", CALL, "AssumeRole", requestParameters={"roleArn": "arn:aws:iam::1:role/x"}),
        ],
        EvidencePath.login: [event("aws.signin", CALL, "AuthorizeOAuth2Access")],
        EvidencePath.credentials: [
            event("aws.iam", CALL, "CreateAccessKey", requestParameters={"userName": name}, **by_other),
            event(
                "aws.iam", CALL, "AttachUserPolicy", requestParameters={"userName": name}, readOnly=False, **by_other
            ),
            event("aws.iam", CALL, "ChangePassword", requestParameters=None),
        ],
        EvidencePath.key_use: [
            event("aws.s3", CALL, "ListBuckets", readOnly=True, userIdentity={**identity, "accessKeyId": "AKIA1"})
        ],
        EvidencePath.denied: [
            event("aws.signin", SIGN_IN[1], "ConsoleLogin", responseElements={"ConsoleLogin": "Failure"}),
            event("aws.sts", CALL, "AssumeRole", errorCode="AccessDenied"),
            event("aws.signin", CALL, "CreateOAuth2Token", errorCode="AccessDenied"),
        ],
    }


@given(user_arns)
def test_user_matches_only_the_rule_of_the_path(arn: str) -> None:
    subject = UserSubject(arn)
    for kind, events in events_of(subject.label, subject.account_id).items():
        for path in subject.evidence_paths:
            assert [matches(event_pattern(subject, path), e) for e in events] == [path is kind] * len(events)


@given(user_arns)
def test_user_matches_in_any_case(arn: str) -> None:
    """IAM takes a name in any case, and the record has it as the caller wrote it."""
    subject = UserSubject(arn)
    for kind, events in events_of(subject.label.swapcase(), subject.account_id).items():
        assert all(matches(event_pattern(subject, kind), event) for event in events)


@given(user_arns, user_names, account_ids)
def test_user_never_matches_another(arn: str, name: str, account: str) -> None:
    subject = UserSubject(arn)
    others = [(f"{subject.label}{name}", subject.account_id), (subject.label, account), (name, subject.account_id)]
    for other, of_account in others:
        if (other.lower(), of_account) == (subject.label.lower(), subject.account_id):
            continue
        for events in events_of(other, of_account).values():
            for path in subject.evidence_paths:
                assert not any(matches(event_pattern(subject, path), event) for event in events)


@given(user_arns)
def test_pattern_of_a_user_is_within_the_limits(arn: str) -> None:
    for rule in alert_rules(UserSubject(arn)):
        assert len(pattern_json(rule.pattern)) <= 1100 < PATTERN_LIMIT
        assert wildcard_complexity(rule.pattern, behind_absent=True) == 0


@pytest.mark.parametrize(
    ("invoked_by", "is_told"),
    [(None, True), ("aws-mcp.amazonaws.com", True), ("signin.amazonaws.com", True), ("sso.amazonaws.com", False)],
)
def test_change_as_root_is_told_unless_a_service_makes_it(invoked_by: str | None, is_told: bool) -> None:
    identity = {"type": "Root", **({"invokedBy": invoked_by} if invoked_by else {})}
    detail = {"eventSource": "kms.amazonaws.com", "eventName": "CreateKey", "readOnly": False, "userIdentity": identity}
    event = {"source": "aws.kms", "detail-type": CALL, "detail": detail}
    assert matches(event_pattern(ROOT, EvidencePath.change), event) is is_told
