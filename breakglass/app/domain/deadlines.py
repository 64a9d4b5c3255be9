"""Due times: the waits of the workflow, and the work that the reconciler finds undone.

Pure functions of a record and the time. They return seconds, or the action that is due.

Non-goals: the actions (see `services.workflow_steps` and `services.reconciler`).
"""

from collections.abc import Callable, Sequence
from enum import StrEnum

from breakglass.app.domain.decision import Terms
from breakglass.app.domain.grant_lifecycle import LIVE
from breakglass.app.domain.records import Grant, Request, State
from breakglass.app.domain.request_lifecycle import effective_state, unanswered_since


class PendingAction(StrEnum):
    """An action that an unanswered request needs."""

    expire = "expire"
    escalate = "escalate"  # mention more people
    remind = "remind"
    glass_open = "glass_open"  # show that the requester may break the glass now


class Recovery(StrEnum):
    """An action that a request with a stuck workflow needs."""

    none = "none"
    expire = "expire"
    start = "start"  # start its execution
    wake = "wake"  # the execution still waits, although the request is decided
    revoke = "revoke"  # revoke the remaining access, and close it


def due_actions(request: Request, terms: Terms | None, remind_every: int, now: int) -> frozenset[PendingAction]:
    """Return the actions that a pending request needs now.

    `terms` are of the current policy, and None if no rule allows the request any more.
    """
    if request.state is not State.pending:
        return frozenset()
    if effective_state(request, now) is State.expired:
        return frozenset({PendingAction.expire})
    return frozenset(action for action, at in _due_times(request, terms, remind_every).items() if now >= at)


def pending_wait_seconds(request: Request, terms: Terms | None, remind_every: int, now: int) -> int:
    """Return the seconds until a pending request needs its next action."""
    due_times = _due_times(request, terms, remind_every)
    # `glass_open` stays due, so once it is shown it needs no further wait.
    if due_times.get(PendingAction.glass_open, now) <= now:
        due_times.pop(PendingAction.glass_open, None)
    return max(1, min([request.expires_at, *due_times.values()]) - now)


def hold_seconds(request: Request, now: int) -> int:
    """Return the seconds until the end of the access; 1 if it ends now."""
    return max(1, (request.revoke_at or now) - now)


def session_deny_seconds(grants: Sequence[Grant], now: int) -> int:
    """Return the seconds for which live sessions still have to be denied; 0 if there are none."""
    until = [grant.deny_until for grant in grants if grant.deny_until is not None]
    return max(1, max(until) - now) if until else 0


def is_overdue(grant: Grant, now: int, grace: int) -> bool:
    """Return true if an assignment may still exist although its workflow had time to delete it."""
    return grant.state in LIVE and now >= grant.revoke_at + grace


def needed_recovery(request: Request, now: int, grace: int, is_running: Callable[[], bool]) -> Recovery:
    """Return the action that a request needs if its workflow is stuck.

    Active access stays until its end, even if no execution runs. For `grace` seconds the workflow and the last writer
    are left to their own work. `is_running` returns true if the execution runs; it is called only where that matters.
    """
    match request.state:
        case State.pending if now >= request.expires_at:
            return Recovery.expire if now >= request.expires_at + grace or not is_running() else Recovery.none
        case State.pending:
            return Recovery.start if now >= request.created_at + grace and not is_running() else Recovery.none
        case State.approved if now >= (request.decided_at or request.created_at) + grace:
            return Recovery.wake if is_running() else Recovery.start
        case State.granting if now >= (request.decided_at or request.created_at) + grace:
            # Without an execution, the requester would not learn of the access that was granted.
            return Recovery.none if is_running() else Recovery.revoke
        case State.active if now >= (request.revoke_at or 0):
            # A lost wake ends when the wait times out, which is now. So only a dead execution needs help.
            return Recovery.revoke if now >= (request.revoke_at or 0) + grace or not is_running() else Recovery.none
        case State.revoking:
            # A running execution may need it too: without the wake of the click it waits until the old end.
            return Recovery.revoke if now >= (request.closed_at or 0) + grace or not is_running() else Recovery.none
        case _:
            return Recovery.none


def _due_times(request: Request, terms: Terms | None, remind_every: int) -> dict[PendingAction, int]:
    if terms is None:
        # No person can approve it, so there is no one to remind.
        return {}
    due_times = {PendingAction.remind: (request.reminded_at or request.created_at) + remind_every}
    if terms.escalate_after_seconds is not None and not request.escalated:
        due_times[PendingAction.escalate] = request.created_at + terms.escalate_after_seconds
    if terms.glass_after_seconds is not None:
        due_times[PendingAction.glass_open] = unanswered_since(request) + terms.glass_after_seconds
    return due_times
