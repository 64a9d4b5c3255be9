"""The alert path of a stack: its alerts, the way to Slack, and what tests and watches them.

A part of `BreakGlass`, not usable alone. All components are children of the `BreakGlass`.

Non-goals: the way of an event to the rules (see `organization_parts`), and the approvals.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

import pulumi

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
    HOUR,
    AlertPathMetricsSpec,
    UsageMonitoring,
    UsageMonitoringSpec,
    WatchedSubjectSpec,
)
from breakglass.components.approvals.organization import Organization, Unreadable
from breakglass.components.permission_sets.permission_set_pair import PermissionSetPair
from breakglass.components.stack_context import StackContext
from breakglass.stack_file.alerts import Alerts
from breakglass.stack_file.permission_sets import PairSpec
from breakglass.stack_file.rules import Known, access_subject, assigned_groups, tamper_subject, watched_subjects
from breakglass.stack_file.stack import StackFile
from breakglass.vocabulary import Delivery

if TYPE_CHECKING:
    from breakglass.components.alerts.witness import Witness
    from breakglass.components.approvals.approvals import Approvals
    from breakglass.components.organization.roll_call import RollCall

Pairs = Sequence[tuple[PairSpec, PermissionSetPair]]
Alert = UsageAlert | AccessAlert | TamperAlert


class AlertPathParts:
    """Creates the components of the alert path, in the order of their needs.

    The alerts about access and tampering need the approvals, which need the alerts about principals; the dashboard
    shows all of them.

    Attributes:
        topics: the SNS topics of the alarms.
        connection: the connection to Slack.
        alerts: the alerts by their subjects.
        watched: the alerts as other components take them.
        witness: the second witness, if the stack has one.
    """

    def __init__(
        self, context: StackContext, settings: Alerts, event_bus_name: pulumi.Output[str] | None = None
    ) -> None:
        """Create the way to Slack and the alerts about principals.

        Args:
            context: the stack.
            settings: the section of its file.
            event_bus_name: name of the event bus of the principals' rules; None for the default one.
        """
        self._context, self._settings, self._event_bus_name = context, settings, event_bus_name
        self._spec, self._name, self._child = context.spec, context.name, context.child
        self.topics = self._create_topics()
        self.connection = self._create_connection()
        self._target = self._create_target()
        self.alerts: dict[Watched, Alert] = {}
        self.watched: list[WatchedSubjectSpec] = []
        self.witness: Witness | None = None
        for subject in watched_subjects(self._spec):
            self._add(subject, self._create_usage_alert(subject), event_bus_name=event_bus_name)

    @property
    def usage_alerts(self) -> list[UsageAlert]:
        """The alerts about principals."""
        return [alert for alert in self.alerts.values() if isinstance(alert, UsageAlert)]

    @property
    def topic_arns(self) -> dict[str, pulumi.Output[Any] | None]:
        """The arguments of a component that raises alarms."""
        page_topic_arn = self.topics.page_topic_arn if self._settings.monitoring.pagers else None
        return {"topic_arn": self.topics.topic_arn, "page_topic_arn": page_topic_arn}

    def _add(self, subject: Watched, alert: Alert, **more: Any) -> None:
        self.alerts[subject] = alert
        self.watched.append(
            WatchedSubjectSpec.from_validated(
                self._settings,
                **_subject_keys(subject),
                **more,
                rule_names=alert.rule_names,
                queue_name=alert.queue_name,
                queue_arn=alert.queue_arn,
            )
        )

    def _create_topics(self) -> AlarmTopics:
        return AlarmTopics(
            f"{self._name}-monitoring",
            AlarmTopicsSpec.from_validated(self._spec, self._settings, self._settings.monitoring),
            self._child,
        )

    def _create_connection(self) -> SlackConnection:
        return SlackConnection(
            f"{self._name}-slack",
            SlackConnectionSpec.from_validated(
                self._spec, self._settings, self._settings.slack, bot_token=self._spec.slack_bot_token
            ),
            self._child,
        )

    def _create_target(self) -> "_SlackTarget":
        """Create the target of the alerts' rules: a state machine or an API destination."""
        if self._settings.delivery is Delivery.confirmed:
            delivery = SlackDelivery(
                f"{self._name}-slack-delivery",
                SlackDeliverySpec.from_validated(
                    self._spec,
                    self._settings,
                    self._settings.slack,
                    stack=self._name,
                    channels=_alert_channels(self._settings),
                    account_names=_account_names(self._context.organization),
                    connection_arn=self.connection.connection_arn,
                    **self.topic_arns,
                ),
                self._child,
            )
            alarm_arns = pulumi.Output.all(delivery.alarm_arn)
            return _SlackTarget(delivery.machine_arn, delivery.start_role_arn, alarm_arns)
        destination = SlackDestination(
            f"{self._name}-slack",
            SlackDestinationSpec.from_validated(
                self._spec, self._settings, self._settings.slack, connection_arn=self.connection.connection_arn
            ),
            self._child,
        )
        no_alarms: pulumi.Output[list[str]] = pulumi.Output.from_input([])
        return _SlackTarget(destination.destination_arn, destination.role_arn, no_alarms, destination.destination_arn)

    def _create_usage_alert(self, subject: Subject) -> UsageAlert:
        return UsageAlert(
            f"{self._name}-{subject.key}",
            UsageAlertSpec.from_validated(
                self._spec,
                self._settings,
                self._settings.slack,
                **_subject_keys(subject),
                target_arn=self._target.arn,
                target_role_arn=self._target.role_arn,
                drills=self._settings.has_drills,
                explain=self._spec.has_explain_button,
                event_bus_name=self._event_bus_name,
            ),
            self._child,
        )

    def create_area_alerts(self, pairs: Pairs, approvals: "Approvals | None") -> None:
        """Create the alerts on access around the approvals and on tampering, if the stack has them.

        Their rules are on the default event bus: so a deletion of the other bus is reported as well.
        """
        known = Known(account=self._context.account)
        access = access_subject(self._spec, self._name, known)
        tamper = tamper_subject(self._spec, self._name, known)
        if access is not None:
            self._add(access, self._create_access_alert(access, pairs), **_access_ids(access, pairs))
        if tamper is not None:
            self._add(tamper, self._create_tamper_alert(tamper, approvals))

    def _create_access_alert(self, subject: AccessSubject, pairs: Pairs) -> AccessAlert:
        return AccessAlert(
            f"{self._name}-{subject.key}",
            AccessAlertSpec.from_validated(
                self._spec,
                self._settings,
                self._settings.slack,
                **_access_ids(subject, pairs),
                role_arns=list(subject.roles),
                actor_arns=list(subject.actors),
                target_arn=self._target.arn,
                target_role_arn=self._target.role_arn,
            ),
            self._child,
        )

    def _create_tamper_alert(self, subject: TamperSubject, approvals: "Approvals | None") -> TamperAlert:
        own_policy = approvals.session_policy_id if approvals else None
        return TamperAlert(
            f"{self._name}-{subject.key}",
            TamperAlertSpec.from_validated(
                self._spec,
                self._settings,
                self._settings.slack,
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
                hub=subject.hub,
                witness=subject.witness,
                target_arn=self._target.arn,
                target_role_arn=self._target.role_arn,
            ),
            self._child,
        )

    def _create_checks(self, roll_call: "RollCall | None") -> AlertPathMetricsSpec:
        """Create probe, scheduled drills and witness, if the stack has them, and return what the dashboard shows."""
        drilled = {
            subject.key: alert.drill_rule_name
            for subject, alert in self.alerts.items()
            if isinstance(subject, Drilled) and isinstance(alert, UsageAlert)
        }
        rules = join_outputs(drilled)
        alarm_arns = [self.topics.alarm_arns, self._target.alarm_arns]
        self.witness = self._create_witness()
        alarm_arns += [each.alarm_arns for each in (self.witness, roll_call) if each]
        if self._settings.drill_interval_seconds is not None:
            drills = self._create_drills(self._settings.drill_interval_seconds, rules)
            alarm_arns.append(drills.alarm_arns)
        channels: list[str] = []
        if self._settings.probe_seconds is not None:
            channels = _channels(self._spec, self._settings)
            alarm_arns.append(self._create_probe(self._settings.probe_seconds, channels).alarm_arns)
        return AlertPathMetricsSpec.from_validated(
            stack=self._name,
            channels=channels,
            drill_rule_names=rules if self._settings.has_drills else None,
            event_bus_name=self._event_bus_name,
            has_drill_schedule=self._settings.drill_interval_seconds is not None,
            has_witness=self.witness is not None,
            has_roll_call=roll_call is not None,
            machine_arn=self._target.arn if self._target.destination_arn is None else None,
            alarm_arns=pulumi.Output.all(*alarm_arns).apply(_flatten),
        )

    def _create_probe(
        self,
        interval_seconds: int,
        channels: list[str],
    ) -> SlackProbe:
        return SlackProbe(
            f"{self._name}-slack-probe",
            SlackProbeSpec.from_validated(
                self._spec,
                self._settings,
                self._settings.slack,
                stack=self._name,
                channels=channels,
                interval_minutes=interval_seconds // 60,
                connection_arn=self.connection.connection_arn,
                topic_arn=self.topics.topic_arn,
            ),
            self._child,
        )

    def _create_drills(
        self,
        interval_seconds: int,
        rules: pulumi.Output[dict[str, str | None]],
    ) -> DrillSchedule:
        return DrillSchedule(
            f"{self._name}-drills",
            DrillScheduleSpec.from_validated(
                self._spec,
                self._settings,
                stack=self._name,
                drill_rule_names=rules,
                event_bus_name=self._event_bus_name,
                interval_days=interval_seconds // 86_400,
                confirmed=self._settings.delivery is Delivery.confirmed,
                topic_arn=self.topics.topic_arn,
            ),
            self._child,
        )

    def _create_witness(self) -> "Witness | None":
        """Create the second witness, if the stack has one: of the organization's trail, or of the stack's account."""
        organization, seconds = self._settings.organization, self._settings.witness_seconds
        trail = organization.witness.trail_log_group if organization and organization.witness else None
        if trail is None and seconds is None:
            return None
        # Only a stack with a witness waits for the modules that it needs.
        from breakglass.components.alerts.witness import Witness, WitnessSpec

        return Witness(
            f"{self._name}-witness",
            WitnessSpec.from_validated(
                self._spec,
                self._settings,
                self._settings.slack,
                stack=self._name,
                watched=list(self.watched),
                trail_log_group=trail,
                excluded_accounts=list(organization.spokes.exclude) if organization else [],
                interval_hours=(seconds or HOUR) // HOUR,
                connection_arn=self.connection.connection_arn,
                **self.topic_arns,
            ),
            self._child,
        )

    def create_monitoring(self, approvals: "Approvals | None", roll_call: "RollCall | None") -> UsageMonitoring:
        """Create the probe, the scheduled drills and the witness, and the alarms and dashboard of all alerts."""
        return UsageMonitoring(
            f"{self._name}-monitoring",
            UsageMonitoringSpec.from_validated(
                self._spec,
                self._settings,
                self._settings.monitoring,
                alerts_by_email=self._settings.sends_alerts_by_email,
                watched=self.watched,
                connection_arn=self.connection.connection_arn,
                destination_arn=self._target.destination_arn,
                **self.topic_arns,
                alert_path=self._create_checks(roll_call),
                approvals=approvals.metrics if approvals else None,
            ),
            self._child,
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


def join_outputs(outputs: Mapping[str, pulumi.Output[Value]]) -> pulumi.Output[dict[str, Value]]:
    """Turn a mapping of outputs into one output; Output.all would make a list of an empty one."""
    return cast(pulumi.Output[dict[str, Value]], pulumi.Output.from_input(dict(outputs)))


def _flatten(lists: Sequence[Sequence[str]]) -> list[str]:
    return [each for listed in lists for each in listed]


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


def break_glass_arns(pairs: Pairs) -> dict[str, pulumi.Output[str]]:
    """Return the ARN of each break-glass set, by its name."""
    return {pair.break_glass_name: component.break_glass_arn for pair, component in pairs}


def _access_ids(subject: AccessSubject, pairs: Pairs) -> dict[str, dict[str, pulumi.Input[str]]]:
    """Return the arguments with the ARNs of a subject's sets and the IDs of its groups."""
    arns = break_glass_arns(pairs)
    groups = {
        name: group_id or component.break_glass_group_ids[name]
        for pair, component in pairs
        for name, group_id in assigned_groups([pair]).items()
    }
    return {
        "permission_set_arns": {name: arns[name] for name, _ in subject.sets},
        "group_ids": {name: groups[name] for name, _ in subject.groups},
    }
