"""The rights that a state machine needs for what its tasks call; MiniStack asks for none.

From "IAM policies for integrated services" in the Step Functions Developer Guide and from the service authorization
reference. HTTP Tasks have a check of their own (`localcloud.emulators.http_task`).

A task whose rights are not known here is refused, so that none goes unchecked.

Non-goals: policies of the resources that are called.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_ERRORS = {
    "cloudtrail": "CloudTrail.CloudTrailException",
    "cloudwatch": "CloudWatch.CloudWatchException",
    "events": "EventBridge.EventBridgeException",
    "iam": "Iam.IamException",
    "lambda": "Lambda.AWSLambdaException",
    "logs": "CloudWatchLogs.CloudWatchLogsException",
    "organizations": "Organizations.AccessDeniedException",
    "sns": "SNS.AuthorizationErrorException",
    "states": "Sfn.SfnException",
}
"""The error of a refusal by the service. No recording has them, so nothing may depend on them."""


_WITHOUT_RESOURCE = {
    "aws-sdk:cloudtrail:describeTrails": "cloudtrail:DescribeTrails",
    "aws-sdk:cloudtrail:lookupEvents": "cloudtrail:LookupEvents",
    "aws-sdk:iam:listRoles": "iam:ListRoles",
    "aws-sdk:organizations:listAccounts": "organizations:ListAccounts",
}
"""Integrations whose actions have no resource types."""


@dataclass(frozen=True)
class Right:
    """An action on a resource.

    Attributes:
        action: the IAM action.
        resource: its ARN; `*` for an action that has no resources.
        keys: condition keys, in lower case.
    """

    action: str
    resource: str = "*"
    keys: Mapping[str, str] = field(default_factory=dict)


def needed_rights(resource: str, arguments: Mapping[str, Any], region: str, account: str) -> list[Right] | None:
    """Return the rights that a task needs; None if they are not known here.

    Args:
        resource: the `Resource` of the task.
        arguments: what the task sends; for GetQueryResults, also the `LogGroupNames` of the query.
        region: the machine's region.
        account: the machine's account.
    """
    integration = resource.removesuffix(".waitForTaskToken").removeprefix("arn:aws:states:::")
    match integration:
        case "http:invoke":
            return []
        case "lambda:invoke":
            return [Right("lambda:InvokeFunction", arguments["FunctionName"])]
        case "sns:publish":
            return [Right("sns:Publish", arguments["TopicArn"])]
        case "events:putEvents":
            return [_put_events(entry, region, account) for entry in arguments["Entries"]]
        case "aws-sdk:cloudwatch:putMetricData":
            return [Right("cloudwatch:PutMetricData", keys={"cloudwatch:namespace": arguments["Namespace"]})]
        case "aws-sdk:cloudwatch:getMetricData":
            return [Right("cloudwatch:GetMetricData")]
        case "aws-sdk:cloudwatchlogs:startQuery":
            return [Right("logs:StartQuery", arn) for arn in _log_groups(arguments, region, account)]
        case "aws-sdk:cloudwatchlogs:getQueryResults":
            return [Right("logs:GetQueryResults", arn) for arn in _log_groups(arguments, region, account)]
        case "aws-sdk:sfn:listExecutions":
            return [Right("states:ListExecutions", arguments["StateMachineArn"])]
        case "aws-sdk:cloudtrail:getTrailStatus":
            return [Right("cloudtrail:GetTrailStatus", arguments["Name"])]
        case _ if integration in _WITHOUT_RESOURCE:
            return [Right(_WITHOUT_RESOURCE[integration])]
        case _ if ":activity:" in integration:
            return []
        case _ if integration.startswith("arn:aws:lambda:"):
            return [Right("lambda:InvokeFunction", integration)]
        case _:
            return None


def _log_groups(arguments: Mapping[str, Any], region: str, account: str) -> list[str]:
    single = arguments.get("LogGroupName")
    names = [*([] if single is None else [single]), *(arguments.get("LogGroupNames") or ())]
    given = [arn if arn.endswith(":*") else f"{arn}:*" for arn in arguments.get("LogGroupIdentifiers") or ()]
    return [*given, *(f"arn:aws:logs:{region}:{account}:log-group:{name}:*" for name in names)]


def _put_events(entry: Mapping[str, Any], region: str, account: str) -> Right:
    bus = entry.get("EventBusName", "default")
    arn = bus if bus.startswith("arn:") else f"arn:aws:events:{region}:{account}:event-bus/{bus}"
    keys = {"events:source": entry["Source"], "events:detail-type": entry["DetailType"]}
    return Right("events:PutEvents", arn, keys)


def refusal(right: Right, role_arn: str) -> tuple[str, str]:
    """Return error and cause of a task whose role lacks a right."""
    cause = (
        f"User: {role_arn} is not authorized to perform: {right.action} on resource: {right.resource} because no "
        f"identity-based policy allows the {right.action} action"
    )
    return _ERRORS[right.action.partition(":")[0]], cause
