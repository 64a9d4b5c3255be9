"""The outputs of a deployed stack, read with Pulumi: the approval policy and the table's name.

Non-goals: the stack file, which may have changed since the deployment.
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
"""The stack output with the compiled approval policy, as JSON text."""

TABLE_OUTPUT = "approvalTable"
"""The stack output with the name of the table."""

TOPIC_OUTPUT = "topicArn"
"""The stack output with the ARN of the topic of the alarms; null without alerts."""

RULE_NAMES_OUTPUT = "ruleNames"
"""The stack output with the names of the rules, by the keys of subject and rule."""

SESSION_POLICY_OUTPUT = "sessionPolicyId"
"""The stack output with the ID of the policy that ends sessions, or null."""

INDEPENDENT_DOOR_OUTPUT = "independentDoor"
"""The stack output with `{"roles": [ARN], "users": [ARN], "rehearseSeconds": number}`; null without such a door."""

GLOBAL_EVENTS_STACK_OUTPUT = "globalEventsStack"
"""The stack output with the name of the account's stack in us-east-1 (or what that is in the partition), or null."""

HUB_BUS_OUTPUT = "hubBusArn"
"""The stack output of a hub with the ARN of its event bus; null or absent without one."""

ORGANIZATION_OUTPUT = "organization"
"""The stack output of a hub with what it expects of its spokes; absent without a hub:
`{"id": ID, "regions": [REGION], "units": [ID], "exclude": [ACCOUNT], "callAs": "self", "rollCall": true}`."""

SPOKE_OUTPUT = "spoke"
"""The stack output of a spoke stack: `{"regions": [REGION], "forwardTo": ARN}`; absent without a spoke."""

RunProgram = Callable[[Sequence[str]], subprocess.CompletedProcess[str]]
"""Runs a program in the current folder and returns its output."""


@dataclass(frozen=True)
class StackOutputs:
    """The compiled approval policy, and the name of the table with the records."""

    policy: ApprovalPolicy
    table: str


def run_program(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a program in the current folder, without standard input: a prompt would be invisible."""
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


def read_stack_outputs(stack: str | None, run: RunProgram = run_program) -> StackOutputs:
    """Return the outputs of a stack; without a name, of the one selected in the current folder.

    Raises:
        CommandError: Pulumi is missing, has no such stack, or the stack has no approvals.
    """
    outputs = read_outputs(stack, run)
    policy, table = outputs.get(POLICY_OUTPUT), outputs.get(TABLE_OUTPUT)
    if not isinstance(policy, str) or not isinstance(table, str):
        raise CommandError(
            Problem(
                "--stack",
                _stack_name(stack),
                f"This stack has no approvals: its outputs {POLICY_OUTPUT} and {TABLE_OUTPUT} are missing.",
                "Name a stack with approvals; `pulumi stack ls` lists all stacks. If its file has a section "
                "`approvals:`, run `pulumi up` first.",
            )
        )
    return StackOutputs(parse_policy(policy, POLICY_OUTPUT, "(an output of the stack)"), table)


def read_policy_file(file: Path) -> ApprovalPolicy:
    """Return the compiled approval policy in a file.

    Raises:
        InvalidArgumentError: the file can't be read, or has no such policy.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidArgumentError(
            Problem(
                "--policy",
                format_value(str(file)),
                f"The file can't be read: {error}.",
                "Name a file with a compiled approval policy. "
                f"`pulumi stack output {POLICY_OUTPUT} > policy.json` writes the deployed one.",
            )
        ) from None
    return parse_policy(text, "--policy", format_value(str(file)))


def parse_policy(text: str, path: str, value: str) -> ApprovalPolicy:
    """Return a compiled approval policy, JSON text.

    Raises:
        InvalidArgumentError: another version of breakglass compiled it; the report names `path` and `value`.
    """
    try:
        policy = from_json(text)
        if json.loads(to_json(policy)) != json.loads(text):
            # The answer to a misspelt key would be that of a policy without it.
            raise ValueError("it has unknown keys, or lacks some")
        return policy
    except ValueError as error:
        raise InvalidArgumentError(
            Problem(
                path,
                value,
                f"Not a compiled approval policy of this version ({type(error).__name__}: {error}). It is not the "
                "stack file: each `pulumi up` compiles it from the section `approvals`.",
                f"Use the version of breakglass that deployed it. `pulumi stack output {POLICY_OUTPUT} > policy.json` "
                "writes the deployed policy.",
            )
        ) from None


def read_outputs(stack: str | None, run: RunProgram = run_program) -> dict[str, Any]:
    """Return all outputs of a stack, by name; secret ones as `[secret]`.

    Raises:
        CommandError: Pulumi is missing, or has no such stack.
    """
    outputs: dict[str, Any] = run_pulumi(["stack", "output", "--json"], stack, run)
    return outputs


def run_pulumi(arguments: Sequence[str], stack: str | None, run: RunProgram) -> Any:
    """Run a command of Pulumi that prints JSON, e.g. `stack output --json`, and return what it prints.

    Raises:
        CommandError: Pulumi is missing, or has no such stack.
    """
    command = ["pulumi", *arguments, "--non-interactive", "--color", "never"]
    try:
        finished = run([*command, *(["--stack", stack] if stack else [])])
    except FileNotFoundError:
        raise CommandError(
            Problem(
                "pulumi",
                "(not on PATH)",
                "The Pulumi CLI reads the state of the stack, which names the deployed resources.",
                f"Install the Pulumi CLI, or put its folder on PATH{_local_pulumi()}. `explain` works without it: "
                "`--policy FILE`.",
            )
        ) from None
    if finished.returncode != 0:
        error = " ".join(finished.stderr.split()) or f"exit status {finished.returncode}"
        raise CommandError(
            Problem(
                "--stack",
                _stack_name(stack),
                f"`pulumi {' '.join(arguments[:2])}` failed: {error}",
                "Run the command in the folder of Pulumi.yaml, log in to the stack's backend (`pulumi login`), and "
                "name the stack as `pulumi stack ls` lists it.",
            )
        )
    return json.loads(finished.stdout)


def _stack_name(stack: str | None) -> str:
    return format_value(stack) if stack else "(the selected one)"


def _local_pulumi() -> str:
    """Return a note on the folder where `make` has put a Pulumi CLI, or an empty text."""
    folder = Path(".tools/bin")
    return f" ({folder} has one)" if shutil.which("pulumi", path=str(folder)) else ""
