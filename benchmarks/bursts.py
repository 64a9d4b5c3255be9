"""Many clicks at once: one process per click, as in Lambda, but all on this machine.

Each process has started and handled one event before, so this excludes the start, which `clicks` measures. The function
is the packaged one, and it calls `programs.services`: Slack answers after 100 ms, AWS at once. The local cloud has one
process for all of AWS, which would be measured instead.

Non-goals: the HTTP API and its limits; how quickly Lambda starts many at once.
"""

import json
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from threading import Barrier
from typing import Any

from benchmarks.clicks import ANSWER_SECONDS, api_event, command_body
from benchmarks.programs.services import SECRET
from benchmarks.samples import Samples
from breakglass.app.domain.policy import to_json
from breakglass.components.approvals.lambda_package import build
from localcloud.stack import ROOT
from tests.app.domain.policies import SETTINGS, policy

CLICKS = 200
"""Number of clicks at once."""

_PROGRAM = """
import json, sys
sys.path.insert(0, sys.argv[1])
from breakglass.app.entrypoints.receiver import handler
for line in sys.stdin:
    print(json.dumps(["answer", handler(json.loads(line), None)]), flush=True)
"""


@dataclass(frozen=True)
class Burst:
    """Many clicks at once, several times.

    Attributes:
        clicks: their number.
        answered: milliseconds until each was answered.
        in_time: number of answers with 200 and an open form within Slack's limit.
    """

    clicks: int
    answered: Samples
    in_time: int


def measure(workdir: Path, repeat: int, progress: Callable[[str], None], clicks: int = CLICKS) -> list[Burst]:
    """Measure bursts."""
    progress(f"starting {clicks} processes")
    with _services() as port, ExitStack() as running:
        settings = replace(SETTINGS, slack_api_url=f"http://127.0.0.1:{port}/api")
        with zipfile.ZipFile(BytesIO(build(to_json(policy(settings=settings))))) as archive:
            archive.extractall(workdir)
        processes = [running.enter_context(_process(workdir, port)) for _ in range(clicks)]
        _burst(processes)  # not counted: it reads the secrets, and opens connections
        bursts = []
        for number in range(repeat):
            bursts.append(_burst(processes))
            progress(f"{number + 1} of {repeat} times {clicks} clicks at once")
    return bursts


def _burst(processes: Sequence[subprocess.Popen[str]]) -> Burst:
    together = Barrier(len(processes))
    now = int(time.time())
    body = command_body(user_id="U0ADA", team_id="T0COMPANY01", channel_id="C0BREAKGLASS1", trigger_id="1.2.3")
    event = json.dumps(api_event(SECRET, body, now)) + "\n"

    def click(process: subprocess.Popen[str]) -> tuple[float, bool]:
        together.wait()
        began = time.perf_counter()
        answer = _answer(process, event)
        # An answer with a text says that the form is not open.
        return time.perf_counter() - began, answer == {"statusCode": 200, "body": ""}

    with ThreadPoolExecutor(len(processes)) as pool:
        answers = list(pool.map(click, processes))
    return Burst(
        clicks=len(processes),
        answered=Samples([seconds * 1000 for seconds, _ in answers]),
        in_time=sum(opened and seconds <= ANSWER_SECONDS for seconds, opened in answers),
    )


def _answer(process: subprocess.Popen[str], event: str) -> dict[str, Any]:
    if process.stdin is None or process.stdout is None:
        raise AssertionError("the process has no pipes")
    process.stdin.write(event)
    process.stdin.flush()
    for line in process.stdout:
        match json.loads(line):
            case ["answer", {**answer}]:
                return answer
    raise AssertionError("the function died")


@contextmanager
def _services() -> Iterator[int]:
    """Start the services that the functions call; yield their port."""
    command = [sys.executable, "-m", "benchmarks.programs.services"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        if process.stdout is None:
            raise AssertionError("the process has no pipe")
        yield int(process.stdout.readline())


@contextmanager
def _process(folder: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    """Start a process of the function; it ends when its standard input is closed."""
    environment = {
        **os.environ,
        "AWS_REGION": "eu-central-1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "BREAKGLASS_BOT_TOKEN_SECRET": "bot-token",
        "BREAKGLASS_SIGNING_SECRET": "signing-secret",
        "BREAKGLASS_INTERACTIONS": "interactions",
    }
    command = [sys.executable, "-I", "-S", "-c", _PROGRAM, str(folder)]
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
