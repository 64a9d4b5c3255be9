"""The lint of a permission-set pair: what a break-glass set must not be able to do unless the stack file says so.

A policy is read as IAM reads it, and where that takes more than the policy itself, as the more dangerous of the
possibilities:

* An Allow grants whatever its wildcards can match, in any spelling: `*`, `IAM:Put*`, `iam:*Policy`, `NotAction`.
* A Deny, a Condition and a permissions boundary are not taken into account: whether they hold back enough is for the
  person who acknowledges the risk to judge. The one exception is the Deny of `protectAlertPath`, which this package
  writes itself (`breakglass.policy.documents.protect_alert_path`).
* A Resource counts only where it excludes for certain everything a rule is about, as another service's ARN does.
* AWS managed policies are known by name (`breakglass.policy.managed_policies`).

What is looked for is in `breakglass.policy.rules`.

Non-goals: the content of customer managed policies (it is in other accounts), chains of permissions that add up over
several services, policies that AWS refuses anyway, and names and durations (see `breakglass.config`).
"""

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, Protocol

from breakglass.errors import shown
from breakglass.policy import documents
from breakglass.policy.documents import Statement
from breakglass.policy.managed_policies import MANAGED_POLICIES
from breakglass.policy.rules import (
    ADDS_NOTHING,
    ANY_ROLE,
    DENIED_ANYWAY,
    EVERYDAY_RISK,
    INLINE_POLICY,
    NO_POLICY,
    RISKS,
    STALE_ACKNOWLEDGEMENT,
    Rule,
    Severity,
)
from breakglass.policy.wildcards import covers, overlaps
from breakglass.types import RiskAcknowledgement


@dataclass(frozen=True)
class Finding:
    """One thing found in a pair."""

    rule: str
    """`Rule.name`."""
    severity: Severity
    path: str
    """Key path below the pair in camelCase, e.g. `breakGlass.inlinePolicy.Statement[0]`."""
    value: str
    """The offending part as `breakglass.errors.shown` renders it."""
    why: str
    instead: str
    acknowledgement: RiskAcknowledgement | None = None
    """What to add to `breakGlass.acknowledge` if it is meant; None where nothing helps but a change."""


class PermissionSet(Protocol):
    """What the lint reads of a permission set."""

    @property
    def managed_policies(self) -> Sequence[str]:
        """ARNs of AWS managed policies."""

    @property
    def customer_managed_policies(self) -> Sequence[object]:
        """References to customer managed policies, comparable with each other."""

    @property
    def inline_policy(self) -> Mapping[str, Any] | None:
        """A valid policy document (`breakglass.types.PolicyDocument`)."""

    @property
    def permissions_boundary(self) -> object:
        """The permissions boundary, comparable with another; None if there is none."""


class BreakGlassSet(PermissionSet, Protocol):
    """What the lint reads of a break-glass permission set."""

    @property
    def acknowledge(self) -> Sequence[RiskAcknowledgement]:
        """The risks that the set is meant to have."""


class Pair(Protocol):
    """What the lint reads of an everyday permission set and its break-glass twin."""

    @property
    def everyday(self) -> PermissionSet:
        """The permission set for every day."""

    @property
    def break_glass(self) -> BreakGlassSet:
        """The permission set for emergencies."""


_SET = "breakGlass"
_ADMINISTRATOR = RiskAcknowledgement.administrator_access
_PROTECTED = frozenset({RiskAcknowledgement.stop_cloudtrail, RiskAcknowledgement.alert_path})


def lint_pair(pair: Pair, *, protect_alert_path: bool = True, partition: str = "aws") -> tuple[Finding, ...]:
    """Judge a pair of permission sets.

    Args:
        pair: The pair; its inline policies are valid policy documents.
        protect_alert_path: Whether the break-glass set gets the Deny statements that protect the alert path. With them
            it has neither the risk `stop-cloudtrail` nor `alert-path`.
        partition: Of the ARNs in the policies: `aws`, `aws-cn` or `aws-us-gov`.

    Returns:
        What was found, first in the everyday set; paths are relative to the pair.
    """
    return (
        *_lint_everyday(pair.everyday, partition),
        *_lint_break_glass(pair.break_glass, protect_alert_path, partition),
        *_lint_difference(pair.everyday, pair.break_glass),
    )


@dataclass(frozen=True)
class _Grant:
    """A managed policy or an Allow statement."""

    path: str
    risks: Mapping[RiskAcknowledgement, str]
    """The risks it brings, each with the part that brings it."""
    statement: Statement | None = None
    """The statement, if it is one."""

    def told(self, held_back: Set[RiskAcknowledgement] = frozenset()) -> list[RiskAcknowledgement]:
        """The risks worth a finding: administrator access says it all."""
        names = {_ADMINISTRATOR} if _ADMINISTRATOR in self.risks else self.risks.keys() - held_back
        return [risk for risk in RISKS if risk in names]


def _lint_everyday(everyday: PermissionSet, partition: str) -> Iterator[Finding]:
    for grant in _grants("everyday", everyday, partition):
        for risk in grant.told():
            why = f"{EVERYDAY_RISK.why} ({risk}: {RISKS[risk].why})"
            yield _finding(EVERYDAY_RISK, grant.path, grant.risks[risk], why=why)
    yield from _lint_inline("everyday", everyday, ())


def _lint_break_glass(break_glass: BreakGlassSet, protected: bool, partition: str) -> Iterator[Finding]:
    held_back = _PROTECTED if protected else frozenset()
    grants = list(_grants(_SET, break_glass, partition))
    for grant in grants:
        for risk in grant.told(held_back):
            if not {risk, _ADMINISTRATOR} & set(break_glass.acknowledge):
                instead = f"{RISKS[risk].instead} If the power is meant, add {risk} to acknowledge."
                yield _finding(RISKS[risk], grant.path, grant.risks[risk], instead=instead, acknowledgement=risk)
        if grant.statement is not None:
            yield from _lint_roles(grant.path, grant.statement, grant.risks.keys(), partition)
            denied = _reached(grant.statement, DENIED_ANYWAY, partition)
            if protected and denied and _ADMINISTRATOR not in grant.risks:
                yield _finding(DENIED_ANYWAY, grant.path, denied)
    yield from _lint_inline(_SET, break_glass, documents.protect_alert_path(partition) if protected else ())
    if not (grants or break_glass.customer_managed_policies):
        yield _finding(NO_POLICY, _SET, "(no policy)")
    if not break_glass.customer_managed_policies:
        granted = {risk for grant in grants for risk in grant.risks} - held_back
        for index, risk in enumerate(break_glass.acknowledge):
            if risk not in granted:
                yield _finding(STALE_ACKNOWLEDGEMENT, f"{_SET}.acknowledge[{index}]", shown(risk))


def _lint_inline(key: str, permission_set: PermissionSet, added: Sequence[Statement]) -> Iterator[Finding]:
    fault = documents.inline_policy_fault(permission_set.inline_policy, added)
    if fault is not None:
        why, instead = fault
        yield _finding(INLINE_POLICY, f"{key}.inlinePolicy", "(the whole policy)", why=why, instead=instead)


def _lint_roles(path: str, statement: Statement, risks: Set[RiskAcknowledgement], partition: str) -> Iterator[Finding]:
    conditions = {key.lower() for operator in statement.get("Condition", {}).values() for key in operator}
    reached = _reached(statement, ANY_ROLE, partition)
    if (
        reached
        and _allows_all_of(statement, ANY_ROLE, partition)
        and "iam:passedtoservice" not in conditions
        and RiskAcknowledgement.iam not in risks
    ):
        yield _finding(ANY_ROLE, path, reached)


def _lint_difference(everyday: PermissionSet, break_glass: PermissionSet) -> Iterator[Finding]:
    # Policy by policy: two documents that differ may allow the same, but then this says nothing.
    emergency, known = (
        [*each.managed_policies, *each.customer_managed_policies, *(allow for _, allow in _allows("", each))]
        for each in (break_glass, everyday)
    )
    denies = [statement for statement in _statements(everyday) if statement["Effect"] == "Deny"]
    if emergency and not denies and not everyday.permissions_boundary and all(each in known for each in emergency):
        yield _finding(ADDS_NOTHING, _SET, "(the same policies)")


def _finding(
    rule: Rule,
    path: str,
    value: str,
    *,
    why: str = "",
    instead: str = "",
    acknowledgement: RiskAcknowledgement | None = None,
) -> Finding:
    return Finding(rule.name, rule.severity, path, value, why or rule.why, instead or rule.instead, acknowledgement)


def _grants(key: str, permission_set: PermissionSet, partition: str) -> Iterator[_Grant]:
    for index, arn in enumerate(permission_set.managed_policies):
        risks = managed_policy_risks(arn.rpartition("/")[2])
        yield _Grant(f"{key}.managedPolicies[{index}]", dict.fromkeys(risks, shown(arn)))
    for path, statement in _allows(key, permission_set):
        yield _Grant(path, statement_risks(statement, partition), statement)


def managed_policy_risks(name: str) -> frozenset[RiskAcknowledgement]:
    """Return the risks of an AWS managed policy, none if it is unknown; administrator access has all the others."""
    risks = frozenset(risk for risk, names in MANAGED_POLICIES.items() if name in names)
    return frozenset(RiskAcknowledgement) if _ADMINISTRATOR in risks else risks


def statement_risks(statement: Statement, partition: str = "aws") -> dict[RiskAcknowledgement, str]:
    """Return the risks of an Allow statement, each with its actions; administrator access has all the others."""
    if _allows_everything(statement, partition):
        return dict.fromkeys(RiskAcknowledgement, _said(statement))
    reached = {risk: _reached(statement, rule, partition) for risk, rule in RISKS.items() if risk is not _ADMINISTRATOR}
    return {risk: value for risk, value in reached.items() if value}


def _allows(key: str, permission_set: PermissionSet) -> Iterator[tuple[str, Statement]]:
    document = permission_set.inline_policy or {}
    single = not isinstance(document.get("Statement"), list)
    for index, statement in enumerate(_statements(permission_set)):
        if statement["Effect"] == "Allow":
            yield f"{key}.inlinePolicy.Statement" + ("" if single else f"[{index}]"), statement


def _statements(permission_set: PermissionSet) -> list[Statement]:
    return documents.statements_of(permission_set.inline_policy) if permission_set.inline_policy else []


def _allows_everything(statement: Statement, partition: str) -> bool:
    """Say whether the statement allows all actions, or all but some, on all resources, or all but some."""
    if not _allows_all_of(statement, RISKS[_ADMINISTRATOR], partition):
        return False
    if "NotAction" in statement:
        return not any(_is_everything(action) for action in _listed(statement["NotAction"]))
    return any(_is_everything(action) for action in _listed(statement["Action"]))


def _is_everything(action: str) -> bool:
    return not action.strip("*?:")


def _reached(statement: Statement, rule: Rule, partition: str) -> str:
    """Return the part of an Allow statement that a rule is about, as a report shows it; empty if there is none."""
    if not any(_allows_some_of(statement, arn.format(partition=partition)) for arn in rule.resources):
        return ""
    if "NotAction" in statement:
        excluded = _listed(statement["NotAction"])
        left = not all(any(covers(each, action) for each in excluded) for action in rule.actions)
        return _said(statement) if left else ""
    reaching = [each for each in _listed(statement["Action"]) if any(overlaps(each, action) for action in rule.actions)]
    return shown(reaching[0] if len(reaching) == 1 else reaching) if reaching else ""


def _allows_all_of(statement: Statement, rule: Rule, partition: str) -> bool:
    """Say whether the statement holds for all resources of the rule, or all but some, in at least one account."""
    arns = [arn.format(partition=partition) for arn in rule.resources]
    if "NotResource" in statement:
        return any(_allows_some_of(statement, arn) for arn in arns)
    resources = [re.sub(r":\d{12}:", ":*:", each) for each in _listed(statement["Resource"])]
    return any(covers(each, arn) for each in resources for arn in arns)


def _allows_some_of(statement: Statement, arn: str) -> bool:
    if "NotResource" in statement:
        return not any(covers(each, arn) for each in _listed(statement["NotResource"]))
    # What a policy variable stands for is known only when the policy is used. Service-linked roles belong to AWS: IAM
    # lets nobody else change them, and many policies name them for nothing.
    return any(
        overlaps(re.sub(r"\$\{[^}]*\}", "*", each), arn)
        for each in _listed(statement["Resource"])
        if not covers("arn:*:iam::*:role/aws-service-role/*", each)
    )


def _said(statement: Statement) -> str:
    element = "NotAction" if "NotAction" in statement else "Action"
    return shown({element: statement[element]})


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
