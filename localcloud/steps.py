"""The result of one step of a scenario: expected, seen, and its duration."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes:
        name: the user's action.
        expected: the state to see afterwards.
        seen: the state that was seen.
        seconds: the duration.
    """

    name: str
    expected: str
    seen: str
    seconds: float

    @property
    def ok(self) -> bool:
        """True if the expected state was seen."""
        return self.seen == self.expected
