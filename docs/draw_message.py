"""Draws the Slack message of the README from one that arrived: docs/images/slack-message.svg.

`make demo && python -m docs.draw_message` draws it anew; a test fails if the alerts say something else by now.

Non-goals: being Slack. The words, their order and their marking are those of the message body; colours, distances and
fonts are about Slack's.
"""

import json
import re
import sys
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from typing import Any

from rich.emoji import Emoji

from localcloud.records import RECORDS
from localcloud.stack import BUILD

PICTURE = Path(__file__).parent / "images" / "slack-message.svg"
"""Where the picture is committed."""

RECORD = RECORDS / "session-devops-break-glass.json"
"""The record whose message is drawn: somebody opens `devops-break-glass`."""

_LEFT, _WIDTH = 72, 880
_LINE, _GAP = 23, 10
_SANS = "Lato, Slack-Lato, 'Helvetica Neue', Helvetica, Arial, sans-serif"
_MONO = "Menlo, Consolas, 'DejaVu Sans Mono', monospace"
_CODE_CHARACTER = 7.5

Message = Mapping[str, Any]
"""The body of a chat.postMessage call."""


def arrived(messages: Iterable[Message]) -> Message | None:
    """Return the message that the record caused, if it is among these."""
    event = json.loads(RECORD.read_text(encoding="utf-8"))["eventID"]
    payloads = ((message, message["metadata"]["event_payload"]) for message in messages)
    return next((message for message, payload in payloads if payload.get("event_id") == event), None)


def drawing(message: Message) -> str:
    """Return a message as an SVG image."""
    parts = [
        '<rect x="20" y="20" width="38" height="38" rx="6" fill="#b3261e"/>',
        '<path d="M37 27h4l-1 16h-2zM37 46h4v4h-4z" fill="#ffffff"/>',
        _text(_LEFT, 34, "*breakglass*", 15),
        f'<rect x="168" y="22" width="34" height="15" rx="3" fill="#e8e8e8"/>{_text(185, 34, "APP", 10, "middle")}',
    ]
    bottom = 40
    for block in message["blocks"]:
        drawn, bottom = _block(block, bottom + _GAP)
        parts.append(drawn)
    height = bottom + 16
    frame = f'<rect x="1" y="1" width="{_WIDTH - 2}" height="{height - 2}" rx="8" fill="#ffffff" stroke="#dddddd"/>'
    label = escape(message["text"])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" role="img" aria-label="{label}" '
        f'font-family="{_SANS}" fill="#1d1c1d">\n' + "\n".join([frame, *parts]) + "\n</svg>\n"
    )


def _block(block: Message, top: int) -> tuple[str, int]:
    """Return a block drawn from `top` on, and where it ends."""
    match block:
        case {"type": "header", "text": {"text": str(text)}}:
            return _text(_LEFT, top + 20, f"*{text}*", 18), top + 28
        case {"type": "section", "text": {"text": str(text)}}:
            return _paragraph(_LEFT, top, text)
        case {"type": "section", "fields": list(fields)}:
            parts: list[str] = []
            bottom = top
            for index, field in enumerate(fields):
                column = index % 2
                drawn, end = _paragraph(_LEFT + 360 * column, top, field["text"])
                parts.append(drawn)
                bottom = max(bottom, end)
                top = bottom + 6 if column else top
            return "\n".join(parts), bottom
        case {"type": "actions", "elements": list(buttons)}:
            parts, left = list[str](), _LEFT
            for button in buttons:
                label = button["text"]["text"]
                width = 9 * len(label) + 28
                parts.append(
                    f'<rect x="{left}" y="{top}" width="{width}" height="32" rx="6" fill="none" stroke="#bbbbbb"/>'
                    + _text(left + width / 2, top + 21, f"*{label}*", 14, "middle")
                )
                left += width + 8
            return "\n".join(parts), top + 34
        case _:
            raise ValueError(f"no way to draw a block of type {block['type']!r} yet: {json.dumps(block)}")


def _paragraph(left: int, top: int, text: str) -> tuple[str, int]:
    lines = text.split("\n")
    drawn = [_line(left, top + 16 + _LINE * index, line) for index, line in enumerate(lines)]
    return "\n".join(drawn), top + _LINE * len(lines)


def _line(left: int, baseline: int, text: str) -> str:
    if not (code := re.fullmatch(r"`([^`]+)`", text)):
        return _text(left, baseline, text, 15)
    length = _CODE_CHARACTER * len(code[1])
    return (
        f'<rect x="{left}" y="{baseline - 14}" width="{length + 8:g}" height="19" rx="3" fill="#f6f6f6" '
        f'stroke="#dddddd"/>'
        f'<text x="{left + 4}" y="{baseline}" font-size="12.5" font-family="{_MONO}" fill="#c01343" '
        f'textLength="{length:g}">{escape(code[1])}</text>'
    )


def _text(x: float, baseline: int, text: str, size: int, anchor: str = "start") -> str:
    bold = re.sub(r"\*([^*]+)\*", r'<tspan font-weight="bold">\1</tspan>', escape(Emoji.replace(text)))
    return f'<text x="{x:g}" y="{baseline}" font-size="{size}" text-anchor="{anchor}">{bold}</text>'


def main() -> int:
    """Draws the message that arrived in the last demo.

    Returns:
        The exit status.
    """
    result = BUILD / "demo.json"
    message = arrived(json.loads(result.read_text(encoding="utf-8"))["messages"]) if result.exists() else None
    if message is None:
        print(f"{result} has no message caused by {RECORD.name}: run `make demo` first, whole.", file=sys.stderr)
        return 1
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(drawing(message), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
