"""Breaks a deployed alert path, sends a use through it, and watches for notices.

Virtual time: a run takes seconds and covers `HORIZON_SECONDS` by AWS's clock (`localcloud.emulators.clock`). An alert's
time is measured, plus the waits between retries that were shortened. The probe runs right before the fault, and then
after each of its intervals, so its time is that of the latest case. An alarm's time is computed from its data points,
its deployed periods and the latest case of SQS (`localcloud.emulators.cloudwatch`).

Non-goals: the expected notices (`localcloud.faults`); calls of AWS that break something (`localcloud.tampering`).
"""

import json
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from breakglass.alerts.connection_events import lost_connection_text
from breakglass.alerts.witness_machine import MISSED_USE_EVENT_TYPE
from breakglass.naming import physical_name
from breakglass.vocabulary import Delivery, EvidencePath
from localcloud.cloud import LocalCloudError, RunningCloud
from localcloud.emulators.notification import Notification, alarm_of
from localcloud.emulators.slack import Post
from localcloud.faults import EXPECTED, OF_SLACK, Fault, FaultResult, Notice, Sighting, describe_place, first_of_each
from localcloud.records import RECORDS, load_record
from localcloud.stack import STACK, TRAIL
from localcloud.tampering import Tampering

HORIZON_SECONDS = 40 * 60
"""Time by AWS's clock in which notices are counted."""

_RECORD = RECORDS / "session-devops-break-glass.json"
_SUBJECT = "devops-break-glass"
_USER = "jane.doe@example.com"
_LOST_CONNECTION = json.loads(lost_connection_text().template).partition("<")[0]

_OPENINGS = {
    _LOST_CONNECTION: Notice.lost_connection,
    "Slack would not show break-glass messages in the channel": Notice.probe_mail,
    "The break-glass alerts of the stack": Notice.roll_call,
    "CloudTrail recorded": Notice.witness_mail,
}
"""The notice that a mail is, by its first words."""

_OF_METRICS = {
    frozenset({"SlackReachable"}): Notice.probe_alarm,
    frozenset({"FailedInvocations", "ExecutionsFailed"}): Notice.failed_probe,
    frozenset({"FailedInvocations"}): Notice.failed_delivery,
    frozenset({"ApproximateNumberOfMessagesVisible"}): Notice.dead_letter,
    frozenset({"ExecutionsFailed"}): Notice.failed_execution,
    frozenset({physical_name(f"{STACK}-witness-uses")}): Notice.trail_mail,
}
"""The notice that an alarm is, by those of its metrics that are named here."""
_TELLING = frozenset[str]().union(*_OF_METRICS)

_TAMPERING = "breakglass_tamper"
_OF_EVIDENCE: Mapping[str, Notice] = {
    EvidencePath.tamper: Notice.tampering,
    EvidencePath.denied: Notice.attempt,
    EvidencePath.session_start: Notice.deployment,
}
"""The notice that a message about tampering is, by its evidence path."""

_SLACK_METHODS = ("chat.postMessage", "chat.scheduleMessage", "chat.deleteScheduledMessage")
_SLACK_FAULTS: Mapping[Fault, Mapping[str, Any]] = {
    Fault.slack_archived: {"error": "is_archived"},
    Fault.slack_bot_removed: {"error": "not_in_channel"},
    Fault.slack_token_revoked: {"error": "token_revoked"},
    Fault.slack_down: {"silent": True, "lasts": 600},
    Fault.slack_slow: {"seconds": 1.5},
    Fault.slack_rate_limited: {"retry_after": 30, "lasts": 30},
    Fault.blocks_refused: {"error": "invalid_blocks", "with_blocks": True},
}


class AlertPath:
    """The deployed alert path of one break-glass set, which can be broken and repaired.

    Args:
        cloud: the cloud of stack `local`.
        rule_names: the stack's output `ruleNames`: set or role to evidence path to rule.
        delivery: the delivery that is deployed.
        deployer: ARN of the role that deploys the stack.

    Raises:
        LocalCloudError: the stack has no probe.
    """

    def __init__(
        self, cloud: RunningCloud, rule_names: Mapping[str, Mapping[str, str]], delivery: Delivery, deployer: str
    ) -> None:
        self._cloud = cloud
        self._delivery = delivery
        self._rule = rule_names[_SUBJECT][EvidencePath.session_start]
        self._deployer = deployer
        self._probe, self._probe_seconds = find_probe(cloud)

    def run(self, fault: Fault) -> FaultResult:
        """Make a fault, send the use of a break-glass role, repair the fault, and return what was noticed."""
        cloud = self._cloud
        cloud.tick(self._probe)
        before = cloud.wait_idle()
        posts, mails = len(cloud.posts()), len(cloud.mails())
        tampering = Tampering(cloud, self._rule, self._deployer)
        began = time.time()
        with self._broken(fault, tampering):
            for record in tampering.records:
                cloud.replay(record)
            if is_logged(cloud):
                cloud.replay(load_record(_RECORD).content)
            after_fault = cloud.wait_idle()
            for at in range(self._probe_seconds, HORIZON_SECONDS + 1, self._probe_seconds):
                cloud.tick(self._probe, began + at - time.time())
                after_fault = cloud.wait_idle()
            cloud.evaluate_alarms(began, began + HORIZON_SECONDS)
            cloud.wait_idle()
        changes = [record["eventID"] for record in tampering.records]
        sightings = first_of_each(
            [
                *list_posted(cloud.posts(posts), began, cloud.second_channel),
                *list_mailed(cloud.mails()[mails:], began, changes),
            ]
        )
        has_dead_letter = after_fault["dead_lettered"] > before["dead_lettered"]
        self._empty_queues()
        return FaultResult(fault, self._delivery, sightings, describe_place(sightings, has_dead_letter=has_dead_letter))

    def _broken(self, fault: Fault, tampering: Tampering) -> AbstractContextManager[None]:
        return self._broken_slack(_SLACK_FAULTS[fault]) if fault in OF_SLACK else tampering.make(fault)

    @contextmanager
    def _broken_slack(self, fault: Mapping[str, Any]) -> Iterator[None]:
        self._cloud.fail_slack(methods=_SLACK_METHODS, **fault)
        yield
        self._cloud.fail_slack()

    def _empty_queues(self) -> None:
        sqs = self._cloud.client("sqs")
        for url in sqs.list_queues().get("QueueUrls", ()):
            sqs.purge_queue(QueueUrl=url)


def is_logged(cloud: RunningCloud) -> bool:
    """True if the trail hands the record of a use to EventBridge: STS calls are read-only."""
    trails = cloud.client("cloudtrail")
    if not trails.get_trail_status(Name=TRAIL)["IsLogging"]:
        return False
    selectors = trails.get_event_selectors(TrailName=TRAIL).get("EventSelectors", ())
    return all(selector["ReadWriteType"] == "All" for selector in selectors)


def list_applicable(faults: Sequence[Fault], delivery: Delivery) -> list[Fault]:
    """Return the faults that apply to a delivery."""
    return [fault for fault in faults if (fault, delivery) in EXPECTED]


def find_probe(cloud: RunningCloud) -> tuple[str, int]:
    """Return the name of the probe's rule, and its interval in seconds."""
    for page in cloud.client("events").get_paginator("list_rules").paginate():
        for rule in page["Rules"]:
            if "probe" in rule["Name"] and "ScheduleExpression" in rule:
                minutes = int(rule["ScheduleExpression"].removeprefix("rate(").split()[0])
                return rule["Name"], minutes * 60
    raise LocalCloudError("The stack has no probe: stacks/Pulumi.local.yaml has to leave `probe` on.")


def list_posted(posts: Iterable[Post], began: float, watcher_channel: str) -> list[Sighting]:
    """Return what messages that Slack accepted are, with their times since a fault.

    Args:
        posts: the calls of chat.postMessage.
        began: the time of the fault, in seconds since the epoch.
        watcher_channel: ID of the channel of stack `watcher`.
    """
    return [
        Sighting(_read_post(post.body, watcher_channel), post.received + post.skipped - began)
        for post in posts
        if post.error is None
    ]


def list_mailed(mails: Iterable[Notification], began: float, changes: Collection[str]) -> list[Sighting]:
    """Return what mails are, with their times since a fault; other mails are left out.

    Args:
        mails: the mails.
        began: the time of the fault, in seconds since the epoch.
        changes: event IDs of the calls that made the fault.
    """
    read = ((_read_mail(mail, changes), mail.at - began) for mail in mails)
    return [Sighting(notice, seconds) for notice, seconds in read if notice is not None]


def _read_post(message: Mapping[str, Any], watcher_channel: str) -> Notice:
    if message["channel"] == watcher_channel:
        return Notice.watcher
    metadata = message.get("metadata") or {}
    if metadata.get("event_type") == _TAMPERING:
        return _OF_EVIDENCE[metadata["event_payload"]["evidence"]]
    if metadata.get("event_type") == MISSED_USE_EVENT_TYPE or str(message["text"]).startswith("Late"):
        return Notice.late_alert
    return Notice.alert if message.get("blocks") else Notice.plain_alert


def _read_mail(mail: Notification, changes: Collection[str]) -> Notice | None:
    alarm = alarm_of(mail)
    text = mail.message.strip('"')
    if alarm is not None:
        return _OF_METRICS.get(_TELLING & _list_metrics(alarm["Trigger"]))
    for opening, notice in _OPENINGS.items():
        if text.startswith(opening):
            return notice
    if any(event_id in text for event_id in changes):
        return Notice.tampering_mail
    return Notice.mail if _USER in text else None


def _list_metrics(trigger: Mapping[str, Any]) -> frozenset[str]:
    if "Metrics" not in trigger:
        return frozenset({str(trigger["MetricName"])})
    stats = (query["MetricStat"] for query in trigger["Metrics"] if "MetricStat" in query)
    return frozenset(str(stat["Metric"]["MetricName"]) for stat in stats)
