"""`breakglass check`: what a preview would say about a stack file, without Pulumi, credentials and network.

Non-goals: what only AWS or Slack can answer (whether a group exists), and the values of encrypted secrets.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from breakglass.errors import Problem
from breakglass.stack_file.check import check_stack
from breakglass.stack_file.secret_keys import NAMESPACE, SECRET_KEYS
from breakglass.stack_file.stack_yaml import read_stack_yaml

PROBLEM, WARNING = "problem", "warning"
"""Severities: what keeps a file from being deployed, and what may be a mistake."""


@dataclass(frozen=True)
class LocatedProblem:
    """One thing to say about a stack file."""

    severity: str
    line: int
    """The line of the file, counted from 1."""
    problem: Problem


def check_file(file: Path, *, without_secrets: bool = False) -> list[LocatedProblem]:
    """Return the problems of a stack file, then its warnings.

    Args:
        file: The stack file; policy files are read relative to its folder.
        without_secrets: Whether the secrets of the stack may be missing in the file.

    Raises:
        UnreadableError: The file can't be read.
    """
    read = read_stack_yaml(file)
    report = check_stack(read.keys, file.parent)
    missing = {f"{NAMESPACE}{key}" for key in SECRET_KEYS if without_secrets and key not in read.keys}
    problems = [*read.problems, *(problem for problem in report.problems if problem.path not in missing)]
    return [
        LocatedProblem(severity, read.line(problem.path), problem)
        for severity, found in ((PROBLEM, problems), (WARNING, report.warnings))
        for problem in found
    ]


def to_json(found: Iterable[LocatedProblem]) -> list[dict[str, str]]:
    """Return each finding as a JSON object with the texts severity, path, value, why and instead."""
    return [{"severity": each.severity, **asdict(each.problem)} for each in found]


def to_text(file: Path, found: Iterable[LocatedProblem]) -> str:
    """Return each finding as a paragraph that begins with `file:line: severity:`, and how many there are."""
    found = list(found)
    counts = {severity: sum(each.severity == severity for each in found) for severity in (PROBLEM, WARNING)}
    summary = ", ".join(f"{count} {severity}{'' if count == 1 else 's'}" for severity, count in counts.items())
    paragraphs = (f"{file}:{each.line}: {each.severity}: {each.problem}" for each in found)
    return "\n\n".join([*paragraphs, f"{file}: {summary}"])
