"""The workspace of each test."""

import pytest

from tests.app.services.fake_workspace import FakeWorkspace


@pytest.fixture
def workspace() -> FakeWorkspace:
    return FakeWorkspace()
