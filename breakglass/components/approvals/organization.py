"""The accounts of the organization, as plain values that are known at preview.

Non-goals: organizational units.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from breakglass.components.provider_error import words_of
from breakglass.errors import ConfigError, Problem


@dataclass(frozen=True)
class Organization:
    """The organization, as seen from the account of the stack.

    Attributes:
        id: its ID.
        deployed_in: the account of the stack.
        management_account: the organization's management account.
        accounts: ID -> name, of every active account.
        has_service_control_policies: True if the organization has enabled them.
    """

    id: str
    deployed_in: str
    management_account: str
    accounts: Mapping[str, str]
    has_service_control_policies: bool


@dataclass(frozen=True)
class Unreadable:
    """The account is in no organization, or may not read it.

    Attributes:
        said: the text of the provider.
    """

    said: str


def read_organization(parent: pulumi.Resource) -> Organization | Unreadable:
    """Return the organization as AWS describes it; the parent gives the provider."""
    opts = pulumi.InvokeOptions(parent=parent)
    try:
        found = aws.organizations.get_organization(opts=opts)
        caller = aws.get_caller_identity(opts=opts)
    except Exception as error:
        return Unreadable(words_of(error))
    return Organization(
        id=found.id,
        deployed_in=caller.account_id,
        management_account=found.master_account_id,
        # `state` came after `status`; a provider may have only one of them.
        accounts={
            account["id"]: account["name"]
            for account in found.accounts
            if (account["state"] or account["status"]) == "ACTIVE"
        },
        has_service_control_policies="SERVICE_CONTROL_POLICY" in found.enabled_policy_types,
    )


def organization_of(parent: pulumi.Resource, at: str) -> Organization:
    """Return the organization as AWS describes it.

    Args:
        parent: the resource that gives the provider.
        at: the key path that needs the organization, for the report.

    Raises:
        ConfigError: the account is in no organization, or may not read it.
    """
    found = read_organization(parent)
    if isinstance(found, Unreadable):
        raise ConfigError([_unreadable(found.said, at)])
    return found


def _unreadable(said: str, at: str) -> Problem:
    return Problem(
        at,
        "(unknown)",
        f"Can't read the organization, whose accounts the approvals give access to. The provider says: {said}",
        "Deploy to the organization's management account, or to a delegated administrator of Identity Center, and "
        "allow organizations:DescribeOrganization, ListAccounts, ListRoots, ListAWSServiceAccessForOrganization and "
        "ListDelegatedAdministrators.",
    )
