"""The demo as a command: its exit status, its result file, and that it leaves nothing behind.

Run in a copy of the project, as from a fresh clone, but without `make`, which brings the tools (tests/unit).
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from localcloud.cloud import LocalCloudError
from localcloud.records import RECORDS, load_records
from localcloud.slack_user import wait_until
from localcloud.toolchain import environment

pytestmark = [pytest.mark.local, pytest.mark.usefixtures("pulumi_cli")]

PROC = Path("/proc")


def start(clone: Path, *arguments: str) -> subprocess.Popen[str]:
    """Starts the demo in a process group of its own, as a shell does."""
    return subprocess.Popen(
        [sys.executable, "-m", "localcloud.demo", *arguments],
        cwd=clone,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def finish(demo: subprocess.Popen[str]) -> tuple[int, str]:
    with demo:
        output, _ = demo.communicate()
    return demo.returncode, output


def run(clone: Path, *arguments: str) -> tuple[int, str]:
    return finish(start(clone, *arguments))


def result(clone: Path) -> dict[str, Any]:
    return json.loads((clone / "build" / "demo.json").read_text())


def folder_of(path: Path, *names: str) -> Path:
    """A folder with some of the project's own records, and what is expected of them."""
    path.mkdir()
    for name in names:
        for kind in ("json", "expect"):
            shutil.copyfile(RECORDS / f"{name}.{kind}", path / f"{name}.{kind}")
    return path


def processes_in(folder: Path) -> list[str]:
    """Command lines of the processes that work in a folder; the servers and Pulumi all do."""
    found = []
    for process in PROC.glob("[0-9]*"):
        try:
            if (process / "cwd").readlink().is_relative_to(folder):
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:  # it has just ended, or belongs to another user
            continue
    return found


def wait_for_the_provider_in(folder: Path) -> None:
    """Returns when a deployment is under way: Pulumi has started the stand-in for the AWS provider."""
    wait_until(lambda: any("localcloud.provider" in each for each in processes_in(folder)) or None, "the provider", 60)


def wait_for_no_process_in(folder: Path) -> None:
    """Wait until every process in a folder has ended; Pulumi's plugins end shortly after the engine."""
    with suppress(LocalCloudError):
        wait_until(lambda: None if processes_in(folder) else True, "the end of every process")
    assert processes_in(folder) == []


@dataclass(frozen=True)
class Demos:
    """Exit status, output and files of two demos that ran at the same time in one clone."""

    project: tuple[int, str]
    own: tuple[int, str]
    own_records: Path
    result: dict[str, Any]
    left: list[str]


@pytest.fixture(scope="module")
def demos(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> Demos:
    """One demo with the project's records, and one with the reader's own and a Slack that refuses everything."""
    own = folder_of(tmp_path_factory.mktemp("records") / "own", "session-devops-break-glass", "silent-everyday-set")
    shutil.copyfile(RECORDS / "portal-federate.json", own / "unjudged.json")
    of_project, of_own = start(clone), start(clone, "--records", str(own), "--break", "slack-token-revoked")
    project, others = finish(of_project), finish(of_own)
    return Demos(project, others, own, result(clone), os.listdir(clone / "build"))


def test_with_the_projects_records_everything_is_as_expected(demos: Demos) -> None:
    status, output = demos.project
    assert status == 0, output
    records = list(load_records())
    alerts = sum(len(record.expected or ()) for record in records)
    assert f"{alerts} messages arrived in Slack. One for each evidence path; VERBOSE=1 shows all." in output
    assert output.count("╭─ # ") == 4
    assert (
        f"{len(records)} records, {alerts} alerts. Of {len(records)} records with an expectation {len(records)} are as "
        "expected: 0 alerts missing, 0 unexpected." in " ".join(output.split())
    )
    assert "11 approval steps, 11 as expected." in " ".join(output.split())
    assert "WRONG" not in output


def test_scenarios_run_with_the_projects_own_records_only(demos: Demos) -> None:
    assert "approval steps" not in demos.own[1]


def test_an_alert_that_does_not_arrive_fails_the_demo(demos: Demos) -> None:
    status, output = demos.own
    assert status == 1, output
    verdicts = {line.split()[0]: line.split()[1:] for line in output.splitlines() if line.split()[1:2] != []}
    assert verdicts["session-devops-break-glass.json"] == ["session_start", "silence", "WRONG"]
    assert verdicts["silent-everyday-set.json"] == ["silence", "silence", "ok"]
    assert "Of 2 records with an expectation 1 are as expected: 1 alerts missing, 0 unexpected." in output


def test_a_record_without_an_expectation_is_shown_and_not_judged(demos: Demos) -> None:
    _, output = demos.own
    [line] = [line for line in output.splitlines() if line.startswith("unjudged.json")]
    assert line.split() == ["unjudged.json", "any", "silence", "ok"]


def test_with_slack_broken_the_demo_says_what_is_lost(demos: Demos) -> None:
    said = " ".join(demos.own[1].split())
    assert "With slack-token-revoked, Slack refused 2 alerts: HTTP 200 and ok:false (token_revoked)." in said
    assert "counts 2 deliveries as successful" in said
    assert "put 0 events into the dead-letter queues" in said
    assert "These alerts are lost without notice" in said


def test_the_result_file_is_that_of_one_demo_as_a_whole(demos: Demos) -> None:
    assert sorted(demos.result) == ["messages", "records", "rules", "scenes", "stack"]
    # Both ended; the later one's stays.
    files = [record["file"] for record in demos.result["records"]]
    assert files in [[record.file for record in load_records(folder)] for folder in (RECORDS, demos.own_records)]
    assert all(sorted(record) == ["expected", "file", "seconds", "seen"] for record in demos.result["records"])
    assert all((record["seconds"] is None) == (record["seen"] == []) for record in demos.result["records"])
    seen = sorted(kind for record in demos.result["records"] for kind in record["seen"])
    assert sorted(body["metadata"]["event_payload"]["evidence"] for body in demos.result["messages"]) == seen
    assert len(demos.result["rules"]) == 16
    assert all(
        pattern.keys() >= {"$or", "detail"} for name, pattern in demos.result["rules"].items() if "devops" in name
    )
    assert demos.result["stack"]["resources"] > 80
    assert demos.result["stack"]["up_seconds"] > 0


def test_two_demos_at_once_leave_the_result_and_nothing_else(demos: Demos, clone: Path) -> None:
    assert demos.left == ["demo.json"]
    wait_for_no_process_in(clone)


@pytest.mark.skipif(not PROC.is_dir(), reason="how processes are found here, only Linux has")
def test_processes_in_a_folder_are_found(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], cwd=tmp_path, stdin=subprocess.PIPE) as process:
        assert len(processes_in(tmp_path)) == 1
        assert process.stdin is not None
        process.stdin.write(b"\n")
    assert processes_in(tmp_path) == []


def test_ctrl_c_during_the_deployment_stops_everything(clone: Path) -> None:
    with start(clone) as demo:
        assert demo.stdout is not None
        wait_for_the_provider_in(clone)
        assert len(processes_in(clone)) > 4
        os.killpg(demo.pid, signal.SIGINT)
        output = demo.stdout.read()
    assert demo.returncode == 130
    assert output.endswith("Interrupted; the local cloud is stopped.\n")
    assert "Traceback" not in output
    assert [name for name in os.listdir(clone / "build") if name.startswith("demo-")] == []
    wait_for_no_process_in(clone)


def test_invalid_records_end_the_demo_before_it_starts(clone: Path, tmp_path: Path) -> None:
    (tmp_path / "odd.json").write_text("{")
    status, output = run(clone, "--records", str(tmp_path))
    assert status == 2
    assert "odd.json is no JSON" in " ".join(output.split())
    assert "start the local cloud" not in output
    assert "Traceback" not in output


def test_an_unknown_fault_is_refused_with_the_known_ones(clone: Path) -> None:
    status, output = run(clone, "--break", "slack-on-fire")
    assert status == 2
    assert "slack-archived" in output
    assert "slack-token-revoked" in output
