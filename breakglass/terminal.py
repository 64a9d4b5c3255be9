"""Escapes text for terminals.

Names, reasons and values of a stack file come from people, and a terminal runs control characters: escape sequences
move the cursor and set the title or the clipboard (C0 and C1 controls, OSC), bidirectional overrides reorder a text. So
all printed text goes through `escape_unprintable`, or through a `PrintableStream`.

Non-goals: line breaks, which are kept; formulas in a spreadsheet (`cli.audit`).
"""

import unicodedata
from typing import Protocol


class Stream(Protocol):
    """A stream of text, e.g. standard output."""

    def write(self, text: str, /) -> object:
        """Write a text."""

    def flush(self) -> None:
        """Write what is buffered."""


class PrintableStream:
    r"""Writes escaped text to another stream; line ends are `\n` or `\r\n`."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def write(self, text: str, /) -> None:
        """Write a text."""
        self._stream.write("\r\n".join(map(escape_unprintable, text.split("\r\n"))))

    def flush(self) -> None:
        """Write what is buffered."""
        self._stream.flush()


def escape_unprintable(text: str) -> str:
    r"""Return a text with all invisible characters but line breaks escaped as in JSON, e.g. `\u001b`.

    Invisible are Unicode's categories Cc (controls), Cf (formats, e.g. bidirectional ones), Cs, Co, Cn, Zl and Zp.
    An escaped JSON text has the same value.
    """
    return text if text.isprintable() else "".join(char if _is_visible(char) else _escaped(char) for char in text)


def _is_visible(char: str) -> bool:
    category = unicodedata.category(char)
    return char == "\n" or not (category.startswith("C") or category in ("Zl", "Zp"))


def _escaped(char: str) -> str:
    units = char.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))
