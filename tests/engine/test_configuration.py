"""A wrong stack file under the real CLI: a report, no traceback, no change.

The rules are tested in tests/unit/stack_file; here, the form in which the CLI hands configuration to the program.
"""

import os
import subprocess
from pathlib import Path

import pytest

from localcloud.cloud import RunningCloud
from localcloud.engine import Engine, EngineError
from localcloud.stack import ROOT
from tests.engine.conftest import NewEngine
from tests.stack_file import stack_file

TOKEN = "xoxb-111122223333-444455556666-AbCdEfGhIjKl"
SIGNING_SECRET = "0123456789abcdef0123456789abcdef"
FAULTS = {
    "breakglass:slackBotToken": TOKEN,
    "breakglass:alerts": {
        "region": "eu-central-1",
        "slack": {"channel": "#ops"},
        "watch": {"permissionSets": ["DatabaseAdmin"]},
    },
}


def refusal(engine: Engine) -> str:
    """The errors that the CLI prints; the engine's events repeat the configuration, plain values included."""
    with pytest.raises(EngineError) as refused:
        engine.preview()
    return str(refused.value)


def test_wrong_stack_file_is_reported_without_a_traceback(new_engine: NewEngine) -> None:
    engine = new_engine(ROOT)
    engine.config_set("breakglass:slackBotToken", TOKEN)
    engine.config_set("breakglass:slackSigningSecret", SIGNING_SECRET, secret=True)
    # Where no text was before, `--path` makes a number of it.
    engine.config_set("breakglass:permissionSets.pairs[0].assignments[0].accounts[1]", "444444444444", path=True)
    engine.config_set("breakglass:alerts.slack.chanel", "#ops", path=True)
    output = refusal(engine)
    for path in ("slackBotToken", "permissionSets.pairs[0].assignments[0].accounts[1]", "alerts.slack.chanel"):
        assert f"breakglass:{path}" in output
    assert "3 problems in the configuration:" in output
    assert "Traceback" not in output
    assert TOKEN not in output


def test_encrypted_value_in_a_section_is_refused_unseen(new_engine: NewEngine) -> None:
    engine = new_engine(ROOT)
    engine.config_set("breakglass:slackBotToken", TOKEN, secret=True)
    engine.config_set("breakglass:slackSigningSecret", SIGNING_SECRET, secret=True)
    engine.config_set("breakglass:alerts.monitoring.pager", "https://example.com/hunter2", path=True, secret=True)
    engine.config_set("breakglass:alerts.postMortemUrl", "https://example.com/?key=hunter2", path=True, secret=True)
    output = refusal(engine)
    assert "1 problem in the configuration" in output
    assert "breakglass:alerts" in output
    assert "hunter2" not in output


def test_stack_file_with_faults_touches_nothing(cloud: RunningCloud, tmp_path: Path) -> None:
    engine = Engine(ROOT, tmp_path, cloud.environment())
    variables = {**os.environ, **cloud.environment(), **engine.environment()}
    assert "resources" not in engine.export()["deployment"]  # creates the stack
    with stack_file(engine) as config:
        config.clear()
        config.update(FAULTS)
    events = cloud.client("events")
    before = (events.list_rules()["Rules"], events.list_connections()["Connections"])

    finished = subprocess.run(
        ["pulumi", "up", "--yes", "--skip-preview", "--stack", "local", "--non-interactive", "--color", "never"],
        cwd=ROOT,
        env=variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )

    said = finished.stdout + finished.stderr
    assert finished.returncode != 0
    assert "2 problems in the configuration:" in said
    assert "breakglass:alerts.slack.channel" in said
    assert "breakglass:slackBotToken" in said
    assert TOKEN not in said
    assert "Traceback" not in said
    assert (events.list_rules()["Rules"], events.list_connections()["Connections"]) == before
    exported = engine.export()["deployment"].get("resources", [])
    assert {resource["type"] for resource in exported} <= {"pulumi:pulumi:Stack"}
