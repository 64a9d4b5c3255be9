"""The declarations of the stand-in against the Python SDK of pulumi-aws, which is generated from the real provider.

Not shown here: that a change of an input replaces or updates as in the real provider, for which the SDK has no data.
"""

import ast
import importlib
import inspect
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pulumi
import pytest

from localcloud.provider.registry import FUNCTIONS, RESOURCE_TYPES
from localcloud.provider.resource import Property, ProviderFunction, ResourceType
from localcloud.toolchain import ROOT


def camel(name: str) -> str:
    head, *tail = name.rstrip("_").split("_")
    return head + "".join(part.capitalize() for part in tail)


def sdk_module(token: str) -> ModuleType:
    module = token.split(":")[1].split("/")[0]
    named = {"index": "pulumi_aws", "lambda": "pulumi_aws.lambda_"}
    return importlib.import_module(named.get(module, f"pulumi_aws.{module}"))


def parameters(callable_: Any) -> dict[str, inspect.Parameter]:
    found = inspect.signature(callable_).parameters
    return {camel(name): parameter for name, parameter in found.items() if not name.startswith("__")}


@pytest.mark.parametrize("resource", RESOURCE_TYPES.values(), ids=lambda resource: resource.tok)
def test_every_input_and_output_is_one_of_pulumi_aws(resource: ResourceType) -> None:
    module, name = sdk_module(resource.tok), resource.tok.split(":")[-1]
    known = parameters(getattr(module, f"{name}Args").__init__)
    outputs = {camel(output) for output in dir(getattr(module, name))}
    assert resource.inputs.keys() <= known.keys()
    assert set(resource.computed) <= outputs - resource.inputs.keys()


@pytest.mark.parametrize("resource", RESOURCE_TYPES.values(), ids=lambda resource: resource.tok)
def test_what_pulumi_aws_requires_is_required(resource: ResourceType) -> None:
    module, name = sdk_module(resource.tok), resource.tok.split(":")[-1]
    known = parameters(getattr(module, f"{name}Args").__init__)
    demanded = {name for name, parameter in known.items() if parameter.default is inspect.Parameter.empty}
    assert demanded <= {name for name, declared in resource.inputs.items() if declared.required}


@pytest.mark.parametrize("resource", RESOURCE_TYPES.values(), ids=lambda resource: resource.tok)
def test_nested_inputs_are_those_of_pulumi_aws(resource: ResourceType) -> None:
    module, name = sdk_module(resource.tok), resource.tok.split(":")[-1]
    for prop, declared in resource.properties.items():
        assert_nested(module, f"{name}{prop[0].upper()}{prop[1:]}", declared)


def assert_nested(module: ModuleType, type_name: str, declared: Property) -> None:
    nested = declared.fields or declared.items
    if nested is None:
        return
    singular = {
        "MetricAlarmMetricQueries": "MetricAlarmMetricQuery",
        "TableAttributes": "TableAttribute",
        "TableGlobalSecondaryIndexes": "TableGlobalSecondaryIndex",
        "TableGlobalSecondaryIndexKeySchemas": "TableGlobalSecondaryIndexKeySchema",
    }
    args = getattr(module, f"{singular.get(type_name, type_name)}Args")
    known = parameters(args.__init__)
    assert nested.keys() <= known.keys()
    demanded = {name for name, parameter in known.items() if parameter.default is inspect.Parameter.empty}
    assert demanded <= {name for name, inner in nested.items() if inner.required}
    for name, inner in nested.items():
        assert_nested(module, f"{singular.get(type_name, type_name)}{name[0].upper()}{name[1:]}", inner)


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=lambda function: function.tok)
def test_every_argument_is_one_of_pulumi_aws(function: ProviderFunction) -> None:
    name = function.tok.split(":")[-1]
    snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
    known = parameters(getattr(sdk_module(function.tok), snake))
    assert function.arguments.keys() <= known.keys()


PROGRAMS = ("breakglass", "localcloud/tests/provider/program", "tests/engine", "benchmarks", "examples")
"""Everything that the stand-in serves."""


def nodes() -> Iterator[ast.AST]:
    for folder in PROGRAMS:
        for file in (ROOT / folder).rglob("*.py"):
            yield from ast.walk(ast.parse(file.read_text()))


def used_names() -> Iterator[tuple[str, str]]:
    """Yield every `aws.module.name` and `aws.name` of the programs."""
    for node in nodes():
        match node:
            case ast.Attribute(ast.Attribute(ast.Name("aws"), module), name):
                yield module, name
            case ast.Attribute(ast.Name("aws"), name):
                yield "", name


def resource_type(module: str, name: str) -> str | None:
    """Return the token of a resource class of pulumi_aws; None for anything else."""
    value = getattr(importlib.import_module(f"pulumi_aws.{module}" if module else "pulumi_aws"), name, None)
    is_resource = inspect.isclass(value) and issubclass(value, pulumi.CustomResource)
    return str(getattr(value, "pulumi_type")) if is_resource else None  # noqa: B009 - set by a decorator


def test_registry_holds_exactly_what_programs_use() -> None:
    """The stand-in is frozen: it grows with the product, and what the product drops goes here, too."""
    functions = {(module, camel(name.removesuffix("_output"))) for module, name in used_names() if name[:4] == "get_"}
    assert {token for used in used_names() if (token := resource_type(*used))} == RESOURCE_TYPES.keys()
    assert {f"aws:{module or 'index'}/{name}:{name}" for module, name in functions} == FUNCTIONS.keys()


def test_resource_types_have_only_inputs_that_programs_set() -> None:
    used: dict[str, set[str]] = {}
    for node in nodes():
        match node:
            case ast.Call(ast.Attribute(ast.Attribute(ast.Name("aws"), module), name), keywords=keywords):
                if token := resource_type(module, name):
                    used.setdefault(token, set()).update(camel(each.arg) if each.arg else "**" for each in keywords)
    # Alarms take their metric by `**`; the stand-in itself sets the hash of a function's code.
    exempt = {"codeSha256"}
    unused = {
        token: unset
        for token, resource in RESOURCE_TYPES.items()
        if "**" not in used[token] and (unset := resource.inputs.keys() - used[token] - exempt)
    }
    assert unused == {}


def test_what_carries_a_secret_is_marked_secret() -> None:
    secret = {
        f"{resource.tok}.{name}"
        for resource in RESOURCE_TYPES.values()
        for name, declared in resource.inputs.items()
        if declared.is_secret
    }
    assert secret == {
        "aws:cloudwatch/eventConnection:EventConnection.authParameters",
        "aws:secretsmanager/secretVersion:SecretVersion.secretString",
    }
    assert {name for name, function in FUNCTIONS.items() if function.secret_results} == {
        "aws:secretsmanager/getSecretVersion:getSecretVersion"
    }
