"""A stack with approvals under the real engine: refused, deployed, previewed, changed, destroyed.

Not shown here: the life of a request (tests/local), and the alert path of the same program (test_stack.py).
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from breakglass.app.domain.policy import from_json
from breakglass.naming import AppFunction, Names
from localcloud.cloud import MANAGEMENT_ACCOUNT, RunningCloud
from localcloud.engine import Engine, EngineError, UpdateResult
from localcloud.stack import ROOT
from tests.stack_file import stack_file

NAMES = Names("local-approvals")
RULE: dict[str, Any] = {
    "name": "databases",
    "sets": ["storage-break-glass"],
    "accounts": ["222222222222", "333333333333"],
    "requesters": [{"group": "database-oncall"}],
    "approvers": [{"group": "database-leads"}],
}
CONFIG: dict[str, Any] = {
    "breakglass:permissionSets": {
        "region": "eu-central-1",
        "pairs": [{"name": "storage", "everyday": {}, "breakGlass": {}}],
    },
    "breakglass:alerts": {
        "region": "eu-central-1",
        "slack": {"channel": "C0BREAKGLASS1"},
        "evidencePaths": ["session_start", "denied"],
    },
    "breakglass:approvals": {
        "channel": "C0APPROVALS1",
        "people": {"U0ADA00001": "ada.lovelace"},
        "endSessions": True,
        "rules": [RULE],
    },
}
ENDED = json.dumps({"Version": "2012-10-17", "Statement": [{"Sid": "Ended", "Effect": "Deny"}]})


@dataclass(frozen=True)
class Life:
    """The result of each step."""

    cloud: RunningCloud
    workdir: Path
    up: UpdateResult
    state: dict[str, Any]
    outputs: dict[str, Any]
    nothing_new: UpdateResult
    of_old_tree: UpdateResult
    table: dict[str, Any]
    attached: list[str]
    variables: dict[str, dict[str, str]]
    changing_up: UpdateResult
    changed_policy: str
    last_up: UpdateResult
    ended_content: str
    destroy: UpdateResult
    state_afterwards: dict[str, Any]
    left: list[str]


def configured(cloud: RunningCloud, workdir: Path) -> Engine:
    """An engine for the project's program, with the stack file of this test."""
    engine = Engine(ROOT, workdir, cloud.environment())
    with stack_file(engine) as config:
        config.clear()
        config.update(CONFIG)
    engine.config_set("breakglass:slackBotToken", cloud.bot_token, secret=True)
    engine.config_set("breakglass:slackSigningSecret", cloud.slack_signing_secret, secret=True)
    return engine


@pytest.fixture(scope="module")
def life(cloud: RunningCloud, tmp_path_factory: pytest.TempPathFactory) -> Life:
    workdir = tmp_path_factory.mktemp("stack")
    engine = configured(cloud, workdir)
    up, state, outputs, nothing_new = engine.up(), engine.export(), engine.outputs(), engine.preview()
    engine.import_state(old_tree(state))
    of_old_tree = engine.preview()
    engine.import_state(state)
    functions = cloud.client("lambda")
    variables = {
        app_function.value: functions.get_function_configuration(FunctionName=NAMES.function(app_function))[
            "Environment"
        ]["Variables"]
        for app_function in AppFunction
    }
    table = cloud.client("dynamodb").describe_table(TableName=NAMES.table)["Table"]
    organizations = cloud.client("organizations")
    [policy] = [each for each in policies(cloud) if each["Name"] == "breakglass-local-approvals-ended-sessions"]
    targets = organizations.list_targets_for_policy(PolicyId=policy["Id"])["Targets"]

    with stack_file(engine) as config:
        config["breakglass:approvals"]["rules"][0]["maximumDuration"] = "PT2H"
    changing_up, changed_policy = engine.up(), engine.outputs()["approvalPolicy"]

    organizations.update_policy(PolicyId=policy["Id"], Content=ENDED)
    with stack_file(engine) as config:
        config["breakglass:tags"] = {"team": "platform"}
        config["breakglass:approvals"]["protectRecords"] = False
    last_up = engine.up()
    ended_content = organizations.describe_policy(PolicyId=policy["Id"])["Policy"]["Content"]
    return Life(
        cloud,
        workdir,
        up,
        state,
        outputs,
        nothing_new,
        of_old_tree,
        table,
        sorted(target["TargetId"] for target in targets),
        variables,
        changing_up,
        changed_policy,
        last_up,
        ended_content,
        engine.destroy(),
        engine.export(),
        left(cloud),
    )


def old_tree(state: dict[str, Any]) -> dict[str, Any]:
    """The state as the version wrote it in which the API was a child of the approvals."""
    approvals = "breakglass:index:BreakGlass$breakglass:index:Approvals"
    api = "$breakglass:index:ApprovalApi"
    old = json.loads(json.dumps(state).replace(f"breakglass:index:BreakGlass{api}", f"{approvals}{api}"))
    resources = old["deployment"]["resources"]
    (parent,) = [each for each in resources if each["type"] == "breakglass:index:Approvals"]
    (child,) = [each for each in resources if each["type"] == "breakglass:index:ApprovalApi"]
    child["parent"] = parent["urn"]
    # A state lists a parent before its children.
    resources.remove(parent)
    resources.insert(resources.index(child), parent)
    return old


def policies(cloud: RunningCloud) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = cloud.client("organizations").list_policies(Filter="SERVICE_CONTROL_POLICY")[
        "Policies"
    ]
    return listed


def left(cloud: RunningCloud) -> list[str]:
    """The names of the resources that belong to the stack's approvals."""
    listed: list[Callable[[], list[str]]] = [
        lambda: cloud.client("dynamodb").list_tables()["TableNames"],
        lambda: [each["FunctionName"] for each in cloud.client("lambda").list_functions()["Functions"]],
        lambda: [each["name"] for each in cloud.client("stepfunctions").list_state_machines()["stateMachines"]],
        lambda: [each["Name"] for each in cloud.client("apigatewayv2").get_apis()["Items"]],
        lambda: [each["logGroupName"] for each in cloud.client("logs").describe_log_groups()["logGroups"]],
        lambda: [each["RoleName"] for each in cloud.client("iam").list_roles()["Roles"]],
        lambda: [each["Name"] for each in cloud.client("events").list_rules()["Rules"]],
        lambda: [each["Name"] for each in cloud.client("secretsmanager").list_secrets()["SecretList"]],
        lambda: [each["Name"] for each in policies(cloud)],
    ]
    return sorted(name for names in listed for name in names() if "breakglass-local-approvals" in name)


def test_unknown_names_are_reported_at_preview(cloud: RunningCloud, tmp_path: Path) -> None:
    engine = configured(cloud, tmp_path)
    with stack_file(engine) as config:
        rule = config["breakglass:approvals"]["rules"][0]
        rule["approvers"] = [{"group": "database-leds"}]
        rule["accounts"] = ["222222222222", "999999999999"]

    with pytest.raises(EngineError) as refused:
        engine.preview()

    report = " ".join(str(refused.value).split())
    assert "2 problems in the configuration:" in report
    assert "approvals.rules[0].approvers[0].group" in report
    assert 'approvals.rules[0].accounts[1] value: "999999999999"' in report
    assert "GetGroupId: ResourceNotFoundException" in report
    assert "Traceback" not in report
    assert [secret for secret in secrets_of(cloud) if secret in refused.value.output] == []


def secrets_of(cloud: RunningCloud) -> tuple[str, str]:
    return cloud.bot_token, cloud.slack_signing_secret


def test_up_creates_everything(life: Life) -> None:
    assert life.up.changes.keys() == {"create"}
    assert life.attached == ["222222222222", "333333333333"]
    assert life.variables["provisioner"] == {"BREAKGLASS_TABLE": "breakglass-local-approvals-records"}
    assert life.variables["receiver"]["BREAKGLASS_INTERACTIONS"] == NAMES.function(AppFunction.interactions)


def test_second_preview_shows_no_changes(life: Life) -> None:
    assert life.nothing_new.changes == {}


def test_stack_of_the_old_tree_previews_without_changes(life: Life) -> None:
    assert life.of_old_tree.changes == {}
    assert life.of_old_tree.summary == life.nothing_new.summary


def test_state_has_one_aws_provider(life: Life) -> None:
    types = [resource["type"] for resource in life.state["deployment"]["resources"]]
    assert types.count("pulumi:providers:aws") == 1


def test_outputs_describe_the_approvals(life: Life) -> None:
    assert life.outputs["approvalRequestUrl"].endswith("/slack")
    manifest = json.loads(life.outputs["slackAppManifest"])
    assert manifest["settings"]["interactivity"]["request_url"] == life.outputs["approvalRequestUrl"]
    assert life.outputs["approvalTable"] == NAMES.table
    policy = from_json(life.outputs["approvalPolicy"])
    assert policy.settings.deployed_in == policy.settings.management_account == MANAGEMENT_ACCOUNT
    assert policy.sets["storage-break-glass"].arn == life.outputs["permissionSetArns"]["storage-break-glass"]
    assert policy.rules[0].approvers[0].name == "database-leads"


def test_changed_rule_updates_only_the_five_functions(life: Life) -> None:
    assert life.changing_up.changes == {"update": 5}
    assert from_json(life.changed_policy).rules[0].maximum_seconds == 7200


def test_up_keeps_the_content_of_the_session_policy(life: Life) -> None:
    # The update includes the tags of the policy.
    assert life.last_up.changes.keys() == {"update"}
    assert life.ended_content == ENDED


def test_destroy_deletes_unprotected_records(life: Life) -> None:
    assert life.table["DeletionProtectionEnabled"] is True
    assert life.destroy.changes.keys() == {"delete"}
    assert life.state_afterwards["deployment"].get("resources", []) == []
    assert life.left == []


def test_secrets_are_nowhere_in_clear(life: Life) -> None:
    texts = {name: step.output for name, step in vars(life).items() if isinstance(step, UpdateResult)}
    texts |= {"export": json.dumps(life.state), "outputs": json.dumps(life.outputs)}
    texts["variables"] = json.dumps(life.variables)
    files = [file for file in life.workdir.rglob("*") if file.is_file()]
    texts |= {str(file): file.read_text(errors="replace") for file in files}
    for secret in secrets_of(life.cloud):
        assert [name for name, text in texts.items() if secret in text] == []
