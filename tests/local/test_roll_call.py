"""The roll call and `breakglass coverage` on the local cloud, with a StackSet and silent spokes.

The parts of the hub are made by AWS's API from the pure functions that the components use, so no engine is needed.
Not shown here: that the components make the same (tests/components), and how AWS spells what it returns
(docs/live-checks.md).
"""

import io
import json
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from breakglass.alerts.patterns import RULE_STATE, pattern_json
from breakglass.cli import CommandContext, run_command
from breakglass.iam.documents import (
    build_document,
    hub_bus_policy,
    list_accounts,
    log_events,
    machine_trust,
    policy_json,
    publish,
    query_logs,
    write_metrics,
)
from breakglass.naming import SPOKE_PREFIX, SPOKE_STACK_SET, events_log_group, hub_bus, physical_name
from breakglass.organization.roll_call_machine import RollCallSettings, roll_call_definition
from breakglass.organization.roll_call_rules import HEARTBEAT, roll_call_rules
from breakglass.organization.spoke_rules import SpokeSettings
from breakglass.organization.spoke_template import HUB_BUS_ARN, spoke_template
from localcloud.cloud import MANAGEMENT_ACCOUNT, REGION, RunningCloud
from localcloud.emulators.identity import ACCOUNTS, ORGANIZATION_ID, ROOT_ID
from localcloud.slack_user import wait_until
from tests.app.doubles.directory import MemoryDirectory
from tests.app.doubles.store import MemoryStore

pytestmark = pytest.mark.local

STACK = "muster"
FAR = "us-east-1"
REGIONS = [REGION, FAR]
BUS, GROUP, USE = hub_bus(STACK), events_log_group(f"{STACK}-roll-call"), physical_name(f"{STACK}-devops-session_start")
PATTERN = '{"source":["aws.sts"]}'
PRODUCTION, STAGING, ANALYTICS, SANDBOX = ACCOUNTS
HERE = f"{REGION}:{MANAGEMENT_ACCOUNT}"
BUS_ARN = f"arn:aws:events:{HERE}:event-bus/{BUS}"
GROUP_ARN = f"arn:aws:logs:{HERE}:log-group:{GROUP}"


@dataclass(frozen=True)
class Hub:
    """A hub whose StackSet has spokes in all member accounts but the excluded one."""

    cloud: RunningCloud
    machine_arn: str

    def beat(self) -> None:
        """Let the schedule of each spoke come; a disabled rule invokes no target."""
        for account in (PRODUCTION, STAGING, ANALYTICS):
            for region in REGIONS:
                self.cloud.tick(f"{SPOKE_PREFIX}{HEARTBEAT}", account=account, region=region)
        self.cloud.wait_idle()

    def call(self) -> list[str]:
        """Run a roll call, and return the lines of its mail about accounts that were not heard."""
        known = len(self.cloud.mails())
        states = self.cloud.client("stepfunctions")
        execution = states.start_execution(stateMachineArn=self.machine_arn, input="{}")["executionArn"]
        describe = partial(states.describe_execution, executionArn=execution)
        ended = wait_until(
            lambda: each if (each := describe())["status"] != "RUNNING" else None, "the end of a roll call"
        )
        assert ended["status"] == "SUCCEEDED", ended
        (mail,) = self.cloud.mails()[known:]
        return mail.message.split("\n\n")[1].splitlines()

    def coverage(self, monkeypatch: pytest.MonkeyPatch) -> tuple[int, dict[tuple[str, str], str]]:
        """Run the command, and return its exit status and the reason for each account and region."""
        for name, value in self.cloud.environment().items():
            monkeypatch.setenv(name, value)
        out, err = io.StringIO(), io.StringIO()
        context = CommandContext(
            run=_pulumi,
            directory=lambda policy: MemoryDirectory(()),
            store=lambda outputs: MemoryStore(),
            # The local cloud's clock is ahead by the waits that it has left out.
            clock=lambda: int(time.time()) + 3600,
            out=out,
            err=err,
        )
        status = run_command(["coverage", "--json"], context)
        rows: list[dict[str, Any]] = json.loads(out.getvalue())
        return status, {(row["account"], row["region"]): row["reason"] for row in rows}


def _pulumi(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Return the state of the stack."""
    resources: list[dict[str, Any]] = [
        _resource("aws:cloudwatch/eventRule:EventRule", USE, eventPattern=PATTERN, state=RULE_STATE, eventBusName=BUS),
        _resource("aws:cloudformation/stackSet:StackSet", SPOKE_STACK_SET),
        _resource("aws:cloudwatch/logGroup:LogGroup", GROUP),
        {
            "type": "pulumi:pulumi:Stack",
            "outputs": {
                "ruleNames": {"devops": {"session_start": USE}},
                "organization": {
                    "regions": REGIONS,
                    "units": [ROOT_ID],
                    "exclude": [SANDBOX],
                    "callAs": "self",
                    "rollCall": True,
                },
            },
        },
    ]
    return subprocess.CompletedProcess(command, 0, json.dumps({"deployment": {"resources": resources}}), "")


def _resource(kind: str, name: str, **inputs: Any) -> dict[str, Any]:
    return {
        "type": kind,
        "inputs": {"name": name, "region": REGION, **inputs},
        "outputs": {"arn": f"arn:aws:x:{HERE}:"},
    }


@pytest.fixture
def hub(cloud: RunningCloud) -> Iterator[Hub]:
    events, logs, formation = (cloud.client(each) for each in ("events", "logs", "cloudformation"))
    events.create_event_bus(Name=BUS)
    events.put_permission(EventBusName=BUS, Policy=policy_json(hub_bus_policy(BUS_ARN, ORGANIZATION_ID)))
    (heartbeat,) = [rule for rule in roll_call_rules() if rule.key == HEARTBEAT]
    kept = physical_name(f"{STACK}-heartbeat")
    for name, pattern in ((USE, PATTERN), (kept, pattern_json(heartbeat.pattern))):
        events.put_rule(Name=name, EventBusName=BUS, State=RULE_STATE, EventPattern=pattern)
    logs.create_log_group(logGroupName=GROUP)
    logs.put_resource_policy(policyName=STACK, policyDocument=policy_json(log_events(GROUP_ARN, [BUS])))
    events.put_targets(Rule=kept, EventBusName=BUS, Targets=[{"Id": "log", "Arn": GROUP_ARN}])
    template = json.dumps(spoke_template(SpokeSettings(), [SANDBOX]))
    formation.create_stack_set(
        StackSetName=SPOKE_STACK_SET,
        TemplateBody=template,
        Parameters=[{"ParameterKey": HUB_BUS_ARN, "ParameterValue": BUS_ARN}],
        Capabilities=["CAPABILITY_NAMED_IAM"],
        PermissionModel="SERVICE_MANAGED",
        AutoDeployment={"Enabled": True, "RetainStacksOnAccountRemoval": False},
    )
    targets = {"OrganizationalUnitIds": [ROOT_ID]}
    formation.create_stack_instances(StackSetName=SPOKE_STACK_SET, Regions=REGIONS, DeploymentTargets=targets)
    yield Hub(cloud, _machine(cloud))
    formation.delete_stack_instances(
        StackSetName=SPOKE_STACK_SET, Regions=REGIONS, DeploymentTargets=targets, RetainStacks=False
    )
    formation.delete_stack_set(StackSetName=SPOKE_STACK_SET)


def _machine(cloud: RunningCloud) -> str:
    """Create the state machine of the roll call with its role, and return its ARN."""
    name = physical_name(f"{STACK}-roll-call")
    arn = f"arn:aws:states:{HERE}:stateMachine:{name}"
    topic = cloud.client("sns").create_topic(Name=physical_name(f"{STACK}-alarms"))["TopicArn"]
    cloud.client("sns").subscribe(TopicArn=topic, Protocol="email", Endpoint="oncall@example.com")
    iam = cloud.client("iam")
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy_json(machine_trust(arn)))["Role"]["Arn"]
    rights = build_document(query_logs(GROUP_ARN), list_accounts(), publish(topic), write_metrics())
    iam.put_role_policy(RoleName=name, PolicyName="permissions", PolicyDocument=policy_json(rights))
    settings = RollCallSettings(STACK, REGIONS, [SANDBOX], [ROOT_ID], GROUP, topic)
    definition = json.dumps(roll_call_definition(settings))
    made = cloud.client("stepfunctions").create_state_machine(name=name, definition=definition, roleArn=role)
    return str(made["stateMachineArn"])


def test_roll_call_and_coverage_find_deaf_hub_and_silent_spokes(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    events = hub.cloud.client("events")
    policy = events.describe_event_bus(Name=BUS)["Policy"]
    events.remove_permission(EventBusName=BUS, RemoveAllPermissions=True)
    hub.beat()
    before, deaf = hub.coverage(monkeypatch), hub.call()

    assert "No spoke at all was heard. Look at the hub first" in hub.cloud.mails()[-1].message
    assert len(deaf) == 4
    excluded = {(SANDBOX, region): "excluded" for region in REGIONS}
    unmade = {(MANAGEMENT_ACCOUNT, region): "no_spoke" for region in REGIONS}
    members = [(account, region) for account in (PRODUCTION, STAGING, ANALYTICS) for region in REGIONS]
    assert before == (1, {**dict.fromkeys(members, "not_heard_yet"), **unmade, **excluded})

    events.put_permission(EventBusName=BUS, Policy=policy)
    hub.cloud.client("events", STAGING, FAR).disable_rule(Name=f"{SPOKE_PREFIX}{HEARTBEAT}")
    hub.cloud.client("events", ANALYTICS, REGION).remove_targets(Rule=f"{SPOKE_PREFIX}{HEARTBEAT}", Ids=["hub"])
    hub.beat()
    after, lines = hub.coverage(monkeypatch), hub.call()

    silent = {(STAGING, FAR): "not_heard_yet", (ANALYTICS, REGION): "not_heard_yet"}
    assert after == (1, {**dict.fromkeys(members, ""), **silent, **unmade, **excluded})
    assert [line.partition(" - ")[0] for line in lines] == [
        f"master ({MANAGEMENT_ACCOUNT}): {REGION}, {FAR}",
        f"staging ({STAGING}): {FAR}",
        f"analytics ({ANALYTICS}): {REGION}",
    ]
