"""Look-ups in the identity store at preview: the IDs of named groups and users.

The errors name the missing principal; the provider's own error would name the called function, and the first wrong name
only.

Non-goals: members of a group at a decision, which the functions look up.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import pulumi
import pulumi_aws as aws

from breakglass.app.domain.policy import PrincipalKind
from breakglass.components.provider_error import words_of
from breakglass.errors import ConfigError, Problem, format_value
from breakglass.stack_file.principals import NamedPrincipal


@dataclass(frozen=True)
class Missing:
    """The identity store does not have a name, or can't be read.

    Attributes:
        said: the text of the provider.
    """

    said: str


@dataclass(frozen=True)
class IdentityStore:
    """The identity store.

    Attributes:
        id: its ID.
        region: its region.
        parent: the resource that gives the provider.
    """

    id: pulumi.Input[str]
    region: str
    parent: pulumi.Resource

    def id_of(self, principal: NamedPrincipal) -> pulumi.Input[str]:
        """Return the ID of a principal; the program fails if it does not exist."""
        if principal.by_id:
            return principal.text
        return self._look_up(principal).recover(partial(_fail, principal))

    def answer_about(self, principal: NamedPrincipal) -> pulumi.Output[str | Missing]:
        """Return the ID of a principal, or `Missing`."""
        if principal.by_id:
            return pulumi.Output.from_input(principal.text)
        found: pulumi.Output[str | Missing] = self._look_up(principal)
        return found.recover(_missing)

    def members(self, group_id: pulumi.Input[str]) -> pulumi.Output[Sequence[str] | Missing]:
        """Return the IDs of the users in a group today, or `Missing`."""
        found = aws.identitystore.get_group_memberships_output(
            identity_store_id=self.id,
            group_id=group_id,
            region=self.region,
            opts=pulumi.InvokeOptions(parent=self.parent),
        )
        users: pulumi.Output[Sequence[str] | Missing] = found.apply(_users)
        return users.recover(_missing)

    def _look_up(self, principal: NamedPrincipal) -> pulumi.Output[str]:
        opts = pulumi.InvokeOptions(parent=self.parent)
        # Not dicts: the SDK translates the keys of a resource's dicts to camelCase, but not those of a function's.
        if principal.kind is PrincipalKind.group:
            display_name = aws.identitystore.GetGroupAlternateIdentifierUniqueAttributeArgs(
                attribute_path="DisplayName", attribute_value=principal.text
            )
            return aws.identitystore.get_group_output(
                identity_store_id=self.id,
                alternate_identifier=aws.identitystore.GetGroupAlternateIdentifierArgs(unique_attribute=display_name),
                region=self.region,
                opts=opts,
            ).group_id
        user_name = aws.identitystore.GetUserAlternateIdentifierUniqueAttributeArgs(
            attribute_path="UserName", attribute_value=principal.text
        )
        return aws.identitystore.get_user_output(
            identity_store_id=self.id,
            alternate_identifier=aws.identitystore.GetUserAlternateIdentifierArgs(unique_attribute=user_name),
            region=self.region,
            opts=opts,
        ).user_id


_KEY_REFUSED = re.compile(r"\bkms[:_]", re.IGNORECASE)


def key_problem(said: str) -> Problem | None:
    """Return the problem if the provider says that its caller may not decrypt what Identity Center keeps.

    Nothing in the provider tells which key Identity Center has, so such a refusal is how a preview learns of one.

    Args:
        said: The provider's text, e.g. `AccessDeniedException: ... is not authorized to perform: kms:Decrypt on
            resource: arn:aws:kms:...`.
    """
    if not _KEY_REFUSED.search(said):
        return None
    return Problem(
        "permissionSets.identityCenterKmsKeyArn",
        "(AWS refuses to decrypt)",
        "Identity Center is encrypted with a customer-managed KMS key, and the identity that deploys may not decrypt "
        "with it. Without the key in this file the functions may not either: no request would work, and nothing could "
        f"be revoked. The provider says: {said}",
        "Write the ARN of the key here (`aws sso-admin describe-instance` shows it), and allow the deploying identity "
        "kms:Decrypt in its own policy and in the key's, as docs/runbooks/first-deploy.md says.",
    )


def _users(found: "aws.identitystore.GetGroupMembershipsResult") -> Sequence[str]:
    return [membership["member_id"]["user_id"] for membership in found.group_memberships or ()]


def _missing(error: Exception) -> Missing:
    return Missing(words_of(error))


def _fail(principal: NamedPrincipal, error: Exception) -> str:
    said = words_of(error)
    problem = key_problem(said) or Problem(
        principal.key,
        format_value(principal.text),
        f"The identity store has no {principal.kind} of this name. The provider says: {said}",
        f"Write the {'display name' if principal.kind is PrincipalKind.group else 'user name'} exactly as in "
        f"Identity Center, or its ID under `{principal.kind}Id`.",
    )
    # Not a ConfigError: no program can catch what is raised in an apply, and Pulumi prints this one as it is.
    raise pulumi.RunError(str(ConfigError([problem]))) from None
