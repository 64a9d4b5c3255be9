"""Text for Slack: text of people is shown whole and without markup.

It does not prove how Slack draws a text or counts its characters; both ways of counting stay within the limits.
"""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakglass.app.domain.records import SYSTEM, Actor
from breakglass.app.slack.text import (
    code,
    escape,
    format_actor,
    format_countdown,
    format_time,
    format_utc,
    quote,
    replace_surrogates,
    shorten,
)
from localcloud.emulators.block_kit import block_problems

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=200)
AT = 1_764_187_200


def test_escape_disables_markup() -> None:
    assert escape("<!channel> & <@UADA> <https://evil.example|here>") == (
        "&lt;!channel&gt; &amp; &lt;@UADA&gt; &lt;https://evil.example|here&gt;"
    )


def test_escape_keeps_a_typed_entity() -> None:
    assert escape("&lt;") == "&amp;lt;"


@pytest.mark.parametrize(
    ("name", "span"),
    [
        ("production", "`production`"),
        ("*bold* _it_ :tada: <!here>", "`*bold* _it_ :tada: &lt;!here&gt;`"),
        ("a`b", "`a\u02cbb`"),
        ("two\nlines\u2028three", "`two lines three`"),
        ("\u202eevil\u2066", "`evil`"),
        ("x" * 81, f"`{'x' * 79}…`"),
        ("", "`(no name)`"),
        ("\u200b", "`(no name)`"),
    ],
)
def test_code_is_one_line_without_markup(name: str, span: str) -> None:
    assert code(name) == span


@given(ANY_TEXT)
def test_code_of_any_name_stays_in_its_span(name: str) -> None:
    span = code(name)
    assert re.fullmatch(r"`[^`\n\r<>]+`", span)
    assert re.search(r"&(?!amp;|lt;|gt;)", span) is None
    json.dumps(span, ensure_ascii=False).encode()


@given(ANY_TEXT)
def test_escape_is_reversible(text: str) -> None:
    back = escape(text).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    assert back == replace_surrogates(text)


@given(ANY_TEXT)
def test_replace_surrogates_of_any_text_can_be_sent(text: str) -> None:
    assert json.loads(json.dumps(replace_surrogates(text)).encode()) == replace_surrogates(text)
    replace_surrogates(text).encode()


@given(st.text(max_size=200))
def test_replace_surrogates_keeps_valid_text(text: str) -> None:
    assert replace_surrogates(text) == text


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("a\ud800b", "a\ufffdb"),
        ("\udc00\ud800", "\ufffd\ufffd"),
        ("\ud83d\ude00", "\U0001f600"),
        ("\ufeffx", "\ufeffx"),
    ],
)
def test_replace_surrogates_replaces_only_lone_surrogates(text: str, sent: str) -> None:
    assert replace_surrogates(text) == sent


@pytest.mark.parametrize(
    ("actor", "name"),
    [
        (Actor("u-ada", "Ada", "UADA"), "<@UADA>"),
        (Actor("u-ada", "Ada"), "`Ada`"),
        (Actor("u-ada", "Ada <!channel>", "UADA>"), "`Ada &lt;!channel&gt;`"),
        (Actor("u-ada", "Ada", "!channel"), "`Ada`"),
        (Actor("u-ada", "Ada", "UADA\n"), "`Ada`"),
        (Actor("u-ada", ""), "`u-ada`"),
        (SYSTEM, "`break-glass`"),
    ],
)
def test_format_actor_mentions_only_by_id(actor: Actor, name: str) -> None:
    assert format_actor(actor) == name


def test_times_have_a_utc_fallback() -> None:
    assert format_utc(AT) == "2025-11-26 20:00 UTC"
    assert format_time(AT) == "<!date^1764187200^{date_short_pretty} at {time}|2025-11-26 20:00 UTC>"
    assert format_countdown(AT) == "<!date^1764187200^{date_short_pretty} at {time} ({ago})|2025-11-26 20:00 UTC>"


def test_quote_is_a_label_and_plain_text() -> None:
    assert quote("Why", "the restore <!channel> *failed*\n:fire:") == [
        {"type": "section", "text": {"type": "mrkdwn", "text": "*Why*", "verbatim": True}},
        {
            "type": "section",
            "text": {"type": "plain_text", "text": "the restore <!channel> *failed*\n:fire:", "emoji": False},
        },
    ]


def test_quote_of_blank_text_is_empty() -> None:
    assert quote("Why", " \n") == []


@pytest.mark.parametrize(
    ("text", "lengths"),
    [
        ("x" * 3000, [3000]),
        ("x" * 3001, [3000, 1]),
        ("\U0001f525" * 1500, [1500]),
        ("x\U0001f525" * 1500, [2000, 1000]),
    ],
)
def test_quote_of_long_text_has_more_sections(text: str, lengths: list[int]) -> None:
    assert [len(block["text"]["text"]) for block in quote("Why", text)[1:]] == lengths


@given(st.text(st.characters(exclude_categories=()), min_size=1, max_size=50), st.integers(1, 400))
def test_quote_of_any_text_is_whole_and_fits(piece: str, times: int) -> None:
    text = piece * times
    blocks = quote("Why", text)
    shown = "".join(block["text"]["text"] for block in blocks[1:])
    assert shown == (replace_surrogates(text) if text.strip() else "")
    assert not blocks or block_problems(blocks) == []
    for block in blocks[1:]:
        assert block["text"]["type"] == "plain_text"
        assert len(block["text"]["text"].encode("utf-16-le")) <= 2 * 3000


def test_shorten_cuts_with_an_ellipsis() -> None:
    assert shorten("x" * 10, 10) == "x" * 10
    assert shorten("x" * 11, 10) == "x" * 9 + "…"
