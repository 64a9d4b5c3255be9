"""The limits of Block Kit that the local Slack knows, each at its edge."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.emulators.block_kit import block_problems, metadata_accepted

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
    assert metadata_accepted(metadata) is accepted
