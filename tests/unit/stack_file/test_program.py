"""The Pulumi program around the components.

Not proven here: what it deploys and exports (tests/engine, tests/local).
"""

import runpy
from typing import Any

import pulumi
import pytest
import yaml
from pulumi.runtime import set_all_config

from breakglass.stack_file.secret_keys import NAMESPACE
from tests.conftest import Deployment, deploy
from tests.unit.stack_file.stack_files import STACKS

ROOT = STACKS.parent


def test_project_name_is_the_configuration_namespace() -> None:
    project: dict[str, Any] = yaml.safe_load((ROOT / "Pulumi.yaml").read_text(encoding="utf-8"))
    assert project["name"] + ":" == NAMESPACE
    assert project["stackConfigDir"] == STACKS.name
    assert project["runtime"] == {"name": "python", "options": {"toolchain": "uv"}}


def test_program_with_wrong_stack_file_registers_nothing() -> None:
    deployment = Deployment()

    def program() -> None:
        set_all_config({"breakglass:alrets": "{}"}, [])
        runpy.run_path(str(ROOT / "__main__.py"), run_name="__main__")

    with pytest.raises(pulumi.RunError, match="breakglass:alrets") as refused:
        deploy(program, into=deployment)
    assert refused.value.__suppress_context__, "Pulumi would print the inner error as well"
    assert deployment == Deployment()


def test_program_stays_short() -> None:
    assert len((ROOT / "__main__.py").read_text(encoding="utf-8").splitlines()) <= 40
