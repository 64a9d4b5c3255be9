"""Text that no terminal takes for a command.

Names, reasons and values of a stack file come from people, and a terminal obeys what is in them: escape sequences move
the cursor and set the title or the clipboard (C0 and C1 controls, OSC), bidirectional overrides show a text in another
order than it has. So everything that is printed goes through `printable`, at the latest by a `PrintableStream`.

Non-goals: line breaks, which a text may have; what a spreadsheet does with a text (see `cli.audit`).
"""

import unicodedata
from typing import Protocol


class Stream(Protocol):
    """Where text is written to, e.g. standard output."""

    def write(self, text: str, /) -> object:
        """Write a text."""

    def flush(self) -> None:
        """Pass on what is buffered."""


class PrintableStream:
    r"""Writes to another stream, and everything `printable`; line ends are `\n` or `\r\n`.

    Args:
        stream: the other one.
    """

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def write(self, text: str, /) -> None:
        """Write a text."""
        self._stream.write("\r\n".join(map(escape_unprintable, text.split("\r\n"))))

    def flush(self) -> None:
        """Pass on what is buffered."""
        self._stream.flush()


def escape_unprintable(text: str) -> str:
    r"""Return a text with every invisible character but the line break as JSON writes it, e.g. `\u001b`.

    Invisible are Unicode's categories Cc (controls), Cf (formats, e.g. bidirectional ones), Cs, Co, Cn, Zl and Zp.
    So a JSON text is still one, and says the same.
    """
    return text if text.isprintable() else "".join(char if _is_visible(char) else _escaped(char) for char in text)


def _is_visible(char: str) -> bool:
    category = unicodedata.category(char)
    return char == "\n" or not (category.startswith("C") or category in ("Zl", "Zp"))


def _escaped(char: str) -> str:
    units = char.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))
