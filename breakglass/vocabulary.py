"""Enumerations that all layers share, e.g. evidence paths, severity and risks; and a region's partition."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Literal, get_args


class EvidencePath(StrEnum):
    """A kind of CloudTrail record that shows a use, an attempt or tampering, with rules of its own."""

    session_start = "session_start"
    """STS starts a session of the role (AssumeRoleWithSAML, AssumeRole), in the account of the role."""
    portal = "portal"
    """Identity Center issues credentials of the role (GetRoleCredentials, Federate), in the account of the instance."""
    console = "console"
    """A console sign-in with the role, or a switch to it (ConsoleLogin, SwitchRole)."""
    login = "login"
    """`aws login`: credentials for a command line from a console session (AuthorizeOAuth2Access, CreateOAuth2Token)."""
    sign_in = "sign_in"
    """An IAM user or the root user signs in, or takes the credentials of a session."""
    credentials = "credentials"
    """The credentials of an IAM user are changed, by any principal."""
    key_use = "key_use"
    """A long-lived access key of an IAM user is used. Its rule has no message, but an alarm."""
    change = "change"
    """A change made as the root user."""
    assume_root = "assume_root"
    """A session of another account's root user is opened (AssumeRoot), in the caller's account and in the other one."""
    access = "access"
    """A break-glass role is given to a principal, and not by the approvals."""
    tamper = "tamper"
    """A change of the alert path, the approvals, or the records that they need."""
    denied = "denied"
    """An attempt that AWS refused."""


RolePath = Literal[
    EvidencePath.session_start, EvidencePath.portal, EvidencePath.console, EvidencePath.login, EvidencePath.denied
]
"""An evidence path on which the use of a role can show up."""

ROLE_PATHS: tuple[RolePath, ...] = get_args(RolePath)
"""All evidence paths of a role."""


class Delivery(StrEnum):
    """The way of an alert from its rule to Slack."""

    direct = "direct"
    """An API destination posts the alert and takes any HTTP 200 for success, Slack's `ok: false` included."""
    confirmed = "confirmed"
    """A state machine posts the alert and reads Slack's answer. It sends a refused alert to the e-mail addresses and
    pagers of `monitoring`."""


class Severity(StrEnum):
    """The urgency of an alert or alarm, which decides who gets it."""

    page = "page"
    """On-call is paged, and it is mailed too."""
    mail = "mail"
    """It is mailed."""


class CallAs(StrEnum):
    """The maker of the CloudFormation StackSet with the spokes of an organization."""

    self = "self"
    """This stack, in the management account."""
    delegatedAdmin = "delegatedAdmin"  # noqa: N815 the value as the stack file writes it
    """This stack, in a delegated administrator account of CloudFormation StackSets."""
    elsewhere = "elsewhere"
    """Another program or stack. This one makes only the spokes of its own account."""


STACK_SET_CALLERS: Mapping[str, str] = {CallAs.self: "SELF", CallAs.delegatedAdmin: "DELEGATED_ADMIN"}
"""The value of `CallAs` in CloudFormation's API, by that of the stack file, for stacks that make the StackSet."""


class AssignmentTarget(StrEnum):
    """The permission set of a pair that an assignment gives to its principals."""

    everyday = "everyday"
    """The permission set for day-to-day work."""
    breakGlass = "breakGlass"  # noqa: N815 the value as the stack file writes it
    """The permission set for emergencies."""


class RiskAcknowledgement(StrEnum):
    """A power that a break-glass permission set gets only if the stack file names it."""

    administrator_access = "administrator-access"
    """Everything: `*`, AdministratorAccess, PowerUserAccess and similar policies."""
    iam = "iam"
    """IAM: can give itself and others any permission."""
    sso = "sso"
    """IAM Identity Center: can edit permission sets and assignments, its own included."""
    organizations = "organizations"
    """AWS Organizations: can detach service control policies and close accounts."""
    stop_cloudtrail = "stop-cloudtrail"
    """CloudTrail: can stop the records behind every alert."""
    alert_path = "alert-path"
    """EventBridge, the token's secret, the queue or the topic: can cut the alert."""
    approvals = "approvals"
    """The approvals' functions, records and workflow: can decide on its own request."""
    root = "root"
    """The root user of member accounts: can open its sessions, and let others open them."""
    access = "access"
    """AWS account access manager: can hand out roles outside Identity Center, without approval."""
    account = "account"
    """The account: can disable a region, close the account, or change the root user's address."""
    code = "code"
    """Commands on machines, and code with existing roles. Only a warning: on-call may need it."""
    stop_detection = "stop-detection"
    """AWS Config, GuardDuty, Security Hub: can switch off other detection. Only a warning."""


def partition_of_region(region: str) -> str:
    """Return the partition of the ARNs in a region: `aws`, `aws-cn` or `aws-us-gov`."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"


_GLOBAL_REGIONS = {"aws": "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}


def global_events_region(region: str) -> str:
    """Return the region of a region's partition where the events of global services are recorded.

    These are the sign-ins of root, and the events of IAM, AWS Organizations and the account ("Global service events",
    AWS CloudTrail User Guide).
    """
    return _GLOBAL_REGIONS[partition_of_region(region)]
