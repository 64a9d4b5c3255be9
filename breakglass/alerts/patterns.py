"""EventBridge event patterns for the use of a watched role in CloudTrail, one for each evidence path.

CloudTrail records such a use as:

    path            events, and in which account                                      where the role is
    session_start   STS AssumeRole*, where the role is (and in the caller's account)  requestParameters.roleArn
    portal          Identity Center's GetRoleCredentials and Federate, in the         serviceEventDetails.role_name or
                    account that owns the instance                                    requestParameters.roleName
    console         ConsoleLogin and SwitchRole, where the role is                    userIdentity.arn
    denied          those of the first two that failed, likewise; a refused STS       errorMessage, or as above
                    call has no requestParameters

A rule with such a pattern must be in the state `RULE_STATE`, since most of these are read-only events.

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

import json
import re
from typing import Any, assert_never

from breakglass.alerts.subjects import PermissionSetSubject, RoleSubject, Subject
from breakglass.errors import BreakglassError
from breakglass.vocabulary import EvidencePath

RULE_STATE = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
"""The state of every rule: one that is only ENABLED gets no read-only management events, such as GetRoleCredentials.

Source: "Rules for AWS management events" (Amazon EventBridge User Guide)
"""

PATTERN_LIMIT = 2048
"""The most characters of an event pattern by default ("Amazon EventBridge quotas")."""

Pattern = dict[str, Any]
"""An event pattern, or a part of one, as JSON."""

_SESSION_CALLS = ["AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"]
_PORTAL_CALLS = ["GetRoleCredentials", "Federate"]
_SUCCEEDED: Pattern = {"errorCode": [{"exists": False}]}

_API_CALL = "AWS API Call via CloudTrail"
_SERVICE_EVENT = "AWS Service Event via CloudTrail"
# Rules in use have the first spelling, AWS's documentation the second one.
_SIGN_IN = ["AWS Console Sign In via CloudTrail", "AWS Console Signin via CloudTrail"]

_ORIGIN: dict[EvidencePath, Pattern] = {
    EvidencePath.session_start: {"source": ["aws.sts"], "detail-type": [_API_CALL]},
    EvidencePath.portal: {"source": ["aws.sso", "aws.signin"], "detail-type": [_SERVICE_EVENT, _API_CALL]},
    EvidencePath.console: {"source": ["aws.signin"], "detail-type": _SIGN_IN},
    EvidencePath.denied: {"source": ["aws.sts", "aws.sso", "aws.signin"], "detail-type": [_API_CALL, _SERVICE_EVENT]},
}

RESERVED_PATH = "role/aws-reserved/sso.amazonaws.com/"


def event_pattern(subject: Subject, path: EvidencePath, *, partition: str = "aws") -> Pattern:
    """Return the event pattern of one rule in a partition; a role's ARN has its own.

    It matches sources of AWS only, which AWS refuses to any other sender (EventBridge API Reference, "PutEvents").

    Raises:
        ValueError: the subject has no such evidence path.
    """
    if path not in subject.evidence_paths:
        raise ValueError(f"{subject.label} is an IAM role; the access portal ({path}) offers permission sets only.")
    return {**_ORIGIN[path], "detail": _detail(subject, path, partition)}


def pattern_json(pattern: Pattern) -> str:
    """Return an event pattern as compact JSON.

    Raises:
        BreakglassError: it is longer than EventBridge accepts, because of a role with a very long path.
    """
    text = json.dumps(pattern, separators=(",", ":"))
    if len(text) > PATTERN_LIMIT:
        raise BreakglassError(
            f"Expected an event pattern of at most {PATTERN_LIMIT} characters, got {len(text)}: EventBridge would "
            "refuse the rule. The cause is a watched role with a very long path. Give the role a shorter path, or "
            "remove the evidence path `denied`, whose pattern repeats the ARN. The pattern begins: " + text[:200]
        )
    return text


def _detail(subject: Subject, path: EvidencePath, partition: str) -> Pattern:
    match path:
        case EvidencePath.session_start:
            role = {"requestParameters": {"roleArn": _role_arns(subject, partition)}}
            return {"eventName": _SESSION_CALLS, **_SUCCEEDED, **role}
        case EvidencePath.portal:
            return {"eventName": _PORTAL_CALLS, **_SUCCEEDED, "$or": _portal_roles(subject.label)}
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
        case EvidencePath.denied:
            return {
                "eventName": _SESSION_CALLS + (_PORTAL_CALLS if isinstance(subject, PermissionSetSubject) else []),
                "errorCode": [{"exists": True}],
                "$or": _refused_roles(subject, partition),
            }
        case _:
            assert_never(path)


def _refused_roles(subject: Subject, partition: str) -> list[Pattern]:
    """Match a failed call by all fields that may name the role."""
    by_arn: Pattern = {"requestParameters": {"roleArn": _role_arns(subject, partition)}}
    match subject:
        case PermissionSetSubject(name):
            # No session's ARN has `:role/` (but `:assumed-role/`), so a refused call *by* the role does not match.
            messages = [{"wildcard": f"*:{role}"} for role in _reserved_roles(name)]
            return [{"errorMessage": messages}, by_arn, *_portal_roles(name)]
        case RoleSubject(arn):
            # "... on resource: ARN", at the end or before a reason; a longer role name continues without a space.
            messages = [{"suffix": f" {arn}"}, {"wildcard": f"* {_escape_wildcards(arn)} *"}]
            return [{"errorMessage": messages}, by_arn]


def _portal_roles(name: str) -> list[Pattern]:
    """Match an event of the access portal by both fields that may name the permission set."""
    return [{"serviceEventDetails": {"role_name": [name]}}, {"requestParameters": {"roleName": [name]}}]


def _role_arns(subject: Subject, partition: str) -> list[Any]:
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
    role = f"AWSReservedSSO_{_escape_wildcards(name)}_*"
    return [RESERVED_PATH + role, f"{RESERVED_PATH}*/{role}"]


def _session_arns(subject: Subject, partition: str) -> list[Any]:
    """Match the ARN of a session, which has the role's name without its path and region."""
    match subject:
        case PermissionSetSubject(name):
            return [{"wildcard": f"arn:{partition}:sts::*:assumed-role/AWSReservedSSO_{_escape_wildcards(name)}_*"}]
        case RoleSubject(arn):
            return [{"prefix": f"arn:{arn.split(':')[1]}:sts::{subject.account_id}:assumed-role/{subject.label}/"}]


def _escape_wildcards(text: str) -> str:
    """Escape the special characters of a wildcard pattern."""
    return re.sub(r"[*\\]", r"\\\g<0>", text)
