"""An upper bound on the steps of Python's regular expressions, for every text of a given length.

`re` backtracks: it tries every way to match a text. `(a+)+` has 2^n ways to read n letters, so a text without a match
blocks the function for hours. The bound counts the ways for each position of the pattern (its Glushkov automaton, with
the number of ways along each edge), and takes the worst character at each step.

The bound is too high for atomic groups, possessive quantifiers, references to groups, and parts that repeat more than
16 times.

Non-goals: the time of a step; `re.search`.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import reduce

# Python's own parser reads the pattern that later runs. It is private, and has had this form since 3.11.
from re import _constants, _parser  # type: ignore[attr-defined]
from typing import Any

_OTHER = 128
_ALL = frozenset(range(_OTHER + 1))
"""The characters that are distinguished: ASCII, and one code for all others."""

_MOST_COPIES, _MOST_POSITIONS = 16, 200


def most_steps(pattern: str, longest: int, limit: int) -> int:
    """Return an upper bound on the steps of `re.fullmatch` for any text.

    Args:
        pattern: A valid regular expression.
        longest: The largest number of characters of a text.
        limit: The count ends here: a result above it only means that the limit is exceeded.
    """
    parsed = _parser.parse(pattern)
    automaton = _Automaton(longest, limit)
    return automaton.steps(automaton.sequence(parsed, parsed.state.flags))


@dataclass(frozen=True)
class _Part:
    """The first and last positions of a part of a pattern, with the number of ways."""

    first: Counter[int] = field(default_factory=Counter)
    last: Counter[int] = field(default_factory=Counter)
    empty: int = 0
    """The number of ways to match the empty text."""


_NOTHING = _Part(empty=1)


@dataclass
class _Automaton:
    """The positions of a pattern; each reads a character."""

    longest: int
    limit: int
    sets: list[frozenset[int]] = field(default_factory=list)
    """The characters of each position."""
    follow: Counter[tuple[int, int]] = field(default_factory=Counter)
    """(source, target) -> the number of ways from a position to the next."""
    assertions: int = 1
    """The steps of the lookaheads and lookbehinds, once each."""

    def steps(self, whole: _Part) -> int:
        # Characters that the same positions read count once.
        readers = {frozenset(at for at, chars in enumerate(self.sets) if char in chars) for char in _ALL}
        into: dict[int, list[tuple[int, int]]] = {}
        for (source, target), ways in self.follow.items():
            into.setdefault(target, []).append((source, ways))
        ways_to, total = dict(whole.first), 1
        for _ in range(self.longest):
            total += max(sum(ways_to.get(at, 0) for at in reading) for reading in readers)
            if total * self.assertions > self.limit:
                break
            ways_to = {
                target: max(
                    sum(ways_to.get(source, 0) * ways for source, ways in sources if source in reading)
                    for reading in readers
                )
                for target, sources in into.items()
            }
        return total * self.assertions

    def sequence(self, items: Iterable[tuple[Any, Any]], flags: int) -> _Part:
        return reduce(self._then, (self._item(str(op), argument, flags) for op, argument in items), _NOTHING)

    def _then(self, left: _Part, right: _Part) -> _Part:
        self._join(left.last, right.first)
        return _Part(
            left.first + _times(right.first, left.empty),
            right.last + _times(left.last, right.empty),
            left.empty * right.empty,
        )

    def _join(self, last: Counter[int], first: Counter[int]) -> None:
        for source, out in last.items():
            for target, into in first.items():
                self.follow[source, target] += out * into

    def _item(self, op: str, argument: Any, flags: int) -> _Part:
        match op:
            case "LITERAL" | "NOT_LITERAL" | "IN" | "ANY":
                return self._position(_characters(op, argument, flags))
            case "BRANCH":
                return _either([self.sequence(branch, flags) for branch in argument[1]])
            case "SUBPATTERN":
                _, added, removed, items = argument
                return self.sequence(items, (flags | added) & ~removed)
            case "ATOMIC_GROUP":
                return self.sequence(argument, flags)
            case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
                least, most, items = argument
                return self._repeat(least, most, items, flags)
            case "GROUPREF_EXISTS":
                return _either([self.sequence(items or (), flags) for items in argument[1:]])
            case "AT":
                return _NOTHING
            case "ASSERT" | "ASSERT_NOT":
                apart = _Automaton(self.longest, self.limit)
                self.assertions += apart.steps(apart.sequence(argument[1], flags))
                return _NOTHING
            case _:
                # A reference to a group: any text of any length.
                return self._repeat(0, _constants.MAXREPEAT, [("ANY", None)], flags)

    def _position(self, characters: frozenset[int]) -> _Part:
        self.sets.append(characters)
        here = len(self.sets) - 1
        return _Part(Counter([here]), Counter([here]))

    def _repeat(self, least: int, most: int, items: Sequence[tuple[Any, Any]], flags: int) -> _Part:
        if most == 0:
            return _NOTHING
        before = len(self.sets)
        once = self.sequence(items, flags)
        size = len(self.sets) - before
        if most <= _MOST_COPIES and before + most * size <= _MOST_POSITIONS:
            # Each repetition is a copy; the copies beyond the minimum are optional.
            copies = [once, *(self.sequence(items, flags) for _ in range(1, most))]
            rest = _NOTHING
            for number in reversed(range(most)):
                rest = self._then(copies[number], rest)
                rest = rest if number < least else _Part(rest.first, rest.last, rest.empty + 1)
            return rest
        # The repetition is a loop. Rounds that read nothing may precede each round.
        rounds = _empty_rounds(once.empty, min(least if most == _constants.MAXREPEAT else most, self.limit), self.limit)
        self._join(_times(once.last, rounds), once.first)
        return _Part(_times(once.first, rounds), _times(once.last, rounds), once.empty * rounds + (least == 0))


def _empty_rounds(ways: int, most: int, limit: int) -> int:
    """Return in how many ways up to `most` rounds read nothing, or a number over the limit."""
    if ways <= 1:
        return 1 + ways * most
    total = 1
    for _ in range(most):
        total = total * ways + 1
        if total > limit:
            break
    return total


def _times(counts: Counter[int], factor: int) -> Counter[int]:
    return Counter({at: count * factor for at, count in counts.items() if factor})


def _either(parts: Iterable[_Part]) -> _Part:
    return reduce(lambda a, b: _Part(a.first + b.first, a.last + b.last, a.empty + b.empty), parts)


def _characters(op: str, argument: Any, flags: int) -> frozenset[int]:
    """Return a superset of the characters that an item can read."""
    match op:
        case "LITERAL":
            return _folded({min(argument, _OTHER)}, flags)
        case "NOT_LITERAL":
            return _ALL - {argument}
        case "RANGE":
            low, high = argument
            return _folded(
                {min(code, _OTHER) for code in range(low, min(high, _OTHER) + 1)} | {min(high, _OTHER)}, flags
            )
        case "CATEGORY":
            letter = _CATEGORIES[str(argument)]
            return frozenset(code for code in range(_OTHER) if re.match(letter, chr(code))) | {_OTHER}
        case "IN":
            negated = str(argument[0][0]) == "NEGATE"
            # Case folding would exclude too many characters here.
            kept_flags = flags & ~re.IGNORECASE if negated else flags
            named = frozenset[int]().union(
                *(_characters(str(inner), value, kept_flags) for inner, value in argument[negated:])
            )
            return _ALL - named | {_OTHER} if negated else named
        case _:
            return _ALL


_CATEGORIES = {
    "CATEGORY_DIGIT": r"\d",
    "CATEGORY_NOT_DIGIT": r"\D",
    "CATEGORY_SPACE": r"\s",
    "CATEGORY_NOT_SPACE": r"\S",
    "CATEGORY_WORD": r"\w",
    "CATEGORY_NOT_WORD": r"\W",
}


def _folded(codes: Iterable[int], flags: int) -> frozenset[int]:
    """Return the characters, and with IGNORECASE those of the other case too; some are not in ASCII."""
    found = frozenset(codes)
    if not flags & re.IGNORECASE:
        return found
    return found | {ord(chr(code).swapcase()) for code in found if code < _OTHER} | {_OTHER}
