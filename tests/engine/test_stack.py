"""Stack `local` with alerts about its sets, under the real engine: interrupted, deployed, changed, drifted, destroyed.

The steps run once (`life`), since each `up` takes seconds; the tests read their results.

Not shown here: approvals (test_stack_approvals.py), the other alerts, and that an alert arrives
(tests/local/test_alert_path.py), each resource type of the stand-in (localcloud/tests/provider), and the behaviour of
AWS itself (docs/live-checks.md).
"""

import base64
import json
import re
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from breakglass.naming import ALERT_PATH_PREFIX
from localcloud.cloud import MANAGEMENT_ACCOUNT, RunningCloud
from localcloud.engine import Engine, EngineError, UpdateResult
from localcloud.stack import ROOT
from tests.stack_file import configure_alerts, stack_file, watch_own_sets

RULE = "breakglass-local-devops-break-glass-session_start"
PAGER = "https://events.pagerduty.example/integration/a-key-not-to-be-seen/enqueue"
POST_MORTEM = "https://wiki.example.com/incidents/new"
DESCRIPTION = "EMERGENCY: every action of RDS"
NEW_ASSIGNMENT = {"group": "security", "accounts": ["333333333333"], "sets": ["everyday"]}

Inventory = dict[str, list[str]]


def inventory(cloud: RunningCloud) -> Inventory:
    """The resources in both emulators, by kind: ARNs, or names without an ARN; duplicates show."""
    events, sso, iam = cloud.client("events"), cloud.client("sso-admin"), cloud.client("iam")
    [instance] = sso.list_instances()["Instances"]
    where = {"InstanceArn": instance["InstanceArn"]}
    groups = cloud.client("identitystore").list_groups(IdentityStoreId=instance["IdentityStoreId"])["Groups"]
    rules = events.list_rules()["Rules"]
    dashboards = cloud.client("cloudwatch").list_dashboards()
    alarms = cloud.client("cloudwatch").describe_alarms()["MetricAlarms"]
    secrets = cloud.client("secretsmanager").list_secrets(IncludePlannedDeletion=True)["SecretList"]
    machines = cloud.client("stepfunctions").list_state_machines()
    found: dict[str, Sequence[str]] = {
        "rules": [rule["Arn"] for rule in rules],
        "targets": [
            f"{rule['Name']} {target['Id']}"
            for rule in rules
            for target in events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
        ],
        "connections": [each["ConnectionArn"] for each in events.list_connections()["Connections"]],
        "destinations": [each["ApiDestinationArn"] for each in events.list_api_destinations()["ApiDestinations"]],
        "secrets": [each["ARN"] for each in secrets],
        "queues": cloud.client("sqs").list_queues().get("QueueUrls", []),
        "topics": [each["TopicArn"] for each in cloud.client("sns").list_topics()["Topics"]],
        "subscriptions": [each["Endpoint"] for each in cloud.client("sns").list_subscriptions()["Subscriptions"]],
        "roles": [each["Arn"] for each in iam.list_roles()["Roles"]],
        "machines": [each["stateMachineArn"] for each in machines["stateMachines"]],
        "alarms": [each["AlarmArn"] for each in alarms],
        "dashboards": [each["DashboardArn"] for each in dashboards["DashboardEntries"]],
        "permission sets": sso.list_permission_sets(**where)["PermissionSets"],
        "assignments": [
            f"{group['DisplayName']} {each['PermissionSetArn']} {each['AccountId']}"
            for group in groups
            for each in sso.list_account_assignments_for_principal(
                PrincipalId=group["GroupId"], PrincipalType="GROUP", **where
            )["AccountAssignments"]
        ],
    }
    return {kind: sorted(items) for kind, items in found.items()}


def readable_forms(secret: str) -> list[bytes]:
    """A text in clear, and its base64 inside a longer text at each of three alignments."""
    forms = [secret.encode()]
    for offset in range(3):
        encoded = base64.b64encode(bytes(offset) + secret.encode())
        # The first and last characters depend on the text around.
        forms.append(encoded[4:-4])
    return forms


def closed_port() -> str:
    """The address of a port without a server."""
    with closing(socket.socket()) as server:
        server.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{server.getsockname()[1]}"


@contextmanager
def watch_target(cloud: RunningCloud, rule: str) -> Iterator[list[str]]:
    """Yield the list of ARNs of a rule's target `slack`, read again and again; empty without one."""
    events, seen, stop = cloud.client("events"), list[str](), threading.Event()

    def watch() -> None:
        while not stop.wait(0.02):
            targets = events.list_targets_by_rule(Rule=rule)["Targets"]
            seen.append(next((target["Arn"] for target in targets if target["Id"] == "slack"), ""))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        stop.set()
        watcher.join()


@dataclass(frozen=True)
class Life:
    """The result of each step."""

    cloud: RunningCloud
    workdir: Path
    before: Inventory
    failed_up: EngineError
    half: Inventory
    resumed_up: UpdateResult
    whole: Inventory
    preview: UpdateResult
    state: dict[str, Any]
    outputs: dict[str, Any]
    changing_up: UpdateResult
    changed: Inventory
    changed_target: dict[str, Any]
    changed_set: dict[str, Any]
    drift: UpdateResult
    repairing_up: UpdateResult
    repaired_state: str
    repaired: Inventory
    switching_up: UpdateResult
    switched: Inventory
    seen_targets: list[str]
    destroy: UpdateResult
    state_afterwards: dict[str, Any]
    after: Inventory

    @property
    def resources(self) -> int:
        """The number of resources of the program, without the provider that the engine adds."""
        types = [resource["type"] for resource in self.state["deployment"]["resources"]]
        return sum(not type_.startswith("pulumi:providers:") for type_ in types)


@pytest.fixture(scope="module")
def life(cloud: RunningCloud, tmp_path_factory: pytest.TempPathFactory) -> Life:
    workdir = tmp_path_factory.mktemp("stack")
    events = cloud.client("events")
    before = inventory(cloud)

    cut_off = Engine(ROOT, workdir, {**cloud.environment(), "AWS_ENDPOINT_URL_SNS": closed_port()})
    configure_alerts(cut_off, cloud)
    with stack_file(cut_off) as config:
        watch_own_sets(config)
    with pytest.raises(EngineError) as failed_up:
        cut_off.up()
    half = inventory(cloud)

    engine = Engine(ROOT, workdir, cloud.environment())
    configure_alerts(engine, cloud)
    with stack_file(engine) as config:
        watch_own_sets(config)
    engine.config_set("breakglass:alerts.monitoring.pagers.pagerduty", PAGER, secret=True, path=True)
    resumed_up, whole, preview = engine.up(), inventory(cloud), engine.preview()
    state, outputs = engine.export(), engine.outputs()

    with stack_file(engine) as config:
        config["breakglass:tags"]["owner"] = "oncall"
        config["breakglass:alerts"]["postMortemUrl"] = POST_MORTEM
        config["breakglass:permissionSets"]["pairs"][0]["breakGlass"]["description"] = DESCRIPTION
    changing_up, changed = engine.up(), inventory(cloud)
    [changed_target] = [each for each in events.list_targets_by_rule(Rule=RULE)["Targets"] if each["Id"] == "slack"]
    changed_set = cloud.client("sso-admin").describe_permission_set(
        InstanceArn=cloud.client("sso-admin").list_instances()["Instances"][0]["InstanceArn"],
        PermissionSetArn=outputs["permissionSetArns"]["devops-break-glass"],
    )["PermissionSet"]

    events.disable_rule(Name=RULE)
    drift = engine.refresh()
    with stack_file(engine) as config:
        config["breakglass:permissionSets"]["pairs"][0]["assignments"].insert(0, NEW_ASSIGNMENT)
    repairing_up, repaired = engine.up(), inventory(cloud)
    repaired_state = events.describe_rule(Name=RULE)["State"]

    with stack_file(engine) as config:
        config["breakglass:alerts"]["delivery"] = "confirmed"
    with watch_target(cloud, RULE) as seen_targets:
        switching_up, switched = engine.up(), inventory(cloud)

    return Life(
        cloud,
        workdir,
        before,
        failed_up.value,
        half,
        resumed_up,
        whole,
        preview,
        state,
        outputs,
        changing_up,
        changed,
        changed_target,
        changed_set,
        drift,
        repairing_up,
        repaired_state,
        repaired,
        switching_up,
        switched,
        seen_targets,
        engine.destroy(),
        engine.export(),
        inventory(cloud),
    )


def new(before: Inventory, after: Inventory) -> dict[str, list[str]]:
    """The added items, by kind."""
    added = {kind: [item for item in after[kind] if item not in before[kind]] for kind in after}
    return {kind: items for kind, items in added.items() if items}


def test_failed_up_names_the_resource_and_the_reason(life: Life) -> None:
    assert "aws:sns/topic:Topic local-monitoring-alarms: CreateTopic: EndpointConnectionError" in str(life.failed_up)
    made = new(life.before, life.half)
    assert made
    assert "topics" not in made


def test_resumed_up_creates_only_what_is_missing(life: Life) -> None:
    assert life.resumed_up.changes.keys() == {"create"}
    assert 0 < life.resumed_up.changes["create"] < life.resources
    assert all(set(life.half[kind]) <= set(life.whole[kind]) for kind in life.whole)
    assert {kind: len(items) for kind, items in new(life.before, life.whole).items()} == {
        "rules": 21,
        "targets": 51,
        "connections": 1,
        "destinations": 1,
        "secrets": 1,
        "queues": 4,
        "topics": 2,
        "subscriptions": 2,
        "roles": 3,
        "machines": 1,
        "alarms": 18,
        "dashboards": 1,
        "permission sets": 4,
        "assignments": 3,
    }


def test_alert_path_names_carry_the_protected_prefix(life: Life) -> None:
    made = new(life.before, life.whole)
    of_identity_center = {"permission sets", "assignments"}
    for kind in made.keys() - of_identity_center - {"targets", "subscriptions"}:
        assert [item for item in made[kind] if not re.search(rf"[:/]{ALERT_PATH_PREFIX}", item)] == []


def test_second_preview_shows_no_changes(life: Life) -> None:
    assert life.preview.changes == {}
    assert life.preview.summary == {"same": life.resources}


def test_outputs_name_existing_resources(life: Life) -> None:
    assert sorted(life.outputs) == [
        "dashboardUrl",
        "deadLetterQueueUrls",
        "globalEventsStack",
        "independentDoor",
        "pageTopicArn",
        "permissionSetArns",
        "ruleNames",
        "topicArn",
    ]
    exists = {item for items in life.whole.values() for item in items}
    assert set(life.outputs["permissionSetArns"]) == {
        "devops",
        "devops-break-glass",
        "network",
        "network-break-glass",
    }
    assert exists >= {
        *life.outputs["permissionSetArns"].values(),
        *life.outputs["deadLetterQueueUrls"].values(),
        life.outputs["topicArn"],
        life.outputs["pageTopicArn"],
    }
    rule = f"arn:aws:events:eu-central-1:{MANAGEMENT_ACCOUNT}:rule/"
    assert exists >= {rule + name for names in life.outputs["ruleNames"].values() for name in names.values()}


def test_tags_descriptions_and_messages_change_in_place(life: Life) -> None:
    assert life.changing_up.changes.keys() == {"update"}
    assert life.changed == life.whole
    assert POST_MORTEM in life.changed_target["InputTransformer"]["InputTemplate"]
    assert life.changed_set["Description"] == DESCRIPTION


def test_rule_disabled_by_hand_is_repaired(life: Life) -> None:
    assert life.drift.changes == {"update": 1}
    assert life.repairing_up.changes["update"] == 1
    assert life.repaired_state == "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"


def test_assignment_inserted_first_changes_no_other(life: Life) -> None:
    # The update is the repair of the rule.
    assert life.repairing_up.changes == {"create": 1, "update": 1}
    everyday = life.outputs["permissionSetArns"]["devops"]
    assert new(life.changed, life.repaired) == {"assignments": [f"security {everyday} 333333333333"]}


def test_switch_to_confirmed_replaces_nothing(life: Life) -> None:
    assert life.switching_up.changes.keys() == {"create", "update", "delete"}
    removed, added = new(life.switched, life.repaired), new(life.repaired, life.switched)
    # By default, only direct delivery mails every alert.
    assert {target.rpartition(" ")[2] for target in removed.pop("targets")} == {"email"}
    assert {kind: len(items) for kind, items in removed.items()} == {"destinations": 1, "roles": 1}
    assert {kind: len(items) for kind, items in added.items()} == {"machines": 1, "roles": 2, "alarms": 1}


def test_switch_to_confirmed_leaves_no_moment_without_target(life: Life) -> None:
    kinds = [arn.split(":")[2] for arn in life.seen_targets if arn]
    assert len(kinds) == len(life.seen_targets) > 10
    assert kinds == sorted(kinds)
    assert set(kinds) == {"events", "states"}


def test_destroy_leaves_nothing(life: Life) -> None:
    assert life.destroy.changes.keys() == {"delete"}
    assert life.state_afterwards["deployment"].get("resources", []) == []
    assert life.after == life.before


@pytest.mark.parametrize("kind", ["bot token", "address of the pager"])
def test_secret_is_nowhere_in_clear(life: Life, kind: str) -> None:
    said = {"failed up": life.failed_up.output, "export": json.dumps(life.state), "outputs": json.dumps(life.outputs)}
    said |= {name: step.output for name, step in vars(life).items() if isinstance(step, UpdateResult)}
    assert len(said) == 3 + 7
    files = [file for file in life.workdir.rglob("*") if file.is_file()]
    assert {"Pulumi.local.yaml", "local.json"} <= {file.name for file in files}
    texts = {name: text.encode() for name, text in said.items()} | {str(file): file.read_bytes() for file in files}
    forms = readable_forms(life.cloud.bot_token if kind == "bot token" else PAGER)
    assert [name for name, text in texts.items() if any(form in text for form in forms)] == []


@pytest.mark.parametrize("before", ["Bearer ", "", "x", '{"value":"Bearer '])
def test_readable_forms_find_a_token_in_base64(before: str) -> None:
    token = "xoxb-000000000000-0123456789abcdef01234567"
    forms = readable_forms(token)
    assert any(form in base64.b64encode(f'{before}{token}"}}'.encode()) for form in forms)
    assert not any(form in base64.b64encode(f"{before}xoxb-another-token-altogether-0123".encode()) for form in forms)
