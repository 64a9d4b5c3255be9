"""A stack file as `breakglass check` reads it.

That the CLI passes the same to the program is proven in tests/engine/test_stack_yaml.py.
"""

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakglass.errors import UnreadableError
from breakglass.stack_file.stack_yaml import StackYaml, read_stack_yaml
from tests.unit.stack_file.stack_files import TOKEN

SCALARS = Path(__file__).with_name("scalars.yaml")
"""Plain scalars that YAML readers disagree about."""


@pytest.fixture(autouse=True)
def default_recursion_limit() -> Iterator[None]:
    """Python's default, as in the command; jsonata-python, which other tests import, raises the limit."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(1000)
    yield
    sys.setrecursionlimit(limit)


def read(tmp_path: Path, text: str) -> StackYaml:
    file = tmp_path / "Pulumi.test.yaml"
    file.write_text(text, encoding="utf-8")
    return read_stack_yaml(file)


def refusal(file: Path) -> str:
    with pytest.raises(UnreadableError) as refused:
        read_stack_yaml(file)
    assert refused.value.problem.path == str(file)
    return refused.value.problem.why


def aliases(depth: int) -> bytes:
    """Write a stack file of a few hundred bytes whose aliases expand to more than 2^depth values."""
    lists = (f"  breakglass:a{number}: &a{number} [*a{number - 1}, *a{number - 1}]\n" for number in range(1, depth))
    return "".join(["config:\n  breakglass:a0: &a0 x\n", *lists]).encode()


def test_scalars_are_read_as_by_the_pulumi_cli() -> None:
    assert json.loads(json.dumps(read_stack_yaml(SCALARS).keys)) == {
        "nested": {
            "1": "a number as a key",
            "account": 111122223333,
            "beforeZero": 12345678901,
            "bigger": 1.2345678901234568e29,
            "binary": 5,
            "date": "2012-10-17 00:00:00 +0000 UTC",
            "empty": None,
            "exponent": 1000,
            "fraction": 0.5,
            "hexadecimal": 31,
            "list": [1, {"x": 1}],
            "merged": {"x": 1, "y": 2},
            "no": "no",
            "octal": 1402433619,
            "on": "on",
            "plus": 5,
            "quoted": "5",
            "sexagesimal": "12:30:45",
            "tagged": "5",
            "tilde": None,
            "true": True,
            "underscore": 1000,
            "version": "1.2.3",
            "whole": 5,
            "x": {"x": 1},
        },
        "date": "2012-10-17 00:00:00 +0000 UTC",
        "empty": "",
        "false": False,
        "list": ["a", 5],
        "octal": 12345678901,
        "quoted": 5,
        "shorthand": {"a": 1},
    }


def test_encrypted_pagers_leave_their_section_in_clear(tmp_path: Path) -> None:
    text = "config:\n  breakglass:alerts: {region: x, monitoring: {pagers: {pagerduty: {secure: v1:abc}}}}\n"
    alerts = {"region": "x", "monitoring": {"pagers": {"pagerduty": {"secure": "v1:abc"}}}}
    assert read(tmp_path, text).keys == {"alerts": alerts}

    other = text.replace("region: x", "region: {secure: v1:abc}")
    assert read(tmp_path, other).keys == {"alerts": {"secure": "[secret]"}}


def test_a_section_with_an_encrypted_value_is_encrypted(tmp_path: Path) -> None:
    text = "config:\n  breakglass:alerts: {slack: [{secure: v1:abc}]}\n  breakglass:tags: {secure: v1:abc}\n"
    assert read(tmp_path, text).keys == {"alerts": {"secure": "[secret]"}, "tags": {"secure": "[secret]"}}


def test_other_namespaces_are_left_out(tmp_path: Path) -> None:
    found = read(tmp_path, "encryptionsalt: v1:x\nconfig:\n  aws:region: eu-west-1\n  breakglassy:a: 1\n")
    assert found == StackYaml({}, (), {})


@pytest.mark.parametrize("text", ["", "# nothing\n", "config:\n", "encryptionsalt: v1:x\n"])
def test_a_stack_file_without_configuration_has_no_keys(text: str, tmp_path: Path) -> None:
    assert read(tmp_path, text).keys == {}


@pytest.mark.parametrize(
    ("text", "path", "lines"),
    [
        (
            "config:\n  breakglass:alerts:\n    slack: {channel: a}\n    slack: {channel: b}\n",
            "breakglass:alerts.slack",
            "(lines 3 and 4)",
        ),
        (
            'config:\n  breakglass:a:\n    - {"5": 1,\n       5: 2}\n',
            "breakglass:a[0].5",
            "(lines 3 and 4)",
        ),
        ("config:\n  breakglass:a: 1\n  breakglass:a: 2\n", "breakglass:a", "(lines 2 and 3)"),
        ("config:\n  a: 1\n  breakglass:a: 2\n", "breakglass:a", "(lines 2 and 3)"),
        ("config:\n  aws:x: {y: 1, y: 2}\n", "aws:x.y", "(lines 2 and 2)"),
        ("config: {}\nconfig: {}\n", "config", "(lines 1 and 2)"),
    ],
)
def test_duplicate_key_is_reported(text: str, path: str, lines: str, tmp_path: Path) -> None:
    (problem,) = read(tmp_path, text).problems
    assert (problem.path, problem.value) == (path, lines)


def test_a_merged_key_may_be_overridden(tmp_path: Path) -> None:
    found = read(tmp_path, "config:\n  breakglass:a: {base: &b {x: 1}, of: {<<: *b, x: 2}}\n")
    assert found.problems == ()
    assert found.keys == {"a": {"base": {"x": 1}, "of": {"x": 2}}}


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("breakglass:alerts.slack.channel", 4),
        ("breakglass:alerts.watch.roles[1]", 7),
        ("breakglass:alerts.watch.roles[1].x.y", 7),
        ("breakglass:alerts.monitoring.emails", 2),
        ('breakglass:tags["a.b"]', 8),
        ("breakglass:slackBotToken", 1),
    ],
)
def test_line_of_a_path_is_that_of_the_nearest_key(path: str, line: int, tmp_path: Path) -> None:
    text = """config:
  breakglass:alerts:
    slack:
      channel: a
    watch:
      roles: [a,
        b]
  breakglass:tags: {a.b: c}
"""
    assert read(tmp_path, text).line(path) == line


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"config: [1\n", "Not valid YAML"),
        (b"config:\n  a: *b\n", "Not valid YAML in line 2"),
        (b"config:\n  breakglass:a: !secret b\n", "Not valid YAML in line 2"),
        (b"just text\n", "expected a mapping (`key: value` lines)"),
        (b"config: [1]\n", "expected a mapping (`key: value` lines)"),
        (b"config: \xff\n", "Not a file of printable UTF-8 text"),
        (b"config: \x00\n", "Not a file of printable UTF-8 text"),
        (b"config: {a: " + b"[" * 500 + b"\n", "nested hundreds of levels deep"),
        (b"config:\n  breakglass:a: &a [*a]\n", "or contain themselves"),
        (b"else: &a {b: *a}\n", "or contain themselves"),
        (aliases(30), "its aliases expand to more than a million values"),
    ],
)
def test_unreadable_file_is_reported_with_reason(content: bytes, why: str, tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.test.yaml"
    file.write_bytes(content)
    assert why in refusal(file)


def test_missing_file_is_reported_with_reason(tmp_path: Path) -> None:
    assert "No such file or directory" in refusal(tmp_path / "Pulumi.nothing.yaml")
    assert "Is a directory" in refusal(tmp_path)


def test_a_syntax_error_repeats_no_secret(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.test.yaml"
    file.write_text(f"config:\n  breakglass:slackSigningSecret: 8f742231b10e8888: {TOKEN}\n", encoding="utf-8")
    why = refusal(file)
    assert "8f742231" not in why
    assert TOKEN[:10] not in why


@given(
    st.text(st.sampled_from("ab:-[]{}&*!|>'\"\n\t #?,%@01.<~\\"), max_size=40),
    st.sampled_from(["", "config:\n  breakglass:a: "]),
)
def test_any_text_is_read_or_refused(text: str, before: str) -> None:
    with tempfile.TemporaryDirectory() as folder, suppress(UnreadableError):
        read(Path(folder), before + text)
