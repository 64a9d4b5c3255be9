"""The everyday permission set, its break-glass twin, and who gets which of them where.

Non-goals: users, groups and their memberships are the identity provider's; taking access away after an emergency is not
done here. Nothing here watches the use of the permission sets (see `breakglass.components.alerts.usage_alert`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast

import pulumi
import pulumi_aws as aws
from pydantic import Field

from breakglass.app.domain.policy import PrincipalKind
from breakglass.components.arguments import PermissionSetPairArgs
from breakglass.components.constructor import show_analyzer, validate_args
from breakglass.components.permission_sets.identity_store import IdentityStore
from breakglass.errors import ConfigError, Problem
from breakglass.iam.documents import merge_inline, policy_json
from breakglass.iam.lint import LintContext, Severity, lint_pair
from breakglass.iam.protection import PLACEHOLDER_API_ID, api_arn, deny_statements
from breakglass.stack_file.base import StringInput
from breakglass.stack_file.permission_sets import (
    AssignmentSpec,
    PairSpec,
    PermissionsBoundary,
    PermissionSetProtection,
    PermissionSetSpec,
)
from breakglass.stack_file.tags import Tagged
from breakglass.stack_file.types import ProtectedArn
from breakglass.vocabulary import AssignmentTarget, partition_of_region


class PermissionSetPairSpec(Tagged, PairSpec, PermissionSetProtection):
    """Arguments of `PermissionSetPair`."""

    instance_arn: StringInput
    """The ARN of the Identity Center instance."""
    identity_store_id: StringInput
    """The ID of the instance's identity store, where groups and users are looked up by name."""
    protected_arns: list[ProtectedArn] = Field(default_factory=list)
    """ARN patterns of secrets, KMS keys and S3 buckets that are protected like the alert path."""
    approval_api_id: StringInput = None
    """The ID of the HTTP API of the approvals, which is protected like the alert path."""


@dataclass(frozen=True)
class _Deployed:
    """A permission set, and every resource that has to be there before anybody gets it."""

    name: str
    """The logical name."""
    arn: pulumi.Output[str]
    policies: list[pulumi.Resource]


class PermissionSetPair(pulumi.ComponentResource):
    """An everyday permission set, its marked twin for emergencies, and who gets them where.

    Deploy it to the account that owns the Identity Center instance, or its delegated administrator (which can't manage
    access to the management account).

    Permissions:
        - On `arn:PARTITION:sso:::instance/INSTANCE` and `arn:PARTITION:sso:::permissionSet/INSTANCE/*`:
          `sso:CreatePermissionSet`, `sso:DescribePermissionSet`, `sso:UpdatePermissionSet`,
          `sso:DeletePermissionSet`, `sso:TagResource`, `sso:UntagResource`, `sso:ListTagsForResource`,
          `sso:DescribePermissionSetProvisioningStatus`,
          `sso:PutInlinePolicyToPermissionSet`, `sso:GetInlinePolicyForPermissionSet`,
          `sso:DeleteInlinePolicyFromPermissionSet`.
        - On `arn:PARTITION:sso:::instance/INSTANCE`, `arn:PARTITION:sso:::permissionSet/INSTANCE/*` and
          `arn:PARTITION:sso:::account/*`: `sso:ProvisionPermissionSet`.
        - With managed policies, on the first two: `sso:AttachManagedPolicyToPermissionSet`,
          `sso:ListManagedPoliciesInPermissionSet`, `sso:DetachManagedPolicyFromPermissionSet`.
        - With customer-managed policies, on the first two: `sso:AttachCustomerManagedPolicyReferenceToPermissionSet`,
          `sso:ListCustomerManagedPolicyReferencesInPermissionSet`,
          `sso:DetachCustomerManagedPolicyReferenceFromPermissionSet`.
        - With a permissions boundary, on the first two: `sso:PutPermissionsBoundaryToPermissionSet`,
          `sso:GetPermissionsBoundaryForPermissionSet`, `sso:DeletePermissionsBoundaryFromPermissionSet`.
        - With assignments, on `arn:PARTITION:sso:::instance/INSTANCE`,
          `arn:PARTITION:sso:::permissionSet/INSTANCE/*` and `arn:PARTITION:sso:::account/*`:
          `sso:CreateAccountAssignment`, `sso:ListAccountAssignments`, `sso:DeleteAccountAssignment`,
          `sso:DescribeAccountAssignmentCreationStatus`, `sso:DescribeAccountAssignmentDeletionStatus`.
        - With a set that is assigned in the management account, on
          `arn:PARTITION:iam::ACCOUNT:role/aws-reserved/sso.amazonaws.com/*` there: `iam:AttachRolePolicy`,
          `iam:CreateRole`, `iam:DeleteRole`, `iam:DeleteRolePolicy`, `iam:DetachRolePolicy`, `iam:GetRole`,
          `iam:ListAttachedRolePolicies`, `iam:ListRolePolicies`, `iam:PutRolePolicy`, `iam:UpdateRole`,
          `iam:UpdateRoleDescription`. On `arn:PARTITION:iam::ACCOUNT:saml-provider/AWSSSO_*_DO_NOT_DELETE`:
          `iam:CreateSAMLProvider`, `iam:GetSAMLProvider`, `iam:ListSAMLProviderTags`, `iam:TagSAMLProvider`,
          `iam:UntagSAMLProvider`, `iam:UpdateSAMLProvider`. On `*`: `iam:ListPolicies`, `iam:ListRoles`,
          `iam:ListSAMLProviders`.
        - With groups or users by name, on `arn:PARTITION:identitystore::ACCOUNT:identitystore/STORE`,
          `arn:PARTITION:identitystore:::group/*` and `arn:PARTITION:identitystore:::user/*`:
          `identitystore:GetGroupId`, `identitystore:DescribeGroup`, `identitystore:GetUserId`,
          `identitystore:DescribeUser`.
        - Where Identity Center is encrypted with a customer-managed KMS key, on that key: `kms:Decrypt`, with the
          condition `kms:ViaService` `sso.REGION.amazonaws.com` and the encryption context `aws:sso:instance-arn`, and
          once more with `identitystore.REGION.amazonaws.com` and `aws:identitystore:identitystore-arn`. The key's own
          policy has to allow the same.

    Raises:
        ConfigError: The arguments are wrong, or give the break-glass set a power it does not acknowledge.
        PolicyError: The inline policy is too large, or repeats a Sid, with the Deny added.
        RunError: The identity store does not have a group or user of the assignments.
    """

    everyday_arn: pulumi.Output[str]
    """ARN of the everyday permission set."""
    break_glass_arn: pulumi.Output[str]
    """ARN of the break-glass permission set."""
    assignment_ids: pulumi.Output[list[str]]
    """Provider ids of the account assignments."""
    break_glass_group_ids: pulumi.Output[dict[str, str]]
    """ID of each group with an assignment of the break-glass set, by its name or ID in the assignment."""

    @show_analyzer(PermissionSetPairArgs)
    def __init__(
        self, name: str, args: PermissionSetPairArgs | PermissionSetPairSpec, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        spec = validate_args(PermissionSetPairSpec, args, name)
        # The ID is known only after the first deployment. Before that only its length counts.
        api_id = None if spec.approval_api_id is None else PLACEHOLDER_API_ID
        if spec is not args:
            context = LintContext(
                protect_alert_path=spec.protect_alert_path,
                region=spec.region,
                approvals=api_id is not None,
                own_arns=spec.protected_arns,
            )
            check_risks([spec], context, [f"{name}."])
        policy: pulumi.Input[str] | None = _break_glass_policy(spec, api_id)
        if policy is not None and api_id is not None:
            later = pulumi.Output.from_input(spec.approval_api_id).apply(partial(_break_glass_policy, spec))
            policy = cast(pulumi.Output[str], later)
        own = spec.everyday.inline_policy
        super().__init__("breakglass:index:PermissionSetPair", name, None, opts)

        deployed = {
            AssignmentTarget.everyday: self._permission_set(
                f"{name}-everyday", spec, spec.name, spec.everyday, policy_json(own) if own else None
            ),
            AssignmentTarget.breakGlass: self._permission_set(
                f"{name}-break-glass", spec, spec.break_glass_name, spec.break_glass, policy
            ),
        }
        store = IdentityStore(spec.identity_store_id, spec.region, self)
        ids = [store.id_of(who.principal) for who in spec.assignments]
        assignments = [
            assignment
            for who, principal_id in zip(spec.assignments, ids, strict=True)
            for assignment in self._assignments(spec, who, principal_id, deployed)
        ]

        self.everyday_arn = deployed[AssignmentTarget.everyday].arn
        self.break_glass_arn = deployed[AssignmentTarget.breakGlass].arn
        self.assignment_ids = pulumi.Output.all(*[assignment.id for assignment in assignments])
        groups = {
            who.principal.text: principal_id
            for who, principal_id in zip(spec.assignments, ids, strict=True)
            if who.principal.kind is PrincipalKind.group and AssignmentTarget.breakGlass in who.sets
        }
        self.break_glass_group_ids = cast(pulumi.Output[dict[str, str]], pulumi.Output.from_input(groups))
        self.register_outputs(
            {
                "everyday_arn": self.everyday_arn,
                "break_glass_arn": self.break_glass_arn,
                "assignment_ids": self.assignment_ids,
                "break_glass_group_ids": self.break_glass_group_ids,
            }
        )

    def _permission_set(
        self,
        name: str,
        spec: PermissionSetPairSpec,
        permission_set_name: str,
        settings: PermissionSetSpec,
        inline_policy: pulumi.Input[str] | None,
    ) -> _Deployed:
        child = pulumi.ResourceOptions(parent=self)
        permission_set = aws.ssoadmin.PermissionSet(
            name,
            name=permission_set_name,
            description=settings.description,
            session_duration=settings.session_duration,
            relay_state=settings.relay_state,
            instance_arn=spec.instance_arn,
            region=spec.region,
            tags=spec.tags,
            # Not False: that would override the option of a parent.
            opts=pulumi.ResourceOptions(parent=self, protect=spec.protect or None),
        )
        policies: list[pulumi.Resource] = []
        for arn in settings.managed_policies:
            policies.append(
                aws.ssoadmin.ManagedPolicyAttachment(
                    f"{name}-{arn.partition(':policy/')[2]}",
                    managed_policy_arn=arn,
                    permission_set_arn=permission_set.arn,
                    instance_arn=spec.instance_arn,
                    region=spec.region,
                    opts=child,
                )
            )
        for policy in settings.customer_managed_policies:
            policies.append(
                aws.ssoadmin.CustomerManagedPolicyAttachment(
                    f"{name}-{policy.path}{policy.name}",
                    customer_managed_policy_reference={"name": policy.name, "path": policy.path},
                    permission_set_arn=permission_set.arn,
                    instance_arn=spec.instance_arn,
                    region=spec.region,
                    opts=child,
                )
            )
        if inline_policy is not None:
            policies.append(
                aws.ssoadmin.PermissionSetInlinePolicy(
                    f"{name}-inline",
                    inline_policy=inline_policy,
                    permission_set_arn=permission_set.arn,
                    instance_arn=spec.instance_arn,
                    region=spec.region,
                    opts=child,
                )
            )
        if settings.permissions_boundary is not None:
            policies.append(
                aws.ssoadmin.PermissionsBoundaryAttachment(
                    f"{name}-boundary",
                    permissions_boundary=_boundary(settings.permissions_boundary),
                    permission_set_arn=permission_set.arn,
                    instance_arn=spec.instance_arn,
                    region=spec.region,
                    opts=child,
                )
            )
        return _Deployed(name, permission_set.arn, policies)

    def _assignments(
        self,
        spec: PermissionSetPairSpec,
        who: AssignmentSpec,
        principal_id: pulumi.Input[str],
        deployed: Mapping[AssignmentTarget, _Deployed],
    ) -> "Iterator[aws.ssoadmin.AccountAssignment]":
        for target in who.sets:
            for account in who.accounts:
                yield aws.ssoadmin.AccountAssignment(
                    f"{deployed[target].name}-{who.principal.key}-{account}",
                    principal_id=principal_id,
                    principal_type=who.principal.kind.upper(),
                    target_id=account,
                    target_type="AWS_ACCOUNT",
                    permission_set_arn=deployed[target].arn,
                    instance_arn=spec.instance_arn,
                    region=spec.region,
                    # A set is assigned as a whole: never without its boundary, or before its Deny is attached.
                    opts=pulumi.ResourceOptions(depends_on=deployed[target].policies, parent=self),
                )


def check_risks(pairs: Sequence[PairSpec], context: LintContext, places: Sequence[str]) -> None:
    """Lint the policies of pairs.

    Args:
        pairs: The pairs.
        context: The stack of the pairs.
        places: For each pair, the prefix of its key paths in the report.

    Raises:
        ConfigError: A break-glass set has a permission that it does not acknowledge.
    """
    risks = [
        Problem(f"{place}{finding.path}", finding.value, finding.why, finding.instead)
        for pair, place in zip(pairs, places, strict=True)
        for finding in lint_pair(pair, context)
        if finding.severity is Severity.refused
    ]
    if risks:
        raise ConfigError(risks)


def _break_glass_policy(spec: PermissionSetPairSpec, api_id: str | None) -> str | None:
    """Return the inline policy of the break-glass set, JSON: the user's own statements and the Deny statements."""
    of = partition_of_region(spec.region)
    api = [api_arn(of, spec.region, api_id)] if api_id is not None else []
    denied = deny_statements(
        of,
        protect=spec.protect_alert_path,
        acknowledged=spec.break_glass.acknowledge,
        local_login=spec.break_glass.allow_local_login,
        own=[*spec.protected_arns, *api],
    )
    merged = merge_inline(spec.break_glass.inline_policy, denied)
    return policy_json(merged) if merged is not None else None


def _boundary(
    boundary: PermissionsBoundary,
) -> "aws.ssoadmin.PermissionsBoundaryAttachmentPermissionsBoundaryArgsDict":
    policy = boundary.customer_managed_policy
    if policy is None:
        return {"managed_policy_arn": boundary.managed_policy_arn}
    return {"customer_managed_policy_reference": {"name": policy.name, "path": policy.path}}
