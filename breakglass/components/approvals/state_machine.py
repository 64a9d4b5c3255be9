"""The state machine that carries a request through, with its role, its log and alarms.

A part of `Approvals`, not usable alone.

Non-goals: its definition (see `breakglass.components.approvals.workflow_definition`), and starting executions.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from breakglass.components.alerts.alarm import FIVE_MINUTES, Alarms
from breakglass.components.approvals.function import LOG_RETENTION_DAYS


@dataclass(frozen=True)
class ApprovalWorkflowArgs:
    """Arguments of `ApprovalWorkflow`.

    Attributes:
        machine_name: Name of the state machine and its role.
        log_name: Name of its log group.
        region: Where it is.
        definition: The definition, JSON.
        trust: Who takes its role, JSON.
        permissions: What it may, JSON.
        topic_arn: Where alarms go.
        tags: On whatever takes tags.
    """

    machine_name: str
    log_name: str
    region: str
    definition: pulumi.Input[str]
    trust: pulumi.Input[str]
    permissions: pulumi.Input[str]
    topic_arn: pulumi.Input[str]
    tags: Mapping[str, str]


class ApprovalWorkflow(pulumi.ComponentResource):
    """A Step Functions state machine of type Standard, and alarms for executions that don't come to their end.

    Its log has errors only, without what the executions are about; the history of an execution has that, for 90 days.
    """

    machine_arn: pulumi.Output[str]
    """ARN of the state machine."""
    alarm_arns: pulumi.Output[list[str]]
    """ARNs of its alarms."""

    def __init__(self, name: str, args: ApprovalWorkflowArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("breakglass:index:ApprovalWorkflow", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        logs = aws.cloudwatch.LogGroup(
            f"{name}-logs",
            name=args.log_name,
            retention_in_days=LOG_RETENTION_DAYS,
            region=args.region,
            tags=args.tags,
            opts=child,
        )
        role = aws.iam.Role(
            f"{name}-role",
            name=args.machine_name,
            description="Calls the steps of a request for break-glass access, and may nothing else.",
            assume_role_policy=args.trust,
            tags=args.tags,
            opts=child,
        )
        permissions = aws.iam.RolePolicy(
            f"{name}-permissions", name="permissions", role=role.name, policy=args.permissions, opts=child
        )
        machine = aws.sfn.StateMachine(
            f"{name}-machine",
            name=args.machine_name,
            definition=args.definition,
            role_arn=role.arn,
            logging_configuration={
                "level": "ERROR",
                "include_execution_data": False,
                "log_destination": pulumi.Output.concat(logs.arn, ":*"),
            },
            region=args.region,
            tags=args.tags,
            # Step Functions looks whether the role may deliver logs when the machine is made.
            opts=pulumi.ResourceOptions(depends_on=[permissions], parent=self),
        )
        alarms = Alarms(self, args.topic_arn, args.region, args.tags)
        raised = [
            alarms.alarm(
                f"{name}-{kind}",
                description=f"A request for break-glass access {what}. The reconciler takes back what is open and was "
                f"to be closed; see whether it did. The state machine is {args.machine_name}, the execution has the id "
                "of the request. Runbook: docs/runbooks/alarms.md.",
                namespace="AWS/States",
                metric_name=metric,
                dimensions={"StateMachineArn": machine.arn},
                statistic="Sum",
                period=FIVE_MINUTES,
            )
            for kind, metric, what in (
                ("failed", "ExecutionsFailed", "could not be carried through"),
                ("aborted", "ExecutionsAborted", "was stopped by hand"),
                ("timed-out", "ExecutionsTimedOut", "did not come to its end"),
            )
        ]
        self.machine_arn = machine.arn
        self.alarm_arns = pulumi.Output.all(*[alarm.arn for alarm in raised])
        self.register_outputs({"machine_arn": self.machine_arn, "alarm_arns": self.alarm_arns})
