"""The account and region in which each evidence path is recorded, and the events that it misses.

A row for each rule of each kind of subject. With the event names of the patterns, the rows make the detection matrix in
docs/architecture.md. "us-east-1" is cn-north-1 in the partition `aws-cn`, and us-gov-west-1 in `aws-us-gov`.

Sources: "Logging IAM and AWS STS API calls with AWS CloudTrail" and "Track privileged tasks in CloudTrail" (IAM User
Guide), "AWS Management Console sign-in events" (AWS CloudTrail User Guide), "Logging IAM Identity Center API calls with
AWS CloudTrail" (IAM Identity Center User Guide), and public records.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from breakglass.alerts.patterns import AlertRule
from breakglass.alerts.subjects import (
    AccessArea,
    AccessSubject,
    PermissionSetSubject,
    RoleSubject,
    RootSubject,
    TamperArea,
    TamperSubject,
    UserSubject,
    Watched,
)
from breakglass.vocabulary import EvidencePath

GLOBAL_REGION = "us-east-1 alone"
"""The region of events that AWS records in one region, wherever the caller is."""

_IDENTITY_CENTER = "Identity Center's"
_STS = "the STS endpoint's; us-east-1 for the global endpoint"
_SIGN_IN_PAGE = "the sign-in page's, often us-east-1"
_CALL = "the call's; us-east-1 for global services"
_INSTANCE = "owner of the Identity Center instance"
_ADMINISTRATOR = "management account, or the delegated administrator"
_REFRESHES = "refreshes of the credentials; the number of machines"


@dataclass(frozen=True)
class Evidence:
    """The place of the records of a rule, in words.

    Attributes:
        account: the account that has the record.
        region: the region that has it.
        not_seen: the related events that the rule does not match.
    """

    account: str
    region: str
    not_seen: str


_Key = tuple[type[Watched], EvidencePath, AccessArea | TamperArea | None]

EVIDENCE: Mapping[_Key, Evidence] = {
    (PermissionSetSubject, EvidencePath.session_start, None): Evidence(
        "the role's", _IDENTITY_CENTER, "the person's address: the record has AWS's own"
    ),
    (PermissionSetSubject, EvidencePath.portal, None): Evidence(
        _INSTANCE, _IDENTITY_CENTER, "the name of the person: the record has their ID"
    ),
    (PermissionSetSubject, EvidencePath.console, None): Evidence(
        "the role's", "the sign-in page's: often Identity Center's, else us-east-1", "command lines"
    ),
    (PermissionSetSubject, EvidencePath.login, None): Evidence("the role's", _SIGN_IN_PAGE, _REFRESHES),
    (PermissionSetSubject, EvidencePath.denied, None): Evidence(
        "the caller's; the instance owner's for the portal",
        "that of the path that failed",
        "a refused `AssumeRoleWithSAML` and a failed console sign-in: their records name no role",
    ),
    (RoleSubject, EvidencePath.session_start, None): Evidence(
        "the role's, and a copy in the caller's", _STS, "the person, unless the trust policy sets the session's name"
    ),
    (RoleSubject, EvidencePath.console, None): Evidence("the role's", _SIGN_IN_PAGE, "command lines"),
    (RoleSubject, EvidencePath.login, None): Evidence("the role's", _SIGN_IN_PAGE, _REFRESHES),
    (RoleSubject, EvidencePath.denied, None): Evidence(
        "the caller's: AWS writes no copy of a refusal",
        _STS,
        "attempts from other accounts; refusals whose records name no role, as above",
    ),
    (UserSubject, EvidencePath.sign_in, None): Evidence(
        "the user's",
        "the sign-in page's: us-east-1, or a region near the person; else the STS endpoint's",
        "actions in the session",
    ),
    (UserSubject, EvidencePath.login, None): Evidence("the user's", _SIGN_IN_PAGE, _REFRESHES),
    (UserSubject, EvidencePath.credentials, None): Evidence(
        "the user's", GLOBAL_REGION, "changes of a policy or a group that the user has already"
    ),
    (UserSubject, EvidencePath.key_use, None): Evidence(
        "the user's", _CALL, "each single call: it has an alarm, no message; data events"
    ),
    (UserSubject, EvidencePath.denied, None): Evidence(
        "the user's", "as for `sign_in` and `login`", "a sign-in with a wrong name; other calls that AWS refused"
    ),
    (RootSubject, EvidencePath.sign_in, None): Evidence(
        "root's", GLOBAL_REGION, "root of accounts without such a stack"
    ),
    (RootSubject, EvidencePath.change, None): Evidence(
        "root's", _CALL, "reads; calls that a service makes as root; regions without such a stack"
    ),
    (RootSubject, EvidencePath.login, None): Evidence("root's", _SIGN_IN_PAGE, _REFRESHES),
    (RootSubject, EvidencePath.assume_root, None): Evidence(
        "the caller's, and a copy in the member account",
        "the STS endpoint's",
        "the tasks in the session: a change is in `change` of the member account",
    ),
    (RootSubject, EvidencePath.denied, None): Evidence(
        "root's; the caller's for `AssumeRoot`",
        "us-east-1 for sign-ins, else the endpoint's",
        "changes that AWS refused to root",
    ),
    (AccessSubject, EvidencePath.access, AccessArea.assignments): Evidence(
        _ADMINISTRATOR,
        _IDENTITY_CENTER,
        "sets under `watch.permissionSets`; assignments that are deleted; refused attempts",
    ),
    (AccessSubject, EvidencePath.access, AccessArea.memberships): Evidence(
        _ADMINISTRATOR,
        _IDENTITY_CENTER,
        "members that a directory synchronizes (SCIM); groups that the stack file does not name; refused attempts",
    ),
    (AccessSubject, EvidencePath.access, AccessArea.entitlements): Evidence(
        _ADMINISTRATOR, _IDENTITY_CENTER, "members of a group that has an entitlement; refused attempts"
    ),
    (TamperSubject, EvidencePath.tamper, TamperArea.rules): Evidence(
        "the stack's", "the stack's", "a rule of tampering that is deleted first"
    ),
    (TamperSubject, EvidencePath.tamper, TamperArea.stack): Evidence(
        "the stack's", "the stack's", "writes to the table and the queues; backups; executions that are started; tags"
    ),
    (TamperSubject, EvidencePath.tamper, TamperArea.trail): Evidence(
        "that of the trail, bucket or key",
        "that of the trail, bucket or key",
        "a trail, bucket or key that the stack file does not name",
    ),
    (TamperSubject, EvidencePath.tamper, TamperArea.globals): Evidence(
        "the stack's; the management account for Organizations",
        GLOBAL_REGION,
        "changes of the deployers' roles in other accounts",
    ),
    (TamperSubject, EvidencePath.session_start, None): Evidence(
        "the deployer's", _STS, "changes in the session: a deployer's are no tampering"
    ),
    (TamperSubject, EvidencePath.denied, None): Evidence(
        "the caller's",
        "as for the change",
        "refused reads; refusals whose text does not name the resource; refused changes of a deployer's role",
    ),
}
"""The row of each rule, by the kind of its subject, its evidence path and its area."""


def evidence(watched: Watched, rule: AlertRule) -> Evidence:
    """Return the place of the records of a subject's rule."""
    return EVIDENCE[type(watched), rule.path, rule.area]
