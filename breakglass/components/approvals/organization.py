"""What the organisation is made of, as plain values: what decides security is known before anything is made.

Non-goals: organisational units, and policies but for whether there may be service control policies.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from breakglass.components.provider_error import words_of
from breakglass.errors import ConfigError, Problem


@dataclass(frozen=True)
class Organization:
    """The organisation, as seen from the account that is deployed to.

    Attributes:
        deployed_in: the account that is deployed to.
        management_account: the organisation's management account.
        accounts: id -> name, of every active account.
        has_service_control_policies: whether the organisation has them enabled.
    """

    deployed_in: str
    management_account: str
    accounts: Mapping[str, str]
    has_service_control_policies: bool


@dataclass(frozen=True)
class Unreadable:
    """The answer where the account is in no organisation, or may not ask.

    Attributes:
        said: what the provider says.
    """

    said: str


def read_organization(parent: pulumi.Resource) -> Organization | Unreadable:
    """Ask AWS for the organisation.

    Args:
        parent: the resource for which it is done, which gives the provider.
    """
    opts = pulumi.InvokeOptions(parent=parent)
    try:
        found = aws.organizations.get_organization(opts=opts)
        caller = aws.get_caller_identity(opts=opts)
    except Exception as error:
        return Unreadable(words_of(error))
    return Organization(
        deployed_in=caller.account_id,
        management_account=found.master_account_id,
        # `state` came after `status`; a provider may know one of them only.
        accounts={one["id"]: one["name"] for one in found.accounts if (one["state"] or one["status"]) == "ACTIVE"},
        has_service_control_policies="SERVICE_CONTROL_POLICY" in found.enabled_policy_types,
    )


def organization_of(parent: pulumi.Resource, at: str) -> Organization:
    """Ask AWS for the organisation that has to be there.

    Args:
        parent: the resource for which it is done, which gives the provider.
        at: the key path that needs it, for the report.

    Raises:
        ConfigError: the account is in none, or may not ask.
    """
    found = read_organization(parent)
    if isinstance(found, Unreadable):
        raise ConfigError([_unreadable(found.said, at)])
    return found


def _unreadable(said: str, at: str) -> Problem:
    return Problem(
        at,
        "(unknown)",
        f"Access is given in accounts of the organisation, and AWS does not tell of it here. The provider says: {said}",
        "Deploy to the organisation's management account, or to a delegated administrator of Identity Center, and "
        "allow organizations:DescribeOrganization, ListAccounts, ListRoots, ListAWSServiceAccessForOrganization and "
        "ListDelegatedAdministrators.",
    )
