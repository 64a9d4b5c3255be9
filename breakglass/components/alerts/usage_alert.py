"""The alert for one role: what EventBridge looks for, what it posts, and what happens if it can't.

With drills it has a rule for them, too.

Non-goals: the way to Slack (see `slack_connection`, `slack_destination` and `slack_delivery`), and counting and
alarms (see `usage_monitoring`). It sees the account and region it is deployed to, nothing else.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pydantic import StrictBool

from breakglass.alerts.drills import drill_message, drill_pattern
from breakglass.alerts.messages import Transformer, slack_message
from breakglass.alerts.patterns import RULE_STATE, event_pattern, pattern_json
from breakglass.components.alerts.watched_role import WatchedRole
from breakglass.components.arguments import UsageAlertArgs
from breakglass.components.constructor import show_analyzer, validate_args
from breakglass.iam.documents import dead_letter_queue_policy, policy_json
from breakglass.naming import physical_name
from breakglass.stack_file.alerts import DrillChannel, SlackAlert, SlackChannel
from breakglass.stack_file.base import StringInput
from breakglass.stack_file.tags import Tagged
from breakglass.vocabulary import EvidencePath, partition_of_region

DEAD_LETTER_RETENTION_SECONDS = 14 * 86_400
"""The retention of a dead letter: the longest that SQS allows."""


_DRILL = "drill"
"""The end of the drill rule's name; those of the other rules end in their evidence path."""


class UsageAlertSpec(Tagged, SlackAlert, SlackChannel, DrillChannel, WatchedRole):
    """Arguments of `UsageAlert`: exactly one of `permissionSet` and `roleArn`."""

    target_arn: StringInput
    """ARN of the target that posts to Slack: an API destination or a state machine."""
    target_role_arn: StringInput
    """ARN of the role by which EventBridge calls the target."""
    explain: StrictBool = False
    """Adds a button to each alert of a usage that asks for an explanation; the approvals' Slack app answers it."""


class UsageAlert(pulumi.ComponentResource):
    """An EventBridge rule for each evidence path of one role, which posts to Slack, and a dead-letter queue.

    With drills, one rule more posts the message of a drill: with the same target, retries and dead-letter queue.

    Permissions:
        - On `arn:PARTITION:events:REGION:ACCOUNT:rule/breakglass-*`: `events:PutRule`, `events:DescribeRule`,
          `events:DeleteRule`, `events:PutTargets`, `events:ListTargetsByRule`, `events:RemoveTargets`,
          `events:TagResource`, `events:UntagResource`, `events:ListTagsForResource`.
        - On the role in `target_role_arn`: `iam:PassRole`.
        - On `arn:PARTITION:sqs:REGION:ACCOUNT:breakglass-*`: `sqs:CreateQueue`, `sqs:GetQueueAttributes`,
          `sqs:GetQueueUrl`, `sqs:SetQueueAttributes`, `sqs:DeleteQueue`, `sqs:TagQueue`, `sqs:UntagQueue`,
          `sqs:ListQueueTags`.

    Raises:
        ConfigError: The arguments are wrong.
        MessageError: The alert could not be shown in Slack.
    """

    rule_names: pulumi.Output[dict[str, str]]
    """Name of the EventBridge rule for each evidence path; the value of `RuleName` in EventBridge's metrics."""
    rule_arns: pulumi.Output[dict[str, str]]
    """ARN of the EventBridge rule for each evidence path."""
    drill_rule_name: pulumi.Output[str | None]
    """Name of the EventBridge rule for drills; None without drills."""
    queue_name: pulumi.Output[str]
    """Name of the dead-letter queue."""
    queue_arn: pulumi.Output[str]
    """ARN of the dead-letter queue."""
    queue_url: pulumi.Output[str]
    """URL of the dead-letter queue."""

    @show_analyzer(UsageAlertArgs)
    def __init__(
        self, name: str, args: UsageAlertArgs | UsageAlertSpec, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        spec = validate_args(UsageAlertSpec, args, name)
        rule_specs = {path.value: _usage_rule(spec, path) for path in spec.paths}
        if spec.has_drills:
            rule_specs[_DRILL] = _drill_rule(spec)
        super().__init__("breakglass:index:UsageAlert", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)

        queue = aws.sqs.Queue(
            f"{name}-dead-letters",
            name=physical_name(f"{name}-dead-letters"),
            message_retention_seconds=DEAD_LETTER_RETENTION_SECONDS,
            sqs_managed_sse_enabled=True,
            region=spec.region,
            tags=spec.tags,
            opts=child,
        )
        rules = {
            kind: aws.cloudwatch.EventRule(
                f"{name}-{kind}",
                name=physical_name(f"{name}-{kind}"),
                description=rule.description,
                event_pattern=rule.pattern,
                state=rule.state,
                region=spec.region,
                tags=spec.tags,
                opts=child,
            )
            for kind, rule in rule_specs.items()
        }
        queue_policy = aws.sqs.QueuePolicy(
            f"{name}-dead-letters",
            queue_url=queue.url,
            policy=pulumi.Output.all(queue.arn, *[rule.arn for rule in rules.values()]).apply(_queue_policy),
            region=spec.region,
            opts=child,
        )
        for kind, rule in rule_specs.items():
            aws.cloudwatch.EventTarget(
                f"{name}-{kind}",
                target_id="slack",
                rule=rules[kind].name,
                arn=spec.target_arn,
                role_arn=spec.target_role_arn,
                input_transformer={
                    "input_paths": dict(rule.message.input_paths),
                    "input_template": rule.message.template,
                },
                retry_policy={
                    "maximum_event_age_in_seconds": spec.retry.maximum_event_age_seconds,
                    "maximum_retry_attempts": spec.retry.maximum_retry_attempts,
                },
                dead_letter_config={"arn": queue.arn},
                region=spec.region,
                # Before the queue lets the rule in, what can't be delivered is lost.
                opts=pulumi.ResourceOptions(depends_on=[queue_policy], parent=self),
            )

        self.rule_names = pulumi.Output.all(**{path.value: rules[path.value].name for path in spec.paths})
        self.rule_arns = pulumi.Output.all(**{path.value: rules[path.value].arn for path in spec.paths})
        self.drill_rule_name = rules[_DRILL].name if spec.has_drills else pulumi.Output.from_input(None)
        self.queue_name = queue.name
        self.queue_arn = queue.arn
        self.queue_url = queue.url
        self.register_outputs(
            {
                "rule_names": self.rule_names,
                "rule_arns": self.rule_arns,
                "drill_rule_name": self.drill_rule_name,
                "queue_name": self.queue_name,
                "queue_arn": self.queue_arn,
                "queue_url": self.queue_url,
            }
        )


@dataclass(frozen=True)
class _Rule:
    """A rule and the message that it posts."""

    description: str
    pattern: str
    state: str
    message: Transformer


def _usage_rule(spec: UsageAlertSpec, path: EvidencePath) -> _Rule:
    partition = partition_of_region(spec.region)
    message = slack_message(
        spec.subject,
        path,
        channel=spec.channel,
        post_mortem_url=spec.post_mortem_url,
        partition=partition,
        explain=spec.explain,
    )
    pattern = pattern_json(event_pattern(spec.subject, path, partition=partition))
    return _Rule(f"Use of {spec.subject.label}, evidence path {path}.", pattern, RULE_STATE, message)


def _drill_rule(spec: UsageAlertSpec) -> _Rule:
    message = drill_message(spec.subject, channel=spec.drill_channel or spec.channel)
    pattern = pattern_json(drill_pattern(spec.subject))
    return _Rule(f"Drill of the alerts about {spec.subject.label}.", pattern, "ENABLED", message)


def _queue_policy(arns: Sequence[str]) -> str:
    queue_arn, *rule_arns = arns
    return policy_json(dead_letter_queue_policy(queue_arn, rule_arns))
