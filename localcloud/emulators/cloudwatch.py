"""CloudWatch behaviour that the alert path's alarms depend on and MiniStack lacks.

- Metrics: of rules (`count`, called by `eventbridge`), of executions of state machines by `StateMachineArn`, of queues
  by `QueueName`, from their messages, and those that a function writes into its log in the embedded metric format
  (`publish_embedded`, called by `functions`). MiniStack has none of them.
- GetMetricData returns the newest value first, unless it is asked for the oldest (API reference, `ScanBy`); MiniStack
  always returns the oldest first.
- Alarms with metric math keep their `Metrics`; MiniStack forgets them.
- Alarms are evaluated as `alarms` says, with dimensions, metric math and missing data, and notify their topics. Each
  change of a state is an event "CloudWatch Alarm State Change" on the default bus.

Metrics have AWS's time (`clock`). `evaluate` evaluates every alarm each minute between two times, so a test sees what
CloudWatch does within an hour, without waiting. So the time of an alarm is computed: from the time of the data points
and from the periods of the deployed alarm. AWS's delay of a metric ("on a best-effort basis", mostly a minute or two)
is not in it.

Queues: SQS measures a queue that was inactive up to 15 minutes late ("CloudWatch metrics for Amazon SQS", as
docs/runbooks/dead-letters.md has it). Dead-letter queues mostly are inactive, so here a message is in the metric 15
minutes after it was sent, the latest case.

Non-goals: alarms at other times than by `evaluate`; OKActions; metrics of other services.
"""

import contextvars
import functools
import importlib
import json
import logging
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from localcloud.emulators import clock
from localcloud.emulators.alarms import (
    MINUTE,
    MetricKey,
    Point,
    State,
    UnsupportedAlarmError,
    describe_change,
    list_metrics,
    state_at,
)
from localcloud.emulators.connections import make_event
from localcloud.emulators.hooks import require_hooks

_logger = logging.getLogger("localcloud.cloudwatch")

# Any: MiniStack has no annotations.
_cloudwatch: Any = importlib.import_module("ministack.services.cloudwatch")
_sns: Any = importlib.import_module("ministack.services.sns")
_sqs: Any = importlib.import_module("ministack.services.sqs")
_states: Any = importlib.import_module("ministack.services.stepfunctions")

_newest_first: contextvars.ContextVar[bool] = contextvars.ContextVar("newest_first")

SQS_DELAY_SECONDS = 15 * 60
"""The latest time until SQS measures a queue that was inactive."""

_EXECUTION_METRICS = {
    "RUNNING": "ExecutionsStarted",
    "SUCCEEDED": "ExecutionsSucceeded",
    "FAILED": "ExecutionsFailed",
    "TIMED_OUT": "ExecutionsTimedOut",
    "ABORTED": "ExecutionsAborted",
}
_MADE_UP = ("MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Period", "Dimensions", "Unit")
"""Fields that an alarm with metric math does not have."""


def install() -> None:
    """Replaces functions of the MiniStack of this process.

    Raises:
        RuntimeError: if this MiniStack is not built as the one that this was written for.
    """
    require_hooks(
        _cloudwatch,
        *("_alarms", "_dims_key", "_evaluate_alarm", "_get_metric_data", "_metrics", "_put_metric_alarm"),
        *("_store_datum", "new_uuid"),
    )
    require_hooks(_sns, "_fanout")
    require_hooks(_sqs, "_act_send_message", "_queues")
    require_hooks(_states, "_emit_execution_status_event")
    store, put_alarm = _cloudwatch._store_datum, _cloudwatch._put_metric_alarm
    emit_status, send_message = _states._emit_execution_status_event, _sqs._act_send_message
    get_metric_data = _cloudwatch._get_metric_data

    def storing(namespace: str, name: str, dimensions: Any, at: float, *others: Any) -> None:
        store(namespace, name, dimensions, at + clock.skipped(), *others)

    def putting_alarm(parameters: Any, content: Mapping[str, Any], *others: Any) -> Any:
        answer = put_alarm(parameters, content, *others)
        if answer[0] == 200 and content.get("Metrics"):
            alarm = _cloudwatch._alarms[content["AlarmName"]]
            alarm["Metrics"] = content["Metrics"]
            for field in _MADE_UP:
                alarm.pop(field, None)
        return answer

    def emitting_status(execution: Mapping[str, Any]) -> None:
        count("AWS/States", _EXECUTION_METRICS[execution["status"]], StateMachineArn=execution["stateMachineArn"])
        emit_status(execution)

    def sending(content: Mapping[str, Any], url: str) -> Any:
        answer = send_message(content, url)
        for message in _sqs._queues[content.get("QueueUrl", url)]["messages"]:
            if message["id"] == answer["MessageId"]:
                message["skipped"] = clock.skipped()
        return answer

    def getting_metric_data(parameters: Any, content: Mapping[str, Any], *others: Any) -> Any:
        _newest_first.set(content.get("ScanBy") != "TimestampAscending")
        return get_metric_data(parameters, content, *others)

    _cloudwatch._get_metric_data = getting_metric_data
    _cloudwatch._json_ok, _cloudwatch._cbor_ok = _ordered(_cloudwatch._json_ok), _ordered(_cloudwatch._cbor_ok)
    _cloudwatch._store_datum, _cloudwatch._put_metric_alarm = storing, putting_alarm
    # MiniStack's evaluation knows neither dimensions nor missing data.
    _cloudwatch._evaluate_alarm = _evaluate_later
    _states._emit_execution_status_event = emitting_status
    _sqs._act_send_message = sending


def _ordered(respond: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Respond with the newest values of metrics first, if they were asked for so."""

    def responding(content: Any) -> Any:
        for result in content.get("MetricDataResults", ()):
            if _newest_first.get():
                result["Timestamps"].reverse()
                result["Values"].reverse()
        return respond(content)

    return responding


def count(namespace: str, metric: str, **dimensions: str) -> None:
    """Add 1 to a metric, at the time of this flow."""
    _cloudwatch._store_datum(namespace, metric, dimensions, time.time(), "Count", 1, None, None, None)


def publish_embedded(log: str) -> None:
    """Publish the metrics in the log of an invocation (CloudWatch User Guide, "Embedded metric format")."""
    for line in log.splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if not isinstance(record, dict) or "_aws" not in record:
            continue
        at = record["_aws"]["Timestamp"] / 1000
        for directive in record["_aws"]["CloudWatchMetrics"]:
            for names in directive["Dimensions"]:
                dimensions = {name: str(record[name]) for name in names}
                for metric in directive["Metrics"]:
                    value, unit = record[metric["Name"]], metric.get("Unit", "None")
                    _cloudwatch._store_datum(
                        directive["Namespace"], metric["Name"], dimensions, at, unit, value, None, None, None
                    )


def evaluate(
    begin: float, end: float, put: Callable[[Mapping[str, Any]], None], names: Collection[str] | None = None
) -> None:
    """Evaluate alarms each minute after `begin`, up to `end`; those that go into ALARM notify their topics.

    CloudWatch's minutes are those of the clock. Here one begins at `begin`, the latest case for what happens then.
    The alarms begin in state OK, and afterwards their metrics are empty, since the times of the next run may overlap.

    Args:
        begin: before the first evaluation, in seconds since the epoch.
        end: of the last one.
        put: puts an event on the default bus.
        names: names of the alarms; None for all.
    """
    evaluated = [alarm for name, alarm in _cloudwatch._alarms.items() if names is None or name in names]
    for alarm in evaluated:
        alarm["StateValue"] = "OK"
        for at in _minutes(begin, end):
            try:
                state = state_at(alarm, functools.partial(_points, until=at), at)
            except UnsupportedAlarmError as error:
                _logger.warning("%s is not evaluated: %s", alarm["AlarmName"], error)
                break
            if state != alarm["StateValue"]:
                before, alarm["StateValue"] = alarm["StateValue"], state
                _report(alarm, before, at, put)
    for key in {key for alarm in evaluated for key in list_metrics(alarm)}:
        _cloudwatch._metrics.pop(_stored_key(key), None)


def _minutes(begin: float, end: float) -> Iterator[float]:
    at = begin
    while (at := at + MINUTE) <= end:
        yield at


def _points(key: MetricKey, until: float) -> Sequence[Point]:
    if key.namespace == "AWS/SQS":
        return list(_queue_points(key, until))
    stored = _cloudwatch._metrics.get(_stored_key(key)) or ()
    return [Point(point["Timestamp"], point["Value"]) for point in stored]


def _stored_key(key: MetricKey) -> tuple[str, str, Any]:
    return key.namespace, key.name, _cloudwatch._dims_key(dict(key.dimensions))


def _queue_points(key: MetricKey, until: float) -> Iterator[Point]:
    """The newest minute's point of a queue that holds messages; an inactive queue has none."""
    for queue in _sqs._queues.values():
        if (("QueueName", queue["name"]),) != key.dimensions:
            continue
        ages = [until - message["sent_at"] - message.get("skipped", 0.0) for message in queue["messages"]]
        measured = [age for age in ages if age >= SQS_DELAY_SECONDS]
        if measured:
            values = {"ApproximateNumberOfMessagesVisible": len(measured), "ApproximateAgeOfOldestMessage": max(ages)}
            if key.name not in values:
                raise UnsupportedAlarmError(f"Expected one of {', '.join(values)}, got {key.name}.")
            yield Point(until - MINUTE, values[key.name])


def _report(alarm: Mapping[str, Any], before: State, at: float, put: Callable[[Mapping[str, Any]], None]) -> None:
    """Put the event of a changed state on the bus, and notify the topics of ALARM."""
    clock.skip(at - clock.now())
    state: State = alarm["StateValue"]
    detail = describe_change(alarm, before, state, at)
    put(make_event("CloudWatch Alarm State Change", alarm["AlarmArn"], detail, source="aws.cloudwatch"))
    if state == "ALARM":
        _notify(alarm, before)


def _notify(alarm: Mapping[str, Any], before: State) -> None:
    """Publish to the alarm's topics as CloudWatch does."""
    content = {
        "AlarmName": alarm["AlarmName"],
        "AlarmDescription": alarm.get("AlarmDescription"),
        "NewStateValue": alarm["StateValue"],
        "OldStateValue": before,
        "Trigger": {field: alarm[field] for field in ("Namespace", "MetricName", "Metrics") if field in alarm},
    }
    subject = f'{alarm["StateValue"]}: "{alarm["AlarmName"]}"'[:100]
    for topic_arn in alarm.get("AlarmActions") or ():
        _sns._fanout(topic_arn, _cloudwatch.new_uuid(), json.dumps(content), subject)


def _evaluate_later(alarm: Mapping[str, Any]) -> None:
    """Leave an alarm as it is until `evaluate`."""
