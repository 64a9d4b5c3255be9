"""Renders an input template as EventBridge does.

The rules below are AWS's recorded answers (94 input transformers on SQS targets, 2026-09-13, published with
radkawar/stackd at 9dc356f5, testdata/aws/eventbridge/inputs.json; LocalStack's recordings agree where they overlap):

    placeholder         in a template whose root is an object       in any other template (the root is a string)
    outside quotes      JSON; `""` if the field is missing          as inside quotes
    inside quotes       a string is escaped as in JSON;             a string goes in raw;
                        an object or array goes in as JSON,         an object or array goes in as JSON without
                        so its quotes end the string                its quotes
    of no known name    stays as it is                              stays as it is

AWS's guide contradicts: values are never escaped ("Amazon EventBridge input transformation"). No delivery to an API
destination is recorded. Until one is (L12 in docs/live-checks.md), no code may depend on the escaping.

The result may be invalid JSON. EventBridge then sends nothing and writes a dead letter with `INVALID_JSON`.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

_STRING_OR_PLACEHOLDER = re.compile(r'"(?:\\.|[^"\\])*"|<[^<>]*>')
_PLACEHOLDER = re.compile(r"<([^<>]*)>")


def render(template: str, values: Mapping[str, Any]) -> str:
    """Return the template with its placeholders replaced by values, empty strings for missing fields."""
    if not template.lstrip().startswith("{"):
        return _replace(template, values, _raw)

    def in_object(found: re.Match[str]) -> str:
        quoted = found[0].startswith('"')
        return _replace(found[0], values, _escaped if quoted else _json)

    return _STRING_OR_PLACEHOLDER.sub(in_object, template)


def is_json(text: str) -> bool:
    """Say if EventBridge sends this text to a target: one JSON value or several."""
    decoder, rest = json.JSONDecoder(), text.strip()
    while rest:
        try:
            _, end = decoder.raw_decode(rest)
        except ValueError:
            return False
        rest = rest[end:].lstrip()
    return bool(text.strip())


def _replace(text: str, values: Mapping[str, Any], written: Callable[[Any], str]) -> str:
    return _PLACEHOLDER.sub(lambda found: written(values[found[1]]) if found[1] in values else found[0], text)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _escaped(value: Any) -> str:
    return _json(value)[1:-1] if isinstance(value, str) else _json(value)


def _raw(value: Any) -> str:
    return value if isinstance(value, str) else _json(value).replace('"', "")
