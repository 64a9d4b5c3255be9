"""The errors of validators: what is wrong with a value, why it matters, and what to write instead."""

from collections.abc import Mapping

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

FAULT = "breakglass"
"""The pydantic error type of every `fault`; its `ctx` holds `why` and `instead`."""

Location = tuple[str | int, ...]
"""The keys and list indexes from an outer value to an inner one."""

Fault = tuple[Location, object, PydanticCustomError]
"""A location, the wrong value there, and its `fault`."""


def fault(why: str, instead: str) -> PydanticCustomError:
    """Return the error that a validator raises.

    Args:
        why: The fault of the value and its consequence.
        instead: The fix.
    """
    return PydanticCustomError(FAULT, "{why} {instead}", {"why": why, "instead": instead})


def faults(*found: Fault) -> ValidationError:
    """Return one error for several faults below the value under validation."""
    details = [InitErrorDetails(type=error, loc=loc, input=value) for loc, value, error in found]
    return ValidationError.from_exception_data(FAULT, details)


def yaml_kind(value: object) -> str:
    """Return the type of a value in the words of YAML, e.g. `a number`."""
    match value:
        case None:
            return "an empty value"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case Mapping():
            return "a mapping"
        case _:
            return "a list"
