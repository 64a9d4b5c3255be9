"""What is deployed, by Pulumi's outputs, and what a person is told where there is nothing to be had."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from breakglass.app.domain.policy import to_json
from breakglass.cli.stack_outputs import StackOutputs, read_stack_outputs
from breakglass.errors import CommandError
from tests.app.domain.policies import policy

OUTPUTS = {"approvalPolicy": to_json(policy()), "approvalTable": "records", "topicArn": "arn:aws:sns:::topic"}


class Pulumi:
    """Answers as `pulumi stack output --json` does."""

    def __init__(self, outputs: object, error: str = "") -> None:
        self.outputs = outputs
        self.error = error
        self.called: list[str] = []

    def __call__(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        self.called = list(command)
        return subprocess.CompletedProcess(command, 255 if self.error else 0, json.dumps(self.outputs), self.error)


def said(stack: str | None, pulumi: Pulumi) -> str:
    with pytest.raises(CommandError) as refused:
        read_stack_outputs(stack, pulumi)
    return " ".join(str(refused.value).split())


def test_policy_and_table_are_the_outputs_of_the_selected_stack() -> None:
    pulumi = Pulumi(OUTPUTS)

    assert read_stack_outputs(None, pulumi) == StackOutputs(policy(), "records")
    assert pulumi.called == ["pulumi", "stack", "output", "--json", "--non-interactive", "--color", "never"]


def test_a_stack_can_be_named() -> None:
    pulumi = Pulumi(OUTPUTS)
    read_stack_outputs("prod", pulumi)

    assert pulumi.called[-2:] == ["--stack", "prod"]


@pytest.mark.parametrize(
    "outputs", [{}, {"topicArn": "arn"}, {"approvalPolicy": OUTPUTS["approvalPolicy"]}, {"approvalTable": "records"}]
)
def test_a_stack_without_approvals_is_said_to_have_none(outputs: object) -> None:
    assert "This stack has not deployed approvals" in said("dev", Pulumi(outputs))
    assert 'value: "dev"' in said("dev", Pulumi(outputs))
    assert "(the selected one)" in said(None, Pulumi(outputs))


def test_what_pulumi_says_is_handed_on() -> None:
    text = said("dve", Pulumi({}, "error: no stack named 'dve' found\n"))

    assert "`pulumi stack output` says: error: no stack named 'dve' found" in text
    assert "pulumi stack ls" in text


def test_a_policy_of_another_version_is_refused_with_the_way_out() -> None:
    outputs = {**OUTPUTS, "approvalPolicy": json.dumps({"rules": []})}

    assert "Use the version of breakglass that deployed it." in said("dev", Pulumi(outputs))


def test_without_pulumi_the_way_out_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CommandError) as refused:
        read_stack_outputs(None)

    assert "Install the Pulumi CLI" in str(refused.value)


def test_pulumi_is_run_in_the_current_folder_and_asks_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A script in place of Pulumi, which would wait for ever if it could ask something."""
    script = tmp_path / "pulumi"
    script.write_text('#!/bin/sh\nread answer\nprintf \'{"approvalTable": "%s"}\' "$PWD"\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CommandError) as refused:
        read_stack_outputs(None)

    assert "has not deployed approvals" in " ".join(str(refused.value).split())
