"""The text of a failed look-up, as Pulumi's SDK writes it."""

import pytest

from breakglass.components.provider_error import words_of


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("invoke of aws:x/y:y failed: no such group ()", "no such group"),
        ("something else", "something else"),
        ("invoke of aws:x/y:y failed: \x1b]0;owned\x07", "\\u001b]0;owned\\u0007"),
    ],
)
def test_words_of_provider_error_are_unchanged(said: str, words: str) -> None:
    assert words_of(Exception(said)) == words
