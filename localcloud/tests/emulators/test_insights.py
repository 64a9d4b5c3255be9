"""The emulated Logs Insights: commands, conditions and the fields that it finds."""

import json
from typing import Any

import pytest

from localcloud.emulators.insights import MOST_FIELDS, LogEvent, MalformedQueryError, run_query

EVENTS = [
    LogEvent(json.dumps(record), number, 10 * number, pointer=f"p{number}")
    for number, record in enumerate(
        [
            {"account": "1", "detail": {"kind": "a/b", "size": 3}},
            {"account": "1", "detail": {"kind": "c|d", "size": 5}, "tags": [{"key": "x"}]},
            {"account": "2", "detail": {"kind": "A/B"}},
        ]
    )
] + [LogEvent("no JSON, id=42", 3, 30, pointer="p3")]


@pytest.mark.parametrize(
    ("condition", "pointers"),
    [
        ('account = "1"', "p0 p1"),
        ("account = '1' and detail.size > 3", "p1"),
        ('account = "2" or detail.size = 3', "p0 p2"),
        ("not ispresent(account)", "p3"),
        ('detail.kind in ["a/b", "c|d"]', "p0 p1"),
        ('not (detail.kind in ["a/b"])', "p1 p2 p3"),
        (r"detail.kind like /(?i)^a\/b$/", "p0 p2"),
        ("toMillis(@ingestionTime) >= 10 and toMillis(@ingestionTime) < 30", "p1 p2"),
        ('tags.0.key = "x"', "p1"),
        ('@message like /"kind"/', "p0 p1 p2"),
    ],
)
def test_filter_keeps_events_that_match(condition: str, pointers: str) -> None:
    rows = run_query(f"fields account | filter {condition}", EVENTS)

    assert [row["@ptr"] for row in rows] == pointers.split()


def test_stats_counts_groups_and_takes_the_latest_value() -> None:
    query = (
        "stats count(*) as events, count(detail.size) as sizes, latest(detail.kind) as kind by account "
        "| filter events > 0 | sort account desc | limit 2"
    )

    assert run_query(query, EVENTS) == [
        {"account": "2", "events": "1", "sizes": "0", "kind": "A/B"},
        {"account": "1", "events": "2", "sizes": "2", "kind": "c|d"},
    ]


def test_parse_and_coalesce_make_fields() -> None:
    query = r'parse @message /id=(?<id>\d+)/ | fields coalesce(id, account, "none") as found | filter found = "42"'

    assert run_query(query, EVENTS) == [{"found": "42", "@ptr": "p3"}]


def test_fields_beyond_the_limit_are_not_found() -> None:
    record = {f"field{number}": number for number in range(MOST_FIELDS + 1)}

    (row,) = run_query(f"fields field0, field{MOST_FIELDS}", [LogEvent(json.dumps(record), 0, 0)])
    assert row == {"field0": "0", "@ptr": ""}


@pytest.mark.parametrize(
    "query",
    [
        "pattern @message",
        "filter account = ",
        "filter account == 1",
        'filter account != "1"',
        'filter account = "1',
        "filter unknown(account)",
        "stats median(account)",
        "filter account = 1 and",
        "fields account as",
        "limit ten",
        "filter (account = 1",
        "sort account sideways",
    ],
)
def test_query_that_is_not_understood_is_refused(query: str) -> None:
    with pytest.raises(MalformedQueryError):
        run_query(query, EVENTS)


def test_default_fields_are_time_and_message() -> None:
    rows: list[Any] = run_query("limit 1", EVENTS)

    assert rows == [{"@timestamp": "0", "@message": EVENTS[0].message, "@ptr": "p0"}]
