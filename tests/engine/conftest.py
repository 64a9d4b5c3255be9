"""The engine tests share a local cloud for each worker; each engine has its own directory.

Without a Pulumi CLI they are skipped with a reason; with BREAKGLASS_REQUIRE_ENGINE=1 that is a failure
(tests/no_skips.py).
"""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from localcloud.cloud import LocalCloud, RunningCloud
from localcloud.engine import Engine
from localcloud.toolchain import environment

HERE = Path(__file__).parent

NewEngine = Callable[[Path], Engine]
"""Creates an engine with new state for the program in a folder, on the worker's local cloud."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of this folder; skip them without an engine."""
    found = shutil.which("pulumi", path=environment()["PATH"]) is not None
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.engine)
            if not found:
                item.add_marker(pytest.mark.skip("no Pulumi CLI in .tools/bin or on PATH; `make test` brings one"))


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCloud]:
    """A running local cloud. Each test uses its own resource names."""
    with LocalCloud(tmp_path_factory.mktemp("cloud")) as running:
        yield running


@pytest.fixture(scope="session")
def new_engine(cloud: RunningCloud, tmp_path_factory: pytest.TempPathFactory) -> NewEngine:
    """See `NewEngine`."""

    def make(project_dir: Path) -> Engine:
        return Engine(project_dir, tmp_path_factory.mktemp("pulumi"), cloud.environment())

    return make
