"""Tampering by real calls on the deployed stack, and access around the approvals, reported by their records.

Not shown here: a fault that cuts the way to Slack, and a second stack (`make demo BREAK=all`); that CloudTrail writes
these records (docs/live-checks.md).
"""

import json
import time
from collections.abc import Sequence
from typing import Any

import pytest

from breakglass.naming import AppFunction, Names
from breakglass.vocabulary import Delivery
from localcloud.cloud import MANAGEMENT_ACCOUNT, REGION
from localcloud.emulators.call_records import Caller, make_call_record
from localcloud.emulators.identity import ACCOUNTS
from localcloud.faults import EXPECTED, TAMPERING, Fault, Notice
from localcloud.stack import read_section
from localcloud.tampering import ADMINISTRATOR, Tampering
from tests.local.approvals_harness import DEVOPS, PRODUCTION, ApprovalsHarness

pytestmark = pytest.mark.local

RULE = f"breakglass-local-{DEVOPS}-session_start"
KINDS = {
    Notice.tampering: ("breakglass_tamper", "tamper"),
    Notice.attempt: ("breakglass_tamper", "denied"),
    Notice.deployment: ("breakglass_tamper", "session_start"),
}
REPORTED = [
    fault for fault in Fault if fault in TAMPERING and EXPECTED.get((fault, Delivery.direct), set()) & set(KINDS)
]


def replay(harness: ApprovalsHarness, records: Sequence[dict[str, Any]]) -> set[tuple[str, str]]:
    """Hand on records; return type and evidence of the messages about them."""
    known = len(harness.cloud.posts())
    for record in records:
        harness.cloud.replay(record)
    harness.cloud.wait_idle()
    ids = {record["eventID"] for record in records}
    metadata = [post.body.get("metadata") or {} for post in harness.cloud.posts(known)]
    return {
        (each["event_type"], each["event_payload"]["evidence"])
        for each in metadata
        if each.get("event_payload", {}).get("event_id") in ids
    }


def read_state(harness: ApprovalsHarness) -> str:
    """The parts of the stack that the faults change, as text."""
    client = harness.cloud.client
    rules = client("events").list_rules(NamePrefix=RULE)["Rules"]
    alarms = client("cloudwatch").describe_alarms(AlarmNamePrefix="breakglass-local-")["MetricAlarms"]
    function = client("lambda").get_function(FunctionName=Names("local-approvals").function(AppFunction.provisioner))
    state = {
        "rules": [{**rule, "targets": client("events").list_targets_by_rule(Rule=rule["Name"])} for rule in rules],
        "alarms": sorted(alarm["AlarmName"] for alarm in alarms),
        "subscriptions": sorted(each["Endpoint"] for each in client("sns").list_subscriptions()["Subscriptions"]),
        "policies": [
            client("organizations").list_policies_for_target(TargetId=account, Filter="SERVICE_CONTROL_POLICY")[
                "Policies"
            ]
            for account in ACCOUNTS
        ],
        "code": function["Configuration"]["CodeSha256"],
        "logging": client("cloudtrail").get_trail_status(Name="management-events")["IsLogging"],
    }
    for targets in (rule["targets"] for rule in state["rules"]):
        targets.pop("ResponseMetadata")
    return json.dumps(state, default=str, sort_keys=True)


@pytest.mark.parametrize("fault", REPORTED)
def test_fault_is_reported_by_its_record_and_mended(approvals: ApprovalsHarness, fault: Fault) -> None:
    deployer = (read_section("alerts") or {})["tamper"]["deployers"][0]
    tampering, before = Tampering(approvals.cloud, RULE, deployer), read_state(approvals)
    with tampering.make(fault):
        found = replay(approvals, tampering.records)
        if fault not in (Fault.change_refused, Fault.changed_by_deployer):
            assert read_state(approvals) != before
    (notice,) = EXPECTED[fault, Delivery.direct] & set(KINDS)
    assert found == {KINDS[notice]}
    assert read_state(approvals) == before


@pytest.mark.parametrize("by_hand", [True, False], ids=["administrator", "provisioner"])
def test_assignment_is_reported_unless_the_approvals_make_it(approvals: ApprovalsHarness, by_hand: bool) -> None:
    provisioner = Names("local-approvals").function(AppFunction.provisioner)
    own = Caller(f"arn:aws:iam::{MANAGEMENT_ACCOUNT}:role/{provisioner}", provisioner)
    identity = approvals.cloud.client("sso-admin")
    [instance] = identity.list_instances()["Instances"]
    where = {"InstanceArn": instance["InstanceArn"]}
    arns = identity.list_permission_sets(**where)["PermissionSets"]
    sets = [identity.describe_permission_set(**where, PermissionSetArn=arn)["PermissionSet"] for arn in arns]
    (devops,) = (each["PermissionSetArn"] for each in sets if each["Name"] == DEVOPS)
    parameters = {
        **where,
        "PermissionSetArn": devops,
        "PrincipalId": approvals.user_id("edsger.dijkstra"),
        "PrincipalType": "USER",
        "TargetId": PRODUCTION,
        "TargetType": "AWS_ACCOUNT",
    }
    caller = ADMINISTRATOR if by_hand else own
    record = make_call_record("sso-admin", "CreateAccountAssignment", parameters, caller, region=REGION, at=time.time())
    assert replay(approvals, [record]) == ({("breakglass_access", "access")} if by_hand else set())
