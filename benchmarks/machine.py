"""The machine of a measurement, and its date."""

import os
import platform
from datetime import UTC, datetime
from pathlib import Path

_CPU_INFO = Path("/proc/cpuinfo")


def description() -> str:
    """Return one line: date, processor, memory, system, and the load at this moment."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC; {os.cpu_count()} cores {_processor()}, {memory:.0f} GB; "
        f"{platform.system()} {platform.machine()}, Python {platform.python_version()}; "
        f"load average at the start {os.getloadavg()[0]:.1f}"
    )


def _processor() -> str:
    if _CPU_INFO.exists():
        for line in _CPU_INFO.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()
