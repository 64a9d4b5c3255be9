"""The whole of it: what a stack instantiates.

Non-goals: reading the stack file (see `breakglass.stack_file.pulumi_config.load_stack_file`).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict, TypeVar, cast

import pulumi
import pulumi_aws as aws

from breakglass.alerts.subjects import PermissionSetSubject, RoleSubject, Subject
from breakglass.components.alerts.slack_connection import SlackConnection
from breakglass.components.alerts.slack_destination import SlackDestination
from breakglass.components.alerts.usage_alert import RetryArgs, UsageAlert
from breakglass.components.alerts.usage_monitoring import UsageMonitoring
from breakglass.components.approvals.args import ApprovalSettingsArgs
from breakglass.components.approvals.organization import Unreadable, read_organization
from breakglass.components.delegation import has_portal_rules, silent_portal_rules, unmanageable_assignments
from breakglass.components.permission_sets.permission_set_pair import PairArgs, PermissionSetPair, refused_risks
from breakglass.components.reference import Reference
from breakglass.errors import ConfigError, Problem, format_value
from breakglass.iam.lint import LintContext
from breakglass.naming import AppFunction, Names
from breakglass.stack_file.alerts import Alerts
from breakglass.stack_file.approvals import ApprovalSettings
from breakglass.stack_file.base import RawValue
from breakglass.stack_file.faults import Fault, fault
from breakglass.stack_file.permission_sets import PairSpec, PermissionSets
from breakglass.stack_file.policy_lint import lint_context
from breakglass.stack_file.report import validate
from breakglass.stack_file.stack import StackFile
from breakglass.vocabulary import EvidencePath

if TYPE_CHECKING:
    from breakglass.components.approvals.approvals import Approvals


class PermissionSetsArgs(TypedDict):
    """What goes to the account that owns the Identity Center instance, or its delegated administrator."""

    region: str
    """The home region of Identity Center."""
    instance_arn: NotRequired[str]
    """The ARN of the Identity Center instance; looked up by default."""
    identity_store_id: NotRequired[str]
    """The id of its identity store; looked up by default."""
    identity_center_kms_key_arn: NotRequired[str]
    """The customer-managed KMS key that Identity Center is encrypted with, required if it is; AWS's own by default."""
    protect_alert_path: NotRequired[bool]
    """Whether every break-glass set is denied to tamper with the alert path and the approvals, to stop CloudTrail, and
    to use powers around its limits that it does not acknowledge; True by default."""
    trail_buckets: NotRequired[list[str]]
    """Names of the S3 buckets with CloudTrail's records. Break-glass sets may read them, and change nothing in them."""
    trail_key_arns: NotRequired[list[str]]
    """ARNs of the KMS keys of CloudTrail's records. Break-glass sets may use them, and not change them."""
    pairs: list[PairArgs]
    """The everyday permission sets, each with its break-glass twin."""


class SlackArgs(TypedDict):
    """Where alerts arrive."""

    channel: str
    """The ID of the Slack channel. The Slack app must be a member of it."""
    bot_token_secret_name: NotRequired[str]
    """The name of an existing secret whose value is the bot token; by default one is made of `slack_bot_token`."""
    kms_key_arn: NotRequired[str]
    """A customer-managed KMS key for the secret and the connection; AWS's own key by default."""
    post_message_url: NotRequired[str]
    """Slack's chat.postMessage, `https://slack.com/api/chat.postMessage` by default; another one for GovSlack."""


class WatchArgs(TypedDict):
    """Roles that are managed elsewhere and raise alerts all the same."""

    permission_sets: NotRequired[list[str]]
    """Names of permission sets."""
    roles: NotRequired[list[str]]
    """ARNs of IAM roles that Identity Center did not make."""


class MonitoringArgs(TypedDict):
    """Alarms by e-mail, since Slack may be what is broken, and the count of uses."""

    emails: NotRequired[list[str]]
    """Who gets the alarms. Each address has to confirm the mail that AWS sends first."""
    alerts_by_email: NotRequired[bool]
    """Whether these addresses get every alert too, as a second channel beside Slack; False by default."""
    uses_per_week: NotRequired[int]
    """An alarm is raised when a role is used more often than this in 7 days; 5 by default."""


class AlertsArgs(TypedDict):
    """What goes to an account where the roles are used, and to the Identity Center account for the portal."""

    region: str
    """The region of the alert path; CloudTrail must deliver its management events."""
    slack: SlackArgs
    """Where alerts arrive."""
    post_mortem_url: NotRequired[str]
    """A form or page that the alert links to, where the use is explained and closed."""
    evidence_paths: NotRequired[list[EvidencePath]]
    """The places in CloudTrail to look at; all by default."""
    drills: NotRequired[bool]
    """Whether a drill event (source `breakglass.drill`) raises an alert as well, marked DRILL; True by default."""
    explain_button: NotRequired[bool]
    """Whether every alert has a button that asks for an explanation; by default only with `approvals`. Write True where
    the Slack app is served by the stack of another account."""
    watch: NotRequired[WatchArgs]
    """Roles to watch besides the break-glass sets of `permission_sets`."""
    retry: NotRequired[RetryArgs]
    """How long EventBridge tries to deliver."""
    monitoring: NotRequired[MonitoringArgs]
    """Alarms by e-mail and the count of uses."""


class BreakGlassArgs(TypedDict):
    """Arguments of `BreakGlass`: at least one of `permission_sets` and `alerts`."""

    permission_sets: NotRequired[PermissionSetsArgs]
    """What goes to the account that owns the Identity Center instance."""
    alerts: NotRequired[AlertsArgs]
    """What goes to an account where the roles are used."""
    approvals: NotRequired[ApprovalSettingsArgs]
    """Access to the break-glass sets on request, decided in Slack; with both of the others."""
    slack_bot_token: NotRequired[pulumi.Input[str]]
    """The bot token, `xoxb-...`, from secret configuration; with alerts, unless they name an existing secret."""
    slack_signing_secret: NotRequired[pulumi.Input[str]]
    """The app's signing secret, from secret configuration; with approvals, unless they name an existing secret."""
    tags: NotRequired[dict[str, str]]
    """Tags on every resource that takes tags."""


class BreakGlassModel(StackFile):
    """`BreakGlassArgs`, validated."""

    slack_bot_token: Reference = None
    """The bot token, from secret configuration."""
    slack_signing_secret: Reference = None
    """The app's signing secret, from secret configuration."""

    @classmethod
    def cross_field_faults(cls, given: RawValue) -> Iterator[Fault]:
        """What holds for a stack file, and: exactly one source of each secret."""
        yield from super().cross_field_faults(given)
        existing = given["alerts"]["slack"]["botTokenSecretName"]
        if given["alerts"] and bool(given["slackBotToken"]) == bool(existing):
            # Not with the value: it may be the token itself.
            why = "Alerts are posted with exactly one bot token."
            instead = (
                "Give either `slack_bot_token` (from `pulumi config set --secret`) or "
                "`alerts.slack.bot_token_secret_name`."
            )
            yield ("slackBotToken",), None, fault(why, instead)
        existing = given["approvals"]["signingSecretName"]
        if given["approvals"] and bool(given["slackSigningSecret"]) == bool(existing):
            why = "Slack's requests are checked with exactly one signing secret."
            instead = (
                "Give either `slack_signing_secret` (from `pulumi config set --secret`) or "
                "`approvals.signing_secret_name`."
            )
            yield ("slackSigningSecret",), None, fault(why, instead)


class BreakGlass(pulumi.ComponentResource):
    """Break-glass access in one account: permission-set pairs, an alert for every role, and its monitoring.

    A small organisation needs one. Else one in the account that owns Identity Center (`permission_sets`, and `alerts`
    for the evidence path `portal`), and one with `alerts` where the roles are used.

    Permissions:
        - Those of the components it is made of: `PermissionSetPair` for `permission_sets`; `SlackConnection`,
          `SlackDestination`, `UsageAlert` and `UsageMonitoring` for `alerts`; `Approvals` for `approvals`.
        - To look up the Identity Center instance: `sso:ListInstances`.
        - To see whether this account owns it: `organizations:DescribeOrganization`, and in the management account what
          `Approvals` looks up of the organisation.

    Raises:
        ConfigError: The arguments are wrong, or give a break-glass set a power it does not acknowledge.
        MessageError: An alert could not be shown in Slack or sent by e-mail.
        PolicyError: An inline policy does not go together with the protection of the alert path.
        RunError: Something that the arguments name isn't there, or a secret is none.
    """

    permission_set_arns: pulumi.Output[dict[str, str]]
    """ARN of every permission set, by its name; empty without `permission_sets`."""
    rule_names: pulumi.Output[dict[str, dict[str, str]]]
    """Name of the EventBridge rule, by role and evidence path; empty without `alerts`, like all below.

    A role's key is the permission set's name, or an IAM role's name and account.
    """
    dead_letter_queue_urls: pulumi.Output[dict[str, str]]
    """URL of the dead-letter queue of every role."""
    topic_arn: pulumi.Output[str | None]
    """ARN of the SNS topic that alarms go to."""
    dashboard_url: pulumi.Output[str | None]
    """Address of the CloudWatch dashboard in the AWS console."""
    approval_request_url: pulumi.Output[str | None]
    """Where Slack sends everything that people do; None without `approvals`, like all below."""
    approval_table_name: pulumi.Output[str | None]
    """Name of the table with the records and the audit trail."""
    approval_policy: pulumi.Output[str | None]
    """The compiled policy by which requests are decided, JSON, for people to read."""
    slack_app_manifest: pulumi.Output[str | None]
    """The manifest of the Slack app, JSON: what to paste into Slack's page App Manifest."""

    def __init__(self, name: str, args: BreakGlassArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        spec = validate(BreakGlassModel, args, at=f"{name}.")
        # Of all pairs at once, before the first one is made.
        risks = _risks(spec, spec.permission_sets, at=f"{name}.permission_sets.") if spec.permission_sets else []
        if risks:
            raise ConfigError(risks)
        super().__init__("breakglass:index:BreakGlass", name, None, opts)

        self._judge_account(spec)

        instance = self._instance(spec.permission_sets) if spec.permission_sets else None
        later = _Later(f"{name}-approvals") if spec.approvals else None
        sets = spec.permission_sets
        pairs = self._pairs(name, spec, sets, *instance, later) if sets and instance else []
        alerts: dict[Subject, UsageAlert] = {}
        approvals: Approvals | None = None
        self.topic_arn = self.dashboard_url = pulumi.Output.from_input(None)
        if spec.alerts is not None:
            connection, destination = self._slack(name, spec, spec.alerts)
            alerts = {
                subject: self._alert(name, spec, spec.alerts, destination, subject)
                for subject in _watched(spec.permission_sets, spec.alerts)
            }
            monitoring = self._monitoring(name, spec, spec.alerts, connection, destination, alerts, later)
            self.topic_arn = monitoring.topic_arn
            self.dashboard_url = monitoring.dashboard_url
            if spec.approvals and instance and later:
                make = partial(self._approvals, name, spec, spec.approvals, instance, pairs, alerts, connection)
                approvals = later.of(partial(make, monitoring.topic_arn))

        arns = {pair.name: component.everyday_arn for pair, component in pairs}
        arns |= {pair.break_glass_name: component.break_glass_arn for pair, component in pairs}
        self.permission_set_arns = _resolved(arns)
        self.rule_names = _resolved({subject.key: alert.rule_names for subject, alert in alerts.items()})
        self.dead_letter_queue_urls = _resolved({subject.key: alert.queue_url for subject, alert in alerts.items()})
        none = pulumi.Output.from_input(None)
        self.approval_request_url = approvals.request_url if approvals else none
        self.approval_table_name = approvals.table_name if approvals else none
        self.approval_policy = approvals.policy_json if approvals else none
        self.slack_app_manifest = approvals.app_manifest if approvals else none
        self.register_outputs(
            {
                "permission_set_arns": self.permission_set_arns,
                "rule_names": self.rule_names,
                "dead_letter_queue_urls": self.dead_letter_queue_urls,
                "topic_arn": self.topic_arn,
                "dashboard_url": self.dashboard_url,
                "approval_request_url": self.approval_request_url,
                "approval_table_name": self.approval_table_name,
                "approval_policy": self.approval_policy,
                "slack_app_manifest": self.slack_app_manifest,
            }
        )

    def _judge_account(self, spec: BreakGlassModel) -> None:
        """Warn of what has no effect in the account of the stack, and refuse what it may not do."""
        paths = spec.alerts.evidence_paths if spec.alerts else []
        watched = _watched(spec.permission_sets, spec.alerts) if spec.alerts else []
        pairs = spec.permission_sets.pairs if spec.permission_sets else []
        if not has_portal_rules(paths, watched) and not any(pair.assignments for pair in pairs):
            return
        organization = read_organization(self)
        if isinstance(organization, Unreadable):
            # With approvals this is refused a moment later.
            pulumi.log.warn(
                "AWS does not tell whether this account owns Identity Center. If it does not, rules for `portal` never "
                "fire here, and nothing can be assigned in the management account. Allow "
                f"organizations:DescribeOrganization. The provider says: {organization.said}"
            )
            return
        here, management = organization.deployed_in, organization.management_account
        problems = unmanageable_assignments(pairs, here, management)
        if problems:
            raise ConfigError(problems)
        for warning in silent_portal_rules(paths, watched, here, management):
            pulumi.log.warn(str(warning))

    def _pairs(
        self,
        name: str,
        spec: BreakGlassModel,
        sets: PermissionSets,
        instance_arn: pulumi.Input[str],
        identity_store_id: pulumi.Input[str],
        later: "_Later | None",
    ) -> list[tuple[PairSpec, PermissionSetPair]]:
        return [
            (
                pair,
                PermissionSetPair(
                    f"{name}-{pair.name}",
                    _arguments(
                        region=sets.region,
                        instance_arn=instance_arn,
                        identity_store_id=identity_store_id,
                        **pair.model_dump(exclude_none=True),
                        protect_alert_path=sets.protect_alert_path,
                        protected_arns=list(_lint_context(spec).own_arns),
                        approval_api_id=later.api_id if later else None,
                        tags=spec.tags,
                    ),
                    pulumi.ResourceOptions(parent=self),
                ),
            )
            for pair in sets.pairs
        ]

    def _instance(self, sets: PermissionSets) -> tuple[pulumi.Input[str], pulumi.Input[str]]:
        """Return the instance's ARN and its identity store's id, looked up if one of them is not given."""
        if sets.instance_arn is not None and sets.identity_store_id is not None:
            return sets.instance_arn, sets.identity_store_id
        found = aws.ssoadmin.get_instances_output(region=sets.region, opts=pulumi.InvokeOptions(parent=self))
        instance = pulumi.Output.all(found.arns, found.identity_store_ids).apply(partial(_chosen_instance, sets))
        return instance["arn"], instance["identity_store_id"]

    def _slack(self, name: str, spec: BreakGlassModel, alerts: Alerts) -> tuple[SlackConnection, SlackDestination]:
        connection = SlackConnection(
            f"{name}-slack",
            _arguments(
                region=alerts.region,
                bot_token=spec.slack_bot_token,
                bot_token_secret_name=alerts.slack.bot_token_secret_name,
                kms_key_arn=alerts.slack.kms_key_arn,
                tags=spec.tags,
            ),
            pulumi.ResourceOptions(parent=self),
        )
        destination = SlackDestination(
            f"{name}-slack",
            {
                "region": alerts.region,
                "connection_arn": connection.connection_arn,
                "post_message_url": alerts.slack.post_message_url,
                "tags": spec.tags,
            },
            pulumi.ResourceOptions(parent=self),
        )
        return connection, destination

    def _alert(
        self, name: str, spec: BreakGlassModel, alerts: Alerts, destination: SlackDestination, subject: Subject
    ) -> UsageAlert:
        return UsageAlert(
            f"{name}-{subject.key}",
            _arguments(
                region=alerts.region,
                **_role(subject),
                destination_arn=destination.destination_arn,
                destination_role_arn=destination.role_arn,
                channel=alerts.slack.channel,
                post_mortem_url=alerts.post_mortem_url,
                evidence_paths=alerts.evidence_paths,
                drills=alerts.drills,
                explain=spec.explains,
                retry=alerts.retry.model_dump(),
                tags=spec.tags,
            ),
            pulumi.ResourceOptions(parent=self),
        )

    def _monitoring(
        self,
        name: str,
        spec: BreakGlassModel,
        alerts: Alerts,
        connection: SlackConnection,
        destination: SlackDestination,
        watched: Mapping[Subject, UsageAlert],
        later: "_Later | None",
    ) -> UsageMonitoring:
        return UsageMonitoring(
            f"{name}-monitoring",
            _arguments(
                region=alerts.region,
                watched=_watched_args(alerts, watched),
                approvals=later.shown if later else None,
                connection_arn=connection.connection_arn,
                destination_arn=destination.destination_arn,
                **alerts.monitoring.model_dump(),
                post_mortem_url=alerts.post_mortem_url,
                tags=spec.tags,
            ),
            pulumi.ResourceOptions(parent=self),
        )

    def _approvals(
        self,
        name: str,
        spec: BreakGlassModel,
        settings: ApprovalSettings,
        instance: tuple[pulumi.Input[str], pulumi.Input[str]],
        pairs: Sequence[tuple[PairSpec, PermissionSetPair]],
        watched: Mapping[Subject, UsageAlert],
        connection: SlackConnection,
        topic_arn: pulumi.Input[str | None],
    ) -> "Approvals":
        # They need modules of the SDK for which a stack without them does not wait.
        from breakglass.components.approvals.approvals import Approvals

        alerts = cast(Alerts, spec.alerts)
        instance_arn, identity_store_id = instance
        return Approvals(
            f"{name}-approvals",
            _arguments(
                region=alerts.region,
                instance_arn=instance_arn,
                identity_store_id=identity_store_id,
                settings=settings.model_dump(exclude_none=True),
                pairs=[pair.model_dump(exclude_none=True) for pair, _ in pairs],
                permission_set_arns={pair.break_glass_name: made.break_glass_arn for pair, made in pairs},
                watched=_watched_args(alerts, watched),
                bot_token_secret_arn=connection.secret_arn,
                slack_signing_secret=spec.slack_signing_secret,
                post_message_url=alerts.slack.post_message_url,
                kms_key_arn=alerts.slack.kms_key_arn,
                identity_center_kms_key_arn=cast(PermissionSets, spec.permission_sets).identity_center_kms_key_arn,
                topic_arn=topic_arn,
                tags=spec.tags,
            ),
            pulumi.ResourceOptions(parent=self),
        )


class _Later:
    """What the permission sets and the dashboard need of the approvals, which are made after them.

    The approvals give out the sets, and their alarms go to the dashboard's topic.
    """

    def __init__(self, name: str) -> None:
        names = Names(name)
        # By itself: the permission sets wait for the API, and not for everything that the dashboard shows.
        self.api_id, self._resolve_api = pulumi.deferred_output()
        made, self._resolve_shown = pulumi.deferred_output()
        self.shown = {
            "stack": name,
            "function_names": [names.function(app_function) for app_function in AppFunction],
            "machine_arn": made["machine_arn"],
            "alarm_arns": made["alarm_arns"],
        }

    def of(self, make: Callable[[], "Approvals"]) -> "Approvals":
        """Make them. If that fails, the others fail with it: they would be waited for without end."""
        try:
            approvals = make()
        except BaseException as error:
            for resolve in (self._resolve_api, self._resolve_shown):
                resolve(pulumi.Output.from_input(None).apply(partial(_raised, error)))
            raise
        self._resolve_api(approvals.api_id)
        self._resolve_shown(pulumi.Output.all(machine_arn=approvals.machine_arn, alarm_arns=approvals.alarm_arns))
        return approvals


def _raised(error: BaseException, _: object) -> Any:
    raise error


def _lint_context(spec: StackFile) -> LintContext:
    return lint_context(RawValue(spec.model_dump(exclude={"slack_bot_token", "slack_signing_secret"})))


def _risks(spec: StackFile, sets: PermissionSets, at: str) -> list[Problem]:
    context = _lint_context(spec)
    return [
        risk
        for index, pair in enumerate(sets.pairs)
        for risk in refused_risks(pair, context, at=f"{at}pairs[{index}].")
    ]


def _arguments(**values: Any) -> Any:
    """Return the arguments of a component, without those that are not given."""
    return {key: value for key, value in values.items() if value is not None}


Value = TypeVar("Value")


def _resolved(outputs: Mapping[str, pulumi.Output[Value]]) -> pulumi.Output[dict[str, Value]]:
    """Turn a mapping of outputs into one output; Output.all would make a list of an empty one."""
    return cast(pulumi.Output[dict[str, Value]], pulumi.Output.from_input(dict(outputs)))


def _role(subject: Subject) -> dict[str, str]:
    match subject:
        case PermissionSetSubject(name):
            return {"permission_set": name}
        case RoleSubject(arn):
            return {"role_arn": arn}


def _watched(sets: PermissionSets | None, alerts: Alerts) -> list[Subject]:
    """Return every role that raises alerts: the break-glass sets first, then what is managed elsewhere."""
    return [
        *(PermissionSetSubject(pair.break_glass_name) for pair in (sets.pairs if sets else [])),
        *(PermissionSetSubject(watched) for watched in alerts.watch.permission_sets),
        *(RoleSubject(arn) for arn in alerts.watch.roles),
    ]


def _watched_args(alerts: Alerts, watched: Mapping[Subject, UsageAlert]) -> list[dict[str, Any]]:
    """Return the alerts as other components take them."""
    return [
        {
            **_role(subject),
            "evidence_paths": alerts.evidence_paths,
            "rule_names": alert.rule_names,
            "queue_name": alert.queue_name,
            "queue_arn": alert.queue_arn,
        }
        for subject, alert in watched.items()
    ]


def _chosen_instance(sets: PermissionSets, found: Sequence[Sequence[str]]) -> dict[str, str]:
    """Choose the Identity Center instance the permission sets go to out of the (ARNs, identity stores) found."""
    instances = dict(zip(*found, strict=True))
    candidates = [arn for arn in instances if sets.instance_arn in (None, arn)]
    if len(candidates) != 1:
        problem = Problem(
            "permissionSets.instanceArn",
            format_value(sets.instance_arn) if sets.instance_arn else "(missing)",
            f"This account sees {', '.join(instances) or 'no Identity Center instance'} in {sets.region}, so it is not "
            "clear which instance gets the permission sets.",
            "Deploy to the account that owns Identity Center, or its delegated administrator, with its home region; if "
            "it has several instances, name one in `instanceArn`.",
        )
        # Not a ConfigError: no program can catch what is raised in an apply, and Pulumi prints this one as it is.
        raise pulumi.RunError(str(ConfigError([problem])))
    return {"arn": candidates[0], "identity_store_id": sets.identity_store_id or instances[candidates[0]]}
