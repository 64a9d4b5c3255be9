"""Printed text never controls a terminal: the escaping function, and each command and error through it."""

import io
import json
import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakglass.app.domain.policy import ApprovalPolicy, DenyRule
from breakglass.app.domain.records import Actor, AuditEntry
from breakglass.cli import _parser
from breakglass.errors import (
    BreakglassError,
    CommandError,
    ConfigError,
    InvalidArgumentError,
    MessageError,
    PolicyError,
    Problem,
    UnreadableError,
)
from breakglass.terminal import PrintableStream, escape_unprintable
from localcloud import up
from tests.app.domain.policies import ADA, CLEO, DATABASES, EVERYBODY, PRODUCTION, RDS, policy
from tests.app.doubles.clock import NOW
from tests.app.doubles.directory import MemoryDirectory
from tests.unit.cli.contexts import Outcome, Typist

HOSTILE = "\x1b]0;owned\x07 \x9b31m \x1b[2J \x7f\b\r \u202etxt.exe\u2066 \u200b \U000e0001"
"""Sets a title, colours and clears by C0 and C1, moves back, reverses and hides: a name or a reason may have it."""


def obeyed(text: str) -> set[str]:
    """The characters of a text that a terminal does not show."""
    return {char for char in text if unicodedata.category(char)[0] == "C" or char in "\u2028\u2029"} - {"\n"}


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("\x1b]52;c;cm0gLXJm\x07", "\\u001b]52;c;cm0gLXJm\\u0007"),
        ("\x9b31mred", "\\u009b31mred"),
        ("\x9d0;title\x9c", "\\u009d0;title\\u009c"),
        ("gpj\u202e.exe", "gpj\\u202e.exe"),
        ("a\tb\rc\x7f", "a\\u0009b\\u000dc\\u007f"),
        ("\u2028\u2066\ufeff", "\\u2028\\u2066\\ufeff"),
        ("\U000e0041\ud800", "\\udb40\\udc41\\ud800"),
        ("Zoë\u00a0漢字\u3000🔥\nשלם", "Zoë\u00a0漢字\u3000🔥\nשלם"),
    ],
    ids=["clipboard", "colour by C1", "title by C1", "right to left", "controls", "formats", "tag", "words"],
)
def test_printable_text_shows_what_was_typed(typed: str, shown: str) -> None:
    assert escape_unprintable(typed) == shown


@given(st.text())
def test_printable_text_has_no_invisible_character(text: str) -> None:
    assert obeyed(escape_unprintable(text)) == set()
    assert escape_unprintable(escape_unprintable(text)) == escape_unprintable(text)


@given(st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_printable_json_says_the_same(value: object) -> None:
    for indent in (None, 2):
        assert json.loads(escape_unprintable(json.dumps(value, ensure_ascii=False, indent=indent))) == value


@given(st.lists(st.text()))
def test_printable_stream_passes_on_printable_text(texts: list[str]) -> None:
    out = io.StringIO(newline="")
    stream = PrintableStream(out)
    for text in texts:
        print(text, file=stream, end="\r\n", flush=True)
    assert obeyed(out.getvalue().replace("\r\n", "")) == set()
    assert out.getvalue().count("\r\n") >= len(texts)


PROBLEM = Problem(HOSTILE, HOSTILE, HOSTILE, HOSTILE)
ERRORS = (
    BreakglassError(HOSTILE),
    CommandError(PROBLEM),
    ConfigError([PROBLEM]),
    MessageError(HOSTILE),
    PolicyError(HOSTILE),
    InvalidArgumentError(PROBLEM),
    UnreadableError(PROBLEM, 1),
)


def test_every_error_is_made_with_hostile_text() -> None:
    kinds = [BreakglassError]
    for kind in kinds:
        kinds += kind.__subclasses__()
    assert {type(error) for error in ERRORS} == set(kinds)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_error_with_hostile_text_prints_no_controls(error: BreakglassError) -> None:
    assert "owned" in str(error)
    assert obeyed(str(error)) == set()


def hostile_policy() -> ApprovalPolicy:
    rule = replace(DATABASES, name=HOSTILE, risk_banner=HOSTILE, ticket_pattern=HOSTILE)
    deny = DenyRule(HOSTILE, HOSTILE, ())
    return policy(rule, denies=(deny,), accounts={PRODUCTION: HOSTILE})


PEOPLE = tuple(replace(person, display_name=HOSTILE, user_name=person.user_name + HOSTILE) for person in EVERYBODY)
ENTRY = AuditEntry(
    NOW, HOSTILE, HOSTILE, Actor("u-cleo", HOSTILE), HOSTILE, (PRODUCTION,), HOSTILE, HOSTILE, HOSTILE, HOSTILE
)

QUESTION = ("--set", RDS, "--account", PRODUCTION)
COMMANDS = {  # by what is done
    "check a file that is not there": ("check", f"/{HOSTILE}"),
    "check such a file as JSON": ("check", f"/{HOSTILE}", "--json"),
    "print the patterns of a file that is not there": ("patterns", f"/Pulumi.{HOSTILE}.yaml"),
    "print them as JSON": ("patterns", f"/Pulumi.{HOSTILE}.yaml", "--json"),
    "explain": ("explain", "--who", ADA.user_name + HOSTILE, "--for", CLEO.user_name + HOSTILE, *QUESTION),
    "explain as JSON": ("explain", "--who", ADA.user_name + HOSTILE, *QUESTION, "--json"),
    "explain an unknown person": ("explain", "--who", HOSTILE, *QUESTION),
    "explain an unknown set": ("explain", "--who", "ada", "--set", HOSTILE, "--account", PRODUCTION),
    "explain an unknown account": ("explain", "--who", "ada", "--set", RDS, "--account", HOSTILE),
    "explain by a file that is not there": ("explain", "--who", "ada", *QUESTION, "--policy", f"/{HOSTILE}"),
    "audit as CSV": ("audit", "--since", "2025-11-01", "--csv"),
    "audit as JSON": ("audit", "--since", "2025-11-01", "--json"),
    "audit since an invalid day": ("audit", "--since", HOSTILE, "--csv"),
    "examine a stack that is not there": ("doctor", "--stack", HOSTILE),
    "examine such a stack as JSON": ("doctor", "--stack", HOSTILE, "--json"),
    "drill in a stack that is not there": ("drill", "--stack", HOSTILE),
    "ask for the coverage of a stack that is not there": ("coverage", "--stack", HOSTILE),
}


def test_every_command_is_run_with_hostile_text() -> None:
    (commands,) = [action.choices for action in _parser()._actions if action.dest == "command"]
    assert commands is not None
    assert {arguments[0] for arguments in COMMANDS.values()} == set(commands)


@pytest.mark.parametrize("deed", COMMANDS)
def test_command_with_hostile_text_prints_no_controls(deed: str) -> None:
    typist = Typist(hostile_policy(), MemoryDirectory(PEOPLE))
    typist.store.trail.append(ENTRY)
    outcome = typist.run(*COMMANDS[deed])
    assert "owned" in outcome.out + outcome.err
    assert obeyed((outcome.out + outcome.err).replace("\r\n", "")) == set()


@pytest.mark.parametrize("form", [(), ("--json",)], ids=["text", "JSON"])
def test_check_of_hostile_stack_file_prints_no_controls(tmp_path: Path, form: tuple[str, ...]) -> None:
    file = tmp_path / "Pulumi.x.yaml"
    file.write_text(json.dumps({"config": {"breakglass:alerts": {"region": HOSTILE, HOSTILE: HOSTILE}}}))
    outcome = Typist(policy(), MemoryDirectory(EVERYBODY)).run("check", str(file), *form)
    assert outcome.status == 1
    assert "owned" in outcome.out
    assert obeyed(outcome.out + outcome.err) == set()


def test_json_of_hostile_text_is_read_as_typed() -> None:
    typist = Typist(hostile_policy(), MemoryDirectory(PEOPLE))
    typist.store.trail.append(ENTRY)
    outcome: Outcome = typist.run("audit", "--since", "2025-11-01", "--json")
    assert json.loads(outcome.out)[0]["note"] == HOSTILE


def test_argument_that_is_unknown_is_repeated_without_controls(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        Typist(policy(), MemoryDirectory(EVERYBODY)).run("audit", "--since", "2025-11-01", "--csv", HOSTILE)
    said = capsys.readouterr().err
    assert "owned" in said
    assert obeyed(said) == set()


def test_progress_of_local_up_prints_no_controls(capsys: pytest.CaptureFixture[str]) -> None:
    up._say(HOSTILE)
    assert "owned" in (said := capsys.readouterr().out)
    assert obeyed(said) == set()
