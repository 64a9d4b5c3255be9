"""Fixtures of the local cloud's tests: one cloud for each worker, and a copy of the project.

A test that breaks a part of the cloud starts its own.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcloud.cloud import LocalCloud, RunningCloud
from localcloud.toolchain import ROOT, environment


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCloud]:
    """A running local cloud without a stack; each test uses names of its own."""
    with LocalCloud(tmp_path_factory.mktemp("cloud"), pause=0.01) as running:
        yield running


@pytest.fixture(scope="session")
def pulumi_cli() -> None:
    """Skips where there is no Pulumi CLI; with BREAKGLASS_REQUIRE_ENGINE=1 that is a failure (tests/no_skips.py)."""
    if shutil.which("pulumi", path=environment()["PATH"]) is None:
        pytest.skip("no Pulumi CLI in .tools/bin or on PATH; `make test` brings one")


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project, so that commands neither read nor write its `build/`."""
    folder = tmp_path_factory.mktemp("clone")
    for name in ("breakglass", "localcloud", "stacks"):
        shutil.copytree(ROOT / name, folder / name)
    for name in ("Pulumi.yaml", "__main__.py", "pyproject.toml", "uv.lock"):
        shutil.copyfile(ROOT / name, folder / name)
    for name in (".tools", ".venv"):
        (folder / name).symlink_to(ROOT / name)
    return folder
