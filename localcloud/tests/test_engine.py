"""The runner of the Pulumi CLI, without the CLI: its environment and the engine's events."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from localcloud import engine
from localcloud.engine import Engine, EngineMissingError, pulumi_environment

URN = "urn:pulumi:local::breakglass::breakglass:index:BreakGlass$aws:sqs/queue:Queue::local-dead::letters"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "program"
    (folder / "stacks").mkdir(parents=True)
    (folder / "Pulumi.yaml").write_text("name: program\nruntime: python\nstackConfigDir: stacks\n")
    (folder / "stacks" / "Pulumi.local.yaml").write_text("config: {program:x: 1}\n")
    return folder


def test_everything_pulumi_writes_is_in_the_working_directory(project: Path, tmp_path: Path) -> None:
    variables = pulumi_environment(project, tmp_path / "work", "local")
    assert variables["PULUMI_BACKEND_URL"] == f"file://{tmp_path}/work/state"
    assert variables["PULUMI_HOME"] == f"{tmp_path}/work/home"
    assert variables["PULUMI_OPTION_CONFIG_FILE"] == f"{tmp_path}/work/project/stacks/Pulumi.local.yaml"


def test_the_stand_in_comes_first_on_path_and_can_be_run(project: Path, tmp_path: Path) -> None:
    first = Path(pulumi_environment(project, tmp_path, "local")["PATH"].split(":")[0])
    assert (first / "pulumi-resource-aws").stat().st_mode & 0o111


def test_a_new_engine_takes_the_stack_file_as_it_is_now(project: Path, tmp_path: Path) -> None:
    copy = tmp_path / "work" / "project" / "stacks" / "Pulumi.local.yaml"
    Engine(project, tmp_path / "work", {})
    assert copy.read_text() == "config: {program:x: 1}\n"
    (project / "stacks" / "Pulumi.local.yaml").unlink()
    Engine(project, tmp_path / "work", {})
    assert not copy.exists()


def test_without_a_pulumi_cli_the_error_says_how_to_get_one(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(engine, "TOOLS", tmp_path)
    with pytest.raises(
        EngineMissingError, match=r"no Pulumi CLI, neither in \.tools/bin nor on PATH; `make test` brings"
    ):
        Engine(project, tmp_path / "work", {}).up()


PULUMI = f"""#!{sys.executable}
import signal, sys
from pathlib import Path

if sys.argv[1] == "up":
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    print("working", flush=True)
    signal.sigwait([signal.SIGINT])
    Path("cancelled").touch()
"""


@pytest.mark.parametrize("end", [KeyboardInterrupt, SystemExit])
def test_interrupted_operation_is_cancelled_by_pulumi(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: type[BaseException]
) -> None:
    (tmp_path / "pulumi").write_text(PULUMI)
    (tmp_path / "pulumi").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(engine, "TOOLS", tmp_path)

    def interrupted(line: str) -> None:
        assert line == "working"
        raise end

    with pytest.raises(end):
        Engine(project, tmp_path / "work", {}, progress=interrupted).up()
    assert (project / "cancelled").exists()


def test_progress_tells_changes_warnings_and_errors_and_no_noise() -> None:
    told: list[str] = []
    events = engine._Events(told.append)
    said: list[dict[str, Any]] = [
        {"resOutputsEvent": {"metadata": {"op": "create", "urn": URN}}},
        {"resOutputsEvent": {"metadata": {"op": "same", "urn": URN}}},
        {"diagnosticEvent": {"severity": "debug", "message": "registering\n"}},
        {"diagnosticEvent": {"severity": "warning", "message": "using pulumi-resource-aws from $PATH at /x\n"}},
        {"diagnosticEvent": {"severity": "warning", "message": "routes are wide\n"}},
        {"diagnosticEvent": {"severity": "error", "message": "PutRule refused\n", "urn": URN}},
        {"summaryEvent": {"resourceChanges": {"create": 1, "same": 2}}},
        {"cancelEvent": {}},
    ]
    for event in said:
        events.take(json.dumps(event) + "\n")
    events.take("error: no such stack\n")
    events.take("\n")
    assert told == [
        "create aws:sqs/queue:Queue local-dead::letters",
        "warning: routes are wide",
        "error: aws:sqs/queue:Queue local-dead::letters: PutRule refused",
        "error: no such stack",
    ]
    assert events.summary == {"create": 1, "same": 2}
    assert events.errors == ["aws:sqs/queue:Queue local-dead::letters: PutRule refused\n"]
