"""The words of the domain that every layer shares: evidence paths, targets of an assignment, risks, partitions."""

from enum import StrEnum


class EvidencePath(StrEnum):
    """A place in CloudTrail where the use of a role shows up; each gets an EventBridge rule of its own."""

    session_start = "session_start"
    """STS hands out a session of the role (AssumeRoleWithSAML, AssumeRole), in the account of the role."""
    portal = "portal"
    """Identity Center hands out the role (GetRoleCredentials, Federate), in the account that owns the instance."""
    console = "console"
    """A console sign-in with the role, or a switch to it (ConsoleLogin, SwitchRole)."""
    denied = "denied"
    """An attempt to use the role that AWS refused."""


class AssignmentTarget(StrEnum):
    """The permission sets of a pair that an assignment hands out."""

    everyday = "everyday"
    """The permission set for day-to-day work."""
    breakGlass = "breakGlass"  # noqa: N815 the value as the stack file writes it
    """The permission set for emergencies."""


class RiskAcknowledgement(StrEnum):
    """A power that a break-glass permission set gets only if the stack file names it."""

    administrator_access = "administrator-access"
    """Everything: `*`, AdministratorAccess, PowerUserAccess and their like."""
    iam = "iam"
    """IAM: can hand itself and others any further permission."""
    sso = "sso"
    """IAM Identity Center: can edit permission sets and assignments, its own included."""
    organizations = "organizations"
    """AWS Organizations: can detach service control policies and close accounts."""
    stop_cloudtrail = "stop-cloudtrail"
    """CloudTrail: can stop the records that every alert is made of."""
    alert_path = "alert-path"
    """EventBridge, the token's secret, the queue or the topic: can cut the alert itself."""
    approvals = "approvals"
    """The approvals' functions, records and workflow: can decide on its own request."""
    root = "root"
    """The root user of member accounts: can open a session of it, and let others open one."""
    access = "access"
    """AWS account access manager: can hand out roles beside Identity Center, where no approval is asked for."""
    account = "account"
    """The account itself: can disable a region, close the account, or change the root user's address."""
    code = "code"
    """Commands on machines and code under roles that are there already. Only a warning: on-call may need it."""
    stop_detection = "stop-detection"
    """AWS Config, GuardDuty, Security Hub: can switch off what else would notice. Only a warning."""


def partition_of_region(region: str) -> str:
    """Return the partition of the ARNs in a region: `aws`, `aws-cn` or `aws-us-gov`."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"
