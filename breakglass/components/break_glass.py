"""The component that a stack creates: all other components, as the configuration asks for.

Non-goals: reading the stack file (see `breakglass.stack_file.pulumi_config.load_stack_file`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

import pulumi
import pulumi_aws as aws

from breakglass.alerts.patterns import alert_rules
from breakglass.alerts.subjects import (
    AccessSubject,
    Drilled,
    PermissionSetSubject,
    RoleSubject,
    RootSubject,
    Subject,
    TamperSubject,
    UserSubject,
    Watched,
)
from breakglass.components.alerts.access_alert import AccessAlert, AccessAlertSpec
from breakglass.components.alerts.alarm_topics import AlarmTopics, AlarmTopicsSpec
from breakglass.components.alerts.drill_schedule import DrillSchedule, DrillScheduleSpec
from breakglass.components.alerts.slack_connection import SlackConnection, SlackConnectionSpec
from breakglass.components.alerts.slack_delivery import SlackDelivery, SlackDeliverySpec
from breakglass.components.alerts.slack_destination import SlackDestination, SlackDestinationSpec
from breakglass.components.alerts.slack_probe import SlackProbe, SlackProbeSpec
from breakglass.components.alerts.tamper_alert import TamperAlert, TamperAlertSpec
from breakglass.components.alerts.usage_alert import UsageAlert, UsageAlertSpec
from breakglass.components.alerts.usage_monitoring import (
    AlertPathMetricsSpec,
    UsageMonitoring,
    UsageMonitoringSpec,
    WatchedSubjectSpec,
)
from breakglass.components.approvals.organization import Organization, Unreadable, read_organization
from breakglass.components.arguments import BreakGlassArgs
from breakglass.components.constructor import show_analyzer, validate_args
from breakglass.components.delegation import has_portal_rules, silent_portal_rules, unmanageable_assignments
from breakglass.components.permission_sets.permission_set_pair import (
    PermissionSetPair,
    PermissionSetPairSpec,
    check_risks,
)
from breakglass.errors import ConfigError, Problem, format_value
from breakglass.iam.lint import LintContext
from breakglass.stack_file.alerts import Alerts
from breakglass.stack_file.base import RawValue
from breakglass.stack_file.permission_sets import PairSpec, PermissionSets
from breakglass.stack_file.policy_lint import lint_context
from breakglass.stack_file.rules import (
    RULES_PER_BUS,
    Known,
    access_subject,
    assigned_groups,
    stack_rules,
    tamper_subject,
    watched_subjects,
)
from breakglass.stack_file.stack import StackFile
from breakglass.vocabulary import Delivery

if TYPE_CHECKING:
    from breakglass.components.approvals.api import ApprovalApi
    from breakglass.components.approvals.approvals import Approvals

Instance = tuple[pulumi.Input[str], pulumi.Input[str]]
"""ARN of an Identity Center instance, and the ID of its identity store."""
Pairs = Sequence[tuple[PairSpec, PermissionSetPair]]
Alert = UsageAlert | AccessAlert | TamperAlert


class BreakGlass(pulumi.ComponentResource):
    """Break-glass access in one account: permission-set pairs, an alert for every subject, and their monitoring.

    A small organization needs one. A larger one needs one in the account that owns Identity Center (`permission_sets`,
    and `alerts` for the evidence path `portal`), and one with `alerts` where the roles are used.

    Permissions:
        - Those of the components it is made of: `PermissionSetPair` for `permission_sets`; `AccessAlert`,
          `AlarmTopics`, `DrillSchedule`, `SlackConnection`, `SlackDestination` or `SlackDelivery`, `SlackProbe`,
          `TamperAlert`, `UsageAlert` and `UsageMonitoring` for `alerts`; `Approvals` for `approvals`.
        - To look up the Identity Center instance: `sso:ListInstances`.
        - To see whether this account owns it, and with `delivery: confirmed` for the names of the accounts:
          `organizations:DescribeOrganization`, and in the management account what `Approvals` looks up of the
          organization. Without them an alert shows the ID of the account alone.

    Raises:
        ConfigError: The arguments are wrong, or give a break-glass set a power it does not acknowledge.
        MessageError: An alert could not be shown in Slack or sent by e-mail.
        PolicyError: An inline policy is too large, or repeats a Sid, with the Deny added.
        RunError: A name in the arguments does not exist, or a secret has the wrong form.
    """

    permission_set_arns: pulumi.Output[dict[str, str]]
    """ARN of every permission set, by its name; empty without `permission_sets`."""
    rule_names: pulumi.Output[dict[str, dict[str, str]]]
    """Name of each EventBridge rule, by subject and key; empty without `alerts`, like all below.

    The key of a subject is the permission set's name, an IAM role's name and account, `user-NAME-ACCOUNT`, `root-user`,
    `access-by-hand` or `tampering`. The key of a rule is its evidence path, with the area if the path has several.
    """
    dead_letter_queue_urls: pulumi.Output[dict[str, str]]
    """URL of the dead-letter queue of every subject."""
    topic_arn: pulumi.Output[str | None]
    """ARN of the SNS topic that alarms go to."""
    page_topic_arn: pulumi.Output[str | None]
    """ARN of the SNS topic that pages on-call; None without pagers."""
    dashboard_url: pulumi.Output[str | None]
    """Address of the CloudWatch dashboard in the AWS console."""
    approval_request_url: pulumi.Output[str | None]
    """URL for Slack's requests; None without `approvals`, like all below."""
    approval_table_name: pulumi.Output[str | None]
    """Name of the table with the records and the audit trail."""
    approval_policy: pulumi.Output[str | None]
    """The compiled policy by which requests are decided, JSON, for people to read."""
    slack_app_manifest: pulumi.Output[str | None]
    """The manifest of the Slack app, JSON: what to paste into Slack's page App Manifest."""
    session_policy_id: pulumi.Output[str | None]
    """ID of the service control policy that ends sessions; None without `approvals.end_sessions`.

    The stack that watches it in us-east-1 has it as `tamper.sessionPolicy`.
    """

    @show_analyzer(BreakGlassArgs)
    def __init__(self, name: str, args: BreakGlassArgs | StackFile, opts: pulumi.ResourceOptions | None = None) -> None:
        spec = validate_args(StackFile, args, name)
        sets, alerts = spec.permission_sets, spec.alert_path
        context = lint_context(RawValue(spec))
        if sets and spec is not args:
            check_risks(sets.pairs, context, [f"{name}.permission_sets.pairs[{i}]." for i in range(len(sets.pairs))])
        super().__init__("breakglass:index:BreakGlass", name, None, opts)
        self._spec, self._prefix = spec, name
        self._check_account()
        if alerts:
            rules = len(stack_rules(spec, name))
            pulumi.log.info(
                f"The stack has {rules} rules on the default event bus, whose default quota is {RULES_PER_BUS}."
            )

        # The order is that of the needs: the permission sets are denied to change the API of the approvals, the
        # approvals assign the sets, tampering includes their session policy, and the dashboard shows all alarms.
        api = self._create_api(sets.region) if sets and spec.approvals else None
        instance = self._find_instance(sets) if sets else None
        pairs = self._create_pairs(sets, instance, context, api) if sets and instance else []
        all_alerts: dict[Watched, Alert] = {}
        approvals: Approvals | None = None
        self.topic_arn = self.page_topic_arn = self.dashboard_url = pulumi.Output.from_input(None)
        if alerts:
            topics = self._create_topics(alerts)
            connection = self._create_connection(alerts)
            target = self._create_target(alerts, connection, topics)
            usage_alerts = {
                subject: self._create_usage_alert(alerts, target, subject) for subject in watched_subjects(spec)
            }
            alert_path = self._create_checks(alerts, connection, target, usage_alerts, topics)
            watched = [_watched(alerts, subject, alert) for subject, alert in usage_alerts.items()]
            if sets and instance and api:
                approvals = self._create_approvals(sets, alerts, instance, pairs, watched, connection, topics, api)
            area_alerts = self._create_area_alerts(alerts, target, pairs, approvals)
            watched += [_watched(alerts, subject, alert, pairs) for subject, alert in area_alerts.items()]
            all_alerts = {**usage_alerts, **area_alerts}
            monitoring = self._create_monitoring(alerts, connection, target, watched, topics, alert_path, approvals)
            self.topic_arn, self.page_topic_arn = topics.topic_arn, topics.page_topic_arn
            self.dashboard_url = monitoring.dashboard_url

        arns = {pair.name: component.everyday_arn for pair, component in pairs}
        self.permission_set_arns = _join_outputs(arns | _break_glass_arns(pairs))
        self.rule_names = _join_outputs({subject.key: alert.rule_names for subject, alert in all_alerts.items()})
        self.dead_letter_queue_urls = _join_outputs(
            {subject.key: alert.queue_url for subject, alert in all_alerts.items()}
        )
        none = pulumi.Output.from_input(None)
        self.approval_request_url = approvals.request_url if approvals else none
        self.approval_table_name = approvals.table_name if approvals else none
        self.approval_policy = approvals.policy_json if approvals else none
        self.slack_app_manifest = approvals.app_manifest if approvals else none
        self.session_policy_id = approvals.session_policy_id if approvals else none
        self.register_outputs(
            {
                "permission_set_arns": self.permission_set_arns,
                "rule_names": self.rule_names,
                "dead_letter_queue_urls": self.dead_letter_queue_urls,
                "topic_arn": self.topic_arn,
                "page_topic_arn": self.page_topic_arn,
                "dashboard_url": self.dashboard_url,
                "approval_request_url": self.approval_request_url,
                "approval_table_name": self.approval_table_name,
                "approval_policy": self.approval_policy,
                "slack_app_manifest": self.slack_app_manifest,
                "session_policy_id": self.session_policy_id,
            }
        )

    def _check_account(self) -> None:
        """Warn of settings without effect in the stack's account, and refuse assignments that it can't make."""
        spec = self._spec
        paths = spec.alert_path.evidence_paths if spec.alert_path else []
        watched = watched_subjects(spec)
        pairs = spec.permission_sets.pairs if spec.permission_sets else []
        if not has_portal_rules(paths, watched) and not any(pair.assignments for pair in pairs):
            return
        organization = self._organization
        if isinstance(organization, Unreadable):
            # With approvals this is an error a moment later.
            pulumi.log.warn(
                "Unknown whether this account owns Identity Center. If it does not, rules for `portal` never fire "
                "here, and nothing can be assigned in the management account. Allow organizations:DescribeOrganization."
                f" The provider says: {organization.said}"
            )
            return
        here, management = organization.deployed_in, organization.management_account
        problems = unmanageable_assignments(pairs, here, management)
        if problems:
            raise ConfigError(problems)
        for warning in silent_portal_rules(paths, watched, here, management):
            pulumi.log.warn(str(warning))

    @cached_property
    def _account(self) -> str:
        """The account of the stack, if a rule names roles of it."""
        alerts = self._spec.alert_path
        of_another_stack = alerts and alerts.tamper and alerts.tamper.session_policy and alerts.tamper.stacks
        if self._spec.approvals and isinstance(self._organization, Organization):
            return self._organization.deployed_in
        if of_another_stack:
            return aws.get_caller_identity(opts=pulumi.InvokeOptions(parent=self)).account_id
        return Known.account

    @cached_property
    def _organization(self) -> Organization | Unreadable:
        return read_organization(self)

    def _create_api(self, region: str) -> "ApprovalApi":
        # Only a stack with approvals waits for the modules of the SDK that they need.
        from breakglass.components.approvals.api import ApprovalApi, ApprovalApiArgs

        # Its parent was the approvals, before the permission sets needed it first.
        old_parent = pulumi.create_urn(f"{self._prefix}-approvals", "breakglass:index:Approvals", parent=self)
        return ApprovalApi(
            f"{self._prefix}-approvals-api",
            ApprovalApiArgs(region, self._spec.tags),
            pulumi.ResourceOptions(parent=self, aliases=[pulumi.Alias(parent=old_parent)]),
        )

    def _find_instance(self, sets: PermissionSets) -> Instance:
        """Return the instance; looked up unless both values are given."""
        if sets.instance_arn is not None and sets.identity_store_id is not None:
            return sets.instance_arn, sets.identity_store_id
        found = aws.ssoadmin.get_instances_output(region=sets.region, opts=pulumi.InvokeOptions(parent=self))
        instance = pulumi.Output.all(found.arns, found.identity_store_ids).apply(partial(_choose_instance, sets))
        return instance["arn"], instance["identity_store_id"]

    def _create_pairs(
        self, sets: PermissionSets, instance: Instance, context: LintContext, api: "ApprovalApi | None"
    ) -> Pairs:
        instance_arn, identity_store_id = instance
        return [
            (
                pair,
                PermissionSetPair(
                    f"{self._prefix}-{pair.name}",
                    PermissionSetPairSpec.from_validated(
                        self._spec,
                        sets,
                        pair,
                        instance_arn=instance_arn,
                        identity_store_id=identity_store_id,
                        protected_arns=list(context.own_arns),
                        approval_api_id=api.api_id if api else None,
                    ),
                    pulumi.ResourceOptions(parent=self),
                ),
            )
            for pair in sets.pairs
        ]

    def _create_topics(self, alerts: Alerts) -> AlarmTopics:
        return AlarmTopics(
            f"{self._prefix}-monitoring",
            AlarmTopicsSpec.from_validated(self._spec, alerts, alerts.monitoring),
            pulumi.ResourceOptions(parent=self),
        )

    def _create_connection(self, alerts: Alerts) -> SlackConnection:
        return SlackConnection(
            f"{self._prefix}-slack",
            SlackConnectionSpec.from_validated(self._spec, alerts, alerts.slack, bot_token=self._spec.slack_bot_token),
            pulumi.ResourceOptions(parent=self),
        )

    def _create_target(self, alerts: Alerts, connection: SlackConnection, topics: AlarmTopics) -> "_SlackTarget":
        """Create the target of the alerts' rules: a state machine or an API destination."""
        child = pulumi.ResourceOptions(parent=self)
        if alerts.delivery is Delivery.confirmed:
            delivery = SlackDelivery(
                f"{self._prefix}-slack-delivery",
                SlackDeliverySpec.from_validated(
                    self._spec,
                    alerts,
                    alerts.slack,
                    stack=self._prefix,
                    channels=_alert_channels(alerts),
                    account_names=_account_names(self._organization),
                    connection_arn=connection.connection_arn,
                    **_topic_arns(alerts, topics),
                ),
                child,
            )
            alarm_arns = pulumi.Output.all(delivery.alarm_arn)
            return _SlackTarget(delivery.machine_arn, delivery.start_role_arn, alarm_arns)
        destination = SlackDestination(
            f"{self._prefix}-slack",
            SlackDestinationSpec.from_validated(
                self._spec, alerts, alerts.slack, connection_arn=connection.connection_arn
            ),
            child,
        )
        no_alarms: pulumi.Output[list[str]] = pulumi.Output.from_input([])
        return _SlackTarget(destination.destination_arn, destination.role_arn, no_alarms, destination.destination_arn)

    def _create_usage_alert(self, alerts: Alerts, target: "_SlackTarget", subject: Subject) -> UsageAlert:
        return UsageAlert(
            f"{self._prefix}-{subject.key}",
            UsageAlertSpec.from_validated(
                self._spec,
                alerts,
                alerts.slack,
                **_subject_keys(subject),
                target_arn=target.arn,
                target_role_arn=target.role_arn,
                drills=alerts.has_drills,
                explain=self._spec.has_explain_button,
            ),
            pulumi.ResourceOptions(parent=self),
        )

    def _create_area_alerts(
        self, alerts: Alerts, target: "_SlackTarget", pairs: Pairs, approvals: "Approvals | None"
    ) -> dict[Watched, AccessAlert | TamperAlert]:
        """Create the alerts on access around the approvals and on tampering, if the stack has them."""
        known = Known(account=self._account)
        access = access_subject(self._spec, self._prefix, known)
        tamper = tamper_subject(self._spec, self._prefix, known)
        created: dict[Watched, AccessAlert | TamperAlert] = {}
        if access is not None:
            created[access] = self._create_access_alert(alerts, target, access, pairs)
        if tamper is not None:
            created[tamper] = self._create_tamper_alert(alerts, target, tamper, approvals)
        return created

    def _create_access_alert(
        self, alerts: Alerts, target: "_SlackTarget", subject: AccessSubject, pairs: Pairs
    ) -> AccessAlert:
        return AccessAlert(
            f"{self._prefix}-{subject.key}",
            AccessAlertSpec.from_validated(
                self._spec,
                alerts,
                alerts.slack,
                **_access_ids(subject, pairs),
                role_arns=list(subject.roles),
                actor_arns=list(subject.actors),
                target_arn=target.arn,
                target_role_arn=target.role_arn,
            ),
            pulumi.ResourceOptions(parent=self),
        )

    def _create_tamper_alert(
        self, alerts: Alerts, target: "_SlackTarget", subject: TamperSubject, approvals: "Approvals | None"
    ) -> TamperAlert:
        own_policy = approvals.session_policy_id if approvals else None
        return TamperAlert(
            f"{self._prefix}-{subject.key}",
            TamperAlertSpec.from_validated(
                self._spec,
                alerts,
                alerts.slack,
                prefixes=list(subject.prefixes),
                secret_names=list(subject.secret_names),
                trail=subject.trail,
                trail_buckets=list(subject.buckets),
                key_arns=list(subject.keys),
                policy_ids=[
                    own_policy if policy_id == Known.session_policy_id else policy_id
                    for policy_id in subject.policy_ids
                ],
                api_id=approvals.api_id if approvals else None,
                deployer_arns=list(subject.deployers),
                function_arns=list(subject.functions),
                target_arn=target.arn,
                target_role_arn=target.role_arn,
            ),
            pulumi.ResourceOptions(parent=self),
        )

    def _create_checks(
        self,
        alerts: Alerts,
        connection: SlackConnection,
        target: "_SlackTarget",
        usage_alerts: Mapping[Subject, UsageAlert],
        topics: AlarmTopics,
    ) -> AlertPathMetricsSpec:
        """Create the probe and the scheduled drills, if the stack has them, and return what the dashboard shows."""
        drilled = {subject: alert for subject, alert in usage_alerts.items() if isinstance(subject, Drilled)}
        rules = _join_outputs({subject.key: alert.drill_rule_name for subject, alert in drilled.items()})
        alarm_arns = [topics.alarm_arns, target.alarm_arns]
        if alerts.drill_interval_seconds is not None:
            drills = self._create_drills(alerts, alerts.drill_interval_seconds, rules, topics)
            alarm_arns.append(drills.alarm_arns)
        channels: list[str] = []
        if alerts.probe_seconds is not None:
            channels = _channels(self._spec, alerts)
            alarm_arns.append(self._create_probe(alerts, alerts.probe_seconds, channels, connection, topics).alarm_arns)
        return AlertPathMetricsSpec.from_validated(
            stack=self._prefix,
            channels=channels,
            drill_rule_names=rules if alerts.has_drills else None,
            has_drill_schedule=alerts.drill_interval_seconds is not None,
            machine_arn=target.arn if target.destination_arn is None else None,
            alarm_arns=pulumi.Output.all(*alarm_arns).apply(_flatten),
        )

    def _create_probe(
        self,
        alerts: Alerts,
        interval_seconds: int,
        channels: list[str],
        connection: SlackConnection,
        topics: AlarmTopics,
    ) -> SlackProbe:
        return SlackProbe(
            f"{self._prefix}-slack-probe",
            SlackProbeSpec.from_validated(
                self._spec,
                alerts,
                alerts.slack,
                stack=self._prefix,
                channels=channels,
                interval_minutes=interval_seconds // 60,
                connection_arn=connection.connection_arn,
                topic_arn=topics.topic_arn,
            ),
            pulumi.ResourceOptions(parent=self),
        )

    def _create_drills(
        self,
        alerts: Alerts,
        interval_seconds: int,
        rules: pulumi.Output[dict[str, str | None]],
        topics: AlarmTopics,
    ) -> DrillSchedule:
        return DrillSchedule(
            f"{self._prefix}-drills",
            DrillScheduleSpec.from_validated(
                self._spec,
                alerts,
                stack=self._prefix,
                drill_rule_names=rules,
                interval_days=interval_seconds // 86_400,
                confirmed=alerts.delivery is Delivery.confirmed,
                topic_arn=topics.topic_arn,
            ),
            pulumi.ResourceOptions(parent=self),
        )

    def _create_monitoring(
        self,
        alerts: Alerts,
        connection: SlackConnection,
        target: "_SlackTarget",
        watched: Sequence[WatchedSubjectSpec],
        topics: AlarmTopics,
        alert_path: AlertPathMetricsSpec,
        approvals: "Approvals | None",
    ) -> UsageMonitoring:
        return UsageMonitoring(
            f"{self._prefix}-monitoring",
            UsageMonitoringSpec.from_validated(
                self._spec,
                alerts,
                alerts.monitoring,
                alerts_by_email=alerts.sends_alerts_by_email,
                watched=watched,
                connection_arn=connection.connection_arn,
                destination_arn=target.destination_arn,
                **_topic_arns(alerts, topics),
                alert_path=alert_path,
                approvals=approvals.metrics if approvals else None,
            ),
            pulumi.ResourceOptions(parent=self),
        )

    def _create_approvals(
        self,
        sets: PermissionSets,
        alerts: Alerts,
        instance: Instance,
        pairs: Pairs,
        watched: Sequence[WatchedSubjectSpec],
        connection: SlackConnection,
        topics: AlarmTopics,
        api: "ApprovalApi",
    ) -> "Approvals":
        # Only a stack with approvals waits for the modules of the SDK that they need.
        from breakglass.components.approvals.approvals import Approvals, ApprovalsSpec

        instance_arn, identity_store_id = instance
        return Approvals(
            f"{self._prefix}-approvals",
            ApprovalsSpec.from_validated(
                self._spec,
                sets,
                alerts,
                alerts.slack,
                instance_arn=instance_arn,
                identity_store_id=identity_store_id,
                settings=self._spec.approvals,
                permission_set_arns=_break_glass_arns(pairs),
                watched=watched,
                bot_token_secret_arn=connection.secret_arn,
                **_topic_arns(alerts, topics),
                api=api,
            ),
            pulumi.ResourceOptions(parent=self),
        )


@dataclass(frozen=True)
class _SlackTarget:
    """The target of the alerts' rules.

    Attributes:
        arn: its ARN.
        role_arn: the role by which EventBridge calls it.
        alarm_arns: its alarms.
        destination_arn: the ARN again, if it is an API destination.
    """

    arn: pulumi.Output[str]
    role_arn: pulumi.Output[str]
    alarm_arns: pulumi.Output[list[str]]
    destination_arn: pulumi.Output[str] | None = None


Value = TypeVar("Value")


def _join_outputs(outputs: Mapping[str, pulumi.Output[Value]]) -> pulumi.Output[dict[str, Value]]:
    """Turn a mapping of outputs into one output; Output.all would make a list of an empty one."""
    return cast(pulumi.Output[dict[str, Value]], pulumi.Output.from_input(dict(outputs)))


def _flatten(lists: Sequence[Sequence[str]]) -> list[str]:
    return [each for listed in lists for each in listed]


def _topic_arns(alerts: Alerts, topics: AlarmTopics) -> dict[str, pulumi.Output[Any] | None]:
    """Return the arguments of a component that raises alarms."""
    page_topic_arn = topics.page_topic_arn if alerts.monitoring.pagers else None
    return {"topic_arn": topics.topic_arn, "page_topic_arn": page_topic_arn}


def _account_names(organization: Organization | Unreadable) -> dict[str, str]:
    """Return the names of the accounts by their IDs; none where they can't be listed."""
    return {} if isinstance(organization, Unreadable) else dict(organization.accounts)


def _alert_channels(alerts: Alerts) -> list[str]:
    """Return the IDs of the channels of alerts and drills, each once, that of the alerts first."""
    return list(dict.fromkeys([alerts.slack.channel, alerts.slack.drill_channel or alerts.slack.channel]))


def _channels(spec: StackFile, alerts: Alerts) -> list[str]:
    """Return the ID of every Slack channel of a stack, each once."""
    named = _alert_channels(alerts)
    if spec.approvals:
        named += [spec.approvals.channel, spec.approvals.second_channel or spec.approvals.channel]
    return list(dict.fromkeys(named))


def _subject_keys(subject: Watched) -> dict[str, Any]:
    """Return the arguments by which a component names a subject."""
    match subject:
        case PermissionSetSubject(name):
            return {"permission_set": name}
        case RoleSubject(arn):
            return {"role_arn": arn}
        case UserSubject(arn):
            return {"user_arn": arn}
        case RootSubject():
            return {"root": True}
        case AccessSubject():
            return {"access": [rule.key for rule in alert_rules(subject)]}
        case TamperSubject():
            return {"tampering": [rule.key for rule in alert_rules(subject)], "prefixes": list(subject.prefixes)}


def _break_glass_arns(pairs: Pairs) -> dict[str, pulumi.Output[str]]:
    return {pair.break_glass_name: component.break_glass_arn for pair, component in pairs}


def _access_ids(subject: AccessSubject, pairs: Pairs) -> dict[str, dict[str, pulumi.Input[str]]]:
    """Return the arguments with the ARNs of a subject's sets and the IDs of its groups."""
    arns = _break_glass_arns(pairs)
    groups = {
        name: group_id or component.break_glass_group_ids[name]
        for pair, component in pairs
        for name, group_id in assigned_groups([pair]).items()
    }
    return {
        "permission_set_arns": {name: arns[name] for name, _ in subject.sets},
        "group_ids": {name: groups[name] for name, _ in subject.groups},
    }


def _watched(alerts: Alerts, subject: Watched, alert: Alert, pairs: Pairs = ()) -> WatchedSubjectSpec:
    return WatchedSubjectSpec.from_validated(
        alerts,
        **_subject_keys(subject),
        **(_access_ids(subject, pairs) if isinstance(subject, AccessSubject) else {}),
        rule_names=alert.rule_names,
        queue_name=alert.queue_name,
        queue_arn=alert.queue_arn,
    )


def _choose_instance(sets: PermissionSets, found: Sequence[Sequence[str]]) -> dict[str, str]:
    """Return the instance of the permission sets, out of the ARNs and identity stores that AWS lists."""
    instances = dict(zip(*found, strict=True))
    candidates = [arn for arn in instances if sets.instance_arn in (None, arn)]
    if len(candidates) != 1:
        problem = Problem(
            "permissionSets.instanceArn",
            format_value(sets.instance_arn) if sets.instance_arn else "(missing)",
            f"Expected one Identity Center instance in {sets.region}, got "
            f"{', '.join(instances) or 'no Identity Center instance'}: the permission sets need exactly one.",
            "Deploy to the account that owns Identity Center, or to its delegated administrator, with its home region. "
            "If there are several instances, name one in `instanceArn`.",
        )
        # Not a ConfigError: no program can catch what is raised in an apply, and Pulumi prints this one as it is.
        raise pulumi.RunError(str(ConfigError([problem])))
    return {"arn": candidates[0], "identity_store_id": sets.identity_store_id or instances[candidates[0]]}
