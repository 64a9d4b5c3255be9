"""`breakglass audit`: the audit trail of a period, as CSV or JSON.

CSV is for a spreadsheet; JSON has every text as it was typed. Lines are written as they are read, so the length of the
trail does not matter. A JSON export that was cut off is not valid JSON, so it can't be mistaken for a whole one.

Non-goals: filters.
"""

import csv
import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from breakglass.app.aws.table import EARLIEST
from breakglass.app.domain.records import AuditEntry
from breakglass.app.ports import Store
from breakglass.cli.progress import Progress
from breakglass.errors import InvalidArgumentError, Problem, format_value
from breakglass.terminal import Stream

COLUMNS = (
    "at",
    "subject",
    "event",
    "actor",
    "actor_user_id",
    "permission_set",
    "accounts",
    "rule",
    "note",
    "before",
    "after",
)
"""Columns of the CSV."""

_DAY = 86_400

# Clocks differ: an entry that a function writes now may be in the future here.
_SKEW = 60

# A spreadsheet reads a text as a formula at the beginning of a cell, also behind blanks and quotes, and after each
# character that it may split a line at (OWASP, "CSV Injection"). Where numbers have a decimal comma, Excel splits at
# semicolons without a question.
_FORMULA = re.compile(r'(?:^|[,;\t\r\n])(?=[\s\0"]*[=+\-@＝＋－＠])|^(?=[\t\r\n\0])')  # noqa: RUF001 - full-width forms


def parse_period(since: str, until: str | None, now: int) -> tuple[int, int]:
    """Return the start and the end (excluded) of a period, in seconds since 1970; None ends it now.

    Raises:
        InvalidArgumentError: one is neither a day nor a time, or the period is empty.
    """
    first = _parse_time("--since", since)
    if first > now:
        raise _invalid_time("--since", since, "This is in the future, so the period has no entries.")
    latest = now + _SKEW
    end = latest if until is None else min(_parse_time("--until", until, end=True), latest)
    if end <= first:
        raise _invalid_time(
            "--until", until, f"The period ends before its start at {format_timestamp(first)}, so it has no entries."
        )
    return first, end


def read_entries(store: Store, since: int, until: int, progress: Progress) -> Iterator[AuditEntry]:
    """Yield the entries of a period, oldest first, and report progress."""
    count = 0
    first = max(since, EARLIEST)
    while first < until:
        end = min(until, first - first % _DAY + _DAY)
        for entry in store.audit(first, end):
            count += 1
            progress.activity = f"reading the audit trail: {count} lines until {format_timestamp(entry.at)}"
            yield entry
        progress.activity = f"reading the audit trail: {count} lines until {format_timestamp(end)}"
        first = end


def write_csv(trail: Iterable[AuditEntry], out: Stream) -> None:
    """Write CSV (RFC 4180) with an apostrophe before each text that a spreadsheet would read as a formula."""
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for entry in trail:
        cells = (
            format_timestamp(entry.at),
            entry.subject,
            entry.event,
            entry.actor.name,
            entry.actor.user_id,
            entry.permission_set,
            " ".join(entry.accounts),
            entry.rule,
            entry.note,
            entry.before,
            entry.after,
        )
        writer.writerow([_FORMULA.sub(r"\g<0>'", cell) for cell in cells])


def write_json(trail: Iterable[AuditEntry], out: Stream) -> None:
    """Write a JSON array with one line for each entry."""
    out.write("[")
    separator = "\n"
    for entry in trail:
        out.write(separator + json.dumps(_json(entry), ensure_ascii=False))
        separator = ",\n"
    out.write("\n]\n")


def format_timestamp(seconds: int) -> str:
    """Write a time, in seconds since 1970, as ISO 8601 in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _json(entry: AuditEntry) -> dict[str, Any]:
    return {
        "at": format_timestamp(entry.at),
        "subject": entry.subject,
        "event": entry.event,
        "actor": {"user_id": entry.actor.user_id, "name": entry.actor.name},
        "permission_set": entry.permission_set,
        "accounts": list(entry.accounts),
        "rule": entry.rule,
        "note": entry.note,
        "before": entry.before,
        "after": entry.after,
    }


def _parse_time(option: str, text: str, *, end: bool = False) -> int:
    """Return the start of a day, its end if `end`, or a time, in seconds since 1970."""
    try:
        day = date.fromisoformat(text)
        instant = datetime.combine(day + timedelta(days=1) if end else day, time(), UTC)
    except (ValueError, OverflowError):
        try:
            instant = datetime.fromisoformat(text)
        except ValueError:
            raise _invalid_time(option, text, "Not a valid day or time.") from None
    return int((instant if instant.tzinfo else instant.replace(tzinfo=UTC)).timestamp())


def _invalid_time(option: str, text: str | None, why: str) -> InvalidArgumentError:
    return InvalidArgumentError(
        Problem(
            option,
            format_value(text),
            why,
            "Write a day as in 2026-11-01, or a time as in 2026-11-01T08:00:00Z. Both are in UTC without an offset. "
            "The day of --until is included.",
        )
    )
