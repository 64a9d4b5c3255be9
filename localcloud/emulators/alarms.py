"""The state of a metric alarm at a time, and the event of a change of its state.

From "Alarm evaluation", "Configuring how CloudWatch alarms treat missing data" and the reference of PutMetricAlarm: an
alarm is evaluated every minute, over the last `EvaluationPeriods` periods that end at that minute.

Pure. Non-goals: what no alarm of this project uses: other statistics and expressions, percentiles, anomaly detection,
periods below a minute. `state_at` refuses them, so that no alarm is quietly wrong. Nor the evaluation range, in which
CloudWatch looks for older points where some are missing.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, TypeVar

_T = TypeVar("_T")

State = Literal["OK", "ALARM", "INSUFFICIENT_DATA"]

MINUTE = 60


class UnsupportedAlarmError(ValueError):
    """An alarm uses something that is not imitated here."""


@dataclass(frozen=True)
class MetricKey:
    """A metric: namespace, name, and dimensions as pairs of name and value in alphabetical order."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, described: Mapping[str, Any]) -> "MetricKey":
        """Read it from an alarm, or a metric of an alarm, as PutMetricAlarm takes it."""
        dimensions = sorted((each["Name"], each["Value"]) for each in described.get("Dimensions") or ())
        return cls(described["Namespace"], described["MetricName"], tuple(dimensions))


@dataclass(frozen=True)
class Point:
    """One value of a metric, and its time in seconds since the epoch."""

    at: float
    value: float


ReadPoints = Callable[[MetricKey], Sequence[Point]]
"""Returns all data points of a metric, in any order."""

_STATISTICS: dict[str, Callable[[Sequence[float]], float]] = {
    "Sum": sum,
    "Minimum": min,
    "Maximum": max,
    "Average": lambda values: sum(values) / len(values),
    "SampleCount": len,
}
_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
    "GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
    "LessThanOrEqualToThreshold": lambda value, threshold: value <= threshold,
}
_EXPRESSIONS: dict[str, Callable[[Sequence[float]], float]] = {"SUM(METRICS())": sum}
"""Expressions over the values of the metrics in a period. Metrics without a value are left out."""


def state_at(alarm: Mapping[str, Any], read_points: ReadPoints, at: float) -> State:
    """Return the state of an alarm by the evaluation at a time.

    Args:
        alarm: as DescribeAlarms returns it; `StateValue` is the state before.
        read_points: the metrics.
        at: end of the newest period, in seconds since the epoch.

    Raises:
        UnsupportedAlarmError: the alarm is of a kind that is not imitated.
    """
    period, value_of = _series(alarm, read_points)
    breaches = _look_up(_COMPARISONS, alarm["ComparisonOperator"])
    periods = alarm["EvaluationPeriods"]
    values = [value_of(at - (back + 1) * period, at - back * period) for back in range(periods)]
    missing = alarm.get("TreatMissingData", "missing")
    breaching = [
        breaches(value, alarm["Threshold"]) if value is not None else missing == "breaching"
        for value in values
        if value is not None or missing in ("breaching", "notBreaching")
    ]
    if not breaching:
        state: State = alarm["StateValue"] if missing == "ignore" else "INSUFFICIENT_DATA"
        return state
    return "ALARM" if sum(breaching) >= alarm.get("DatapointsToAlarm", periods) else "OK"


def list_metrics(alarm: Mapping[str, Any]) -> list[MetricKey]:
    """Return the metrics of an alarm, as DescribeAlarms returns it."""
    if not alarm.get("Metrics"):
        return [MetricKey.of(alarm)]
    return [MetricKey.of(query["MetricStat"]["Metric"]) for query in alarm["Metrics"] if "MetricStat" in query]


def describe_change(alarm: Mapping[str, Any], before: State, after: State, at: float) -> dict[str, Any]:
    """Return the detail of the event "CloudWatch Alarm State Change".

    From "Alarm events and EventBridge" in the CloudWatch User Guide. Its `reasonData`, and the time and reason of the
    previous state, are left out.

    Args:
        alarm: as DescribeAlarms returns it.
        before: the previous state.
        after: the state.
        at: time of the change, in seconds since the epoch.
    """
    time = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "+0000")
    queries = alarm.get("Metrics") or [_single_query(alarm)]
    return {
        "alarmName": alarm["AlarmName"],
        "configuration": {
            "description": alarm.get("AlarmDescription") or "",
            "metrics": [_describe_query(query) for query in queries],
        },
        "previousState": {"value": before},
        "state": {"reason": "The local cloud evaluated the alarm.", "timestamp": time, "value": after},
    }


def _single_query(alarm: Mapping[str, Any]) -> dict[str, Any]:
    stat = {"Metric": alarm, "Period": alarm["Period"], "Stat": alarm["Statistic"]}
    # CloudWatch makes up an ID for the metric of an alarm that has no metric math.
    return {"Id": str(uuid.uuid4()), "MetricStat": stat, "ReturnData": True}


def _describe_query(query: Mapping[str, Any]) -> dict[str, Any]:
    described = {"id": query["Id"], "returnData": query.get("ReturnData", True)}
    if "MetricStat" not in query:
        return {**described, "expression": query["Expression"]}
    stat, key = query["MetricStat"], MetricKey.of(query["MetricStat"]["Metric"])
    metric = {"dimensions": dict(key.dimensions), "name": key.name, "namespace": key.namespace}
    return {**described, "metricStat": {"metric": metric, "period": stat["Period"], "stat": stat["Stat"]}}


def _series(alarm: Mapping[str, Any], read_points: ReadPoints) -> tuple[float, Callable[[float, float], float | None]]:
    """Return the period, and a function from the bounds of one period to its value, None if missing."""
    if not alarm.get("Metrics"):
        single = _metric_value(MetricKey.of(alarm), alarm["Statistic"], read_points)
        return _checked(alarm["Period"]), single
    metrics = [query["MetricStat"] for query in alarm["Metrics"] if "MetricStat" in query]
    expressions = [query["Expression"] for query in alarm["Metrics"] if query.get("Expression")]
    periods = {stat["Period"] for stat in metrics}
    if len(expressions) != 1 or len(periods) != 1:
        raise UnsupportedAlarmError(f"Expected one expression over metrics of one period, got {alarm['Metrics']}.")
    combine = _look_up(_EXPRESSIONS, expressions[0])
    series = [_metric_value(MetricKey.of(stat["Metric"]), stat["Stat"], read_points) for stat in metrics]

    def value_of(begin: float, end: float) -> float | None:
        values = [value for read in series if (value := read(begin, end)) is not None]
        return combine(values) if values else None

    return _checked(periods.pop()), value_of


def _metric_value(key: MetricKey, statistic: str, read_points: ReadPoints) -> Callable[[float, float], float | None]:
    summarize = _look_up(_STATISTICS, statistic)
    points = read_points(key)

    def value_of(begin: float, end: float) -> float | None:
        values = [point.value for point in points if begin <= point.at < end]
        return summarize(values) if values else None

    return value_of


def _checked(period: int) -> int:
    if period % MINUTE:
        raise UnsupportedAlarmError(f"Expected a period of whole minutes, got {period} s.")
    return period


def _look_up(known: Mapping[str, _T], name: str) -> _T:
    if name not in known:
        raise UnsupportedAlarmError(f"Expected one of {', '.join(known)}, got {name!r}.")
    return known[name]
