"""Columns of text for a terminal.

Non-goals: colours.
"""

import textwrap
from collections.abc import Sequence

from breakglass.terminal import escape_unprintable

_WIDTH = 110
_GAP = 2


def to_one_line(text: str) -> str:
    """Return a text on one line, with its invisible characters escaped."""
    return escape_unprintable(" ".join(text.split()))


def format_columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the rows as lines with aligned columns; the last column is wrapped."""
    cells = [[to_one_line(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) + _GAP for column in zip(*(row[:-1] for row in cells), strict=True)]
    margin = " " * (_GAP + sum(widths))
    lines: list[str] = []
    for *first, last in cells:
        begin = " " * _GAP + "".join(cell.ljust(width) for cell, width in zip(first, widths, strict=True))
        # The last column has room even behind very wide ones.
        width = max(_WIDTH, len(margin) + _WIDTH // 3)
        wrapped = textwrap.wrap(last, width - len(margin), break_long_words=False, break_on_hyphens=False) or [""]
        lines += [f"{margin if number else begin}{line}".rstrip() for number, line in enumerate(wrapped)]
    return lines
