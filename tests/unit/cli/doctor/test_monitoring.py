"""The checks of subscriptions, their deliveries, and alarms."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from breakglass.cli.deployment import SECRET, Resource
from breakglass.cli.doctor.check import Check
from breakglass.cli.doctor.metrics import ALARM_TYPE
from breakglass.cli.doctor.monitoring import ALARMS, BOUNCES, MONITORING, SUBSCRIPTION_TYPE, SUBSCRIPTIONS, TOPIC_TYPE
from tests.app.doubles.clock import NOW
from tests.unit.cli.doctor.doubles import ACCOUNT, REGION, MemoryAws, deployment, examine, refused, resource, sources

TOPIC = resource(TOPIC_TYPE, "alarms")
MAIL = "oncall@example.com"
CONFIRMED = f"arn:aws:sns:{REGION}:{ACCOUNT}:alarms:1"
PENDING = "PendingConfirmation"


def subscription(endpoint: str, protocol: str = "email", arn: str = "") -> Resource:
    inputs = {"topic": TOPIC.arn, "protocol": protocol, "endpoint": endpoint, "region": REGION}
    return Resource(SUBSCRIPTION_TYPE, arn, inputs, {**inputs, "arn": arn})


def listed(endpoint: str, arn: str = CONFIRMED, protocol: str = "email") -> dict[str, str]:
    return {"Endpoint": endpoint, "SubscriptionArn": arn, "Protocol": protocol}


def texts(check: Check[Any, Any], deployed: list[Resource], **answers: Any) -> list[tuple[str, str]]:
    return [(status, what) for status, what, _ in examine(check, deployment(*deployed), MemoryAws(answers))]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([listed(MAIL)], []),
        ([listed(MAIL, PENDING)], [f"The email subscription {MAIL} is not confirmed."]),
        ([listed(MAIL, PENDING), listed(MAIL)], []),
        (
            [listed("other@example.com")],
            [f"The email subscription {MAIL} does not exist any more: its reader unsubscribed, or SNS gave up on it."],
        ),
    ],
)
def test_subscription_is_confirmed_pending_or_gone(found: list[Any], expected: list[str]) -> None:
    answers = {"ListSubscriptionsByTopic": {"Subscriptions": found}}
    assert texts(SUBSCRIPTIONS, [TOPIC, subscription(MAIL)], **answers) == [("fail", what) for what in expected]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([listed("https://pager.example/KEY", CONFIRMED, "https")], []),
        ([listed("https://pager.example/KEY", PENDING, "https")], ["The https subscription is not confirmed."]),
        (
            [listed("https://pager.example/KEY", CONFIRMED + "9", "https")],
            ["The https subscription does not exist any more: its reader unsubscribed, or SNS gave up on it."],
        ),
    ],
)
def test_address_of_a_pager_is_never_shown(found: list[Any], expected: list[str]) -> None:
    pager = subscription(SECRET, "https", CONFIRMED)
    answers = {"ListSubscriptionsByTopic": {"Subscriptions": found}}
    assert texts(SUBSCRIPTIONS, [TOPIC, pager], **answers) == [("fail", what) for what in expected]


def test_topic_without_confirmed_subscription_fails() -> None:
    expected = [("fail", "The topic alarms has no confirmed subscription.")]
    assert texts(SUBSCRIPTIONS, [TOPIC]) == expected
    foreign = {"Subscriptions": [listed("x@example.com", PENDING)]}
    assert texts(SUBSCRIPTIONS, [TOPIC], ListSubscriptionsByTopic=foreign) == expected
    assert texts(SUBSCRIPTIONS, [TOPIC], ListSubscriptionsByTopic={"Subscriptions": [listed("x@example.com")]}) == []


def test_missing_topic_fails() -> None:
    missing = texts(SUBSCRIPTIONS, [TOPIC], ListSubscriptionsByTopic=refused("NotFoundException"))
    assert missing == [("fail", "The topic alarms does not exist in AWS.")]


@pytest.mark.parametrize(("failed", "expected"), [(0, []), (3, ["warn"])])
def test_bounced_messages_are_a_warning(failed: int, expected: list[str]) -> None:
    found = {"Datapoints": [{"Timestamp": datetime.fromtimestamp(NOW, UTC), "Sum": failed}]}
    assert [status for status, _ in texts(BOUNCES, [TOPIC], GetMetricStatistics=found)] == expected


# --- alarms -----------------------------------------------------------------------------------------------------------

ALARM = resource(ALARM_TYPE, "lost", alarmActions=["arn:topic"], alarmDescription="An alert was lost. Read it.")


def state(value: str, hours: float = 2, **changes: Any) -> dict[str, Any]:
    found = {
        "AlarmName": "lost",
        "StateValue": value,
        "StateReason": "Threshold crossed.",
        "StateUpdatedTimestamp": datetime.fromtimestamp(NOW, UTC) - timedelta(hours=hours),
        "ActionsEnabled": True,
        "AlarmActions": ["arn:topic", "arn:another"],
    }
    return {"MetricAlarms": [{**found, **changes}]}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (state("OK"), []),
        (state("ALARM"), [("fail", "The alarm lost is raised, since 2 h. Threshold crossed.")]),
        (state("INSUFFICIENT_DATA"), [("fail", "The alarm lost has had no data for 2 h.")]),
        (
            state("INSUFFICIENT_DATA", 0.5),
            [("warn", "Alarms that have had no data for less than an hour: lost.")],
        ),
        (state("OK", ActionsEnabled=False), [("fail", "The alarm lost has its actions disabled.")]),
        (state("OK", AlarmActions=[]), [("fail", "The alarm lost does not notify the topics of the stack.")]),
        ({"MetricAlarms": []}, [("fail", "The alarm lost does not exist in AWS.")]),
    ],
)
def test_alarm_is_judged_by_state_and_actions(found: Any, expected: list[tuple[str, str]]) -> None:
    assert texts(ALARMS, [ALARM], DescribeAlarms=found) == expected


def test_new_alarms_without_data_are_one_finding() -> None:
    names = [f"alarm-{number}" for number in range(7)]
    [alarm] = state("INSUFFICIENT_DATA", 0.5, AlarmActions=[])["MetricAlarms"]
    found = {"MetricAlarms": [{**alarm, "AlarmName": name} for name in names]}

    assert texts(ALARMS, [resource(ALARM_TYPE, name) for name in names], DescribeAlarms=found) == [
        (
            "warn",
            "Alarms that have had no data for less than an hour: alarm-0, alarm-1, alarm-2, alarm-3, alarm-4 and 2 "
            "more.",
        )
    ]


def test_raised_alarm_has_its_description_as_the_reason() -> None:
    found = MemoryAws({"DescribeAlarms": state("ALARM")})
    [subject] = ALARMS.subjects(deployment(ALARM))
    [finding] = ALARMS.examine(sources(found), subject)

    assert finding.why == "An alert was lost. Read it."


def test_alarms_are_read_a_hundred_at_once() -> None:
    aws = MemoryAws()
    alarms = [resource(ALARM_TYPE, f"alarm-{number}") for number in range(250)]
    examine(ALARMS, deployment(*alarms), aws)

    assert [len(asked["AlarmNames"]) for _, _, _, asked in aws.calls] == [100, 100, 50]


@pytest.mark.parametrize("check", MONITORING, ids=lambda check: check.name)
def test_refused_call_is_unknown(check: Check[Any, Any]) -> None:
    aws = MemoryAws({action.partition(":")[2]: refused("AuthorizationError", 403) for action in check.actions})
    [(status, _, do)] = examine(check, deployment(TOPIC, ALARM), aws)

    assert (status, do) == ("unknown", f"Allow {check.actions[0]} to your role: docs/runbooks/doctor.md.")
