"""A server as a child process that can't outlive this one.

The child holds the read end of a pipe whose write end only the parent has. However the parent ends (return, Ctrl-C,
SIGTERM, SIGKILL, crash), the kernel closes the write end, the child reads end-of-file and kills its own process group.
Nothing has to be cleaned up afterwards, and no signal handler is needed here.

Non-goals: restarting what died, Windows.
"""

import gc
import http.client
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

NODE_EXIT_WITH_PARENT = "--import=data:text/javascript,process.stdin.on('end',()=>process.kill(0,'SIGKILL')).resume()"
"""`exit_with_parent` as an option of node, for a program that is not ours."""

_START_TIMEOUT = 60.0
_STOP_TIMEOUT = 5.0
_POLL_INTERVAL = 0.02


class ServerError(Exception):
    """A server of the local cloud did not start; the message ends with the tail of its log."""


def exit_with_parent() -> None:
    """Ends this process and its children when the parent ends; each server here calls it first."""

    def watch() -> None:
        # The raw descriptor: the interpreter's own reader would block its shutdown.
        while os.read(0, 1024):
            pass
        if os.getpgrp() == os.getpid():
            os.killpg(0, signal.SIGKILL)
        os._exit(0)

    threading.Thread(target=watch, name="exit-with-parent", daemon=True).start()


def collect_rarely() -> None:
    """Has Python's collector of cycles run rarely, since a server keeps nearly all that it creates."""
    gc.set_threshold(200_000, 50, 100)


def reserve_port() -> int:
    """Returns a TCP port of 127.0.0.1 that the kernel hands to no other process for a minute.

    A closed connection leaves the port in TIME_WAIT. Then the kernel does not offer it as a free port, but a server can
    bind it by number (with SO_REUSEADDR). So two local clouds that start at once get different ports.
    """
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", 0))
        server.listen(1)
        with socket.create_connection(server.getsockname()):
            server.accept()[0].close()
            return int(server.getsockname()[1])


class ServerProcess:
    """One server, started on construction in a process group of its own.

    Args:
        name: its name in messages.
        command: program and arguments.
        url: where it answers once it is ready; any HTTP answer counts.
        log: where its output goes.
        environment: its whole environment.
        directory: its working directory.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        url: str,
        log: Path,
        environment: Mapping[str, str],
        directory: Path,
    ) -> None:
        self.name = name
        self._url = urlsplit(url)
        self._log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(environment),
                cwd=directory,
                # Ctrl-C in the terminal is for the parent, which then stops its servers in order.
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Process id, which is also the id of its process group."""
        return self._process.pid

    def wait_ready(self) -> None:
        """Returns when the server answers.

        Raises:
            ServerError: if it ended before, or does not answer within a minute.
        """
        deadline = time.monotonic() + _START_TIMEOUT
        while not self._answers():
            code = self._process.poll()
            if code is not None:
                raise ServerError(f"{self.name} ended while starting (exit code {code}). {self._log_tail()}")
            if time.monotonic() > deadline:
                raise ServerError(f"{self.name} did not answer within {_START_TIMEOUT:.0f} s. {self._log_tail()}")
            time.sleep(_POLL_INTERVAL)

    def stop(self) -> None:
        """Ends the server and its children, and waits for that; a second call does nothing."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(_STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            os.killpg(self.pid, signal.SIGKILL)
            self._process.wait()

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection(self._url.netloc, timeout=_STOP_TIMEOUT)
        try:
            connection.request("GET", self._url.path or "/")
            connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
        return True

    def _log_tail(self, lines: int = 15) -> str:
        tail = self._log.read_text(errors="replace").splitlines()[-lines:]
        return f"The end of its log, {self._log}:\n" + "\n".join(f"  {line}" for line in tail)
