"""Where EventBridge posts alerts, and the role that may do it.

Non-goals: who posts what (see `breakglass.components.alerts.usage_alert`) and with which token
(see `breakglass.components.alerts.slack_connection`).
"""

import pulumi
import pulumi_aws as aws

from breakglass.components.arguments import SlackDestinationArgs
from breakglass.components.constructor import show_analyzer, validate_args
from breakglass.components.order import known_after
from breakglass.iam.documents import events_trust, invoke_destination, policy_json
from breakglass.naming import physical_name
from breakglass.stack_file.alerts import AlertPath, SlackEndpoint
from breakglass.stack_file.base import StringInput
from breakglass.stack_file.tags import Tagged


class SlackDestinationSpec(Tagged, SlackEndpoint, AlertPath):
    """Arguments of `SlackDestination`."""

    connection_arn: StringInput
    """ARN of the EventBridge connection that signs in to Slack."""


class SlackDestination(pulumi.ComponentResource):
    """The EventBridge API destination that posts to Slack, and the role that may invoke it.

    Permissions:
        - On `arn:PARTITION:events:REGION:ACCOUNT:api-destination/breakglass-*` and
          `arn:PARTITION:events:REGION:ACCOUNT:connection/breakglass-*`: `events:CreateApiDestination`,
          `events:DescribeApiDestination`, `events:UpdateApiDestination`. On the first alone:
          `events:DeleteApiDestination`.
        - On `arn:PARTITION:iam::ACCOUNT:role/breakglass-*`: `iam:CreateRole`, `iam:GetRole`, `iam:UpdateRole`,
          `iam:UpdateAssumeRolePolicy`, `iam:DeleteRole`, `iam:TagRole`, `iam:UntagRole`, `iam:PutRolePolicy`,
          `iam:GetRolePolicy`, `iam:DeleteRolePolicy`, `iam:ListRolePolicies`, `iam:ListAttachedRolePolicies`,
          `iam:ListInstanceProfilesForRole`.

    Raises:
        ConfigError: The arguments are wrong.
    """

    destination_arn: pulumi.Output[str]
    """ARN of the API destination."""
    role_arn: pulumi.Output[str]
    """ARN of the role by which alert-path rules of the same account and region invoke the destination."""

    @show_analyzer(SlackDestinationArgs)
    def __init__(
        self, name: str, args: SlackDestinationArgs | SlackDestinationSpec, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        spec = validate_args(SlackDestinationSpec, args, name)
        super().__init__("breakglass:index:SlackDestination", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)

        destination = aws.cloudwatch.EventApiDestination(
            f"{name}-destination",
            name=physical_name(f"{name}-destination"),
            description="Posts break-glass alerts to Slack.",
            connection_arn=spec.connection_arn,
            http_method="POST",
            invocation_endpoint=spec.post_message_url,
            # Slack takes one message a second in a channel; EventBridge holds back what is above.
            invocation_rate_limit_per_second=1,
            region=spec.region,
            opts=child,
        )
        role = aws.iam.Role(
            f"{name}-role",
            name=physical_name(f"{name}-role"),
            description="Lets EventBridge rules post break-glass alerts to Slack, and nothing else.",
            assume_role_policy=destination.arn.apply(_trust_policy),
            tags=spec.tags,
            opts=child,
        )
        invoke = aws.iam.RolePolicy(
            f"{name}-invoke",
            name="invoke-destination",
            role=role.name,
            policy=destination.arn.apply(_invoke_policy),
            opts=child,
        )

        self.destination_arn = destination.arn
        # Users wait until the role has its permission: an event that comes sooner would be a dead letter at once.
        self.role_arn = known_after(role.arn, invoke.id)
        self.register_outputs({"destination_arn": self.destination_arn, "role_arn": self.role_arn})


def _trust_policy(destination_arn: str) -> str:
    return policy_json(events_trust(destination_arn))


def _invoke_policy(destination_arn: str) -> str:
    return policy_json(invoke_destination(destination_arn))
