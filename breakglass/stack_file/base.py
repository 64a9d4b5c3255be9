"""The base of every configuration model: frozen, and all faults of a value are reported at once.

A rule that relates several keys reads the raw value, not the finished model, which exists only if every single value
is right. So one typo does not hide the other faults.
"""

import ast
import inspect
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Annotated, Any, Self, TypeVar, cast

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic.alias_generators import to_camel, to_snake
from pydantic_core import ErrorDetails, InitErrorDetails

from breakglass.stack_file.faults import FAULT, Fault, Location, fault, faults

Value = TypeVar("Value")


@dataclass(frozen=True)
class RawValue:
    """An unchecked value and its location: what a user wrote, or a validated model."""

    value: object
    loc: Location = ()

    def __getitem__(self, key: str) -> "RawValue":
        """Return the value of a camelCase key, also if it is written in snake_case."""
        if isinstance(self.value, BaseModel):
            return RawValue(getattr(self.value, to_snake(key), None), (*self.loc, key))
        mapping = self.value if isinstance(self.value, Mapping) else {}
        written = key if key in mapping or to_snake(key) not in mapping else to_snake(key)
        return RawValue(mapping.get(written), (*self.loc, written))

    def __iter__(self) -> Iterator["RawValue"]:
        """Yield the items of a list; nothing for any other value."""
        items = self.value if isinstance(self.value, list) else []
        return (RawValue(item, (*self.loc, index)) for index, item in enumerate(items))

    def __bool__(self) -> bool:
        """Return whether there is a value."""
        return self.value is not None

    @property
    def text(self) -> str | None:
        """The value if it is a string."""
        return self.value if isinstance(self.value, str) else None

    def valid(self, adapter: TypeAdapter[Value]) -> Value | None:
        """Return the validated value, or None if it is wrong or missing."""
        try:
            return adapter.validate_python(self.value)
        except ValidationError:
            return None

    @property
    def encrypted(self) -> bool:
        """True if the value is encrypted by the CLI: `{secure: ...}`."""
        return isinstance(self.value, Mapping) and self.value.keys() == {"secure"} and self["secure"].text is not None

    def fault(self, why: str, instead: str) -> Fault:
        """Return a fault at this location; see `faults.fault`."""
        return self.loc, self.value, fault(why, instead)


def duplicate_faults(given: RawValue) -> Iterator[Fault]:
    """Yield a fault for every repeated item of a list."""
    seen: list[object] = []
    for item in given:
        if item.value in seen:
            yield item.fault("Duplicate entry: the list has this value already.", "Delete one of the two.")
        seen.append(item.value)


@cache
def describe_fields(model: type[BaseModel]) -> None:
    """Set the description of each field of a model to the docstring below the field.

    Reports and generators call this. pydantic's `use_attribute_docstrings` would read the source of every model at
    import, which takes a fifth of the time of `from breakglass import BreakGlass`.
    """
    for owner in model.__mro__:
        if owner is BaseModel or not issubclass(owner, BaseModel):
            continue
        (definition,) = ast.parse(textwrap.dedent(inspect.getsource(owner))).body
        for statement, text in pairwise(cast(ast.ClassDef, definition).body):
            match statement, text:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(docstring))):
                    if (field := model.model_fields.get(name)) and field.description is None:
                        field.description = inspect.cleandoc(docstring)


class ConfigModel(BaseModel):
    """Base of every model: frozen, no unknown keys, camelCase or snake_case, and all faults at once.

    The docstring below a field is its description, in reports, in the JSON Schema of the stack file and in the
    arguments of the components (see `describe_fields`).
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        # A value in the wrong place may be a secret.
        hide_input_in_errors=True,
    )

    @classmethod
    def from_validated(cls, *sources: "ConfigModel", **values: Any) -> Self:
        """Return a model of values that are validated already.

        Args:
            sources: Models to take fields of the same name from; of several, the last one counts.
            values: Fields that the sources lack, or that replace theirs.

        Raises:
            TypeError: A value is no field, or a required field has no value.
        """
        taken = {
            name: getattr(source, name)
            for source in sources
            for name in type(source).model_fields
            if name in cls.model_fields
        } | values
        required = {name for name, field in cls.model_fields.items() if field.is_required()}
        if wrong := (required - taken.keys()) | (taken.keys() - cls.model_fields.keys()):
            raise TypeError(f"{cls.__name__} lacks or does not know: {', '.join(sorted(wrong))}")
        return cls.model_construct(**taken)

    @classmethod
    def cross_field_faults(cls, given: RawValue) -> Iterator[Fault]:
        """Yield the faults between keys of this model; the types of the fields check single values."""
        yield from ()

    @model_validator(mode="wrap")
    @classmethod
    def _report_all_faults(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        given = RawValue(data)
        if given.encrypted:
            raise faults(
                given.fault(
                    "The section is encrypted, or holds an encrypted value, but all of it appears in clear in "
                    "resources and previews. Only the bot token, the signing secret and the addresses of pagers are "
                    "secrets.",
                    "Write the section in clear without the secret value. The token goes to `slackBotToken`, the "
                    "signing secret to `slackSigningSecret`, the address of a pager to `alerts.monitoring.pagers`.",
                )
            )
        between = [
            InitErrorDetails(type=error, loc=loc, input=value) for loc, value, error in cls.cross_field_faults(given)
        ]
        try:
            model = handler(data)
        except ValidationError as error:
            fields = [repeat_error(details, details["loc"]) for details in error.errors()]
            raise ValidationError.from_exception_data(FAULT, fields + between) from None
        if between:
            raise ValidationError.from_exception_data(FAULT, between)
        return model


def repeat_error(details: ErrorDetails, loc: Location) -> InitErrorDetails:
    """Turn an error that pydantic reported back into the parts of a new one at a location."""
    context = details.get("ctx", {})
    kind = fault(**context) if details["type"] == FAULT else details["type"]
    return InitErrorDetails(type=kind, loc=loc, input=details["input"], ctx=context)


# --- inputs ----------------------------------------------------------------------------------------------------------

INPUT = "input"
"""Marks the JSON schema of a field that takes a `pulumi.Input`."""


StringInput = Annotated[Any, Field(repr=False), WithJsonSchema({"type": "string", INPUT: True})]
"""An ID or ARN of another resource, or a secret: a string, or an output whose value is unknown at preview.

The model checks only that it is there: pydantic must not look into an output. `repr=False`, because it may be a token.
"""

StringItemInput = Annotated[Any, WithJsonSchema({"type": "string", INPUT: True})]
"""A `StringInput` in a list or a mapping."""

_STRINGS = {"type": "string"}
StringListInput = Annotated[Any, Field(repr=False), WithJsonSchema({"type": "array", "items": _STRINGS, INPUT: True})]
StringMapInput = Annotated[
    Any, Field(repr=False), WithJsonSchema({"type": "object", "additionalProperties": _STRINGS, INPUT: True})
]

ENCRYPTED_SCHEMA = WithJsonSchema(
    {"type": "object", "properties": {"secure": {"type": "string"}}, "required": ["secure"]}
)
"""The JSON schema of a value that the CLI encrypted; the argument of a component is a string instead."""

SecretInput = Annotated[Any, ENCRYPTED_SCHEMA]
"""A secret in a mapping: encrypted in a stack file, else a string or an output. The model does not look into it."""
