"""Constructors of Slack's Block Kit elements.

Source: https://docs.slack.dev/reference/block-kit

Non-goals: the content (see `messages`, `forms` and `home`); making text safe (see `text`).
"""

from collections.abc import Sequence
from typing import Any

Block = dict[str, Any]
"""A block, an element or a composition object; ready for JSON."""

View = dict[str, Any]
"""A view, as `views.open` and `views.publish` take it."""


def plain(text: str, *, emoji: bool = False) -> Block:
    """A text without markup. `emoji` turns `:codes:` into pictures, so it is only for our own texts."""
    return {"type": "plain_text", "text": text, "emoji": emoji}


def markdown(text: str) -> Block:
    """A text in Slack's markup; all foreign parts went through `text.code` or `text.escape`."""
    # verbatim: Slack must not turn channels, names and addresses into links.
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def header(text: str) -> Block:
    """A headline, at most 150 characters."""
    return {"type": "header", "text": plain(text, emoji=True)}


def section(text: Block, accessory: Block | None = None) -> Block:
    """A paragraph, at most 3,000 characters, with at most one element beside it."""
    return {"type": "section", "text": text, **({} if accessory is None else {"accessory": accessory})}


def fields(*texts: str) -> Block:
    """Up to ten short texts in Slack's markup, in two columns."""
    return {"type": "section", "fields": [markdown(text) for text in texts]}


def context(text: str) -> Block:
    """A small print line in Slack's markup."""
    return {"type": "context", "elements": [markdown(text)]}


def actions(*elements: Block) -> Block:
    """Buttons and menus in a row."""
    return {"type": "actions", "elements": list(elements)}


def button(text: str, action_id: str, value: str, *, style: str | None = None, confirm: Block | None = None) -> Block:
    """A button; `style` is `primary`, `danger` or None."""
    return {
        "type": "button",
        "text": plain(text, emoji=True),
        "action_id": action_id,
        "value": value,
        **({} if style is None else {"style": style}),
        **({} if confirm is None else {"confirm": confirm}),
    }


def confirm(title: str, text: str, yes: str, no: str = "Back", *, style: str = "primary") -> Block:
    """A confirmation dialog: the title has at most 100 characters, the text 300, the answers 30."""
    return {"title": plain(title), "text": plain(text), "confirm": plain(yes), "deny": plain(no), "style": style}


def option(text: str, value: str) -> Block:
    """A choice in a menu: the text has at most 75 characters, the value 150."""
    return {"text": plain(text), "value": value}


def static_select(action_id: str, placeholder: str, options: Sequence[Block], initial: Block | None) -> Block:
    """A menu of at most a hundred choices; `initial` is one of them."""
    return {
        "type": "static_select",
        "action_id": action_id,
        "placeholder": plain(placeholder),
        "options": list(options),
        **({} if initial is None else {"initial_option": initial}),
    }


def input_block(block_id: str, label: str, element: Block, *, hint: str = "", optional: bool = False) -> Block:
    """A field of a form."""
    return {
        "type": "input",
        "block_id": block_id,
        "label": plain(label),
        "element": element,
        "optional": optional,
        **({"hint": plain(hint)} if hint else {}),
    }
