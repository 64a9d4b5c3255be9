"""Findings of `breakglass doctor`, as text and as JSON.

Non-goals: making them (see the modules of checks).
"""

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum

from breakglass.cli.layout import format_columns, to_one_line
from breakglass.errors import redact

_WIDTH = 110


class Status(StrEnum):
    """The status of a check, the most urgent first."""

    fail = "fail"
    """An alert, a revoke or a decision would fail."""
    warn = "warn"
    """It works now, but an operator has to act."""
    unknown = "unknown"
    """The command could not look."""
    ok = "ok"


@dataclass(frozen=True)
class Finding:
    """The result of a check, or of a check of one resource.

    Names, error messages and answers of Slack are hostile text: each part is redacted, and on one line.
    """

    check: str
    """The name of the check, e.g. `rule`."""
    status: Status
    what: str
    """The observation."""
    why: str
    """Its consequence."""
    do: str
    """The remedy; empty if there is nothing to do."""

    def __post_init__(self) -> None:
        for field in fields(self):
            if field.name != "status":
                object.__setattr__(self, field.name, to_one_line(redact(getattr(self, field.name))))


def sort_findings(findings: Iterable[Finding]) -> list[Finding]:
    """Return the most urgent findings first, otherwise in their order."""
    urgency = list(Status)
    return sorted(findings, key=lambda finding: urgency.index(finding.status))


def to_json(findings: Iterable[Finding]) -> list[dict[str, str]]:
    """Return objects with the texts check, status, what, why and do."""
    return [{field.name: str(getattr(finding, field.name)) for field in fields(finding)} for finding in findings]


def to_text(findings: Sequence[Finding]) -> str:
    """Return a paragraph for each finding, or a line if it is ok, and the numbers."""
    paragraphs = ["\n".join(_lines(finding)) for finding in findings if finding.status is not Status.ok]
    fine = [("ok", finding.check, finding.what) for finding in findings if finding.status is Status.ok]
    return "\n\n".join([*paragraphs, *(["\n".join(format_columns(fine))] if fine else []), summarize(findings)])


def summarize(findings: Sequence[Finding]) -> str:
    """Return the number of findings of each status, e.g. `1 fail, 0 warn, 2 unknown, 9 ok`."""
    counts = {status: sum(finding.status is status for finding in findings) for status in Status}
    return ", ".join(f"{count} {status}" for status, count in counts.items())


def _lines(finding: Finding) -> list[str]:
    title = f"{finding.status.upper()}  {finding.check}: {finding.what}"
    parts = [("", "", "      ", title), ("why:", "    ", " " * 9, finding.why), ("do:", "    ", " " * 9, finding.do)]
    return [
        textwrap.fill(
            text,
            width=_WIDTH,
            initial_indent=f"{margin}{label:<5}" if label else "",
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for label, margin, indent, text in parts
        if text
    ]
