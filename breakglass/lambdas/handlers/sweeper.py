"""The function that runs every few minutes. What it counts goes into metrics by its log ("Embedded metric format").

Non-goals: rules of any kind.
"""

import json
import os
import time
from functools import cache
from typing import Any

from breakglass.lambdas.app.sweep import Counts, Sweeper, sweep
from breakglass.lambdas.handlers import parts

NAMESPACE = "Breakglass"
"""Of the metrics."""


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Do one run."""
    counts = sweep(_sweeper())
    print(json.dumps(metrics(counts, os.environ["BREAKGLASS_STACK"], int(time.time() * 1000))), flush=True)
    return {}


def metrics(counts: Counts, stack: str, at: int) -> dict[str, Any]:
    """Return the line of the log that CloudWatch makes metrics of.

    Args:
        counts: of a run.
        stack: value of the dimension `Stack`.
        at: the time in milliseconds since 1970.
    """
    values = {
        # Says that a run came to its end: an alarm waits for it.
        "SweeperRuns": 1,
        "OverdueExplanations": counts.overdue,
        "UnrecordedAssignments": counts.unrecorded,
        "StuckRequests": counts.stuck,
        "UnrevokedGrants": counts.late,
    }
    named = [{"Name": name, "Unit": "Count"} for name in values]
    directive = {"Namespace": NAMESPACE, "Dimensions": [["Stack"]], "Metrics": named}
    return {"_aws": {"Timestamp": at, "CloudWatchMetrics": [directive]}, "Stack": stack, **values}


@cache
def _sweeper() -> Sweeper:
    aws = parts.client()
    return Sweeper(**parts.records(aws), **parts.people(aws), **parts.accounts(aws))
