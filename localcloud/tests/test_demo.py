"""The demo as a command: its exit status, its result file, and that it leaves nothing behind.

Run in a copy of the project, as from a fresh clone, but without `make`, which brings the tools (tests/unit).
"""

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from localcloud.cloud import MANAGEMENT_ACCOUNT, LocalCloudError
from localcloud.emulators.identity import ACCOUNTS
from localcloud.records import RECORDS, load_records
from localcloud.slack_user import wait_until
from localcloud.toolchain import environment
from localcloud.verdicts import list_alert_kinds

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
    broken: tuple[int, str]
    result: dict[str, Any]
    left: list[str]


@pytest.fixture(scope="module")
def demos(clone: Path) -> Demos:
    """One demo with the project's records, and one of two faults."""
    of_project, of_fault = start(clone), start(clone, "--break", "slack-archived,tamper-rules-deleted")
    project, broken = finish(of_project), finish(of_fault)
    return Demos(project, broken, result(clone), os.listdir(clone / "build"))


def test_with_the_projects_records_everything_is_as_expected(demos: Demos) -> None:
    status, output = demos.project
    assert status == 0, output
    records = list(load_records())
    alerts = sum(len(record.expected or ()) for record in records)
    assert f"{alerts} messages arrived in Slack. One for each evidence path; VERBOSE=1 shows all." in output
    assert output.count("╭─ # ") == len({kind for record in records for kind in record.expected or ()})
    assert (
        f"{len(records)} records, {alerts} alerts. Of {len(records)} records with an expectation {len(records)} are as "
        "expected: 0 alerts missing, 0 unexpected." in " ".join(output.split())
    )
    assert "11 steps of the approvals, 11 as expected." in " ".join(output.split())
    assert "WRONG" not in output


def test_uses_in_each_watched_account_and_region_alert(demos: Demos) -> None:
    """Not those in the excluded account, nor before an account that joins has moved to a unit."""
    accounts = demos.result["accounts"]
    if demos.result["faults"]:
        assert accounts == {}
        return
    watched = [MANAGEMENT_ACCOUNT, *(account for account, name in ACCOUNTS.items() if name != "sandbox")]
    assert accounts == {account: ["eu-central-1", "us-east-1"] for account in [*watched, "666666666666"]}


def test_fault_is_noticed_with_each_delivery(demos: Demos) -> None:
    status, output = demos.broken
    assert status == 0, output
    shown = " ".join(output.split())
    assert "slack-archived direct probe mail 15 min lost ok probe alarm 16 min" in shown
    assert re.search(r"slack-archived confirmed mail with the alert \d\.\d s by mail ok probe mail 15 min", shown)
    assert "4 faults, 4 as expected, 0 of them unseen by design." in shown


def test_deleted_tamper_rule_is_reported_by_another_stack(demos: Demos) -> None:
    """The stack itself can't report it: one more notice would make the demo fail."""
    shown = " ".join(demos.broken[1].split())
    for delivery in ("direct", "confirmed"):
        assert re.search(rf"tamper-rules-deleted {delivery} stack watcher in Slack \d\.\d s lost ok", shown)


def test_switch_of_the_delivery_replaces_no_rule(demos: Demos) -> None:
    (changes,) = (line for line in demos.broken[1].splitlines() if "create" in line and "update" in line)
    assert "replace" not in changes


def test_result_file_is_that_of_one_demo_as_a_whole(demos: Demos) -> None:
    result = demos.result
    assert sorted(result) == ["accounts", "faults", "messages", "records", "rules", "scenes", "stack"]
    assert result["stack"]["resources"] > 80
    assert result["stack"]["up_seconds"] > 0
    # Both ended; the later one's stays.
    if result["faults"]:
        assert result["records"] == result["messages"] == result["scenes"] == []
        assert [fault["delivery"] for fault in result["faults"]] == ["direct", "confirmed"] * 2
    else:
        assert [record["file"] for record in result["records"]] == [record.file for record in load_records(RECORDS)]
        assert all(sorted(record) == ["expected", "file", "seconds", "seen"] for record in result["records"])
        assert all((record["seconds"] is None) == (record["seen"] == []) for record in result["records"])
        assert all(scene["seen"] == scene["expected"] for scene in result["scenes"])
        seen = sorted(kind for record in result["records"] for kind in record["seen"])
        assert list(list_alert_kinds(result["messages"])) == seen


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


def test_own_records_of_a_fault_are_refused(clone: Path, tmp_path: Path) -> None:
    status, output = run(clone, "--records", str(tmp_path), "--break", "slack-archived")
    assert status == 2
    assert "RECORDS and BREAK don't go together" in output


def test_an_unknown_fault_is_refused_with_the_known_ones(clone: Path) -> None:
    status, output = run(clone, "--break", "slack-on-fire")
    assert status == 2
    assert "all" in output
    assert "slack-archived" in output
    assert "target-removed" in output
