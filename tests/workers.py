"""Which tests run in one worker, and which begin first.

Those of one file run in one worker, and so do those of the files that share a deployment. The files are taken in the
order of their names: tests that deploy (`engine`, `local`) go before `unit`, whose many short files fill the rest. By
their number of tests, as pytest-xdist orders them, the few tests that deploy for a minute would come last, and one
worker would wait for the other. The approvals, which take longest of all, go first.

A worker holds so many objects (the SDKs, the collected tests) that Python's collector of cycles takes a fifth of its
time. It leaves those objects out here, and runs rarely.

A plugin for pytest, which pyproject.toml names.

Non-goals: how many workers there are (Makefile).
"""

import gc
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

_SHARE_THE_APPROVALS = {
    "tests/local/test_approvals.py",
    "tests/local/test_approvals_in_trouble.py",
    "tests/local/test_doctor.py",
    "tests/local/test_tampering.py",
}


class _Scheduling(LoadFileScheduling):
    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return "approvals" if file in _SHARE_THE_APPROVALS else file


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Called by pytest."""
    items.sort(key=lambda item: item.nodeid.partition("::")[0] not in _SHARE_THE_APPROVALS)


def pytest_collection_finish() -> None:
    """Called by pytest, in each worker."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000, 50, 100)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> _Scheduling:
    """Called by pytest-xdist."""
    config.option.loadscopereorder = False
    return _Scheduling(config, log)
