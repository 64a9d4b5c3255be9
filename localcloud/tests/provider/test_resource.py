"""Inputs, defaults and differences of the stand-in's resource types: pure functions on declarations."""

import pytest

from localcloud.provider.aws import LocalAws
from localcloud.provider.resource import (
    Property,
    ResourceType,
    apply_defaults,
    as_document,
    as_set,
    declare,
    find_differences,
    find_problems,
    generate_name,
    merge_state,
    never_differs,
    refresh_inputs,
)
from localcloud.provider.values import UNKNOWN, Plain, Properties


class Gate(ResourceType):
    tok = "test:index/gate:Gate"
    regional = False
    properties = declare(
        name=Property(required=True, replaces=True),
        policy=Property(compare=as_document),
        guards=Property(compare=as_set),
        height=Property(default=3),
        colour=Property(server_set=True),
        lock=Property(fields={"code": Property(required=True, secret=True), "kind": Property(default="steel")}),
        bolts=Property(items={"size": Property(required=True), "count": Property(default=1)}),
        rungs=Property(compare=as_set, items={"size": Property(required=True)}),
        wood=Property(compare=never_differs),
    )
    computed = ("arn",)

    def create(self, aws: LocalAws, inputs: Properties) -> str:
        raise AssertionError("these tests make no resources")

    def read(self, aws: LocalAws, resource_id: str, state: Properties) -> Properties | None:
        raise AssertionError("these tests read no resources")

    def delete(self, aws: LocalAws, resource_id: str, state: Properties) -> None:
        raise AssertionError("these tests delete no resources")


GATE = Gate()


def test_legal_inputs_have_no_problems() -> None:
    given = {"name": "north", "lock": {"code": "1"}, "bolts": [{"size": 2}], "guards": ["a"]}
    assert find_problems(GATE.tok, given, GATE.inputs) == []


@pytest.mark.parametrize(
    ("given", "path", "said"),
    [
        ({"name": "n", "colours": "red"}, "colours", "Did you mean `colour`?"),
        ({"name": "n", "zzz": 1}, "zzz", "It knows bolts, colour, guards, height, lock, name, policy, rungs, wood"),
        ({}, "name", "needs the input `name`"),
        ({"name": None}, "name", "needs the input `name`"),
        ({"name": "n", "lock": {"code": "1", "kin": "x"}}, "lock.kin", "Did you mean `kind`?"),
        ({"name": "n", "lock": {}}, "lock.code", "needs the input `lock.code`"),
        ({"name": "n", "lock": "steel"}, "lock", "`lock` must be an object, got str"),
        ({"name": "n", "bolts": [{"size": 1}, {"width": 2, "size": 1}]}, "bolts[1].width", "has no input"),
        ({"name": "n", "bolts": {"size": 1}}, "bolts", "`bolts` must be a list, got dict"),
    ],
)
def test_a_problem_names_type_and_property_and_helps(given: Properties, path: str, said: str) -> None:
    [(where, reason)] = find_problems(GATE.tok, given, GATE.inputs)
    assert where == path
    assert said in reason
    assert GATE.tok in reason


def test_what_is_unknown_in_a_preview_is_no_problem() -> None:
    assert find_problems(GATE.tok, {"name": UNKNOWN, "lock": UNKNOWN, "bolts": UNKNOWN}, GATE.inputs) == []
    assert find_problems(GATE.tok, {"name": "n", "bolts": [UNKNOWN]}, GATE.inputs) == []


def test_defaults_apply_at_every_depth_and_replace_nothing() -> None:
    given = {"name": "n", "height": 0, "lock": {"code": "1"}, "bolts": [{"size": 2}, UNKNOWN]}
    assert apply_defaults(given, GATE.inputs) == {
        "name": "n",
        "height": 0,
        "lock": {"code": "1", "kind": "steel"},
        "bolts": [{"size": 2, "count": 1}, UNKNOWN],
    }
    assert given["lock"] == {"code": "1"}


BASE: Properties = {
    "name": "n",
    "policy": '{"a": 1, "b": [2]}',
    "guards": ["x", "y"],
    "height": 3,
    "lock": {"code": "1", "kind": "steel"},
    "bolts": [{"size": 1, "count": 1}],
    "rungs": [{"size": 1}, {"size": 2}],
    "wood": "oak",
}
STATE: Properties = {**BASE, "colour": "green", "arn": "arn:gate"}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, []),
        ({"policy": '{"b":[2],"a":1}'}, []),
        ({"policy": '{"a": 1, "b": [3]}'}, ["policy"]),
        ({"policy": "no JSON"}, ["policy"]),
        ({"policy": UNKNOWN}, ["policy"]),
        ({"guards": ["y", "x"]}, []),
        ({"guards": ["y"]}, ["guards"]),
        ({"guards": []}, ["guards"]),
        ({"colour": "green"}, []),
        ({"colour": "red"}, ["colour"]),
        ({"height": 0}, ["height"]),
        ({"height": None}, ["height"]),
        ({"name": "m"}, ["name"]),
        ({"lock": {"kind": "steel", "code": "1"}}, []),
        ({"lock": {"code": "2", "kind": "steel"}}, ["lock"]),
        ({"bolts": [{"count": 1, "size": 1}]}, []),
        ({"bolts": [{"size": 1, "count": 2}]}, ["bolts"]),
        ({"rungs": [{"size": 2}, {"size": 1}]}, []),
        ({"rungs": [{"size": 2}, {"size": 3}]}, ["rungs"]),
        ({"wood": "ash"}, []),
    ],
)
def test_only_what_says_something_else_is_a_difference(changed: Properties, expected: list[str]) -> None:
    assert find_differences(GATE, STATE, {**BASE, **changed}) == expected


@pytest.mark.parametrize("nothing", [None, "", [], {}])
def test_empty_and_absent_are_no_difference(nothing: Plain) -> None:
    without = {name: value for name, value in STATE.items() if name != "guards"}
    assert find_differences(GATE, {**without, "guards": nothing}, {**BASE, "guards": None}) == []


def test_merge_keeps_spellings_and_values_the_cloud_hides() -> None:
    actual = {"policy": '{"b":[2],"a":1}', "guards": ["y", "x"], "height": 3, "colour": "red", "arn": "arn:gate"}
    assert merge_state(GATE, STATE, actual) == {**STATE, "colour": "red"}


def test_merge_takes_changes_and_drops_deleted_values() -> None:
    actual = {"policy": '{"a":2}', "guards": None, "height": 4}
    expected = {**STATE, "policy": '{"a":2}', "height": 4}
    del expected["guards"]
    assert merge_state(GATE, STATE, actual) == expected


def test_refreshed_inputs_have_no_outputs_and_no_aws_defaults() -> None:
    actual = {"height": 4, "colour": "red", "arn": "arn:gate", "policy": '{"b": [2], "a": 1}'}
    assert refresh_inputs(GATE, BASE, actual) == {**BASE, "height": 4}
    assert refresh_inputs(GATE, {**BASE, "colour": "green"}, actual)["colour"] == "red"


def test_generated_name_keeps_its_limit_and_depends_on_the_seed() -> None:
    seed = bytes(range(16))
    assert generate_name("gate", 64, seed) == "gate-0001020"
    assert len(generate_name("g" * 100, 32, seed)) == 32
    assert generate_name("gate", 64, bytes(16)) == "gate-0000000"
