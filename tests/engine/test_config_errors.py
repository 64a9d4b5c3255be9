"""A stack file with faults in the hands of a person: plain `pulumi`, without the engine's events.

The report itself is proven in tests/unit/config and test_configuration.py; here, that nothing is touched.
"""

import os
import subprocess
from pathlib import Path

import pytest

from localcloud.cloud import RunningCloud
from localcloud.engine import Engine
from localcloud.stack import ROOT
from tests.stack_file import stack_file

TOKEN = "xoxb-111122223333-444455556666-AbCdEfGhIjKl"
FAULTS = {
    "breakglass:slackBotToken": TOKEN,
    "breakglass:alerts": {
        "region": "eu-central-1",
        "slack": {"channel": "#ops"},
        "watch": {"permissionSets": ["DatabaseAdmin"]},
    },
}


@pytest.mark.parametrize("operation", ["preview", "up --yes --skip-preview"], ids=["preview", "up"])
def test_a_stack_file_with_faults_is_reported_and_nothing_is_touched(
    cloud: RunningCloud, tmp_path: Path, operation: str
) -> None:
    engine = Engine(ROOT, tmp_path, cloud.environment())
    variables = {**os.environ, **cloud.environment(), **engine.environment()}
    assert "resources" not in engine.export()["deployment"]  # makes the stack
    with stack_file(engine) as config:
        config.clear()
        config.update(FAULTS)
    events = cloud.client("events")
    before = (events.list_rules()["Rules"], events.list_connections()["Connections"])

    finished = subprocess.run(
        ["pulumi", *operation.split(), "--stack", "local", "--non-interactive", "--color", "never"],
        cwd=ROOT,
        env=variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )

    said = finished.stdout + finished.stderr
    assert finished.returncode != 0
    assert "2 problems in the configuration; nothing was deployed." in said
    assert "breakglass:alerts.slack.channel" in said
    assert "breakglass:slackBotToken" in said
    assert TOKEN not in said
    assert "Traceback" not in said
    assert (events.list_rules()["Rules"], events.list_connections()["Connections"]) == before
    exported = engine.export()["deployment"].get("resources", [])
    assert {resource["type"] for resource in exported} <= {"pulumi:pulumi:Stack"}
