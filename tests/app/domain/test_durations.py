"""Durations, as people read them in the answers of the app."""

import pytest

from breakglass.app.domain.durations import format_duration


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (61, "2 min"),
        (3600, "1 h"),
        (5400, "1 h 30 min"),
        (43_200, "12 h"),
        (86_401, "24 h 1 min"),
    ],
)
def test_format_duration_rounds_up_to_minutes(seconds: int, said: str) -> None:
    assert format_duration(seconds) == said
