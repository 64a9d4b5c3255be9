"""The engine's wire values as plain Python values, and back.

Non-goals: resource references, and assets and archives other than a file, which none of the served types takes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime import rpc

Plain = Any
"""A JSON value (None, bool, int, float, str, list or dict) or a `FileArchive`. `UNKNOWN` may replace one."""

Properties = dict[str, Plain]
"""The inputs or the state of a resource: property name (camelCase) to plain value."""

UNKNOWN: str = rpc.UNKNOWN
"""The engine's text for a value that is known only after the update."""


@dataclass(frozen=True)
class FileArchive:
    """An archive that the engine tells by its path.

    The content is no part of the value: the file may have changed when an old state is read.
    """

    path: str


def decode(properties: Mapping[str, PropertyValue]) -> Properties:
    """Turns wire properties into plain ones; a property that is null is left out.

    Secrets lose their mark; `secret_names` reads it.
    """
    return {name: _decode(value) for name, value in properties.items() if value.value is not None}


def _decode(value: PropertyValue) -> Plain:
    inner = value.value
    if inner is None or isinstance(inner, (bool, str)):
        return inner
    if isinstance(inner, float):
        # The wire knows only doubles; botocore refuses one where AWS's model says integer.
        return int(inner) if inner.is_integer() else inner
    if isinstance(inner, Mapping):
        return {name: _decode(item) for name, item in inner.items()}
    if isinstance(inner, Sequence):
        return [_decode(item) for item in inner]
    if isinstance(inner, pulumi.FileArchive):
        return FileArchive(inner.path)
    raise TypeError(f"a value of type {type(inner).__name__} can't be an input of any resource type served here")


def secret_names(properties: Mapping[str, PropertyValue]) -> frozenset[str]:
    """The names of the properties that are secret or hold a secret somewhere inside."""
    return frozenset(name for name, value in properties.items() if value.contains_secret())


def encode(properties: Properties, secrets: frozenset[str]) -> dict[str, PropertyValue]:
    """Turns plain properties into wire ones; those named in `secrets` are marked secret as a whole."""
    return {
        name: _encode(value).with_secret(name in secrets) for name, value in properties.items() if value is not None
    }


def _encode(value: Plain) -> PropertyValue:
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return PropertyValue(value)
    if isinstance(value, (int, float)):
        return PropertyValue(float(value))
    if isinstance(value, Mapping):
        return PropertyValue({name: _encode(item) for name, item in value.items() if item is not None})
    if isinstance(value, FileArchive):
        return PropertyValue(pulumi.FileArchive(value.path))
    return PropertyValue([_encode(item) for item in value])


def texts(value: Plain) -> set[str]:
    """Every string inside the value: what must not appear in a message when the value is secret."""
    if isinstance(value, Mapping):
        return {text for item in value.values() for text in texts(item)}
    if isinstance(value, list):
        return {text for item in value for text in texts(item)}
    return {value} if isinstance(value, str) and value != UNKNOWN else set()


def aws_name(name: str) -> str:
    """Return the name that most of AWS's APIs have for a property of pulumi-aws."""
    return name[0].upper() + name[1:]


def to_aws(properties: Mapping[str, Plain], *names: str) -> dict[str, Plain]:
    """Return properties as parameters of an AWS operation; None for an absent one."""
    return {aws_name(name): properties.get(name) for name in names}


def from_aws(answer: Mapping[str, Plain], *names: str) -> Properties:
    """Return properties of an AWS answer; None for an absent one."""
    return {name: answer.get(aws_name(name)) for name in names}
