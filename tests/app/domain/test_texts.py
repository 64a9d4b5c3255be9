"""Blank texts: visible letters and digits count, in any script."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakglass.app.domain.texts import is_blank

BLANK = {
    "nothing": "",
    "white space": " \n\t\u00a0\u2003\u3000",
    "zero-width characters": "\u200b\u200c\u200d\u2060\ufeff",
    "the braille blank": "\u2800" * 5,
    "braille dots": "\u2801\u2802",
    "combining marks alone": "\u0301\u0302\u20dd",
    "hangul fillers": "\u115f\u1160\u3164\uffa0",
    "Egyptian blanks, which are letters from Python 3.12 on": "\U00013441\U00013442",
    "soft hyphens and marks of direction": "\u00ad\u200e\u202e\u2066",
    "variation selectors and tags": "\ufe0f\U000e0041\U000e0100",
    "punctuation": "... -!? \u2026",
    "pictures": "\U0001f525\U0001f525",
    "a lone surrogate": "\ud800",
}
WRITTEN = ["a", "7", " restore ", "Größe", "東京", "\u0431", "ع", "ก", "अ", "\u0661", "\u200bx\u200b", "e\u0301"]


@pytest.mark.parametrize("sentence", BLANK)
def test_is_blank_without_visible_letter_is_true(sentence: str) -> None:
    assert is_blank(BLANK[sentence])


@pytest.mark.parametrize("text", WRITTEN)
def test_is_blank_with_visible_letter_is_false(text: str) -> None:
    assert not is_blank(text)


@given(before=st.text(max_size=5), after=st.text(max_size=5))
def test_is_blank_with_letter_anywhere_is_false(before: str, after: str) -> None:
    assert not is_blank(f"{before}x{after}")


@given(st.text(alphabet=st.characters(categories=["M", "P", "S", "Z", "C"]), max_size=20))
def test_is_blank_of_marks_and_signs_is_true(text: str) -> None:
    assert is_blank(text)
