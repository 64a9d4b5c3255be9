"""State machines as targets of rules in the local cloud, started by events and by schedules.

Proves nothing about AWS: codes of dead letters are recorded for queues, topics and functions (radkawar/stackd at
9dc356f5, docs/eventbridge.md), and assumed for state machines.
"""

import itertools
import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest

from localcloud.cloud import MANAGEMENT_ACCOUNT, REGION, LocalCloudError, RunningCloud
from localcloud.tests.emulators import machines

pytestmark = pytest.mark.local

_numbers = itertools.count()


@dataclass
class Wiring:
    """A rule that starts a machine, and a dead-letter queue, under names of their own."""

    cloud: RunningCloud
    rule: dict[str, Any]
    states: dict[str, Any]
    name: str = field(default_factory=lambda: f"machine-target-{next(_numbers)}")

    def __post_init__(self) -> None:
        self.events, self.sqs = self.cloud.client("events"), self.cloud.client("sqs")
        rights = {"Action": "*"}
        execution_role = machines.make_role(self.cloud, f"{self.name}-run", "states.amazonaws.com", rights)
        self.machine_arn = machines.make_machine(self.cloud, self.name, self.states, execution_role)
        start = {"Action": "states:StartExecution", "Resource": self.machine_arn}
        self.role_arn = machines.make_role(self.cloud, f"{self.name}-start", "events.amazonaws.com", start)
        accept = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}
        policy = json.dumps({"Statement": [accept]})
        self.queue_url = self.sqs.create_queue(QueueName=self.name, Attributes={"Policy": policy})["QueueUrl"]
        self.put(RoleArn=self.role_arn)

    def put(self, **target: Any) -> None:
        self.events.put_rule(Name=self.name, **self.rule)
        queue_arn = f"arn:aws:sqs:{REGION}:{MANAGEMENT_ACCOUNT}:{self.name}"
        fixed = {"Id": "it", "Arn": self.machine_arn, "DeadLetterConfig": {"Arn": queue_arn}}
        self.events.put_targets(Rule=self.name, Targets=[{**fixed, **target}])

    def happen(self) -> None:
        entry = {"Source": self.name, "DetailType": "d", "Detail": json.dumps({"who": "jane"})}
        self.events.put_events(Entries=[entry])
        self.cloud.wait_idle()

    def executions(self) -> list[dict[str, Any]]:
        listed = self.cloud.client("stepfunctions").list_executions(stateMachineArn=self.machine_arn)["executions"]
        return [machines.describe(self.cloud, each["executionArn"]) for each in listed]

    def dead_letters(self) -> list[tuple[str, str]]:
        """Error code and body of each."""
        answer = self.sqs.receive_message(QueueUrl=self.queue_url, MessageAttributeNames=["All"])
        return [
            (message["MessageAttributes"]["ERROR_CODE"]["StringValue"], message["Body"])
            for message in answer.get("Messages", [])
        ]


@pytest.fixture
def wiring(cloud: RunningCloud) -> Wiring:
    name = f"machine-target-{next(_numbers)}"
    waiting = {"Wait": {"Type": "Wait", "Seconds": 600, "End": True}}
    return Wiring(cloud, {"EventPattern": json.dumps({"source": [name]})}, waiting, name)


def test_rule_starts_a_machine_with_its_input(wiring: Wiring) -> None:
    """`wait_idle` returns when the execution has ended, ten minutes later by the clock of AWS."""
    transformer = {"InputPathsMap": {"who": "$.detail.who"}, "InputTemplate": '{"who":"<who>"}'}
    wiring.put(RoleArn=wiring.role_arn, InputTransformer=transformer)
    wiring.happen()
    [execution] = wiring.executions()
    assert (execution["status"], json.loads(execution["input"])) == ("SUCCEEDED", {"who": "jane"})
    assert 600 <= machines.duration(execution) < 700
    assert wiring.dead_letters() == []


def test_start_without_a_right_is_a_dead_letter(wiring: Wiring) -> None:
    machines.set_rights(wiring.cloud, f"{wiring.name}-start", {"Action": "states:StopExecution"})
    wiring.put(RoleArn=wiring.role_arn, Input='{"a": "letter"}')
    wiring.happen()
    assert (wiring.executions(), wiring.dead_letters()) == ([], [("NO_PERMISSIONS", '{"a": "letter"}')])


def test_start_by_a_role_that_is_gone_is_a_dead_letter(wiring: Wiring) -> None:
    wiring.put(RoleArn=f"{wiring.role_arn}-gone", Input="{}")
    wiring.happen()
    assert wiring.dead_letters() == [("FAILED_TO_ASSUME_ROLE", "{}")]


def test_start_of_a_machine_that_is_gone_is_a_dead_letter(wiring: Wiring) -> None:
    wiring.put(RoleArn=wiring.role_arn, Input="{}")
    wiring.cloud.client("stepfunctions").delete_state_machine(stateMachineArn=wiring.machine_arn)
    wiring.happen()
    assert wiring.dead_letters() == [("NO_RESOURCE", "{}")]


def test_event_of_an_execution_has_the_time_of_aws(cloud: RunningCloud, wiring: Wiring) -> None:
    """Ten minutes pass in one machine; the event that it puts then starts the other."""
    entry = {"Source": wiring.name, "DetailType": "d", "Detail": {}}
    states = {
        "Wait": {"Type": "Wait", "Seconds": 600, "Next": "Put"},
        "Put": {
            "Type": "Task",
            "Resource": "arn:aws:states:::events:putEvents",
            "Arguments": {"Entries": [entry]},
            "End": True,
        },
    }
    schedule = {"ScheduleExpression": "rate(1 day)"}
    first = Wiring(cloud, schedule, states)
    cloud.tick(first.name)
    cloud.wait_idle()
    [cause], [effect] = first.executions(), wiring.executions()
    put = datetime.fromisoformat(json.loads(effect["input"])["time"])
    assert abs((cause["stopDate"] - put).total_seconds()) < 60
    assert effect["startDate"] >= cause["startDate"]


def test_schedule_starts_a_machine_when_it_is_due(cloud: RunningCloud) -> None:
    wiring = Wiring(cloud, {"ScheduleExpression": "rate(1 day)"}, {"Pass": {"Type": "Pass", "End": True}})
    cloud.tick(wiring.name)
    cloud.wait_idle()
    [execution] = wiring.executions()
    event = json.loads(execution["input"])
    rule = f"arn:aws:events:{REGION}:{MANAGEMENT_ACCOUNT}:rule/{wiring.name}"
    assert (event["source"], event["detail-type"], event["resources"]) == ("aws.events", "Scheduled Event", [rule])
    cloud.tick(wiring.name, after=3600)
    cloud.wait_idle()
    times = sorted(each["startDate"] for each in wiring.executions())
    assert 3600 <= (times[1] - times[0]).total_seconds() < 3660
    machines.set_rights(cloud, f"{wiring.name}-start", {"Action": "states:StopExecution"})
    cloud.tick(wiring.name)
    assert [code for code, _ in wiring.dead_letters()] == ["NO_PERMISSIONS"]


def test_schedule_that_is_disabled_starts_nothing(cloud: RunningCloud) -> None:
    schedule = {"ScheduleExpression": "rate(1 day)", "State": "DISABLED"}
    wiring = Wiring(cloud, schedule, {"Pass": {"Type": "Pass", "End": True}})
    cloud.tick(wiring.name)
    assert (wiring.executions(), wiring.dead_letters()) == ([], [])


def test_tick_of_an_unknown_rule_is_refused(wiring: Wiring) -> None:
    for name in ("nobody", wiring.name):
        with pytest.raises(LocalCloudError, match=f"No scheduled rule is named {name}"):
            wiring.cloud.tick(name)
