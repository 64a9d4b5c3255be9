"""`breakglass patterns`: every event pattern of a stack file, with its message, without Pulumi and AWS.

Non-goals: rules with a schedule, which have no pattern; deployed rules (`breakglass doctor` examines those).
"""

import json
import re
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from breakglass.errors import InvalidArgumentError, Problem, format_value
from breakglass.stack_file.check import check_stack, validate_stack
from breakglass.stack_file.rules import StackRule, stack_rules
from breakglass.stack_file.secret_keys import NAMESPACE, SECRET_KEYS
from breakglass.stack_file.stack_yaml import read_stack_yaml

_FILE_NAME = re.compile(r"Pulumi\.(?P<stack>.+)\.ya?ml")

_NOT_HERE = {"secure": "(set elsewhere)"}


def read_rules(file: Path) -> list[StackRule]:
    """Return the rules of a stack file without problems that have an event pattern; secrets may be missing.

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
    stack_file = validate_stack({**keys, **secrets}, file.parent)
    return [rule for rule in stack_rules(stack_file, named["stack"]) if rule.pattern is not None]


def to_json(rules: Sequence[StackRule]) -> dict[str, Any]:
    """Return an object with each rule by its name; see `breakglass patterns --help`."""
    return {"rules": {rule.name: _rule_json(rule) for rule in rules}}


def to_text(rules: Sequence[StackRule]) -> str:
    """Return a paragraph for each rule, and a last line with their number."""
    paragraphs = (_paragraph(name, rule) for name, rule in to_json(rules)["rules"].items())
    return "\n\n".join([*paragraphs, f"{len(rules)} rules with an event pattern"])


def _rule_json(rule: StackRule) -> dict[str, Any]:
    message = rule.message
    transformer = message and {"inputPaths": dict(message.input_paths), "inputTemplate": message.template}
    return {
        "subject": rule.subject,
        "evidence": rule.evidence,
        "state": rule.state,
        "pattern": rule.pattern,
        "message": transformer,
    }


def _paragraph(name: str, rule: dict[str, Any]) -> str:
    facts = {key: rule[key] or "-" for key in ("subject", "evidence", "state")}
    facts["message"] = rule["message"]["inputTemplate"] if rule["message"] else "-"
    lines = [f"  {key + ':':<10}{value}" for key, value in facts.items()]
    return "\n".join([name, *lines, textwrap.indent(json.dumps(rule["pattern"], indent=2, ensure_ascii=False), "  ")])
