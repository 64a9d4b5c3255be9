"""CloudWatch Logs behaviour that the roll call and the witness depend on and MiniStack lacks.

- Metric filters publish their metrics (see `log_filters`), at the time at which an event arrives; MiniStack keeps the
  filters and does nothing with them. AWS takes patterns of at most 1,024 characters and 100 filters of a log group
  ("CloudWatch Logs quotas").
- The metric `IncomingLogEvents` of a log group.
- `write_event`, by which EventBridge and CloudTrail write into a log group.

Times of arrival are of AWS's clock (`clock`).

Non-goals: queries (`insights`); metrics with dimensions; log groups of other accounts.
"""

import importlib
import json
import time
from collections.abc import Mapping
from typing import Any

from localcloud.emulators import clock, cloudwatch
from localcloud.emulators.connections import Handler, Response
from localcloud.emulators.hooks import require_hooks
from localcloud.emulators.log_filters import InvalidPatternError, compile_pattern, select

# Any: MiniStack has no annotations.
_cloudwatch: Any = importlib.import_module("ministack.services.cloudwatch")
_logs: Any = importlib.import_module("ministack.services.cloudwatch_logs")

_LONGEST_PATTERN = 1_024
_MOST_FILTERS = 100


def install() -> None:
    """Replaces functions of the MiniStack of this process.

    Raises:
        RuntimeError: if this MiniStack is not built as the one that this was written for.
    """
    require_hooks(
        _logs,
        *("_create_log_stream", "_log_groups", "_metric_filters", "_put_log_events", "_put_metric_filter", "_queries"),
        "error_response_json",
    )
    _logs._put_log_events = _publishing(_logs._put_log_events)
    _logs._put_metric_filter = _checking(_logs._put_metric_filter)


def write_event(group: str, stream: str, message: str) -> bool:
    """Write an event into a log group of this account and region; false if it does not exist."""
    if group not in _logs._log_groups:
        return False
    named = {"logGroupName": group, "logStreamName": stream}
    if stream not in _logs._log_groups[group]["streams"]:
        _logs._create_log_stream(named)
    _logs._put_log_events({**named, "logEvents": [{"timestamp": int(clock.now() * 1000), "message": message}]})
    return True


def groups_of_query(query_id: str) -> list[str]:
    """Return the names of the log groups of a query; none for an unknown query."""
    query = _logs._queries.get(query_id) or {}
    return list(query.get("logGroupNames") or ())


def _publishing(put_log_events: Handler) -> Handler:
    def put(data: Mapping[str, Any]) -> Response:
        answer = put_log_events(data)
        if answer[0] == 200:
            group = data["logGroupName"]
            _set_arrival(group, data["logStreamName"])
            for _ in data["logEvents"]:
                cloudwatch.count("AWS/Logs", "IncomingLogEvents", LogGroupName=group)
            for (filtered, _), metric_filter in _logs._metric_filters.items():
                if filtered == group:
                    _publish(metric_filter, [event["message"] for event in data.get("logEvents", ())])
        return answer

    return put


def _set_arrival(group: str, stream: str) -> None:
    """Give the events that came just now AWS's time as that of their arrival."""
    for event in reversed(_logs._log_groups[group]["streams"][stream]["events"]):
        if "skipped" in event:
            break
        event["skipped"] = round(clock.skipped() * 1000)
        event["ingestionTime"] += event["skipped"]


def _publish(metric_filter: Mapping[str, Any], messages: list[str]) -> None:
    matches = compile_pattern(metric_filter["filterPattern"])
    for transformation in metric_filter["metricTransformations"]:
        for message in messages:
            value = transformation.get("defaultValue")
            if matches(message):
                text = transformation["metricValue"]
                value = select(json.loads(message), text) if text.startswith("$") else text
            if value is not None:
                _cloudwatch._store_datum(
                    transformation["metricNamespace"],
                    transformation["metricName"],
                    {},
                    time.time(),
                    transformation.get("unit", "None"),
                    float(value),
                    None,
                    None,
                    None,
                )


def _checking(put_metric_filter: Handler) -> Handler:
    def put(data: Mapping[str, Any]) -> Response:
        pattern, group = data.get("filterPattern") or "", data.get("logGroupName")
        if len(pattern) > _LONGEST_PATTERN:
            return _refused("InvalidParameterException", f"The pattern has more than {_LONGEST_PATTERN} characters.")
        try:
            compile_pattern(pattern)
        except InvalidPatternError as error:
            return _refused("InvalidParameterException", str(error))
        others = [name for filtered, name in _logs._metric_filters if filtered == group and name != data["filterName"]]
        if len(others) >= _MOST_FILTERS:
            return _refused("LimitExceededException", "Resource limit exceeded.")
        return put_metric_filter(data)

    return put


def _refused(code: str, message: str) -> Response:
    response: Response = _logs.error_response_json(code, message, 400)
    return response
