"""Buttons of messages and of the Home tab; each has the ID of its record as value.

Non-goals: which buttons are shown where (see `request_message` and `home`); handling a click (see `services.dispatch`).
"""

from breakglass.app.domain.durations import format_duration
from breakglass.app.domain.policy import ApprovalPolicy
from breakglass.app.domain.records import Kind, Request, Usage
from breakglass.app.slack import ids, phrases
from breakglass.app.slack.blocks import Block, button, confirm
from breakglass.app.slack.text import shorten


def approve_button(request: Request, policy: ApprovalPolicy) -> Block:
    """Approve, after a question that shows the effect."""
    accounts = "1 account" if len(request.accounts) == 1 else f"{len(request.accounts)} accounts"
    what = f"{shorten(request.permission_set, 32)} in {accounts} for {format_duration(request.duration)}"
    if request.kind is Kind.extension:
        what = f"more time with {what}"
    sessions = phrases.describe_live_sessions(policy, request.permission_set, request.accounts)
    text = f"{shorten(request.requester.name, 40)} gets {what}, counted from the last approval. {sessions}"
    return button(
        "Approve",
        ids.APPROVE,
        request.id,
        style="primary",
        confirm=confirm("Approve this request?", shorten(text, 300), "Approve"),
    )


def deny_button(request: Request) -> Block:
    """Deny, with a reason."""
    return button("Deny", ids.DENY, request.id, style="danger")


def acknowledge_button(request: Request) -> Block:
    """Tell the other approvers that one of them is deciding."""
    return button("Acknowledge", ids.ACKNOWLEDGE, request.id)


def withdraw_button(request: Request) -> Block:
    """Withdraw, for the requester."""
    return button("Withdraw", ids.WITHDRAW, request.id)


def glass_button(request: Request) -> Block:
    """Open the form for access without approval."""
    return button("Break the glass", ids.BREAK_GLASS, request.id, style="danger")


def done_button(request: Request) -> Block:
    """End the requester's own access, after a question: a wrong click would cost another request."""
    return button(
        "I'm done",
        ids.DONE,
        request.id,
        style="primary",
        confirm=confirm("End your access?", "It is revoked now, in every account.", "I'm done"),
    )


def extend_button(request: Request) -> Block:
    """Open the form for more time."""
    return button("Extend", ids.EXTEND, request.id)


def end_button(request: Request) -> Block:
    """Open the form that ends the requester's access."""
    return button("End now", ids.END, request.id, style="danger")


def explain_button(usage: Usage) -> Block:
    """Open the form for an explanation."""
    return button("Explain", ids.EXPLAIN_USE, usage.id, style="primary")


def accept_button(usage: Usage) -> Block:
    """Open the form that shows an explanation and accepts it."""
    return button("Accept", ids.ACCEPT, usage.id, style="primary")
