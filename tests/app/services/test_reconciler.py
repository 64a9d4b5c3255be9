"""What the sweeper finds and does, whatever became of the workflow."""

from dataclasses import replace

import pytest

from breakglass.app.domain import session_denials
from breakglass.app.domain.people import Person
from breakglass.app.domain.policy import Principal, Standing, Unrecorded
from breakglass.app.domain.records import Access, Request, State
from breakglass.app.ports import BusyError, Operation
from breakglass.app.services import dispatch
from breakglass.app.services.reconciler import GRACE_SECONDS, Counts
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
from tests.app.services.company import CHANNEL, Company

LATE = 3600 + GRACE_SECONDS


@pytest.fixture
def company() -> Company:
    return Company()


def opened(company: Company, person: Person = ADA) -> Request:
    """Open access whose execution somebody then stops by hand."""
    request = company.asked(person)
    company.click(CLEO, ids.APPROVE, request)
    company.player.stop(request.id)
    return request


def test_what_outlived_its_time_is_taken_back_without_a_workflow(company: Company) -> None:
    request = opened(company)
    company.clock.advance(3599)
    company.sweep()
    assert company.is_open(), "its time is not over"
    company.clock.advance(1 + GRACE_SECONDS)
    assert company.sweep().late == 0
    assert not company.is_open()
    assert company.now(request).state is State.ended
    assert company.trail(request)[-4:] == ["revoke_begun", "revoked", "run_out", "closed"]


def test_sweep_after_machine_replaced_revokes_open_access(company: Company) -> None:
    request = company.asked()
    company.click(CLEO, ids.APPROVE, request)
    company.player.replace_machine()
    company.sweep()
    assert company.is_open(), "its time is not over"
    company.clock.advance(LATE)
    company.sweep()
    assert not company.is_open()
    assert company.now(request).state is State.ended
    assert company.trail(request)[-4:] == ["revoke_begun", "revoked", "run_out", "closed"]


def test_sweep_after_machine_replaced_ends_what_a_click_ended(company: Company) -> None:
    request = company.asked()
    company.click(CLEO, ids.APPROVE, request)
    company.player.replace_machine()
    company.click(ADA, ids.DONE, request)
    company.sweep()
    assert not company.is_open()
    assert company.now(request).state is State.ended


def test_sweep_after_machine_replaced_starts_pending_requests_anew(company: Company) -> None:
    request = company.asked()
    company.player.replace_machine()
    company.clock.advance(GRACE_SECONDS)
    company.sweep()
    company.player.play()
    company.click(CLEO, ids.APPROVE, request)
    assert company.is_open()
    assert company.now(request).state is State.active


def test_what_identity_center_does_not_take_back_is_counted_and_tried_again(company: Company) -> None:
    request = opened(company)
    company.clock.advance(LATE)

    def busy(call: str, done: bool) -> None:
        if call == "delete":
            raise BusyError("ThrottlingException")

    company.center.trouble = busy
    assert company.sweep().late == 1
    assert company.is_open()
    company.center.trouble = lambda call, done: None
    company.sweep()
    assert not company.is_open()
    assert company.now(request).state is State.ended


def test_sweep_with_a_failing_part_does_the_others_and_counts_it(company: Company) -> None:
    opened(company)
    company.clock.advance(LATE)
    company.workflow.failure = RuntimeError("Step Functions is down")
    assert company.sweep().failures == 1
    assert not company.is_open()


def test_sweep_with_a_failing_grant_revokes_the_others(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = opened(company), opened(company, BEA)

    def broken(access: Access, _: str) -> bool:
        if access.user_id == ADA.user_id:
            raise RuntimeError("an answer that nobody understands")
        return access in company.center.assigned

    company.clock.advance(LATE)
    monkeypatch.setattr(company.center, "is_assigned", broken)
    assert company.sweep().failures > 0
    assert company.now(second).state is State.ended
    assert company.now(first).state is not State.ended


def test_sweep_with_an_unreadable_request_revokes_its_grants(company: Company) -> None:
    request = opened(company)
    company.clock.advance(LATE)
    company.store.unreadable.add(request.id)
    counts = company.sweep()
    assert not company.is_open()
    assert (counts.late, counts.failures > 0) == (0, True)


def test_sweep_with_an_unwritable_request_revokes_its_grants(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    opened(company)
    company.clock.advance(LATE)

    def too_large(*_: object) -> bool:
        raise RuntimeError("Item size has exceeded the maximum allowed size")

    monkeypatch.setattr(company.store, "save_request", too_large)
    counts = company.sweep()
    assert not company.is_open()
    assert (counts.late, counts.failures > 0) == (0, True)


def test_sweep_with_an_unreadable_grant_revokes_the_others(company: Company) -> None:
    first, second = opened(company), opened(company, BEA)
    company.clock.advance(LATE)
    company.store.unreadable.add(f"{first.id} {PRODUCTION}")
    assert company.sweep().failures > 0
    assert not company.is_open(BEA)
    assert company.now(second).state is State.ended


def test_sweep_asks_for_every_deletion_before_it_tells_anybody(company: Company) -> None:
    first, second = opened(company), opened(company, BEA)
    company.clock.advance(LATE)
    told: list[bool] = []
    company.slack.watch = lambda: told.append(company.is_open(ADA) or company.is_open(BEA))
    company.sweep()
    assert told
    assert not any(told)
    assert {company.now(one).state for one in (first, second)} == {State.ended}


def test_sweep_without_time_tells_the_rest_in_the_next_run(company: Company) -> None:
    requests = [opened(company), opened(company, BEA)]
    company.clock.advance(LATE)
    company.slack.fail("*", "timeout", times=None)
    company.slack.watch = lambda: company.clock.advance(130)
    began = company.clock()
    assert company.sweep().late == 0
    assert company.clock() - began < 300, "the function's time"
    assert all(company.now(one).behind for one in requests)
    company.slack.heal()
    company.slack.watch = lambda: None
    company.sweep()
    assert all("Ended" in company.message(one) for one in requests)


def test_sweep_with_one_broken_account_searches_the_others(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = company.center.assignments

    def suspended(permission_set: str, account: str) -> tuple[Principal, ...]:
        if account == PRODUCTION:
            raise RuntimeError("AccessDeniedException")
        return listed(permission_set, account)

    for account in (PRODUCTION, STAGING):
        company.center.assigned.add(Access("u-mallory", RDS, account))
    monkeypatch.setattr(company.center, "assignments", suspended)
    counts = company.sweep()
    assert (counts.unrecorded, counts.failures) == (1, 1)
    (failed,) = [fields for event, fields in company.log.lines if event == "sweep_failed"]
    assert failed["what"] == f"{RDS} {PRODUCTION}"


def test_sweep_asks_first_for_what_it_has_not_asked_for(company: Company) -> None:
    opened(company)
    company.clock.advance(600)
    opened(company, BEA)
    company.center.polls = 5
    company.clock.advance(LATE - 600)
    assert company.sweep().late == 1
    company.clock.advance(600)
    asked: list[str] = []
    company.center.trouble = lambda call, done: asked.append(call)
    company.sweep()
    assert next(call for call in asked if call in ("delete", "deletion")) == "delete"


def test_sweep_that_cannot_list_grants_counts_none_of_them(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("DynamoDB is down")

    monkeypatch.setattr(company.store, "live_grants", broken)
    assert company.sweep() == Counts(failures=2, unknown=frozenset({"late", "undenied", "unrecorded"}))


@pytest.mark.parametrize("later", [0, LATE], ids=["ended by a click", "late"])
def test_sweep_of_many_accounts_that_hang_ends_in_time(later: int) -> None:
    accounts = tuple(f"{number:012}" for number in range(50))
    company = Company(policy(replace(DATABASES, accounts=accounts), accounts=dict.fromkeys(accounts, "one")))
    request = company.asked(accounts=accounts)
    company.click(CLEO, ids.APPROVE, request)
    company.player.stop(request.id)
    if not later:
        company.click(ADA, ids.DONE, request)
    company.clock.advance(later)

    def hangs(call: str, done: bool) -> None:
        company.clock.advance(20)
        raise BusyError("Timeout")

    company.center.trouble = hangs
    began = company.clock()
    company.sweep()
    assert company.clock() - began < 240, "the function has 300 s, and people are still to be told"


def test_a_request_that_nobody_expires_expires(company: Company) -> None:
    request = company.asked()
    company.player.stop(request.id)
    company.clock.advance(1800 + GRACE_SECONDS)
    assert company.sweep().stuck == 1
    assert company.now(request).state is State.expired
    assert "Expired unanswered" in company.message(request)


def test_a_request_whose_workflow_never_started_is_started(company: Company) -> None:
    company.workflow.failure = RuntimeError("Step Functions is down")
    with pytest.raises(RuntimeError):
        company.ask()
    company.workflow.failure = None
    (request,) = company.store.requests.values()
    company.clock.advance(GRACE_SECONDS)
    company.sweep()
    company.player.play()
    company.click(CLEO, ids.APPROVE, request)
    assert company.is_open()


def test_an_approval_that_could_not_wake_the_workflow_is_taken_further(company: Company) -> None:
    request = company.asked()
    company.workflow.failure = RuntimeError("Step Functions is down")
    with pytest.raises(RuntimeError):
        company.click(CLEO, ids.APPROVE, request)
    company.workflow.failure = None
    assert company.now(request).state is State.approved
    company.clock.advance(GRACE_SECONDS)
    company.sweep()
    company.player.play()
    assert company.is_open()


def test_a_request_whose_workflow_was_stopped_before_it_opened_anything_has_failed(company: Company) -> None:
    request = company.asked()
    company.player.stop(request.id)
    company.clock.advance(GRACE_SECONDS)
    company.sweep()
    assert company.now(request).state is State.failed
    assert "workflow was stopped" in company.message(request)


def test_a_message_that_slack_did_not_take_is_written_anew_when_it_takes_it_again(company: Company) -> None:
    request = company.asked()
    company.slack.fail("chat.update", "is_archived", times=None)
    company.click(CLEO, ids.APPROVE, request)
    company.sweep()
    assert "wanted" in company.message(request), "Slack takes nothing"
    company.slack.heal()
    company.sweep()
    assert "Open until" in company.message(request)
    calls = len(company.slack.calls)
    company.sweep()
    assert len(company.slack.calls) == calls, "it shows the newest state by now"


def test_so_is_the_message_of_a_request_that_is_over_and_the_home_tab_knows_that_it_is(company: Company) -> None:
    request = company.asked()
    company.slack.fail("chat.update", "unreachable", times=None)
    company.click(ADA, ids.WITHDRAW, request)
    company.slack.heal()
    dispatch.do(company.world, HomeOpened(company.actor(ADA), "Ev1"), None)
    assert f"'action_id': '{ids.WITHDRAW}'" not in str(company.slack.homes["UADA"])
    company.sweep()
    assert "took it back" in company.message(request)
    assert list(company.store.open_requests()) == []


def test_a_message_that_slack_never_takes_is_given_up(company: Company) -> None:
    request = company.asked()
    company.slack.fail("chat.update", "not_in_channel", times=None)
    company.click(ADA, ids.WITHDRAW, request)
    company.clock.advance(7 * 86_400 - 1)
    company.sweep()
    assert [one.id for one in company.store.open_requests()] == [request.id], "a week long it is tried again"
    company.clock.advance(1)
    company.sweep()
    assert list(company.store.open_requests()) == []


@pytest.mark.parametrize("code", ["message_not_found", "cant_update_message"])
def test_message_that_is_gone_is_not_updated_again(company: Company, code: str) -> None:
    request = company.asked()
    company.slack.fail("chat.update", code, times=None)
    company.click(ADA, ids.WITHDRAW, request)
    assert list(company.store.open_requests()) == []
    calls = len(company.slack.calls)
    company.sweep()
    assert len(company.slack.calls) == calls


def test_what_the_sweeper_takes_back_is_told_at_once(company: Company) -> None:
    request = opened(company)
    company.clock.advance(LATE)
    company.center.polls = 5
    company.sweep()
    assert "Its time was over" in company.message(request)
    assert "It is being taken back." in company.message(request)


def full_policy() -> str:
    """Return a policy that has no room for one more."""
    content = session_denials.content()
    for number in range(100):
        access = Access(f"90670f5f0d-00000000-0000-0000-0000-{number:012}", RDS, PRODUCTION)
        try:
            content = session_denials.with_denial(
                content, session_denials.Denial(f"r-{number:016x}", access, 1_764_000_000, "aws")
            )
        except session_denials.SessionPolicyFullError:
            return content
    raise AssertionError("there was room for a hundred")


@pytest.mark.parametrize("content", ["not a policy", full_policy()], ids=["edited by hand", "full"])
def test_a_policy_that_takes_no_deny_keeps_no_request_from_its_end(content: str) -> None:
    company = Company(ends_sessions=True)
    request = company.asked()
    company.click(CLEO, ids.APPROVE, request)
    company.sessions.write(content)
    company.click(ADA, ids.DONE, request)
    assert company.now(request).state is State.ended
    company.player.pass_time(4000)
    company.sweep()
    assert company.player.failed == []


def test_unmanaged_report_not_accepted_is_posted_by_the_next_run(company: Company) -> None:
    company.center.assigned.add(Access("u-mallory", RDS, PRODUCTION))
    company.slack.fail("chat.postMessage", "timeout", times=None)
    company.sweep()
    company.slack.heal()
    for _ in range(3):
        company.clock.advance(300)
        company.sweep()
    (message,) = company.slack.posted(CHANNEL)
    assert "u-mallory" in message.text
    assert [entry.event for entry in company.store.trail] == ["unrecorded_found"]


def test_an_assignment_that_nobody_recorded_is_reported_once_and_counted_each_time(company: Company) -> None:
    company.center.assigned.add(Access("u-mallory", RDS, PRODUCTION))
    assert company.sweep() == Counts(unrecorded=1)
    assert company.sweep() == Counts(unrecorded=1)
    (message,) = company.slack.posted(CHANNEL)
    assert "u-mallory" in message.text
    assert [entry.event for entry in company.store.trail] == ["unrecorded_found"]
    assert company.center.assigned


def test_an_assignment_that_nobody_recorded_is_revoked_where_the_stack_says_so() -> None:
    company = Company(policy(settings=replace(SETTINGS, unrecorded=Unrecorded.revoke)))
    company.center.assigned.add(Access("u-mallory", RDS, PRODUCTION))
    company.center.groups.add(("g-everybody", RDS, PRODUCTION))
    assert company.sweep().unrecorded == 2
    assert company.center.assigned, "it may be what a deployment has just made"
    assert company.sweep().unrecorded == 2
    assert not company.center.assigned
    assert not company.center.groups
    found, revoked = ["unrecorded_found"] * 2, ["unrecorded_revoke_begun"] * 2
    assert [entry.event for entry in company.store.trail] == [*found, *revoked]
    assert company.sweep().unrecorded == 0


def test_search_revokes_its_own_late_assignment_under_report(company: Company) -> None:
    request = opened(company)
    company.player.play()
    company.clock.advance(LATE)
    company.sweep()
    assert company.now(request).state is State.ended
    company.center.assigned.add(Access(ADA.user_id, RDS, PRODUCTION))
    assert company.sweep().unrecorded == 1
    assert company.is_open(), "not at first sight"
    assert company.sweep().unrecorded == 1
    assert not company.is_open()
    assert company.sweep().unrecorded == 0
    (message,) = [one for one in company.slack.posted(CHANNEL) if "came late" in one.text]
    assert "taken away when the search meets it again" in message.text


def test_search_leaves_what_was_held_long_ago_under_report(company: Company) -> None:
    opened(company)
    company.clock.advance(LATE)
    company.sweep()
    company.clock.advance(OWN_SECONDS)
    company.center.assigned.add(Access(ADA.user_id, RDS, PRODUCTION))
    company.sweep()
    company.sweep()
    assert company.is_open()


def test_search_finds_an_assignment_behind_a_stored_deny() -> None:
    company = Company(ends_sessions=True)
    request = company.asked()
    company.click(CLEO, ids.APPROVE, request)
    company.click(ADA, ids.DONE, request)
    (grant,) = company.store.live_grants()
    assert grant.deny_until is not None
    company.center.assigned.add(grant.access)
    assert company.sweep().unrecorded == 1


def test_search_without_time_goes_on_in_the_next_run(company: Company) -> None:
    pairs = [(RDS, f"{number:012}") for number in range(10)]
    searched: list[tuple[str, str]] = []
    listed = company.center.assignments

    def slow(permission_set: str, account: str) -> tuple[Principal, ...]:
        company.clock.advance(60)
        searched.append((permission_set, account))
        return listed(permission_set, account)

    company.center.assigned.update(Access("u-mallory", *pair) for pair in pairs)
    company.center.assignments = slow  # type: ignore[method-assign]
    counts = [company.sweep() for _ in range(5)]
    assert searched[:10] == pairs
    assert searched[10:] == pairs[: len(searched) - 10], "a new round"
    assert [one.unrecorded for one in counts] == [4, 8, 10, 10, 10]
    assert all(one.failures == 0 for one in counts)


def test_search_of_many_unmanaged_that_hang_ends_in_time() -> None:
    company = Company(policy(settings=replace(SETTINGS, unrecorded=Unrecorded.revoke)))
    company.center.assigned.update(Access(f"u-{number}", RDS, PRODUCTION) for number in range(50))
    assert company.sweep().unrecorded == 50

    def hangs(*_: object) -> Operation:
        company.clock.advance(20)
        raise BusyError("Timeout")

    company.center.remove = hangs  # type: ignore[method-assign]
    began = company.clock()
    assert company.sweep().unrecorded == 50
    assert company.clock() - began < 300, "the function's time"


def test_search_writes_the_trail_before_it_revokes() -> None:
    company = Company(policy(settings=replace(SETTINGS, unrecorded=Unrecorded.revoke)))
    company.center.assigned.add(Access("u-mallory", RDS, PRODUCTION))
    company.sweep()
    removed = company.center.remove

    def dies(permission_set: str, account: str, principal: Principal) -> Operation:
        removed(permission_set, account, principal)
        raise RuntimeError("killed")

    company.center.remove = dies  # type: ignore[method-assign]
    company.sweep()
    assert not company.center.assigned
    assert [entry.event for entry in company.store.trail] == ["unrecorded_found", "unrecorded_revoke_begun"]


def test_search_whose_lists_hang_ends_in_time_and_moves_on() -> None:
    names = [f"set-{number:02}" for number in range(100)]
    company = Company(policy(sets=dict.fromkeys(names, policy().sets[RDS])))
    asked: list[str] = []

    def hangs(permission_set: str) -> tuple[str, ...]:
        asked.append(permission_set)
        company.clock.advance(10)
        raise BusyError("timeout")

    company.center.provisioned_accounts = hangs  # type: ignore[method-assign]
    for _ in range(7):
        began = company.clock()
        company.sweep()
        assert company.clock() - began < 300, "the function's time"
    assert set(asked) == set(names)


def test_search_with_a_failing_revocation_revokes_the_others() -> None:
    company = Company(policy(settings=replace(SETTINGS, unrecorded=Unrecorded.revoke)))
    removed = company.center.remove

    def busy(permission_set: str, account: str, principal: Principal) -> Operation:
        if account == PRODUCTION:
            raise BusyError("ConflictException")
        return removed(permission_set, account, principal)

    company.center.remove = busy  # type: ignore[method-assign]
    company.center.assigned.update(Access("u-mallory", RDS, account) for account in (PRODUCTION, STAGING))
    company.sweep()
    assert company.sweep().failures == 1
    assert {one.account for one in company.center.assigned} == {PRODUCTION}


def test_what_the_stack_file_assigns_and_what_is_requested_is_recorded() -> None:
    standing = (Standing(group("oncall"), RDS, PRODUCTION), Standing(user("fay"), RDS, PRODUCTION))
    company = Company(policy(standing=standing))
    company.center.groups.add(("g-oncall", RDS, PRODUCTION))
    company.center.assigned.add(Access("u-fay", RDS, PRODUCTION))
    assert company.sweep() == Counts()
    company = Company()
    request = company.asked()
    company.click(CLEO, ids.APPROVE, request)
    assert company.sweep() == Counts()


def test_the_deny_on_sessions_is_put_in_again_and_taken_out_in_time() -> None:
    company = Company(ends_sessions=True)
    request = company.asked()
    company.click(CLEO, ids.APPROVE, request)
    company.click(ADA, ids.DONE, request)
    company.player.stop(request.id)
    company.sessions.write(session_denials.content())
    company.sweep()
    assert ADA.user_id in company.sessions.content
    company.clock.advance(3661)
    company.sweep()
    assert ADA.user_id not in company.sessions.content
