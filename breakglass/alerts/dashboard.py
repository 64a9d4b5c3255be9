"""The CloudWatch dashboard: the state of the alert path, and the uses of break-glass roles.

All numbers of uses come from metrics that AWS keeps anyway (EventBridge's rule metrics and SQS's queue metrics), so no
code of this package runs to count. One row shows the measurements of the probe, the drills and the confirmed delivery.
With approvals, one row shows their metrics and those of the reconciler. EventBridge delivers its metrics on a
best-effort basis (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html): they show a trend,
CloudTrail has the record.

The format is CloudWatch's "Dashboard body structure and syntax"
(https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html).

Non-goals: alarms.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from breakglass.alerts.console import console_url
from breakglass.naming import CHANNEL_DIMENSION, METRICS_DIMENSION, METRICS_NAMESPACE, AlertMetric, Metric
from breakglass.vocabulary import ROLE_PATHS, EvidencePath, partition_of_region

WIDTH = 24
"""Columns of a CloudWatch dashboard."""
DAY = 86_400
ALARMS_IN_A_WIDGET = 100
"""CloudWatch's limit."""

_USE_PATHS = (EvidencePath.session_start, EvidencePath.portal, EvidencePath.console)

Line = list[Any]
"""One line of a graph: `[namespace, metric, dimension name, dimension value, ..., rendering]`."""


@dataclass(frozen=True)
class RoleMetrics:
    """The resources of one alert that have metrics."""

    label: str
    """The role's name, for people."""
    rule_names: Mapping[EvidencePath, str]
    """The EventBridge rule of each evidence path."""
    queue_name: str
    """The dead-letter queue."""


@dataclass(frozen=True)
class ApprovalMetrics:
    """The resources of the approvals that have metrics."""

    stack: str
    """The value of the dimension of the functions' metrics."""
    function_names: Sequence[str]
    machine_arn: str


@dataclass(frozen=True)
class AlertPathMetrics:
    """The resources of the alert path that have metrics beside those of its rules and queues.

    Attributes:
        stack: the value of the dimension `Stack`.
        channels: IDs of the channels that the probe tests.
        drill_rule_names: the drill rule of each role, by its name for people.
        has_drill_schedule: True if drills are sent on a schedule.
        machine_arn: the state machine of the confirmed delivery, if there is one.
    """

    stack: str
    channels: Sequence[str]
    drill_rule_names: Mapping[str, str]
    has_drill_schedule: bool
    machine_arn: str | None


def usage_path(paths: Iterable[EvidencePath]) -> EvidencePath | None:
    """Return the evidence path whose rule counts uses, or None without such a path.

    One use has several records (the portal issues credentials, a session starts, the console opens), so a count of all
    would count it several times. Each way in starts exactly one session.
    """
    present = set(paths)
    return next((path for path in _USE_PATHS if path in present), None)


def dashboard_body(
    roles: Sequence[RoleMetrics],
    alarm_arns: Sequence[str],
    region: str,
    approvals: ApprovalMetrics | None = None,
    alert_path: AlertPathMetrics | None = None,
) -> dict[str, Any]:
    """Return the body of the dashboard, with the alarms at the top and the roles in their order.

    A graph has at most 500 lines, more than an event bus has rules.
    """
    of_alert_path = _alert_path(alert_path, region, top=25) if alert_path else []
    every_path = tuple(ROLE_PATHS)
    denied = _rule_metrics("MatchedEvents", roles, (EvidencePath.denied,))
    delivered = _rule_metrics("Invocations", roles, every_path)
    failed = _rule_metrics("FailedInvocations", roles, every_path)
    lost = _rule_metrics("InvocationsFailedToBeSentToDlq", roles, every_path)
    letters = _queue_metrics("ApproximateNumberOfMessagesVisible", roles)
    age = _queue_metrics("ApproximateAgeOfOldestMessage", roles)
    return {
        # Emergencies are rare: four weeks show a trend.
        "start": "-P28D",
        "periodOverride": "inherit",
        "widgets": [
            _text(_position(0, 0, WIDTH, 3), approvals),
            *_alarms(alarm_arns, top=3, height=4),
            _graph("Uses in the time range", _usage_lines(roles), region, _position(0, 7, 6, 6), view=_ONE_NUMBER),
            _graph("Uses per day", _usage_lines(roles), region, _position(6, 7, 10, 6)),
            _graph("Denied attempts per day", denied, region, _position(16, 7, 8, 6)),
            _graph("Deliveries per day, failed ones included", delivered, region, _position(0, 13, 12, 6)),
            _graph("Failed deliveries per day: should be empty", failed, region, _position(12, 13, 12, 6)),
            _graph("Dead letters: should be 0", letters, region, _position(0, 19, 8, 6), stat="Maximum"),
            _graph("Age of the oldest dead letter, seconds", age, region, _position(8, 19, 8, 6), stat="Maximum"),
            _graph("Failed without a dead letter: should be empty", lost, region, _position(16, 19, 8, 6)),
            *of_alert_path,
            *(_approvals(approvals, region, top=31 if of_alert_path else 25) if approvals else ()),
        ],
    }


def dashboard_url(name: str, region: str) -> str:
    """Return the address of a dashboard in the AWS console of its partition."""
    return console_url(partition_of_region(region), f"cloudwatch/home?region={region}#dashboards/dashboard/{name}")


def _position(left: int, top: int, width: int, height: int) -> dict[str, int]:
    return {"x": left, "y": top, "width": width, "height": height}


def _alert_path(path: AlertPathMetrics, region: str, top: int) -> list[dict[str, Any]]:
    """Return one row of graphs, without those that have no metric."""
    reachable = [
        _own_metric(path, AlertMetric.slack_reachable, each, CHANNEL_DIMENSION, each) for each in path.channels
    ]
    graphs = [
        (title, lines, stat)
        for title, lines, stat in (
            ("Slack accepts messages: should be 1", reachable, "Minimum"),
            (*_drills(path), "Maximum"),
            ("Late or failed per day: should be 0", _late(path), "Sum"),
        )
        if lines
    ]
    width = WIDTH // max(1, len(graphs))
    return [
        _graph(title, lines, region, _position(column * width, top, width, 6), stat=stat)
        for column, (title, lines, stat) in enumerate(graphs)
    ]


def _drills(path: AlertPathMetrics) -> tuple[str, list[Line]]:
    """Return the time of a drill: to Slack's answer, or without one to EventBridge's successful delivery."""
    if path.machine_arn:
        return "Seconds from a drill to Slack", [_own_metric(path, AlertMetric.drill_seconds, "drills")]
    # "Monitoring Amazon EventBridge" (EventBridge User Guide)
    metric = "IngestionToInvocationSuccessLatency"
    lines = [_rule_metric(metric, rule_name, label) for label, rule_name in path.drill_rule_names.items()]
    return "Milliseconds from a drill to its delivery", lines


def _late(path: AlertPathMetrics) -> list[Line]:
    late = [_own_metric(path, AlertMetric.late_drills, "late drills")] if path.has_drill_schedule else []
    if not path.machine_arn:
        return late
    failed = [
        ["AWS/States", metric, "StateMachineArn", path.machine_arn, {"label": f"deliveries that {label}"}]
        for metric, label in (
            ("ExecutionsFailed", "failed"),
            ("ExecutionsTimedOut", "timed out"),
            ("ExecutionsAborted", "were stopped by hand"),
        )
    ]
    return [_own_metric(path, AlertMetric.alerts_late, "late alerts"), *late, *failed]


def _own_metric(path: AlertPathMetrics, metric: AlertMetric, label: str, *dimension: str) -> Line:
    return [METRICS_NAMESPACE, metric, METRICS_DIMENSION, path.stack, *dimension, {"label": label}]


def _approvals(approvals: ApprovalMetrics, region: str, top: int) -> list[dict[str, Any]]:
    found = [
        [METRICS_NAMESPACE, metric, METRICS_DIMENSION, approvals.stack, {"label": label}]
        for metric, label in (
            (Metric.overdue_explanations, "overdue explanations"),
            (Metric.unrevoked_grants, "overdue revocations"),
            (Metric.unrecorded_assignments, "unmanaged assignments"),
            (Metric.stuck_requests, "stuck requests"),
            (Metric.undenied_sessions, "sessions without a Deny"),
            (Metric.failures, "failures of the reconciler"),
        )
    ]
    started, failed = (
        ["AWS/States", metric, "StateMachineArn", approvals.machine_arn, {"label": label}]
        for metric, label in (("ExecutionsStarted", "requests"), ("ExecutionsFailed", "workflow"))
    )
    errors = [["AWS/Lambda", "Errors", "FunctionName", name, {"label": name}] for name in approvals.function_names]
    return [
        _graph("Requests for access per day", [started], region, _position(0, top, 8, 6)),
        _graph("Findings of the reconciler: should be 0", found, region, _position(8, top, 8, 6), stat="Maximum"),
        _graph("Errors of the approvals per day: should be empty", [*errors, failed], region, _position(16, top, 8, 6)),
    ]


def _text(position: dict[str, int], approvals: ApprovalMetrics | None) -> dict[str, Any]:
    recorded = " Every use is also delivered to the usage recorder." if approvals else ""
    lines = (
        "# Break-glass use",
        "Every use should have an explanation in its Slack thread. A red alarm or a dead letter: "
        "see `docs/runbooks/alarms.md`. No messages in Slack: see `docs/runbooks/slack-is-down.md`.",
        "The numbers are EventBridge's, delivered on a best-effort basis. CloudTrail has the record." + recorded,
    )
    return {"type": "text", **position, "properties": {"markdown": "\n\n".join(lines)}}


def _alarms(arns: Sequence[str], top: int, height: int) -> list[dict[str, Any]]:
    """Show all alarms in one row of widgets, those in state ALARM first."""
    starts = range(0, len(arns), ALARMS_IN_A_WIDGET)
    width = WIDTH // len(starts)
    return [
        {
            "type": "alarm",
            **_position(column * width, top, width, height),
            "properties": {
                "title": "Alarms",
                "sortBy": "stateUpdatedTimestamp",
                "alarms": list(arns[start : start + ALARMS_IN_A_WIDGET]),
            },
        }
        for column, start in enumerate(starts)
    ]


_PER_DAY: dict[str, Any] = {"view": "timeSeries", "stacked": False, "yAxis": {"left": {"min": 0, "showUnits": False}}}
_ONE_NUMBER: dict[str, Any] = {"view": "singleValue", "setPeriodToTimeRange": True}


def _graph(
    title: str,
    metrics: list[Line],
    region: str,
    position: dict[str, int],
    *,
    stat: str = "Sum",
    view: Mapping[str, Any] = _PER_DAY,
) -> dict[str, Any]:
    properties = {"title": title, "region": region, "stat": stat, "period": DAY, **view, "metrics": metrics}
    return {"type": "metric", **position, "properties": properties}


def _usage_lines(roles: Sequence[RoleMetrics]) -> list[Line]:
    counted = [(role, usage_path(role.rule_names)) for role in roles]
    return [_rule_metric("MatchedEvents", role.rule_names[path], role.label) for role, path in counted if path]


def _rule_metrics(metric: str, roles: Sequence[RoleMetrics], paths: Sequence[EvidencePath]) -> list[Line]:
    return [
        _rule_metric(metric, rule_name, role.label if len(paths) == 1 else f"{role.label}: {path}")
        for role in roles
        for path, rule_name in role.rule_names.items()
        if path in paths
    ]


def _rule_metric(metric: str, rule_name: str, label: str) -> Line:
    return ["AWS/Events", metric, "RuleName", rule_name, {"label": label}]


def _queue_metrics(metric: str, roles: Sequence[RoleMetrics]) -> list[Line]:
    return [["AWS/SQS", metric, "QueueName", role.queue_name, {"label": role.label}] for role in roles]
