"""A log group of the events on which rules fired, whole and unchanged.

A part of `Witness` and `RollCall`, not usable alone. A state machine asks CloudWatch Logs Insights which events are in
it. An event about a session has the ID and the token of its credentials, as the trail has, and not their secret key.

Non-goals: the rules, and what is read from the log group.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from breakglass.components.alerts.alert_rules import LONGEST_RETRY, create_first
from breakglass.iam.documents import log_events, policy_json
from breakglass.naming import events_log_group, physical_name

RETENTION_DAYS = 90
"""The time that an event is kept, as long as CloudTrail's own event history."""

TARGET = "log"
"""The ID of the target of each rule."""


@dataclass(frozen=True)
class LoggedRule:
    """A rule whose events are kept.

    Attributes:
        name: The name of the EventBridge rule.
        event_bus_name: The bus of the rule; None for the default bus.
    """

    name: pulumi.Input[str]
    event_bus_name: pulumi.Input[str] | None = None


@dataclass(frozen=True)
class EventLogArgs:
    """Arguments of `EventLog`.

    Attributes:
        rules: The rules, each by a key for its logical name; one rule has the log group as a target once.
        region: AWS region of the rules.
        tags: On every resource that takes tags.
    """

    rules: Mapping[str, LoggedRule]
    region: str
    tags: Mapping[str, str]


class EventLog(pulumi.ComponentResource):
    """A log group below `/aws/events/`, its policy, and a target of each rule.

    The log group has the default encryption of CloudWatch Logs. A customer-managed key would be one more thing whose
    loss silences the second witness.

    The policy is one of the ten that an account has in a region ("CloudWatch Logs quotas"). It admits the alert path's
    rules on each bus that has one of `rules`. A target that is a log group takes no role ("Using resource-based
    policies for Amazon EventBridge").
    """

    log_group_name: pulumi.Output[str]
    """Name of the log group."""
    log_group_arn: pulumi.Output[str]
    """ARN of the log group, without `:*` at its end."""

    def __init__(self, name: str, args: EventLogArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("breakglass:index:EventLog", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        group = aws.cloudwatch.LogGroup(
            f"{name}-events",
            name=events_log_group(name),
            retention_in_days=RETENTION_DAYS,
            region=args.region,
            tags=args.tags,
            opts=child,
        )
        policy = aws.cloudwatch.LogResourcePolicy(
            f"{name}-events",
            policy_name=physical_name(f"{name}-events"),
            policy_document=pulumi.Output.all(group.arn, *[rule.event_bus_name for rule in args.rules.values()]).apply(
                _policy
            ),
            region=args.region,
            opts=child,
        )
        for key, rule in args.rules.items():
            aws.cloudwatch.EventTarget(
                f"{name}-{key}",
                target_id=TARGET,
                rule=rule.name,
                event_bus_name=rule.event_bus_name,
                arn=group.arn,
                retry_policy=LONGEST_RETRY,
                region=args.region,
                # Before the log group lets the rule in, what can't be written is lost.
                opts=create_first(self, policy),
            )
        self.log_group_name, self.log_group_arn = group.name, group.arn
        self.register_outputs({"log_group_name": group.name, "log_group_arn": group.arn})


def _policy(known: Sequence[str | None]) -> str:
    group_arn, *buses = known
    return policy_json(log_events(str(group_arn), buses))
