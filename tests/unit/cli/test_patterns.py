"""`breakglass patterns`: the rules of a stack file, as text and JSON.

The rules themselves are tested in tests/unit/stack_file/test_rules.py.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from breakglass.naming import SPOKE_PREFIX
from breakglass.organization.spoke_template import spoke_template
from breakglass.stack_file.check import validate_stack
from breakglass.stack_file.rules import spoke_settings, stack_rules
from tests.app.doubles.directory import MemoryDirectory
from tests.unit.cli.contexts import Outcome, Typist
from tests.unit.cli.test_check import NAME, written
from tests.unit.stack_file.stack_files import ALERTS, STACKS, TOKEN, hub, spoke, stack, stack_with_approvals


def patterns(*arguments: object) -> Outcome:
    typist = Typist(None, MemoryDirectory([]))
    outcome = typist.run("patterns", *map(str, arguments))
    assert typist.asked == []
    return outcome


def as_json(file: Path) -> dict[str, Any]:
    outcome = patterns(file, "--json")
    assert (outcome.status, outcome.err) == (0, "")
    return json.loads(outcome.out)


def test_patterns_json_has_every_rule_with_a_pattern(tmp_path: Path) -> None:
    raw = stack_with_approvals()
    rules = stack_rules(validate_stack(raw, STACKS), "prod")

    shown = as_json(written(tmp_path, raw, "prod"))

    assert shown.keys() == {"rules"}
    assert shown["rules"] == {
        rule.name: {
            "bus": rule.bus or "default",
            "subject": rule.subject,
            "evidence": rule.evidence,
            "state": rule.state,
            "pattern": rule.pattern,
            "message": rule.message
            and {"inputPaths": dict(rule.message.input_paths), "inputTemplate": rule.message.template},
        }
        for rule in rules
        if rule.pattern is not None
    }
    assert {rule.evidence for rule in rules if rule.pattern is None} == {"schedule"}


def test_patterns_text_ends_with_the_number_of_rules(tmp_path: Path) -> None:
    raw = stack()
    file = written(tmp_path, raw, "prod")

    *paragraphs, last = patterns(file).out.rstrip().split("\n\n")

    rules = as_json(file)["rules"]
    assert [paragraph.partition("\n")[0] for paragraph in paragraphs] == list(rules)
    # The preview names the same number.
    count = len(stack_rules(validate_stack(raw, STACKS), "prod"))
    assert last == f"{count} rules: {len(rules)} with an event pattern, 1 with a schedule"


def test_patterns_of_a_file_without_alerts_says_so(tmp_path: Path) -> None:
    outcome = patterns(written(tmp_path, stack((ALERTS, None), (("slackBotToken",), None)), "prod"))

    assert (outcome.status, outcome.out) == (0, "no rules: the file has no section `alerts`\n")


@pytest.mark.parametrize("name", ["dev", "local", "prod"])
def test_patterns_text_shows_messages_without_their_blocks(name: str) -> None:
    text = patterns(STACKS / f"Pulumi.{name}.yaml").out

    assert "message:  Root user of account <account>: <eventName>. Explain it." in text
    assert '"blocks"' not in text


def test_patterns_text_of_a_rule_is_complete(tmp_path: Path) -> None:
    file = written(tmp_path, stack((ALERTS, {**stack()["alerts"], "evidencePaths": ["console"]})), "prod")
    rule = as_json(file)["rules"]["breakglass-prod-DatabaseAdmin-console"]

    name, *facts = patterns(file).out.split("\n\n")[2].splitlines()[:6]

    assert name == "breakglass-prod-DatabaseAdmin-console"
    assert facts == [
        "  bus:      default",
        "  subject:  DatabaseAdmin",
        "  evidence: console",
        "  state:    ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS",
        f"  message:  {json.loads(rule['message']['inputTemplate'])['text']}",
    ]
    assert json.loads("\n".join(patterns(file).out.split("\n\n")[2].splitlines()[6:])) == rule["pattern"]


@pytest.mark.parametrize("name", ["dev", "local", "prod"])
def test_patterns_of_a_committed_file_need_no_secrets(name: str) -> None:
    prefixes = (f"breakglass-{name}-", SPOKE_PREFIX)
    assert all(rule.startswith(prefixes) for rule in as_json(STACKS / f"Pulumi.{name}.yaml")["rules"])


def test_patterns_show_the_use_of_a_key_without_message() -> None:
    rules = as_json(STACKS / "Pulumi.local.yaml")["rules"]
    of_keys = [rule["message"] for rule in rules.values() if rule["evidence"] == "key_use"]

    # The second rule is that of the alarm on the first one.
    assert of_keys[0] is None
    assert "inputTemplate" in of_keys[1]


def test_patterns_of_a_hub_show_both_buses(tmp_path: Path) -> None:
    rules = as_json(written(tmp_path, hub(), "prod"))["rules"]

    buses = {name: rule["bus"] for name, rule in rules.items()}
    assert {bus for name, bus in buses.items() if "-DatabaseAdmin-" in name} == {"breakglass-prod-hub"}
    assert {bus for name, bus in buses.items() if "-tampering-" in name or "-spoke-" in name} == {"default"}


def test_patterns_of_a_spoke_stack_show_its_rules(tmp_path: Path) -> None:
    file = written(tmp_path, spoke(), "management")

    rules = as_json(file)["rules"]
    assert {rule["evidence"] for rule in rules.values()} == {"spoke"}
    assert {"breakglass-spoke-sessions", "breakglass-spoke-portal"} < rules.keys()
    assert patterns(file).out.rstrip().endswith(f"{len(rules)} with an event pattern, 1 with a schedule")


def test_spoke_template_is_that_of_the_hub(tmp_path: Path) -> None:
    exclude = ["333333333333"]
    raw = hub((("alerts", "organization", "spokes", "exclude"), exclude))
    settings = spoke_settings(validate_stack(raw, STACKS), portal=False)

    outcome = patterns(written(tmp_path, raw, "prod"), "--spoke-template")

    assert (outcome.status, outcome.err) == (0, "")
    assert settings is not None
    assert json.loads(outcome.out) == spoke_template(settings, exclude)


@pytest.mark.parametrize("build", [stack, spoke])
def test_spoke_template_of_another_file_is_refused(tmp_path: Path, build: Any) -> None:
    outcome = patterns(written(tmp_path, build(), "prod"), "--spoke-template")

    assert (outcome.status, outcome.out) == (2, "")
    assert "this file is not that of a hub" in outcome.flat


def test_patterns_of_a_file_with_problems_shows_them(tmp_path: Path) -> None:
    outcome = patterns(written(tmp_path, stack(NAME)))

    assert (outcome.status, outcome.out) == (1, "")
    assert "breakglass:alerts.slack.channel" in outcome.err
    assert "slackBotToken" not in outcome.err


def test_patterns_never_shows_a_secret(tmp_path: Path) -> None:
    outcome = patterns(written(tmp_path, stack((("slackBotToken",), TOKEN))))

    assert outcome.status == 1
    assert TOKEN not in outcome.out + outcome.err


def test_patterns_of_a_file_without_stack_name_is_refused(tmp_path: Path) -> None:
    file = written(tmp_path, stack()).rename(tmp_path / "alerts.yaml")

    outcome = patterns(file)

    assert (outcome.status, outcome.out) == (2, "")
    assert "Expected the name Pulumi.STACK.yaml" in outcome.flat


def test_patterns_of_a_missing_file_is_refused(tmp_path: Path) -> None:
    outcome = patterns(tmp_path / "Pulumi.prod.yaml")

    assert (outcome.status, outcome.out) == (2, "")
    assert "Can't read the file" in outcome.flat
