"""Start and end of a local cloud: ready when it says so, isolated, and nothing left behind."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import localcloud.cloud
from localcloud import detached
from localcloud.cloud import LocalCloud, LocalCloudError, RunningCloud
from localcloud.emulators.loopback import request_json
from localcloud.emulators.process import ServerError, ServerProcess, reserve_port
from localcloud.toolchain import ROOT

pytestmark = pytest.mark.local

HOLD_A_CLOUD = """
import json, signal, sys
from pathlib import Path
from localcloud.cloud import LocalCloud
# What a shell starts in the background ignores SIGINT, and so would this child of it.
signal.signal(signal.SIGINT, signal.default_int_handler)
with LocalCloud(Path(sys.argv[1])) as cloud:
    print(json.dumps(cloud.describe()), flush=True)
    sys.stdin.read()
"""


def addresses(cloud: RunningCloud) -> list[tuple[str, int]]:
    """Where the servers listen."""
    parts = [urlsplit(url) for url in (cloud.aws_url, cloud.identity_url, cloud.slack_url)]
    return [(str(part.hostname), int(part.port or 0)) for part in parts]


def accepts(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address, timeout=5).close()
    except ConnectionError:
        return False
    return True


def exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_refused(cloud: RunningCloud) -> None:
    """Returns when nothing listens any more where the servers were; the kernel frees a dead process's sockets late."""
    deadline = time.monotonic() + 30
    while any(map(accepts, addresses(cloud))):
        assert time.monotonic() < deadline, "a server outlived its parent"


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCloud]:
    """A second cloud beside the session's."""
    with LocalCloud(tmp_path_factory.mktemp("other")) as running:
        yield running


def test_on_exit_every_server_is_gone(tmp_path: Path) -> None:
    with LocalCloud(tmp_path) as cloud:
        assert all(map(accepts, addresses(cloud)))
        assert all(map(exists, cloud.pids.values()))
    assert not any(map(accepts, addresses(cloud)))
    assert not any(map(exists, cloud.pids.values()))


def test_an_error_inside_stops_every_server_and_passes(tmp_path: Path) -> None:
    clouds: list[RunningCloud] = []

    def fail() -> None:
        with LocalCloud(tmp_path) as cloud:
            clouds.append(cloud)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not any(map(exists, clouds[0].pids.values()))


@pytest.mark.parametrize("way", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_when_the_process_is_ended_no_server_stays(tmp_path: Path, way: signal.Signals) -> None:
    command = [sys.executable, "-c", HOLD_A_CLOUD, str(tmp_path)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as holder:
        assert holder.stdout is not None
        cloud = RunningCloud.from_description(json.loads(holder.stdout.readline()))
        holder.send_signal(way)
        holder.wait()
    wait_refused(cloud)


def test_two_clouds_share_nothing(cloud: RunningCloud, other: RunningCloud) -> None:
    assert set(addresses(cloud)).isdisjoint(addresses(other))
    assert set(cloud.pids.values()).isdisjoint(other.pids.values())
    cloud.client("sqs").create_queue(QueueName="mine")
    assert not other.client("sqs").list_queues(QueueNamePrefix="mine").get("QueueUrls")
    with pytest.raises(LocalCloudError, match=r"refused auth\.test: invalid_auth"):
        RunningCloud.from_description({**other.describe(), "bot_token": cloud.bot_token}).call_slack("auth.test", {})


def test_a_message_is_kept_by_the_emulator_as_posted_by_the_bot(other: RunningCloud) -> None:
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "*devops-break-glass* was used"}}]
    metadata = {"event_type": "breakglass_use", "event_payload": {"event_id": "1"}}
    body = {"channel": other.slack_channel, "text": "used", "blocks": blocks, "metadata": metadata}
    other.call_slack("chat.postMessage", body)
    assert other.messages() == [body]
    arguments = {"channel": other.slack_channel, "include_all_metadata": True}
    [kept] = other.call_slack("conversations.history", arguments)["messages"]
    assert (kept["text"], kept["blocks"], kept["metadata"]) == ("used", blocks, metadata)
    user = other.call_slack("users.info", {"user": kept["user"]})["user"]
    assert user["name"] == "breakglass"


def test_the_emulators_page_is_reached_through_the_front(other: RunningCloud) -> None:
    connection = HTTPConnection(*addresses(other)[-1])
    connection.request("GET", "/")
    page = connection.getresponse().read().decode()
    connection.close()
    assert "<html" in page
    assert "break-glass" in page


def test_the_environment_points_boto3_at_the_cloud(cloud: RunningCloud, tmp_path: Path) -> None:
    script = """
import json, boto3
sts, sso = boto3.client("sts"), boto3.client("sso-admin")
print(json.dumps([sts.get_caller_identity()["Account"], sso.meta.endpoint_url, sso.meta.region_name]))
"""
    variables = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), **cloud.environment()}
    output = subprocess.run([sys.executable, "-c", script], env=variables, capture_output=True, text=True, check=True)
    assert json.loads(output.stdout) == ["111111111111", cloud.identity_url, "eu-central-1"]


def test_servers_get_neither_credentials_nor_home_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Mapping[str, str]] = []

    class Recorded(ServerProcess):
        def __init__(self, *arguments: object, environment: Mapping[str, str], **others: object) -> None:
            seen.append(environment)
            raise ServerError("that is enough")

    monkeypatch.setenv("AWS_SESSION_TOKEN", "a real one")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.com")
    monkeypatch.setattr(localcloud.cloud, "ServerProcess", Recorded)
    with pytest.raises(LocalCloudError, match=r"did not start\. that is enough"), LocalCloud(tmp_path):
        pass
    [environment] = seen
    assert environment["HOME"] == str(tmp_path)
    assert not {"AWS_SESSION_TOKEN", "HTTPS_PROXY"} & set(environment)


def test_server_that_does_not_start_is_named_and_others_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pids: list[int] = []

    class Recorded(ServerProcess):
        def stop(self) -> None:
            pids.append(self.pid)
            super().stop()

    monkeypatch.setattr(localcloud.cloud, "ServerProcess", Recorded)
    node = tmp_path / ".tools" / "bin" / "node"
    node.parent.mkdir(parents=True)
    for tool in (node, node.with_name("emulate")):
        tool.write_text("#!/bin/sh\nexit 1\n")
        tool.chmod(0o755)
    monkeypatch.setattr(localcloud.cloud, "TOOLS", tmp_path / ".tools")
    with pytest.raises(LocalCloudError, match=r"did not start\. slack emulator ended while starting \(exit code 1\)"):
        with LocalCloud(tmp_path):
            pass
    assert len(pids) == 4
    assert not any(map(exists, pids))


def test_the_reason_of_a_failed_start_is_in_the_message(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "print('line\\n' * 50 + 'port is taken'); raise SystemExit(3)"]
    server = ServerProcess(
        "bus",
        command,
        url=f"http://127.0.0.1:{reserve_port()}",
        log=tmp_path / "bus.log",
        environment={},
        directory=tmp_path,
    )
    with pytest.raises(ServerError, match=r"bus ended while starting \(exit code 3\)") as raised:
        server.wait_ready()
    server.stop()
    lines = str(raised.value).splitlines()
    assert str(tmp_path / "bus.log") in lines[0]
    assert len(lines) == 16
    assert lines[-1] == "  port is taken"


def test_a_missing_slack_emulator_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(localcloud.cloud, "TOOLS", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LocalCloudError, match=r"node is not installed.*make demo"), LocalCloud(tmp_path):
        pass


def test_a_reserved_port_is_not_given_away_but_can_be_bound() -> None:
    port = reserve_port()
    others = {reserve_port() for _ in range(200)}
    assert port not in others
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", port))


def test_a_detached_cloud_runs_until_it_is_stopped(tmp_path: Path) -> None:
    description = tmp_path / "local.json"
    with pytest.raises(LocalCloudError, match=r"No local cloud runs.*make local-up"):
        detached.attach(description)
    assert not detached.stop(description)

    cloud = detached.start(description)
    try:
        assert json.loads(description.read_text())["environment"] == cloud.environment()
        assert detached.attach(description) == cloud
        assert request_json("GET", f"{cloud.slack_url}/_localcloud/posts") == []
        with pytest.raises(LocalCloudError, match=r"already runs.*make local-down"):
            detached.start(description)
    finally:
        assert detached.stop(description)
    wait_refused(cloud)
    assert not description.exists()
    assert not detached.stop(description)


def test_an_interrupted_start_leaves_no_detached_cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    supervisors: list[subprocess.Popen[bytes]] = []

    class Recorded(subprocess.Popen[bytes]):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            supervisors.append(self)

    monkeypatch.setattr(subprocess, "Popen", Recorded)
    monkeypatch.setattr(detached.time, "sleep", interrupt)
    with pytest.raises(KeyboardInterrupt):
        detached.start(tmp_path / "local.json")
    [supervisor] = supervisors
    assert not exists(supervisor.pid)
    assert not (tmp_path / "local.json").exists()


def test_a_description_left_by_a_crash_does_not_count(tmp_path: Path) -> None:
    description = tmp_path / "local.json"
    description.write_text("{}")
    # The process id is ours, so that a careless stop would show.
    (tmp_path / "local.pid").write_text(str(os.getpid()))
    with pytest.raises(LocalCloudError, match="No local cloud runs"):
        detached.attach(description)
    assert not detached.stop(description)
    assert not description.exists()


def test_a_detached_cloud_that_does_not_start_tells_why(tmp_path: Path) -> None:
    (tmp_path / "local").write_text("a file where the working directory should be")
    with pytest.raises(LocalCloudError, match="File exists"):
        detached.start(tmp_path / "local.json")
