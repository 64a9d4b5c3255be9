"""Safe text for Slack: foreign text keeps its characters and loses its meaning as markup.

Three ways to show foreign text:

- `quote` shows a whole text in plain-text sections. Slack interprets nothing there.
- `code` puts a name or an ID into a line, as a code span.
- `escape` is for places that allow only markup. It disables `<…>` and `&`, so mentions and links have no effect. `*`,
  `_` and `:emoji:` keep their meaning.

A lone surrogate is not a character, and JSON with one is invalid. It becomes U+FFFD where text comes in (`payloads`),
and once more here.

Sources: https://docs.slack.dev/messaging/formatting-message-text,
https://docs.slack.dev/reference/block-kit/composition-objects/text-object
"""

import re
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from breakglass.app.slack.blocks import Block, markdown, plain, section

if TYPE_CHECKING:
    # The receiver answers Slack within three seconds, so it loads no records.
    from breakglass.app.domain.records import Actor

LONGEST_SECTION = 3000
"""Maximum length of the text of a section."""

LONGEST_NAME = 80
"""Maximum length of a shown name; Identity Center accepts display names of 1,024 characters."""

_SLACK_USER = re.compile(r"[UW][A-Z0-9]{2,30}")
# Characters that end the line or the code span, or reverse the writing direction.
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff]+")


def replace_surrogates(text: str) -> str:
    """Return a text with U+FFFD for every lone surrogate."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def escape(text: str) -> str:
    """Return a text for Slack's markup without mentions, links and entities."""
    return replace_surrogates(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def shorten(text: str, longest: int) -> str:
    """Return a name or one of our texts, cut with an ellipsis; `quote` is for texts of people."""
    text = replace_surrogates(text)
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def code(text: str, longest: int = LONGEST_NAME) -> str:
    """Return a name or an ID as a code span on one line, without markup.

    A backtick, which would end the span, becomes U+02CB. Control characters, and those that change the writing
    direction, become one space. A text longer than `longest` as markup is cut with an ellipsis.
    """
    line = _UNSEEN.sub(" ", replace_surrogates(text)).replace("`", "\u02cb").strip()
    return f"`{_marked(line, longest) or '(no name)'}`"


def _marked(line: str, longest: int) -> str:
    """Return an escaped line, cut to a length but never within an entity."""
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
    """Return a person for Slack's markup: a mention if their Slack ID is known, else their name."""
    if actor.slack_id is not None and _SLACK_USER.fullmatch(actor.slack_id):
        return f"<@{actor.slack_id}>"
    return code(actor.name or actor.user_id)


def mention_slack_group(group_id: str) -> str:
    """Return a mention of a Slack user group, by its ID in the approval policy."""
    return f"<!subteam^{group_id}>"


def quote(label: str, text: str) -> list[Block]:
    """Return a whole text of a person under a label, in plain-text sections; nothing for a blank text."""
    if not text.strip():
        return []
    return [section(markdown(f"*{label}*")), *(section(plain(piece)) for piece in split_text(text))]


def format_utc(at: int) -> str:
    """Return a time as e.g. `2026-11-26 20:00 UTC`."""
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(at))


def format_time(at: int) -> str:
    """Return a time for Slack's markup, shown in each reader's time zone."""
    return f"<!date^{at}^{{date_short_pretty}} at {{time}}|{format_utc(at)}>"


def format_countdown(at: int) -> str:
    """Return a time for Slack's markup, with the time left when it is read."""
    return f"<!date^{at}^{{date_short_pretty}} at {{time}} ({{ago}})|{format_utc(at)}>"


def split_text(text: str) -> Iterator[str]:
    """Yield pieces of a text that fit into a section, in characters and in UTF-16 units."""
    text = replace_surrogates(text)
    start = units = 0
    for index, character in enumerate(text):
        size = 2 if character > "\uffff" else 1
        if units + size > LONGEST_SECTION:
            yield text[start:index]
            start, units = index, 0
        units += size
    yield text[start:]
