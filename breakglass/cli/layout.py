"""Text for a terminal, in columns.

Non-goals: colours; what is said.
"""

import textwrap
from collections.abc import Sequence

from breakglass.terminal import escape_unprintable

_WIDTH = 110
_GAP = 2


def to_one_line(text: str) -> str:
    """Return a text on one line; names come from directories, where anything may have been typed."""
    return escape_unprintable(" ".join(text.split()))


def format_columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return lines in which the cells of all rows stand below each other; the last cell of a row is wrapped.

    Args:
        rows: as many cells each.
    """
    cells = [[to_one_line(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) + _GAP for column in zip(*(row[:-1] for row in cells), strict=True)]
    margin = " " * (_GAP + sum(widths))
    lines: list[str] = []
    for *first, last in cells:
        begin = " " * _GAP + "".join(cell.ljust(width) for cell, width in zip(first, widths, strict=True))
        # However wide the first ones are, the last one has some room.
        width = max(_WIDTH, len(margin) + _WIDTH // 3)
        wrapped = textwrap.wrap(last, width - len(margin), break_long_words=False, break_on_hyphens=False) or [""]
        lines += [f"{margin if number else begin}{line}".rstrip() for number, line in enumerate(wrapped)]
    return lines
