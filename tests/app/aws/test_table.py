"""Keys of the table: none can be taken for another, and they sort as times do."""

import datetime

from hypothesis import example, given
from hypothesis import strategies as st

from breakglass.app.aws.table import (
    EARLIEST,
    INDEXES,
    STRING_ATTRIBUTES,
    day,
    days,
    key,
    month,
    months,
    sort_time,
)

PARTS = st.lists(st.text(alphabet="#%23ab/-"), max_size=4)
TIMES = st.integers(EARLIEST, 4_000_000_000)


@given(PARTS, PARTS)
@example(["a#b"], ["a", "b"])
@example(["a%23b"], ["a#b"])
@example([""], ["", ""])
def test_different_parts_make_different_keys(first: list[str], other: list[str]) -> None:
    if first and other:
        assert (key(*first) == key(*other)) == (first == other)


@given(TIMES, TIMES)
def test_moments_sort_as_times_do(first: int, other: int) -> None:
    assert (sort_time(first) < sort_time(other)) == (first < other)


@given(TIMES, st.integers(0, 3 * 366 * 86_400))
def test_months_and_days_of_a_span_come_once_in_order(first: int, seconds: int) -> None:
    last = first + seconds
    every = [datetime.datetime.fromtimestamp(at, datetime.UTC) for at in (*range(first, last, 43_200), last)]
    assert list(days(first, last)) == sorted({f"{at:%Y-%m-%d}" for at in every})
    assert list(months(first, last)) == sorted({f"{at:%Y-%m}" for at in every}, reverse=True)
    assert (day(first), month(first)) == (f"{every[0]:%Y-%m-%d}", f"{every[0]:%Y-%m}")


def test_months_of_a_reversed_span_are_none_before() -> None:
    assert months(EARLIEST + 90 * 86_400, EARLIEST) == ()
    assert days(EARLIEST + 90 * 86_400, EARLIEST) == ()


def test_every_key_attribute_is_declared_once() -> None:
    of_indexes = {attribute for index in INDEXES for attribute in (index.partition_key, index.sort_key)}
    assert len(STRING_ATTRIBUTES) == len(set(STRING_ATTRIBUTES))
    assert set(STRING_ATTRIBUTES) == {"pk", "sk"} | of_indexes
