"""Makes faults of a deployed alert path, sends a use through it, and watches for notices.

Virtual time: a run takes seconds and covers `HORIZON_SECONDS` by AWS's clock (`localcloud.emulators.clock`). An alert's
time is measured, plus the waits between retries that were shortened. The probe runs right before the fault, and then
after each of its intervals, so its time is that of the latest case. An alarm's time is computed from its data points,
its deployed periods and the latest case of SQS (`localcloud.emulators.cloudwatch`).

Non-goals: the expected notices (`localcloud.faults`).
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from breakglass.alerts.connection_events import lost_connection_text
from breakglass.vocabulary import Delivery, EvidencePath
from localcloud.cloud import LocalCloudError, RunningCloud
from localcloud.emulators.notification import Notification, alarm_of
from localcloud.emulators.slack import Post
from localcloud.faults import EXPECTED, Fault, FaultResult, Notice, Sighting, describe_place, first_of_each
from localcloud.records import RECORDS, load_record

HORIZON_SECONDS = 40 * 60
"""Time by AWS's clock in which notices are counted."""

_RECORD = RECORDS / "session-devops-break-glass.json"
_SUBJECT = "devops-break-glass"
_USER = "jane.doe@example.com"
_LOST_CONNECTION = json.loads(lost_connection_text().template).partition("<")[0]

_PROBE_MAIL = "Slack would not show break-glass messages in the channel"

_OF_METRICS = {
    frozenset({"SlackReachable"}): Notice.probe_alarm,
    frozenset({"FailedInvocations", "ExecutionsFailed"}): Notice.failed_probe,
    frozenset({"FailedInvocations"}): Notice.failed_delivery,
    frozenset({"ApproximateNumberOfMessagesVisible"}): Notice.dead_letter,
    frozenset({"ExecutionsFailed"}): Notice.failed_execution,
}
"""The notice that an alarm is, by those of its metrics that are named here."""
_TELLING = frozenset[str]().union(*_OF_METRICS)

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

    Raises:
        LocalCloudError: the stack has no probe.
    """

    def __init__(self, cloud: RunningCloud, rule_names: Mapping[str, Mapping[str, str]], delivery: Delivery) -> None:
        self._cloud = cloud
        self._delivery = delivery
        self._rule = rule_names[_SUBJECT][EvidencePath.session_start]
        self._probe, self._probe_seconds = _find_probe(cloud)

    def run(self, fault: Fault) -> FaultResult:
        """Make a fault, send the use of a break-glass role, repair the fault, and return what was noticed."""
        cloud = self._cloud
        cloud.tick(self._probe)
        before = cloud.wait_idle()
        posts, mails = len(cloud.posts()), len(cloud.mails())
        began = time.time()
        with self._broken(fault):
            cloud.replay(load_record(_RECORD).content)
            after_fault = cloud.wait_idle()
            for at in range(self._probe_seconds, HORIZON_SECONDS + 1, self._probe_seconds):
                cloud.tick(self._probe, began + at - time.time())
                after_fault = cloud.wait_idle()
            cloud.evaluate_alarms(began, began + HORIZON_SECONDS)
        sightings = first_of_each(
            [
                *(_of_post(post, began) for post in cloud.posts()[posts:] if post.error is None),
                *(seen for mail in cloud.mails()[mails:] if (seen := _of_mail(mail, began)) is not None),
            ]
        )
        has_dead_letter = after_fault["dead_lettered"] > before["dead_lettered"]
        self._empty_queues()
        return FaultResult(fault, self._delivery, sightings, describe_place(sightings, has_dead_letter=has_dead_letter))

    def _broken(self, fault: Fault) -> AbstractContextManager[None]:
        if fault in _SLACK_FAULTS:
            return self._broken_slack(_SLACK_FAULTS[fault])
        breaks: dict[Fault, Callable[[], AbstractContextManager[None]]] = {
            Fault.connection_deauthorised: self._deauthorised_connection,
            Fault.machine_role_broken: self._role_without_policies,
            Fault.machine_deleted: self._deleted_machine,
            Fault.rule_disabled: self._disabled_rule,
            Fault.target_removed: self._removed_target,
        }
        return breaks[fault]()

    @contextmanager
    def _broken_slack(self, fault: Mapping[str, Any]) -> Iterator[None]:
        self._cloud.fail_slack(methods=_SLACK_METHODS, **fault)
        yield
        self._cloud.fail_slack()

    @contextmanager
    def _deauthorised_connection(self) -> Iterator[None]:
        events = self._cloud.client("events")
        (connection,) = events.list_connections()["Connections"]
        events.deauthorize_connection(Name=connection["Name"])
        yield
        key = {"ApiKeyName": "Authorization", "ApiKeyValue": f"Bearer {self._cloud.bot_token}"}
        events.update_connection(
            Name=connection["Name"], AuthorizationType="API_KEY", AuthParameters={"ApiKeyAuthParameters": key}
        )

    @contextmanager
    def _role_without_policies(self) -> Iterator[None]:
        iam = self._cloud.client("iam")
        role = self._describe_machine()["roleArn"].rsplit("/", 1)[-1]
        policies = {
            name: iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
            for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
        }
        for name in policies:
            iam.delete_role_policy(RoleName=role, PolicyName=name)
        yield
        for name, document in policies.items():
            iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))

    @contextmanager
    def _deleted_machine(self) -> Iterator[None]:
        states = self._cloud.client("stepfunctions")
        machine = self._describe_machine()
        states.delete_state_machine(stateMachineArn=machine["stateMachineArn"])
        yield
        kept = ("name", "definition", "roleArn", "type", "loggingConfiguration")
        states.create_state_machine(**{field: machine[field] for field in kept if field in machine})

    @contextmanager
    def _disabled_rule(self) -> Iterator[None]:
        events = self._cloud.client("events")
        rule = events.describe_rule(Name=self._rule)
        events.disable_rule(Name=self._rule)
        yield
        kept = ("Name", "EventPattern", "State", "Description")
        events.put_rule(**{field: rule[field] for field in kept if field in rule})

    @contextmanager
    def _removed_target(self) -> Iterator[None]:
        events = self._cloud.client("events")
        targets = events.list_targets_by_rule(Rule=self._rule)["Targets"]
        events.remove_targets(Rule=self._rule, Ids=["slack"])
        yield
        events.put_targets(Rule=self._rule, Targets=[target for target in targets if target["Id"] == "slack"])

    def _describe_machine(self) -> dict[str, Any]:
        targets = self._cloud.client("events").list_targets_by_rule(Rule=self._rule)["Targets"]
        (arn,) = (target["Arn"] for target in targets if target["Id"] == "slack")
        described: dict[str, Any] = self._cloud.client("stepfunctions").describe_state_machine(stateMachineArn=arn)
        return described

    def _empty_queues(self) -> None:
        sqs = self._cloud.client("sqs")
        for url in sqs.list_queues().get("QueueUrls", ()):
            sqs.purge_queue(QueueUrl=url)


def list_applicable(faults: tuple[Fault, ...], delivery: Delivery) -> list[Fault]:
    """Return the faults that apply to a delivery."""
    return [fault for fault in faults if (fault, delivery) in EXPECTED]


def _find_probe(cloud: RunningCloud) -> tuple[str, int]:
    """Return the name of the probe's rule, and its interval in seconds."""
    for page in cloud.client("events").get_paginator("list_rules").paginate():
        for rule in page["Rules"]:
            if "probe" in rule["Name"] and "ScheduleExpression" in rule:
                minutes = int(rule["ScheduleExpression"].removeprefix("rate(").split()[0])
                return rule["Name"], minutes * 60
    raise LocalCloudError("The stack has no probe: stacks/Pulumi.local.yaml has to leave `probe` on.")


def _of_post(post: Post, began: float) -> Sighting:
    late = str(post.body["text"]).startswith("Late")
    notice = Notice.late_alert if late else Notice.alert if post.body.get("blocks") else Notice.plain_alert
    return Sighting(notice, post.received + post.skipped - began)


def _of_mail(mail: Notification, began: float) -> Sighting | None:
    notice: Notice | None = None
    alarm = alarm_of(mail)
    text = mail.message.strip('"')
    if alarm is not None:
        notice = _OF_METRICS.get(_TELLING & _list_metrics(alarm["Trigger"]))
    elif text.startswith(_LOST_CONNECTION):
        notice = Notice.lost_connection
    elif text.startswith(_PROBE_MAIL):
        notice = Notice.probe_mail
    elif _USER in text:
        notice = Notice.mail
    return None if notice is None else Sighting(notice, mail.at - began)


def _list_metrics(trigger: Mapping[str, Any]) -> frozenset[str]:
    if "Metrics" not in trigger:
        return frozenset({str(trigger["MetricName"])})
    stats = (query["MetricStat"] for query in trigger["Metrics"] if "MetricStat" in query)
    return frozenset(str(stat["Metric"]["MetricName"]) for stat in stats)
