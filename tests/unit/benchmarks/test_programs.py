"""The bare program registers the same resources as ours; both run without an engine.

Not shown here: that it does so under the engine. The benchmark itself refuses to go on if the numbers differ.
"""

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.programs.registrations import Registration, load
from benchmarks.programs.size import Size
from localcloud.stack import ROOT

PROGRAMS = ROOT / "benchmarks" / "programs"


def recorded(program: str, folder: Path) -> dict[str, Registration]:
    size = Size(roles=2, accounts=3)
    environment = {**os.environ, **size.environment(), "BENCHMARK_REGISTRATIONS": str(folder / "components.json")}
    file = folder / f"{program}.json"
    command = [sys.executable, "-m", "benchmarks.programs.record", str(PROGRAMS / program), str(file)]
    subprocess.run(command, env=environment, cwd=ROOT, check=True, timeout=120)
    return {each.key: each for each in load(file)}


def test_the_bare_program_registers_the_same_resources(tmp_path: Path) -> None:
    components, bare = recorded("components", tmp_path), recorded("bare", tmp_path)

    # Types, names, inputs, where these come from, what is secret, and what waits for what.
    assert bare == components
    # Two roles, each with two sets in three accounts.
    assert len([each for each in components.values() if each.type.endswith(":AccountAssignment")]) == 2 * 2 * 3
