"""The first line of an alert: as a block of a Slack message, and as text."""

import re
from typing import Any

from breakglass.alerts.messages.alert_text import NAME, AlertText
from breakglass.alerts.messages.blocks import header, text_section
from breakglass.alerts.messages.transformer import HEADER_LIMIT, PLACEHOLDER, longest_value

SHORTEST_NAME = 16
"""The least that a header shows of a long name; with less room, the first line is a section."""

_VALUES = re.compile(rf"{PLACEHOLDER.pattern}( ?{PLACEHOLDER.pattern})*|(?<!\d)\d{{12}}(?!\d)")
"""Values in a first line: placeholders in a row, all but one of which a record may lack, or an account."""


def first_line(text: AlertText, name: str) -> str:
    """Return the first line with the name of the subject, as plain text."""
    return f"{text.first_line.replace(NAME, name)}. {text.action}"


def first_block(text: AlertText, name: str) -> dict[str, Any]:
    """Return the block with the first line: a header if its longest form fits, else a section.

    A header cuts a long name; the whole name is among the facts.
    """
    line = f"{text.sign} {first_line(text, NAME)}"
    longest = PLACEHOLDER.sub(lambda found: longest_value(found[1]), line.replace(NAME, ""))
    room = HEADER_LIMIT - len(longest)
    if room >= (SHORTEST_NAME if NAME in line else 0):
        shown = name if len(name) <= room else f"{name[: room - 1]}…"
        return header(line.replace(NAME, shown))
    return text_section(_VALUES.sub(r"`\g<0>`", line).replace(NAME, f"`{name}`"))
