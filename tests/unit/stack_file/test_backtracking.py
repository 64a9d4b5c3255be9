"""The upper bound on the steps of a regular expression.

A small matcher counts the characters that a backtracking engine reads, since Python's own engine can't count.
"""

from collections.abc import Iterator, Sequence
from re import _parser  # type: ignore[attr-defined]
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from breakglass.stack_file.backtracking import most_steps

TICKET = 64
LIMIT = 1_000_000


class Matcher:
    """Tries every way to match a text, as `re` does where it finds no match in the end."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.steps = 1

    def ends(self, items: Sequence[tuple[Any, Any]], at: int) -> Iterator[int]:
        if not items:
            yield at
            return
        for middle in self._item(*items[0], at):
            yield from self.ends(items[1:], middle)

    def _item(self, op: Any, argument: Any, at: int) -> Iterator[int]:
        match str(op):
            case "BRANCH":
                for branch in argument[1]:
                    yield from self.ends(branch, at)
            case "SUBPATTERN":
                yield from self.ends(argument[3], at)
            case "MAX_REPEAT" | "MIN_REPEAT":
                least, most, items = argument
                yield from self._repeat(least, most, items, at)
            case _:
                if at < len(self.text) and self._reads(str(op), argument, self.text[at]):
                    self.steps += 1
                    yield at + 1

    def _reads(self, op: str, argument: Any, char: str) -> bool:
        match op:
            case "LITERAL":
                return ord(char) == argument
            case "IN":
                return any(self._reads(str(inner), value, char) for inner, value in argument)
            case "RANGE":
                return argument[0] <= ord(char) <= argument[1]
            case _:
                assert op == "ANY"
                return True

    def _repeat(
        self, least: int, most: int, items: Sequence[tuple[Any, Any]], at: int, count: int = 0
    ) -> Iterator[int]:
        if count < most:
            for middle in self.ends(items, at):
                if middle > at or count < least:
                    yield from self._repeat(least, most, items, middle, count + 1)
        if count >= least:
            yield at


def steps(pattern: str, text: str) -> int:
    matcher = Matcher(text)
    for _ in matcher.ends(list(_parser.parse(pattern)), 0):
        pass
    return matcher.steps


QUANTIFIERS = ["*", "+", "?", "*?", "+?", "{2}", "{1,3}", "{0,2}", "{2,}", "{17}", "{0,18}"]
patterns = st.recursive(
    st.sampled_from(["a", "b", "[ab]", ".", ""]),
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map("".join),
        st.lists(inner, min_size=2, max_size=3).map(lambda branches: f"(?:{'|'.join(branches)})"),
        st.tuples(inner, st.sampled_from(QUANTIFIERS)).map(lambda parts: f"(?:{parts[0]}){parts[1]}"),
    ),
    max_leaves=5,
)


@given(patterns, st.text("ab", max_size=5))
@example("(a+)+", "aaaaaaaa")
@example("(?:a?){18}", "aaa")
@example("(?:a?){2}(?:a?){2}a", "aaaaa")
@example("(?:|a)(?:|a)b*", "ab")
@example("(?:(?:|(?:a|))){2,}", "a")
def test_most_steps_bounds_the_steps_taken(pattern: str, text: str) -> None:
    bound = most_steps(pattern, len(text), 10_000)
    # Beyond the limit counting ends, and some of these would take the matcher for ever.
    assert bound > 10_000 or steps(pattern, text) <= bound


def test_most_steps_of_unambiguous_pattern_is_exact() -> None:
    assert most_steps("INC-[0-9]+", 12, LIMIT) == steps("INC-[0-9]+", "INC-12345678") == 13


def test_most_steps_of_slow_pattern_exceeds_limit() -> None:
    """26 letters take `re` six seconds; each further letter doubles it."""
    assert [steps("([a]+)+", "a" * length) for length in (8, 9, 10)] == [2**8, 2**9, 2**10]


@pytest.mark.parametrize(
    "pattern",
    [
        "INC-[0-9]+",
        "(?i)inc-[0-9]+",
        "(INC|CHG|PRB)-?[0-9]{1,7}",
        "[A-Z][A-Z0-9]+-[0-9]+",
        "([A-Z]+-)+[0-9]+",
        "(?:[A-Z][a-z]+)+",
        "(?:ab|cd)+",
        "[0-9]{3}(?:[.][0-9]{3}){2}",
        "(?:[0-9]{3}){4}",
        "(?:[0-9]{1,3}){1,8}",
        ".*INC-[0-9]+.*",
        r"\S+",
        r"https://[\w.]+/browse/[A-Z]+-\d+",
        "(?=.*[0-9])[A-Z0-9]{5,12}",
        "[^-]+-[^-]+",
        "(?:é|e)+",
    ],
)
def test_ticket_pattern_takes_few_steps(pattern: str) -> None:
    assert most_steps(pattern, TICKET, LIMIT) <= 10_000


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+",
        "([A-Z]+)*-1",
        "(a*)*",
        "(a|a)*",
        "(a|aa)+",
        "([a-z]|[a-y]a?)+",
        "(?i)([A-Z]|[a-z])+x|([^b]|c)+",
        "(x+x+)+y",
        "(?:a{1,64}){1,64}",
        "(?:a?){40}",
        "a?" * 30 + "a" * 30,
        ".*.*.*.*.*",
        r"(?:\w+\s?)*",
        r"(a+)\1+b",
        "(?=(a+)+b)a",
        "(?:é|[^a])+",
    ],
)
def test_ambiguous_pattern_exceeds_limit(pattern: str) -> None:
    assert most_steps(pattern, TICKET, LIMIT) > LIMIT
