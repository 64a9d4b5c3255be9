"""A Lambda function of the approvals, with its role, log, dead letters and alarms.

A part of `Approvals`, not usable alone.

Non-goals: the callers (see `api`, `state_machine`, `reconciler_schedule` and `usage_targets`), and the permissions (see
`breakglass.iam.app_roles`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from breakglass.alerts.rules import DEAD_LETTER_RETENTION_SECONDS
from breakglass.app.slack.signature import RETRY_SECONDS
from breakglass.components.alerts.alarm import Alarms, TopicArns
from breakglass.iam.app_roles import function_trust
from breakglass.iam.documents import policy_json
from breakglass.naming import METRICS_DIMENSION, METRICS_NAMESPACE, WITH_DEAD_LETTERS, AppFunction, Metric, Names
from breakglass.vocabulary import Severity

RUNTIME = "python3.13"

LOG_RETENTION_DAYS = 90
"""The retention of logs. They hold no bodies, tokens or reasons; the table keeps the decisions."""


@dataclass(frozen=True)
class _Size:
    memory: int
    timeout: int


_SIZES = {
    # Slack waits three seconds, and Lambda gives a function processor time in proportion to its memory.
    AppFunction.receiver: _Size(memory=1024, timeout=10),
    AppFunction.interactions: _Size(memory=512, timeout=60),
    AppFunction.provisioner: _Size(memory=512, timeout=60),
    AppFunction.reconciler: _Size(memory=512, timeout=300),
    AppFunction.usage_recorder: _Size(memory=512, timeout=30),
}
"""Memory in megabytes, and timeout in seconds."""

_DOES = {
    AppFunction.receiver: "Answers Slack",
    AppFunction.interactions: "Handles clicks in Slack and the messages of requests",
    AppFunction.provisioner: "Creates and deletes assignments of break-glass sets",
    AppFunction.reconciler: "Revokes expired access, also when the workflow has failed",
    AppFunction.usage_recorder: "Records usages of break-glass roles, which must be explained",
}

_LOST = {
    AppFunction.interactions: "a click in Slack had no effect",
    AppFunction.usage_recorder: "a usage of a break-glass role is not recorded, so no explanation is requested",
}
"""The meaning of a dead letter, by function."""

_LASTS = {AppFunction.interactions: RETRY_SECONDS, AppFunction.usage_recorder: 6 * 3600}
"""The longest age of an event in seconds. A click must not act hours later; a usage may be recorded late."""


@dataclass(frozen=True)
class ApprovalFunctionArgs:
    """Arguments of `ApprovalFunction`.

    Attributes:
        app_function: The function.
        names: Physical names of the stack.
        region: AWS region.
        code: The package, the same for all functions.
        permissions: IAM policy document of its role, JSON.
        variables: Environment variables; nothing secret.
        topics: SNS topics of the alarms.
        tags: On every resource that takes tags.
    """

    app_function: AppFunction
    names: Names
    region: str
    code: pulumi.Input[pulumi.Archive]
    permissions: pulumi.Input[str]
    variables: Mapping[str, pulumi.Input[str]]
    topics: TopicArns
    tags: Mapping[str, str]


class ApprovalFunction(pulumi.ComponentResource):
    """A Lambda function with its own role and log group, and alarms for its errors and throttles.

    A function that is invoked asynchronously has a dead-letter queue for events that failed three times, with an alarm.
    """

    function_name: pulumi.Output[str]
    """Name of the function."""
    function_arn: pulumi.Output[str]
    """ARN of the function."""
    invoke_arn: pulumi.Output[str]
    """ARN that an API invokes."""
    alarm_arns: pulumi.Output[list[str]]
    """ARNs of its alarms."""

    def __init__(self, name: str, args: ApprovalFunctionArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("breakglass:index:ApprovalFunction", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        physical = args.names.function(args.app_function)

        logs = aws.cloudwatch.LogGroup(
            f"{name}-logs",
            name=physical,
            retention_in_days=LOG_RETENTION_DAYS,
            region=args.region,
            tags=args.tags,
            opts=child,
        )
        role = aws.iam.Role(
            f"{name}-role",
            name=physical,
            description=f"{_DOES[args.app_function]}. No other permissions.",
            assume_role_policy=policy_json(function_trust()),
            tags=args.tags,
            opts=child,
        )
        permissions = aws.iam.RolePolicy(
            f"{name}-permissions", name="permissions", role=role.name, policy=args.permissions, opts=child
        )
        size = _SIZES[args.app_function]
        function = aws.lambda_.Function(
            f"{name}-function",
            name=physical,
            description=f"{_DOES[args.app_function]}.",
            code=args.code,
            handler=f"breakglass.app.entrypoints.{args.app_function.name}.handler",
            runtime=RUNTIME,
            architectures=["arm64"],
            memory_size=size.memory,
            timeout=size.timeout,
            role=role.arn,
            environment={"variables": args.variables},
            logging_config={"log_format": "JSON", "log_group": logs.name},
            region=args.region,
            tags=args.tags,
            # Without its policy the first calls would be denied.
            opts=pulumi.ResourceOptions(depends_on=[permissions], parent=self),
        )
        alarms = Alarms(self, args.topics, args.region, args.tags)
        raised = [*self._alarms(name, args, function, alarms)]
        if args.app_function in WITH_DEAD_LETTERS:
            raised.append(self._dead_letters(name, args, function, alarms))
        elif args.app_function is AppFunction.reconciler:
            # The next run starts in five minutes.
            aws.lambda_.FunctionEventInvokeConfig(
                f"{name}-asynchronous",
                function_name=function.name,
                maximum_retry_attempts=0,
                region=args.region,
                opts=child,
            )

        self.function_name = function.name
        self.function_arn = function.arn
        self.invoke_arn = function.invoke_arn
        self.alarm_arns = pulumi.Output.all(*raised)
        self.register_outputs(
            {
                "function_name": self.function_name,
                "function_arn": self.function_arn,
                "invoke_arn": self.invoke_arn,
                "alarm_arns": self.alarm_arns,
            }
        )

    def _alarms(
        self, name: str, args: ApprovalFunctionArgs, function: "aws.lambda_.Function", alarms: Alarms
    ) -> Iterator[pulumi.Output[str]]:
        metric = {"namespace": "AWS/Lambda", "dimensions": {"FunctionName": function.name}}
        log = f"Its log group is {args.names.function(args.app_function)}."
        yield alarms.alarm(
            f"{name}-errors",
            description=f"The function {args.app_function} of the break-glass approvals, which "
            f"{_does(args.app_function)}, fails. {log} Runbook: docs/runbooks/alarms.md.",
            # A busy Identity Center fails steps that the workflow retries.
            evaluation_periods=3 if args.app_function is AppFunction.provisioner else 1,
            metric_name="Errors",
            **metric,
        )
        yield alarms.alarm(
            f"{name}-throttles",
            description=f"The function {args.app_function} of the break-glass approvals, which "
            f"{_does(args.app_function)}, is throttled: the account's concurrency is exhausted. "
            "Runbook: docs/runbooks/alarms.md.",
            metric_name="Throttles",
            **metric,
        )
        if args.app_function is AppFunction.interactions:
            yield alarms.alarm(
                f"{name}-refusals",
                description="AWS or Slack refuses clicks permanently: a permission, a scope or the token "
                "needs repair. The log of interactions has the code in click_failed. Runbook: docs/runbooks/alarms.md.",
                namespace=METRICS_NAMESPACE,
                metric_name=Metric.permanent_refusals,
                dimensions={METRICS_DIMENSION: args.names.stack},
            )
            # Within its period a repeated metric is one page. A short one separates two broken glasses.
            yield alarms.alarm(
                f"{name}-broken-glass",
                description="A user has broken the glass: access to a break-glass set without approval. Both channels "
                "of the approvals have the announcement, with user, set, account and justification; so has "
                "`breakglass audit`. Runbook: docs/runbooks/alarms.md.",
                severity=Severity.page,
                namespace=METRICS_NAMESPACE,
                metric_name=Metric.broken_glass,
                dimensions={METRICS_DIMENSION: args.names.stack},
                period=60,
            )

    def _dead_letters(
        self, name: str, args: ApprovalFunctionArgs, function: "aws.lambda_.Function", alarms: Alarms
    ) -> pulumi.Output[str]:
        child = pulumi.ResourceOptions(parent=self)
        queue = aws.sqs.Queue(
            f"{name}-dead-letters",
            name=args.names.dead_letters(args.app_function),
            message_retention_seconds=DEAD_LETTER_RETENTION_SECONDS,
            sqs_managed_sse_enabled=True,
            region=args.region,
            tags=args.tags,
            opts=child,
        )
        aws.lambda_.FunctionEventInvokeConfig(
            f"{name}-asynchronous",
            function_name=function.name,
            maximum_retry_attempts=2,
            maximum_event_age_in_seconds=_LASTS[args.app_function],
            destination_config={"on_failure": {"destination": queue.arn}},
            region=args.region,
            opts=child,
        )
        return alarms.alarm(
            f"{name}-dead-letters",
            description=f"The function {args.app_function} of the break-glass approvals failed three times to "
            f"process an event: {_LOST[args.app_function]}. The event is in the queue "
            f"{args.names.dead_letters(args.app_function)}. Runbook: docs/runbooks/alarms.md.",
            namespace="AWS/SQS",
            metric_name="ApproximateNumberOfMessagesVisible",
            dimensions={"QueueName": queue.name},
            statistic="Maximum",
        )


def _does(app_function: AppFunction) -> str:
    does = _DOES[app_function]
    return does[0].lower() + does[1:]
