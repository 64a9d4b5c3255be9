"""Fixtures of the product's tests on the local cloud: a cloud for each worker, and one with approvals.

A test that breaks a part of the cloud starts its own.
"""

import shutil
from collections.abc import Iterator

import pytest

from localcloud.cloud import LocalCloud, RunningCloud
from localcloud.toolchain import environment
from tests.local.approvals_harness import ApprovalsHarness, deploy_harness


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCloud]:
    """A running local cloud without a stack; each test uses names of its own."""
    with LocalCloud(tmp_path_factory.mktemp("cloud")) as running:
        yield running


@pytest.fixture(scope="session")
def pulumi_cli() -> None:
    """Skips where there is no Pulumi CLI; with BREAKGLASS_REQUIRE_ENGINE=1 that is a failure (tests/no_skips.py)."""
    if shutil.which("pulumi", path=environment()["PATH"]) is None:
        pytest.skip("no Pulumi CLI in .tools/bin or on PATH; `make test` brings one")


@pytest.fixture(scope="session")
def approvals(tmp_path_factory: pytest.TempPathFactory, pulumi_cli: None) -> Iterator[ApprovalsHarness]:
    """Stack `local` with approvals on its own cloud; each test uses its own requester and role."""
    with deploy_harness(tmp_path_factory.mktemp("approvals")) as harness:
        yield harness
