"""Check the project's text against its language rules: `python -m tests.language [PATHS]`.

Reads Markdown, Python, and the comments of YAML, TOML and Makefiles; without PATHS all that git tracks. Prints one line
for each fault: file, line, rule and fix. Code spans, code blocks and block quotes are not read; diagrams are.
A sentence that asks a question may open with a question word.

Non-goals: spelling and grammar. Generated documents are read where their text comes from.
"""

import ast
import io
import re
import subprocess
import sys
import textwrap
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).resolve().parent.parent

WORDS = {
    r"whoever|whomever|whom": "name the person: requester, approver, user, caller",
    r"somebody(?: else)?|nobody": "name the person: another user, a user, no approver",
    r"whatever": "name the thing, or write 'everything that' or 'any'",
    r"anew": "write 'again', or name the action: regenerate, replace",
    r"of (?:theirs|hers|ours|yours)": "write 'their', 'our' or 'your' before the noun",
    r"may nothing": "write 'is not authorized'",
    r"(?-i:(?<![Tt]here\s)is none)": "write 'is not a …' or 'there is no …'",
    r"stands? for": "write 'means', 'is' or 'represents'",
    r"here belongs": "write 'Expected X, got Y'",
    r"(?:take|takes|taking|took|taken) (?:(?:it|them|this|that|access) )?back": "write 'revoke'",
}
"""Words that no text has, as patterns, each with what to write instead."""

_WORD = re.compile(rf"\b(?:{'|'.join(WORDS)})\b".replace(" ", r"\s+"), re.IGNORECASE)
_OPENER = re.compile(r"(?:what|whatever|who|whoever|whose|whom|whether|how|somebody|nobody)\b", re.IGNORECASE)
_SENTENCE = re.compile(r"(?<![.:]\w)(?<!etc)(?<!\bvs)[.!?][)\"”*_]*\s+|\n\s*\n|\n\s*(?:[-*]|\d+\.|[\w ]+:)\s+")
_CODE = re.compile(r"(`+).+?\1", re.DOTALL)
_SUMMARY_WORDS = 18
_TEST_NAME = 60
_WORDS_OF_A_TEXT = 4
# Generated text, and text that quotes former or banned words.
_UNREAD = ("docs/reference/", "tests/unit/test_language.py")
_COMMENTED = (".yaml", ".yml", ".toml", "Makefile")


@dataclass(frozen=True, order=True)
class Fault:
    """A text that breaks a rule: where, which rule, and the fix."""

    line: int
    rule: str
    fix: str


def find_words(text: str, line: int) -> Iterator[Fault]:
    """Yield each banned word of a text that begins at a line."""
    text = _without_code(text)
    for found in _WORD.finditer(text):
        words = " ".join(found[0].split())
        fix = next(fix for pattern, fix in WORDS.items() if re.fullmatch(pattern, words, re.IGNORECASE))
        yield Fault(line + text.count("\n", 0, found.start()), f"banned words: {words!r}", fix)


def find_openers(text: str, line: int) -> Iterator[Fault]:
    """Yield each sentence that opens with a question word and asks no question."""
    text = _without_code(text)
    ends = [found.end() for found in _SENTENCE.finditer(text)]
    for start, end in zip([0, *ends], [*ends, len(text)], strict=True):
        sentence = text[start:end]
        opening = len(sentence) - len(sentence.lstrip(" \n\"“'(*_-#:"))
        question = sentence.rstrip(" \n\"”')*_").endswith("?")
        if not question and (found := _OPENER.match(sentence[opening:])):
            at = line + text.count("\n", 0, start + opening)
            yield Fault(at, f"sentence opens with {found[0]!r}", "put the subject first: a noun of docs/terminology.md")


def check_markdown(source: str) -> Iterator[Fault]:
    """Yield the faults of a Markdown document; of its code blocks only diagrams are read."""
    quoted = 0
    for token in MarkdownIt("commonmark").enable("table").parse(source):
        quoted += {"blockquote_open": 1, "blockquote_close": -1}.get(token.type, 0)
        line = token.map[0] + 1 if token.map else 1
        if token.type == "fence" and token.info.strip() == "mermaid":
            yield from find_words(token.content, line + 1)
        elif token.type == "inline" and not quoted:
            yield from find_words(token.content, line)
            yield from find_openers(token.content, line)


def check_python(source: str) -> Iterator[Fault]:
    """Yield the faults of a Python module's comments, docstrings, texts and names."""
    for line, comment in _comments(source):
        yield from find_words(comment, line)
        yield from find_openers(comment, line)
    docstrings: set[int] = set()
    parts: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and (
            summary := ast.get_docstring(node)
        ):
            yield from _check_summary(summary.split("\n")[0], node.body[0].lineno)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _is_long_test(node.name):
            yield Fault(
                node.lineno, f"test name of {len(node.name)} characters", f"at most {_TEST_NAME}; rest into ids="
            )
        match node:
            case ast.Name(id="one", ctx=ast.Store()) | ast.arg(arg="one"):
                yield Fault(node.lineno, "variable named 'one'", "name it after the thing")
            case ast.Expr(value=ast.Constant(value=str(text)) as constant):
                docstrings.add(id(constant))
                text = textwrap.dedent(" " * constant.col_offset + text)
                yield from find_words(text, node.lineno)
                yield from find_openers(text, node.lineno)
            case ast.JoinedStr(values=values):
                parts.update(id(value) for value in values)
                text = "".join(str(value.value) if isinstance(value, ast.Constant) else "x" for value in values)
                yield from _check_text(text, node.lineno)
            case ast.Constant(value=str(text)) if id(node) not in docstrings | parts:
                yield from _check_text(text, node.lineno)
            case _:
                pass


def check_comments(source: str) -> Iterator[Fault]:
    """Yield the faults of the comments of a YAML, TOML or Make file."""
    for number, line in enumerate(source.splitlines(), start=1):
        if found := re.search(r"(?:^|\s)#+ (.*)$", line):
            yield from find_words(found[1], number)
            yield from find_openers(found[1], number)


def check_file(path: Path) -> list[Fault]:
    """Return the faults of a file in the order of its lines; files of other kinds have none."""
    if path.suffix not in (".md", ".py", ".pyi") and not path.name.endswith(_COMMENTED):
        return []
    check = {".md": check_markdown, ".py": check_python, ".pyi": check_python}.get(path.suffix, check_comments)
    return sorted(set(check(path.read_text(encoding="utf-8"))))


def main(arguments: list[str]) -> int:
    """Print the faults of the paths, and return 1 if there are any."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *arguments]
    listed = subprocess.run(listing, capture_output=True, text=True, check=True).stdout.split("\n")
    paths = [Path(name) for name in listed if name and not name.startswith(_UNREAD) and Path(name).is_file()]
    faults = [(path, fault) for path in paths for fault in check_file(path)]
    for path, fault in faults:
        print(f"{path}:{fault.line}: {fault.rule}: {fault.fix}")
    print(f"{len(faults)} faults in {len({path for path, _ in faults})} of {len(paths)} files")
    return 1 if faults else 0


def _comments(source: str) -> Iterator[tuple[int, str]]:
    """Yield each block of comment lines as one text, with its first line."""
    block: list[str] = []
    start = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        text = token.string.lstrip("#: ")
        if block and token.start[0] == start + len(block) and not token.line[: token.start[1]].strip():
            block.append(text)
            continue
        if block:
            yield start, "\n".join(block)
        block, start = [text], token.start[0]
    if block:
        yield start, "\n".join(block)


def _check_summary(summary: str, line: int) -> Iterator[Fault]:
    if not summary.endswith((".", "?", ":")):
        yield Fault(line, "docstring's first line is no sentence", "one sentence on one line, with a period")
    if (count := len(summary.split())) > _SUMMARY_WORDS:
        yield Fault(line, f"docstring's first line has {count} words", f"at most {_SUMMARY_WORDS}; the rest goes below")


def _check_text(text: str, line: int) -> Iterator[Fault]:
    if len(text.split()) >= _WORDS_OF_A_TEXT:
        yield from (Fault(line, fault.rule, fault.fix) for fault in find_words(text, line))


def _is_long_test(name: str) -> bool:
    return name.startswith("test_") and len(name) > _TEST_NAME


def _without_code(text: str) -> str:
    """Return the text with each code span replaced by a word, and as many lines as before."""
    return _CODE.sub(lambda found: "x" + "\n" * found[0].count("\n"), text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
