"""`breakglass audit`: the audit trail of a period, as CSV safe in a spreadsheet, or as JSON.

It does not prove that a spreadsheet runs no cell: the characters are those of OWASP's "CSV Injection".
"""

import csv
import io
import json
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from breakglass.app.aws.aws import AwsError
from breakglass.app.domain.records import Actor, AuditEntry
from breakglass.cli import audit
from breakglass.cli.audit import COLUMNS
from breakglass.errors import InvalidArgumentError
from breakglass.terminal import escape_unprintable
from tests.app.domain.policies import EVERYBODY, PRODUCTION, RDS, STAGING, policy
from tests.app.doubles.clock import NOW
from tests.app.doubles.directory import MemoryDirectory
from tests.app.doubles.store import MemoryStore
from tests.unit.cli.contexts import TABLE, Outcome, Typist

# 2025-11-24T16:00:00Z is NOW.
DAY = 86_400
MIDNIGHT = NOW - 16 * 3600

ENTRY = AuditEntry(
    at=NOW - 60,
    subject="r-1",
    event="denied",
    actor=Actor("u-cleo", "Cleo"),
    permission_set=RDS,
    accounts=(PRODUCTION, STAGING),
    rule="databases",
    note="Wait for Dot, please.",
    before="pending",
    after="denied",
)


def typist(*trail: AuditEntry, store: MemoryStore | None = None) -> Typist:
    at = Typist(policy(), MemoryDirectory(EVERYBODY), store or MemoryStore())
    at.store.trail.extend(trail)
    return at


def exported(*trail: AuditEntry, since: str = "2025-11-01", until: str | None = None) -> list[dict[str, Any]]:
    more = ("--until", until) if until else ()
    entries: list[dict[str, Any]] = json.loads(typist(*trail).run("audit", "--since", since, *more, "--json").out)
    return entries


def rows(outcome: Outcome) -> list[list[str]]:
    return list(csv.reader(io.StringIO(outcome.out, newline="")))


def test_csv_has_a_header_and_a_line_for_each_entry() -> None:
    outcome = typist(ENTRY).run("audit", "--since", "2025-11-01", "--csv")

    assert outcome.status == 0
    assert outcome.out == (
        "at,subject,event,actor,actor_user_id,permission_set,accounts,rule,note,before,after\r\n"
        f"2025-11-24T15:59:00Z,r-1,denied,Cleo,u-cleo,{RDS},{PRODUCTION} {STAGING},databases,"
        '"Wait for Dot, please.",pending,denied\r\n'
    )


def test_json_is_one_array_with_a_line_for_each_entry() -> None:
    outcome = typist(ENTRY, replace(ENTRY, at=NOW)).run("audit", "--since", "2025-11-01", "--json")

    first, second = json.loads(outcome.out)
    assert first == {
        "at": "2025-11-24T15:59:00Z",
        "subject": "r-1",
        "event": "denied",
        "actor": {"user_id": "u-cleo", "name": "Cleo"},
        "permission_set": RDS,
        "accounts": [PRODUCTION, STAGING],
        "rule": "databases",
        "note": "Wait for Dot, please.",
        "before": "pending",
        "after": "denied",
    }
    assert second["at"] == "2025-11-24T16:00:00Z"
    assert len(outcome.out.splitlines()) == 4


def test_export_of_an_empty_period_is_valid() -> None:
    assert exported() == []
    assert rows(typist().run("audit", "--since", "2025-11-01", "--csv")) == [list(COLUMNS)]


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r", "\n", "\0", "\uff1d", "\uff0b", "\uff0d", "\uff20"])
def test_csv_cell_of_a_formula_is_guarded(begin: str) -> None:
    hostile = f'{begin}HYPERLINK("http://x")'
    entry = replace(ENTRY, note=hostile, actor=Actor("u-cleo", hostile), rule=hostile)
    outcome = typist(entry).run("audit", "--since", "2025-11-01", "--csv")

    cells = dict(zip(COLUMNS, rows(outcome)[1], strict=True))
    assert {cells["note"], cells["actor"], cells["rule"]} == {f"'{escape_unprintable(hostile)}"}
    assert exported(entry)[0]["note"] == hostile


@pytest.mark.parametrize(
    ("note", "cell"),
    [
        ("it burns;=1+1", "it burns;'=1+1"),
        ("it burns\t@SUM(1)", "it burns\t'@SUM(1)"),
        ('it burns; "=1+1', "it burns;' \"=1+1"),
        (' "=1+1', "' \"=1+1"),
        ("first\n=1+1", "first\n'=1+1"),
        ("a = b; c, d-e", "a = b; c, d-e"),
    ],
)
def test_csv_cell_with_separator_before_formula_is_guarded(note: str, cell: str) -> None:
    file = io.StringIO(newline="")
    audit.write_csv([replace(ENTRY, note=note)], file)
    assert list(csv.reader(io.StringIO(file.getvalue(), newline="")))[1][COLUMNS.index("note")] == cell


FORMULAS = tuple("=+-@\uff1d\uff0b\uff0d\uff20")
HOSTILE = st.text(alphabet="=+-@\uff1d\",;\r\n\t\0' x", max_size=8)


@given(HOSTILE, HOSTILE, st.sampled_from(",;\t"))
def test_csv_read_with_any_separator_has_no_formula(rule: str, note: str, separator: str) -> None:
    file = io.StringIO(newline="")
    audit.write_csv([replace(ENTRY, rule=rule, note=note)], file)
    # csv.reader refuses NUL, which spreadsheets leave out.
    text = file.getvalue().replace("\0", "")
    quoted = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    plain = csv.reader(io.StringIO(text, newline=""), delimiter=separator, quoting=csv.QUOTE_NONE)
    cells = [cell for row in (*quoted, *plain) for cell in row]
    assert len(cells) > 2
    assert [cell for cell in cells if cell.lstrip(' "').startswith(FORMULAS)] == []


@given(st.text() | st.text(alphabet="=+-@\",;\r\n\t'x", max_size=8))
def test_any_text_is_exported_whole_but_for_apostrophes(note: str) -> None:
    entry = replace(ENTRY, note=note)
    csv_file, json_file = io.StringIO(newline=""), io.StringIO(newline="")
    audit.write_csv([entry], csv_file)
    audit.write_json([entry], json_file)

    found = list(csv.reader(io.StringIO(csv_file.getvalue(), newline="")))
    assert len(found) == 2
    assert found[1][COLUMNS.index("note")].replace("'", "") == note.replace("'", "")
    assert json.loads(json_file.getvalue())[0]["note"] == note


def test_until_includes_a_day_and_excludes_a_time() -> None:
    trail = [replace(ENTRY, at=MIDNIGHT + seconds) for seconds in (-1, 0, 3600)]

    assert len(exported(*trail, until="2025-11-23")) == 1
    assert len(exported(*trail, until="2025-11-24")) == 3
    assert len(exported(*trail, until="2025-11-24T00:00:00Z")) == 1
    assert len(exported(*trail, since="2025-11-24")) == 2
    assert len(exported(*trail, since="2025-11-24T02:00:00+01:00")) == 1
    assert len(exported(*trail, since="2025-11-24T01:00")) == 1


def test_period_ends_now_and_allows_for_clock_skew() -> None:
    assert audit.parse_period("2025-11-24", None, NOW) == (MIDNIGHT, NOW + 60)
    assert audit.parse_period("2025-11-24", "9999-12-31", NOW) == (MIDNIGHT, NOW + 60)


def test_entries_are_in_order_and_unique_across_days() -> None:
    trail = [replace(ENTRY, at=MIDNIGHT + step * 3600) for step in range(-50, 10)]

    assert [line["at"] for line in exported(*reversed(trail))] == [audit.format_timestamp(entry.at) for entry in trail]


def test_table_is_not_queried_before_the_earliest_day() -> None:
    asked: list[tuple[int, int]] = []

    class Watched(MemoryStore):
        def audit(self, since: int, until: int) -> list[AuditEntry]:
            asked.append((since, until))
            return []

    at = typist(store=Watched())
    assert at.run("audit", "--since", "1970-01-01", "--csv").status == 0
    assert audit.format_timestamp(asked[0][0]) == "2025-01-01T00:00:00Z"
    assert asked[-1] == (MIDNIGHT, NOW + 60)
    assert all(earlier[1] == later[0] for earlier, later in pairwise(asked))
    assert at.asked[-1] == f"table {TABLE}"


@pytest.mark.parametrize(
    ("since", "until", "why"),
    [
        ("yesterday", None, '--since value: "yesterday" why: Not a valid day or time.'),
        ("2025-11-24", "2025-13-01", '--until value: "2025-13-01" why: Not a valid day or time.'),
        ("2026-01-01", None, '--since value: "2026-01-01" why: This is in the future'),
        ("2025-11-24", "2025-11-22", '--until value: "2025-11-22" why: The period ends before its start'),
        ("2025-11-24", "2025-11-24T00:00:00Z", "why: The period ends before its start"),
        ("", None, "why: Not a valid day or time."),
    ],
)
def test_invalid_period_is_refused_before_any_call(since: str, until: str | None, why: str) -> None:
    at = typist(ENTRY)
    outcome = at.run("audit", "--since", since, *(("--until", until) if until else ()), "--csv")

    assert (outcome.status, outcome.out, at.asked) == (2, "", [])
    assert why in outcome.flat
    assert "Write a day as in 2026-11-01" in outcome.flat


@given(st.text(max_size=30) | st.dates().map(str) | st.datetimes().map(str))
@example("2025-11-24")
def test_any_text_for_a_day_is_a_period_or_an_error(text: str) -> None:
    for since, until in ((text, None), ("2025-01-01", text)):
        try:
            first, end = audit.parse_period(since, until, NOW)
        except InvalidArgumentError:
            continue
        assert first < end <= NOW + 60


def test_export_that_is_cut_off_fails_and_is_not_json() -> None:
    class Broken(MemoryStore):
        def audit(self, since: int, until: int) -> Any:
            yield ENTRY
            raise AwsError("ThrottlingException", "slow down", 400, "Query")

    outcome = typist(store=Broken()).run("audit", "--since", "2025-11-24", "--json")

    assert outcome.status == 1
    assert "AWS: Query" in outcome.flat
    with pytest.raises(json.JSONDecodeError):
        json.loads(outcome.out)


@pytest.mark.parametrize("arguments", ["--csv", "--since 2025-11-01", "--since 2025-11-01 --csv --json"])
def test_audit_needs_one_form_and_a_start(arguments: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        typist().run("audit", *arguments.split())
    assert ended.value.code == 2
    assert "usage: breakglass audit" in capsys.readouterr().err
