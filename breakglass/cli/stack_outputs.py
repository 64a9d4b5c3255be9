"""What a stack deployed, as Pulumi tells it: the compiled policy, and the name of the table with the records.

Non-goals: deploying; reading the stack file, which may say something else by now than what is deployed.
"""

import json
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from breakglass.app.domain.policy import ApprovalPolicy, from_json, to_json
from breakglass.errors import CommandError, InvalidArgumentError, Problem, format_value

POLICY_OUTPUT = "approvalPolicy"
"""The stack's output with the compiled policy, JSON text."""

TABLE_OUTPUT = "approvalTable"
"""The stack's output with the name of the table."""

RunProgram = Callable[[Sequence[str]], subprocess.CompletedProcess[str]]
"""Runs a program in the current folder and returns what it printed."""


@dataclass(frozen=True)
class StackOutputs:
    """What a stack deployed.

    Attributes:
        policy: the compiled policy.
        table: name of the table with the records.
    """

    policy: ApprovalPolicy
    table: str


def run_program(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a program in the current folder; it may ask nothing, since nobody would see the question."""
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


def read_stack_outputs(stack: str | None, run: RunProgram = run_program) -> StackOutputs:
    """Return what a stack deployed.

    Args:
        stack: its name; None for the one that is selected in the current folder.
        run: how Pulumi is run.

    Raises:
        CommandError: if there is no Pulumi, it knows no such stack, or the stack has no approvals.
    """
    outputs = _outputs(stack, run)
    policy, table = outputs.get(POLICY_OUTPUT), outputs.get(TABLE_OUTPUT)
    if not isinstance(policy, str) or not isinstance(table, str):
        raise CommandError(
            Problem(
                "--stack",
                _named(stack),
                f"This stack has not deployed approvals: it has no outputs {POLICY_OUTPUT} and {TABLE_OUTPUT}.",
                "Name the stack that has them; `pulumi stack ls` lists all. If its file has a section `approvals:` "
                "now, run `pulumi up` first.",
            )
        )
    return StackOutputs(_policy(policy, POLICY_OUTPUT, "(an output of the stack)"), table)


def read_policy_file(file: Path) -> ApprovalPolicy:
    """Return a compiled policy that lies in a file.

    Raises:
        InvalidArgumentError: if there is none.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidArgumentError(
            Problem(
                "--policy",
                format_value(str(file)),
                f"The file can't be read: {error}.",
                f"Name a file with a compiled policy. `pulumi stack output {POLICY_OUTPUT} > policy.json` writes the "
                "deployed one.",
            )
        ) from None
    return _policy(text, "--policy", format_value(str(file)))


def _policy(text: str, path: str, value: str) -> ApprovalPolicy:
    try:
        policy = from_json(text)
        if json.loads(to_json(policy)) != json.loads(text):
            # Somebody who tries changes shall not be answered as if a misspelt one were none.
            raise ValueError("it holds what no policy has, or leaves out what each has")
        return policy
    except ValueError as error:
        raise InvalidArgumentError(
            Problem(
                path,
                value,
                f"This is no compiled policy of this version ({type(error).__name__}: {error}). A stack file is none, "
                "either: the policy is compiled from its section `approvals` at every `pulumi up`.",
                f"Use the version of breakglass that deployed it. `pulumi stack output {POLICY_OUTPUT} > policy.json` "
                "writes the deployed policy, to be tried with changes.",
            )
        ) from None


def _outputs(stack: str | None, run: RunProgram) -> dict[str, Any]:
    command = ["pulumi", "stack", "output", "--json", "--non-interactive", "--color", "never"]
    try:
        finished = run([*command, *(["--stack", stack] if stack else [])])
    except FileNotFoundError:
        raise CommandError(
            Problem(
                "pulumi",
                "(not on PATH)",
                "Policy and table are outputs of the stack, and Pulumi has them.",
                f"Install the Pulumi CLI, or put its folder on PATH{_brought()}. `explain` can do without: "
                "`--policy FILE`.",
            )
        ) from None
    if finished.returncode != 0:
        said = " ".join(finished.stderr.split()) or f"exit status {finished.returncode}"
        raise CommandError(
            Problem(
                "--stack",
                _named(stack),
                f"`pulumi stack output` says: {said}",
                "Run this in the folder of Pulumi.yaml, signed in to the backend of the stack (`pulumi login`), and "
                "name the stack as `pulumi stack ls` has it.",
            )
        )
    outputs: dict[str, Any] = json.loads(finished.stdout)
    return outputs


def _named(stack: str | None) -> str:
    return format_value(stack) if stack else "(the selected one)"


def _brought() -> str:
    """Say where `make` has put a Pulumi CLI, if it has."""
    folder = Path(".tools/bin")
    return f" ({folder} has one)" if shutil.which("pulumi", path=str(folder)) else ""
