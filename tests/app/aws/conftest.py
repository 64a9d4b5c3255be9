"""Fixtures of the tests of `breakglass.app.aws`: a scripted server, and a local cloud for each worker."""

from collections.abc import Iterator

import pytest

from localcloud.cloud import LocalCloud, RunningCloud
from tests.app.aws.scripted_server import ScriptedServer


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """A server in this process, with an empty script."""
    with ScriptedServer() as running:
        yield running


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCloud]:
    """An empty local cloud; tests use different names."""
    with LocalCloud(tmp_path_factory.mktemp("cloud")) as running:
        yield running
