"""Words in Slack: what people wrote stays what they wrote, and means nothing to Slack.

Three ways for a text that isn't ours, from the best to the shortest:

- `quote` shows what people wrote, whole, in plain-text sections. Slack interprets nothing there.
- `code` puts a name or an id into a line of ours, as a code span.
- `escaped` is for where there is nothing but markup. It takes away the meaning of `<…>` and `&`, so that nobody is
  mentioned and nothing links elsewhere than it says; `*`, `_` and `:emoji:` still have theirs.

A lone surrogate is no character, and JSON with one is no valid text. It becomes U+FFFD wherever a text comes in
(`payloads`), and once more here.

Sources: https://docs.slack.dev/messaging/formatting-message-text,
https://docs.slack.dev/reference/block-kit/composition-objects/text-object

Non-goals: the texts themselves.
"""

import re
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from breakglass.app.slack.blocks import Block, markdown, plain, section

if TYPE_CHECKING:
    # Whatever answers Slack within three seconds loads no records.
    from breakglass.app.domain.records import Actor

LONGEST_SECTION = 3000
"""Characters in the text of a section."""

LONGEST_NAME = 80
"""Characters of a name that are shown; Identity Center takes display names of 1,024."""

_SLACK_USER = re.compile(r"[UW][A-Z0-9]{2,30}")
# What would end the line or the code span, or write what follows from right to left.
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff]+")


def replace_surrogates(text: str) -> str:
    """Return a text with U+FFFD in place of every lone surrogate."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def escape(text: str) -> str:
    """Return a text for Slack's markup in which nothing is a mention, a link or an entity."""
    return replace_surrogates(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def shorten(text: str, longest: int) -> str:
    """Return a text of ours or a name, cut with an ellipsis where it is too long; never what people wrote."""
    text = replace_surrogates(text)
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def code(text: str, longest: int = LONGEST_NAME) -> str:
    """Return a name or an id as a code span: one line, in which nothing means anything.

    A backtick, which would end it, becomes U+02CB; control characters, and those that change the direction of writing,
    become one space.

    Args:
        text: the name or id.
        longest: how many characters it may take as markup; a longer one is cut with an ellipsis.
    """
    line = _UNSEEN.sub(" ", replace_surrogates(text)).replace("`", "\u02cb").strip()
    return f"`{_marked(line, longest) or '(no name)'}`"


def _marked(line: str, longest: int) -> str:
    """Escape a line, and cut it where it gets too long, never within an entity."""
    whole = escape(line)
    if len(whole) <= longest:
        return whole
    marked, room = "", longest - 1
    for character in line:
        mark = escape(character)
        room -= len(mark)
        if room < 0:
            break
        marked += mark
    return f"{marked}…"


def format_actor(actor: "Actor") -> str:
    """Return who did something, for Slack's markup: a mention if their Slack id is known, else their name."""
    if actor.slack_id is not None and _SLACK_USER.fullmatch(actor.slack_id):
        return f"<@{actor.slack_id}>"
    return code(actor.name or actor.user_id)


def quote(label: str, text: str) -> list[Block]:
    """Show what people wrote, whole and as they wrote it.

    Args:
        label: what it is, a text of ours.
        text: what they wrote.

    Returns:
        The label and as many plain-text sections as it takes; nothing for a text that is blank.
    """
    if not text.strip():
        return []
    return [section(markdown(f"*{label}*")), *(section(plain(piece)) for piece in split_text(text))]


def format_utc(at: int) -> str:
    """Return a time as e.g. `2026-11-26 20:00 UTC`."""
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(at))


def format_time(at: int) -> str:
    """Return a time for Slack's markup, shown to everybody in their own time zone."""
    return f"<!date^{at}^{{date_short_pretty}} at {{time}}|{format_utc(at)}>"


def format_countdown(at: int) -> str:
    """Return a time for Slack's markup, with how far it is away whenever somebody looks."""
    return f"<!date^{at}^{{date_short_pretty}} at {{time}} ({{ago}})|{format_utc(at)}>"


def split_text(text: str) -> Iterator[str]:
    """Cut a text into what a section takes, whether Slack counts characters or UTF-16 units."""
    text = replace_surrogates(text)
    start = units = 0
    for index, character in enumerate(text):
        size = 2 if character > "\uffff" else 1
        if units + size > LONGEST_SECTION:
            yield text[start:index]
            start, units = index, 0
        units += size
    yield text[start:]
