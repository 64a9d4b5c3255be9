"""`breakglass check`: what a preview would say about a stack file, without Pulumi, credentials and network.

Non-goals: what only AWS or Slack can answer (whether a group exists), and the values of encrypted secrets.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from breakglass.config import NAMESPACE, SECRET_KEYS, check_stack
from breakglass.errors import Problem
from breakglass.stack_yaml import read_stack_yaml


@dataclass(frozen=True)
class Checked:
    """What there is to say about a stack file."""

    file: Path
    problems: tuple[Problem, ...]
    """What keeps it from being deployed."""
    warnings: tuple[Problem, ...]
    """What can be meant as it is written, and may be a mistake."""
    lines: tuple[int, ...]
    """The line of each problem, then of each warning."""


def checked(file: Path, *, without_secrets: bool = False) -> Checked:
    """Judge a stack file.

    Args:
        file: The stack file; policy files are read relative to its folder.
        without_secrets: Whether the secrets of the stack may be missing in the file.

    Raises:
        QuestionError: The file can't be read.
    """
    read = read_stack_yaml(file)
    report = check_stack(read.keys, file.parent)
    missing = {f"{NAMESPACE}{key}" for key in SECRET_KEYS if without_secrets and key not in read.keys}
    problems = (*read.problems, *(problem for problem in report.problems if problem.path not in missing))
    lines = tuple(read.line(problem.path) for problem in (*problems, *report.warnings))
    return Checked(file, problems, report.warnings, lines)


def as_json(problems: Iterable[Problem], warnings: Iterable[Problem]) -> list[dict[str, str]]:
    """Return each problem and each warning as a JSON object: severity, path, value, why, instead."""
    return [{"severity": severity, **asdict(problem)} for severity, problem in _severities(problems, warnings)]


def as_text(checked: Checked) -> str:
    """Return each problem and each warning as a paragraph that begins with `file:line: severity:`, and the count."""
    all_of_them = _severities(checked.problems, checked.warnings)
    paragraphs = [
        f"{checked.file}:{line}: {severity}: {problem}"
        for line, (severity, problem) in zip(checked.lines, all_of_them, strict=True)
    ]
    counts = [(len(checked.problems), "problem"), (len(checked.warnings), "warning")]
    summary = ", ".join(f"{count} {what}{'' if count == 1 else 's'}" for count, what in counts)
    return "\n\n".join([*paragraphs, f"{checked.file}: {summary}"])


def _severities(problems: Iterable[Problem], warnings: Iterable[Problem]) -> Iterator[tuple[str, Problem]]:
    yield from (("problem", problem) for problem in problems)
    yield from (("warning", problem) for problem in warnings)
