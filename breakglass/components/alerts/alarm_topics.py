"""The SNS topics of the alarms, and their subscriptions: e-mail addresses and pagers.

There are two topics and no filter. An EventBridge target can't set message attributes, and a filter on the body needs
JSON, which every mail would then show.

Non-goals: what is published (see `usage_monitoring` and `alarm`). An e-mail subscription that was never confirmed gets
nothing, and no resource shows that; `breakglass doctor` does.
"""

from functools import partial

import pulumi
import pulumi_aws as aws

from breakglass.components.alerts.alarm import Alarms, TopicArns
from breakglass.components.arguments import AlarmTopicsArgs
from breakglass.components.constructor import show_analyzer, validate_args
from breakglass.iam.documents import alarm_topic_policy, policy_json
from breakglass.naming import physical_name
from breakglass.stack_file.alerts import AlarmReceivers, AlertPath
from breakglass.stack_file.secret_keys import pager_fault
from breakglass.stack_file.tags import Tagged


class AlarmTopicsSpec(Tagged, AlarmReceivers, AlertPath):
    """Arguments of `AlarmTopics`."""


class AlarmTopics(pulumi.ComponentResource):
    """The SNS topic of all alarms, and with pagers a second topic for what pages on-call.

    The e-mail addresses subscribe to the first, the pagers to the second. Either topic can have other subscribers, e.g.
    an AWS chat bot for Microsoft Teams. With pagers there is an alarm: a pager did not take a page.

    Permissions:
        - On `arn:PARTITION:sns:REGION:ACCOUNT:breakglass-*`: `sns:CreateTopic`, `sns:GetTopicAttributes`,
          `sns:SetTopicAttributes`, `sns:DeleteTopic`, `sns:TagResource`, `sns:UntagResource`,
          `sns:ListTagsForResource`, `sns:Subscribe`. On `*`: `sns:GetSubscriptionAttributes`, `sns:Unsubscribe`.
        - With `pagers`, on `arn:PARTITION:cloudwatch:REGION:ACCOUNT:alarm:breakglass-*`: `cloudwatch:PutMetricAlarm`,
          `cloudwatch:DescribeAlarms`, `cloudwatch:DeleteAlarms`, `cloudwatch:TagResource`,
          `cloudwatch:UntagResource`, `cloudwatch:ListTagsForResource`.

    Raises:
        ConfigError: The arguments are wrong.
        RunError: The address of a pager, once it is known, is no HTTPS address.
    """

    topic_arn: pulumi.Output[str]
    """ARN of the topic of all alarms."""
    page_topic_arn: pulumi.Output[str | None]
    """ARN of the topic that pages on-call; None without pagers."""
    alarm_arns: pulumi.Output[list[str]]
    """ARNs of its alarms; empty without pagers."""

    @show_analyzer(AlarmTopicsArgs)
    def __init__(
        self, name: str, args: AlarmTopicsArgs | AlarmTopicsSpec, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        spec = validate_args(AlarmTopicsSpec, args, name)
        super().__init__("breakglass:index:AlarmTopics", name, None, opts)
        # The parent in earlier versions was the UsageMonitoring of the same name.
        old_parent = pulumi.create_urn(name, "breakglass:index:UsageMonitoring", parent=opts.parent if opts else None)
        moved = pulumi.ResourceOptions(parent=self, aliases=[pulumi.Alias(parent=old_parent)])

        self.topic_arn = _topic(f"{name}-alarms", "Break-glass", spec, moved)
        for email in spec.emails:
            aws.sns.TopicSubscription(
                f"{name}-{email}",
                topic=self.topic_arn,
                protocol="email",
                endpoint=email,
                region=spec.region,
                opts=moved,
            )
        self.page_topic_arn = pulumi.Output.from_input(None)
        self.alarm_arns = pulumi.Output.from_input([])
        if spec.pagers:
            self.page_topic_arn = self._pages(name, spec)
            self.alarm_arns = pulumi.Output.all(self._failed_pages(name, spec))
        self.register_outputs(
            {"topic_arn": self.topic_arn, "page_topic_arn": self.page_topic_arn, "alarm_arns": self.alarm_arns}
        )

    def _pages(self, name: str, spec: AlarmTopicsSpec) -> pulumi.Output[str]:
        child = pulumi.ResourceOptions(parent=self)
        topic_arn = _topic(f"{name}-pages", "Break-glass page", spec, child)
        for pager, address in spec.pagers.items():
            aws.sns.TopicSubscription(
                f"{name}-{pager}",
                topic=topic_arn,
                protocol="https",
                endpoint=pulumi.Output.secret(address).apply(partial(_require_address, pager)),
                # The update waits for the confirmation and fails without it, so no pager stays unsubscribed unseen.
                endpoint_auto_confirms=True,
                region=spec.region,
                opts=child,
            )
        return topic_arn

    def _failed_pages(self, name: str, spec: AlarmTopicsSpec) -> pulumi.Output[str]:
        """Create the alarm on failed pages, and return its ARN.

        For an HTTPS endpoint the metric counts each failed attempt ("Monitoring Amazon SNS topics using CloudWatch",
        Amazon SNS Developer Guide).
        """
        topic_name = physical_name(f"{name}-pages")
        return Alarms(self, TopicArns(self.topic_arn), spec.region, spec.tags).alarm(
            f"{name}-failed-pages",
            description="A pager did not take a page of break-glass alerts. Read the alert in Slack or e-mail, and "
            f"tell on-call yourself. The topic is {topic_name}. Runbook: docs/runbooks/alarms.md.",
            namespace="AWS/SNS",
            metric_name="NumberOfNotificationsFailed",
            dimensions={"TopicName": topic_name},
        )


def _topic(name: str, display_name: str, spec: AlarmTopicsSpec, opts: pulumi.ResourceOptions) -> pulumi.Output[str]:
    """Create a topic, and return its ARN, whose users wait until the topic's policy lets them publish."""
    # Not encrypted with a key: AWS's own for SNS lets no alarm publish, and nothing said here is a secret.
    topic = aws.sns.Topic(
        name,
        name=physical_name(name),
        display_name=display_name,
        region=spec.region,
        tags=spec.tags,
        opts=opts,
    )
    return aws.sns.TopicPolicy(
        name, arn=topic.arn, policy=topic.arn.apply(_topic_policy), region=spec.region, opts=opts
    ).arn


def _require_address(pager: str, address: str) -> str:
    fault = pager_fault(address)
    if fault is not None:
        # Not a ConfigError: no program can catch what is raised in an apply, and Pulumi prints this one as it is.
        raise pulumi.RunError(f"pagers[{pager}]: {fault} Give it the HTTPS address from the pager's service.")
    return address


def _topic_policy(topic_arn: str) -> str:
    return policy_json(alarm_topic_policy(topic_arn))
