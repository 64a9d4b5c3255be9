"""Ending: giving one's own access back, and ending somebody's.

Non-goals: taking it back (see `provisioning`), and extending it (see `requests`).
"""

from breakglass.app.domain import request_lifecycle
from breakglass.app.domain.decision import may_end
from breakglass.app.domain.records import Request, State
from breakglass.app.domain.request_lifecycle import Change
from breakglass.app.domain.texts import is_blank
from breakglass.app.services import notifications
from breakglass.app.services.action import ActionContext, text
from breakglass.app.services.optimistic_writes import change_request
from breakglass.app.slack import forms, ids
from breakglass.app.slack.payloads import Click, Submission


def end_own_access(action: ActionContext, click: Click) -> None:
    """Give one's own access back."""
    _end_request(action, action.own_request(click.value), "")


def open_end_form(action: ActionContext, click: Click) -> None:
    """Ask why."""
    request = action.request(click.value)
    action.allowed(may_end, request)
    action.require_state(request, State.approved, State.granting, State.active)
    action.responder.show_view(forms.end_form(request, names=action.context.policy.accounts))


def end_access(action: ActionContext, submission: Submission) -> None:
    """End somebody's access, for a reason."""
    request = action.request(submission.metadata)
    action.allowed(may_end, request)
    note = text(submission.values, ids.NOTE)
    if is_blank(note):
        problem = "Say why: whoever has the access reads it."
        action.responder.show_view(forms.end_form(request, note, problem, action.context.policy.accounts))
        return
    _end_request(action, request, note)
    action.responder.show_text(
        "Being ended", "The access is being taken back. The thread says when it is verified to be gone."
    )


def _end_request(action: ActionContext, request: Request, note: str) -> None:
    context = action.context

    def finished(one: Request) -> Change:
        return (
            Change(one)
            if one.state is State.revoking
            else request_lifecycle.revoke_request(one, action.by, note, context.clock())
        )

    written = change_request(context.store, request.id, finished)
    if written.request.token is not None:
        context.workflow.wake(written.request.token, {"outcome": "over"})
    notifications.publish_change(context, written, action.by)
