"""The record that CloudTrail writes of an API call.

Shapes: "CloudTrail record contents" in the AWS CloudTrail User Guide, and published records. Names of parameters begin
with a small letter; Lambda's event names carry the date of an API version; a key of KMS is in `resources`; a refused
call has no parameters, so only its error message names the resource. IAM, Organizations and account management are
recorded in us-east-1 alone. STS calls AssumeRole read-only, and GetSessionToken not.

Pure. Non-goals: the answer to a call (`responseElements`); calls of data events; calls by IAM users and services.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

GLOBAL_REGION = "us-east-1"
_GLOBAL_SERVICES = frozenset({"account", "iam", "organizations"})
_EVENT_SOURCES = {"cloudwatch": "monitoring", "sso-admin": "sso", "stepfunctions": "states"}
"""Services whose calls CloudTrail records by another name than boto3's."""
_LAMBDA_VERSIONS = {
    "AddPermission": "20150331v2",
    "DeleteFunction": "20150331",
    "UpdateFunctionCode": "20150331v2",
    "UpdateFunctionConfiguration": "20150331v2",
}
_READS = ("Describe", "Get", "List")
_STS_READS = {"AssumeRole": True, "GetFederationToken": False, "GetSessionToken": False}
"""Calls of STS that their names say nothing about."""
_HIDDEN = frozenset({"AuthParameters", "SecretBinary", "SecretString", "ZipFile"})
_RENAMED = {("s3", "Bucket"): "bucketName", ("account", "RegionName"): "RegionName"}


@dataclass(frozen=True)
class Caller:
    """A session of an IAM role that makes calls.

    Attributes:
        role_arn: ARN of the role, with its path.
        session_name: the session's name.
    """

    role_arn: str
    session_name: str

    @property
    def account(self) -> str:
        """ID of the account of the role."""
        return self.role_arn.split(":")[4]

    @property
    def identity(self) -> dict[str, Any]:
        """The `userIdentity` of the calls."""
        role = self.role_arn.rsplit("/", 1)[1]
        role_id = f"AROA{hashlib.sha256(self.role_arn.encode()).hexdigest()[:17].upper()}"
        return {
            "type": "AssumedRole",
            "principalId": f"{role_id}:{self.session_name}",
            "arn": f"arn:aws:sts::{self.account}:assumed-role/{role}/{self.session_name}",
            "accountId": self.account,
            "accessKeyId": "ASIAIOSFODNN7EXAMPLE",
            "sessionContext": {
                "sessionIssuer": {
                    "type": "Role",
                    "principalId": role_id,
                    "arn": self.role_arn,
                    "accountId": self.account,
                    "userName": role,
                },
                "attributes": {"mfaAuthenticated": "false"},
            },
        }


@dataclass(frozen=True)
class Refusal:
    """The error of a refused call: its code, and the message, which names caller, action and resource."""

    code: str
    message: str


def make_call_record(
    service: str,
    operation: str,
    parameters: Mapping[str, Any],
    caller: Caller,
    *,
    region: str,
    at: float,
    refusal: Refusal | None = None,
) -> dict[str, Any]:
    """Return the record of a call in the caller's account.

    The same call at the same time has the same event ID.

    Args:
        service: boto3's name of the service, as in `stepfunctions`.
        operation: the operation, as in `DeleteRule`.
        parameters: those of the call, as boto3 takes them.
        caller: the session that made the call.
        region: region of the call; a global service has its own.
        at: time of the call, in seconds since the epoch.
        refusal: the error, if AWS refused the call.
    """
    source = _EVENT_SOURCES.get(service, service)
    record: dict[str, Any] = {
        "eventVersion": "1.10",
        "userIdentity": caller.identity,
        "eventTime": datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": f"{source}.amazonaws.com",
        "eventName": operation + (_LAMBDA_VERSIONS.get(operation, "") if service == "lambda" else ""),
        "awsRegion": GLOBAL_REGION if service in _GLOBAL_SERVICES else region,
        "sourceIPAddress": "203.0.113.50",
        "userAgent": "aws-cli/2.31.3",
        "requestParameters": None if refusal else _recorded(service, parameters),
        "responseElements": None,
        "readOnly": (_STS_READS if service == "sts" else {}).get(operation, operation.startswith(_READS)),
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": caller.account,
        "eventCategory": "Management",
    }
    if refusal:
        record |= {"errorCode": refusal.code, "errorMessage": refusal.message}
    elif service == "kms" and str(parameters.get("KeyId")).startswith("arn:"):
        key = {"accountId": caller.account, "type": "AWS::KMS::Key", "ARN": parameters["KeyId"]}
        record["resources"] = [key]
    return {**record, "eventID": _event_id(record, at)}


def refuse(operation: str, action: str, resource: str, caller: Caller) -> Refusal:
    """Return the refusal of a call to which no identity-based policy entitles the caller.

    Args:
        operation: the operation, as in `DisableRule`.
        action: the prefix of its IAM action, as in `events`.
        resource: ARN of the resource.
        caller: the session that made the call.
    """
    name = f"{action}:{operation}"
    return Refusal(
        "AccessDenied",
        f"User: {caller.identity['arn']} is not authorized to perform: {name} on resource: {resource} because no "
        f"identity-based policy allows the {name} action",
    )


def _recorded(service: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters as CloudTrail names them, without secrets and code."""
    return {
        _RENAMED.get((service, name), name[:1].lower() + name[1:]): _recorded_value(service, value)
        for name, value in parameters.items()
        if name not in _HIDDEN
    }


def _recorded_value(service: str, value: Any) -> Any:
    match value:
        case Mapping():
            return _recorded(service, value)
        case list():
            return [_recorded_value(service, each) for each in value]
        case _:
            return value


def _event_id(record: Mapping[str, Any], at: float) -> str:
    digits = hashlib.sha256(json.dumps([record, at], sort_keys=True).encode()).hexdigest()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:32]))
