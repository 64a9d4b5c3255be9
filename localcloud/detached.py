"""The local cloud kept running after the command that started it: for `make local-up` and `make local-down`.

A supervisor process holds the cloud (`python -m localcloud.detached FILE`). It writes FILE, the description of the
running cloud, once everything is ready, and keeps a lock on FILE.pid for as long as it lives. The kernel's lock shows
if a cloud runs; a process ID may belong to another program by then. The supervisor also serves the page of the Slack
users (`localcloud.slack_page`).

Non-goals: several detached clouds with one description, restarting what died.
"""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from localcloud.cloud import LocalCloud, LocalCloudError, RunningCloud
from localcloud.slack_page.server import SlackPage
from localcloud.toolchain import ROOT

_POLL_INTERVAL = 0.05
_STOP_TIMEOUT = 30.0


def start(description: Path, progress: Callable[[str], None] = lambda _: None) -> RunningCloud:
    """Starts a local cloud that outlives this process.

    Args:
        description: written with `RunningCloud.describe` of the cloud; its folder gets the cloud's working directory.
        progress: told what is going on.

    Raises:
        LocalCloudError: if one already runs under this description, or a server does not start.
    """
    description = description.absolute()
    description.parent.mkdir(parents=True, exist_ok=True)
    if _is_running(description):
        raise LocalCloudError(f"A local cloud already runs; {description} describes it. Stop it with make local-down.")
    description.unlink(missing_ok=True)
    log = description.with_suffix(".log")
    progress("starting aws, identity and slack in the background")
    with log.open("wb") as output:
        supervisor = subprocess.Popen(
            [sys.executable, "-m", "localcloud.detached", str(description)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            start_new_session=True,
        )
    try:
        while not description.exists():
            if supervisor.poll() is not None:
                raise LocalCloudError(log.read_text(errors="replace").strip())
            time.sleep(_POLL_INTERVAL)
    except KeyboardInterrupt:
        # It has a session of its own, so Ctrl-C does not reach it.
        supervisor.terminate()
        supervisor.wait()
        raise
    # It goes on without this process: the interpreter must not warn about that.
    supervisor.returncode = 0
    return attach(description)


def attach(description: Path) -> RunningCloud:
    """The cloud that runs under a description.

    Raises:
        LocalCloudError: if none does.
    """
    if not (description.exists() and _is_running(description)):
        raise LocalCloudError(f"No local cloud runs under {description}. Start one with make local-up.")
    return RunningCloud.from_description(json.loads(description.read_text()))


def stop(description: Path) -> bool:
    """Stops the cloud that runs under a description and returns when all its servers are gone.

    Returns:
        Whether one was running.

    Raises:
        LocalCloudError: if it does not end.
    """
    if not _is_running(description):
        description.unlink(missing_ok=True)
        return False
    os.kill(int(_lock_file(description).read_text()), signal.SIGTERM)
    deadline = time.monotonic() + _STOP_TIMEOUT
    while _is_running(description):
        if time.monotonic() > deadline:
            pid = _lock_file(description).read_text()
            raise LocalCloudError(f"The local cloud (process {pid}) did not end within {_STOP_TIMEOUT:.0f} s: kill it.")
        time.sleep(_POLL_INTERVAL)
    return True


def _supervise(description: Path) -> None:
    received: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: received.append(number))
    with _lock(description), LocalCloud(description.with_suffix("")) as cloud, SlackPage(cloud) as page:
        draft = description.with_suffix(".draft")
        draft.write_text(json.dumps(replace(cloud, page_url=page.url).describe(), indent=2) + "\n")
        draft.replace(description)
        while not received:
            time.sleep(_POLL_INTERVAL)
        description.unlink(missing_ok=True)


def _lock_file(description: Path) -> Path:
    return description.with_suffix(".pid")


@contextmanager
def _lock(description: Path) -> Iterator[None]:
    with _lock_file(description).open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LocalCloudError(f"Another local cloud is just starting under {description}.") from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _is_running(description: Path) -> bool:
    try:
        with _lock_file(description).open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


if __name__ == "__main__":
    try:
        _supervise(Path(sys.argv[1]))
    except LocalCloudError as error:
        sys.exit(str(error))
