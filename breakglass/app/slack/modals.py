"""Forms that ask nothing: what opens at once, what a sent form becomes, and what is told in one.

Whatever answers Slack within three seconds needs nothing else of the forms, so this module imports little.

Non-goals: forms with inputs (see `forms`).
"""

from typing import Any

from breakglass.app.slack.blocks import Block, plain, section
from breakglass.app.slack.text import shorten, split_text

View = dict[str, Any]
"""A view as Slack's methods take it."""

_LONGEST_TITLE = 24


def loading_modal() -> View:
    """What opens at once, until it is known what to show."""
    return modal("Break-glass access", [section(plain("One moment…"))])


def processing_modal(title: str = "Break-glass access") -> View:
    """What a form becomes when it is sent, until it is known what came of it."""
    text = (
        "Sent, and being worked on. What comes of it is shown here, and in the channel if it concerns others; you may "
        "close this."
    )
    return modal(title, [section(plain(text))])


def result_modal(title: str, *texts: str | Block) -> View:
    """Say something to whoever looks at a form.

    Args:
        title: of ours, at most 24 characters.
        texts: blocks, or plain texts that may hold what people wrote.
    """
    blocks: list[Block] = []
    for text in texts:
        if isinstance(text, str):
            blocks.extend(section(plain(piece)) for piece in split_text(text) if piece.strip())
        else:
            blocks.append(text)
    return modal(title, blocks or [section(plain("There is nothing more to say."))])


def modal(title: str, blocks: list[Block], *, submit: str = "", callback_id: str = "", about: str = "") -> View:
    """Make a form; `about` is the id of what it is about, and comes back when the form is sent."""
    return {
        "type": "modal",
        "title": plain(shorten(title, _LONGEST_TITLE)),
        "close": plain("Cancel" if submit else "Close"),
        **({"submit": plain(submit)} if submit else {}),
        **({"callback_id": callback_id} if callback_id else {}),
        "private_metadata": about,
        "blocks": blocks,
    }
