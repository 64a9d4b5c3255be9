"""The section `alerts` of a stack file, and the keys that it shares with components."""

from collections.abc import Iterator, Mapping
from typing import Annotated

from pydantic import BeforeValidator, Field, StrictBool, TypeAdapter

from breakglass.alerts.patterns import PATTERN_LIMIT, event_pattern, pattern_json
from breakglass.alerts.subjects import RoleSubject
from breakglass.errors import BreakglassError
from breakglass.stack_file.base import ConfigModel, RawValue, SecretInput, duplicate_faults
from breakglass.stack_file.faults import Fault, fault, faults
from breakglass.stack_file.organization import OFF, Organization
from breakglass.stack_file.regions import key_region_faults, partition_faults, spoke_region_faults
from breakglass.stack_file.secret_keys import PAGER_COMMAND
from breakglass.stack_file.tamper import DEPLOYER_ARN, Tamper, TamperSettings
from breakglass.stack_file.types import (
    NO_BOOL,
    DrillSetting,
    EmailAddress,
    HttpsUrl,
    KmsKeyArn,
    PagerName,
    ProbeInterval,
    Region,
    SecretName,
    SlackChannelId,
    StackName,
    Trail,
    WitnessInterval,
    days,
    seconds,
)
from breakglass.stack_file.watch import ROLE_ARN, USER_ARN, Watch, forwarding_faults, watched_roles, watched_users
from breakglass.vocabulary import ROLE_PATHS, Delivery, EvidencePath, RolePath, global_events_region

POST_MESSAGE = "/chat.postMessage"
"""The end of `postMessageUrl`, in whose place Slack's other methods have their own."""

_HTTPS_URL = TypeAdapter(HttpsUrl)
_KMS_KEY_ARN = TypeAdapter(KmsKeyArn)
_REGION = TypeAdapter(Region)
_TRAIL = TypeAdapter(Trail)


class AlertPath(ConfigModel):
    """Keys of everything that belongs to the alert path."""

    region: Region
    """The region of the alert path. CloudTrail must deliver the management events of this region."""


class AlertText(AlertPath):
    """Keys of the messages, in Slack and by e-mail."""

    post_mortem_url: HttpsUrl | None = None
    """A form or page that the alert links to, where the use is explained and closed."""


class EvidencePaths(ConfigModel):
    """Keys of the search in CloudTrail."""

    evidence_paths: Annotated[list[RolePath], Field(min_length=1)] = Field(
        default_factory=lambda: list(ROLE_PATHS), examples=[["session_start", "portal", "console", "login", "denied"]]
    )
    """The evidence paths in CloudTrail on which to look for uses of roles, of session_start, portal, console, login and
    denied. Default: all on which the role can show up. Users, root, access and tampering are watched on all theirs."""


class Retry(ConfigModel):
    """Limits of EventBridge's delivery to Slack, after which the dead-letter queue raises an e-mail alarm."""

    maximum_event_age_seconds: Annotated[int, Field(ge=60, le=86400), NO_BOOL] = 900
    """The age in seconds at which EventBridge gives up. A late alert in Slack is worse than an e-mail now, so the
    default is 15 minutes."""
    maximum_retry_attempts: Annotated[int, Field(ge=0, le=185), NO_BOOL] = 185
    """The number of attempts after which EventBridge gives up."""


class DeliveredAlert(AlertText):
    """Keys of an alert that EventBridge delivers to Slack."""

    retry: Retry = Field(default_factory=Retry)
    """Limits of EventBridge's delivery to Slack."""


class SlackAlert(DeliveredAlert):
    """Keys of an alert in Slack, and of drills."""

    drills: StrictBool = True
    """Answer a drill event (source `breakglass.drill`) with a message of its own, by a rule for each role and root."""

    @property
    def has_drills(self) -> bool:
        """True if a drill event is answered in Slack."""
        return self.drills is not False


class SlackChannel(ConfigModel):
    """Keys of the channel."""

    channel: SlackChannelId
    """The ID of the Slack channel, not its name. The Slack app must be a member of it."""


class DrillChannel(ConfigModel):
    """Keys of the channel for drills."""

    drill_channel: SlackChannelId | None = None
    """The ID of the Slack channel for drills. The Slack app must be a member of it. Default: `channel`."""


class SlackEndpoint(ConfigModel):
    """Keys of Slack's API."""

    post_message_url: HttpsUrl = "https://slack.com/api/chat.postMessage"
    """Slack's method `chat.postMessage`; another address only for GovSlack or a test."""


class SecretEncryption(ConfigModel):
    """Keys of the secrets in Secrets Manager."""

    kms_key_arn: KmsKeyArn | None = None
    """A customer-managed KMS key for the secrets and the connection; AWS's own key by default. EventBridge uses a key
    only if it has the tag `EventBridgeApiDestinations` with the value `true`."""


class BotTokenSecret(SecretEncryption):
    """Keys of the bot token in Secrets Manager."""

    bot_token_secret_name: SecretName | None = None
    """The name of an existing secret in the same account and region whose value is the bot token and nothing else.
    Default: a secret is created from the token in the stack's configuration."""


class Slack(SlackChannel, DrillChannel, BotTokenSecret, SlackEndpoint):
    """The Slack channels, and the way to them."""


def _pagers(value: object) -> object:
    if isinstance(value, Mapping):
        return value
    error = fault(
        "Expected a mapping from names to addresses. An address is a secret; if it was here in clear, it has leaked.",
        f"Delete the value, and run `{PAGER_COMMAND}`, which asks for the address.",
    )
    raise faults(((), "(not shown)", error))


class AlarmReceivers(ConfigModel):
    """Keys of the e-mail addresses and pagers that get alarms."""

    emails: list[EmailAddress] = Field(default_factory=list)
    """Addresses that get the alarms. Each has to confirm the mail that AWS sends first."""
    pagers: Annotated[dict[PagerName, SecretInput], BeforeValidator(_pagers)] = Field(default_factory=dict, repr=False)
    """HTTPS addresses that page on-call, e.g. of PagerDuty or Opsgenie, by a name of your choice. They get each use,
    each broken glass and each undelivered alert. An address is a secret: run
    `pulumi config set --secret --path 'breakglass:alerts.monitoring.pagers.NAME'`."""

    @classmethod
    def cross_field_faults(cls, given: RawValue) -> Iterator[Fault]:
        """Yield faults of duplicate addresses."""
        return duplicate_faults(given["emails"])


class UsageCount(ConfigModel):
    """Keys of the count of uses."""

    uses_per_week: Annotated[int, Field(ge=1), NO_BOOL] = 5
    """An alarm is raised when a role, a user or root is used more often than this in 7 days: then it is routine, not an
    emergency."""


class Monitoring(UsageCount, AlarmReceivers):
    """Alarms by e-mail and pager, for when Slack is down, and the count of uses."""

    alerts_by_email: StrictBool | None = None
    """Send every alert to the e-mail addresses too, as a second channel beside Slack. Default: true with
    `delivery: direct`, which can't notice that Slack refused an alert; false with `delivery: confirmed`."""

    @classmethod
    def cross_field_faults(cls, given: RawValue) -> Iterator[Fault]:
        """Yield faults of duplicate addresses, and of a second channel without an address."""
        yield from super().cross_field_faults(given)
        if given["alertsByEmail"].value is True and not list(given["emails"]):
            yield given["alertsByEmail"].fault(
                "Alerts go to e-mail as well, but there is no address.", "Add `emails: [oncall@example.com]`."
            )


class Alerts(SlackAlert, EvidencePaths):
    """The alert path of an account where roles are used, or of the portal's account."""

    slack: Slack
    """The Slack channel, and the way to it."""
    delivery: Delivery = Delivery.direct
    """The way of an alert from its rule to Slack."""
    probe: ProbeInterval = "PT15M"
    """The interval of the probe, PT5M to PT1H, or off. The probe schedules a message in each channel and deletes it
    unseen, so it gets the errors that an alert would get."""
    drills: DrillSetting = True
    """Answer a drill event (source `breakglass.drill`) with a message of its own, by a rule for each role and root.
    `{every: P7D}` also sends a drill of each of them on a schedule, P1D to P7D."""
    explain_button: StrictBool | None = None
    """Add a button to every alert that asks for an explanation. Default: only with `approvals`. Write true where the
    Slack app is served by the stack of another account."""
    watch: Watch = Field(default_factory=Watch)
    """Roles and users to watch besides the break-glass sets of the same stack."""
    tamper: Tamper = Field(default_factory=TamperSettings)
    """Resources whose changes are reported besides those of the stack, and the roles that may make them. False reports
    no tampering at all, not even with the stack's own resources."""
    global_events_stack: StackName | None = None
    """The name of the stack with `alerts` in us-east-1 (cn-north-1, us-gov-west-1) of the same account. Only there
    does AWS record sign-ins of root, and changes of IAM, AWS Organizations and the account. The spokes of a hub forward
    the sign-ins, but not the changes."""
    monitoring: Monitoring = Field(default_factory=Monitoring)
    """Alarms by e-mail and pager, and the count of uses."""
    organization: Organization | None = None
    """The organization whose accounts forward their events to this stack, which then is their hub."""
    witness: WitnessInterval = OFF
    """The interval of the witness of a stack without `organization`, PT1H to P1D, or off. The witness looks up uses of
    the account that CloudTrail recorded and no rule fired on."""

    @property
    def has_witness(self) -> bool:
        """True if uses on which no rule fired are looked for."""
        organization = self.organization
        return self.witness_seconds is not None or bool(organization and organization.witness)

    @property
    def witness_seconds(self) -> int | None:
        """The interval of the witness of a stack without `organization` in seconds; None without one."""
        if self.witness == OFF:
            return None
        return 86_400 if self.witness == "P1D" else seconds(self.witness)

    @property
    def probe_seconds(self) -> int | None:
        """The interval of the probe in seconds; None without a probe."""
        return None if self.probe == OFF else seconds(self.probe)

    @property
    def drill_interval_seconds(self) -> int | None:
        """The interval of scheduled drills in seconds; None without a schedule."""
        return days(self.drills["every"]) * 86_400 if isinstance(self.drills, Mapping) else None

    @property
    def sends_alerts_by_email(self) -> bool:
        """True if every alert also goes to the e-mail addresses."""
        if self.monitoring.alerts_by_email is not None:
            return self.monitoring.alerts_by_email
        return self.delivery is Delivery.direct and bool(self.monitoring.emails)

    @classmethod
    def cross_field_faults(cls, given: RawValue) -> Iterator[Fault]:
        """Yield faults of duplicate paths, unseen roles, ARNs of another region, and settings without effect."""
        yield from duplicate_faults(given["evidencePaths"])
        yield from key_region_faults(
            given["slack"]["kmsKeyArn"],
            given["region"],
            "the secret and the connection that it encrypts",
            "KMS serves only its own region, so the deployment would fail halfway",
        )
        yield from _second_channel_faults(given)
        if given["drills"].value is False and given["slack"]["drillChannel"]:
            yield given["slack"]["drillChannel"].fault(
                "The file turns drills off, so no message would go to this channel.",
                "Delete `drillChannel`, or write `drills: true`.",
            )
        if given["probe"].value != OFF:
            yield from post_message_url_faults(given["slack"]["postMessageUrl"])
        yield from _watch_faults(given)
        yield from _tamper_faults(given["tamper"], given["region"])
        yield from _global_events_faults(given)
        yield from _organization_faults(given)


def _organization_faults(alerts: RawValue) -> Iterator[Fault]:
    """Yield faults of settings of spokes, and of those without effect in a hub or outside."""
    organization, role_path, witness = alerts["organization"], alerts["watch"]["rolePath"], alerts["witness"]
    yield from spoke_region_faults(organization["spokes"]["regions"], alerts["region"])
    if organization:
        yield from forwarding_faults(alerts["watch"], alerts["region"], organization["spokes"]["exclude"])
    if role_path and not organization:
        yield role_path.fault(
            "The path says which roles the spokes of an organization forward. This stack has no spokes, and each role "
            "that raises alerts is named by its ARN. So the key would have no effect.",
            "Delete it, and name each role in `roles`.",
        )
    if organization and witness and witness.value != OFF:
        yield witness.fault(
            "This witness looks up the events of one account, and the stack is the hub of an organization. So it would "
            "miss the uses in all other accounts.",
            "Delete the key, and write `organization: {witness: {trailLogGroup: <name>}}` in the stack that is in the "
            "account and region of the trail's log group.",
        )


def _global_events_faults(alerts: RawValue) -> Iterator[Fault]:
    """Yield faults of settings that have no effect in, or outside, the region of the global events."""
    here = alerts["region"].valid(_REGION)
    if here is None:
        return
    region, policy = global_events_region(here), alerts["tamper"]["sessionPolicy"]
    if alerts["globalEventsStack"] and here == region:
        yield alerts["globalEventsStack"].fault(
            "This stack is itself in the region of the global events, so the key would have no effect.",
            "Delete `globalEventsStack`, or correct `region`.",
        )
    if policy and here != region:
        yield policy.fault(
            f"AWS records changes of the policy in {region} only, and this stack is in {here}. So the key would have "
            "no effect.",
            f"Move it to a stack in {region}. A stack with `approvals` knows its own policy.",
        )


def _watch_faults(alerts: RawValue) -> Iterator[Fault]:
    """Yield faults of roles and users of another partition, and of roles that no rule could watch."""
    watch, region = alerts["watch"], alerts["region"]
    roles = watched_roles(watch)
    for user in watched_users(watch):
        yield from partition_faults(
            user, USER_ARN, region, "CloudTrail does not report the user's sign-in here, so no alert fires."
        )
    for role in roles:
        yield from partition_faults(
            role, ROLE_ARN, region, "CloudTrail does not report the role's use here, so no alert fires."
        )
        yield from _pattern_length_faults(role, alerts)
    if [path.value for path in alerts["evidencePaths"]] == [EvidencePath.portal]:
        for role in roles:
            yield role.fault(
                "The use of an IAM role never shows up on the evidence path `portal`, so no rule would watch it.",
                "Add session_start to `evidencePaths`, or delete the role.",
            )


def _tamper_faults(tamper: RawValue, region: RawValue) -> Iterator[Fault]:
    """Yield faults of ARNs of another partition."""
    arns = [*((arn, DEPLOYER_ARN) for arn in tamper["deployers"]), *((arn, _KMS_KEY_ARN) for arn in tamper["keys"])]
    if (tamper["trail"].text or "").startswith("arn:"):
        arns.append((tamper["trail"], _TRAIL))
    for arn, adapter in arns:
        yield from partition_faults(arn, adapter, region, "CloudTrail records nothing about it here.")


def post_message_url_faults(url: RawValue) -> Iterator[Fault]:
    """Yield a fault if the URLs of Slack's other methods can't be derived from that of `chat.postMessage`."""
    written = url.valid(_HTTPS_URL)
    if written and not written.endswith(POST_MESSAGE):
        yield url.fault(
            f"The URL does not end in {POST_MESSAGE}. This program derives the URLs of Slack's other methods from it.",
            f"Write the URL of Slack's own method, e.g. https://slack.com/api{POST_MESSAGE}.",
        )


def _second_channel_faults(alerts: RawValue) -> Iterator[Fault]:
    """Yield a fault if confirmed delivery has no second channel."""
    monitoring = alerts["monitoring"]
    if alerts["delivery"].value == Delivery.confirmed and not (
        monitoring["emails"].value or monitoring["pagers"].value
    ):
        yield alerts["delivery"].fault(
            "Confirmed delivery sends an alert that Slack refuses to a second channel, and this file has none: the "
            "alert would be lost.",
            "Add `monitoring: {emails: [oncall@example.com]}`, or a pager with `pulumi config set --secret --path "
            "'breakglass:alerts.monitoring.pagers.pagerduty'`.",
        )


def _pattern_length_faults(role: RawValue, alerts: RawValue) -> Iterator[Fault]:
    """Yield a fault if EventBridge would refuse one of the role's rules because of its path."""
    arn = role.valid(ROLE_ARN)
    subject = RoleSubject(arn) if arn else None
    written = [path.value for path in alerts["evidencePaths"]] or list(ROLE_PATHS)
    for path in subject.evidence_paths if subject else ():
        try:
            if subject and path in written:
                pattern_json(event_pattern(subject, path))
        except BreakglassError:
            yield role.fault(
                f"The role's path is too long. The event pattern of its rule for `{path}` holds the ARN, and would "
                f"exceed EventBridge's limit of {PATTERN_LIMIT} characters.",
                "Give the role a shorter path (IAM can't rename a role: create it again), or watch it on fewer "
                "`evidencePaths`.",
            )
            return
