"""Simultaneous actions: each finds the result of the other, and neither fails.

In each test the second action comes at the worst moment of the first: between its read and its write.

Not shown here: any order of all actions (test_life.py), and DynamoDB's part (test_dynamodb.py).
"""

from typing import Any
from unittest.mock import Mock

import pytest

from breakglass.app.domain import request_lifecycle
from breakglass.app.domain.people import Person
from breakglass.app.domain.records import Access, Grant, Request, State
from breakglass.app.ports import BusyError, Operation, OperationStatus
from breakglass.app.services import dispatch, notifications, provisioning, workflow_steps
from breakglass.app.services.optimistic_writes import change_request
from breakglass.app.services.reconciler import GRACE_SECONDS
from breakglass.app.services.reconciler_run import Counts
from breakglass.app.services.session_denials import deny_sessions
from breakglass.app.slack import ids
from breakglass.app.slack.payloads import Click
from tests.app.domain.policies import ADA, BEA, CLEO, PRODUCTION, RDS
from tests.app.services.fake_workspace import FakeWorkspace, interrupt


def press(workspace: FakeWorkspace, person: Person, action_id: str, request: Request) -> None:
    """Click, and let no execution go on."""
    click = Click(
        workspace.actor(person), "t-1", action_id, request.id, workspace.reload(request).message, None, "", {}
    )
    dispatch.handle_interaction(workspace.context, click, None)


def step(workspace: FakeWorkspace, name: str, request: Request, **more: str) -> Any:
    """Do a step of the workflow."""
    module, context = (
        (provisioning, workspace.context) if name in _OF_PROVISIONER else (workflow_steps, workspace.context)
    )
    return module.run_step(context, {"step": name, "request": request.id, **more})


_OF_PROVISIONER = ("prepare", "grant", "poll_grant", "rollback_grant", "revoke", "poll_revoke", "verify")


def prepared(workspace: FakeWorkspace, person: Person = ADA) -> Request:
    """Have a request approved whose execution goes no further than its grants being written down."""
    request = workspace.request_access(person)
    workspace.runner.stop(request.id)
    press(workspace, CLEO, ids.APPROVE, request)
    step(workspace, "prepare", request)
    return workspace.reload(request)


def opened(workspace: FakeWorkspace, person: Person = ADA) -> Request:
    """Have access opened, step by step."""
    request = prepared(workspace, person)
    step(workspace, "grant", request, account=PRODUCTION)
    step(workspace, "granted", request)
    return workspace.reload(request)


def taken_back(workspace: FakeWorkspace, request: Request) -> None:
    """Give access back, step by step."""
    press(workspace, ADA, ids.DONE, request)
    step(workspace, "revoke", request, account=PRODUCTION)
    step(workspace, "verify", request, account=PRODUCTION)
    step(workspace, "close", request)


def grant_of(workspace: FakeWorkspace, request: Request) -> Grant:
    (grant,) = workspace.store.grants(request.id)
    return grant


# --- holders ---------------------------------------------------------------------------------------------------------


def test_grant_run_after_the_end_keeps_no_assignment(workspace: FakeWorkspace) -> None:
    # The first run of the step is still at it when the second has come to its end, and the access is over by then.
    first = prepared(workspace)

    def meanwhile() -> None:
        step(workspace, "grant", first, account=PRODUCTION)
        step(workspace, "granted", first)
        taken_back(workspace, first)

    interrupt(workspace.store, "add_holder", meanwhile)
    with pytest.raises(BusyError):
        step(workspace, "grant", first, account=PRODUCTION)
    assert workspace.reload(first).state is State.ended
    assert not workspace.is_open()
    second = opened(workspace)
    assert workspace.is_open()
    taken_back(workspace, second)
    assert not workspace.is_open(), "the first request holds nothing any more"
    assert workspace.reload(second).state is State.ended


def test_assignment_of_an_ended_holder_is_unmanaged(workspace: FakeWorkspace) -> None:
    first = opened(workspace)
    taken_back(workspace, first)
    workspace.store.add_holder(grant_of(workspace, first).access, first.id, workspace.clock())
    workspace.center.assigned.add(grant_of(workspace, first).access)
    assert workspace.reconcile().unmanaged == 1


def test_slow_deletion_keeps_its_lease(workspace: FakeWorkspace) -> None:
    first, second = opened(workspace), prepared(workspace)
    workspace.center.polls = 1000
    press(workspace, ADA, ids.DONE, first)
    step(workspace, "revoke", first, account=PRODUCTION)
    for _ in range(60):
        workspace.clock.advance(20)
        step(workspace, "poll_revoke", first, account=PRODUCTION)
    with pytest.raises(BusyError):
        step(workspace, "grant", second, account=PRODUCTION)


def test_failed_deletion_with_another_holder_is_not_repeated(
    workspace: FakeWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = opened(workspace), prepared(workspace)
    workspace.center.polls = 1
    press(workspace, ADA, ids.DONE, first)
    step(workspace, "revoke", first, account=PRODUCTION)
    deletions = len(workspace.center.deleted)
    workspace.store.add_holder(grant_of(workspace, second).access, second.id, workspace.clock())
    failed = Operation("o-1", OperationStatus.failed, "conflict")
    monkeypatch.setattr(workspace.center, "deletion", Mock(return_value=failed))
    assert step(workspace, "poll_revoke", first, account=PRODUCTION) == {"status": OperationStatus.succeeded}
    assert grant_of(workspace, first).state == "revoked"
    assert len(workspace.center.deleted) == deletions
    assert workspace.is_open()


# --- the way back ----------------------------------------------------------------------------------------------------


def test_reconcile_while_the_workflow_closes_closes_once(workspace: FakeWorkspace) -> None:
    request = opened(workspace)
    press(workspace, ADA, ids.DONE, request)
    step(workspace, "revoke", request, account=PRODUCTION)
    step(workspace, "verify", request, account=PRODUCTION)
    workspace.clock.advance(GRACE_SECONDS)
    interrupt(workspace.store, "save_request", lambda: step(workspace, "close", request))
    workspace.reconcile()
    assert workspace.trail_events(request).count("closed") == 1


def test_reconcile_while_the_workflow_verifies_revokes_once(workspace: FakeWorkspace) -> None:
    request = opened(workspace)
    workspace.clock.advance(3600 + GRACE_SECONDS)

    def meanwhile() -> None:
        step(workspace, "poll_revoke", request, account=PRODUCTION)
        step(workspace, "verify", request, account=PRODUCTION)

    interrupt(workspace.store, "save_grant", meanwhile)
    workspace.reconcile()
    assert workspace.trail_events(request).count("revoked") == 1
    workspace.reconcile()
    assert workspace.reload(request).state is State.ended


def test_end_by_the_requester_at_the_end_of_the_time_wins(workspace: FakeWorkspace) -> None:
    request = opened(workspace)
    workspace.clock.advance(3600)
    interrupt(workspace.store, "save_request", lambda: press(workspace, ADA, ids.DONE, request))
    assert step(workspace, "due", request) == workflow_steps.OVER
    assert "run_out" not in workspace.trail_events(request)


def extended_meanwhile(workspace: FakeWorkspace, request: Request) -> None:
    """Have an extension of an hour approved, and the end moved."""
    values = {ids.DURATION: ("7200",), ids.REASON: ("still restoring",)}
    workspace.submit(ADA, ids.EXTEND_FORM, values, about=request.id)
    extension = next(other for other in workspace.store.requests.values() if other.parent == request.id)
    workspace.click(CLEO, ids.APPROVE, extension)


def test_extension_at_the_end_of_the_time_wins(workspace: FakeWorkspace) -> None:
    request = opened(workspace)
    workspace.clock.advance(3600)
    interrupt(workspace.store, "save_request", lambda: extended_meanwhile(workspace, request))
    assert step(workspace, "due", request) == {"outcome": "wait", "wait": 7200}
    assert workspace.reload(request).state is State.active


def test_reconcile_while_it_is_extended_keeps_the_access(workspace: FakeWorkspace) -> None:
    request = opened(workspace)
    workspace.clock.advance(3600 + GRACE_SECONDS)
    interrupt(workspace.store, "save_grant", lambda: extended_meanwhile(workspace, request))
    assert workspace.reconcile() == Counts()
    assert workspace.reload(request).state is State.active
    assert workspace.is_open()


def test_extension_after_the_reconciler_revoked_fails(workspace: FakeWorkspace) -> None:
    request = opened(workspace)
    workspace.clock.advance(3600 + GRACE_SECONDS)
    interrupt(workspace.store, "save_request", lambda: extended_meanwhile(workspace, request))
    workspace.reconcile()
    assert not workspace.is_open()
    assert workspace.reload(request).state is State.ended
    (extension,) = [other for other in workspace.store.requests.values() if other.parent == request.id]
    assert extension.state is State.failed


def test_end_by_the_requester_during_the_grant_revokes(workspace: FakeWorkspace) -> None:
    request = prepared(workspace)
    step(workspace, "grant", request, account=PRODUCTION)
    interrupt(workspace.store, "save_request", lambda: press(workspace, ADA, ids.DONE, request))
    assert step(workspace, "granted", request) == {"outcome": "active", "wait": 1}
    assert "opened" not in workspace.trail_events(request)


# --- the decision ----------------------------------------------------------------------------------------------------


def test_refresh_of_a_changing_request_shows_the_newest_state(workspace: FakeWorkspace) -> None:
    request = workspace.request_access()

    def withdrawn() -> None:
        by = workspace.reload(request).requester
        change_request(
            workspace.store, request.id, lambda read: request_lifecycle.withdraw(read, by, workspace.clock())
        )

    interrupt(workspace.slack, "call", withdrawn)
    notifications.refresh_message(workspace.context, request.id)
    assert "withdrew it" in workspace.message_text(request)


def test_approve_while_it_expires_wins(workspace: FakeWorkspace) -> None:
    request = workspace.request_access()
    workspace.runner.stop(request.id)
    workspace.clock.advance(1799)

    def by_a_clock_that_is_behind() -> None:
        workspace.clock.advance(-1)
        press(workspace, CLEO, ids.APPROVE, request)
        workspace.clock.advance(1)

    workspace.clock.advance(1)
    interrupt(workspace.store, "save_request", by_a_clock_that_is_behind)
    assert step(workspace, "remind", request) == workflow_steps.APPROVED
    assert workspace.reload(request).state is State.approved


def test_approve_while_the_reconciler_expires_it_wins(workspace: FakeWorkspace) -> None:
    request = workspace.request_access()
    workspace.runner.stop(request.id)
    workspace.clock.advance(1800)

    def by_a_clock_that_is_behind() -> None:
        workspace.clock.advance(-1)
        press(workspace, CLEO, ids.APPROVE, request)
        workspace.clock.advance(1)

    interrupt(workspace.store, "save_request", by_a_clock_that_is_behind)
    workspace.reconcile()
    assert workspace.reload(request).state is State.approved


def test_approve_during_the_escalation_wins(workspace: FakeWorkspace) -> None:
    request = workspace.request_access()
    workspace.runner.stop(request.id)
    workspace.clock.advance(300)
    interrupt(workspace.store, "save_request", lambda: press(workspace, CLEO, ids.APPROVE, request))
    assert step(workspace, "remind", request) == workflow_steps.APPROVED
    assert "escalated" not in workspace.trail_events(request)


def test_reconcile_while_workflow_prepares_leaves_it_granting(
    workspace: FakeWorkspace,
) -> None:
    request = workspace.request_access()
    workspace.runner.stop(request.id)
    press(workspace, CLEO, ids.APPROVE, request)
    workspace.clock.advance(GRACE_SECONDS)
    interrupt(workspace.store, "save_request", lambda: step(workspace, "prepare", request))
    workspace.reconcile()
    assert workspace.reload(request).state is State.granting
    assert grant_of(workspace, request).state == "planned"


# --- live sessions ---------------------------------------------------------------------------------------------------


def test_session_policy_written_by_two_runs_keeps_both_denials() -> None:
    workspace = FakeWorkspace(ends_sessions=True)
    first, other = opened(workspace), opened(workspace, BEA)
    sessions = workspace.sessions

    busy: list[Request] = []

    def meanwhile() -> None:
        for request in (first, other):
            try:
                deny_sessions(workspace.context, sessions, grant_of(workspace, request))
            except BusyError:
                busy.append(request)

    interrupt(sessions, "write", meanwhile)
    deny_sessions(workspace.context, sessions, grant_of(workspace, first))
    for request in busy:
        deny_sessions(workspace.context, sessions, grant_of(workspace, request))
    assert ADA.user_id in sessions.content
    assert BEA.user_id in sessions.content


def unmanaged(workspace: FakeWorkspace) -> Request:
    """Return an approved request for an assignment that came late and was seen once."""
    taken_back(workspace, opened(workspace))
    workspace.center.assigned.add(Access(ADA.user_id, RDS, PRODUCTION))
    workspace.reconcile()
    request = workspace.request_access()
    workspace.runner.stop(request.id)
    press(workspace, CLEO, ids.APPROVE, request)
    return request


def test_request_before_a_late_assignment_is_revoked_keeps_it(workspace: FakeWorkspace) -> None:
    request = unmanaged(workspace)

    def grant() -> None:
        step(workspace, "prepare", request)
        step(workspace, "grant", request, account=PRODUCTION)

    interrupt(workspace.store, "once", grant)
    workspace.reconcile()
    assert workspace.is_open()


def test_request_while_a_late_assignment_is_revoked_waits(workspace: FakeWorkspace) -> None:
    request = unmanaged(workspace)
    workspace.center.remove = Mock(return_value=Operation("o-1", OperationStatus.in_progress))  # type: ignore[method-assign]
    workspace.reconcile()
    workspace.center.remove.assert_called_once()
    step(workspace, "prepare", request)
    with pytest.raises(BusyError):
        step(workspace, "grant", request, account=PRODUCTION)
    workspace.center.assigned.clear()
    workspace.clock.advance(60)
    step(workspace, "grant", request, account=PRODUCTION)
    assert workspace.is_open()
