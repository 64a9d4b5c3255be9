"""What the deployment says of the functions is what the functions say of themselves.

Not shown here: that AWS takes the names.
"""

import ast
import importlib
import inspect
from types import ModuleType

import pytest

from breakglass.app.entrypoints import bootstrap, metrics, sweeper
from breakglass.app.services.reconciler import Counts
from breakglass.naming import ALERT_PATH_PREFIX, METRICS_DIMENSION, METRICS_NAMESPACE, Metric, Names, Part, Place
from tests.components.test_approvals import VARIABLES

PLACE = Place(Names("prod-approvals"), "aws", "eu-central-1", "111111111111")


def handler_of(part: Part) -> ModuleType:
    return importlib.import_module(f"breakglass.app.entrypoints.{part}")


@pytest.mark.parametrize("part", Part)
def test_every_function_has_a_handler(part: Part) -> None:
    assert list(inspect.signature(handler_of(part).handler).parameters) == ["event", "context"]


def read_in(module: ModuleType) -> dict[str, set[str]]:
    """The environment variables that each function of a module reads, by its name, and those of the module itself."""
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


def called_in(module: ModuleType) -> set[str]:
    """What a handler takes from the parts that all of them share."""
    return {
        node.attr
        for node in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "bootstrap"
    }


@pytest.mark.parametrize("part", Part)
def test_a_function_is_told_all_that_it_reads_and_nothing_else(part: Part) -> None:
    own = {name for names in read_in(handler_of(part)).values() for name in names}
    shared = read_in(bootstrap)
    # What is shared is made of one another: `people` of `slack`, `records` of `store`.
    taken = called_in(handler_of(part))
    for _ in shared:
        taken |= {
            name
            for function in taken & shared.keys()
            for name in shared
            if f"{name}(" in inspect.getsource(getattr(bootstrap, function))
        }
    read = own.union(*(shared[function] for function in taken & shared.keys()))

    assert read == VARIABLES[part].keys()


def test_metrics_are_those_that_the_functions_write() -> None:
    line = metrics.line(sweeper.values(Counts()), "prod-approvals", 0)

    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == METRICS_NAMESPACE
    assert directive["Dimensions"] == [[METRICS_DIMENSION]]
    assert {metric["Name"] for metric in directive["Metrics"]} == set(Metric) - {Metric.permanent_refusals}


def test_names_are_as_long_as_aws_takes_them_and_protected() -> None:
    names = Names("a-very-long-name-of-a-stack-that-somebody-really-has-chosen-approvals")

    physical = [names.machine, *(names.function(part) for part in Part), *(names.dead_letters(part) for part in Part)]
    assert max(map(len, physical)) <= 64
    assert len(set(physical)) == len(physical)
    assert all(name.startswith(ALERT_PATH_PREFIX) for name in [*physical, names.table])


def test_arns() -> None:
    assert PLACE.function_arn(Part.desk) == (
        "arn:aws:lambda:eu-central-1:111111111111:function:breakglass-prod-approvals-desk"
    )
    assert PLACE.log_group_arn(Part.desk) == (
        "arn:aws:logs:eu-central-1:111111111111:log-group:breakglass-prod-approvals-desk"
    )
    assert PLACE.dead_letters_arn(Part.desk) == (
        "arn:aws:sqs:eu-central-1:111111111111:breakglass-prod-approvals-desk-dead-letters"
    )
    assert PLACE.table_arn == "arn:aws:dynamodb:eu-central-1:111111111111:table/breakglass-prod-approvals-records"
    assert PLACE.alert_rules_arn == "arn:aws:events:eu-central-1:111111111111:rule/breakglass-*"
    assert PLACE.executions_arn == (
        "arn:aws:states:eu-central-1:111111111111:execution:breakglass-prod-approvals-workflow:*"
    )
