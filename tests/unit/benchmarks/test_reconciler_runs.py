"""What is measured of the reconciler is a run that does what it should, and its calls are counted."""

from benchmarks import reconciler_runs


def test_calls_grow_with_what_is_late_and_not_with_what_is_live() -> None:
    few = reconciler_runs.measure(None, 1, lambda _: None, grants=120)
    more = reconciler_runs.measure(None, 1, lambda _: None, grants=240)

    quiet, late = few
    assert quiet.store_calls < 10
    assert late.store_calls > 5 * reconciler_runs.OVERDUE
    assert [one.store_calls for one in more] == [one.store_calls for one in few]
    assert [one.center_calls for one in more] == [one.center_calls for one in few]
