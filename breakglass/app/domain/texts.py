"""Free texts of people that are required: whether there is anything to read in one.

A record with every text at its longest stays far below DynamoDB's 400 KB an item
(tests/app/aws/test_item_sizes.py).

Non-goals: how a text is shown (see `slack.text`).
"""

LONGEST_REASON = 3000
"""Characters of a reason."""

LONGEST_NOTE = 2000
"""Characters of a note, and of a justification."""

LONGEST_TICKET = 64
"""Characters of a ticket."""

_INVISIBLE_LETTERS = frozenset("\u115f\u1160\u3164\uffa0\U00013441\U00013442")
"""Hangul fillers and, from Python 3.12 on, Egyptian blanks: letters by their category, with nothing to see."""


def is_blank(text: str) -> bool:
    """Return whether a text has no visible letter or digit, in any script.

    Spaces, zero-width characters, the braille blank, combining marks, punctuation and pictures alone explain nothing.
    """
    return not any(character.isalnum() and character not in _INVISIBLE_LETTERS for character in text)
