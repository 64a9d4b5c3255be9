"""The spokes of all accounts of an organization, also of those that join later: a CloudFormation StackSet.

CloudFormation deploys to the accounts of the units by itself ("service-managed permissions"), never to the management
account ("AWS CloudFormation StackSets", AWS CloudFormation User Guide).

An excluded account gets a stack without a spoke. The deployment targets could leave the account out instead
(`DIFFERENCE`), but the provider can't change that list: for an account that leaves it, the stacks of all others are
deleted; for an account that joins it, nothing happens (`resourceStackInstancesUpdate` of terraform-provider-aws).

Non-goals: the spokes of the hub's own account and of the management account (see `spoke`).
"""

from collections.abc import Iterator

import pulumi
import pulumi_aws as aws

from breakglass.components.arguments import SpokeSetArgs
from breakglass.components.constructor import show_analyzer, validate_args
from breakglass.components.organization.spoke import Forwarding
from breakglass.naming import SPOKE_STACK_SET
from breakglass.organization.spoke_template import HUB_BUS_ARN, template_body
from breakglass.stack_file.base import RawValue
from breakglass.stack_file.faults import Fault
from breakglass.stack_file.organization import Spokes
from breakglass.stack_file.tags import Tagged
from breakglass.vocabulary import STACK_SET_CALLERS, CallAs

# The provider's 30 minutes are short for hundreds of accounts.
_LONG = pulumi.CustomTimeouts(create="3h", update="3h", delete="3h")


class SpokeSetSpec(Tagged, Spokes, Forwarding):
    """Arguments of `SpokeSet`. `region` is that of the StackSet; `exclude` has to name the account of the hub."""

    @classmethod
    def cross_field_faults(cls, given: RawValue) -> Iterator[Fault]:
        """Yield faults of the accounts, and of a StackSet that another program makes."""
        yield from super().cross_field_faults(given)
        if given["callAs"].value == CallAs.elsewhere:
            yield given["callAs"].fault(
                "Another program makes the StackSet, so this component would have nothing to do.",
                "Write self or delegatedAdmin, or leave the component out.",
            )


class SpokeSet(pulumi.ComponentResource):
    """A CloudFormation StackSet that makes the spokes of the accounts of an organization or its units.

    An account that joins a unit gets its spokes by itself; one that leaves loses them. An excluded account gets a
    stack without a spoke. The account of the hub has to be excluded if it is in a unit: it has spokes of its own, with
    the same names. Accounts that fail do not hold up the others, and the update succeeds all the same: `breakglass
    coverage` shows them.

    The organization has to trust CloudFormation StackSets (`member.org.stacksets.cloudformation.amazonaws.com`).

    Permissions:
        - On `arn:PARTITION:cloudformation:REGION:ACCOUNT:stackset/breakglass-spokes:*`, and for instances on
          `arn:PARTITION:cloudformation:REGION:ACCOUNT:stackset-target/breakglass-spokes:*` and
          `arn:PARTITION:cloudformation:*::type/resource/*`: `cloudformation:CreateStackSet`,
          `cloudformation:DescribeStackSet`, `cloudformation:UpdateStackSet`, `cloudformation:DeleteStackSet`,
          `cloudformation:CreateStackInstances`, `cloudformation:UpdateStackInstances`,
          `cloudformation:DeleteStackInstances`, `cloudformation:ListStackInstances`,
          `cloudformation:DescribeStackInstance`, `cloudformation:DescribeStackSetOperation`,
          `cloudformation:ListStackSetOperationResults`, `cloudformation:TagResource`, `cloudformation:UntagResource`.
        - As delegated administrator: `organizations:ListDelegatedAdministrators`.

    Raises:
        BreakglassError: The roles need too many rules, or the users do not fit into one.
        ConfigError: The arguments are wrong.
    """

    stack_set_id: pulumi.Output[str]
    """ID of the StackSet: its name, and an ID of AWS."""

    @show_analyzer(SpokeSetArgs)
    def __init__(
        self, name: str, args: SpokeSetArgs | SpokeSetSpec, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        spec = validate_args(SpokeSetSpec, args, name)
        # The events of the portal are in the management account, which the StackSet leaves out.
        template = template_body(spec.settings(portal=False), spec.exclude)
        super().__init__("breakglass:index:SpokeSet", name, None, opts)
        child = pulumi.ResourceOptions(parent=self, custom_timeouts=_LONG)

        stack_set = aws.cloudformation.StackSet(
            f"{name}-stack-set",
            name=SPOKE_STACK_SET,
            description="Forwards events about break-glass access to the hub of the organization.",
            permission_model="SERVICE_MANAGED",
            # A stack that stays in an account which left the organization would forward in vain.
            auto_deployment={"enabled": True, "retain_stacks_on_account_removal": False},
            call_as=STACK_SET_CALLERS[spec.call_as],
            capabilities=["CAPABILITY_NAMED_IAM"],
            managed_execution={"active": True},
            # By default the first account that fails ends the operation, and accounts are served one by one.
            operation_preferences={
                "failure_tolerance_percentage": 100,
                "max_concurrent_percentage": 100,
                "region_concurrency_type": "PARALLEL",
            },
            parameters={HUB_BUS_ARN: spec.hub_bus_arn},
            template_body=template,
            region=spec.region,
            tags=spec.tags,
            opts=child,
        )
        aws.cloudformation.StackInstances(
            f"{name}-instances",
            stack_set_name=stack_set.name,
            call_as=STACK_SET_CALLERS[spec.call_as],
            regions=spec.regions,
            deployment_targets={"organizational_unit_ids": spec.units},
            operation_preferences={
                "failure_tolerance_percentage": 100,
                "max_concurrent_percentage": 100,
                "region_concurrency_type": "PARALLEL",
                # Else the number of accounts at a time would fall with each failure.
                "concurrency_mode": "SOFT_FAILURE_TOLERANCE",
            },
            retain_stacks=False,
            region=spec.region,
            opts=child,
        )

        self.stack_set_id = stack_set.stack_set_id
        self.register_outputs({"stack_set_id": self.stack_set_id})
