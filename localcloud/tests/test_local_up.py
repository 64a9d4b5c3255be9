"""`make local-up`, commands in a shell, and `make local-down`, in a copy of the project with fewer alerts."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from localcloud import detached
from localcloud.cloud import RunningCloud
from localcloud.emulators.loopback import request_json
from localcloud.toolchain import environment
from tests.stack_file import watch_own_sets

pytestmark = [pytest.mark.local, pytest.mark.usefixtures("pulumi_cli")]


def shell(clone: Path, script: str) -> subprocess.CompletedProcess[str]:
    """Runs a line as a person types it, in the project's folder."""
    return subprocess.run(
        ["sh", "-c", script],
        cwd=clone,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@dataclass(frozen=True)
class CommandResults:
    """The results of the commands, in order."""

    up: subprocess.CompletedProcess[str]
    cloud: RunningCloud
    second_up: subprocess.CompletedProcess[str]
    preview: subprocess.CompletedProcess[str]
    changed: subprocess.CompletedProcess[str]
    replay: subprocess.CompletedProcess[str]
    moved_replay: subprocess.CompletedProcess[str]
    posted: list[str]
    user_view: dict[str, Any]
    down: subprocess.CompletedProcess[str]
    second_down: subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def session(clone: Path) -> Iterator[CommandResults]:
    description = clone / "build" / "local.json"
    run = f"{sys.executable} -m localcloud"
    stack_file = clone / "stacks" / "Pulumi.local.yaml"
    content = yaml.safe_load(stack_file.read_text())
    watch_own_sets(content["config"])
    stack_file.write_text(yaml.safe_dump(content))
    try:
        up = shell(clone, f"{run}.up")
        assert up.returncode == 0, up.stderr
        cloud = detached.attach(description)
        second_up = shell(clone, f"{run}.up")
        preview = shell(clone, ". build/local.env && pulumi preview -s local --non-interactive --expect-no-changes")
        change = "pulumi config set -s local --path breakglass:tags.owner oncall"
        changed = shell(clone, f". build/local.env && {change} && pulumi config -s local --non-interactive")
        record = "localcloud/records/session-devops-break-glass.json"
        replay = shell(clone, f"{run}.replay {record}")
        posted = [post.body["metadata"]["event_payload"]["evidence"] for post in cloud.posts()]
        moved_replay = shell(clone, f"{run}.replay {record} --account 333333333333 --region us-east-1")
        user_view = request_json("GET", f"{cloud.page_url}user-view?user=ada.lovelace")
        down = shell(clone, f"{run}.down")
        second_down = shell(clone, f"{run}.down")
        yield CommandResults(
            *(up, cloud, second_up, preview, changed, replay, moved_replay),
            *(posted, user_view, down, second_down),
        )
    finally:
        detached.stop(description)


def test_local_up_says_where_everything_is(session: CommandResults) -> None:
    cloud = session.cloud
    for address in (cloud.page_url, cloud.slack_url, cloud.aws_url, cloud.identity_url):
        assert str(address) in session.up.stdout
    assert "Stack local is deployed:" in session.up.stdout


def test_a_second_local_up_is_refused_and_harms_nothing(session: CommandResults) -> None:
    assert session.second_up.returncode == 2
    assert "A local cloud already runs" in session.second_up.stderr
    assert "make local-down" in session.second_up.stderr


def test_plain_pulumi_works_in_the_shell_that_local_up_names(session: CommandResults) -> None:
    assert session.preview.returncode == 0, session.preview.stdout + session.preview.stderr
    assert session.changed.returncode == 0, session.changed.stderr
    assert '"owner":"oncall"' in session.changed.stdout


def test_slacks_secrets_are_in_nothing_that_pulumi_shows(session: CommandResults) -> None:
    for shown in (session.up, session.preview, session.changed):
        for secret in (session.cloud.bot_token, session.cloud.slack_signing_secret):
            assert secret not in shown.stdout + shown.stderr


def test_replayed_record_is_shown_as_it_arrived(session: CommandResults) -> None:
    assert session.replay.returncode == 0, session.replay.stderr
    assert "devops-break-glass" in session.replay.stdout
    assert "session-devops-break-glass.json" in session.replay.stdout
    assert session.posted == ["session_start"]


def test_record_is_replayed_in_another_account_and_region(session: CommandResults) -> None:
    assert session.moved_replay.returncode == 0, session.moved_replay.stderr
    for shown in ("333333333333", "us-east-1"):
        assert shown in session.moved_replay.stdout
        assert shown not in session.replay.stdout


def test_page_shows_the_alert_and_has_an_app_for_clicks(session: CommandResults) -> None:
    assert session.user_view["app"] is True
    alerts = next(each["messages"] for each in session.user_view["channels"] if each["name"] == "break-glass")
    assert ["devops-break-glass" in json.dumps(alert["blocks"]) for alert in alerts] == [True, True]


def test_local_down_stops_it_and_says_so(session: CommandResults) -> None:
    assert (session.down.returncode, session.down.stdout) == (0, "The local cloud is stopped.\n")
    assert (session.second_down.returncode, session.second_down.stdout) == (0, "No local cloud was running.\n")


def test_replay_without_a_cloud_or_a_file_is_an_error(clone: Path, session: CommandResults) -> None:
    assert session.down.returncode == 0
    for file, said in (
        ("localcloud/records/session-devops-break-glass.json", "No local cloud runs"),
        ("no-such-file.json", "can't be read"),
    ):
        replayed = shell(clone, f"{sys.executable} -m localcloud.replay {file}")
        assert replayed.returncode == 2
        assert said in " ".join(replayed.stdout.split())
        assert "Traceback" not in replayed.stderr
