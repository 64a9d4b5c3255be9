"""How a validator says what is wrong with a value, why it matters, and what to write instead."""

from collections.abc import Mapping

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

FAULT = "breakglass"
"""The pydantic error type of everything `fault` makes; its `ctx` holds `why` and `instead`."""

Location = tuple[str | int, ...]
"""Where a value is below another one: keys and list indexes."""

Fault = tuple[Location, object, PydanticCustomError]
"""A location, the offending value there, and what `fault` says about it."""


def fault(why: str, instead: str) -> PydanticCustomError:
    """Make the error a validator raises.

    Args:
        why: What is wrong with the value and why it matters.
        instead: What to write instead.
    """
    return PydanticCustomError(FAULT, "{why} {instead}", {"why": why, "instead": instead})


def faults(*found: Fault) -> ValidationError:
    """Make one error of several faults below the value under validation."""
    details = [InitErrorDetails(type=error, loc=loc, input=value) for loc, value, error in found]
    return ValidationError.from_exception_data(FAULT, details)


def yaml_kind(value: object) -> str:
    """Name the type of a value in the words of YAML, e.g. `a number`."""
    match value:
        case None:
            return "an empty value"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case Mapping():
            return "a mapping"
        case _:
            return "a list"
