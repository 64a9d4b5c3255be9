"""What the engine tests share: a local cloud for each worker, and engines in directories of their own.

Where there is no Pulumi CLI they skip, and say so; with BREAKGLASS_REQUIRE_ENGINE=1 that is a failure
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
"""Makes an engine for the program in a folder, on the worker's local cloud, with state of its own."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the tests of this folder, and skips them where there is no engine."""
    found = shutil.which("pulumi", path=environment()["PATH"]) is not None
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.engine)
            if not found:
                item.add_marker(pytest.mark.skip("no Pulumi CLI in .tools/bin or on PATH; `make test` brings one"))


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCloud]:
    """A running local cloud. Tests keep apart by the names of what they make."""
    with LocalCloud(tmp_path_factory.mktemp("cloud")) as running:
        yield running


@pytest.fixture(scope="session")
def new_engine(cloud: RunningCloud, tmp_path_factory: pytest.TempPathFactory) -> NewEngine:
    """See `NewEngine`."""

    def make(project_dir: Path) -> Engine:
        return Engine(project_dir, tmp_path_factory.mktemp("pulumi"), cloud.environment())

    return make
