"""One local cloud for all tests of a worker; a test that breaks a part of it starts its own."""

from collections.abc import Iterator

import pytest

from localcloud.cloud import LocalCloud, RunningCloud


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCloud]:
    """A running local cloud in which nothing is deployed. Tests keep apart by the names of what they make."""
    with LocalCloud(tmp_path_factory.mktemp("cloud")) as running:
        yield running
