"""The probe: a test on a schedule, unseen, whether Slack would show an alert in each channel.

Non-goals: the alerts themselves, and how Slack's errors are reported when one is refused
(see `breakglass.alerts.delivery_machine`).
"""

import json
from collections.abc import Iterator
from functools import partial
from typing import Annotated

import pulumi
from pydantic import Field

from breakglass.alerts.probe_machine import Probe, delete_url, probe_definition, schedule_url
from breakglass.components.alerts.alarm import Alarms, TopicArns
from breakglass.components.alerts.scheduled_machine import ScheduledMachine, ScheduledMachineArgs
from breakglass.components.arguments import SlackProbeArgs
from breakglass.components.constructor import show_analyzer, validate_args
from breakglass.iam.documents import (
    build_document,
    call_slack,
    policy_json,
    publish,
    read_metrics,
    state_machine_arn,
    write_metrics,
)
from breakglass.naming import CHANNEL_DIMENSION, METRICS_DIMENSION, METRICS_NAMESPACE, AlertMetric, physical_name
from breakglass.stack_file.alerts import AlertPath, SecretEncryption, SlackEndpoint, post_message_url_faults
from breakglass.stack_file.base import RawValue, StringInput, duplicate_faults
from breakglass.stack_file.faults import Fault
from breakglass.stack_file.tags import Tagged
from breakglass.stack_file.types import NO_BOOL, SlackChannelId


class SlackProbeSpec(Tagged, SlackEndpoint, SecretEncryption, AlertPath):
    """Arguments of `SlackProbe`."""

    stack: Annotated[str, Field(min_length=1)]
    """The value of the metric's dimension `Stack`."""
    channels: Annotated[list[SlackChannelId], Field(min_length=1, examples=[["C0123456789", "C0123456780"]])]
    """IDs of the Slack channels: of alerts, of drills, of approvals. The Slack app must be a member of each."""
    interval_minutes: Annotated[int, Field(ge=5, le=60), NO_BOOL] = 15
    """The time between two tests, in minutes."""
    connection_arn: StringInput
    """ARN of the EventBridge connection that signs in to Slack."""
    topic_arn: StringInput
    """ARN of the SNS topic that the mails and alarms go to."""

    @classmethod
    def cross_field_faults(cls, given: RawValue) -> Iterator[Fault]:
        """Yield faults of duplicate channels, and of a URL without the method that the probe replaces."""
        yield from duplicate_faults(given["channels"])
        yield from post_message_url_faults(given["postMessageUrl"])


class SlackProbe(pulumi.ComponentResource):
    """A state machine without code that tests each channel on a schedule, and alarms on what it finds.

    It schedules a message a day ahead and deletes it at once, so no user sees a test. When Slack refuses, it mails
    Slack's error in words with the remedy, once for each outage. Alarms: for each channel, Slack refuses messages, or
    no test has ended; and once, tests fail.

    Permissions:
        - On `arn:PARTITION:states:REGION:ACCOUNT:stateMachine:breakglass-*`: `states:CreateStateMachine`,
          `states:DescribeStateMachine`, `states:UpdateStateMachine`, `states:DeleteStateMachine`,
          `states:ListStateMachineVersions`, `states:TagResource`, `states:UntagResource`,
          `states:ListTagsForResource`. On `*`: `states:ValidateStateMachineDefinition`.
        - On `arn:PARTITION:iam::ACCOUNT:role/breakglass-*`: `iam:CreateRole`, `iam:GetRole`, `iam:UpdateRole`,
          `iam:UpdateAssumeRolePolicy`, `iam:DeleteRole`, `iam:TagRole`, `iam:UntagRole`, `iam:PutRolePolicy`,
          `iam:GetRolePolicy`, `iam:DeleteRolePolicy`, `iam:ListRolePolicies`, `iam:ListAttachedRolePolicies`,
          `iam:ListInstanceProfilesForRole`, `iam:PassRole`.
        - On `arn:PARTITION:events:REGION:ACCOUNT:rule/breakglass-*`: `events:PutRule`, `events:DescribeRule`,
          `events:DeleteRule`, `events:PutTargets`, `events:ListTargetsByRule`, `events:RemoveTargets`,
          `events:TagResource`, `events:UntagResource`, `events:ListTagsForResource`.
        - On `arn:PARTITION:cloudwatch:REGION:ACCOUNT:alarm:breakglass-*`: `cloudwatch:PutMetricAlarm`,
          `cloudwatch:DescribeAlarms`, `cloudwatch:DeleteAlarms`, `cloudwatch:TagResource`,
          `cloudwatch:UntagResource`, `cloudwatch:ListTagsForResource`.

    Raises:
        ConfigError: The arguments are wrong.
    """

    machine_arn: pulumi.Output[str]
    """ARN of the state machine."""
    channels: pulumi.Output[list[str]]
    """IDs of the channels: the values of the metric's dimension `Channel`."""
    alarm_arns: pulumi.Output[list[str]]
    """ARNs of the alarms."""

    @show_analyzer(SlackProbeArgs)
    def __init__(
        self, name: str, args: SlackProbeArgs | SlackProbeSpec, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        spec = validate_args(SlackProbeSpec, args, name)
        super().__init__("breakglass:index:SlackProbe", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        topics = TopicArns(spec.topic_arn)
        arns = pulumi.Output.all(spec.connection_arn, spec.topic_arn)
        machine = ScheduledMachine(
            name,
            ScheduledMachineArgs(
                purpose="Tests whether Slack would show break-glass alerts.",
                definition=arns.apply(partial(_definition, spec)),
                permissions=arns.apply(partial(_permissions, spec, physical_name(name))),
                schedule=f"rate({spec.interval_minutes} minutes)",
                neighbour_arn=spec.connection_arn,
                failed_runs="A test of the channels in Slack did not start, did not end, or could not report all that "
                "it found. If Slack did not delete a test message, it may be shown a day later; its text says that it "
                "is no alert.",
                region=spec.region,
                topics=topics,
                tags=spec.tags,
            ),
            child,
        )
        alarms = Alarms(self, topics, spec.region, spec.tags)
        raised = [_alarm(name, spec, alarms, channel) for channel in spec.channels]
        self.machine_arn = machine.machine_arn
        self.channels = pulumi.Output.from_input(spec.channels)
        self.alarm_arns = pulumi.Output.all(*raised, machine.alarm_arn)
        self.register_outputs(
            {"machine_arn": self.machine_arn, "channels": self.channels, "alarm_arns": self.alarm_arns}
        )


def _alarm(name: str, spec: SlackProbeSpec, alarms: Alarms, channel: str) -> pulumi.Output[str]:
    return alarms.alarm(
        f"{name}-{channel}",
        description=f"Slack does not accept break-glass messages in the channel {channel}, or the test of it does not "
        'run. The e-mail "Break-glass alerts would not reach Slack" has Slack\'s error and the remedy. Without that '
        f"e-mail the test itself fails: the state machine is {physical_name(name)}. Runbook: "
        "docs/runbooks/slack-is-down.md.",
        comparison_operator="LessThanThreshold",
        threshold=1,
        # Two intervals: one of them may be without a value, since no run is exactly on time.
        period=2 * 60 * spec.interval_minutes,
        statistic="Minimum",
        treat_missing_data="breaching",
        namespace=METRICS_NAMESPACE,
        metric_name=AlertMetric.slack_reachable,
        dimensions={METRICS_DIMENSION: spec.stack, CHANNEL_DIMENSION: channel},
    )


def _probe(spec: SlackProbeSpec, connection_arn: str, topic_arn: str) -> Probe:
    return Probe(
        stack=spec.stack,
        channels=spec.channels,
        interval_seconds=60 * spec.interval_minutes,
        post_message_url=spec.post_message_url,
        connection_arn=connection_arn,
        topic_arn=topic_arn,
    )


def _definition(spec: SlackProbeSpec, arns: list[str]) -> str:
    connection_arn, topic_arn = arns
    return json.dumps(probe_definition(_probe(spec, connection_arn, topic_arn)), separators=(",", ":"))


def _permissions(spec: SlackProbeSpec, machine_name: str, arns: list[str]) -> str:
    connection_arn, topic_arn = arns
    urls = [schedule_url(spec.post_message_url), delete_url(spec.post_message_url)]
    machine_arn = state_machine_arn(connection_arn, machine_name)
    return policy_json(
        build_document(
            *call_slack(machine_arn, connection_arn, urls, spec.kms_key_arn),
            write_metrics(),
            read_metrics(),
            publish(topic_arn),
        )
    )
