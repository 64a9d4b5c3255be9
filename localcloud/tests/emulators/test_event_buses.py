"""Event buses of other accounts and regions as targets, through AWS's own API.

Proves nothing about AWS: it holds the emulator to AWS's recorded answers, named in
`localcloud.emulators.event_buses`.
"""

import itertools
import json
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError

from breakglass.iam.documents import hub_bus_policy, policy_json
from localcloud.cloud import MANAGEMENT_ACCOUNT, REGION, RunningCloud
from localcloud.emulators.cloudtrail import relocate

pytestmark = pytest.mark.local

MEMBER, OTHER_MEMBER, STRANGER = "222222222222", "333333333333", "999999999999"
FAR = "us-east-1"
ALL_EVENTS = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"

_numbers = itertools.count()


@dataclass
class Hub:
    """A bus of the management account, and a queue that gets what arrives there."""

    cloud: RunningCloud
    name: str = field(default_factory=lambda: f"hub-{next(_numbers)}")

    def __post_init__(self) -> None:
        events = self.cloud.client("events")
        self.arn = events.create_event_bus(Name=self.name)["EventBusArn"]
        events.put_rule(Name="all", EventBusName=self.name, EventPattern=self.pattern, State=ALL_EVENTS)
        self.inbox = make_queue(self.cloud, self.name)
        targets = [{"Id": "inbox", "Arn": queue_arn(self.name)}]
        events.put_targets(Rule="all", EventBusName=self.name, Targets=targets)
        self.let_in({})

    @property
    def pattern(self) -> str:
        return json.dumps({"detail": {"eventName": [self.name]}})

    def let_in(self, condition: dict[str, Any]) -> None:
        """Set a bus policy of one statement, which lets in every principal under a condition."""
        statement = {"Sid": "Spokes", "Principal": "*", "Action": "events:PutEvents", "Resource": self.arn}
        policy = allow(**statement, **({"Condition": condition} if condition else {}))
        self.cloud.client("events").put_permission(EventBusName=self.name, Policy=policy)

    def add_spoke(self, account: str, region: str, bus: str = "default", **target: Any) -> None:
        """Forward the hub's events from a bus of an account and region, with a dead-letter queue there."""
        events = self.cloud.client("events", account, region)
        events.put_rule(Name=self.name, EventBusName=bus, EventPattern=self.pattern, State=ALL_EVENTS)
        if f"/{self.name}-dead" not in str(self.cloud.client("sqs", account, region).list_queues()):
            make_queue(self.cloud, f"{self.name}-dead", account, region)
        target = {
            "Id": "hub",
            "Arn": self.arn,
            "RoleArn": self.make_role(account, region),
            "DeadLetterConfig": {"Arn": queue_arn(f"{self.name}-dead", account, region)},
            **target,
        }
        events.put_targets(Rule=self.name, EventBusName=bus, Targets=[target])

    def make_role(self, account: str, region: str, resource: str = "*", name: str = "breakglass-spoke") -> str:
        """Return the ARN of a role that EventBridge may assume, and that may put events on a bus."""
        iam = self.cloud.client("iam", account)
        role = f"{name}-{region}-{self.name}"
        trust = allow(Principal={"Service": "events.amazonaws.com"}, Action="sts:AssumeRole")
        with suppress(iam.exceptions.EntityAlreadyExistsException):
            iam.create_role(RoleName=role, AssumeRolePolicyDocument=trust)
        policy = allow(Action="events:PutEvents", Resource=resource)
        iam.put_role_policy(RoleName=role, PolicyName="forward", PolicyDocument=policy)
        return f"arn:aws:iam::{account}:role/{role}"

    def replay(self, account: str, region: str, **fields: Any) -> None:
        """Replay a read-only record of an account and region."""
        record = {
            "eventName": self.name,
            "eventSource": "sts.amazonaws.com",
            "eventType": "AwsApiCall",
            "eventTime": "2026-01-31T02:00:00Z",
            "awsRegion": region,
            "recipientAccountId": account,
            "readOnly": True,
            "managementEvent": True,
            **fields,
        }
        self.cloud.replay(record, account, region)
        self.cloud.wait_idle()

    def delete_rule(self) -> None:
        """Delete the only rule of the bus."""
        events = self.cloud.client("events")
        events.remove_targets(Rule="all", EventBusName=self.name, Ids=["inbox"])
        events.delete_rule(Name="all", EventBusName=self.name)

    def arrived(self) -> list[dict[str, Any]]:
        """Return the events that arrived since."""
        return [json.loads(body) for body, _ in take(self.cloud, self.name)]

    def failures(self, account: str, region: str) -> list[tuple[str, str]]:
        """Return source of the event and error code of the dead letters of a spoke since."""
        letters = take(self.cloud, f"{self.name}-dead", account, region)
        return [(json.loads(body)["source"], attributes["ERROR_CODE"]) for body, attributes in letters]

    def points(self, metric: str, account: str, region: str, **dimensions: str) -> float:
        """Return the sum of a metric of a rule."""
        found = self.cloud.client("cloudwatch", account, region).get_metric_statistics(
            Namespace="AWS/Events",
            MetricName=metric,
            Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
            StartTime=0,
            EndTime=4_000_000_000,
            Period=60,
            Statistics=["Sum"],
        )
        return float(sum(point["Sum"] for point in found["Datapoints"]))


def allow(**fields: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **fields}]})


def queue_arn(name: str, account: str = MANAGEMENT_ACCOUNT, region: str = REGION) -> str:
    return f"arn:aws:sqs:{region}:{account}:{name}"


def make_queue(cloud: RunningCloud, name: str, account: str = MANAGEMENT_ACCOUNT, region: str = REGION) -> str:
    """Return the URL of a queue that EventBridge may fill."""
    sqs = cloud.client("sqs", account, region)
    url: str = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = queue_arn(name, account, region)
    policy = allow(Principal={"Service": "events.amazonaws.com"}, Action="sqs:SendMessage", Resource=arn)
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    return url


def take(
    cloud: RunningCloud, name: str, account: str = MANAGEMENT_ACCOUNT, region: str = REGION
) -> list[tuple[str, dict[str, str]]]:
    """Take the messages out of a queue: body and attributes."""
    sqs = cloud.client("sqs", account, region)
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
    taken = []
    for message in messages.get("Messages", ()):
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        attributes = message.get("MessageAttributes", {})
        taken.append((message["Body"], {key: value["StringValue"] for key, value in attributes.items()}))
    return taken


@pytest.fixture
def hub(cloud: RunningCloud) -> Hub:
    return Hub(cloud)


def test_rules_of_accounts_and_regions_are_apart(cloud: RunningCloud) -> None:
    cloud.client("events", MEMBER, FAR).put_rule(Name="apart", EventPattern=json.dumps({"source": ["x"]}))

    def rules(account: str, region: str) -> list[str]:
        return [
            rule["Name"] for rule in cloud.client("events", account, region).list_rules(NamePrefix="apart")["Rules"]
        ]

    assert rules(MEMBER, FAR) == ["apart"]
    assert rules(MEMBER, REGION) == rules(OTHER_MEMBER, FAR) == rules(MANAGEMENT_ACCOUNT, REGION) == []


def test_record_arrives_on_the_bus_of_its_account_only(hub: Hub) -> None:
    hub.add_spoke(MEMBER, REGION)
    hub.replay(OTHER_MEMBER, REGION)
    hub.replay(MEMBER, FAR)
    assert hub.arrived() == []
    hub.replay(MEMBER, REGION)
    assert len(hub.arrived()) == 1


def test_forwarding_within_a_region_keeps_the_envelope(hub: Hub) -> None:
    hub.add_spoke(MEMBER, REGION)
    events = hub.cloud.client("events", MEMBER)
    make_queue(hub.cloud, f"{hub.name}-here", MEMBER)
    here = {"Id": "here", "Arn": queue_arn(f"{hub.name}-here", MEMBER)}
    events.put_targets(Rule=hub.name, Targets=[here])
    hub.replay(MEMBER, REGION)
    [event] = hub.arrived()
    assert (event["account"], event["region"], event["source"]) == (MEMBER, REGION, "aws.sts")
    [(body, _)] = take(hub.cloud, f"{hub.name}-here", MEMBER)
    assert json.loads(body) == event


def test_forwarding_across_regions_renews_id_and_time(hub: Hub) -> None:
    hub.add_spoke(MEMBER, FAR)
    hub.replay(MEMBER, FAR)
    [event] = hub.arrived()
    assert (event["account"], event["region"]) == (MEMBER, FAR)
    assert event["time"] > "2026-01-31T02:00:00Z"
    assert event["detail"]["eventTime"] == "2026-01-31T02:00:00Z"


def test_hub_rule_that_is_only_enabled_misses_reads(hub: Hub) -> None:
    hub.add_spoke(MEMBER, REGION)
    events = hub.cloud.client("events")
    events.put_rule(Name="all", EventBusName=hub.name, EventPattern=hub.pattern, State="ENABLED")
    hub.replay(MEMBER, REGION)
    assert hub.arrived() == []
    hub.replay(MEMBER, REGION, readOnly=False)
    assert len(hub.arrived()) == 1


def test_metrics_of_rules_on_a_bus_have_its_name(hub: Hub) -> None:
    hub.add_spoke(MEMBER, FAR)
    hub.replay(MEMBER, FAR)
    assert hub.points("MatchedEvents", MEMBER, FAR, RuleName=hub.name) == 1
    assert hub.points("Invocations", MEMBER, FAR, RuleName=hub.name) == 1
    assert hub.points("Invocations", MANAGEMENT_ACCOUNT, REGION, EventBusName=hub.name, RuleName="all") == 1
    assert hub.points("Invocations", MANAGEMENT_ACCOUNT, REGION, RuleName="all") == 0


@pytest.mark.parametrize(
    "condition",
    [
        {"StringEquals": {"aws:PrincipalOrgID": "o-another0000"}},
        {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/another-*"}},
        {"StringLike": {"events:source": "breakglass.*"}},
        {"Bool": {"events:eventBusInvocation": "false"}},
    ],
    ids=["organization", "role", "source", "not-by-a-rule"],
)
def test_bus_policy_that_does_not_match_refuses(hub: Hub, condition: dict[str, Any]) -> None:
    hub.add_spoke(MEMBER, REGION)
    hub.let_in(condition)
    hub.replay(MEMBER, REGION)
    assert hub.arrived() == []
    assert hub.failures(MEMBER, REGION) == [("aws.sts", "NO_PERMISSIONS")]


def test_bus_policy_of_the_hub_admits_its_spokes_only(hub: Hub) -> None:
    organization = hub.cloud.client("organizations").describe_organization()["Organization"]["Id"]
    policy = policy_json(hub_bus_policy(hub.arn, organization))
    hub.cloud.client("events").put_permission(EventBusName=hub.name, Policy=policy)
    hub.add_spoke(MEMBER, REGION)
    hub.add_spoke(STRANGER, REGION)
    hub.replay(MEMBER, REGION)
    assert len(hub.arrived()) == 1
    hub.replay(STRANGER, REGION)
    forged = {"Source": "custom", "DetailType": "AWS API Call via CloudTrail"}
    forged["Detail"] = json.dumps({"eventName": hub.name})
    hub.cloud.client("events", MEMBER).put_events(Entries=[forged])
    partner = {"source": "aws.partner/example.com/1", "detail-type": forged["DetailType"]}
    hub.cloud.put_event({**partner, "detail": {"eventName": hub.name}}, MEMBER)
    hub.cloud.wait_idle()
    assert hub.arrived() == []
    assert hub.failures(STRANGER, REGION) == [("aws.sts", "NO_PERMISSIONS")]
    forgeries = [("aws.partner/example.com/1", "NO_PERMISSIONS"), ("custom", "NO_PERMISSIONS")]
    assert sorted(hub.failures(MEMBER, REGION)) == forgeries


def test_own_account_needs_no_bus_policy(hub: Hub) -> None:
    hub.cloud.client("events").remove_permission(EventBusName=hub.name, RemoveAllPermissions=True)
    hub.add_spoke(MANAGEMENT_ACCOUNT, REGION)
    hub.add_spoke(MEMBER, REGION)
    hub.replay(MANAGEMENT_ACCOUNT, REGION)
    hub.replay(MEMBER, REGION)
    assert [event["account"] for event in hub.arrived()] == [MANAGEMENT_ACCOUNT]
    assert hub.failures(MEMBER, REGION) == [("aws.sts", "NO_PERMISSIONS")]


def test_role_without_right_is_no_permissions(hub: Hub) -> None:
    hub.add_spoke(MEMBER, REGION)
    hub.make_role(MEMBER, REGION, resource="arn:aws:events:*:*:event-bus/another")
    hub.replay(MEMBER, REGION)
    assert hub.arrived() == []
    assert hub.failures(MEMBER, REGION) == [("aws.sts", "NO_PERMISSIONS")]


def test_role_that_is_missing_is_no_permissions(hub: Hub) -> None:
    hub.add_spoke(MEMBER, REGION, RoleArn=f"arn:aws:iam::{MEMBER}:role/gone")
    hub.replay(MEMBER, REGION)
    assert hub.failures(MEMBER, REGION) == [("aws.sts", "NO_PERMISSIONS")]


def test_event_to_a_missing_bus_is_dropped(hub: Hub) -> None:
    hub.add_spoke(MEMBER, REGION)
    hub.delete_rule()
    hub.cloud.client("events").delete_event_bus(Name=hub.name)
    hub.replay(MEMBER, REGION)
    assert hub.failures(MEMBER, REGION) == []
    assert hub.points("FailedInvocations", MEMBER, REGION, RuleName=hub.name) == 0


def test_bus_with_rules_and_rule_with_targets_are_kept(hub: Hub) -> None:
    events = hub.cloud.client("events")
    with pytest.raises(ClientError, match="EventBus can't be deleted since it has rules"):
        events.delete_event_bus(Name=hub.name)
    with pytest.raises(ClientError, match="Rule can't be deleted since it has targets"):
        events.delete_rule(Name="all", EventBusName=hub.name)
    assert [rule["Name"] for rule in events.list_rules(EventBusName=hub.name)["Rules"]] == ["all"]


def test_bus_that_is_made_anew_has_no_policy(hub: Hub) -> None:
    events = hub.cloud.client("events")
    assert "Policy" in events.describe_event_bus(Name=hub.name)
    hub.delete_rule()
    events.delete_event_bus(Name=hub.name)
    events.create_event_bus(Name=hub.name)
    assert "Policy" not in events.describe_event_bus(Name=hub.name)


def test_policy_of_a_missing_bus_is_refused(hub: Hub) -> None:
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        hub.cloud.client("events").put_permission(EventBusName="missing", Policy=allow())


@pytest.mark.parametrize(
    ("region", "error"), [(REGION, "THIRD_ACCOUNT_HOP_DETECTED"), (FAR, "THIRD_REGION_HOP_DETECTED")]
)
def test_second_hop_of_its_kind_is_a_dead_letter(hub: Hub, region: str, error: str) -> None:
    between = hub.cloud.client("events", OTHER_MEMBER)
    arn = between.create_event_bus(Name=hub.name)["EventBusArn"]
    entry = allow(Principal="*", Action="events:PutEvents", Resource=arn)
    between.put_permission(EventBusName=hub.name, Policy=entry)
    if region == FAR:
        far = hub.cloud.client("events", MANAGEMENT_ACCOUNT, FAR)
        hub.arn = far.create_event_bus(Name=hub.name)["EventBusArn"]
    hub.add_spoke(OTHER_MEMBER, REGION, bus=hub.name)
    hub.arn = arn
    hub.add_spoke(MEMBER, region)
    hub.replay(MEMBER, region)
    assert hub.arrived() == []
    assert hub.failures(OTHER_MEMBER, REGION) == [("aws.sts", error)]
    assert hub.failures(MEMBER, region) == []


def test_hop_after_one_of_the_other_kind_is_delivered(hub: Hub) -> None:
    between = hub.cloud.client("events", OTHER_MEMBER)
    final, hub.arn = hub.arn, between.create_event_bus(Name=hub.name)["EventBusArn"]
    entry = allow(Principal="*", Action="events:PutEvents", Resource=hub.arn)
    between.put_permission(EventBusName=hub.name, Policy=entry)
    hub.add_spoke(MEMBER, FAR)
    hub.arn = final
    hub.add_spoke(OTHER_MEMBER, REGION, bus=hub.name)
    hub.replay(MEMBER, FAR)
    assert len(hub.arrived()) == 1


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ({"RoleArn": None}, "RoleArn is required"),
        ({"RetryPolicy": {"MaximumRetryAttempts": 1}}, "RetryPolicy not supported"),
        ({"Input": "{}"}, "Input not supported"),
        ({"InputPath": "$.detail"}, "InputPath not supported"),
        ({"InputTransformer": {"InputTemplate": "{}"}}, "InputTransformer not supported"),
    ],
    ids=["no-role", "retry", "input", "path", "transformer"],
)
def test_target_that_is_a_bus_is_refused(hub: Hub, target: dict[str, Any], reason: str) -> None:
    events = hub.cloud.client("events", MEMBER)
    events.put_rule(Name=hub.name, EventPattern=hub.pattern)
    given = {"Id": "hub", "Arn": hub.arn, "RoleArn": f"arn:aws:iam::{MEMBER}:role/x", **target}
    given = {name: value for name, value in given.items() if value is not None}
    with pytest.raises(ClientError, match=f"ValidationException.*{reason}"):
        events.put_targets(Rule=hub.name, Targets=[given])


def test_sixth_target_of_a_rule_is_refused(hub: Hub) -> None:
    events = hub.cloud.client("events")
    targets = [{"Id": str(number), "Arn": queue_arn(hub.name)} for number in range(5)]
    events.put_rule(Name=hub.name, EventPattern=hub.pattern)
    events.put_targets(Rule=hub.name, Targets=targets)
    events.put_targets(Rule=hub.name, Targets=targets)
    with pytest.raises(ClientError, match="LimitExceededException"):
        events.put_targets(Rule=hub.name, Targets=[{"Id": "sixth", "Arn": queue_arn(hub.name)}])


def test_pattern_of_over_2048_characters_is_refused(hub: Hub) -> None:
    events = hub.cloud.client("events")

    def pattern(length: int) -> str:
        empty = json.dumps({"source": [""]})
        return json.dumps({"source": ["x" * (length - len(empty))]})

    events.put_rule(Name=hub.name, EventPattern=pattern(2048))
    with pytest.raises(ClientError, match="InvalidEventPatternException"):
        events.put_rule(Name=hub.name, EventPattern=pattern(2049))


def test_schedule_on_another_bus_is_refused(hub: Hub) -> None:
    with pytest.raises(ClientError, match="only on the default event bus"):
        hub.cloud.client("events").put_rule(Name="s", EventBusName=hub.name, ScheduleExpression="rate(1 day)")


def test_scheduled_rule_of_a_member_reaches_the_hub(hub: Hub) -> None:
    events = hub.cloud.client("events", MEMBER, FAR)
    hub.add_spoke(MEMBER, FAR)
    name = f"{hub.name}-heartbeat"
    events.put_rule(Name=name, ScheduleExpression="cron(0 4 * * ? *)")
    target = {"Id": "hub", "Arn": hub.arn, "RoleArn": hub.make_role(MEMBER, FAR)}
    events.put_targets(Rule=name, Targets=[target])
    scheduled = json.dumps({"source": ["aws.events"], "detail-type": ["Scheduled Event"]})
    hub.cloud.client("events").put_rule(Name="all", EventBusName=hub.name, EventPattern=scheduled)
    hub.cloud.tick(name, account=MEMBER, region=FAR)
    hub.cloud.wait_idle()
    [event] = hub.arrived()
    rule = f"arn:aws:events:{FAR}:{MEMBER}:rule/{name}"
    assert (event["account"], event["region"], event["resources"]) == (MEMBER, FAR, [rule])


def test_alarm_of_a_member_account_reports_there(hub: Hub) -> None:
    cloud, name = hub.cloud, hub.name
    sns = cloud.client("sns", MEMBER, FAR)
    topic = sns.create_topic(Name=name)["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="https", Endpoint=f"https://{name}.example.com")
    cloud.client("cloudwatch", MEMBER, FAR).put_metric_alarm(
        AlarmName=name,
        Namespace="AWS/Events",
        MetricName="Invocations",
        Dimensions=[{"Name": "RuleName", "Value": name}],
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        AlarmActions=[topic],
    )
    hub.add_spoke(MEMBER, FAR)
    hub.cloud.client("events", MEMBER, FAR).put_rule(
        Name=f"{name}-alarm", EventPattern=json.dumps({"source": ["aws.cloudwatch"]}), State=ALL_EVENTS
    )
    target = {"Id": "hub", "Arn": hub.arn, "RoleArn": hub.make_role(MEMBER, FAR)}
    hub.cloud.client("events", MEMBER, FAR).put_targets(Rule=f"{name}-alarm", Targets=[target])
    alarms = json.dumps({"source": ["aws.cloudwatch"]})
    hub.cloud.client("events").put_rule(Name="all", EventBusName=name, EventPattern=alarms, State=ALL_EVENTS)
    began = time.time()
    hub.replay(MEMBER, FAR)
    cloud.evaluate_alarms(began, began + 60, [name], MEMBER, FAR)
    cloud.wait_idle()
    [event] = hub.arrived()
    assert (event["account"], event["region"], event["detail"]["alarmName"]) == (MEMBER, FAR, name)
    assert [page.endpoint for page in cloud.pages() if page.topic_arn == topic] == [f"https://{name}.example.com"]


def test_relocate_moves_a_record_to_another_account() -> None:
    role = "arn:aws:iam::{}:role/aws-reserved/sso.amazonaws.com/eu-central-1/AWSReservedSSO_x_0123456789abcdef"
    record = {
        "recipientAccountId": MEMBER,
        "awsRegion": REGION,
        "requestParameters": {"roleArn": role.format(MEMBER)},
    }
    assert relocate(record, OTHER_MEMBER, FAR) == {
        "recipientAccountId": OTHER_MEMBER,
        "awsRegion": FAR,
        "requestParameters": {"roleArn": role.format(OTHER_MEMBER)},
    }
