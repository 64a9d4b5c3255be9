"""Import time of the components beside `import pulumi_aws`, which every AWS program needs.

Each import runs in a fresh process with its byte code compiled. Non-goals: the first import after an installation.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.samples import Samples, ratio, run_in_turns

_SCRIPT = """
import json, sys, time
began = time.perf_counter()
{statement}
print(json.dumps([(time.perf_counter() - began) * 1000, len(sys.modules)]))
"""
_OURS, _BARE = "from breakglass import BreakGlass", "import pulumi_aws"


@dataclass(frozen=True)
class Imports:
    """Both imports.

    Attributes:
        breakglass: milliseconds for `from breakglass import BreakGlass`, which imports pulumi_aws.
        pulumi_aws: milliseconds for `import pulumi_aws` alone, in turns with the other.
        breakglass_modules: modules that are loaded afterwards.
        pulumi_aws_modules: the same for pulumi_aws.
    """

    breakglass: Samples
    pulumi_aws: Samples
    breakglass_modules: int
    pulumi_aws_modules: int

    @property
    def ratio(self) -> float:
        """Ratio of our import to the other."""
        return ratio(self.breakglass, self.pulumi_aws)


def measure(repeat: int) -> Imports:
    """Measure each import `repeat` times."""
    for statement in (_OURS, _BARE):  # compiles, and reads the files into memory
        _import(statement)
    ours, bare = run_in_turns(repeat, lambda: _import(_OURS), lambda: _import(_BARE))
    return Imports(_times(ours), _times(bare), ours[0][1], bare[0][1])


def _import(statement: str) -> tuple[float, int]:
    command = [sys.executable, "-c", _SCRIPT.format(statement=statement)]
    milliseconds, modules = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return milliseconds, modules


def _times(runs: Sequence[tuple[float, int]]) -> Samples:
    return Samples([milliseconds for milliseconds, _ in runs])
