"""Event patterns for the use of a watched role, one for each evidence path.

CloudTrail records such a use as:

    path            events, and in which account                                      where the role is
    session_start   STS AssumeRole*, where the role is (and in the caller's account)  requestParameters.roleArn
    portal          Identity Center's GetRoleCredentials and Federate, in the         serviceEventDetails.role_name or
                    account that owns the instance                                    requestParameters.roleName
    console         ConsoleLogin and SwitchRole, where the role is                    userIdentity.arn
    login           the calls of `aws login`, where the role is                       userIdentity.arn
    denied          those of the first two and the last that failed, likewise; a      errorMessage, or as above
                    refused STS call has no requestParameters

Two records of GetRoleCredentials are public: one is a service event, one (trimmed by its publisher) an API call. No
record of Federate is public. So both shapes match, from both services that may write them.

Sources: "Logging IAM and AWS STS API calls with AWS CloudTrail" (IAM User Guide), "Logging IAM Identity Center API
calls with AWS CloudTrail" (IAM Identity Center User Guide), "AWS service events delivered via AWS CloudTrail" and
"Comparison operators for use in event patterns" (Amazon EventBridge User Guide).

Non-goals:
- Actions in an open session, which CloudTrail records.
- A refused AssumeRoleWithSAML and a failed console sign-in: their records don't name the role.
- Distinguishing a permission set `x` from a set `x_y`: the role of the second looks like that of the first with a
  longer suffix. The stack file refuses such names, or warns if both sets are managed elsewhere
  (`breakglass.stack_file.set_names`).
"""

from typing import Any

from breakglass.alerts.patterns.parts import (
    API_CALL,
    LOGIN_CALLS,
    REFUSED,
    SERVICE_EVENT,
    SIGN_IN,
    SUCCEEDED,
    Pattern,
    escape_wildcards,
    login_pattern,
)
from breakglass.alerts.subjects import PermissionSetSubject, Role, RoleSubject
from breakglass.vocabulary import EvidencePath

SESSION_CALLS = ["AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"]
PORTAL_CALLS = ["GetRoleCredentials", "Federate"]

_ORIGIN: dict[EvidencePath, Pattern] = {
    EvidencePath.session_start: {"source": ["aws.sts"], "detail-type": [API_CALL]},
    EvidencePath.portal: {"source": ["aws.sso", "aws.signin"], "detail-type": [SERVICE_EVENT, API_CALL]},
    EvidencePath.console: {"source": ["aws.signin"], "detail-type": SIGN_IN},
    EvidencePath.denied: {"source": ["aws.sts", "aws.sso", "aws.signin"], "detail-type": [API_CALL, SERVICE_EVENT]},
}

RESERVED_PATH = "role/aws-reserved/sso.amazonaws.com/"


def role_pattern(subject: Role, path: EvidencePath, partition: str) -> Pattern:
    """Return the event pattern of one rule in a partition; a role's ARN has its own."""
    if path is EvidencePath.login:
        return login_pattern({"arn": _session_arns(subject, partition)})
    return {**_ORIGIN[path], "detail": _detail(subject, path, partition)}


def _detail(subject: Role, path: EvidencePath, partition: str) -> Pattern:
    match path:
        case EvidencePath.session_start:
            role = {"requestParameters": {"roleArn": _role_arns(subject, partition)}}
            return {"eventName": SESSION_CALLS, **SUCCEEDED, **role}
        case EvidencePath.portal:
            return {"eventName": PORTAL_CALLS, **SUCCEEDED, "$or": _portal_roles(subject.label)}
        case EvidencePath.console:
            # SwitchRole, and ConsoleLogin after federation without Identity Center, have no sessionContext: then only
            # the session's ARN names the role.
            return {
                "$or": [
                    {"eventName": ["ConsoleLogin"], "responseElements": {"ConsoleLogin": ["Success"]}},
                    {"eventName": ["SwitchRole"], "responseElements": {"SwitchRole": ["Success"]}},
                ],
                "userIdentity": {"arn": _session_arns(subject, partition)},
            }
        case _:
            portal = PORTAL_CALLS if isinstance(subject, PermissionSetSubject) else []
            # A refused AssumeRole *by* the role's session is no attempt to use the role.
            login = {
                "eventSource": ["signin.amazonaws.com"],
                "userIdentity": {"arn": _session_arns(subject, partition)},
            }
            return {
                "eventName": [*SESSION_CALLS, *portal, *LOGIN_CALLS],
                **REFUSED,
                "$or": [*_refused_roles(subject, partition), login],
            }


def _refused_roles(subject: Role, partition: str) -> list[Pattern]:
    """Match a failed call by all fields that may name the role."""
    by_arn: Pattern = {"requestParameters": {"roleArn": _role_arns(subject, partition)}}
    match subject:
        case PermissionSetSubject(name):
            # No session's ARN has `:role/` (but `:assumed-role/`), so a refused call *by* the role does not match.
            messages = [{"wildcard": f"*:{role}"} for role in _reserved_roles(name)]
            return [{"errorMessage": messages}, by_arn, *_portal_roles(name)]
        case RoleSubject(arn):
            # "... on resource: ARN", at the end or before a reason; a longer role name continues without a space.
            messages = [{"suffix": f" {arn}"}, {"wildcard": f"* {escape_wildcards(arn)} *"}]
            return [{"errorMessage": messages}, by_arn]


def _portal_roles(name: str) -> list[Pattern]:
    """Match an event of the access portal by both fields that may name the permission set."""
    return [{"serviceEventDetails": {"role_name": [name]}}, {"requestParameters": {"roleName": [name]}}]


def _role_arns(subject: Role, partition: str) -> list[Any]:
    match subject:
        case PermissionSetSubject(name):
            return [{"wildcard": f"arn:{partition}:iam::*:{role}"} for role in _reserved_roles(name)]
        case RoleSubject(arn):
            return [arn]


def _reserved_roles(name: str) -> list[str]:
    """Match the part behind the account in the ARN of a permission set's role, with any suffix.

    The path has no region if Identity Center is in us-east-1. Each form has a pattern with a slash before the name: a
    permission set may be called `a_AWSReservedSSO_x`, which one wildcard would take for `x`.
    """
    role = f"AWSReservedSSO_{escape_wildcards(name)}_*"
    return [RESERVED_PATH + role, f"{RESERVED_PATH}*/{role}"]


def _session_arns(subject: Role, partition: str) -> list[Any]:
    """Match the ARN of a session, which has the role's name without its path and region."""
    match subject:
        case PermissionSetSubject(name):
            return [{"wildcard": f"arn:{partition}:sts::*:assumed-role/AWSReservedSSO_{escape_wildcards(name)}_*"}]
        case RoleSubject(arn):
            return [{"prefix": f"arn:{arn.split(':')[1]}:sts::{subject.account_id}:assumed-role/{subject.label}/"}]
