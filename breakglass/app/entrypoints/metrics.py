"""Metrics of CloudWatch that a function writes into its log ("Embedded metric format").

Non-goals: what is counted.
"""

import json
import time
from collections.abc import Mapping
from typing import Any

NAMESPACE = "Breakglass"
"""Of all metrics."""


def write(values: Mapping[str, int], stack: str) -> None:
    """Write the line of the log that CloudWatch makes metrics of."""
    print(json.dumps(line(values, stack, int(time.time() * 1000))), flush=True)


def line(values: Mapping[str, int], stack: str, at: int) -> dict[str, Any]:
    """Return such a line, JSON-ready.

    Args:
        values: by the name of the metric.
        stack: value of the dimension `Stack`.
        at: the time in milliseconds since 1970.
    """
    named = [{"Name": name, "Unit": "Count"} for name in values]
    directive = {"Namespace": NAMESPACE, "Dimensions": [["Stack"]], "Metrics": named}
    return {"_aws": {"Timestamp": at, "CloudWatchMetrics": [directive]}, "Stack": stack, **values}
