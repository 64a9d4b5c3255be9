"""A burst counts only clicks that open a form.

Not shown here: that the services which they ask behave as AWS and Slack do.
"""

from pathlib import Path

from benchmarks import bursts


def test_every_click_of_a_small_burst_is_answered_in_time(tmp_path: Path) -> None:
    first, second = bursts.measure(tmp_path, 2, lambda _: None, clicks=3)

    assert (first.clicks, first.in_time) == (3, 3)
    assert (second.clicks, second.in_time) == (3, 3)
