"""The arguments of a component's constructor, from a program in any language and from `BreakGlass`."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from breakglass.stack_file.base import ConfigModel
from breakglass.stack_file.report import validate

Constructor = TypeVar("Constructor", bound=Callable[..., None])
Spec = TypeVar("Spec", bound=ConfigModel)


def show_analyzer(args: type) -> Callable[[Constructor], Constructor]:
    """Return a decorator that shows Pulumi's analyzer one type of the arguments.

    A constructor takes the arguments or their validated model, and the analyzer refuses a union.

    Args:
        args: The TypedDict, which has what the analyzer needs: types that it knows, and docstrings.
    """

    def show(constructor: Constructor) -> Constructor:
        constructor.__annotations__["args"] = args
        return constructor

    return show


def validate_args(model: type[Spec], args: Mapping[str, Any] | Spec, name: str) -> Spec:
    """Return the validated model of a component's arguments; a model is not validated again.

    Args:
        model: The model.
        args: The arguments, or their validated model.
        name: The component's name, which comes before the key paths in the report.

    Raises:
        ConfigError: With every problem of the arguments.
    """
    return args if isinstance(args, model) else validate(model, dict(args), at=f"{name}.")
