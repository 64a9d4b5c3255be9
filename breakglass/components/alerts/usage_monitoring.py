"""Whether alerts arrive and how often break-glass is used: dashboard, alarms, and e-mail beside Slack.

Non-goals: noticing that Slack answered HTTP 200 and posted nothing; no metric shows that. It sees the account and
region it is deployed to, nothing else.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NotRequired, TypedDict

import pulumi
import pulumi_aws as aws
from pydantic import Field

from breakglass.alerts.connection_events import lost_connection_pattern, lost_connection_text
from breakglass.alerts.dashboard import ApprovalMetrics, RoleMetrics, dashboard_body, dashboard_url, usage_path
from breakglass.alerts.messages import Transformer, email_text
from breakglass.alerts.patterns import RULE_STATE, pattern_json
from breakglass.alerts.subjects import Subject
from breakglass.components.alerts.alarm import FIVE_MINUTES, Alarms
from breakglass.components.alerts.watched_role import WatchedRole
from breakglass.components.reference import Reference
from breakglass.iam.documents import alarm_topic_policy, policy_json
from breakglass.naming import physical_name
from breakglass.stack_file.alerts import Monitoring
from breakglass.stack_file.base import ConfigModel
from breakglass.stack_file.report import validate
from breakglass.stack_file.types import HttpsUrl, Region, TagKey, TagValue
from breakglass.vocabulary import EvidencePath

DAY = 86_400
WEEK = 7 * DAY
"""The longest time that an alarm can look back (CloudWatch API Reference, PutMetricAlarm, `Period`)."""

MAIL_RETRY: "aws.cloudwatch.EventTargetRetryPolicyArgsDict" = {
    "maximum_event_age_in_seconds": DAY,
    "maximum_retry_attempts": 185,
}
"""EventBridge's longest retry: unlike for Slack, no third channel waits for these mails to fail."""


class WatchedRoleArgs(TypedDict):
    """What one `UsageAlert` is about: exactly one of `permission_set` and `role_arn`, and the alert's outputs."""

    permission_set: NotRequired[str]
    """The name of the permission set that is watched."""
    role_arn: NotRequired[str]
    """The ARN of the IAM role that is watched."""
    evidence_paths: NotRequired[list[EvidencePath]]
    """The evidence paths of the alert; by default all on which the role can show up."""
    rule_names: pulumi.Input[dict[str, str]]
    """Name of the EventBridge rule for each evidence path."""
    queue_name: pulumi.Input[str]
    """Name of the alert's dead-letter queue."""
    queue_arn: pulumi.Input[str]
    """ARN of the alert's dead-letter queue."""


class ApprovalMetricsArgs(TypedDict):
    """What the dashboard shows of the approvals."""

    stack: str
    """The name of the `Approvals`, which its metrics have as their dimension."""
    function_names: list[str]
    """Names of its functions."""
    machine_arn: pulumi.Input[str]
    """ARN of its state machine."""
    alarm_arns: pulumi.Input[list[str]]
    """ARNs of its alarms."""


class UsageMonitoringArgs(TypedDict):
    """Arguments of `UsageMonitoring`."""

    region: str
    """The region of the alert path."""
    watched: list[WatchedRoleArgs]
    """What is watched, in the order in which the dashboard shows it."""
    connection_arn: pulumi.Input[str]
    """ARN of the EventBridge connection that signs in to Slack."""
    destination_arn: pulumi.Input[str]
    """ARN of the API destination that posts to Slack."""
    emails: NotRequired[list[str]]
    """Who gets the alarms. Each address has to confirm the mail that AWS sends first."""
    alerts_by_email: NotRequired[bool]
    """Whether these addresses get every alert too, as a second channel beside Slack; False by default."""
    uses_per_week: NotRequired[int]
    """An alarm is raised when a role is used more often than this in 7 days; 5 by default."""
    post_mortem_url: NotRequired[str]
    """A form or page that alerts by e-mail name, where the use is explained and closed."""
    approvals: NotRequired[ApprovalMetricsArgs]
    """What approves access, if it is to be shown on the dashboard."""
    tags: NotRequired[dict[str, str]]
    """Tags on the topic, the alarms and the rule."""


class WatchedRoleSpec(WatchedRole):
    """`WatchedRoleArgs`, validated."""

    rule_names: Reference
    """Name of the EventBridge rule for each evidence path."""
    queue_name: Reference
    """Name of the alert's dead-letter queue."""
    queue_arn: Reference
    """ARN of the alert's dead-letter queue."""


class ApprovalMetricsSpec(ConfigModel):
    """`ApprovalMetricsArgs`, validated."""

    stack: str
    """The name of the `Approvals`."""
    function_names: list[str]
    """Names of its functions."""
    machine_arn: Reference
    """ARN of its state machine."""
    alarm_arns: Reference
    """ARNs of its alarms."""


class UsageMonitoringSpec(Monitoring):
    """`UsageMonitoringArgs`, validated."""

    region: Region
    """The region of the alert path."""
    watched: list[WatchedRoleSpec] = Field(min_length=1)
    """What is watched, in the order in which the dashboard shows it."""
    connection_arn: Reference
    """ARN of the EventBridge connection that signs in to Slack."""
    destination_arn: Reference
    """ARN of the API destination that posts to Slack."""
    post_mortem_url: HttpsUrl | None = None
    """A form or page that alerts by e-mail name."""
    approvals: ApprovalMetricsSpec | None = None
    """What approves access, if it is to be shown on the dashboard."""
    tags: dict[TagKey, TagValue] = Field(default_factory=dict)
    """Tags on the topic, the alarms and the rule."""


class UsageMonitoring(pulumi.ComponentResource):
    """Dashboard, alarms and an SNS topic with e-mail subscriptions for any number of `UsageAlert`s.

    Alarms, for each role: a delivery failed, a dead letter is there, a dead letter is older than a day, the role is
    used more often than an emergency is. And once: EventBridge lost its connection to Slack.

    Permissions:
        - On `arn:PARTITION:sns:REGION:ACCOUNT:breakglass-*`: `sns:CreateTopic`, `sns:GetTopicAttributes`,
          `sns:SetTopicAttributes`, `sns:DeleteTopic`, `sns:TagResource`, `sns:UntagResource`,
          `sns:ListTagsForResource`, `sns:Subscribe`. On `*`: `sns:GetSubscriptionAttributes`, `sns:Unsubscribe`.
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

    topic_arn: pulumi.Output[str]
    """ARN of the SNS topic that alarms go to."""
    dashboard_name: pulumi.Output[str]
    """Name of the CloudWatch dashboard."""
    dashboard_url: pulumi.Output[str]
    """Address of the dashboard in the AWS console."""

    def __init__(self, name: str, args: UsageMonitoringArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        spec = validate(UsageMonitoringSpec, args, at=f"{name}.")
        mails = _mails(spec)
        super().__init__("breakglass:index:UsageMonitoring", name, None, opts)

        topic = self._topic(name, spec)
        for watched in spec.watched:
            for path, mail in mails[watched.subject].items():
                self._mail(name, spec, topic, watched, path, mail)
        alarms = [alarm for watched in spec.watched for alarm in self._alarms(name, spec, topic.arn, watched)]
        dashboard = aws.cloudwatch.Dashboard(
            f"{name}-dashboard",
            dashboard_name=physical_name(f"{name}-dashboard"),
            dashboard_body=pulumi.Output.all(
                rule_names=pulumi.Output.all(*[watched.rule_names for watched in spec.watched]),
                queue_names=pulumi.Output.all(*[watched.queue_name for watched in spec.watched]),
                alarm_arns=pulumi.Output.all(*[alarm.arn for alarm in alarms]),
                **({"approvals": _approval_metrics(spec.approvals)} if spec.approvals else {}),
            ).apply(partial(_dashboard_json, spec)),
            region=spec.region,
            opts=pulumi.ResourceOptions(parent=self),
        )

        self.topic_arn = topic.arn
        self.dashboard_name = dashboard.dashboard_name
        self.dashboard_url = dashboard.dashboard_name.apply(partial(dashboard_url, region=spec.region))
        self.register_outputs(
            {
                "topic_arn": self.topic_arn,
                "dashboard_name": self.dashboard_name,
                "dashboard_url": self.dashboard_url,
            }
        )

    def _topic(self, name: str, spec: UsageMonitoringSpec) -> "_Topic":
        """Make the topic, and send it the loss of the connection to Slack, which no metric shows."""
        child = pulumi.ResourceOptions(parent=self)
        # Not encrypted with a key: AWS's own for SNS lets no alarm publish, and nothing said here is a secret.
        topic = aws.sns.Topic(
            f"{name}-alarms",
            name=physical_name(f"{name}-alarms"),
            display_name="Break-glass",
            region=spec.region,
            tags=spec.tags,
            opts=child,
        )
        lost = aws.cloudwatch.EventRule(
            f"{name}-lost-connection",
            name=physical_name(f"{name}-lost-connection"),
            description="EventBridge can't post break-glass alerts to Slack any more.",
            event_pattern=pulumi.Output.all(spec.connection_arn, spec.destination_arn).apply(_lost_connection_json),
            state=RULE_STATE,
            region=spec.region,
            tags=spec.tags,
            opts=child,
        )
        policy = aws.sns.TopicPolicy(
            f"{name}-alarms",
            arn=topic.arn,
            policy=topic.arn.apply(_topic_policy),
            region=spec.region,
            opts=child,
        )
        for email in spec.emails:
            aws.sns.TopicSubscription(
                f"{name}-{email}", topic=topic.arn, protocol="email", endpoint=email, region=spec.region, opts=child
            )
        text = lost_connection_text()
        aws.cloudwatch.EventTarget(
            f"{name}-lost-connection",
            target_id="email",
            rule=lost.name,
            arn=topic.arn,
            input_transformer={"input_paths": dict(text.input_paths), "input_template": text.template},
            retry_policy=MAIL_RETRY,
            region=spec.region,
            opts=pulumi.ResourceOptions(depends_on=[policy], parent=self),
        )
        return _Topic(topic.arn, policy)

    def _mail(
        self,
        name: str,
        spec: UsageMonitoringSpec,
        topic: "_Topic",
        watched: WatchedRoleSpec,
        path: EvidencePath,
        mail: Transformer,
    ) -> None:
        """Send the alert of one rule to the topic, too."""
        aws.cloudwatch.EventTarget(
            f"{name}-{watched.subject.key}-{path}",
            target_id="email",
            rule=pulumi.Output.from_input(watched.rule_names)[path.value],
            arn=topic.arn,
            input_transformer={"input_paths": dict(mail.input_paths), "input_template": mail.template},
            retry_policy=MAIL_RETRY,
            dead_letter_config={"arn": watched.queue_arn},
            region=spec.region,
            opts=pulumi.ResourceOptions(depends_on=[topic.policy], parent=self),
        )

    def _alarms(
        self, name: str, spec: UsageMonitoringSpec, topic_arn: pulumi.Output[str], watched: WatchedRoleSpec
    ) -> "Iterator[aws.cloudwatch.MetricAlarm]":
        role = watched.subject.label
        rule_names = pulumi.Output.from_input(watched.rule_names)
        alarm = Alarms(self, topic_arn, spec.region, spec.tags).alarm
        ways = "Slack, by e-mail, or to the usage recorder" if spec.approvals else "Slack, or by e-mail"
        of_role = f"{name}-{watched.subject.key}"
        dead_letters = {
            "namespace": "AWS/SQS",
            "dimensions": {"QueueName": watched.queue_name},
            "statistic": "Maximum",
            "period": FIVE_MINUTES,
        }
        yield alarm(
            f"{of_role}-failed-deliveries",
            description=f"An alert about {role} could not be delivered to {ways}: somebody may be using "
            "it and nobody is told. Look into the dead-letter queue or CloudTrail for what happened, then for why it "
            "was not delivered. Runbooks: docs/runbooks/dead-letters.md, docs/runbooks/slack-is-down.md.",
            threshold=0,
            metric_queries=_failed_deliveries([rule_names[path.value] for path in watched.paths]),
        )
        yield alarm(
            f"{of_role}-dead-letters",
            description=f"Alerts about {role} are in the dead-letter queue, unread by anybody. Read them, tell the "
            "team, and delete them. Runbook: docs/runbooks/dead-letters.md.",
            threshold=0,
            metric_name="ApproximateNumberOfMessagesVisible",
            **dead_letters,
        )
        yield alarm(
            f"{of_role}-dead-letter-age",
            description=f"An alert about {role} is in the dead-letter queue for over a day. After 14 days it is gone "
            "for good. Read it, tell the team, and delete it. Runbook: docs/runbooks/dead-letters.md.",
            threshold=DAY,
            metric_name="ApproximateAgeOfOldestMessage",
            **dead_letters,
        )
        counting = usage_path(watched.paths)
        if counting is not None:
            yield alarm(
                f"{of_role}-routine-use",
                description=f"{role} was used more than {spec.uses_per_week} times in 7 days, drills included: that is "
                "routine, not an emergency. Read the explanations in the Slack threads, and give the everyday "
                "permission set what is needed every day, or raise usesPerWeek if this was a long incident. Runbook: "
                "docs/runbooks/explain-a-use.md.",
                threshold=spec.uses_per_week,
                namespace="AWS/Events",
                metric_name="MatchedEvents",
                dimensions={"RuleName": rule_names[counting.value]},
                statistic="Sum",
                period=WEEK,
            )


@dataclass(frozen=True)
class _Topic:
    """The topic, and what has to be there before anything can be published to it."""

    arn: pulumi.Output[str]
    policy: pulumi.Resource


def _mails(spec: UsageMonitoringSpec) -> dict[Subject, dict[EvidencePath, Transformer]]:
    """Return the e-mail of every alert that goes out by e-mail as well."""
    return {
        watched.subject: {
            path: email_text(watched.subject, path, post_mortem_url=spec.post_mortem_url)
            for path in watched.paths
            if spec.alerts_by_email
        }
        for watched in spec.watched
    }


def _failed_deliveries(
    rule_names: Sequence[pulumi.Input[str]],
) -> "list[aws.cloudwatch.MetricAlarmMetricQueryArgsDict]":
    """Add up what failed for good over the rules of a role, whether it became a dead letter or not."""
    failures = [
        (metric, rule_name)
        for metric in ("FailedInvocations", "InvocationsFailedToBeSentToDlq")
        for rule_name in rule_names
    ]
    metrics: list[aws.cloudwatch.MetricAlarmMetricQueryArgsDict] = [
        {
            "id": f"m{index}",
            "metric": {
                "namespace": "AWS/Events",
                "metric_name": metric,
                "dimensions": {"RuleName": rule_name},
                "stat": "Sum",
                "period": FIVE_MINUTES,
            },
        }
        for index, (metric, rule_name) in enumerate(failures)
    ]
    return [*metrics, {"id": "failures", "expression": "SUM(METRICS())", "label": "failures", "return_data": True}]


def _lost_connection_json(arns: Sequence[str]) -> str:
    connection_arn, destination_arn = arns
    return pattern_json(lost_connection_pattern(connection_arn, destination_arn))


def _topic_policy(topic_arn: str) -> str:
    return policy_json(alarm_topic_policy(topic_arn))


def _dashboard_json(spec: UsageMonitoringSpec, resolved: Mapping[str, list[Any]]) -> str:
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
    alarm_arns, approvals = resolved["alarm_arns"], None
    if spec.approvals is not None:
        machine_arn, more = resolved["approvals"]
        approvals = ApprovalMetrics(spec.approvals.stack, spec.approvals.function_names, machine_arn)
        alarm_arns = [*alarm_arns, *more]
    return json.dumps(dashboard_body(roles, alarm_arns, spec.region, approvals), separators=(",", ":"))


def _approval_metrics(approvals: ApprovalMetricsSpec) -> pulumi.Output[list[Any]]:
    return pulumi.Output.all(approvals.machine_arn, approvals.alarm_arns)
