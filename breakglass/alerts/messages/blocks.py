"""Blocks of Slack messages (Slack, "Reference: Block Kit")."""

from collections.abc import Mapping
from typing import Any


def header(text: str) -> dict[str, Any]:
    """Return a header block of plain text."""
    return {"type": "header", "text": _plain(text)}


def text_section(text: str) -> dict[str, Any]:
    """Return a section block of one text in Slack's markup."""
    return {"type": "section", "text": _markdown(text)}


def facts_section(facts: Mapping[str, str]) -> dict[str, Any]:
    """Return a section block of labels, each with its value in a code span."""
    return {"type": "section", "fields": [_markdown(f"*{label}*\n`{value}`") for label, value in facts.items()]}


def button(text: str, action_id: str, **more: str) -> dict[str, Any]:
    """Return a button of an actions block."""
    return {"type": "button", "text": _plain(text), **more, "action_id": action_id}


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": True}


def _markdown(text: str) -> dict[str, Any]:
    # verbatim: Slack makes no links of channels, names and addresses.
    return {"type": "mrkdwn", "text": text, "verbatim": True}
