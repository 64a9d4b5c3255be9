"""A spoke: what one account forwards from one region to the hub of its organization.

Non-goals: the spokes of accounts that no Pulumi stack deploys to (see `spoke_set`).
"""

from collections.abc import Sequence
from functools import partial

import pulumi
import pulumi_aws as aws
from pydantic import Field, StrictBool

from breakglass.alerts.patterns import pattern_json
from breakglass.alerts.rules import DEAD_LETTER_RETENTION_SECONDS
from breakglass.components.arguments import SpokeArgs
from breakglass.components.constructor import show_analyzer, validate_args
from breakglass.iam.documents import forward_events, policy_json, spoke_queue_policy, spoke_trust
from breakglass.naming import SPOKE_QUEUE, spoke_role
from breakglass.organization.spoke_rules import SpokeSettings, spoke_rules
from breakglass.organization.spoke_template import (
    POLICY_NAME,
    ROLE_DESCRIPTION,
    TARGET_ID,
)
from breakglass.stack_file.alerts import AlertPath
from breakglass.stack_file.base import StringInput
from breakglass.stack_file.tags import Tagged
from breakglass.stack_file.types import RoleArn, UserArn, WatchedPath
from breakglass.vocabulary import partition_of_region


class Forwarding(AlertPath):
    """Keys of spokes."""

    hub_bus_arn: StringInput
    """ARN of the event bus of the hub, in any region of the partition."""
    roles: list[RoleArn] = Field(default_factory=list)
    """ARNs of watched IAM roles that Identity Center did not create. Those below `rolePath` need no entry."""
    role_path: WatchedPath | None = None
    """The path of watched IAM roles. A role that is added below it changes no spoke."""
    users: list[UserArn] = Field(default_factory=list)
    """ARNs of watched IAM users."""

    def settings(self, *, portal: bool) -> SpokeSettings:
        """Return the settings of the rules."""
        return SpokeSettings(
            partition=partition_of_region(self.region),
            roles=tuple(self.roles),
            role_path=self.role_path,
            users=tuple(self.users),
            portal=portal,
        )


class SpokeSpec(Tagged, Forwarding):
    """Arguments of `Spoke`. `region` is that of the spoke."""

    portal: StrictBool = False
    """Forward the events of Identity Center's portal: only in the account that owns Identity Center, which alone has
    them."""


class Spoke(pulumi.ComponentResource):
    """The rules that forward an account's events in one region to the hub, with role and dead-letter queue.

    An account has one spoke in a region: the names of the resources are the same in each account. A spoke forwards the
    sessions, console sign-ins and refused sessions of all roles of Identity Center, the use of other watched roles and
    IAM users, and what root does. It sends a heartbeat each day.

    Permissions:
        - On `arn:PARTITION:events:REGION:ACCOUNT:rule/breakglass-spoke-*`: `events:PutRule`, `events:DescribeRule`,
          `events:DeleteRule`, `events:PutTargets`, `events:ListTargetsByRule`, `events:RemoveTargets`,
          `events:TagResource`, `events:UntagResource`, `events:ListTagsForResource`.
        - On `arn:PARTITION:sqs:REGION:ACCOUNT:breakglass-spoke-dead-letters`: `sqs:CreateQueue`,
          `sqs:GetQueueAttributes`, `sqs:GetQueueUrl`, `sqs:SetQueueAttributes`, `sqs:DeleteQueue`, `sqs:TagQueue`,
          `sqs:UntagQueue`, `sqs:ListQueueTags`.
        - On `arn:PARTITION:iam::ACCOUNT:role/breakglass-spoke-*`: `iam:CreateRole`, `iam:GetRole`, `iam:UpdateRole`,
          `iam:UpdateAssumeRolePolicy`, `iam:DeleteRole`, `iam:TagRole`, `iam:UntagRole`, `iam:PutRolePolicy`,
          `iam:GetRolePolicy`, `iam:DeleteRolePolicy`, `iam:ListRolePolicies`, `iam:ListAttachedRolePolicies`,
          `iam:ListInstanceProfilesForRole`, `iam:PassRole`.

    Raises:
        BreakglassError: The roles need too many rules, or the users do not fit into one.
        ConfigError: The arguments are wrong.
    """

    role_arn: pulumi.Output[str]
    """ARN of the role by which the rules send events to the hub."""
    rule_names: pulumi.Output[dict[str, str]]
    """Name of each EventBridge rule, by its key, e.g. `sessions`."""
    queue_url: pulumi.Output[str]
    """URL of the dead-letter queue."""

    @show_analyzer(SpokeArgs)
    def __init__(self, name: str, args: SpokeArgs | SpokeSpec, opts: pulumi.ResourceOptions | None = None) -> None:
        spec = validate_args(SpokeSpec, args, name)
        planned = spoke_rules(spec.settings(portal=spec.portal))
        super().__init__("breakglass:index:Spoke", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)

        queue = aws.sqs.Queue(
            f"{name}-dead-letters",
            name=SPOKE_QUEUE,
            message_retention_seconds=DEAD_LETTER_RETENTION_SECONDS,
            sqs_managed_sse_enabled=True,
            region=spec.region,
            tags=spec.tags,
            opts=child,
        )
        queue_policy = aws.sqs.QueuePolicy(
            f"{name}-dead-letters",
            queue_url=queue.url,
            policy=queue.arn.apply(partial(_queue_policy, [rule.name for rule in planned])),
            region=spec.region,
            opts=child,
        )
        role = aws.iam.Role(
            f"{name}-role",
            name=spoke_role(spec.region),
            description=ROLE_DESCRIPTION,
            assume_role_policy=queue.arn.apply(_trust_policy),
            tags=spec.tags,
            opts=child,
        )
        role_policy = aws.iam.RolePolicy(
            f"{name}-role",
            name=POLICY_NAME,
            role=role.name,
            policy=pulumi.Output.from_input(spec.hub_bus_arn).apply(_role_policy),
            opts=child,
        )
        rules = {
            rule.key: aws.cloudwatch.EventRule(
                f"{name}-{rule.key}",
                name=rule.name,
                description=rule.description,
                event_pattern=pattern_json(rule.pattern) if rule.pattern else None,
                schedule_expression=rule.schedule,
                state=rule.state,
                region=spec.region,
                tags=spec.tags,
                # Where a StackSet has made a spoke, AWS refuses the role. It would take the rules for changes of those.
                opts=pulumi.ResourceOptions(depends_on=[role], parent=self),
            )
            for rule in planned
        }
        for key, rule in rules.items():
            aws.cloudwatch.EventTarget(
                f"{name}-{key}",
                target_id=TARGET_ID,
                rule=rule.name,
                arn=spec.hub_bus_arn,
                role_arn=role.arn,
                dead_letter_config={"arn": queue.arn},
                region=spec.region,
                # An event that comes before the role may forward it, and the queue take it, is lost.
                opts=pulumi.ResourceOptions(depends_on=[role_policy, queue_policy], parent=self),
            )

        self.role_arn, self.queue_url = role.arn, queue.url
        self.rule_names = pulumi.Output.all(**{key: rule.name for key, rule in rules.items()})
        self.register_outputs({"role_arn": role.arn, "rule_names": self.rule_names, "queue_url": queue.url})


def _queue_policy(rules: Sequence[str], queue_arn: str) -> str:
    return policy_json(spoke_queue_policy(*_place(queue_arn), SPOKE_QUEUE, rules))


def _trust_policy(queue_arn: str) -> str:
    return policy_json(spoke_trust(*_place(queue_arn)))


def _role_policy(hub_bus_arn: str) -> str:
    return policy_json(forward_events(hub_bus_arn))


def _place(arn: str) -> tuple[str, str, str]:
    """Return the partition, region and account of a resource."""
    _, partition, _, region, account, _ = arn.split(":")
    return partition, region, account
