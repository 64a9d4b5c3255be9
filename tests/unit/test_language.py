from pathlib import Path

import pytest

from tests.language import check_comments, check_file, check_markdown, check_python


@pytest.mark.parametrize(
    ("source", "rules"),
    [
        ('"""Return the grant, or None."""\n', []),
        ('"""Return the grant\nof a request."""\n', ["docstring's first line is no sentence"]),
        (f'"""Return {"the " * 18}grant."""\n', ["docstring's first line has 20 words"]),
        ('"""What is granted."""\n', ["sentence opens with 'What'"]),
        ('"""Return it.\n\nNobody\nelse may."""\n', ["banned words: 'Nobody'", "sentence opens with 'Nobody'"]),
        ('"""Return a level, e.g. what AWS calls it."""\n', []),
        ('def f(a):\n    """Return it.\n\n    Args:\n        a: How long.\n    """\n', ["sentence opens with 'How'"]),
        ("# There is none: there is none.\n# This is none.\n", ["banned words: 'is none'"]),
        ("A = 1\n'''Whether a grant ends.'''\n", ["sentence opens with 'Whether'"]),
        ("a = 1  # of whoever asks\n", ["banned words: 'whoever'"]),
        ("# Is it gone\n# by now? How would\n# we know?\n", []),
        ("# `whoever` is a name.\n", []),
        ("raise E('Tell somebody else that')\n", ["banned words: 'somebody else'"]),
        ("raise E(f'Tell {a} whom nobody knows')\n", ["banned words: 'nobody'", "banned words: 'whom'"]),
        ("a = {'whom': 'nobody'}\n", []),
        ("[a for one in b]\n", ["variable named 'one'"]),
        (f"def test_{'a' * 55}(): pass\n", []),
        (f"def test_{'a' * 56}(): pass\n", ["test name of 61 characters"]),
    ],
)
def test_check_python_finds_what_breaks_a_rule(source: str, rules: list[str]) -> None:
    assert sorted(fault.rule for fault in check_python(source)) == rules


@pytest.mark.parametrize(
    ("source", "rules"),
    [
        ("## What is revoked?\n", []),
        ("## What is revoked\n", ["sentence opens with 'What'"]),
        ("- **Who approves** is named.\n", ["sentence opens with 'Who'"]),
        ("| what |\n|---|\n| It is granted anew. |\n", ["banned words: 'anew'", "sentence opens with 'what'"]),
        ("```yaml\na: whoever\n```\n", []),
        ("```mermaid\na([somebody])\n```\n", ["banned words: 'somebody'"]),
        ("> Whoever AWS quotes\n", []),
        ("Access is taken\nback.\n", ["banned words: 'taken back'"]),
    ],
)
def test_check_markdown_finds_what_breaks_a_rule(source: str, rules: list[str]) -> None:
    assert sorted(fault.rule for fault in check_markdown(source)) == rules


def test_check_comments_reads_comments_only() -> None:
    faults = list(check_comments("a: whoever\nb: c # How it ends.\n"))
    assert [(fault.line, fault.rule) for fault in faults] == [(2, "sentence opens with 'How'")]


def test_check_file_numbers_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text('"""Return it.\n\nThe rest. It is\nnobody\'s.\n"""\n\na = 1\n\n\n# Whatever is left.\n')
    assert [(fault.line, fault.rule) for fault in check_file(path)] == [
        (4, "banned words: 'nobody'"),
        (10, "banned words: 'Whatever'"),
        (10, "sentence opens with 'Whatever'"),
    ]


def test_check_file_of_another_kind_finds_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"a": "Whoever that may be."}')
    assert check_file(tmp_path / "a.json") == []
