"""Event patterns for tampering with the alert path, the approvals, and the records that they need.

    area     what                                                                 recorded in the region
    stack    changes of resources with the prefix of the stack, its secrets, the  of the stack
             default event bus, and the API of the approvals
    trail    changes of the trail, its bucket and the keys                        of the trail, bucket and key
    global   changes of the stack's roles (IAM), of the policy that ends          us-east-1 alone
             sessions and of the organization, and a region that is switched off

A refused call has `requestParameters: null`, so an attempt is found by its error message. Refused reads are silent.

Field names differ between services, e.g. `rule` and `name` of EventBridge. Names of Lambda's events carry a date, so
calls are told by `readOnly`, not by name.

Deployers and the approvals' own functions are left out by the ARN of their roles. The start of a deployer's session is
told instead.
"""

from collections.abc import Sequence
from typing import Any

from breakglass.alerts.patterns.parts import (
    ABSENT,
    API_CALL,
    CHANGES,
    PRESENT,
    SUCCEEDED,
    Pattern,
    not_by,
)
from breakglass.alerts.subjects import TamperArea, TamperSubject
from breakglass.vocabulary import EvidencePath

_STACK_SERVICES = [
    "apigateway",
    "dynamodb",
    "events",
    "lambda",
    "logs",
    "monitoring",
    "secretsmanager",
    "sns",
    "sqs",
    "states",
]
_GLOBAL_SERVICES = ["account", "iam", "organizations"]

# Calls that the alert path and the approvals make all the time.
_ROUTINE_CALLS = ["CreateLogStream", "StartExecution"]

_ACCESS_GIVERS = [
    "account-access.amazonaws.com",
    "iam.amazonaws.com",
    "member.org.stacksets.cloudformation.amazonaws.com",
    "sso.amazonaws.com",
]

_ALWAYS_TOLD = ["DisablePolicyType", "DisableRegion", "LeaveOrganization", "RegisterDelegatedAdministrator"]


def tamper_pattern(subject: TamperSubject, path: EvidencePath, area: TamperArea | None) -> Pattern:
    """Return the event pattern of one rule."""
    if path is EvidencePath.session_start:
        return _deployer_sessions(subject)
    if path is EvidencePath.denied:
        return _attempts(subject)
    match area:
        case TamperArea.stack:
            return _of_stack(subject)
        case TamperArea.trail:
            return _of_trail(subject)
        case _:
            return _of_globals(subject)


def _deployer_sessions(subject: TamperSubject) -> Pattern:
    return {
        "source": ["aws.sts"],
        "detail-type": [API_CALL],
        "detail": {
            "eventName": ["AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"],
            **SUCCEEDED,
            "requestParameters": {"roleArn": list(subject.deployers)},
        },
    }


def _of_stack(subject: TamperSubject) -> Pattern:
    def prefixed(before: str = "") -> list[Any]:
        if before:
            return [{"wildcard": f"{before}{prefix}*"} for prefix in subject.prefixes]
        return [{"prefix": prefix} for prefix in subject.prefixes]

    def parameter(name: str, values: list[Any]) -> Pattern:
        return {"requestParameters": {name: values}}

    secrets = [
        *prefixed(),
        *prefixed("arn:*:secret:"),
        *subject.secret_names,
        *({"wildcard": f"arn:*:secret:{name}-*"} for name in subject.secret_names),
    ]
    found = [
        *(parameter(name, prefixed()) for name in ("name", "rule", "alarmName", "alarmNames", "tableName")),
        parameter("functionName", [*prefixed(), *prefixed("arn:*:function:")]),
        parameter("secretId", secrets),
        *(
            parameter(name, prefixed("arn:*:"))
            for name in ("topicArn", "subscriptionArn", "stateMachineArn", "executionArn")
        ),
        parameter("queueUrl", prefixed("https://*/")),
        parameter("logGroupName", [*prefixed(), *prefixed("*/")]),
        # Without a name the call is about the default bus.
        {
            "eventName": ["UpdateEventBus", "PutPermission", "RemovePermission"],
            "requestParameters": {"name": ["default", ABSENT], "eventBusName": ["default", ABSENT]},
        },
    ]
    if subject.api_id is not None:
        found.append(parameter("apiId", [subject.api_id]))
    return {
        "source": [f"aws.{service}" for service in _STACK_SERVICES],
        "detail-type": [API_CALL],
        "detail": {
            "eventName": [{"anything-but": _ROUTINE_CALLS}],
            **CHANGES,
            **SUCCEEDED,
            "$or": found,
            **not_by(subject.actors),
        },
    }


def _of_trail(subject: TamperSubject) -> Pattern:
    found: list[Pattern] = []
    if subject.trail is not None:
        name = subject.trail.rsplit("/", 1)[-1]
        trails = [name, {"wildcard": f"arn:*:trail/{name}"}]
        found += [{"requestParameters": {"name": trails}}, {"requestParameters": {"trailName": trails}}]
    if subject.buckets:
        found.append({"requestParameters": {"bucketName": list(subject.buckets)}})
    if subject.keys:
        found.append({"resources": {"ARN": list(subject.keys)}})
    return {
        "source": ["aws.cloudtrail", "aws.kms", "aws.s3"],
        "detail-type": [API_CALL],
        "detail": {**CHANGES, **SUCCEEDED, "$or": found, **not_by(subject.actors)},
    }


def _of_globals(subject: TamperSubject) -> Pattern:
    policies = [{"requestParameters": {"policyId": list(subject.policy_ids)}}] if subject.policy_ids else []
    return {
        "source": [f"aws.{service}" for service in _GLOBAL_SERVICES],
        "detail-type": [API_CALL],
        "detail": {
            **CHANGES,
            **SUCCEEDED,
            "$or": [
                {"requestParameters": {"roleName": [{"prefix": prefix} for prefix in subject.prefixes]}},
                *policies,
                {
                    "eventName": ["RegisterDelegatedAdministrator", "EnableAWSServiceAccess"],
                    "requestParameters": {"servicePrincipal": _ACCESS_GIVERS},
                },
                {
                    "eventName": ["DisablePolicyType"],
                    "requestParameters": {"policyType": ["SERVICE_CONTROL_POLICY"]},
                },
                {"eventName": ["DisableRegion", "LeaveOrganization", "RemoveAccountFromOrganization"]},
            ],
            **not_by(subject.actors),
        },
    }


def _attempts(subject: TamperSubject) -> Pattern:
    names: Sequence[str] = [*subject.prefixes, *subject.secret_names]
    return {
        "source": [f"aws.{service}" for service in sorted([*_STACK_SERVICES, *_GLOBAL_SERVICES, "cloudtrail"])],
        "detail-type": [API_CALL],
        "detail": {
            "readOnly": [False],
            "errorCode": [PRESENT],
            "$or": [
                {"errorMessage": [{"wildcard": f"*{name}*"} for name in names]},
                {"eventName": _ALWAYS_TOLD},
            ],
        },
    }
