"""The wildcard complexity: the verdicts that AWS was recorded to give, and the margin of our own patterns.

Recorded by the project stackd (https://github.com/radkawar/stackd, commit 9dc356f5, testdata/aws/eventbridge/
pattern_admission.json): answers of PutRule and TestEventPattern of 2026-09-13. It does not prove how AWS computes them.
"""

from typing import Any

import pytest
from hypothesis import given

from breakglass.alerts.patterns import event_pattern
from breakglass.alerts.subjects import Role
from localcloud.emulators.complexity import COMPLEXITY_LIMIT, wildcard_complexity
from tests.unit.alerts.strategies import subjects

MARGIN = 8
"""The highest complexity that our own patterns may have, so that a change at AWS leaves them valid."""


def _any_of(*wildcards: str) -> dict[str, Any]:
    return {"detail": {"value": [{"wildcard": wildcard} for wildcard in wildcards]}}


def _none_of(*wildcards: str) -> dict[str, Any]:
    return {"detail": {"value": [{"anything-but": {"wildcard": list(wildcards)}}]}}


MIXTURE_17 = ["ab*c", "abc*d", r"a*\\", "*a*a*a", "*a*a*a", "*éé*"]
MIXTURE_18 = ["literal", "*aba*", "*aba*", "ab*c", "*abcabc*", r"a*\\"]
MIXTURE_20 = ["*abcabc*", r"a*\*", r"a*\*", "*abcabc*", r"a\*b*", "*abcabc*"]
MIXTURE_21 = ["*a*a*a", "a*bb", r"a\*b*", "*aba*"]
MIXTURE_22 = ["ab*b*", r"a*\*", "abc*d", r"a\*b*", "*🙂*", "*éé*"]
MIXTURE_29 = [r"a\*b*", "*a*a*a", "a*bc", "*🙂*", "*abcabc*", r"a*\\"]


@pytest.mark.parametrize(
    ("pattern", "complexity"),
    [
        pytest.param(_any_of("*a"), 2, id="stars-1"),
        pytest.param(_any_of("*a*a*a*a"), 8, id="boundary-stars-4-tail-False"),
        pytest.param(_any_of("*a*a*a*a*"), 9, id="boundary-stars-4-tail-True"),
        pytest.param(_any_of("*a*a*a*a*a"), 10, id="stars-5"),
        pytest.param(_any_of("*abcabcabcabcabcabcabc*"), 9, id="boundary-repeated-7"),
        pytest.param(_any_of(*["*a*"] * 4), 9, id="boundary-identical-stars-4"),
        pytest.param(_any_of(*["literal"] * 4), 1, id="boundary-identical-literal-4"),
        pytest.param(_none_of("*a*", "*a*", "*a*"), 3, id="boundary-negated-identical-list-3"),
        pytest.param(_none_of(*MIXTURE_17), 10, id="boundary-mixture-negated-17"),
        pytest.param(_none_of(*MIXTURE_18), 8, id="boundary-mixture-negated-18"),
        pytest.param(_none_of(*MIXTURE_20), 6, id="boundary-mixture-negated-20"),
        pytest.param(_none_of(*MIXTURE_22), 9, id="boundary-mixture-negated-22"),
        pytest.param(
            {"a": [{"wildcard": "*a*"}], "$or": [{"z": [str(n)]} for n in range(3)]},
            7,
            id="boundary-or-common-wildcard-3",
        ),
    ],
)
def test_complexity_recorded_as_accepted_is_within_the_limit(pattern: dict[str, Any], complexity: int) -> None:
    assert wildcard_complexity(pattern) == complexity <= COMPLEXITY_LIMIT


@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param(_any_of("*a*a*a*a*a*"), id="boundary-stars-5-tail-True"),
        pytest.param(_any_of("*a" * 6), id="boundary-stars-6-tail-False"),
        pytest.param(_any_of("*a" * 10), id="stars-10"),
        pytest.param(_none_of("*a" * 30), id="negated-stars-30"),
        pytest.param(_any_of(*MIXTURE_17), id="boundary-mixture-17"),
        pytest.param(_any_of(*MIXTURE_18), id="boundary-mixture-18"),
        pytest.param(_any_of(*MIXTURE_20), id="boundary-mixture-20"),
        pytest.param(_any_of(*MIXTURE_21), id="boundary-mixture-21"),
        pytest.param(_none_of(*MIXTURE_21), id="boundary-mixture-negated-21"),
        pytest.param(_any_of(*MIXTURE_22), id="boundary-mixture-22"),
        pytest.param(_any_of(*MIXTURE_29), id="boundary-mixture-29"),
        pytest.param(_none_of(*MIXTURE_29), id="boundary-mixture-negated-29"),
        pytest.param(
            {"$or": [{"a": ["same"], "z": [{"wildcard": f"{n}*"}]} for n in range(11)]},
            id="eleven alternatives behind the same value",
        ),
    ],
)
def test_complexity_recorded_as_refused_is_over_the_limit(pattern: dict[str, Any]) -> None:
    assert wildcard_complexity(pattern) > COMPLEXITY_LIMIT


def test_complexity_behind_an_absent_field_counts_on_demand() -> None:
    pattern = {"a": [{"exists": False}], "z": [{"wildcard": "*a*a"}]}
    assert wildcard_complexity(pattern) == 0
    assert wildcard_complexity(pattern, behind_absent=True) == 4


@given(subject=subjects)
def test_complexity_of_every_rule_keeps_the_margin(subject: Role) -> None:
    for path in subject.evidence_paths:
        # Event Ruler 2.1.0 counts more than EventBridge does by its recorded answers.
        assert wildcard_complexity(event_pattern(subject, path), behind_absent=True) <= MARGIN
