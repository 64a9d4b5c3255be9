"""When the reconciler runs, and the alarms for what it finds and for that it does not run.

A part of `Approvals`, not usable alone.

Non-goals: what it does (see `breakglass.app.services.reconciler`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from breakglass.components.alerts.alarm import FIVE_MINUTES, Alarms
from breakglass.naming import METRICS_DIMENSION, METRICS_NAMESPACE, Metric, physical_name

SCHEDULE = "rate(5 minutes)"

SILENT_PERIODS = 3
"""After how many periods of five minutes without a run the alarm is raised."""

FAILING_PERIODS, FAILING_OF = 2, 12
"""In how many of how many periods something has to fail: one that passes is none, and the search comes round slowly."""

_FINDINGS = (
    (
        "unrevoked-grants",
        Metric.unrevoked_grants,
        2,
        "Break-glass access should be gone, and the reconciler could not verify that it is, at two looks. Take it away "
        "by hand if it is still there; the log of the reconciler says whose it is and where.",
    ),
    (
        "unrecorded-assignments",
        Metric.unrecorded_assignments,
        1,
        "Somebody has a break-glass permission set that neither a request nor the stack file gave them. The channel "
        "of the approvals names them; take it away, or write it into the stack file.",
    ),
    (
        "stuck-requests",
        Metric.stuck_requests,
        1,
        "A request for break-glass access did not go on by itself, and the reconciler had to take it further. The log "
        "of the reconciler says which; look into its execution for why.",
    ),
    (
        "undenied-sessions",
        Metric.undenied_sessions,
        1,
        "Break-glass access has ended, and sessions that were open live on: the policy that ends them is full, can't "
        "be read, or AWS refuses to change it. Stop them by hand: docs/runbooks/stop-a-session.md.",
    ),
    (
        "missing-announcements",
        Metric.missing_announcements,
        1,
        "Somebody has broken the glass, and Slack has not accepted the announcement in each of the two channels for "
        "five minutes, or the explanation is not required yet. Find out who it is and tell the people of the channels "
        "by another way. The message of the request and the log of the reconciler (not_announced) say what Slack "
        "answers.",
    ),
    (
        "overdue-explanations",
        Metric.overdue_explanations,
        1,
        "The use of a break-glass role should be explained and signed off by now. The Home tab of the Slack app lists "
        "what is open.",
    ),
)
"""Kind of alarm, metric, for how many periods in a row, and what it means."""


@dataclass(frozen=True)
class ReconcilerScheduleArgs:
    """Arguments of `ReconcilerSchedule`.

    Attributes:
        stack: Value of the metrics' dimension.
        region: Where it is.
        function_name: The reconciler's name.
        function_arn: The reconciler's ARN.
        topic_arn: Where alarms go.
        tags: On whatever takes tags.
    """

    stack: str
    region: str
    function_name: pulumi.Input[str]
    function_arn: pulumi.Input[str]
    topic_arn: pulumi.Input[str]
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

        alarms = Alarms(self, args.topic_arn, args.region, args.tags)
        metric: dict[str, Any] = {
            "namespace": METRICS_NAMESPACE,
            "dimensions": {METRICS_DIMENSION: args.stack},
            "period": FIVE_MINUTES,
        }
        # Every run writes these. Without a run nothing is known: an alarm stays as it is, and `silent` is raised.
        found_by_runs: dict[str, Any] = {**metric, "treat_missing_data": "ignore"}
        raised = [
            alarms.alarm(
                f"{name}-{kind}",
                description=f"{meaning} Runbook: docs/runbooks/alarms.md.",
                evaluation_periods=periods,
                metric_name=found,
                statistic="Maximum",
                **found_by_runs,
            )
            for kind, found, periods, meaning in _FINDINGS
        ]
        failing = alarms.alarm(
            f"{name}-failures",
            description="The reconciler of the break-glass approvals goes on failing at something: an account, a set, "
            "a record, or a part of its work. Everything else is done. Its log says at what, and with which error: "
            "look for reconcile_failed. Runbook: docs/runbooks/alarms.md.",
            evaluation_periods=FAILING_OF,
            datapoints_to_alarm=FAILING_PERIODS,
            metric_name=Metric.failures,
            statistic="Maximum",
            **found_by_runs,
        )
        silent = alarms.alarm(
            f"{name}-silent",
            description="The reconciler of the break-glass approvals has not come to its end for 15 minutes. Access "
            "still ends by its own workflow, but nothing takes back what a workflow leaves behind. Look into the log "
            "of the reconciler. Runbook: docs/runbooks/alarms.md.",
            comparison_operator="LessThanThreshold",
            threshold=1,
            evaluation_periods=SILENT_PERIODS,
            treat_missing_data="breaching",
            metric_name=Metric.runs,
            statistic="Sum",
            **metric,
        )
        self.alarm_arns = pulumi.Output.all(*[alarm.arn for alarm in [*raised, failing, silent]])
        self.register_outputs({"alarm_arns": self.alarm_arns})
