"""Reports pydantic's errors as problems with a key path, a reason and a fix.

The stack file and every component validate their input with `validate`.

Non-goals: the rules themselves (see `types` and `stack`). Only pydantic's own errors (missing, wrong type, unknown) get
their words here.
"""

import difflib
import re
import types
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError, WithJsonSchema
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from breakglass.errors import ConfigError, Problem, format_value
from breakglass.stack_file.base import describe_fields
from breakglass.stack_file.faults import FAULT, Location, yaml_kind

Model = TypeVar("Model", bound=BaseModel)

_SECRET_KEYS = ("slackBotToken", "slackSigningSecret", "pagers")

_EXPECTED = {
    "bool_type": "true or false",
    "dict_type": "a mapping (`key: value` lines)",
    "model_type": "a mapping (`key: value` lines)",
    "model_attributes_type": "a mapping (`key: value` lines)",
    "list_type": "a list (`- ` lines, or [a, b])",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "string_type": "a string",
}


def validate(
    model: type[Model],
    values: Mapping[str, Any],
    at: str = "",
    context: Mapping[str, Any] | None = None,
    *,
    camel_case_only: bool = False,
) -> Model:
    """Return the model of raw values.

    Args:
        model: The model to build.
        values: Raw values; keys in camelCase, or in snake_case as the components write them.
        at: Prefix of the key paths in the report, e.g. `breakglass:`, or a component's name.
        context: For the validators, e.g. `{"base_dir": Path("stacks")}`.
        camel_case_only: Whether snake_case keys are unknown, as in a stack file, whose editors know one spelling.

    Raises:
        ConfigError: With every problem of the values.
    """
    try:
        return model.model_validate(values, context=context, by_alias=True, by_name=not camel_case_only)
    except ValidationError as error:
        # Not chained: pydantic's text repeats all this in other words.
        raise ConfigError(problems(error, model, at)) from None


def problems(error: ValidationError, model: type[BaseModel], at: str = "") -> list[Problem]:
    """Return every error of pydantic as a problem; see `validate` for the arguments."""
    found = error.errors(include_url=False)
    complained_of = [details["loc"] for details in found if details["type"] == FAULT]
    return [
        _problem(details, model, at)
        for details in found
        # A fault of an unknown key says more than "Did you mean ...?", e.g. to revoke a token, not to move it.
        if not (details["type"] == "extra_forbidden" and details["loc"] in complained_of)
    ]


def key_path(loc: Location, at: str = "") -> str:
    """Return a location as Pulumi writes the path of a configuration key: `pairs[0].breakGlass.name`."""
    path = ""
    for part in loc:
        if isinstance(part, int):
            path += f"[{part}]"
        elif part.replace("_", "").replace("-", "").isalnum():
            path += f".{part}" if path else part
        else:
            path += f"[{format_value(part)}]"
    return f"{at}{path}"


def nearest(word: object, known: Iterable[str]) -> str:
    """Return advice with the known word that was probably meant, and the list of known words."""
    possible = list(known)
    close = closest(str(word), possible, cutoff=0.5)
    meant = f"Did you mean {close}? " if close else ""
    return f"{meant}Expected one of: {', '.join(possible)}."


def closest(word: str, known: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """Return the known word that was probably meant, or None; the case of letters counts least.

    Args:
        word: The word in the file.
        known: The words that exist.
        cutoff: The least similarity of two words, from 0 to 1 (see `difflib.get_close_matches`).
    """
    folded: dict[str, str] = {}
    for each in known:
        folded.setdefault(each.casefold(), each)
    close = difflib.get_close_matches(word.casefold(), folded, n=1, cutoff=cutoff)
    return folded[close[0]] if close else None


def _problem(details: ErrorDetails, model: type[BaseModel], at: str) -> Problem:
    # pydantic writes `tags["a*b"]["[key]"]` if the key itself is wrong.
    loc = tuple(part for part in details["loc"] if part != "[key]")
    # Our rules have None as the value of a missing key; pydantic has the mapping around the key.
    missing = details["type"] == "missing" or (details["type"] == FAULT and details["input"] is None)
    value = "(missing)" if missing else "(not shown)" if _misspells_secret(details) else format_value(details["input"])
    why, instead = _wording(details, model)
    return Problem(key_path(loc, at), value, why, instead)


def _misspells_secret(details: ErrorDetails) -> bool:
    """Say if an unknown key may be meant for a secret, which nothing in its form would show."""
    unknown = details["type"] == "extra_forbidden"
    return unknown and closest(str(details["loc"][-1]), _SECRET_KEYS, cutoff=0.7) is not None


def _wording(details: ErrorDetails, model: type[BaseModel]) -> tuple[str, str]:
    """Return the reason and the fix of an error."""
    kind, loc, context = details["type"], details["loc"], details.get("ctx", {})
    if kind == FAULT:
        return context["why"], context["instead"]
    if kind == "extra_forbidden":
        _, holders = _field_at(model, loc[:-1])
        known = dict.fromkeys(
            field.alias or name for holder in holders or [model] for name, field in holder.model_fields.items()
        )
        return "Not a key of this section, so the setting would have no effect.", nearest(loc[-1], known)
    field, _ = _field_at(model, loc)
    meaning = (field.description or "").partition("\n\n")[0].replace("\n", " ") if field else ""
    example = _example(field)
    if kind == "missing":
        return f"The key is required. {meaning}", f"Add the line `{loc[-1]}: {example or '...'}`."
    if kind in ("enum", "literal_error"):
        # `'a' or 'b'`, or `<Letter.a: 'a'> or <Letter.b: 'b'>`
        allowed = re.findall("'([^']*)'", context["expected"])
        return f"Not an allowed value. {meaning}".strip(), nearest(details["input"], allowed)
    such_as = f", e.g. {example}" if example else ""
    if kind in _EXPECTED:
        found = yaml_kind(details["input"])
        return f"Expected {_EXPECTED[kind]}, got {found}. {meaning}".strip(), f"Write {_EXPECTED[kind]}{such_as}."
    limit = _limit(kind, details["input"], context)
    if limit:
        return f"{limit[0]} {meaning}".strip(), f"{limit[1]}{such_as}."
    return f"{details['msg']}. {meaning}".strip(), f"Write a value within the limits{such_as}."


def _limit(kind: str, value: object, context: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the limit that a value exceeds, and the beginning of the fix."""
    unit = "characters" if isinstance(value, str) else "entries"
    match kind:
        case "too_short":
            return "The list is empty; it needs at least one entry.", "Add an entry to the list"
        case "too_long":
            why = f"Expected at most {context['max_length']} {unit}, got {context['actual_length']}."
            return why, "Shorten the value"
        case "greater_than_equal":
            return "The number is too small.", f"Write {context['ge']} or more"
        case "less_than_equal":
            return "The number is too big.", f"Write {context['le']} or less"
        case "finite_number":
            return "Expected a whole number, got infinity or NaN (`.inf`, `.nan` in YAML).", "Write a whole number"
        case _:
            return None


def _example(field: FieldInfo | None) -> str:
    """Return an example value of a field or its type; empty if it has none."""
    if field is None:
        return ""
    of_types = [extra.json_schema or {} for extra in field.metadata if isinstance(extra, WithJsonSchema)]
    examples = [*(field.examples or []), *(example for schema in of_types for example in schema.get("examples", []))]
    return format_value(examples[0]) if examples else ""


def _field_at(model: type[BaseModel], loc: Location) -> tuple[FieldInfo | None, list[type[BaseModel]]]:
    """Return the last field on the way to a location, and the models of its value."""
    field: FieldInfo | None = None
    here: list[Any] = [model]
    for part in loc:
        if models := _models(here):
            fields = [item for each in models for item in each.model_fields.items()]
            field = next((f for name, f in fields if part in (name, f.alias)), None)
            here = _alternatives(field.annotation) if field else []
        else:
            # An item of a list, or a value of a mapping.
            here = [inner for each in here if get_args(each) for inner in _alternatives(get_args(each)[-1])]
    return field, _models(here)


def _models(annotations: Iterable[Any]) -> list[type[BaseModel]]:
    models = [each for each in annotations if isinstance(each, type) and issubclass(each, BaseModel)]
    for model in models:
        describe_fields(model)
    return models


def _alternatives(annotation: Any) -> list[Any]:
    """Return the types of a union, without `Annotated[...]` and None."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _alternatives(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return [inner for option in get_args(annotation) for inner in _alternatives(option)]
    return [] if annotation is type(None) else [annotation]
