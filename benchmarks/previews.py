"""A first `pulumi preview` of our components, and of a bare program with the same AWS resources.

Both run under the real engine with the stand-in for the AWS provider, which makes no AWS call in a preview. The time of
the whole preview holds the start of the CLI, the engine and the stand-in; processor time and memory are those of the
program's own process, so they show the difference undiluted.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.programs import usage
from benchmarks.programs.registrations import load
from benchmarks.programs.size import Size
from benchmarks.programs.usage import ProcessUsage
from benchmarks.samples import Samples, ratio, run_in_turns
from localcloud.cloud import RunningCloud
from localcloud.engine import Engine
from localcloud.stack import ROOT

SIZES = tuple(Size(roles, accounts) for roles in (1, 10, 50) for accounts in (1, 10, 40))

_PROGRAMS = ROOT / "benchmarks" / "programs"
_COMPONENTS, _BARE = _PROGRAMS / "components", _PROGRAMS / "bare"


@dataclass(frozen=True)
class Preview:
    """One preview.

    Attributes:
        seconds: wall time, start of the CLI included.
        resources: number of created resources, including the stack and components.
        usage: CPU and memory of the program's process.
    """

    seconds: float
    resources: int
    usage: ProcessUsage

    def __str__(self) -> str:
        used = self.usage
        return f"{self.seconds:.1f} s, {used.processor_seconds:.1f} s processor, {used.peak_megabytes:.0f} MB"


@dataclass(frozen=True)
class Cell:
    """Both programs at one size.

    Attributes:
        size: size of the deployment.
        resources: number of AWS resources, the same in both.
        components: previews of our program.
        bare: previews of the bare one, in turns with ours.
    """

    size: Size
    resources: int
    components: Sequence[Preview]
    bare: Sequence[Preview]

    def compared(self, measure: Callable[[Preview], float]) -> tuple[Samples, Samples, float]:
        """One measure of our program, of the bare one, and their ratio."""
        ours = Samples([measure(preview) for preview in self.components])
        bare = Samples([measure(preview) for preview in self.bare])
        return ours, bare, ratio(ours, bare)


def measure(
    cloud: RunningCloud, workdir: Path, sizes: Sequence[Size], repeat: int, progress: Callable[[str], None]
) -> Iterator[Cell]:
    """Preview both programs at each size.

    Args:
        cloud: the local cloud of the provider.
        workdir: for state and recordings.
        sizes: the cells.
        repeat: previews of each program in a cell of up to 1,000 resources; larger ones get fewer.
        progress: called with each figure.
    """
    workdir.mkdir(parents=True, exist_ok=True)
    _record(sizes[0], workdir)
    for program in (_COMPONENTS, _BARE):
        preview(program, sizes[0], cloud, workdir)  # compiles byte code
    for size in sizes:
        resources = _record(size, workdir)

        def run(program: Path, size: Size = size) -> Preview:
            previewed = preview(program, size, cloud, workdir)
            progress(f"{size} {program.name}: {previewed}")
            return previewed

        turns = repeat if resources <= 1000 else max(1, round(repeat * 1000 / resources))
        ours, bare = run_in_turns(turns, partial(run, _COMPONENTS), partial(run, _BARE))
        # The stack itself is a resource, too.
        if any(each.resources != resources + 1 for each in bare):
            raise AssertionError(f"the bare program did not register our {resources} resources")
        yield Cell(size, resources, ours, bare)


def preview(
    program: Path, size: Size, cloud: RunningCloud, workdir: Path, more: Mapping[str, str] | None = None
) -> Preview:
    """Preview a program that has no state yet.

    Args:
        program: folder of a program that writes its `ProcessUsage`.
        size: size of the deployment.
        cloud: the local cloud of the provider.
        workdir: for the state.
        more: further environment variables of the program.
    """
    used = workdir / "usage.json"
    environment = {
        **cloud.environment(),
        **size.environment(),
        **usage.environment(used),
        "BENCHMARK_REGISTRATIONS": str(_recording(size, workdir)),
        "PYTHONPATH": str(ROOT),
        **(more or {}),
    }
    result = Engine(program, workdir / program.name, environment).preview()
    return Preview(result.duration, sum(result.summary.values()), ProcessUsage.read(used))


def _record(size: Size, workdir: Path) -> int:
    """Record our program's resources in a new process, since the SDK keeps its settings; return their number."""
    recording = _recording(size, workdir)
    subprocess.run(
        [sys.executable, "-m", "benchmarks.programs.record", str(_COMPONENTS), str(recording)],
        env={**os.environ, **size.environment()},
        cwd=ROOT,
        check=True,
    )
    return len(load(recording))


def _recording(size: Size, workdir: Path) -> Path:
    return workdir / f"{size.roles}x{size.accounts}.json"
