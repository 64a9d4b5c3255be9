"""The section `alerts` of a stack file: what goes to an account where the roles are used."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field, StrictBool, TypeAdapter

from breakglass.alerts.patterns import PATTERN_LIMIT, event_pattern, pattern_json
from breakglass.alerts.subjects import RoleSubject
from breakglass.errors import BreakglassError
from breakglass.stack_file.base import ConfigModel, RawValue, duplicate_faults
from breakglass.stack_file.faults import Fault
from breakglass.stack_file.regions import key_region_faults, partition_faults
from breakglass.stack_file.types import (
    NO_BOOL,
    EmailAddress,
    HttpsUrl,
    KmsKeyArn,
    PermissionSetName,
    Region,
    RoleArn,
    SecretName,
    SlackChannelId,
)
from breakglass.vocabulary import EvidencePath

_ROLE_ARN = TypeAdapter(RoleArn)


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
        yield from key_region_faults(given["slack"]["kmsKeyArn"], given["region"], encrypted, so)
        for role in given["watch"]["roles"]:
            so = "CloudTrail never reports the role's use here, so its rules would be silent for ever."
            yield from partition_faults(role, _ROLE_ARN, given["region"], so)
            yield from _long_patterns(role, given)
        if [path.value for path in given["evidencePaths"]] == [EvidencePath.portal]:
            for role in given["watch"]["roles"]:
                yield role.fault(
                    "The use of a plain IAM role never shows up on the evidence path `portal`, so it would be watched "
                    "by no rule.",
                    "Add session_start to `evidencePaths`, or take the role out.",
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
