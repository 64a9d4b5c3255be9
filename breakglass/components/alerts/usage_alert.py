"""The alert for one principal: what EventBridge looks for, what it posts, and what happens if it can't.

With drills it has a rule for them, too; an IAM user has none.

Non-goals: the way to Slack (see `slack_connection`, `slack_destination` and `slack_delivery`), and counting and
alarms (see `usage_monitoring`). It sees what reaches its event bus: by default the events of its account and region.
"""

from dataclasses import replace

import pulumi
from pydantic import StrictBool

from breakglass.alerts.rules import DRILL, planned_rules
from breakglass.components.alerts.alert_rules import AlertSpec, build_rules, create_alert_rules
from breakglass.components.alerts.watched_subject import EventBus, WatchedSubject
from breakglass.components.arguments import UsageAlertArgs
from breakglass.components.constructor import show_analyzer, validate_args
from breakglass.stack_file.alerts import DrillChannel, SlackAlert


class UsageAlertSpec(AlertSpec, SlackAlert, DrillChannel, EventBus, WatchedSubject):
    """Arguments of `UsageAlert`: exactly one of `permissionSet`, `roleArn`, `userArn` and `root`."""

    explain: StrictBool = False
    """Adds a button to each alert of a usage that asks for an explanation; the approvals' Slack app answers it. Only
    for permission sets and roles."""


class UsageAlert(pulumi.ComponentResource):
    """EventBridge rules for the evidence paths of a role, a user or root, and a dead-letter queue.

    Each rule posts to Slack but one: that of the use of a user's access keys has no target, since an event pattern
    can't tell the first use of a day. `UsageMonitoring` raises an alarm on its metric, and one rule more posts the
    alarm. With drills, one rule more posts the message of a drill. All have the same target, retries and dead-letter
    queue. All are on the event bus `event_bus_name`, but that of the alarm, which CloudWatch sends to the default bus.

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
    """Name of each EventBridge rule; the value of `RuleName` in EventBridge's metrics.

    A rule's key is its evidence path, or `key_use-alarm`.
    """
    rule_arns: pulumi.Output[dict[str, str]]
    """ARN of each EventBridge rule, by the same keys."""
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
        settings = replace(spec.message_settings, drill_channel=spec.drill_channel, explain=spec.explain)
        planned = planned_rules(name, spec.subject, settings, paths=spec.evidence_paths, drills=spec.has_drills)
        built = build_rules(planned)
        super().__init__("breakglass:index:UsageAlert", name, None, opts)
        resources = create_alert_rules(self, name, spec, planned, built, spec.event_bus_name)
        drill_rule = resources.rules.get(DRILL)
        self.drill_rule_name = drill_rule.name if drill_rule else pulumi.Output.from_input(None)
        self.rule_names, self.rule_arns = resources.rule_names, resources.rule_arns
        self.queue_name, self.queue_arn = resources.queue.name, resources.queue.arn
        self.queue_url = resources.queue.url
        self.register_outputs({**resources.outputs, "drill_rule_name": self.drill_rule_name})
