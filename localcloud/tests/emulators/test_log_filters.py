"""Filter patterns of CloudWatch Logs: which events match."""

import json

import pytest

from localcloud.emulators.log_filters import InvalidPatternError, compile_pattern

EVENT = {
    "eventName": "AssumeRoleWithSAML",
    "eventSource": "sts.amazonaws.com",
    "requestParameters": {"roleArn": "arn:aws:iam::222222222222:role/x/AWSReservedSSO_devops_0123456789abcdef"},
    "resources": [{"type": "AWS::IAM::Role"}],
    "responseElements": None,
    "readOnly": True,
    "bytes": 1200,
}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ('{ $.eventSource = "sts.amazonaws.com" }', True),
        ('{ $.eventSource != "sts.amazonaws.com" }', False),
        ('{ $.missing != "sts.amazonaws.com" }', False),
        ('{ $.eventName = "AssumeRole*" }', True),
        ('{ $.eventName = "assumerole*" }', False),
        ('{ $.eventName = "AssumeRole" }', False),
        ('{ $.requestParameters.roleArn = "*/AWSReservedSSO_devops_*" }', True),
        ('{ $.resources[0].type = "AWS::IAM::Role" }', True),
        ('{ $.resources[1].type = "AWS::IAM::Role" }', False),
        ("{ $.errorCode NOT EXISTS }", True),
        ("{ $.eventName EXISTS }", True),
        ("{ $.responseElements IS NULL }", True),
        ("{ $.errorCode IS NULL }", False),
        ("{ $.readOnly IS TRUE }", True),
        ("{ $.bytes > 1000 }", True),
        ("{ $.bytes <= 1000 }", False),
        ("{ $.eventName > 1000 }", False),
        ("{ ($.bytes = 1200) && (($.eventName = x) || ($.readOnly IS TRUE)) }", True),
        ("{ ($.bytes = 1200) && ($.eventName = x) || ($.readOnly IS TRUE) }", True),
    ],
)
def test_pattern_matches_as_documented(pattern: str, expected: bool) -> None:
    assert compile_pattern(pattern)(json.dumps(EVENT)) is expected


def test_text_that_is_no_json_matches_nothing() -> None:
    assert not compile_pattern("{ $.errorCode NOT EXISTS }")("ERROR: out of memory")


@pytest.mark.parametrize(
    "pattern", ["", "ERROR", "{ $.a }", "{ $.a = }", "{ $.a = %x% }", "{ ($.a = x }", "{ $.a = x } y"]
)
def test_pattern_that_is_not_imitated_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidPatternError):
        compile_pattern(pattern)
