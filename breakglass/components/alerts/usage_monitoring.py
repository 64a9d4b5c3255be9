"""Dashboard, alarms, e-mails and pages for the alerts in an account and region.

Non-goals: a message that Slack answered with HTTP 200 and did not post, which no metric of EventBridge shows
(see `slack_probe` and `slack_delivery`).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, ClassVar

import pulumi
import pulumi_aws as aws
from pydantic import Field, StrictBool

from breakglass.alerts.connection_events import lost_connection_pattern, lost_connection_text
from breakglass.alerts.dashboard import (
    AlertPathMetrics,
    ApprovalMetrics,
    RuleMetrics,
    SubjectMetrics,
    dashboard_body,
    dashboard_url,
    subject_name,
    usage_paths,
)
from breakglass.alerts.messages import Transformer, email_text, severity
from breakglass.alerts.patterns import RULE_STATE, alert_rules, pattern_json
from breakglass.alerts.rules import KEY_USE_ALARM, area_rule
from breakglass.alerts.subjects import (
    AccessArea,
    AccessSubject,
    Role,
    TamperArea,
    TamperSubject,
    UserSubject,
    Watched,
)
from breakglass.components.alerts.alarm import Alarms, Metric, TopicArns, sum_of
from breakglass.components.alerts.alert_rules import LONGEST_RETRY, bus_of_rule, create_first, input_transformer
from breakglass.components.alerts.watched_subject import EventBus, WatchedSubject
from breakglass.components.arguments import UsageMonitoringArgs
from breakglass.components.constructor import show_analyzer, validate_args
from breakglass.naming import ALERT_PATH_PREFIX, physical_name, rule_dimensions
from breakglass.stack_file.alerts import AlertText, UsageCount
from breakglass.stack_file.base import ConfigModel, RawValue, StringInput, StringListInput, StringMapInput
from breakglass.stack_file.faults import Fault
from breakglass.stack_file.tags import Tagged
from breakglass.stack_file.types import NamePrefix, SlackChannelId
from breakglass.vocabulary import EvidencePath, Severity

HOUR = 3_600
DAY = 86_400
WEEK = 7 * DAY
"""The longest time that an alarm can look back (CloudWatch API Reference, PutMetricAlarm, `Period`)."""

MAIL, PAGER = "email", "pager"
"""The IDs of a rule's targets besides Slack."""


@dataclass(frozen=True)
class _AlertedRule:
    """A rule whose events are messages.

    Attributes:
        key: its key among the rules of the subject.
        path: its evidence path.
        area: the area, if the path has several.
    """

    key: str
    path: EvidencePath
    area: AccessArea | TamperArea | None = None


RuleKeys = Annotated[list[str], Field(min_length=1)]
"""Keys of rules, at least one."""


class WatchedSubjectSpec(EventBus, WatchedSubject):
    """The subject of one alert, and the outputs of the alert.

    The subject of a `UsageAlert` is exactly one of `permissionSet`, `roleArn`, `userArn` and `root`, that of an
    `AccessAlert` is `access`, and that of a `TamperAlert` is `tampering`.
    """

    choices: ClassVar[tuple[str, ...]] = (*WatchedSubject.choices, "access", "tampering")

    access: RuleKeys | None = None
    """The keys of the rules of an `AccessAlert`, e.g. `access-assignments`."""
    tampering: RuleKeys | None = None
    """The keys of the rules of a `TamperAlert`, e.g. `tamper-stack`."""
    permission_set_arns: StringMapInput = None
    """With `access`, ARN of each break-glass set by its name, which an e-mail shows."""
    group_ids: StringMapInput = None
    """With `access`, ID of each group by its name, which an e-mail shows."""
    prefixes: list[NamePrefix] = Field(default_factory=list)
    """With `tampering`, the prefixes of the `TamperAlert`, of which an e-mail shows the first."""
    rule_names: StringMapInput
    """Name of each EventBridge rule, by its key."""
    queue_name: StringInput
    """Name of the alert's dead-letter queue."""
    queue_arn: StringInput
    """ARN of the alert's dead-letter queue."""

    @classmethod
    def cross_field_faults(cls, given: RawValue) -> Iterator[Fault]:
        """Yield faults unless there is exactly one subject, and of keys of rules that it has not."""
        yield from super().cross_field_faults(given)
        for choice in ("access", "tampering"):
            for key in given[choice]:
                found = area_rule(key.text or "")
                if found is None or (found[0] is EvidencePath.access) is not (choice == "access"):
                    yield key.fault(
                        "Not the key of a rule of this alert, so no rule would be monitored.",
                        "Write the keys as in the output `rule_names` of the alert, e.g. "
                        + ("access-assignments." if choice == "access" else "tamper-stack."),
                    )

    @property
    def subject(self) -> Watched:
        """The subject of the alert; of access and tampering without most of its details."""
        if self.access is not None:
            return AccessSubject()
        if self.tampering is not None:
            return TamperSubject(tuple(self.prefixes) or (ALERT_PATH_PREFIX,))
        return super().subject

    @property
    def rules(self) -> list[_AlertedRule]:
        """The rules whose events are messages about the subject, in a fixed order."""
        keys = self.access or self.tampering
        if keys is None:
            paths = {rule.path: rule.key for rule in alert_rules(self.subject, self.evidence_paths)}
            if EvidencePath.key_use in paths:
                paths[EvidencePath.key_use] = KEY_USE_ALARM
            return [_AlertedRule(key, path) for path, key in paths.items()]
        return [_AlertedRule(key, *area) for key in dict.fromkeys(keys) if (area := area_rule(key))]


class ApprovalMetricsSpec(ConfigModel):
    """The resources of the approvals that the dashboard shows."""

    stack: str
    """The name of the `Approvals`, which its metrics have as their dimension."""
    function_names: list[str]
    """Names of its functions."""
    machine_arn: StringInput
    """ARN of its state machine."""
    alarm_arns: StringListInput
    """ARNs of its alarms."""


class AlertPathMetricsSpec(EventBus):
    """The other components of the alert path that the dashboard shows."""

    stack: str
    """The value of their metrics' dimension `Stack`."""
    channels: list[SlackChannelId] = Field(default_factory=list)
    """IDs of the Slack channels that a `SlackProbe` tests."""
    drill_rule_names: StringMapInput = None
    """Name of each drill rule, by the role; without `machine_arn`, their latencies are shown."""
    has_drill_schedule: StrictBool = False
    """True if there is a `DrillSchedule`."""
    has_roll_call: StrictBool = False
    """True if there is a `RollCall`."""
    has_witness: StrictBool = False
    """True if there is a `Witness`."""
    machine_arn: StringInput = None
    """ARN of the state machine of a `SlackDelivery`, if there is one."""
    alarm_arns: StringListInput
    """ARNs of the alarms of these components."""


class UsageMonitoringSpec(Tagged, UsageCount, AlertText):
    """Arguments of `UsageMonitoring`."""

    watched: list[WatchedSubjectSpec] = Field(min_length=1)
    """The alerts, in the order in which the dashboard shows them."""
    connection_arn: StringInput
    """ARN of the EventBridge connection that signs in to Slack."""
    topic_arn: StringInput
    """ARN of the SNS topic that alarms go to."""
    page_topic_arn: StringInput = None
    """ARN of the SNS topic that pages on-call, if there are pagers."""
    alerts_by_email: StrictBool = False
    """Send every alert to `topic_arn` too, as a second channel beside Slack."""
    destination_arn: StringInput = None
    """ARN of the API destination that posts to Slack; absent if a state machine posts."""
    alert_path: AlertPathMetricsSpec | None = None
    """The other components of the alert path, if the dashboard is to show them."""
    approvals: ApprovalMetricsSpec | None = None
    """The approvals, if the dashboard is to show them."""


class UsageMonitoring(pulumi.ComponentResource):
    """Dashboard and alarms for any number of alerts, and their messages by e-mail and pager.

    Alarms, for each alert: a delivery failed, a dead letter is there, a dead letter is older than a day. For a
    principal: it is used more often than an emergency is. For an IAM user: a long-lived access key is used, after an
    hour without use. And once: EventBridge lost its connection to Slack. With pagers, on-call is paged for each alert
    but attempts and sessions of deployers, for key use, failed delivery and dead letter, and for the lost connection.

    Permissions:
        - On `arn:PARTITION:cloudwatch:REGION:ACCOUNT:alarm:breakglass-*`: `cloudwatch:PutMetricAlarm`,
          `cloudwatch:DescribeAlarms`, `cloudwatch:DeleteAlarms`, `cloudwatch:TagResource`,
          `cloudwatch:UntagResource`, `cloudwatch:ListTagsForResource`.
        - On `arn:PARTITION:cloudwatch::ACCOUNT:dashboard/breakglass-*`: `cloudwatch:PutDashboard`,
          `cloudwatch:GetDashboard`, `cloudwatch:DeleteDashboards`.
        - On `arn:PARTITION:events:REGION:ACCOUNT:rule/breakglass-*`: `events:PutRule`, `events:DescribeRule`,
          `events:DeleteRule`, `events:PutTargets`, `events:ListTargetsByRule`, `events:RemoveTargets`,
          `events:TagResource`, `events:UntagResource`, `events:ListTagsForResource`.

    Raises:
        ConfigError: The arguments are wrong.
        MessageError: An alert could not be sent by e-mail.
    """

    dashboard_name: pulumi.Output[str]
    """Name of the CloudWatch dashboard."""
    dashboard_url: pulumi.Output[str]
    """Address of the dashboard in the AWS console."""

    @show_analyzer(UsageMonitoringArgs)
    def __init__(
        self, name: str, args: UsageMonitoringArgs | UsageMonitoringSpec, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        spec = validate_args(UsageMonitoringSpec, args, name)
        texts = [(watched, _texts(spec, watched)) for watched in spec.watched]
        super().__init__("breakglass:index:UsageMonitoring", name, None, opts)

        self._report_lost_connection(name, spec)
        for watched, of_rules in texts:
            for rule, text in of_rules.items():
                self._publish_alert(name, spec, watched, rule, text)
        alarms = [alarm for watched in spec.watched for alarm in self._alarms(name, spec, watched)]
        self.dashboard_name = self._create_dashboard(name, spec, alarms)
        self.dashboard_url = self.dashboard_name.apply(partial(dashboard_url, region=spec.region))
        self.register_outputs({"dashboard_name": self.dashboard_name, "dashboard_url": self.dashboard_url})

    def _create_dashboard(
        self, name: str, spec: UsageMonitoringSpec, alarm_arns: Sequence[pulumi.Output[str]]
    ) -> pulumi.Output[str]:
        """Create the dashboard, and return its name."""
        path, approvals = spec.alert_path, spec.approvals
        return aws.cloudwatch.Dashboard(
            f"{name}-dashboard",
            dashboard_name=physical_name(f"{name}-dashboard"),
            dashboard_body=pulumi.Output.all(
                rule_names=pulumi.Output.all(*[watched.rule_names for watched in spec.watched]),
                queue_names=pulumi.Output.all(*[watched.queue_name for watched in spec.watched]),
                bus_names=pulumi.Output.all(*[watched.event_bus_name for watched in spec.watched]),
                alarm_arns=pulumi.Output.all(*alarm_arns),
                machine_arn=approvals.machine_arn if approvals else None,
                approval_alarm_arns=approvals.alarm_arns if approvals else [],
                drill_rule_names=path.drill_rule_names if path and path.drill_rule_names is not None else {},
                drill_bus_name=path.event_bus_name if path else None,
                delivery_arn=path.machine_arn if path else None,
                path_alarm_arns=path.alarm_arns if path else [],
            ).apply(partial(_dashboard_json, spec)),
            region=spec.region,
            opts=pulumi.ResourceOptions(parent=self),
        ).dashboard_name

    def _report_lost_connection(self, name: str, spec: UsageMonitoringSpec) -> None:
        """Publish the loss of the connection to Slack, which no metric shows."""
        lost = aws.cloudwatch.EventRule(
            f"{name}-lost-connection",
            name=physical_name(f"{name}-lost-connection"),
            description="EventBridge can't post break-glass alerts to Slack any more.",
            event_pattern=pulumi.Output.all(spec.connection_arn, spec.destination_arn).apply(_lost_connection_json),
            state=RULE_STATE,
            region=spec.region,
            tags=spec.tags,
            opts=pulumi.ResourceOptions(parent=self),
        )
        text = lost_connection_text(confirmed=spec.destination_arn is None)
        self._publish(f"{name}-lost-connection", spec, MAIL, lost.name, text)
        if spec.page_topic_arn is not None:
            self._publish(f"{name}-lost-connection-page", spec, PAGER, lost.name, text)

    def _publish_alert(
        self,
        name: str,
        spec: UsageMonitoringSpec,
        watched: WatchedSubjectSpec,
        rule: _AlertedRule,
        text: pulumi.Input[Transformer],
    ) -> None:
        """Publish the alert of one rule, too."""
        of_rule = f"{name}-{watched.subject.key}-{rule.key}"
        rule_name = pulumi.Output.from_input(watched.rule_names)[rule.key]
        if spec.alerts_by_email:
            self._publish(of_rule, spec, MAIL, rule_name, text, watched)
        if spec.page_topic_arn is not None and severity(watched.subject, rule.path) is Severity.page:
            self._publish(f"{of_rule}-page", spec, PAGER, rule_name, text, watched)

    def _publish(
        self,
        name: str,
        spec: UsageMonitoringSpec,
        target_id: str,
        rule: pulumi.Input[str],
        text: pulumi.Input[Transformer],
        watched: WatchedSubjectSpec | None = None,
    ) -> None:
        """Publish the events of a rule to the topic of a target."""
        dead_letters: aws.cloudwatch.EventTargetDeadLetterConfigArgsDict | None = (
            {"arn": watched.queue_arn} if watched else None
        )
        aws.cloudwatch.EventTarget(
            name,
            target_id=target_id,
            rule=rule,
            event_bus_name=watched.event_bus_name if watched else None,
            arn=spec.topic_arn if target_id == MAIL else spec.page_topic_arn,
            input_transformer=pulumi.Output.from_input(text).apply(input_transformer),
            retry_policy=LONGEST_RETRY,
            dead_letter_config=dead_letters,
            region=spec.region,
            opts=create_first(self),
        )

    def _alarms(
        self, name: str, spec: UsageMonitoringSpec, watched: WatchedSubjectSpec
    ) -> Iterator[pulumi.Output[str]]:
        subject, about = watched.subject, subject_name(watched.subject)
        alarm = Alarms(self, TopicArns(spec.topic_arn, spec.page_topic_arn), spec.region, spec.tags).alarm
        of_subject = f"{name}-{subject.key}"
        dead_letters = {
            "namespace": "AWS/SQS",
            "dimensions": {"QueueName": watched.queue_name},
            "statistic": "Maximum",
        }
        for number, rules in enumerate(_batches(watched.rules), start=1):
            yield alarm(
                f"{of_subject}-failed-deliveries" + (f"-{number}" if number > 1 else ""),
                severity=Severity.page,
                description=f"An alert about {about} could not be delivered to Slack, e-mail, a pager or the "
                "usage recorder. What it reports may go unnoticed. Read the event in the dead-letter queue or in "
                "CloudTrail, then find the cause. Runbooks: docs/runbooks/dead-letters.md, "
                "docs/runbooks/slack-is-down.md.",
                metric_queries=sum_of(_failed_deliveries(watched, rules)),
            )
        yield alarm(
            f"{of_subject}-dead-letters",
            severity=Severity.page,
            description=f"Undelivered alerts about {about} are in the dead-letter queue. Read them, tell the "
            "team, and delete them. Runbook: docs/runbooks/dead-letters.md.",
            metric_name="ApproximateNumberOfMessagesVisible",
            **dead_letters,
        )
        yield alarm(
            f"{of_subject}-dead-letter-age",
            description=f"An alert about {about} has been in the dead-letter queue for over a day. SQS deletes "
            "it after 14 days. Read it, tell the team, and delete it. Runbook: docs/runbooks/dead-letters.md.",
            threshold=DAY,
            metric_name="ApproximateAgeOfOldestMessage",
            **dead_letters,
        )
        if isinstance(subject, UserSubject):
            yield alarm(
                f"{of_subject}-key-use",
                severity=Severity.page,
                description=f"A long-lived access key of IAM user {subject.label} is in use, for the first time in an "
                "hour. Find the calls in CloudTrail by the user's name. Not expected? Deactivate the key. Runbook: "
                "docs/runbooks/answer-an-alert.md.",
                **_matched_events(_dimensions(watched, EvidencePath.key_use.value), HOUR),
            )
        counting = usage_paths(subject, [rule.path for rule in watched.rules])
        if counting:
            yield alarm(
                f"{of_subject}-routine-use",
                description=_routine_use(subject, spec.uses_per_week),
                threshold=spec.uses_per_week,
                **_uses([_dimensions(watched, path.value) for path in counting]),
            )


def _batches(rules: Sequence[_AlertedRule]) -> Iterator[Sequence[_AlertedRule]]:
    """Yield batches of five rules: an alarm has at most ten metrics, and a rule two."""
    return (rules[start : start + 5] for start in range(0, len(rules), 5))


def _routine_use(subject: Watched, uses_per_week: int) -> str:
    used = f"{subject.label} was used more than {uses_per_week} times in 7 days: that is routine, not an emergency. "
    remedy = "Read the explanations in the Slack threads, and "
    if isinstance(subject, Role):
        remedy += "add what is needed every day to the everyday permission set, or "
    else:
        remedy += "give these tasks a role that is approved, or "
    runbook = "Runbook: docs/runbooks/explain-a-use.md."
    return f"{used}{remedy}raise usesPerWeek if this was a long incident. {runbook}"


_Dimensions = Mapping[str, pulumi.Input[str]]


def _dimensions(watched: WatchedSubjectSpec, key: str) -> _Dimensions:
    """Return the dimensions of the metrics of a rule."""
    rule_name = pulumi.Output.from_input(watched.rule_names)[key]
    return rule_dimensions(rule_name, bus_of_rule(key, watched.event_bus_name))


def _matched_events(dimensions: _Dimensions, period: int) -> dict[str, Any]:
    """Return the metric of the events that a rule matches."""
    return {
        "namespace": "AWS/Events",
        "metric_name": "MatchedEvents",
        "dimensions": dimensions,
        "period": period,
    }


def _uses(dimensions: Sequence[_Dimensions]) -> dict[str, Any]:
    """Return the metric of the uses of a week that some rules match."""
    if len(dimensions) == 1:
        return _matched_events(dimensions[0], WEEK)
    return {"metric_queries": sum_of([("AWS/Events", "MatchedEvents", each) for each in dimensions], WEEK)}


def _texts(spec: UsageMonitoringSpec, watched: WatchedSubjectSpec) -> dict[_AlertedRule, pulumi.Input[Transformer]]:
    """Return the text of every alert, for e-mail and pagers; an alarm has its own."""
    texts = {
        rule: email_text(watched.subject, rule.path, rule.area, post_mortem_url=spec.post_mortem_url)
        for rule in watched.rules
        if rule.path is not EvidencePath.key_use
    }
    if watched.access is None:
        return {**texts}
    known = pulumi.Output.all(sets=watched.permission_set_arns, groups=watched.group_ids)
    return {rule: known.apply(partial(_access_text, rule, spec.post_mortem_url)) for rule in texts}


def _access_text(rule: _AlertedRule, post_mortem_url: str | None, known: Mapping[str, Any]) -> Transformer:
    sets, groups = known["sets"] or {}, known["groups"] or {}
    subject = AccessSubject(sets=tuple(sets.items()), groups=tuple(groups.items()))
    return email_text(subject, rule.path, rule.area, post_mortem_url=post_mortem_url)


def _failed_deliveries(watched: WatchedSubjectSpec, rules: Sequence[_AlertedRule]) -> list[Metric]:
    """Return the metrics of all failed deliveries of rules, with or without a dead letter."""
    return [
        ("AWS/Events", metric, _dimensions(watched, rule.key))
        for metric in ("FailedInvocations", "InvocationsFailedToBeSentToDlq")
        for rule in rules
    ]


def _lost_connection_json(arns: Sequence[Any]) -> str:
    connection_arn, destination_arn = arns
    return pattern_json(lost_connection_pattern(connection_arn, destination_arn))


def _dashboard_json(spec: UsageMonitoringSpec, resolved: Mapping[str, Any]) -> str:
    subjects = [
        SubjectMetrics(watched.subject, list(_rule_metrics(watched, rule_names, bus_name)), queue_name)
        for watched, rule_names, queue_name, bus_name in zip(
            spec.watched, resolved["rule_names"], resolved["queue_names"], resolved["bus_names"], strict=True
        )
    ]
    approvals = (
        ApprovalMetrics(spec.approvals.stack, spec.approvals.function_names, resolved["machine_arn"])
        if spec.approvals
        else None
    )
    alert_path = (
        AlertPathMetrics(
            stack=spec.alert_path.stack,
            channels=spec.alert_path.channels,
            drill_rule_names=resolved["drill_rule_names"],
            has_drill_schedule=spec.alert_path.has_drill_schedule,
            has_roll_call=spec.alert_path.has_roll_call,
            has_witness=spec.alert_path.has_witness,
            machine_arn=resolved["delivery_arn"],
            drill_bus_name=resolved["drill_bus_name"],
        )
        if spec.alert_path
        else None
    )
    alarm_arns = [*resolved["alarm_arns"], *resolved["path_alarm_arns"], *resolved["approval_alarm_arns"]]
    return json.dumps(dashboard_body(subjects, alarm_arns, spec.region, approvals, alert_path), separators=(",", ":"))


def _rule_metrics(
    watched: WatchedSubjectSpec, rule_names: Mapping[str, str], bus_name: str | None
) -> Iterator[RuleMetrics]:
    for rule in watched.rules:
        if rule.path is EvidencePath.key_use:
            yield RuleMetrics(rule.path.value, rule.path, rule_names[rule.path.value], posts=False, bus_name=bus_name)
        on_bus = bus_of_rule(rule.key, bus_name)
        yield RuleMetrics(rule.key, rule.path, rule_names[rule.key], bus_name=on_bus)
