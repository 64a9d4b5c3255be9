"""The errors that this package raises on purpose.

    BreakglassError               the base; the user can fix each of them, so the text is written for the user
    ├── CommandError              a command of `breakglass` failed
    │   ├── InvalidArgumentError  an argument names an unknown thing, or has no valid value
    │   └── UnreadableError       a file can't be read
    ├── ConfigError               all problems of the stack file or of a component's arguments, in one report
    ├── MessageError              an alert message that Slack or EventBridge would refuse or change
    └── PolicyError               an IAM policy that this package refuses to deploy

Non-goals: errors of AWS, Slack and Pulumi, which pass unchanged. Nothing here imports Pulumi.
"""

import json
import re
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass, fields

from breakglass.terminal import escape_unprintable

_WIDTH = 100
_LONGEST_VALUE = 120

# Slack tokens (xoxb-, xoxp-, xoxe.xoxb-, xapp-, ...) and addresses of incoming webhooks, which are secrets, too:
# https://docs.slack.dev/authentication/tokens, https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
_SECRET = re.compile(r"(?P<kind>xox[a-z]|xapp)[-.](?=[a-z0-9])[^\s\"']*|hooks\.slack\.com/[^\s\"']+", re.IGNORECASE)


def has_secret(text: str) -> bool:
    """Say if a text has a Slack token or a webhook address, by its form."""
    return _SECRET.search(text) is not None


def redact(text: str) -> str:
    """Replace each Slack token and webhook address; a token keeps its kind: `xoxb-[redacted]`."""
    return _SECRET.sub(lambda match: f"{match['kind']}-[redacted]" if match["kind"] else "[redacted]", text)


def format_value(value: object) -> str:
    """Return a value for a problem report: JSON on one line, redacted, at most 120 characters."""
    text = redact(json.dumps(value, ensure_ascii=False, default=str))
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"


@dataclass(frozen=True)
class Problem:
    """A problem with its cause and its fix, for a reader who does not know the code.

    Each part is redacted and escaped on construction, since reports end in terminals and CI logs.
    """

    path: str
    """The key path as Pulumi writes it, e.g. `breakglass:permissionSets.pairs[0].breakGlass.name`."""
    value: str
    """The offending value by `format_value()`, or a note in parentheses such as `(missing)`."""
    why: str
    """The fault and its consequence."""
    instead: str
    """The fix."""

    def __post_init__(self) -> None:
        for field in fields(self):
            object.__setattr__(self, field.name, escape_unprintable(redact(getattr(self, field.name))))

    def __str__(self) -> str:
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
    """An error that the user of this package can fix; the text says how."""

    def __str__(self) -> str:
        return escape_unprintable(super().__str__())


class ConfigError(BreakglassError):
    """The configuration can't be deployed; `problems` has every problem, at least one."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(*self.problems)

    def __str__(self) -> str:
        count = len(self.problems)
        title = f"{count} {'problem' if count == 1 else 'problems'} in the configuration:"
        return "\n\n".join([title, *map(str, self.problems)])


class CommandError(BreakglassError):
    """A command failed, for the reason in `problem`."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(problem)


class InvalidArgumentError(CommandError):
    """An argument of a command is invalid: an unknown permission set or user, a wrong date."""


class UnreadableError(CommandError):
    """A file can't be read or parsed; `line` is the line of the problem, counted from 1."""

    def __init__(self, problem: Problem, line: int) -> None:
        self.line = line
        super().__init__(problem)


class MessageError(BreakglassError):
    """An alert message that Slack or EventBridge would refuse or change."""


class PolicyError(BreakglassError):
    """An IAM policy that this package refuses to deploy."""
