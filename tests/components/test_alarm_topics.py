"""`AlarmTopics` registers exactly these topics, policies and subscriptions, and moves those of earlier versions.

Not proven here: that an address or a pager confirms its subscription, and what a pager makes of a message
(docs/live-checks.md).
"""

import json
from typing import Any, cast

import pulumi
import pytest

from breakglass.components.alerts.alarm_topics import AlarmTopics, AlarmTopicsArgs
from breakglass.iam.documents import alarm_topic_policy
from tests.conftest import REGION, Deployment, deploy, refusal

ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
COMPONENT = "breakglass:index:AlarmTopics"
TOPIC = "aws:sns/topic:Topic"
TOPIC_POLICY = "aws:sns/topicPolicy:TopicPolicy"
SUBSCRIPTION = "aws:sns/topicSubscription:TopicSubscription"

TOPIC_ARN = "arn:aws:sns:eu-central-1:222222222222:breakglass-watch-alarms"
PAGE_TOPIC_ARN = "arn:aws:sns:eu-central-1:222222222222:breakglass-watch-pages"
ADDRESS = "https://events.pagerduty.example/integration/not-to-be-seen/enqueue"
TAGS = {"team": "platform"}


def program(args: dict[str, Any]) -> dict[str, pulumi.Output[Any]]:
    made = AlarmTopics("watch", cast(AlarmTopicsArgs, {"region": REGION, "tags": TAGS, **args}))
    return {"topic_arn": made.topic_arn, "page_topic_arn": made.page_topic_arn, "alarm_arns": made.alarm_arns}


def topics(**args: Any) -> Deployment:
    return deploy(lambda: program(args))


PAGED = {"emails": ["a@example.com"], "pagers": {"pagerduty": ADDRESS}}
MAILED = {
    (COMPONENT, "watch"),
    (TOPIC, "watch-alarms"),
    (TOPIC_POLICY, "watch-alarms"),
    (SUBSCRIPTION, "watch-a@example.com"),
}


def test_emails_need_one_topic() -> None:
    deployment = topics(emails=["a@example.com"])

    assert deployment.inventory() == MAILED
    assert deployment.outputs == {"topic_arn": TOPIC_ARN, "page_topic_arn": None, "alarm_arns": []}


def test_pagers_add_second_topic() -> None:
    deployment = topics(**PAGED)

    assert deployment.inventory() - MAILED == {
        (TOPIC, "watch-pages"),
        (TOPIC_POLICY, "watch-pages"),
        (SUBSCRIPTION, "watch-pagerduty"),
        (ALARM, "watch-failed-pages"),
    }
    assert deployment.outputs == {
        "topic_arn": TOPIC_ARN,
        "page_topic_arn": PAGE_TOPIC_ARN,
        "alarm_arns": ["arn:aws:cloudwatch:eu-central-1:222222222222:alarm:breakglass-watch-failed-pages"],
    }


@pytest.mark.parametrize(("kind", "shown"), [("alarms", "Break-glass"), ("pages", "Break-glass page")])
def test_topic_has_name_and_policy(kind: str, shown: str) -> None:
    deployment = topics(**PAGED)

    name = f"breakglass-watch-{kind}"
    assert deployment.get(TOPIC, f"watch-{kind}").inputs == {
        "name": name,
        "displayName": shown,
        "region": REGION,
        "tags": TAGS,
    }
    policy = deployment.get(TOPIC_POLICY, f"watch-{kind}").inputs["policy"]
    assert json.loads(policy) == alarm_topic_policy(f"arn:aws:sns:eu-central-1:222222222222:{name}")


def test_subscriptions_of_emails_and_pagers() -> None:
    deployment = topics(**PAGED)

    assert deployment.get(SUBSCRIPTION, "watch-a@example.com").inputs == {
        "topic": TOPIC_ARN,
        "protocol": "email",
        "endpoint": "a@example.com",
        "region": REGION,
    }
    assert deployment.get(SUBSCRIPTION, "watch-pagerduty").inputs == {
        "topic": PAGE_TOPIC_ARN,
        "protocol": "https",
        "endpoint": ADDRESS,
        "endpointAutoConfirms": True,
        "region": REGION,
    }


def test_page_that_no_pager_takes_raises_alarm_by_mail() -> None:
    alarm = topics(**PAGED).get(ALARM, "watch-failed-pages").inputs

    assert "tell on-call yourself" in alarm.pop("alarmDescription")
    assert alarm == {
        "name": "breakglass-watch-failed-pages",
        "namespace": "AWS/SNS",
        "metricName": "NumberOfNotificationsFailed",
        "dimensions": {"TopicName": "breakglass-watch-pages"},
        "statistic": "Sum",
        "period": 300,
        "evaluationPeriods": 1,
        "threshold": 0,
        "comparisonOperator": "GreaterThanThreshold",
        "treatMissingData": "notBreaching",
        "alarmActions": [TOPIC_ARN],
        "region": REGION,
        "tags": TAGS,
    }


def test_address_of_pager_is_secret_and_in_no_other_input() -> None:
    deployment = topics(**PAGED)

    (holder,) = [each for each in deployment.resources if ADDRESS in json.dumps([each.name, each.inputs])]
    assert (holder.name, holder.secrets) == ("watch-pagerduty", {"endpoint"})
    assert deployment.secret_outputs == set()
    assert ADDRESS not in json.dumps(deployment.registered_outputs)


def test_resources_of_earlier_versions_have_alias_of_old_parent() -> None:
    deployment = topics(**PAGED)

    old_parent = deployment.get(COMPONENT, "watch").urn.replace(COMPONENT, "breakglass:index:UsageMonitoring")
    moved = {(each.type, each.name) for each in deployment.resources if old_parent in each.old_parents}
    assert moved == MAILED - {(COMPONENT, "watch")}


def test_users_of_topics_wait_for_their_policies() -> None:
    deployment = topics(**PAGED)

    for user, topic in (("watch-a@example.com", "watch-alarms"), ("watch-pagerduty", "watch-pages")):
        assert deployment.get(TOPIC_POLICY, topic).urn in deployment.get(SUBSCRIPTION, user).depends_on


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"emails": ["nobody"]}, "watch.emails[0]"),
        ({"emails": ["a@example.com", "a@example.com"]}, "Duplicate entry"),
        ({"pagers": {"PagerDuty": ADDRESS}}, "Not the name of a pager"),
    ],
    ids=["no address", "duplicate address", "pager's name"],
)
def test_wrong_args_are_refused_before_registration(wrong: Any, why: str) -> None:
    report = refusal(lambda: program(wrong))

    assert why in report
    assert ADDRESS not in report
