"""The generated parts of the documents are current, and their generators leave nothing out."""

import re
from enum import StrEnum
from pathlib import Path

import pytest

from breakglass.iam.app_roles import function_permissions
from breakglass.naming import AppFunction
from docs import draw_messages, generate_reference, generate_tables
from docs.generate_tables import CONTENTS, FOLDER, FULL, Table, alarmed_stack, documents, fill, walk

STALE = "stale: run `make docs`"
IMAGE = {"type": "image"}
HOSTILE = {"text": '"><script>', "blocks": [{"type": "section", "text": {"text": "`<script>`\n*<b>*\n<@U<i>>"}}]}


class Light(StrEnum):
    red = "red"
    green = "green"
    blue = "blue"
    off = "off"


class Switch(StrEnum):
    go = "go"
    blink = "blink"
    dim = "dim"
    stop = "stop"


LIGHTS = {
    (Light.red, Switch.go): Light.green,
    (Light.green, Switch.dim): Light.green,
    **{(light, Switch.blink): light for light in Light},
    **{(light, Switch.stop): Light.off for light in (Light.red, Light.green)},
}


def test_reference_pages_are_current() -> None:
    committed = {file.name: file.read_text(encoding="utf-8") for file in generate_reference.FOLDER.iterdir()}
    assert committed == generate_reference.pages(), STALE


@pytest.mark.parametrize("document", documents(), ids=lambda document: document.name)
def test_tables_and_diagrams_are_current(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    assert fill(text) == text, STALE


def test_images_are_current() -> None:
    committed = {file.name: file.read_text(encoding="utf-8") for file in draw_messages.IMAGES.iterdir()}
    assert committed == draw_messages.drawings(), STALE


def test_alarms_name_a_runbook_that_exists() -> None:
    alarms = alarmed_stack().of_type("aws:cloudwatch/metricAlarm:MetricAlarm")
    named = {
        alarm.inputs["name"]: re.findall(r"docs/runbooks/[\w-]+\.md", alarm.inputs["alarmDescription"])
        for alarm in alarms
    }
    assert len(named) > 20
    assert [name for name, pages in named.items() if not pages] == []
    assert [page for pages in named.values() for page in pages if not (FOLDER.parent / page).exists()] == []


def test_alarm_that_a_document_names_exists() -> None:
    tables = (CONTENTS[f"alarms of the {kind}"]() for kind in ("alerts", "approvals"))
    names = [row[0].strip("`") for table in tables if isinstance(table, Table) for row in table.rows]
    texts = "".join(file.read_text(encoding="utf-8") for file in FOLDER.rglob("*.md"))
    named = set(re.findall(r"\balarms? [*`]([a-z][\w-]*)[*`]", texts))
    assert len(named) > 5
    assert {name for name in named if not any(each.endswith(f"-{name}") for each in names)} == set()


def test_each_table_has_its_place_in_a_document() -> None:
    texts = "".join(document.read_text(encoding="utf-8") for document in documents())
    assert [name for name in CONTENTS if texts.count(f"<!-- generated: {name} -->") != 1] == []


def test_table_keeps_the_prose_of_a_row() -> None:
    table = Table(("name", "size", "why"), (("`a`", "1"), ("`b`", "2")), kept=1)
    old = "| name | size | why |\n|---|---|---|\n| `b` | 9 | Since *b*. |\n| `a` | 9 | Since. |\n"
    assert table.fill(old).splitlines()[2:] == ["| `a` | 1 | Since. |", "| `b` | 2 | Since *b*. |"]
    with pytest.raises(ValueError, match="No prose for `a`"):
        table.fill("| `b` | 9 | Since *b*. |\n")


def test_lifecycle_draws_each_transition() -> None:
    drawn = generate_tables._lifecycle(LIGHTS, Light, "made")
    assert drawn.splitlines()[2:-5] == [
        "    [*] --> red: made",
        "    red --> green: go",
        "    green --> green: dim",
        "    red --> off: stop",
        "    green --> off: stop",
        "    blue --> [*]",
        "    off --> [*]",
    ]
    assert drawn.endswith("Not drawn, since they change no state:\n\n- `blink` in every state\n")


@pytest.mark.parametrize("function", AppFunction)
def test_permissions_name_each_action_of_a_function(function: AppFunction) -> None:
    tables = [CONTENTS[f"permissions of {function}"]()]
    if function in generate_tables._SHARE:
        tables.append(CONTENTS["permissions in the management account"]())
    shown = [
        action for table in tables if isinstance(table, Table) for row in table.rows for action in row[1].split(", ")
    ]
    statements = function_permissions(function, FULL)["Statement"]
    assert sorted(shown) == sorted(
        f"`{action}`" for each in statements for action in generate_tables._list(each["Action"])
    )


def test_path_that_the_state_machine_lacks_is_refused() -> None:
    states = {"a": {"Type": "Task", "Next": "b"}, "b": {"Type": "Succeed"}}
    assert walk(states, ["a", "b"]) == (2, 1)
    with pytest.raises(ValueError, match="no way from b to a"):
        walk(states, ["a", "b", "a"])


def test_drawing_leaves_hostile_text_as_text() -> None:
    drawn = draw_messages.draw(HOSTILE)
    assert "<script>" not in drawn
    assert "<b>" not in drawn
    assert "<i>" not in drawn


def test_drawing_of_an_unknown_block_fails() -> None:
    with pytest.raises(ValueError, match="no way to draw"):
        draw_messages.draw({"text": "", "blocks": [IMAGE]})


def test_detection_row_of_attempts_names_rows_of_its_events() -> None:
    detection = CONTENTS["detection"]()
    assert isinstance(detection, Table)
    events = {row[0]: row[2] for row in detection.rows if row[1] == "`denied`"}
    tampering = "those of `tamper` (rules), `tamper` (stack), `tamper` (trail), `tamper` (global)"
    assert events == {
        "permission set": "those of `session_start`, `portal`, `login`",
        "IAM role": "those of `session_start`, `login`",
        "IAM user": "those of `sign_in`, `login`",
        "root": "those of `login`, `assume_root`; `ConsoleLogin`",
        "tampering": tampering,
    }
