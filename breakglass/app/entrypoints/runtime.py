"""The packed policy, the log and the clock, which the receiver needs, too."""

import json
import time
from pathlib import Path
from typing import Any

POLICY_FILE = Path(__file__).parents[3] / "policy.json"
"""The compiled policy, packed beside the package."""


def log(event: str, **fields: Any) -> None:
    """Write one line of JSON to the function's log."""
    print(json.dumps({"event": event, **fields}), flush=True)


def clock() -> int:
    """Return the time in seconds since 1970."""
    return int(time.time())
