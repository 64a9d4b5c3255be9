"""Messages and verdicts in a terminal, with hostile texts.

A text of a record must neither reach the terminal as a command nor count as rich's markup.
"""

import io
import json
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console, RenderableType

from breakglass.alerts.messages import slack_message, substitute
from breakglass.alerts.subjects import PermissionSetSubject
from breakglass.terminal import escape_unprintable
from breakglass.vocabulary import EvidencePath
from localcloud import report
from localcloud.demo import exit_status, show_messages
from localcloud.emulators.cloudtrail import as_event
from localcloud.records import RECORDS, load_record
from localcloud.steps import Step
from localcloud.verdicts import Verdict


def shown(renderable: RenderableType) -> str:
    """As it looks in a file: without colour."""
    output = io.StringIO()
    Console(file=output, width=130, highlight=False).print(renderable)
    return output.getvalue()


def alert() -> dict[str, Any]:
    transformer = slack_message(
        PermissionSetSubject("devops-break-glass"),
        EvidencePath.session_start,
        channel="C0123456789",
        post_mortem_url="https://wiki.example.com/post-mortem",
    )
    record = load_record(RECORDS / "session-devops-break-glass.json")
    return json.loads(substitute(transformer, as_event(record.content, account="", region="")))


def test_every_text_of_an_alert_is_shown() -> None:
    lines = " ".join(shown(report.render_message(alert())).replace("│", " ").split())
    for text in (
        "# C0123456789",
        "devops-break-glass",
        "jane.doe@example.com",
        "222222222222",
        "2026-03-14T02:07:47Z",
        "eu-central-1",
        "explain this usage in the thread",
        "[ Open event in CloudTrail ]",
        "[ Post-mortem ] https://wiki.example.com/post-mortem",
    ):
        assert text in lines
    assert "*" not in lines
    assert "`" not in lines


def test_a_block_type_that_alerts_never_use_is_shown_as_json() -> None:
    block = {"type": "image", "image_url": "https://example.com/x.png"}
    assert json.dumps(block) in shown(report.render_message({"channel": "C1", "blocks": [block]}))


def test_a_message_without_blocks_is_shown_by_its_text() -> None:
    assert "plain words" in shown(report.render_message({"channel": "C1", "text": "plain words"}))


def test_the_table_tells_expected_seen_seconds_and_what_is_wrong() -> None:
    verdicts = [
        Verdict("a.json", ("denied", "portal"), ("portal",), 0.0123),
        Verdict("b.json", (), (), None),
        Verdict("c.json", None, ("console",), 1.5),
    ]
    rows = [line.split() for line in shown(report.render_verdicts(verdicts)).splitlines()]
    assert rows == [
        ["record", "expected", "seen", "seconds"],
        ["a.json", "denied,", "portal", "portal", "0.012", "WRONG"],
        ["b.json", "silence", "silence", "ok"],
        ["c.json", "any", "console", "1.500", "ok"],
    ]


def test_step_row_has_the_expected_state_only_if_it_differs() -> None:
    scenes = [Step("ada knocks", "a door", "a door", 0.26), Step("ada waits", "a door", "a wall", 30.0)]
    rows = [line.split() for line in shown(report.render_steps(scenes)).splitlines()]
    assert rows == [
        ["step", "seen", "seconds"],
        ["ada", "knocks", "a", "door", "0.3", "ok"],
        ["ada", "waits", "a", "wall", "30.0", "WRONG"],
        ["expected:", "a", "door"],
    ]


@pytest.mark.parametrize("name", ["[red]x.json", "[/x].json", ":fire:.json", r"\[x].json", "[link=https://x]y.json"])
def test_a_file_name_is_shown_as_it_is(name: str) -> None:
    assert name in shown(report.render_verdicts([Verdict(name, None, (name,), 0.1)]))
    assert name in shown(report.render_message({"channel": name, "text": "x"}))


@given(text=st.text())
def test_no_control_character_reaches_the_terminal(text: str) -> None:
    section = {"type": "section", "text": {"type": "mrkdwn", "text": text}, "fields": [{"text": text}, {"text": text}]}
    button = {"type": "button", "text": {"text": text}, "url": text}
    blocks = [
        {"type": "header", "text": {"text": text}},
        section,
        {"type": "context", "elements": [{"text": text}]},
        {"type": "actions", "elements": [button]},
        {"type": "divider"},
        {"type": text},
    ]
    message = shown(report.render_message({"channel": text, "blocks": blocks}))
    table = shown(report.render_verdicts([Verdict(text, None, (text,), None)]))
    steps = shown(report.render_steps([Step(text, text, "", 0), Step(text, text, text, 0)]))
    for output in (message, table, steps):
        assert output == escape_unprintable(output)


def test_colour_is_for_terminals_only(monkeypatch: pytest.MonkeyPatch) -> None:
    output = io.StringIO()
    monkeypatch.setattr(sys, "stdout", output)
    report.create_console().print("important", style="bold red")
    assert output.getvalue() == "important\n"


@pytest.mark.parametrize(
    ("verbose", "panels", "headline"),
    [
        (False, 1, "2 messages arrived in Slack. One for each evidence path; VERBOSE=1 shows all."),
        (True, 2, "2 messages arrived in Slack.\n"),
    ],
    ids=["by default", "verbose"],
)
def test_show_messages_prints_each_kind_once(verbose: bool, panels: int, headline: str) -> None:
    output = io.StringIO()

    show_messages([alert(), alert()], verbose, Console(file=output, width=130, highlight=False))

    assert headline in output.getvalue()
    assert output.getvalue().count("╭─ # ") == panels


def test_demo_fails_if_an_alert_is_missing_or_a_step_wrong() -> None:
    arrived = Verdict("a.json", ("session_start",), ("session_start",), 0.1)
    silent = Verdict("b.json", ("session_start",), (), None)
    unjudged = Verdict("c.json", None, (), None)
    wrong = Step("ada is done", "no access", "access", 0.1)
    assert exit_status([arrived, unjudged]) == 0
    assert exit_status([arrived, silent]) == 1
    assert exit_status([arrived, wrong]) == 1
    assert " ".join(shown(report.render_verdicts([unjudged])).split()).endswith("c.json any silence ok")
