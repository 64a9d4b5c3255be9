"""The limits of Block Kit that the local Slack knows, each at its edge."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.emulators.block_kit import block_problems, is_metadata_accepted, option_problems, view_problems

Json = dict[str, Any]


def mrkdwn(text: str = "x") -> Json:
    return {"type": "mrkdwn", "text": text}


def plain(text: str = "x") -> Json:
    return {"type": "plain_text", "text": text}


def button(**fields: Any) -> Json:
    return {"type": "button", "text": plain(), "action_id": "a", **fields}


def section(**fields: Any) -> Json:
    return {"type": "section", **fields}


def header(text: Any) -> Json:
    return {"type": "header", "text": text}


def actions(*elements: Json) -> Json:
    return {"type": "actions", "elements": list(elements)}


def context(*elements: Json) -> Json:
    return {"type": "context", "elements": list(elements)}


def option(value: str = "v", text: str = "x") -> Json:
    return {"text": plain(text), "value": value}


def menu(kind: str = "static_select", **fields: Any) -> Json:
    return {"type": kind, "action_id": "a", **({"options": [option()]} if "static" in kind else {}), **fields}


def text_input(**fields: Any) -> Json:
    return {"type": "plain_text_input", "action_id": "a", **fields}


def field(element: Any, **fields: Any) -> Json:
    return {"type": "input", "label": plain(), "element": element, **fields}


def modal(*blocks: Any, **fields: Any) -> Json:
    return {"type": "modal", "title": plain(), "submit": plain(), "blocks": list(blocks), **fields}


CONFIRM = {"title": plain("x" * 100), "text": mrkdwn("x" * 300), "confirm": plain("x" * 30), "deny": plain("x" * 30)}


@pytest.mark.parametrize(
    "blocks",
    [
        [header(plain("x" * 150))],
        [section(text=mrkdwn("x" * 3000))],
        [section(fields=[mrkdwn("x" * 2000)] * 10)],
        [section(text=plain(), accessory=button())],
        [context(*[mrkdwn()] * 10)],
        [actions(*(button(action_id=str(number)) for number in range(25)))],
        [actions(button(text=plain("x" * 75), url="https://e.com/" + "x" * 2986, value="x" * 2000, style="danger"))],
        [actions(button(confirm=CONFIRM))],
        [{"type": "divider", "block_id": "x" * 255}] + [{"type": "divider"}] * 49,
    ],
)
def test_up_to_the_limit_is_accepted(blocks: list[Json]) -> None:
    assert block_problems(blocks) == []


@pytest.mark.parametrize(
    ("blocks", "problem"),
    [
        ("x", "must be an array [json-pointer:/blocks]"),
        ([], "no fewer than 1 items allowed [json-pointer:/blocks]"),
        ([{"type": "divider"}] * 51, "no more than 50 items allowed [json-pointer:/blocks]"),
        (["x"], "unsupported type: None [json-pointer:/blocks/0/type]"),
        ([{"type": "poem"}], "unsupported type: poem [json-pointer:/blocks/0/type]"),
        ([{"type": ["header"]}], "unsupported type: ['header'] [json-pointer:/blocks/0/type]"),
        (
            [{"type": "divider", "block_id": "x" * 256}],
            "must be less than 256 characters [json-pointer:/blocks/0/block_id]",
        ),
        ([{"type": "divider", "block_id": "b"}] * 2, "duplicate block_id: 'b' [json-pointer:/blocks]"),
        ([{"type": "divider", "text": "x"}], "invalid additional property: text [json-pointer:/blocks/0]"),
        ([{"type": "header"}], "missing required field: text [json-pointer:/blocks/0]"),
        ([header("x")], "unsupported type: None [json-pointer:/blocks/0/text/type]"),
        ([header(mrkdwn())], "unsupported type: mrkdwn [json-pointer:/blocks/0/text/type]"),
        ([header(plain(""))], "must be more than 0 characters [json-pointer:/blocks/0/text/text]"),
        ([header(plain("x" * 151))], "must be less than 151 characters [json-pointer:/blocks/0/text/text]"),
        ([header({"type": "plain_text", "text": 7})], "must be a string [json-pointer:/blocks/0/text/text]"),
        ([section()], "must provide text or fields [json-pointer:/blocks/0]"),
        ([section(text=mrkdwn("x" * 3001))], "must be less than 3001 characters [json-pointer:/blocks/0/text/text]"),
        ([section(fields=[])], "no fewer than 1 items allowed [json-pointer:/blocks/0/fields]"),
        ([section(fields=[mrkdwn()] * 11)], "no more than 10 items allowed [json-pointer:/blocks/0/fields]"),
        (
            [section(fields=[mrkdwn(), mrkdwn("x" * 2001)])],
            "must be less than 2001 characters [json-pointer:/blocks/0/fields/1/text]",
        ),
        ([context()], "no fewer than 1 items allowed [json-pointer:/blocks/0/elements]"),
        ([context(*[mrkdwn()] * 11)], "no more than 10 items allowed [json-pointer:/blocks/0/elements]"),
        (
            [actions(*(button(action_id=str(number)) for number in range(26)))],
            "no more than 25 items allowed [json-pointer:/blocks/0/elements]",
        ),
        ([actions(button(), button())], "duplicate action_id: 'a' [json-pointer:/blocks/0/elements]"),
        (
            [{"type": "divider"}, actions(button(text=plain("x" * 76)))],
            "must be less than 76 characters [json-pointer:/blocks/1/elements/0/text/text]",
        ),
        ([actions(button(text=mrkdwn()))], "unsupported type: mrkdwn [json-pointer:/blocks/0/elements/0/text/type]"),
        (
            [actions(button(url="x" * 3001))],
            "must be less than 3001 characters [json-pointer:/blocks/0/elements/0/url]",
        ),
        (
            [actions(button(value="x" * 2001))],
            "must be less than 2001 characters [json-pointer:/blocks/0/elements/0/value]",
        ),
        (
            [actions(button(style="loud"))],
            "must be one of primary, danger [json-pointer:/blocks/0/elements/0/style]",
        ),
        (
            [actions(button(confirm={**CONFIRM, "title": plain("x" * 101)}))],
            "must be less than 101 characters [json-pointer:/blocks/0/elements/0/confirm/title/text]",
        ),
    ],
)
def test_beyond_the_limit_is_refused_with_the_place(blocks: Any, problem: str) -> None:
    assert block_problems(blocks) == [f"[ERROR] {problem}"]


@pytest.mark.parametrize(
    "view",
    [
        modal(*[{"type": "divider"}] * 100, title=plain("x" * 24), submit=plain("x" * 24), close=plain("x" * 24)),
        modal({"type": "divider"}, private_metadata="x" * 3000, callback_id="x" * 255, clear_on_close=True),
        modal({"type": "divider"}, private_metadata=""),
        modal(field(menu(options=[option(str(n)) for n in range(100)], initial_option=option("99")))),
        modal(field(menu(options=[option("x" * 150, "x" * 75)], placeholder=plain("x" * 150)))),
        modal(field(menu("external_select", min_query_length=0, initial_option=option()))),
        modal(field(menu("multi_external_select", initial_options=[option()] * 100, max_selected_items=50))),
        modal(field(menu("multi_static_select", initial_options=[option()]))),
        modal(field(text_input(initial_value="x" * 3000, max_length=3000, min_length=0, multiline=True))),
        modal(field(text_input(initial_value=""))),
        modal(
            field(text_input(), label=plain("x" * 2000), hint=plain("x" * 2000), optional=True, dispatch_action=False)
        ),
        modal(section(text=mrkdwn(), accessory=menu())),
        {"type": "home", "blocks": [actions(menu(), button(action_id="b"))] * 100},
        {"type": "home", "blocks": [field(text_input())], "private_metadata": "x"},
    ],
)
def test_a_view_up_to_the_limit_is_accepted(view: Json) -> None:
    assert view_problems(view) == []


@pytest.mark.parametrize(
    ("view", "problem"),
    [
        ("x", "unsupported type: None [json-pointer:/type]"),
        ({"type": "dialog"}, "unsupported type: dialog [json-pointer:/type]"),
        (modal(), "no fewer than 1 items allowed [json-pointer:/blocks]"),
        (modal(*[{"type": "divider"}] * 101), "no more than 100 items allowed [json-pointer:/blocks]"),
        (
            modal({"type": "divider"}, title=plain("x" * 25)),
            "must be less than 25 characters [json-pointer:/title/text]",
        ),
        (
            modal({"type": "divider"}, submit=plain("x" * 25)),
            "must be less than 25 characters [json-pointer:/submit/text]",
        ),
        (
            modal({"type": "divider"}, private_metadata="x" * 3001),
            "must be less than 3001 characters [json-pointer:/private_metadata]",
        ),
        (modal({"type": "divider"}, colour="red"), "invalid additional property: colour [json-pointer:]"),
        (
            {"type": "modal", "title": plain(), "blocks": [field(text_input())]},
            "a submit is required when an input block is within the blocks array [json-pointer:/submit]",
        ),
        (
            {"type": "home", "title": plain(), "blocks": [{"type": "divider"}]},
            "invalid additional property: title [json-pointer:]",
        ),
        (
            modal(field(menu(options=[option(str(n)) for n in range(101)]))),
            "no more than 100 items allowed [json-pointer:/blocks/0/element/options]",
        ),
        (
            modal(field(menu(options=[]))),
            "no fewer than 1 items allowed [json-pointer:/blocks/0/element/options]",
        ),
        (
            modal(field(menu(options=[option("x" * 151)]))),
            "must be less than 151 characters [json-pointer:/blocks/0/element/options/0/value]",
        ),
        (
            modal(field(menu(options=[option(text="x" * 76)]))),
            "must be less than 76 characters [json-pointer:/blocks/0/element/options/0/text/text]",
        ),
        (
            modal(field(menu(initial_option=option("other")))),
            "initial_option must be among the options [json-pointer:/blocks/0/element/initial_option]",
        ),
        (
            modal(field(menu("multi_external_select", initial_options=[]))),
            "no fewer than 1 items allowed [json-pointer:/blocks/0/element/initial_options]",
        ),
        (
            modal(field(menu("external_select", min_query_length=-1))),
            "must be a number from 0 to 1000000 [json-pointer:/blocks/0/element/min_query_length]",
        ),
        (
            modal(field(menu("external_select", options=[option()]))),
            "invalid additional property: options [json-pointer:/blocks/0/element]",
        ),
        (
            modal(field(text_input(max_length=3001))),
            "must be a number from 1 to 3000 [json-pointer:/blocks/0/element/max_length]",
        ),
        (
            modal(field(text_input(max_length=10, initial_value="x" * 11))),
            "must be less than 11 characters [json-pointer:/blocks/0/element/initial_value]",
        ),
        (modal(field(button())), "unsupported type: button [json-pointer:/blocks/0/element/type]"),
        (
            modal(field(text_input(), label=plain("x" * 2001))),
            "must be less than 2001 characters [json-pointer:/blocks/0/label/text]",
        ),
        (
            modal(field(text_input(), block_id="b"), field(text_input(), block_id="b")),
            "duplicate block_id: 'b' [json-pointer:/blocks]",
        ),
    ],
)
def test_a_view_beyond_the_limit_is_refused_with_the_place(view: Any, problem: str) -> None:
    assert view_problems(view) == [f"[ERROR] {problem}"]


def test_an_input_belongs_into_a_view() -> None:
    assert block_problems([field(text_input())]) == ["[ERROR] unsupported type: input [json-pointer:/blocks/0/type]"]


def test_up_to_a_hundred_options_can_be_offered_and_none() -> None:
    assert option_problems([]) == []
    assert option_problems([option(str(n)) for n in range(100)]) == []
    assert option_problems([option()] * 101) == ["[ERROR] no more than 100 items allowed [json-pointer:/options]"]


def test_all_problems_come_at_once() -> None:
    assert len(block_problems([{"type": "header"}, section(), {"type": "poem"}])) == 3


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["type", "text", "elements", "fields"]), inner),
)


@given(_json)
def test_whatever_is_posted_gets_an_answer(blocks: object) -> None:
    problems = block_problems(blocks)
    assert all(problem.startswith("[ERROR] ") for problem in problems)


_KEYS = st.sampled_from(["type", "blocks", "element", "elements", "options", "initial_option", "initial_value", "text"])
_TYPES = st.sampled_from(["modal", "home", "input", "actions", "static_select", "plain_text_input", "section"])


@given(st.recursive(_TYPES | _json, lambda inner: st.lists(inner) | st.dictionaries(_KEYS, inner)))
def test_whatever_view_is_sent_gets_an_answer(view: object) -> None:
    assert all(problem.startswith("[ERROR] ") for problem in view_problems(view))


@pytest.mark.parametrize(
    ("metadata", "accepted"),
    [
        ({"event_type": "breakglass_use", "event_payload": {"event_id": "1"}}, True),
        ({"event_type": "breakglass_use"}, False),
        ({"event_type": 7, "event_payload": {}}, False),
        ({"event_type": "x", "event_payload": "y"}, False),
        ("x", False),
    ],
)
def test_metadata(metadata: object, accepted: bool) -> None:
    assert is_metadata_accepted(metadata) is accepted
