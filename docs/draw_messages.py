"""Draw Slack messages as SVG images: two alerts, and a pending request.

`python -m docs.draw_messages` writes them; a test fails if they are stale. The alerts are of records of the demo. The
request is the one that the demo plays. Words, order and marking are those of the message bodies.

Non-goals: being Slack. Colours, distances and fonts are about Slack's.
"""

import json
import re
import textwrap
from collections.abc import Mapping
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

from rich.emoji import Emoji

from breakglass.alerts.messages import Transformer, slack_message, substitute
from breakglass.alerts.subjects import PermissionSetSubject, TamperArea, TamperSubject
from breakglass.app.domain.records import Actor
from breakglass.app.slack.request_message import request_message
from breakglass.vocabulary import EvidencePath
from localcloud.records import RECORDS
from tests.app.slack.samples import DECISION, POLICY, REQUEST

IMAGES = Path(__file__).parent / "images"
"""Where the images are committed."""

Message = Mapping[str, Any]
"""The body of a chat.postMessage call."""

_NAMES = {"UADA": "Ada Lovelace"}
_LEFT, _WIDTH, _COLUMN = 72, 880, 400
_LINE, _GAP = 23, 10
_CHARACTERS = 104  # of a line over the whole width
_HEADER_CHARACTERS = 76  # of a line of a header
_COLUMN_CHARACTERS = 50  # of a code span in a column
_SANS = "Lato, Slack-Lato, 'Helvetica Neue', Helvetica, Arial, sans-serif"
_MONO = "Menlo, Consolas, 'DejaVu Sans Mono', monospace"
_BUTTONS = {"primary": ("#007a5a", "#ffffff", "#007a5a"), "danger": ("none", "#e01e5a", "#e01e5a")}
_PLAIN_BUTTON = ("none", "#1d1c1d", "#bbbbbb")
# Slack's markup: code, bold, mention, date with a fallback, link.
_MARKUP = re.compile(r"`([^`]+)`|\*([^*\n]+)\*|<@(\w+)>|<!date\^[^|>]*\|([^>]*)>|<https?:[^|>]*\|([^>]*)>")


def drawings() -> dict[str, str]:
    """Return the SVG text of each image by its file name."""
    return {"alert.svg": draw(_alert()), "tampering.svg": draw(_tampering()), "approval.svg": draw(_approval())}


def draw(message: Message) -> str:
    """Return a message as an SVG image.

    Raises:
        ValueError: It has a block of a type that no drawing exists for.
    """
    parts = [
        '<rect x="20" y="20" width="38" height="38" rx="6" fill="#b3261e"/>',
        '<path d="M37 27h4l-1 16h-2zM37 46h4v4h-4z" fill="#ffffff"/>',
        _text(_LEFT, 34, "*breakglass*"),
        f'<rect x="168" y="22" width="34" height="15" rx="3" fill="#e8e8e8"/>{_text(174, 34, "APP", 10)}',
    ]
    bottom = 40
    for block in message["blocks"]:
        drawn, bottom = _block(block, bottom + _GAP)
        parts.append(drawn)
    height = bottom + 16
    frame = f'<rect x="1" y="1" width="{_WIDTH - 2}" height="{height - 2}" rx="8" fill="#ffffff" stroke="#dddddd"/>'
    label = escape(_plain(message["text"]))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" role="img" aria-label="{label}" '
        f'font-family="{_SANS}" fill="#1d1c1d">\n' + "\n".join([frame, *parts]) + "\n</svg>\n"
    )


def _alert() -> Message:
    transformer = slack_message(
        PermissionSetSubject("devops-break-glass"),
        EvidencePath.session_start,
        channel="C0123456789",
        post_mortem_url="https://wiki.example.com/break-glass/post-mortem",
        explain=True,
    )
    return _of_record(transformer, "session-devops-break-glass.json")


def _tampering() -> Message:
    subject = TamperSubject(prefixes=("breakglass-local-",))
    transformer = slack_message(subject, EvidencePath.tamper, TamperArea.rules, channel="C0123456789")
    return _of_record(transformer, "tamper-rule-deleted.json")


def _of_record(transformer: Transformer, file: str) -> Message:
    record = json.loads((RECORDS / file).read_text(encoding="utf-8"))
    event = {"detail": record, "account": record["recipientAccountId"], "region": record["awsRegion"]}
    return json.loads(substitute(transformer, event))


def _approval() -> Message:
    ada = Actor("u-ada", _NAMES["UADA"], "UADA")
    reason = "The orders database is read-only, INC-7."
    request = replace(REQUEST, requester=ada, requester_name="ada.lovelace", reason=reason)
    content = request_message(request, (), DECISION, POLICY)
    return {"text": content.text, "blocks": content.blocks}


def _block(block: Message, top: int) -> tuple[str, int]:
    """Return a block drawn from `top` on, and where it ends."""
    match block:
        case {"type": "header", "text": {"text": str(text)}}:
            lines = _wrap(text, _HEADER_CHARACTERS)
            drawn = [_text(_LEFT, top + 20 + 25 * index, f"*{line}*", 18) for index, line in enumerate(lines)]
            return "\n".join(drawn), top + 3 + 25 * len(lines)
        case {"type": "section", "text": {"text": str(text)}}:
            return _paragraph(_LEFT, top, text)
        case {"type": "section", "fields": list(fields)}:
            parts, bottom = list[str](), top
            for index, field in enumerate(fields):
                column = index % 2
                drawn, end = _paragraph(_LEFT + _COLUMN * column, top, _narrow(field["text"]))
                parts.append(drawn)
                bottom = max(bottom, end)
                top = bottom + 6 if column else top
            return "\n".join(parts), bottom
        case {"type": "context", "elements": [{"text": str(text)}]}:
            return _text(_LEFT, top + 14, text, 12), top + 18
        case {"type": "actions", "elements": list(buttons)}:
            parts, left = list[str](), _LEFT
            for button in buttons:
                label = button["text"]["text"]
                width = 9 * len(label) + 28
                fill, ink, line = _BUTTONS.get(button.get("style", ""), _PLAIN_BUTTON)
                parts.append(
                    f'<rect x="{left}" y="{top}" width="{width}" height="32" rx="6" fill="{fill}" stroke="{line}"/>'
                    f'<g fill="{ink}">{_text(left + width / 2, top + 21, f"*{label}*", 14, "middle")}</g>'
                )
                left += width + 8
            return "\n".join(parts), top + 34
        case _:
            raise ValueError(f"no way to draw a block of type {block['type']!r} yet: {json.dumps(block)}")


def _paragraph(left: int, top: int, text: str) -> tuple[str, int]:
    lines = [line for paragraph in text.split("\n") for line in _wrap(paragraph)]
    drawn = [_text(left, top + 16 + _LINE * index, line) for index, line in enumerate(lines)]
    return "\n".join(drawn), top + _LINE * len(lines)


def _narrow(fact: str) -> str:
    """Return a fact with a code span split into lines of a column."""
    label, _, value = fact.partition("\n")
    if re.fullmatch("`[^`]+`", value) is None:
        return fact
    lines = textwrap.wrap(value.strip("`"), _COLUMN_CHARACTERS, break_on_hyphens=False)
    return "\n".join([label, *(f"`{line}`" for line in lines)])


def _wrap(paragraph: str, characters: int = _CHARACTERS) -> list[str]:
    """Return the lines of a paragraph; marked text stays in one piece."""
    lines = [""]
    for piece in re.findall(rf"(?:{_MARKUP.pattern.replace('(', '(?:')}|\S)+", paragraph):
        longer = f"{lines[-1]} {piece}".lstrip()
        if lines[-1] and len(_plain(longer)) > characters:
            lines.append(piece)
        else:
            lines[-1] = longer
    return lines


def _text(x: float, baseline: int, text: str, size: int = 15, anchor: str = "start") -> str:
    drawn, end = "", 0
    for found in _MARKUP.finditer(text):
        code, bold, person, date, link = found.groups()
        drawn += escape(Emoji.replace(text[end : found.start()]))
        if code:
            drawn += f'<tspan font-family="{_MONO}" font-size="{size - 2}" fill="#c01343">{escape(code)}</tspan>'
        elif bold:
            drawn += f'<tspan font-weight="bold">{escape(Emoji.replace(bold))}</tspan>'
        else:
            shown = f"@{_NAMES.get(person, person)}" if person else date or link
            drawn += f'<tspan fill="#1264a3">{escape(shown)}</tspan>' if not date else escape(date)
        end = found.end()
    drawn += escape(Emoji.replace(text[end:]))
    return f'<text x="{x:g}" y="{baseline}" font-size="{size}" text-anchor="{anchor}">{drawn}</text>'


def _plain(text: str) -> str:
    """Return a text as it is read aloud: without marks."""

    def shown(found: re.Match[str]) -> str:
        code, bold, person, date, link = found.groups()
        return code or bold or date or link or f"@{_NAMES.get(person, person)}"

    return _MARKUP.sub(shown, text)


if __name__ == "__main__":
    for name, image in drawings().items():
        (IMAGES / name).write_text(image, encoding="utf-8")
