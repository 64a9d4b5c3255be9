"""The section `permissionSets` of a stack file: what goes to the account that owns Identity Center."""

import itertools
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import Field, StrictBool, TypeAdapter, ValidationInfo, field_validator

from breakglass.stack_file.base import ConfigModel, RawValue, duplicate_faults
from breakglass.stack_file.faults import Fault
from breakglass.stack_file.policy_document import PolicyDocument, PolicyFile
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
    PrincipalId,
    PrincipalName,
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


class CustomerManagedPolicy(ConfigModel):
    """A policy of your own, which must exist under this name in every account of the assignments."""

    name: CustomerPolicyName
    """The policy's name, not its ARN."""
    path: IamPath = "/"
    """The policy's IAM path."""


class PermissionsBoundary(ConfigModel):
    """The most that a permission set may ever allow, whatever its policies say: exactly one of the two keys."""

    managed_policy_arn: PolicyArn | None = None
    """The ARN of an AWS managed policy."""
    customer_managed_policy: CustomerManagedPolicy | None = None
    """A policy of your own that exists in every account of the assignments."""

    @classmethod
    def cross_field_faults(cls, given: RawValue) -> Iterator[Fault]:
        """Exactly one policy is the boundary."""
        if bool(given["managedPolicyArn"]) == bool(given["customerManagedPolicy"]):
            yield given.fault(
                "A permissions boundary is exactly one policy; with none or two Identity Center refuses it.",
                "Write either `managedPolicyArn: arn:aws:iam::aws:policy/...` or `customerManagedPolicy: {name: ...}`.",
            )


class PermissionSetSpec(ConfigModel):
    """A permission set: what it allows and for how long."""

    description: Description | None = None
    """What the permission set is for; shown beside its name in the access portal."""
    session_duration: SessionDuration = "PT1H"
    """How long a session lives, from PT1H to PT12H. A live session can't be ended by taking the assignment away."""
    managed_policies: list[PolicyArn] = Field(default_factory=list)
    """ARNs of AWS managed policies."""
    customer_managed_policies: list[CustomerManagedPolicy] = Field(default_factory=list)
    """Policies of your own, by name; they must exist in every account of the assignments."""
    inline_policy_file: PolicyFile | None = Field(default=None, exclude=True)
    """A JSON file with the inline policy, relative to the stack file."""
    # Declared after the file, because its validator takes over what the file's validator has read.
    inline_policy: PolicyDocument | None = Field(default=None, validate_default=True)
    """The inline policy as a mapping, at most 10,240 bytes; a longer one goes to `customerManagedPolicies`."""
    permissions_boundary: PermissionsBoundary | None = None
    """The most that the permission set may ever allow."""
    relay_state: Annotated[HttpsUrl, Field(max_length=240)] | None = Field(
        default=None, examples=["https://eu-central-1.console.aws.amazon.com/rds/home"]
    )
    """The console page that a sign-in with this permission set opens."""

    @field_validator("inline_policy", mode="wrap")
    @classmethod
    def _of_the_file(cls, value: object, handler: Any, info: ValidationInfo) -> dict[str, Any] | None:
        return info.data.get("inline_policy_file") if value is None else handler(value)

    @classmethod
    def cross_field_faults(cls, given: RawValue) -> Iterator[Fault]:
        """One inline policy, no policy twice, no more policies than IAM attaches to a role."""
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


# https://docs.aws.amazon.com/singlesignon/latest/userguide/limits.html
_POLICIES_PER_SET = 20


class BreakGlassSetSpec(PermissionSetSpec):
    """The permission set for emergencies. Every use of it raises an alert."""

    name: PermissionSetName | None = None
    """The permission set's name; by default the pair's name with `-break-glass` behind it."""
    allow_long_session: StrictBool = False
    """Whether a session may live longer than an hour. Needs `longSessionReason`."""
    long_session_reason: Reason | None = None
    """Why an hour is too short; for the reader of the stack file."""
    acknowledge: list[RiskAcknowledgement] = Field(default_factory=list)
    """Dangerous powers that this permission set gets on purpose. Each is refused or warned of without its name."""
    allow_local_login: StrictBool = False
    """Whether a session may make credentials for a command line by `aws login`. No evidence path sees that. By
    AWS's statement they expire after 15 minutes and are refreshed for up to 12 hours, within the session's duration."""

    @classmethod
    def cross_field_faults(cls, given: RawValue) -> Iterator[Fault]:
        """What holds for any permission set, and: a long session is a decision, not an accident."""
        yield from super().cross_field_faults(given)
        yield from duplicate_faults(given["acknowledge"])
        duration = given["sessionDuration"]
        long = seconds(duration.valid(_SESSION_DURATION) or "PT1H") > 3600
        if long and not (given["allowLongSession"].value is True and given["longSessionReason"].text):
            yield duration.fault(
                "A break-glass session over PT1H goes on after the emergency: taking the assignment away does not "
                "end it, and nobody looks at it any more.",
                "Write PT1H, or add `allowLongSession: true` and `longSessionReason: <why an hour is too short>`.",
            )


class AssignmentSpec(ConfigModel):
    """Who gets the pair's permission sets in which accounts: exactly one of group, groupId, user and userId."""

    group: PrincipalName | None = None
    """The display name of a group in the identity store."""
    group_id: PrincipalId | None = None
    """The id of a group in the identity store."""
    user: PrincipalName | None = None
    """The user name of a user in the identity store. Groups are better: people change."""
    user_id: PrincipalId | None = None
    """The id of a user in the identity store."""
    accounts: Annotated[list[AccountId], Field(min_length=1, examples=[["111122223333"]])]
    """The account ids where the permission sets are handed out, each in quotes."""
    sets: Annotated[list[AssignmentTarget], Field(min_length=1)] = Field(
        default_factory=lambda: list(AssignmentTarget), examples=[["everyday", "breakGlass"]]
    )
    """Which of the pair's two permission sets are handed out; both by default."""

    @classmethod
    def cross_field_faults(cls, given: RawValue) -> Iterator[Fault]:
        """Exactly one principal."""
        named = [key for key in _PRINCIPALS if given[key]]
        if len(named) != 1:
            yield given.fault(
                f"An assignment is for exactly one principal, and this one names {' and '.join(named) or 'none'}.",
                "Write exactly one of `group:`, `groupId:`, `user:` and `userId:`, e.g. `group: database-oncall`; "
                "make another list entry for another principal.",
            )


_PRINCIPALS = ("group", "groupId", "user", "userId")


class PairSpec(ConfigModel):
    """A permission set for day-to-day work and its marked twin for emergencies."""

    name: PermissionSetName
    """The name of the everyday permission set."""
    everyday: PermissionSetSpec
    """The permission set for day-to-day work."""
    break_glass: BreakGlassSetSpec
    """The permission set for emergencies. Every use of it raises an alert."""
    assignments: list[AssignmentSpec] = Field(default_factory=list)
    """Who gets which of the two in which accounts."""

    @property
    def break_glass_name(self) -> str:
        """The name of the break-glass permission set."""
        return self.break_glass.name or default_break_glass_name(self.name)

    @classmethod
    def cross_field_faults(cls, given: RawValue) -> Iterator[Fault]:
        """Alerts can tell the two apart, the default name is a legal one, and nobody is assigned the same twice."""
        name = given["name"].text or ""
        default = default_break_glass_name(name)
        if not given["breakGlass"]["name"] and len(name) <= 32 < len(default):
            yield given["name"].fault(
                f"The default name of its break-glass set, {default}, has more than 32 characters.",
                "Add `name:` under `breakGlass:`, e.g. with a shorter ending such as -bg, or shorten this name.",
            )
        yield from ambiguous_names(itertools.combinations(pair_names(given), 2))
        yield from _repeated_assignments(given["assignments"])


def _repeated_assignments(assignments: RawValue) -> Iterator[Fault]:
    seen: set[tuple[str, str, str, object]] = set()
    every_set = [RawValue(target.value) for target in AssignmentTarget]
    for assignment in assignments:
        principals = [(key, assignment[key].text) for key in _PRINCIPALS if assignment[key].text]
        for account in assignment["accounts"]:
            handed_out = {
                (key, name, account.text, target.text)
                for key, name in principals
                for target in (assignment["sets"] or every_set)
                if name and account.text
            }
            if handed_out & seen:
                yield account.fault(
                    "The same principal gets the same permission set in this account by an earlier entry, too.",
                    "Delete the account here or there.",
                )
            seen |= handed_out


class PermissionSets(ConfigModel):
    """What goes to the account that owns the Identity Center instance (or its delegated administrator)."""

    region: Region
    """The home region of Identity Center."""
    instance_arn: InstanceArn | None = None
    """The ARN of the Identity Center instance; looked up if left out."""
    identity_store_id: IdentityStoreId | None = None
    """The id of its identity store; looked up if left out."""
    identity_center_kms_key_arn: KmsKeyArn | None = None
    """The customer-managed KMS key that Identity Center is encrypted with, in its home region. Required if there is
    one: without it no function may decrypt, so no request works and nothing can be revoked."""
    protect_alert_path: StrictBool = True
    """Whether every break-glass set is denied to tamper with the alert path and the approvals, to stop CloudTrail, and
    to use powers around its limits that it does not acknowledge."""
    trail_buckets: list[BucketName] = Field(default_factory=list, examples=[["org-trail-111122223333"]])
    """Names of the S3 buckets with CloudTrail's records. Break-glass sets may read them, and change nothing in them."""
    trail_key_arns: list[KmsKeyArn] = Field(default_factory=list)
    """ARNs of the KMS keys of CloudTrail's records. Break-glass sets may use them, and not change them."""
    pairs: Annotated[list[PairSpec], Field(min_length=1)]
    """The everyday permission sets, each with its break-glass twin."""

    @classmethod
    def cross_field_faults(cls, given: RawValue) -> Iterator[Fault]:
        """Nothing twice, and everything that is named by its ARN is in the partition of the region."""
        region = given["region"]
        yield from partition_faults(given["instanceArn"], _INSTANCE_ARN, region, "Identity Center would not be found.")
        so = "the functions would be allowed a key that Identity Center does not use there, and could do nothing"
        yield from key_region_faults(given["identityCenterKmsKeyArn"], region, "Identity Center", so)
        yield from duplicate_faults(given["trailBuckets"])
        yield from duplicate_faults(given["trailKeyArns"])
        for key in given["trailKeyArns"]:
            yield from partition_faults(key, _KMS_KEY_ARN, region, "The Deny would name a key that is not there.")
        for pair, kind in itertools.product(given["pairs"], ("everyday", "breakGlass")):
            for policy in (*pair[kind]["managedPolicies"], pair[kind]["permissionsBoundary"]["managedPolicyArn"]):
                yield from partition_faults(
                    policy, _POLICY_ARN, region, "Identity Center would refuse it in the middle of the update."
                )
