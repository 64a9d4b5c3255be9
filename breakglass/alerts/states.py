"""States in the Amazon States Language (JSONata) that the machines of the alert path share.

An expression that yields nothing fails the execution, so each has a value for every answer of Slack
("Transforming data with JSONata in Step Functions", Step Functions Developer Guide).

Non-goals: the machines themselves (`breakglass.alerts.delivery_machine`, `probe_machine`, `drill_machine`,
`witness_machine`).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from breakglass.alerts.slack_errors import NO_ANSWER, SLACK_ERRORS, UNKNOWN_CODE, UNKNOWN_FAILURE
from breakglass.app.error_codes import Remedy
from breakglass.naming import METRICS_DIMENSION, METRICS_NAMESPACE, AlertMetric

State = dict[str, Any]
"""A state, JSON-ready."""

CALL_SECONDS = 10
"""The longest time that Slack has for an answer."""

QUERY_PAUSE_SECONDS = 5
"""The pause before the result of a query of Logs Insights is read."""

RUNNING_QUERY = ("Scheduled", "Running", "Unknown")
"""States of a query of Logs Insights that has not ended (CloudWatch Logs API Reference, "GetQueryResults")."""

MOST_READS = 120
"""Reads of a query's result before it counts as failed."""

_BODY = "$states.result.ResponseBody"

ACCEPTED = f"($type({_BODY}) = 'object' and {_BODY}.ok = true)"
"""An expression in a task's output: true if Slack did what it was asked to do. Slack also refuses with HTTP 200."""

# Without a full stop, Slack's code can't look like an error name of Step Functions; without a space, it is no text.
SLACK_ERROR = f"""(
  $type({_BODY}) = 'object' and $type({_BODY}.error) = 'string' ? (
    $code := $replace($substring({_BODY}.error, 0, 100), /[^A-Za-z0-9_]/, '');
    $code = '' ? '{NO_ANSWER}' : $code
  ) : '{NO_ANSWER}'
)"""
"""An expression in a task's output: Slack's error code, of letters, digits and underscores, or `NO_ANSWER`."""

ERRORS = {"errors": {code: asdict(error) for code, error in SLACK_ERRORS.items()}}
"""The variable that `describe` and `explain` need: all documented errors.

It is no part of an expression. The length that Step Functions allows for an expression is not documented.
"""

RETRY = [
    # A new permission takes up to a minute to hold, and Slack asks for a pause by 429. Its Retry-After is not visible.
    {
        "ErrorEquals": ["States.Http.AccessDenied", "States.Http.StatusCode.429"],
        "IntervalSeconds": 30,
        "BackoffRate": 1,
        "MaxAttempts": 2,
    },
    {
        "ErrorEquals": ["States.ALL"],
        "IntervalSeconds": 2,
        "BackoffRate": 2,
        "MaxAttempts": 3,
        "JitterStrategy": "FULL",
    },
]
"""Retries of a call of Slack or AWS."""


def integration(partition: str, action: str) -> str:
    """Return the resource of a task, e.g. for the action `http:invoke`."""
    return f"arn:{partition}:states:::{action}"


def call_slack(url: str, connection_arn: str, body: Any, **fields: Any) -> State:
    """Return a state that calls a method of Slack's API with the connection's token.

    Sources: "Call HTTPS APIs in Step Functions workflows" (Step Functions Developer Guide).

    Args:
        url: of the method.
        connection_arn: of the EventBridge connection.
        body: the arguments of the method, JSON-ready or an expression.
        fields: other fields of the state, e.g. `Output` and `Next`.
    """
    return {
        "Type": "Task",
        "Resource": integration(connection_arn.split(":")[1], "http:invoke"),
        "Arguments": {
            "ApiEndpoint": url,
            "Method": "POST",
            "InvocationConfig": {"ConnectionArn": connection_arn},
            "Headers": {"Content-Type": "application/json; charset=utf-8"},
            "RequestBody": body,
        },
        "TimeoutSeconds": CALL_SECONDS,
        "Retry": RETRY,
        **fields,
    }


def call_aws(partition: str, action: str, arguments: Any, **fields: Any) -> State:
    """Return a state that calls an AWS service and has no output.

    Args:
        partition: the partition, e.g. `aws`.
        action: the integration, e.g. `aws-sdk:iam:listRoles`.
        arguments: those of the call, JSON-ready or an expression.
        fields: other fields of the state, which replace these.
    """
    return {
        "Type": "Task",
        "Resource": integration(partition, action),
        "Arguments": arguments,
        "Retry": RETRY,
        "Output": {},
        **fields,
    }


def ask_insights(
    partition: str, name: str, question: Mapping[str, Any], answer: Mapping[str, str], following: str
) -> dict[str, State]:
    """Return the states of a query of Logs Insights, from `Ask` to `Read`, which pass their input on.

    Args:
        partition: the partition, e.g. `aws`.
        name: the end of the names of the states.
        question: the arguments of `StartQuery`, JSON-ready or expressions.
        answer: variables with expressions of the `$states.result` of the complete query.
        following: the state after them.
    """
    given = "{% $states.input %}"
    complete = "$states.result.Status = 'Complete'"
    values = {key: f"{{% {complete} ? ({value}) : [] %}}" for key, value in answer.items()}
    return {
        f"Ask{name}": call_aws(
            partition,
            "aws-sdk:cloudwatchlogs:startQuery",
            question,
            Output=given,
            Assign={"query": "{% $states.result.QueryId %}", "reads": 0},
            Next=f"Wait{name}",
        ),
        f"Wait{name}": {"Type": "Wait", "Seconds": QUERY_PAUSE_SECONDS, "Next": f"Read{name}"},
        f"Read{name}": call_aws(
            partition,
            "aws-sdk:cloudwatchlogs:getQueryResults",
            {"QueryId": "{% $query %}"},
            Output=given,
            Assign={"status": "{% $states.result.Status %}", "reads": "{% $reads + 1 %}", **values},
            Next=f"{name}Read",
        ),
        f"{name}Read": choice(
            f"{name}Unread",
            ("$status = 'Complete'", following),
            (f"$status in {list(RUNNING_QUERY)} and $reads < {MOST_READS}", f"Wait{name}"),
        ),
        f"{name}Unread": {
            "Type": "Fail",
            "Error": "QueryIncomplete",
            "Cause": "{% 'The query of CloudWatch Logs Insights ended as ' & $status & '.' %}",
        },
    }


def put_metrics(
    partition: str, values: Mapping[AlertMetric, Any], dimensions: Mapping[str, str], **fields: Any
) -> State:
    """Return a state that writes one value of each metric.

    Args:
        partition: the partition, e.g. `aws`.
        values: a number or an expression for each metric.
        dimensions: the dimensions of all of them; a value may be an expression.
        fields: other fields of the state.
    """
    data = [
        {"MetricName": metric.value, "Dimensions": _dimensions(dimensions), "Value": value}
        for metric, value in values.items()
    ]
    return {
        "Type": "Task",
        "Resource": integration(partition, "aws-sdk:cloudwatch:putMetricData"),
        "Arguments": {"Namespace": METRICS_NAMESPACE, "MetricData": data},
        "Retry": RETRY,
        **fields,
    }


def read_metrics(partition: str, queries: Sequence[Mapping[str, Any]], start: str, end: str, **fields: Any) -> State:
    """Return a state that reads metrics, the newest value first.

    Args:
        partition: the partition, e.g. `aws`.
        queries: from `metric_query`.
        start: an expression for the start of the time range, in milliseconds.
        end: an expression for its end.
        fields: other fields of the state.
    """
    return {
        "Type": "Task",
        "Resource": integration(partition, "aws-sdk:cloudwatch:getMetricData"),
        "Arguments": {
            "MetricDataQueries": list(queries),
            "StartTime": f"{{% $fromMillis({start}) %}}",
            "EndTime": f"{{% $fromMillis({end}) %}}",
            "ScanBy": "TimestampDescending",
        },
        "Retry": RETRY,
        **fields,
    }


def metric_query(
    query_id: str, namespace: str, metric: str, dimensions: Mapping[str, str], stat: str
) -> dict[str, Any]:
    """Return a query of a metric's values in each minute."""
    return {
        "Id": query_id,
        "MetricStat": {
            "Metric": {"Namespace": namespace, "MetricName": str(metric), "Dimensions": _dimensions(dimensions)},
            "Period": 60,
            "Stat": stat,
        },
    }


def own_dimensions(stack: str, **more: str) -> dict[str, str]:
    """Return the dimensions of a metric in `METRICS_NAMESPACE`."""
    return {METRICS_DIMENSION: stack, **more}


def is_temporary(error: str) -> str:
    """Return an expression: true if the same call may succeed soon.

    Args:
        error: an expression for Slack's error code or Step Functions' error name.
    """
    return f"{error} in {json.dumps([code for code, each in SLACK_ERRORS.items() if each.remedy is Remedy.retry])}"


def describe(error: str) -> str:
    """Return an expression for the `SlackFailure` of an error, as an object; it needs the variable `errors`.

    Args:
        error: an expression for Slack's error code or Step Functions' error name, a string.
    """
    known = f"$lookup($errors, {error})"
    unknown = f"$contains({error}, '.') ? {json.dumps(asdict(UNKNOWN_FAILURE))} : {json.dumps(asdict(UNKNOWN_CODE))}"
    return f"($type({known}) = 'object' ? {known} : ({unknown}))"


def explain(error: str) -> str:
    """Return an expression for an error in words, with what to do; it needs the variable `errors`.

    Args:
        error: an expression for Slack's error code or Step Functions' error name, a string.
    """
    words = "$uppercase($substring($failure.words, 0, 1)) & $substring($failure.words, 1)"
    return f"($failure := {describe(error)}; {words} & '. ' & $failure.fix)"


def first_items(array: str, most: int) -> str:
    """Return an expression for the first items of an array, as an array.

    Args:
        array: an expression.
        most: the most items.
    """
    # A slice by a range is nested in some implementations.
    return f"[$filter({array}, function($item, $index) {{ $index < {most} }})]"


def choice(default: str, *choices: tuple[str, str]) -> State:
    """Return a state that goes on at the first condition that is true."""
    return {
        "Type": "Choice",
        "Choices": [{"Condition": f"{{% {condition} %}}", "Next": following} for condition, following in choices],
        "Default": default,
    }


def _dimensions(dimensions: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in dimensions.items()]
