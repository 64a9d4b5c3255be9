"""Asking: the form, its answers while it is filled in, a new request, and one for more time.

Non-goals: what is decided (see `reviews`), and who may ask (see `domain.decision`).
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from breakglass.app.domain import deadlines, request_lifecycle
from breakglass.app.domain.decision import Decision, Terms, check_request, find_requestable, may_request
from breakglass.app.domain.durations import format_duration
from breakglass.app.domain.records import Kind, Request, State
from breakglass.app.domain.request_lifecycle import MAXIMUM_ACCOUNTS
from breakglass.app.services import refusal_audit
from breakglass.app.services.action import ActionContext, NotAuthorizedError, require, text
from breakglass.app.services.context import InteractionContext
from breakglass.app.services.identity import UnknownUserError, identify_user
from breakglass.app.services.limits import count_action
from breakglass.app.services.optimistic_writes import ContendedError
from breakglass.app.slack import forms, ids
from breakglass.app.slack.forms import RequestDraft, RequestOptions
from breakglass.app.slack.payloads import Click, Submission, Suggestion

MAX_PER_HOUR = 20
"""How many requests one person makes within an hour: each calls people, and more than that is no emergency."""


def open_request_form(action: ActionContext, _: Click | None = None) -> None:
    """Show the form, with what this person may request."""
    offer = _offer(action, RequestDraft())
    if not offer.sets:
        raise NotAuthorizedError("No rule lets you request any break-glass role. `breakglass explain` tells who may.")
    action.responder.show_view(forms.request_form(offer, RequestDraft()))


def update_request_form(action: ActionContext, click: Click) -> None:
    """Show the form anew for what was chosen."""
    draft = _draft(click.values)
    action.responder.show_view(forms.request_form(_offer(action, draft), draft))


def suggest_options(context: InteractionContext, suggestion: Suggestion) -> list[dict[str, Any]]:
    """Return what a list that searches offers: the sets that this person may request, or the chosen one's accounts."""
    try:
        person = identify_user(context, suggestion.actor)
    except UnknownUserError:
        return []
    sets = find_requestable(context.policy, person)
    if suggestion.block_id == ids.ROLE:
        return forms.role_options(sets, suggestion.typed)
    # What Slack tells of the rest of the form is out of date here; what the form was drawn with is not.
    accounts = sets.get(suggestion.metadata, ())
    return forms.account_options(accounts, context.policy.accounts, suggestion.typed)


def submit_request(action: ActionContext, submission: Submission) -> None:
    """Check a request and make it."""
    draft = _draft(submission.values)
    request_id = _request_id(action, submission)
    decision = _check_draft(action, submission, draft)
    problem = decision.reason if not decision else _too_many_accounts(draft) or _too_often(action, request_id)
    if problem or decision.terms is None:
        action.responder.show_view(forms.request_form(_offer(action, draft), draft, problem))
        return
    request = _create_request(action, request_id, draft, decision, decision.terms)
    action.responder.show_text(
        "Requested",
        f"The approvers are asked in the channel now ({request.id}). You see there what becomes of it, and in the Home "
        "tab of this app.",
    )


def open_extend_form(action: ActionContext, click: Click) -> None:
    """Ask for how much longer, and why."""
    request = action.own_request(click.value, State.active)
    decision = may_request(action.context.policy, action.person, request.permission_set, request.accounts)
    require(decision)
    action.responder.show_view(
        forms.extend_form(request, decision.terms, RequestDraft(), names=action.context.policy.accounts)
    )


def submit_extension(action: ActionContext, submission: Submission) -> None:
    """Ask for more time: a request of its own, decided like the first."""
    parent = action.own_request(submission.metadata, State.active)
    typed = _draft(submission.values)
    draft = RequestDraft(parent.permission_set, parent.accounts, typed.duration, typed.reason, parent.ticket)
    request_id = _request_id(action, submission)
    decision = _check_draft(action, submission, draft)
    problem = decision.reason if not decision else _too_short(action, parent, draft) or _too_often(action, request_id)
    if problem or decision.terms is None:
        terms = may_request(action.context.policy, action.person, parent.permission_set, parent.accounts).terms
        names = action.context.policy.accounts
        action.responder.show_view(forms.extend_form(parent, terms, draft, problem, names))
        return
    _create_request(action, request_id, draft, decision, decision.terms, parent)
    action.responder.show_text(
        "Requested", "The approvers are asked. Until they agree, the access ends when it was to end."
    )


def _request_id(action: ActionContext, submission: Submission) -> str:
    """Return the id of what a form asks for; sent a second time, it is the same."""
    return f"r-{hashlib.sha256(f'{submission.view_id}/{action.person.user_id}'.encode()).hexdigest()[:16]}"


def _too_many_accounts(draft: RequestDraft) -> str:
    """Say why these are too many accounts; empty if they are not."""
    if len(draft.accounts) <= MAXIMUM_ACCOUNTS:
        return ""
    return f"One request is for {MAXIMUM_ACCOUNTS} accounts at most, and these are {len(draft.accounts)}."


def _too_often(action: ActionContext, request_id: str) -> str:
    """Count a request that is about to be made, and say why it is one too many; the same form counts once."""
    if action.context.store.request(request_id) is not None:
        return ""
    if count_action(action.context, "request", action.person.user_id, MAX_PER_HOUR):
        return ""
    return (
        f"You have made {MAX_PER_HOUR} requests within an hour, and each of them calls people. Phone somebody who "
        "approves, or wait."
    )


def _too_short(action: ActionContext, parent: Request, draft: RequestDraft) -> str:
    """Say why an extension would move nothing: its time counts from the approval, not from the present end."""
    now = action.context.clock()
    left = (parent.revoke_at or now) - now
    if (draft.duration or 0) > left:
        return ""
    return (
        f"The access lasts for another {format_duration(left)} anyway, and the time counts from the approval: "
        "ask for more than that."
    )


def _check_draft(action: ActionContext, submission: Submission, draft: RequestDraft) -> Decision:
    """Decide whether it may be asked for as it was written; that somebody may not ask at all is kept."""
    policy, person = action.context.policy, action.person
    what = policy, person, draft.permission_set, draft.accounts
    decision = check_request(*what, draft.duration or 0, draft.reason, draft.ticket)
    if not decision and not may_request(*what):
        refusal_audit.append_refusal(
            action.context, action.by, submission.callback_id, submission.metadata, decision.reason
        )
    return decision


def _create_request(
    action: ActionContext,
    request_id: str,
    draft: RequestDraft,
    decision: Decision,
    terms: Terms,
    parent: Request | None = None,
) -> Request:
    """Keep a new request and start its workflow; the same form sent twice is one request."""
    context, now = action.context, action.context.clock()
    request = Request(
        id=request_id,
        kind=Kind.access if parent is None else Kind.extension,
        requester=action.by,
        requester_name=action.person.user_name,
        permission_set=draft.permission_set,
        accounts=draft.accounts,
        duration=draft.duration or 0,
        reason=draft.reason,
        ticket=draft.ticket,
        rule=decision.rule or "",
        required=terms.approvals,
        created_at=now,
        expires_at=now + terms.expiry_seconds,
        parent=parent.id if parent is not None else None,
    )
    change = request_lifecycle.create(request)
    if not context.store.save_request(change.request, change.audit) and context.store.request(request.id) is None:
        raise ContendedError(request.id)
    wait = deadlines.pending_wait_seconds(request, terms, context.policy.settings.remind_every_seconds, now)
    context.workflow.start(context.store.request(request.id) or request, wait)
    return request


def _draft(values: Mapping[str, tuple[str, ...]]) -> RequestDraft:
    duration = text(values, ids.DURATION)
    return RequestDraft(
        permission_set=text(values, ids.ROLE),
        accounts=tuple(dict.fromkeys(values.get(ids.ACCOUNTS, ()))),
        duration=int(duration) if duration.isascii() and duration.isdigit() and len(duration) < 7 else None,
        reason=text(values, ids.REASON),
        ticket=text(values, ids.TICKET),
    )


def _offer(action: ActionContext, draft: RequestDraft) -> RequestOptions:
    sets = find_requestable(action.context.policy, action.person)
    # What holds for all accounts of the role, until some are chosen.
    possible = sets.get(draft.permission_set, ())
    accounts = draft.accounts or possible
    terms = (
        may_request(action.context.policy, action.person, draft.permission_set, accounts).terms if accounts else None
    )
    chosen = draft.accounts or (possible if len(possible) == 1 else ())
    denials = action.context.store.denials(action.person.user_id, draft.permission_set, chosen) if chosen else ()
    return RequestOptions(sets, action.context.policy.accounts, terms, denials)
