"""Fingerprints of the inputs of each tool, so that a warm run computes a few hashes.

Non-goals: changes inside an installed tool. After an edit, delete `.tools/`.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path


def fingerprint(inputs: Sequence[str | bytes | Path]) -> str:
    """Returns the SHA-256 of an ordered list of texts and file contents.

    Lengths go in too, so that moving a byte from one input to its neighbour gives another value.
    """
    digest = hashlib.sha256()
    for part in inputs:
        data = part.read_bytes() if isinstance(part, Path) else part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return digest.hexdigest()


def identity(executable: Path | None) -> str:
    """Returns what changes when a tool on PATH is installed, removed, moved or upgraded, without running it."""
    if executable is None:
        return "absent"
    status = executable.stat()
    return f"{executable} {status.st_size} {status.st_mtime_ns}"


class Stamps:
    """One small file per tool: the fingerprint of its inputs, and a line for the summary."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def read(self, name: str, inputs: Sequence[str | bytes | Path], outputs: Sequence[Path]) -> str | None:
        """Returns the line of a tool; None if new, or inputs changed, or an output is gone."""
        try:
            stamp = json.loads((self._directory / name).read_text())
        except (FileNotFoundError, ValueError):
            return None
        if stamp.get("fingerprint") != fingerprint(inputs) or not all(output.exists() for output in outputs):
            return None
        return str(stamp["line"])

    def write(self, name: str, inputs: Sequence[str | bytes | Path], line: str) -> None:
        """Records that a tool was made; called last, so that an interrupted making is done again."""
        self._directory.mkdir(parents=True, exist_ok=True)
        replace(
            self._directory / name,
            lambda path: path.write_text(json.dumps({"fingerprint": fingerprint(inputs), "line": line})),
        )


def replace(target: Path, make: Callable[[Path], object]) -> None:
    """Makes a file or link under a temporary name, then moves it to `target`."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    make(temporary)
    os.replace(temporary, target)


@contextmanager
def exclusive(path: Path, waiting: Callable[[], None]) -> Generator[None]:
    """Holds the lock file `path`; calls `waiting` once if another process has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
