"""CloudWatch metrics that a function writes into its log, in the embedded metric format."""

import json
import os
import time
from collections.abc import Mapping
from typing import Any

NAMESPACE = "Breakglass"
"""Namespace of all metrics."""


def count(name: str) -> None:
    """Add one to a metric of this function's stack."""
    write({name: 1})


def write(values: Mapping[str, int]) -> None:
    """Write a line of metrics of this function's stack."""
    print(json.dumps(line(values, os.environ["BREAKGLASS_STACK"], int(time.time() * 1000))), flush=True)


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
