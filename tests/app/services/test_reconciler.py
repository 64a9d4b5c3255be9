"""The reconciler: its findings and repairs in any state of the workflow."""

from dataclasses import replace

import pytest

from breakglass.app.domain import session_denials
from breakglass.app.domain.people import Person
from breakglass.app.domain.policy import Principal, StandingAssignment, UnmanagedAssignments
from breakglass.app.domain.records import Access, Request, State
from breakglass.app.ports import BusyError, Operation
from breakglass.app.services import dispatch
from breakglass.app.services.reconciler import GRACE_SECONDS
from breakglass.app.services.reconciler_run import Counts
from breakglass.app.services.unmanaged import OWN_SECONDS
from breakglass.app.slack import ids
from breakglass.app.slack.payloads import HomeOpened
from tests.app.domain.policies import (
    ADA,
    BEA,
    CLEO,
    DATABASES,
    PRODUCTION,
    RDS,
    SETTINGS,
    STAGING,
    group,
    policy,
    user,
)
from tests.app.services.fake_workspace import CHANNEL, FakeWorkspace

LATE = 3600 + GRACE_SECONDS


def opened(workspace: FakeWorkspace, person: Person = ADA) -> Request:
    """Return open access whose execution is stopped by hand."""
    request = workspace.grant_access(person)
    workspace.runner.stop(request.id)
    return request


def test_reconcile_revokes_overdue_access_without_a_workflow(workspace: FakeWorkspace) -> None:
    request = opened(workspace)
    workspace.clock.advance(3599)
    workspace.reconcile()
    assert workspace.is_open(), "its time is not over"
    workspace.clock.advance(1 + GRACE_SECONDS)
    assert workspace.reconcile().late == 0
    assert not workspace.is_open()
    assert workspace.reload(request).state is State.ended
    assert workspace.trail_events(request)[-4:] == ["revoke_begun", "revoked", "run_out", "closed"]


def test_reconcile_after_machine_replaced_revokes_open_access(workspace: FakeWorkspace) -> None:
    request = workspace.grant_access()
    workspace.runner.replace_machine()
    workspace.reconcile()
    assert workspace.is_open(), "its time is not over"
    workspace.clock.advance(LATE)
    workspace.reconcile()
    assert not workspace.is_open()
    assert workspace.reload(request).state is State.ended
    assert workspace.trail_events(request)[-4:] == ["revoke_begun", "revoked", "run_out", "closed"]


def test_reconcile_after_machine_replaced_ends_an_ended_request(workspace: FakeWorkspace) -> None:
    request = workspace.grant_access()
    workspace.runner.replace_machine()
    workspace.click(ADA, ids.DONE, request)
    workspace.reconcile()
    assert not workspace.is_open()
    assert workspace.reload(request).state is State.ended


def test_reconcile_after_machine_replaced_restarts_pending(workspace: FakeWorkspace) -> None:
    request = workspace.request_access()
    workspace.runner.replace_machine()
    workspace.clock.advance(GRACE_SECONDS)
    workspace.reconcile()
    workspace.runner.run()
    workspace.click(CLEO, ids.APPROVE, request)
    assert workspace.is_open()
    assert workspace.reload(request).state is State.active


def test_refused_revocation_is_counted_and_retried(workspace: FakeWorkspace) -> None:
    request = opened(workspace)
    workspace.clock.advance(LATE)

    def busy(call: str, done: bool) -> None:
        if call == "delete":
            raise BusyError("ThrottlingException")

    workspace.center.trouble = busy
    assert workspace.reconcile().late == 1
    assert workspace.is_open()
    workspace.center.trouble = lambda call, done: None
    workspace.reconcile()
    assert not workspace.is_open()
    assert workspace.reload(request).state is State.ended


def test_reconcile_with_a_failing_part_runs_the_others(workspace: FakeWorkspace) -> None:
    opened(workspace)
    workspace.clock.advance(LATE)
    workspace.workflow.failure = RuntimeError("Step Functions is down")
    assert workspace.reconcile().failures == 1
    assert not workspace.is_open()


def test_reconcile_with_a_failing_grant_revokes_the_others(
    workspace: FakeWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = opened(workspace), opened(workspace, BEA)

    def broken(access: Access, _: str) -> bool:
        if access.user_id == ADA.user_id:
            raise RuntimeError("an unexpected response")
        return access in workspace.center.assigned

    workspace.clock.advance(LATE)
    monkeypatch.setattr(workspace.center, "is_assigned", broken)
    assert workspace.reconcile().failures > 0
    assert workspace.reload(second).state is State.ended
    assert workspace.reload(first).state is not State.ended


def test_reconcile_with_an_unreadable_request_revokes_its_grants(workspace: FakeWorkspace) -> None:
    request = opened(workspace)
    workspace.clock.advance(LATE)
    workspace.store.unreadable.add(request.id)
    counts = workspace.reconcile()
    assert not workspace.is_open()
    assert (counts.late, counts.failures > 0) == (0, True)


def test_reconcile_with_an_unwritable_request_revokes_its_grants(
    workspace: FakeWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(workspace)
    workspace.clock.advance(LATE)

    def too_large(*_: object) -> bool:
        raise RuntimeError("Item size has exceeded the maximum allowed size")

    monkeypatch.setattr(workspace.store, "save_request", too_large)
    counts = workspace.reconcile()
    assert not workspace.is_open()
    assert (counts.late, counts.failures > 0) == (0, True)


def test_reconcile_with_an_unreadable_grant_revokes_the_others(workspace: FakeWorkspace) -> None:
    first, second = opened(workspace), opened(workspace, BEA)
    workspace.clock.advance(LATE)
    workspace.store.unreadable.add(f"{first.id} {PRODUCTION}")
    assert workspace.reconcile().failures > 0
    assert not workspace.is_open(BEA)
    assert workspace.reload(second).state is State.ended


def test_reconcile_starts_every_deletion_before_any_message(workspace: FakeWorkspace) -> None:
    first, second = opened(workspace), opened(workspace, BEA)
    workspace.clock.advance(LATE)
    told: list[bool] = []
    workspace.slack.watch = lambda: told.append(workspace.is_open(ADA) or workspace.is_open(BEA))
    workspace.reconcile()
    assert told
    assert not any(told)
    assert {workspace.reload(request).state for request in (first, second)} == {State.ended}


def test_reconcile_without_time_posts_the_rest_in_the_next_run(workspace: FakeWorkspace) -> None:
    requests = [opened(workspace), opened(workspace, BEA)]
    workspace.clock.advance(LATE)
    workspace.slack.fail("*", "timeout", times=None)
    workspace.slack.watch = lambda: workspace.clock.advance(130)
    began = workspace.clock()
    assert workspace.reconcile().late == 0
    assert workspace.clock() - began < 300, "the function's time"
    assert all(workspace.reload(request).message_stale for request in requests)
    workspace.slack.heal()
    workspace.slack.watch = lambda: None
    workspace.reconcile()
    assert all("Ended" in workspace.message_text(request) for request in requests)


def test_search_with_one_broken_account_searches_the_others(
    workspace: FakeWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = workspace.center.assignments

    def suspended(permission_set: str, account: str) -> tuple[Principal, ...]:
        if account == PRODUCTION:
            raise RuntimeError("AccessDeniedException")
        return listed(permission_set, account)

    for account in (PRODUCTION, STAGING):
        workspace.center.assigned.add(Access("u-mallory", RDS, account))
    monkeypatch.setattr(workspace.center, "assignments", suspended)
    counts = workspace.reconcile()
    assert (counts.unmanaged, counts.failures) == (1, 1)
    (failed,) = [fields for event, fields in workspace.log.lines if event == "reconcile_failed"]
    assert failed["what"] == f"{RDS} {PRODUCTION}"


def test_reconcile_starts_new_deletions_first(workspace: FakeWorkspace) -> None:
    opened(workspace)
    workspace.clock.advance(600)
    opened(workspace, BEA)
    workspace.center.polls = 5
    workspace.clock.advance(LATE - 600)
    assert workspace.reconcile().late == 1
    workspace.clock.advance(600)
    asked: list[str] = []
    workspace.center.trouble = lambda call, done: asked.append(call)
    workspace.reconcile()
    assert next(call for call in asked if call in ("delete", "deletion")) == "delete"


def test_reconcile_that_cannot_list_grants_counts_none(
    workspace: FakeWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("DynamoDB is down")

    monkeypatch.setattr(workspace.store, "live_grants", broken)
    assert workspace.reconcile() == Counts(failures=2, unknown=frozenset({"late", "undenied", "unmanaged"}))


@pytest.mark.parametrize("later", [0, LATE], ids=["ended by a click", "late"])
def test_reconcile_of_many_hanging_accounts_ends_in_time(later: int) -> None:
    accounts = tuple(f"{number:012}" for number in range(50))
    workspace = FakeWorkspace(policy(replace(DATABASES, accounts=accounts), accounts=dict.fromkeys(accounts, "one")))
    request = workspace.grant_access(accounts=accounts)
    workspace.runner.stop(request.id)
    if not later:
        workspace.click(ADA, ids.DONE, request)
    workspace.clock.advance(later)

    def hangs(call: str, done: bool) -> None:
        workspace.clock.advance(20)
        raise BusyError("Timeout")

    workspace.center.trouble = hangs
    began = workspace.clock()
    workspace.reconcile()
    assert workspace.clock() - began < 240, "the function has 300 s, and people are still to be told"


def test_reconcile_expires_an_overdue_request(workspace: FakeWorkspace) -> None:
    request = workspace.request_access()
    workspace.runner.stop(request.id)
    workspace.clock.advance(1800 + GRACE_SECONDS)
    assert workspace.reconcile().stuck == 1
    assert workspace.reload(request).state is State.expired
    assert "Expired" in workspace.message_text(request)


def test_reconcile_starts_a_workflow_that_never_started(workspace: FakeWorkspace) -> None:
    workspace.workflow.failure = RuntimeError("Step Functions is down")
    with pytest.raises(RuntimeError):
        workspace.try_request()
    workspace.workflow.failure = None
    (request,) = workspace.store.requests.values()
    workspace.clock.advance(GRACE_SECONDS)
    workspace.reconcile()
    workspace.runner.run()
    workspace.click(CLEO, ids.APPROVE, request)
    assert workspace.is_open()


def test_approval_that_could_not_wake_the_workflow_is_resumed(workspace: FakeWorkspace) -> None:
    request = workspace.request_access()
    workspace.workflow.failure = RuntimeError("Step Functions is down")
    with pytest.raises(RuntimeError):
        workspace.click(CLEO, ids.APPROVE, request)
    workspace.workflow.failure = None
    assert workspace.reload(request).state is State.approved
    workspace.clock.advance(GRACE_SECONDS)
    workspace.reconcile()
    workspace.runner.run()
    assert workspace.is_open()


def test_request_with_a_workflow_stopped_before_grants_fails(workspace: FakeWorkspace) -> None:
    request = workspace.request_access()
    workspace.runner.stop(request.id)
    workspace.clock.advance(GRACE_SECONDS)
    workspace.reconcile()
    assert workspace.reload(request).state is State.failed
    assert "workflow was stopped" in workspace.message_text(request)


def test_stale_message_is_refreshed_when_slack_is_back(workspace: FakeWorkspace) -> None:
    request = workspace.request_access()
    workspace.slack.fail("chat.update", "is_archived", times=None)
    workspace.click(CLEO, ids.APPROVE, request)
    workspace.reconcile()
    assert "requested" in workspace.message_text(request), "Slack takes nothing"
    workspace.slack.heal()
    workspace.reconcile()
    assert "Active until" in workspace.message_text(request)
    calls = len(workspace.slack.calls)
    workspace.reconcile()
    assert len(workspace.slack.calls) == calls, "it shows the newest state by now"


def test_stale_message_of_an_ended_request_is_refreshed(
    workspace: FakeWorkspace,
) -> None:
    request = workspace.request_access()
    workspace.slack.fail("chat.update", "unreachable", times=None)
    workspace.click(ADA, ids.WITHDRAW, request)
    workspace.slack.heal()
    dispatch.handle_interaction(workspace.context, HomeOpened(workspace.actor(ADA)), None)
    assert f"'action_id': '{ids.WITHDRAW}'" not in str(workspace.slack.homes["UADA"])
    workspace.reconcile()
    assert "withdrew it" in workspace.message_text(request)
    assert list(workspace.store.open_requests()) == []


def test_stale_message_that_slack_always_refuses_is_given_up(workspace: FakeWorkspace) -> None:
    request = workspace.request_access()
    workspace.slack.fail("chat.update", "not_in_channel", times=None)
    workspace.click(ADA, ids.WITHDRAW, request)
    workspace.clock.advance(7 * 86_400 - 1)
    workspace.reconcile()
    assert [request.id for request in workspace.store.open_requests()] == [request.id], "a week long it is tried again"
    workspace.clock.advance(1)
    workspace.reconcile()
    assert list(workspace.store.open_requests()) == []


@pytest.mark.parametrize("code", ["message_not_found", "cant_update_message"])
def test_message_that_is_gone_is_not_updated_again(workspace: FakeWorkspace, code: str) -> None:
    request = workspace.request_access()
    workspace.slack.fail("chat.update", code, times=None)
    workspace.click(ADA, ids.WITHDRAW, request)
    assert list(workspace.store.open_requests()) == []
    calls = len(workspace.slack.calls)
    workspace.reconcile()
    assert len(workspace.slack.calls) == calls


def test_reconcile_posts_its_revocations_at_once(workspace: FakeWorkspace) -> None:
    request = opened(workspace)
    workspace.clock.advance(LATE)
    workspace.center.polls = 5
    workspace.reconcile()
    assert "The access time ended" in workspace.message_text(request)
    assert "It is being revoked." in workspace.message_text(request)


def full_policy() -> str:
    """Return a policy that has no room for one more."""
    content = session_denials.render_policy()
    for number in range(100):
        access = Access(f"90670f5f0d-00000000-0000-0000-0000-{number:012}", RDS, PRODUCTION)
        try:
            content = session_denials.add_denial(
                content, session_denials.SessionDenial(f"r-{number:016x}", access, 1_764_000_000, "aws")
            )
        except session_denials.SessionPolicyFullError:
            return content
    raise AssertionError("there was room for a hundred")


@pytest.mark.parametrize("content", ["not a policy", full_policy()], ids=["edited by hand", "full"])
def test_request_ends_if_the_policy_refuses_the_deny(content: str) -> None:
    workspace = FakeWorkspace(ends_sessions=True)
    request = workspace.grant_access()
    workspace.sessions.write(content)
    workspace.click(ADA, ids.DONE, request)
    assert workspace.reload(request).state is State.ended
    workspace.runner.pass_time(4000)
    workspace.reconcile()
    assert workspace.runner.failed == []


def test_unmanaged_report_not_accepted_is_posted_by_the_next_run(workspace: FakeWorkspace) -> None:
    workspace.center.assigned.add(Access("u-mallory", RDS, PRODUCTION))
    workspace.slack.fail("chat.postMessage", "timeout", times=None)
    workspace.reconcile()
    workspace.slack.heal()
    for _ in range(3):
        workspace.clock.advance(300)
        workspace.reconcile()
    (message,) = workspace.slack.posted(CHANNEL)
    assert "u-mallory" in message.text
    assert [entry.event for entry in workspace.store.trail] == ["unrecorded_found"]


def test_unmanaged_assignment_is_reported_once_and_counted(workspace: FakeWorkspace) -> None:
    workspace.center.assigned.add(Access("u-mallory", RDS, PRODUCTION))
    assert workspace.reconcile() == Counts(unmanaged=1)
    assert workspace.reconcile() == Counts(unmanaged=1)
    (message,) = workspace.slack.posted(CHANNEL)
    assert "u-mallory" in message.text
    assert [entry.event for entry in workspace.store.trail] == ["unrecorded_found"]
    assert workspace.center.assigned


def test_unmanaged_assignment_is_revoked_if_the_stack_says_so() -> None:
    workspace = FakeWorkspace(policy(settings=replace(SETTINGS, unmanaged=UnmanagedAssignments.revoke)))
    workspace.center.assigned.add(Access("u-mallory", RDS, PRODUCTION))
    workspace.center.groups.add(("g-everybody", RDS, PRODUCTION))
    assert workspace.reconcile().unmanaged == 2
    assert workspace.center.assigned, "it may be what a deployment has just made"
    assert workspace.reconcile().unmanaged == 2
    assert not workspace.center.assigned
    assert not workspace.center.groups
    found, revoked = ["unrecorded_found"] * 2, ["unrecorded_revoke_begun"] * 2
    assert [entry.event for entry in workspace.store.trail] == [*found, *revoked]
    assert workspace.reconcile().unmanaged == 0


def test_search_revokes_its_own_late_assignment_under_report(workspace: FakeWorkspace) -> None:
    request = opened(workspace)
    workspace.runner.run()
    workspace.clock.advance(LATE)
    workspace.reconcile()
    assert workspace.reload(request).state is State.ended
    workspace.center.assigned.add(Access(ADA.user_id, RDS, PRODUCTION))
    assert workspace.reconcile().unmanaged == 1
    assert workspace.is_open(), "not at first sight"
    assert workspace.reconcile().unmanaged == 1
    assert not workspace.is_open()
    assert workspace.reconcile().unmanaged == 0
    (message,) = [message for message in workspace.slack.posted(CHANNEL) if "came late" in message.text]
    assert "revoked when the search meets it again" in message.text


def test_search_leaves_what_was_held_long_ago_under_report(workspace: FakeWorkspace) -> None:
    opened(workspace)
    workspace.clock.advance(LATE)
    workspace.reconcile()
    workspace.clock.advance(OWN_SECONDS)
    workspace.center.assigned.add(Access(ADA.user_id, RDS, PRODUCTION))
    workspace.reconcile()
    workspace.reconcile()
    assert workspace.is_open()


def test_search_finds_an_assignment_behind_a_stored_deny() -> None:
    workspace = FakeWorkspace(ends_sessions=True)
    request = workspace.grant_access()
    workspace.click(ADA, ids.DONE, request)
    (grant,) = workspace.store.live_grants()
    assert grant.deny_until is not None
    workspace.center.assigned.add(grant.access)
    assert workspace.reconcile().unmanaged == 1


def test_search_without_time_goes_on_in_the_next_run(workspace: FakeWorkspace) -> None:
    pairs = [(RDS, f"{number:012}") for number in range(10)]
    searched: list[tuple[str, str]] = []
    listed = workspace.center.assignments

    def slow(permission_set: str, account: str) -> tuple[Principal, ...]:
        workspace.clock.advance(60)
        searched.append((permission_set, account))
        return listed(permission_set, account)

    workspace.center.assigned.update(Access("u-mallory", *pair) for pair in pairs)
    workspace.center.assignments = slow  # type: ignore[method-assign]
    counts = [workspace.reconcile() for _ in range(5)]
    assert searched[:10] == pairs
    assert searched[10:] == pairs[: len(searched) - 10], "a new round"
    assert [count.unmanaged for count in counts] == [4, 8, 10, 10, 10]
    assert all(count.failures == 0 for count in counts)


def test_search_of_many_hanging_assignments_ends_in_time() -> None:
    workspace = FakeWorkspace(policy(settings=replace(SETTINGS, unmanaged=UnmanagedAssignments.revoke)))
    workspace.center.assigned.update(Access(f"u-{number}", RDS, PRODUCTION) for number in range(50))
    assert workspace.reconcile().unmanaged == 50

    def hangs(*_: object) -> Operation:
        workspace.clock.advance(20)
        raise BusyError("Timeout")

    workspace.center.remove = hangs  # type: ignore[method-assign]
    began = workspace.clock()
    assert workspace.reconcile().unmanaged == 50
    assert workspace.clock() - began < 300, "the function's time"


def test_search_audits_before_it_revokes() -> None:
    workspace = FakeWorkspace(policy(settings=replace(SETTINGS, unmanaged=UnmanagedAssignments.revoke)))
    workspace.center.assigned.add(Access("u-mallory", RDS, PRODUCTION))
    workspace.reconcile()
    removed = workspace.center.remove

    def dies(permission_set: str, account: str, principal: Principal) -> Operation:
        removed(permission_set, account, principal)
        raise RuntimeError("killed")

    workspace.center.remove = dies  # type: ignore[method-assign]
    workspace.reconcile()
    assert not workspace.center.assigned
    assert [entry.event for entry in workspace.store.trail] == ["unrecorded_found", "unrecorded_revoke_begun"]


def test_search_whose_lists_hang_ends_in_time_and_moves_on() -> None:
    names = [f"set-{number:02}" for number in range(100)]
    workspace = FakeWorkspace(policy(sets=dict.fromkeys(names, policy().sets[RDS])))
    asked: list[str] = []

    def hangs(permission_set: str) -> tuple[str, ...]:
        asked.append(permission_set)
        workspace.clock.advance(10)
        raise BusyError("timeout")

    workspace.center.provisioned_accounts = hangs  # type: ignore[method-assign]
    for _ in range(7):
        began = workspace.clock()
        workspace.reconcile()
        assert workspace.clock() - began < 300, "the function's time"
    assert set(asked) == set(names)


def test_search_with_a_failing_revocation_revokes_the_others() -> None:
    workspace = FakeWorkspace(policy(settings=replace(SETTINGS, unmanaged=UnmanagedAssignments.revoke)))
    removed = workspace.center.remove

    def busy(permission_set: str, account: str, principal: Principal) -> Operation:
        if account == PRODUCTION:
            raise BusyError("ConflictException")
        return removed(permission_set, account, principal)

    workspace.center.remove = busy  # type: ignore[method-assign]
    workspace.center.assigned.update(Access("u-mallory", RDS, account) for account in (PRODUCTION, STAGING))
    workspace.reconcile()
    assert workspace.reconcile().failures == 1
    assert {access.account for access in workspace.center.assigned} == {PRODUCTION}


def test_search_ignores_assignments_of_stack_file_and_requests() -> None:
    standing = (StandingAssignment(group("oncall"), RDS, PRODUCTION), StandingAssignment(user("fay"), RDS, PRODUCTION))
    workspace = FakeWorkspace(policy(standing=standing))
    workspace.center.groups.add(("g-oncall", RDS, PRODUCTION))
    workspace.center.assigned.add(Access("u-fay", RDS, PRODUCTION))
    assert workspace.reconcile() == Counts()
    workspace = FakeWorkspace()
    workspace.grant_access()
    assert workspace.reconcile() == Counts()


def test_session_deny_is_written_again_and_removed_in_time() -> None:
    workspace = FakeWorkspace(ends_sessions=True)
    request = workspace.grant_access()
    workspace.click(ADA, ids.DONE, request)
    workspace.runner.stop(request.id)
    workspace.sessions.write(session_denials.render_policy())
    workspace.reconcile()
    assert ADA.user_id in workspace.sessions.content
    workspace.clock.advance(3661)
    workspace.reconcile()
    assert ADA.user_id not in workspace.sessions.content
