"""`breakglass doctor` as a user runs it, on stack `local`: sound, then with planted faults.

Each fault is mended in the same test, since other tests share the cloud. Not shown here: how AWS spells what it
returns, and the trail of an organization (docs/live-checks.md).
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from localcloud.stack import ROOT
from tests.local.approvals_harness import ApprovalsHarness

pytestmark = pytest.mark.local

Doctor = Callable[[], dict[str, list[tuple[str, str]]]]

RULE = "breakglass-local-devops-break-glass-session_start"
QUEUE = "breakglass-local-devops-break-glass-dead-letters"


@pytest.fixture
def doctor(approvals: ApprovalsHarness) -> Doctor:
    """The command: returns status and text of each finding, by check."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PULUMI_"))}
    command = [str(Path(sys.executable).with_name("breakglass")), "doctor", "--stack", "local", "--json"]

    def run() -> dict[str, list[tuple[str, str]]]:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**kept, **approvals.environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.stdout, done.stderr
        assert approvals.cloud.bot_token not in done.stdout + done.stderr
        findings: dict[str, list[tuple[str, str]]] = {}
        for each in json.loads(done.stdout):
            findings.setdefault(each["check"], []).append((each["status"], each["what"]))
        failed = any(status == "fail" for found in findings.values() for status, _ in found)
        assert done.returncode == (1 if failed else 0)
        return findings

    return run


@contextmanager
def planted(approvals: ApprovalsHarness) -> Iterator[None]:
    """A disabled rule, a removed target, a dead letter, a raised alarm and a stopped trail."""
    client = approvals.cloud.client
    [slack] = [each for each in client("events").list_targets_by_rule(Rule=RULE)["Targets"] if each["Id"] == "slack"]
    rule = client("events").describe_rule(Name=RULE)
    url = client("sqs").get_queue_url(QueueName=QUEUE)["QueueUrl"]
    alarm = client("cloudwatch").describe_alarms(AlarmNamePrefix="breakglass-local-monitoring")["MetricAlarms"][0]
    name = alarm["AlarmName"]
    client("events").disable_rule(Name=RULE)
    client("events").remove_targets(Rule=RULE, Ids=["slack"])
    client("sqs").send_message(QueueUrl=url, MessageBody="{}")
    client("cloudwatch").set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="Planted.")
    client("cloudtrail").stop_logging(Name="management-events")
    try:
        yield
    finally:
        client("events").put_rule(Name=RULE, State=rule["State"], EventPattern=rule["EventPattern"])
        client("events").put_targets(Rule=RULE, Targets=[slack])
        client("sqs").purge_queue(QueueUrl=url)
        client("cloudwatch").set_alarm_state(AlarmName=name, StateValue="OK", StateReason="Mended.")
        client("cloudtrail").start_logging(Name="management-events")


def test_doctor_finds_planted_faults_and_no_others(approvals: ApprovalsHarness, doctor: Doctor) -> None:
    approvals.reconcile()
    for rule in approvals.cloud.client("events").list_rules(NamePrefix="breakglass-local-slack-probe")["Rules"]:
        approvals.cloud.tick(rule["Name"])
    sound = doctor()
    with planted(approvals):
        found = doctor()

    compared = ("trail", "rule", "target", "connection", "destination", "machine", "probe", "function", "reconciler")
    assert {check: {status for status, _ in sound[check]} for check in compared} == {
        check: {"ok"} for check in compared
    }
    assert sound["person"] == [("ok", "Slack recognises all requesters and approvers of the rules")]
    # Other tests leave dead letters, raised alarms and errors of functions behind.
    planted_faults = {
        "trail": "Logging is stopped on every trail of eu-central-1: management-events.",
        "rule": f"The rule {RULE} is disabled.",
        "target": f"The rule {RULE} has no target slack.",
        "queue": f"Dead letters in the queue {QUEUE}: ",
        "alarm": "Planted.",
    }
    for check, what in planted_faults.items():
        assert [status for status, text in found[check] if what in text] == ["fail"], found[check]
    assert found["function"] == sound["function"]
