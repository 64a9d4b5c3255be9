"""Requests and extensions: their forms, the options in them, and their creation.

Non-goals: reviews (see `reviews`), and authorization (see `domain.decision`).
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
from breakglass.app.services.action import ActionContext, NotAuthorizedError, find_text, require
from breakglass.app.services.context import InteractionContext
from breakglass.app.services.identity import UnknownUserError, identify_user
from breakglass.app.services.limits import count_action
from breakglass.app.services.optimistic_writes import ContendedError
from breakglass.app.slack import forms, ids
from breakglass.app.slack.forms import RequestDraft, RequestOptions
from breakglass.app.slack.payloads import Click, Submission, Suggestion

MAX_PER_HOUR = 20
"""Requests of a person within an hour: each notifies people, and more is not an emergency."""


def open_request_form(action: ActionContext, _: Click | None = None) -> None:
    """Show the form, with the access that this person may request."""
    offer = _offer(action, RequestDraft())
    if not offer.sets:
        raise NotAuthorizedError(
            "No rule lets you request a break-glass role. `breakglass explain` shows the people who may."
        )
    action.responder.show_view(forms.request_form(offer, RequestDraft()))


def update_request_form(action: ActionContext, click: Click) -> None:
    """Update the form for the chosen values."""
    draft = _draft(click.values)
    action.responder.show_view(forms.request_form(_offer(action, draft), draft))


def suggest_options(context: InteractionContext, suggestion: Suggestion) -> list[dict[str, Any]]:
    """Return the options of a searching list: the sets that this person may request, or the accounts."""
    try:
        person = identify_user(context, suggestion.actor)
    except UnknownUserError:
        return []
    sets = find_requestable(context.policy, person)
    if suggestion.block_id == ids.ROLE:
        return forms.role_options(sets, suggestion.typed)
    # Slack's values of the other inputs are out of date here; the form's metadata is not.
    accounts = sets.get(suggestion.metadata, ())
    return forms.account_options(accounts, context.policy.accounts, suggestion.typed)


def submit_request(action: ActionContext, submission: Submission) -> None:
    """Check a request and create it."""
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
        f"Your request ({request.id}) is posted in the channel. The channel and this app's Home tab show the progress.",
    )


def open_extend_form(action: ActionContext, click: Click) -> None:
    """Show the form for an extension."""
    request = action.own_request(click.value, State.active)
    decision = may_request(action.policy, action.person, request.permission_set, request.accounts)
    require(decision)
    action.responder.show_view(forms.extend_form(request, decision.terms, RequestDraft(), names=action.policy.accounts))


def submit_extension(action: ActionContext, submission: Submission) -> None:
    """Check an extension and create it: a request of its own, reviewed like the first."""
    parent = action.own_request(submission.metadata, State.active)
    typed = _draft(submission.values)
    draft = RequestDraft(parent.permission_set, parent.accounts, typed.duration, typed.reason, parent.ticket)
    request_id = _request_id(action, submission)
    decision = _check_draft(action, submission, draft)
    problem = decision.reason if not decision else _too_short(action, parent, draft) or _too_often(action, request_id)
    if problem or decision.terms is None:
        terms = may_request(action.policy, action.person, parent.permission_set, parent.accounts).terms
        names = action.policy.accounts
        action.responder.show_view(forms.extend_form(parent, terms, draft, problem, names))
        return
    _create_request(action, request_id, draft, decision, decision.terms, parent)
    action.responder.show_text(
        "Requested", "The approvers are asked. Without their approval the access ends as planned."
    )


def _request_id(action: ActionContext, submission: Submission) -> str:
    """Return the ID of the request; a second submission of the form has the same."""
    return f"r-{hashlib.sha256(f'{submission.view_id}/{action.person.user_id}'.encode()).hexdigest()[:16]}"


def _too_many_accounts(draft: RequestDraft) -> str:
    if len(draft.accounts) <= MAXIMUM_ACCOUNTS:
        return ""
    return f"Expected at most {MAXIMUM_ACCOUNTS} accounts in a request, got {len(draft.accounts)}."


def _too_often(action: ActionContext, request_id: str) -> str:
    """Count a new request, and return the problem above the limit; a form counts once."""
    if action.context.store.request(request_id) is not None:
        return ""
    if count_action(action.context, "request", action.person.user_id, MAX_PER_HOUR):
        return ""
    return (
        f"You have made {MAX_PER_HOUR} requests within an hour, and each of them notifies people. Phone an approver, "
        "or wait."
    )


def _too_short(action: ActionContext, parent: Request, draft: RequestDraft) -> str:
    """Return the problem if an extension moves nothing: its time counts from the approval."""
    now = action.context.clock()
    left = (parent.revoke_at or now) - now
    if (draft.duration or 0) > left:
        return ""
    return (
        f"The access lasts for another {format_duration(left)} anyway, and the time counts from the approval: "
        "ask for more than that."
    )


def _check_draft(action: ActionContext, submission: Submission, draft: RequestDraft) -> Decision:
    policy, person = action.policy, action.person
    access = policy, person, draft.permission_set, draft.accounts
    decision = check_request(*access, draft.duration or 0, draft.reason, draft.ticket)
    if not decision and not may_request(*access):
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
    duration = find_text(values, ids.DURATION)
    return RequestDraft(
        permission_set=find_text(values, ids.ROLE),
        accounts=tuple(dict.fromkeys(values.get(ids.ACCOUNTS, ()))),
        duration=int(duration) if duration.isascii() and duration.isdigit() and len(duration) < 7 else None,
        reason=find_text(values, ids.REASON),
        ticket=find_text(values, ids.TICKET),
    )


def _offer(action: ActionContext, draft: RequestDraft) -> RequestOptions:
    sets = find_requestable(action.policy, action.person)
    # Until accounts are chosen, the terms are those of all accounts of the role.
    possible = sets.get(draft.permission_set, ())
    accounts = draft.accounts or possible
    terms = may_request(action.policy, action.person, draft.permission_set, accounts).terms if accounts else None
    chosen = draft.accounts or (possible if len(possible) == 1 else ())
    denials = action.context.store.denials(action.person.user_id, draft.permission_set, chosen) if chosen else ()
    return RequestOptions(sets, action.policy.accounts, terms, denials)
