"""A stack file without a fault, and a way to change one place in it."""

import copy
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from breakglass.errors import Problem
from breakglass.stack_file.check import check_stack
from breakglass.stack_file.secret_keys import NAMESPACE

STACKS = Path(__file__).parents[3] / "stacks"
"""The committed stack files."""

TOKEN = "xoxb-111122223333-444455556666-AbCdEfGhIjKl"
ENCRYPTED = {"secure": "v1:kWLhLn0MRGHTtlVA:6+bQvOcA4yA="}
SIGNING_SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
READ_ONLY = "arn:aws:iam::aws:policy/AmazonRDSReadOnlyAccess"
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"


def policy(*actions: str) -> dict[str, Any]:
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}],
    }


_FAULTLESS: dict[str, Any] = {
    "permissionSets": {
        "region": "eu-central-1",
        "pairs": [
            {
                "name": "devops",
                "everyday": {"managedPolicies": [READ_ONLY]},
                "breakGlass": {"name": "devops-break-glass", "inlinePolicy": policy("rds:CreateDBSnapshot")},
                "assignments": [{"group": "database-oncall", "accounts": ["222222222222"]}],
            }
        ],
    },
    "alerts": {
        "region": "eu-central-1",
        "slack": {"channel": "C0123456789"},
        "watch": {
            "permissionSets": ["DatabaseAdmin"],
            "roles": ["arn:aws:iam::222222222222:role/emergency-operator"],
        },
        "tamper": {"deployers": ["arn:aws:iam::111111111111:role/deploy-pipeline"]},
        "globalEventsStack": "global",
        "monitoring": {"emails": ["oncall@example.com"]},
    },
    "tags": {"team": "platform"},
    "slackBotToken": ENCRYPTED,
}

# Nothing to complain about, but little more than what is required.
_APPROVALS: dict[str, Any] = {
    "channel": "C0APPROVALS",
    "rules": [
        {
            "name": "databases",
            "sets": ["devops-break-glass"],
            "accounts": ["222222222222"],
            "requesters": [{"group": "developers"}],
            "approvers": [{"group": "database-leads"}],
        }
    ],
}

# One that needs no more than what is required.
ORGANIZATION: dict[str, Any] = {
    "id": "o-exampleorgid",
    "spokes": {"units": ["r-ab12"], "regions": ["eu-central-1", "us-east-1"]},
}

_SPOKE: dict[str, Any] = {
    "alerts": {
        "region": "eu-central-1",
        "regions": ["eu-central-1", "us-east-1"],
        "forwardTo": "arn:aws:events:eu-central-1:444444444444:event-bus/breakglass-prod-hub",
        "watch": {"roles": ["arn:aws:iam::111111111111:role/emergency-operator"]},
    }
}

Keys = tuple[str | int, ...]

PAIR: Keys = ("permissionSets", "pairs", 0)
BREAK_GLASS: Keys = (*PAIR, "breakGlass")
INLINE_POLICY: Keys = (*BREAK_GLASS, "inlinePolicy")
STATEMENT: Keys = (*INLINE_POLICY, "Statement", 0)
ASSIGNMENT: Keys = (*PAIR, "assignments", 0)
ALERTS: Keys = ("alerts",)
APPROVALS: Keys = ("approvals",)
RULE: Keys = (*APPROVALS, "rules", 0)


def stack(*changes: tuple[Keys, object]) -> dict[str, Any]:
    """Return a stack file without a fault but for the changes: `(where, new value)`, with None to delete."""
    return _changed(_FAULTLESS, changes)


def hub(*changes: tuple[Keys, object]) -> dict[str, Any]:
    """Return the stack file of a hub, without a fault but for the changes; see `stack`."""
    return stack(((*ALERTS, "organization"), ORGANIZATION), *changes)


def spoke(*changes: tuple[Keys, object]) -> dict[str, Any]:
    """Return the stack file of a spoke, without a fault but for the changes; see `stack`."""
    return _changed(_SPOKE, changes)


def _changed(faultless: dict[str, Any], changes: Iterable[tuple[Keys, object]]) -> dict[str, Any]:
    raw = copy.deepcopy(faultless)
    for keys, value in changes:
        here: Any = raw
        for key in keys[:-1]:
            here = here.setdefault(key, {}) if isinstance(here, dict) else here[key]
        if value is None:
            del here[keys[-1]]
        elif isinstance(here, list) and keys[-1] == len(here):
            here.append(copy.deepcopy(value))
        else:
            here[keys[-1]] = copy.deepcopy(value)
    return raw


def stack_with_approvals(*changes: tuple[Keys, object]) -> dict[str, Any]:
    """Return a stack file with `approvals`, without a fault but for the changes; see `stack`."""
    return stack((("slackSigningSecret",), ENCRYPTED), (APPROVALS, _APPROVALS), *changes)


def problems(raw: dict[str, Any], base_dir: Path = STACKS) -> list[Problem]:
    """Return what is wrong with a stack file."""
    return list(check_stack(raw, base_dir).problems)


def warnings(raw: dict[str, Any], base_dir: Path = STACKS) -> list[Problem]:
    """Return what a stack file is warned of, after making sure that nothing in it is refused."""
    report = check_stack(raw, base_dir)
    assert report.problems == ()
    return list(report.warnings)


def committed(name: str) -> dict[str, Any]:
    """Return the whole YAML document of a committed stack file."""
    return yaml.safe_load((STACKS / f"Pulumi.{name}.yaml").read_text(encoding="utf-8"))


def keys_of(document: dict[str, Any]) -> dict[str, Any]:
    """Return the `breakglass:` keys of a stack file's document."""
    config = document["config"].items()
    return {key.removeprefix(NAMESPACE): value for key, value in config if key.startswith(NAMESPACE)}


@dataclass(frozen=True)
class Scenario:
    """One fault in an otherwise good stack file, and the one problem it makes."""

    says: str
    changes: list[tuple[Keys, object]]
    path: str
    why: str
    """A part of the explanation."""
    instead: str
    """A part of the advice."""
    value: str | None = None
    """The value in the problem. Default: that of the last change."""


def assert_told(found: list[Problem], scenario: Scenario) -> None:
    """Check that what was found is the problem of a scenario and nothing else."""
    (problem,) = found
    assert problem.path == scenario.path
    shown = scenario.value or json.dumps(scenario.changes[-1][1], ensure_ascii=False)
    assert problem.value.removesuffix("…") == shown
    assert scenario.why in problem.why
    assert scenario.instead in problem.instead
