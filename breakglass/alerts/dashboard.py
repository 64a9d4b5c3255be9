"""The CloudWatch dashboard: the alert path, the uses of each subject, and tampering.

All numbers of uses come from metrics that AWS keeps anyway (EventBridge's rule metrics and SQS's queue metrics), so no
code of this package runs to count. One row shows the measurements of the probe, the drills and the confirmed delivery.
With approvals, one row shows their metrics and those of the reconciler. EventBridge delivers its metrics on a
best-effort basis (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html): they show a trend,
CloudTrail has the record.

The format is CloudWatch's "Dashboard body structure and syntax"
(https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html).

Non-goals: alarms.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from breakglass.alerts.console import console_url
from breakglass.alerts.subjects import (
    AccessSubject,
    PermissionSetSubject,
    RoleSubject,
    TamperSubject,
    Watched,
)
from breakglass.naming import (
    CHANNEL_DIMENSION,
    METRICS_DIMENSION,
    METRICS_NAMESPACE,
    AlertMetric,
    Metric,
    rule_dimensions,
)
from breakglass.vocabulary import EvidencePath, partition_of_region

WIDTH = 24
"""Columns of a CloudWatch dashboard."""
DAY = 86_400
ALARMS_IN_A_WIDGET = 100
"""CloudWatch's limit."""

_USE_PATHS = (EvidencePath.session_start, EvidencePath.portal, EvidencePath.console)
_PRINCIPAL_USE_PATHS = (EvidencePath.sign_in, EvidencePath.login)

Line = list[Any]
"""One line of a graph: `[namespace, metric, dimension name, dimension value, ..., rendering]`."""


@dataclass(frozen=True)
class RuleMetrics:
    """An EventBridge rule, which has metrics.

    Attributes:
        key: its key among the rules of the subject.
        path: its evidence path.
        name: its physical name.
        posts: False if it has no target.
        bus_name: the name of its event bus; None for the default one.
    """

    key: str
    path: EvidencePath
    name: str
    posts: bool = True
    bus_name: str | None = None


@dataclass(frozen=True)
class SubjectMetrics:
    """The resources of one alert that have metrics.

    Attributes:
        subject: the subject.
        rules: its rules.
        queue_name: the dead-letter queue.
    """

    subject: Watched
    rules: Sequence[RuleMetrics]
    queue_name: str


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
        drill_bus_name: the name of the event bus of these rules; None for the default one.
        has_drill_schedule: True if drills are sent on a schedule.
        has_roll_call: True if spokes without a heartbeat are counted.
        has_witness: True if uses without an alert are counted.
        machine_arn: the state machine of the confirmed delivery, if there is one.
    """

    stack: str
    channels: Sequence[str]
    drill_rule_names: Mapping[str, str]
    has_drill_schedule: bool
    machine_arn: str | None
    drill_bus_name: str | None = None
    has_roll_call: bool = False
    has_witness: bool = False


def subject_name(subject: Watched) -> str:
    """Return the name of a subject for dashboards and alarms."""
    match subject:
        case AccessSubject():
            return "access around the approvals"
        case TamperSubject():
            return "tampering"
        case _:
            return subject.label


def usage_paths(subject: Watched, paths: Iterable[EvidencePath]) -> tuple[EvidencePath, ...]:
    """Return the evidence paths whose rules count the uses of a subject; none for access and tampering.

    One use of a role has several records (the portal issues credentials, a session starts, the console opens), so a
    count of all would count it several times. Each way in starts exactly one session. A sign-in of a user or root, and
    a command line that gets credentials from it, are one use each.
    """
    present = set(paths)
    match subject:
        case AccessSubject() | TamperSubject():
            return ()
        case PermissionSetSubject() | RoleSubject():
            return tuple(path for path in _USE_PATHS if path in present)[:1]
        case _:
            return tuple(path for path in _PRINCIPAL_USE_PATHS if path in present)


def dashboard_body(
    subjects: Sequence[SubjectMetrics],
    alarm_arns: Sequence[str],
    region: str,
    approvals: ApprovalMetrics | None = None,
    alert_path: AlertPathMetrics | None = None,
) -> dict[str, Any]:
    """Return the body of the dashboard, with the alarms at the top and the subjects in their order.

    A graph has at most 500 lines, more than an event bus has rules.
    """
    uses = _use_lines(subjects)
    denied = _rule_lines("MatchedEvents", subjects, [EvidencePath.denied])
    every_path = list(EvidencePath)
    delivered = _rule_lines("Invocations", subjects, every_path)
    failed = _rule_lines("FailedInvocations", subjects, every_path)
    lost = _rule_lines("InvocationsFailedToBeSentToDlq", subjects, every_path)
    letters = _queue_metrics("ApproximateNumberOfMessagesVisible", subjects)
    age = _queue_metrics("ApproximateAgeOfOldestMessage", subjects)
    others = _row(_others(subjects), region, top=13)
    below = 19 if others else 13
    of_alert_path = _row(_alert_path(alert_path), region, top=below + 12) if alert_path else []
    of_approvals = below + (18 if of_alert_path else 12)
    return {
        # Emergencies are rare: four weeks show a trend.
        "start": "-P28D",
        "periodOverride": "inherit",
        "widgets": [
            _text(_position(0, 0, WIDTH, 3), approvals),
            *_alarms(alarm_arns, top=3, height=4),
            _graph("Uses in the time range", uses, region, _position(0, 7, 6, 6), view=_ONE_NUMBER),
            _graph("Uses per day", uses, region, _position(6, 7, 10, 6)),
            _graph("Denied attempts per day", denied, region, _position(16, 7, 8, 6)),
            *others,
            _graph("Deliveries per day, failed ones included", delivered, region, _position(0, below, 12, 6)),
            _graph("Failed deliveries per day: should be empty", failed, region, _position(12, below, 12, 6)),
            _graph("Dead letters: should be 0", letters, region, _position(0, below + 6, 8, 6), stat="Maximum"),
            _graph(
                "Age of the oldest dead letter, seconds", age, region, _position(8, below + 6, 8, 6), stat="Maximum"
            ),
            _graph("Failed without a dead letter: should be empty", lost, region, _position(16, below + 6, 8, 6)),
            *of_alert_path,
            *(_approvals(approvals, region, top=of_approvals) if approvals else ()),
        ],
    }


def dashboard_url(name: str, region: str) -> str:
    """Return the address of a dashboard in the AWS console of its partition."""
    return console_url(partition_of_region(region), f"cloudwatch/home?region={region}#dashboards/dashboard/{name}")


def _position(left: int, top: int, width: int, height: int) -> dict[str, int]:
    return {"x": left, "y": top, "width": width, "height": height}


_Graph = tuple[str, list[Line], str]
"""Title, lines and statistic."""


def _row(graphs: Iterable[_Graph], region: str, top: int) -> list[dict[str, Any]]:
    """Return one row of graphs, without those that have no metric."""
    shown = [graph for graph in graphs if graph[1]]
    width = WIDTH // max(1, len(shown))
    return [
        _graph(title, lines, region, _position(column * width, top, width, 6), stat=stat)
        for column, (title, lines, stat) in enumerate(shown)
    ]


def _others(subjects: Sequence[SubjectMetrics]) -> Iterator[_Graph]:
    """Yield the graphs of what is no use of a role."""
    paths = EvidencePath
    tampering = [each for each in subjects if isinstance(each.subject, TamperSubject)]
    for title, shown, of_paths in (
        ("Changes as root, and AssumeRoot, per day", subjects, [paths.change, paths.assume_root]),
        ("Users per day: credentials, calls with keys", subjects, [paths.credentials, paths.key_use]),
        ("Access given around the approvals per day", subjects, [paths.access]),
        ("Tampering and deployers' sessions per day", tampering, [paths.tamper, paths.session_start]),
    ):
        yield title, _rule_lines("MatchedEvents", shown, of_paths), "Sum"


def _alert_path(path: AlertPathMetrics) -> list[_Graph]:
    reachable = [
        _own_metric(path, AlertMetric.slack_reachable, each, CHANNEL_DIMENSION, each) for each in path.channels
    ]
    return [
        ("Slack accepts messages: should be 1", reachable, "Minimum"),
        (*_drills(path), "Maximum"),
        ("Late or failed per day: should be 0", _late(path), "Sum"),
        ("Not seen, most in a run: should be 0", _unseen(path), "Maximum"),
    ]


def _drills(path: AlertPathMetrics) -> tuple[str, list[Line]]:
    """Return the time of a drill: to Slack's answer, or without one to EventBridge's successful delivery."""
    if path.machine_arn:
        return "Seconds from a drill to Slack", [_own_metric(path, AlertMetric.drill_seconds, "drills")]
    # "Monitoring Amazon EventBridge" (EventBridge User Guide)
    metric = "IngestionToInvocationSuccessLatency"
    lines = [
        _rule_metric(metric, rule_dimensions(name, path.drill_bus_name), label)
        for label, name in path.drill_rule_names.items()
    ]
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


def _unseen(path: AlertPathMetrics) -> list[Line]:
    missing = _own_metric(path, AlertMetric.missing_spokes, "spokes without a heartbeat")
    unalerted = _own_metric(path, AlertMetric.uses_without_alert, "uses without an alert")
    return [*([missing] if path.has_roll_call else ()), *([unalerted] if path.has_witness else ())]


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
    recorded = " Every use of a role is also delivered to the usage recorder." if approvals else ""
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


def _use_lines(subjects: Sequence[SubjectMetrics]) -> list[Line]:
    return [
        line
        for each in subjects
        for line in _rule_lines("MatchedEvents", [each], usage_paths(each.subject, [rule.path for rule in each.rules]))
    ]


def _rule_lines(metric: str, subjects: Sequence[SubjectMetrics], paths: Sequence[EvidencePath]) -> list[Line]:
    """Return the lines of the rules of some paths; a rule without target has no deliveries."""
    return [
        _rule_metric(
            metric, rule_dimensions(rule.name, rule.bus_name), _label(each.subject, rule, alone=len(paths) == 1)
        )
        for each in subjects
        for rule in each.rules
        if rule.path in paths and (rule.posts or metric == "MatchedEvents")
    ]


def _label(subject: Watched, rule: RuleMetrics, *, alone: bool) -> str:
    """Return the subject's name, with the rule's key unless the path says as much."""
    name = subject_name(subject)
    return name if alone and rule.key == rule.path else f"{name}: {rule.key}"


def _rule_metric(metric: str, dimensions: Mapping[str, str], label: str) -> Line:
    return ["AWS/Events", metric, *itertools.chain(*dimensions.items()), {"label": label}]


def _queue_metrics(metric: str, subjects: Sequence[SubjectMetrics]) -> list[Line]:
    return [
        ["AWS/SQS", metric, "QueueName", each.queue_name, {"label": subject_name(each.subject)}] for each in subjects
    ]
