"""`breakglass check`: the problems and warnings of a stack file, as text and JSON.

The rules for a file are tested in tests/unit/stack_file.
"""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from breakglass.errors import has_secret
from breakglass.stack_file.check import check_stack
from breakglass.stack_file.secret_keys import NAMESPACE
from tests.app.doubles.directory import MemoryDirectory
from tests.unit.cli.contexts import Outcome, Typist
from tests.unit.stack_file.stack_files import (
    ALERTS,
    BREAK_GLASS,
    SIGNING_SECRET,
    STACKS,
    TOKEN,
    stack,
    stack_with_approvals,
)

WITHOUT_EMAILS = ((*ALERTS, "monitoring"), None)
"""Makes a warning."""

NAME = ((*ALERTS, "slack", "channel"), "#ops")
"""Makes a problem."""


def check(*arguments: object) -> Outcome:
    typist = Typist(None, MemoryDirectory([]))
    outcome = typist.run("check", *map(str, arguments))
    assert typist.asked == []
    return outcome


def written(tmp_path: Path, raw: dict[str, Any], name: str = "test") -> Path:
    file = tmp_path / f"Pulumi.{name}.yaml"
    file.write_text(yaml.safe_dump({"config": {NAMESPACE + key: value for key, value in raw.items()}}))
    return file


@pytest.mark.parametrize(
    ("changes", "status", "summary"),
    [
        ((), 0, "0 problems, 0 warnings"),
        ((WITHOUT_EMAILS,), 0, "0 problems, 1 warning"),
        ((NAME,), 1, "1 problem, 0 warnings"),
    ],
    ids=["clean", "warnings", "problems"],
)
def test_check_status_tells_problems_from_warnings(
    changes: tuple[Any, ...], status: int, summary: str, tmp_path: Path
) -> None:
    file = written(tmp_path, stack(*changes))
    outcome = check(file)
    assert (outcome.status, outcome.err) == (status, "")
    assert outcome.out.splitlines()[-1] == f"{file}: {summary}"


def test_check_text_begins_with_the_place_in_the_file(tmp_path: Path) -> None:
    file = written(tmp_path, stack(NAME))
    line = file.read_text().splitlines().index("      channel: '#ops'") + 1
    first, *rest = check(file).out.splitlines()
    assert first == f"{file}:{line}: problem: breakglass:alerts.slack.channel"
    assert rest[0] == '    value:   "#ops"'


def test_check_json_lists_problems_before_warnings(tmp_path: Path) -> None:
    file = written(tmp_path, stack(((*BREAK_GLASS, "acknowledge"), ["iam"]), NAME))
    outcome = check(file, "--json")
    found = json.loads(outcome.out)
    assert outcome.status == 1
    assert [(entry["severity"], entry["path"]) for entry in found] == [
        ("problem", "breakglass:alerts.slack.channel"),
        ("warning", "breakglass:permissionSets.pairs[0].breakGlass.acknowledge[0]"),
    ]
    assert all(list(entry) == ["severity", "path", "value", "why", "instead"] for entry in found)
    assert found[0]["value"] == '"#ops"'


def test_check_json_of_a_clean_file_is_an_empty_list(tmp_path: Path) -> None:
    assert check(written(tmp_path, stack()), "--json").out == "[]\n"


def test_check_says_what_a_preview_says(tmp_path: Path) -> None:
    raw = stack(((*BREAK_GLASS, "acknowledge"), ["iam"]), WITHOUT_EMAILS, (("alrets",), {}))
    report = check_stack(raw, tmp_path)
    found = json.loads(check(written(tmp_path, raw), "--json").out)
    assert [(entry["path"], entry["why"]) for entry in found] == [
        (problem.path, problem.why) for problem in (*report.problems, *report.warnings)
    ]


def test_check_of_an_unreadable_file_has_status_2(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.test.yaml"
    file.write_text("config:\n  breakglass:alerts:\n\tregion: eu-central-1\n")
    outcome = check(file)
    assert (outcome.status, outcome.out.splitlines()[0]) == (2, f"{file}:3: problem: {file}")
    missing = check(tmp_path / "Pulumi.nothing.yaml", "--json")
    (entry,) = json.loads(missing.out)
    assert (missing.status, entry["severity"], entry["value"]) == (2, "problem", "(unreadable)")


def test_check_reads_several_files_and_keeps_the_worst_status(tmp_path: Path) -> None:
    good, bad = written(tmp_path, stack(), "good"), written(tmp_path, stack(NAME), "bad")
    outcome = check(bad, tmp_path / "Pulumi.nothing.yaml", good)
    assert outcome.status == 2
    assert f"{bad}: 1 problem, 0 warnings" in outcome.out
    assert f"{good}: 0 problems, 0 warnings" in outcome.out


def test_check_reports_a_key_given_twice(tmp_path: Path) -> None:
    file = written(tmp_path, stack())
    file.write_text(file.read_text() + "  breakglass:tags: {team: other}\n")
    outcome = check(file)
    assert outcome.status == 1
    assert "problem: breakglass:tags\n" in outcome.out


def test_check_reports_a_key_given_twice_in_json(tmp_path: Path) -> None:
    raw = stack()
    text = json.dumps(raw["permissionSets"]).replace('"Statement": ', '"Statement": [], "Statement": ', 1)
    outcome = check(written(tmp_path, {**raw, "permissionSets": text}))
    assert outcome.status == 1
    assert "problem: breakglass:permissionSets\n" in outcome.out


def test_check_reads_policy_files_beside_the_stack_file(tmp_path: Path) -> None:
    raw = stack(((*BREAK_GLASS, "inlinePolicy"), None), ((*BREAK_GLASS, "inlinePolicyFile"), "emergency.json"))
    file = written(tmp_path, raw)
    assert check(file).status == 1
    statement = {"Effect": "Allow", "Action": "rds:RebootDBInstance", "Resource": "*"}
    (tmp_path / "emergency.json").write_text(json.dumps({"Version": "2012-10-17", "Statement": statement}))
    assert check(file).status == 0


def test_check_without_secrets_misses_none(tmp_path: Path) -> None:
    raw = stack_with_approvals((("slackBotToken",), None), (("slackSigningSecret",), None))
    file = written(tmp_path, raw)
    assert [entry["path"] for entry in json.loads(check(file, "--json").out)] == [
        "breakglass:slackBotToken",
        "breakglass:slackSigningSecret",
    ]
    assert check(file, "--without-secrets").status == 0


@pytest.mark.parametrize("form", [(), ("--json",), ("--without-secrets",)], ids=["text", "json", "without-secrets"])
@pytest.mark.parametrize("token", [TOKEN, {"secure": TOKEN}], ids=["in clear", "below secure"])
def test_check_repeats_no_secret(token: object, form: tuple[str, ...], tmp_path: Path) -> None:
    raw = stack_with_approvals(
        (("slackBotToken",), token),
        (("slackSigningSecret",), SIGNING_SECRET),
        ((*ALERTS, "postMortemUrl"), f"https://example.com/{TOKEN}"),
        (("tags",), {TOKEN: "x"}),
    )
    outcome = check(written(tmp_path, raw), *form)
    said = "".join((outcome.out + outcome.err).split())
    assert outcome.status == 1
    assert "breakglass:slackBotToken" in said
    assert not has_secret(said)
    assert SIGNING_SECRET[:8] not in said


@pytest.mark.parametrize("name", ["dev", "local", "prod"])
def test_check_of_a_committed_stack_file_is_clean(name: str) -> None:
    outcome = check(STACKS / f"Pulumi.{name}.yaml", "--without-secrets")
    assert outcome.status == 0
    assert outcome.out.endswith(": 0 problems, 0 warnings\n")
