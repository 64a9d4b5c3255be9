"""Markdown tables, and the replacement of a marked block of a document."""

from collections.abc import Sequence

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"


def render_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table: text in the first column, figures aligned to the right."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    rule = ["-" * widths[0], *["-" * (width - 1) + ":" for width in widths[1:]]]
    return "\n".join(_line(cells, widths) for cells in (header, rule, *rows))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = [(cell, width) for cell, width in zip(cells, widths, strict=True)]
    padded = [first[0].ljust(first[1]), *[cell.rjust(width) for cell, width in others]]
    return f"| {' | '.join(padded)} |"


def replace_figures(document: str, figures: str) -> str:
    """Return a document with new figures in its marked block.

    Raises:
        ValueError: the document has no such block.
    """
    before, begin, rest = document.partition(f"{BEGIN}\n")
    _, end, after = rest.partition(f"{END}\n")
    if not begin or not end:
        raise ValueError(f"the document has no block between the lines {BEGIN} and {END}")
    return f"{before}{begin}\n{figures}\n\n{end}{after}"
