"""The stand-in under the real engine: one program made, drifted, changed and destroyed, and refusals.

Not shown here: each resource type on its own (test_types.py); a failed and resumed `up`, a preview without
changes, and a repaired drift, all of which the project's own program goes through (tests/engine/test_stack.py).
"""

import http.client
import json
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from localcloud.cloud import RunningCloud
from localcloud.engine import Engine, EngineError, UpdateResult
from localcloud.provider.aws import poll
from localcloud.tests.provider.conftest import NewEngine

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("pulumi_cli")]

PROGRAM = Path(__file__).parent / "program"
TOKEN = "xoxb-000000000000-must-not-be-seen"
RESOURCES = 25
"""Those of the program, a component, and the stack."""


@dataclass(frozen=True)
class Life:
    """The result of each step of the program's life."""

    up: UpdateResult
    outputs: dict[str, Any]
    answers: list[str]
    """The function's answers through the API and the state machine."""
    nothing_new: UpdateResult
    drift: UpdateResult
    changing_up: UpdateResult
    topics_afterwards: list[str]
    answer_afterwards: str
    destroy: UpdateResult
    state_afterwards: dict[str, Any]


def pack(path: Path, answer: str) -> None:
    with zipfile.ZipFile(path, "w") as package:
        package.writestr("app.py", f"def handler(event, context):\n    return {answer!r}\n")


def call(cloud: RunningCloud, url: str) -> str:
    connection = http.client.HTTPConnection(urlsplit(cloud.aws_url).netloc, timeout=30)
    try:
        connection.request("POST", "/slack", b"{}", {"Host": urlsplit(url).hostname or ""})
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def execute(cloud: RunningCloud, machine: str) -> str:
    states = cloud.client("stepfunctions")
    execution = states.start_execution(stateMachineArn=machine)["executionArn"]

    def status() -> tuple[str, str]:
        return states.describe_execution(executionArn=execution)["status"], ""

    poll("the execution", status, "SUCCEEDED", frozenset({"RUNNING"}))
    output: str = states.describe_execution(executionArn=execution)["output"]
    return output


@pytest.fixture(scope="module")
def life(cloud: RunningCloud, new_engine: NewEngine, tmp_path_factory: pytest.TempPathFactory) -> Life:
    code = tmp_path_factory.mktemp("code") / "app.zip"
    pack(code, "first")
    engine = new_engine(PROGRAM)
    engine.config_set("provider-program:token", TOKEN, secret=True)
    engine.config_set("provider-program:code", str(code))
    up, outputs = engine.up(), engine.outputs()
    answers = [call(cloud, outputs["url"]), execute(cloud, outputs["machineArn"])]
    nothing_new = engine.preview()

    cloud.client("events").remove_targets(Rule="engine-rule", Ids=["topic"])
    drift = engine.refresh()

    engine.config_set_all(
        {
            "provider-program:team": "security",
            "provider-program:topicName": "engine-renamed",
            "provider-program:indexedBy": "month",
            "provider-program:retention": "60",
        }
    )
    pack(code, "second")
    changing_up = engine.up()
    topics = [topic["TopicArn"].split(":")[-1] for topic in cloud.client("sns").list_topics()["Topics"]]
    return Life(
        up,
        outputs,
        answers,
        nothing_new,
        drift,
        changing_up,
        [topic for topic in topics if topic.startswith("engine-")],
        call(cloud, outputs["url"]),
        engine.destroy(),
        engine.export(),
    )


def test_everything_is_made(life: Life) -> None:
    assert life.up.summary == {"create": RESOURCES}


def test_the_token_is_nowhere_in_clear(life: Life) -> None:
    said = [result.output for result in vars(life).values() if isinstance(result, UpdateResult)]
    said.append(json.dumps(life.outputs))
    assert len(said) == 6
    assert not [text for text in said if "must-not-be-seen" in text]
    assert life.outputs["token"] == "[secret]"


def test_functions_are_answered_by_the_cloud(life: Life) -> None:
    assert life.outputs["account"] == life.outputs["managementAccount"] == "111111111111"
    assert life.outputs["topicArn"] == "arn:aws:sns:eu-central-1:111111111111:engine-topic"


def test_refresh_finds_what_was_deleted_by_hand(life: Life) -> None:
    assert life.drift.changes == {"delete": 1}


def test_next_up_recreates_updates_and_replaces(life: Life) -> None:
    # The target; the tags of permission set, secret, rule, machine and API, the table's index, the logs' retention and
    # the function's code; the topic.
    assert life.changing_up.changes == {"create": 1, "update": 8, "replace": 1}
    assert life.topics_afterwards == ["engine-renamed"]


def test_function_runs_through_its_api_and_from_a_state_machine(life: Life) -> None:
    assert life.answers == ["first", '"first"']


def test_other_code_at_the_same_path_is_deployed(life: Life) -> None:
    assert life.answer_afterwards == "second"


def test_a_preview_right_after_finds_nothing_new(life: Life) -> None:
    assert life.nothing_new.changes == {}


def test_destroy_leaves_nothing(life: Life, cloud: RunningCloud) -> None:
    assert life.destroy.changes == {"delete": RESOURCES}
    assert "resources" not in life.state_afterwards["deployment"]
    assert not cloud.client("events").list_rules(NamePrefix="engine-")["Rules"]
    assert not cloud.client("events").list_connections(NamePrefix="engine-")["Connections"]
    assert "engine-table" not in cloud.client("dynamodb").list_tables()["TableNames"]
    assert "engine-function" not in [f["FunctionName"] for f in cloud.client("lambda").list_functions()["Functions"]]
    assert "engine-api" not in [api["Name"] for api in cloud.client("apigatewayv2").get_apis()["Items"]]
    assert "engine-machine" not in [
        m["name"] for m in cloud.client("stepfunctions").list_state_machines()["stateMachines"]
    ]
    assert not cloud.client("logs").describe_log_groups(logGroupNamePrefix="/engine/")["logGroups"]
    assert "engine-secret" not in [s["Name"] for s in cloud.client("secretsmanager").list_secrets()["SecretList"]]


def program(folder: Path, lines: str) -> Path:
    (folder / "Pulumi.yaml").write_text("name: refused\nruntime: python\n")
    (folder / "__main__.py").write_text(f"import pulumi\nimport pulumi_aws as aws\n{lines}\n")
    return folder


def test_what_the_stand_in_does_not_know_fails_the_preview(new_engine: NewEngine, tmp_path: Path) -> None:
    engine = new_engine(program(tmp_path, 'aws.sqs.Queue("q", name="q", fifo_queue=True, region="eu-central-1")'))
    with pytest.raises(EngineError, match="aws:sqs/queue:Queue has no input `fifoQueue` in the local cloud"):
        engine.preview()


def test_without_a_local_cloud_the_stand_in_does_nothing(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = program(tmp_path, 'aws.sqs.Queue("q", name="q", region="eu-central-1")')
    engine = Engine(folder, tmp_path_factory.mktemp("pulumi"), {})
    with pytest.raises(EngineError, match=r"AWS_ENDPOINT_URL doesn't point at this machine: the stand-in"):
        engine.preview()


def test_settings_of_a_run_do_not_reach_the_committed_stack_file(new_engine: NewEngine, tmp_path: Path) -> None:
    folder = program(tmp_path, 'pulumi.export("x", pulumi.Config().get_object("x"))')
    (folder / "Pulumi.yaml").write_text("name: refused\nruntime: python\nstackConfigDir: stacks\n")
    (folder / "stacks").mkdir()
    committed = "config:\n  refused:x: {a: 1, b: {c: old}}\n"
    (folder / "stacks" / "Pulumi.local.yaml").write_text(committed)
    engine = new_engine(folder)
    engine.config_set("refused:x.b.c", "new", path=True)
    engine.up()
    assert engine.outputs() == {"x": {"a": 1, "b": {"c": "new"}}}
    assert (folder / "stacks" / "Pulumi.local.yaml").read_text() == committed


def test_the_provider_started_by_hand_says_who_starts_it() -> None:
    command = [sys.executable, "-m", "localcloud.provider"]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert finished.returncode == 1
    assert "started by the Pulumi engine" in finished.stderr
