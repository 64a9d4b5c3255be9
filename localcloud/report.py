"""Renders Slack messages and the demo's result tables for a terminal.

Texts of CloudTrail records are hostile input, so control characters never reach the terminal.

Non-goals: block types that the alerts never use; they are shown as JSON.
"""

import json
import re
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.emoji import Emoji
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from breakglass.terminal import escape_unprintable
from breakglass.vocabulary import Delivery
from localcloud.faults import ORGANIZATION, Fault, FaultResult
from localcloud.steps import Step
from localcloud.verdicts import Verdict

_MARKUP = re.compile(r"\*(?P<bold>[^*\n]+)\*|`(?P<code>[^`\n]+)`")
_WIDTH_OF_A_FILE = 120


def create_console() -> Console:
    """Return a console as wide as the terminal, in colour only if it is one."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else _WIDTH_OF_A_FILE)


def render_message(message: Mapping[str, Any]) -> Panel:
    """Return a message as it looks in Slack."""
    blocks = message.get("blocks") or [{"type": "section", "text": {"type": "mrkdwn", "text": message.get("text", "")}}]
    return Panel(
        Group(*(_block(block) for block in blocks)),
        title=Text(escape_unprintable(f"# {message.get('channel', '?')}")),
        title_align="left",
        width=110,
    )


def render_verdicts(verdicts: Iterable[Verdict]) -> Table:
    """Return a table with one row per record: expected, seen, seconds."""
    table = Table(box=None, pad_edge=False)
    for heading in ("record", "expected", "seen"):
        table.add_column(heading, overflow="fold")
    table.add_column("seconds", justify="right")
    table.add_column("")
    for verdict in verdicts:
        expected = "any" if verdict.expected is None else ", ".join(verdict.expected) or "silence"
        table.add_row(
            # As Text, since rich reads square brackets in a str as markup.
            Text(escape_unprintable(verdict.file)),
            expected,
            Text(escape_unprintable(", ".join(verdict.seen)) or "silence"),
            "" if verdict.seconds is None else f"{verdict.seconds:.3f}",
            Text("ok", "green") if verdict.ok else Text("WRONG", "bold red"),
        )
    return table


def render_steps(steps: Iterable[Step]) -> Table:
    """Return a table with one row per step: seen (and expected, if it differs), seconds."""
    table = Table(box=None, pad_edge=False)
    for heading in ("step", "seen"):
        table.add_column(heading, overflow="fold", ratio=1)
    table.add_column("seconds", justify="right")
    table.add_column("")
    for step in steps:
        seen = step.seen if step.ok else f"{step.seen}\nexpected: {step.expected}"
        table.add_row(
            Text(escape_unprintable(step.name)),
            Text(escape_unprintable(seen)),
            f"{step.seconds:.1f}",
            Text("ok", "green") if step.ok else Text("WRONG", "bold red"),
        )
    return table


def render_faults(faults: Iterable[Fault], results: Iterable[FaultResult]) -> Table:
    """Return a table with one row per fault and delivery: notices and their times, and the alert itself.

    A fault of an organization has one row: its delivery has no part in the fault.
    """
    table = Table(box=None, pad_edge=False)
    for heading in ("fault", "delivery"):
        table.add_column(heading, no_wrap=True)
    table.add_column("noticed by", overflow="fold")
    table.add_column("after", justify="right")
    table.add_column("the alert itself is", overflow="fold")
    table.add_column("")
    known = {(result.fault, result.delivery): result for result in results}
    for fault in faults:
        for delivery in Delivery:
            result = known.get((fault, delivery))
            if result is None and fault in ORGANIZATION:
                continue
            if result is None:
                table.add_row(fault, delivery, "does not apply")
                continue
            notices = [sighting.notice for sighting in result.sightings] or ["nothing"]
            wrong = [f"missing: {notice}" for notice in sorted(result.missing)]
            wrong += [f"unexpected: {notice}" for notice in sorted(result.unexpected)]
            times = [format_seconds(sighting.seconds) for sighting in result.sightings]
            table.add_row(fault, delivery, "\n".join([*notices, *wrong]), "\n".join(times), result.kept, _judge(result))
    return table


def format_seconds(seconds: float) -> str:
    """Return a duration as in `0.4 s`, `62 s`, `17 min` or `25 h`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"


def describe_changes(changes: Mapping[str, int]) -> str:
    """Return the operations of an update in words, as in `12 create, 4 update`."""
    return ", ".join(f"{count} {operation}" for operation, count in sorted(changes.items())) or "no change"


def _judge(result: FaultResult) -> Text:
    if not result.ok:
        return Text("WRONG", "bold red")
    return Text("unseen by design", "yellow") if result.is_unseen_by_design else Text("ok", "green")


def _block(block: Mapping[str, Any]) -> RenderableType:
    match block:
        case {"type": "header", "text": {"text": str(text)}}:
            return Text(escape_unprintable(Emoji.replace(text)), "bold")
        case {"type": "section", **rest}:
            return _section(rest)
        case {"type": "context", "elements": list(elements)}:
            return Text("  ").join(_markup(element.get("text", "")).copy() for element in elements)
        case {"type": "actions", "elements": list(elements)}:
            return Group(*(_button(element) for element in elements))
        case {"type": "divider"}:
            return Text("─" * 96, "dim")
        case _:
            return Text(escape_unprintable(json.dumps(block)))


def _section(section: Mapping[str, Any]) -> RenderableType:
    lines: list[RenderableType] = []
    if "text" in section:
        lines.append(_markup(section["text"]["text"]))
    if fields := section.get("fields"):
        grid = Table.grid("", "", padding=(0, 4))
        for column in grid.columns:
            column.overflow = "fold"
        cells = [_markup(field["text"]) for field in fields]
        for index in range(0, len(cells), 2):
            grid.add_row(*cells[index : index + 2])
        lines.append(grid)
    return Group(*lines)


def _button(element: Mapping[str, Any]) -> Text:
    label = escape_unprintable(element.get("text", {}).get("text", ""))
    return Text.assemble((f"[ {label} ]", "bold cyan"), (f" {escape_unprintable(element.get('url', ''))}", "dim"))


def _markup(text: str) -> Text:
    """Slack's mrkdwn as far as the alerts use it: bold, code and emoji names."""
    shown, end = Text(), 0
    source = escape_unprintable(Emoji.replace(text))
    for found in _MARKUP.finditer(source):
        shown.append(source[end : found.start()])
        style = "bold" if found["bold"] is not None else "cyan"
        shown.append(found["bold"] or found["code"] or "", style)
        end = found.end()
    return shown.append(source[end:])
