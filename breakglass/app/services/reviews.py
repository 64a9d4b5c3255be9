"""Reviews: approve, deny, withdraw, acknowledge, and access without approval.

Each reads the record and decides by the current approval policy in the attempt that writes, and again after a conflict.
A repeated click of the same person changes nothing, and only wakes the workflow.

Non-goals: granting the access (see `breakglass.components.approvals.workflow_definition`).
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
from breakglass.app.services.action import MISSING_REASON, ActionContext, ActionRejectedError, find_text, require
from breakglass.app.services.context import InteractionContext
from breakglass.app.services.optimistic_writes import change_request
from breakglass.app.slack import forms, ids
from breakglass.app.slack.payloads import Click, Submission


def approve(action: ActionContext, click: Click) -> None:
    """Add this person's approval."""
    context, person = action.context, action.person
    request = extensions.refresh_extension(context, action.request(click.value))
    requester = context.directory.person(request.requester.user_id)
    if requester is None:
        raise ActionRejectedError(
            "Identity Center does not have the requester any more, or the user is disabled: nothing can be approved."
        )

    def approved(request: Request) -> Change:
        if request.state is State.approved and any(
            approval.by.user_id == person.user_id for approval in request.approvals
        ):
            return Change(request)
        decision = may_approve(context.policy, requester, person, request.permission_set, request.accounts)
        require(decision)
        require(_check_by_current_policy(context, requester, request))
        # Earlier approvals count if their approvers are still authorized; else the request needs another one.
        required = len(request.approvals) + (1 if _has_enough_approvals(context, requester, request, person) else 2)
        return request_lifecycle.approve(
            request, Approval(action.by, context.clock(), decision.rule or ""), required, context.clock()
        )

    _publish_decision(action, change_request(context.store, click.value, approved))


def open_deny_form(action: ActionContext, click: Click) -> None:
    """Open the form that asks for the reason."""
    request = action.request(click.value)
    action.require_authorization(may_deny, request)
    action.require_state(request, State.pending)
    action.responder.show_view(forms.deny_form(request, names=action.policy.accounts))


def deny(action: ActionContext, submission: Submission) -> None:
    """Deny a request, for a reason."""
    asked = action.request(submission.metadata)
    rule = action.require_authorization(may_deny, asked).rule or ""
    note = find_text(submission.values, ids.NOTE)
    if is_blank(note):
        action.responder.show_view(forms.deny_form(asked, note, MISSING_REASON, action.policy.accounts))
        return

    def denied(request: Request) -> Change:
        if _is_repeated(action, request, State.denied):
            return Change(request)
        return request_lifecycle.deny(request, action.by, note, rule, action.context.clock())

    _publish_decision(action, change_request(action.context.store, submission.metadata, denied))
    action.responder.show_text("Denied", "The requester sees your reason in the thread.")


def withdraw(action: ActionContext, click: Click) -> None:
    """Withdraw the person's own request."""
    action.own_request(click.value)

    def withdrawn(request: Request) -> Change:
        if _is_repeated(action, request, State.withdrawn):
            return Change(request)
        return request_lifecycle.withdraw(request, action.by, action.context.clock())

    _publish_decision(action, change_request(action.context.store, click.value, withdrawn))


def acknowledge(action: ActionContext, click: Click) -> None:
    """Record that an approver has acknowledged the request."""
    action.require_authorization(may_deny, action.request(click.value))
    written = change_request(
        action.context.store,
        click.value,
        lambda read: request_lifecycle.acknowledge(read, action.by, action.context.clock()),
    )
    notifications.publish_change(action.context, written, action.by)


def open_glass_form(action: ActionContext, click: Click) -> None:
    """Open the form that asks for the justification, if access without approval is allowed now."""
    request = extensions.refresh_extension(action.context, action.own_request(click.value))
    action.require_state(request, State.pending)
    require(_may_break_glass(action, request))
    denials = notifications.find_other_denials(action.context, request)
    action.responder.show_view(forms.glass_form(request, names=action.policy.accounts, denials=denials))


def break_glass(action: ActionContext, submission: Submission) -> None:
    """Take access without approval, if the policy allows it, and announce it.

    The announcement and the explanation are recorded before the grant, so the access does not wait for Slack.
    """
    justification = find_text(submission.values, ids.JUSTIFICATION)
    asked = extensions.refresh_extension(action.context, action.own_request(submission.metadata))
    if is_blank(justification):
        problem = "Say why the access can't wait. Everyone in the channel reads it."
        denials = notifications.find_other_denials(action.context, asked)
        action.responder.show_view(forms.glass_form(asked, justification, problem, action.policy.accounts, denials))
        return

    def broken(request: Request) -> Change:
        if request.glass:
            return Change(request)
        decision = _may_break_glass(action, request)
        require(decision)
        require(_check_by_current_policy(action.context, action.person, request))
        channels = announcements.announcement_channels(action.policy)
        rule, now = decision.rule or "", action.context.clock()
        return request_lifecycle.break_glass(request, action.by, justification, rule, channels, now)

    written = change_request(action.context.store, submission.metadata, broken)
    _wake(action.context, written.request)
    request = announcements.complete_announcement(action.context, written.request)
    notifications.publish_change(action.context, written, action.by)
    action.responder.show_text("The glass is broken", _describe_outcome(request))


def _describe_outcome(request: Request) -> str:
    missing = request.announcement.missing if request.announcement is not None else ()
    announced = "It is announced in every channel."
    if missing:
        where = " and ".join(
            f"{notice.channel}{f' ({notice.failure})' if notice.failure else ''}" for notice in missing
        )
        announced = f"Slack has not accepted the announcement in {where} yet; it is retried until Slack does."
    over = request.state in request_lifecycle.FINAL or request.state is State.revoking
    access = "The access is already over." if over else "The request's message and the Home tab show the progress."
    return f"{announced} {access} Explain the usage afterwards; another person accepts the explanation."


def _may_break_glass(action: ActionContext, request: Request) -> Decision:
    context = action.context
    denials = context.store.denials(request.requester.user_id, request.permission_set, request.accounts)
    others = [
        other for other in _requests_of(context, request.requester) if other.permission_set == request.permission_set
    ]
    silence = AnswerHistory(request_lifecycle.unanswered_since(request, others), context.clock(), denials)
    return may_break_glass(context.policy, action.person, request.permission_set, request.accounts, silence)


def _requests_of(context: InteractionContext, requester: Actor) -> Iterator[Request]:
    """Yield the requests of a person that may have been answered lately, newest first."""
    earliest = context.clock() - _LONGEST_WAIT_SECONDS
    page = context.store.requests_of(requester.user_id)
    yield from page.items
    while page.next is not None and all(request.created_at > earliest for request in page.items):
        page = context.store.requests_of(requester.user_id, page.next)
        yield from page.items


_LONGEST_WAIT_SECONDS = 7 * 86_400
"""The longest wait of a request for an answer (`requestExpiry`)."""


def _check_by_current_policy(context: InteractionContext, requester: Person, request: Request) -> Decision:
    return check_request(
        context.policy,
        requester,
        request.permission_set,
        request.accounts,
        request.duration,
        request.reason,
        request.ticket,
    )


def _has_enough_approvals(
    context: InteractionContext, requester: Person, request: Request, another: Person
) -> Decision:
    earlier = [context.directory.person(approval.by.user_id) for approval in request.approvals]
    people = [*(person for person in earlier if person is not None), another]
    return decide_request(context.policy, requester, request.permission_set, request.accounts, people)


def _is_repeated(action: ActionContext, request: Request, state: State) -> bool:
    closed_by = request.closed_by.user_id if request.closed_by is not None else ""
    return request.state is state and closed_by == action.person.user_id


def _publish_decision(action: ActionContext, written: Change) -> None:
    _wake(action.context, written.request)
    notifications.publish_change(action.context, written, action.by)


def _wake(context: InteractionContext, request: Request) -> None:
    if request.state is not State.pending and request.token is not None:
        context.workflow.wake(request.token, {"outcome": "approved" if request.state is State.approved else "over"})
