"""The checks of metrics: the last probe, drill and run of the reconciler, and what the reconciler counts.

The alarms of the stack name the metrics, so a metric without an alarm has no check.

Non-goals: judging a metric that has an alarm of its own a second time (see `monitoring`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from breakglass.alerts.drills import drilled_role
from breakglass.app.domain.durations import format_duration
from breakglass.cli.deployment import Deployment, Resource
from breakglass.cli.doctor.alert_path import CONNECTION_TYPE, RULE
from breakglass.cli.doctor.check import Check, Judgement, Sources
from breakglass.cli.doctor.finding import Status
from breakglass.naming import CHANNEL_DIMENSION, METRICS_NAMESPACE, AlertMetric, Metric, rule_dimensions

ALARM_TYPE = "aws:cloudwatch/metricAlarm"

DAY = 86_400


@dataclass(frozen=True)
class Series:
    """A metric of CloudWatch, in a region."""

    region: str
    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]

    @property
    def label(self) -> str:
        """Its name and the values of its dimensions, for findings."""
        return f"{self.name} ({', '.join(value for _, value in self.dimensions)})"


@dataclass(frozen=True)
class Datapoint:
    """A value of a metric.

    Attributes:
        age: the seconds since the beginning of its period.
    """

    value: float
    age: float


@dataclass(frozen=True)
class AlarmedSeries:
    """A metric that an alarm of the stack reads.

    Attributes:
        window: the seconds of data that decide the alarm's state.
        created_at: the time of its first deployment, in seconds since 1970.
    """

    series: Series
    window: int
    created_at: float = 0


@dataclass(frozen=True)
class Readings:
    """The values of a metric.

    Attributes:
        values: the latest first.
        deployed: the seconds since the first deployment of its alarm.
    """

    values: Sequence[Datapoint]
    deployed: float

    @property
    def last(self) -> Datapoint | None:
        """The latest value; None without any."""
        return self.values[0] if self.values else None


def alarmed_series(deployment: Deployment, metric: str) -> list[AlarmedSeries]:
    """Return the metrics of the product with this name that the stack's alarms read."""
    found: dict[Series, AlarmedSeries] = {}
    for alarm in deployment.of_type(ALARM_TYPE):
        periods = int(alarm.get("evaluationPeriods") or 1)
        for used in (alarm.inputs, *(query.get("metric") or {} for query in alarm.get("metricQueries") or ())):
            if used.get("namespace") == METRICS_NAMESPACE and used.get("metricName") == metric:
                dimensions: Mapping[str, Any] = used.get("dimensions") or {}
                pairs = tuple(sorted((name, str(value)) for name, value in dimensions.items()))
                series = Series(alarm.region, METRICS_NAMESPACE, metric, pairs)
                window = max(periods * int(used.get("period") or 60), found[series].window if series in found else 0)
                found[series] = AlarmedSeries(series, window, alarm.created_at)
    return list(found.values())


def matched_events(region: str, rule: str, bus: str | None = None) -> Series:
    """Return the events that a rule matched; without a bus it is on the default one."""
    return Series(region, "AWS/Events", "MatchedEvents", tuple(sorted(rule_dimensions(rule, bus).items())))


def read_datapoints(sources: Sources, series: Series, statistic: str, seconds: int, period: int) -> list[Datapoint]:
    """Return the values of a metric in the last seconds, the latest first.

    Args:
        sources: the sources of observations.
        series: the metric.
        statistic: e.g. `Maximum` or `Sum`.
        seconds: the length of the time range, a multiple of `period`.
        period: seconds that a value is about, a multiple of 60. CloudWatch returns at most 1,440 values, and keeps
            periods of five minutes for 63 days, of an hour for 15 months (GetMetricStatistics).
    """
    now = datetime.fromtimestamp(sources.clock(), UTC)
    answer = sources.aws(series.region).call(
        "cloudwatch",
        "GetMetricStatistics",
        Namespace=series.namespace,
        MetricName=series.name,
        Dimensions=[{"Name": name, "Value": value} for name, value in series.dimensions],
        StartTime=now - timedelta(seconds=seconds),
        # The period that has begun counts as well.
        EndTime=now + timedelta(seconds=60),
        Period=period,
        Statistics=[statistic],
    )
    values = [
        Datapoint(float(each[statistic]), (now - each["Timestamp"]).total_seconds())
        for each in answer.get("Datapoints") or ()
    ]
    return sorted(values, key=lambda each: each.age)


def read_alarmed(sources: Sources, alarmed: AlarmedSeries, statistic: str, seconds: int, period: int) -> Readings:
    """Return the values of a metric of the stack; the arguments are those of `read_datapoints`."""
    values = read_datapoints(sources, alarmed.series, statistic, seconds, period)
    return Readings(values, sources.clock() - alarmed.created_at)


def format_age(seconds: float) -> str:
    """Return an age in whole minutes, e.g. `2 h 5 min`."""
    return format_duration(max(60, int(seconds) // 60 * 60))


def metric_check(
    name: str,
    metric: str,
    *,
    why: str,
    ok: str,
    judge: Callable[[AlarmedSeries, Readings], list[Judgement]],
    seconds: int,
    period: int,
    statistic: str = "Maximum",
) -> Check[AlarmedSeries, Readings]:
    """Return a check of each series of a metric that the stack's alarms name."""
    return Check(
        name=name,
        why=why,
        subjects=lambda deployment: alarmed_series(deployment, metric),
        look=lambda sources, alarmed: read_alarmed(sources, alarmed, statistic, seconds, period),
        judge=judge,
        ok=ok,
        actions=("cloudwatch:GetMetricStatistics",),
        name_subject=lambda alarmed: f"the metric {alarmed.series.label}",
    )


# --- the reconciler ---------------------------------------------------------------------------------------------------

_LATEST_RUN_SECONDS = 900


def judge_runs(alarmed: AlarmedSeries, runs: Readings) -> list[Judgement]:
    """Return a problem unless the reconciler, which runs every five minutes, ran in the last 15."""
    last = next((each.age for each in runs.values if each.value > 0), None)
    if last is not None and last <= _LATEST_RUN_SECONDS:
        return []
    if last is None and runs.deployed < _LATEST_RUN_SECONDS:
        return [Judgement(Status.warn, "The reconciler has finished no run yet.", "Look again in five minutes.")]
    when = "for a day" if last is None else f"for {format_age(last)}"
    return [
        Judgement(
            Status.fail,
            f"The reconciler has finished no run {when} ({alarmed.series.label}).",
            "Read its log, and the rule of its schedule: docs/runbooks/alarms.md.",
        )
    ]


RECONCILER = metric_check(
    "reconciler",
    Metric.runs,
    why="The reconciler revokes access that a failed workflow leaves behind, and finds assignments made by hand.",
    ok="the reconciler has finished a run in the last 15 minutes",
    judge=judge_runs,
    seconds=DAY,
    period=300,
    statistic="Sum",
)


def _judge_count(status: Status, what: str, do: str) -> Callable[[AlarmedSeries, Readings], list[Judgement]]:
    """Return a judgement of the latest value of a counter; `{count}` in `what` is the value."""

    def judge(alarmed: AlarmedSeries, counts: Readings) -> list[Judgement]:
        if counts.last is None:
            return [
                Judgement(
                    Status.unknown,
                    f"The metric {alarmed.series.label} has no value of the last hour.",
                    "See the finding about the reconciler, which writes it at each run.",
                )
            ]
        count = int(counts.last.value)
        return [Judgement(status, what.format(count=count), do)] if count else []

    return judge


ASSIGNMENTS = metric_check(
    "assignments",
    Metric.unrecorded_assignments,
    why="The holder of such an assignment can use the role without a request, an approval or an end.",
    ok="the reconciler finds no unmanaged assignment of a break-glass set",
    judge=_judge_count(
        Status.fail,
        "Assignments of break-glass sets that neither a request nor the stack file made: {count}.",
        "The channel of the approvals names each. Delete it, or add it to the stack file: docs/runbooks/alarms.md.",
    ),
    seconds=3600,
    period=300,
)

EXPLANATIONS = metric_check(
    "explanations",
    Metric.overdue_explanations,
    why="A use without an explanation is a security incident until it is explained.",
    ok="no explanation of a use is overdue",
    judge=_judge_count(
        Status.warn,
        "Uses of break-glass roles whose explanation is overdue: {count}.",
        "The Home tab of the Slack app lists them: docs/runbooks/explain-a-use.md.",
    ),
    seconds=3600,
    period=300,
)


# --- the probe --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Probes:
    """The probes of the stack, one for each channel; none if the probe is off."""

    channels: tuple[AlarmedSeries, ...]


def _probes(deployment: Deployment) -> list[Probes]:
    if not deployment.of_type(CONNECTION_TYPE):
        return []
    return [Probes(tuple(alarmed_series(deployment, AlertMetric.slack_reachable)))]


def _look_at_probes(sources: Sources, probes: Probes) -> list[Readings]:
    """Return the results of each channel in the last day."""
    return [read_alarmed(sources, each, "Minimum", max(DAY, each.window), 300) for each in probes.channels]


def judge_probes(probes: Probes, results: Sequence[Readings]) -> list[Judgement]:
    """Return a judgement of the last probe of each channel, or one if there is no probe."""
    if not probes.channels:
        return [
            Judgement(
                Status.warn,
                "This stack has no probe.",
                "Remove `probe: off` from the section `alerts`, and run `pulumi up`.",
                "Slack refuses alerts with HTTP 200 if the channel is archived or the bot was removed, and the first "
                "to notice would be an emergency.",
            )
        ]
    return [_judge_probe(each, found) for each, found in zip(probes.channels, results, strict=True)]


def _judge_probe(probe: AlarmedSeries, found: Readings) -> Judgement:
    channel, last = f"the channel {dict(probe.series.dimensions).get(CHANNEL_DIMENSION, '?')}", found.last
    if last is None and found.deployed < probe.window:
        return Judgement(Status.warn, f"The probe of {channel} has not run yet.", "Look again in half an hour.")
    if last is None or last.age > probe.window + 300:
        when = "for a day" if last is None else f"for {format_age(last.age)}"
        return Judgement(
            Status.fail,
            f"The probe of {channel} has not run {when}.",
            "Read the executions of the state machine of the probe, and its rule: docs/runbooks/slack-is-down.md.",
        )
    if last.value < 1:
        return Judgement(
            Status.fail,
            f"Slack refused the last probe of {channel}, {format_age(last.age)} ago.",
            "The e-mail of the probe has Slack's error and the remedy: docs/runbooks/slack-is-down.md.",
        )
    return Judgement(Status.ok, f"Slack accepted the last probe of {channel}, {format_age(last.age)} ago.", "")


PROBE = Check(
    name="probe",
    why="A channel that refuses the probe refuses alerts, too.",
    subjects=_probes,
    look=_look_at_probes,
    judge=judge_probes,
    ok="",
    actions=("cloudwatch:GetMetricStatistics",),
    name_subject=lambda _: "the results of the probe",
)

# --- drills -----------------------------------------------------------------------------------------------------------

_DRILL_SECONDS = 30 * DAY
_SEARCHED_SECONDS = 90 * DAY


@dataclass(frozen=True)
class Drills:
    """The drills of the stack.

    Attributes:
        rules: a series of matched events for each drill rule; none if the stack has no drills.
        late: the counters of late drills; only with a schedule.
    """

    rules: tuple[Series, ...]
    late: tuple[AlarmedSeries, ...]


@dataclass(frozen=True)
class DrillResults:
    """The drills that CloudWatch knows of.

    Attributes:
        last: the age of each rule's last drill in seconds; None without one in 90 days.
        late: the latest count of each counter; None without a value.
    """

    last: tuple[float | None, ...]
    late: tuple[Datapoint | None, ...]


def _drills(deployment: Deployment) -> list[Drills]:
    if not deployment.of_type(CONNECTION_TYPE):
        return []
    rules = tuple(
        matched_events(rule.region, rule.physical_name, rule.get("eventBusName"))
        for rule in deployment.of_type(RULE)
        if drilled_role(str(rule.get("eventPattern")))
    )
    return [Drills(rules, tuple(alarmed_series(deployment, AlertMetric.late_drills)))]


def _look_at_drills(sources: Sources, drills: Drills) -> DrillResults:
    matched = (read_datapoints(sources, rule, "Sum", _SEARCHED_SECONDS, DAY // 4) for rule in drills.rules)
    late = (read_alarmed(sources, each, "Maximum", 14 * DAY, 3600) for each in drills.late)
    return DrillResults(
        tuple(next((each.age for each in values if each.value > 0), None) for values in matched),
        tuple(readings.last for readings in late),
    )


def judge_drills(drills: Drills, results: DrillResults) -> list[Judgement]:
    """Return a judgement of the drill rules without a recent drill, and of late scheduled drills."""
    if not drills.rules:
        return [
            Judgement(
                Status.warn,
                "This stack has no drills.",
                "Set `drills: true` in the section `alerts`, run `pulumi up`, and follow docs/runbooks/drill.md.",
            )
        ]
    late = [
        Judgement(
            Status.fail,
            f"Drills of the last scheduled run that were not delivered in time, {format_age(last.age)} ago: "
            f"{int(last.value)}.",
            "Run `breakglass drill`, which says where a drill stops: docs/runbooks/drill.md.",
        )
        for last in results.late
        if last is not None and last.value > 0
    ]
    old = [
        f"{dict(rule.dimensions)['RuleName']} ({'none in 90 days' if age is None else f'{int(age) // DAY} days ago'})"
        for rule, age in zip(drills.rules, results.last, strict=True)
        if age is None or age > _DRILL_SECONDS
    ]
    if old:
        do = "Run `breakglass drill`, or schedule drills with `drills: {every: P7D}`: docs/runbooks/drill.md."
        late.append(Judgement(Status.warn, f"Rules without a drill in the last 30 days: {', '.join(old)}.", do))
    if late:
        return late
    days = max(int(age or 0) // DAY + 1 for age in results.last)
    span = "24 hours" if days == 1 else f"{days} days"
    return [Judgement(Status.ok, f"Each drill rule had a drill in the last {span}, none of them late.", "")]


DRILLS = Check(
    name="drill",
    why="Only a drill shows that an alert reaches the people in the channel.",
    subjects=_drills,
    look=_look_at_drills,
    judge=judge_drills,
    ok="",
    actions=("cloudwatch:GetMetricStatistics",),
    name_subject=lambda _: "the drills",
)

# --- function errors --------------------------------------------------------------------------------------------------

FUNCTION_TYPE = "aws:lambda/function"
_FAULTS = ("Errors", "Throttles")


def _look_at_faults(sources: Sources, function: Resource) -> dict[str, int]:
    dimensions = (("FunctionName", function.physical_name),)
    return {
        metric: int(
            sum(
                each.value
                for each in read_datapoints(
                    sources,
                    Series(function.region, "AWS/Lambda", metric, dimensions),
                    "Sum",
                    DAY,
                    3600,
                )
            )
        )
        for metric in _FAULTS
    }


def judge_faults(function: Resource, found: Mapping[str, int]) -> list[Judgement]:
    """Return a problem if the function had errors or was throttled in the last day."""
    counts = [f"{count} {metric.lower()}" for metric, count in found.items() if count]
    if not counts:
        return []
    return [
        Judgement(
            Status.warn,
            f"The function {function.physical_name} had {' and '.join(counts)} in the last 24 hours.",
            "Read its log group, which has its name: docs/runbooks/alarms.md.",
        )
    ]


FUNCTION_FAULTS = Check(
    name="function-errors",
    why="A function that fails answers no click, records no use, or revokes no access.",
    subjects=lambda deployment: deployment.of_type(FUNCTION_TYPE),
    look=_look_at_faults,
    judge=judge_faults,
    ok="functions without errors and throttles in the last 24 hours: {count}",
    actions=("cloudwatch:GetMetricStatistics",),
    name_subject=lambda function: f"the errors of the function {function.physical_name}",
)
