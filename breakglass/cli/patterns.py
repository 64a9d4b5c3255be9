"""`breakglass patterns`: every event pattern of a stack file, with its message, without Pulumi and AWS.

Likewise the CloudFormation template of a hub's spokes.

Non-goals: rules with a schedule, which have no pattern and are only counted; deployed rules (`breakglass doctor`).
"""

import json
import re
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from breakglass.errors import InvalidArgumentError, Problem, format_value
from breakglass.naming import DEFAULT_BUS
from breakglass.organization.spoke_template import spoke_template
from breakglass.stack_file.check import check_stack, validate_stack
from breakglass.stack_file.rules import StackRule, spoke_settings, stack_rules
from breakglass.stack_file.secret_keys import NAMESPACE, SECRET_KEYS
from breakglass.stack_file.stack import StackFile
from breakglass.stack_file.stack_yaml import read_stack_yaml

_FILE_NAME = re.compile(r"Pulumi\.(?P<stack>.+)\.ya?ml")

_NOT_HERE = {"secure": "(set elsewhere)"}


def read_rules(file: Path) -> list[StackRule]:
    """Return the rules of a stack file without problems; secrets may be missing.

    Raises:
        ConfigError: the file has problems.
        InvalidArgumentError: the file's name does not name a stack.
        UnreadableError: the file can't be read.
    """
    stack_file, stack = _read(file)
    return stack_rules(stack_file, stack)


def read_spoke_template(file: Path) -> dict[str, Any]:
    """Return the CloudFormation template of the spokes of a hub, for a StackSet that another program makes.

    Raises:
        ConfigError: the file has problems.
        InvalidArgumentError: the file's name does not name a stack, or the file is not that of a hub.
        UnreadableError: the file can't be read.
    """
    stack_file, _ = _read(file)
    settings, alerts = spoke_settings(stack_file, portal=False), stack_file.alert_path
    if settings is None or alerts is None or alerts.organization is None:
        raise InvalidArgumentError(
            Problem(
                "FILE",
                format_value(file.name),
                "The spokes of an organization are those of its hub, and this file is not that of a hub: it has no "
                "`alerts.organization`.",
                "Name the stack file of the hub.",
            )
        )
    return spoke_template(settings, alerts.organization.spokes.exclude)


def _read(file: Path) -> tuple[StackFile, str]:
    """Return the stack file and the name of its stack.

    Raises:
        ConfigError: the file has problems.
        InvalidArgumentError: the file's name does not name a stack.
        UnreadableError: the file can't be read.
    """
    keys = read_stack_yaml(file).keys
    named = _FILE_NAME.fullmatch(file.name)
    if named is None:
        raise InvalidArgumentError(
            Problem(
                "FILE",
                format_value(file.name),
                "Expected the name Pulumi.STACK.yaml: the names of the rules begin with the name of the stack, which "
                "is in the file's name only.",
                "Give the file the name that Pulumi reads, e.g. stacks/Pulumi.prod.yaml.",
            )
        )
    missing = {problem.path for problem in check_stack(keys, file.parent).problems}
    secrets = {key: _NOT_HERE for key in SECRET_KEYS if key not in keys and f"{NAMESPACE}{key}" in missing}
    return validate_stack({**keys, **secrets}, file.parent), named["stack"]


def to_json(rules: Sequence[StackRule]) -> dict[str, Any]:
    """Return an object with each rule that has a pattern, by its name; see `breakglass patterns --help`."""
    return {"rules": {rule.name: _rule_json(rule) for rule in rules if rule.pattern is not None}}


def to_text(rules: Sequence[StackRule]) -> str:
    """Return a paragraph for each rule with a pattern, and a last line that counts all."""
    if not rules:
        return "no rules: the file has no section `alerts`"
    shown = to_json(rules)["rules"]
    paragraphs = (_paragraph(name, rule) for name, rule in shown.items())
    scheduled = len(rules) - len(shown)
    last = f"{len(rules)} rules: {len(shown)} with an event pattern, {scheduled} with a schedule"
    return "\n\n".join([*paragraphs, last])


def _rule_json(rule: StackRule) -> dict[str, Any]:
    message = rule.message
    transformer = message and {"inputPaths": dict(message.input_paths), "inputTemplate": message.template}
    return {
        "bus": rule.bus or DEFAULT_BUS,
        "subject": rule.subject,
        "evidence": rule.evidence,
        "state": rule.state,
        "pattern": rule.pattern,
        "message": transformer,
    }


def _paragraph(name: str, rule: dict[str, Any]) -> str:
    facts = {key: rule[key] or "-" for key in ("bus", "subject", "evidence", "state")}
    facts["message"] = _message_text(rule["message"]["inputTemplate"]) if rule["message"] else "-"
    lines = [f"  {key + ':':<10}{value}" for key, value in facts.items()]
    return "\n".join([name, *lines, textwrap.indent(json.dumps(rule["pattern"], indent=2, ensure_ascii=False), "  ")])


def _message_text(template: str) -> str:
    """Return the text of a template: that of a notification in Slack, or of an e-mail."""
    message = json.loads(template)
    return message["text"] if isinstance(message, dict) else message
