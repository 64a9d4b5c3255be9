"""The rule against skipped engine tests, in its own run of pytest."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.no_skips import ENGINE_REQUIRED, pytest_make_collect_report, pytest_runtest_makereport

SKIPPING = {
    "test_by_call.py": """
import pytest

@pytest.mark.engine
def test_it():
    pytest.skip("no engine")
""",
    "test_by_marker.py": """
import pytest

@pytest.mark.local
@pytest.mark.skip(reason="no cloud")
def test_it():
    pass
""",
    "test_whole_file.py": """
import pytest

pytest.skip("no engine", allow_module_level=True)
""",
}


@pytest.mark.parametrize(
    ("required", "outcomes"),
    [("0", "3 skipped"), ("1", "1 failed, 2 errors")],
    ids=["skips where the engine is optional", "fails where it is required"],
)
def test_a_skipped_engine_test(tmp_path: Path, required: str, outcomes: str) -> None:
    for name, source in SKIPPING.items():
        (tmp_path / name).write_text(source)

    run = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-p", "tests.no_skips", "-p", "no:cacheprovider", "-c", os.devnull),
            *("-o", "markers=engine\nlocal", "--continue-on-collection-errors", "--rootdir", tmp_path, tmp_path),
        ],
        env={**os.environ, ENGINE_REQUIRED: required},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert outcomes in run.stdout


def test_the_rule_holds_for_this_run(pytestconfig: pytest.Config) -> None:
    hooks = pytestconfig.hook
    assert pytest_runtest_makereport in [each.function for each in hooks.pytest_runtest_makereport.get_hookimpls()]
    assert pytest_make_collect_report in [each.function for each in hooks.pytest_make_collect_report.get_hookimpls()]
