"""The parts of a stack for a whole organization: a hub's event bus, the spokes, the roll call.

A part of `BreakGlass`, not usable alone. All components are children of the `BreakGlass`. Only a stack with
`organization` or `forwardTo` imports this module: it needs modules of the SDK that no other stack waits for.

Non-goals: the rules on the bus (see `alert_path`).
"""

from collections.abc import Sequence
from typing import Any

import pulumi

from breakglass.components.approvals.organization import Unreadable
from breakglass.components.delegation import spoke_stack_text, unmakeable_spokes
from breakglass.components.order import known_after
from breakglass.components.organization.alert_hub import AlertHub, AlertHubSpec
from breakglass.components.organization.roll_call import RollCall, RollCallSpec
from breakglass.components.organization.spoke import Spoke, SpokeSpec
from breakglass.components.organization.spoke_set import SpokeSet, SpokeSetSpec
from breakglass.components.stack_context import StackContext
from breakglass.errors import ConfigError, Problem, format_value
from breakglass.naming import hub_bus
from breakglass.stack_file.alerts import Alerts
from breakglass.stack_file.organization import Organization
from breakglass.stack_file.rules import spoke_settings
from breakglass.stack_file.spoke import SpokeAlerts
from breakglass.vocabulary import CallAs, partition_of_region


class HubParts:
    """Creates the components of a hub, in the order of their needs.

    The spokes forward events once the rules for them are there, so a stack that becomes a hub leaves no use unwatched.

    Attributes:
        bus_name: the name of the event bus.
        bus_arn: its ARN.
    """

    def __init__(self, context: StackContext, alerts: Alerts, organization: Organization) -> None:
        """Create the event bus, and say what another stack has to do.

        Args:
            context: the stack.
            alerts: the section of its file.
            organization: a key of the section.

        Raises:
            ConfigError: the spokes can't be made, or could forward nothing.
        """
        self._context, self._alerts, self._organization = context, alerts, organization
        self._check()
        hub = AlertHub(
            f"{context.name}-hub",
            AlertHubSpec.from_validated(context.spec, alerts, stack=context.name, organization_id=organization.id),
            context.child,
        )
        self.bus_name, self.bus_arn = hub.bus_name, hub.bus_arn

    def _check(self) -> None:
        here, found = self._context.account, self._context.organization
        management = None if isinstance(found, Unreadable) else found.management_account
        if not isinstance(found, Unreadable):
            problems = unmakeable_spokes(self._organization, found.id, here, found.management_account)
            if problems:
                raise ConfigError(problems)
        region = self._alerts.region
        bus_arn = f"arn:{partition_of_region(region)}:events:{region}:{here}:event-bus/{hub_bus(self._context.name)}"
        text = spoke_stack_text(self._alerts, bus_arn, here, management)
        if text:
            pulumi.log.info(text)

    def create_roll_call(self, topic_arn: pulumi.Output[str]) -> RollCall | None:
        """Create the roll call, if the stack has one."""
        if not self._organization.has_roll_call:
            return None
        return RollCall(
            f"{self._context.name}-roll-call",
            RollCallSpec.from_validated(
                self._context.spec,
                self._alerts,
                self._organization.spokes,
                stack=self._context.name,
                bus_name=self.bus_name,
                topic_arn=topic_arn,
            ),
            self._context.child,
        )

    def create_spokes(self, after: Sequence[pulumi.Resource]) -> None:
        """Create the spokes of the stack's own account, and those of the other accounts.

        Args:
            after: the components with rules on the bus.
        """
        context, spokes = self._context, self._organization.spokes
        # `depends_on` of a spoke would not reach its children, so they wait by an argument.
        bus_arn = known_after(self.bus_arn, *[each.urn for each in after])
        regions = [self._alerts.region, *spokes.regions]
        _create_own_spokes(context, self._alerts, regions, bus_arn)
        if spokes.call_as is CallAs.elsewhere:
            return
        SpokeSet(
            f"{context.name}-spokes",
            SpokeSetSpec.from_validated(
                context.spec,
                self._alerts,
                spokes,
                **_forwarded(context),
                exclude=[*dict.fromkeys([*spokes.exclude, context.account])],
                hub_bus_arn=bus_arn,
            ),
            context.child,
        )


def create_spoke_stack(context: StackContext, spoke: SpokeAlerts) -> None:
    """Create the spokes of a stack that only forwards events.

    Raises:
        ConfigError: the account has the hub, whose stack creates its spokes.
    """
    found = context.organization
    hub_account = spoke.forward_to.split(":")[4]
    if not isinstance(found, Unreadable) and found.deployed_in == hub_account:
        problem = Problem(
            "alerts.forwardTo",
            format_value(spoke.forward_to),
            f"This stack goes to the account of the hub, {hub_account}, whose own stack makes the spokes of this "
            "account, with the same names.",
            "Deploy to the account whose events are to be forwarded, or delete this stack file.",
        )
        raise ConfigError([problem])
    _create_own_spokes(context, spoke, spoke.all_regions, pulumi.Output.from_input(spoke.forward_to))


def _create_own_spokes(
    context: StackContext, alerts: Alerts | SpokeAlerts, regions: Sequence[str], bus_arn: pulumi.Output[str]
) -> None:
    for region in dict.fromkeys(regions):
        Spoke(
            f"{context.name}-spoke-{region}",
            SpokeSpec.from_validated(
                context.spec,
                alerts,
                **_forwarded(context),
                region=region,
                portal=context.owns_identity_center,
                hub_bus_arn=bus_arn,
            ),
            context.child,
        )


def _forwarded(context: StackContext) -> dict[str, Any]:
    """Return the arguments that name what spokes forward."""
    settings = spoke_settings(context.spec, portal=False)
    if settings is None:
        raise AssertionError("only hubs and spokes have settings of spokes")
    return {"roles": list(settings.roles), "role_path": settings.role_path, "users": list(settings.users)}
