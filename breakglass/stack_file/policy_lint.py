"""Lints the IAM policies of a stack file, also when other parts of the file are invalid.

Non-goals: the rules of the lint (see `breakglass.iam.lint`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from breakglass.errors import Problem
from breakglass.iam.lint import LintContext, Severity, lint_pair
from breakglass.iam.protection import own_arns
from breakglass.stack_file.base import RawValue
from breakglass.stack_file.organization import OFF
from breakglass.stack_file.policy_document import PolicyDocument, parse_policy, read_policy_file
from breakglass.stack_file.report import key_path
from breakglass.stack_file.types import BucketName, KmsKeyArn, PolicyArn, SecretName
from breakglass.vocabulary import RiskAcknowledgement, partition_of_region


@dataclass(frozen=True)
class _Set:
    """The valid part of a permission set, as `breakglass.iam.lint` reads it."""

    managed_policies: list[str]
    customer_managed_policies: list[object]
    inline_policy: dict[str, Any] | None
    permissions_boundary: object
    acknowledge: list[RiskAcknowledgement]
    allow_local_login: bool


@dataclass(frozen=True)
class _Pair:
    """The valid part of a pair, as `breakglass.iam.lint` reads it."""

    everyday: _Set
    break_glass: _Set


_BUCKET_NAME = TypeAdapter(BucketName)
_KMS_KEY_ARN = TypeAdapter(KmsKeyArn)
_POLICY_ARN = TypeAdapter(PolicyArn)
_POLICY = TypeAdapter(PolicyDocument)
_RISK = TypeAdapter(RiskAcknowledgement)
_SECRET_NAME = TypeAdapter(SecretName)

_GRANTS_NOTHING = {"Effect": "Deny", "Action": "*", "Resource": "*"}


def lint_stack(raw: Mapping[str, object], base_dir: Path, at: str) -> list[tuple[Severity, Problem]]:
    """Return the lint findings of every pair of a stack file, without the invalid parts.

    Args:
        raw: The keys of the stack file without their namespace.
        base_dir: The folder of the stack file.
        at: Prefix of the key paths in the report.
    """
    sets, context = RawValue(raw)["permissionSets"], lint_context(RawValue(raw))
    found: list[tuple[Severity, Problem]] = []
    for pair in sets["pairs"]:
        linted = _Pair(_linted(pair["everyday"], base_dir), _linted(pair["breakGlass"], base_dir))
        for finding in lint_pair(linted, context):
            path = f"{key_path(pair.loc, at)}.{_written_path(pair, finding.path)}"
            found.append((finding.severity, Problem(path, finding.value, finding.why, finding.instead)))
    return found


def lint_context(given: RawValue) -> LintContext:
    """Return the settings of the whole stack file that the lint of a pair needs."""
    sets, slack, approvals = given["permissionSets"], given["alerts"]["slack"], given["approvals"]
    region = sets["region"].text or ""
    names = (slack["botTokenSecretName"].valid(_SECRET_NAME), approvals["signingSecretName"].valid(_SECRET_NAME))
    written = (slack["kmsKeyArn"], sets["identityCenterKmsKeyArn"], *sets["trailKeyArns"])
    keys = (key.valid(_KMS_KEY_ARN) for key in written)
    return LintContext(
        protect_alert_path=sets["protectAlertPath"].value is not False,
        region=region,
        approvals=bool(approvals),
        own_arns=own_arns(
            partition_of_region(region),
            secret_names=[name for name in names if name],
            key_arns=[key for key in keys if key],
            buckets=[bucket for each in sets["trailBuckets"] if (bucket := each.valid(_BUCKET_NAME))],
            organization=bool(given["alerts"]["organization"] or given["alerts"]["forwardTo"]),
            witness=given["alerts"]["witness"].value not in (None, OFF),
        ),
    )


def _linted(given: RawValue, base_dir: Path) -> _Set:
    return _Set(
        [arn for item in given["managedPolicies"] if (arn := item.valid(_POLICY_ARN))],
        [item.value for item in given["customerManagedPolicies"]],
        _linted_policy(given, base_dir),
        given["permissionsBoundary"].value,
        [risk for item in given["acknowledge"] if (risk := item.valid(_RISK))],
        given["allowLocalLogin"].value is True,
    )


def _linted_policy(given: RawValue, base_dir: Path) -> dict[str, Any] | None:
    """Return the inline policy with a Deny, which grants nothing, in place of each invalid statement."""
    document = given["inlinePolicy"].value
    try:
        if given["inlinePolicyFile"]:
            document = read_policy_file(given["inlinePolicyFile"].value, base_dir)
        elif isinstance(document, str):
            document = parse_policy(document)
    except (PydanticCustomError, ValidationError):
        return None
    statements = RawValue(document)["Statement"]
    if isinstance(statements.value, list):
        return _policy_of([_linted_statement(statement.value) for statement in statements])
    return _policy_of(_linted_statement(statements.value)) if statements else None


def _linted_statement(statement: object) -> object:
    return statement if RawValue(_policy_of(statement)).valid(_POLICY) else _GRANTS_NOTHING


def _policy_of(statement: object) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": statement}


def _written_path(pair: RawValue, path: str) -> str:
    """Return the path of a finding with the key of the inline policy that the stack file has."""
    name = path.partition(".")[0]
    if pair[name]["inlinePolicyFile"]:
        return path.replace(f"{name}.inlinePolicy", f"{name}.inlinePolicyFile", 1)
    return path
