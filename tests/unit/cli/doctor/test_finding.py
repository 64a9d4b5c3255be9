"""Findings as text and as JSON."""

import pytest

from breakglass.cli.doctor.finding import Finding, Status, sort_findings, summarize, to_json, to_text

FINE = Finding("queue", Status.ok, "empty: 6", "Letters are lost alerts.", "")
LOST = Finding("rule", Status.fail, "The rule use is disabled.", "No alert comes.", "Restore it.")
ODD = Finding("person", Status.unknown, "Slack does not answer.", "Unknown.", "Try again.")


def test_most_urgent_findings_come_first_otherwise_in_order() -> None:
    other = Finding("target", Status.fail, "Gone.", "", "")

    assert sort_findings([FINE, ODD, LOST, other]) == [LOST, other, ODD, FINE]


def test_text_has_paragraphs_lines_and_numbers() -> None:
    assert to_text([LOST, FINE, FINE]) == (
        "FAIL  rule: The rule use is disabled.\n"
        "    why: No alert comes.\n"
        "    do:  Restore it.\n"
        "\n"
        "  ok  queue  empty: 6\n"
        "  ok  queue  empty: 6\n"
        "\n"
        "1 fail, 0 warn, 0 unknown, 2 ok"
    )
    assert summarize([ODD]) == "0 fail, 0 warn, 1 unknown, 0 ok"


def test_json_has_five_texts() -> None:
    assert to_json([LOST]) == [
        {
            "check": "rule",
            "status": "fail",
            "what": "The rule use is disabled.",
            "why": "No alert comes.",
            "do": "Restore it.",
        }
    ]


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("two\nlines", "two lines"),
        ("\x1b[31mred", "\\u001b[31mred"),
        ("a\u202eb", "a\\u202eb"),
        ("token xoxb-1-abc here", "token xoxb-[redacted] here"),
    ],
)
def test_hostile_text_is_escaped_and_redacted(hostile: str, shown: str) -> None:
    finding = Finding("rule", Status.warn, hostile, hostile, hostile)
    assert (finding.what, finding.why, finding.do) == (shown, shown, shown)
