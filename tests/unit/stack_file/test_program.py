"""The Pulumi program around the components.

Not proven here: what it deploys and exports (tests/engine, tests/local).
"""

import json
import runpy
from typing import Any
from unittest.mock import patch

import pulumi
import pytest
import yaml
from pulumi.runtime import set_all_config

from breakglass.cli.stack_outputs import (
    GLOBAL_EVENTS_STACK_OUTPUT,
    HUB_BUS_OUTPUT,
    INDEPENDENT_DOOR_OUTPUT,
    ORGANIZATION_OUTPUT,
    RULE_NAMES_OUTPUT,
    SPOKE_OUTPUT,
)
from breakglass.stack_file.secret_keys import NAMESPACE
from tests.conftest import Deployment, deploy
from tests.unit.stack_file.stack_files import STACKS

ROOT = STACKS.parent

DOOR_ROLE = "arn:aws:iam::222222222222:role/emergency-operator"
DOOR_USER = "arn:aws:iam::222222222222:user/ada"


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


ALERTS = {
    "region": "eu-central-1",
    "slack": {"channel": "C0123456789", "botTokenSecretName": "token"},
    "monitoring": {"emails": ["oncall@example.com"]},
}


def exported_by(alerts: dict[str, Any]) -> dict[str, Any]:
    """Return the outputs of a program whose stack file has nothing but a section `alerts`."""
    exported: dict[str, Any] = {}

    def program() -> None:
        set_all_config({"breakglass:alerts": json.dumps(alerts)}, [])
        with patch("pulumi.export", exported.__setitem__):
            runpy.run_path(str(ROOT / "__main__.py"), run_name="__main__")

    deploy(program)
    return exported


def test_program_exports_what_the_doctor_needs_of_the_file() -> None:
    door = {"roles": [DOOR_ROLE], "users": [DOOR_USER], "rehearseEvery": "P30D"}
    exported = exported_by({**ALERTS, "watch": {"independentDoor": door}, "globalEventsStack": "prod-us-east-1"})

    assert exported[INDEPENDENT_DOOR_OUTPUT] == {
        "roles": [DOOR_ROLE],
        "users": [DOOR_USER],
        "rehearseSeconds": 30 * 86_400,
    }
    assert exported[GLOBAL_EVENTS_STACK_OUTPUT] == "prod-us-east-1"
    assert RULE_NAMES_OUTPUT in exported
    assert {HUB_BUS_OUTPUT, ORGANIZATION_OUTPUT, SPOKE_OUTPUT}.isdisjoint(exported)


def test_program_of_a_hub_exports_its_organization() -> None:
    spokes = {"units": ["r-ab12"], "exclude": ["333333333333"], "regions": ["eu-central-1", "us-east-1"]}
    exported = exported_by({**ALERTS, "organization": {"id": "o-exampleorgid", "spokes": spokes}})

    assert exported[ORGANIZATION_OUTPUT] == {"id": "o-exampleorgid", **spokes, "callAs": "self", "rollCall": True}
    assert HUB_BUS_OUTPUT in exported


def test_program_of_a_spoke_exports_its_hub() -> None:
    hub = "arn:aws:events:eu-central-1:444444444444:event-bus/breakglass-prod-hub"
    exported = exported_by({"region": "eu-central-1", "forwardTo": hub})

    assert exported[SPOKE_OUTPUT] == {"regions": ["eu-central-1"], "forwardTo": hub}
    assert {HUB_BUS_OUTPUT, ORGANIZATION_OUTPUT}.isdisjoint(exported)


def test_program_stays_short() -> None:
    assert len((ROOT / "__main__.py").read_text(encoding="utf-8").splitlines()) <= 40
