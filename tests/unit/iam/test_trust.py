"""Trust policies of emergency roles: the narrow one of the runbook, and each way to widen it.

It does not prove what IAM decides (docs/live-checks.md).
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from breakglass.iam.trust import trust_faults

ACCOUNT = "222222222222"
RUNBOOK = Path(__file__).parents[3] / "docs" / "runbooks" / "identity-center-is-down.md"

MFA = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
REGION = {"StringEquals": {"aws:RequestedRegion": ["eu-central-1", "us-east-1"]}}
NARROW = {**MFA, **REGION}
DOOR = {"AWS": "arn:aws:iam::444444444444:user/ada"}
SAML = {"Federated": f"arn:aws:iam::{ACCOUNT}:saml-provider/okta"}


def trust(
    principal: Any = DOOR, condition: Any = NARROW, action: Any = "sts:AssumeRole", **more: Any
) -> dict[str, Any]:
    """A trust policy of one Allow."""
    allow = {"Effect": "Allow", "Principal": principal, "Action": action, "Condition": condition, **more}
    return {"Version": "2012-10-17", "Statement": [allow]}


def judged(document: dict[str, Any]) -> list[tuple[bool, str]]:
    return [(fault.is_open, fault.what) for fault in trust_faults(document, ACCOUNT)]


def test_trust_of_the_runbook_is_narrow() -> None:
    documents = [json.loads(text) for text in re.findall(r"```json\n(.*?)```", RUNBOOK.read_text(), re.DOTALL)]
    [document] = [each for each in documents if "Principal" in json.dumps(each)]
    assert judged(document) == []


NARROW_ONES: dict[str, dict[str, Any]] = {
    "a user": trust(),
    "several users": trust({"AWS": [DOOR["AWS"], "arn:aws:iam::444444444444:user/grace"]}),
    "values as booleans and lists": trust(condition={**REGION, "Bool": {"AWS:multifactorauthpresent": [True]}}),
    "own account, and its users by a condition": trust(
        {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
        {**NARROW, "ArnEquals": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:user/ada"}},
    ),
    "age of MFA": trust(condition={**REGION, "NumericLessThan": {"aws:MultiFactorAuthAge": "3600"}}),
    "SAML": trust(
        SAML, {**REGION, "StringEquals": {"SAML:aud": "a", **REGION["StringEquals"]}}, "sts:AssumeRoleWithSAML"
    ),
    "statement alone": {"Statement": trust()["Statement"][0]},
    "MFA and regions by Deny": {
        "Statement": [
            *trust(condition={})["Statement"],
            {
                "Effect": "Deny",
                "Principal": {"AWS": "*"},
                "Action": "sts:*",
                "Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}},
            },
            {
                "Effect": "Deny",
                "Principal": "*",
                "Action": "sts:AssumeRole",
                "Condition": {"StringNotEquals": {"aws:RequestedRegion": "eu-central-1"}},
            },
        ]
    },
    "tags of the session": {
        "Statement": [
            *trust()["Statement"],
            {"Effect": "Allow", "Principal": DOOR, "Action": ["sts:TagSession", "sts:SetSourceIdentity"]},
        ]
    },
}


@pytest.mark.parametrize("document", NARROW_ONES.values(), ids=NARROW_ONES)
def test_narrow_trust_has_no_fault(document: dict[str, Any]) -> None:
    assert judged(document) == []


DELETED = "AIDACKCEVSQ6C2EXAMPLE"
SET_ROLE = "arn:aws:iam::222222222222:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_admin_0123456789abcdef"
CENTER = "arn:aws:iam::222222222222:saml-provider/AWSSSO_0123456789abcdef_DO_NOT_DELETE"
GITHUB = "arn:aws:iam::222222222222:oidc-provider/token.actions.githubusercontent.com"
AUDIENCE = {"StringEquals": {"token.actions.githubusercontent.com:aud": "sts.amazonaws.com", **REGION["StringEquals"]}}
AWAY = "which is not there while Identity Center is down"
OPEN_KEYS = "lets long-lived access keys in without MFA, since `...IfExists` passes a call that lacks the key"
ANYWHERE = "allows every region, and a use is recorded in the region where the session was called"

WIDE_ONES: dict[str, tuple[dict[str, Any], list[tuple[bool, str]]]] = {
    # sentence: (document, whether it is open, and the fault)
    "no statement": ({}, [(True, "lets no one in")]),
    "another action": (trust(action="sts:TagSession"), [(True, "lets no one in")]),
    "everyone": (trust("*"), [(True, "lets any principal of any account in (`*`)")]),
    "everyone in a list": (trust({"AWS": ["*"]}), [(True, "lets any principal of any account in (`*`)")]),
    "everyone of an organization": (
        trust("*", {**MFA, "StringEquals": {"aws:PrincipalOrgID": "o-1", **REGION["StringEquals"]}}),
        [(False, "lets every principal that a condition does not keep out in (`*`)")],
    ),
    "everyone but an account": (
        trust("*", {**NARROW, "StringNotEquals": {"aws:PrincipalAccount": "444444444444"}}),
        [(True, "lets any principal of any account in (`*`)")],
    ),
    "everyone without an organization": (
        trust("*", {**NARROW, "StringEqualsIfExists": {"aws:PrincipalOrgID": "o-1"}}),
        [(True, "lets any principal of any account in (`*`)")],
    ),
    "everyone without paths of an organization": (
        trust("*", {**NARROW, "ForAllValues:StringLike": {"aws:PrincipalOrgPaths": "o-1/*"}}),
        [(True, "lets any principal of any account in (`*`)")],
    ),
    "everyone by any ARN": (
        trust("*", {**NARROW, "ArnLike": {"aws:PrincipalArn": "*"}}),
        [(True, "lets any principal of any account in (`*`)")],
    ),
    "permission set by a condition": (
        trust({"AWS": ACCOUNT}, {**NARROW, "ArnLike": {"aws:PrincipalArn": SET_ROLE}}),
        [(True, f"opens the role by the role of a permission set (`aws:PrincipalArn`), {AWAY}")],
    ),
    "OIDC with any subject": (
        trust(
            {"Federated": GITHUB},
            {**AUDIENCE, "StringLike": {"token.actions.githubusercontent.com:sub": "*"}},
            "sts:AssumeRoleWithWebIdentity",
        ),
        [(True, f"lets every identity of {GITHUB} in")],
    ),
    "everyone but": (
        {"Statement": {"Effect": "Allow", "NotPrincipal": DOOR, "Action": "sts:*", "Condition": NARROW}},
        [(True, "lets everyone in but some (`NotPrincipal`)")],
    ),
    "own account": (
        trust({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}),
        [(False, "lets the role's own account in, each principal there whose IAM policies allow sts:AssumeRole")],
    ),
    "own account by its ID": (
        trust({"AWS": ACCOUNT}),
        [(False, "lets the role's own account in, each principal there whose IAM policies allow sts:AssumeRole")],
    ),
    "deleted user": (
        trust({"AWS": DELETED}),
        [
            (
                False,
                f"names a principal that was deleted ({DELETED}), and a new one of its name does not get in",
            )
        ],
    ),
    "permission set": (
        trust({"AWS": SET_ROLE}),
        [(True, f"opens the role by the role of a permission set ({SET_ROLE}), {AWAY}")],
    ),
    "identity center": (
        trust({"Federated": CENTER}, REGION, "sts:AssumeRoleWithSAML"),
        [(True, f"opens the role by Identity Center's own identity provider ({CENTER}), {AWAY}")],
    ),
    "account access manager": (
        trust({"Service": "account-access.amazonaws.com"}, REGION),
        [(True, f"opens the role by AWS account access manager (account-access.amazonaws.com), {AWAY}")],
    ),
    "service": (
        trust({"Service": "ec2.amazonaws.com"}, REGION),
        [(True, "lets the service ec2.amazonaws.com in, for each person who may use that service")],
    ),
    "SAML without audience": (
        trust(SAML, REGION, "sts:AssumeRoleWithSAML"),
        [(False, f"takes assertions of {SAML['Federated']} for any audience")],
    ),
    "OIDC without subject": (
        trust({"Federated": GITHUB}, AUDIENCE, "sts:AssumeRoleWithWebIdentity"),
        [(True, f"lets every identity of {GITHUB} in")],
    ),
    "no MFA": (trust(condition=REGION), [(True, "does not require MFA")]),
    "MFA if it exists": (
        trust(condition={**REGION, "BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}}),
        [(True, OPEN_KEYS)],
    ),
    "age of MFA if it exists": (
        trust(condition={**REGION, "NumericLessThanIfExists": {"aws:MultiFactorAuthAge": "60"}}),
        [(True, OPEN_KEYS)],
    ),
    "no MFA on purpose": (
        trust(condition={**REGION, "Bool": {"aws:MultiFactorAuthPresent": ["true", "false"]}}),
        [(True, "does not require MFA")],
    ),
    "no region": (trust(condition=MFA), [(False, ANYWHERE)]),
    "any region": (
        trust(condition={**MFA, "StringLike": {"aws:RequestedRegion": "*"}}),
        [(False, ANYWHERE)],
    ),
    "one region excluded": (
        trust(condition={**MFA, "StringNotEquals": {"aws:RequestedRegion": "eu-west-1"}}),
        [(False, ANYWHERE)],
    ),
    "second statement": (
        {"Statement": [*trust()["Statement"], *trust(condition=REGION)["Statement"]]},
        [(True, "does not require MFA")],
    ),
    "Deny that spares keys": (
        {
            "Statement": [
                *trust(condition=REGION)["Statement"],
                {
                    "Effect": "Deny",
                    "Principal": "*",
                    "Action": "sts:AssumeRole",
                    "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "false"}},
                },
            ]
        },
        [(True, "does not require MFA")],
    ),
    "Deny of one principal": (
        {
            "Statement": [
                *trust(condition=REGION)["Statement"],
                {
                    "Effect": "Deny",
                    "Principal": DOOR,
                    "Action": "sts:AssumeRole",
                    "Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}},
                },
            ]
        },
        [(True, "does not require MFA")],
    ),
}


@pytest.mark.parametrize(("document", "expected"), WIDE_ONES.values(), ids=WIDE_ONES)
def test_wide_trust_has_its_fault(document: dict[str, Any], expected: list[tuple[bool, str]]) -> None:
    assert judged(document) == expected


def test_fault_of_two_statements_is_told_once() -> None:
    twice = trust(condition=REGION)["Statement"] * 2
    assert judged({"Statement": twice}) == [(True, "does not require MFA")]


@pytest.mark.parametrize("document", [each for each, _ in WIDE_ONES.values()], ids=WIDE_ONES)
def test_fault_has_a_remedy(document: dict[str, Any]) -> None:
    assert all(fault.do.endswith(".") for fault in trust_faults(document, ACCOUNT))
