"""Ending: giving one's own access back, and ending somebody's.

Non-goals: taking it back (see `provisioning`), and extending it (see `requests`).
"""

from breakglass.app.domain import request_lifecycle
from breakglass.app.domain.decision import may_end
from breakglass.app.domain.records import Request, State
from breakglass.app.domain.request_lifecycle import Change
from breakglass.app.domain.texts import is_blank
from breakglass.app.services import notifications
from breakglass.app.services.action import Doing, text
from breakglass.app.services.optimistic_writes import change_request
from breakglass.app.slack import forms, ids
from breakglass.app.slack.payloads import Click, Submission


def done(doing: Doing, click: Click) -> None:
    """Give one's own access back."""
    _finish(doing, doing.own_request(click.value), "")


def open_form(doing: Doing, click: Click) -> None:
    """Ask why."""
    request = doing.request(click.value)
    doing.allowed(may_end, request)
    doing.insist_on(request, State.approved, State.granting, State.active)
    doing.screen.show(forms.end_form(request, names=doing.desk.policy.accounts))


def end(doing: Doing, submission: Submission) -> None:
    """End somebody's access, for a reason."""
    request = doing.request(submission.metadata)
    doing.allowed(may_end, request)
    note = text(submission.values, ids.NOTE)
    if is_blank(note):
        problem = "Say why: whoever has the access reads it."
        doing.screen.show(forms.end_form(request, note, problem, doing.desk.policy.accounts))
        return
    _finish(doing, request, note)
    doing.screen.tell("Being ended", "The access is being taken back. The thread says when it is verified to be gone.")


def _finish(doing: Doing, request: Request, note: str) -> None:
    desk = doing.desk

    def finished(one: Request) -> Change:
        return (
            Change(one)
            if one.state is State.revoking
            else request_lifecycle.revoke_request(one, doing.by, note, desk.clock())
        )

    written = change_request(desk.store, request.id, finished)
    if written.request.token is not None:
        desk.workflow.wake(written.request.token, {"outcome": "over"})
    notifications.announce(desk, written, doing.by)
