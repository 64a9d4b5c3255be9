"""`breakglass check`: the problems and warnings of a stack file, without Pulumi, credentials or network.

Non-goals: answers of AWS or Slack, such as the existence of a group, and the values of encrypted secrets.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from breakglass.errors import Problem
from breakglass.stack_file.check import check_stack
from breakglass.stack_file.secret_keys import NAMESPACE, SECRET_KEYS
from breakglass.stack_file.stack_yaml import read_stack_yaml

PROBLEM, WARNING = "problem", "warning"
"""Severities: a problem prevents the deployment, a warning does not."""


@dataclass(frozen=True)
class LocatedProblem:
    """A problem or warning of a stack file, with its line."""

    severity: str
    line: int
    """The line of the file, counted from 1."""
    problem: Problem


def check_file(file: Path, *, without_secrets: bool = False) -> list[LocatedProblem]:
    """Return the problems of a stack file, which may lack secrets on request, then its warnings.

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
    """Return objects with the texts severity, path, value, why and instead."""
    return [{"severity": each.severity, **asdict(each.problem)} for each in found]


def to_text(file: Path, found: Iterable[LocatedProblem]) -> str:
    """Return a paragraph for each, and a last line with their numbers."""
    found = list(found)
    counts = {severity: sum(each.severity == severity for each in found) for severity in (PROBLEM, WARNING)}
    summary = ", ".join(f"{count} {severity}{'' if count == 1 else 's'}" for severity, count in counts.items())
    paragraphs = (f"{file}:{each.line}: {each.severity}: {each.problem}" for each in found)
    return "\n\n".join([*paragraphs, f"{file}: {summary}"])
