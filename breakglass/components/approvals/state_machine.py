"""The state machine of requests, with its role, log and alarms.

A part of `Approvals`, not usable alone.

Non-goals: its definition (see `breakglass.components.approvals.workflow_definition`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from breakglass.components.alerts.alarm import Alarms, TopicArns
from breakglass.components.approvals.function import LOG_RETENTION_DAYS


@dataclass(frozen=True)
class ApprovalWorkflowArgs:
    """Arguments of `ApprovalWorkflow`.

    Attributes:
        machine_name: Name of the state machine and its role.
        log_name: Name of its log group.
        region: AWS region.
        definition: The definition, JSON.
        trust: Trust policy document of its role, JSON.
        permissions: IAM policy document of its role, JSON.
        topics: SNS topics of the alarms.
        tags: On every resource that takes tags.
    """

    machine_name: str
    log_name: str
    region: str
    definition: pulumi.Input[str]
    trust: pulumi.Input[str]
    permissions: pulumi.Input[str]
    topics: TopicArns
    tags: Mapping[str, str]


class ApprovalWorkflow(pulumi.ComponentResource):
    """A Standard Step Functions state machine, and alarms for executions that fail, abort or time out.

    Its log has errors only, without execution data, which the history of an execution has for 90 days.
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
            description="Calls the steps of a request for break-glass access. No other permissions.",
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
            # Step Functions checks at creation that the role may deliver logs.
            opts=pulumi.ResourceOptions(depends_on=[permissions], parent=self),
        )
        alarms = Alarms(self, args.topics, args.region, args.tags)
        raised = [
            alarms.alarm(
                f"{name}-{kind}",
                description=f"The workflow of a request for break-glass access {what}. The reconciler revokes its "
                f"access; check that it did. The state machine is {args.machine_name}; the execution has the ID of the "
                "request. Runbook: docs/runbooks/alarms.md.",
                namespace="AWS/States",
                metric_name=metric,
                dimensions={"StateMachineArn": machine.arn},
            )
            for kind, metric, what in (
                ("failed", "ExecutionsFailed", "failed"),
                ("aborted", "ExecutionsAborted", "was stopped by hand"),
                ("timed-out", "ExecutionsTimedOut", "timed out"),
            )
        ]
        self.machine_arn = machine.arn
        self.alarm_arns = pulumi.Output.all(*raised)
        self.register_outputs({"machine_arn": self.machine_arn, "alarm_arns": self.alarm_arns})
