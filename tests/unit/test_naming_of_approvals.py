"""The names, variables and metrics of the deployment are those that the functions use.

It does not prove that AWS accepts the names.
"""

import ast
import importlib
import inspect
from types import ModuleType

import pytest

from breakglass.app.entrypoints import bootstrap, metrics, reconciler
from breakglass.app.services.announcements import BROKEN_GLASS
from breakglass.app.services.reconciler_run import Counts
from breakglass.naming import (
    ALERT_PATH_PREFIX,
    METRICS_DIMENSION,
    METRICS_NAMESPACE,
    AppFunction,
    Metric,
    Names,
    ResourceArns,
)
from tests.components.test_approvals import VARIABLES

ARNS = ResourceArns(Names("prod-approvals"), "aws", "eu-central-1", "111111111111")


def handler_of(app_function: AppFunction) -> ModuleType:
    return importlib.import_module(f"breakglass.app.entrypoints.{app_function.name}")


@pytest.mark.parametrize("app_function", AppFunction)
def test_every_function_has_a_handler(app_function: AppFunction) -> None:
    assert list(inspect.signature(handler_of(app_function).handler).parameters) == ["event", "context"]


def read_in(module: ModuleType) -> dict[str, set[str]]:
    """The environment variables that each function of a module reads, and those of the module."""
    tree = ast.parse(inspect.getsource(module))
    return {
        node.name: {
            constant.value
            for constant in ast.walk(node)
            if isinstance(constant, ast.Constant)
            and isinstance(constant.value, str)
            and constant.value.startswith("BREAKGLASS_")
        }
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
    }


SHARED = {"bootstrap": bootstrap, "metrics": metrics}


def called_in(module: ModuleType) -> set[str]:
    """The names that a handler takes from the shared modules."""
    return {
        node.attr
        for node in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in SHARED
    }


@pytest.mark.parametrize("app_function", AppFunction)
def test_function_has_exactly_the_variables_that_it_reads(app_function: AppFunction) -> None:
    own = {name for names in read_in(handler_of(app_function)).values() for name in names}
    shared = {name: names for module in SHARED.values() for name, names in read_in(module).items()}
    sources = {name: inspect.getsource(getattr(module, name)) for module in SHARED.values() for name in read_in(module)}
    # Shared parts use each other: `people` uses `slack`, `records` uses `store`.
    taken = called_in(handler_of(app_function))
    for _ in shared:
        taken |= {name for function in taken & shared.keys() for name in shared if f"{name}(" in sources[function]}
    read = own.union(*(shared[function] for function in taken & shared.keys()))

    assert read == VARIABLES[app_function].keys()


def test_metrics_are_those_that_the_functions_write() -> None:
    line = metrics.line(reconciler.values(Counts()), "prod-approvals", 0)

    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == METRICS_NAMESPACE
    assert directive["Dimensions"] == [[METRICS_DIMENSION]]
    counted = {Metric.permanent_refusals, Metric(BROKEN_GLASS)}
    assert {metric["Name"] for metric in directive["Metrics"]} == set(Metric) - counted


def test_names_fit_aws_limits_and_are_protected() -> None:
    names = Names("a-very-long-name-of-a-stack-that-somebody-really-has-chosen-approvals")

    physical = [
        names.machine,
        *(names.function(app_function) for app_function in AppFunction),
        *(names.dead_letters(app_function) for app_function in AppFunction),
    ]
    assert max(map(len, physical)) <= 64
    assert len(set(physical)) == len(physical)
    assert all(name.startswith(ALERT_PATH_PREFIX) for name in [*physical, names.table])


def test_arns_are_exactly_these() -> None:
    assert ARNS.function_arn(AppFunction.interactions) == (
        "arn:aws:lambda:eu-central-1:111111111111:function:breakglass-prod-approvals-interactions"
    )
    assert ARNS.log_group_arn(AppFunction.interactions) == (
        "arn:aws:logs:eu-central-1:111111111111:log-group:breakglass-prod-approvals-interactions"
    )
    assert ARNS.dead_letters_arn(AppFunction.interactions) == (
        "arn:aws:sqs:eu-central-1:111111111111:breakglass-prod-approvals-interactions-dead-letters"
    )
    assert ARNS.table_arn == "arn:aws:dynamodb:eu-central-1:111111111111:table/breakglass-prod-approvals-records"
    assert ARNS.alert_rules_arn == "arn:aws:events:eu-central-1:111111111111:rule/breakglass-*"
    assert ARNS.executions_arn == (
        "arn:aws:states:eu-central-1:111111111111:execution:breakglass-prod-approvals-workflow:*"
    )
