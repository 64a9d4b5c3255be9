"""Summaries of repeated measurements."""

import pytest

from benchmarks.samples import Samples, ratio, run_in_turns


def test_a_median_is_not_moved_by_one_slow_run() -> None:
    assert Samples([3.0, 90.0, 2.0]).median == 3.0


def test_the_text_shows_how_far_the_runs_were_apart() -> None:
    assert Samples([4.104, 3.982, 4.509]).text() == "4.10 (3.98-4.51)"
    assert Samples([1234.5, 1199.9]).text(0) == "1217 (1200-1234)"


def test_runs_that_read_the_same_have_no_range() -> None:
    assert Samples([2.0]).text(1) == "2.0"
    assert Samples([2.01, 2.02]).text(1) == "2.0"


def test_nothing_measured_is_an_error() -> None:
    with pytest.raises(ValueError, match="no measurement"):
        Samples([])


def test_a_load_that_hits_both_of_a_pair_leaves_the_ratio() -> None:
    # In the second turn the machine was four times as slow.
    assert ratio(Samples([2.0, 8.0, 2.2]), Samples([1.0, 4.0, 2.0])) == 2.0


def test_only_what_ran_in_turns_has_a_ratio() -> None:
    with pytest.raises(ValueError, match="shorter"):
        ratio(Samples([1.0, 2.0]), Samples([1.0]))


def test_each_of_two_begins_every_other_turn() -> None:
    ran: list[str] = []

    def run(name: str) -> int:
        ran.append(name)
        return len(ran)

    ones, others = run_in_turns(3, lambda: run("one"), lambda: run("other"))

    assert ran == ["one", "other", "other", "one", "one", "other"]
    assert (ones, others) == ([1, 4, 5], [2, 3, 6])
