"""Log groups of the local cloud: as targets of rules, with metric filters, and behind a trail.

Proves nothing about AWS: it holds the emulator to AWS's recorded answers and documentation, named in
`localcloud.emulators.cloudwatch_logs`, `eventbridge` and `cloudtrail_history`.
"""

import itertools
import json
import time
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localcloud.cloud import MANAGEMENT_ACCOUNT, REGION, RunningCloud
from localcloud.tests.emulators.machines import MACHINE_ARN, make_machine, make_role, run

pytestmark = pytest.mark.local

MEMBER, FAR = "222222222222", "us-east-1"
ROLE_ARN = f"arn:aws:iam::{MEMBER}:role/emergency"
TASK = "arn:aws:states:::aws-sdk"

_numbers = itertools.count()


@dataclass
class Log:
    """A log group that a rule writes into, under names of their own."""

    cloud: RunningCloud
    name: str = field(default_factory=lambda: f"log-{next(_numbers)}")

    def __post_init__(self) -> None:
        self.arn = f"arn:aws:logs:{REGION}:{MANAGEMENT_ACCOUNT}:log-group:{self.name}"
        self.logs, self.events = self.cloud.client("logs"), self.cloud.client("events")
        self.logs.create_log_group(logGroupName=self.name)
        pattern = json.dumps({"detail": {"eventName": [self.name]}})
        self.events.put_rule(
            Name=self.name, EventPattern=pattern, State="ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
        )

    def let_in(self, rule: str) -> None:
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": ["events.amazonaws.com", "delivery.logs.amazonaws.com"]},
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": f"{self.arn}:*",
            "Condition": {"ArnLike": {"aws:SourceArn": f"arn:aws:events:{REGION}:{MANAGEMENT_ACCOUNT}:rule/{rule}"}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.logs.put_resource_policy(policyName=self.name, policyDocument=policy)

    def add_target(self, **fields: Any) -> None:
        self.events.put_targets(Rule=self.name, Targets=[{"Id": "log", "Arn": self.arn, **fields}])

    def record(self, **fields: Any) -> dict[str, Any]:
        """The record of a use."""
        return {
            "eventID": f"{next(_numbers):08}-0000-4000-8000-000000000000",
            "eventName": self.name,
            "eventSource": "sts.amazonaws.com",
            "eventType": "AwsApiCall",
            "eventTime": "2026-01-31T02:00:00Z",
            "awsRegion": REGION,
            "recipientAccountId": MEMBER,
            "readOnly": True,
            "managementEvent": True,
            "userIdentity": {"userName": "ada"},
            "requestParameters": {"roleArn": ROLE_ARN},
            **fields,
        }

    def replay(self, **fields: Any) -> dict[str, int]:
        """Replay a record; return the counts of what the deliveries changed."""
        before = self.cloud.wait_idle()
        self.cloud.replay(self.record(**fields))
        return {name: count - before[name] for name, count in self.cloud.wait_idle().items()}

    def messages(self) -> list[Any]:
        found = self.logs.filter_log_events(logGroupName=self.name)["events"]
        return [json.loads(event["message"]) for event in found]


@pytest.fixture
def log(cloud: RunningCloud) -> Log:
    return Log(cloud)


# --- targets ----------------------------------------------------------------------------------------------------------


def test_event_is_written_whole_into_a_log_group(log: Log) -> None:
    log.let_in("*")
    log.add_target()
    assert log.replay() == {"delivered": 1, "dead_lettered": 0, "lost": 0}
    [event] = log.messages()
    assert (event["detail-type"], event["account"]) == ("AWS API Call via CloudTrail", MEMBER)
    assert event["detail"]["requestParameters"] == {"roleArn": ROLE_ARN}


def test_input_transformer_gives_the_message(log: Log) -> None:
    log.let_in("*")
    template = '{"timestamp": 1, "message": "{\\"name\\": \\"<name>\\"}"}'
    log.add_target(InputTransformer={"InputPathsMap": {"name": "$.detail.eventName"}, "InputTemplate": template})
    log.replay()
    assert log.messages() == [{"name": log.name}]


def test_without_a_resource_policy_nothing_is_written(log: Log) -> None:
    log.let_in("another-rule")
    log.add_target()
    assert log.replay() == {"delivered": 0, "dead_lettered": 0, "lost": 1}
    assert log.messages() == []


def test_event_to_a_missing_log_group_is_lost(log: Log) -> None:
    log.let_in("*")
    log.add_target()
    log.logs.delete_log_group(logGroupName=log.name)
    assert log.replay()["lost"] == 1


@pytest.mark.parametrize(
    "surplus",
    [{"RoleArn": ROLE_ARN}, {"Input": "{}"}, {"InputPath": "$.detail"}],
    ids=["role", "input", "path"],
)
def test_target_that_is_a_log_group_is_refused(log: Log, surplus: dict[str, str]) -> None:
    with pytest.raises(ClientError, match=r"ValidationException.*not supported for target that is a log group"):
        log.add_target(**surplus)


# --- metric filters ---------------------------------------------------------------------------------------------------


def put_filter(log: Log, pattern: str, **fields: Any) -> None:
    transformation = {"metricNamespace": "Test", "metricName": log.name, "metricValue": "1", **fields}
    log.logs.put_metric_filter(
        logGroupName=log.name, filterName="uses", filterPattern=pattern, metricTransformations=[transformation]
    )


def test_metric_filter_on_a_trail_raises_an_alarm(log: Log) -> None:
    put_filter(log, f'{{ ($.eventName = "{log.name}") && ($.errorCode NOT EXISTS) }}')
    topic = log.cloud.client("sns").create_topic(Name=log.name)["TopicArn"]
    log.cloud.client("sns").subscribe(TopicArn=topic, Protocol="https", Endpoint="https://pager.example.com")
    log.cloud.client("cloudwatch").put_metric_alarm(
        AlarmName=log.name,
        Namespace="Test",
        MetricName=log.name,
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="notBreaching",
        AlarmActions=[topic],
    )

    def pages(record: dict[str, Any]) -> int:
        began, before = time.time(), len(log.cloud.pages())
        log.cloud.replay(record, MEMBER, FAR)
        log.cloud.evaluate_alarms(began, began + 60, [log.name])
        log.cloud.wait_idle()
        return len(log.cloud.pages()) - before

    log.cloud.set_trail(log.name)
    try:
        assert pages(log.record(errorCode="AccessDenied")) == 0
        assert pages(log.record()) == 1
    finally:
        log.cloud.set_trail(None)


def test_metric_filter_publishes_values_and_defaults(log: Log) -> None:
    put_filter(log, "{ $.bytes EXISTS }", metricValue="$.bytes", defaultValue=0.5)
    log.logs.create_log_stream(logGroupName=log.name, logStreamName="s")
    events = [{"timestamp": 1_000, "message": message} for message in ('{"bytes": 7}', '{"other": 1}', "text")]
    log.logs.put_log_events(logGroupName=log.name, logStreamName="s", logEvents=events)
    found = log.cloud.client("cloudwatch").get_metric_statistics(
        Namespace="Test",
        MetricName=log.name,
        StartTime=0,
        EndTime=4_000_000_000,
        Period=60,
        Statistics=["Sum"],
    )
    assert sum(point["Sum"] for point in found["Datapoints"]) == 8


@pytest.mark.parametrize("pattern", [f'{{ $.a = "{"x" * 1024}" }}', "{ $.a ? 1 }"], ids=["length", "syntax"])
def test_wrong_metric_filter_is_refused(log: Log, pattern: str) -> None:
    with pytest.raises(ClientError, match="InvalidParameterException"):
        put_filter(log, pattern)


# --- CloudTrail -------------------------------------------------------------------------------------------------------


def test_trail_delivers_the_records_of_all_accounts(log: Log) -> None:
    record, lost, later = log.record(), log.record(), log.record()
    log.cloud.set_trail(log.name)
    log.cloud.replay(record, MEMBER, FAR)
    log.cloud.record(lost)
    log.cloud.replay({"drill": {"role": "x"}})
    log.cloud.set_trail(None)
    log.cloud.replay(later)
    found = log.logs.filter_log_events(logGroupName=log.name)["events"]
    assert {event["logStreamName"]: json.loads(event["message"]) for event in found} == {
        f"{MEMBER}_CloudTrail_{FAR}": record,
        f"{MANAGEMENT_ACCOUNT}_CloudTrail_{REGION}": lost,
    }


def test_events_are_looked_up_in_their_account_and_region(log: Log) -> None:
    role = f"{ROLE_ARN}-{log.name}"
    record = log.record(requestParameters={"roleArn": role})
    log.cloud.replay(record, MEMBER, FAR)
    by_role = [{"AttributeKey": "ResourceName", "AttributeValue": role}]

    def look_up(account: str, region: str, **more: Any) -> list[dict[str, Any]]:
        cloudtrail = log.cloud.client("cloudtrail", account, region)
        found: list[dict[str, Any]] = cloudtrail.lookup_events(LookupAttributes=by_role, **more)["Events"]
        return found

    [event] = look_up(MEMBER, FAR)
    assert json.loads(event["CloudTrailEvent"]) == record
    assert (event["EventName"], event["Username"], event["EventId"]) == (log.name, "ada", record["eventID"])
    assert look_up(MEMBER, REGION) == look_up(MANAGEMENT_ACCOUNT, FAR) == []
    assert look_up(MEMBER, FAR, StartTime="2026-01-31T02:00:01Z") == []
    assert look_up(MEMBER, FAR, EndTime="2026-01-31T01:59:59Z") == []


def test_lookup_gives_the_newest_events_in_pages(log: Log) -> None:
    for minute in range(5):
        log.cloud.record(log.record(eventTime=f"2026-01-31T02:0{minute}:00Z"))
    cloudtrail = log.cloud.client("cloudtrail")
    sought = [{"AttributeKey": "EventName", "AttributeValue": log.name}]
    pages = cloudtrail.get_paginator("lookup_events").paginate(
        LookupAttributes=sought, PaginationConfig={"PageSize": 2}
    )
    minutes = [[event["EventTime"].minute for event in page["Events"]] for page in pages]
    assert minutes == [[4, 3], [2, 1], [0]]


# --- state machines ---------------------------------------------------------------------------------------------------


def task(integration: str, **arguments: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": f"{TASK}:{integration}", "Arguments": arguments, "End": True}


def result(cloud: RunningCloud, state: dict[str, Any], *statements: dict[str, Any]) -> dict[str, Any]:
    """Run a machine of one state; return the description of its execution."""
    name = f"machine-{next(_numbers)}"
    role = make_role(cloud, name, "states.amazonaws.com", *statements)
    return run(cloud, make_machine(cloud, name, {"Only": state}, role))


def test_task_lists_the_accounts_of_the_organization(cloud: RunningCloud) -> None:
    state = task("organizations:listAccounts")
    ended = result(cloud, state, {"Action": "organizations:ListAccounts"})
    accounts = json.loads(ended["output"])["Accounts"]
    assert {MANAGEMENT_ACCOUNT, MEMBER} <= {account["Id"] for account in accounts}
    assert {account["State"] for account in accounts if account["Id"] == MEMBER} == {"ACTIVE"}
    assert all(account["JoinedTimestamp"].endswith("Z") for account in accounts)


def test_task_asks_insights_within_its_rights(log: Log) -> None:
    log.let_in("*")
    log.add_target()
    log.replay()
    query = "stats count(*) as uses by account, region"
    ask = task(
        "cloudwatchlogs:startQuery", LogGroupName=log.name, StartTime=0, EndTime=4_000_000_000, QueryString=query
    )
    read = task("cloudwatchlogs:getQueryResults", QueryId="{% $states.input.QueryId %}")
    states = {"Ask": {key: value for key, value in {**ask, "Next": "Read"}.items() if key != "End"}, "Read": read}
    allowed = {"Action": ["logs:StartQuery", "logs:GetQueryResults"], "Resource": f"{log.arn}:*"}
    role = make_role(log.cloud, log.name, "states.amazonaws.com", allowed)
    ended = run(log.cloud, make_machine(log.cloud, log.name, states, role))
    answer = json.loads(ended["output"])
    assert answer["Status"] == "Complete"
    values = [{field["Field"]: field["Value"] for field in row} for row in answer["Results"]]
    assert values == [{"account": MEMBER, "region": REGION, "uses": "1"}]

    ended = result(log.cloud, ask, {**allowed, "Resource": f"{log.arn}-other:*"})
    assert ended["error"] == "CloudWatchLogs.CloudWatchLogsException"
    assert "logs:StartQuery" in ended["cause"]


def test_task_looks_up_events_and_roles(log: Log) -> None:
    log.cloud.replay(log.record())
    sought = [{"AttributeKey": "EventName", "AttributeValue": log.name}]
    times = {"StartTime": "2026-01-31T01:00:00Z", "EndTime": "2026-01-31T03:00:00Z"}
    ended = result(
        log.cloud,
        task("cloudtrail:lookupEvents", LookupAttributes=sought, MaxResults=10, **times),
        {"Action": "cloudtrail:LookupEvents"},
    )
    [event] = json.loads(ended["output"])["Events"]
    assert json.loads(event["CloudTrailEvent"])["eventName"] == log.name

    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    log.cloud.client("iam").create_role(RoleName=log.name, Path=f"/{log.name}/", AssumeRolePolicyDocument=trust)
    ended = result(log.cloud, task("iam:listRoles", PathPrefix=f"/{log.name}/"), {"Action": "iam:ListRoles"})
    [role] = json.loads(ended["output"])["Roles"]
    assert (role["RoleName"], role["Arn"]) == (
        log.name,
        f"arn:aws:iam::{MANAGEMENT_ACCOUNT}:role/{log.name}/{log.name}",
    )


def test_task_lists_trails_and_its_own_executions(cloud: RunningCloud) -> None:
    trails = result(cloud, task("cloudtrail:describeTrails"), {"Action": "cloudtrail:DescribeTrails"})
    assert json.loads(trails["output"]) == {"TrailList": []}
    name = f"machine-{next(_numbers)}"
    state = task("sfn:listExecutions", StateMachineArn="{% $states.context.StateMachine.Id %}")
    allowed = {"Action": "states:ListExecutions", "Resource": f"{MACHINE_ARN}:{name}"}
    role = make_role(cloud, name, "states.amazonaws.com", allowed)
    ended = run(cloud, make_machine(cloud, name, {"Only": state}, role))
    [execution] = json.loads(ended["output"])["Executions"]
    assert execution["Status"] == "RUNNING"
    assert execution["StartDate"].endswith("Z")
