"""The event bus of a hub, to which the spokes of an organization forward their events.

Non-goals: the rules on the bus (see `breakglass.components.alerts.usage_alert`), and the spokes (see `spoke` and
`spoke_set`).
"""

from functools import partial

import pulumi
import pulumi_aws as aws

from breakglass.components.arguments import AlertHubArgs
from breakglass.components.constructor import show_analyzer, validate_args
from breakglass.components.order import known_after
from breakglass.iam.documents import hub_bus_policy, policy_json
from breakglass.naming import hub_bus
from breakglass.stack_file.alerts import AlertPath
from breakglass.stack_file.tags import Tagged
from breakglass.stack_file.types import OrganizationId, StackName


class AlertHubSpec(Tagged, AlertPath):
    """Arguments of `AlertHub`."""

    stack: StackName
    """The stack's name, with which the name of the bus begins."""
    organization_id: OrganizationId
    """ID of the AWS organization whose spokes may forward events."""


class AlertHub(pulumi.ComponentResource):
    """An event bus, and the policy by which the spokes of one organization forward events to it.

    It is never the default bus: other rules there would fire on the events of all accounts. The policy admits only
    roles whose name begins with `breakglass-spoke-`, and only events of AWS.

    Permissions:
        - On `arn:PARTITION:events:REGION:ACCOUNT:event-bus/breakglass-*`: `events:CreateEventBus`,
          `events:DescribeEventBus`, `events:UpdateEventBus`, `events:DeleteEventBus`, `events:TagResource`,
          `events:UntagResource`, `events:ListTagsForResource`. On `*`: `events:PutPermission`,
          `events:RemovePermission`.

    Raises:
        ConfigError: The arguments are wrong.
    """

    bus_name: pulumi.Output[str]
    """Name of the bus; the value of `EventBusName` in EventBridge's metrics."""
    bus_arn: pulumi.Output[str]
    """ARN of the bus, known when its policy admits the spokes."""

    @show_analyzer(AlertHubArgs)
    def __init__(
        self, name: str, args: AlertHubArgs | AlertHubSpec, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        spec = validate_args(AlertHubSpec, args, name)
        super().__init__("breakglass:index:AlertHub", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)

        bus = aws.cloudwatch.EventBus(
            f"{name}-bus",
            name=hub_bus(spec.stack),
            description="Gets events about break-glass access from the accounts and regions of the organization.",
            region=spec.region,
            tags=spec.tags,
            opts=child,
        )
        policy = aws.cloudwatch.EventBusPolicy(
            f"{name}-bus",
            event_bus_name=bus.name,
            policy=bus.arn.apply(partial(_bus_policy, spec.organization_id)),
            region=spec.region,
            opts=child,
        )

        self.bus_name = bus.name
        # Spokes wait until the policy admits them: an event that comes sooner would be a dead letter.
        self.bus_arn = known_after(bus.arn, policy.id)
        self.register_outputs({"bus_name": self.bus_name, "bus_arn": self.bus_arn})


def _bus_policy(organization_id: str, bus_arn: str) -> str:
    return policy_json(hub_bus_policy(bus_arn, organization_id))
