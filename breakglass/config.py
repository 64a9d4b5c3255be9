"""The stack file as frozen models, and the one place that reads `pulumi.Config`.

A stack file has up to two sections: `permissionSets` for the account that owns the Identity Center instance, `alerts`
for the accounts where the roles are used. The models are also what the components validate their arguments with, so
their rules hold wherever a component is used.

Every problem of a file comes in one report. So a rule that relates several keys does not look at the finished model,
which exists only if every single value is right: it looks at what was written (`Given`).

Non-goals: nothing here asks AWS or Slack whether what a value names exists.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    StrictBool,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic.alias_generators import to_camel, to_snake
from pydantic_core import ErrorDetails, InitErrorDetails

from breakglass.types import (
    FAULT,
    AccountId,
    AssignmentTarget,
    CustomerPolicyName,
    Description,
    EmailAddress,
    EvidencePath,
    Fault,
    HttpsUrl,
    IamPath,
    IdentityStoreId,
    InstanceArn,
    KmsKeyArn,
    Location,
    PermissionSetName,
    PolicyArn,
    PolicyDocument,
    PrincipalId,
    PrincipalName,
    Region,
    RiskAcknowledgement,
    RoleArn,
    SecretName,
    SessionDuration,
    SlackChannelId,
    TagKey,
    TagValue,
    fault,
    policy_document,
    seconds,
    yaml_kind,
)


@dataclass(frozen=True)
class Given:
    """A value as it was written, and where; anything may be below it, so nothing here raises."""

    value: object
    loc: Location = ()

    def __getitem__(self, key: str) -> "Given":
        """Return what is under a camelCase key (snake_case as the components write it is found as well)."""
        mapping = self.value if isinstance(self.value, Mapping) else {}
        return Given(mapping.get(key, mapping.get(to_snake(key))), (*self.loc, key))

    def __iter__(self) -> Iterator["Given"]:
        """Yield the items of a list; nothing for anything else."""
        items = self.value if isinstance(self.value, list) else []
        return (Given(item, (*self.loc, index)) for index, item in enumerate(items))

    def __bool__(self) -> bool:
        """Say whether anything was written here."""
        return self.value is not None

    @property
    def text(self) -> str | None:
        """The value if it is a text."""
        return self.value if isinstance(self.value, str) else None

    def fault(self, why: str, instead: str) -> Fault:
        """Complain about this value; see `types.fault`."""
        return self.loc, self.value, fault(why, instead)


class Section(BaseModel):
    """Base of every model: frozen, no unknown keys, camelCase or snake_case, and all faults at once."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        # The docstrings below the fields are the descriptions in the JSON Schema, which editors show.
        use_attribute_docstrings=True,
        # What is written here by mistake may be a secret.
        hide_input_in_errors=True,
    )

    @classmethod
    def rules(cls, given: Given) -> Iterator[Fault]:
        """Yield what is wrong between the keys of this model; single values are the field types' business."""
        yield from ()

    @model_validator(mode="wrap")
    @classmethod
    def _all_faults(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        rules = [InitErrorDetails(type=error, loc=loc, input=value) for loc, value, error in cls.rules(Given(data))]
        try:
            model = handler(data)
        except ValidationError as error:
            fields = [_again(details) for details in error.errors()]
            raise ValidationError.from_exception_data(FAULT, fields + rules) from None
        if rules:
            raise ValidationError.from_exception_data(FAULT, rules)
        return model


def _again(details: ErrorDetails) -> InitErrorDetails:
    """Turn one finding of pydantic back into what a new error is made of."""
    context = details.get("ctx", {})
    kind = fault(**context) if details["type"] == FAULT else details["type"]
    return InitErrorDetails(type=kind, loc=details["loc"], input=details["input"], ctx=context)


# --- permission sets -------------------------------------------------------------------------------------------------


def _policy_file(value: object, info: ValidationInfo) -> dict[str, Any]:
    """Read the policy document in a file that is named relative to the stack file (else to the working directory)."""
    if not isinstance(value, str):
        raise fault(f"A file name belongs here, not {yaml_kind(value)}.", "Write e.g. policies/rds.json.")
    base_dir: Path = (info.context or {}).get("base_dir", Path())
    try:
        text = (base_dir / value).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a UTF-8 text"
        raise fault(
            f"The policy can't be read from {value} in {base_dir.absolute()} ({reason}).",
            "Name a JSON file relative to the folder of the stack file, e.g. policies/rds.json.",
        ) from None
    return policy_document(text)


PolicyFile = Annotated[
    dict[str, Any],
    BeforeValidator(_policy_file),
    WithJsonSchema({"type": "string", "examples": ["policies/devops-break-glass.json"]}),
]
"""The name of a JSON file with an IAM policy, relative to the stack file; after validation its document."""


class CustomerManagedPolicy(Section):
    """A policy of your own, which must exist under this name in every account of the assignments."""

    name: CustomerPolicyName
    """The policy's name, not its ARN."""
    path: IamPath = "/"
    """The policy's IAM path."""


class PermissionsBoundary(Section):
    """The most that a permission set may ever allow, whatever its policies say: exactly one of the two keys."""

    managed_policy_arn: PolicyArn | None = None
    """The ARN of an AWS managed policy."""
    customer_managed_policy: CustomerManagedPolicy | None = None
    """A policy of your own that exists in every account of the assignments."""

    @classmethod
    def rules(cls, given: Given) -> Iterator[Fault]:
        """Exactly one policy is the boundary."""
        if bool(given["managedPolicyArn"]) == bool(given["customerManagedPolicy"]):
            yield given.fault(
                "A permissions boundary is exactly one policy; with none or two Identity Center refuses it.",
                "Write either `managedPolicyArn: arn:aws:iam::aws:policy/...` or `customerManagedPolicy: {name: ...}`.",
            )


class PermissionSetSpec(Section):
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
    def rules(cls, given: Given) -> Iterator[Fault]:
        """One inline policy, no policy twice, no more policies than IAM attaches to a role."""
        if given["inlinePolicy"] and given["inlinePolicyFile"]:
            yield given["inlinePolicyFile"].fault(
                "A permission set has one inline policy, and `inlinePolicy` is given too: one of them would be lost.",
                "Keep either `inlinePolicy` or `inlinePolicyFile`; one policy may have many statements.",
            )
        yield from _repeated(given["managedPolicies"])
        yield from _repeated(given["customerManagedPolicies"])
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
    long_session_reason: Annotated[str, Field(min_length=1)] | None = Field(
        default=None, examples=["A restore of the largest database takes three hours."]
    )
    """Why an hour is too short; for the reader of the stack file."""
    acknowledge: list[RiskAcknowledgement] = Field(default_factory=list)
    """Dangerous powers that this permission set gets on purpose. Without its name here each is refused."""

    @classmethod
    def rules(cls, given: Given) -> Iterator[Fault]:
        """What holds for any permission set, and: a long session is a decision, not an accident."""
        yield from super().rules(given)
        yield from _repeated(given["acknowledge"])
        duration = given["sessionDuration"]
        try:
            long = seconds(TypeAdapter(SessionDuration).validate_python(duration.value)) > 3600
        except ValidationError:
            return
        if long and not (given["allowLongSession"].value is True and given["longSessionReason"].text):
            yield duration.fault(
                "A break-glass session over PT1H goes on after the emergency: taking the assignment away does not "
                "end it, and nobody looks at it any more.",
                "Write PT1H, or add `allowLongSession: true` and `longSessionReason: <why an hour is too short>`.",
            )


class AssignmentSpec(Section):
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
    def rules(cls, given: Given) -> Iterator[Fault]:
        """Exactly one principal."""
        named = [key for key in _PRINCIPALS if given[key]]
        if len(named) != 1:
            yield given.fault(
                f"An assignment is for exactly one principal, and this one names {' and '.join(named) or 'none'}.",
                "Write exactly one of `group:`, `groupId:`, `user:` and `userId:`, e.g. `group: database-oncall`; "
                "make another list entry for another principal.",
            )


_PRINCIPALS = ("group", "groupId", "user", "userId")


class PermissionSetPairSpec(Section):
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
        return self.break_glass.name or f"{self.name}{_BREAK_GLASS_SUFFIX}"


_BREAK_GLASS_SUFFIX = "-break-glass"


class PermissionSets(Section):
    """What goes to the account that owns the Identity Center instance (or its delegated administrator)."""

    region: Region
    """The home region of Identity Center."""
    instance_arn: InstanceArn | None = None
    """The ARN of the Identity Center instance; looked up if left out."""
    identity_store_id: IdentityStoreId | None = None
    """The id of its identity store; looked up if left out."""
    protect_alert_path: StrictBool = True
    """Whether every break-glass set is denied to tamper with the alert path and to stop CloudTrail."""
    pairs: Annotated[list[PermissionSetPairSpec], Field(min_length=1)]
    """The everyday permission sets, each with its break-glass twin."""


# --- alerts ----------------------------------------------------------------------------------------------------------


class Slack(Section):
    """Where alerts arrive."""

    channel: SlackChannelId
    """The ID of the channel (not its name). The Slack app must be a member of it."""
    bot_token_secret_name: SecretName | None = None
    """The name of an existing secret with the bot token; if left out, one is made of the stack's `slackBotToken`."""
    kms_key_arn: KmsKeyArn | None = None
    """A customer-managed KMS key for the secret and the connection; AWS's own key if left out."""
    post_message_url: HttpsUrl = "https://slack.com/api/chat.postMessage"
    """Slack's chat.postMessage; another address only for GovSlack or a test."""


class Watch(Section):
    """Roles that this program does not manage and that raise alerts all the same."""

    permission_sets: list[PermissionSetName] = Field(default_factory=list)
    """Names of permission sets that are managed elsewhere."""
    roles: list[RoleArn] = Field(default_factory=list)
    """ARNs of IAM roles that Identity Center did not make."""

    @classmethod
    def rules(cls, given: Given) -> Iterator[Fault]:
        """No role twice."""
        yield from _repeated(given["roles"])


class Retry(Section):
    """How long EventBridge tries to deliver an alert to Slack, before the dead-letter queue raises an e-mail alarm."""

    maximum_event_age_seconds: Annotated[int, Field(ge=60, le=86400)] = 900
    """For how many seconds. Late in Slack is worse than an e-mail now, hence 15 minutes and not a day."""
    maximum_retry_attempts: Annotated[int, Field(ge=0, le=185)] = 185
    """How many times at most."""


class UsageMonitoringSettings(Section):
    """Alarms by e-mail, since Slack may be what is broken, and the count of uses."""

    emails: list[EmailAddress] = Field(default_factory=list)
    """Who gets the alarms. Each address has to confirm the mail that AWS sends first."""
    alerts_by_email: StrictBool = False
    """Whether these addresses get every alert too, as a second channel beside Slack."""
    uses_per_week: Annotated[int, Field(ge=1)] = 5
    """An alarm is raised when a role is used more often than this in 7 days: then it is routine, not an emergency."""

    @classmethod
    def rules(cls, given: Given) -> Iterator[Fault]:
        """A second channel has somebody at its end."""
        yield from _repeated(given["emails"])
        if given["alertsByEmail"].value is True and not list(given["emails"]):
            yield given["alertsByEmail"].fault(
                "Alerts go to the second channel, but nobody is at its end.", "Add `emails: [oncall@example.com]`."
            )


class Alerts(Section):
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
    watch: Watch = Field(default_factory=Watch)
    """Roles to watch besides the break-glass sets of this file."""
    retry: Retry = Field(default_factory=Retry)
    """How long EventBridge tries to deliver."""
    monitoring: UsageMonitoringSettings = Field(default_factory=UsageMonitoringSettings)
    """Alarms by e-mail and the count of uses."""

    @classmethod
    def rules(cls, given: Given) -> Iterator[Fault]:
        """No evidence path twice, and at least one that a plain role can be seen on."""
        yield from _repeated(given["evidencePaths"])
        if [path.value for path in given["evidencePaths"]] == [EvidencePath.portal]:
            for role in given["watch"]["roles"]:
                yield role.fault(
                    "The use of a plain IAM role never shows up on the evidence path `portal`, so it would be watched "
                    "by no rule.",
                    "Add session_start to `evidencePaths`, or take the role out.",
                )


class StackFile(Section):
    """The `breakglass:` keys of a stack file."""

    permission_sets: PermissionSets | None = None
    """What goes to the account that owns the Identity Center instance."""
    alerts: Alerts | None = None
    """What goes to the accounts where the roles are used."""
    tags: dict[TagKey, TagValue] = Field(default_factory=dict, examples=[{"team": "platform"}])
    """Tags on every resource that takes tags."""


def _repeated(given: Given) -> Iterator[Fault]:
    """Complain about every item of a list that stands in it before."""
    seen: list[object] = []
    for item in given:
        if item.value in seen:
            yield item.fault("The list has this entry before; twice, it would be made twice.", "Delete one of the two.")
        seen.append(item.value)
