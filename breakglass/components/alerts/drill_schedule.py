"""Drills on a schedule, one for each role and for root, and alarms on late and missing ones.

Non-goals: the rules and messages of drills (see `usage_alert`), and drills by hand (`breakglass drill`).
"""

import json
from functools import partial
from typing import Annotated, Any

import pulumi
from pydantic import Field, StrictBool

from breakglass.alerts.drill_machine import RUN_SECONDS, Drills, drill_definition
from breakglass.alerts.drills import DRILL_DETAIL_TYPE, DRILL_SOURCE
from breakglass.components.alerts.alarm import Alarms, TopicArns
from breakglass.components.alerts.scheduled_machine import ScheduledMachine, ScheduledMachineArgs
from breakglass.components.alerts.watched_subject import EventBus
from breakglass.components.arguments import DrillScheduleArgs
from breakglass.components.constructor import show_analyzer, validate_args
from breakglass.iam.documents import (
    build_document,
    policy_json,
    read_metrics,
    send_events,
    state_machine_arn,
    write_metrics,
)
from breakglass.naming import METRICS_DIMENSION, METRICS_NAMESPACE, AlertMetric, physical_name
from breakglass.stack_file.alerts import AlertPath
from breakglass.stack_file.base import StringInput, StringMapInput
from breakglass.stack_file.tags import Tagged
from breakglass.stack_file.types import NO_BOOL

DAY = 86_400


class DrillScheduleSpec(Tagged, AlertPath, EventBus):
    """Arguments of `DrillSchedule`."""

    stack: Annotated[str, Field(min_length=1)]
    """The value of the metrics' dimension `Stack`; with `confirmed`, the same as that of the `SlackDelivery`."""
    drill_rule_names: StringMapInput
    """Name of the drill rule of each role and of root, by the key in drill events."""
    interval_days: Annotated[int, Field(ge=1, le=7), NO_BOOL] = 7
    """The time between two drills, in days."""
    confirmed: StrictBool = False
    """True with confirmed delivery, which measures when Slack has accepted a drill. Otherwise a drill counts as
    delivered when EventBridge has delivered it, with any answer of Slack."""
    topic_arn: StringInput
    """ARN of the SNS topic that the alarms go to, in the same account and region."""


class DrillSchedule(pulumi.ComponentResource):
    """A state machine without code that sends drills on a schedule, and alarms on late and missing ones.

    It runs every hour, and sends a drill of each rule when the last ones are `interval_days` ago; the first ones within
    an hour of the deployment. Alarms: drills were late or lost; no run has ended for two hours; runs fail.

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
    alarm_arns: pulumi.Output[list[str]]
    """ARNs of the alarms."""

    @show_analyzer(DrillScheduleArgs)
    def __init__(
        self, name: str, args: DrillScheduleArgs | DrillScheduleSpec, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        spec = validate_args(DrillScheduleSpec, args, name)
        super().__init__("breakglass:index:DrillSchedule", name, None, opts)
        topics = TopicArns(spec.topic_arn)
        machine = ScheduledMachine(
            name,
            ScheduledMachineArgs(
                purpose="Sends break-glass drills, and counts those that are late.",
                definition=pulumi.Output.all(spec.topic_arn, spec.drill_rule_names, spec.event_bus_name).apply(
                    partial(_definition, spec)
                ),
                permissions=pulumi.Output.all(spec.topic_arn, spec.event_bus_name).apply(
                    partial(_permissions, physical_name(name))
                ),
                schedule=f"rate({RUN_SECONDS // 60} minutes)",
                neighbour_arn=spec.topic_arn,
                failed_runs="The schedule of break-glass drills could not send them or count those that were late. It "
                "sends them again in the next hour.",
                region=spec.region,
                topics=topics,
                tags=spec.tags,
            ),
            pulumi.ResourceOptions(parent=self),
        )
        self.machine_arn = machine.machine_arn
        late, missing = _alarms(name, spec, Alarms(self, topics, spec.region, spec.tags))
        self.alarm_arns = pulumi.Output.all(late, missing, machine.alarm_arn)
        self.register_outputs({"machine_arn": self.machine_arn, "alarm_arns": self.alarm_arns})


def _alarms(name: str, spec: DrillScheduleSpec, alarms: Alarms) -> tuple[pulumi.Output[str], pulumi.Output[str]]:
    metric: dict[str, Any] = {
        "namespace": METRICS_NAMESPACE,
        "metric_name": AlertMetric.late_drills,
        "dimensions": {METRICS_DIMENSION: spec.stack},
    }
    late = alarms.alarm(
        f"{name}-late",
        description="A break-glass drill was not delivered within five minutes, so an alert may not be delivered "
        "either. Look in the channel of the drills for the role without a message, and send its drill by hand: uv run "
        "breakglass drill says where it stops. Runbook: docs/runbooks/drill.md.",
        # Until the next drills show that it is over.
        period=spec.interval_days * DAY,
        statistic="Maximum",
        **metric,
    )
    missing = alarms.alarm(
        f"{name}-missing",
        description="The schedule of break-glass drills does not run: no run has ended for two hours. The state "
        f"machine is {physical_name(name)}. Right after its first deployment it is silent for up to an hour. Runbook: "
        "docs/runbooks/drill.md.",
        comparison_operator="LessThanThreshold",
        threshold=1,
        # A run without drills takes seconds, one with drills a quarter of an hour.
        period=2 * RUN_SECONDS,
        statistic="SampleCount",
        treat_missing_data="breaching",
        **metric,
    )
    return late, missing


def _definition(spec: DrillScheduleSpec, resolved: list[Any]) -> str:
    topic_arn, rules, bus_name = resolved
    drills = Drills(
        stack=spec.stack,
        rules=rules,
        interval_seconds=spec.interval_days * DAY,
        confirmed=spec.confirmed,
        partition=topic_arn.split(":")[1],
        bus_name=bus_name,
    )
    return json.dumps(drill_definition(drills), separators=(",", ":"))


def _permissions(machine_name: str, resolved: list[Any]) -> str:
    topic_arn, bus_name = resolved
    sending = send_events(state_machine_arn(topic_arn, machine_name), DRILL_SOURCE, DRILL_DETAIL_TYPE, bus_name)
    return policy_json(build_document(sending, write_metrics(), read_metrics()))
