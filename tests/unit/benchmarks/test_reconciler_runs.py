"""The measured run of the reconciler does its work, and its calls are counted."""

from benchmarks import reconciler_runs


def test_calls_grow_with_what_is_late_and_not_with_what_is_live() -> None:
    few = reconciler_runs.measure(None, 1, lambda _: None, grants=120)
    more = reconciler_runs.measure(None, 1, lambda _: None, grants=240)

    quiet, late = few
    assert quiet.store_calls < 10
    assert late.store_calls > 5 * reconciler_runs.OVERDUE
    assert [each.store_calls for each in more] == [each.store_calls for each in few]
    assert [each.center_calls for each in more] == [each.center_calls for each in few]
