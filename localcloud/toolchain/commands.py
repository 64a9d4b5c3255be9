"""Runs the programs that install a tool, with progress and one clear sentence on failure.

Non-goals: showing the programs' whole output; it is in a log file which the failure names.
"""

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TextIO


class ToolchainError(Exception):
    """A tool can't be installed; the message names the step, the reason and the fix."""


class ProgressPrinter:
    """Prints a task, its duration and last line of output: in place on a terminal, else periodically."""

    def __init__(self, stream: TextIO = sys.stderr) -> None:
        self._stream = stream
        self._terminal = stream.isatty()
        self.interval = 0.5 if self._terminal else 20.0
        """Seconds between two updates."""

    def say(self, line: str) -> None:
        """Prints a line that stays."""
        clear = "\r\x1b[K" if self._terminal else ""
        print(f"{clear}toolchain: {line}", file=self._stream, flush=True)

    def update(self, doing: str, seconds: float, detail: str) -> None:
        """Shows the state of what is under way."""
        line = f"{doing} … {int(seconds) // 60}:{int(seconds) % 60:02} {detail}"
        if not self._terminal:
            self.say(line)
            return
        width = shutil.get_terminal_size().columns - len("toolchain: ") - 1
        print(f"\r\x1b[Ktoolchain: {line[:width]}", end="", file=self._stream, flush=True)


def last_line(log: Path) -> str:
    """Returns the last non-empty line of a log, printable and at most 300 characters long."""
    lines = _lines(log)
    return lines[-1] if lines else ""


def cause(log: Path) -> str:
    """Returns the cause of a failure in a log: its first error, else its last line."""
    # As pip, uv and npm mark it; Go's own message is its last line. Details and advice follow an error.
    errors = (line for line in _lines(log) if re.match(r"(npm )?error\b", line, re.IGNORECASE))
    return next(errors, last_line(log))


def _lines(log: Path) -> list[str]:
    lines = ("".join(filter(str.isprintable, line)).strip() for line in log.read_text(errors="replace").splitlines())
    return [line[:300] for line in lines if line]


def run(
    command: Sequence[str | Path],
    *,
    doing: str,
    instead: str,
    log: Path,
    progress: ProgressPrinter,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
) -> None:
    """Runs a program to its end; its output goes to `log`.

    Args:
        command: program and arguments.
        doing: what is being done, as in "installing uv from PyPI".
        instead: what the person can do if it fails, as in "install uv yourself".
        log: where the output goes.
        progress: where the waiting person looks.
        environment: the program's environment, by default this one's.
        directory: its working directory, by default this one's.

    Raises:
        ToolchainError: if the program can't be started or fails.
    """
    progress.update(doing, 0, "")
    log.parent.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    with log.open("w") as output:
        try:
            process = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd=directory,
            )
        except OSError as error:
            raise ToolchainError(f"{doing} failed: {command[0]} can't be started ({error}); {instead}") from error
        try:
            while True:
                try:
                    code = process.wait(progress.interval)
                    break
                except subprocess.TimeoutExpired:
                    progress.update(doing, time.monotonic() - started, last_line(log))
        except BaseException:
            process.terminate()
            process.wait()
            raise
    if code:
        raise ToolchainError(f"{doing} failed: {cause(log) or f'exit code {code}'}; {instead} (all output: {log})")
    progress.say(f"{doing}: done in {time.monotonic() - started:.1f} s")
