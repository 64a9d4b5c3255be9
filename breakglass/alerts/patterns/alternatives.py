"""Alternatives of an event pattern, and their split over several rules.

A pattern has at most `PATTERN_LIMIT` characters, and wildcards of one field add to its complexity, so a rule takes as
many alternatives as fit. A subject always has the same rules for the same values, in the same order.

Source: `JsonRuleCompiler` of Event Ruler (https://github.com/aws/event-ruler). It refuses a `$or` of fewer than two
objects, and a field that is both in a `$or` and beside it.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from breakglass.alerts.patterns.parts import Pattern

PATTERN_LIMIT = 2048
"""The most characters of an event pattern by default ("Amazon EventBridge quotas")."""

STARS_PER_FIELD = 4
"""The most stars in the wildcards of one field of a rule: its complexity is then at most 8."""

PARAMETERS = "requestParameters"

_Value = TypeVar("_Value")


@dataclass(frozen=True)
class Alternative:
    """One value of one field.

    Attributes:
        field: the names from `detail` to the field.
        value: a text, or a comparison such as `{"prefix": "a"}`.
        beside: further fields of the same call as a pattern; none of them in the alternative's own object.
    """

    field: tuple[str, ...]
    value: Any
    beside: Pattern | None = None


def parameter(name: str, *values: Any, beside: Pattern | None = None) -> list[Alternative]:
    """Return alternatives for values of a request parameter, e.g. `muteTargets.alarmNames`."""
    return [Alternative((PARAMETERS, *name.split(".")), value, beside) for value in values]


def any_of(alternatives: Sequence[Alternative]) -> Pattern:
    """Return the part of a pattern that matches any of the alternatives, at least one."""
    plain = _grouped(a for a in alternatives if not a.beside and a.field[0] == PARAMETERS)
    patterns = [{PARAMETERS: _either([_nested(field[1:], values) for (field, _), values in plain])}] if plain else []
    others = _grouped(a for a in alternatives if a.beside or a.field[0] != PARAMETERS)
    patterns += [{**json.loads(beside), **_nested(field, values)} for (field, beside), values in others]
    return _either(patterns)


def split(build: Callable[[Sequence[_Value]], Pattern], values: Sequence[_Value]) -> Iterator[Pattern]:
    """Return the patterns of the rules that the values need.

    Each value is in the first rule with room for it.

    Args:
        build: returns the pattern of a rule for some of the values.
        values: alternatives, or texts that are compared as a whole.
    """
    chunks: list[list[_Value]] = []
    for value in values:
        room = next((chunk for chunk in chunks if _fits(build, [*chunk, value])), None)
        if room is None:
            chunks.append([value])
        else:
            room.append(value)
    return map(build, chunks)


def compact_json(pattern: Pattern) -> str:
    """Return a pattern as JSON without white space."""
    return json.dumps(pattern, separators=(",", ":"))


def _fits(build: Callable[[Sequence[_Value]], Pattern], values: Sequence[_Value]) -> bool:
    pattern = build(values)
    stars = Counter[tuple[str, ...]]()
    for field, matcher in _matchers(pattern):
        if isinstance(matcher, dict):
            stars[field] += str(matcher.get("wildcard", "")).count("*")
    return max(stars.values(), default=0) <= STARS_PER_FIELD and len(compact_json(pattern)) <= PATTERN_LIMIT


def _matchers(pattern: Pattern, field: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield each matcher of a pattern with its field, those of all alternatives."""
    for key, value in pattern.items():
        if key == "$or":
            for option in value:
                yield from _matchers(option, field)
        elif isinstance(value, dict):
            yield from _matchers(value, (*field, key))
        else:
            yield from (((*field, key), matcher) for matcher in value)


def _grouped(alternatives: Iterator[Alternative]) -> list[tuple[tuple[tuple[str, ...], str], list[Any]]]:
    """Group the values by field and by what is beside it."""
    groups: dict[tuple[tuple[str, ...], str], list[Any]] = {}
    for each in alternatives:
        groups.setdefault((each.field, json.dumps(each.beside or {})), []).append(each.value)
    return list(groups.items())


def _either(patterns: Sequence[Pattern]) -> Pattern:
    return patterns[0] if len(patterns) == 1 else {"$or": list(patterns)}


def _nested(field: Sequence[str], values: list[Any]) -> Pattern:
    pattern: Any = values
    for name in reversed(field):
        pattern = {name: pattern}
    return pattern
