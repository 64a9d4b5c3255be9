"""The EventBridge rules of a subject of alerts, each with the message that it posts.

Besides the rules of its evidence paths, a subject has one for drills, if it has drills. An IAM user has one for the
alarm on the use of access keys: an event pattern has no memory, so the rule of each use posts nothing, and an alarm on
its metric, once for each quiet hour, does.

Non-goals: the rules that belong to no subject, e.g. that of a lost connection (see `connection_events`).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from breakglass.alerts.drills import drill_message, drill_pattern
from breakglass.alerts.messages import Transformer, slack_message
from breakglass.alerts.patterns import RULE_STATE, AlertRule, Pattern, alert_rules
from breakglass.alerts.subjects import (
    AccessArea,
    AccessSubject,
    Drilled,
    TamperArea,
    TamperSubject,
    UserSubject,
    Watched,
)
from breakglass.naming import physical_name
from breakglass.vocabulary import EvidencePath

DEAD_LETTER_RETENTION_SECONDS = 14 * 86_400
"""The retention of a dead letter: the longest that SQS allows."""

DRILL = "drill"
"""The key of a rule for drills; those of the other rules begin with their evidence path."""

KEY_USE_ALARM = f"{EvidencePath.key_use}-alarm"
"""The key of the rule for the alarm on the use of access keys."""


_AREA_RULES: Mapping[str, tuple[EvidencePath, AccessArea | TamperArea | None]] = {
    **{f"{EvidencePath.access}-{area}": (EvidencePath.access, area) for area in AccessArea},
    **{f"{EvidencePath.tamper}-{area}": (EvidencePath.tamper, area) for area in TamperArea},
    **{path.value: (path, None) for path in (EvidencePath.session_start, EvidencePath.denied)},
}


def area_rule(key: str) -> tuple[EvidencePath, AccessArea | TamperArea | None] | None:
    """Return the path and area of a rule of access or tampering; None for another key."""
    return _AREA_RULES.get(re.sub(r"-[2-9]$|-[1-9][0-9]+$", "", key))


@dataclass(frozen=True)
class MessageSettings:
    """The settings of the messages in Slack.

    Attributes:
        channel: ID of the channel.
        drill_channel: ID of the channel for drills; None for the same one.
        post_mortem_url: the team's page for post-mortems; None for no button.
        partition: that of the rules.
        explain: True for a button that asks for an explanation.
    """

    channel: str
    drill_channel: str | None = None
    post_mortem_url: str | None = None
    partition: str = "aws"
    explain: bool = False


@dataclass(frozen=True)
class PlannedRule:
    """An EventBridge rule of a subject.

    Attributes:
        key: its key among the rules of the subject; the end of its name.
        path: its evidence path; None for drills.
        description: its purpose, in a sentence.
        pattern: its event pattern.
        state: its state in EventBridge.
        build_message: returns the message in Slack; None for a rule without one.
    """

    key: str
    path: EvidencePath | None
    description: str
    pattern: Pattern
    state: str = RULE_STATE
    build_message: Callable[[], Transformer] | None = field(default=None, repr=False, compare=False)


def planned_rules(
    name: str,
    watched: Watched,
    settings: MessageSettings,
    *,
    paths: Sequence[EvidencePath] = tuple(EvidencePath),
    drills: bool = True,
) -> list[PlannedRule]:
    """Return the rules of a subject in a fixed order.

    Args:
        name: the logical name of the alert; with a key behind it, that of a rule.
        watched: the subject. Values that only a deployment knows may be placeholders; see `alert_rules`.
        settings: those of the messages.
        paths: the evidence paths to watch a role on.
        drills: True for a rule for drills, if the subject has drills.
    """
    rules = [_alert_rule(watched, rule, settings) for rule in alert_rules(watched, paths, partition=settings.partition)]
    if isinstance(watched, UserSubject):
        rules.append(_key_use_alarm_rule(name, watched, settings))
    if drills and isinstance(watched, Drilled):
        rules.append(_drill_rule(watched, settings))
    return rules


def key_use_alarm_pattern(rule_name: str) -> Pattern:
    """Return the pattern of the alarm on the events that a rule matches, when it goes off.

    Source: "Alarm events and EventBridge" (Amazon CloudWatch User Guide)
    """
    metric = {"name": ["MatchedEvents"], "dimensions": {"RuleName": [rule_name]}}
    return {
        "source": ["aws.cloudwatch"],
        "detail-type": ["CloudWatch Alarm State Change"],
        "detail": {"state": {"value": ["ALARM"]}, "configuration": {"metrics": {"metricStat": {"metric": metric}}}},
    }


def _alert_rule(watched: Watched, rule: AlertRule, settings: MessageSettings) -> PlannedRule:
    build = None if rule.path is EvidencePath.key_use else _message_builder(watched, rule, settings)
    return PlannedRule(rule.key, rule.path, _description(watched, rule), rule.pattern, build_message=build)


def _key_use_alarm_rule(name: str, user: UserSubject, settings: MessageSettings) -> PlannedRule:
    path = EvidencePath.key_use
    pattern = key_use_alarm_pattern(physical_name(f"{name}-{path}"))
    return PlannedRule(
        KEY_USE_ALARM,
        path,
        f"Alarm on the use of access keys of IAM user {user.label}.",
        pattern,
        build_message=_message_builder(user, AlertRule(path, pattern), settings),
    )


def _message_builder(watched: Watched, rule: AlertRule, settings: MessageSettings) -> Callable[[], Transformer]:
    return partial(
        slack_message,
        watched,
        rule.path,
        rule.area,
        channel=settings.channel,
        post_mortem_url=settings.post_mortem_url,
        partition=settings.partition,
        explain=settings.explain,
    )


def _drill_rule(watched: Drilled, settings: MessageSettings) -> PlannedRule:
    build = partial(drill_message, watched, channel=settings.drill_channel or settings.channel)
    description = f"Drill of the alerts about {watched.label}."
    return PlannedRule(DRILL, None, description, drill_pattern(watched), "ENABLED", build)


def _description(watched: Watched, rule: AlertRule) -> str:
    match watched, rule.path:
        case AccessSubject(), _:
            return f"Break-glass access given around the approvals: {rule.area}."
        case TamperSubject(), EvidencePath.tamper:
            return f"Tampering with {watched.label}: {rule.area}."
        case TamperSubject(), EvidencePath.session_start:
            return f"Sessions of the roles that deploy {watched.label}."
        case TamperSubject(), _:
            return f"Refused attempts to tamper with {watched.label}."
        case UserSubject(), _:
            return f"IAM user {watched.label}, evidence path {rule.path}."
        case _:
            return f"Use of {watched.label}, evidence path {rule.path}."
