"""Repeated measurements of one thing, and two things compared.

Non-goals: tests of significance. The machine's other load is neither random nor the same from run to run, so what is
said is the median, how far the runs were apart, and the ratio of what ran in turns.
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
        """Half of the runs took no more."""
        return statistics.median(self.values)

    def text(self, digits: int = 2) -> str:
        """The median, and behind it the least and the most: `4.10 (3.98-4.51)`; one value stands alone."""
        median, least, most = (f"{value:.{digits}f}" for value in (self.median, min(self.values), max(self.values)))
        return median if least == most else f"{median} ({least}-{most})"


def ratio(numerator: Samples, denominator: Samples) -> float:
    """How many times as much the one took: the median of the ratios of runs that took turns.

    Both sides of a pair met the same load, which the ratio of two medians would not know.

    Raises:
        ValueError: if they did not take turns.
    """
    return statistics.median(one / other for one, other in zip(numerator.values, denominator.values, strict=True))


def in_turns(repeat: int, one: Callable[[], Result], other: Callable[[], Other]) -> tuple[list[Result], list[Other]]:
    """Runs two things in turns, beginning with the one and with the other by turns.

    Args:
        repeat: how many times each is run.
        one: the one thing.
        other: the other.
    """
    ones: list[Result] = []
    others: list[Other] = []
    for turn in range(repeat):
        if turn % 2 == 0:
            ones.append(one())
            others.append(other())
        else:
            others.append(other())
            ones.append(one())
    return ones, others
