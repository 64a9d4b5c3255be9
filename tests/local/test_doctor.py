"""`breakglass doctor` as a user runs it, on stack `local`: sound, then with planted faults.

Each fault is mended in the same test, since other tests share the cloud. The independent door, and the rules of the
stack that watches stack `local`, are made here. Not shown here: how AWS spells what it returns, the last use of a role,
and the trail of an organization (docs/live-checks.md).
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.session import Session

from breakglass.alerts.patterns import RULE_STATE, alert_rules, pattern_json
from breakglass.alerts.subjects import RootSubject, TamperSubject
from breakglass.naming import physical_name
from localcloud.cloud import MANAGEMENT_ACCOUNT, REGION
from localcloud.stack import ROOT, WATCHER
from tests.local.approvals_harness import ApprovalsHarness

pytestmark = pytest.mark.local

Doctor = Callable[[], dict[str, list[tuple[str, str]]]]

RULE = "breakglass-local-devops-break-glass-session_start"
QUEUE = "breakglass-local-devops-break-glass-dead-letters"
GLOBAL_REGION = "us-east-1"
ROOT_RULE = "breakglass-watcher-root-user-sign_in"
DOOR = "identity-center-is-down"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::444444444444:root"},
            "Action": "sts:AssumeRole",
            "Condition": {
                "Bool": {"aws:MultiFactorAuthPresent": "true"},
                "StringEquals": {"aws:RequestedRegion": REGION},
            },
        }
    ],
}


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


def events_in(approvals: ApprovalsHarness, region: str) -> Any:
    """EventBridge in a region of the local cloud."""
    return Session().create_client(
        "events",
        region_name=region,
        endpoint_url=approvals.cloud.aws_url,
        aws_access_key_id=MANAGEMENT_ACCOUNT,
        aws_secret_access_key="local",
    )


@contextmanager
def guarded(approvals: ApprovalsHarness) -> Iterator[None]:
    """The independent door, and the rules of stack `watcher`, without targets, in both regions."""
    iam = approvals.cloud.client("iam")
    iam.create_role(RoleName=DOOR, AssumeRolePolicyDocument=json.dumps(TRUST))
    policies = approvals.cloud.client("organizations").list_policies(Filter="SERVICE_CONTROL_POLICY")["Policies"]
    ours = tuple(policy["Id"] for policy in policies if policy["Name"].startswith("breakglass-local-"))
    tampering = TamperSubject(prefixes=("breakglass-watcher-", "breakglass-local-"), policy_ids=ours)
    rules = {
        physical_name(f"{WATCHER}-{subject.key}-{rule.key}"): pattern_json(rule.pattern)
        for subject in (RootSubject(), tampering)
        for rule in alert_rules(subject)
    }
    buses = [events_in(approvals, region) for region in (REGION, GLOBAL_REGION)]
    for bus in buses:
        for name, pattern in rules.items():
            bus.put_rule(Name=name, State=RULE_STATE, EventPattern=pattern)
    try:
        yield
    finally:
        for bus in buses:
            for name in rules:
                bus.delete_rule(Name=name)
        iam.delete_role(RoleName=DOOR)


@contextmanager
def planted(approvals: ApprovalsHarness) -> Iterator[None]:
    """Faults of the alert path, a stopped trail, an open door, and root that signs in unseen."""
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
    anyone = {**TRUST, "Statement": [{**TRUST["Statement"][0], "Principal": "*"}]}
    client("iam").update_assume_role_policy(RoleName=DOOR, PolicyDocument=json.dumps(anyone))
    events_in(approvals, GLOBAL_REGION).disable_rule(Name=ROOT_RULE)
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
    unwatched = doctor()
    with guarded(approvals):
        sound = doctor()
        with planted(approvals):
            found = doctor()

    compared = ("trail", "rule", "target", "connection", "destination", "machine", "probe", "function", "reconciler")
    compared += ("tampering", "global-events")
    assert {check: {status for status, _ in sound[check]} for check in compared} == {
        check: {"ok"} for check in compared
    }
    assert sound["person"] == [("ok", "Slack recognises all requesters and approvers of the rules")]
    assert unwatched["tampering"] == [
        ("warn", "No other stack of this account watches the rules of this stack in eu-central-1.")
    ]
    assert unwatched["global-events"] == [("fail", "The stack watcher has no enabled rule in us-east-1.")]
    assert unwatched["independent-door"] == [("fail", f"The role {DOOR} of the independent door does not exist.")]
    never = f"The role {DOOR} has never been used, as far as AWS knows; the stack file wants a use every 90 days."
    assert sound["independent-door"] == [("warn", never)]
    # Other tests leave dead letters, raised alarms and errors of functions behind.
    planted_faults = {
        "trail": "Logging is stopped on every trail of eu-central-1: management-events.",
        "rule": f"The rule {RULE} is disabled.",
        "target": f"The rule {RULE} has no target slack.",
        "queue": f"Dead letters in the queue {QUEUE}: ",
        "alarm": "Planted.",
        "global-events": "No enabled rule of the stack watcher in us-east-1 reports: sign-ins of root.",
        "independent-door": f"The trust policy of the role {DOOR} lets any principal of any account in (`*`).",
    }
    for check, what in planted_faults.items():
        assert [status for status, text in found[check] if what in text] == ["fail"], found[check]
    assert found["function"] == sound["function"]
