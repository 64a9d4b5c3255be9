"""The components under the real engine, imported by a user's own Pulumi program.

Not shown here: the project's own program, and that an alert arrives (tests/local).
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from localcloud.engine import UpdateResult

from .conftest import NewEngine

PROGRAM = Path(__file__).parent / "foreign_program"
PAGER = "https://events.pagerduty.example/integration/a-key-not-to-be-seen/enqueue"
TOKEN = "xoxb-000000000000-foreign-and-not-to-be-seen"


@dataclass(frozen=True)
class Life:
    """The result of each step."""

    up: UpdateResult
    preview: UpdateResult
    outputs: dict[str, Any]
    state: dict[str, Any]
    destroy: UpdateResult
    state_afterwards: dict[str, Any]


@pytest.fixture(scope="module")
def life(new_engine: NewEngine) -> Life:
    engine = new_engine(PROGRAM)
    engine.config_set("foreign-program:slackBotToken", TOKEN, secret=True)
    engine.config_set("foreign-program:pager", PAGER, secret=True)
    up, preview = engine.up(), engine.preview()
    outputs, state = engine.outputs(), engine.export()
    destroy = engine.destroy()
    return Life(up, preview, outputs, state, destroy, engine.export())


def test_up_creates_every_component(life: Life) -> None:
    types = {resource["type"] for resource in life.state["deployment"]["resources"]}

    assert life.up.changes.keys() == {"create"}
    assert {type_ for type_ in types if type_.startswith("breakglass:")} == {
        "breakglass:index:AlarmTopics",
        "breakglass:index:PermissionSetPair",
        "breakglass:index:SlackConnection",
        "breakglass:index:SlackDestination",
        "breakglass:index:UsageAlert",
        "breakglass:index:UsageMonitoring",
    }
    assert life.outputs["ruleNames"] == {
        "session_start": "breakglass-storage-session_start",
        "denied": "breakglass-storage-denied",
    }


def test_second_preview_shows_no_changes(life: Life) -> None:
    assert life.preview.changes == {}


@pytest.mark.parametrize("secret", [TOKEN, PAGER], ids=["token", "pager"])
def test_secret_is_nowhere_in_clear(life: Life, secret: str) -> None:
    assert secret not in json.dumps(life.state)
    assert secret not in "".join(each.output for each in (life.up, life.preview, life.destroy))


def test_destroy_leaves_nothing(life: Life) -> None:
    assert life.destroy.changes.keys() == {"delete"}
    assert life.state_afterwards["deployment"].get("resources", []) == []
