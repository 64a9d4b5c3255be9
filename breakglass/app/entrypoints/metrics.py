"""CloudWatch metrics that a function writes into its log, in the embedded metric format."""

import json
import time
from collections.abc import Mapping
from typing import Any

NAMESPACE = "Breakglass"
"""Namespace of all metrics."""


def write(values: Mapping[str, int], stack: str) -> None:
    """Write a line of metrics."""
    print(json.dumps(line(values, stack, int(time.time() * 1000))), flush=True)


def line(values: Mapping[str, int], stack: str, at: int) -> dict[str, Any]:
    """Return a line of metrics, JSON-ready.

    Args:
        values: values by metric name.
        stack: value of the dimension `Stack`.
        at: the time in milliseconds since 1970.
    """
    named = [{"Name": name, "Unit": "Count"} for name in values]
    directive = {"Namespace": NAMESPACE, "Dimensions": [["Stack"]], "Metrics": named}
    return {"_aws": {"Timestamp": at, "CloudWatchMetrics": [directive]}, "Stack": stack, **values}
