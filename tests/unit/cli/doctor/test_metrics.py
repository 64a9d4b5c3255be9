"""The checks of metrics: probe, drills, the reconciler, its counters, and errors of functions."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from breakglass.cli.deployment import Deployment, Resource
from breakglass.cli.doctor.alert_path import CONNECTION_TYPE, RULE
from breakglass.cli.doctor.check import Check
from breakglass.cli.doctor.metrics import (
    ALARM_TYPE,
    ASSIGNMENTS,
    DRILLS,
    EXPLANATIONS,
    FUNCTION_FAULTS,
    FUNCTION_TYPE,
    PROBE,
    RECONCILER,
    AlarmedSeries,
    Series,
    alarmed_series,
)
from tests.app.doubles.clock import NOW
from tests.unit.cli.doctor.doubles import REGION, MemoryAws, deployment, examine, refused, resource

CONNECTION = resource(CONNECTION_TYPE, "slack")
DRILL = resource(RULE, "use-drill", eventPattern='{"source": ["breakglass.drill"], "detail": {"role": ["use"]}}')
MINUTE, HOUR, DAY = 60, 3600, 86_400


def alarm(metric: str, **changes: Any) -> Resource:
    inputs = {
        "namespace": "Breakglass",
        "metricName": metric,
        "dimensions": {"Stack": "prod"},
        "period": 300,
        "evaluationPeriods": 3,
    }
    return resource(ALARM_TYPE, metric, **{**inputs, **changes})


def values(*datapoints: tuple[float, float]) -> dict[str, Any]:
    """Answers of CloudWatch: each a value and its age in seconds."""
    now = datetime.fromtimestamp(NOW, UTC)
    return {
        "Datapoints": [
            {
                "Timestamp": now - timedelta(seconds=age + 1),
                **dict.fromkeys(("Sum", "Maximum", "Minimum"), value),
            }
            for value, age in datapoints
        ]
    }


def shown(check: Check[Any, Any], deployed: Deployment, answer: Any) -> list[tuple[str, str]]:
    aws = MemoryAws({"GetMetricStatistics": answer})
    return [(status, what) for status, what, _ in examine(check, deployed, aws)]


def test_metrics_of_alarms_are_found_in_queries_as_well() -> None:
    plain = alarm("SlackReachable", dimensions={"Stack": "prod", "Channel": "C1"}, evaluationPeriods=2)
    longer = alarm("SlackReachable", dimensions={"Channel": "C1", "Stack": "prod"}, evaluationPeriods=4)
    query = {"namespace": "Breakglass", "metricName": "SlackReachable", "dimensions": {"Stack": "prod"}, "period": 60}
    queried = resource(ALARM_TYPE, "sum", evaluationPeriods=1, metricQueries=[{"expression": "m"}, {"metric": query}])
    foreign = alarm("SlackReachable", namespace="Other")
    shorter = alarm("SlackReachable", dimensions={"Stack": "prod", "Channel": "C1"}, evaluationPeriods=1)

    channel = Series(REGION, "Breakglass", "SlackReachable", (("Channel", "C1"), ("Stack", "prod")))
    stack = Series(REGION, "Breakglass", "SlackReachable", (("Stack", "prod"),))
    assert alarmed_series(deployment(plain, longer, queried, foreign, shorter), "SlackReachable") == [
        AlarmedSeries(channel, 1200),
        AlarmedSeries(stack, 60),
    ]


# --- the probe --------------------------------------------------------------------------------------------------------

PROBED = deployment(CONNECTION, alarm("SlackReachable", dimensions={"Stack": "prod", "Channel": "C1"}))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (
            values((1, 5 * MINUTE), (0, 20 * MINUTE)),
            [("ok", "Slack accepted the last probe of the channel C1, 5 min ago.")],
        ),
        (
            values((0, 5 * MINUTE), (1, 20 * MINUTE)),
            [("fail", "Slack refused the last probe of the channel C1, 5 min ago.")],
        ),
        (values((1, 2 * HOUR)), [("fail", "The probe of the channel C1 has not run for 2 h.")]),
        (values(), [("fail", "The probe of the channel C1 has not run for a day.")]),
    ],
)
def test_probe_is_judged_by_its_last_result(answer: Any, expected: list[tuple[str, str]]) -> None:
    assert shown(PROBE, PROBED, answer) == expected


def test_each_channel_of_the_probe_is_judged() -> None:
    other = alarm("SlackReachable", dimensions={"Stack": "prod", "Channel": "C2"})

    def answer(arguments: Any) -> dict[str, Any]:
        is_first = {"Name": "Channel", "Value": "C1"} in arguments["Dimensions"]
        return values((1 if is_first else 0, MINUTE))

    assert shown(PROBE, deployment(*PROBED.resources, other), answer) == [
        ("ok", "Slack accepted the last probe of the channel C1, 1 min ago."),
        ("fail", "Slack refused the last probe of the channel C2, 1 min ago."),
    ]


def test_stack_without_a_probe_is_a_warning() -> None:
    assert shown(PROBE, deployment(CONNECTION), values()) == [("warn", "This stack has no probe.")]
    assert shown(PROBE, deployment(), values()) == []


def test_probe_of_a_new_stack_is_a_warning() -> None:
    new = [replace(each, created_at=NOW - 60) for each in PROBED.resources]
    assert shown(PROBE, deployment(*new), values()) == [("warn", "The probe of the channel C1 has not run yet.")]
    assert shown(PROBE, deployment(*new), values((0, MINUTE)))[0][0] == "fail"


# --- drills -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (
            values((1, 3 * DAY), (0, 1 * DAY)),
            [("ok", "Each drill rule had a drill in the last 4 days, none of them late.")],
        ),
        (values((1, HOUR)), [("ok", "Each drill rule had a drill in the last 24 hours, none of them late.")]),
        (values((1, 40 * DAY)), [("warn", "Rules without a drill in the last 30 days: use-drill (40 days ago).")]),
        (values((0, 1 * DAY)), [("warn", "Rules without a drill in the last 30 days: use-drill (none in 90 days).")]),
    ],
)
def test_role_without_a_recent_drill_is_a_warning(answer: Any, expected: list[tuple[str, str]]) -> None:
    assert shown(DRILLS, deployment(CONNECTION, DRILL), answer) == expected


def test_drill_rule_of_a_hub_has_the_dimensions_of_its_bus() -> None:
    on_bus = resource(RULE, "use-drill", eventBusName="breakglass-prod-hub", eventPattern=DRILL.get("eventPattern"))
    aws = MemoryAws({"GetMetricStatistics": values((1, HOUR))})
    examine(DRILLS, deployment(CONNECTION, on_bus), aws)

    ((*_, arguments),) = aws.calls
    assert arguments["Dimensions"] == [
        {"Name": "EventBusName", "Value": "breakglass-prod-hub"},
        {"Name": "RuleName", "Value": "use-drill"},
    ]


def test_last_drill_that_was_late_fails() -> None:
    def answer(arguments: Any) -> dict[str, Any]:
        return late if arguments["MetricName"] == "LateDrills" else values((1, HOUR))

    scheduled = deployment(CONNECTION, DRILL, alarm("LateDrills"))
    late = values((2, HOUR), (0, 8 * DAY))
    assert shown(DRILLS, scheduled, answer) == [
        ("fail", "Drills of the last scheduled run that were not delivered in time, 1 h ago: 2.")
    ]
    late = values((0, HOUR), (2, 8 * DAY))
    assert shown(DRILLS, scheduled, answer) == [
        ("ok", "Each drill rule had a drill in the last 24 hours, none of them late.")
    ]


def test_stack_without_drills_is_a_warning() -> None:
    broken = resource(RULE, "odd", eventPattern="{")
    use = resource(RULE, "use", eventPattern='{"source": ["aws.sts"]}')
    assert shown(DRILLS, deployment(CONNECTION, use, broken), values()) == [("warn", "This stack has no drills.")]
    assert shown(DRILLS, deployment(use), values()) == []


def test_search_for_drills_stays_below_the_limits_of_cloudwatch() -> None:
    aws = MemoryAws()
    examine(DRILLS, deployment(CONNECTION, DRILL, alarm("LateDrills")), aws)
    examine(PROBE, PROBED, aws)
    for _, _, _, asked in aws.calls:
        seconds = (asked["EndTime"] - asked["StartTime"]).total_seconds()
        assert seconds / asked["Period"] < 1440
        assert asked["Period"] % (3600 if seconds > 63 * DAY else 300) == 0


# --- the reconciler ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (values((1, 4 * MINUTE)), []),
        (
            values((0, 4 * MINUTE), (1, 40 * MINUTE)),
            [("fail", "The reconciler has finished no run for 40 min (ReconcilerRuns (prod)).")],
        ),
        (values(), [("fail", "The reconciler has finished no run for a day (ReconcilerRuns (prod)).")]),
    ],
)
def test_reconciler_without_a_recent_run_fails(answer: Any, expected: list[tuple[str, str]]) -> None:
    assert shown(RECONCILER, deployment(alarm("ReconcilerRuns")), answer) == expected


def test_reconciler_of_a_new_stack_is_a_warning() -> None:
    new = replace(alarm("ReconcilerRuns"), created_at=NOW - 60)
    assert shown(RECONCILER, deployment(new), values()) == [("warn", "The reconciler has finished no run yet.")]


@pytest.mark.parametrize(
    ("check", "metric", "status"),
    [(ASSIGNMENTS, "UnrecordedAssignments", "fail"), (EXPLANATIONS, "OverdueExplanations", "warn")],
)
def test_latest_count_of_the_reconciler_is_judged(check: Check[Any, Any], metric: str, status: str) -> None:
    deployed = deployment(alarm(metric))

    assert shown(check, deployed, values((0, MINUTE), (7, HOUR))) == []
    [(found, what)] = shown(check, deployed, values((3, MINUTE), (0, HOUR)))
    assert (found, what.endswith(": 3.")) == (status, True)
    assert [each for each, _ in shown(check, deployed, values())] == ["unknown"]


def test_function_with_errors_is_a_warning() -> None:
    deployed = deployment(resource(FUNCTION_TYPE, "receiver"))

    def answer(arguments: Any) -> dict[str, Any]:
        return values((2, HOUR), (1, 2 * HOUR)) if arguments["MetricName"] == "Errors" else values()

    assert shown(FUNCTION_FAULTS, deployed, values()) == []
    assert shown(FUNCTION_FAULTS, deployed, answer) == [
        ("warn", "The function receiver had 3 errors in the last 24 hours.")
    ]


@pytest.mark.parametrize("check", [PROBE, DRILLS, RECONCILER, ASSIGNMENTS, EXPLANATIONS, FUNCTION_FAULTS])
def test_refused_metric_is_unknown(check: Check[Any, Any]) -> None:
    metrics = ("SlackReachable", "LateDrills", "ReconcilerRuns", "UnrecordedAssignments", "OverdueExplanations")
    deployed = deployment(CONNECTION, DRILL, resource(FUNCTION_TYPE, "receiver"), *map(alarm, metrics))

    assert [status for status, _ in shown(check, deployed, refused())] == ["unknown"]
