"""Slack's limits for messages and views: Block Kit and message metadata.

From Slack's "Reference: Blocks", "Reference: Block elements", "Reference: Composition objects", "Modal views",
"Home tab views" and "Message metadata". Only the blocks and elements that the product sends are known; any other type
is refused, as Slack refuses a type that it does not know.

Pure. Non-goals: attachments; the total length of a message's blocks, which Slack does not document.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

_Check = Callable[[Any, str], Iterable[str]]


def block_problems(blocks: object) -> list[str]:
    """The problems of a message's blocks, in the form of Slack's `response_metadata.messages`.

    Returns:
        Lines as `[ERROR] must be less than 151 characters [json-pointer:/blocks/0/text/text]`; empty if accepted.
    """
    return list(_distinct("block_id", _list(_block, 1, 50))(blocks, "/blocks"))


def view_problems(view: object) -> list[str]:
    """The problems of a form or a Home tab, in the form of Slack's `response_metadata.messages`.

    Args:
        view: the parsed `view` of a views.open, views.update or views.publish call.

    Returns:
        Lines as for `block_problems`; empty if accepted.
    """
    return list(_view(view, ""))


def option_problems(options: object) -> list[str]:
    """The problems of the options that an app offers in an external select."""
    return list(_list(_OPTION, 0, 100)(options, "/options"))


def is_metadata_accepted(metadata: object) -> bool:
    """True if Slack accepts a message's metadata: an event_type, and an object as event_payload."""
    return (
        isinstance(metadata, Mapping)
        and isinstance(metadata.get("event_type"), str)
        and isinstance(metadata.get("event_payload"), Mapping)
    )


def _error(message: str, pointer: str) -> str:
    return f"[ERROR] {message} [json-pointer:{pointer}]"


def _string(longest: int) -> _Check:
    def check(value: object, pointer: str) -> Iterable[str]:
        if not isinstance(value, str):
            yield _error("must be a string", pointer)
        elif not value:
            yield _error("must be more than 0 characters", pointer)
        elif len(value) > longest:
            yield _error(f"must be less than {longest + 1} characters", pointer)

    return check


def _or_empty(text: _Check) -> _Check:
    def check(value: object, pointer: str) -> Iterable[str]:
        return () if value == "" else text(value, pointer)

    return check


def _one_of(*allowed: object) -> _Check:
    def check(value: object, pointer: str) -> Iterable[str]:
        if value not in allowed:
            yield _error(f"must be one of {', '.join(map(str, allowed))}", pointer)

    return check


def _list(item: _Check, fewest: int, most: int) -> _Check:
    def check(value: object, pointer: str) -> Iterable[str]:
        if not isinstance(value, list):
            yield _error("must be an array", pointer)
            return
        if len(value) < fewest:
            yield _error(f"no fewer than {fewest} items allowed", pointer)
        if len(value) > most:
            yield _error(f"no more than {most} items allowed", pointer)
        for index, each in enumerate(value):
            yield from item(each, f"{pointer}/{index}")

    return check


def _distinct(identifier: str, items: _Check) -> _Check:
    def check(value: object, pointer: str) -> Iterable[str]:
        yield from items(value, pointer)
        if isinstance(value, list):
            named = Counter(
                each[identifier] for each in value if isinstance(each, Mapping) and _named(each, identifier)
            )
            for name, times in named.items():
                if times > 1:
                    yield _error(f"duplicate {identifier}: {name!r}", pointer)

    return check


def _named(item: Mapping[str, Any], identifier: str) -> bool:
    return isinstance(item.get(identifier), str)


def _object(required: Mapping[str, _Check], optional: Mapping[str, _Check] | None = None) -> _Check:
    fields = {**required, **(optional or {})}

    def check(value: object, pointer: str) -> Iterable[str]:
        if not isinstance(value, Mapping):
            yield _error("must be an object", pointer)
            return
        for name in required:
            if name not in value:
                yield _error(f"missing required field: {name}", pointer)
        for name, each in value.items():
            if name in fields:
                yield from fields[name](each, f"{pointer}/{name}")
            elif name != "type":
                yield _error(f"invalid additional property: {name}", pointer)

    return check


def _by_type(types: Mapping[str, _Check]) -> _Check:
    def check(value: object, pointer: str) -> Iterable[str]:
        kind = value.get("type") if isinstance(value, Mapping) else None
        if isinstance(kind, str) and kind in types:
            yield from types[kind](value, pointer)
        else:
            yield _error(f"unsupported type: {kind}", f"{pointer}/type")

    return check


def _plain_text(longest: int) -> _Check:
    return _by_type({"plain_text": _object({"text": _string(longest)}, {"emoji": _one_of(True, False)})})


def _text(longest: int) -> _Check:
    return _by_type(
        {
            "plain_text": _object({"text": _string(longest)}, {"emoji": _one_of(True, False)}),
            "mrkdwn": _object({"text": _string(longest)}, {"verbatim": _one_of(True, False)}),
        }
    )


def _text_or_fields(value: Any, pointer: str) -> Iterable[str]:
    if "text" not in value and "fields" not in value:
        yield _error("must provide text or fields", pointer)
    yield from _SECTION(value, pointer)


_CONFIRM = _object(
    {"title": _plain_text(100), "text": _text(300), "confirm": _plain_text(30), "deny": _plain_text(30)},
    {"style": _one_of("primary", "danger")},
)
_BUTTON = _object(
    {"text": _plain_text(75)},
    {
        "action_id": _string(255),
        "url": _string(3000),
        "value": _string(2000),
        "style": _one_of("primary", "danger"),
        "confirm": _CONFIRM,
        "accessibility_label": _string(75),
    },
)

# --- menus and inputs ------------------------------------------------------------------------------------------------

_TRUTH = _one_of(True, False)


def _number(least: int, most: int) -> _Check:
    def check(value: object, pointer: str) -> Iterable[str]:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            yield _error(f"must be a number from {least} to {most}", pointer)

    return check


_OPTION = _object({"text": _plain_text(75), "value": _string(150)}, {"description": _plain_text(75)})
_ELEMENT = {"action_id": _string(255), "focus_on_load": _TRUTH}
_MENU = {**_ELEMENT, "placeholder": _plain_text(150), "confirm": _CONFIRM}
_STATIC = {"options": _list(_OPTION, 1, 100)}
_SEVERAL = {"initial_options": _list(_OPTION, 1, 100), "max_selected_items": _number(1, 1_000_000)}
_SEARCHES = {"min_query_length": _number(0, 1_000_000)}


def _initial_among_options(menu: _Check) -> _Check:
    def check(value: Any, pointer: str) -> Iterable[str]:
        yield from menu(value, pointer)
        options = value.get("options")
        for key in ("initial_option", "initial_options"):
            chosen = value.get(key)
            for each in chosen if isinstance(chosen, list) else [chosen]:
                if each is not None and isinstance(options, list) and each not in options:
                    yield _error(f"{key} must be among the options", f"{pointer}/{key}")

    return check


def _initial_not_too_long(text_input: _Check) -> _Check:
    def check(value: Any, pointer: str) -> Iterable[str]:
        yield from text_input(value, pointer)
        initial, most = value.get("initial_value"), value.get("max_length", 3000)
        if isinstance(initial, str) and isinstance(most, int) and len(initial) > most:
            yield _error(f"must be less than {most + 1} characters", f"{pointer}/initial_value")

    return check


_MENUS = {
    "static_select": _initial_among_options(_object(_STATIC, {**_MENU, "initial_option": _OPTION})),
    "multi_static_select": _initial_among_options(_object(_STATIC, {**_MENU, **_SEVERAL})),
    "external_select": _object({}, {**_MENU, **_SEARCHES, "initial_option": _OPTION}),
    "multi_external_select": _object({}, {**_MENU, **_SEARCHES, **_SEVERAL}),
}
_TEXT_INPUT = _initial_not_too_long(
    _object(
        {},
        {
            **_ELEMENT,
            "placeholder": _plain_text(150),
            "initial_value": _or_empty(_string(3000)),
            "multiline": _TRUTH,
            "min_length": _number(0, 3000),
            "max_length": _number(1, 3000),
        },
    )
)

# --- blocks ----------------------------------------------------------------------------------------------------------

_BLOCK_ID = {"block_id": _string(255)}
_SECTION = _object(
    {},
    {
        "text": _text(3000),
        "fields": _list(_text(2000), 1, 10),
        "accessory": _by_type({"button": _BUTTON, **_MENUS}),
        "expand": _one_of(True, False),
        **_BLOCK_ID,
    },
)
_CONTEXT_ELEMENTS = _list(_text(3000), 1, 10)
_ACTIONS_ELEMENTS = _distinct("action_id", _list(_by_type({"button": _BUTTON, **_MENUS}), 1, 25))
_INPUT = _object(
    {"label": _plain_text(2000), "element": _by_type({**_MENUS, "plain_text_input": _TEXT_INPUT})},
    {"hint": _plain_text(2000), "optional": _TRUTH, "dispatch_action": _TRUTH, **_BLOCK_ID},
)

_BLOCKS = {
    "header": _object({"text": _plain_text(150)}, _BLOCK_ID),
    "section": _text_or_fields,
    "divider": _object({}, _BLOCK_ID),
    "context": _object({"elements": _CONTEXT_ELEMENTS}, _BLOCK_ID),
    "actions": _object({"elements": _ACTIONS_ELEMENTS}, _BLOCK_ID),
}
_block = _by_type(_BLOCKS)

# --- views -----------------------------------------------------------------------------------------------------------

_VIEW = {
    "callback_id": _string(255),
    "external_id": _string(255),
    "private_metadata": _or_empty(_string(3000)),
}
_VIEW_BLOCKS = {"blocks": _distinct("block_id", _list(_by_type({**_BLOCKS, "input": _INPUT}), 1, 100))}


def _submittable(modal: _Check) -> _Check:
    """A form with inputs has a button that sends it."""

    def check(value: Any, pointer: str) -> Iterable[str]:
        yield from modal(value, pointer)
        blocks = value.get("blocks")
        inputs = [each for each in blocks if isinstance(each, Mapping)] if isinstance(blocks, list) else []
        if "submit" not in value and any(each.get("type") == "input" for each in inputs):
            yield _error("a submit is required when an input block is within the blocks array", f"{pointer}/submit")

    return check


_view = _by_type(
    {
        "modal": _submittable(
            _object(
                {"title": _plain_text(24), **_VIEW_BLOCKS},
                {
                    **_VIEW,
                    "close": _plain_text(24),
                    "submit": _plain_text(24),
                    "clear_on_close": _TRUTH,
                    "notify_on_close": _TRUTH,
                },
            )
        ),
        "home": _object(_VIEW_BLOCKS, _VIEW),
    }
)
