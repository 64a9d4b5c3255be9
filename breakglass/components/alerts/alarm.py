"""An alarm by e-mail, as all alarms here are: named after what it is about, quiet where nothing happens.

Non-goals: what is worth an alarm (see the components that raise them).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from breakglass.naming import physical_name

FIVE_MINUTES = 300
"""The usual period of an alarm, in seconds."""


@dataclass(frozen=True)
class Alarms:
    """What the alarms of one component have in common.

    Attributes:
        parent: the component.
        topic_arn: ARN of the SNS topic that they go to.
        region: of the metrics.
        tags: on every alarm.
    """

    parent: pulumi.Resource
    topic_arn: pulumi.Input[str]
    region: str
    tags: Mapping[str, str]

    def alarm(
        self,
        name: str,
        *,
        description: str,
        threshold: float = 0,
        evaluation_periods: int = 1,
        **metric: Any,
    ) -> "aws.cloudwatch.MetricAlarm":
        """Raise an alarm while a metric is above a threshold.

        Args:
            name: logical name; what the alarm is about stands at its end, since that is what a reader looks for.
            description: what it means and what to do, for somebody who gets it by e-mail.
            threshold: the most that is in order.
            evaluation_periods: how many periods in a row it has to be above.
            metric: the metric, and what else an alarm takes.
        """
        # Most metrics are only there when something happened: where there is none, nothing is wrong.
        usual = {"comparison_operator": "GreaterThanThreshold", "treat_missing_data": "notBreaching"}
        settings: dict[str, Any] = {**usual, **metric}
        return aws.cloudwatch.MetricAlarm(
            name,
            # CloudWatch allows 255 characters (PutMetricAlarm).
            name=physical_name(name, limit=255),
            alarm_description=description,
            threshold=threshold,
            evaluation_periods=evaluation_periods,
            alarm_actions=[self.topic_arn],
            region=self.region,
            tags=self.tags,
            opts=pulumi.ResourceOptions(parent=self.parent),
            **settings,
        )
