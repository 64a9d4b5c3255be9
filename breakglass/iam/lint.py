"""The lint of a permission-set pair: what a break-glass set must not be able to do unless the stack file says so.

A policy is read as IAM reads it. Where the policy alone does not decide, the more dangerous reading counts:

* An Allow grants whatever its wildcards can match, in any spelling: `*`, `IAM:Put*`, `iam:*Policy`, `NotAction`.
* A Deny, a Condition and a permissions boundary are not taken into account: whether they hold back enough is for the
  person who acknowledges the risk to judge. The one exception is the Deny of `protectAlertPath`, which this package
  writes itself (`breakglass.iam.protection`).
* A Resource limits an Allow only if it can match nothing that the rule is about, e.g. an ARN of another service.
* AWS managed policies are known by name (`breakglass.iam.managed_policies`).

Each risk is looked for in each set. The risk `approvals` is looked for only where the stack has approvals, and in an
everyday set only if it is handed out in the account of the approvals, which is known at preview.

What is looked for is in `breakglass.iam.rules`.

Non-goals: the content of customer managed policies (it is in other accounts), chains of permissions that add up over
several services, policies that AWS refuses anyway, and names and durations (see `breakglass.stack_file.stack`).
"""

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any, Protocol

from breakglass.errors import format_value
from breakglass.iam import documents
from breakglass.iam.documents import Statement
from breakglass.iam.managed_policies import MANAGED_POLICIES
from breakglass.iam.protection import PLACEHOLDER_API_ID, api_arn, deny_statements
from breakglass.iam.rules import (
    ADDS_NOTHING,
    ANY_ROLE,
    DENIED_ANYWAY,
    EVERYDAY_RISK,
    INLINE_POLICY,
    LOCAL_LOGIN,
    NO_POLICY,
    PROTECTED_RISKS,
    RISKS,
    STALE_ACKNOWLEDGEMENT,
    LintRule,
    Severity,
)
from breakglass.iam.wildcards import covers, overlaps
from breakglass.vocabulary import RiskAcknowledgement, partition_of_region


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


class PermissionSetPolicies(Protocol):
    """What the lint reads of a permission set."""

    @property
    def managed_policies(self) -> Sequence[str]:
        """ARNs of AWS managed policies."""

    @property
    def customer_managed_policies(self) -> Sequence[object]:
        """References to customer managed policies, comparable with each other."""

    @property
    def inline_policy(self) -> Mapping[str, Any] | None:
        """A valid policy document (`breakglass.stack_file.types.PolicyDocument`)."""

    @property
    def permissions_boundary(self) -> object:
        """The permissions boundary, comparable with another; None if there is none."""


class BreakGlassPolicies(PermissionSetPolicies, Protocol):
    """What the lint reads of a break-glass permission set."""

    @property
    def acknowledge(self) -> Sequence[RiskAcknowledgement]:
        """The risks that the set is meant to have."""

    @property
    def allow_local_login(self) -> bool:
        """Whether the set is meant for `aws login`."""


class Pair(Protocol):
    """What the lint reads of an everyday permission set and its break-glass twin."""

    @property
    def everyday(self) -> PermissionSetPolicies:
        """The permission set for every day."""

    @property
    def break_glass(self) -> BreakGlassPolicies:
        """The permission set for emergencies."""


_SET = "breakGlass"
_ADMINISTRATOR = RiskAcknowledgement.administrator_access
_APPROVALS = RiskAcknowledgement.approvals
_ALSO_ON = {"ssm": ("ec2", "ecs")}
"""Services that have ARNs of their own, and actions on the resources of others: a session on an EC2 instance."""


@dataclass(frozen=True)
class LintContext:
    """What the lint has to know of the stack of a pair."""

    protect_alert_path: bool = True
    """Whether break-glass sets get the Deny statements that protect the alert path and the approvals. With them a set
    has no risk of `PROTECTED_RISKS`."""
    region: str = ""
    """The home region of Identity Center, by which the partition of ARNs is known."""
    approvals: bool = False
    """Whether the stack has approvals."""
    own_arns: Sequence[str] = ()
    """ARN patterns that the Deny and the risk `alert-path` name besides those with the prefix
    (`breakglass.iam.protection.own_arns`)."""

    @property
    def partition(self) -> str:
        """Of the ARNs in the policies: `aws`, `aws-cn` or `aws-us-gov`."""
        return partition_of_region(self.region)

    @property
    def denied_arns(self) -> Sequence[str]:
        """The same, and the API of the approvals; it has an ID only after the first deployment."""
        api = [api_arn(self.partition, self.region, PLACEHOLDER_API_ID)] if self.approvals else []
        return [*self.own_arns, *api]


def lint_pair(pair: Pair, context: LintContext) -> tuple[Finding, ...]:
    """Judge a pair of permission sets.

    Args:
        pair: The pair; its inline policies are valid policy documents.
        context: What has to be known of its stack.

    Returns:
        What was found, first in the everyday set; paths are relative to the pair.
    """
    return (
        *_lint_everyday(pair.everyday, context),
        *_lint_break_glass(pair.break_glass, context),
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

    def told(self, held_back: Set[RiskAcknowledgement]) -> list[RiskAcknowledgement]:
        """The risks worth a finding: administrator access says it all."""
        names = {_ADMINISTRATOR} if _ADMINISTRATOR in self.risks else self.risks.keys() - held_back
        return [risk for risk in RISKS if risk in names]


def _lint_everyday(everyday: PermissionSetPolicies, context: LintContext) -> Iterator[Finding]:
    # What is only worth a warning in an emergency is everyday work, and where the approvals are is not known here.
    harmless = {_APPROVALS, *(risk for risk, rule in RISKS.items() if rule.severity is Severity.warning)}
    for grant in _grants("everyday", everyday, context.partition, context.own_arns):
        for risk in grant.told(harmless):
            why = f"{EVERYDAY_RISK.why} ({risk}: {RISKS[risk].why})"
            yield _finding(EVERYDAY_RISK, grant.path, grant.risks[risk], why=why)
    yield from _lint_inline("everyday", everyday, ())


def lint_approvals_risk(everyday: PermissionSetPolicies, partition: str) -> tuple[Finding, ...]:
    """Return by which policies an everyday set can decide on requests; it is handed out in the approvals' account."""
    why = f"{EVERYDAY_RISK.why} ({_APPROVALS}: {RISKS[_APPROVALS].why})"
    return tuple(
        _finding(EVERYDAY_RISK, grant.path, grant.risks[_APPROVALS], why=why)
        for grant in _grants("everyday", everyday, partition)
        if _APPROVALS in grant.risks
    )


def _lint_break_glass(break_glass: BreakGlassPolicies, context: LintContext) -> Iterator[Finding]:
    protected, partition = context.protect_alert_path, context.partition
    held_back = (PROTECTED_RISKS if protected else frozenset()) | (frozenset() if context.approvals else {_APPROVALS})
    grants = list(_grants(_SET, break_glass, partition, context.own_arns))
    for grant in grants:
        for risk in grant.told(held_back):
            if not {risk, _ADMINISTRATOR} & set(break_glass.acknowledge):
                yield _risk(risk, grant.path, grant.risks[risk])
        if grant.statement is not None:
            yield from _lint_roles(grant.path, grant.statement, grant.risks.keys(), partition)
            if _ADMINISTRATOR not in grant.risks:
                yield from _lint_denied(grant.path, grant.statement, break_glass, context)
    yield from _lint_unprotected(grants, break_glass, context)
    added = deny_statements(
        partition,
        protect=protected,
        acknowledged=break_glass.acknowledge,
        local_login=break_glass.allow_local_login,
        own=context.denied_arns,
    )
    yield from _lint_inline(_SET, break_glass, added)
    if not (grants or break_glass.customer_managed_policies):
        yield _finding(NO_POLICY, _SET, "(no policy)")
    if not break_glass.customer_managed_policies:
        granted = {risk for grant in grants for risk in grant.risks} - held_back
        granted |= {_APPROVALS} if context.approvals and not protected else set()
        for index, risk in enumerate(break_glass.acknowledge):
            if risk not in granted:
                yield _finding(STALE_ACKNOWLEDGEMENT, f"{_SET}.acknowledge[{index}]", format_value(risk))


def _lint_denied(
    path: str, statement: Statement, break_glass: BreakGlassPolicies, context: LintContext
) -> Iterator[Finding]:
    """Warn of what the set will be refused although the statement allows it."""
    denied = _reached(statement, DENIED_ANYWAY, context.partition)
    if context.protect_alert_path and denied:
        yield _finding(DENIED_ANYWAY, path, denied)
    login = _reached(statement, LOCAL_LOGIN, context.partition)
    if not break_glass.allow_local_login and login:
        yield _finding(LOCAL_LOGIN, path, login)


def _lint_unprotected(
    grants: Sequence[_Grant], break_glass: BreakGlassPolicies, context: LintContext
) -> Iterator[Finding]:
    """Refuse a set without the Deny beside approvals, also where no policy that can be read reaches them."""
    known = any(_APPROVALS in grant.risks for grant in grants)
    meant = {_APPROVALS, _ADMINISTRATOR} & set(break_glass.acknowledge)
    if context.approvals and not context.protect_alert_path and not known and not meant:
        yield _finding(
            RISKS[_APPROVALS],
            _SET,
            "(protectAlertPath: false)",
            why="The stack has approvals, and nothing denies them to the set: by a policy that changes later, or that "
            "can't be read here, it could decide on its own request.",
            instead=f"Leave protectAlertPath on, or add {_APPROVALS} to acknowledge.",
            acknowledgement=_APPROVALS,
        )


def _risk(risk: RiskAcknowledgement, path: str, value: str) -> Finding:
    meant = "the power is meant" if RISKS[risk].severity is Severity.refused else "that is meant"
    instead = f"{RISKS[risk].instead} If {meant}, add {risk} to acknowledge."
    return _finding(RISKS[risk], path, value, instead=instead, acknowledgement=risk)


def _lint_inline(key: str, permission_set: PermissionSetPolicies, added: Sequence[Statement]) -> Iterator[Finding]:
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


def _lint_difference(everyday: PermissionSetPolicies, break_glass: PermissionSetPolicies) -> Iterator[Finding]:
    # Policy by policy: two documents that differ may allow the same, but then this says nothing.
    emergency, known = (
        [*each.managed_policies, *each.customer_managed_policies, *(allow for _, allow in _allows("", each))]
        for each in (break_glass, everyday)
    )
    denies = [statement for statement in _statements(everyday) if statement["Effect"] == "Deny"]
    if emergency and not denies and not everyday.permissions_boundary and all(each in known for each in emergency):
        yield _finding(ADDS_NOTHING, _SET, "(the same policies)")


def _finding(
    rule: LintRule,
    path: str,
    value: str,
    *,
    why: str = "",
    instead: str = "",
    acknowledgement: RiskAcknowledgement | None = None,
) -> Finding:
    return Finding(rule.name, rule.severity, path, value, why or rule.why, instead or rule.instead, acknowledgement)


def _grants(
    key: str, permission_set: PermissionSetPolicies, partition: str, own: Sequence[str] = ()
) -> Iterator[_Grant]:
    for index, arn in enumerate(permission_set.managed_policies):
        risks = managed_policy_risks(arn.rpartition("/")[2])
        yield _Grant(f"{key}.managedPolicies[{index}]", dict.fromkeys(risks, format_value(arn)))
    for path, statement in _allows(key, permission_set):
        yield _Grant(path, statement_risks(statement, partition, own), statement)


def managed_policy_risks(name: str) -> frozenset[RiskAcknowledgement]:
    """Return the risks of an AWS managed policy, none if it is unknown; administrator access has all the others."""
    risks = frozenset(risk for risk, names in MANAGED_POLICIES.items() if name in names)
    return frozenset(RiskAcknowledgement) if _ADMINISTRATOR in risks else risks


def statement_risks(
    statement: Statement, partition: str = "aws", own: Sequence[str] = ()
) -> dict[RiskAcknowledgement, str]:
    """Return the risks of an Allow statement, each with its actions; administrator access has all the others.

    Args:
        statement: The statement.
        partition: `aws`, `aws-cn` or `aws-us-gov`.
        own: ARN patterns of the alert path that the prefix does not cover (`breakglass.iam.protection.own_arns`).
    """
    if _allows_everything(statement, partition):
        return dict.fromkeys(RiskAcknowledgement, _said(statement))
    alert_path = RISKS[RiskAcknowledgement.alert_path]
    rules = {**RISKS, RiskAcknowledgement.alert_path: replace(alert_path, resources=(*alert_path.resources, *own))}
    reached = {risk: _reached(statement, rule, partition) for risk, rule in rules.items() if risk is not _ADMINISTRATOR}
    return {risk: value for risk, value in reached.items() if value}


def _allows(key: str, permission_set: PermissionSetPolicies) -> Iterator[tuple[str, Statement]]:
    document = permission_set.inline_policy or {}
    single = not isinstance(document.get("Statement"), list)
    for index, statement in enumerate(_statements(permission_set)):
        if statement["Effect"] == "Allow":
            yield f"{key}.inlinePolicy.Statement" + ("" if single else f"[{index}]"), statement


def _statements(permission_set: PermissionSetPolicies) -> list[Statement]:
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


def _reached(statement: Statement, rule: LintRule, partition: str) -> str:
    """Return the part of an Allow statement that a rule is about, as a report shows it; empty if there is none."""
    # Actions first: nearly all statements name none of a rule's.
    actions = _allowed_here(statement, rule, partition, _named(statement, rule))
    if not actions:
        return ""
    if "NotAction" in statement:
        return _said(statement)
    reaching = [each for each in _listed(statement["Action"]) if any(overlaps(each, action) for action in actions)]
    return format_value(reaching[0] if len(reaching) == 1 else reaching)


def _named(statement: Statement, rule: LintRule) -> list[str]:
    """Return the rule's actions that the statement names."""
    if "NotAction" in statement:
        excluded = _listed(statement["NotAction"])
        return [action for action in rule.actions if not any(covers(each, action) for each in excluded)]
    written = _listed(statement["Action"])
    services = {each.partition(":")[0].lower() for each in written}
    if not any("*" in service or "?" in service for service in services):
        candidates = [action for action in rule.actions if action.partition(":")[0] in services]
    else:
        candidates = rule.actions
    return [action for action in candidates if any(overlaps(each, action) for each in written)]


def _allowed_here(statement: Statement, rule: LintRule, partition: str, actions: Sequence[str]) -> list[str]:
    """Return the actions on whose service's resources the statement holds.

    A service without an ARN of its own in the rule has actions on those of the others, or on no resource at all.
    """
    arns = [arn.format(partition=partition) for arn in rule.resources] if actions else []
    named = {arn.split(":")[2] for arn in arns}
    here = {arn.split(":")[2] for arn in arns if _allows_some_of(statement, arn)}
    services = {action: action.partition(":")[0] for action in actions}
    return [
        action
        for action, service in services.items()
        if here & {service, *_ALSO_ON.get(service, ())} or (here and service not in named)
    ]


def _allows_all_of(statement: Statement, rule: LintRule, partition: str) -> bool:
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
    return format_value({element: statement[element]})


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
