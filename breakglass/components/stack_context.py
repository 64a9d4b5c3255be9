"""The name, the file and the account of a stack, which the parts of its `BreakGlass` share."""

from dataclasses import dataclass
from functools import cached_property

import pulumi
import pulumi_aws as aws

from breakglass.components.approvals.organization import Organization, Unreadable, read_organization
from breakglass.stack_file.rules import Known
from breakglass.stack_file.stack import StackFile


@dataclass(frozen=True)
class StackContext:
    """A stack while its components are created.

    Attributes:
        component: the `BreakGlass`, the parent of them all.
        name: its name, with which their names begin.
        spec: the stack file.
    """

    component: pulumi.Resource
    name: str
    spec: StackFile

    @property
    def child(self) -> pulumi.ResourceOptions:
        """The options of a component."""
        return pulumi.ResourceOptions(parent=self.component)

    @cached_property
    def organization(self) -> Organization | Unreadable:
        """The organization as AWS describes it."""
        return read_organization(self.component)

    @property
    def owns_identity_center(self) -> bool:
        """False if the account is known not to own Identity Center, which is in the management account."""
        organization = self.organization
        if self.spec.permission_sets or isinstance(organization, Unreadable):
            return True
        return organization.deployed_in == organization.management_account

    @cached_property
    def account(self) -> str:
        """The account of the stack, or a placeholder if neither a rule nor a hub needs it."""
        alerts = self.spec.alert_path
        hub = alerts and alerts.organization
        of_another_stack = alerts and alerts.tamper and alerts.tamper.session_policy and alerts.tamper.stacks
        if (self.spec.approvals or hub) and isinstance(self.organization, Organization):
            return self.organization.deployed_in
        if hub or of_another_stack:
            return aws.get_caller_identity(opts=pulumi.InvokeOptions(parent=self.component)).account_id
        return Known.account
