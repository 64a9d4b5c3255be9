"""Two who do something at the same moment: each finds what the other has done, and nobody calls that a failure.

In each test the second comes at the worst moment of the first: when that has read, and not yet written.

Not shown here: any order of everything (the model of test_life.py), and DynamoDB's part in it (test_dynamodb.py).
"""

from typing import Any
from unittest.mock import Mock

import pytest

from breakglass.app.domain import request_lifecycle
from breakglass.app.domain.people import Person
from breakglass.app.domain.records import Access, Grant, Request, State
from breakglass.app.ports import BusyError, Operation, Progress
from breakglass.app.services import dispatch, notifications, provisioning, workflow_steps
from breakglass.app.services.optimistic_writes import change_request
from breakglass.app.services.reconciler import GRACE_SECONDS, Counts
from breakglass.app.services.session_denials import deny_sessions
from breakglass.app.slack import ids
from breakglass.app.slack.payloads import Click
from tests.app.domain.policies import ADA, BEA, CLEO, PRODUCTION, RDS
from tests.app.services.company import Company, interrupt


@pytest.fixture
def company() -> Company:
    return Company()


def press(company: Company, person: Person, action_id: str, request: Request) -> None:
    """Click, and let no execution go on."""
    click = Click(company.actor(person), "t-1", action_id, request.id, company.now(request).message, None, "", {})
    dispatch.do(company.world, click, None)


def step(company: Company, name: str, request: Request, **more: str) -> Any:
    """Do a step of the workflow."""
    module, world = (provisioning, company.world) if name in _OF_ACCESS else (workflow_steps, company.world)
    return module.step(world, {"step": name, "request": request.id, **more})


_OF_ACCESS = ("prepare", "grant", "granting", "take_back", "revoke", "revoking", "verify")


def prepared(company: Company, person: Person = ADA) -> Request:
    """Have a request approved whose execution goes no further than its grants being written down."""
    request = company.asked(person)
    company.player.stop(request.id)
    press(company, CLEO, ids.APPROVE, request)
    step(company, "prepare", request)
    return company.now(request)


def opened(company: Company, person: Person = ADA) -> Request:
    """Have access opened, step by step."""
    request = prepared(company, person)
    step(company, "grant", request, account=PRODUCTION)
    step(company, "granted", request)
    return company.now(request)


def taken_back(company: Company, request: Request) -> None:
    """Give access back, step by step."""
    press(company, ADA, ids.DONE, request)
    step(company, "revoke", request, account=PRODUCTION)
    step(company, "verify", request, account=PRODUCTION)
    step(company, "close", request)


def grant_of(company: Company, request: Request) -> Grant:
    (grant,) = company.store.grants(request.id)
    return grant


# --- what somebody holds ---------------------------------------------------------------------------------------------


def test_a_run_that_comes_too_late_keeps_nothing_alive(company: Company) -> None:
    # The first run of the step is still at it when the second has come to its end, and the access is over by then.
    first = prepared(company)

    def meanwhile() -> None:
        step(company, "grant", first, account=PRODUCTION)
        step(company, "granted", first)
        taken_back(company, first)

    interrupt(company.store, "add_holder", meanwhile)
    with pytest.raises(BusyError):
        step(company, "grant", first, account=PRODUCTION)
    assert company.now(first).state is State.ended
    assert not company.is_open()
    second = opened(company)
    assert company.is_open()
    taken_back(company, second)
    assert not company.is_open(), "the first request holds nothing any more"
    assert company.now(second).state is State.ended


def test_what_a_request_that_is_over_seems_to_hold_is_found_as_unrecorded(company: Company) -> None:
    first = opened(company)
    taken_back(company, first)
    company.store.add_holder(grant_of(company, first).access, first.id, company.clock())
    company.center.assigned.add(grant_of(company, first).access)
    assert company.sweep().unrecorded == 1


def test_a_deletion_that_takes_long_lets_no_other_request_in_between(company: Company) -> None:
    first, second = opened(company), prepared(company)
    company.center.polls = 1000
    press(company, ADA, ids.DONE, first)
    step(company, "revoke", first, account=PRODUCTION)
    for _ in range(60):
        company.clock.advance(20)
        step(company, "revoking", first, account=PRODUCTION)
    with pytest.raises(BusyError):
        step(company, "grant", second, account=PRODUCTION)


def test_a_deletion_that_failed_is_not_asked_for_again_if_another_request_wants_it_by_now(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = opened(company), prepared(company)
    company.center.polls = 1
    press(company, ADA, ids.DONE, first)
    step(company, "revoke", first, account=PRODUCTION)
    deletions = len(company.center.deleted)
    company.store.add_holder(grant_of(company, second).access, second.id, company.clock())
    failed = Operation("o-1", Progress.failed, "conflict")
    monkeypatch.setattr(company.center, "deletion", Mock(return_value=failed))
    assert step(company, "revoking", first, account=PRODUCTION) == {"progress": Progress.succeeded}
    assert grant_of(company, first).state == "revoked"
    assert len(company.center.deleted) == deletions
    assert company.is_open()


# --- the way back ----------------------------------------------------------------------------------------------------


def test_the_sweeper_and_the_workflow_close_the_same_request(company: Company) -> None:
    request = opened(company)
    press(company, ADA, ids.DONE, request)
    step(company, "revoke", request, account=PRODUCTION)
    step(company, "verify", request, account=PRODUCTION)
    company.clock.advance(GRACE_SECONDS)
    interrupt(company.store, "save_request", lambda: step(company, "close", request))
    company.sweep()
    assert company.trail(request).count("closed") == 1


def test_the_sweeper_and_the_workflow_verify_the_same_grant(company: Company) -> None:
    request = opened(company)
    company.clock.advance(3600 + GRACE_SECONDS)

    def meanwhile() -> None:
        step(company, "revoking", request, account=PRODUCTION)
        step(company, "verify", request, account=PRODUCTION)

    interrupt(company.store, "save_grant", meanwhile)
    company.sweep()
    assert company.trail(request).count("revoked") == 1
    company.sweep()
    assert company.now(request).state is State.ended


def test_the_time_is_over_at_the_moment_at_which_its_requester_is_done(company: Company) -> None:
    request = opened(company)
    company.clock.advance(3600)
    interrupt(company.store, "save_request", lambda: press(company, ADA, ids.DONE, request))
    assert step(company, "due", request) == workflow_steps.OVER
    assert "run_out" not in company.trail(request)


def extended_meanwhile(company: Company, request: Request) -> None:
    """Have an extension of an hour approved, and the end moved."""
    values = {ids.DURATION: ("7200",), ids.REASON: ("still restoring",)}
    company.submit(ADA, ids.EXTEND_FORM, values, about=request.id)
    extension = next(one for one in company.store.requests.values() if one.parent == request.id)
    company.click(CLEO, ids.APPROVE, extension)


def test_the_time_is_over_at_the_moment_at_which_it_is_extended(company: Company) -> None:
    request = opened(company)
    company.clock.advance(3600)
    interrupt(company.store, "save_request", lambda: extended_meanwhile(company, request))
    assert step(company, "due", request) == {"outcome": "wait", "wait": 7200}
    assert company.now(request).state is State.active


def test_the_sweeper_comes_at_the_moment_at_which_it_is_extended(company: Company) -> None:
    request = opened(company)
    company.clock.advance(3600 + GRACE_SECONDS)
    interrupt(company.store, "save_grant", lambda: extended_meanwhile(company, request))
    assert company.sweep() == Counts()
    assert company.now(request).state is State.active
    assert company.is_open()


def test_extend_after_the_sweeper_has_revoked_extends_nothing(company: Company) -> None:
    request = opened(company)
    company.clock.advance(3600 + GRACE_SECONDS)
    interrupt(company.store, "save_request", lambda: extended_meanwhile(company, request))
    company.sweep()
    assert not company.is_open()
    assert company.now(request).state is State.ended
    (extension,) = [one for one in company.store.requests.values() if one.parent == request.id]
    assert extension.state is State.failed


def test_it_is_given_back_at_the_moment_at_which_it_is_opened(company: Company) -> None:
    request = prepared(company)
    step(company, "grant", request, account=PRODUCTION)
    interrupt(company.store, "save_request", lambda: press(company, ADA, ids.DONE, request))
    assert step(company, "granted", request) == {"outcome": "active", "wait": 1}
    assert "opened" not in company.trail(request)


# --- the decision ----------------------------------------------------------------------------------------------------


def test_refresh_of_request_that_changes_meanwhile_shows_the_newest(company: Company) -> None:
    request = company.asked()

    def withdrawn() -> None:
        by = company.now(request).requester
        change_request(company.store, request.id, lambda one: request_lifecycle.withdraw(one, by, company.clock()))

    interrupt(company.slack, "call", withdrawn)
    notifications.refresh(company.world, request.id)
    assert "took it back" in company.message(request)


def test_it_is_approved_at_the_moment_at_which_it_expires(company: Company) -> None:
    request = company.asked()
    company.player.stop(request.id)
    company.clock.advance(1799)

    def by_a_clock_that_is_behind() -> None:
        company.clock.advance(-1)
        press(company, CLEO, ids.APPROVE, request)
        company.clock.advance(1)

    company.clock.advance(1)
    interrupt(company.store, "save_request", by_a_clock_that_is_behind)
    assert step(company, "remind", request) == workflow_steps.APPROVED
    assert company.now(request).state is State.approved


def test_it_is_approved_at_the_moment_at_which_the_sweeper_lets_it_expire(company: Company) -> None:
    request = company.asked()
    company.player.stop(request.id)
    company.clock.advance(1800)

    def by_a_clock_that_is_behind() -> None:
        company.clock.advance(-1)
        press(company, CLEO, ids.APPROVE, request)
        company.clock.advance(1)

    interrupt(company.store, "save_request", by_a_clock_that_is_behind)
    company.sweep()
    assert company.now(request).state is State.approved


def test_it_is_approved_at_the_moment_at_which_others_are_called(company: Company) -> None:
    request = company.asked()
    company.player.stop(request.id)
    company.clock.advance(300)
    interrupt(company.store, "save_request", lambda: press(company, CLEO, ids.APPROVE, request))
    assert step(company, "remind", request) == workflow_steps.APPROVED
    assert "escalated" not in company.trail(request)


def test_it_is_prepared_at_the_moment_at_which_the_sweeper_takes_its_workflow_for_stopped(company: Company) -> None:
    request = company.asked()
    company.player.stop(request.id)
    press(company, CLEO, ids.APPROVE, request)
    company.clock.advance(GRACE_SECONDS)
    interrupt(company.store, "save_request", lambda: step(company, "prepare", request))
    company.sweep()
    assert company.now(request).state is State.granting
    assert grant_of(company, request).state == "planned"


# --- live sessions ---------------------------------------------------------------------------------------------------


def test_two_runs_for_the_same_grant_do_not_write_over_what_a_third_has_written() -> None:
    company = Company(ends_sessions=True)
    first, other = opened(company), opened(company, BEA)
    sessions = company.sessions

    busy: list[Request] = []

    def meanwhile() -> None:
        for request in (first, other):
            try:
                deny_sessions(company.world, sessions, grant_of(company, request))
            except BusyError:
                busy.append(request)

    interrupt(sessions, "write", meanwhile)
    deny_sessions(company.world, sessions, grant_of(company, first))
    for request in busy:
        deny_sessions(company.world, sessions, grant_of(company, request))
    assert ADA.user_id in sessions.content
    assert BEA.user_id in sessions.content


def unmanaged(company: Company) -> Request:
    """Have an assignment of an ended request come late and be seen once; return another request for the same."""
    taken_back(company, opened(company))
    company.center.assigned.add(Access(ADA.user_id, RDS, PRODUCTION))
    company.sweep()
    request = company.asked()
    company.player.stop(request.id)
    press(company, CLEO, ids.APPROVE, request)
    return request


def test_request_right_before_a_late_assignment_goes_keeps_it(company: Company) -> None:
    request = unmanaged(company)

    def grant() -> None:
        step(company, "prepare", request)
        step(company, "grant", request, account=PRODUCTION)

    interrupt(company.store, "claim_delivery", grant)
    company.sweep()
    assert company.is_open()


def test_request_while_a_late_assignment_goes_waits(company: Company) -> None:
    request = unmanaged(company)
    company.center.remove = Mock(return_value=Operation("o-1", Progress.in_progress))  # type: ignore[method-assign]
    company.sweep()
    company.center.remove.assert_called_once()
    step(company, "prepare", request)
    with pytest.raises(BusyError):
        step(company, "grant", request, account=PRODUCTION)
    company.center.assigned.clear()
    company.clock.advance(60)
    step(company, "grant", request, account=PRODUCTION)
    assert company.is_open()
