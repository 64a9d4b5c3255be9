"""The steps of the workflow that concern people: ask, remind, expire, report the grants, hold, close.

Each reads the record first and may run twice. A step's result is the state of the record, so the next timeout finds a
click that could not wake the workflow.

Non-goals: assignments (see `provisioning`); clicks (see `dispatch`).
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
"""Seconds after which a refused mention is retried."""

OVER: StepResult = {"outcome": "over"}
APPROVED: StepResult = {"outcome": "approved"}


def run_step(context: InteractionContext, event: dict[str, Any]) -> StepResult:
    """Run a step: `{"step", "request"}`, and `token` if the workflow waits."""
    request_id = event["request"]
    if event["step"] in _WAITING:
        answer = _WAITING[event["step"]](context, request_id, event["token"])
    else:
        answer = _PASSING[event["step"]](context, request_id)
    # Last, so the step's own work does not wait for Slack.
    announcements.retry_announcement(context, request_id)
    context.log("step", step=event["step"], request=request_id, outcome=answer.get("outcome", ""))
    return answer


def ask(context: InteractionContext, request_id: str, token: str) -> StepResult:
    """Post the request's message unless it exists, and save the token of the wait."""
    request = change_request(
        context.store, request_id, lambda request: request_lifecycle.record_token(request, token)
    ).request
    if request.message is None:
        try:
            request = _ask(context, request)
        except SlackError as error:
            # Access without approval does not wait for Slack.
            if _decided(request) is None:
                raise
            context.log("message_refused", subject=request_id, method=error.method, error=error.error)
    answer = _decided(request)
    if answer is not None:
        context.workflow.wake(token, answer)
    return {}


def remind(context: InteractionContext, request_id: str) -> StepResult:
    """After a wait for people, find a missed decision; else expire, escalate or remind, and wait."""
    request = extensions.refresh_extension(context, _request(context, request_id))
    answer = _decided(request)
    if answer is not None:
        return answer
    now = context.clock()
    if request_lifecycle.effective_state(request, now) is State.expired:
        return _decided(expire(context, request_id)) or OVER
    terms = notifications.find_decision(context, request).terms
    if terms is not None:
        request = _mention_due(context, request, terms, now)
    undone = deadlines.due_actions(request, terms, _remind_every(context), now) & {
        deadlines.PendingAction.escalate,
        deadlines.PendingAction.remind,
    }
    wait = AGAIN_SECONDS if undone else deadlines.pending_wait_seconds(request, terms, _remind_every(context), now)
    return _decided(request) or {"outcome": "wait", "wait": wait}


def expire(context: InteractionContext, request_id: str) -> Request:
    """Expire a request that is still pending."""
    written = change_request(context.store, request_id, lambda request: expire_if_due(request, context.clock()))
    notifications.publish_change(context, written)
    return written.request


def expire_if_due(request: Request, now: int) -> Change:
    """Return the expiry of a pending request whose time is over; else no change."""
    overdue = request.state is State.pending and request_lifecycle.effective_state(request, now) is State.expired
    return request_lifecycle.expire(request, now) if overdue else Change(request)


def extend(context: InteractionContext, request_id: str) -> StepResult:
    """Move the end of the request that an approved extension extends."""
    extension = _request(context, request_id)
    if extension.state is State.approved:
        extensions.apply_extension(context, extension)
    return OVER


def report_grants(context: InteractionContext, request_id: str) -> StepResult:
    """Record and publish the result of the grants."""
    request = _request(context, request_id)
    if request.state is State.granting:
        request = _record_grants(context, request)
    else:
        notifications.refresh_message(context, request_id)
    if request.state is State.active:
        return {"outcome": "active", "wait": deadlines.hold_seconds(request, context.clock())}
    # The request ended during the grants: they have to be revoked.
    return {"outcome": "active", "wait": 1} if request.state is State.revoking else OVER


def hold(context: InteractionContext, request_id: str, token: str) -> StepResult:
    """Save the token of the wait; end the wait at once unless the request is active."""
    request = change_request(
        context.store, request_id, lambda request: request_lifecycle.record_token(request, token)
    ).request
    if request.state is not State.active:
        context.workflow.wake(token, OVER)
    return {}


def check_due(context: InteractionContext, request_id: str) -> StepResult:
    """After the hold, start the revocation, unless it has started or the end has moved."""

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
    """Close a request whose grants are verified to be gone; return the seconds of the session deny."""
    request = _request(context, request_id)
    grants = context.store.grants(request_id)
    if request.state is State.revoking:
        if request_lifecycle.remaining_accounts(grants):
            context.log("left_to_reconciler", request=request_id)
            notifications.refresh_message(context, request_id)
            return {"session_deny_seconds": 0}
        written = change_request(
            context.store, request_id, lambda read: close_if_revoking(read, grants, context.clock())
        )
        notifications.publish_change(context, written)
    else:
        notifications.refresh_message(context, request_id)
    return {"session_deny_seconds": deadlines.session_deny_seconds(grants, context.clock())}


def close_if_revoking(request: Request, grants: Sequence[Grant], now: int) -> Change:
    """Return the end of a revoking request, whose grants are all verified to be gone; else no change."""
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
    who: tuple[str, ...] = ()
    if terms is not None:
        besides = (request.requester.user_id,)
        who = find_mentions(context, terms.mention, terms.mention_slack_groups, besides=besides)
    channel = context.policy.settings.channel
    message = notifications.send_message(
        context, request.id, channel, notifications.build_message(context, request, who)
    )
    asked = change_request(
        context.store, request.id, lambda read: request_lifecycle.record_message(read, message)
    ).request
    # The requester may have decided it meanwhile.
    notifications.refresh_message(context, request.id)
    return asked


def _decided(request: Request) -> StepResult | None:
    if request.state is State.pending:
        return None
    return APPROVED if request.state is State.approved else OVER


def _mention_due(context: InteractionContext, request: Request, terms: Terms, now: int) -> Request:
    needs = deadlines.due_actions(request, terms, _remind_every(context), now)
    if deadlines.PendingAction.escalate in needs:
        record, why = request_lifecycle.record_escalation, "No approver has answered yet."
        principals, slack_groups = terms.escalate, terms.escalate_slack_groups
    elif deadlines.PendingAction.remind in needs:
        record, why = request_lifecycle.record_reminder, "This request is still pending."
        principals = (*terms.mention, *terms.escalate)
        slack_groups = (*terms.mention_slack_groups, *terms.escalate_slack_groups)
    else:
        notifications.refresh_message(context, request.id)
        return request
    # Recorded after the mention: a second mention is better than none.
    if notifications.mention_principals(context, request, principals, slack_groups, why):
        request = _record_reminder(context, request, record, now)
    notifications.refresh_message(context, request.id)
    return request


def _record_reminder(
    context: InteractionContext, request: Request, record: Callable[[Request, int], Change], now: int
) -> Request:

    def noted(read: Request) -> Change:
        return record(read, now) if read.state is State.pending else Change(read)

    return change_request(context.store, request.id, noted).request


def _record_grants(context: InteractionContext, request: Request) -> Request:
    """Record the result of the grants: active with any open account, else revoking or failed."""

    def opened(read: Request) -> Change:
        if read.state is not State.granting:
            return Change(read)
        grants = context.store.grants(read.id)
        if any(grant.state is GrantState.granted for grant in grants):
            return request_lifecycle.activate(read, grants, context.clock())
        failures = "; ".join(sorted({grant.failure for grant in grants if grant.failure})) or "no reason was given"
        note = f"Access could not be granted in any account: {failures}"[:LONGEST_NOTE]
        if request_lifecycle.remaining_accounts(grants):
            return request_lifecycle.revoke_request(read, SYSTEM, note, context.clock())
        return request_lifecycle.fail(read, note, context.clock(), grants)

    written = change_request(context.store, request.id, opened)
    notifications.publish_change(context, written)
    return written.request
