"""The reconciler at scale, by the simulation of the benchmark. It does not prove AWS's latencies."""

from benchmarks import scale


def test_reconciler_with_a_silent_slack_revokes_and_searches_all() -> None:
    runs = scale.measure()
    assert max(run.seconds for run in runs) < scale.RUN_SECONDS
    assert runs[-1].late == runs[-1].assigned == 0
    assert runs[-1].searched == scale.SETS * scale.ACCOUNTS
    assert len(runs) <= 6


def test_reconciler_asks_for_every_deletion_in_its_first_runs() -> None:
    first, second, *_ = scale.measure()
    assert first.assigned <= scale.LATE // 10, "it does not wait for Slack before it revokes"
    assert second.assigned == 0
    assert first.slack_calls <= 6
