"""IAM's wildcards, against fnmatch of the standard library as the reference."""

import re
from fnmatch import fnmatchcase
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakglass.iam.wildcards import covers, overlaps

PATTERNS = st.text(alphabet="a:*?", max_size=4)
# Long enough for a text that two such patterns have in common.
TEXTS = ["".join(letters) for length in range(9) for letters in product("a:", repeat=length)]


def _described(text: str, target: str) -> bool:
    return re.fullmatch(target.replace("*", "[^:]*").replace("?", "[^:]"), text) is not None


@given(st.text(alphabet="aB:", max_size=8), st.text(alphabet="Ab:*?", max_size=8))
def test_text_overlaps_the_patterns_it_matches(text: str, pattern: str) -> None:
    matches = fnmatchcase(text.lower(), pattern.lower())
    assert overlaps(pattern, text) is matches
    assert covers(pattern, text) is matches
    assert overlaps(text, pattern) is _described(text.lower(), pattern.lower())


@given(PATTERNS, PATTERNS)
def test_patterns_with_a_common_match_overlap(written: str, target: str) -> None:
    common = any(fnmatchcase(text, written) and _described(text, target) for text in TEXTS)
    assert overlaps(written, target) is common


@given(PATTERNS, PATTERNS)
def test_covering_pattern_matches_all_matches_of_the_inner(outer: str, inner: str) -> None:
    texts = [text for text in TEXTS if fnmatchcase(text, inner)]
    assert not covers(outer, inner) or all(fnmatchcase(text, outer) for text in texts)


@given(st.text(alphabet="ab:*?.[]()\\+^$|\n", max_size=8))
def test_only_star_and_question_mark_are_special(pattern: str) -> None:
    assert overlaps(pattern, pattern)
    assert covers(pattern, pattern)
    assert covers("*", pattern)
    literal = pattern.replace("*", "").replace("?", "")
    assert overlaps(literal, literal + "x") is False


@pytest.mark.parametrize(
    ("written", "target", "expected"),
    [
        ("iam:*", "iam:PutRolePolicy", True),
        ("IAM:put*", "iam:PutRolePolicy", True),
        ("i*:*", "iam:PutRolePolicy", True),
        ("iam:*Policy", "iam:Put*", True),
        ("iam:Get*Policy", "iam:Put*Policy", False),
        ("iam:P?tRolePolicy", "iam:PutRolePolicy", True),
        ("iam:P?RolePolicy", "iam:PutRolePolicy", False),
        ("arn:aws:sqs:*:*:orders-*", "arn:aws:sqs:*:*:breakglass-*", False),
        ("arn:aws:sqs:eu-central-1:*:*-dead", "arn:aws:sqs:*:*:breakglass-*", True),
        ("arn:aws:sqs:*breakglass-devops", "arn:aws:sqs:*:*:breakglass-*", True),
        ("arn:aws:s3:::exports/*", "arn:aws:iam::*:*", False),
        ("arn:*", "arn:aws:iam::*:*", True),
        ("*", "arn:aws:iam::*:*", True),
    ],
)
def test_examples_of_overlaps(written: str, target: str, expected: bool) -> None:
    assert overlaps(written, target) is expected


@pytest.mark.parametrize(
    ("outer", "inner", "expected"),
    [
        ("iam:*", "iam:Put*Policy", True),
        ("iam:Put*", "iam:Put*Policy", True),
        ("iam:Put*Policy", "iam:Put*", False),
        ("iam:???", "iam:*", False),
        ("iam:*", "organizations:*", False),
        ("*", "*", True),
    ],
)
def test_examples_of_coverings(outer: str, inner: str, expected: bool) -> None:
    assert covers(outer, inner) is expected


def test_overlap_of_long_patterns_is_fast() -> None:
    assert overlaps("*a" * 300, "*b" * 300 + "*") is True
    assert overlaps("*a" * 300, "b" * 600) is False
    assert covers("*a" * 30, "a" * 100 + "b") is False
