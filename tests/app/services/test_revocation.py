"""Revocations and their verification, and creations with transient failures."""

from dataclasses import replace

import pytest

from breakglass.app.aws.aws import AwsError
from breakglass.app.domain.grant_lifecycle import RELIST_SECONDS
from breakglass.app.domain.records import Access, GrantState, Request, State
from breakglass.app.domain.session_denials import SessionPolicyRefusedError
from breakglass.app.ports import BusyError, Operation, OperationStatus
from breakglass.app.services.provisioning import run_step
from breakglass.app.services.reconciler import GRACE_SECONDS
from breakglass.app.slack import ids
from localcloud.emulators.assignments import NO_ASSIGNEE, PROPAGATION, UNEXPECTED
from tests.app.domain.policies import ADA, CLEO, PRODUCTION, RDS, SETTINGS, policy
from tests.app.services.fake_workspace import FakeWorkspace


def state(workspace: FakeWorkspace, request: Request) -> GrantState:
    grant = workspace.store.grant(request.id, PRODUCTION)
    assert grant is not None
    return grant.state


# --- a list that is late ---------------------------------------------------------------------------------------------


def test_revoke_after_a_deletion_needs_one_list(workspace: FakeWorkspace) -> None:
    request = workspace.grant_access()
    workspace.click(ADA, ids.DONE, request)
    assert workspace.reload(request).state is State.ended
    assert len(workspace.center.deleted) == 1


def test_revoke_of_an_unlisted_one_waits_for_a_second_list(workspace: FakeWorkspace) -> None:
    request = workspace.grant_access()
    workspace.center.assigned.clear()
    workspace.click(ADA, ids.DONE, request)
    assert workspace.reload(request).state is State.revoking
    workspace.runner.pass_time(RELIST_SECONDS - 1)
    assert workspace.reload(request).state is State.revoking
    workspace.runner.pass_time(60)
    assert workspace.reload(request).state is State.ended


def test_revoke_that_deleted_nothing_waits_for_a_second_list(workspace: FakeWorkspace) -> None:
    request = workspace.grant_access()
    workspace.center.polls = 1
    workspace.center.unlisted = 1
    workspace.center.deletion = lambda _: Operation("", OperationStatus.succeeded)  # type: ignore[method-assign]
    workspace.click(ADA, ids.DONE, request)
    workspace.runner.pass_time(RELIST_SECONDS - 1)
    assert workspace.reload(request).state is State.revoking


def test_verify_of_a_late_assignment_deletes_it_again(workspace: FakeWorkspace) -> None:
    request = workspace.grant_access()
    late = [Access(ADA.user_id, RDS, PRODUCTION)]

    def comes_late(call: str, done: bool) -> None:
        if call == "is_assigned" and late:
            workspace.center.assigned.add(late.pop())

    workspace.center.trouble = comes_late
    workspace.click(ADA, ids.DONE, request)
    workspace.runner.pass_time(60)
    assert not workspace.is_open()
    assert workspace.reload(request).state is State.ended
    assert len(workspace.center.deleted) == 2


def test_rollback_of_a_created_assignment_deletes_it_unlisted(workspace: FakeWorkspace) -> None:
    request = workspace.request_access()

    def killed(step: str, done: bool) -> None:
        # The creation succeeds, and every step that looks at it is killed first.
        if step == "poll_grant":
            raise RuntimeError("killed")
        workspace.center.polls = 1 if step == "grant" else 0

    workspace.runner.trouble = killed
    workspace.center.unlisted = 2
    workspace.click(CLEO, ids.APPROVE, request)
    workspace.runner.pass_time(600)
    assert not workspace.is_open()
    assert workspace.center.deleted
    assert state(workspace, request) is GrantState.failed


@pytest.mark.parametrize("call", ["creation", "deletion"])
def test_revoke_ends_where_the_status_of_an_operation_is_refused(workspace: FakeWorkspace, call: str) -> None:
    request = workspace.request_access()
    workspace.center.polls = 1
    workspace.click(CLEO, ids.APPROVE, request)
    if call == "deletion":
        workspace.runner.pass_time(10)

    def refused(asked: str, done: bool) -> None:
        if asked == call:
            raise AwsError("AccessDeniedException", "", 400)

    workspace.center.trouble = refused
    workspace.center.polls = 0
    workspace.click(ADA, ids.DONE, request)
    workspace.runner.pass_time(1500)
    assert not workspace.is_open()
    assert workspace.reload(request).state is State.ended


# --- a set that left the stack file ----------------------------------------------------------------------------------


def test_reconcile_revokes_a_grant_whose_set_left_the_stack_file() -> None:
    workspace = FakeWorkspace(ends_sessions=True)
    request = workspace.grant_access()
    workspace.runner.stop(request.id)
    workspace.center.sets = frozenset()
    workspace.context = replace(workspace.context, policy=replace(workspace.context.policy, sets={}))
    workspace.clock.advance(3600 + GRACE_SECONDS)
    counts = workspace.reconcile()
    assert not workspace.is_open()
    assert (counts.late, counts.failures) == (0, 0)
    assert ADA.user_id in workspace.sessions.content


def test_prepare_for_a_set_that_left_fails_the_request(workspace: FakeWorkspace) -> None:
    request = workspace.request_access()
    workspace.runner.stop(request.id)
    workspace.click(CLEO, ids.APPROVE, request)
    workspace.deploy_policy(policy(sets={}))
    assert run_step(workspace.context, {"step": "prepare", "request": request.id}) == {"accounts": []}
    assert workspace.reload(request).state is State.failed
    assert "stack file" in workspace.reload(request).note
    assert workspace.store.grants(request.id) == ()


def test_prepare_stores_the_arn_of_the_set(workspace: FakeWorkspace) -> None:
    request = workspace.grant_access()
    grant = workspace.store.grant(request.id, PRODUCTION)
    assert grant is not None
    assert grant.set_arn == workspace.context.policy.sets[RDS].arn


# --- creations that fail for a moment --------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", [UNEXPECTED, PROPAGATION])
def test_creation_with_a_transient_failure_is_retried(workspace: FakeWorkspace, reason: str) -> None:
    workspace.center.failures = [reason, reason]
    request = workspace.grant_access()
    workspace.runner.pass_time(60)
    assert workspace.is_open()
    assert workspace.reload(request).state is State.active
    assert len(workspace.center.created) == 3
    grant = workspace.store.grant(request.id, PRODUCTION)
    assert grant is not None
    assert grant.failure == ""


def test_creation_that_keeps_failing_ends_with_the_reason(workspace: FakeWorkspace) -> None:
    workspace.center.failure = UNEXPECTED
    request = workspace.grant_access()
    workspace.runner.pass_time(1200)
    assert workspace.reload(request).state is State.failed
    assert UNEXPECTED in workspace.message_text(request)


def test_creation_with_a_permanent_failure_is_not_retried(workspace: FakeWorkspace) -> None:
    workspace.center.failure = NO_ASSIGNEE
    request = workspace.grant_access()
    assert workspace.reload(request).state is State.failed
    assert len(workspace.center.created) == 1


def test_creation_above_a_quota_says_so(workspace: FakeWorkspace) -> None:
    def full(call: str, done: bool) -> None:
        if call == "create":
            raise BusyError("CreateAccountAssignment: ServiceQuotaExceededException")

    workspace.center.trouble = full
    request = workspace.grant_access()
    assert "ServiceQuotaExceededException" in workspace.store.grants(request.id)[0].failure
    workspace.runner.pass_time(900)
    assert workspace.reload(request).state is State.failed
    assert "ServiceQuotaExceededException" in workspace.message_text(request)


# --- live sessions ---------------------------------------------------------------------------------------------------


def test_ended_message_changes_once_the_deny_is_written() -> None:
    workspace = FakeWorkspace(policy(settings=replace(SETTINGS, session_policy_id="p-1")), ends_sessions=True)
    request = workspace.grant_access()
    whole = workspace.sessions.content
    workspace.sessions.content = "not a policy"
    workspace.click(ADA, ids.DONE, request)
    workspace.reconcile()
    assert "Not cut off" in workspace.message_text(request)
    assert workspace.reconcile().undenied == 1
    workspace.sessions.content = whole
    assert workspace.reconcile().undenied == 0
    assert "Sessions that were open are cut off" in workspace.message_text(request)
    assert "sessions_not_denied" in workspace.trail_events(request)


def test_reconcile_without_time_counts_undenied_sessions() -> None:
    workspace = FakeWorkspace(ends_sessions=True)
    request = workspace.grant_access()
    workspace.sessions.content = "not a policy"
    workspace.click(ADA, ids.DONE, request)
    late = workspace.grant_access()
    workspace.runner.stop(late.id)
    workspace.clock.advance(3600 + GRACE_SECONDS)
    (ended,) = workspace.store.grants(request.id)
    workspace.store.save_grant(replace(ended, deny_until=workspace.clock() + 3600))

    def slow(call: str, done: bool) -> None:
        workspace.clock.advance(100)

    workspace.center.trouble = slow
    assert workspace.reconcile().undenied == 1


def test_reconcile_counts_no_undenied_session_that_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = FakeWorkspace(ends_sessions=True)
    request = workspace.grant_access()
    workspace.sessions.content = "not a policy"
    workspace.click(ADA, ids.DONE, request)
    workspace.runner.stop(request.id)
    assert workspace.reconcile().undenied == 1

    def refused() -> str:
        raise SessionPolicyRefusedError("DescribePolicy: AccessDeniedException")

    monkeypatch.setattr(workspace.sessions, "read", refused)
    workspace.clock.advance(12 * 3600)
    counts = workspace.reconcile()
    assert (counts.undenied, counts.failures) == (0, 1)


def test_reconcile_without_end_sessions_clears_a_stored_deny() -> None:
    workspace = FakeWorkspace(ends_sessions=True)
    request = workspace.grant_access()
    workspace.click(ADA, ids.DONE, request)
    assert list(workspace.store.live_grants())
    workspace.runner.stop(request.id)
    workspace.context = replace(workspace.context, session_policy=None)
    workspace.reconcile()
    assert list(workspace.store.live_grants()) == []


# --- a request that can't be read or written -------------------------------------------------------------------------


def test_abandon_of_an_unreadable_request_names_its_accounts(workspace: FakeWorkspace) -> None:
    request = workspace.grant_access()
    workspace.store.unreadable.add(request.id)
    assert run_step(workspace.context, {"step": "abandon", "request": request.id, "error": "x"}) == {
        "accounts": [PRODUCTION]
    }


def test_abandon_with_an_unreachable_store_raises(workspace: FakeWorkspace, monkeypatch: pytest.MonkeyPatch) -> None:
    request = workspace.grant_access()

    def away(*_: object) -> bool:
        raise AwsError("InternalServerError", "", 500)

    monkeypatch.setattr(workspace.store, "save_request", away)
    with pytest.raises(AwsError):
        run_step(workspace.context, {"step": "abandon", "request": request.id, "error": "x"})


def test_abandon_tells_the_code_of_a_permanent_refusal(workspace: FakeWorkspace) -> None:
    request = workspace.grant_access()
    cause = '{"errorMessage": "not_in_channel", "errorType": "PermanentError"}'
    run_step(workspace.context, {"step": "abandon", "request": request.id, "error": "PermanentError", "cause": cause})
    assert workspace.reload(request).note == "The workflow failed (not_in_channel)."
