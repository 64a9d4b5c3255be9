"""What a reader is told of a look-up that failed, as Pulumi's SDK words it."""

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
def test_words_of_a_provider_error_are_its_own(said: str, words: str) -> None:
    assert words_of(Exception(said)) == words
