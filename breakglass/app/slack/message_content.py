"""Content of a message, fitted to Slack's size limits.

Text of people is in plain-text sections (`text.quote`), whole if it fits. If it does not, the message names the place
of the rest.

Slack accepts 50 blocks, and refuses a message whose blocks are too long together (`msg_blocks_too_long`). Its
documentation gives no figure. Users have measured 13,297 characters, and refusals below 12,000 with many small blocks
(https://github.com/slackapi/bolt-js/issues/2509, https://github.com/slackapi/bolt-js/issues/2867). So `LONGEST_MESSAGE`
counts everything and is lower.

Non-goals: the texts of messages (see `messages`).
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from breakglass.app.slack.blocks import Block, context, markdown, section
from breakglass.app.slack.text import LONGEST_SECTION, quote, replace_surrogates

LONGEST_MESSAGE = 11_000
"""Maximum length of all blocks of a message, as JSON."""

MOST_BLOCKS = 50
"""Maximum number of blocks of a message."""

THREAD = "in the thread"
"""The place of the rest of a text that the thread shows."""

TRAIL = "in the audit trail (`breakglass audit`)"
"""The place of the rest of any text."""

_ALLOWANCES = (3000, 1500, 600, 200)


@dataclass(frozen=True)
class MessageContent:
    """The content of a message.

    Attributes:
        text: for notifications and clients without blocks, in Slack's markup.
        blocks: for all other clients.
    """

    text: str
    blocks: list[Block]


def fit_to_limit(blocks: Callable[[int], list[Block]]) -> list[Block]:
    """Return blocks with as much of people's texts as one message holds; `blocks` takes the maximum length."""
    made: list[Block] = []
    for allowance in _ALLOWANCES:
        made = blocks(allowance)
        if len(made) <= MOST_BLOCKS and size(made) <= LONGEST_MESSAGE:
            break
    return made


def size(blocks: Sequence[Block]) -> int:
    """Return the length of blocks as JSON."""
    return len(json.dumps(blocks, ensure_ascii=False, separators=(",", ":")))


def quote_excerpt(label: str, text: str, allowance: int, where: str) -> list[Block]:
    """Return a text of a person, cut to the allowance, with the place of the rest."""
    text = replace_surrogates(text)
    if len(text) <= allowance:
        return quote(label, text)
    return [*quote(label, text[:allowance]), context(f"{len(text) - allowance} more characters are {where}.")]


def paragraphs(lines: Sequence[str]) -> list[Block]:
    """Return lines in as few sections as possible."""
    packed = [""]
    for line in lines:
        longer = f"{packed[-1]}\n{line}" if packed[-1] else line
        packed[-1:] = [longer] if len(longer) <= LONGEST_SECTION else [packed[-1], line]
    return [section(markdown(text)) for text in packed if text]
