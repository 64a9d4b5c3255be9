"""Dashboard, alarms, e-mails and pages for alerts and usages in an account and region.

Non-goals: a message that Slack answered with HTTP 200 and did not post, which no metric of EventBridge shows
(see `slack_probe` and `slack_delivery`).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import pulumi
import pulumi_aws as aws
from pydantic import Field, StrictBool
from pydantic.json_schema import SkipJsonSchema

from breakglass.alerts.connection_events import lost_connection_pattern, lost_connection_text
from breakglass.alerts.dashboard import (
    AlertPathMetrics,
    ApprovalMetrics,
    RoleMetrics,
    dashboard_body,
    dashboard_url,
    usage_path,
)
from breakglass.alerts.messages import Transformer, email_text, severity
from breakglass.alerts.patterns import RULE_STATE, pattern_json
from breakglass.alerts.subjects import Role
from breakglass.components.alerts.alarm import Alarms, Metric, TopicArns, sum_of
from breakglass.components.alerts.watched_role import WatchedRole
from breakglass.components.arguments import UsageMonitoringArgs
from breakglass.components.constructor import show_analyzer, validate_args
from breakglass.naming import physical_name
from breakglass.stack_file.alerts import AlertText, UsageCount
from breakglass.stack_file.base import ConfigModel, StringInput, StringListInput, StringMapInput
from breakglass.stack_file.tags import Tagged
from breakglass.stack_file.types import SlackChannelId
from breakglass.vocabulary import EvidencePath, Severity

DAY = 86_400
WEEK = 7 * DAY
"""The longest time that an alarm can look back (CloudWatch API Reference, PutMetricAlarm, `Period`)."""

MAIL, PAGER = "email", "pager"
"""The IDs of a rule's targets besides Slack."""

LONGEST_RETRY: "aws.cloudwatch.EventTargetRetryPolicyArgsDict" = {
    "maximum_event_age_in_seconds": DAY,
    "maximum_retry_attempts": 185,
}
"""EventBridge's longest retry, for targets whose failure no third channel waits for, unlike Slack's."""


class WatchedRoleSpec(WatchedRole):
    """The role of one `UsageAlert`, and the outputs of the alert: exactly one of `permissionSet` and `roleArn`."""

    rule_names: StringMapInput
    """Name of the EventBridge rule for each evidence path."""
    queue_name: StringInput
    """Name of the alert's dead-letter queue."""
    queue_arn: StringInput
    """ARN of the alert's dead-letter queue."""


class ApprovalMetricsSpec(ConfigModel):
    """The resources of the approvals that the dashboard shows."""

    stack: str
    """The name of the `Approvals`, which its metrics have as their dimension."""
    function_names: list[str]
    """Names of its functions."""
    machine_arn: StringInput
    """ARN of its state machine."""
    alarm_arns: StringListInput
    """ARNs of its alarms."""


class AlertPathMetricsSpec(ConfigModel):
    """The other components of the alert path that the dashboard shows."""

    stack: str
    """The value of their metrics' dimension `Stack`."""
    channels: list[SlackChannelId] = Field(default_factory=list)
    """IDs of the Slack channels that a `SlackProbe` tests."""
    drill_rule_names: StringMapInput = None
    """Name of each drill rule, by the role; without `machine_arn`, their latencies are shown."""
    has_drill_schedule: StrictBool = False
    """True if there is a `DrillSchedule`."""
    machine_arn: StringInput = None
    """ARN of the state machine of a `SlackDelivery`, if there is one."""
    alarm_arns: StringListInput
    """ARNs of the alarms of these components."""


class UsageMonitoringSpec(Tagged, UsageCount, AlertText):
    """Arguments of `UsageMonitoring`."""

    watched: list[WatchedRoleSpec] = Field(min_length=1)
    """The alerts, in the order in which the dashboard shows them."""
    connection_arn: StringInput
    """ARN of the EventBridge connection that signs in to Slack."""
    topic_arn: StringInput
    """ARN of the SNS topic that alarms go to."""
    page_topic_arn: StringInput = None
    """ARN of the SNS topic that pages on-call, if there are pagers."""
    alerts_by_email: StrictBool = False
    """Send every alert to `topic_arn` too, as a second channel beside Slack."""
    destination_arn: StringInput = None
    """ARN of the API destination that posts to Slack; absent if a state machine posts."""
    alert_path: AlertPathMetricsSpec | None = None
    """The other components of the alert path, if the dashboard is to show them."""
    approvals: ApprovalMetricsSpec | None = None
    """The approvals, if the dashboard is to show them."""
    create_dashboard: SkipJsonSchema[bool] = True
    """False if a Python program calls `create_dashboard` later."""


class UsageMonitoring(pulumi.ComponentResource):
    """Dashboard and alarms for any number of `UsageAlert`s, and their alerts by e-mail and pager.

    Alarms, for each role: a delivery failed, a dead letter is there, a dead letter is older than a day, the role is
    used more often than an emergency is. And once: EventBridge lost its connection to Slack. With pagers, on-call is
    paged for each use, failed delivery and dead letter, and for the lost connection.

    Permissions:
        - On `arn:PARTITION:cloudwatch:REGION:ACCOUNT:alarm:breakglass-*`: `cloudwatch:PutMetricAlarm`,
          `cloudwatch:DescribeAlarms`, `cloudwatch:DeleteAlarms`, `cloudwatch:TagResource`,
          `cloudwatch:UntagResource`, `cloudwatch:ListTagsForResource`.
        - On `arn:PARTITION:cloudwatch::ACCOUNT:dashboard/breakglass-*`: `cloudwatch:PutDashboard`,
          `cloudwatch:GetDashboard`, `cloudwatch:DeleteDashboards`.
        - On `arn:PARTITION:events:REGION:ACCOUNT:rule/breakglass-*`: `events:PutRule`, `events:DescribeRule`,
          `events:DeleteRule`, `events:PutTargets`, `events:ListTargetsByRule`, `events:RemoveTargets`,
          `events:TagResource`, `events:UntagResource`, `events:ListTagsForResource`.

    Raises:
        ConfigError: The arguments are wrong.
        MessageError: An alert could not be sent by e-mail.
    """

    dashboard_name: pulumi.Output[str]
    """Name of the CloudWatch dashboard."""
    dashboard_url: pulumi.Output[str]
    """Address of the dashboard in the AWS console."""

    @show_analyzer(UsageMonitoringArgs)
    def __init__(
        self, name: str, args: UsageMonitoringArgs | UsageMonitoringSpec, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        spec = validate_args(UsageMonitoringSpec, args, name)
        texts = _texts(spec)
        super().__init__("breakglass:index:UsageMonitoring", name, None, opts)

        self._report_lost_connection(name, spec)
        for watched in spec.watched:
            for path, text in texts[watched.subject].items():
                self._publish_alert(name, spec, watched, path, text)
        alarms = [alarm for watched in spec.watched for alarm in self._alarms(name, spec, watched)]
        self._prefix, self._spec, self._alarm_arns = name, spec, alarms
        if spec.create_dashboard:
            self.create_dashboard(spec.approvals)

    def create_dashboard(self, approvals: ApprovalMetricsSpec | None) -> None:
        """Create the dashboard, and register the outputs of the component.

        Args:
            approvals: The approvals, if the dashboard is to show them.
        """
        name, spec = self._prefix, self._spec
        path = spec.alert_path
        dashboard = aws.cloudwatch.Dashboard(
            f"{name}-dashboard",
            dashboard_name=physical_name(f"{name}-dashboard"),
            dashboard_body=pulumi.Output.all(
                rule_names=pulumi.Output.all(*[watched.rule_names for watched in spec.watched]),
                queue_names=pulumi.Output.all(*[watched.queue_name for watched in spec.watched]),
                alarm_arns=pulumi.Output.all(*self._alarm_arns),
                machine_arn=approvals.machine_arn if approvals else None,
                approval_alarm_arns=approvals.alarm_arns if approvals else [],
                drill_rule_names=path.drill_rule_names if path and path.drill_rule_names is not None else {},
                delivery_arn=path.machine_arn if path else None,
                path_alarm_arns=path.alarm_arns if path else [],
            ).apply(partial(_dashboard_json, spec, approvals)),
            region=spec.region,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.dashboard_name = dashboard.dashboard_name
        self.dashboard_url = dashboard.dashboard_name.apply(partial(dashboard_url, region=spec.region))
        self.register_outputs(
            {
                "dashboard_name": self.dashboard_name,
                "dashboard_url": self.dashboard_url,
            }
        )

    def _report_lost_connection(self, name: str, spec: UsageMonitoringSpec) -> None:
        """Publish the loss of the connection to Slack, which no metric shows."""
        lost = aws.cloudwatch.EventRule(
            f"{name}-lost-connection",
            name=physical_name(f"{name}-lost-connection"),
            description="EventBridge can't post break-glass alerts to Slack any more.",
            event_pattern=pulumi.Output.all(spec.connection_arn, spec.destination_arn).apply(_lost_connection_json),
            state=RULE_STATE,
            region=spec.region,
            tags=spec.tags,
            opts=pulumi.ResourceOptions(parent=self),
        )
        text = lost_connection_text(confirmed=spec.destination_arn is None)
        self._publish(f"{name}-lost-connection", spec, MAIL, lost.name, text)
        if spec.page_topic_arn is not None:
            self._publish(f"{name}-lost-connection-page", spec, PAGER, lost.name, text)

    def _publish_alert(
        self, name: str, spec: UsageMonitoringSpec, watched: WatchedRoleSpec, path: EvidencePath, text: Transformer
    ) -> None:
        """Publish the alert of one rule, too."""
        of_rule = f"{name}-{watched.subject.key}-{path}"
        rule = pulumi.Output.from_input(watched.rule_names)[path.value]
        if spec.alerts_by_email:
            self._publish(of_rule, spec, MAIL, rule, text, {"arn": watched.queue_arn})
        if spec.page_topic_arn is not None and severity(watched.subject, path) is Severity.page:
            self._publish(f"{of_rule}-page", spec, PAGER, rule, text, {"arn": watched.queue_arn})

    def _publish(
        self,
        name: str,
        spec: UsageMonitoringSpec,
        target_id: str,
        rule: pulumi.Input[str],
        text: Transformer,
        dead_letters: "aws.cloudwatch.EventTargetDeadLetterConfigArgsDict | None" = None,
    ) -> None:
        """Publish the events of a rule to the topic of a target."""
        aws.cloudwatch.EventTarget(
            name,
            target_id=target_id,
            rule=rule,
            arn=spec.topic_arn if target_id == MAIL else spec.page_topic_arn,
            input_transformer={"input_paths": dict(text.input_paths), "input_template": text.template},
            retry_policy=LONGEST_RETRY,
            dead_letter_config=dead_letters,
            region=spec.region,
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _alarms(self, name: str, spec: UsageMonitoringSpec, watched: WatchedRoleSpec) -> Iterator[pulumi.Output[str]]:
        role = watched.subject.label
        rule_names = pulumi.Output.from_input(watched.rule_names)
        alarm = Alarms(self, TopicArns(spec.topic_arn, spec.page_topic_arn), spec.region, spec.tags).alarm
        of_role = f"{name}-{watched.subject.key}"
        dead_letters = {
            "namespace": "AWS/SQS",
            "dimensions": {"QueueName": watched.queue_name},
            "statistic": "Maximum",
        }
        yield alarm(
            f"{of_role}-failed-deliveries",
            severity=Severity.page,
            description=f"An alert about {role} could not be delivered to Slack, e-mail, a pager or the usage "
            "recorder. The role may be in use without anyone knowing. Read the event in the dead-letter queue or in "
            "CloudTrail, then find the cause. Runbooks: docs/runbooks/dead-letters.md, docs/runbooks/slack-is-down.md.",
            metric_queries=sum_of(_failed_deliveries([rule_names[path.value] for path in watched.paths])),
        )
        yield alarm(
            f"{of_role}-dead-letters",
            severity=Severity.page,
            description=f"Undelivered alerts about {role} are in the dead-letter queue. Read them, tell the team, and "
            "delete them. Runbook: docs/runbooks/dead-letters.md.",
            metric_name="ApproximateNumberOfMessagesVisible",
            **dead_letters,
        )
        yield alarm(
            f"{of_role}-dead-letter-age",
            description=f"An alert about {role} has been in the dead-letter queue for over a day. SQS deletes it after "
            "14 days. Read it, tell the team, and delete it. Runbook: docs/runbooks/dead-letters.md.",
            threshold=DAY,
            metric_name="ApproximateAgeOfOldestMessage",
            **dead_letters,
        )
        counting = usage_path(watched.paths)
        if counting is not None:
            yield alarm(
                f"{of_role}-routine-use",
                description=f"{role} was used more than {spec.uses_per_week} times in 7 days: that is "
                "routine, not an emergency. Read the explanations in the Slack threads, and add what is needed every "
                "day to the everyday permission set, or raise usesPerWeek if this was a long incident. Runbook: "
                "docs/runbooks/explain-a-use.md.",
                threshold=spec.uses_per_week,
                namespace="AWS/Events",
                metric_name="MatchedEvents",
                dimensions={"RuleName": rule_names[counting.value]},
                period=WEEK,
            )


def _texts(spec: UsageMonitoringSpec) -> dict[Role, dict[EvidencePath, Transformer]]:
    """Return the text of every alert, for e-mail and pagers."""
    return {
        watched.subject: {
            path: email_text(watched.subject, path, post_mortem_url=spec.post_mortem_url) for path in watched.paths
        }
        for watched in spec.watched
    }


def _failed_deliveries(rule_names: Sequence[pulumi.Input[str]]) -> list[Metric]:
    """Return the metrics of all failed deliveries of a role, with or without a dead letter."""
    return [
        ("AWS/Events", metric, "RuleName", rule_name)
        for metric in ("FailedInvocations", "InvocationsFailedToBeSentToDlq")
        for rule_name in rule_names
    ]


def _lost_connection_json(arns: Sequence[Any]) -> str:
    connection_arn, destination_arn = arns
    return pattern_json(lost_connection_pattern(connection_arn, destination_arn))


def _dashboard_json(
    spec: UsageMonitoringSpec, approvals: ApprovalMetricsSpec | None, resolved: Mapping[str, Any]
) -> str:
    roles = [
        RoleMetrics(
            label=watched.subject.label,
            rule_names={path: rule_names[path.value] for path in watched.paths},
            queue_name=queue_name,
        )
        for watched, rule_names, queue_name in zip(
            spec.watched, resolved["rule_names"], resolved["queue_names"], strict=True
        )
    ]
    metrics = ApprovalMetrics(approvals.stack, approvals.function_names, resolved["machine_arn"]) if approvals else None
    alert_path = (
        AlertPathMetrics(
            stack=spec.alert_path.stack,
            channels=spec.alert_path.channels,
            drill_rule_names=resolved["drill_rule_names"],
            has_drill_schedule=spec.alert_path.has_drill_schedule,
            machine_arn=resolved["delivery_arn"],
        )
        if spec.alert_path
        else None
    )
    alarm_arns = [*resolved["alarm_arns"], *resolved["path_alarm_arns"], *resolved["approval_alarm_arns"]]
    return json.dumps(dashboard_body(roles, alarm_arns, spec.region, metrics, alert_path), separators=(",", ":"))
