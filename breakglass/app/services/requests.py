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
from breakglass.app.services.action import Doing, ForbiddenError, insist, text
from breakglass.app.services.context import Desk
from breakglass.app.services.identity import StrangerError, person_of
from breakglass.app.services.limits import claim_place
from breakglass.app.services.optimistic_writes import ContendedError
from breakglass.app.slack import forms, ids
from breakglass.app.slack.forms import RequestDraft, RequestOptions
from breakglass.app.slack.payloads import Click, Submission, Suggestion

MOST_AN_HOUR = 20
"""How many requests one person makes within an hour: each calls people, and more than that is no emergency."""


def open_form(doing: Doing, _: Click | None = None) -> None:
    """Show the form, with what this person may request."""
    offer = _offer(doing, RequestDraft())
    if not offer.sets:
        raise ForbiddenError("No rule lets you request any break-glass role. `breakglass explain` tells who may.")
    doing.screen.show(forms.request_form(offer, RequestDraft()))


def change_form(doing: Doing, click: Click) -> None:
    """Show the form anew for what was chosen."""
    draft = _draft(click.values)
    doing.screen.show(forms.request_form(_offer(doing, draft), draft))


def suggest(desk: Desk, suggestion: Suggestion) -> list[dict[str, Any]]:
    """Return what a list that searches offers: the sets that this person may request, or the chosen one's accounts."""
    try:
        person = person_of(desk, suggestion.actor)
    except StrangerError:
        return []
    sets = find_requestable(desk.policy, person)
    if suggestion.block_id == ids.ROLE:
        return forms.role_options(sets, suggestion.typed)
    # What Slack tells of the rest of the form is out of date here; what the form was drawn with is not.
    accounts = sets.get(suggestion.metadata, ())
    return forms.account_options(accounts, desk.policy.accounts, suggestion.typed)


def send(doing: Doing, submission: Submission) -> None:
    """Check a request and make it."""
    draft = _draft(submission.values)
    request_id = _id(doing, submission)
    decision = _checked(doing, submission, draft)
    problem = decision.reason if not decision else _too_many_accounts(draft) or _too_often(doing, request_id)
    if problem or decision.terms is None:
        doing.screen.show(forms.request_form(_offer(doing, draft), draft, problem))
        return
    request = _begin(doing, request_id, draft, decision, decision.terms)
    doing.screen.tell(
        "Requested",
        f"The approvers are asked in the channel now ({request.id}). You see there what becomes of it, and in the Home "
        "tab of this app.",
    )


def open_extend_form(doing: Doing, click: Click) -> None:
    """Ask for how much longer, and why."""
    request = doing.own_request(click.value, State.active)
    decision = may_request(doing.desk.policy, doing.person, request.permission_set, request.accounts)
    insist(decision)
    doing.screen.show(forms.extend_form(request, decision.terms, RequestDraft(), names=doing.desk.policy.accounts))


def extend(doing: Doing, submission: Submission) -> None:
    """Ask for more time: a request of its own, decided like the first."""
    parent = doing.own_request(submission.metadata, State.active)
    typed = _draft(submission.values)
    draft = RequestDraft(parent.permission_set, parent.accounts, typed.duration, typed.reason, parent.ticket)
    request_id = _id(doing, submission)
    decision = _checked(doing, submission, draft)
    problem = decision.reason if not decision else _too_short(doing, parent, draft) or _too_often(doing, request_id)
    if problem or decision.terms is None:
        terms = may_request(doing.desk.policy, doing.person, parent.permission_set, parent.accounts).terms
        names = doing.desk.policy.accounts
        doing.screen.show(forms.extend_form(parent, terms, draft, problem, names))
        return
    _begin(doing, request_id, draft, decision, decision.terms, parent)
    doing.screen.tell("Requested", "The approvers are asked. Until they agree, the access ends when it was to end.")


def _id(doing: Doing, submission: Submission) -> str:
    """Return the id of what a form asks for; sent a second time, it is the same."""
    return f"r-{hashlib.sha256(f'{submission.view_id}/{doing.person.user_id}'.encode()).hexdigest()[:16]}"


def _too_many_accounts(draft: RequestDraft) -> str:
    """Say why these are too many accounts; empty if they are not."""
    if len(draft.accounts) <= MAXIMUM_ACCOUNTS:
        return ""
    return f"One request is for {MAXIMUM_ACCOUNTS} accounts at most, and these are {len(draft.accounts)}."


def _too_often(doing: Doing, request_id: str) -> str:
    """Count a request that is about to be made, and say why it is one too many; the same form counts once."""
    if doing.desk.store.request(request_id) is not None:
        return ""
    if claim_place(doing.desk, "request", doing.person.user_id, MOST_AN_HOUR):
        return ""
    return (
        f"You have made {MOST_AN_HOUR} requests within an hour, and each of them calls people. Phone somebody who "
        "approves, or wait."
    )


def _too_short(doing: Doing, parent: Request, draft: RequestDraft) -> str:
    """Say why an extension would move nothing: its time counts from the approval, not from the present end."""
    now = doing.desk.clock()
    left = (parent.revoke_at or now) - now
    if (draft.duration or 0) > left:
        return ""
    return (
        f"It lasts for another {format_duration(left)} anyway, and the time counts from the approval: ask for more "
        "than that."
    )


def _checked(doing: Doing, submission: Submission, draft: RequestDraft) -> Decision:
    """Decide whether it may be asked for as it was written; that somebody may not ask at all is kept."""
    policy, person = doing.desk.policy, doing.person
    what = policy, person, draft.permission_set, draft.accounts
    decision = check_request(*what, draft.duration or 0, draft.reason, draft.ticket)
    if not decision and not may_request(*what):
        refusal_audit.keep(doing.desk, doing.by, submission.callback_id, submission.metadata, decision.reason)
    return decision


def _begin(
    doing: Doing, request_id: str, draft: RequestDraft, decision: Decision, terms: Terms, parent: Request | None = None
) -> Request:
    """Keep a new request and start its workflow; the same form sent twice is one request."""
    desk, now = doing.desk, doing.desk.clock()
    request = Request(
        id=request_id,
        kind=Kind.access if parent is None else Kind.extension,
        requester=doing.by,
        requester_name=doing.person.user_name,
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
    if not desk.store.save_request(change.request, change.audit) and desk.store.request(request.id) is None:
        raise ContendedError(request.id)
    wait = deadlines.pending_wait_seconds(request, terms, desk.policy.settings.remind_every_seconds, now)
    desk.workflow.start(desk.store.request(request.id) or request, wait)
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


def _offer(doing: Doing, draft: RequestDraft) -> RequestOptions:
    sets = find_requestable(doing.desk.policy, doing.person)
    # What holds for all accounts of the role, until some are chosen.
    possible = sets.get(draft.permission_set, ())
    accounts = draft.accounts or possible
    terms = may_request(doing.desk.policy, doing.person, draft.permission_set, accounts).terms if accounts else None
    chosen = draft.accounts or (possible if len(possible) == 1 else ())
    denials = doing.desk.store.denials(doing.person.user_id, draft.permission_set, chosen) if chosen else ()
    return RequestOptions(sets, doing.desk.policy.accounts, terms, denials)
