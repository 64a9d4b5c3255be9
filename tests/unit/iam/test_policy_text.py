"""The text of an IAM policy: repeated keys, placeholders, and invalid ARN parts.

It does not prove that AWS replaces no variable before the fifth colon (its user guide says so).
"""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakglass.iam.policy_text import placeholders, repeated_keys, unknown_arn_parts


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"a": 1, "b": {"a": 1}, "c": [{"a": 1}, {"a": 2}]}', []),
        ('{"a": 1, "a": 1}', [(("a",), 1, 1)]),
        ('{"a": {"b": [1, {"c": 1,\n"c": 2}]}}', [(("a", "b", 1, "c"), 1, 2)]),
        ('{"a": 1,\n"a": 2,\n"a": 3}', [(("a",), 1, 2), (("a",), 1, 3)]),
        ('{"a": {"x": 1, "x": 2}, "a": {"x": 1}}', [(("a", "x"), 1, 1), (("a",), 1, 1)]),
        ('{"a": 1, "\\u0061": 2}', [(("a",), 1, 1)]),
        ('{"a": "{\\"b\\": 1, \\"b\\": 2}"}', []),
        ('["a", "a"]', []),
        ('"a"', []),
    ],
)
def test_repeated_keys_are_found_with_their_lines(text: str, found: list[Any]) -> None:
    json.loads(text)
    assert list(repeated_keys(text)) == found


values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(values, st.sampled_from([None, 1]))
def test_written_json_has_no_repeated_keys(value: object, indent: int | None) -> None:
    assert list(repeated_keys(json.dumps(value, indent=indent))) == []


@pytest.mark.parametrize(
    "text",
    [
        "*",
        "arn:aws:s3:::bucket/${aws:username}/*",
        "${AWS:UserName}",
        "${aws:PrincipalTag/team, 'none'}",
        "${aws:PrincipalTag/datazone:userId}",
        "${s3:prefix}",
        "${saml:aud}",
        "${cognito-identity.amazonaws.com:sub}",
        "${oidc.eks.eu-west-1.amazonaws.com/id/ABCDEF:sub}",
        "${*}${?}${$}",
        "a < b and b > a",
        "$5",
        "{x}",
    ],
)
def test_policy_variable_is_not_a_placeholder(text: str) -> None:
    assert placeholders(text) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("role/${role_namespace}/*", ["${role_namespace}"]),
        ("${var.account_id}", ["${var.account_id}"]),
        ("${AWS::AccountId}", ["${AWS::AccountId}"]),
        ("${self:provider.stage}", ["${self:provider.stage}"]),
        ("${aws:}", ["${aws:}"]),
        ("${}", ["${}"]),
        ("${aws:username", ["${aws:username"]),
        ("${aws:username}-${env}", ["${env}"]),
        ("${a}/${aws:username}/${b}/${a}", ["${a}", "${b}"]),
        ("<ACCOUNT>", ["<ACCOUNT>"]),
        ("db:<your database>", ["<your database>"]),
        ("{{ account }}", ["{{ account }}"]),
    ],
)
def test_placeholders_of_a_template_are_found(text: str, found: list[str]) -> None:
    assert placeholders(text) == found


@pytest.mark.parametrize(
    ("arn", "parts"),
    [
        ("*", []),
        ("arn:*:rds:*:*:db:*", []),
        ("arn:aws:s3:::${aws:username}", []),
        ("arn:aws:s3:::my-account-in-this-region", []),
        ("arn:aws:account::111111111111:account", []),
        ("arn:aws-us-gov:rds:us-gov-west-1:111111111111:db:*", []),
        ("arn:aws:iam::aws:policy/x", []),
        ("arn:${Partition}:s3:::x", ["${Partition}"]),
        ("arn:aws:rds:*:${aws:PrincipalAccount}:db:*", ["${aws:PrincipalAccount}"]),
        ("arn:aws:rds:REGION:*:db:*", ["REGION"]),
        ("arn:aws:rds:*:account-id:db:*", ["account-id"]),
        ("arn:aws:rds:*:xxxxxxxxxxxx:db:*", ["xxxxxxxxxxxx"]),
        ("arn:aws:rds:${region}:account:db:${name}", ["${region}", "account"]),
        ("arn:aws:rds:*:<ACCOUNT>:db:*", ["<ACCOUNT>"]),
    ],
)
def test_invalid_part_before_the_fifth_colon_is_found(arn: str, parts: list[str]) -> None:
    assert unknown_arn_parts(arn) == parts
