"""The stack outputs, and the errors where some are missing."""

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


def test_outputs_of_the_selected_stack_are_read() -> None:
    pulumi = Pulumi(OUTPUTS)

    assert read_stack_outputs(None, pulumi) == StackOutputs(policy(), "records")
    assert pulumi.called == ["pulumi", "stack", "output", "--json", "--non-interactive", "--color", "never"]


def test_outputs_of_a_named_stack_are_read() -> None:
    pulumi = Pulumi(OUTPUTS)
    read_stack_outputs("prod", pulumi)

    assert pulumi.called[-2:] == ["--stack", "prod"]


@pytest.mark.parametrize(
    "outputs", [{}, {"topicArn": "arn"}, {"approvalPolicy": OUTPUTS["approvalPolicy"]}, {"approvalTable": "records"}]
)
def test_stack_without_approvals_is_an_error(outputs: object) -> None:
    assert "This stack has no approvals: its outputs" in said("dev", Pulumi(outputs))
    assert 'value: "dev"' in said("dev", Pulumi(outputs))
    assert "(the selected one)" in said(None, Pulumi(outputs))


def test_error_of_pulumi_is_shown() -> None:
    text = said("dve", Pulumi({}, "error: no stack named 'dve' found\n"))

    assert "`pulumi stack output` failed: error: no stack named 'dve' found" in text
    assert "pulumi stack ls" in text


def test_policy_of_another_version_is_an_error_with_a_fix() -> None:
    outputs = {**OUTPUTS, "approvalPolicy": json.dumps({"rules": []})}

    assert "Use the version of breakglass that deployed it." in said("dev", Pulumi(outputs))


def test_missing_pulumi_is_an_error_with_a_fix(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CommandError) as refused:
        read_stack_outputs(None)

    assert "Install the Pulumi CLI" in str(refused.value)


def test_pulumi_runs_in_the_current_folder_without_input(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A script in place of Pulumi, which would wait forever on an open standard input."""
    script = tmp_path / "pulumi"
    script.write_text('#!/bin/sh\nread answer\nprintf \'{"approvalTable": "%s"}\' "$PWD"\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CommandError) as refused:
        read_stack_outputs(None)

    assert "This stack has no approvals" in " ".join(str(refused.value).split())
