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
from breakglass.app.services.context import InteractionContext, StepResult
from breakglass.app.services.identity import find_mentions
from breakglass.app.services.optimistic_writes import UnknownRecordError, change_request

AGAIN_SECONDS = 60
"""After how long people are called again whom Slack did not let be called."""

OVER: StepResult = {"outcome": "over"}
APPROVED: StepResult = {"outcome": "approved"}


def run_step(context: InteractionContext, event: dict[str, Any]) -> StepResult:
    """Do the step that the workflow asks for.

    Args:
        context: what the function has.
        event: `{"step", "request"}`, and `token` where the workflow waits.

    Raises:
        KeyError: for a step that there isn't.
    """
    request_id = event["request"]
    if event["step"] in _WAITING:
        answer = _WAITING[event["step"]](context, request_id, event["token"])
    else:
        answer = _PASSING[event["step"]](context, request_id)
    # Last: whatever the step is about does not wait for Slack.
    announcements.retry_announcement(context, request_id)
    context.log("step", step=event["step"], request=request_id, outcome=answer.get("outcome", ""))
    return answer


def ask(context: InteractionContext, request_id: str, token: str) -> StepResult:
    """Post the approvers' message if it isn't there, and keep the token of the wait.

    Raises:
        SlackError: if Slack does not take the message, and nobody has decided; without it nobody could.
    """
    request = change_request(
        context.store, request_id, lambda request: request_lifecycle.record_token(request, token)
    ).request
    if request.message is None:
        try:
            request = _ask(context, request)
        except SlackError as error:
            # Its requester may have broken the glass: that access does not wait for Slack.
            if _decided(request) is None:
                raise
            context.log("not_told", subject=request_id, method=error.method, error=error.error)
    answer = _decided(request)
    if answer is not None:
        context.workflow.wake(token, answer)
    return {}


def remind(context: InteractionContext, request_id: str) -> StepResult:
    """When the wait for people is over: find the decision that was missed, expire, escalate or remind, and wait on."""
    request = extensions.refresh_extension(context, _request(context, request_id))
    answer = _decided(request)
    if answer is not None:
        return answer
    now = context.clock()
    if request_lifecycle.effective_state(request, now) is State.expired:
        return _decided(expire(context, request_id)) or OVER
    terms = notifications.find_decision(context, request).terms
    if terms is not None:
        request = _call_on_people(context, request, terms, now)
    undone = deadlines.due_actions(request, terms, _remind_every(context), now) & {
        deadlines.PendingAction.escalate,
        deadlines.PendingAction.remind,
    }
    wait = AGAIN_SECONDS if undone else deadlines.pending_wait_seconds(request, terms, _remind_every(context), now)
    return _decided(request) or {"outcome": "wait", "wait": wait}


def expire(context: InteractionContext, request_id: str) -> Request:
    """Note that nobody decided in time, unless somebody has at the last moment."""
    written = change_request(context.store, request_id, lambda request: expire_if_due(request, context.clock()))
    notifications.publish_change(context, written)
    return written.request


def expire_if_due(request: Request, now: int) -> Change:
    """Return a request as expired, if nobody has decided and its time is over."""
    overdue = request.state is State.pending and request_lifecycle.effective_state(request, now) is State.expired
    return request_lifecycle.expire(request, now) if overdue else Change(request)


def extend(context: InteractionContext, request_id: str) -> StepResult:
    """Move the end of the request that an approved extension extends."""
    extension = _request(context, request_id)
    if extension.state is State.approved:
        extensions.apply_extension(context, extension)
    return OVER


def report_grants(context: InteractionContext, request_id: str) -> StepResult:
    """Look at what could be opened, and say so."""
    request = _request(context, request_id)
    if request.state is State.granting:
        request = _opened(context, request)
    else:
        notifications.refresh_message(context, request_id)
    if request.state is State.active:
        return {"outcome": "active", "wait": deadlines.hold_seconds(request, context.clock())}
    # Ended while it was being opened: what was opened has to be taken back.
    return {"outcome": "active", "wait": 1} if request.state is State.revoking else OVER


def hold(context: InteractionContext, request_id: str, token: str) -> StepResult:
    """Keep the token of the wait; end it at once if the access is already to be taken back."""
    request = change_request(
        context.store, request_id, lambda request: request_lifecycle.record_token(request, token)
    ).request
    if request.state is not State.active:
        context.workflow.wake(token, OVER)
    return {}


def check_due(context: InteractionContext, request_id: str) -> StepResult:
    """When the hold is over: begin to take the access back, unless that has begun or its end was moved."""

    def finished(request: Request) -> Change:
        now = context.clock()
        time_left = request.revoke_at is not None and now < request.revoke_at
        if request.state is not State.active or time_left:
            return Change(request)
        return request_lifecycle.revoke_request(request, SYSTEM, "", now)

    written = change_request(context.store, request_id, finished)
    if written.request.state is State.active:
        return {"outcome": "wait", "wait": deadlines.hold_seconds(written.request, context.clock())}
    notifications.publish_change(context, written)
    return OVER


def close(context: InteractionContext, request_id: str) -> StepResult:
    """Say that the access is gone, once that is verified; and for how long sessions have to be kept out."""
    request = _request(context, request_id)
    grants = context.store.grants(request_id)
    if request.state is State.revoking:
        if request_lifecycle.remaining_accounts(grants):
            context.log("left_to_reconciler", request=request_id)
            notifications.refresh_message(context, request_id)
            return {"session_deny_seconds": 0}
        written = change_request(context.store, request_id, lambda one: close_if_revoking(one, grants, context.clock()))
        notifications.publish_change(context, written)
    else:
        notifications.refresh_message(context, request_id)
    return {"session_deny_seconds": deadlines.session_deny_seconds(grants, context.clock())}


def close_if_revoking(request: Request, grants: Sequence[Grant], now: int) -> Change:
    """Return a request as closed, if it is being taken back; all of its grants have been verified to be gone."""
    return request_lifecycle.close(request, grants, now) if request.state is State.revoking else Change(request)


_WAITING: dict[str, Callable[[InteractionContext, str, str], StepResult]] = {"ask": ask, "hold": hold}
_PASSING: dict[str, Callable[[InteractionContext, str], StepResult]] = {
    "remind": remind,
    "extend": extend,
    "granted": report_grants,
    "due": check_due,
    "close": close,
}


def _request(context: InteractionContext, request_id: str) -> Request:
    request = context.store.request(request_id)
    if request is None:
        raise UnknownRecordError(request_id)
    return request


def _remind_every(context: InteractionContext) -> int:
    return context.policy.settings.remind_every_seconds


def _ask(context: InteractionContext, request: Request) -> Request:
    terms = notifications.find_decision(context, request).terms
    who = find_mentions(context, terms.mention, besides=(request.requester.user_id,)) if terms is not None else ()
    channel = context.policy.settings.channel
    message = notifications.send_message(
        context, request.id, channel, notifications.build_message(context, request, who)
    )
    asked = change_request(
        context.store, request.id, lambda one: request_lifecycle.record_message(one, message)
    ).request
    # It may have been decided while it was posted, by its requester.
    notifications.refresh_message(context, request.id)
    return asked


def _decided(request: Request) -> StepResult | None:
    """Return what the workflow is to be told of a request that waits no longer; None if it still waits."""
    if request.state is State.pending:
        return None
    return APPROVED if request.state is State.approved else OVER


def _call_on_people(context: InteractionContext, request: Request, terms: Terms, now: int) -> Request:
    needs = deadlines.due_actions(request, terms, _remind_every(context), now)
    if deadlines.PendingAction.escalate in needs:
        note, called, why = request_lifecycle.record_escalation, terms.escalate, "Nobody has answered yet."
    elif deadlines.PendingAction.remind in needs:
        note, called, why = (
            request_lifecycle.record_reminder,
            (*terms.mention, *terms.escalate),
            "This request still waits.",
        )
    else:
        notifications.refresh_message(context, request.id)
        return request
    # Noted only when it was done: that those who are to be called were called twice is better than never.
    if notifications.mention_principals(context, request, called, why):
        request = _noted(context, request, note, now)
    notifications.refresh_message(context, request.id)
    return request


def _noted(context: InteractionContext, request: Request, note: Callable[[Request, int], Change], now: int) -> Request:
    """Note something of a request, unless it is decided by now; return it as it was written."""

    def noted(one: Request) -> Change:
        return note(one, now) if one.state is State.pending else Change(one)

    return change_request(context.store, request.id, noted).request


def _opened(context: InteractionContext, request: Request) -> Request:
    """Note what came of opening the accounts: some are open, or none is, or it isn't known of all of them."""

    def opened(one: Request) -> Change:
        if one.state is not State.granting:
            return Change(one)
        grants = context.store.grants(one.id)
        if any(grant.state is GrantState.granted for grant in grants):
            return request_lifecycle.activate(one, grants, context.clock())
        failures = "; ".join(sorted({grant.failure for grant in grants if grant.failure})) or "no reason was given"
        note = f"No account could be opened: {failures}"[:LONGEST_NOTE]
        if request_lifecycle.remaining_accounts(grants):
            return request_lifecycle.revoke_request(one, SYSTEM, note, context.clock())
        return request_lifecycle.fail(one, note, context.clock(), grants)

    written = change_request(context.store, request.id, opened)
    notifications.publish_change(context, written)
    return written.request
