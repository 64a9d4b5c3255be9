"""The arguments of every component are documented and validated, and Pulumi's analyzer accepts them.

Not proven here: that a program in another language can use the components; the package is not published as a provider.
"""

import inspect
import json
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.provider.experimental.component import ComponentProvider

import breakglass
from docs.generate_arguments import COMPONENTS as MODELS
from docs.generate_arguments import FILE, arguments_text
from tests.conftest import refusal

GOLDEN = Path(__file__).with_name("schema.golden.json")
"""The schema that Pulumi's analyzer derives from the components: a review sees each change of the public surface.

Regenerate it with `python tests/components/test_arguments.py`.
"""

COMPONENTS: list[type[pulumi.ComponentResource]] = [getattr(breakglass, name) for name in MODELS]


def schema() -> dict[str, Any]:
    """The schema of the components as Pulumi's analyzer derives it."""
    return json.loads(ComponentProvider(COMPONENTS, "breakglass").schema or "")


def golden_text(derived: Any) -> str:
    """The schema as it is committed; from 3.13 on, Python itself takes the indentation off docstrings."""
    return json.dumps(_dedented(derived), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _dedented(value: Any) -> Any:
    match value:
        case dict():
            return {key: _dedented(each) for key, each in value.items()}
        case list():
            return [_dedented(each) for each in value]
        case str():
            return inspect.cleandoc(value)
        case _:
            return value


def test_derived_schema_is_the_committed_one() -> None:
    remedy = "regenerate it with `python tests/components/test_arguments.py`, and read the difference"
    assert golden_text(schema()) == GOLDEN.read_text(encoding="utf-8"), remedy


def test_every_input_output_and_type_is_described() -> None:
    derived = schema()
    described = {**derived["resources"], **derived["types"]}

    assert len(derived["resources"]) == len(COMPONENTS)
    for name, entry in described.items():
        assert entry["description"], name
        members = {**entry.get("inputProperties", {}), **entry.get("properties", {})}
        for key, member in members.items():
            assert member.get("description"), f"{name}.{key}"
        for value in entry.get("enum", []):
            assert value.get("description"), f"{name}.{value['name']}"


def test_every_component_lists_deploy_permissions() -> None:
    for component in COMPONENTS:
        assert "Permissions:\n" in inspect.getdoc(component), component  # pyrefly: ignore[not-iterable]


def test_committed_arguments_equal_those_of_the_models() -> None:
    assert arguments_text() == FILE.read_text(encoding="utf-8"), "run `make docs`"


def test_every_public_component_has_a_model() -> None:
    public = [getattr(breakglass, name) for name in breakglass.__all__]
    assert {each for each in public if inspect.isclass(each) and issubclass(each, pulumi.ComponentResource)} == {
        *COMPONENTS
    }


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda component: component.__name__)
def test_constructor_has_the_parameters_that_the_analyzer_needs(component: type[pulumi.ComponentResource]) -> None:
    parameters = inspect.signature(component.__init__).parameters

    assert list(parameters) == ["self", "name", "args", "opts"]
    assert parameters["args"].annotation is getattr(breakglass, f"{component.__name__}Args")


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda component: component.__name__)
def test_empty_arguments_are_refused_with_a_report(component: type[pulumi.ComponentResource]) -> None:
    report = refusal(lambda: component("x", {}) and None)  # pyrefly: ignore[bad-argument-type]

    assert "in the configuration:" in report


if __name__ == "__main__":
    GOLDEN.write_text(golden_text(schema()), encoding="utf-8")
