"""Values that each type of the stack file accepts and refuses."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from breakglass.stack_file import policy_document, types
from breakglass.stack_file.faults import FAULT
from breakglass.stack_file.types import seconds
from breakglass.vocabulary import partition_of_region

STATEMENT = {"Effect": "Allow", "Action": "rds:CreateDBSnapshot", "Resource": "*"}

TAKEN: list[tuple[Any, list[object]]] = [
    (types.AccountId, ["111122223333", "000000000000"]),
    (types.Region, ["eu-central-1", "us-gov-west-1", "cn-northwest-1", "ap-southeast-5", "mx-central-1", "sa-east-1"]),
    (types.Reason, ["A restore takes three hours.", "x"]),
    (
        types.RoleArn,
        [
            "arn:aws:iam::111122223333:role/emergency",
            "arn:aws-us-gov:iam::111122223333:role/teams/database/emergency+1@x",
        ],
    ),
    (
        types.PolicyArn,
        ["arn:aws:iam::aws:policy/SecurityAudit", "arn:aws-cn:iam::aws:policy/job-function/SystemAdministrator"],
    ),
    (
        types.KmsKeyArn,
        [
            "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
            "arn:aws:kms:eu-central-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab",
        ],
    ),
    (types.SecretName, ["breakglass-slack-bot-token"]),
    (types.InstanceArn, ["arn:aws:sso:::instance/ssoins-7223a1b2c3d4e5f6"]),
    (types.IdentityStoreId, ["d-1234567890", "12345678-1234-1234-1234-123456789012"]),
    (
        types.PrincipalId,
        ["0123456789-abcdef01-2345-6789-abcd-ef0123456789", "ABCDEF01-2345-6789-abcd-ef0123456789"],
    ),
    (types.PrincipalName, ["database-oncall", "Datenbank-Bereitschaft (Süd)", "x"]),
    (types.Description, ["Read-only access to RDS", "Zugriff für Notfälle\nauf Datenbanken", "x" * 700]),
    (types.PermissionSetName, ["a", "devops-break-glass", "A_1+=,.@-", "x" * 32]),
    (types.SessionDuration, ["PT1H", "PT12H", "PT60M", "PT1H30M", "PT720M"]),
    (types.AccessDuration, ["PT1S", "PT90M", "PT1H30M", "PT43200S", "PT12H", "PT00060M"]),
    (types.Span, ["PT1S", "PT10M", "PT24H", "PT168H", "PT10080M", "PT1H1M1S"]),
    (types.Wait, ["PT0S", "PT0H0M", "PT2S", "PT168H"]),
    (types.RuleName, ["databases", "x", "Databases of 2nd team_v1.0-b", "x" * 64]),
    (types.RuleText, ["These databases hold personal data.", "\n x", "ä" * 500]),
    (types.CustomerPolicyName, ["rds-guardrails", "x" * 128]),
    (types.IamPath, ["/", "/teams/database/"]),
    (types.TagKey, ["team", "cost center", "a:b/c", "awsome"]),
    (types.TagValue, ["", "platform", "1.5 @home"]),
    (types.SlackChannelId, ["C0123456789", "G012AB3CD"]),
    (types.SlackUserId, ["U0123ABCD", "W0123ABCDEF"]),
    (
        types.EmailAddress,
        ["oncall@example.com", "first.last+tag@mail.example.co.uk"],
    ),
    (
        types.HttpsUrl,
        [
            "https://slack.com/api/chat.postMessage",
            "https://wiki.example.com:8443/a/b?c=d&e=%20#f",
            "http://127.0.0.1:4010/api/chat.postMessage",
            "http://localhost:4010/",
            "http://[::1]:4010/",
        ],
    ),
    (
        policy_document.PolicyDocument,
        [
            {"Version": "2012-10-17", "Statement": STATEMENT},
            {"Version": "2012-10-17", "Id": "x", "Statement": [STATEMENT, {**STATEMENT, "Sid": "Two"}]},
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Deny",
                        "NotAction": ["iam:*", "*"],
                        "NotResource": ["arn:aws:s3:::a/${aws:username}"],
                        "Condition": {
                            "Bool": {"aws:SecureTransport": False},
                            "NumericLessThan": {"aws:MultiFactorAuthAge": 300},
                            "StringLike": {"aws:PrincipalTag/team": ["a*", "b*"]},
                        },
                    }
                ],
            },
        ],
    ),
]

REFUSED: list[tuple[Any, list[object]]] = [
    (
        types.AccountId,
        ["11112222333", "1111222233334", "11112222333a", "١١١١٢٢٢٢٣٣٣٣", "111122223333\n", True, None, []],
    ),
    (types.AccountId, [111122223333, 12345678901, 1.2345678901e10, float("inf"), float("nan"), -1, 10**30]),
    (types.Region, ["eu-central-1a", "Frankfurt", "eu_central_1", "EU-CENTRAL-1", "us-iso-east-1", "", 1]),
    (types.Region, ["eu-isoe-west-1", "us-isob-east-1", "eusc-de-east-1", "xx-foo-1", "eu-centrall-1", "us-gov-1"]),
    (types.Reason, ["", "   ", "\n\t", None, 7]),
    (
        types.RoleArn,
        [
            "emergency",
            "arn:aws:iam::111122223333:user/emergency",
            "arn:aws:iam::111122223333:role/a*",
            "arn:aws:iam::111122223333:role/",
            "arn:aws:sts::111122223333:assumed-role/emergency/session",
            "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_ops_0123456789abcdef",
        ],
    ),
    (types.PolicyArn, ["SecurityAudit", "arn:aws:iam::111122223333:policy/own", "arn:aws:iam::aws:policy/"]),
    (types.KmsKeyArn, ["alias/slack", "arn:aws:kms:eu-central-1:111122223333:alias/slack", "1234abcd"]),
    (types.SecretName, ["", "arn:aws:secretsmanager:eu-central-1:111122223333:secret:x", "a b", "x" * 513]),
    (types.InstanceArn, ["ssoins-7223a1b2c3d4e5f6", "arn:aws:sso:::instance/ssoins-1"]),
    (types.IdentityStoreId, ["d-123", "x"]),
    (types.PrincipalId, ["database-oncall", ""]),
    (types.PrincipalName, ["", " ", " database-oncall", "database-oncall ", 17]),
    (types.Description, ["", "x" * 701, "long — dash", "“quotes”", "\x00"]),
    (types.PermissionSetName, ["", "x" * 33, "dev ops", "dévops", "devops*", "devops\n", "Ⅷ", 5, None]),
    (types.SessionDuration, ["PT59M", "PT12H1M", "PT0H", "PT", "P1D", "1h", "PT1.5H", "PT3600S", "PT1H ", 3600]),
    (types.AccessDuration, ["PT0S", "PT12H1S", "PT721M", "PT", "P1D", "4h", "pt4h", "PT1.5H", "PT4H ", "-PT1H", 3600]),
    (types.Span, ["PT0S", "PT168H1S", "P7D", "PT10081M", "10m", "PT", "", "PT٣M", None, 600, True]),
    (types.Wait, ["PT", "0", "PT169H", "P0D", None, 0]),
    (types.RuleName, ["", " databases", "databases ", "-", "data|bases", "däta", "x" * 65, "a\n", 7, None]),
    (types.RuleText, ["", "  \n", "x" * 501, 7, None]),
    (types.CustomerPolicyName, ["", "arn:aws:iam::111122223333:policy/x", "x" * 129]),
    (types.IamPath, ["", "teams/", "/teams", "//"]),
    (types.TagKey, ["", "aws:team", "AWS:team", "x" * 129, "a*b"]),
    (types.TagValue, ["x" * 257, "a*b", 1234, True]),
    (types.SlackChannelId, ["#break-glass", "break-glass", "D0123456789", "U0123456789", "c0123456789", "C", ""]),
    (types.SlackUserId, ["@ada", "ada", "C0123456789", "B0123456789", "u0123abcd", "U", "", "U0123ABCD\n", 7]),
    (types.EmailAddress, ["oncall", "On Call <oncall@example.com>", "a@b", "a@b.c,d@e.f", "ä@example.com", "a" * 300]),
    (
        types.HttpsUrl,
        [
            "http://wiki.example.com/",
            "http://127.0.0.1.example.com/",
            "http://localhost.example.com/",
            "ftp://example.com/",
            "wiki.example.com",
            "https://",
            "https://[::1",
            "https://user:pw@example.com/",
            "https://user@example.com/",
            "https://example.com:port/",
            "https://exämple.com/",
            "https://example.com/<!channel>",
            'https://example.com/"',
            "https://example.com/\\",
            "https://example.com/a b",
            "javascript:alert(1)",
        ],
    ),
    (
        policy_document.PolicyDocument,
        [
            "not json",
            "[]",
            "[" * 100_000,
            None,
            7,
            {},
            {"Statement": [STATEMENT]},
            {"Version": "2008-10-17", "Statement": [STATEMENT]},
            {"Version": "2012-10-17", "Statement": []},
            {"Version": "2012-10-17", "Statement": ["Allow"]},
            {"Version": "2012-10-17", "Statement": [STATEMENT], "Statements": []},
            {"Version": "2012-10-17", "Statement": [{**STATEMENT, "Effect": "ALLOW"}]},
            {"Version": "2012-10-17", "Statement": [{**STATEMENT, "Principal": "*"}]},
            {"Version": "2012-10-17", "Statement": [{**STATEMENT, "NotAction": "iam:*"}]},
            {"Version": "2012-10-17", "Statement": [{**STATEMENT, "Action": []}]},
            {"Version": "2012-10-17", "Statement": [{**STATEMENT, "Action": ["rds"]}]},
            {"Version": "2012-10-17", "Statement": [{**STATEMENT, "Action": {}}]},
            {"Version": "2012-10-17", "Statement": [{**STATEMENT, "Resource": "my-database"}]},
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "rds:*"}]},
            {"Version": "2012-10-17", "Statement": [{**STATEMENT, "Sid": "No spaces"}]},
            {"Version": "2012-10-17", "Statement": [{**STATEMENT, "Sid": 1}]},
            {"Version": "2012-10-17", "Statement": [{**STATEMENT, "Condition": None}]},
            {"Version": "2012-10-17", "Statement": [{**STATEMENT, "Condition": []}]},
            {
                "Version": "2012-10-17",
                "Statement": [{**STATEMENT, "Condition": {"Bool": ["aws:x"]}}],
            },
            {"Version": "2012-10-17", "Statement": [{**STATEMENT, "Condition": {"Bool": {"aws:x": {}}}}]},
            {"Version": "2012-10-17", "Statement": [{**STATEMENT, "Condition": {"Bool": {"aws:x": [None]}}}]},
        ],
    ),
]


def _cases(table: list[tuple[Any, list[object]]]) -> list[tuple[Any, object]]:
    return [(kind, value) for kind, values in table for value in values]


@pytest.mark.parametrize(("kind", "value"), _cases(TAKEN), ids=lambda value: repr(value)[:60])
def test_valid_value_is_unchanged(kind: Any, value: object) -> None:
    assert TypeAdapter(kind).validate_python(value) == value


@pytest.mark.parametrize(("kind", "value"), _cases(REFUSED), ids=lambda value: repr(value)[:60])
def test_invalid_value_gives_why_and_instead(kind: Any, value: object) -> None:
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(kind).validate_python(value)
    for details in refused.value.errors():
        assert details["type"] == FAULT
        assert details["ctx"]["why"].endswith((".", ")"))
        assert details["ctx"]["instead"].endswith((".", ")", "/"))


def test_policy_as_json_text_becomes_mapping() -> None:
    text = '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}'
    assert TypeAdapter(policy_document.PolicyDocument).validate_python(text)["Statement"]["Action"] == "s3:*"


def test_policy_file_is_read_beside_the_stack_file(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text('{"Version": "2012-10-17", "Statement": []}')
    with pytest.raises(ValidationError, match="has no statement"):
        TypeAdapter(policy_document.PolicyFile).validate_python("p.json", context={"base_dir": tmp_path})


@pytest.mark.parametrize("name", ["", ".", "missing.json", "\x00", "x" * 5000, "binary", 7])
def test_unreadable_policy_file_is_reported(tmp_path: Path, name: object) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValidationError, match=r"policies/rds\.json"):
        TypeAdapter(policy_document.PolicyFile).validate_python(name, context={"base_dir": tmp_path})


@given(st.integers(1, 12), st.integers(0, 59), st.integers(0, 99_999))
def test_seconds_is_the_length_of_a_duration(hours: int, minutes: int, rest: int) -> None:
    assert seconds(f"PT{hours}H{minutes}M{rest}S") == hours * 3600 + minutes * 60 + rest
    assert seconds(f"PT{hours}H{minutes}M") == hours * 3600 + minutes * 60
    assert seconds(f"PT{rest}S") == rest
    assert seconds(f"PT{hours}H") == hours * 3600
    assert seconds(f"PT{hours * 60 + minutes}M") == seconds(f"PT{hours}H{minutes}M")


@pytest.mark.parametrize(
    ("region", "expected"),
    [
        ("eu-central-1", "aws"),
        ("us-east-1", "aws"),
        ("cn-north-1", "aws-cn"),
        ("us-gov-east-1", "aws-us-gov"),
    ],
)
def test_a_region_is_in_one_partition(region: str, expected: str) -> None:
    assert partition_of_region(region) == expected
