"""A stack whose bot token is in an existing secret: deployed, rotated, destroyed.

Not shown here: that a message arrives with the token (tests/local/test_alert_path.py).
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from localcloud.cloud import RunningCloud
from localcloud.engine import Engine, UpdateResult
from localcloud.stack import ROOT
from tests.stack_file import stack_file

SECRET = "security/slack/bot-token"
TOKENS = ("xoxb-000000000001-in-an-existing-secret", "xoxb-000000000002-in-an-existing-secret")


@dataclass(frozen=True)
class Life:
    """The result of each step."""

    workdir: Path
    up: UpdateResult
    state: dict[str, Any]
    outputs: dict[str, Any]
    secrets: list[str]
    rotating_up: UpdateResult
    preview: UpdateResult
    destroy: UpdateResult
    kept: str


@pytest.fixture(scope="module")
def life(cloud: RunningCloud, tmp_path_factory: pytest.TempPathFactory) -> Life:
    secrets = cloud.client("secretsmanager")
    secrets.create_secret(Name=SECRET, SecretString=TOKENS[0])
    before = {each["Name"] for each in secrets.list_secrets()["SecretList"]}
    workdir = tmp_path_factory.mktemp("stack")
    engine = Engine(ROOT, workdir, cloud.environment())
    alerts = {
        "region": "eu-central-1",
        "slack": {"channel": "C0BREAKGLASS1", "botTokenSecretName": SECRET},
        "watch": {"permissionSets": ["DatabaseAdmin"], "root": False},
        "tamper": False,
        "evidencePaths": ["session_start"],
    }
    with stack_file(engine) as config:
        config.clear()
        config["breakglass:alerts"] = alerts
    up, state, outputs = engine.up(), engine.export(), engine.outputs()
    made = {each["Name"] for each in secrets.list_secrets()["SecretList"]} - before

    secrets.put_secret_value(SecretId=SECRET, SecretString=TOKENS[1])
    rotating_up, preview, destroy = engine.up(), engine.preview(), engine.destroy()
    kept = secrets.get_secret_value(SecretId=SECRET)["SecretString"]
    secrets.delete_secret(SecretId=SECRET, ForceDeleteWithoutRecovery=True)
    return Life(workdir, up, state, outputs, sorted(made), rotating_up, preview, destroy, kept)


def test_up_creates_no_secret(life: Life) -> None:
    assert life.up.changes.keys() == {"create"}
    assert [name for name in life.secrets if not name.startswith("events!connection/")] == []


def test_rotated_token_updates_only_the_connection(life: Life) -> None:
    assert life.rotating_up.changes == {"update": 1}
    assert life.preview.changes == {}


def test_destroy_keeps_the_existing_secret(life: Life) -> None:
    assert life.destroy.changes.keys() == {"delete"}
    assert life.kept == TOKENS[1]


def test_tokens_are_nowhere_in_clear(life: Life) -> None:
    texts = {name: step.output for name, step in vars(life).items() if isinstance(step, UpdateResult)}
    texts |= {"export": json.dumps(life.state), "outputs": json.dumps(life.outputs)}
    files = [file for file in life.workdir.rglob("*") if file.is_file()]
    texts |= {str(file): file.read_text(errors="replace") for file in files}
    assert len(texts) > 8
    assert [name for name, text in texts.items() if "in-an-existing-secret" in text] == []
