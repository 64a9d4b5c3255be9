"""The section `permissionSets` of a stack file, and the keys that it shares with components."""

import itertools
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import Field, StrictBool, TypeAdapter, ValidationInfo, field_validator

from breakglass.stack_file.base import ConfigModel, RawValue, duplicate_faults
from breakglass.stack_file.faults import Fault
from breakglass.stack_file.policy_document import PolicyDocument, PolicyFile
from breakglass.stack_file.principals import PRINCIPAL_KEYS, PrincipalSpec
from breakglass.stack_file.regions import key_region_faults, partition_faults
from breakglass.stack_file.set_names import ambiguous_names, default_break_glass_name, pair_names
from breakglass.stack_file.types import (
    AccountId,
    BucketName,
    CustomerPolicyName,
    Description,
    HttpsUrl,
    IamPath,
    IdentityStoreId,
    InstanceArn,
    KmsKeyArn,
    PermissionSetName,
    PolicyArn,
    Reason,
    Region,
    SessionDuration,
    seconds,
)
from breakglass.vocabulary import AssignmentTarget, RiskAcknowledgement

_INSTANCE_ARN = TypeAdapter(InstanceArn)
_KMS_KEY_ARN = TypeAdapter(KmsKeyArn)
_POLICY_ARN = TypeAdapter(PolicyArn)
_SESSION_DURATION = TypeAdapter(SessionDuration)


_POLICIES_PER_SET = 20
"""Managed policies of a permission set (https://docs.aws.amazon.com/singlesignon/latest/userguide/limits.html)."""


class CustomerManagedPolicy(ConfigModel):
    """An IAM policy of your own, which must exist under this name in every account of the assignments."""

    name: CustomerPolicyName
    """The policy's name, not its ARN."""
    path: IamPath = "/"
    """The policy's IAM path."""


class PermissionsBoundary(ConfigModel):
    """The most that a permission set may ever allow: exactly one of the two keys."""

    managed_policy_arn: PolicyArn | None = None
    """The ARN of an AWS managed policy."""
    customer_managed_policy: CustomerManagedPolicy | None = None
    """A policy of your own that exists in every account of the assignments."""

    @classmethod
    def cross_field_faults(cls, given: RawValue) -> Iterator[Fault]:
        """Yield a fault unless there is exactly one policy."""
        if bool(given["managedPolicyArn"]) == bool(given["customerManagedPolicy"]):
            yield given.fault(
                "A permissions boundary is exactly one policy. Identity Center refuses none or two.",
                "Write either `managedPolicyArn: arn:aws:iam::aws:policy/...` or `customerManagedPolicy: {name: ...}`.",
            )


class PermissionSetSpec(ConfigModel):
    """A permission set: its policies and its session duration."""

    description: Description | None = None
    """The purpose of the permission set; shown beside its name in the access portal."""
    session_duration: SessionDuration = "PT1H"
    """The duration of a session, from PT1H to PT12H. Revoking the assignment does not end a live session."""
    managed_policies: list[PolicyArn] = Field(default_factory=list)
    """ARNs of AWS managed policies."""
    customer_managed_policies: list[CustomerManagedPolicy] = Field(default_factory=list)
    """Policies of your own, by name. They must exist in every account of the assignments."""
    inline_policy_file: PolicyFile | None = Field(default=None, exclude=True)
    """A JSON file with the inline policy, instead of `inlinePolicy`. Relative to the stack file; in a program, to its
    working directory."""
    # Declared after the file: its validator takes the document that the file's validator read.
    inline_policy: PolicyDocument | None = Field(default=None, validate_default=True)
    """The inline policy as a mapping, at most 10,240 bytes with the statements that `protectAlertPath` adds. A longer
    one goes to `customerManagedPolicies`."""
    permissions_boundary: PermissionsBoundary | None = None
    """The most that the permission set may ever allow."""
    relay_state: Annotated[HttpsUrl, Field(max_length=240)] | None = Field(
        default=None, examples=["https://eu-central-1.console.aws.amazon.com/rds/home"]
    )
    """The console page that a sign-in with this permission set opens."""

    @field_validator("inline_policy", mode="wrap")
    @classmethod
    def _default_to_file(cls, value: object, handler: Any, info: ValidationInfo) -> dict[str, Any] | None:
        return info.data.get("inline_policy_file") if value is None else handler(value)

    @classmethod
    def cross_field_faults(cls, given: RawValue) -> Iterator[Fault]:
        """Yield faults of two inline policies, duplicate policies, and more policies than a set takes."""
        if given["inlinePolicy"] and given["inlinePolicyFile"]:
            yield given["inlinePolicyFile"].fault(
                "A permission set has one inline policy, and `inlinePolicy` is given too: one of them would be lost.",
                "Keep either `inlinePolicy` or `inlinePolicyFile`; one policy may have many statements.",
            )
        yield from duplicate_faults(given["managedPolicies"])
        yield from duplicate_faults(given["customerManagedPolicies"])
        policies = [*given["managedPolicies"], *given["customerManagedPolicies"]]
        if len(policies) > _POLICIES_PER_SET:
            yield policies[_POLICIES_PER_SET].fault(
                f"The permission set has {len(policies)} managed policies; Identity Center takes {_POLICIES_PER_SET}.",
                "Join policies of your own into fewer ones.",
            )


class BreakGlassSetSpec(PermissionSetSpec):
    """The permission set for emergencies. Every use of it raises an alert."""

    name: PermissionSetName | None = None
    """The permission set's name. Default: the pair's name followed by `-break-glass`."""
    allow_long_session: StrictBool = False
    """Allow sessions longer than an hour. Needs `longSessionReason`."""
    long_session_reason: Reason | None = None
    """The reason why an hour is too short; for the reader of the stack file."""
    acknowledge: list[RiskAcknowledgement] = Field(default_factory=list)
    """Dangerous permissions that this permission set has on purpose. Each is refused, or warned of, unless it is named
    here."""
    allow_local_login: StrictBool = False
    """Allow sessions to create credentials for a command line by `aws login`. One alert reports each
    authorization, and none the refreshes: AWS says that credentials expire after 15 minutes and are refreshed for up to
    12 hours, within the session's duration."""

    @classmethod
    def cross_field_faults(cls, given: RawValue) -> Iterator[Fault]:
        """Yield the faults of any permission set, and of a long session without a reason."""
        yield from super().cross_field_faults(given)
        yield from duplicate_faults(given["acknowledge"])
        duration = given["sessionDuration"]
        long = seconds(duration.valid(_SESSION_DURATION) or "PT1H") > 3600
        if long and not (given["allowLongSession"].value is True and given["longSessionReason"].text):
            yield duration.fault(
                "A session longer than PT1H outlasts the emergency: revoking the assignment does not end it.",
                "Write PT1H, or add `allowLongSession: true` and `longSessionReason: <why an hour is too short>`.",
            )


class AssignmentSpec(PrincipalSpec):
    """An assignment of the pair to one group or user: exactly one of `group`, `groupId`, `user` and `userId`.

    An assignment is identified by the principal as written here, the permission set and the account. Writing a group's
    ID where its name was creates a second assignment of the same thing, which the provider refuses. Rename the
    assignment with `pulumi state rename` first.
    """

    accounts: Annotated[list[AccountId], Field(min_length=1, examples=[["111122223333"]])]
    """The IDs of the accounts where the permission sets are assigned, twelve digits each, in quotes."""
    sets: Annotated[list[AssignmentTarget], Field(min_length=1)] = Field(
        default_factory=lambda: list(AssignmentTarget), examples=[["everyday", "breakGlass"]]
    )
    """The permission sets of the pair that are assigned. Default: both."""


class PairSpec(ConfigModel):
    """A permission set for day-to-day work, and one for emergencies."""

    name: PermissionSetName
    """The name of the everyday permission set: 1 to 32 characters of `[A-Za-z0-9_+=,.@-]`."""
    everyday: PermissionSetSpec
    """The permission set for day-to-day work."""
    break_glass: BreakGlassSetSpec
    """The permission set for emergencies. Every use of it raises an alert."""
    assignments: list[AssignmentSpec] = Field(default_factory=list)
    """The groups and users that get the sets, and their accounts. Default: no assignment."""

    @property
    def break_glass_name(self) -> str:
        """The name of the break-glass permission set."""
        return self.break_glass.name or default_break_glass_name(self.name)

    @classmethod
    def cross_field_faults(cls, given: RawValue) -> Iterator[Fault]:
        """Yield faults of names that alerts can't tell apart or that are too long, and of duplicate assignments."""
        name = given["name"].text or ""
        default = default_break_glass_name(name)
        if not given["breakGlass"]["name"] and len(name) <= 32 < len(default):
            yield given["name"].fault(
                f"The default name of its break-glass set, {default}, has more than 32 characters.",
                "Add `name:` under `breakGlass:`, e.g. with a shorter ending such as -bg, or shorten this name.",
            )
        yield from ambiguous_names(itertools.combinations(pair_names(given), 2))
        yield from _duplicate_assignments(given["assignments"])


def _duplicate_assignments(assignments: RawValue) -> Iterator[Fault]:
    seen: set[tuple[str, str, str, object]] = set()
    every_set = [RawValue(target.value) for target in AssignmentTarget]
    for assignment in assignments:
        principals = [(key, assignment[key].text) for key in PRINCIPAL_KEYS if assignment[key].text]
        for account in assignment["accounts"]:
            assigned = {
                (key, name, account.text, target.text)
                for key, name in principals
                for target in (assignment["sets"] or every_set)
                if name and account.text
            }
            if assigned & seen:
                yield account.fault(
                    "Duplicate assignment: an earlier entry gives the same principal the same permission set in this "
                    "account.",
                    "Delete the account in one of the two.",
                )
            seen |= assigned


class PermissionSetProtection(ConfigModel):
    """Keys of the place and the protection of permission sets."""

    region: Region
    """The home region of Identity Center."""
    protect: StrictBool = False
    """Let Pulumi refuse to delete or replace the permission sets (its `protect` option). Everyone with a permission set
    loses access when it is replaced. To destroy a stack, write false and run `pulumi up` first."""
    protect_alert_path: StrictBool = True
    """Deny every break-glass set to tamper with the alert path and the approvals, to stop CloudTrail, and to use
    permissions around its limits that it does not acknowledge."""


class IdentityCenterKey(ConfigModel):
    """Keys of the encryption of Identity Center."""

    identity_center_kms_key_arn: KmsKeyArn | None = None
    """The customer-managed KMS key that encrypts Identity Center, in its home region. Required if there is one: without
    it no function may decrypt, so no request works and nothing can be revoked."""


class PermissionSets(PermissionSetProtection, IdentityCenterKey):
    """The permission sets of the account that owns the Identity Center instance, or of its delegated administrator."""

    instance_arn: InstanceArn | None = None
    """The ARN of the Identity Center instance. Default: looked up."""
    identity_store_id: IdentityStoreId | None = None
    """The ID of its identity store. Default: looked up."""
    trail_buckets: list[BucketName] = Field(default_factory=list, examples=[["org-trail-111122223333"]])
    """Names of the S3 buckets with CloudTrail's records. Break-glass sets may read them, and change nothing in them."""
    trail_key_arns: list[KmsKeyArn] = Field(default_factory=list)
    """ARNs of the KMS keys of CloudTrail's records. Break-glass sets may use them, and not change them."""
    pairs: Annotated[list[PairSpec], Field(min_length=1)]
    """The everyday permission sets, each with its break-glass set."""

    @classmethod
    def cross_field_faults(cls, given: RawValue) -> Iterator[Fault]:
        """Yield faults of duplicates, and of ARNs in another partition or region."""
        region = given["region"]
        yield from partition_faults(
            given["instanceArn"], _INSTANCE_ARN, region, "AWS would not find the Identity Center instance."
        )
        yield from key_region_faults(
            given["identityCenterKmsKeyArn"],
            region,
            "Identity Center",
            "the functions would be allowed a key that Identity Center does not use there, and every call would fail",
        )
        yield from duplicate_faults(given["trailBuckets"])
        yield from duplicate_faults(given["trailKeyArns"])
        for key in given["trailKeyArns"]:
            yield from partition_faults(key, _KMS_KEY_ARN, region, "The Deny would name a key that does not exist.")
        for pair, kind in itertools.product(given["pairs"], ("everyday", "breakGlass")):
            for policy in (*pair[kind]["managedPolicies"], pair[kind]["permissionsBoundary"]["managedPolicyArn"]):
                yield from partition_faults(
                    policy, _POLICY_ARN, region, "Identity Center would refuse it halfway through the update."
                )
