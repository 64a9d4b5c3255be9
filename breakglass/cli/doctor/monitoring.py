"""The checks of monitoring: subscriptions are confirmed and deliver, and alarms are quiet, armed and have data.

Non-goals: the thresholds of alarms; mails that are delivered and not read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from breakglass.app.aws.aws import AwsError
from breakglass.cli.deployment import SECRET, Deployment, Resource
from breakglass.cli.doctor.alert_path import REDEPLOY, missing
from breakglass.cli.doctor.check import MISSING_CODES, Check, Judgement, Sources, list_pages
from breakglass.cli.doctor.finding import Status
from breakglass.cli.doctor.metrics import ALARM_TYPE, DAY, Series, format_age, read_datapoints

TOPIC_TYPE = "aws:sns/topic"
SUBSCRIPTION_TYPE = "aws:sns/topicSubscription"

_PENDING = "PendingConfirmation"

# --- subscriptions ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TopicSubscriptions:
    """A deployed topic with its deployed subscriptions."""

    topic: Resource
    subscriptions: tuple[Resource, ...]


def _topics(deployment: Deployment) -> list[TopicSubscriptions]:
    return [
        TopicSubscriptions(
            topic,
            tuple(each for each in deployment.of_type(SUBSCRIPTION_TYPE) if each.get("topic") == topic.arn),
        )
        for topic in deployment.of_type(TOPIC_TYPE)
    ]


def _look_at_subscriptions(sources: Sources, topic: TopicSubscriptions) -> list[Mapping[str, Any]] | None:
    operations = sources.aws(topic.topic.region)
    try:
        return list(
            list_pages(operations, "Subscriptions", "sns", "ListSubscriptionsByTopic", TopicArn=topic.topic.arn)
        )
    except AwsError as error:
        if error.code in MISSING_CODES:
            return None
        raise


def judge_subscriptions(topic: TopicSubscriptions, found: Sequence[Mapping[str, Any]] | None) -> list[Judgement]:
    """Return the problems of a topic: no reader, or a subscription that is missing or not confirmed."""
    name = topic.topic.physical_name
    if found is None:
        return missing("The topic", name)
    problems = [problem for each in topic.subscriptions for problem in _judge_subscription(each, found)]
    if not problems and all(each.get("SubscriptionArn") == _PENDING for each in found):
        problems.append(
            Judgement(
                Status.fail,
                f"The topic {name} has no confirmed subscription.",
                "Add an address to `monitoring.emails` or `monitoring.pagers`, and run `pulumi up`.",
            )
        )
    return problems


def _judge_subscription(subscription: Resource, found: Sequence[Mapping[str, Any]]) -> list[Judgement]:
    protocol, endpoint = str(subscription.get("protocol")), subscription.get("endpoint")
    # The address of a pager is a secret, so AWS's list must not be shown either.
    name = f"{protocol} subscription" if endpoint == SECRET else f"{protocol} subscription {endpoint}"
    same = [
        each
        for each in found
        if each.get("Protocol") == protocol
        and (each.get("Endpoint") == endpoint or each.get("SubscriptionArn") == subscription.id)
    ]
    if endpoint == SECRET and not same:
        same = [each for each in found if each.get("Protocol") == protocol and each.get("SubscriptionArn") == _PENDING]
    if not same:
        return [
            Judgement(
                Status.fail,
                f"The {name} does not exist any more: its reader unsubscribed, or SNS gave up on it.",
                "Ask the reader. `pulumi refresh` and `pulumi up` subscribe it again, and it has to be confirmed.",
            )
        ]
    if all(each.get("SubscriptionArn") == _PENDING for each in same):
        return [
            Judgement(
                Status.fail,
                f"The {name} is not confirmed.",
                "Open the link in the mail of AWS (look in the spam folder), or confirm it in the pager's settings. "
                "SNS deletes it after two days; then `pulumi refresh` and `pulumi up` send a new one.",
            )
        ]
    return []


SUBSCRIPTIONS = Check(
    name="subscription",
    why="SNS sends nothing to an address that has not confirmed; the next alarm would not arrive there.",
    subjects=_topics,
    look=_look_at_subscriptions,
    judge=judge_subscriptions,
    ok="topics whose subscriptions are confirmed: {count}",
    actions=("sns:ListSubscriptionsByTopic",),
    name_subject=lambda topic: f"the subscriptions of the topic {topic.topic.physical_name}",
)


def _look_at_failures(sources: Sources, topic: Resource) -> int:
    series = Series(topic.region, "AWS/SNS", "NumberOfNotificationsFailed", (("TopicName", topic.physical_name),))
    return int(sum(each.value for each in read_datapoints(sources, series, "Sum", 14 * DAY, DAY)))


def judge_failures(topic: Resource, failed: int) -> list[Judgement]:
    """Return a problem if messages of a topic could not be delivered in the last 14 days."""
    if not failed:
        return []
    return [
        Judgement(
            Status.warn,
            f"Undelivered messages of the topic {topic.physical_name} in the last 14 days: {failed}.",
            "Ask each reader for the last mail or page; correct the address in the stack file. SNS names no "
            "address in this metric.",
        )
    ]


BOUNCES = Check(
    name="bounces",
    why="A mail that bounces, or a pager that refuses a page, leaves its reader without any alarm.",
    subjects=lambda deployment: deployment.of_type(TOPIC_TYPE),
    look=_look_at_failures,
    judge=judge_failures,
    ok="topics without an undelivered message in the last 14 days: {count}",
    actions=("cloudwatch:GetMetricStatistics",),
    name_subject=lambda topic: f"the deliveries of the topic {topic.physical_name}",
)

# --- alarms -----------------------------------------------------------------------------------------------------------

_ALARMS_PER_CALL = 100
_NEW_SECONDS = 3600
_NAMED = 5
_WITHOUT_DATA = "An alarm without data can't be raised."


@dataclass(frozen=True)
class RegionalAlarms:
    """The deployed alarms of a region, which are read together."""

    region: str
    alarms: tuple[Resource, ...]


@dataclass(frozen=True)
class AlarmState:
    """An alarm as CloudWatch has it.

    Attributes:
        seconds: since the state changed.
    """

    state: str
    reason: str
    seconds: float
    actions_enabled: bool
    actions: frozenset[str]

    @property
    def lacks_data(self) -> bool:
        """True if CloudWatch can't tell the alarm's state."""
        return self.state == "INSUFFICIENT_DATA"


def _alarms(deployment: Deployment) -> list[RegionalAlarms]:
    alarms = deployment.of_type(ALARM_TYPE)
    return [
        RegionalAlarms(region, tuple(alarm for alarm in alarms if alarm.region == region))
        for region in sorted({alarm.region for alarm in alarms})
    ]


def _look_at_alarms(sources: Sources, regional: RegionalAlarms) -> dict[str, AlarmState]:
    names = [alarm.physical_name for alarm in regional.alarms]
    found: dict[str, AlarmState] = {}
    for first in range(0, len(names), _ALARMS_PER_CALL):
        some = names[first : first + _ALARMS_PER_CALL]
        answer = sources.aws(regional.region).call(
            "cloudwatch", "DescribeAlarms", AlarmNames=some, MaxRecords=len(some)
        )
        found |= {
            str(each.get("AlarmName")): _alarm_state(each, sources.clock()) for each in answer.get("MetricAlarms") or ()
        }
    return found


def _alarm_state(alarm: Mapping[str, Any], now: int) -> AlarmState:
    updated = alarm.get("StateUpdatedTimestamp")
    return AlarmState(
        state=str(alarm.get("StateValue")),
        reason=str(alarm.get("StateReason") or ""),
        seconds=now - updated.timestamp() if isinstance(updated, datetime) else 0,
        actions_enabled=alarm.get("ActionsEnabled") is not False,
        actions=frozenset(alarm.get("AlarmActions") or ()),
    )


def judge_alarms(regional: RegionalAlarms, found: Mapping[str, AlarmState]) -> list[Judgement]:
    """Return the problems of alarms: missing, raised, without data, or without their actions."""
    problems: list[Judgement] = []
    for alarm in regional.alarms:
        problems += _judge_alarm(alarm, found.get(alarm.physical_name))
    new = sorted(name for name, state in found.items() if state.lacks_data and state.seconds < _NEW_SECONDS)
    if new:
        more = f" and {len(new) - _NAMED} more" if len(new) > _NAMED else ""
        what = f"Alarms that have had no data for less than an hour: {', '.join(new[:_NAMED])}{more}."
        problems.append(Judgement(Status.warn, what, "Look again in an hour.", _WITHOUT_DATA))
    return problems


def _judge_alarm(alarm: Resource, found: AlarmState | None) -> list[Judgement]:
    name = alarm.physical_name
    if found is None:
        return missing("The alarm", name)
    problems: list[Judgement] = []
    if found.state == "ALARM":
        meaning = str(alarm.get("alarmDescription") or "")
        problems.append(
            Judgement(
                Status.fail,
                f"The alarm {name} is raised, since {format_age(found.seconds)}. {found.reason}",
                "Follow docs/runbooks/alarms.md.",
                meaning,
            )
        )
    elif found.lacks_data and found.seconds >= _NEW_SECONDS:
        problems.append(
            Judgement(
                Status.fail,
                f"The alarm {name} has had no data for {format_age(found.seconds)}.",
                "Its metric is not written. The description of the alarm in CloudWatch says what should write it.",
                _WITHOUT_DATA,
            )
        )
    actions = alarm.get("alarmActions") or []
    if not found.actions_enabled or not found.actions.issuperset(actions):
        what = "has its actions disabled" if not found.actions_enabled else "does not notify the topics of the stack"
        problems.append(
            Judgement(Status.fail, f"The alarm {name} {what}.", REDEPLOY, "When it is raised, no one is notified.")
        )
    return problems


ALARMS = Check(
    name="alarm",
    why="A raised alarm is a fault that waits for a person, and one that can't be raised hides faults.",
    subjects=_alarms,
    look=_look_at_alarms,
    judge=judge_alarms,
    ok="no alarm is raised, all have data, and all notify their topics",
    actions=("cloudwatch:DescribeAlarms",),
    name_subject=lambda regional: f"the alarms of {regional.region}",
)

MONITORING: Sequence[Check[Any, Any]] = (SUBSCRIPTIONS, BOUNCES, ALARMS)
