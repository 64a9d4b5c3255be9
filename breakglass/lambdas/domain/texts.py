"""Free texts of people that are required: whether there is anything to read in one.

Non-goals: how a text is shown (see `slack.text`).
"""

_INVISIBLE_LETTERS = frozenset("\u115f\u1160\u3164\uffa0")
"""Hangul fillers: letters by their category, with nothing to see (Unicode, `Default_Ignorable_Code_Point`)."""


def is_blank(text: str) -> bool:
    """Return whether a text has no visible letter or digit, in any script.

    Spaces, zero-width characters, the braille blank, combining marks, punctuation and pictures alone explain nothing.
    """
    return not any(character.isalnum() and character not in _INVISIBLE_LETTERS for character in text)
