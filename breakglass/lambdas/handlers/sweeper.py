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
    """Do one run; it writes its metrics whatever failed in it."""
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
    found = {
        "overdue": "OverdueExplanations",
        "unrecorded": "UnrecordedAssignments",
        "stuck": "StuckRequests",
        "late": "UnrevokedGrants",
    }
    values = {
        # Says that a run came to its end, whatever failed in it: an alarm waits for it.
        "SweeperRuns": 1,
        "SweeperFailures": counts.failures,
        # What could not be counted is left out: a 0 would end an alarm.
        **{name: getattr(counts, count) for count, name in found.items() if count not in counts.unknown},
    }
    named = [{"Name": name, "Unit": "Count"} for name in values]
    directive = {"Namespace": NAMESPACE, "Dimensions": [["Stack"]], "Metrics": named}
    return {"_aws": {"Timestamp": at, "CloudWatchMetrics": [directive]}, "Stack": stack, **values}


@cache
def _sweeper() -> Sweeper:
    aws = parts.client()
    return Sweeper(**parts.records(aws), **parts.people(aws), **parts.accounts(aws))
