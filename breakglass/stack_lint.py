"""Lints the policies of a stack file that may be wrong in other places.

Non-goals: what is dangerous is said in `breakglass.policy.lint`.
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from breakglass.errors import Problem
from breakglass.policy.lint import Severity, lint_pair
from breakglass.problems import key_path
from breakglass.section import Given
from breakglass.types import PolicyArn, PolicyDocument, PolicyFile, RiskAcknowledgement, partition


@dataclass(frozen=True)
class _Set:
    """The valid part of a permission set, as `breakglass.policy.lint` reads it."""

    managed_policies: list[str]
    customer_managed_policies: list[object]
    inline_policy: dict[str, Any] | None
    permissions_boundary: object
    acknowledge: list[RiskAcknowledgement]


@dataclass(frozen=True)
class _Pair:
    """The valid part of a pair, as `breakglass.policy.lint` reads it."""

    everyday: _Set
    break_glass: _Set


Value = TypeVar("Value")

_POLICY_ARN = TypeAdapter(PolicyArn)
_POLICY = TypeAdapter(PolicyDocument)
_POLICY_FILE = TypeAdapter(PolicyFile)
_RISK = TypeAdapter(RiskAcknowledgement)


def lint_stack(raw: Mapping[str, object], base_dir: Path, at: str) -> list[tuple[Severity, Problem]]:
    """Lint every pair of a stack file; what is wrong in a pair otherwise is left out, since it is reported elsewhere.

    Args:
        raw: The keys of the stack file without their namespace.
        base_dir: The folder of the stack file.
        at: What comes before the key paths in the report.
    """
    sets = Given(raw)["permissionSets"]
    protect, of = sets["protectAlertPath"].value is not False, partition(sets["region"].text or "")
    found: list[tuple[Severity, Problem]] = []
    for pair in sets["pairs"]:
        linted = _Pair(_linted(pair["everyday"], base_dir), _linted(pair["breakGlass"], base_dir))
        for finding in lint_pair(linted, protect_alert_path=protect, partition=of):
            path = f"{key_path(pair.loc, at)}.{_written_path(pair, finding.path)}"
            found.append((finding.severity, Problem(path, finding.value, finding.why, finding.instead)))
    return found


def _linted(given: Given, base_dir: Path) -> _Set:
    return _Set(
        [arn for item in given["managedPolicies"] for arn in _valid(_POLICY_ARN, item, base_dir)],
        [item.value for item in given["customerManagedPolicies"]],
        next(
            itertools.chain(
                _valid(_POLICY_FILE, given["inlinePolicyFile"], base_dir),
                _valid(_POLICY, given["inlinePolicy"], base_dir),
            ),
            None,
        ),
        given["permissionsBoundary"].value,
        [risk for item in given["acknowledge"] for risk in _valid(_RISK, item, base_dir)],
    )


def _valid(adapter: TypeAdapter[Value], given: Given, base_dir: Path) -> list[Value]:
    """Return the validated value in a list, or an empty list if it is wrong."""
    try:
        return [adapter.validate_python(given.value, context={"base_dir": base_dir})]
    except ValidationError:
        return []


def _written_path(pair: Given, path: str) -> str:
    """Return the path of a finding with the key that the user wrote for the inline policy."""
    name = path.partition(".")[0]
    if pair[name]["inlinePolicyFile"]:
        return path.replace(f"{name}.inlinePolicy", f"{name}.inlinePolicyFile", 1)
    return path
