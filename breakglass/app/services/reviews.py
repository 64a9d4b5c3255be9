"""Deciding: approve, deny, withdraw, look, and break the glass.

Each reads the record and asks today's policy, in the same attempt that writes: if somebody was quicker, it asks again.
The same click again, by the same person, changes nothing and only sees to it that the workflow knows.

Non-goals: what is opened then (see `breakglass.components.approvals.workflow_definition`).
"""

from collections.abc import Iterator

from breakglass.app.domain import request_lifecycle
from breakglass.app.domain.decision import (
    AnswerHistory,
    Decision,
    check_request,
    decide_request,
    may_approve,
    may_break_glass,
    may_deny,
)
from breakglass.app.domain.people import Person
from breakglass.app.domain.records import Actor, Approval, Request, State
from breakglass.app.domain.request_lifecycle import Change
from breakglass.app.domain.texts import is_blank
from breakglass.app.services import announcements, extensions, notifications
from breakglass.app.services.action import Doing, RefusedError, insist, text
from breakglass.app.services.context import Desk
from breakglass.app.services.optimistic_writes import change_request
from breakglass.app.slack import forms, ids
from breakglass.app.slack.payloads import Click, Submission


def approve(doing: Doing, click: Click) -> None:
    """Add this person's yes."""
    desk, person = doing.desk, doing.person
    request = extensions.still_pending(desk, doing.request(click.value))
    requester = desk.directory.person(request.requester.user_id)
    if requester is None:
        raise RefusedError(
            "Identity Center does not have the requester any more, or has them disabled: nothing can be approved."
        )

    def approved(request: Request) -> Change:
        if request.state is State.approved and any(one.by.user_id == person.user_id for one in request.approvals):
            return Change(request)
        decision = may_approve(desk.policy, requester, person, request.permission_set, request.accounts)
        insist(decision)
        insist(_asked_today(desk, requester, request))
        # What is decided holds: with this approval there are enough of them that count today, or it takes another.
        required = len(request.approvals) + (1 if _enough(desk, requester, request, person) else 2)
        return request_lifecycle.approve(
            request, Approval(doing.by, desk.clock(), decision.rule or ""), required, desk.clock()
        )

    _decided(doing, change_request(desk.store, click.value, approved))


def open_deny_form(doing: Doing, click: Click) -> None:
    """Ask why."""
    request = doing.request(click.value)
    doing.allowed(may_deny, request)
    doing.insist_on(request, State.pending)
    doing.screen.show(forms.deny_form(request, names=doing.desk.policy.accounts))


def deny(doing: Doing, submission: Submission) -> None:
    """Refuse a request, for a reason."""
    asked = doing.request(submission.metadata)
    rule = doing.allowed(may_deny, asked).rule or ""
    note = text(submission.values, ids.NOTE)
    if is_blank(note):
        problem = "Say why: whoever asked reads it."
        doing.screen.show(forms.deny_form(asked, note, problem, doing.desk.policy.accounts))
        return

    def denied(request: Request) -> Change:
        if _done_before(doing, request, State.denied):
            return Change(request)
        return request_lifecycle.deny(request, doing.by, note, rule, doing.desk.clock())

    _decided(doing, change_request(doing.desk.store, submission.metadata, denied))
    doing.screen.tell("Denied", "The requester sees your reason in the thread.")


def withdraw(doing: Doing, click: Click) -> None:
    """Take one's own request back."""
    doing.own_request(click.value)

    def withdrawn(request: Request) -> Change:
        if _done_before(doing, request, State.withdrawn):
            return Change(request)
        return request_lifecycle.withdraw(request, doing.by, doing.desk.clock())

    _decided(doing, change_request(doing.desk.store, click.value, withdrawn))


def look(doing: Doing, click: Click) -> None:
    """Note that somebody is looking who can decide."""
    doing.allowed(may_deny, doing.request(click.value))
    written = change_request(
        doing.desk.store, click.value, lambda one: request_lifecycle.acknowledge(one, doing.by, doing.desk.clock())
    )
    notifications.announce(doing.desk, written, doing.by)


def open_glass_form(doing: Doing, click: Click) -> None:
    """Ask for the justification, and say who will be told; or say how long it takes until the glass may be broken."""
    request = extensions.still_pending(doing.desk, doing.own_request(click.value))
    doing.insist_on(request, State.pending)
    insist(_may_break(doing, request))
    denials = notifications.denials_of(doing.desk, request)
    doing.screen.show(forms.glass_form(request, names=doing.desk.policy.accounts, denials=denials))


def break_glass(doing: Doing, submission: Submission) -> None:
    """Take access that nobody has approved, where the policy lets one, and announce it.

    The duties are in the record before anything opens, so the access waits for neither Slack nor the announcement.
    """
    justification = text(submission.values, ids.JUSTIFICATION)
    asked = extensions.still_pending(doing.desk, doing.own_request(submission.metadata))
    if is_blank(justification):
        problem = "Say why it can't wait: everybody will read it."
        denials = notifications.denials_of(doing.desk, asked)
        doing.screen.show(forms.glass_form(asked, justification, problem, doing.desk.policy.accounts, denials))
        return

    def broken(request: Request) -> Change:
        if request.glass:
            return Change(request)
        decision = _may_break(doing, request)
        insist(decision)
        insist(_asked_today(doing.desk, doing.person, request))
        channels = announcements.channels(doing.desk.policy)
        rule, now = decision.rule or "", doing.desk.clock()
        return request_lifecycle.break_glass(request, doing.by, justification, rule, channels, now)

    written = change_request(doing.desk.store, submission.metadata, broken)
    _wake(doing.desk, written.request)
    request = announcements.announce(doing.desk, written.request)
    notifications.announce(doing.desk, written, doing.by)
    doing.screen.tell("The glass is broken", _what_comes(request))


def _what_comes(request: Request) -> str:
    """Say what has become of the announcement, and what is left for the requester to do."""
    missing = request.announcement.missing if request.announcement is not None else ()
    told = "It is announced in every channel."
    if missing:
        where = " and ".join(f"{one.channel}{f' ({one.failure})' if one.failure else ''}" for one in missing)
        told = f"Slack has not accepted the announcement in {where} yet; it is retried until Slack does."
    over = request.state in request_lifecycle.FINAL or request.state is State.revoking
    access = "It is over by now." if over else "What comes of it is shown in the request's message and the Home tab."
    return f"{told} {access} You explain afterwards what you used it for, and somebody else signs it off."


def _may_break(doing: Doing, request: Request) -> Decision:
    desk = doing.desk
    denials = desk.store.denials(request.requester.user_id, request.permission_set, request.accounts)
    others = [one for one in _requests_of(desk, request.requester) if one.permission_set == request.permission_set]
    silence = AnswerHistory(request_lifecycle.unanswered_since(request, others), desk.clock(), denials)
    return may_break_glass(desk.policy, doing.person, request.permission_set, request.accounts, silence)


def _requests_of(desk: Desk, requester: Actor) -> Iterator[Request]:
    """Yield the requests of a person that may have been answered lately: the index names them, each is read anew."""
    earliest = desk.clock() - _LONGEST_WAIT_SECONDS
    page = desk.store.requests_of(requester.user_id)
    yield from page.items
    while page.next is not None and all(one.created_at > earliest for one in page.items):
        page = desk.store.requests_of(requester.user_id, page.next)
        yield from page.items


_LONGEST_WAIT_SECONDS = 7 * 86_400
"""For how long a request waits for an answer at most (`requestExpiry`)."""


def _asked_today(desk: Desk, requester: Person, request: Request) -> Decision:
    """Decide whether the request could be made today as it was made then."""
    return check_request(
        desk.policy,
        requester,
        request.permission_set,
        request.accounts,
        request.duration,
        request.reason,
        request.ticket,
    )


def _enough(desk: Desk, requester: Person, request: Request, another: Person) -> Decision:
    """Decide whether a request has enough approvals, with another one, by those who still may approve it."""
    earlier = [desk.directory.person(one.by.user_id) for one in request.approvals]
    people = [*(one for one in earlier if one is not None), another]
    return decide_request(desk.policy, requester, request.permission_set, request.accounts, people)


def _done_before(doing: Doing, request: Request, state: State) -> bool:
    closed_by = request.closed_by.user_id if request.closed_by is not None else ""
    return request.state is state and closed_by == doing.person.user_id


def _decided(doing: Doing, written: Change) -> None:
    """Let the workflow go on with a request that is decided, and say so."""
    _wake(doing.desk, written.request)
    notifications.announce(doing.desk, written, doing.by)


def _wake(desk: Desk, request: Request) -> None:
    if request.state is not State.pending and request.token is not None:
        desk.workflow.wake(request.token, {"outcome": "approved" if request.state is State.approved else "over"})
