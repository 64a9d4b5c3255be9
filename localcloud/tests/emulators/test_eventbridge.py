"""EventBridge of the local cloud: what it adds to MiniStack, through AWS's own API.

Proves nothing about AWS: it holds the emulator to AWS's recorded answers, named beside each test, and else to its
documentation.
"""

import itertools
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from localcloud.cloud import MANAGEMENT_ACCOUNT, REGION, LocalCloud, LocalCloudError, RunningCloud, SlackBreak
from localcloud.emulators.loopback import LoopbackError, request_json
from localcloud.tests.emulators.endpoint import Endpoint, running_endpoint

pytestmark = pytest.mark.local

ALL_EVENTS = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
RULE_ARN = f"arn:aws:events:{REGION}:{MANAGEMENT_ACCOUNT}:rule"


@pytest.fixture
def destination() -> Iterator[Endpoint]:
    with running_endpoint() as server:
        yield server


_numbers = itertools.count()


@dataclass
class Wiring:
    """A rule that posts to a URL, and a dead-letter queue, under names of their own."""

    cloud: RunningCloud
    url: str
    name: str = field(default_factory=lambda: f"test-{next(_numbers)}")
    queue_url: str = ""

    def __post_init__(self) -> None:
        iam = self.cloud.client("iam")
        trust = _statement(
            "sts:AssumeRole",
            Principal={"Service": "events.amazonaws.com"},
            Condition={"ArnEquals": {"aws:SourceArn": self.rule_arn}},
        )
        self.role_arn = iam.create_role(RoleName=self.name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]

        events = self.events = self.cloud.client("events")
        connection = events.create_connection(
            Name=self.name,
            AuthorizationType="API_KEY",
            AuthParameters={
                "ApiKeyAuthParameters": {
                    "ApiKeyName": "Authorization",
                    "ApiKeyValue": f"Bearer {self.cloud.bot_token}",
                }
            },
        )
        self.destination_arn = events.create_api_destination(
            Name=self.name,
            ConnectionArn=connection["ConnectionArn"],
            InvocationEndpoint=self.url,
            HttpMethod="POST",
            InvocationRateLimitPerSecond=1,
        )["ApiDestinationArn"]
        self.allow(self.destination_arn)

        self.sqs = self.cloud.client("sqs")
        self.queue_url = self.sqs.create_queue(QueueName=self.name)["QueueUrl"]
        attributes = self.sqs.get_queue_attributes(QueueUrl=self.queue_url, AttributeNames=["QueueArn"])
        self.queue_arn = attributes["Attributes"]["QueueArn"]
        self.let_queue_accept(self.rule_arn)

        self.rule(ALL_EVENTS)

    @property
    def rule_arn(self) -> str:
        return f"{RULE_ARN}/{self.name}"

    def allow(self, destination_arn: str) -> None:
        policy = _statement("events:InvokeApiDestination", Resource=destination_arn)
        self.cloud.client("iam").put_role_policy(RoleName=self.name, PolicyName="invoke", PolicyDocument=policy)

    def let_queue_accept(self, rule_arn: str) -> None:
        policy = _statement(
            "sqs:SendMessage",
            Principal={"Service": "events.amazonaws.com"},
            Resource=self.queue_arn,
            Condition={"ArnEquals": {"aws:SourceArn": rule_arn}},
        )
        self.sqs.set_queue_attributes(QueueUrl=self.queue_url, Attributes={"Policy": policy})

    def rule(self, state: str, **target: Any) -> None:
        """Puts rule and target, or changes them."""
        self.events.put_rule(
            Name=self.name, State=state, EventPattern=json.dumps({"detail": {"eventName": [self.name]}})
        )
        target.setdefault("RetryPolicy", {"MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 3600})
        target.setdefault("InputTransformer", {"InputPathsMap": {}, "InputTemplate": '{"channel": "X", "text": "hi"}'})
        target.setdefault("RoleArn", self.role_arn)
        target.setdefault("DeadLetterConfig", {"Arn": self.queue_arn})
        self.events.put_targets(Rule=self.name, Targets=[{"Id": "it", "Arn": self.destination_arn, **target}])

    def record(self, **fields: Any) -> dict[str, Any]:
        """A record that matches the rule."""
        return {
            "eventName": self.name,
            "eventSource": "sts.amazonaws.com",
            "eventType": "AwsApiCall",
            "eventTime": "2026-01-31T02:00:00Z",
            "awsRegion": "us-east-1",
            "recipientAccountId": "222222222222",
            "readOnly": True,
            "managementEvent": True,
            **fields,
        }

    def replay(self, **fields: Any) -> None:
        self.cloud.replay(self.record(**fields))
        self.cloud.wait_idle()

    def dead_letters(self) -> list[tuple[dict[str, str], str]]:
        """Attributes and body of each."""
        answer = self.sqs.receive_message(
            QueueUrl=self.queue_url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        )
        return [
            (
                {name: attribute["StringValue"] for name, attribute in letter["MessageAttributes"].items()},
                letter["Body"],
            )
            for letter in answer.get("Messages", ())
        ]


def _statement(action: str, **fields: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, **fields}]})


@pytest.fixture
def wiring(cloud: RunningCloud, destination: Endpoint) -> Wiring:
    return Wiring(cloud, destination.url)


def test_record_reaches_rule_and_destination_with_its_header(wiring: Wiring, destination: Endpoint) -> None:
    paths = {
        "source": "$.source",
        "type": "$.detail-type",
        "account": "$.account",
        "at": "$.time",
        "region": "$.region",
    }
    template = '"<source>|<type>|<account>|<at>|<region>"'
    wiring.rule(ALL_EVENTS, InputTransformer={"InputPathsMap": paths, "InputTemplate": template})
    wiring.replay()
    [(headers, body)] = destination.requests
    assert body == '"aws.sts|AWS API Call via CloudTrail|222222222222|2026-01-31T02:00:00Z|us-east-1"'
    assert headers["Authorization"] == f"Bearer {wiring.cloud.bot_token}"
    assert headers["Content-Type"] == "application/json; charset=utf-8"


def test_put_events_refuses_the_source_that_play_has(wiring: Wiring, destination: Endpoint) -> None:
    entry = {"Source": "aws.sts", "DetailType": "x", "Detail": json.dumps(wiring.record())}
    answer = wiring.events.put_events(Entries=[entry])
    wiring.cloud.wait_idle()
    assert answer["FailedEntryCount"] == 1
    assert answer["Entries"][0]["ErrorCode"] == "NotAuthorizedForSourceException"
    assert destination.requests == []


def test_what_an_operator_puts_counts_as_delivery_too(wiring: Wiring, destination: Endpoint) -> None:
    entry = {"Source": "breakglass.drill", "DetailType": "x", "Detail": json.dumps({"eventName": wiring.name})}
    assert wiring.events.put_events(Entries=[entry])["FailedEntryCount"] == 0
    wiring.cloud.wait_idle()
    assert len(destination.requests) == 1


@pytest.mark.parametrize(
    ("state", "read_only", "write"),
    [("DISABLED", 0, 0), ("ENABLED", 0, 1), (ALL_EVENTS, 1, 1)],
)
def test_rule_state_decides_on_read_only_management_events(
    wiring: Wiring, destination: Endpoint, state: str, read_only: int, write: int
) -> None:
    wiring.rule(state)
    wiring.replay(readOnly=True)
    assert len(destination.requests) == read_only
    wiring.replay(readOnly=False)
    assert len(destination.requests) == read_only + write


def test_each_rule_gets_the_event_once(wiring: Wiring, destination: Endpoint) -> None:
    other = Wiring(wiring.cloud, destination.url)
    wiring.replay()
    assert len(destination.requests) == 1
    other.replay()
    assert len(destination.requests) == 2


def test_wait_idle_counts_every_delivery_of_a_burst(wiring: Wiring, destination: Endpoint) -> None:
    before = wiring.cloud.wait_idle()
    for _ in range(40):
        wiring.cloud.replay(wiring.record())
    after = wiring.cloud.wait_idle()
    assert len(destination.requests) == 40
    assert after == {**before, "delivered": before["delivered"] + 40}


def test_wait_idle_says_what_is_still_under_way(wiring: Wiring, destination: Endpoint) -> None:
    destination.may_answer.clear()
    wiring.cloud.replay(wiring.record())
    with pytest.raises(LocalCloudError, match="1 deliveries are still under way after 0 s"):
        wiring.cloud.wait_idle(timeout=0)
    destination.may_answer.set()
    wiring.cloud.wait_idle()
    assert len(destination.requests) == 1


def test_the_destination_may_ask_for_a_longer_wait(wiring: Wiring, destination: Endpoint) -> None:
    wiring.rule(ALL_EVENTS, RetryPolicy={"MaximumEventAgeInSeconds": 60})
    destination.answers = [(429, {"Retry-After": "61"}), (503, {})]
    wiring.replay()
    [(attributes, _)] = wiring.dead_letters()
    assert attributes["RETRY_ATTEMPTS"] == "1"


@pytest.mark.parametrize("status", [401, 407, 409, 429, 500, 503])
def test_a_failure_that_may_pass_is_retried(wiring: Wiring, destination: Endpoint, status: int) -> None:
    destination.answers = [(status, {}), (status, {})]
    wiring.replay()
    assert len(destination.requests) == 3
    assert len(set(body for _, body in destination.requests)) == 1
    assert wiring.dead_letters() == []


def test_exhausted_attempts_make_the_event_a_dead_letter(wiring: Wiring, destination: Endpoint) -> None:
    destination.answers = [(503, {})] * 9
    wiring.replay()
    assert len(destination.requests) == 3
    [(attributes, _)] = wiring.dead_letters()
    assert attributes.pop("ERROR_CODE")
    assert attributes.pop("ERROR_MESSAGE")
    assert attributes == {
        "RULE_ARN": wiring.rule_arn,
        "TARGET_ARN": wiring.destination_arn,
        "RETRY_ATTEMPTS": "2",
        "EXHAUSTED_RETRY_CONDITION": "MaximumRetryAttempts",
    }


@pytest.mark.parametrize(
    ("target", "body"),
    [
        ({}, '{"channel": "X", "text": "hi"}'),
        ({"InputTransformer": {"InputPathsMap": {"n": "$.detail.eventName"}, "InputTemplate": '{"at":<n>}'}}, None),
    ],
    ids=["without a placeholder", "with a placeholder"],
)
def test_dead_letter_holds_the_input_of_the_target(
    wiring: Wiring, destination: Endpoint, target: dict[str, Any], body: str | None
) -> None:
    """Recorded: stackd inputs.json `denied-transformer`, `denied-static-input`, `missing-static-input`."""
    wiring.rule(ALL_EVENTS, **target)
    destination.answers = [(404, {})]
    wiring.replay()
    [(_, letter)] = wiring.dead_letters()
    assert letter == (body or json.dumps({"at": wiring.name}, separators=(",", ":")))
    [(_, sent)] = destination.requests
    assert sent == letter


def test_dead_letter_without_a_transformer_holds_the_event(wiring: Wiring, destination: Endpoint) -> None:
    """Recorded: the letter of 2023-04-04 (target IDMS.BECSRESTAPI)."""
    wiring.events.put_targets(
        Rule=wiring.name,
        Targets=[
            {
                "Id": "it",
                "Arn": wiring.destination_arn,
                "RoleArn": wiring.role_arn,
                "DeadLetterConfig": {"Arn": wiring.queue_arn},
            }
        ],
    )
    destination.answers = [(404, {})]
    wiring.replay()
    [(_, letter)] = wiring.dead_letters()
    event = json.loads(letter)
    assert (event["source"], event["detail"]) == ("aws.sts", wiring.record())


@pytest.mark.parametrize(
    ("template", "value", "body"),
    [
        ('{"text":"<value>"}', ["a"], '{"text":"["a"]"}'),
        ('{"text":"<value>"}', {"a": "b"}, '{"text":"{"a":"b"}"}'),
        ('"<value>"', 'a "b"', '"a "b""'),
    ],
    ids=["quoted-values: array", "quoted-values: object", "embedded-quoted-string"],
)
def test_broken_json_is_a_dead_letter_and_never_sent(
    wiring: Wiring, destination: Endpoint, template: str, value: Any, body: str
) -> None:
    """Recorded: the cases of stackd inputs.json by their names."""
    transformer = {"InputPathsMap": {"value": "$.detail.value"}, "InputTemplate": template}
    wiring.rule(ALL_EVENTS, InputTransformer=transformer)
    wiring.replay(value=value)
    assert destination.requests == []
    assert wiring.dead_letters() == [
        (
            {
                "RULE_ARN": wiring.rule_arn,
                "TARGET_ARN": wiring.destination_arn,
                "ERROR_CODE": "INVALID_JSON",
                "ERROR_MESSAGE": "Invalid input for target.",
            },
            body,
        )
    ]


def test_quote_in_an_object_template_is_escaped(wiring: Wiring, destination: Endpoint) -> None:
    """Recorded: stackd inputs.json `structured-embedded-quoted`."""
    transformer = {"InputPathsMap": {"value": "$.detail.value"}, "InputTemplate": '{"text":"a <value> b"}'}
    wiring.rule(ALL_EVENTS, InputTransformer=transformer)
    wiring.replay(value='","channel":"C0OTHER')
    [(_, body)] = destination.requests
    assert json.loads(body) == {"text": 'a ","channel":"C0OTHER b'}


def test_when_the_event_is_too_old_it_is_a_dead_letter(wiring: Wiring, destination: Endpoint) -> None:
    wiring.rule(ALL_EVENTS, RetryPolicy={"MaximumEventAgeInSeconds": 60})
    destination.answers = [(503, {})] * 99
    wiring.replay()
    # At 0, 1, 3, 7, 15, 31 and 63 s, which is the first past the limit.
    assert len(destination.requests) == 7
    [(attributes, _)] = wiring.dead_letters()
    assert attributes["EXHAUSTED_RETRY_CONDITION"] == "MaximumEventAgeInSeconds"


def test_a_failure_that_stays_is_a_dead_letter_at_once(wiring: Wiring, destination: Endpoint) -> None:
    destination.answers = [(404, {})]
    wiring.replay()
    assert len(destination.requests) == 1
    [(attributes, _)] = wiring.dead_letters()
    assert attributes.keys() == {"RULE_ARN", "TARGET_ARN", "ERROR_CODE", "ERROR_MESSAGE"}


def test_unreachable_destination_is_retried_then_dead_letter(cloud: RunningCloud) -> None:
    """Recorded: a drill of 2026-02-12."""
    with Endpoint() as gone:
        wiring = Wiring(cloud, gone.url)
    wiring.replay()
    [(attributes, _)] = wiring.dead_letters()
    assert attributes["ERROR_CODE"] == "SDK_CLIENT_ERROR"
    assert attributes["ERROR_MESSAGE"].endswith("API destination endpoint cannot be reached.")
    assert attributes["RETRY_ATTEMPTS"] == "2"


def _lose_connection(wiring: Wiring) -> None:
    wiring.events.delete_connection(Name=wiring.name)


def _lose_authorization(wiring: Wiring) -> None:
    wiring.events.deauthorize_connection(Name=wiring.name)


def _lose_destination(wiring: Wiring) -> None:
    wiring.events.delete_api_destination(Name=wiring.name)


def _lose_role(wiring: Wiring) -> None:
    wiring.rule(ALL_EVENTS, RoleArn=f"arn:aws:iam::{MANAGEMENT_ACCOUNT}:role/nobody")


def _lose_permission(wiring: Wiring) -> None:
    wiring.allow(f"{wiring.destination_arn}-other")


def _lose_trust(wiring: Wiring) -> None:
    trust = _statement(
        "sts:AssumeRole",
        Principal={"Service": "events.amazonaws.com"},
        Condition={"ArnEquals": {"aws:SourceArn": f"{RULE_ARN}/other"}},
    )
    wiring.cloud.client("iam").update_assume_role_policy(RoleName=wiring.name, PolicyDocument=trust)


@pytest.mark.parametrize(
    ("lose", "code"),
    [
        (_lose_connection, "NO_RESOURCE"),
        (_lose_authorization, "NO_RESOURCE"),
        (_lose_destination, "NO_RESOURCE"),
        (_lose_role, "FAILED_TO_ASSUME_ROLE"),
        (_lose_permission, "NO_PERMISSIONS"),
        (_lose_trust, "FAILED_TO_ASSUME_ROLE"),
    ],
)
def test_impossible_delivery_is_a_dead_letter_at_once(
    wiring: Wiring, destination: Endpoint, lose: Callable[[Wiring], None], code: str
) -> None:
    lose(wiring)
    wiring.replay()
    assert destination.requests == []
    [(attributes, _)] = wiring.dead_letters()
    assert attributes["ERROR_CODE"] == code
    assert "RETRY_ATTEMPTS" not in attributes


def test_a_queue_whose_policy_names_another_rule_takes_no_letter(wiring: Wiring, destination: Endpoint) -> None:
    wiring.let_queue_accept(f"{RULE_ARN}/other")
    destination.answers = [(404, {})]
    before = wiring.cloud.wait_idle()
    wiring.replay()
    assert wiring.cloud.wait_idle() == {**before, "lost": before["lost"] + 1}
    assert wiring.dead_letters() == []


def _where(operator: str, key: str, value: str) -> dict[str, Any]:
    return {"Condition": {operator: {f"aws:{key}": value}}}


@pytest.mark.parametrize(
    ("principal", "condition", "published"),
    [
        ("events.amazonaws.com", {}, True),
        ("events.amazonaws.com", _where("ArnLike", "SourceArn", f"{RULE_ARN}/*"), True),
        ("events.amazonaws.com", _where("ArnEquals", "SourceArn", f"{RULE_ARN}/other"), False),
        ("events.amazonaws.com", _where("StringEquals", "SourceAccount", MANAGEMENT_ACCOUNT), True),
        ("events.amazonaws.com", _where("StringEquals", "SourceOwner", MANAGEMENT_ACCOUNT), False),
        ("cloudwatch.amazonaws.com", {}, False),
    ],
)
def test_topic_policy_decides_whether_a_rule_publishes(
    wiring: Wiring, principal: str, condition: dict[str, Any], published: bool
) -> None:
    """Recorded: radkawar/stackd at 9dc356f5, testdata/aws/sns/eventbridge.json, five policies on one rule."""
    sns = wiring.cloud.client("sns")
    topic = sns.create_topic(Name=wiring.name)["TopicArn"]
    policy = _statement("sns:Publish", Principal={"Service": principal}, Resource=topic, **condition)
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    inbox = wiring.sqs.create_queue(QueueName=f"{wiring.name}-inbox")["QueueUrl"]
    inbox_arn = f"{wiring.queue_arn}-inbox"
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=inbox_arn, Attributes={"RawMessageDelivery": "true"})
    target = {"Id": "topic", "Arn": topic, "Input": '"used"', "DeadLetterConfig": {"Arn": wiring.queue_arn}}
    wiring.events.put_targets(Rule=wiring.name, Targets=[target])
    wiring.replay()
    received = wiring.sqs.receive_message(QueueUrl=inbox).get("Messages", ())
    assert [message["Body"] for message in received] == ['"used"'] * published
    assert [attributes["ERROR_CODE"] for attributes, _ in wiring.dead_letters()] == ["NO_PERMISSIONS"] * (not published)


def test_put_rule_without_a_state_misses_read_only_events(wiring: Wiring, destination: Endpoint) -> None:
    """Recorded: radkawar/stackd at 9dc356f5, testdata/aws/eventbridge/control_plane.json, `replace-rule`."""
    rule = wiring.events.describe_rule(Name=wiring.name)
    wiring.events.put_rule(Name=wiring.name, EventPattern=rule["EventPattern"], State=ALL_EVENTS, Description="alert")
    wiring.events.put_rule(Name=wiring.name, EventPattern=rule["EventPattern"])
    replaced = wiring.events.describe_rule(Name=wiring.name)
    assert (replaced["State"], "Description" in replaced) == ("ENABLED", False)
    wiring.replay(readOnly=True)
    assert destination.requests == []


def test_pattern_over_the_complexity_limit_is_refused(cloud: RunningCloud) -> None:
    """Recorded: radkawar/stackd at 9dc356f5, testdata/aws/eventbridge/pattern_admission.json, `stars-5` and beyond."""
    events = cloud.client("events")
    accepted, refused = (json.dumps({"source": [{"wildcard": "*a" * count}]}) for count in (5, 6))
    events.put_rule(Name="complex", EventPattern=accepted)
    with pytest.raises(events.exceptions.InvalidEventPatternException, match="Reason: Rule is too complex"):
        events.put_rule(Name="complex", EventPattern=refused)
    assert events.describe_rule(Name="complex")["EventPattern"] == accepted


def test_arns_of_connection_and_destination_end_in_a_uuid(wiring: Wiring) -> None:
    """Recorded: stackd connections.json, and LocalStack's snapshots of events."""
    destination = wiring.events.describe_api_destination(Name=wiring.name)
    uuid = "[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}"
    assert re.fullmatch(rf"arn:aws:events:.*:connection/{wiring.name}/{uuid}", destination["ConnectionArn"])
    assert re.fullmatch(rf"arn:aws:events:.*:api-destination/{wiring.name}/{uuid}", destination["ApiDestinationArn"])
    assert destination["ApiDestinationArn"] == wiring.destination_arn


def test_described_connection_does_not_show_its_key(wiring: Wiring, destination: Endpoint) -> None:
    """Recorded: stackd connections.json, and LocalStack's snapshots of events."""
    # boto3 drops what AWS's model lacks, so the answer is read as it came.
    answers: list[str] = []

    def keep(http_response: Any, **_: object) -> None:
        answers.append(http_response.text)

    wiring.events.meta.events.register("after-call.events.DescribeConnection", keep)
    described = wiring.events.describe_connection(Name=wiring.name)
    assert described["AuthParameters"] == {"ApiKeyAuthParameters": {"ApiKeyName": "Authorization"}}
    assert wiring.cloud.bot_token not in answers[0]
    wiring.replay()
    [(headers, _)] = destination.requests
    assert headers["Authorization"] == f"Bearer {wiring.cloud.bot_token}"


def test_a_pattern_is_tested_by_eventbridge(cloud: RunningCloud) -> None:
    event = {
        "version": "0",
        "id": "1",
        "account": MANAGEMENT_ACCOUNT,
        "source": "aws.sts",
        "time": "2026-01-31T02:00:00Z",
        "region": REGION,
        "resources": ["arn:aws:s3:::x"],
        "detail-type": "x",
        "detail": {"eventName": "AssumeRole"},
    }
    assert cloud.test_event_pattern({"detail": {"eventName": [{"prefix": "Assume"}]}}, event)
    assert not cloud.test_event_pattern({"detail": {"eventName": [{"prefix": "assume"}]}}, event)


def test_slack_is_broken_without_eventbridge_noticing(tmp_path: Path) -> None:
    with LocalCloud(tmp_path) as cloud:
        wiring = Wiring(cloud, cloud.post_message_url)
        body = {"channel": cloud.slack_channel, "text": "used"}
        wiring.rule(ALL_EVENTS, InputTransformer={"InputPathsMap": {}, "InputTemplate": json.dumps(body)})
        wiring.replay()
        cloud.break_slack(SlackBreak.ARCHIVED)
        wiring.replay()
        cloud.break_slack(SlackBreak.TOKEN_REVOKED)
        wiring.replay()
        assert cloud.wait_idle() == {"delivered": 3, "dead_lettered": 0, "lost": 0}
        assert [post.error for post in cloud.posts()] == [None, "is_archived", "token_revoked"]
        assert [post.body for post in cloud.posts()] == [body, body, body]
        assert cloud.messages() == [body]


def test_an_unknown_address_of_the_control_interface_is_an_error(cloud: RunningCloud) -> None:
    with pytest.raises(LoopbackError, match="answered 404"):
        request_json("GET", f"{cloud.aws_url}/_localcloud/nothing")
