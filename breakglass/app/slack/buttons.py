"""The buttons of messages and of the Home tab; the value of each is the id of the record it is about.

Non-goals: which of them are shown where (see `request_message` and `home`); what a click does (see
`services.dispatch`).
"""

from breakglass.app.domain.durations import format_duration
from breakglass.app.domain.policy import ApprovalPolicy
from breakglass.app.domain.records import Kind, Request, Usage
from breakglass.app.slack import ids, phrases
from breakglass.app.slack.blocks import Block, button, confirm
from breakglass.app.slack.text import shorten


def approve_button(request: Request, policy: ApprovalPolicy) -> Block:
    """Approve, after a look at what that means."""
    accounts = "1 account" if len(request.accounts) == 1 else f"{len(request.accounts)} accounts"
    what = f"{shorten(request.permission_set, 32)} in {accounts} for {format_duration(request.duration)}"
    if request.kind is Kind.extension:
        what = f"more time with {what}"
    sessions = phrases.describe_live_sessions(policy, request.permission_set, request.accounts)
    text = f"{shorten(request.requester.name, 40)} gets {what}, counted from the last approval needed. {sessions}"
    return button(
        "Approve",
        ids.APPROVE,
        request.id,
        style="primary",
        confirm=confirm("Approve this?", shorten(text, 300), "Approve"),
    )


def deny_button(request: Request) -> Block:
    """Deny, with a reason."""
    return button("Deny", ids.DENY, request.id, style="danger")


def acknowledge_button(request: Request) -> Block:
    """Say that one is looking, so that others know."""
    return button("I'm looking", ids.ACKNOWLEDGE, request.id)


def withdraw_button(request: Request) -> Block:
    """Take one's own request back."""
    return button("Withdraw", ids.WITHDRAW, request.id)


def glass_button(request: Request) -> Block:
    """Take access that nobody has approved; the form asks again."""
    return button("Break the glass", ids.BREAK_GLASS, request.id, style="danger")


def done_button(request: Request) -> Block:
    """Give one's own access back, after a question: a slip would cost another request."""
    return button(
        "I'm done",
        ids.DONE,
        request.id,
        style="primary",
        confirm=confirm("Give the access back?", "It is taken back at once, in every account.", "I'm done"),
    )


def extend_button(request: Request) -> Block:
    """Ask for more time."""
    return button("Extend", ids.EXTEND, request.id)


def end_button(request: Request) -> Block:
    """End somebody's access, with a reason."""
    return button("End now", ids.END, request.id, style="danger")


def explain_button(use: Usage) -> Block:
    """Explain a use."""
    return button("Explain", ids.EXPLAIN_USE, use.id, style="primary")


def accept_button(use: Usage) -> Block:
    """Read an explanation in a form, and agree with it there."""
    return button("Sign off", ids.ACCEPT, use.id, style="primary")
