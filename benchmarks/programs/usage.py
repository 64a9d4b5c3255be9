"""CPU and memory of a program's own process, written to a file when it ends."""

import atexit
import json
import os
import resource
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

_FILE = "BENCHMARK_USAGE"


@dataclass(frozen=True)
class ProcessUsage:
    """CPU and memory of a process.

    Attributes:
        processor_seconds: time on a processor, user and system.
        peak_megabytes: most memory resident at a time, in 10^6 bytes.
    """

    processor_seconds: float
    peak_megabytes: float

    @classmethod
    def read(cls, file: Path) -> Self:
        """Read the file of `write_at_exit`."""
        return cls(**json.loads(file.read_text()))


def environment(file: Path) -> dict[str, str]:
    """Return the variable with the file to write."""
    return {_FILE: str(file)}


def write_at_exit() -> None:
    """Write this process's usage when it ends."""
    if _FILE in os.environ:
        atexit.register(_write, Path(os.environ[_FILE]))


def _write(file: Path) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    # Linux counts in units of 1,024 bytes.
    usage = ProcessUsage(used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e6)
    file.write_text(json.dumps(asdict(usage)))
