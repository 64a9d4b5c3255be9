"""The steps of the workflow that concern people: ask, remind, expire, tell what was opened, hold, close.

Each reads the record first and may run twice. What a step answers is what the record says, so a click that could not
wake the workflow is found at the next time-out.

Non-goals: the assignments (see `provisioning`); clicks (see `dispatch`).
"""

from collections.abc import Callable, Sequence
from typing import Any

from breakglass.app.domain import deadlines, request_lifecycle
from breakglass.app.domain.decision import Terms
from breakglass.app.domain.records import SYSTEM, Grant, GrantState, Request, State
from breakglass.app.domain.request_lifecycle import Change
from breakglass.app.domain.texts import LONGEST_NOTE
from breakglass.app.ports import SlackError
from breakglass.app.services import announcements, extensions, notifications
from breakglass.app.services.context import Desk
from breakglass.app.services.identity import mentions
from breakglass.app.services.optimistic_writes import UnknownRecordError, change_request

Answer = dict[str, Any]
"""What a step tells the workflow, JSON-ready."""

AGAIN_SECONDS = 60
"""After how long people are called again whom Slack did not let be called."""

OVER: Answer = {"outcome": "over"}
APPROVED: Answer = {"outcome": "approved"}


def step(desk: Desk, event: dict[str, Any]) -> Answer:
    """Do the step that the workflow asks for.

    Args:
        desk: what the function has.
        event: `{"step", "request"}`, and `token` where the workflow waits.

    Raises:
        KeyError: for a step that there isn't.
    """
    request_id = event["request"]
    if event["step"] in _WAITING:
        answer = _WAITING[event["step"]](desk, request_id, event["token"])
    else:
        answer = _PASSING[event["step"]](desk, request_id)
    # Last: whatever the step is about does not wait for Slack.
    announcements.retry(desk, request_id)
    desk.log("step", step=event["step"], request=request_id, outcome=answer.get("outcome", ""))
    return answer


def ask(desk: Desk, request_id: str, token: str) -> Answer:
    """Post the approvers' message if it isn't there, and keep the token of the wait.

    Raises:
        SlackError: if Slack does not take the message, and nobody has decided; without it nobody could.
    """
    request = change_request(
        desk.store, request_id, lambda request: request_lifecycle.record_token(request, token)
    ).request
    if request.message is None:
        try:
            request = _ask(desk, request)
        except SlackError as error:
            # Its requester may have broken the glass: that access does not wait for Slack.
            if _decided(request) is None:
                raise
            desk.log("not_told", subject=request_id, method=error.method, error=error.error)
    answer = _decided(request)
    if answer is not None:
        desk.workflow.wake(token, answer)
    return {}


def remind(desk: Desk, request_id: str) -> Answer:
    """When the wait for people is over: find the decision that was missed, expire, escalate or remind, and wait on."""
    request = extensions.still_pending(desk, _request(desk, request_id))
    answer = _decided(request)
    if answer is not None:
        return answer
    now = desk.clock()
    if request_lifecycle.effective_state(request, now) is State.expired:
        return _decided(expire(desk, request_id)) or OVER
    terms = notifications.governing(desk, request).terms
    if terms is not None:
        request = _call_on_people(desk, request, terms, now)
    undone = deadlines.due_actions(request, terms, _remind_every(desk), now) & {
        deadlines.PendingAction.escalate,
        deadlines.PendingAction.remind,
    }
    wait = AGAIN_SECONDS if undone else deadlines.pending_wait_seconds(request, terms, _remind_every(desk), now)
    return _decided(request) or {"outcome": "wait", "wait": wait}


def expire(desk: Desk, request_id: str) -> Request:
    """Note that nobody decided in time, unless somebody has at the last moment."""
    written = change_request(desk.store, request_id, lambda request: expired(request, desk.clock()))
    notifications.announce(desk, written)
    return written.request


def expired(request: Request, now: int) -> Change:
    """Return a request as expired, if nobody has decided and its time is over."""
    overdue = request.state is State.pending and request_lifecycle.effective_state(request, now) is State.expired
    return request_lifecycle.expire(request, now) if overdue else Change(request)


def extend(desk: Desk, request_id: str) -> Answer:
    """Move the end of the request that an approved extension extends."""
    extension = _request(desk, request_id)
    if extension.state is State.approved:
        extensions.extend(desk, extension)
    return OVER


def granted(desk: Desk, request_id: str) -> Answer:
    """Look at what could be opened, and say so."""
    request = _request(desk, request_id)
    if request.state is State.granting:
        request = _opened(desk, request)
    else:
        notifications.refresh(desk, request_id)
    if request.state is State.active:
        return {"outcome": "active", "wait": deadlines.hold_seconds(request, desk.clock())}
    # Ended while it was being opened: what was opened has to be taken back.
    return {"outcome": "active", "wait": 1} if request.state is State.revoking else OVER


def hold(desk: Desk, request_id: str, token: str) -> Answer:
    """Keep the token of the wait; end it at once if the access is already to be taken back."""
    request = change_request(
        desk.store, request_id, lambda request: request_lifecycle.record_token(request, token)
    ).request
    if request.state is not State.active:
        desk.workflow.wake(token, OVER)
    return {}


def due_or_wait(desk: Desk, request_id: str) -> Answer:
    """When the hold is over: begin to take the access back, unless that has begun or its end was moved."""

    def finished(request: Request) -> Change:
        now = desk.clock()
        time_left = request.revoke_at is not None and now < request.revoke_at
        if request.state is not State.active or time_left:
            return Change(request)
        return request_lifecycle.revoke_request(request, SYSTEM, "", now)

    written = change_request(desk.store, request_id, finished)
    if written.request.state is State.active:
        return {"outcome": "wait", "wait": deadlines.hold_seconds(written.request, desk.clock())}
    notifications.announce(desk, written)
    return OVER


def close(desk: Desk, request_id: str) -> Answer:
    """Say that the access is gone, once that is verified; and for how long sessions have to be kept out."""
    request = _request(desk, request_id)
    grants = desk.store.grants(request_id)
    if request.state is State.revoking:
        if request_lifecycle.remaining_accounts(grants):
            desk.log("left_to_sweeper", request=request_id)
            notifications.refresh(desk, request_id)
            return {"tail": 0}
        written = change_request(desk.store, request_id, lambda one: closed(one, grants, desk.clock()))
        notifications.announce(desk, written)
    else:
        notifications.refresh(desk, request_id)
    return {"tail": deadlines.session_deny_seconds(grants, desk.clock())}


def closed(request: Request, grants: Sequence[Grant], now: int) -> Change:
    """Return a request as closed, if it is being taken back; all of its grants have been verified to be gone."""
    return request_lifecycle.close(request, grants, now) if request.state is State.revoking else Change(request)


_WAITING: dict[str, Callable[[Desk, str, str], Answer]] = {"ask": ask, "hold": hold}
_PASSING: dict[str, Callable[[Desk, str], Answer]] = {
    "remind": remind,
    "extend": extend,
    "granted": granted,
    "due": due_or_wait,
    "close": close,
}


def _request(desk: Desk, request_id: str) -> Request:
    request = desk.store.request(request_id)
    if request is None:
        raise UnknownRecordError(request_id)
    return request


def _remind_every(desk: Desk) -> int:
    return desk.policy.settings.remind_every_seconds


def _ask(desk: Desk, request: Request) -> Request:
    terms = notifications.governing(desk, request).terms
    who = mentions(desk, terms.mention, besides=(request.requester.user_id,)) if terms is not None else ()
    channel = desk.policy.settings.channel
    message = notifications.send(desk, request.id, channel, notifications.body_of(desk, request, who))
    asked = change_request(desk.store, request.id, lambda one: request_lifecycle.record_message(one, message)).request
    # It may have been decided while it was posted, by its requester.
    notifications.refresh(desk, request.id)
    return asked


def _decided(request: Request) -> Answer | None:
    """Return what the workflow is to be told of a request that waits no longer; None if it still waits."""
    if request.state is State.pending:
        return None
    return APPROVED if request.state is State.approved else OVER


def _call_on_people(desk: Desk, request: Request, terms: Terms, now: int) -> Request:
    needs = deadlines.due_actions(request, terms, _remind_every(desk), now)
    if deadlines.PendingAction.escalate in needs:
        note, called, why = request_lifecycle.record_escalation, terms.escalate, "Nobody has answered yet."
    elif deadlines.PendingAction.remind in needs:
        note, called, why = (
            request_lifecycle.record_reminder,
            (*terms.mention, *terms.escalate),
            "This request still waits.",
        )
    else:
        notifications.refresh(desk, request.id)
        return request
    # Noted only when it was done: that those who are to be called were called twice is better than never.
    if notifications.call_on(desk, request, called, why):
        request = _noted(desk, request, note, now)
    notifications.refresh(desk, request.id)
    return request


def _noted(desk: Desk, request: Request, note: Callable[[Request, int], Change], now: int) -> Request:
    """Note something of a request, unless it is decided by now; return it as it was written."""

    def noted(one: Request) -> Change:
        return note(one, now) if one.state is State.pending else Change(one)

    return change_request(desk.store, request.id, noted).request


def _opened(desk: Desk, request: Request) -> Request:
    """Note what came of opening the accounts: some are open, or none is, or it isn't known of all of them."""

    def opened(one: Request) -> Change:
        if one.state is not State.granting:
            return Change(one)
        grants = desk.store.grants(one.id)
        if any(grant.state is GrantState.granted for grant in grants):
            return request_lifecycle.activate(one, grants, desk.clock())
        failures = "; ".join(sorted({grant.failure for grant in grants if grant.failure})) or "no reason was given"
        note = f"No account could be opened: {failures}"[:LONGEST_NOTE]
        if request_lifecycle.remaining_accounts(grants):
            return request_lifecycle.revoke_request(one, SYSTEM, note, desk.clock())
        return request_lifecycle.fail(one, note, desk.clock(), grants)

    written = change_request(desk.store, request.id, opened)
    notifications.announce(desk, written)
    return written.request
