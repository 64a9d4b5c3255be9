"""The function that runs every five minutes, and writes its counts as metrics."""

import time
from functools import cache
from typing import Any

from breakglass.app.entrypoints import bootstrap, metrics
from breakglass.app.entrypoints.runtime import clock, log
from breakglass.app.services.context import ReconcilerContext
from breakglass.app.services.reconciler import reconcile
from breakglass.app.services.reconciler_run import Counts

_NAMES = {
    "overdue": "OverdueExplanations",
    "unmanaged": "UnrecordedAssignments",
    "stuck": "StuckRequests",
    "late": "UnrevokedGrants",
    "undenied": "UndeniedSessions",
    "unannounced": "MissingAnnouncements",
}
"""Field of `Counts` -> name of the metric."""


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Run once; the metrics are written even if parts of the run fail."""
    metrics.write(values(reconcile(_context())))
    return {}


def values(counts: Counts) -> dict[str, int]:
    """Return the metrics of a run."""
    # An unknown count is left out: a 0 would end an alarm.
    counted = {name: getattr(counts, count) for count, name in _NAMES.items() if count not in counts.unknown}
    # `ReconcilerRuns` says that the run ended, even with failures; an alarm watches it.
    return {"ReconcilerRuns": 1, "ReconcilerFailures": counts.failures, **counted}


@cache
def _context() -> ReconcilerContext:
    return ReconcilerContext(
        policy=bootstrap.load_policy(),
        clock=clock,
        log=log,
        store=bootstrap.build_store(),
        directory=bootstrap.build_directory(),
        slack=bootstrap.build_slack(),
        workflow=bootstrap.build_workflow(),
        count=metrics.count,
        pause=time.sleep,
        identity_center=bootstrap.build_identity_center(),
        session_policy=bootstrap.build_session_policy(),
    )
