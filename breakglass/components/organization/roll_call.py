"""The roll call of an organization: a daily mail about accounts and regions whose spoke was not heard.

Non-goals: the spokes and their heartbeats (see `spoke` and `spoke_set`), and a spoke that is heard though one of its
other rules is broken (`breakglass coverage`).
"""

import json
from functools import partial
from typing import Annotated, Any

import pulumi
import pulumi_aws as aws
from pydantic import Field

from breakglass.alerts.patterns import RULE_STATE, pattern_json
from breakglass.components.alerts.alarm import Alarms, TopicArns
from breakglass.components.alerts.alert_rules import LONGEST_RETRY, input_transformer
from breakglass.components.alerts.event_log import EventLog, EventLogArgs, LoggedRule
from breakglass.components.alerts.scheduled_machine import ScheduledMachine, ScheduledMachineArgs
from breakglass.components.arguments import RollCallArgs
from breakglass.components.constructor import show_analyzer, validate_args
from breakglass.iam.documents import (
    build_document,
    list_accounts,
    policy_json,
    publish,
    query_logs,
    write_metrics,
)
from breakglass.naming import METRICS_DIMENSION, METRICS_NAMESPACE, AlertMetric, events_log_group, physical_name
from breakglass.organization.roll_call_machine import SCHEDULE, RollCallSettings, roll_call_definition
from breakglass.organization.roll_call_rules import ADDED_REGION, HEARTBEAT, added_region_text, roll_call_rules
from breakglass.stack_file.alerts import AlertPath
from breakglass.stack_file.base import StringInput
from breakglass.stack_file.tags import Tagged
from breakglass.stack_file.types import AccountId, Region, UnitId

MISSING_AFTER_SECONDS = 26 * 3600
"""The time without the end of a run after which the alarm is raised; the runs are a day apart."""


class RollCallSpec(Tagged, AlertPath):
    """Arguments of `RollCall`."""

    stack: Annotated[str, Field(min_length=1)]
    """The name of the hub's stack: value of the metric's dimension `Stack`, and in the mails."""
    bus_name: StringInput
    """Name of the hub's event bus, in the same account and region."""
    regions: Annotated[list[Region], Field(min_length=1, examples=[["eu-central-1", "us-east-1"]])]
    """The regions in which each account has a spoke."""
    exclude: list[AccountId] = Field(default_factory=list, examples=[["333333333333"]])
    """IDs of accounts without a spoke. A mail names them, but does not miss them."""
    units: list[UnitId] = Field(default_factory=list, examples=[["r-ab12"]])
    """IDs of the roots and organizational units whose accounts have spokes, those of child units included. Default:
    all accounts. The management account and the hub's own are expected anyway."""
    topic_arn: StringInput
    """ARN of the SNS topic that the mails and alarms go to, in the same account and region."""


class RollCall(pulumi.ComponentResource):
    """A state machine without code that compares the accounts of an organization with the heartbeats of their spokes.

    It runs every day at 05:00 UTC, an hour after the heartbeats. It mails the accounts and regions that were not heard,
    every day until all are. Accounts that are excluded or suspended are named, and not missed. A rule mails if Identity
    Center gets a further region, in which each account then needs a spoke.

    Alarms: no run has ended for 26 hours, also until the first one; runs fail. The account is the organization's
    management account, or a delegated administrator: only these may list accounts.

    Permissions:
        - On `arn:PARTITION:states:REGION:ACCOUNT:stateMachine:breakglass-*`: `states:CreateStateMachine`,
          `states:DescribeStateMachine`, `states:UpdateStateMachine`, `states:DeleteStateMachine`,
          `states:ListStateMachineVersions`, `states:TagResource`, `states:UntagResource`,
          `states:ListTagsForResource`. On `*`: `states:ValidateStateMachineDefinition`.
        - On `arn:PARTITION:iam::ACCOUNT:role/breakglass-*`: `iam:CreateRole`, `iam:GetRole`, `iam:UpdateRole`,
          `iam:UpdateAssumeRolePolicy`, `iam:DeleteRole`, `iam:TagRole`, `iam:UntagRole`, `iam:PutRolePolicy`,
          `iam:GetRolePolicy`, `iam:DeleteRolePolicy`, `iam:ListRolePolicies`, `iam:ListAttachedRolePolicies`,
          `iam:ListInstanceProfilesForRole`, `iam:PassRole`.
        - On `arn:PARTITION:events:REGION:ACCOUNT:rule/breakglass-*`: `events:PutRule`, `events:DescribeRule`,
          `events:DeleteRule`, `events:PutTargets`, `events:ListTargetsByRule`, `events:RemoveTargets`,
          `events:TagResource`, `events:UntagResource`, `events:ListTagsForResource`.
        - On `arn:PARTITION:logs:REGION:ACCOUNT:log-group:/aws/events/breakglass-*`: `logs:CreateLogGroup`,
          `logs:DeleteLogGroup`, `logs:PutRetentionPolicy`, `logs:TagResource`, `logs:UntagResource`,
          `logs:ListTagsForResource`. On `*`: `logs:DescribeLogGroups`, `logs:PutResourcePolicy`,
          `logs:DescribeResourcePolicies`, `logs:DeleteResourcePolicy`.
        - On `arn:PARTITION:cloudwatch:REGION:ACCOUNT:alarm:breakglass-*`: `cloudwatch:PutMetricAlarm`,
          `cloudwatch:DescribeAlarms`, `cloudwatch:DeleteAlarms`, `cloudwatch:TagResource`,
          `cloudwatch:UntagResource`, `cloudwatch:ListTagsForResource`.

    Raises:
        ConfigError: The arguments are wrong.
    """

    machine_arn: pulumi.Output[str]
    """ARN of the state machine."""
    log_group_name: pulumi.Output[str]
    """Name of the log group with the heartbeats."""
    rule_names: pulumi.Output[dict[str, str]]
    """Name of each rule on the hub's bus, by its key: `heartbeat`, `added-region`."""
    alarm_arns: pulumi.Output[list[str]]
    """ARNs of the alarms."""

    @show_analyzer(RollCallArgs)
    def __init__(
        self, name: str, args: RollCallArgs | RollCallSpec, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        spec = validate_args(RollCallSpec, args, name)
        super().__init__("breakglass:index:RollCall", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        rules = self._create_rules(name, spec)
        aws.cloudwatch.EventTarget(
            f"{name}-{ADDED_REGION}",
            target_id="mail",
            rule=rules[ADDED_REGION],
            event_bus_name=spec.bus_name,
            arn=spec.topic_arn,
            input_transformer=input_transformer(added_region_text()),
            retry_policy=LONGEST_RETRY,
            region=spec.region,
            opts=child,
        )
        heartbeats = EventLog(
            name,
            EventLogArgs(
                rules={HEARTBEAT: LoggedRule(rules[HEARTBEAT], spec.bus_name)}, region=spec.region, tags=spec.tags
            ),
            child,
        )
        topics = TopicArns(spec.topic_arn)
        machine = ScheduledMachine(
            name,
            ScheduledMachineArgs(
                purpose="Reports accounts and regions that the break-glass alerts do not see.",
                definition=pulumi.Output.from_input(spec.topic_arn).apply(
                    partial(_definition, spec, events_log_group(name))
                ),
                permissions=pulumi.Output.all(spec.topic_arn, heartbeats.log_group_arn).apply(_permissions),
                schedule=SCHEDULE,
                neighbour_arn=spec.topic_arn,
                failed_runs="The roll call of the break-glass alerts could not ask or report which accounts and "
                "regions are seen. It runs again the next day; to see now: uv run breakglass coverage.",
                region=spec.region,
                topics=topics,
                tags=spec.tags,
            ),
            child,
        )
        self.machine_arn, self.log_group_name = machine.machine_arn, heartbeats.log_group_name
        self.rule_names = pulumi.Output.all(**rules).apply(dict)
        missing = _alarm(name, spec, Alarms(self, topics, spec.region, spec.tags))
        self.alarm_arns = pulumi.Output.all(missing, machine.alarm_arn)
        self.register_outputs(
            {
                "machine_arn": self.machine_arn,
                "log_group_name": self.log_group_name,
                "rule_names": self.rule_names,
                "alarm_arns": self.alarm_arns,
            }
        )

    def _create_rules(self, name: str, spec: RollCallSpec) -> dict[str, pulumi.Output[str]]:
        """Create the rules on the hub's bus, and return their names by their keys."""
        return {
            rule.key: aws.cloudwatch.EventRule(
                f"{name}-{rule.key}",
                name=physical_name(f"{name}-{rule.key}"),
                description=rule.description,
                event_bus_name=spec.bus_name,
                event_pattern=pattern_json(rule.pattern),
                state=RULE_STATE,
                region=spec.region,
                tags=spec.tags,
                opts=pulumi.ResourceOptions(parent=self),
            ).name
            for rule in roll_call_rules()
        }


def _alarm(name: str, spec: RollCallSpec, alarms: Alarms) -> pulumi.Output[str]:
    return alarms.alarm(
        f"{name}-missing",
        description="The roll call of the break-glass alerts does not run: no run has ended for 26 hours, so an "
        f"account that is not seen would not be reported. The state machine is {physical_name(name)}. Right after its "
        "first deployment it is silent until 05:00 UTC. To see now: uv run breakglass coverage. Runbook: "
        "docs/runbooks/coverage.md.",
        comparison_operator="LessThanThreshold",
        threshold=1,
        period=MISSING_AFTER_SECONDS,
        statistic="SampleCount",
        treat_missing_data="breaching",
        namespace=METRICS_NAMESPACE,
        metric_name=AlertMetric.missing_spokes,
        dimensions={METRICS_DIMENSION: spec.stack},
    )


def _definition(spec: RollCallSpec, log_group: str, topic_arn: str) -> str:
    settings = RollCallSettings(
        stack=spec.stack,
        regions=spec.regions,
        exclude=spec.exclude,
        units=spec.units,
        log_group=log_group,
        topic_arn=topic_arn,
    )
    return json.dumps(roll_call_definition(settings), separators=(",", ":"))


def _permissions(arns: list[Any]) -> str:
    topic_arn, log_group_arn = arns
    return policy_json(build_document(query_logs(log_group_arn), list_accounts(), publish(topic_arn), write_metrics()))
