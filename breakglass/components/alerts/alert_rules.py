"""The rules and targets of an alert, and its dead-letter queue.

A part of `UsageAlert`, `AccessAlert` and `TamperAlert`, not usable alone. Its resources are their children.

Non-goals: patterns and messages (see `breakglass.alerts.rules`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar, cast

import pulumi
import pulumi_aws as aws

from breakglass.alerts.messages import Transformer
from breakglass.alerts.patterns import pattern_json
from breakglass.alerts.rules import (
    DEAD_LETTER_RETENTION_SECONDS,
    DRILL,
    KEY_USE_ALARM,
    MessageSettings,
    PlannedRule,
    planned_rules,
)
from breakglass.alerts.subjects import AccessSubject, TamperSubject
from breakglass.iam.documents import dead_letter_queue_policy, policy_json
from breakglass.naming import physical_name
from breakglass.stack_file.alerts import DeliveredAlert, SlackChannel
from breakglass.stack_file.base import StringInput
from breakglass.stack_file.tags import Tagged
from breakglass.vocabulary import partition_of_region

BusName = TypeVar("BusName")

LONGEST_RETRY: "aws.cloudwatch.EventTargetRetryPolicyArgsDict" = {
    "maximum_event_age_in_seconds": 86_400,
    "maximum_retry_attempts": 185,
}
"""EventBridge's longest retry, for targets whose failure no third channel waits for, unlike Slack's."""


class AlertSpec(Tagged, DeliveredAlert, SlackChannel):
    """Keys of every component that alerts in Slack."""

    target_arn: StringInput
    """ARN of the target that posts to Slack: an API destination or a state machine."""
    target_role_arn: StringInput
    """ARN of the role by which EventBridge calls the target."""

    @property
    def message_settings(self) -> MessageSettings:
        """The settings of the messages in Slack."""
        return MessageSettings(
            channel=self.channel, post_mortem_url=self.post_mortem_url, partition=partition_of_region(self.region)
        )


@dataclass(frozen=True)
class BuiltRule:
    """A planned rule as EventBridge takes it.

    Attributes:
        pattern: its event pattern, JSON.
        message: the message in Slack; None for a rule without one.
    """

    pattern: str
    message: Transformer | None


BuiltRules = Mapping[str, BuiltRule]
"""Rules by their keys."""


def build_rules(planned: Sequence[PlannedRule]) -> dict[str, BuiltRule]:
    """Return the rules as EventBridge takes them, by their keys.

    Raises:
        BreakglassError: a pattern is too long.
        MessageError: a message could not be shown in Slack.
    """
    return {
        rule.key: BuiltRule(pattern_json(rule.pattern), rule.build_message() if rule.build_message else None)
        for rule in planned
    }


def build_known_rules(
    name: str, settings: MessageSettings, placeholders: BuiltRules, subject: AccessSubject | TamperSubject
) -> BuiltRules:
    """Return the rules of a subject that has all values, in place of those with placeholders.

    Shorter values may fit into fewer rules. A rule that is left over keeps its placeholders, so it matches no event but
    those of the other rules.

    Raises:
        pulumi.RunError: the values need more rules than the placeholders.
    """
    known = build_rules(planned_rules(name, subject, settings))
    if more := known.keys() - placeholders.keys():
        # Not a ConfigError: no program can catch what is raised in an apply, and Pulumi prints this one as it is.
        raise pulumi.RunError(
            f"Expected at most {len(placeholders)} rules of an alert, got {', '.join(sorted(more))} as well: an ID of "
            "AWS is longer than documented. Watch fewer sets, groups or policies with this alert."
        )
    return {**placeholders, **known}


@dataclass(frozen=True)
class AlertResources:
    """The resources of an alert.

    Attributes:
        rules: the EventBridge rules by their keys.
        queue: the dead-letter queue.
    """

    rules: Mapping[str, aws.cloudwatch.EventRule]
    queue: aws.sqs.Queue

    @property
    def rule_names(self) -> pulumi.Output[dict[str, str]]:
        """The name of each rule but that for drills, by its key."""
        return pulumi.Output.all(**{key: rule.name for key, rule in self.rules.items() if key != DRILL})

    @property
    def rule_arns(self) -> pulumi.Output[dict[str, str]]:
        """The ARN of each rule but that for drills, by its key."""
        return pulumi.Output.all(**{key: rule.arn for key, rule in self.rules.items() if key != DRILL})

    @property
    def outputs(self) -> dict[str, pulumi.Output[Any]]:
        """The outputs that every component which alerts has, by their names."""
        return {
            "rule_names": self.rule_names,
            "rule_arns": self.rule_arns,
            "queue_name": self.queue.name,
            "queue_arn": self.queue.arn,
            "queue_url": self.queue.url,
        }


def create_alert_rules(
    parent: pulumi.Resource,
    name: str,
    spec: AlertSpec,
    planned: Sequence[PlannedRule],
    built: pulumi.Input[BuiltRules],
    event_bus_name: pulumi.Input[str] | None = None,
) -> AlertResources:
    """Create the rules of an alert, their targets and the dead-letter queue.

    Args:
        parent: the component.
        name: its name.
        spec: its arguments.
        planned: the rules; values that only a deployment knows may be placeholders.
        built: rules with the same keys, with all values.
        event_bus_name: name of the event bus of the rules, but that of the alarm on key use; None for the default one.
    """
    child = pulumi.ResourceOptions(parent=parent)
    known = pulumi.Output.from_input(built)
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
        rule.key: aws.cloudwatch.EventRule(
            f"{name}-{rule.key}",
            name=physical_name(f"{name}-{rule.key}"),
            description=rule.description,
            event_bus_name=bus_of_rule(rule.key, event_bus_name),
            event_pattern=known.apply(partial(_pattern, rule.key)),
            state=rule.state,
            region=spec.region,
            tags=spec.tags,
            opts=create_first(parent),
        )
        for rule in planned
    }
    queue_policy = aws.sqs.QueuePolicy(
        f"{name}-dead-letters",
        queue_url=queue.url,
        policy=pulumi.Output.all(queue.arn, *[rules[rule.key].arn for rule in planned if rule.build_message]).apply(
            _queue_policy
        ),
        region=spec.region,
        opts=child,
    )
    for rule in planned:
        if rule.build_message is None:
            continue
        aws.cloudwatch.EventTarget(
            f"{name}-{rule.key}",
            target_id="slack",
            rule=rules[rule.key].name,
            event_bus_name=bus_of_rule(rule.key, event_bus_name),
            arn=spec.target_arn,
            role_arn=spec.target_role_arn,
            input_transformer=known.apply(partial(_message, rule.key)).apply(input_transformer),
            retry_policy={
                "maximum_event_age_in_seconds": spec.retry.maximum_event_age_seconds,
                "maximum_retry_attempts": spec.retry.maximum_retry_attempts,
            },
            dead_letter_config={"arn": queue.arn},
            region=spec.region,
            # Before the queue lets the rule in, what can't be delivered is lost.
            opts=create_first(parent, queue_policy),
        )
    return AlertResources(rules, queue)


def create_first(parent: pulumi.Resource, *depends_on: pulumi.Resource) -> pulumi.ResourceOptions:
    """Return options of a rule or target whose replacement is created before the old one is deleted.

    A rule on another bus is another rule, also with the same name. But the provider asks for the deletion first of each
    resource that is named in the program (pulumi-terraform-bridge, `nameRequiresDeleteBeforeReplace`), so nothing would
    be watched in between.
    """
    return pulumi.ResourceOptions(parent=parent, depends_on=depends_on, delete_before_replace=False)


def bus_of_rule(key: str, bus_name: BusName | None) -> BusName | None:
    """Return the name of the event bus of a rule, or None for the default event bus.

    CloudWatch sends the events of its alarms to the default event bus.
    """
    return None if key == KEY_USE_ALARM else bus_name


def _pattern(key: str, built: BuiltRules) -> str:
    return built[key].pattern


def _message(key: str, built: BuiltRules) -> Transformer:
    return cast(Transformer, built[key].message)


def input_transformer(message: Transformer) -> "aws.cloudwatch.EventTargetInputTransformerArgsDict":
    """Return a message as EventBridge's target takes it."""
    return {"input_paths": dict(message.input_paths), "input_template": message.template}


def _queue_policy(arns: Sequence[str]) -> str:
    queue_arn, *rule_arns = arns
    return policy_json(dead_letter_queue_policy(queue_arn, rule_arns))
