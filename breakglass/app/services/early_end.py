"""The early end of access, by its requester or by another authorized person.

Non-goals: the revocation (see `provisioning`).
"""

from breakglass.app.domain import request_lifecycle
from breakglass.app.domain.decision import may_end
from breakglass.app.domain.records import Request, State
from breakglass.app.domain.request_lifecycle import Change
from breakglass.app.domain.texts import is_blank
from breakglass.app.services import notifications
from breakglass.app.services.action import MISSING_REASON, ActionContext, find_text
from breakglass.app.services.optimistic_writes import change_request
from breakglass.app.slack import forms, ids
from breakglass.app.slack.payloads import Click, Submission


def end_own_access(action: ActionContext, click: Click) -> None:
    """End the person's own access."""
    _end_request(action, action.own_request(click.value), "")


def open_end_form(action: ActionContext, click: Click) -> None:
    """Open the form that asks for the reason."""
    request = action.request(click.value)
    action.require_authorization(may_end, request)
    action.require_state(request, State.approved, State.granting, State.active)
    action.responder.show_view(forms.end_form(request, names=action.policy.accounts))


def end_access(action: ActionContext, submission: Submission) -> None:
    """End another person's access, for a reason."""
    request = action.request(submission.metadata)
    action.require_authorization(may_end, request)
    note = find_text(submission.values, ids.NOTE)
    if is_blank(note):
        action.responder.show_view(forms.end_form(request, note, MISSING_REASON, action.policy.accounts))
        return
    _end_request(action, request, note)
    action.responder.show_text("Revoking", "The access is being revoked. The thread says when that is verified.")


def _end_request(action: ActionContext, request: Request, note: str) -> None:
    context = action.context

    def finished(read: Request) -> Change:
        if read.state is State.revoking:
            return Change(read)
        return request_lifecycle.revoke_request(read, action.by, note, context.clock())

    written = change_request(context.store, request.id, finished)
    if written.request.token is not None:
        context.workflow.wake(written.request.token, {"outcome": "over"})
    notifications.publish_change(context, written, action.by)
