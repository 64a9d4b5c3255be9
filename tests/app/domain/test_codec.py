"""Records survive a round trip with any text of people, and an update of the code."""

import json
from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakglass.app.domain.codec import decode, encode
from breakglass.app.domain.records import Actor, AuditEntry, Grant, Kind, Request, State, Usage

# With halves of surrogate pairs, which Slack's JSON may hold.
TEXT = st.text(st.characters(exclude_categories=()))
INTEGERS = st.integers(-(2**60), 2**60)


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Values of a type that a record has, or of a record."""
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        return st.builds(kind, **{field.name: values(hints[field.name]) for field in fields(kind)})
    if get_origin(kind) is UnionType:
        return st.one_of(*(st.none() if each is NoneType else values(each) for each in get_args(kind)))
    if get_origin(kind) is tuple:
        return st.lists(values(get_args(kind)[0]), max_size=3).map(tuple)
    if issubclass(kind, StrEnum):
        return st.sampled_from(kind)
    return {str: TEXT, int: INTEGERS, bool: st.booleans()}[kind]


@pytest.mark.parametrize("kind", [Request, Grant, Usage, AuditEntry])
@given(st.data())
def test_decode_returns_every_encoded_record(kind: type, data: st.DataObject) -> None:
    record = data.draw(values(kind))
    text = encode(record)
    assert decode(kind, text) == record
    # Equal is not enough: a state that is no member of its enumeration would be equal to its text.
    assert repr(decode(kind, text)) == repr(record)
    assert text.isascii()


@dataclass(frozen=True)
class Old:
    """A record before an update of the code."""

    id: str
    dropped: tuple[str, ...] = ()


@dataclass(frozen=True)
class New:
    """The same after it."""

    id: str
    kind: Kind = Kind.access
    actors: tuple[Actor, ...] = ()
    by: Actor | None = None


def test_decode_older_record_has_defaults() -> None:
    assert decode(New, encode(Old("r-1", ("a",)))) == New("r-1")


def test_decode_newer_record_ignores_unknown_keys() -> None:
    newer = New("r-1", Kind.extension, (Actor("u-1", "Ada"),), Actor("u-2", "Bea"))
    assert decode(Old, encode(newer)) == Old("r-1")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        "{}",
        '{"id": "r-1", "kind": "other"}',
        '{"id": "r-1", "actors": [1]}',
        '{"id": "r-1", "actors": ""}',
        '{"id": 1}',
        '{"id": null}',
        '"text"',
        "7",
    ],
)
def test_decode_refuses_text_without_record(text: str) -> None:
    with pytest.raises(ValueError, match="not a valid New"):
        decode(New, text)


def test_encode_is_compact_readable_json() -> None:
    assert json.loads(encode(New("r-1", by=Actor("u-1", "Ada")))) == {
        "id": "r-1",
        "kind": "access",
        "actors": [],
        "by": {"user_id": "u-1", "name": "Ada", "slack_id": None},
    }
    assert State.pending == "pending"
