"""Reads a `Pulumi.<stack>.yaml` as the Pulumi CLI passes it to the program, without the CLI.

The CLI reads YAML with go-yaml 3. It differs from PyYAML in plain scalars (`on` is a string, `1e3` is a number, an
account ID without quotes is an octal number), and it refuses duplicate keys. Tried with Pulumi 3.259.

Non-goals: the project's own `config` in Pulumi.yaml, and values of an `environment` (Pulumi ESC), which only the CLI
can open. A time of day without quotes stays as in the file; the CLI rewrites it.
"""

import json
import re
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from breakglass.errors import Problem, UnreadableError
from breakglass.stack_file.base import RawValue
from breakglass.stack_file.check import decode_value
from breakglass.stack_file.faults import Location
from breakglass.stack_file.report import key_path
from breakglass.stack_file.secret_keys import NAMESPACE, SECRET_KEYS, replace_pagers


@dataclass(frozen=True)
class StackYaml:
    """The `breakglass:` keys of a stack file."""

    keys: Mapping[str, object]
    """The keys without their `breakglass:`. A value with an encrypted part is `{"secure": ...}`."""
    problems: tuple[Problem, ...]
    """The duplicate keys."""
    lines: Mapping[str, int]
    """Key path -> line in the file, from 1."""

    def line(self, path: str) -> int:
        """Return the line of a key path, or of the nearest enclosing key in the file."""
        while path and path not in self.lines:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return self.lines.get(path, 1)


def read_stack_yaml(file: Path) -> StackYaml:
    """Return the `breakglass:` keys of a stack file.

    Raises:
        UnreadableError: The file can't be read or is not YAML.
    """
    line = 1
    try:
        return _read(file.read_text(encoding="utf-8"))
    except OSError as error:
        why = f"Can't read the file ({error.strerror})."
    except RecursionError:
        why = "The file is nested hundreds of levels deep."
    except yaml.MarkedYAMLError as error:
        # The error's own text repeats the line, which may hold a secret.
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        why = f"Not valid YAML in line {line}: {error.problem}."
    except (yaml.YAMLError, ValueError):
        why = "Not a file of printable UTF-8 text."
    instead = "Name a stack file such as stacks/Pulumi.prod.yaml, and correct it."
    raise UnreadableError(Problem(str(file), "(unreadable)", why, instead), line)


def _read(text: str) -> StackYaml:
    loader = _Loader(text)
    root = loader.get_node() if loader.check_node() else None
    if root is None:
        return StackYaml({}, (), {})
    if _size(root, {}) > _LARGEST:
        problem = "its aliases expand to more than a million values, or contain themselves"
        raise yaml.MarkedYAMLError(problem=problem, problem_mark=root.start_mark)
    config = next((value for key, value in _entries(root) if key.value == "config"), None)
    if config is None or (isinstance(config, yaml.ScalarNode) and config.tag == _NULL):
        return StackYaml({}, (), {})
    # The search precedes the construction, in which PyYAML copies merged keys into the nodes.
    repeated = tuple(_repeated(root, ()))
    keys: dict[str, object] = {}
    lines: dict[str, int] = {}
    for key, value in _entries(config):
        full = _full_key(key.value)
        if full.startswith(NAMESPACE):
            name = full.removeprefix(NAMESPACE)
            keys[name] = _as_passed(name, loader.construct_object(value, deep=True))
            lines |= {key_path(loc, NAMESPACE): line for loc, line in _lines(key, value, (name,))}
    return StackYaml(keys, repeated, lines)


def _full_key(key: str) -> str:
    """Return a configuration key with its namespace, by default the name of the project."""
    return key if ":" in key else f"{NAMESPACE}{key}"


def _as_passed(name: str, value: object) -> object:
    """Return a value as the program receives it; see `breakglass.stack_file.pulumi_config`."""
    if _holds_encrypted(replace_pagers(value, {}) if name == "alerts" else value):
        # A secret key keeps its value: a later check finds a token in clear below `secure:`.
        return value if name in SECRET_KEYS and _is_encrypted(value) else {"secure": "[secret]"}
    json_text = json.dumps(value, default=str)
    if json_text[0] in "{[":
        return json.loads(json_text)
    # The CLI passes every scalar as text, with or without quotes in the file.
    text = "" if value is None else value if isinstance(value, str) else json_text
    return decode_value(name, text)


def _is_encrypted(value: object) -> bool:
    return RawValue(value).encrypted


def _holds_encrypted(value: object) -> bool:
    if isinstance(value, Mapping):
        return _is_encrypted(value) or any(map(_holds_encrypted, value.values()))
    return isinstance(value, list) and any(map(_holds_encrypted, value))


# --- nodes -----------------------------------------------------------------------------------------------------------


def _entries(node: yaml.Node) -> list[tuple[yaml.ScalarNode, yaml.Node]]:
    if not isinstance(node, yaml.MappingNode):
        problem = "expected a mapping (`key: value` lines)"
        raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)
    return [(key, value) for key, value in node.value if isinstance(key, yaml.ScalarNode)]


def _lines(key: yaml.Node, value: yaml.Node, loc: Location) -> Iterator[tuple[Location, int]]:
    """Yield every location below a key with its line."""
    yield loc, key.start_mark.line + 1
    if isinstance(value, yaml.MappingNode):
        for inner, below in _entries(value):
            yield from _lines(inner, below, (*loc, inner.value))
    if isinstance(value, yaml.SequenceNode):
        for index, item in enumerate(value.value):
            yield from _lines(item, item, (*loc, index))


_LARGEST = 1_000_000
"""The largest number of nodes in a stack file. The CLI has a limit of its own on expanded aliases."""


def _size(node: yaml.Node, known: dict[int, int]) -> int:
    """Return the number of nodes at and below a node, with every alias expanded."""
    if id(node) not in known:
        known[id(node)] = _LARGEST  # an alias that contains itself
        if isinstance(node, yaml.MappingNode):
            below = [part for entry in node.value for part in entry]
        else:
            below = node.value if isinstance(node, yaml.SequenceNode) else []
        known[id(node)] = 1 + sum(_size(each, known) for each in below)
    return known[id(node)]


def _repeated(node: yaml.Node, loc: Location) -> Iterator[Problem]:
    """Yield a problem for every duplicate key."""
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _repeated(item, (*loc, index))
    if not isinstance(node, yaml.MappingNode):
        return
    first: dict[str, int] = {}
    for key, value in _entries(node):
        name, line = _full_key(key.value) if loc == ("config",) else key.value, key.start_mark.line + 1
        if name in first:
            yield Problem(
                _path((*loc, name)),
                f"(lines {first[name]} and {line})",
                "Duplicate key. Only one of the two could have an effect, and Pulumi refuses the file.",
                "Delete one of the two, or merge their values.",
            )
        first.setdefault(name, line)
        yield from _repeated(value, (*loc, name))


def _path(loc: Location) -> str:
    """Return a location in the file; that of a configuration key as Pulumi writes its path."""
    if len(loc) < 2 or loc[0] != "config":
        return key_path(loc)
    namespace, _, name = str(loc[1]).rpartition(":")
    return key_path((name, *loc[2:]), f"{namespace}:")


# --- plain scalars, as go-yaml 3 resolves them (resolve.go) ----------------------------------------------------------

_NULL, _MERGE = "tag:yaml.org,2002:null", "tag:yaml.org,2002:merge"
_BOOL, _INT, _FLOAT = "tag:yaml.org,2002:bool", "tag:yaml.org,2002:int", "tag:yaml.org,2002:float"
_DATE, _STR = "tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:str"

_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), _NULL),
    **dict.fromkeys(("true", "True", "TRUE", "false", "False", "FALSE"), _BOOL),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), _FLOAT),
    **{f"{sign}.{word}": _FLOAT for sign in ("", "+", "-") for word in ("inf", "Inf", "INF")},
    "<<": _MERGE,
}
_INTEGER = re.compile(r"[-+]?(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]*|[1-9][0-9]*)")
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_DAY = re.compile(r"[0-9]{4}-(0?[1-9]|1[0-2])-(0?[1-9]|[12][0-9]|3[01])")


class _Loader(yaml.SafeLoader):
    """PyYAML, with the scalars of go-yaml 3."""

    def resolve(self, kind: type[yaml.Node], value: str, implicit: tuple[bool, bool]) -> str:
        if kind is not yaml.ScalarNode or not implicit[0]:
            return super().resolve(kind, value, implicit)
        plain = value.replace("_", "")
        if value in _WORDS:
            return _WORDS[value]
        if _DAY.fullmatch(value):
            return _DATE
        if value[0] in "0123456789+-" and _INTEGER.fullmatch(plain):
            return _INT
        return _FLOAT if value[0] in "0123456789+-." and _NUMBER.fullmatch(plain) else _STR

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, object]:
        # The CLI reads every key as a string; in Python, `1` and `true` would be the same key.
        self.flatten_mapping(node)
        return {key.value: self.construct_object(value, deep=deep) for key, value in _entries(node)}


def _integer(loader: _Loader, node: yaml.ScalarNode) -> int | float:
    text = node.value.replace("_", "").lower()
    octal = re.fullmatch(r"([-+]?)0([0-7]+)", text)
    number = int(f"{octal[1]}0o{octal[2]}" if octal else text, 0)
    return number if number.bit_length() <= 64 else float(number)


def _number(loader: _Loader, node: yaml.ScalarNode) -> int | float:
    text = node.value.replace("_", "").lower()
    number = float(text.replace(".inf", "inf").replace(".nan", "nan"))
    # The CLI passes JSON that Go writes: a whole number has no fraction.
    return int(number) if number.is_integer() and abs(number) < 1e21 else number


def _day(loader: _Loader, node: yaml.ScalarNode) -> str:
    year, month, day = map(int, node.value.split("-"))
    return f"{year:04}-{month:02}-{day:02} 00:00:00 +0000 UTC"


_Loader.add_constructor(_INT, _integer)
_Loader.add_constructor(_FLOAT, _number)
_Loader.add_constructor(_DATE, _day)
