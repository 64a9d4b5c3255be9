"""Engine and local tests must not skip where the engine is required, as in CI.

A plugin for pytest, which pyproject.toml names.
"""

import os
from collections.abc import Generator

import pytest

ENGINE_REQUIRED = "BREAKGLASS_REQUIRE_ENGINE"
"""Set to 1, this variable turns every skip of an engine or local test into a failure."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a skipped engine or local test where the engine is required."""
    report = yield
    needs_engine = any(item.get_closest_marker(name) for name in ("engine", "local"))
    if report.skipped and needs_engine and os.environ.get(ENGINE_REQUIRED) == "1":
        report.outcome = "failed"
        report.longrepr = f"skipped although {ENGINE_REQUIRED}=1 forbids it: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Fail a file that skips itself as a whole: its tests would never reach the rule above."""
    report = yield
    if report.skipped and os.environ.get(ENGINE_REQUIRED) == "1":
        report.outcome = "failed"
        report.longrepr = f"skipped although {ENGINE_REQUIRED}=1 forbids it: {report.longrepr}"
    return report
