"""The audit trail of a span, for an auditor: as CSV for a spreadsheet, or as JSON with every text as it was typed.

It is written line by line as it is read, so its length does not matter. A JSON export that was cut off is no valid
JSON, and so can't be taken for a whole one.

Non-goals: choosing; whoever gets the export can filter it.
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
    *("at", "subject", "event", "actor", "actor_user_id", "permission_set", "accounts", "rule", "note"),
    *("before", "after"),
)
"""Of the CSV."""

_DAY = 86_400

# By how much clocks may differ: what the functions write now may be in the future here.
_SKEW = 60

# Where a spreadsheet takes a text for a formula: at the beginning of a cell, blanks and quotes before it or not, and
# after each character that it may split a line at (OWASP, "CSV Injection"). Where a country writes numbers with a
# comma, Excel splits at semicolons, and does not ask.
_FORMULA = re.compile(r'(?:^|[,;\t\r\n])(?=[\s\0"]*[=+\-@＝＋－＠])|^(?=[\t\r\n\0])')  # noqa: RUF001 - full-width forms


def parse_period(since: str, until: str | None, now: int) -> tuple[int, int]:
    """Return from when, and until before when, in seconds since 1970.

    Args:
        since: a day or a time.
        until: a day, which is included, or a time; None for now.
        now: the time.

    Raises:
        InvalidArgumentError: if one is neither, or the span is empty.
    """
    first = _moment("--since", since)
    if first > now:
        raise _wrong("--since", since, "This is in the future, and nothing has happened there yet.")
    latest = now + _SKEW
    end = latest if until is None else min(_moment("--until", until, end=True), latest)
    if end <= first:
        raise _wrong(
            "--until", until, f"The span ends before it begins at {format_timestamp(first)}, so nothing could be in it."
        )
    return first, end


def read_entries(store: Store, since: int, until: int, progress: Progress) -> Iterator[AuditEntry]:
    """Yield the trail of a span, oldest first, and keep whoever waits informed."""
    count = 0
    first = max(since, EARLIEST)
    while first < until:
        end = min(until, first - first % _DAY + _DAY)
        for entry in store.audit(first, end):
            count += 1
            progress.doing = f"reading the audit trail: {count} lines until {format_timestamp(entry.at)}"
            yield entry
        progress.doing = f"reading the audit trail: {count} lines until {format_timestamp(end)}"
        first = end


def write_csv(trail: Iterable[AuditEntry], out: Stream) -> None:
    """Write CSV (RFC 4180); what a spreadsheet would take for a formula gets an apostrophe before it.

    That holds for spreadsheets that split a line at semicolons or tabs, too.
    """
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for entry in trail:
        cells = (
            *(
                format_timestamp(entry.at),
                entry.subject,
                entry.event,
                entry.actor.name,
                entry.actor.user_id,
                entry.permission_set,
            ),
            *(" ".join(entry.accounts), entry.rule, entry.note, entry.before, entry.after),
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


def _moment(option: str, text: str, *, end: bool = False) -> int:
    """Return when a day begins, or with `end` ends, or the time that a text names."""
    try:
        day = date.fromisoformat(text)
        moment = datetime.combine(day + timedelta(days=1) if end else day, time(), UTC)
    except (ValueError, OverflowError):
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise _wrong(option, text, "This is neither a day nor a time.") from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def _wrong(option: str, text: str | None, why: str) -> InvalidArgumentError:
    return InvalidArgumentError(
        Problem(
            option,
            format_value(text),
            why,
            "Write a day as in 2026-11-01, or a time as in 2026-11-01T08:00:00Z; both are in UTC unless they say "
            "otherwise. A day after --until is included.",
        )
    )
