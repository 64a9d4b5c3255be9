"""How much a message of Slack holds.

What people wrote is in plain-text sections (`text.quote`), whole as far as a message holds it; where it doesn't, the
message says where the rest is.

Slack takes 50 blocks, and refuses a message whose blocks are too long together (`msg_blocks_too_long`); its
documentation does not say how long that is. People have measured 13,297 characters, and refusals below 12,000 with many
small blocks (https://github.com/slackapi/bolt-js/issues/2509, https://github.com/slackapi/bolt-js/issues/2867), so
`LONGEST_MESSAGE` counts everything, and stays below.

Non-goals: what messages say (see `messages`).
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from breakglass.app.slack.blocks import Block, context, markdown, section
from breakglass.app.slack.text import LONGEST_SECTION, quote, replace_surrogates

LONGEST_MESSAGE = 11_000
"""Characters of all blocks of a message, as JSON."""

MOST_BLOCKS = 50
"""Blocks of a message."""

THREAD = "in the thread"
"""Where the rest is of what is told there."""

TRAIL = "in the audit trail (`breakglass audit`)"
"""Where the rest is of everything."""

_ALLOWANCES = (3000, 1500, 600, 200)


@dataclass(frozen=True)
class MessageContent:
    """What a message says.

    Attributes:
        text: for notifications, and where blocks can't be shown; in Slack's markup.
        blocks: what is shown.
    """

    text: str
    blocks: list[Block]


def fit_to_limit(blocks: Callable[[int], list[Block]]) -> list[Block]:
    """Give what people wrote as much room as there is in one message.

    Args:
        blocks: makes the blocks, with so many characters of each text.
    """
    made: list[Block] = []
    for allowance in _ALLOWANCES:
        made = blocks(allowance)
        if len(made) <= MOST_BLOCKS and size(made) <= LONGEST_MESSAGE:
            break
    return made


def size(blocks: Sequence[Block]) -> int:
    """Return how long blocks are together, as JSON."""
    return len(json.dumps(blocks, ensure_ascii=False, separators=(",", ":")))


def quote_excerpt(label: str, text: str, allowance: int, where: str) -> list[Block]:
    """Show what people wrote, and where the rest of it is if it is longer than allowed."""
    text = replace_surrogates(text)
    if len(text) <= allowance:
        return quote(label, text)
    return [*quote(label, text[:allowance]), context(f"{len(text) - allowance} more characters of it are {where}.")]


def paragraphs(lines: Sequence[str]) -> list[Block]:
    """Show lines in as few sections as they fit into."""
    packed = [""]
    for line in lines:
        longer = f"{packed[-1]}\n{line}" if packed[-1] else line
        packed[-1:] = [longer] if len(longer) <= LONGEST_SECTION else [packed[-1], line]
    return [section(markdown(text)) for text in packed if text]
