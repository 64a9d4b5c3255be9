"""The state of alarms: periods, statistics, metric math and missing data; and the event of a change."""

from collections.abc import Mapping
from typing import Any

import pytest

from localcloud.emulators.alarms import (
    MetricKey,
    Point,
    UnsupportedAlarmError,
    describe_change,
    list_metrics,
    state_at,
)

NOON = 1_800_000_000 // 3600 * 3600
FAILED = {"Namespace": "AWS/Events", "MetricName": "FailedInvocations", "Dimensions": [{"Name": "R", "Value": "a"}]}
ALARM = {
    **FAILED,
    "Statistic": "Sum",
    "Period": 300,
    "EvaluationPeriods": 1,
    "Threshold": 0,
    "ComparisonOperator": "GreaterThanThreshold",
    "TreatMissingData": "notBreaching",
    "StateValue": "OK",
}
REACHABLE = {
    **ALARM,
    "Statistic": "Minimum",
    "Period": 900,
    "EvaluationPeriods": 2,
    "DatapointsToAlarm": 1,
    "Threshold": 1,
    "ComparisonOperator": "LessThanThreshold",
}


def state(alarm: Mapping[str, Any], *points: tuple[float, float], at: float) -> str:
    """State at some seconds after noon, where points are seconds after noon and a value."""
    kept = {MetricKey.of(FAILED): [Point(NOON + second, value) for second, value in points]}
    return state_at(alarm, lambda key: kept.get(key, []), NOON + at)


def test_alarm_sees_a_point_at_the_end_of_its_minute() -> None:
    assert state(ALARM, (61, 1), at=60) == "OK"
    assert state(ALARM, (61, 1), at=120) == "ALARM"


def test_alarm_forgets_a_point_after_its_period() -> None:
    assert state(ALARM, (61, 1), at=360) == "ALARM"
    assert state(ALARM, (61, 1), at=420) == "OK"


def test_alarm_reads_only_the_metric_of_its_dimensions() -> None:
    other = {**ALARM, "Dimensions": [{"Name": "R", "Value": "b"}]}
    assert state(other, (61, 1), at=120) == "OK"


@pytest.mark.parametrize(
    ("treatment", "expected"),
    [("notBreaching", "OK"), ("breaching", "ALARM"), ("missing", "INSUFFICIENT_DATA"), ("ignore", "OK")],
)
def test_missing_data_count_as_the_alarm_says(treatment: str, expected: str) -> None:
    assert state({**ALARM, "TreatMissingData": treatment}, at=300) == expected


@pytest.mark.parametrize(
    ("statistic", "threshold", "expected"),
    [
        *(
            ("Sum", 5, "ALARM"),
            ("Sum", 6, "OK"),
            ("Maximum", 3, "ALARM"),
            ("Minimum", 1, "ALARM"),
            ("Minimum", 2, "OK"),
        ),
        *(("Average", 2, "ALARM"), ("Average", 3, "OK"), ("SampleCount", 1, "ALARM"), ("SampleCount", 2, "OK")),
    ],
)
def test_statistic_summarizes_the_points_of_a_period(statistic: str, threshold: float, expected: str) -> None:
    assert state({**ALARM, "Statistic": statistic, "Threshold": threshold}, (10, 2), (20, 4), at=60) == expected


def test_every_period_must_breach_without_datapoints_to_alarm() -> None:
    alarm = {**ALARM, "EvaluationPeriods": 2}
    assert state(alarm, (10, 1), at=300) == "OK"
    assert state(alarm, (10, 1), (310, 1), at=600) == "ALARM"


def test_one_of_two_periods_breaches_with_datapoints_to_alarm() -> None:
    assert state(REACHABLE, (10, 1), (910, 0), at=960) == "ALARM"
    assert state(REACHABLE, (10, 1), (910, 1), at=960) == "OK"


def test_metric_math_sums_the_metrics_that_have_a_point() -> None:
    single = {
        name: value for name, value in ALARM.items() if name not in FAILED and name not in ("Statistic", "Period")
    }
    other = {**FAILED, "MetricName": "InvocationsFailedToBeSentToDlq"}
    queries = [
        {"Id": f"m{i}", "MetricStat": {"Metric": m, "Period": 300, "Stat": "Sum"}}
        for i, m in enumerate([FAILED, other])
    ]
    alarm = {**single, "Metrics": [*queries, {"Id": "failures", "Expression": "SUM(METRICS())", "ReturnData": True}]}
    assert state(alarm, (61, 1), at=120) == "ALARM"
    assert state(alarm, at=120) == "OK"


@pytest.mark.parametrize(
    "change",
    [
        {"Statistic": "p99"},
        {"ComparisonOperator": "LessThanLowerThreshold"},
        {"Period": 10},
        {"Metrics": [{"Id": "e", "Expression": "m1 / m2"}]},
    ],
    ids=lambda change: next(iter(change)),
)
def test_unknown_kind_of_alarm_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedAlarmError):
        state({**ALARM, **change}, (61, 1), at=120)


def test_change_of_an_alarm_is_described_as_cloudwatch_does() -> None:
    alarm = {**ALARM, "AlarmName": "failed", "AlarmDescription": "Look at it."}
    detail = describe_change(alarm, "OK", "ALARM", NOON)
    (metric,) = detail["configuration"]["metrics"]
    assert metric.pop("id")
    assert detail == {
        "alarmName": "failed",
        "configuration": {"description": "Look at it.", "metrics": [metric]},
        "previousState": {"value": "OK"},
        "state": {
            "reason": "The local cloud evaluated the alarm.",
            "timestamp": "2027-01-15T08:00:00.000+0000",
            "value": "ALARM",
        },
    }
    of_rule = {"dimensions": {"R": "a"}, "name": "FailedInvocations", "namespace": "AWS/Events"}
    assert metric == {"metricStat": {"metric": of_rule, "period": 300, "stat": "Sum"}, "returnData": True}


def test_change_of_metric_math_has_metrics_and_expression() -> None:
    stat = {"Metric": FAILED, "Period": 60, "Stat": "Sum"}
    queries = [{"Id": "m0", "MetricStat": stat, "ReturnData": False}, {"Id": "sum", "Expression": "SUM(METRICS())"}]
    alarm = {"AlarmName": "math", "Metrics": queries}
    assert list_metrics(alarm) == list_metrics(FAILED) == [MetricKey.of(FAILED)]
    first, second = describe_change(alarm, "ALARM", "OK", NOON)["configuration"]["metrics"]
    assert (first["id"], first["returnData"], first["metricStat"]["period"]) == ("m0", False, 60)
    assert second == {"id": "sum", "expression": "SUM(METRICS())", "returnData": True}
