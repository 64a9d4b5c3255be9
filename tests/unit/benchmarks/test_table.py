"""The Markdown that the benchmarks print and write."""

import pytest

from benchmarks.table import BEGIN, END, render_table, replace_figures
from localcloud.stack import ROOT


def test_a_table_is_aligned_also_as_plain_text() -> None:
    assert render_table(["what", "ms"], [["import", "230"], ["a", "7"]]).splitlines() == [
        "| what   |  ms |",
        "| ------ | --: |",
        "| import | 230 |",
        "| a      |   7 |",
    ]


def test_a_row_that_is_too_short_is_an_error() -> None:
    with pytest.raises(ValueError, match="shorter"):
        render_table(["what", "ms"], [["import"]])


def test_only_the_marked_block_is_written_anew() -> None:
    document = f"before\n{BEGIN}\nold\n{END}\nafter\n"

    written = replace_figures(document, "new")

    assert written == f"before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"
    assert replace_figures(written, "new") == written


@pytest.mark.parametrize("document", ["none", f"{BEGIN}\n", f"{END}\n{BEGIN}\n"])
def test_a_document_without_the_block_is_left_alone(document: str) -> None:
    with pytest.raises(ValueError, match="no block between"):
        replace_figures(document, "new")


def test_the_document_of_the_figures_has_the_block() -> None:
    assert "new" in replace_figures((ROOT / "docs" / "performance.md").read_text(), "new")
