"""A log that tests read."""

from typing import Any


class MemoryLog:
    """Remembers what was logged: names, with their fields.

    Attributes:
        lines: in order.
    """

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, event: str, **fields: Any) -> None:
        self.lines.append((event, fields))
