"""The cost of approvals: functions, a click, many clicks, a run of the reconciler.

Non-goals: the workflow, which waits for users nearly all of its time.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import bursts, clicks, functions, reconciler_runs, scale
from benchmarks.bursts import Burst
from benchmarks.clicks import Clicks
from benchmarks.functions import Import, Package
from benchmarks.reconciler_runs import ReconcilerRuns
from benchmarks.scale import ReconcilerRun
from breakglass.app.domain.policy import to_json
from breakglass.components.approvals.lambda_package import build
from breakglass.naming import AppFunction
from localcloud.cloud import LocalCloudError, RunningCloud
from localcloud.request_url import find_request_url
from localcloud.stack import deploy
from tests.app.domain.policies import policy


@dataclass(frozen=True)
class ApprovalFigures:
    """Everything that was measured.

    Attributes:
        package: the zip.
        imports: of the handlers, and of what they do without.
        clicks: cold and warm.
        bursts: many at once.
        processor_seconds: CPU time of one click.
        reconciler_runs: of the reconciler.
        scale: runs of the reconciler in a large organization.
    """

    package: Package
    imports: Sequence[Import]
    clicks: Sequence[Clicks]
    bursts: Sequence[Burst]
    processor_seconds: float
    reconciler_runs: Sequence[ReconcilerRuns]
    scale: Sequence[ReconcilerRun]


def measure(cloud: RunningCloud, workdir: Path, *, quick: bool, progress: Callable[[str], None]) -> ApprovalFigures:
    """Measures.

    Raises:
        LocalCloudError: the deployed app does not answer.
    """
    progress("importing the functions")
    package, imports = functions.measure(build(to_json(policy())), workdir / "package", 5 if quick else 15)
    many = bursts.measure(workdir / "burst", 3, progress)
    swept = reconciler_runs.measure(None if quick else cloud, 3 if quick else 7, progress)
    progress("deploying stack local")
    deploy(cloud, workdir)
    url = find_request_url(cloud)
    if url is None:
        raise LocalCloudError("Stack `local` has no approvals, so no app answers a click.")
    names = _functions(cloud)
    clicked = clicks.measure(cloud, url, names, *((3, 5) if quick else (7, 15)), progress)
    return ApprovalFigures(package, imports, clicked, many, clicks.processor_seconds(), swept, scale.measure())


def _functions(cloud: RunningCloud) -> Sequence[str]:
    """Returns the names of the functions that a click starts."""
    handlers = {
        f"breakglass.app.entrypoints.{app_function.name}.handler"
        for app_function in (AppFunction.receiver, AppFunction.interactions)
    }
    functions = cloud.client("lambda").list_functions()["Functions"]
    return [each["FunctionName"] for each in functions if each["Handler"] in handlers]
