"""The wildcard complexity of an event pattern, by which EventBridge refuses rules.

While EventBridge reads a field, it follows every wildcard of the pattern that may still match. The complexity is the
most prefixes of wildcards that one text can match at the same time. EventBridge documents no number. By recorded
answers of PutRule and TestEventPattern it accepts 10 and refuses 11.

Sources: the class MachineComplexityEvaluator of AWS's Event Ruler (https://github.com/aws/event-ruler) for the idea;
the recorded answers are in `tests/unit/alerts/test_complexity.py`.

Non-goals: other rules for valid patterns. Matchers that are written differently and mean the same (`cidr`,
`numeric`, lists of `anything-but`) count as different ones.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

COMPLEXITY_LIMIT = 10
"""The highest complexity that EventBridge accepts; recorded in September 2026, documented nowhere."""

_STAR = None
_Tokens = tuple[int | None, ...]


@dataclass(frozen=True)
class _Matcher:
    """One entry of a field's list: its text as identity, and the wildcards in it."""

    identity: str
    wildcards: tuple[_Tokens, ...]
    is_absent: bool


@dataclass(eq=False)
class _State:
    """A state of the comparison after some fields of an event, with the fields that are compared next."""

    fields: "dict[str, list[tuple[_Matcher, _State]]]" = field(default_factory=dict)


def wildcard_complexity(pattern: Mapping[str, Any], *, behind_absent: bool = False) -> int:
    """Return the wildcard complexity of an event pattern.

    Args:
        pattern: The event pattern.
        behind_absent: Whether wildcards count that are compared only after a field was found absent (`exists: false`).
            EventBridge does not count them by its recorded answers; newer versions of Event Ruler do.

    Returns:
        The exact complexity up to `COMPLEXITY_LIMIT`, else a number above it.
    """
    start = _State()
    for clause in _clauses(pattern):
        states = [start]
        for path in sorted(clause):
            states = _unique(following for state in states for following in _add(state, path, clause[path]))
    highest, seen, pending = 0, {start}, [start]
    while pending:
        for edges in pending.pop().fields.values():
            highest = max(highest, _field_complexity([matcher for matcher, _ in edges]))
            for matcher, following in edges:
                if following not in seen and (behind_absent or not matcher.is_absent):
                    seen.add(following)
                    pending.append(following)
    return highest


def _clauses(pattern: Mapping[str, Any], prefix: str = "") -> list[dict[str, list[_Matcher]]]:
    """Write a pattern without `$or`: as the list of its alternatives, each with its matchers by field."""
    clauses: list[dict[str, list[_Matcher]]] = [{}]
    for key, value in pattern.items():
        if key == "$or":
            options = [clause for option in value for clause in _clauses(option, prefix)]
        elif isinstance(value, Mapping):
            options = _clauses(value, f"{prefix}{key}.")
        else:
            options = [{f"{prefix}{key}": [_matcher(entry) for entry in value]}]
        clauses = [{**clause, **option} for clause in clauses for option in options]
    return clauses


def _matcher(entry: Any) -> _Matcher:
    wildcards: list[str] = []
    if isinstance(entry, Mapping):
        negated = entry.get("anything-but")
        found = entry.get("wildcard") or (negated.get("wildcard", []) if isinstance(negated, Mapping) else [])
        wildcards = sorted(set([found] if isinstance(found, str) else found))
    is_absent = isinstance(entry, Mapping) and entry.get("exists") is False
    return _Matcher(json.dumps(entry, sort_keys=True), tuple(map(_tokens, wildcards)), is_absent)


def _tokens(wildcard: str) -> _Tokens:
    """Split a wildcard into bytes and stars, with the quotes that a text has in JSON."""
    tokens: list[int | None] = []
    text = iter(wildcard)
    for character in text:
        if character == "*":
            tokens.append(_STAR)
        else:
            tokens.extend((next(text) if character == "\\" else character).encode())
    return (ord('"'), *tokens, ord('"'))


def _add(state: _State, path: str, matchers: Sequence[_Matcher]) -> Iterator[_State]:
    """Add a field's matchers to a state. Equal matchers, and those of one list, share the next state."""
    edges = state.fields.setdefault(path, [])
    known = {matcher.identity: following for matcher, following in edges}
    following: _State | None = None
    for matcher in matchers:
        following = known.setdefault(matcher.identity, following or _State())
        edges.append((matcher, following))
        yield following


def _unique(states: Iterator[_State]) -> list[_State]:
    return list(dict.fromkeys(states))


def _field_complexity(matchers: Sequence[_Matcher]) -> int:
    """Return the most prefixes of the wildcards that one text matches at the same time."""
    wildcards = [(matcher.identity, tokens) for matcher in matchers for tokens in matcher.wildcards]
    if not wildcards:
        return 0
    # Any byte that is in no wildcard represents all the others.
    alphabet = {token for _, tokens in wildcards for token in tokens} - {_STAR} | {-1}
    # A position is a wildcard and the length of its prefix that the text matches so far.
    start = frozenset((index, 0) for index in range(len(wildcards)))
    highest, seen, pending = 0, {start}, [start]
    while pending:
        positions = pending.pop()
        for byte in alphabet:
            reached = frozenset(_read(wildcards, positions, byte))
            if reached and reached not in seen:
                highest = max(highest, len({_prefix(wildcards, index, length) for index, length in reached}))
                if highest > COMPLEXITY_LIMIT:
                    return highest
                seen.add(reached)
                pending.append(reached)
    return highest


def _read(
    wildcards: Sequence[tuple[str, _Tokens]], positions: frozenset[tuple[int, int]], byte: int | None
) -> Iterator[tuple[int, int]]:
    """Return the positions after one more byte."""
    for index, length in positions:
        tokens = wildcards[index][1]
        if length and tokens[length - 1] is _STAR:
            yield index, length
        if length < len(tokens) and tokens[length] == byte:
            yield index, length + 1
            # A star also matches nothing.
            if length + 1 < len(tokens) and tokens[length + 1] is _STAR:
                yield index, length + 2


def _prefix(wildcards: Sequence[tuple[str, _Tokens]], index: int, length: int) -> tuple[Any, ...]:
    """Identify a prefix: wildcards of one matcher share it up to the first star, and their end."""
    identity, tokens = wildcards[index]
    prefix = tokens[:length]
    if length == len(tokens):
        return (identity,)
    return (identity, prefix) if _STAR not in prefix[:-1] else (identity, index, length)
