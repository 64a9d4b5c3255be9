"""Limits of free texts, and a check for blank ones.

A record with every text at its longest stays far below DynamoDB's limit of 400 KB an item
(tests/app/aws/test_item_sizes.py).
"""

LONGEST_REASON = 3000
"""Maximum length of a reason."""

LONGEST_NOTE = 2000
"""Maximum length of a note, and of a justification."""

LONGEST_TICKET = 64
"""Maximum length of a ticket."""

_INVISIBLE_LETTERS = frozenset("\u115f\u1160\u3164\uffa0\U00013441\U00013442")
"""Hangul fillers and, from Python 3.12 on, Egyptian blanks: letters by category, but invisible."""


def is_blank(text: str) -> bool:
    """Return true if a text has no visible letter or digit in any script.

    Spaces, zero-width characters, the braille blank, combining marks, punctuation and pictures are not enough.
    """
    return not any(character.isalnum() and character not in _INVISIBLE_LETTERS for character in text)
