"""Probe, scheduled drills and witness in the local cloud, each with the IAM policy of its role.

Not proven here: the schedule itself (tests/engine), and that AWS and Slack answer as their emulators do
(docs/live-checks.md).
"""

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from breakglass.alerts.delivery_machine import DeliverySettings, delivery_definition
from breakglass.alerts.drill_machine import Drills, drill_definition
from breakglass.alerts.drills import DRILL_DETAIL_TYPE, DRILL_SOURCE, drill_message, drill_pattern
from breakglass.alerts.patterns import RULE_STATE, event_pattern, pattern_json
from breakglass.alerts.probe_machine import Probe, delete_url, probe_definition, schedule_url
from breakglass.alerts.subjects import PermissionSetSubject
from breakglass.alerts.witness_machine import MISSED_USE_EVENT_TYPE, WitnessSettings, witness_definition
from breakglass.iam.documents import (
    Document,
    build_document,
    call_slack,
    deliver_alerts,
    events_trust,
    list_runs,
    log_events,
    look_up_events,
    machine_trust,
    policy_json,
    publish,
    query_logs,
    read_metrics,
    send_events,
    start_machine,
    write_metrics,
)
from breakglass.vocabulary import EvidencePath
from localcloud.cloud import MANAGEMENT_ACCOUNT, REGION, RunningCloud
from localcloud.records import RECORDS, load_record
from localcloud.slack_user import wait_until

NO_CHANNEL = "C0NOWHERE00"


class Stack:
    """A connection, a topic with a mailbox, and state machines, under names of their own."""

    def __init__(self, cloud: RunningCloud) -> None:
        self.cloud = cloud
        self.name = f"breakglass-{uuid.uuid4().hex[:8]}"
        parameters = {"ApiKeyName": "Authorization", "ApiKeyValue": f"Bearer {cloud.bot_token}"}
        self.connection_arn: str = cloud.client("events").create_connection(
            Name=self.name,
            AuthorizationType="API_KEY",
            AuthParameters={"ApiKeyAuthParameters": parameters},
        )["ConnectionArn"]
        sns = cloud.client("sns")
        self.topic_arn: str = sns.create_topic(Name=self.name)["TopicArn"]
        sns.subscribe(TopicArn=self.topic_arn, Protocol="email", Endpoint=f"{self.name}@example.com")

    def machine_arn(self, kind: str) -> str:
        """ARN of a machine of this stack."""
        return f"arn:aws:states:{REGION}:{MANAGEMENT_ACCOUNT}:stateMachine:{self.name}-{kind}"

    def role(self, kind: str, trust: Document, permissions: Document) -> str:
        """ARN of a new role."""
        iam, name = self.cloud.client("iam"), f"{self.name}-{kind}"
        made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy_json(trust))
        iam.put_role_policy(RoleName=name, PolicyName="permissions", PolicyDocument=policy_json(permissions))
        arn: str = made["Role"]["Arn"]
        return arn

    def machine(self, kind: str, definition: Mapping[str, Any], permissions: Document) -> str:
        """ARN of a new machine."""
        arn = self.machine_arn(kind)
        role_arn = self.role(kind, machine_trust(arn), permissions)
        self.cloud.client("stepfunctions").create_state_machine(
            name=f"{self.name}-{kind}", definition=json.dumps(definition), roleArn=role_arn
        )
        return arn

    def run(self, machine_arn: str) -> dict[str, Any]:
        """A new execution, when it has ended."""
        client = self.cloud.client("stepfunctions")
        execution_arn = client.start_execution(stateMachineArn=machine_arn, input="{}")["executionArn"]

        def ended() -> dict[str, Any] | None:
            described: dict[str, Any] = client.describe_execution(executionArn=execution_arn)
            return None if described["status"] == "RUNNING" else described

        return wait_until(ended, "the end of an execution")

    def mails(self) -> list[str]:
        """The texts of the mails to the mailbox."""
        return [each.message for each in self.cloud.mails() if each.topic_arn == self.topic_arn]


def probe(stack: Stack, *channels: str) -> str:
    url = stack.cloud.post_message_url
    settings = Probe(
        stack=stack.name,
        channels=channels,
        interval_seconds=900,
        post_message_url=url,
        connection_arn=stack.connection_arn,
        topic_arn=stack.topic_arn,
    )
    permissions = build_document(
        *call_slack(stack.machine_arn("probe"), stack.connection_arn, [schedule_url(url), delete_url(url)]),
        write_metrics(),
        read_metrics(),
        publish(stack.topic_arn),
    )
    return stack.machine("probe", probe_definition(settings), permissions)


def test_probe_shows_nothing_and_reports_each_outage_once(cloud: RunningCloud) -> None:
    stack = Stack(cloud)
    machine_arn = probe(stack, cloud.slack_channel, NO_CHANNEL)
    before = len(cloud.posts())

    runs = [stack.run(machine_arn) for _ in range(2)]

    assert [run["status"] for run in runs] == ["SUCCEEDED", "SUCCEEDED"], runs
    assert len(cloud.posts()) == before
    (mail,) = stack.mails()
    assert f"in the channel {NO_CHANNEL} now: channel_not_found. The channel does not exist" in mail


def test_probe_without_a_permission_reports_it(cloud: RunningCloud) -> None:
    stack = Stack(cloud)
    machine_arn = probe(stack, cloud.slack_channel)
    role = f"{stack.name}-probe"
    only_reports = build_document(write_metrics(), read_metrics(), publish(stack.topic_arn))
    cloud.client("iam").put_role_policy(
        RoleName=role, PolicyName="permissions", PolicyDocument=policy_json(only_reports)
    )

    run = stack.run(machine_arn)

    assert run["status"] == "SUCCEEDED"
    assert "States.Http.AccessDenied. The role of the state machine may not call Slack" in stack.mails()[0]


def deliver_drills(stack: Stack, subject: PermissionSetSubject) -> str:
    """Name of a new drill rule, whose target is a new delivery machine."""
    url = stack.cloud.post_message_url
    settings = DeliverySettings(
        post_message_url=url,
        connection_arn=stack.connection_arn,
        channels=[stack.cloud.slack_channel],
        topic_arn=stack.topic_arn,
        page_topic_arn=None,
        stack=stack.name,
        account_names={},
    )
    arn = stack.machine_arn("delivery")
    permissions = deliver_alerts(arn, stack.connection_arn, url, [stack.topic_arn])
    stack.machine("delivery", delivery_definition(settings), permissions)
    role_arn = stack.role("start", events_trust(arn), start_machine(arn))
    events, rule = stack.cloud.client("events"), f"{stack.name}-drill"
    message = drill_message(subject, channel=stack.cloud.slack_channel)
    events.put_rule(Name=rule, EventPattern=pattern_json(drill_pattern(subject)))
    transformer = {"InputPathsMap": dict(message.input_paths), "InputTemplate": message.template}
    events.put_targets(
        Rule=rule, Targets=[{"Id": "slack", "Arn": arn, "RoleArn": role_arn, "InputTransformer": transformer}]
    )
    return rule


@pytest.mark.parametrize("confirmed", [True, False], ids=["confirmed", "direct"])
def test_drill_without_a_rule_is_late_and_the_other_is_not(cloud: RunningCloud, confirmed: bool) -> None:
    stack = Stack(cloud)
    subject = PermissionSetSubject(f"drilled-{stack.name[-8:]}")
    rules = {subject.key: deliver_drills(stack, subject), "deleted": f"{stack.name}-deleted"}
    definition = drill_definition(Drills(stack.name, rules, 86_400, confirmed, "aws"))
    sending = send_events(stack.machine_arn("drills"), DRILL_SOURCE, DRILL_DETAIL_TYPE)
    machine_arn = stack.machine("drills", definition, build_document(sending, write_metrics(), read_metrics()))

    run = stack.run(machine_arn)

    assert run["status"] == "SUCCEEDED", run
    assert len([body for body in cloud.messages() if subject.key in body["text"]]) == 1
    assert late_drills(stack) == [1]


def late_drills(stack: Stack) -> list[float]:
    found = stack.cloud.client("cloudwatch").get_metric_data(
        MetricDataQueries=[
            {
                "Id": "late",
                "MetricStat": {
                    "Metric": {
                        "Namespace": "Breakglass",
                        "MetricName": "LateDrills",
                        "Dimensions": [{"Name": "Stack", "Value": stack.name}],
                    },
                    "Period": 60,
                    "Stat": "Maximum",
                },
            }
        ],
        StartTime=0,
        EndTime=4_000_000_000,
    )
    values: list[float] = found["MetricDataResults"][0]["Values"]
    return values


class Witness:
    """A witness, the rule of one set's uses, and the log groups that it compares."""

    def __init__(self, stack: Stack, has_trail: bool) -> None:
        self.stack = stack
        self.cloud = stack.cloud
        self.name = f"watched-{stack.name[-8:]}"
        self.role_arn = (
            f"arn:aws:iam::{MANAGEMENT_ACCOUNT}:role/aws-reserved/sso.amazonaws.com/{REGION}/"
            f"AWSReservedSSO_{self.name}_8aceb16634d294af"
        )
        subject = PermissionSetSubject(self.name)
        fired, trail = f"/aws/events/{stack.name}-fired", f"trail-{stack.name}"
        logs = self.cloud.client("logs")
        for group in (fired, trail):
            logs.create_log_group(logGroupName=group)
        arns = [f"arn:aws:logs:{REGION}:{MANAGEMENT_ACCOUNT}:log-group:{group}" for group in (fired, trail)]
        policy = policy_json(log_events(arns[0], [None]))
        logs.put_resource_policy(policyName=f"{stack.name}-fired", policyDocument=policy)
        events = self.cloud.client("events")
        pattern = pattern_json(event_pattern(subject, EvidencePath.session_start))
        events.put_rule(Name=f"{stack.name}-use", EventPattern=pattern, State=RULE_STATE)
        events.put_targets(Rule=f"{stack.name}-use", Targets=[{"Id": "log", "Arn": arns[0]}])
        if has_trail:
            self.cloud.set_trail(trail)
        else:
            _, _, role = self.role_arn.partition(":role")
            path, name = role.rsplit("/", 1)
            self.cloud.client("iam").create_role(RoleName=name, Path=f"{path}/", AssumeRolePolicyDocument="{}")
        self._schedule(
            WitnessSettings(
                stack=stack.name,
                subjects=[subject],
                interval_seconds=3600,
                fired_log_group=fired,
                trail_log_group=trail if has_trail else None,
                excluded_accounts=[],
                channel=self.cloud.slack_channel,
                post_message_url=self.cloud.post_message_url,
                connection_arn=stack.connection_arn,
                topic_arn=stack.topic_arn,
            ),
            [query_logs(arns[1], arns[0])] if has_trail else [query_logs(arns[0]), *look_up_events("aws")],
        )

    def _schedule(self, settings: WitnessSettings, reading: list[dict[str, Any]]) -> None:
        self.machine_arn = self.stack.machine_arn("witness")
        permissions = build_document(
            *call_slack(self.machine_arn, self.stack.connection_arn, [settings.post_message_url]),
            list_runs(self.machine_arn),
            *reading,
            write_metrics(),
            publish(self.stack.topic_arn),
        )
        self.stack.machine("witness", witness_definition(settings), permissions)
        role_arn = self.stack.role("witness-start", events_trust(self.machine_arn), start_machine(self.machine_arn))
        events, rule = self.cloud.client("events"), f"{self.stack.name}-witness"
        events.put_rule(Name=rule, ScheduleExpression="rate(60 minutes)")
        events.put_targets(
            Rule=rule, Targets=[{"Id": "machine", "Arn": self.machine_arn, "RoleArn": role_arn, "Input": "{}"}]
        )

    def use(self, number: int) -> dict[str, Any]:
        """The record of a use now."""
        record = load_record(RECORDS / "session-devops-break-glass.json").content
        return record | {
            "eventID": f"{number}{uuid.uuid4().hex[1:8]}-0000-4000-8000-000000000000",
            "eventTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "requestParameters": record["requestParameters"] | {"roleArn": self.role_arn},
            "resources": [],
        }

    def run(self, after: float) -> None:
        """A run of the schedule that starts some seconds from now, when it has succeeded."""
        client = self.cloud.client("stepfunctions")
        known = len(client.list_executions(stateMachineArn=self.machine_arn)["executions"])
        self.cloud.tick(f"{self.stack.name}-witness", after)

        def ended() -> list[str] | None:
            found = client.list_executions(stateMachineArn=self.machine_arn)["executions"]
            statuses = [each["status"] for each in found]
            return statuses if len(statuses) > known and "RUNNING" not in statuses else None

        assert set(wait_until(ended, "the end of an execution")) == {"SUCCEEDED"}

    def reported(self) -> list[str]:
        """The event IDs in the messages about uses of the set."""
        messages = [each for each in self.cloud.messages() if self.name in each["text"]]
        assert {each["metadata"]["event_type"] for each in messages} <= {MISSED_USE_EVENT_TYPE}
        return [each["metadata"]["event_payload"]["event_id"] for each in messages]


@pytest.mark.parametrize("has_trail", [True, False], ids=["log group of a trail", "event history"])
def test_witness_reports_a_use_without_alert_once(cloud: RunningCloud, has_trail: bool) -> None:
    witness = Witness(Stack(cloud), has_trail)
    seen, lost = witness.use(1), witness.use(2)
    cloud.replay(seen)
    cloud.record(lost)
    # Other tests share the cloud.
    cloud.set_trail(None)
    cloud.wait_idle()

    witness.run(after=3600)
    assert witness.reported() == [lost["eventID"]]
    (mail,) = witness.stack.mails()
    assert lost["eventID"] in mail
    assert seen["eventID"] not in mail

    witness.run(after=7200)
    assert witness.reported() == [lost["eventID"]]
