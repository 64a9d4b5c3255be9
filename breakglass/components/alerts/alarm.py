"""CloudWatch alarms by e-mail and pager, quiet where a metric has no data."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from breakglass.naming import physical_name
from breakglass.vocabulary import Severity

FIVE_MINUTES = 300
"""The usual period of an alarm, in seconds."""


Metric = tuple[str, str, Mapping[str, pulumi.Input[str]]]
"""Namespace, name and dimensions of a metric."""


def sum_of(
    metrics: Iterable[Metric], period: int = FIVE_MINUTES
) -> "list[aws.cloudwatch.MetricAlarmMetricQueryArgsDict]":
    """Return the metric queries of the sum of some metrics in a period of seconds."""
    queries: list[aws.cloudwatch.MetricAlarmMetricQueryArgsDict] = [
        {
            "id": f"m{index}",
            "metric": {
                "namespace": namespace,
                "metric_name": metric,
                "dimensions": dimensions,
                "stat": "Sum",
                "period": period,
            },
        }
        for index, (namespace, metric, dimensions) in enumerate(metrics)
    ]
    return [*queries, {"id": "failures", "expression": "SUM(METRICS())", "label": "failures", "return_data": True}]


def failed_executions(machine_arn: pulumi.Input[str]) -> list[Metric]:
    """Return the metrics of the executions of a state machine that do not succeed."""
    return [
        ("AWS/States", f"Executions{how}", {"StateMachineArn": machine_arn})
        for how in ("Failed", "TimedOut", "Aborted")
    ]


@dataclass(frozen=True)
class TopicArns:
    """The SNS topics of the alarms.

    Attributes:
        mail: ARN of the topic that every alarm goes to.
        page: ARN of the topic that pages on-call; None without pagers.
    """

    mail: pulumi.Input[str]
    page: pulumi.Input[str] | None = None

    def of(self, severity: Severity) -> list[pulumi.Input[str]]:
        """Return the ARNs of the topics for a severity."""
        return [self.mail, self.page] if severity is Severity.page and self.page is not None else [self.mail]


@dataclass(frozen=True)
class Alarms:
    """The common settings of the alarms of a component.

    Attributes:
        parent: the component.
        topics: their SNS topics.
        region: of the metrics.
        tags: on every alarm.
    """

    parent: pulumi.Resource
    topics: TopicArns
    region: str
    tags: Mapping[str, str]

    def alarm(
        self,
        name: str,
        *,
        description: str,
        severity: Severity = Severity.mail,
        threshold: float = 0,
        evaluation_periods: int = 1,
        **metric: Any,
    ) -> pulumi.Output[str]:
        """Create an alarm for a metric above a threshold, and return its ARN.

        Args:
            name: logical name; it ends with the subject of the alarm.
            description: meaning and remedy, for the reader of the e-mail.
            severity: its urgency.
            threshold: the highest value without an alarm.
            evaluation_periods: the number of periods in a row above the threshold.
            metric: the metric, and other arguments of an alarm; by default its sum in five minutes.
        """
        # Most metrics have data only after an event, so missing data is no fault.
        usual = {"comparison_operator": "GreaterThanThreshold", "treat_missing_data": "notBreaching"}
        counted = {} if "metric_queries" in metric else {"statistic": "Sum", "period": FIVE_MINUTES}
        settings: dict[str, Any] = {**usual, **counted, **metric}
        return aws.cloudwatch.MetricAlarm(
            name,
            # CloudWatch allows 255 characters (PutMetricAlarm).
            name=physical_name(name, limit=255),
            alarm_description=description,
            threshold=threshold,
            evaluation_periods=evaluation_periods,
            alarm_actions=self.topics.of(severity),
            region=self.region,
            tags=self.tags,
            opts=pulumi.ResourceOptions(parent=self.parent),
            **settings,
        ).arn
