"""The rights that a state machine needs for what its tasks call; MiniStack asks for none.

From "IAM policies for integrated services" in the Step Functions Developer Guide and from the service authorization
reference. HTTP Tasks have a check of their own (`localcloud.emulators.http_task`).

The errors of a refusal are `Lambda.AWSLambdaException`, `SNS.AuthorizationErrorException`, and for other services the
service's general exception, as in `CloudWatch.CloudWatchException`. No recording has them: nothing may depend on them.

Non-goals: policies of the resources that are called; all services. A task whose rights are not known here is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_LAMBDA = "arn:aws:states:::lambda:invoke"


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
    integration = resource.removesuffix(".waitForTaskToken").removesuffix(".sync")
    if integration.startswith("arn:aws:lambda:"):
        return [Right("lambda:InvokeFunction", integration)]
    if not integration.startswith("arn:aws:states:::"):
        return [] if ":activity:" in integration else None
    match integration.removeprefix("arn:aws:states:::").removeprefix("aws-sdk:"):
        case "http:invoke":
            return []
        case "lambda:invoke":
            name = arguments["FunctionName"]
            arn = name if name.startswith("arn:") else f"arn:aws:lambda:{region}:{account}:function:{name}"
            return [Right("lambda:InvokeFunction", arn)]
        case "sns:publish":
            return [Right("sns:Publish", arguments["TopicArn"])]
        case "sqs:sendMessage":
            queue = arguments["QueueUrl"].rsplit("/", 1)[-1]
            return [Right("sqs:SendMessage", f"arn:aws:sqs:{region}:{account}:{queue}")]
        case "events:putEvents" | "eventbridge:putEvents":
            return [_put_events(entry, region, account) for entry in arguments["Entries"]]
        case "cloudwatch:putMetricData":
            return [Right("cloudwatch:PutMetricData", keys={"cloudwatch:namespace": arguments["Namespace"]})]
        case "cloudwatch:getMetricData" | "cloudwatch:getMetricStatistics" | "cloudwatch:listMetrics" as call:
            return [Right(f"cloudwatch:{_capitalized(call)}")]
        case "states:startExecution" | "sfn:startExecution":
            return [Right("states:StartExecution", arguments["StateMachineArn"])]
        case "sfn:listExecutions":
            return [Right("states:ListExecutions", arguments["StateMachineArn"])]
        case "sfn:describeExecution" | "sfn:getExecutionHistory" as call:
            return [Right(f"states:{_capitalized(call)}", arguments["ExecutionArn"])]
        case _:
            return None


def _capitalized(call: str) -> str:
    name = call.partition(":")[2]
    return name[0].upper() + name[1:]


def _put_events(entry: Mapping[str, Any], region: str, account: str) -> Right:
    bus = entry.get("EventBusName", "default")
    arn = bus if bus.startswith("arn:") else f"arn:aws:events:{region}:{account}:event-bus/{bus}"
    keys = {"events:source": entry["Source"], "events:detail-type": entry["DetailType"]}
    return Right("events:PutEvents", arn, keys)


def refusal(resource: str, right: Right, role_arn: str) -> tuple[str, str]:
    """Return error and cause of a task whose role lacks a right."""
    cause = (
        f"User: {role_arn} is not authorized to perform: {right.action} on resource: {right.resource} because no "
        f"identity-based policy allows the {right.action} action"
    )
    match right.action.partition(":")[0]:
        case "lambda":
            return "Lambda.AWSLambdaException", cause
        case "sns":
            prefix = "Sns" if ":aws-sdk:" in resource else "SNS"
            return f"{prefix}.AuthorizationErrorException", cause
        case "sqs":
            return "SQS.AmazonSQSException", cause
        case "events":
            return "EventBridge.EventBridgeException", cause
        case "states":
            return "StepFunctions.StepFunctionsException", cause
        case _:
            return "CloudWatch.CloudWatchException", cause
