"""Which tests run in one worker: those of one file, and those of the files that share a deployment.

Non-goals: how many workers there are (Makefile).
"""

from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

_SHARE_THE_APPROVALS = {"tests/local/test_approvals.py", "tests/local/test_approvals_in_trouble.py"}


class _Scheduling(LoadFileScheduling):
    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return "approvals" if file in _SHARE_THE_APPROVALS else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> _Scheduling:
    """Called by pytest-xdist."""
    return _Scheduling(config, log)
