"""A state machine on a schedule, with its two roles and an alarm on runs that fail.

A part of other components, e.g. `SlackProbe`; not usable alone.

Non-goals: the reports of a run, which are metrics and mails; a run succeeds if it could report.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import pulumi
import pulumi_aws as aws

from breakglass.components.alerts.alarm import FIVE_MINUTES, Alarms, TopicArns, failed_executions, sum_of
from breakglass.components.alerts.start_role import create_start_role
from breakglass.iam.documents import machine_trust, policy_json, rule_trust, state_machine_arn
from breakglass.naming import physical_name, rule_dimensions

DELETE_TIMEOUT = "20m"
"""The time for the deletion of the state machine. AWS deletes it once its executions have left their states, of which
one waits for 15 minutes (Step Functions API Reference, "DeleteStateMachine"). The provider's limit is five minutes.
"""


@dataclass(frozen=True)
class ScheduledMachineArgs:
    """Arguments of `ScheduledMachine`.

    Attributes:
        purpose: The work of a run, as a sentence that begins with a verb.
        definition: The definition, JSON.
        permissions: IAM policy document of the machine's role, JSON.
        schedule: The time of its runs, as a schedule expression, e.g. `rate(60 minutes)`.
        neighbour_arn: ARN of any resource of the same account and region.
        failed_runs: Meaning and remedy of runs that fail, for the alarm.
        region: AWS region.
        topics: SNS topics of the alarm.
        tags: On every resource that takes tags.
    """

    purpose: str
    definition: pulumi.Input[str]
    permissions: pulumi.Input[str]
    schedule: str
    neighbour_arn: pulumi.Input[str]
    failed_runs: str
    region: str
    topics: TopicArns
    tags: Mapping[str, str]


class ScheduledMachine(pulumi.ComponentResource):
    """A Standard Step Functions state machine, the EventBridge rule that starts it, and an alarm on failed runs."""

    machine_arn: pulumi.Output[str]
    """ARN of the state machine."""
    alarm_arn: pulumi.Output[str]
    """ARN of the alarm."""

    def __init__(self, name: str, args: ScheduledMachineArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("breakglass:index:ScheduledMachine", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        machine_name = physical_name(name)
        role = aws.iam.Role(
            f"{name}-role",
            name=machine_name,
            description=f"{args.purpose} No other permissions.",
            assume_role_policy=pulumi.Output.from_input(args.neighbour_arn).apply(
                partial(_machine_trust, machine_name)
            ),
            tags=args.tags,
            opts=child,
        )
        permissions = aws.iam.RolePolicy(
            f"{name}-permissions", name="permissions", role=role.name, policy=args.permissions, opts=child
        )
        machine = aws.sfn.StateMachine(
            f"{name}-machine",
            name=machine_name,
            definition=args.definition,
            role_arn=role.arn,
            region=args.region,
            tags=args.tags,
            opts=pulumi.ResourceOptions(parent=self, custom_timeouts=pulumi.CustomTimeouts(delete=DELETE_TIMEOUT)),
        )
        rule = aws.cloudwatch.EventRule(
            f"{name}-schedule",
            name=physical_name(f"{name}-schedule"),
            description=args.purpose,
            schedule_expression=args.schedule,
            region=args.region,
            tags=args.tags,
            opts=child,
        )
        self._schedule(name, args, machine, rule, permissions)
        self.machine_arn = machine.arn
        self.alarm_arn = Alarms(self, args.topics, args.region, args.tags).alarm(
            f"{name}-failed-runs",
            description=f"{args.failed_runs} The state machine is {machine_name}; the list of its executions shows the "
            "cause. An empty list: the rule of its schedule, or its role. Runbook: docs/runbooks/alarms.md.",
            metric_queries=sum_of(
                [("AWS/Events", "FailedInvocations", rule_dimensions(rule.name)), *failed_executions(machine.arn)]
            ),
        )
        self.register_outputs({"machine_arn": self.machine_arn, "alarm_arn": self.alarm_arn})

    def _schedule(
        self,
        name: str,
        args: ScheduledMachineArgs,
        machine: aws.sfn.StateMachine,
        rule: aws.cloudwatch.EventRule,
        permissions: aws.iam.RolePolicy,
    ) -> None:
        """Let the rule, and no other, start the machine once its role has its permissions."""
        role_arn = create_start_role(
            self,
            name,
            machine,
            trust=rule.arn.apply(_rule_trust),
            starter="an EventBridge rule",
            tags=args.tags,
        )
        aws.cloudwatch.EventTarget(
            f"{name}-schedule",
            target_id="machine",
            rule=rule.name,
            arn=machine.arn,
            role_arn=role_arn,
            # The execution uses nothing of the event.
            input="{}",
            # The next run comes anyway.
            retry_policy={"maximum_event_age_in_seconds": FIVE_MINUTES, "maximum_retry_attempts": 3},
            region=args.region,
            opts=pulumi.ResourceOptions(depends_on=[permissions], parent=self),
        )


def _machine_trust(machine_name: str, neighbour_arn: str) -> str:
    return policy_json(machine_trust(state_machine_arn(neighbour_arn, machine_name)))


def _rule_trust(rule_arn: str) -> str:
    return policy_json(rule_trust(rule_arn))
