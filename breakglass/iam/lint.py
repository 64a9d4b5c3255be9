"""The lint of a permission-set pair: the risks of a break-glass set that the stack file must acknowledge.

It reads an IAM policy as IAM does. Where the policy alone does not decide, the more dangerous reading counts:

* An Allow grants all matches of its wildcards, in any spelling: `*`, `IAM:Put*`, `iam:*Policy`, `NotAction`.
* A Deny, a Condition and a permissions boundary are ignored: the person who acknowledges the risk judges them. The
  exception is the Deny of `protectAlertPath`, which this package writes (`breakglass.iam.protection`).
* A Resource limits an Allow only if it has no match among the rule's resources, e.g. an ARN of another service.
* AWS managed policies are known by name (`breakglass.iam.managed_policies`).

Each risk is looked for in each set. The risk `approvals` is looked for only in a stack with approvals. In an everyday
set, it is looked for only if the set is assigned in the account of the approvals, which is known at preview.

The rules are in `breakglass.iam.rules`.

Non-goals: the content of customer-managed policies (it is in other accounts), chains of permissions over several
services, IAM policies that AWS refuses anyway, and names and durations (`breakglass.stack_file.check`).
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
    BREAK_GLASS,
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
    """A rule that a pair breaks."""

    rule: str
    """`LintRule.name`."""
    severity: Severity
    path: str
    """Key path below the pair in camelCase, e.g. `breakGlass.inlinePolicy.Statement[0]`."""
    value: str
    """The offending part by `breakglass.errors.format_value`."""
    why: str
    instead: str


class PermissionSetPolicies(Protocol):
    """The parts of a permission set that the lint reads."""

    @property
    def managed_policies(self) -> Sequence[str]:
        """ARNs of AWS managed policies."""

    @property
    def customer_managed_policies(self) -> Sequence[object]:
        """References to customer-managed policies, comparable with each other."""

    @property
    def inline_policy(self) -> Mapping[str, Any] | None:
        """A valid policy document (`breakglass.stack_file.types.PolicyDocument`)."""

    @property
    def permissions_boundary(self) -> object:
        """The permissions boundary, comparable with another, or None."""


class BreakGlassPolicies(PermissionSetPolicies, Protocol):
    """The parts of a break-glass permission set that the lint reads."""

    @property
    def acknowledge(self) -> Sequence[RiskAcknowledgement]:
        """The acknowledged risks."""

    @property
    def allow_local_login(self) -> bool:
        """`allowLocalLogin`."""


class Pair(Protocol):
    """An everyday permission set and its break-glass twin."""

    @property
    def everyday(self) -> PermissionSetPolicies:
        """The everyday permission set."""

    @property
    def break_glass(self) -> BreakGlassPolicies:
        """The break-glass permission set."""


_ADMINISTRATOR = RiskAcknowledgement.administrator_access
_APPROVALS = RiskAcknowledgement.approvals
_ALSO_ON = {"ssm": ("ec2", "ecs")}
"""Services with ARNs and actions on resources of other services: a session on an EC2 instance."""


@dataclass(frozen=True)
class LintContext:
    """The settings of the stack that the lint needs."""

    protect_alert_path: bool = True
    """`protectAlertPath`; if true, no break-glass set has a risk of `PROTECTED_RISKS`."""
    region: str = ""
    """The home region of Identity Center, for the partition of ARNs."""
    approvals: bool = False
    """The stack has approvals."""
    own_arns: Sequence[str] = ()
    """ARN patterns of the stack's resources without the prefix (`breakglass.iam.protection.own_arns`)."""

    @property
    def partition(self) -> str:
        """The partition of the ARNs: `aws`, `aws-cn` or `aws-us-gov`."""
        return partition_of_region(self.region)

    @property
    def denied_arns(self) -> Sequence[str]:
        """`own_arns` and the API of the approvals, which has its ID only after the first deployment."""
        api = [api_arn(self.partition, self.region, PLACEHOLDER_API_ID)] if self.approvals else []
        return [*self.own_arns, *api]


def lint_pair(pair: Pair, context: LintContext) -> tuple[Finding, ...]:
    """Return the findings of a pair, those of the everyday set first; paths are relative to the pair."""
    return (
        *_lint_everyday(pair.everyday, context),
        *_lint_break_glass(pair.break_glass, context),
        *_lint_difference(pair.everyday, pair.break_glass),
    )


@dataclass(frozen=True)
class _RiskSource:
    """A managed policy or an Allow statement."""

    path: str
    risks: Mapping[RiskAcknowledgement, str]
    """The risks, each with the part that brings it."""
    statement: Statement | None = None
    """The statement; None for a managed policy."""

    def reported_risks(self, excluded: Set[RiskAcknowledgement]) -> list[RiskAcknowledgement]:
        """Return the risks to report; administrator access includes all others."""
        names = {_ADMINISTRATOR} if _ADMINISTRATOR in self.risks else self.risks.keys() - excluded
        return [risk for risk in RISKS if risk in names]


def _lint_everyday(everyday: PermissionSetPolicies, context: LintContext) -> Iterator[Finding]:
    # A risk that is only a warning is everyday work. The account of the approvals is not known here.
    harmless = {_APPROVALS, *(risk for risk, rule in RISKS.items() if rule.severity is Severity.warning)}
    for source in _risk_sources("everyday", everyday, context.partition, context.own_arns):
        for risk in source.reported_risks(harmless):
            why = f"{EVERYDAY_RISK.why} ({risk}: {RISKS[risk].why})"
            yield _finding(EVERYDAY_RISK, source.path, source.risks[risk], why=why)
    yield from _lint_inline("everyday", everyday, ())


def lint_approvals_risk(everyday: PermissionSetPolicies, partition: str) -> tuple[Finding, ...]:
    """Return the policies by which an everyday set, assigned in the approvals' account, can decide on requests."""
    why = f"{EVERYDAY_RISK.why} ({_APPROVALS}: {RISKS[_APPROVALS].why})"
    return tuple(
        _finding(EVERYDAY_RISK, source.path, source.risks[_APPROVALS], why=why)
        for source in _risk_sources("everyday", everyday, partition)
        if _APPROVALS in source.risks
    )


def _lint_break_glass(break_glass: BreakGlassPolicies, context: LintContext) -> Iterator[Finding]:
    protected, partition = context.protect_alert_path, context.partition
    excluded = (PROTECTED_RISKS if protected else frozenset()) | (frozenset() if context.approvals else {_APPROVALS})
    sources = list(_risk_sources(BREAK_GLASS, break_glass, partition, context.own_arns))
    for source in sources:
        for risk in source.reported_risks(excluded):
            if not {risk, _ADMINISTRATOR} & set(break_glass.acknowledge):
                yield _risk(risk, source.path, source.risks[risk])
        if source.statement is not None:
            yield from _lint_roles(source.path, source.statement, source.risks.keys(), partition)
            if _ADMINISTRATOR not in source.risks:
                yield from _lint_denied(source.path, source.statement, break_glass, context)
    yield from _lint_unprotected(sources, break_glass, context)
    added = deny_statements(
        partition,
        protect=protected,
        acknowledged=break_glass.acknowledge,
        local_login=break_glass.allow_local_login,
        own=context.denied_arns,
    )
    yield from _lint_inline(BREAK_GLASS, break_glass, added)
    if not (sources or break_glass.customer_managed_policies):
        yield _finding(NO_POLICY, BREAK_GLASS, "(no policy)")
    if not break_glass.customer_managed_policies:
        granted = {risk for source in sources for risk in source.risks} - excluded
        granted |= {_APPROVALS} if context.approvals and not protected else set()
        for index, risk in enumerate(break_glass.acknowledge):
            if risk not in granted:
                yield _finding(STALE_ACKNOWLEDGEMENT, f"{BREAK_GLASS}.acknowledge[{index}]", format_value(risk))


def _lint_denied(
    path: str, statement: Statement, break_glass: BreakGlassPolicies, context: LintContext
) -> Iterator[Finding]:
    """Warn of allowed actions that the package's own Deny refuses."""
    denied = _show_reached(statement, DENIED_ANYWAY, context.partition)
    if context.protect_alert_path and denied:
        yield _finding(DENIED_ANYWAY, path, denied)
    login = _show_reached(statement, LOCAL_LOGIN, context.partition)
    if not break_glass.allow_local_login and login:
        yield _finding(LOCAL_LOGIN, path, login)


def _lint_unprotected(
    sources: Sequence[_RiskSource], break_glass: BreakGlassPolicies, context: LintContext
) -> Iterator[Finding]:
    """Refuse a set without the Deny in a stack with approvals, even if no readable policy reaches them."""
    known = any(_APPROVALS in source.risks for source in sources)
    meant = {_APPROVALS, _ADMINISTRATOR} & set(break_glass.acknowledge)
    if context.approvals and not context.protect_alert_path and not known and not meant:
        yield _finding(
            RISKS[_APPROVALS],
            BREAK_GLASS,
            "(protectAlertPath: false)",
            why="The stack has approvals, and no Deny keeps the set from them: an IAM policy that changes later, or "
            "that the lint can't read, could let it decide on its own request.",
            instead=f"Leave protectAlertPath on, or add {_APPROVALS} to acknowledge.",
        )


def _risk(risk: RiskAcknowledgement, path: str, value: str) -> Finding:
    instead = f"{RISKS[risk].instead} If the power is intended, add {risk} to acknowledge."
    return _finding(RISKS[risk], path, value, instead=instead)


def _lint_inline(key: str, permission_set: PermissionSetPolicies, added: Sequence[Statement]) -> Iterator[Finding]:
    fault = documents.inline_policy_fault(permission_set.inline_policy, added)
    if fault is not None:
        why, instead = fault
        yield _finding(INLINE_POLICY, f"{key}.inlinePolicy", "(the whole inline policy)", why=why, instead=instead)


def _lint_roles(path: str, statement: Statement, risks: Set[RiskAcknowledgement], partition: str) -> Iterator[Finding]:
    conditions = {key.lower() for operator in statement.get("Condition", {}).values() for key in operator}
    reached = _show_reached(statement, ANY_ROLE, partition)
    if (
        reached
        and _allows_all_of(statement, ANY_ROLE, partition)
        and "iam:passedtoservice" not in conditions
        and RiskAcknowledgement.iam not in risks
    ):
        yield _finding(ANY_ROLE, path, reached)


def _lint_difference(everyday: PermissionSetPolicies, break_glass: PermissionSetPolicies) -> Iterator[Finding]:
    # Compared policy by policy: different documents that allow the same are not found.
    emergency, known = (
        [*each.managed_policies, *each.customer_managed_policies, *(allow for _, allow in _allows("", each))]
        for each in (break_glass, everyday)
    )
    denies = [statement for statement in _statements(everyday) if statement["Effect"] == "Deny"]
    if emergency and not denies and not everyday.permissions_boundary and all(each in known for each in emergency):
        yield _finding(ADDS_NOTHING, BREAK_GLASS, "(the same policies)")


def _finding(
    rule: LintRule,
    path: str,
    value: str,
    *,
    why: str = "",
    instead: str = "",
) -> Finding:
    return Finding(rule.name, rule.severity, path, value, why or rule.why, instead or rule.instead)


def _risk_sources(
    key: str, permission_set: PermissionSetPolicies, partition: str, own: Sequence[str] = ()
) -> Iterator[_RiskSource]:
    for index, arn in enumerate(permission_set.managed_policies):
        risks = managed_policy_risks(arn.rpartition("/")[2])
        yield _RiskSource(f"{key}.managedPolicies[{index}]", dict.fromkeys(risks, format_value(arn)))
    for path, statement in _allows(key, permission_set):
        yield _RiskSource(path, statement_risks(statement, partition, own), statement)


def managed_policy_risks(name: str) -> frozenset[RiskAcknowledgement]:
    """Return the risks of an AWS managed policy, none if it is unknown; administrator access brings all."""
    risks = frozenset(risk for risk, names in MANAGED_POLICIES.items() if name in names)
    return frozenset(RiskAcknowledgement) if _ADMINISTRATOR in risks else risks


def statement_risks(
    statement: Statement, partition: str = "aws", own: Sequence[str] = ()
) -> dict[RiskAcknowledgement, str]:
    """Return the risks of an Allow statement, each with its actions; administrator access brings all."""
    if _allows_everything(statement, partition):
        return dict.fromkeys(RiskAcknowledgement, _show_actions(statement))
    alert_path = RISKS[RiskAcknowledgement.alert_path]
    rules = {**RISKS, RiskAcknowledgement.alert_path: replace(alert_path, resources=(*alert_path.resources, *own))}
    reached = {
        risk: _show_reached(statement, rule, partition) for risk, rule in rules.items() if risk is not _ADMINISTRATOR
    }
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
    """Say if the statement allows all actions, or all but some, on all resources, or all but some."""
    if not _allows_all_of(statement, RISKS[_ADMINISTRATOR], partition):
        return False
    if "NotAction" in statement:
        return not any(_is_everything(action) for action in _as_list(statement["NotAction"]))
    return any(_is_everything(action) for action in _as_list(statement["Action"]))


def _is_everything(action: str) -> bool:
    return not action.strip("*?:")


def _show_reached(statement: Statement, rule: LintRule, partition: str) -> str:
    """Return the part of an Allow statement that breaks a rule, for a report; empty for none."""
    # Actions first: most statements name no action of a rule.
    actions = _allowed_actions(statement, rule, partition, _named_actions(statement, rule))
    if not actions:
        return ""
    if "NotAction" in statement:
        return _show_actions(statement)
    reaching = [each for each in _as_list(statement["Action"]) if any(overlaps(each, action) for action in actions)]
    return format_value(reaching[0] if len(reaching) == 1 else reaching)


def _named_actions(statement: Statement, rule: LintRule) -> list[str]:
    """Return the rule's actions that the statement names."""
    if "NotAction" in statement:
        excluded = _as_list(statement["NotAction"])
        return [action for action in rule.actions if not any(covers(each, action) for each in excluded)]
    written = _as_list(statement["Action"])
    services = {each.partition(":")[0].lower() for each in written}
    if not any("*" in service or "?" in service for service in services):
        candidates = [action for action in rule.actions if action.partition(":")[0] in services]
    else:
        candidates = rule.actions
    return [action for action in candidates if any(overlaps(each, action) for each in written)]


def _allowed_actions(statement: Statement, rule: LintRule, partition: str, actions: Sequence[str]) -> list[str]:
    """Return the actions that the statement allows on resources of their service.

    Actions of a service without an ARN in the rule are on resources of the others, or on no resource.
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
    """Say if the statement allows all of the rule's resources, or all but some, in an account."""
    arns = [arn.format(partition=partition) for arn in rule.resources]
    if "NotResource" in statement:
        return any(_allows_some_of(statement, arn) for arn in arns)
    resources = [re.sub(r":\d{12}:", ":*:", each) for each in _as_list(statement["Resource"])]
    return any(covers(each, arn) for each in resources for arn in arns)


def _allows_some_of(statement: Statement, arn: str) -> bool:
    if "NotResource" in statement:
        return not any(covers(each, arn) for each in _as_list(statement["NotResource"]))
    # The value of a policy variable is known only at use. Service-linked roles belong to AWS: only AWS can change them,
    # and many policies name them without effect.
    return any(
        overlaps(re.sub(r"\$\{[^}]*\}", "*", each), arn)
        for each in _as_list(statement["Resource"])
        if not covers("arn:*:iam::*:role/aws-service-role/*", each)
    )


def _show_actions(statement: Statement) -> str:
    element = "NotAction" if "NotAction" in statement else "Action"
    return format_value({element: statement[element]})


def _as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
