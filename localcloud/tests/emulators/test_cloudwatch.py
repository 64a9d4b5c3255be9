"""Inbox, metrics and alarms of the local cloud, through AWS's own API.

Proves nothing about AWS: it holds the emulator to AWS's documentation.
"""

import json
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from localcloud.cloud import MANAGEMENT_ACCOUNT, REGION, LocalCloud, RunningCloud
from localcloud.emulators.notification import Notification, alarm_of

pytestmark = pytest.mark.local

FAILING = {"Comment": "Fails.", "StartAt": "Fail", "States": {"Fail": {"Type": "Fail", "Error": "Broken"}}}
ROLE = f"arn:aws:iam::{MANAGEMENT_ACCOUNT}:role/any"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCloud]:
    """A cloud of its own, since an evaluation concerns every alarm."""
    with LocalCloud(tmp_path_factory.mktemp("cloud")) as running:
        yield running


@pytest.fixture(scope="module")
def topic(cloud: RunningCloud) -> str:
    sns = cloud.client("sns")
    arn: str = sns.create_topic(Name="told")["TopicArn"]
    sns.subscribe(TopicArn=arn, Protocol="email", Endpoint="oncall@example.com")
    return arn


def put_alarm(cloud: RunningCloud, name: str, topic: str, **settings: Any) -> None:
    common = {
        "EvaluationPeriods": 1,
        "Threshold": 0,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
    }
    cloud.client("cloudwatch").put_metric_alarm(AlarmName=name, AlarmActions=[topic], **common | settings)


def alarms_since(cloud: RunningCloud, known: int) -> dict[str, Notification]:
    found = ((alarm_of(mail), mail) for mail in cloud.mails()[known:])
    return {alarm["AlarmName"]: mail for alarm, mail in found if alarm}


def test_inbox_keeps_the_mail_of_a_topic(cloud: RunningCloud, topic: str) -> None:
    cloud.client("sns").publish(TopicArn=topic, Subject="Hello", Message="Break-glass role in use")
    mail = cloud.mails()[-1]
    assert (mail.endpoint, mail.subject, mail.message) == ("oncall@example.com", "Hello", "Break-glass role in use")
    assert abs(mail.at - time.time()) < 60
    assert alarm_of(mail) is None


def test_pager_is_confirmed_at_once_and_gets_pages(cloud: RunningCloud) -> None:
    sns = cloud.client("sns")
    arn = sns.create_topic(Name="pages")["TopicArn"]
    address = "https://events.pagerduty.example/integration/key/enqueue"
    subscribed = sns.subscribe(TopicArn=arn, Protocol="https", Endpoint=address, ReturnSubscriptionArn=True)
    attributes = sns.get_subscription_attributes(SubscriptionArn=subscribed["SubscriptionArn"])["Attributes"]
    assert attributes["PendingConfirmation"] == "false"
    sns.publish(TopicArn=arn, Message="wake up")
    (page,) = cloud.pages()
    assert (page.protocol, page.endpoint, page.message) == ("https", address, "wake up")


def test_alarm_of_own_metric_notifies_at_the_end_of_the_minute(cloud: RunningCloud, topic: str) -> None:
    dimensions = [{"Name": "Stack", "Value": "local"}]
    put_alarm(
        cloud, "own", topic, Namespace="Own", MetricName="Late", Dimensions=dimensions, Statistic="Sum", Period=60
    )
    put_alarm(cloud, "other-stack", topic, Namespace="Own", MetricName="Late", Statistic="Sum", Period=60)
    known, began = len(cloud.mails()), time.time()
    data = [{"MetricName": "Late", "Dimensions": dimensions, "Value": 1}]
    cloud.client("cloudwatch").put_metric_data(Namespace="Own", MetricData=data)
    assert alarms_since(cloud, known) == {}
    cloud.evaluate_alarms(began, began + 600)
    told = alarms_since(cloud, known)
    assert list(told) == ["own"]
    assert told["own"].at == pytest.approx(began + 60, abs=1)
    assert told["own"].subject == 'ALARM: "own"'
    known = len(cloud.mails())
    cloud.evaluate_alarms(began, began + 600)
    assert alarms_since(cloud, known) == {}


def test_alarm_on_a_rule_is_an_event_once_for_each_quiet_hour(cloud: RunningCloud, topic: str) -> None:
    events = cloud.client("events")
    events.put_rule(Name="key", EventPattern=json.dumps({"source": ["key"]}))
    of_rule = {"Namespace": "AWS/Events", "Dimensions": [{"Name": "RuleName", "Value": "key"}]}
    put_alarm(cloud, "key", topic, **of_rule, MetricName="MatchedEvents", Statistic="Sum", Period=3600)
    put_alarm(cloud, "unasked", topic, **of_rule, MetricName="MatchedEvents", Statistic="Sum", Period=60)
    dimension = {"configuration": {"metrics": {"metricStat": {"metric": {"dimensions": {"RuleName": ["key"]}}}}}}
    pattern = {
        "source": ["aws.cloudwatch"],
        "detail-type": ["CloudWatch Alarm State Change"],
        "detail": {"state": {"value": ["ALARM"]}, **dimension},
    }
    events.put_rule(Name="key-alarm", EventPattern=json.dumps(pattern))
    letters = cloud.client("sqs").create_queue(QueueName="key-alarm")["QueueUrl"]
    queue = f"arn:aws:sqs:{REGION}:{MANAGEMENT_ACCOUNT}:key-alarm"
    events.put_targets(Rule="key-alarm", Targets=[{"Id": "queue", "Arn": queue}])
    for _ in range(3):
        events.put_events(Entries=[{"Source": "key", "DetailType": "use", "Detail": "{}"}])
    known, began = len(cloud.mails()), time.time()
    cloud.evaluate_alarms(began, began + 2 * 3600, ["key"])

    assert list(alarms_since(cloud, known)) == ["key"]
    (letter,) = cloud.client("sqs").receive_message(QueueUrl=letters, MaxNumberOfMessages=10)["Messages"]
    event = json.loads(letter["Body"])
    assert event["resources"] == [f"arn:aws:cloudwatch:{REGION}:{MANAGEMENT_ACCOUNT}:alarm:key"]
    assert (event["account"], event["region"]) == (MANAGEMENT_ACCOUNT, REGION)
    told = datetime.fromisoformat(event["time"]).timestamp()
    assert told == pytest.approx(began + 60, abs=2)


def test_failed_execution_raises_the_alarm_of_its_machine(cloud: RunningCloud, topic: str) -> None:
    states = cloud.client("stepfunctions")
    machine = states.create_state_machine(name="fails", definition=json.dumps(FAILING), roleArn=ROLE)["stateMachineArn"]
    metrics = [
        {
            "Id": f"m{number}",
            "MetricStat": {
                "Metric": {
                    "Namespace": "AWS/States",
                    "MetricName": name,
                    "Dimensions": [{"Name": "StateMachineArn", "Value": machine}],
                },
                "Period": 60,
                "Stat": "Sum",
            },
            "ReturnData": False,
        }
        for number, name in enumerate(["ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted"])
    ]
    math = {"Id": "failures", "Expression": "SUM(METRICS())", "ReturnData": True}
    put_alarm(cloud, "undelivered", topic, Metrics=[*metrics, math])
    (described,) = cloud.client("cloudwatch").describe_alarms(AlarmNames=["undelivered"])["MetricAlarms"]
    assert [query["Id"] for query in described["Metrics"]] == ["m0", "m1", "m2", "failures"]
    assert "Period" not in described
    known, began = len(cloud.mails()), time.time()
    execution = states.start_execution(stateMachineArn=machine)["executionArn"]
    while states.describe_execution(executionArn=execution)["status"] == "RUNNING":
        pass
    cloud.evaluate_alarms(began, began + 600)
    assert list(alarms_since(cloud, known)) == ["undelivered"]


def test_dead_letter_is_measured_up_to_fifteen_minutes_late(cloud: RunningCloud, topic: str) -> None:
    events, sqs = cloud.client("events"), cloud.client("sqs")
    queue = sqs.create_queue(QueueName="letters")["QueueUrl"]
    queue_arn = f"arn:aws:sqs:{REGION}:{MANAGEMENT_ACCOUNT}:letters"
    allow = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = {"Version": "2012-10-17", "Statement": [{**allow, "Resource": queue_arn}]}
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps(policy)})
    events.put_rule(Name="letters", EventPattern=json.dumps({"source": ["letters"]}))
    connection = events.create_connection(
        Name="letters",
        AuthorizationType="API_KEY",
        AuthParameters={"ApiKeyAuthParameters": {"ApiKeyName": "Authorization", "ApiKeyValue": "no"}},
    )["ConnectionArn"]
    destination = events.create_api_destination(
        Name="letters", ConnectionArn=connection, InvocationEndpoint=cloud.post_message_url, HttpMethod="POST"
    )["ApiDestinationArn"]
    target = {"Id": "slack", "Arn": destination, "Input": "{}", "DeadLetterConfig": {"Arn": queue_arn}}
    events.put_targets(Rule="letters", Targets=[target])
    of_rule = {"Dimensions": [{"Name": "RuleName", "Value": "letters"}], "Namespace": "AWS/Events"}
    of_queue = {"Dimensions": [{"Name": "QueueName", "Value": "letters"}], "Namespace": "AWS/SQS"}
    put_alarm(cloud, "failed", topic, **of_rule, MetricName="FailedInvocations", Statistic="Sum", Period=300)
    visible = "ApproximateNumberOfMessagesVisible"
    put_alarm(cloud, "letters", topic, **of_queue, MetricName=visible, Statistic="Maximum", Period=300)

    known, began = len(cloud.mails()), time.time()
    events.put_events(Entries=[{"Source": "letters", "DetailType": "letter", "Detail": "{}"}])
    cloud.wait_idle()
    cloud.evaluate_alarms(began, began + 1800)
    told = alarms_since(cloud, known)
    assert sorted(told) == ["failed", "letters"]
    assert told["failed"].at == pytest.approx(began + 60, abs=1)
    assert told["letters"].at == pytest.approx(began + 16 * 60, abs=1)


def test_deauthorized_connection_is_reported_as_an_event(cloud: RunningCloud, topic: str) -> None:
    events = cloud.client("events")
    key = {"ApiKeyAuthParameters": {"ApiKeyName": "Authorization", "ApiKeyValue": "no"}}
    made = events.create_connection(Name="lost", AuthorizationType="API_KEY", AuthParameters=key)
    pattern = {
        "source": ["aws.events"],
        "detail-type": ["Connection Deauthorized"],
        "resources": [made["ConnectionArn"]],
    }
    events.put_rule(Name="lost", EventPattern=json.dumps(pattern))
    allow = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sns:Publish"}
    policy = {"Version": "2012-10-17", "Statement": [{**allow, "Resource": topic}]}
    cloud.client("sns").set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps(policy))
    events.put_targets(Rule="lost", Targets=[{"Id": "mail", "Arn": topic}])
    events.deauthorize_connection(Name="lost")
    assert "Connection Deauthorized" in cloud.mails()[-1].message


def test_scheduled_rule_invokes_later_by_the_clock(cloud: RunningCloud) -> None:
    events, states = cloud.client("events"), cloud.client("stepfunctions")
    ends = {"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}
    machine = states.create_state_machine(name="ticks", definition=json.dumps(ends), roleArn=ROLE)["stateMachineArn"]
    cloud.client("iam").create_role(RoleName="ticks", AssumeRolePolicyDocument=json.dumps(document("sts:AssumeRole")))
    start = json.dumps(document("states:StartExecution", Resource=machine))
    cloud.client("iam").put_role_policy(RoleName="ticks", PolicyName="start", PolicyDocument=start)
    events.put_rule(Name="ticks", ScheduleExpression="rate(15 minutes)")
    role = f"arn:aws:iam::{MANAGEMENT_ACCOUNT}:role/ticks"
    events.put_targets(Rule="ticks", Targets=[{"Id": "machine", "Arn": machine, "RoleArn": role}])
    cloud.tick("ticks", after=900)
    cloud.wait_idle()
    (execution,) = states.list_executions(stateMachineArn=machine)["executions"]
    assert 890 < execution["startDate"].timestamp() - time.time() <= 900


def test_metric_data_has_the_newest_value_first(cloud: RunningCloud) -> None:
    cloudwatch, now = cloud.client("cloudwatch"), time.time()
    for age, value in ((180, 1), (60, 3), (120, 2)):
        datum = {"MetricName": "Order", "Timestamp": now - age, "Value": value}
        cloudwatch.put_metric_data(Namespace="Order", MetricData=[datum])
    metric = {"Metric": {"Namespace": "Order", "MetricName": "Order"}, "Period": 60, "Stat": "Sum"}
    query = {"MetricDataQueries": [{"Id": "m", "MetricStat": metric}], "StartTime": now - 600, "EndTime": now}
    newest, oldest = (
        cloudwatch.get_metric_data(**query, **order)["MetricDataResults"][0]
        for order in (dict[str, str](), {"ScanBy": "TimestampAscending"})
    )
    assert (newest["Values"], oldest["Values"]) == ([3, 2, 1], [1, 2, 3])
    assert newest["Timestamps"] == oldest["Timestamps"][::-1] == sorted(newest["Timestamps"], reverse=True)


def document(action: str, **fields: Any) -> dict[str, Any]:
    fields = fields or {"Principal": {"Service": "events.amazonaws.com"}}
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, **fields}]}
