"""The template of the spokes in the emulated CloudFormation, and what arrives at a hub's bus.

Not shown here: the deployment by a StackSet (`make demo`), the rules of the hub, and AWS itself (docs/live-checks.md).
"""

import json
import time
from typing import Any

import pytest

from breakglass.alerts.patterns import RULE_STATE
from breakglass.alerts.subjects import RoleSubject, UserSubject
from breakglass.iam.documents import dead_letter_queue_policy, hub_bus_policy, policy_json
from breakglass.organization.spoke_rules import SpokeSettings, spoke_rules
from breakglass.organization.spoke_template import template_body
from localcloud.cloud import RunningCloud
from localcloud.emulators.cloudtrail import as_event, relocate
from localcloud.records import load_records
from tests.events.matcher import matches
from tests.events.watched import USED

pytestmark = pytest.mark.local

MEMBER, EXCLUDED, REGION = "222222222222", "333333333333", "ap-southeast-2"
BUS = "breakglass-spokes-test-hub"
SETTINGS = SpokeSettings(
    roles=tuple(
        subject.arn.replace(subject.account_id, MEMBER) for subject in USED if isinstance(subject, RoleSubject)
    ),
    users=tuple(subject.arn for subject in USED if isinstance(subject, UserSubject)),
)
RECORDS = [record for record in load_records() if "drill" not in record.content]


class Hub:
    """A bus that admits spokes, with a queue for all that arrives there."""

    def __init__(self, cloud: RunningCloud) -> None:
        self.cloud = cloud
        events, sqs = cloud.client("events"), cloud.client("sqs")
        organization = cloud.client("organizations").describe_organization()["Organization"]["Id"]
        self.arn = events.create_event_bus(Name=BUS)["EventBusArn"]
        policy = policy_json(hub_bus_policy(self.arn, organization))
        events.put_permission(EventBusName=BUS, Policy=policy)
        rule = events.put_rule(
            Name="all", EventBusName=BUS, EventPattern='{"source": [{"prefix": "aws."}]}', State=RULE_STATE
        )["RuleArn"]
        self.queue_url = sqs.create_queue(QueueName=BUS)["QueueUrl"]
        queue = sqs.get_queue_attributes(QueueUrl=self.queue_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        allowed = policy_json(dead_letter_queue_policy(queue, [rule]))
        sqs.set_queue_attributes(QueueUrl=self.queue_url, Attributes={"Policy": allowed})
        events.put_targets(Rule="all", EventBusName=BUS, Targets=[{"Id": "all", "Arn": queue}])

    def arrived(self) -> list[dict[str, Any]]:
        """Return the events that arrived since."""
        sqs, found = self.cloud.client("sqs"), list[dict[str, Any]]()
        self.cloud.wait_idle()
        while messages := sqs.receive_message(QueueUrl=self.queue_url, MaxNumberOfMessages=10).get("Messages", []):
            for message in messages:
                sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"])
                found.append(json.loads(message["Body"]))
        return found


@pytest.fixture(scope="module")
def hub(cloud: RunningCloud) -> Hub:
    hub = Hub(cloud)
    for account in (MEMBER, EXCLUDED):
        cloudformation = cloud.client("cloudformation", account, REGION)
        cloudformation.create_stack(
            StackName="spoke",
            TemplateBody=template_body(SETTINGS, [EXCLUDED]),
            Parameters=[{"ParameterKey": "HubBusArn", "ParameterValue": hub.arn}],
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )
        while (stack := cloudformation.describe_stacks(StackName="spoke")["Stacks"][0])["StackStatus"].endswith(
            "PROGRESS"
        ):
            time.sleep(0.01)
        assert stack["StackStatus"] == "CREATE_COMPLETE"
    return hub


def rules(cloud: RunningCloud, account: str) -> list[dict[str, Any]]:
    return list(cloud.client("events", account, REGION).list_rules(NamePrefix="breakglass-spoke-")["Rules"])


def test_stack_of_an_account_has_every_rule(cloud: RunningCloud, hub: Hub) -> None:
    assert {rule["Name"]: (rule["State"], rule.get("ScheduleExpression")) for rule in rules(cloud, MEMBER)} == {
        rule.name: (rule.state, rule.schedule) for rule in spoke_rules(SETTINGS)
    }


def test_stack_of_an_excluded_account_has_no_rule(cloud: RunningCloud, hub: Hub) -> None:
    assert rules(cloud, EXCLUDED) == []


def forwards(record: dict[str, Any]) -> bool:
    event = as_event(record, account=MEMBER, region=REGION)
    return any(rule.pattern and matches(rule.pattern, event) for rule in spoke_rules(SETTINGS))


def test_record_that_a_rule_matches_arrives_once(hub: Hub) -> None:
    """All that alerts matches (tests/events/test_spokes.py)."""
    # Records of one use have the same ID in several files.
    moved = [{**relocate(record.content, MEMBER, REGION), "eventID": record.file} for record in RECORDS]
    for record in moved:
        hub.cloud.replay(record, MEMBER, REGION)
    arrived = [event["detail"]["eventID"] for event in hub.arrived()]

    assert sorted(arrived) == sorted(record["eventID"] for record in moved if forwards(record))
    assert 40 < len(arrived) < len(moved)


def test_event_keeps_its_account_and_region(hub: Hub) -> None:
    record = next(record.content for record in RECORDS if record.file.startswith("session-watched-permission-set"))
    hub.cloud.replay(relocate(record, MEMBER, REGION), MEMBER, REGION)
    (event,) = hub.arrived()

    assert (event["account"], event["region"], event["source"]) == (MEMBER, REGION, "aws.sts")


def test_excluded_account_forwards_nothing(hub: Hub) -> None:
    record = next(record.content for record in RECORDS if record.file.startswith("session-watched-permission-set"))
    hub.cloud.replay(relocate(record, EXCLUDED, REGION), EXCLUDED, REGION)

    assert hub.arrived() == []
