"""The result of one step of a scenario: what was expected, what was seen, and how long it took."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes:
        name: what a user does.
        expected: what should be seen afterwards.
        seen: what was seen.
        seconds: how long that took.
    """

    name: str
    expected: str
    seen: str
    seconds: float

    @property
    def ok(self) -> bool:
        """True if the expected was seen."""
        return self.seen == self.expected
