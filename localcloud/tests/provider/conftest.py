"""Fixtures of the stand-in provider's tests: a cloud that only they deploy to, and Pulumi engines on it."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from localcloud.cloud import LocalCloud, RunningCloud
from localcloud.engine import Engine

NewEngine = Callable[[Path], Engine]
"""Makes an engine for the program in a folder, on the worker's local cloud, with state of its own."""


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCloud]:
    """A running local cloud without a stack; each test uses names of its own."""
    with LocalCloud(tmp_path_factory.mktemp("cloud")) as running:
        yield running


@pytest.fixture(scope="session")
def aws_environment(cloud: RunningCloud) -> Iterator[None]:
    """This process's environment points at the local cloud, for tests that run the provider inside it."""
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ:
            if name.startswith("AWS_"):
                patch.delenv(name)
        for name, value in cloud.environment().items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="session")
def new_engine(cloud: RunningCloud, pulumi_cli: None, tmp_path_factory: pytest.TempPathFactory) -> NewEngine:
    """See `NewEngine`."""

    def make(project_dir: Path) -> Engine:
        return Engine(project_dir, tmp_path_factory.mktemp("pulumi"), cloud.environment())

    return make
