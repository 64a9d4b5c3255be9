"""Input transformers: messages with placeholders, checked against the limits of EventBridge and Slack.

A transformer is a template with `<placeholders>`, each with the path of an event field. Habits of EventBridge
(`breakglass.alerts.input_template`):

- A missing field leaves its placeholder empty. So every placeholder is inside quoted text.
- Everything in angle brackets is a placeholder, so Slack's `<url|text>` can't be written: links are buttons.

Non-goals: the texts of the messages.
"""

import json
import re
import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from breakglass.alerts.input_template import render
from breakglass.alerts.messages.fields import FIELDS
from breakglass.errors import MessageError


@dataclass(frozen=True)
class Transformer:
    """An EventBridge input transformer: JSON text with placeholders, and the event field of each."""

    input_paths: Mapping[str, str]
    template: str


def substitute(transformer: Transformer, event: Mapping[str, Any]) -> str:
    """Return the target's input as EventBridge makes it: valid JSON if the fields keep to their alphabets.

    Args:
        transformer: has passed `check_transformer`, so its placeholders are inside strings.
        event: an event as it is on the bus, with `source`, `detail` and so on.
    """
    values = {name: _event_field(path, event) for name, path in transformer.input_paths.items()}
    return render(transformer.template, values)


def _event_field(path: str, event: Mapping[str, Any]) -> Any:
    """Return an event field, or an empty text if it is missing."""
    value: Any = event
    for key in path.removeprefix("$.").split("."):
        if not isinstance(value, Mapping) or key not in value:
            return ""
        value = value[key]
    return value


PLACEHOLDER = re.compile(r"<([A-Za-z0-9]+)>")


def build_transformer(message: Any) -> Transformer:
    """Return the transformer of a message whose texts hold placeholders of `FIELDS`.

    Raises:
        MessageError: see `check_transformer`.
    """
    template = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
    names = dict.fromkeys(PLACEHOLDER.findall(template))
    transformer = Transformer({name: FIELDS[name].path for name in names}, template)
    check_transformer(transformer)
    return transformer


def require_plain_text(text: str) -> str:
    """Return a configured text, if a message shows it as it is.

    Raises:
        MessageError: it has a character with a meaning in a message.
    """
    if re.fullmatch(r"[!-~]+", text) is None or re.search(r"[<>`\"\\]", text):
        raise MessageError(
            f"Not a valid text for an alert message: {text!r}. There, `<` and `>` make a placeholder or a mention such "
            "as <!channel>. Quotes, backslashes, backticks, spaces and control characters break the layout or the "
            "JSON. Use only letters, digits and the punctuation of names and web addresses."
        )
    return text


# --- check ---------------------------------------------------------------------------------------------------------

_TEMPLATE_LIMIT = 8192
_PATHS_LIMIT = 100
_VALUE_LIMIT = 2000
HEADER_LIMIT = 150


def check_transformer(transformer: Transformer) -> None:
    """Check that EventBridge accepts the transformer, and that Slack accepts every message made of it.

    Args:
        transformer: of a Slack message, of a usage recorder's `{"value"}`, or of one text.

    Raises:
        MessageError: the template is not JSON or too long; placeholders and paths don't agree; another field than those
            of `FIELDS` would be inserted; a text has angle brackets that are not a placeholder; or a message exceeds
            one of Slack's limits.
    """
    _check_paths(transformer)
    try:
        message = json.loads(transformer.template)
    except ValueError as error:
        raise MessageError(
            f"The template is not valid JSON ({error}), so Slack would refuse every message made of it. Put each "
            "placeholder inside quoted text: there a missing field leaves an empty text."
        ) from error
    used = set(_placeholders(message))
    if used != transformer.input_paths.keys():
        odd = ", ".join(sorted(used ^ transformer.input_paths.keys()))
        raise MessageError(f"Each placeholder needs a path, and each path a placeholder; {odd} has only one of them.")
    for values in ({name: "" for name in used}, {name: longest_value(name) for name in used}):
        match json.loads(render(transformer.template, values)):
            case {"value": str(value), **others} if not others:
                _require_length("the value", value, _VALUE_LIMIT)
            case dict(body):
                _check_slack(body)
            case _:
                pass


def longest_value(name: str) -> str:
    """Return the longest text that a field may have."""
    field = FIELDS[name]
    return next(c for c in string.printable if re.fullmatch(field.alphabet, c)) * field.longest


def _check_paths(transformer: Transformer) -> None:
    if len(transformer.template) > _TEMPLATE_LIMIT:
        raise MessageError(
            f"The template has {len(transformer.template)} characters and EventBridge takes {_TEMPLATE_LIMIT}. "
            "Shorten the post-mortem address; the rest of the message has a fixed length."
        )
    if len(transformer.input_paths) > _PATHS_LIMIT:
        raise MessageError(f"There are {len(transformer.input_paths)} paths and EventBridge takes {_PATHS_LIMIT}.")
    for name, path in transformer.input_paths.items():
        if name not in FIELDS or FIELDS[name].path != path:
            raise MessageError(
                f"<{name}> would insert {path}, which is not in the list of safe fields: EventBridge does not escape "
                "every value, so a quote in this one can turn the alert into a dead letter. "
                f"Use one of: {', '.join(sorted(FIELDS))}."
            )


def _placeholders(message: Any) -> Iterator[str]:
    """Yield the placeholders in a message's strings; raise MessageError for any other angle bracket."""
    match message:
        case str():
            yield from PLACEHOLDER.findall(message)
            if re.search("[<>]", PLACEHOLDER.sub("", message)):
                raise MessageError(
                    f"{message!r} has angle brackets that are not a placeholder. EventBridge would read them as one, "
                    "and Slack as a link or a mention. Use a button for a link, and no mention."
                )
        case dict():
            for key, value in message.items():
                if re.search("[<>]", key):
                    raise MessageError(
                        f"The object key {key!r} has a placeholder; EventBridge allows placeholders in values only."
                    )
                yield from _placeholders(value)
        case list():
            for value in message:
                yield from _placeholders(value)
        case _:
            pass


def _check_slack(body: Mapping[str, Any]) -> None:
    """Check a body of `chat.postMessage` against the limits of "Reference: Block Kit" and "chat.postMessage"."""
    _require_length("the blocks", body["blocks"], 50)
    _require_length("the fallback text", body["text"], 4000)
    for block in body["blocks"]:
        match block:
            case {"type": "header", "text": {"text": text}}:
                _require_length("the header", text, HEADER_LIMIT)
            case {"type": "section", "fields": fields}:
                _require_length("the fields of a section", fields, 10)
                for field in fields:
                    _require_length("a field of a section", field["text"], 2000)
            case {"type": "section", "text": {"text": text}}:
                _require_length("the text of a section", text, 3000)
            case {"type": "actions", "elements": elements}:
                _require_length("the buttons", elements, 25)
                for element in elements:
                    _check_button(element)
            case _:
                raise MessageError(
                    f"Expected a header, a section or actions, got a block of type {block.get('type')!r}: its limits "
                    "in Slack are not checked here."
                )


def _check_button(button: Mapping[str, Any]) -> None:
    _require_length("the text of a button", button["text"]["text"], 75)
    match button:
        case {"url": url}:
            _require_length("the address of a button", url, 3000)
            if not urlsplit(url).hostname:
                raise MessageError(f"Not a valid address of a Slack button: {url!r}. Write an absolute web address.")
        case {"value": value}:
            _require_length("the value of a button", value, _VALUE_LIMIT)
        case _:
            raise MessageError(f"The button {button['action_id']!r} has neither a url nor a value.")


def _require_length(what: str, value: str | list[Any], limit: int) -> None:
    if not 1 <= len(value) <= limit:
        raise MessageError(
            f"Expected a length of 1 to {limit} for {what}, got {len(value)} in the worst case: Slack would refuse the "
            "message."
        )
