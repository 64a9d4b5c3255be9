"""Filter patterns of CloudWatch Logs for JSON events, as metric filters use them.

From "Filter pattern syntax for metric filters, subscription filters, filter log events" in the CloudWatch Logs User
Guide: `{ $.field = "text*" }`, numbers, IS NULL, IS TRUE, IS FALSE, EXISTS and NOT EXISTS, joined by && and || with
parentheses. A comparison with a missing field is false, also `!=`.

A pattern that uses anything else is refused, so that no metric is quietly wrong.

Pure. Non-goals: patterns for unstructured and for space-delimited events; regular expressions.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

Condition = Callable[[Any], bool]
"""True for a parsed event."""

_MISSING = object()
_TOKEN = re.compile(
    r"""\s*(?:
        (?P<selector>\$(?:\.[\w-]+|\[\d+\])+)
        |(?P<string>"(?:\\.|[^"\\])*")
        |(?P<number>-?\d+(?:\.\d+)?)
        |(?P<word>[A-Za-z]+)
        |(?P<sign>&&|\|\||!=|<=|>=|[=<>(){}])
    )""",
    re.VERBOSE,
)
_STEP = re.compile(r"\.([\w-]+)|\[(\d+)\]")


class InvalidPatternError(ValueError):
    """The pattern is wrong, or of a kind that is not imitated."""


def compile_pattern(pattern: str) -> Callable[[str], bool]:
    """Return a function that is true for the messages that match.

    Raises:
        InvalidPatternError: see there.
    """
    condition = _Parser(pattern).parse()

    def matches(message: str) -> bool:
        try:
            event = json.loads(message)
        except ValueError:
            return False
        return isinstance(event, (dict, list)) and condition(event)

    return matches


def select(event: Any, selector: str) -> Any:
    """Return the value of a selector such as `$.requestParameters.roleArn`; `None` for null or a missing field."""
    found = _select(event, selector)
    return None if found is _MISSING else found


def _select(event: Any, selector: str) -> Any:
    for key, index in _STEP.findall(selector):
        if key and isinstance(event, dict) and key in event:
            event = event[key]
        elif index and isinstance(event, list) and int(index) < len(event):
            event = event[int(index)]
        else:
            return _MISSING
    return event


class _Parser:
    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._tokens = list(self._split())
        self._next = 0

    def parse(self) -> Condition:
        self._expect("{")
        condition = self._disjunction()
        self._expect("}")
        if self._next < len(self._tokens):
            raise self._invalid()
        return condition

    def _split(self) -> Iterator[tuple[str, str]]:
        at = 0
        while self._pattern[at:].strip():
            found = _TOKEN.match(self._pattern, at)
            if found is None or found.lastgroup is None:
                raise self._invalid()
            yield found.lastgroup, found[found.lastgroup]
            at = found.end()

    def _invalid(self) -> InvalidPatternError:
        return InvalidPatternError(f"Invalid filter pattern: {self._pattern}")

    def _take(self) -> tuple[str, str]:
        if self._next >= len(self._tokens):
            raise self._invalid()
        self._next += 1
        return self._tokens[self._next - 1]

    def _takes(self, text: str) -> bool:
        if self._next < len(self._tokens) and self._tokens[self._next][1].upper() == text:
            self._next += 1
            return True
        return False

    def _expect(self, text: str) -> None:
        if not self._takes(text):
            raise self._invalid()

    def _disjunction(self) -> Condition:
        terms = [self._conjunction()]
        while self._takes("||"):
            terms.append(self._conjunction())
        return lambda event: any(term(event) for term in terms)

    def _conjunction(self) -> Condition:
        terms = [self._term()]
        while self._takes("&&"):
            terms.append(self._term())
        return lambda event: all(term(event) for term in terms)

    def _term(self) -> Condition:
        if self._takes("("):
            inner = self._disjunction()
            self._expect(")")
            return inner
        kind, selector = self._take()
        if kind != "selector":
            raise self._invalid()
        return self._comparison(lambda event: _select(event, selector))

    def _comparison(self, value: Callable[[Any], Any]) -> Condition:
        _, operator = self._take()
        match operator.upper():
            case "EXISTS":
                return lambda event: value(event) is not _MISSING
            case "NOT":
                self._expect("EXISTS")
                return lambda event: value(event) is _MISSING
            case "IS":
                wanted = {"NULL": None, "TRUE": True, "FALSE": False}.get(self._take()[1].upper(), _MISSING)
                if wanted is _MISSING:
                    raise self._invalid()
                return lambda event: value(event) is wanted
            case "=" | "!=":
                matches, is_equal = self._equals(), operator == "="
                return lambda event: value(event) is not _MISSING and matches(value(event)) is is_equal
            case "<" | "<=" | ">" | ">=":
                kind, text = self._take()
                if kind != "number":
                    raise self._invalid()
                return lambda event: _holds(operator, value(event), float(text))
            case _:
                raise self._invalid()

    def _equals(self) -> Callable[[Any], bool]:
        kind, text = self._take()
        match kind:
            case "number":
                return lambda value: isinstance(value, (int, float)) and value == float(text)
            case "string" | "word":
                plain = re.sub(r"\\(.)", r"\1", text[1:-1]) if kind == "string" else text
                pattern = re.compile(".*".join(map(re.escape, plain.split("*"))), re.DOTALL)
                return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None
            case _:
                raise self._invalid()


def _holds(operator: str, value: Any, limit: float) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    match operator:
        case "<":
            return value < limit
        case "<=":
            return value <= limit
        case ">":
            return value > limit
        case _:
            return value >= limit
