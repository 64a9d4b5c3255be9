"""The errors this package raises on purpose.

    BreakglassError          everything below; each is the user's to fix, so its text is written for the user
    ├── CommandError         a command of `breakglass` can't do what it is asked for
    │   ├── InvalidArgumentError  since what it is asked for can't be, or can't be known
    │   └── UnreadableError       since a file can't be read
    ├── ConfigError          the stack file or a component's arguments: every problem found, in one report
    ├── MessageError         an alert message that Slack or EventBridge would refuse or mangle
    └── PolicyError          an IAM policy that this package refuses to deploy

Non-goals: errors of AWS, Slack or Pulumi themselves pass through unchanged. Nothing here imports pulumi.
"""

import json
import re
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass, fields

from breakglass.terminal import escape_unprintable

_WIDTH = 100
_LONGEST_VALUE = 120

# Slack tokens (xoxb-, xoxp-, xoxe.xoxb-, xapp-, ...) and incoming-webhook addresses, which are passwords as well:
# https://docs.slack.dev/authentication/tokens, https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
_SECRET = re.compile(r"(?P<kind>xox[a-z]|xapp)[-.](?=[a-z0-9])[^\s\"']*|hooks\.slack\.com/[^\s\"']+", re.IGNORECASE)


def has_secret(text: str) -> bool:
    """Say whether the text contains something that looks like a Slack token or a webhook address."""
    return _SECRET.search(text) is not None


def redact(text: str) -> str:
    """Replace everything in the text that looks like a Slack token or a webhook address.

    The kind of token is kept, so that its owner still recognises it: `xoxb-[redacted]`.
    """
    return _SECRET.sub(lambda match: f"{match['kind']}-[redacted]" if match["kind"] else "[redacted]", text)


def format_value(value: object) -> str:
    """Return a value as a problem report shows it: JSON on one line, redacted, at most 120 characters."""
    text = redact(json.dumps(value, ensure_ascii=False, default=str))
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, told so that it can be put right without reading the code.

    Every part is redacted and made `printable` on construction: a report ends in terminals and CI logs.
    """

    path: str
    """Where: the key path as Pulumi writes it, e.g. `breakglass:permissionSets.pairs[0].breakGlass.name`."""
    value: str
    """The offending value as `shown()` renders it, or a note in parentheses such as `(missing)`."""
    why: str
    """What is wrong and why it matters."""
    instead: str
    """What to write or do instead."""

    def __post_init__(self) -> None:
        """Redact every part, and escape what a terminal would obey, whoever built the problem."""
        for field in fields(self):
            object.__setattr__(self, field.name, escape_unprintable(redact(getattr(self, field.name))))

    def __str__(self) -> str:
        """Return the problem as a paragraph for a terminal."""
        parts = (("value", self.value), ("why", self.why), ("instead", self.instead))
        lines = [
            textwrap.fill(
                text,
                width=_WIDTH,
                initial_indent=f"    {label + ':':<9}",
                subsequent_indent=" " * 13,
                break_long_words=False,
                break_on_hyphens=False,
            )
            for label, text in parts
        ]
        return "\n".join([self.path, *lines])


class BreakglassError(Exception):
    """Something the user of this package can put right; the text says how."""

    def __str__(self) -> str:
        """Return the text for a terminal."""
        return escape_unprintable(super().__str__())


class ConfigError(BreakglassError):
    """The configuration can't be deployed.

    Attributes:
        problems: Every problem found, never none.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(*self.problems)

    def __str__(self) -> str:
        """Return the whole report for a terminal."""
        count = len(self.problems)
        title = f"{count} {'problem' if count == 1 else 'problems'} in the configuration; nothing was deployed."
        return "\n\n".join([title, *map(str, self.problems)])


class CommandError(BreakglassError):
    """A command of the command line can't do what it is asked for.

    Attributes:
        problem: What is in the way.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(problem)


class InvalidArgumentError(CommandError):
    """What a command is asked for can't be: an unknown permission set or person, a date that is none."""


class UnreadableError(CommandError):
    """A file that a command is given can't be read, or has no meaning.

    Attributes:
        problem: What is in the way.
        line: The line of the file, counted from 1.
    """

    def __init__(self, problem: Problem, line: int) -> None:
        self.line = line
        super().__init__(problem)


class MessageError(BreakglassError):
    """An alert message that Slack or EventBridge would refuse or mangle."""


class PolicyError(BreakglassError):
    """An IAM policy that this package refuses to deploy."""
