"""Modals without inputs: loading, processing, result.

The receiver, which answers Slack within three seconds, imports this module, so it imports little.

Non-goals: forms with inputs (see `forms`).
"""

from breakglass.app.slack.blocks import Block, View, plain, section
from breakglass.app.slack.text import shorten, split_text

_LONGEST_TITLE = 24


def loading_modal() -> View:
    """Return the modal that opens before its content is known."""
    return modal("Break-glass access", [section(plain("Loading…"))])


def processing_modal() -> View:
    """Return the modal that replaces a sent form until its result is known."""
    text = "Sent. The result is shown here, and in the channel if it concerns other people. You can close this window."
    return modal("Break-glass access", [section(plain(text))])


def result_modal(title: str, text: str) -> View:
    """Return a modal with a result: a plain text that may hold text of people."""
    blocks = [section(plain(piece)) for piece in split_text(text) if piece.strip()]
    return modal(title, blocks or [section(plain("Done."))])


def modal(title: str, blocks: list[Block], *, submit: str = "", callback_id: str = "", about: str = "") -> View:
    """Return a modal; `about` is the ID of its record, and comes back with the submission."""
    return {
        "type": "modal",
        "title": plain(shorten(title, _LONGEST_TITLE)),
        "close": plain("Cancel" if submit else "Close"),
        **({"submit": plain(submit)} if submit else {}),
        **({"callback_id": callback_id} if callback_id else {}),
        "private_metadata": about,
        "blocks": blocks,
    }
