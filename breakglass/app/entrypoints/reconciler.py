"""The function that runs every few minutes. What it counts becomes metrics.

Non-goals: rules of any kind.
"""

import os
from functools import cache
from typing import Any

from breakglass.app.entrypoints import bootstrap, metrics
from breakglass.app.services.context import ReconcilerContext
from breakglass.app.services.reconciler import Counts, reconcile

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
    """Do one run; it writes its metrics whatever failed in it."""
    metrics.write(values(reconcile(_context())), os.environ["BREAKGLASS_STACK"])
    return {}


def values(counts: Counts) -> dict[str, int]:
    """Return the metrics of a run."""
    # What could not be counted is left out: a 0 would end an alarm.
    counted = {name: getattr(counts, count) for count, name in _NAMES.items() if count not in counts.unknown}
    # An alarm waits for `ReconcilerRuns`: the run came to its end, whatever failed in it.
    return {"ReconcilerRuns": 1, "ReconcilerFailures": counts.failures, **counted}


@cache
def _context() -> ReconcilerContext:
    aws = bootstrap.client()
    return ReconcilerContext(**bootstrap.records(aws), **bootstrap.people(aws), **bootstrap.accounts(aws))
