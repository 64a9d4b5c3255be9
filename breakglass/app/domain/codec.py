"""Frozen values as JSON text and back: every record, and the approval policy.

Unknown keys are ignored, and a missing key keeps the field's default. So records survive an update of the code and its
rollback. The text is ASCII, which holds any Unicode text, including lone surrogates.

Non-goals: types that neither a record nor the policy has.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from enum import Enum
from functools import cache
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

Value = TypeVar("Value")


def encode(record: Any) -> str:
    """Return an instance of a dataclass as JSON text."""
    return json.dumps(asdict(record), separators=(",", ":"))


def decode(kind: type[Value], text: str) -> Value:
    """Return the dataclass instance in a JSON text.

    Raises:
        ValueError: if the text is not of this kind.
    """
    try:
        value: Value = _dataclass(kind, json.loads(text))
    except (AttributeError, TypeError, ValueError) as error:
        # The cause would show the content of the text.
        raise ValueError(f"not a valid {kind.__name__}: {type(error).__name__}") from None
    return value


def _value(kind: Any, raw: Any) -> Any:
    if kind in (int, str, bool):
        if type(raw) is not kind:
            raise TypeError(f"expected {kind.__name__}, got {type(raw).__name__}")
        return raw
    if get_origin(kind) is UnionType:
        return None if raw is None else _value(get_args(kind)[0], raw)
    if get_origin(kind) is tuple:
        if not isinstance(raw, list):
            raise TypeError(f"expected a list, got {type(raw).__name__}")
        return tuple(_value(get_args(kind)[0], item) for item in raw)
    if is_dataclass(kind):
        return _dataclass(kind, raw)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(raw)
    if get_origin(kind) is Mapping:
        return {key: _value(get_args(kind)[1], item) for key, item in raw.items()}
    raise TypeError(f"unsupported type {kind}")


def _dataclass(kind: Any, raw: Any) -> Any:
    return kind(**{name: _value(field, raw[name]) for name, field in _kinds(kind) if name in raw})


@cache
def _kinds(kind: Any) -> tuple[tuple[str, Any], ...]:
    hints = get_type_hints(kind)
    return tuple((field.name, hints[field.name]) for field in fields(kind))
