"""What is taken back, and when that is believed; and creations that fail for a moment only."""

from dataclasses import replace

import pytest

from breakglass.app.aws.aws import AwsError
from breakglass.app.domain.grant_lifecycle import RELIST_SECONDS
from breakglass.app.domain.records import Access, GrantState, Request, State
from breakglass.app.domain.session_denials import SessionPolicyRefusedError
from breakglass.app.ports import BusyError, Operation, Progress
from breakglass.app.services.provisioning import step
from breakglass.app.services.reconciler import GRACE_SECONDS
from breakglass.app.slack import ids
from localcloud.emulators.assignments import NO_ASSIGNEE, PROPAGATION, UNEXPECTED
from tests.app.domain.policies import ADA, CLEO, PRODUCTION, RDS, SETTINGS, policy
from tests.app.services.company import Company


@pytest.fixture
def company() -> Company:
    return Company()


def opened(company: Company) -> Request:
    request = company.asked()
    company.click(CLEO, ids.APPROVE, request)
    return company.now(request)


def state(company: Company, request: Request) -> GrantState:
    grant = company.store.grant(request.id, PRODUCTION)
    assert grant is not None
    return grant.state


# --- a list that is late ---------------------------------------------------------------------------------------------


def test_revoke_after_a_deletion_needs_one_list(company: Company) -> None:
    request = opened(company)
    company.click(ADA, ids.DONE, request)
    assert company.now(request).state is State.ended
    assert len(company.center.deleted) == 1


def test_revoke_of_what_is_not_listed_waits_for_a_second_list(company: Company) -> None:
    request = opened(company)
    company.center.assigned.clear()
    company.click(ADA, ids.DONE, request)
    assert company.now(request).state is State.revoking
    company.player.pass_time(RELIST_SECONDS - 1)
    assert company.now(request).state is State.revoking
    company.player.pass_time(60)
    assert company.now(request).state is State.ended


def test_revoke_whose_deletion_found_nothing_waits_for_a_second_list(company: Company) -> None:
    request = opened(company)
    company.center.polls = 1
    company.center.unlisted = 1
    company.center.deletion = lambda _: Operation("", Progress.succeeded)  # type: ignore[method-assign]
    company.click(ADA, ids.DONE, request)
    company.player.pass_time(RELIST_SECONDS - 1)
    assert company.now(request).state is State.revoking


def test_verify_of_what_came_back_has_it_deleted_again(company: Company) -> None:
    request = opened(company)
    late = [Access(ADA.user_id, RDS, PRODUCTION)]

    def comes_late(call: str, done: bool) -> None:
        if call == "is_assigned" and late:
            company.center.assigned.add(late.pop())

    company.center.trouble = comes_late
    company.click(ADA, ids.DONE, request)
    company.player.pass_time(60)
    assert not company.is_open()
    assert company.now(request).state is State.ended
    assert len(company.center.deleted) == 2


def test_take_back_of_what_was_made_deletes_it_unlisted(company: Company) -> None:
    request = company.asked()

    def killed(step: str, done: bool) -> None:
        # The creation succeeds, and every step that looks at it is killed first.
        if step == "granting":
            raise RuntimeError("killed")
        company.center.polls = 1 if step == "grant" else 0

    company.player.trouble = killed
    company.center.unlisted = 2
    company.click(CLEO, ids.APPROVE, request)
    company.player.pass_time(600)
    assert not company.is_open()
    assert company.center.deleted
    assert state(company, request) is GrantState.failed


@pytest.mark.parametrize("call", ["creation", "deletion"])
def test_revoke_ends_where_the_status_of_an_operation_is_refused(company: Company, call: str) -> None:
    request = company.asked()
    company.center.polls = 1
    company.click(CLEO, ids.APPROVE, request)
    if call == "deletion":
        company.player.pass_time(10)

    def refused(asked: str, done: bool) -> None:
        if asked == call:
            raise AwsError("AccessDeniedException", "", 400)

    company.center.trouble = refused
    company.center.polls = 0
    company.click(ADA, ids.DONE, request)
    company.player.pass_time(1500)
    assert not company.is_open()
    assert company.now(request).state is State.ended


# --- a set that left the stack file ----------------------------------------------------------------------------------


def test_sweep_revokes_a_grant_whose_set_left_the_stack_file() -> None:
    company = Company(ends_sessions=True)
    request = opened(company)
    company.player.stop(request.id)
    company.center.sets = frozenset()
    company.world = replace(company.world, policy=replace(company.world.policy, sets={}))
    company.clock.advance(3600 + GRACE_SECONDS)
    counts = company.sweep()
    assert not company.is_open()
    assert (counts.late, counts.failures) == (0, 0)
    assert ADA.user_id in company.sessions.content


def test_prepare_for_a_set_that_left_fails_the_request(company: Company) -> None:
    request = company.asked()
    company.player.stop(request.id)
    company.click(CLEO, ids.APPROVE, request)
    company.adopt(policy(sets={}))
    assert step(company.world, {"step": "prepare", "request": request.id}) == {"accounts": []}
    assert company.now(request).state is State.failed
    assert "stack file" in company.now(request).note
    assert company.store.grants(request.id) == ()


def test_prepare_stores_the_arn_of_the_set(company: Company) -> None:
    request = opened(company)
    grant = company.store.grant(request.id, PRODUCTION)
    assert grant is not None
    assert grant.set_arn == company.world.policy.sets[RDS].arn


# --- creations that fail for a moment --------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", [UNEXPECTED, PROPAGATION])
def test_creation_that_fails_for_a_moment_is_asked_for_again(company: Company, reason: str) -> None:
    company.center.failures = [reason, reason]
    request = opened(company)
    company.player.pass_time(60)
    assert company.is_open()
    assert company.now(request).state is State.active
    assert len(company.center.created) == 3
    grant = company.store.grant(request.id, PRODUCTION)
    assert grant is not None
    assert grant.failure == ""


def test_creation_that_goes_on_failing_ends_with_the_reason(company: Company) -> None:
    company.center.failure = UNEXPECTED
    request = opened(company)
    company.player.pass_time(1200)
    assert company.now(request).state is State.failed
    assert UNEXPECTED in company.message(request)


def test_creation_that_fails_for_good_is_asked_for_once(company: Company) -> None:
    company.center.failure = NO_ASSIGNEE
    request = opened(company)
    assert company.now(request).state is State.failed
    assert len(company.center.created) == 1


def test_creation_hindered_by_a_quota_says_so(company: Company) -> None:
    def full(call: str, done: bool) -> None:
        if call == "create":
            raise BusyError("CreateAccountAssignment: ServiceQuotaExceededException")

    company.center.trouble = full
    request = opened(company)
    assert "ServiceQuotaExceededException" in company.store.grants(request.id)[0].failure
    company.player.pass_time(900)
    assert company.now(request).state is State.failed
    assert "ServiceQuotaExceededException" in company.message(request)


# --- live sessions ---------------------------------------------------------------------------------------------------


def test_ended_message_changes_once_the_deny_is_written() -> None:
    company = Company(policy(settings=replace(SETTINGS, session_policy_id="p-1")), ends_sessions=True)
    request = opened(company)
    whole = company.sessions.content
    company.sessions.content = "not a policy"
    company.click(ADA, ids.DONE, request)
    company.sweep()
    assert "Not cut off" in company.message(request)
    assert company.sweep().undenied == 1
    company.sessions.content = whole
    assert company.sweep().undenied == 0
    assert "Sessions that were open are cut off" in company.message(request)
    assert "sessions_not_denied" in company.trail(request)


def test_sweep_without_time_still_counts_undenied_sessions() -> None:
    company = Company(ends_sessions=True)
    request = opened(company)
    company.sessions.content = "not a policy"
    company.click(ADA, ids.DONE, request)
    late = opened(company)
    company.player.stop(late.id)
    company.clock.advance(3600 + GRACE_SECONDS)
    (ended,) = company.store.grants(request.id)
    company.store.save_grant(replace(ended, deny_until=company.clock() + 3600))

    def slow(call: str, done: bool) -> None:
        company.clock.advance(100)

    company.center.trouble = slow
    assert company.sweep().undenied == 1


def test_sweep_counts_no_undenied_session_that_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    company = Company(ends_sessions=True)
    request = opened(company)
    company.sessions.content = "not a policy"
    company.click(ADA, ids.DONE, request)
    company.player.stop(request.id)
    assert company.sweep().undenied == 1

    def refused() -> str:
        raise SessionPolicyRefusedError("DescribePolicy: AccessDeniedException")

    monkeypatch.setattr(company.sessions, "read", refused)
    company.clock.advance(12 * 3600)
    counts = company.sweep()
    assert (counts.undenied, counts.failures) == (0, 1)


def test_sweep_without_end_sessions_forgets_a_stored_deny() -> None:
    company = Company(ends_sessions=True)
    request = opened(company)
    company.click(ADA, ids.DONE, request)
    assert list(company.store.live_grants())
    company.player.stop(request.id)
    company.world = replace(company.world, sessions=None)
    company.sweep()
    assert list(company.store.live_grants()) == []


# --- a request that can't be read or written -------------------------------------------------------------------------


def test_abandon_of_an_unreadable_request_names_its_accounts(company: Company) -> None:
    request = opened(company)
    company.store.unreadable.add(request.id)
    assert step(company.world, {"step": "abandon", "request": request.id, "error": "x"}) == {"accounts": [PRODUCTION]}


def test_abandon_waits_for_a_store_that_is_away(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    request = opened(company)

    def away(*_: object) -> bool:
        raise AwsError("InternalServerError", "", 500)

    monkeypatch.setattr(company.store, "save_request", away)
    with pytest.raises(AwsError):
        step(company.world, {"step": "abandon", "request": request.id, "error": "x"})


def test_abandon_tells_the_code_of_a_permanent_refusal(company: Company) -> None:
    request = opened(company)
    cause = '{"errorMessage": "not_in_channel", "errorType": "PermanentError"}'
    step(company.world, {"step": "abandon", "request": request.id, "error": "PermanentError", "cause": cause})
    assert company.now(request).note == "The workflow could not go on (not_in_channel)."
