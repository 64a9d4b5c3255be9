"""CloudWatch Logs Insights: the part of its query language that the state machines use.

Commands: `fields`, `filter`, `parse` with a regular expression, `stats`, `sort`, `limit`. Any other command, function
or operator is an error, as a misspelled one is at AWS. Fields are found as AWS finds them, no more than 200 of a JSON
record, and `ispresent`, `coalesce` and the functions of `stats` see those only.

Sources: "CloudWatch Logs Insights language query syntax", "Supported logs and discovered fields" (CloudWatch Logs User
Guide).

Non-goals: the time that a query takes, the bytes that it is charged for.
"""

import importlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from localcloud.emulators.hooks import require_hooks

MOST_FIELDS = 200
"""The most fields that Insights finds in a JSON record."""

DEFAULT_LIMIT = 10_000

_TOKEN = re.compile(
    r"""\s*(?:(?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|(?P<regex>/(?:\\.|[^/\\])+/)|(?P<number>-?\d+(?:\.\d+)?)"""
    r"""|(?P<name>[@A-Za-z_][\w@]*(?:\.\w+)*)|(?P<sign><=|>=|[=<>(),\[\]*]))"""
)

_COMMAND = re.compile(r"""((?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|/(?:\\.|[^/\\])+/|[^|"'/])*)(\||$)""")

Row = dict[str, Any]
"""A log record or a row of results: fields by their names; one that is not found is missing."""

Expression = Callable[[Row], Any]
"""The value of a row; None is no value."""


class MalformedQueryError(Exception):
    """A query that is not understood."""


@dataclass(frozen=True)
class LogEvent:
    """An event of a log group.

    Attributes:
        message: its text.
        timestamp: its time, in milliseconds since the epoch.
        ingestion_time: the time at which it arrived.
        log: name of the log group.
        pointer: its ID.
    """

    message: str
    timestamp: int
    ingestion_time: int
    log: str = ""
    pointer: str = ""


def run_query(query: str, events: Sequence[LogEvent]) -> list[Row]:
    """Return the rows of results, each field as text.

    Raises:
        MalformedQueryError: the query is not understood.
    """
    rows = [_discovered(event) for event in events]
    shown = ["@timestamp", "@message"]
    limit, is_grouped = DEFAULT_LIMIT, False
    for command in _split(query):
        word, _, rest = command.partition(" ")
        parser = _Parser(rest)
        match word.lower():
            case "filter":
                condition = parser.condition()
                rows = [row for row in rows if condition(row) is True]
            case "fields":
                columns = list(parser.columns())
                rows = [row | _present({name: value(row) for name, value in columns}) for row in rows]
                shown = [name for name, _ in columns]
            case "parse":
                name, pattern = parser.name(), parser.regex()
                rows = [row | _groups(pattern, row.get(name)) for row in rows]
            case "stats":
                rows, shown = _grouped(parser, rows)
                is_grouped = True
            case "sort":
                name, descending = parser.name(), parser.order()
                rows = sorted(rows, key=partial(_sort_key, name), reverse=descending)
            case "limit":
                limit = int(parser.number())
            case other:
                raise MalformedQueryError(f"unexpected command {other!r}")
        parser.end()
    if not is_grouped:
        shown = [*dict.fromkeys([*shown, "@ptr"])]
    return [{name: _text(row[name]) for name in shown if name in row} for row in rows[:limit]]


def _discovered(event: LogEvent) -> Row:
    system = {
        "@timestamp": event.timestamp,
        "@ingestionTime": event.ingestion_time,
        "@message": event.message,
        "@log": event.log,
        "@ptr": event.pointer,
    }
    try:
        record = json.loads(event.message)
    except ValueError:
        return system
    found = dict(list(_flat("", record))[:MOST_FIELDS]) if isinstance(record, dict) else {}
    return system | found


def _flat(prefix: str, value: Any) -> Iterator[tuple[str, Any]]:
    match value:
        case dict() | list():
            for key, each in value.items() if isinstance(value, dict) else enumerate(value):
                yield from _flat(f"{prefix}.{key}" if prefix else str(key), each)
        case None:
            return
        case bool():
            yield prefix, json.dumps(value)
        case _:
            yield prefix, value


def _split(query: str) -> list[str]:
    """Split a query at its pipes, but not at those of strings and regular expressions."""
    parts: list[str] = []
    position = 0
    while position <= len(query):
        found = _COMMAND.match(query, position)
        if found is None:
            raise MalformedQueryError(f"unbalanced quotes or slashes in {query!r}")
        parts.append(found[1].strip())
        position = found.end() + (found[2] == "")
    return parts


def _present(values: Mapping[str, Any]) -> Row:
    return {name: value for name, value in values.items() if value is not None}


def _groups(pattern: re.Pattern[str], value: Any) -> Row:
    found = pattern.search(value) if isinstance(value, str) else None
    return _present(found.groupdict()) if found else {}


def _sort_key(name: str, row: Row) -> tuple[bool, bool, Any]:
    value = row.get(name)
    return value is not None, isinstance(value, str), value if value is not None else 0


def _text(value: Any) -> str:
    return str(value)


def _grouped(parser: "_Parser", rows: Sequence[Row]) -> tuple[list[Row], list[str]]:
    aggregates = list(parser.aggregates())
    keys = list(parser.columns()) if parser.take("by") else []
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(value(row) for _, value in keys), []).append(row)
    grouped = [
        _present(
            {name: value for (name, _), value in zip(keys, group, strict=True)}
            | {name: aggregate(members) for name, aggregate in aggregates}
        )
        for group, members in groups.items()
    ]
    return grouped, [name for name, _ in [*keys, *aggregates]]


def _count(value: Expression | None, rows: Sequence[Row]) -> int:
    return len(rows) if value is None else sum(value(row) is not None for row in rows)


def _latest(value: Expression | None, rows: Sequence[Row]) -> Any:
    return value(max(rows, key=lambda row: row["@timestamp"])) if value else None


def _extreme(choose: Callable[..., Any], value: Expression | None, rows: Sequence[Row]) -> Any:
    found = [each for row in rows if value and (each := value(row)) is not None]
    return choose(found) if found else None


_AGGREGATES: Mapping[str, Callable[[Expression | None, Sequence[Row]], Any]] = {
    "count": _count,
    "latest": _latest,
    "max": partial(_extreme, max),
    "min": partial(_extreme, min),
    "sum": partial(_extreme, sum),
}


def _coalesce(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def _is_present(value: Any) -> bool:
    return value is not None


_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "coalesce": _coalesce,
    "ispresent": _is_present,
    # Times are milliseconds here.
    "toMillis": _coalesce,
}


class _Parser:
    """The parser of a command."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[tuple[str, str]] = []
        position = 0
        while text[position:].strip():
            found = _TOKEN.match(text, position)
            if found is None:
                raise MalformedQueryError(f"unexpected {text[position : position + 20]!r}")
            self._tokens.append((str(found.lastgroup), found[str(found.lastgroup)]))
            position = found.end()

    def end(self) -> None:
        if self._tokens:
            self._fail("the end")

    def take(self, *texts: str) -> str | None:
        """Return and skip the next token if it is one of these."""
        if self._tokens and self._tokens[0][0] in ("name", "sign") and self._tokens[0][1].lower() in texts:
            return self._tokens.pop(0)[1].lower()
        return None

    def expect(self, text: str) -> None:
        if self.take(text) is None:
            self._fail(text)

    def name(self) -> str:
        return self._next("name")

    def number(self) -> float:
        return float(self._next("number"))

    def regex(self) -> re.Pattern[str]:
        # Python writes a named group with a P.
        return re.compile(self._next("regex")[1:-1].replace("(?<", "(?P<"))

    def order(self) -> bool:
        return self.take("asc", "desc") == "desc"

    def columns(self) -> Iterator[tuple[str, Expression]]:
        """Yield expressions with their names, separated by commas."""
        while True:
            written = self._tokens[0][1] if self._tokens else ""
            value = self._value()
            yield (self.name() if self.take("as") else written), value
            if not self.take(","):
                return

    def aggregates(self) -> Iterator[tuple[str, Callable[[Sequence[Row]], Any]]]:
        while True:
            function = self.name()
            if function not in _AGGREGATES:
                raise MalformedQueryError(f"unexpected function {function!r}")
            self.expect("(")
            value = None if self.take("*") else self._value()
            self.expect(")")
            name = self.name() if self.take("as") else f"{function}()"
            yield name, partial(_AGGREGATES[function], value)
            if not self.take(","):
                return

    def condition(self) -> Expression:
        terms = [self._conjunction()]
        while self.take("or"):
            terms.append(self._conjunction())
        return lambda row: any(term(row) is True for term in terms)

    def _conjunction(self) -> Expression:
        terms = [self._negation()]
        while self.take("and"):
            terms.append(self._negation())
        return lambda row: all(term(row) is True for term in terms)

    def _negation(self) -> Expression:
        if self.take("not"):
            negated = self._negation()
            return lambda row: negated(row) is not True
        if self.take("("):
            inner = self.condition()
            self.expect(")")
            return inner
        return self._comparison()

    def _comparison(self) -> Expression:
        value = self._value()
        if self.take("like"):
            pattern = self.regex()
            return lambda row: isinstance(found := value(row), str) and pattern.search(found) is not None
        if self.take("in"):
            self.expect("[")
            items = [self._literal()]
            while self.take(","):
                items.append(self._literal())
            self.expect("]")
            return lambda row: value(row) in items
        operator = self.take("=", "<", "<=", ">", ">=")
        if operator is None:
            return value
        return partial(_compare, operator, value, self._value())

    def _value(self) -> Expression:
        if not self._tokens:
            self._fail("a value")
        kind = self._tokens[0][0]
        if kind in ("string", "number"):
            literal = self._literal()
            return lambda _: literal
        name = self.name()
        if not self.take("("):
            return lambda row: row.get(name)
        if name not in _FUNCTIONS:
            raise MalformedQueryError(f"unexpected function {name!r}")
        arguments = [self._value()]
        while self.take(","):
            arguments.append(self._value())
        self.expect(")")
        return lambda row: _FUNCTIONS[name](*[argument(row) for argument in arguments])

    def _literal(self) -> Any:
        if self._tokens and self._tokens[0][0] == "number":
            return self.number()
        text = self._next("string")
        return re.sub(r"\\(.)", r"\1", text[1:-1])

    def _next(self, kind: str) -> str:
        if not self._tokens or self._tokens[0][0] != kind:
            self._fail(f"a {kind}")
        return self._tokens.pop(0)[1]

    def _fail(self, expected: str) -> None:
        found = self._tokens[0][1] if self._tokens else "the end"
        raise MalformedQueryError(f"expected {expected}, got {found} in {self._text!r}")


def _compare(operator: str, left: Expression, right: Expression, row: Row) -> bool:
    value, other = left(row), right(row)
    if value is None or other is None:
        return False
    if isinstance(value, str) is not isinstance(other, str):
        value, other = str(value), str(other)
    match operator:
        case "=":
            return value == other
        case "<":
            return value < other
        case "<=":
            return value <= other
        case ">":
            return value > other
        case _:
            return value >= other


# --- MiniStack -----------------------------------------------------------------------------------------------------

_USED = ("_log_groups", "_queries", "_resolve_query_log_groups", "_start_query", "error_response_json", "json_response")


def install() -> None:
    """Replaces the queries of the MiniStack of this process.

    Raises:
        RuntimeError: if this MiniStack is not built as the one that this was written for.
    """
    logs: Any = importlib.import_module("ministack.services.cloudwatch_logs")
    require_hooks(logs, *_USED, "new_uuid")

    def starting(data: Mapping[str, Any]) -> Any:
        groups = logs._resolve_query_log_groups(data)
        missing = [name for name in groups if name not in logs._log_groups]
        if missing or not groups:
            code = "ResourceNotFoundException" if missing else "InvalidParameterException"
            return logs.error_response_json(code, f"No log group: {', '.join(missing)}", 400)
        events = [
            LogEvent(event["message"], event["timestamp"], event["ingestionTime"], name, event["eventId"])
            for name in groups
            for stream in logs._log_groups[name]["streams"].values()
            for event in stream["events"]
            if data["startTime"] * 1000 <= event["timestamp"] < (data["endTime"] + 1) * 1000
        ]
        try:
            rows = run_query(data["queryString"], events)
        except MalformedQueryError as error:
            return logs.error_response_json("MalformedQueryException", str(error), 400)
        query_id = logs.new_uuid()
        logs._queries[query_id] = {
            "queryId": query_id,
            "queryString": data["queryString"],
            "logGroupNames": groups,
            "status": "Complete",
            "results": [[{"field": name, "value": value} for name, value in row.items()] for row in rows],
            "statistics": {
                "recordsMatched": float(len(rows)),
                "recordsScanned": float(len(events)),
                "bytesScanned": float(sum(len(event.message) for event in events)),
            },
        }
        return logs.json_response({"queryId": query_id})

    logs._start_query = starting
