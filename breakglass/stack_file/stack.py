"""The stack file as frozen models, and the report about one: every problem and every warning.

A stack file has up to three sections: `permissionSets` for the account that owns the Identity Center instance, `alerts`
for the accounts where the roles are used, `approvals` beside both for the workflow in Slack. The models are also what
the components validate their arguments with, so their rules hold wherever a component is used.

Every problem of a file comes in one report, the lint of its policies (`breakglass.iam.lint`) included.

Non-goals: nothing here asks AWS or Slack whether what a value names exists.
"""

import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeGuard

from pydantic import (
    BeforeValidator,
    Field,
    StrictBool,
    TypeAdapter,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)
from pydantic.alias_generators import to_camel

from breakglass.alerts.patterns import PATTERN_LIMIT, event_pattern, pattern_json
from breakglass.alerts.subjects import PermissionSetSubject, RoleSubject
from breakglass.errors import BreakglassError, ConfigError, Problem, has_secret
from breakglass.iam.lint import Severity
from breakglass.iam.policy_text import repeated_keys
from breakglass.stack_file.approvals import ApprovalSettings
from breakglass.stack_file.approvals_lint import cross_section_faults
from breakglass.stack_file.base import ConfigModel, RawValue, duplicate_faults
from breakglass.stack_file.policy_lint import lint_stack
from breakglass.stack_file.report import validate
from breakglass.stack_file.set_names import SetName, ambiguous_names, default_break_glass_name, pair_names
from breakglass.stack_file.types import (
    NO_BOOL,
    AccountId,
    BucketName,
    CustomerPolicyName,
    Description,
    EmailAddress,
    Fault,
    HttpsUrl,
    IamPath,
    IdentityStoreId,
    InstanceArn,
    KmsKeyArn,
    PermissionSetName,
    PolicyArn,
    PolicyDocument,
    PolicyFile,
    PrincipalId,
    PrincipalName,
    Reason,
    Region,
    RoleArn,
    SecretName,
    SessionDuration,
    SlackChannelId,
    TagKey,
    TagValue,
    fault,
    faults,
    seconds,
)
from breakglass.stack_file.warnings import warnings
from breakglass.vocabulary import AssignmentTarget, EvidencePath, RiskAcknowledgement, partition_of_region

_INSTANCE_ARN = TypeAdapter(InstanceArn)
_KMS_KEY_ARN = TypeAdapter(KmsKeyArn)
_POLICY_ARN = TypeAdapter(PolicyArn)
_REGION = TypeAdapter(Region)
_ROLE_ARN = TypeAdapter(RoleArn)
_SESSION_DURATION = TypeAdapter(SessionDuration)


# --- permission sets -------------------------------------------------------------------------------------------------


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
        yield from _other_partition(given["instanceArn"], _INSTANCE_ARN, region, "Identity Center would not be found.")
        so = "the functions would be allowed a key that Identity Center does not use there, and could do nothing"
        yield from _other_key_region(given["identityCenterKmsKeyArn"], region, "Identity Center", so)
        yield from duplicate_faults(given["trailBuckets"])
        yield from duplicate_faults(given["trailKeyArns"])
        for key in given["trailKeyArns"]:
            yield from _other_partition(key, _KMS_KEY_ARN, region, "The Deny would name a key that is not there.")
        for pair, kind in itertools.product(given["pairs"], ("everyday", "breakGlass")):
            for policy in (*pair[kind]["managedPolicies"], pair[kind]["permissionsBoundary"]["managedPolicyArn"]):
                yield from _other_partition(
                    policy, _POLICY_ARN, region, "Identity Center would refuse it in the middle of the update."
                )


def _other_partition(arn: RawValue, adapter: TypeAdapter[str], region: RawValue, so: str) -> Iterator[Fault]:
    """Complain about an ARN of another partition than the region's, and say what would come of it."""
    here, written = region.valid(_REGION), arn.valid(adapter)
    if here and written and written.split(":")[1] != partition_of_region(here):
        yield arn.fault(
            f"The ARN is of the partition {written.split(':')[1]}, and {here} is in the partition "
            f"{partition_of_region(here)}; nothing reaches from one into the other. {so}",
            f"Write an ARN that begins with arn:{partition_of_region(here)}:, or correct `region`. Another "
            "partition gets a stack of its own.",
        )


# --- alerts ----------------------------------------------------------------------------------------------------------


class Slack(ConfigModel):
    """Where alerts arrive."""

    channel: SlackChannelId
    """The ID of the channel (not its name). The Slack app must be a member of it."""
    bot_token_secret_name: SecretName | None = None
    """The name of an existing secret with the bot token; if left out, one is made of the stack's `slackBotToken`."""
    kms_key_arn: KmsKeyArn | None = None
    """A customer-managed KMS key for the secret and the connection; AWS's own key if left out."""
    post_message_url: HttpsUrl = "https://slack.com/api/chat.postMessage"
    """Slack's chat.postMessage; another address only for GovSlack or a test."""


class Watch(ConfigModel):
    """Roles that this program does not manage and that raise alerts all the same."""

    permission_sets: list[PermissionSetName] = Field(default_factory=list)
    """Names of permission sets that are managed elsewhere."""
    roles: list[RoleArn] = Field(default_factory=list)
    """ARNs of IAM roles that Identity Center did not make."""


class Retry(ConfigModel):
    """How long EventBridge tries to deliver an alert to Slack, before the dead-letter queue raises an e-mail alarm."""

    maximum_event_age_seconds: Annotated[int, Field(ge=60, le=86400), NO_BOOL] = 900
    """For how many seconds. Late in Slack is worse than an e-mail now, hence 15 minutes and not a day."""
    maximum_retry_attempts: Annotated[int, Field(ge=0, le=185), NO_BOOL] = 185
    """How many times at most."""


class Monitoring(ConfigModel):
    """Alarms by e-mail, since Slack may be what is broken, and the count of uses."""

    emails: list[EmailAddress] = Field(default_factory=list)
    """Who gets the alarms. Each address has to confirm the mail that AWS sends first."""
    alerts_by_email: StrictBool = False
    """Whether these addresses get every alert too, as a second channel beside Slack."""
    uses_per_week: Annotated[int, Field(ge=1), NO_BOOL] = 5
    """An alarm is raised when a role is used more often than this in 7 days: then it is routine, not an emergency."""

    @classmethod
    def cross_field_faults(cls, given: RawValue) -> Iterator[Fault]:
        """A second channel has somebody at its end."""
        yield from duplicate_faults(given["emails"])
        if given["alertsByEmail"].value is True and not list(given["emails"]):
            yield given["alertsByEmail"].fault(
                "Alerts go to the second channel, but nobody is at its end.", "Add `emails: [oncall@example.com]`."
            )


class Alerts(ConfigModel):
    """What goes to an account where the roles are used (and to the Identity Center account, for the portal)."""

    region: Region
    """The region of the alert path; CloudTrail must deliver this region's management events."""
    slack: Slack
    """Where alerts arrive."""
    post_mortem_url: HttpsUrl | None = None
    """A form or page that the alert links to, where the use is explained and closed."""
    evidence_paths: Annotated[list[EvidencePath], Field(min_length=1)] = Field(
        default_factory=lambda: list(EvidencePath), examples=[["session_start", "portal", "console", "denied"]]
    )
    """The places in CloudTrail to look at; all by default."""
    drills: StrictBool = True
    """Whether a drill event (source `breakglass.drill`) raises an alert as well, marked DRILL."""
    explain_button: StrictBool | None = None
    """Whether every alert has a button that asks for an explanation; by default if this file has `approvals`. Write
    true where the Slack app is served by the stack of another account."""
    watch: Watch = Field(default_factory=Watch)
    """Roles to watch besides the break-glass sets of this file."""
    retry: Retry = Field(default_factory=Retry)
    """How long EventBridge tries to deliver."""
    monitoring: Monitoring = Field(default_factory=Monitoring)
    """Alarms by e-mail and the count of uses."""

    @classmethod
    def cross_field_faults(cls, given: RawValue) -> Iterator[Fault]:
        """No evidence path twice, every role can be seen, and everything is where the alert path is."""
        yield from duplicate_faults(given["evidencePaths"])
        so = "KMS serves its own region only, so the deployment would fail half-way"
        encrypted = "the secret and the connection that it encrypts"
        yield from _other_key_region(given["slack"]["kmsKeyArn"], given["region"], encrypted, so)
        for role in given["watch"]["roles"]:
            so = "CloudTrail never reports the role's use here, so its rules would be silent for ever."
            yield from _other_partition(role, _ROLE_ARN, given["region"], so)
            yield from _long_patterns(role, given)
        if [path.value for path in given["evidencePaths"]] == [EvidencePath.portal]:
            for role in given["watch"]["roles"]:
                yield role.fault(
                    "The use of a plain IAM role never shows up on the evidence path `portal`, so it would be watched "
                    "by no rule.",
                    "Add session_start to `evidencePaths`, or take the role out.",
                )


def _other_key_region(key: RawValue, region: RawValue, encrypted: str, so: str) -> Iterator[Fault]:
    """Complain about a KMS key that is not in the region of what it encrypts."""
    here, arn = region.valid(_REGION), key.valid(_KMS_KEY_ARN)
    if here and arn and arn.split(":")[1:4:2] != [partition_of_region(here), here]:
        _, of, _, where, *_ = arn.split(":")
        yield key.fault(
            f"The key is in {where} (partition {of}), and the region of {encrypted} is {here} "
            f"(partition {partition_of_region(here)}): {so}.",
            f"Write the ARN of a key in {here}; of a multi-region key (mrk-...), that of its replica there.",
        )


def _long_patterns(role: RawValue, alerts: RawValue) -> Iterator[Fault]:
    """Complain about a role with a path so long that EventBridge would refuse one of its rules."""
    arn = role.valid(_ROLE_ARN)
    subject = RoleSubject(arn) if arn else None
    written = [path.value for path in alerts["evidencePaths"]] or list(EvidencePath)
    for path in subject.evidence_paths if subject else ():
        try:
            if subject and path in written:
                pattern_json(event_pattern(subject, path, drills=alerts["drills"].value is not False))
        except BreakglassError:
            yield role.fault(
                f"The role's path is too long: the event pattern of its rule for `{path}` holds the ARN and would have "
                f"more than the {PATTERN_LIMIT} characters that EventBridge takes.",
                "Give the role a shorter path (IAM can't rename one: make the role anew), or watch it on fewer "
                "`evidencePaths`.",
            )
            return


class StackFile(ConfigModel):
    """The sections of a stack file."""

    permission_sets: PermissionSets | None = None
    """What goes to the account that owns the Identity Center instance."""
    alerts: Alerts | None = None
    """What goes to the accounts where the roles are used."""
    approvals: ApprovalSettings | None = None
    """Access to the break-glass sets of this file on request, decided in Slack; needs the two sections above."""
    tags: dict[TagKey, TagValue] = Field(default_factory=dict, examples=[{"team": "platform"}])
    """Tags on every resource that takes tags."""

    @property
    def explains(self) -> bool:
        """Whether alerts have the button that asks for an explanation."""
        wanted = self.alerts.explain_button if self.alerts else False
        return self.approvals is not None if wanted is None else wanted

    @classmethod
    def cross_field_faults(cls, given: RawValue) -> Iterator[Fault]:
        """There is something to deploy and to watch, and an alert can tell all permission sets of the file apart."""
        alerts, pairs, watch = given["alerts"], given["permissionSets"]["pairs"], given["alerts"]["watch"]
        if any(given[section].encrypted for section in ("permissionSets", "alerts", "approvals")):
            return
        yield from cross_section_faults(given)
        if not alerts and not given["permissionSets"] and not given["approvals"]:
            yield given.fault(
                "The stack file has neither permission sets nor alerts, so there is nothing to deploy.",
                "Add `breakglass:permissionSets` in the Identity Center account, `breakglass:alerts` where the roles "
                "are used, or both.",
            )
        if alerts and not any(watched.value for watched in (pairs, watch["permissionSets"], watch["roles"])):
            yield alerts.fault(
                "The section `alerts` watches nothing: the file has no pair of permission sets and no `watch` entry, "
                "so no use would ever raise an alert.",
                "Add `watch: {permissionSets: [<name>]}` or `watch: {roles: [<ARN>]}`.",
            )
        groups = [pair_names(pair) for pair in pairs]
        groups += [[SetName(name, name.text, True, made_here=False)] for name in watch["permissionSets"] if name.text]
        for these, those in itertools.combinations(groups, 2):
            yield from ambiguous_names(itertools.product(these, those))
        alerting = [name.name for names in groups for name in names if name.alerting]
        yield from _repeated_subjects([PermissionSetSubject(name).key for name in alerting], watch["roles"])


def _repeated_subjects(keys: list[str], roles: RawValue) -> Iterator[Fault]:
    """Complain about roles whose alert could not be kept apart from an earlier one."""
    seen = set(keys)
    for role in roles:
        arn = role.valid(_ROLE_ARN)
        key = RoleSubject(arn).key if arn else None
        if key in seen:
            yield role.fault(
                f"The alert for {key} is in this file before; every alert has its own rules and its own queue.",
                "Delete one of the two. (A role's name is unique in its account, whatever its path.)",
            )
        seen |= {key} if key else set()


# --- from the stack file to the models -------------------------------------------------------------------------------

NAMESPACE = "breakglass:"
"""What comes before the keys of this program in a stack file."""
TOKEN_KEY = "slackBotToken"  # noqa: S105 the name of the key, not a token
SIGNING_KEY = "slackSigningSecret"
SECRET_KEYS = (TOKEN_KEY, SIGNING_KEY)
SET_TOKEN = f"pulumi config set --secret {NAMESPACE}{TOKEN_KEY}"
SET_SIGNING = f"pulumi config set --secret {NAMESPACE}{SIGNING_KEY}"


def decode_value(key: str, text: str) -> object:
    """Return a value of the stack file from the text that the CLI passes to the program.

    It stays a text if it is not JSON, or has a key twice: JSON loses the first one, which may be a Deny.
    """
    if key in SECRET_KEYS:
        return text
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return text if any(repeated_keys(text)) else value


def _is_encrypted(value: object) -> TypeGuard[dict[str, str]]:
    return isinstance(value, dict) and RawValue(value).encrypted and not has_secret(value["secure"])


def _encrypted_token(value: object) -> dict[str, str]:
    if _is_encrypted(value):
        return value
    raise fault(
        "The bot token is not encrypted: it would be readable in git for ever, and whoever has it reads and writes "
        "as the app. If this file was ever committed or shared, the token has leaked.",
        f"Delete the key, revoke the token in Slack, and run `{SET_TOKEN}`, which asks for the new one.",
    )


def _encrypted_signing_secret(value: object) -> dict[str, str]:
    if _is_encrypted(value):
        return value
    error = fault(
        "The signing secret is not encrypted: it would be readable in git for ever, and whoever has it can approve "
        "requests in anybody's name. If this file was ever committed or shared, it has leaked.",
        f"Delete the key, regenerate the secret in Slack (the app's page Basic Information), and run `{SET_SIGNING}`, "
        "which asks for the new one.",
    )
    # Nothing about a signing secret looks like one, so the report could not leave it out by itself.
    raise faults(((), "(not shown)", error))


_ENCRYPTED_SCHEMA = WithJsonSchema(
    {"type": "object", "properties": {"secure": {"type": "string"}}, "required": ["secure"]}
)


class StackKeys(StackFile):
    """Every `breakglass:` key of a stack file: the sections, and the secrets as the CLI encrypted them."""

    slack_bot_token: Annotated[dict[str, str], BeforeValidator(_encrypted_token), _ENCRYPTED_SCHEMA] | None = Field(
        default=None, exclude=True, repr=False
    )
    """The Slack app's bot token. Never write it here: run `pulumi config set --secret breakglass:slackBotToken`."""
    slack_signing_secret: (
        Annotated[dict[str, str], BeforeValidator(_encrypted_signing_secret), _ENCRYPTED_SCHEMA] | None
    ) = Field(default=None, exclude=True, repr=False)
    """The Slack app's signing secret, with `approvals`. Never write it here: run
    `pulumi config set --secret breakglass:slackSigningSecret`."""

    @classmethod
    def cross_field_faults(cls, given: RawValue) -> Iterator[Fault]:
        """Each secret comes from exactly one place, and nothing anywhere in the file looks like one."""
        yield from super().cross_field_faults(given)
        for key, value in given.value.items() if isinstance(given.value, Mapping) else ():
            # The keys of the secrets have validators that say the same better.
            yield from () if key in SECRET_KEYS else _plain_secrets(RawValue({key: value}))
        yield from _token_sources(given)
        yield from _signing_sources(given)


def _token_sources(given: RawValue) -> Iterator[Fault]:
    """Complain if the bot token comes from two places or, with alerts, from none."""
    slack, token = given["alerts"]["slack"], given[TOKEN_KEY]
    if slack["botTokenSecretName"] and token:
        yield slack["botTokenSecretName"].fault(
            "The bot token comes from an existing secret and from the stack as well; one of them would be unused, "
            "and sooner or later it would be the one that is rotated.",
            f"Delete this key, or run `pulumi config rm {NAMESPACE}{TOKEN_KEY}`.",
        )
    if given["alerts"] and not given["alerts"].encrypted and not slack["botTokenSecretName"] and not token:
        yield token.fault(
            "Alerts go to Slack, and there is no bot token to post them with.",
            f"Run `{SET_TOKEN}`, or name an existing Secrets Manager secret in `alerts.slack.botTokenSecretName`.",
        )


def _signing_sources(given: RawValue) -> Iterator[Fault]:
    """Complain if the signing secret comes from two places or, with approvals, from none."""
    name, secret = given["approvals"]["signingSecretName"], given[SIGNING_KEY]
    if name and secret:
        yield name.fault(
            "The signing secret comes from an existing secret and from the stack as well; one of them would be unused, "
            "and sooner or later it would be the one that is rotated.",
            f"Delete this key, or run `pulumi config rm {NAMESPACE}{SIGNING_KEY}`.",
        )
    if given["approvals"] and not given["approvals"].encrypted and not name and not secret:
        yield secret.fault(
            "Requests are decided in Slack, and without the app's signing secret nobody could tell Slack's clicks from "
            "forged ones.",
            f"Run `{SET_SIGNING}` with the value from the app's page Basic Information, or name an existing Secrets "
            "Manager secret in `approvals.signingSecretName`.",
        )


def _plain_secrets(given: RawValue) -> Iterator[Fault]:
    """Complain about everything below a value that looks like a Slack token or a webhook address."""
    if isinstance(given.value, Mapping):
        for key, value in given.value.items():
            yield from _plain_secrets(RawValue(str(key), (*given.loc, str(key))))
            yield from _plain_secrets(RawValue(value, (*given.loc, str(key))))
    for item in given:
        yield from _plain_secrets(item)
    if given.text and has_secret(given.text):
        yield given.fault(
            "This looks like a Slack token or webhook address in plain text: it would be readable in git, in the "
            "state and in every preview. If this file was ever committed or shared, it has leaked.",
            f"Delete it, revoke it in Slack, and run `{SET_TOKEN}` (or name an existing Secrets Manager secret in "
            "`alerts.slack.botTokenSecretName`).",
        )


@dataclass(frozen=True)
class Report:
    """Everything that there is to say about a stack file."""

    problems: tuple[Problem, ...]
    """What keeps it from being deployed."""
    warnings: tuple[Problem, ...]
    """What can be meant as it is written, and may be a mistake; of the sections that are valid."""
    stack_file: StackFile | None
    """The valid stack file; None if there are problems."""


def check_stack(raw: Mapping[str, object], base_dir: Path) -> Report:
    """Judge the `breakglass:` keys of a stack file, and lint its policies. No secret is ever repeated in the report.

    Args:
        raw: The keys without their `breakglass:`, with the values as in the YAML file (`{"secure": ...}` is encrypted).
        base_dir: The folder of the stack file; the policy files in it are named relative to this.
    """
    try:
        return _report(raw, base_dir)
    except RecursionError:
        why = "Something in the file is nested hundreds of levels deep; nothing in a stack file is."
        instead = "Look for brackets that are opened and never closed."
        return Report((Problem(NAMESPACE, "(not shown)", why, instead),), (), None)


def validate_stack(raw: Mapping[str, object], base_dir: Path) -> StackFile:
    """Return the valid stack file; see `check_stack`.

    Raises:
        ConfigError: With every problem of the file; no secret is ever repeated in it.
    """
    report = check_stack(raw, base_dir)
    if report.stack_file is None:
        raise ConfigError(report.problems)
    return report.stack_file


def _report(raw: Mapping[str, object], base_dir: Path) -> Report:
    findings = lint_stack(raw, base_dir, NAMESPACE)
    refused = [problem for severity, problem in findings if severity is Severity.refused]
    warned = [problem for severity, problem in findings if severity is not Severity.refused]
    try:
        stack_file = validate(StackKeys, raw, NAMESPACE, {"base_dir": base_dir}, camel_case_only=True)
    except ConfigError as error:
        valid = _valid_sections(raw, base_dir)
        clear = _of_sound_pairs(warned, error.problems)
        return Report((*error.problems, *refused), (*clear, *warnings(valid, NAMESPACE)), None)
    return Report(tuple(refused), (*warned, *warnings(stack_file, NAMESPACE)), None if refused else stack_file)


def _of_sound_pairs(warned: list[Problem], problems: Iterable[Problem]) -> list[Problem]:
    """Leave out the warnings about pairs with problems: the lint takes what is wrong there for nothing."""
    broken = {pair[0] for problem in problems if (pair := _PAIR.match(problem.path))}
    return [warning for warning in warned if not ((pair := _PAIR.match(warning.path)) and pair[0] in broken)]


_PAIR = re.compile(rf"{NAMESPACE}permissionSets\.pairs\[\d+\]")


def _valid_sections(raw: Mapping[str, object], base_dir: Path) -> StackFile:
    """Return a stack file of the sections that are valid by themselves, for the warnings about them."""
    sections: dict[str, ConfigModel] = {}
    for name, model in (("permission_sets", PermissionSets), ("alerts", Alerts), ("approvals", ApprovalSettings)):
        value = RawValue(raw)[to_camel(name)]
        if isinstance(value.value, Mapping):
            with suppress(ConfigError):
                sections[name] = validate(model, value.value, context={"base_dir": base_dir}, camel_case_only=True)
    return StackFile.model_construct(None, **sections)
