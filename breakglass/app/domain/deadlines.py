"""When something is due: what a wait of the workflow is for, and what the reconciler finds left undone.

Pure questions about a record and the time; the answers are seconds, or what is to be done.

Non-goals: doing it (see `services.workflow_steps` and `services.reconciler`).
"""

from collections.abc import Callable, Sequence
from enum import StrEnum

from breakglass.app.domain.decision import Terms
from breakglass.app.domain.grant_lifecycle import LIVE
from breakglass.app.domain.records import Grant, Request, State
from breakglass.app.domain.request_lifecycle import effective_state, unanswered_since


class PendingAction(StrEnum):
    """What an unanswered request needs."""

    expire = "expire"
    escalate = "escalate"  # mention those who are mentioned if nobody answers
    remind = "remind"
    glass_open = "glass_open"  # from now on its requester may break the glass: show it


class Recovery(StrEnum):
    """What a request needs whose workflow does not go on."""

    none = "none"
    expire = "expire"
    start = "start"  # start its execution
    wake = "wake"  # it is decided, and the execution still waits for that
    revoke = "revoke"  # end what it still has, and close it


def due_actions(request: Request, terms: Terms | None, remind_every: int, now: int) -> frozenset[PendingAction]:
    """Return what an unanswered request needs at this moment; nothing, once it is decided.

    Args:
        request: as read.
        terms: by today's policy; None if no rule allows the request any more.
        remind_every: how often it is brought up again, in seconds.
        now: the time.
    """
    if request.state is not State.pending:
        return frozenset()
    if effective_state(request, now) is State.expired:
        return frozenset({PendingAction.expire})
    return frozenset(need for need, at in _moments(request, terms, remind_every).items() if now >= at)


def pending_wait_seconds(request: Request, terms: Terms | None, remind_every: int, now: int) -> int:
    """Return for how many seconds to wait until an unanswered request needs something that it does not need yet."""
    moments = _moments(request, terms, remind_every)
    # The glass stays open once it is; that alone is no reason to look again. Anything else is still to be done.
    if moments.get(PendingAction.glass_open, now) <= now:
        moments.pop(PendingAction.glass_open, None)
    return max(1, min(request.expires_at, *moments.values()) - now) if moments else max(1, request.expires_at - now)


def hold_seconds(request: Request, now: int) -> int:
    """Return for how many seconds the access is to be held; one if it is to end now."""
    return max(1, (request.revoke_at or now) - now)


def session_deny_seconds(grants: Sequence[Grant], now: int) -> int:
    """Return for how many seconds live sessions still have to be denied; 0 if none are."""
    until = [grant.deny_until for grant in grants if grant.deny_until is not None]
    return max(1, max(until) - now) if until else 0


def is_overdue(grant: Grant, now: int, grace: int) -> bool:
    """Say whether an assignment may still be there although its workflow has had time enough to take it away."""
    return grant.state in LIVE and now >= grant.revoke_at + grace


def needed_recovery(request: Request, now: int, grace: int, is_running: Callable[[], bool]) -> Recovery:
    """Return what a request needs whose workflow does not go on.

    What is open stays open until its time is over, even if nothing runs that would end it.

    Args:
        request: as read.
        now: the time.
        grace: for how long the workflow, or whoever has just written, is left to its own work, in seconds.
        is_running: says whether its execution runs; asked only where that matters.
    """
    match request.state:
        case State.pending if now >= request.expires_at:
            return Recovery.expire if now >= request.expires_at + grace or not is_running() else Recovery.none
        case State.pending:
            return Recovery.start if now >= request.created_at + grace and not is_running() else Recovery.none
        case State.approved if now >= (request.decided_at or request.created_at) + grace:
            return Recovery.wake if is_running() else Recovery.start
        case State.granting if now >= (request.decided_at or request.created_at) + grace:
            # Nobody is at work on it any more, so whatever has been opened would be told to nobody.
            return Recovery.none if is_running() else Recovery.revoke
        case State.active if now >= (request.revoke_at or 0):
            # A lost wake is found when the wait times out; that is now, so only a dead execution needs help.
            return Recovery.revoke if now >= (request.revoke_at or 0) + grace or not is_running() else Recovery.none
        case State.revoking:
            # Running or not: if the click that ended it could not wake the execution, it waits until the old end.
            return Recovery.revoke if now >= (request.closed_at or 0) + grace or not is_running() else Recovery.none
        case _:
            return Recovery.none


def _moments(request: Request, terms: Terms | None, remind_every: int) -> dict[PendingAction, int]:
    """Return from when on an unanswered request needs what, as far as it ever does."""
    if terms is None:
        # Whom to remind of what nobody can approve?
        return {}
    moments = {PendingAction.remind: (request.reminded_at or request.created_at) + remind_every}
    if terms.escalate_after_seconds is not None and not request.escalated:
        moments[PendingAction.escalate] = request.created_at + terms.escalate_after_seconds
    if terms.glass_after_seconds is not None:
        moments[PendingAction.glass_open] = unanswered_since(request) + terms.glass_after_seconds
    return moments
