"""The second witness: it finds each use that CloudTrail recorded and no rule fired on.

Non-goals: the alerts themselves (see `usage_alert`); uses that CloudTrail did not record.
"""

import json
from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any

import pulumi
import pulumi_aws as aws
from pydantic import Field

from breakglass.alerts.recorded_uses import missed_uses_query, use_filters, use_path
from breakglass.alerts.subjects import Subject
from breakglass.alerts.witness_machine import WitnessSettings, witness_definition
from breakglass.components.alerts.alarm import Alarms, TopicArns
from breakglass.components.alerts.event_log import EventLog, EventLogArgs, LoggedRule
from breakglass.components.alerts.scheduled_machine import ScheduledMachine, ScheduledMachineArgs
from breakglass.components.alerts.usage_monitoring import WatchedSubjectSpec
from breakglass.components.arguments import WitnessArgs
from breakglass.components.constructor import show_analyzer, validate_args
from breakglass.errors import ConfigError, Problem
from breakglass.iam.documents import (
    build_document,
    call_slack,
    list_runs,
    look_up_events,
    policy_json,
    publish,
    query_logs,
    state_machine_arn,
    write_metrics,
)
from breakglass.naming import METRICS_DIMENSION, METRICS_NAMESPACE, AlertMetric, physical_name
from breakglass.stack_file.alerts import AlertPath, SecretEncryption, SlackChannel, SlackEndpoint
from breakglass.stack_file.base import StringInput
from breakglass.stack_file.tags import Tagged
from breakglass.stack_file.types import NO_BOOL, AccountId, LogGroupName
from breakglass.vocabulary import Severity, partition_of_region

HOUR = 3600


class WitnessSpec(Tagged, SlackChannel, SlackEndpoint, SecretEncryption, AlertPath):
    """Arguments of `Witness`."""

    stack: Annotated[str, Field(min_length=1)]
    """The value of the metrics' dimension `Stack`."""
    watched: list[WatchedSubjectSpec] = Field(min_length=1)
    """The alerts, as in `UsageMonitoring`. Each use of a permission set or role, and each sign-in of a user or root,
    has to be in the log of events on which rules fired. Access and tampering have no uses, and are left out."""
    trail_log_group: LogGroupName | None = None
    """Name of the log group that a trail delivers its events to, in the same account and region. Default: the uses of
    this account and region are looked up in CloudTrail's event history."""
    excluded_accounts: list[AccountId] = Field(default_factory=list, examples=[["333333333333"]])
    """IDs of accounts in the trail whose uses no rule is meant to see: those without a spoke on purpose."""
    interval_hours: Annotated[int, Field(ge=1, le=24), NO_BOOL] = 1
    """The time between two runs, in hours."""
    connection_arn: StringInput
    """ARN of the EventBridge connection that signs in to Slack."""
    topic_arn: StringInput
    """ARN of the SNS topic that the mails and alarms go to."""
    page_topic_arn: StringInput = None
    """ARN of the SNS topic that pages on-call, if there are pagers."""

    @property
    def subjects(self) -> dict[Subject, WatchedSubjectSpec]:
        """The subjects whose uses the witness looks for, each with its alert."""
        return {
            subject: each
            for each in self.watched
            if isinstance(subject := each.subject, Subject) and use_path(subject) in [rule.path for rule in each.rules]
        }


class Witness(pulumi.ComponentResource):
    """A state machine without code that looks for recorded uses on which no rule fired.

    Each rule of a use gets one more target, a log group. Every `interval_hours` the machine compares the recorded uses
    with it by event ID. It posts a use that is not there in Slack, late and with the reason, mails and pages it, and
    counts it. With a trail's log group, metric filters count every use as well, without EventBridge, and an alarm mails
    them: one mail for uses within some minutes. An alarm pages if no record comes to the log group, or no trail logs.

    Permissions:
        - As for `SlackProbe`.
        - On `arn:PARTITION:logs:REGION:ACCOUNT:log-group:/aws/events/breakglass-*`: `logs:CreateLogGroup`,
          `logs:DeleteLogGroup`, `logs:PutRetentionPolicy`, `logs:TagResource`, `logs:UntagResource`,
          `logs:ListTagsForResource`. On `*`: `logs:DescribeLogGroups`, `logs:PutResourcePolicy`,
          `logs:DescribeResourcePolicies`, `logs:DeleteResourcePolicy`.
        - With `trail_log_group`, on that log group: `logs:PutMetricFilter`, `logs:DescribeMetricFilters`,
          `logs:DeleteMetricFilter`.

    Raises:
        BreakglassError: There are too many watched roles and users for the query of a trail's log group.
        ConfigError: The arguments are wrong.
    """

    machine_arn: pulumi.Output[str]
    """ARN of the state machine."""
    log_group_name: pulumi.Output[str]
    """Name of the log group of the events on which rules fired."""
    alarm_arns: pulumi.Output[list[str]]
    """ARNs of the alarms."""

    @show_analyzer(WitnessArgs)
    def __init__(self, name: str, args: WitnessArgs | WitnessSpec, opts: pulumi.ResourceOptions | None = None) -> None:
        spec = validate_args(WitnessSpec, args, name)
        _require_uses(spec, name)
        super().__init__("breakglass:index:Witness", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        topics = TopicArns(spec.topic_arn, spec.page_topic_arn)
        fired = EventLog(f"{name}-fired", EventLogArgs(rules=_rules(spec), region=spec.region, tags=spec.tags), child)
        arns = pulumi.Output.all(spec.connection_arn, spec.topic_arn, spec.page_topic_arn, fired.log_group_arn)
        machine = ScheduledMachine(
            name,
            ScheduledMachineArgs(
                purpose="Finds recorded uses of break-glass roles on which no rule fired.",
                definition=pulumi.Output.all(arns, fired.log_group_name).apply(partial(_definition, spec)),
                permissions=arns.apply(partial(_permissions, spec, physical_name(name))),
                schedule=f"rate({60 * spec.interval_hours} minutes)",
                neighbour_arn=spec.connection_arn,
                failed_runs="The second witness of the break-glass alerts could not compare all recorded uses with the "
                "alerts, or could not mail what it found. The next run makes up for it.",
                region=spec.region,
                topics=topics,
                tags=spec.tags,
            ),
            child,
        )
        alarms = Alarms(self, topics, spec.region, spec.tags)
        raised = [_missing_runs(name, spec, alarms), _no_trail(name, spec, alarms)]
        if spec.trail_log_group is not None:
            raised.append(self._mail_uses(name, spec, alarms))
        self.machine_arn = machine.machine_arn
        self.log_group_name = fired.log_group_name
        self.alarm_arns = pulumi.Output.all(*raised, machine.alarm_arn)
        self.register_outputs(
            {
                "machine_arn": self.machine_arn,
                "log_group_name": self.log_group_name,
                "alarm_arns": self.alarm_arns,
            }
        )

    def _mail_uses(self, name: str, spec: WitnessSpec, alarms: Alarms) -> pulumi.Output[str]:
        """Create the metric filters on the trail's log group, and the alarm that mails their uses."""
        metric = physical_name(f"{name}-uses", limit=255)
        for number, pattern in enumerate(use_filters(list(spec.subjects)), start=1):
            aws.cloudwatch.LogMetricFilter(
                f"{name}-uses-{number}",
                name=physical_name(f"{name}-uses-{number}"),
                log_group_name=spec.trail_log_group,
                pattern=pattern,
                metric_transformation={"name": metric, "namespace": METRICS_NAMESPACE, "value": "1"},
                region=spec.region,
                opts=pulumi.ResourceOptions(parent=self),
            )
        return alarms.alarm(
            f"{name}-use",
            description="CloudTrail recorded a use of a break-glass role, or a sign-in of a watched user or root. This "
            "mail comes without EventBridge, some minutes after the alert in Slack. Is there no alert? Look for the "
            f"record in the log group {spec.trail_log_group}; within two hours the second witness says who it was. "
            "Runbook: docs/runbooks/alarms.md.",
            namespace=METRICS_NAMESPACE,
            metric_name=metric,
        )


def _require_uses(spec: WitnessSpec, name: str) -> None:
    """Refuse alerts without uses, and more subjects than a query takes, before a resource is touched.

    Raises:
        ConfigError: No alert has a use.
        BreakglassError: There are too many subjects.
    """
    if not spec.subjects:
        problem = Problem(
            f"{name}.watched",
            "(no uses)",
            "Each use of a role is on the path session_start, each sign-in of a user or root on sign_in. No alert has "
            "such a rule, so the witness would compare nothing.",
            "Add session_start to the evidence paths, or leave the witness out.",
        )
        raise ConfigError([problem])
    if spec.trail_log_group is not None:
        missed_uses_query(list(spec.subjects), partition_of_region(spec.region), spec.excluded_accounts, "0", "0")


def _missing_runs(name: str, spec: WitnessSpec, alarms: Alarms) -> pulumi.Output[str]:
    return alarms.alarm(
        f"{name}-missing",
        description="The second witness of the break-glass alerts does not run: no run has ended for two intervals. "
        f"The state machine is {physical_name(name)}. Right after its first deployment it is silent for an interval. "
        "Runbook: docs/runbooks/alarms.md.",
        comparison_operator="LessThanThreshold",
        threshold=1,
        period=2 * HOUR * spec.interval_hours,
        statistic="SampleCount",
        treat_missing_data="breaching",
        namespace=METRICS_NAMESPACE,
        metric_name=AlertMetric.uses_without_alert,
        dimensions={METRICS_DIMENSION: spec.stack},
    )


def _no_trail(name: str, spec: WitnessSpec, alarms: Alarms) -> pulumi.Output[str]:
    """Create the alarm on a witness that has nothing to read: to compare no records finds no use."""
    if spec.trail_log_group is not None:
        return alarms.alarm(
            f"{name}-no-trail",
            description=f"No record has come to the log group {spec.trail_log_group} for two hours, so the second "
            "witness sees no use. The trail is stopped, or can't write there. EventBridge may get no records either, "
            "and no alert comes then. Runbook: docs/runbooks/alarms.md.",
            severity=Severity.page,
            comparison_operator="LessThanThreshold",
            threshold=1,
            period=2 * HOUR,
            treat_missing_data="breaching",
            namespace="AWS/Logs",
            metric_name="IncomingLogEvents",
            dimensions={"LogGroupName": spec.trail_log_group},
        )
    return alarms.alarm(
        f"{name}-no-trail",
        description="No trail logs in this account and region. Without one EventBridge gets no records of CloudTrail, "
        "so no alert comes. Start a trail that logs read and write management events. Until then the second witness "
        "finds uses in CloudTrail's event history. Runbook: docs/runbooks/alarms.md.",
        severity=Severity.page,
        comparison_operator="LessThanThreshold",
        threshold=1,
        period=2 * HOUR * spec.interval_hours,
        statistic="Minimum",
        namespace=METRICS_NAMESPACE,
        metric_name=AlertMetric.active_trails,
        dimensions={METRICS_DIMENSION: spec.stack},
    )


def _rules(spec: WitnessSpec) -> dict[str, LoggedRule]:
    """Return the rules on which uses fire, by the key of their subject."""
    return {
        subject.key: LoggedRule(pulumi.Output.from_input(alert.rule_names)[use_path(subject)], alert.event_bus_name)
        for subject, alert in spec.subjects.items()
    }


def _definition(spec: WitnessSpec, resolved: Sequence[Any]) -> str:
    (connection_arn, topic_arn, page_topic_arn, _), fired = resolved
    witness = WitnessSettings(
        stack=spec.stack,
        subjects=list(spec.subjects),
        interval_seconds=HOUR * spec.interval_hours,
        fired_log_group=fired,
        trail_log_group=spec.trail_log_group,
        excluded_accounts=spec.excluded_accounts,
        channel=spec.channel,
        post_message_url=spec.post_message_url,
        connection_arn=connection_arn,
        topic_arn=topic_arn,
        page_topic_arn=page_topic_arn,
    )
    return json.dumps(witness_definition(witness), separators=(",", ":"))


def _permissions(spec: WitnessSpec, machine_name: str, arns: Sequence[Any]) -> str:
    connection_arn, topic_arn, page_topic_arn, fired_arn = arns
    machine_arn = state_machine_arn(connection_arn, machine_name)
    if spec.trail_log_group is None:
        recorded = [query_logs(fired_arn), *look_up_events(partition_of_region(spec.region))]
    else:
        recorded = [query_logs(f"{fired_arn.rpartition(':')[0]}:{spec.trail_log_group}", fired_arn)]
    return policy_json(
        build_document(
            *call_slack(machine_arn, connection_arn, [spec.post_message_url], spec.kms_key_arn),
            list_runs(machine_arn),
            *recorded,
            write_metrics(),
            publish(topic_arn, *([page_topic_arn] if page_topic_arn else [])),
        )
    )
