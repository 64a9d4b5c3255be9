"""The base of every model of configuration: what is written is judged as a whole, and every fault is told at once.

A rule that relates several keys does not look at the finished model, which exists only if every single value is right:
it looks at what was written (`RawValue`). So one typo does not hide the other faults.

Non-goals: which keys there are and what they mean is said in `stack`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ModelWrapValidatorHandler, TypeAdapter, ValidationError, model_validator
from pydantic.alias_generators import to_camel, to_snake
from pydantic_core import ErrorDetails, InitErrorDetails

from breakglass.stack_file.faults import FAULT, Fault, Location, fault, faults

Value = TypeVar("Value")


@dataclass(frozen=True)
class RawValue:
    """A value as it was written, and where; anything may be below it, so nothing here raises."""

    value: object
    loc: Location = ()

    def __getitem__(self, key: str) -> "RawValue":
        """Return what is under a camelCase key, or under its snake_case form as the components write it."""
        mapping = self.value if isinstance(self.value, Mapping) else {}
        written = key if key in mapping or to_snake(key) not in mapping else to_snake(key)
        return RawValue(mapping.get(written), (*self.loc, written))

    def __iter__(self) -> Iterator["RawValue"]:
        """Yield the items of a list; nothing for anything else."""
        items = self.value if isinstance(self.value, list) else []
        return (RawValue(item, (*self.loc, index)) for index, item in enumerate(items))

    def __bool__(self) -> bool:
        """Say whether anything was written here."""
        return self.value is not None

    @property
    def text(self) -> str | None:
        """The value if it is a text."""
        return self.value if isinstance(self.value, str) else None

    def valid(self, adapter: TypeAdapter[Value]) -> Value | None:
        """Return the validated value, or None if it is wrong or missing."""
        try:
            return adapter.validate_python(self.value)
        except ValidationError:
            return None

    @property
    def encrypted(self) -> bool:
        """Whether the CLI encrypted what was written here: `{secure: ...}`."""
        return isinstance(self.value, Mapping) and self.value.keys() == {"secure"} and self["secure"].text is not None

    def fault(self, why: str, instead: str) -> Fault:
        """Complain about this value; see `types.fault`."""
        return self.loc, self.value, fault(why, instead)


def duplicate_faults(given: RawValue) -> Iterator[Fault]:
    """Complain about every item of a list that stands in it before."""
    seen: list[object] = []
    for item in given:
        if item.value in seen:
            yield item.fault("The list has this entry before; twice, it would be made twice.", "Delete one of the two.")
        seen.append(item.value)


class ConfigModel(BaseModel):
    """Base of every model: frozen, no unknown keys, camelCase or snake_case, and all faults at once."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        # The docstrings below the fields are the descriptions in the JSON Schema, which editors show.
        use_attribute_docstrings=True,
        # What is written here by mistake may be a secret.
        hide_input_in_errors=True,
    )

    @classmethod
    def cross_field_faults(cls, given: RawValue) -> Iterator[Fault]:
        """Yield what is wrong between the keys of this model; single values are the field types' business."""
        yield from ()

    @model_validator(mode="wrap")
    @classmethod
    def _all_faults(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        given = RawValue(data)
        if given.encrypted:
            raise faults(
                given.fault(
                    "This section is encrypted or holds an encrypted value, but everything in it ends up in clear in "
                    "resources and previews; only the bot token and the signing secret are secrets.",
                    "Write the section in clear without the secret value; the token goes to `slackBotToken`, the "
                    "signing secret to `slackSigningSecret`.",
                )
            )
        between = [
            InitErrorDetails(type=error, loc=loc, input=value) for loc, value, error in cls.cross_field_faults(given)
        ]
        try:
            model = handler(data)
        except ValidationError as error:
            fields = [_again(details) for details in error.errors()]
            raise ValidationError.from_exception_data(FAULT, fields + between) from None
        if between:
            raise ValidationError.from_exception_data(FAULT, between)
        return model


def _again(details: ErrorDetails) -> InitErrorDetails:
    """Turn one finding of pydantic back into what a new error is made of."""
    context = details.get("ctx", {})
    kind = fault(**context) if details["type"] == FAULT else details["type"]
    return InitErrorDetails(type=kind, loc=details["loc"], input=details["input"], ctx=context)
