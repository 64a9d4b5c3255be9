"""The schedule of the reconciler, and the alarms for its findings, its failures and its silence.

A part of `Approvals`, not usable alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from breakglass.components.alerts.alarm import FIVE_MINUTES, Alarms, TopicArns
from breakglass.naming import METRICS_DIMENSION, METRICS_NAMESPACE, Metric, physical_name
from breakglass.vocabulary import Severity

SCHEDULE = "rate(5 minutes)"

SILENT_PERIODS = 3
"""The number of five-minute periods without a run that raise the alarm."""

FAILING_PERIODS, FAILING_OF = 2, 12
"""Failing periods, out of periods, that raise the alarm: a temporary failure does not, and the search is slow."""

_FINDINGS = (
    (
        "unrevoked-grants",
        Metric.unrevoked_grants,
        2,
        Severity.mail,
        "The reconciler could not verify in two runs that expired break-glass access is revoked. Delete the assignment "
        "by hand if it still exists; the log of the reconciler names the user and the account.",
    ),
    (
        "unrecorded-assignments",
        Metric.unrecorded_assignments,
        1,
        Severity.mail,
        "A principal has a break-glass permission set that neither a request nor the stack file assigned. The channel "
        "of the approvals names it; delete the assignment, or add it to the stack file.",
    ),
    (
        "stuck-requests",
        Metric.stuck_requests,
        1,
        Severity.mail,
        "A request for break-glass access was stuck, and the reconciler continued it. The log of the reconciler names "
        "the request; its execution shows the cause.",
    ),
    (
        "undenied-sessions",
        Metric.undenied_sessions,
        1,
        Severity.mail,
        "Break-glass access has ended, but its live sessions continue: the service control policy that ends them is "
        "full, can't be read, or AWS refuses its update. Stop them by hand: docs/runbooks/stop-a-session.md.",
    ),
    (
        "missing-announcements",
        Metric.missing_announcements,
        1,
        Severity.page,
        "A user has broken the glass. For five minutes Slack has not accepted the announcement in both channels, or "
        "the explanation is not yet required. Find the user and inform the members of the channels in another way. The "
        "message of the request and the log of the reconciler (not_announced) have Slack's error.",
    ),
    (
        "overdue-explanations",
        Metric.overdue_explanations,
        1,
        Severity.mail,
        "The explanation of a usage of a break-glass role is overdue, or not yet accepted. The Home tab of the Slack "
        "app lists the open usages.",
    ),
)
"""Kind of alarm, metric, number of periods in a row, severity, and meaning."""


@dataclass(frozen=True)
class ReconcilerScheduleArgs:
    """Arguments of `ReconcilerSchedule`.

    Attributes:
        stack: Value of the metrics' dimension.
        region: AWS region.
        function_name: The reconciler's name.
        function_arn: The reconciler's ARN.
        topics: SNS topics of the alarms.
        tags: On every resource that takes tags.
    """

    stack: str
    region: str
    function_name: pulumi.Input[str]
    function_arn: pulumi.Input[str]
    topics: TopicArns
    tags: Mapping[str, str]


class ReconcilerSchedule(pulumi.ComponentResource):
    """An EventBridge rule that runs the reconciler every five minutes, and alarms on its metrics."""

    alarm_arns: pulumi.Output[list[str]]
    """ARNs of its alarms."""

    def __init__(self, name: str, args: ReconcilerScheduleArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("breakglass:index:ReconcilerSchedule", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        rule = aws.cloudwatch.EventRule(
            f"{name}-schedule",
            name=physical_name(f"{name}-schedule"),
            description="Runs the reconciler of the break-glass approvals.",
            schedule_expression=SCHEDULE,
            region=args.region,
            tags=args.tags,
            opts=child,
        )
        permission = aws.lambda_.Permission(
            f"{name}-schedule",
            statement_id="schedule",
            function=args.function_name,
            action="lambda:InvokeFunction",
            principal="events.amazonaws.com",
            source_arn=rule.arn,
            region=args.region,
            opts=child,
        )
        aws.cloudwatch.EventTarget(
            f"{name}-schedule",
            target_id="reconciler",
            rule=rule.name,
            arn=args.function_arn,
            # The next run comes in five minutes anyway.
            retry_policy={"maximum_event_age_in_seconds": FIVE_MINUTES, "maximum_retry_attempts": 3},
            region=args.region,
            opts=pulumi.ResourceOptions(depends_on=[permission], parent=self),
        )

        alarms = Alarms(self, args.topics, args.region, args.tags)
        metric: dict[str, Any] = {"namespace": METRICS_NAMESPACE, "dimensions": {METRICS_DIMENSION: args.stack}}
        # Every run writes these. Without a run an alarm keeps its state, and `silent` is raised.
        found_by_runs: dict[str, Any] = {**metric, "statistic": "Maximum", "treat_missing_data": "ignore"}
        raised = [
            alarms.alarm(
                f"{name}-{kind}",
                description=f"{meaning} Runbook: docs/runbooks/alarms.md.",
                severity=severity,
                evaluation_periods=periods,
                metric_name=found,
                **found_by_runs,
            )
            for kind, found, periods, severity, meaning in _FINDINGS
        ]
        failing = alarms.alarm(
            f"{name}-failures",
            description="The reconciler of the break-glass approvals fails repeatedly at an account, a set, a "
            "record or a part of its work. The rest of its work is done. Its log has the subject and the error in "
            "reconcile_failed. Runbook: docs/runbooks/alarms.md.",
            evaluation_periods=FAILING_OF,
            datapoints_to_alarm=FAILING_PERIODS,
            metric_name=Metric.failures,
            **found_by_runs,
        )
        silent = alarms.alarm(
            f"{name}-silent",
            description="The reconciler of the break-glass approvals has not completed a run for 15 minutes. The "
            "workflow of each request still revokes access, but access that a failed workflow leaves behind stays. "
            "Read the log of the reconciler. Runbook: docs/runbooks/alarms.md.",
            comparison_operator="LessThanThreshold",
            threshold=1,
            evaluation_periods=SILENT_PERIODS,
            treat_missing_data="breaching",
            metric_name=Metric.runs,
            **metric,
        )
        self.alarm_arns = pulumi.Output.all(*raised, failing, silent)
        self.register_outputs({"alarm_arns": self.alarm_arns})
