"""The service control policy that ends live sessions, and the accounts that it is attached to.

A part of `Approvals`, not usable alone.

Non-goals: its content. The functions write the users whose sessions have ended (see `app.domain.session_denials`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from breakglass.app.domain.session_denials import render_policy
from breakglass.naming import PROTECTED_TAG, physical_name


@dataclass(frozen=True)
class SessionPolicyArgs:
    """Arguments of `SessionPolicy`.

    Attributes:
        accounts: IDs of the accounts without the management account, to which no service control policy applies.
        tags: On the policy.
    """

    accounts: Sequence[str]
    tags: Mapping[str, str]


class SessionPolicy(pulumi.ComponentResource):
    """A service control policy that denies nothing until a session must end.

    It is created in advance, as AWS advises ("Use a Deny policy to revoke active user permissions", IAM Identity Center
    User Guide). A deployment does not change the content that the functions write. An account accepts five such
    policies (AWS Organizations User Guide, "Quotas for AWS Organizations").
    """

    policy_id: pulumi.Output[str]
    """ID of the policy."""
    policy_arn: pulumi.Output[str]
    """ARN of the policy."""

    def __init__(self, name: str, args: SessionPolicyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("breakglass:index:SessionPolicy", name, None, opts)
        policy = aws.organizations.Policy(
            f"{name}-policy",
            name=physical_name(name, limit=128),
            description="Ends sessions of break-glass access that is over. Written by the break-glass approvals.",
            type="SERVICE_CONTROL_POLICY",
            content=render_policy(),
            # Its ARN has a generated ID, so the Deny of the break-glass sets matches this tag.
            tags={**args.tags, **PROTECTED_TAG},
            opts=pulumi.ResourceOptions(ignore_changes=["content"], parent=self),
        )
        for account in args.accounts:
            aws.organizations.PolicyAttachment(
                f"{name}-{account}", policy_id=policy.id, target_id=account, opts=pulumi.ResourceOptions(parent=self)
            )
        self.policy_id = policy.id
        self.policy_arn = policy.arn
        self.register_outputs({"policy_id": self.policy_id, "policy_arn": self.policy_arn})
