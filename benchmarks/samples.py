"""Repeated measurements of one thing, and two things compared.

Non-goals: tests of significance. The machine's other load is neither random nor the same from run to run, so the
result is the median, the range, and the ratio of runs that took turns.
"""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

Result = TypeVar("Result")
Other = TypeVar("Other")


@dataclass(frozen=True)
class Samples:
    """Measurements of one thing, in one unit.

    Attributes:
        values: in the order they were taken; at least one.
    """

    values: Sequence[float]

    def __post_init__(self) -> None:
        if not self.values:
            raise ValueError("no measurement was taken")

    @property
    def median(self) -> float:
        """The median of the values."""
        return statistics.median(self.values)

    def text(self, digits: int = 2) -> str:
        """The median with minimum and maximum: `4.10 (3.98-4.51)`; a single value alone."""
        median, least, most = (f"{value:.{digits}f}" for value in (self.median, min(self.values), max(self.values)))
        return median if least == most else f"{median} ({least}-{most})"


def ratio(numerator: Samples, denominator: Samples) -> float:
    """Median of the ratios of runs that took turns.

    Both sides of a pair had the same load, which the ratio of two medians would ignore.

    Raises:
        ValueError: they did not take turns.
    """
    return statistics.median(left / right for left, right in zip(numerator.values, denominator.values, strict=True))


def run_in_turns(
    repeat: int, first: Callable[[], Result], second: Callable[[], Other]
) -> tuple[list[Result], list[Other]]:
    """Run two functions in turns; each begins every other turn."""
    firsts: list[Result] = []
    seconds: list[Other] = []
    for turn in range(repeat):
        if turn % 2 == 0:
            firsts.append(first())
            seconds.append(second())
        else:
            seconds.append(second())
            firsts.append(first())
    return firsts, seconds
