"""Columns in a terminal."""

import pytest

from breakglass.cli.layout import format_columns, to_one_line


def test_format_columns_aligns_cells_and_wraps_the_last() -> None:
    long = " ".join(["word"] * 30)
    lines = format_columns([("a", "bb", "short"), ("aaa", "b", long)])

    assert lines[0] == "  a    bb  short"
    assert lines[1].startswith("  aaa  b   word word")
    assert all(line.startswith("           word") for line in lines[2:])
    assert max(map(len, lines)) <= 110


def test_format_columns_leaves_room_behind_wide_cells() -> None:
    assert format_columns([("a" * 200, "one two three")]) == ["  " + "a" * 200 + "  one two three"]


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("Ada\n Lovelace", "Ada Lovelace"),
        ("\x1b]0;owned\x07", "\\u001b]0;owned\\u0007"),
        ("ä 漢字", "ä 漢字"),
        ("a\u202eb", "a\\u202eb"),
    ],
)
def test_to_one_line_escapes_controls(typed: str, shown: str) -> None:
    assert to_one_line(typed) == shown
