"""The state machine of the delivery in MiniStack, started by a rule, with the rights of `SlackDelivery`.

Not shown here: every answer of Slack (tests/unit/alerts/test_delivery_machine.py), the deployed stack
(tests/engine/test_stack.py) and its alarms (`make demo BREAK=all`), and AWS itself (docs/live-checks.md).
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from breakglass.alerts.delivery_machine import DeliverySettings, delivery_definition
from breakglass.alerts.messages import slack_message
from breakglass.alerts.patterns import RULE_STATE, event_pattern, pattern_json
from breakglass.alerts.subjects import PermissionSetSubject
from breakglass.iam.documents import (
    deliver_alerts,
    events_trust,
    machine_trust,
    policy_json,
    start_machine,
    state_machine_arn,
)
from breakglass.vocabulary import EvidencePath
from localcloud.cloud import MANAGEMENT_ACCOUNT, RunningCloud
from localcloud.stack import ROOT

NAME = "breakglass-delivery-test"
SUBJECT = PermissionSetSubject("delivery-test")
RECORD = ROOT / "localcloud/records/session-watched-permission-set.json"


@dataclass(frozen=True)
class Wiring:
    """A deployed machine with its rule, and the numbers of messages and mails before a test."""

    cloud: RunningCloud
    machine_arn: str
    posts: int
    mails: int

    def use(self) -> dict[str, Any]:
        """Replay a use of the watched role, and return the execution that it started."""
        before = self._executions()
        record = json.loads(RECORD.read_text(encoding="utf-8").replace("DatabaseAdmin", SUBJECT.name))
        self.cloud.replay(record)
        self.cloud.wait_idle()
        (started,) = self._executions() - before
        execution: dict[str, Any] = self.cloud.client("stepfunctions").describe_execution(executionArn=started)
        return execution

    def _executions(self) -> set[str]:
        found = self.cloud.client("stepfunctions").list_executions(stateMachineArn=self.machine_arn)
        return {execution["executionArn"] for execution in found["executions"]}

    def bodies(self) -> list[dict[str, Any]]:
        """The messages that Slack accepted."""
        return [post.body for post in self.cloud.posts()[self.posts :]]

    def texts(self) -> list[str]:
        """The texts of the mails."""
        return [mail.message for mail in self.cloud.mails()[self.mails :]]


def _role(cloud: RunningCloud, name: str, trust: dict[str, Any], policy: dict[str, Any]) -> str:
    iam = cloud.client("iam")
    arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy_json(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="it", PolicyDocument=policy_json(policy))
    return arn


@pytest.fixture(scope="module")
def machine_arn(cloud: RunningCloud) -> str:
    events, sns = cloud.client("events"), cloud.client("sns")
    auth = {"ApiKeyAuthParameters": {"ApiKeyName": "Authorization", "ApiKeyValue": f"Bearer {cloud.bot_token}"}}
    connection_arn = events.create_connection(Name=NAME, AuthorizationType="API_KEY", AuthParameters=auth)[
        "ConnectionArn"
    ]
    topic_arn = sns.create_topic(Name=NAME)["TopicArn"]
    sns.subscribe(TopicArn=topic_arn, Protocol="email", Endpoint="oncall@example.com")
    arn = state_machine_arn(connection_arn, NAME)
    url = cloud.post_message_url
    role_arn = _role(cloud, NAME, machine_trust(arn), deliver_alerts(arn, connection_arn, url, [topic_arn]))
    settings = DeliverySettings(
        url, connection_arn, [cloud.slack_channel], topic_arn, None, "delivery-test", {MANAGEMENT_ACCOUNT: "local"}
    )
    cloud.client("stepfunctions").create_state_machine(
        name=NAME, definition=json.dumps(delivery_definition(settings)), roleArn=role_arn
    )
    path = EvidencePath.session_start
    events.put_rule(Name=NAME, EventPattern=pattern_json(event_pattern(SUBJECT, path)), State=RULE_STATE)
    message = slack_message(SUBJECT, path, channel=cloud.slack_channel)
    target = {
        "Id": "slack",
        "Arn": arn,
        "RoleArn": _role(cloud, f"{NAME}-start", events_trust(arn), start_machine(arn)),
        "InputTransformer": {"InputPathsMap": dict(message.input_paths), "InputTemplate": message.template},
    }
    events.put_targets(Rule=NAME, Targets=[target])
    return arn


@pytest.fixture
def wiring(cloud: RunningCloud, machine_arn: str) -> Iterator[Wiring]:
    yield Wiring(cloud, machine_arn, len(cloud.posts()), len(cloud.mails()))
    cloud.end_faults()


def test_accepted_alert_has_local_time(wiring: Wiring) -> None:
    execution = wiring.use()

    assert execution["status"] == "SUCCEEDED"
    (body,) = wiring.bodies()
    assert "<!date^" in body["blocks"][1]["elements"][0]["text"]
    assert wiring.texts() == []


def test_busy_slack_gets_the_alert_again(wiring: Wiring) -> None:
    wiring.cloud.fail_slack(methods=["chat.postMessage"], error="internal_error", times=2)

    assert wiring.use()["status"] == "SUCCEEDED"
    assert len(wiring.bodies()) == 1
    assert wiring.texts() == []


def test_archived_channel_is_told_and_alert_comes_late(wiring: Wiring) -> None:
    wiring.cloud.fail_slack(methods=["chat.postMessage"], error="is_archived", times=1)

    assert wiring.use()["status"] == "SUCCEEDED"
    (text,) = wiring.texts()
    assert "Slack did not accept this alert: is_archived. The channel is archived." in text
    assert wiring.bodies()[-1]["text"].startswith("Late: ")


def test_channel_that_stays_archived_fails_the_execution(wiring: Wiring) -> None:
    wiring.cloud.fail_slack(methods=["chat.postMessage"], error="is_archived")

    execution = wiring.use()
    assert (execution["status"], execution["error"]) == ("FAILED", "is_archived")
    assert len(wiring.texts()) == 1


def test_refused_blocks_become_plain_text(wiring: Wiring) -> None:
    wiring.cloud.fail_slack(methods=["chat.postMessage"], error="invalid_blocks", times=1)

    assert wiring.use()["status"] == "SUCCEEDED"
    assert "blocks" not in wiring.bodies()[-1]
    (text,) = wiring.texts()
    assert "Slack shows this alert as plain text" in text
