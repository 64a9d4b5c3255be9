"""The CloudWatch dashboard: is the alert path in order, and who uses break-glass how often.

All numbers about uses come from metrics that AWS keeps anyway (EventBridge's rule metrics and SQS's queue metrics), so
nothing of this package has to run to count. With approvals there is a row about these, with what their reconciler
counts. EventBridge delivers its metrics on a best-effort basis
(https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html): they show a trend, CloudTrail has the
record.

The format is CloudWatch's "Dashboard body structure and syntax"
(https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html).

Non-goals: no alarms and no pulumi.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from breakglass.alerts.console import console_url
from breakglass.naming import METRICS_DIMENSION, METRICS_NAMESPACE, Metric
from breakglass.vocabulary import EvidencePath, partition_of_region

WIDTH = 24
"""Columns of a CloudWatch dashboard."""
DAY = 86_400
ALARMS_IN_A_WIDGET = 100
"""CloudWatch's limit."""

_USE_PATHS = (EvidencePath.session_start, EvidencePath.portal, EvidencePath.console)

Line = list[Any]
"""One line of a graph: `[namespace, metric, dimension name, dimension value, rendering]`."""


@dataclass(frozen=True)
class RoleMetrics:
    """What one alert is made of, as far as metrics tell about it."""

    label: str
    """What a person calls the role."""
    rule_names: Mapping[EvidencePath, str]
    """The EventBridge rule of each evidence path."""
    queue_name: str
    """The dead-letter queue."""


@dataclass(frozen=True)
class ApprovalMetrics:
    """What the approvals are made of, as far as metrics tell about it."""

    stack: str
    """The value of the dimension of the reconciler's metrics."""
    function_names: Sequence[str]
    """The functions."""
    machine_arn: str
    """The state machine."""


def usage_path(paths: Iterable[EvidencePath]) -> EvidencePath | None:
    """Return the evidence path whose rule counts uses, or None if none of the paths shows a use.

    One use leaves several traces (the portal hands out the role, a session starts, the console opens), so counting them
    all would count it several times. A session is started once, and by every way in.
    """
    present = set(paths)
    return next((path for path in _USE_PATHS if path in present), None)


def dashboard_body(
    roles: Sequence[RoleMetrics], alarm_arns: Sequence[str], region: str, approvals: ApprovalMetrics | None = None
) -> dict[str, Any]:
    """Return the body of the dashboard, JSON-ready.

    Args:
        roles: What is watched, in the order in which it is drawn; a graph takes 500 lines, more than an event bus takes
            rules.
        alarm_arns: The alarms whose state is shown at the top; at least one.
        region: Where the metrics are.
        approvals: What approves access, if there is such a thing in this stack.
    """
    every_path = tuple(EvidencePath)
    denied = _rule_metrics("MatchedEvents", roles, (EvidencePath.denied,))
    delivered = _rule_metrics("Invocations", roles, every_path)
    failed = _rule_metrics("FailedInvocations", roles, every_path)
    lost = _rule_metrics("InvocationsFailedToBeSentToDlq", roles, every_path)
    letters = _queue_metrics("ApproximateNumberOfMessagesVisible", roles)
    age = _queue_metrics("ApproximateAgeOfOldestMessage", roles)
    return {
        # Emergencies are rare: four weeks show whether they still are.
        "start": "-P28D",
        "periodOverride": "inherit",
        "widgets": [
            _text(_place(0, 0, WIDTH, 3), approvals),
            *_alarms(alarm_arns, top=3, height=4),
            _graph("Uses in the time range", _uses(roles), region, _place(0, 7, 6, 6), view=_ONE_NUMBER),
            _graph("Uses per day", _uses(roles), region, _place(6, 7, 10, 6)),
            _graph("Denied attempts per day", denied, region, _place(16, 7, 8, 6)),
            _graph("Deliveries per day, failed ones included", delivered, region, _place(0, 13, 12, 6)),
            _graph("Failed deliveries per day: should be empty", failed, region, _place(12, 13, 12, 6)),
            _graph("Dead letters: should be 0", letters, region, _place(0, 19, 8, 6), stat="Maximum"),
            _graph("Age of the oldest dead letter, seconds", age, region, _place(8, 19, 8, 6), stat="Maximum"),
            _graph("Failed and not even a dead letter: should be empty", lost, region, _place(16, 19, 8, 6)),
            *(_approvals(approvals, region, top=25) if approvals else ()),
        ],
    }


def dashboard_url(name: str, region: str) -> str:
    """Return the address of a dashboard in the AWS console of its partition."""
    return console_url(partition_of_region(region), f"cloudwatch/home?region={region}#dashboards/dashboard/{name}")


def _place(left: int, top: int, width: int, height: int) -> dict[str, int]:
    return {"x": left, "y": top, "width": width, "height": height}


def _approvals(approvals: ApprovalMetrics, region: str, top: int) -> list[dict[str, Any]]:
    found = [
        [METRICS_NAMESPACE, metric, METRICS_DIMENSION, approvals.stack, {"label": label}]
        for metric, label in (
            (Metric.overdue_explanations, "overdue explanations"),
            (Metric.unrevoked_grants, "access that should be gone"),
            (Metric.unrecorded_assignments, "assignments that nobody recorded"),
            (Metric.stuck_requests, "requests that did not go on"),
            (Metric.undenied_sessions, "sessions that are not cut off"),
            (Metric.failures, "failures of the reconciler"),
        )
    ]
    started, failed = (
        ["AWS/States", metric, "StateMachineArn", approvals.machine_arn, {"label": label}]
        for metric, label in (("ExecutionsStarted", "requests"), ("ExecutionsFailed", "workflow"))
    )
    errors = [["AWS/Lambda", "Errors", "FunctionName", name, {"label": name}] for name in approvals.function_names]
    return [
        _graph("Requests for access per day", [started], region, _place(0, top, 8, 6)),
        _graph("What the reconciler found: should be 0", found, region, _place(8, top, 8, 6), stat="Maximum"),
        _graph("Errors of the approvals per day: should be empty", [*errors, failed], region, _place(16, top, 8, 6)),
    ]


def _text(place: dict[str, int], approvals: ApprovalMetrics | None) -> dict[str, Any]:
    recorded = " Every use is delivered to the usage recorder, too." if approvals else ""
    lines = (
        "# Break-glass use",
        "Every use should have an explanation in its Slack thread; drills count as uses. A red alarm or a dead letter: "
        "see `docs/runbooks/alarms.md`. Nothing arrives in Slack: see `docs/runbooks/slack-is-down.md`.",
        "The numbers are EventBridge's own, kept on a best-effort basis. CloudTrail has the record." + recorded,
    )
    return {"type": "text", **place, "properties": {"markdown": "\n\n".join(lines)}}


def _alarms(arns: Sequence[str], top: int, height: int) -> list[dict[str, Any]]:
    """Show all alarms in one row of widgets, those in state ALARM first."""
    starts = range(0, len(arns), ALARMS_IN_A_WIDGET)
    width = WIDTH // len(starts)
    return [
        {
            "type": "alarm",
            **_place(column * width, top, width, height),
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
    place: dict[str, int],
    *,
    stat: str = "Sum",
    view: Mapping[str, Any] = _PER_DAY,
) -> dict[str, Any]:
    properties = {"title": title, "region": region, "stat": stat, "period": DAY, **view, "metrics": metrics}
    return {"type": "metric", **place, "properties": properties}


def _uses(roles: Sequence[RoleMetrics]) -> list[Line]:
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
