"""Duration of `make demo`, with everything installed (warm) and in a fresh clone (cold).

A fresh clone is one without `.tools`, `.venv` and `build`, whose home directory is empty, so that no cache of uv, npm
or Go counts. Tools installed on the machine are used, as always.

Non-goals: the demo's output (a failed demo fails the measurement).
"""

import os
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from benchmarks.samples import Samples
from localcloud.stack import BUILD, ROOT


class DemoError(Exception):
    """`make demo` failed; the message ends with its output."""


def warm(repeat: int) -> Samples:
    """Seconds of `make demo` in this clone, `repeat` times after a first one that compiles byte code.

    Raises:
        DemoError: it failed.
    """
    _demo(ROOT, os.environ)
    return Samples([_demo(ROOT, os.environ) for _ in range(repeat)])


def cold() -> Samples:
    """Seconds of the first `make demo` in a fresh clone of what is committed here, once.

    Raises:
        DemoError: it failed.
    """
    BUILD.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="cold-", dir=BUILD) as folder:
        clone, home = Path(folder) / "clone", Path(folder) / "home"
        home.mkdir()
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        ours = (str(ROOT / ".tools"), str(ROOT / ".venv"))
        path = [part for part in os.environ["PATH"].split(os.pathsep) if not part.startswith(ours)]
        kept = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV" and "CACHE" not in name}
        return Samples([_demo(clone, {**kept, "HOME": str(home), "PATH": os.pathsep.join(path)})])


def _demo(clone: Path, environment: Mapping[str, str]) -> float:
    began = time.monotonic()
    result = subprocess.run(
        ["make", "demo"], cwd=clone, env=dict(environment), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if result.returncode != 0:
        raise DemoError(f"`make demo` in {clone} failed:\n{result.stdout[-3000:]}")
    return time.monotonic() - began
