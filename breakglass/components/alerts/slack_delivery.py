"""The state machine that posts alerts to Slack and reads the answer, with its roles and its alarm.

Non-goals: its definition (see `breakglass.alerts.delivery_machine`), and who starts it with which message
(see `breakglass.components.alerts.usage_alert`).
"""

import json
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Annotated, Any

import pulumi
import pulumi_aws as aws
from pydantic import Field

from breakglass.alerts.delivery_machine import DeliverySettings, delivery_definition
from breakglass.components.alerts.alarm import Alarms, TopicArns, failed_executions, sum_of
from breakglass.components.alerts.start_role import create_start_role
from breakglass.components.arguments import SlackDeliveryArgs
from breakglass.components.constructor import show_analyzer, validate_args
from breakglass.iam.documents import (
    deliver_alerts,
    events_trust,
    machine_trust,
    policy_json,
    state_machine_arn,
)
from breakglass.naming import physical_name
from breakglass.stack_file.alerts import AlertPath, SecretEncryption, SlackEndpoint
from breakglass.stack_file.base import RawValue, StringInput, duplicate_faults
from breakglass.stack_file.faults import Fault
from breakglass.stack_file.tags import Tagged
from breakglass.stack_file.types import SlackChannelId
from breakglass.vocabulary import Severity

ALARM_SECONDS = 60
"""The period of the alarm: the shortest of metrics of AWS's services."""

DELETE_TIMEOUT = "10m"
"""The time for the deletion of the state machine. AWS deletes it once its executions have left their states, of which
one waits for five minutes (Step Functions API Reference, "DeleteStateMachine"). The provider's limit is five minutes.
"""


class SlackDeliverySpec(Tagged, SlackEndpoint, SecretEncryption, AlertPath):
    """Arguments of `SlackDelivery`."""

    stack: Annotated[str, Field(min_length=1)]
    """The value of the metrics' dimension `Stack`."""
    channels: Annotated[list[SlackChannelId], Field(min_length=1, examples=[["C0123456789", "C0123456780"]])]
    """IDs of the Slack channels of alerts and drills. A message for another channel goes to the first one."""
    account_names: dict[str, str] = Field(default_factory=dict)
    """Names of AWS accounts by their IDs, which the alerts show."""
    connection_arn: StringInput
    """ARN of the EventBridge connection that signs in to Slack."""
    topic_arn: StringInput
    """ARN of the SNS topic of the alarms, which gets the text of an alert that Slack does not accept."""
    page_topic_arn: StringInput = None
    """ARN of the SNS topic that pages on-call, if there are pagers; it gets the same text."""

    @classmethod
    def cross_field_faults(cls, given: RawValue) -> Iterator[Fault]:
        """Yield faults of duplicate channels."""
        return duplicate_faults(given["channels"])


class SlackDelivery(pulumi.ComponentResource):
    """A state machine without code that posts alerts to Slack and reads the answer.

    If Slack does not accept an alert, it sends the text to the SNS topics with Slack's error in words, and posts the
    alert late if Slack accepts it within an hour. An alarm pages for executions that fail, time out or are stopped.

    The history of an execution has the alert for 90 days. There is no log: it would need rights on all log groups of
    the account, and would hold nothing more.

    Permissions:
        - On `arn:PARTITION:states:REGION:ACCOUNT:stateMachine:breakglass-*`: `states:CreateStateMachine`,
          `states:DescribeStateMachine`, `states:UpdateStateMachine`, `states:DeleteStateMachine`,
          `states:ListStateMachineVersions`, `states:TagResource`, `states:UntagResource`,
          `states:ListTagsForResource`. On `*`: `states:ValidateStateMachineDefinition`.
        - On `arn:PARTITION:iam::ACCOUNT:role/breakglass-*`: `iam:CreateRole`, `iam:GetRole`, `iam:UpdateRole`,
          `iam:UpdateAssumeRolePolicy`, `iam:DeleteRole`, `iam:TagRole`, `iam:UntagRole`, `iam:PutRolePolicy`,
          `iam:GetRolePolicy`, `iam:DeleteRolePolicy`, `iam:ListRolePolicies`, `iam:ListAttachedRolePolicies`,
          `iam:ListInstanceProfilesForRole`, `iam:PassRole`.
        - On `arn:PARTITION:cloudwatch:REGION:ACCOUNT:alarm:breakglass-*`: `cloudwatch:PutMetricAlarm`,
          `cloudwatch:DescribeAlarms`, `cloudwatch:DeleteAlarms`, `cloudwatch:TagResource`,
          `cloudwatch:UntagResource`, `cloudwatch:ListTagsForResource`.

    Raises:
        ConfigError: The arguments are wrong.
    """

    machine_arn: pulumi.Output[str]
    """ARN of the state machine."""
    start_role_arn: pulumi.Output[str]
    """ARN of the role by which alert-path rules of the same account and region start the state machine."""
    alarm_arn: pulumi.Output[str]
    """ARN of the alarm."""

    @show_analyzer(SlackDeliveryArgs)
    def __init__(
        self, name: str, args: SlackDeliveryArgs | SlackDeliverySpec, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        spec = validate_args(SlackDeliverySpec, args, name)
        super().__init__("breakglass:index:SlackDelivery", name, None, opts)

        machine = self._machine(name, spec)
        self.start_role_arn = create_start_role(
            self,
            name,
            machine,
            trust=machine.arn.apply(_start_trust),
            starter="EventBridge rules",
            tags=spec.tags,
        )
        self.machine_arn = machine.arn
        alarms = Alarms(self, TopicArns(spec.topic_arn, spec.page_topic_arn), spec.region, spec.tags)
        self.alarm_arn = alarms.alarm(
            f"{name}-undelivered",
            severity=Severity.page,
            description="An alert is not in Slack. Either Slack did not accept it for an hour, and its text came by "
            "e-mail or page. Or the state machine failed itself, and the text is only the input of its execution. The "
            f"state machine is {physical_name(name)}. Runbook: docs/runbooks/slack-is-down.md.",
            metric_queries=sum_of(failed_executions(machine.arn), ALARM_SECONDS),
        )
        self.register_outputs(
            {
                "machine_arn": self.machine_arn,
                "start_role_arn": self.start_role_arn,
                "alarm_arn": self.alarm_arn,
            }
        )

    def _machine(self, name: str, spec: SlackDeliverySpec) -> aws.sfn.StateMachine:
        child = pulumi.ResourceOptions(parent=self)
        machine_name = physical_name(name)
        arns = pulumi.Output.all(spec.connection_arn, spec.topic_arn, spec.page_topic_arn)
        role = aws.iam.Role(
            f"{name}-role",
            name=machine_name,
            description="Posts break-glass alerts to Slack, and sends them to SNS if Slack does not accept them. No "
            "other permissions.",
            assume_role_policy=pulumi.Output.from_input(spec.connection_arn).apply(
                partial(_machine_trust, machine_name)
            ),
            tags=spec.tags,
            opts=child,
        )
        permissions = aws.iam.RolePolicy(
            f"{name}-permissions",
            name="permissions",
            role=role.name,
            policy=arns.apply(partial(_permissions, spec, machine_name)),
            opts=child,
        )
        return aws.sfn.StateMachine(
            f"{name}-machine",
            name=machine_name,
            definition=arns.apply(partial(_definition, spec)),
            role_arn=role.arn,
            region=spec.region,
            tags=spec.tags,
            # No rule starts it before it can post.
            opts=pulumi.ResourceOptions(
                depends_on=[permissions], parent=self, custom_timeouts=pulumi.CustomTimeouts(delete=DELETE_TIMEOUT)
            ),
        )


def _definition(spec: SlackDeliverySpec, arns: Sequence[Any]) -> str:
    connection_arn, topic_arn, page_topic_arn = arns
    delivery = DeliverySettings(
        post_message_url=spec.post_message_url,
        connection_arn=connection_arn,
        channels=spec.channels,
        topic_arn=topic_arn,
        page_topic_arn=page_topic_arn,
        stack=spec.stack,
        account_names=spec.account_names,
    )
    return json.dumps(delivery_definition(delivery), separators=(",", ":"))


def _permissions(spec: SlackDeliverySpec, machine_name: str, arns: Sequence[Any]) -> str:
    connection_arn, *topic_arns = arns
    return policy_json(
        deliver_alerts(
            state_machine_arn(connection_arn, machine_name),
            connection_arn,
            spec.post_message_url,
            [arn for arn in topic_arns if arn is not None],
            spec.kms_key_arn,
        )
    )


def _machine_trust(machine_name: str, connection_arn: str) -> str:
    return policy_json(machine_trust(state_machine_arn(connection_arn, machine_name)))


def _start_trust(machine_arn: str) -> str:
    return policy_json(events_trust(machine_arn))
