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
    "cloudwatch": "CloudWatch.CloudWatchException",
    "events": "EventBridge.EventBridgeException",
    "lambda": "Lambda.AWSLambdaException",
    "sns": "SNS.AuthorizationErrorException",
}
"""The error of a refusal by the service. No recording has them, so nothing may depend on them."""


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
        arguments: what the task sends.
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
        case _ if ":activity:" in integration:
            return []
        case _ if integration.startswith("arn:aws:lambda:"):
            return [Right("lambda:InvokeFunction", integration)]
        case _:
            return None


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
