"""Frozen values as JSON text and back: every record, and the policy.

What a value has no field for is passed over, and a field that the text does not have keeps its default: so records
survive an update of the code, and its withdrawal. The text is ASCII, which every Unicode text fits into, halves of
surrogate pairs too.

Non-goals: types that neither a record nor the policy has.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from enum import Enum
from functools import cache
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

Record = TypeVar("Record")


def encode(record: Any) -> str:
    """Return a record, an instance of a dataclass, as JSON text."""
    return json.dumps(asdict(record), separators=(",", ":"))


def decode(kind: type[Record], text: str) -> Record:
    """Return the record that JSON text holds.

    Raises:
        ValueError: if it holds none of this kind.
    """
    try:
        record: Record = _record(kind, json.loads(text))
    except (AttributeError, TypeError, ValueError) as error:
        # Without the cause: it shows what the text holds.
        raise ValueError(f"this is no {kind.__name__}: {type(error).__name__}") from None
    return record


def _value(kind: Any, raw: Any) -> Any:
    if kind in (int, str, bool):
        if type(raw) is not kind:
            raise TypeError(f"a {type(raw).__name__} is no {kind.__name__}")
        return raw
    if get_origin(kind) is UnionType:
        return None if raw is None else _value(get_args(kind)[0], raw)
    if get_origin(kind) is tuple:
        if not isinstance(raw, list):
            raise TypeError(f"a {type(raw).__name__} is no list")
        return tuple(_value(get_args(kind)[0], one) for one in raw)
    if is_dataclass(kind):
        return _record(kind, raw)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(raw)
    if get_origin(kind) is Mapping:
        return {key: _value(get_args(kind)[1], one) for key, one in raw.items()}
    raise TypeError(f"nothing that is kept has a {kind}")


def _record(kind: Any, raw: Any) -> Any:
    return kind(**{name: _value(of, raw[name]) for name, of in _kinds(kind) if name in raw})


@cache
def _kinds(kind: Any) -> tuple[tuple[str, Any], ...]:
    """Return the fields of a record with their types."""
    hints = get_type_hints(kind)
    return tuple((one.name, hints[one.name]) for one in fields(kind))
