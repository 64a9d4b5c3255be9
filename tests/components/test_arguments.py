"""The arguments of every component are documented and validated, and Pulumi's analyzer accepts them.

Not proven here: that a program in another language can use the components; the package is not published as a provider.
"""

import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, is_typeddict

import pulumi
import pytest
from pulumi.provider.experimental.component import ComponentProvider
from pydantic import BaseModel

from breakglass.components.alerts.slack_connection import SlackConnection, SlackConnectionArgs, SlackConnectionSpec
from breakglass.components.alerts.slack_destination import SlackDestination, SlackDestinationArgs, SlackDestinationSpec
from breakglass.components.alerts.usage_alert import UsageAlert, UsageAlertArgs, UsageAlertSpec
from breakglass.components.alerts.usage_monitoring import UsageMonitoring, UsageMonitoringArgs, UsageMonitoringSpec
from breakglass.components.approvals.approvals import Approvals, ApprovalsArgs, ApprovalsSpec
from breakglass.components.break_glass import BreakGlass, BreakGlassArgs, BreakGlassModel
from breakglass.components.permission_sets.permission_set_pair import (
    PermissionSetPair,
    PermissionSetPairArgs,
    PermissionSetPairSpec,
)
from tests.conftest import refusal

GOLDEN = Path(__file__).with_name("schema.golden.json")
"""What Pulumi's analyzer makes of the components: the public surface, so that a change of it is seen in review.

Write it anew with `python tests/components/test_arguments.py`.
"""

COMPONENTS: dict[type[pulumi.ComponentResource], tuple[type, type[BaseModel]]] = {
    Approvals: (ApprovalsArgs, ApprovalsSpec),
    BreakGlass: (BreakGlassArgs, BreakGlassModel),
    PermissionSetPair: (PermissionSetPairArgs, PermissionSetPairSpec),
    SlackConnection: (SlackConnectionArgs, SlackConnectionSpec),
    SlackDestination: (SlackDestinationArgs, SlackDestinationSpec),
    UsageAlert: (UsageAlertArgs, UsageAlertSpec),
    UsageMonitoring: (UsageMonitoringArgs, UsageMonitoringSpec),
}


def schema() -> dict[str, Any]:
    """The schema of the components as Pulumi's analyzer derives it."""
    return json.loads(ComponentProvider(list(COMPONENTS), "breakglass").schema or "")


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


def test_the_derived_schema_is_the_committed_one() -> None:
    remedy = "write it anew with `python tests/components/test_arguments.py`, and read the difference"
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


def test_every_component_says_what_deploying_it_needs() -> None:
    for component in COMPONENTS:
        assert "Permissions:\n" in inspect.getdoc(component), component  # pyrefly: ignore[not-iterable]


def within(annotation: Any) -> Iterator[type]:
    """Every class an annotation is made of: `NotRequired[list[PairArgs]]` -> NotRequired's PairArgs and list."""
    if isinstance(annotation, type) and not get_args(annotation):
        yield annotation
    for argument in get_args(annotation):
        yield from within(argument)


def assert_same_keys(args: type, model: type[BaseModel]) -> None:
    """Compare a TypedDict with the model that validates it, and what is nested in both."""
    keys = inspect.get_annotations(args)
    assert keys.keys() == model.model_fields.keys(), args
    required = {name for name, field in model.model_fields.items() if field.is_required()}
    assert args.__required_keys__ == required, args
    for key, annotation in keys.items():
        nested_args = [each for each in within(annotation) if is_typeddict(each)]
        nested_models = [each for each in within(model.model_fields[key].annotation) if issubclass(each, BaseModel)]
        assert len(nested_args) == len(nested_models) <= 1, f"{args}.{key}"
        for inner_args, inner_model in zip(nested_args, nested_models, strict=True):
            assert_same_keys(inner_args, inner_model)


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda component: component.__name__)
def test_arguments_and_model_have_the_same_keys(component: type[pulumi.ComponentResource]) -> None:
    assert_same_keys(*COMPONENTS[component])


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda component: component.__name__)
def test_a_component_names_its_arguments_as_the_analyzer_wants(component: type[pulumi.ComponentResource]) -> None:
    parameters = inspect.signature(component.__init__).parameters

    assert list(parameters) == ["self", "name", "args", "opts"]
    assert parameters["args"].annotation is COMPONENTS[component][0]


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda component: component.__name__)
def test_no_arguments_at_all_are_refused_with_a_report(component: type[pulumi.ComponentResource]) -> None:
    report = refusal(lambda: component("x", {}) and None)  # pyrefly: ignore[bad-argument-type]

    assert "nothing was deployed" in report


if __name__ == "__main__":
    GOLDEN.write_text(golden_text(schema()), encoding="utf-8")
