"""The parts of an alert's text, and phrases that several subjects share."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from breakglass.alerts.messages.fields import CALLER

NAME = "{name}"
"""The place of the subject's name in a first line, where a header may cut it."""


@dataclass(frozen=True)
class Origin:
    """The placeholders of a matched event, and the page of the console that shows it.

    Attributes:
        event_id: the event's ID.
        time: its time.
        region: its region.
        event: its name, for readers.
        page: the page of the console, as `console_url` takes it.
        button: the text of the button that opens the page.
    """

    event_id: str = "<eventId>"
    time: str = "<time>"
    region: str = "<region>"
    event: str = "<eventName>"
    page: str = "cloudtrailv2/home?region=<region>#/events/<eventId>"
    button: str = "Open event in CloudTrail"


class Runbook(StrEnum):
    """The page that says how to answer an alert."""

    use = "docs/runbooks/explain-a-use.md"
    root = "docs/runbooks/answer-an-alert.md#root"
    assume_root = "docs/runbooks/answer-an-alert.md#assumeroot"
    user = "docs/runbooks/answer-an-alert.md#iam-user"
    login = "docs/runbooks/answer-an-alert.md#aws-login"
    access = "docs/runbooks/answer-an-alert.md#access"
    tampering = "docs/runbooks/answer-an-alert.md#tampering"
    deployer = "docs/runbooks/answer-an-alert.md#deployer"
    attempt = "docs/runbooks/answer-an-alert.md#attempt"


@dataclass(frozen=True)
class AlertText:
    """The texts of one rule; all may hold placeholders.

    Attributes:
        first_line: the event, the resource and the caller in a sentence without its full stop, with `NAME` for the
            subject's name. If a record does not name the person, it has what the record names. A word stands before
            each field that some records lack.
        action: the request to the reader in a few words with a full stop; it ends the first line.
        evidence: the event in a sentence, without its full stop.
        account: the account of the use, or the record's where that is not known.
        facts: label -> value; each value has a field that every record of this kind has.
        ask: the request to the reader in Slack.
        advice: the request to the reader of an e-mail or a page.
        runbook: the page with the answer.
        legend: value -> its meaning, for values that are no words.
        sign: the emoji before the first line.
        origin: the event.
    """

    first_line: str
    action: str
    evidence: str
    account: str
    facts: Mapping[str, str]
    ask: str
    advice: str
    runbook: Runbook
    legend: Mapping[str, str] = field(default_factory=dict)
    sign: str = ":rotating_light:"
    origin: Origin = Origin()


REFUSED_SIGN = ":no_entry:"

UNEXPLAINED = "*If it stays unexplained:* treat it as a security incident."

EXPLAIN = (
    "*If this was you:* explain this usage in the thread. What is broken, and what are you going to change?\n"
    + UNEXPLAINED
)
EXPLAIN_BY_BUTTON = (
    "*If this was you:* explain this usage with the button below. Your explanation is stored, and a second "
    "person must accept it.\n" + UNEXPLAINED
)
EXPLAIN_BY_MAIL = "Explain this in the Slack thread; if it stays unexplained, treat it as a security incident."

SAY_SO = "*If this was you:* say so in the thread, and say whether you need the access now.\n" + UNEXPLAINED

UNDO = (
    "*If it was planned:* say so in the thread, and who asked for it.\n"
    "*If not:* undo it, and treat it as a security incident."
)
UNDO_BY_MAIL = "If it was planned, say so in the Slack thread; if not, undo it, and treat it as a security incident."


# The type is last: every record has one, while AWS's own calls have no key, and web identities no account.
UNSIGNED_CALLER = {
    "Caller (access key, service, account, type)": "<callerKey> <callerService> <callerAccount> <callerType>"
}

SIGNED_CALLER = {
    "Caller (type, name, ID with session name)": CALLER,
    **UNSIGNED_CALLER,
    "From address": "<address>",
}
