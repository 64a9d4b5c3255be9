"""The checks of the approvals: functions, the table, and permission sets that were never provisioned.

Non-goals: the people of the rules (see `people`); what the reconciler counts (see `metrics`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from breakglass.app.domain.grant_lifecycle import GrantEvent
from breakglass.app.domain.policy import ApprovalPolicy
from breakglass.cli.deployment import SECRET, Deployment, Resource
from breakglass.cli.doctor.alert_path import REDEPLOY, Answer, changed_properties, missing
from breakglass.cli.doctor.check import Check, Judgement, Sources, call_or_none, list_pages
from breakglass.cli.doctor.finding import Status
from breakglass.cli.doctor.metrics import ASSIGNMENTS, DAY, EXPLANATIONS, FUNCTION_FAULTS, FUNCTION_TYPE, RECONCILER
from breakglass.cli.stack_outputs import POLICY_OUTPUT, TABLE_OUTPUT, StackOutputs, parse_policy

TABLE_TYPE = "aws:dynamodb/table"

# --- functions --------------------------------------------------------------------------------------------------------


def deployed_variables(function: Resource) -> Any:
    """Return the environment variables of a function by name; `SECRET` if they are one; None without any."""
    environment = function.get("environment") or {}
    return SECRET if environment == SECRET else environment.get("variables")


def _look_at_function(sources: Sources, function: Resource) -> Answer:
    name = function.physical_name
    return call_or_none(sources.aws(function.region), "lambda", "GetFunctionConfiguration", FunctionName=name)


def judge_function(function: Resource, found: Answer) -> list[Judgement]:
    """Return the problems of a function: missing, not active, or changed since the deployment."""
    name = function.physical_name
    if found is None:
        return missing("The function", name)
    problems: list[Judgement] = []
    state, update = found.get("State", "Active"), found.get("LastUpdateStatus", "Successful")
    if state not in ("Active", "Inactive"):
        # Inactive: Lambda has reclaimed an idle function, and starts it again at the next call.
        reason = found.get("StateReason") or ""
        problems.append(Judgement(Status.fail, f"The function {name} is {state}. {reason}", REDEPLOY))
    if update == "Failed":
        reason = found.get("LastUpdateStatusReason") or ""
        problems.append(Judgement(Status.fail, f"The last update of the function {name} failed. {reason}", REDEPLOY))
    expected = {
        "CodeSha256": function.get("codeSha256"),
        "Handler": function.get("handler"),
        "Role": function.get("role"),
        "Runtime": function.get("runtime"),
        "Environment": deployed_variables(function),
    }
    environment = (found.get("Environment") or {}).get("Variables")
    known = {property_: value for property_, value in expected.items() if value is not None}
    changed = changed_properties(known, {**found, "Environment": environment})
    deployed, modified = function.outputs.get("lastModified"), found.get("LastModified")
    if changed:
        problems.append(
            Judgement(
                Status.fail,
                f"The function {name} differs from the deployed one: {', '.join(changed)}. Last modified: {modified}.",
                REDEPLOY,
                "It decides and grants with other code or other settings than those that were reviewed.",
            )
        )
    elif deployed and modified and deployed != modified:
        problems.append(
            Judgement(
                Status.warn,
                f"The function {name} was modified at {modified}, after its deployment at {deployed}.",
                REDEPLOY,
            )
        )
    return problems


FUNCTIONS = Check(
    name="function",
    why="A function that does not run as deployed answers no click, records no use, or revokes no access.",
    subjects=lambda deployment: deployment.of_type(FUNCTION_TYPE),
    look=_look_at_function,
    judge=judge_function,
    ok="functions active, with code, role and settings as deployed: {count}",
    actions=("lambda:GetFunctionConfiguration",),
    name_subject=lambda function: f"the function {function.physical_name}",
)

# --- the table --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TableState:
    """A table as DynamoDB has it."""

    status: str
    deletion_protection: bool
    point_in_time_recovery: bool


def _look_at_table(sources: Sources, table: Resource) -> TableState | None:
    operations, name = sources.aws(table.region), table.physical_name
    described = call_or_none(operations, "dynamodb", "DescribeTable", TableName=name)
    if described is None:
        return None
    backups = operations.call("dynamodb", "DescribeContinuousBackups", TableName=name)
    recovery = (backups.get("ContinuousBackupsDescription") or {}).get("PointInTimeRecoveryDescription") or {}
    found: Mapping[str, Any] = described.get("Table") or {}
    return TableState(
        str(found.get("TableStatus")),
        found.get("DeletionProtectionEnabled") is True,
        recovery.get("PointInTimeRecoveryStatus") == "ENABLED",
    )


def judge_table(table: Resource, found: TableState | None) -> list[Judgement]:
    """Return the problems of the table: missing, not active, or without its protections."""
    name = table.physical_name
    if found is None:
        return missing("The table", name)
    problems: list[Judgement] = []
    if found.status not in ("ACTIVE", "UPDATING"):
        problems.append(Judgement(Status.fail, f"The table {name} is {found.status}.", REDEPLOY))
    if not found.deletion_protection:
        what = f"The table {name} has no deletion protection"
        problems.append(
            Judgement(Status.fail, f"{what}, which it had when it was deployed.", REDEPLOY)
            if table.get("deletionProtectionEnabled") is True
            else Judgement(
                Status.warn,
                f"{what}, as the stack file says (`protectRecords: false`).",
                "Remove `protectRecords: false`, unless the stack is to be destroyed.",
            )
        )
    if not found.point_in_time_recovery:
        problems.append(Judgement(Status.fail, f"The table {name} has no point-in-time recovery.", REDEPLOY))
    return problems


TABLE = Check(
    name="table",
    why="The table has every request, grant and explanation, and the audit trail.",
    subjects=lambda deployment: deployment.of_type(TABLE_TYPE),
    look=_look_at_table,
    judge=judge_table,
    ok="the table is protected from deletion, with point-in-time recovery",
    actions=("dynamodb:DescribeTable", "dynamodb:DescribeContinuousBackups"),
    name_subject=lambda table: f"the table {table.physical_name}",
)

# --- permission sets --------------------------------------------------------------------------------------------------

_TRIED_SECONDS = 90 * DAY


@dataclass(frozen=True)
class DeployedApprovals:
    """The compiled approval policy of the stack, and the table's name."""

    policy: ApprovalPolicy
    table: str


def deployed_approvals(deployment: Deployment) -> list[DeployedApprovals]:
    """Return the approvals of the stack, none or one.

    Raises:
        InvalidArgumentError: another version of breakglass compiled the policy.
    """
    text, table = deployment.outputs.get(POLICY_OUTPUT), deployment.outputs.get(TABLE_OUTPUT)
    if not isinstance(text, str) or not isinstance(table, str):
        return []
    return [DeployedApprovals(parse_policy(text, POLICY_OUTPUT, "(an output of the stack)"), table)]


def _requestable(policy: ApprovalPolicy) -> list[tuple[str, str]]:
    """Return each permission set of a rule with each account of that rule."""
    pairs = ((name, account) for rule in policy.rules for name in rule.sets for account in rule.accounts)
    return [(name, account) for name, account in dict.fromkeys(pairs) if name in policy.sets]


def _look_at_provisioning(sources: Sources, approvals: DeployedApprovals) -> frozenset[tuple[str, str]]:
    """Return the sets with an account where they are provisioned, or were granted in the last 90 days."""
    policy = approvals.policy
    operations, requestable = sources.aws(policy.settings.region), _requestable(policy)
    proven = {
        (name, account)
        for name in dict.fromkeys(name for name, _ in requestable)
        for account in list_pages(
            operations,
            "AccountIds",
            "sso-admin",
            "ListAccountsForProvisionedPermissionSet",
            InstanceArn=policy.settings.instance_arn,
            PermissionSetArn=policy.sets[name].arn,
        )
    }
    if not proven.issuperset(requestable):
        # Identity Center deletes the role with the last assignment; the audit trail knows of earlier ones.
        now = sources.clock()
        trail = sources.store(StackOutputs(policy, approvals.table)).audit(now - _TRIED_SECONDS, now)
        granted = (entry for entry in trail if entry.event == GrantEvent.granted)
        proven |= {(entry.permission_set, account) for entry in granted for account in entry.accounts}
    return frozenset(proven)


def judge_provisioning(approvals: DeployedApprovals, proven: frozenset[tuple[str, str]]) -> list[Judgement]:
    """Return a problem for each set that is unproven in an account where it may be requested."""
    untried: dict[str, list[str]] = {}
    for name, account in _requestable(approvals.policy):
        if (name, account) not in proven:
            label = approvals.policy.accounts.get(account, "")
            untried.setdefault(name, []).append(f"{account} ({label})" if label else account)
    return [
        Judgement(
            Status.warn,
            f"The set {name} is not provisioned in {', '.join(accounts)}, and was not granted there in 90 days.",
            "Request it there once, as a drill, and end the access.",
        )
        for name, accounts in untried.items()
    ]


PROVISIONING = Check(
    name="provisioning",
    why="The first assignment creates the role in the account. It fails if the account lacks a policy or a boundary "
    "that the set names, and an emergency is a bad moment to learn that.",
    subjects=deployed_approvals,
    look=_look_at_provisioning,
    judge=judge_provisioning,
    ok="each requestable set is provisioned in its accounts, or was granted there in the last 90 days",
    actions=("sso:ListAccountsForProvisionedPermissionSet", "dynamodb:Query"),
    name_subject=lambda _: "the provisioned permission sets",
)

APPROVALS: Sequence[Check[Any, Any]] = (
    RECONCILER,
    FUNCTIONS,
    FUNCTION_FAULTS,
    TABLE,
    ASSIGNMENTS,
    EXPLANATIONS,
    PROVISIONING,
)
