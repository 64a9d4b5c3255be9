"""The engine's wire values: plain and back, secrets, unknowns."""

import pulumi
import pytest
from pulumi.provider.experimental.property_value import PropertyValue

from localcloud.provider.values import UNKNOWN, FileArchive, decode, encode, secret_names, texts

PLAIN = {
    "text": "x",
    "yes": True,
    "whole": 5,
    "half": 0.5,
    "list": [1, "a", {"deep": False}],
    "object": {"a": {"b": "c"}},
    "unknown": UNKNOWN,
    "archive": FileArchive("build/app.zip"),
}


def test_plain_values_survive_the_wire() -> None:
    wire = PropertyValue.unmarshal_map(PropertyValue.marshal_map(encode(PLAIN, frozenset())))
    assert decode(wire) == PLAIN
    assert secret_names(wire) == frozenset()


def test_whole_numbers_come_back_as_int_and_true_stays_a_bool() -> None:
    decoded = decode(encode({"number": 5.0, "flag": True}, frozenset()))
    assert isinstance(decoded["number"], int)
    assert decoded["flag"] is True


def test_secrets_are_marked_and_found_again() -> None:
    wire = PropertyValue.unmarshal_map(PropertyValue.marshal_map(encode(PLAIN, frozenset({"object", "unknown"}))))
    assert secret_names(wire) == {"object", "unknown"}
    assert decode(wire) == PLAIN


def test_a_secret_deep_inside_makes_its_property_secret() -> None:
    inner = PropertyValue({"value": PropertyValue("s", is_secret=True)})
    assert secret_names({"a": PropertyValue([inner]), "b": PropertyValue("x")}) == {"a"}


def test_null_is_absent() -> None:
    assert decode({"a": PropertyValue(None), "b": PropertyValue("x")}) == {"b": "x"}
    assert encode({"a": None, "b": {"c": None}}, frozenset()) == {"b": PropertyValue({})}


@pytest.mark.parametrize("value", [pulumi.StringAsset("print()"), pulumi.AssetArchive({}), pulumi.RemoteArchive("x")])
def test_a_value_no_resource_takes_is_refused(value: pulumi.Asset | pulumi.Archive) -> None:
    with pytest.raises(TypeError, match=type(value).__name__):
        decode({"code": PropertyValue(value)})


def test_texts_finds_every_string_that_is_known() -> None:
    assert texts({"a": ["x", {"b": "y"}], "c": 5, "d": UNKNOWN}) == {"x", "y"}
