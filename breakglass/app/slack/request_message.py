"""The message of a request in each of its states: the message that its approvers decide on.

It shows the current state, the next step and the people who can act.

Non-goals: the thread (see `messages`); sending (see `services.notifications`).
"""

from collections.abc import Callable, Mapping, Sequence

from breakglass.app.domain.decision import Decision
from breakglass.app.domain.durations import format_duration
from breakglass.app.domain.policy import Action, ApprovalPolicy, DenyRule
from breakglass.app.domain.records import Denial, Grant, GrantState, Kind, Request, State
from breakglass.app.domain.request_lifecycle import unanswered_since
from breakglass.app.slack import phrases
from breakglass.app.slack.blocks import Block, actions, context, fields, header, markdown, plain, section
from breakglass.app.slack.buttons import (
    acknowledge_button,
    approve_button,
    deny_button,
    done_button,
    end_button,
    extend_button,
    glass_button,
    withdraw_button,
)
from breakglass.app.slack.message_content import THREAD, TRAIL, MessageContent, fit_to_limit, paragraphs, quote_excerpt
from breakglass.app.slack.text import code, format_actor, format_countdown, format_time, shorten


def request_message(
    request: Request,
    grants: Sequence[Grant],
    decision: Decision,
    policy: ApprovalPolicy,
    mentions: Sequence[str] = (),
    denials: Sequence[Denial] = (),
) -> MessageContent:
    """Return the message of a request in its current state, by the current policy.

    `decision` is of `may_request`, with the terms and the approvers. `mentions` are people who are asked to decide, as
    `text.format_actor` shows them; only a new message has them. `denials` are recent ones of the same access.
    """
    text = f"{request_title(request)}: {_summary(request, policy)}"

    def blocks(allowance: int) -> list[Block]:
        return [
            header(f"{_SIGNS[request.state]} {request_title(request)}: {shorten(request.permission_set, 64)}"),
            *_glass_alarm(request),
            *paragraphs(phrases.describe_denials(denials, decision.terms, policy.accounts)),
            *paragraphs(_state(request, grants, decision, policy, mentions, denials)),
            fields(*_facts(request, allowance)),
            *account_blocks(request, grants, policy, allowance),
            *quote_excerpt("Reason", request.reason, allowance, TRAIL),
            *quote_excerpt("Why it could not wait", request.justification, allowance // 2, THREAD),
            *quote_excerpt(_note_label(request), request.note, allowance // 2, THREAD),
            *_refusal(request, decision),
            *_banners(request, decision, allowance // 5),
            context(f"{code(request.id)} · requested {format_time(request.created_at)}"),
            *_buttons(request, decision, policy, denials),
        ]

    return MessageContent(text, fit_to_limit(blocks))


_SIGNS: Mapping[State, str] = {
    State.pending: ":bell:",
    State.approved: ":hourglass_flowing_sand:",
    State.granting: ":hourglass_flowing_sand:",
    State.active: ":unlock:",
    State.revoking: ":hourglass_flowing_sand:",
    State.ended: ":lock:",
    State.denied: ":no_entry:",
    State.expired: ":hourglass:",
    State.withdrawn: ":leftwards_arrow_with_hook:",
    State.failed: ":x:",
}
TITLES: Mapping[State, str] = {
    State.pending: "Access requested",
    State.approved: "Approved",
    State.granting: "Granting",
    State.active: "Active",
    State.revoking: "Revoking",
    State.ended: "Ended",
    State.denied: "Denied",
    State.expired: "Expired",
    State.withdrawn: "Withdrawn",
    State.failed: "Failed",
}
"""The state of a request, as shown."""

_EXTENSIONS: Mapping[State, str] = {State.pending: "More time requested", State.ended: "More time granted"}


def request_title(request: Request) -> str:
    """Return the state of a request as a title."""
    state = TITLES[request.state]
    if request.kind is Kind.extension:
        state = _EXTENSIONS.get(request.state, f"More time {state.lower()}")
    if request.glass:
        return "Glass broken" if request.state is State.approved else f"Glass broken, {state.lower()}"
    return state


def _glass_alarm(request: Request) -> list[Block]:
    """Return the warning that the access has no approval; it stays in every later state."""
    if not request.glass:
        return []
    when = f", {format_time(request.decided_at)}" if request.decided_at is not None else ""
    text = (
        f":rotating_light: *The glass was broken*{when}: {format_actor(request.requester)} took this access without "
        "approval. An explanation is required."
    )
    announced = f"\n{phrases.describe_announcement(request.announcement)}" if request.announcement is not None else ""
    return [section(markdown(f"{text}{announced}"))]


def _summary(request: Request, policy: ApprovalPolicy) -> str:
    what = f"{code(request.permission_set)} in {phrases.format_accounts(request.accounts, policy.accounts)}"
    if request.kind is Kind.extension:
        what = f"more time with {what}"
    return f"{format_actor(request.requester)} requested {what} for {format_duration(request.duration)}."


def _facts(request: Request, allowance: int) -> list[str]:
    facts = {
        "Who": f"{format_actor(request.requester)} ({code(request.requester_name)})",
        "Role": code(request.permission_set),
        "How long": format_duration(request.duration)
        + (" from the approval" if request.state is State.pending else ""),
        "By rule": code(request.rule) if request.rule else "",
        "Ticket": code(request.ticket, allowance // 2) if request.ticket.strip() else "",
        "Extends": code(request.parent) if request.parent is not None else "",
    }
    return [f"*{label}*\n{value}" for label, value in facts.items() if value]


def _note_label(request: Request) -> str:
    return {State.denied: "Reason for the denial", State.failed: "What failed"}.get(request.state, "Reason for ending")


# --- text of each state ----------------------------------------------------------------------------------------------


def _state(
    request: Request,
    grants: Sequence[Grant],
    decision: Decision,
    policy: ApprovalPolicy,
    mentions: Sequence[str],
    denials: Sequence[Denial],
) -> list[str]:
    if request.state is State.pending:
        return [_summary(request, policy), *_pending(request, decision, policy, mentions, denials)]
    return [_summary(request, policy), *_decided(request), *_STATES[request.state](request, grants, policy)]


def _pending(
    request: Request, decision: Decision, policy: ApprovalPolicy, mentions: Sequence[str], denials: Sequence[Denial]
) -> list[str]:
    terms = decision.terms
    required = terms.approvals if terms is not None else request.required
    by = f", by {phrases.format_actors([approval.by for approval in request.approvals])}" if request.approvals else ""
    lines = [f"*{len(request.approvals)} of {required} approvals*{by}."]
    if decision:
        lines.append(f"Approvers: {phrases.format_principals(decision.approvers)}.")
    if mentions:
        lines.append(f"{' '.join(mentions)} please decide.")
    if request.acknowledged_by:
        lines.append(f":eyes: Acknowledged by {phrases.format_actors(request.acknowledged_by, most=5)}.")
    if request.escalated:
        lines.append("Escalated: no approver answered in time, so more people were mentioned.")
    lines.append(f"Without an answer it expires {format_countdown(request.expires_at)}.")
    opens_at = _glass_opens_at(request, decision, policy, denials)
    if opens_at is not None:
        lines.append(_glass_line(request, opens_at, policy))
    return lines


def _glass_opens_at(
    request: Request, decision: Decision, policy: ApprovalPolicy, denials: Sequence[Denial]
) -> int | None:
    """Return the time from which the glass may be broken; None for never."""
    always_denied = any(not deny.principals for deny in _glass_denies(request, policy))
    terms = decision.terms if decision and not always_denied else None
    if terms is None or terms.glass_after_seconds is None:
        return None
    forbidden_until = [denial.at + terms.not_after_denial_seconds for denial in denials]
    return max([unanswered_since(request) + terms.glass_after_seconds, *forbidden_until])


def _glass_line(request: Request, opens_at: int, policy: ApprovalPolicy) -> str:
    if opens_at >= request.expires_at:
        return "It expires before the glass may be broken."
    # A deny rule applies by the requester's groups at the time of the attempt.
    unless = ", unless a deny rule forbids it" if _glass_denies(request, policy) else ""
    who = f"{format_actor(request.requester)} may break the glass"
    if opens_at > unanswered_since(request):
        return f"Without an answer by {format_time(opens_at)}, {who}{unless}."
    return f"{who} without waiting for an answer{unless}."


def _glass_denies(request: Request, policy: ApprovalPolicy) -> list[DenyRule]:
    return [
        deny
        for deny in policy.denies
        if Action.break_glass in deny.actions
        and (not deny.sets or request.permission_set in deny.sets)
        and (not deny.accounts or not set(deny.accounts).isdisjoint(request.accounts))
    ]


def _decided(request: Request) -> list[str]:
    if request.glass or request.decided_at is None or not request.approvals:
        return []
    by = phrases.format_actors([approval.by for approval in request.approvals])
    return [f"Approved by {by}, {format_time(request.decided_at)}."]


def _approved(request: Request, _: Sequence[Grant], __: ApprovalPolicy) -> list[str]:
    if request.kind is Kind.extension:
        return ["The new end takes effect in a moment."]
    return ["Access is being prepared. It is not active yet."]


def _granting(request: Request, _: Sequence[Grant], __: ApprovalPolicy) -> list[str]:
    ends = f" It ends {format_countdown(request.revoke_at)} at the latest." if request.revoke_at is not None else ""
    return [f"Access is being granted, account by account.{ends}"]


def _active(request: Request, grants: Sequence[Grant], policy: ApprovalPolicy) -> list[str]:
    until = f" until {format_countdown(request.revoke_at)}" if request.revoke_at is not None else ""
    opened = [grant.access.account for grant in grants if grant.state is GrantState.granted]
    where = f" in {len(opened)} of {len(request.accounts)} accounts" if len(opened) < len(request.accounts) else ""
    return [
        f"*Active{where}{until}.* Start it from the access portal. {phrases.COMMAND_LINE}",
        f"{format_actor(request.requester)} ends it with *I'm done*, or requests more time with *Extend*. Approvers "
        "and "
        "security can end it with *End now*.",
        phrases.describe_live_sessions(policy, request.permission_set, request.accounts),
    ]


def _revoking(request: Request, grants: Sequence[Grant], _: ApprovalPolicy) -> list[str]:
    if request.revoke_at is None:
        return [f"{_why_over(request)} No access had been granted."]
    left = sum(grant.state not in (GrantState.revoked, GrantState.failed) for grant in grants)
    verified = f"Not yet verified as revoked in {left} of {len(request.accounts)} accounts." if left else ""
    return [
        f"{_why_over(request)} It is being revoked.",
        *([f"{verified} A revoke that does not succeed is retried every few minutes."] if verified else []),
    ]


def _ended(request: Request, grants: Sequence[Grant], policy: ApprovalPolicy) -> list[str]:
    if request.kind is Kind.extension:
        return ["The end of the access was moved. The message of the access shows the new end."]
    if request.revoke_at is None:
        return [f"{_why_over(request)} No access had been granted."]
    sessions = phrases.describe_ended_sessions(policy, request.permission_set, grants)
    return [
        f"{_why_over(request)} It is closed, and that was verified: this request grants no access any more.",
        *([sessions] if sessions else []),
    ]


def _why_over(request: Request) -> str:
    by, when = request.closed_by, f", {format_time(request.closed_at)}" if request.closed_at is not None else ""
    if by is not None and by.user_id == request.requester.user_id:
        return f"{format_actor(by)} ended it{when}."
    if by is not None and by.user_id:
        return f"Ended by {format_actor(by)}{when}."
    if request.revoke_at is not None and request.closed_at is not None and request.closed_at < request.revoke_at:
        return f"The workflow failed{when}."
    return f"The access time ended{when}."


def _denied(request: Request, _: Sequence[Grant], __: ApprovalPolicy) -> list[str]:
    by = f" by {format_actor(request.closed_by)}" if request.closed_by is not None else ""
    return [f"Denied{by}. No access was granted. {format_actor(request.requester)} can request it again."]


def _expired(request: Request, _: Sequence[Grant], __: ApprovalPolicy) -> list[str]:
    return [
        f"No approver decided before {format_time(request.expires_at)}. No access was granted. "
        f"{format_actor(request.requester)} can request it again."
    ]


def _withdrawn(request: Request, _: Sequence[Grant], __: ApprovalPolicy) -> list[str]:
    return [f"{format_actor(request.requester)} withdrew it before a decision. No access was granted."]


def _failed(request: Request, _: Sequence[Grant], __: ApprovalPolicy) -> list[str]:
    if request.kind is Kind.extension:
        return ["The end of the access was not moved."]
    return [
        f"No access is active: every started grant was revoked. {format_actor(request.requester)} can request it again."
    ]


_STATES: Mapping[State, Callable[[Request, Sequence[Grant], ApprovalPolicy], list[str]]] = {
    State.approved: _approved,
    State.granting: _granting,
    State.active: _active,
    State.revoking: _revoking,
    State.ended: _ended,
    State.denied: _denied,
    State.expired: _expired,
    State.withdrawn: _withdrawn,
    State.failed: _failed,
}


# --- accounts --------------------------------------------------------------------------------------------------------

_GRANTS: Mapping[GrantState, str] = {
    GrantState.granted: ":unlock: Active",
    GrantState.granting: ":hourglass_flowing_sand: Granting",
    GrantState.planned: ":hourglass_flowing_sand: Not started",
    GrantState.failed: ":x: Not granted",
    GrantState.revoking: ":hourglass_flowing_sand: Revoking",
    # Verified as gone, or kept for another request of the same person.
    GrantState.revoked: ":lock: Revoked",
}
_LONGEST_LIST = 2000
_MOST_FAILURES = 3


def account_blocks(request: Request, grants: Sequence[Grant], policy: ApprovalPolicy, allowance: int) -> list[Block]:
    """Return the accounts by the state of their grant; a long list shows IDs only."""
    states = {grant.access.account: grant.state for grant in grants}
    labels = {**_GRANTS, None: "Nothing recorded"} if grants else {None: "Accounts"}
    by_state = {
        label: [account for account in request.accounts if states.get(account) is state]
        for state, label in labels.items()
    }
    whole = _account_lines(by_state, policy.accounts)
    if sum(map(len, whole)) > _LONGEST_LIST:
        whole = _account_lines(by_state, {})
    return [section(markdown("\n".join(whole))), *_failures(grants, allowance // 10)]


def _account_lines(by_state: Mapping[str, Sequence[str]], names: Mapping[str, str]) -> list[str]:
    return [
        f"*{label}:* {', '.join(phrases.format_account(account, names) for account in of_state)}"
        for label, of_state in by_state.items()
        if of_state
    ]


def _failures(grants: Sequence[Grant], longest: int) -> list[Block]:
    failures = list(dict.fromkeys(grant.failure for grant in grants if grant.failure.strip()))
    if not failures:
        return []
    lines = [f"Identity Center said: {code(failure, longest)}" for failure in failures[:_MOST_FAILURES]]
    if len(failures) > _MOST_FAILURES:
        lines.append(f"{len(failures) - _MOST_FAILURES} more reasons are {TRAIL}.")
    return [context("\n".join(lines))]


# --- warnings and buttons --------------------------------------------------------------------------------------------


def _refusal(request: Request, decision: Decision) -> list[Block]:
    if request.state is not State.pending or decision:
        return []
    return quote_excerpt("The current approval policy refuses it", decision.reason, 600, TRAIL)


def _banners(request: Request, decision: Decision, longest: int) -> list[Block]:
    banners = decision.terms.banners if request.state is State.pending and decision.terms is not None else ()
    blocks = [section(plain(f"\u26a0\ufe0f {shorten(banner, longest)}")) for banner in banners[:_MOST_BANNERS]]
    if len(banners) > _MOST_BANNERS:
        left = len(banners) - _MOST_BANNERS
        blocks.append(context(f":warning: {left} more rules have a warning: see the stack file."))
    return blocks


_MOST_BANNERS = 4


def _buttons(request: Request, decision: Decision, policy: ApprovalPolicy, denials: Sequence[Denial]) -> list[Block]:
    """Return the buttons of a state: the approvers' first, then the requester's."""
    match request.state:
        case State.pending:
            opens_at = _glass_opens_at(request, decision, policy, denials)
            glass = opens_at is not None and opens_at < request.expires_at
            return [actions(*_decide(request, decision, policy)), actions(*_of_requester(request, glass))]
        case State.granting:
            return [actions(done_button(request), end_button(request))]
        case State.active:
            return [actions(done_button(request), extend_button(request), end_button(request))]
        case _:
            return []


def _decide(request: Request, decision: Decision, policy: ApprovalPolicy) -> list[Block]:
    return [
        *([approve_button(request, policy)] if decision else []),
        deny_button(request),
        acknowledge_button(request),
    ]


def _of_requester(request: Request, may_break_glass: bool) -> list[Block]:
    return [withdraw_button(request), *([glass_button(request)] if may_break_glass else [])]
