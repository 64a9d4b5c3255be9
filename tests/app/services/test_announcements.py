"""Access without approval: its announcement in every channel and its explanation, through outages and crashes.

An outage of Slack here refuses posts; clicks still arrive.
"""

from contextlib import suppress
from dataclasses import replace
from itertools import count
from typing import Any, cast

import pytest

from breakglass.app.domain.records import Request, State
from breakglass.app.services import announcements, dispatch
from breakglass.app.slack import ids
from breakglass.app.slack.payloads import Submission
from breakglass.app.slack.text import format_time
from tests.app.domain.policies import ADA, CLEO, DOT, EVE, PRODUCTION, RDS, STAGING, group, policy, rule
from tests.app.doubles.fuse import Fuse
from tests.app.doubles.trouble import KilledError, Trouble, Watched
from tests.app.services.fake_workspace import CHANNEL, SECOND_CHANNEL, FakeWorkspace

BOTH = (CHANNEL, SECOND_CHANNEL)
EVERY = 300
"""Seconds between two runs of the reconciler."""


def asked(workspace: FakeWorkspace) -> Request:
    """Return a request without an answer for ten minutes."""
    request = workspace.request_access()
    workspace.runner.pass_time(600)
    return request


def break_glass(workspace: FakeWorkspace, request: Request) -> str:
    """Break the glass, and return what its requester reads."""
    view_id = workspace.submit(ADA, ids.GLASS_FORM, {ids.JUSTIFICATION: ("everything burns",)}, about=request.id)
    return workspace.view_text(view_id)


def pass_minutes(workspace: FakeWorkspace, minutes: int) -> list[int]:
    """Let time pass; return the metric of each run of the reconciler."""
    missing = []
    for _ in range(0, minutes * 60, EVERY):
        workspace.runner.pass_time(EVERY)
        missing.append(workspace.reconcile().unannounced)
    return missing


def loud(workspace: FakeWorkspace) -> list[int]:
    """Return the number of announcements in each channel."""
    return [sum("<!channel>" in message.text for message in workspace.slack.posted(channel)) for channel in BOTH]


def is_done(workspace: FakeWorkspace, request: Request) -> bool:
    duties = workspace.reload(request).announcement
    return duties is not None and duties.is_complete and len(workspace.store.uses) == 1


def test_announcement_accepted_at_once_is_made_once(workspace: FakeWorkspace) -> None:
    request = asked(workspace)
    assert "It is announced in every channel." in break_glass(workspace, request)
    assert loud(workspace) == [1, 1]
    assert is_done(workspace, request)
    assert f"Announced in <#{CHANNEL}> and <#{SECOND_CHANNEL}>." in workspace.message_text(request)
    assert pass_minutes(workspace, 90) == [0] * 18
    assert loud(workspace) == [1, 1]
    assert workspace.trail_events(request).count("announced") == 2


def test_broken_glass_pages_once_while_slack_is_down(workspace: FakeWorkspace) -> None:
    request = asked(workspace)
    workspace.slack.fail("chat.postMessage", "timeout", times=None)
    break_glass(workspace, request)
    break_glass(workspace, request)
    pass_minutes(workspace, 30)
    workspace.slack.heal()
    pass_minutes(workspace, 30)
    assert workspace.counted == ["BrokenGlass"]


def test_broken_glass_is_paged_by_the_reconciler_after_a_crash(workspace: FakeWorkspace) -> None:
    request = asked(workspace)

    def crash(name: str) -> None:
        raise KilledError(name)

    context = workspace.context
    workspace.context = replace(context, count=crash)
    with suppress(KilledError):
        break_glass(workspace, request)
    workspace.context = context
    assert workspace.counted == []
    assert not is_done(workspace, request)
    workspace.reconcile()
    workspace.reconcile()
    assert workspace.counted == ["BrokenGlass"]
    assert is_done(workspace, request)


def test_approved_request_pages_no_one(workspace: FakeWorkspace) -> None:
    request = asked(workspace)
    workspace.click(CLEO, ids.APPROVE, request.id)
    pass_minutes(workspace, 10)
    assert workspace.counted == []


@pytest.mark.parametrize("minutes", [4, 30, 120])
def test_announcement_slack_down_is_made_when_it_is_back(workspace: FakeWorkspace, minutes: int) -> None:
    request = asked(workspace)
    workspace.slack.fail("chat.postMessage", "timeout", times=None)
    told = break_glass(workspace, request)
    assert "Slack has not accepted the announcement in C0APPROVALS1 (timeout) and C0SECURITY01 yet" in told
    assert workspace.is_open(), "the access does not wait for Slack"
    assert len(workspace.store.uses) == 1, "nor does the explanation"
    workspace.runner.pass_time(240)
    missing = pass_minutes(workspace, minutes - 4)
    assert all(missing)
    assert loud(workspace) == [0, 0]
    workspace.slack.heal()
    assert pass_minutes(workspace, 5) == [0]
    assert loud(workspace) == [1, 1]
    assert is_done(workspace, request)
    assert workspace.reload(request).state is (State.ended if minutes > 60 else State.active)
    assert pass_minutes(workspace, 60) == [0] * 12
    assert loud(workspace) == [1, 1]


def test_announcement_missing_is_made_by_the_next_step(workspace: FakeWorkspace) -> None:
    request = asked(workspace)
    workspace.slack.fail("chat.postMessage", "timeout", times=None)
    break_glass(workspace, request)
    workspace.slack.heal()
    workspace.runner.pass_time(3600)
    assert workspace.reload(request).state is State.ended
    assert loud(workspace) == [1, 1], "without the reconciler"
    assert is_done(workspace, request)
    assert "Announced in" in workspace.message_text(request)


def test_announcement_of_ended_access_says_that_it_is_late(workspace: FakeWorkspace) -> None:
    request = asked(workspace)
    workspace.slack.fail("chat.postMessage", "timeout", times=None)
    break_glass(workspace, request)
    pass_minutes(workspace, 65)
    workspace.slack.heal()
    pass_minutes(workspace, 5)
    (announcement,) = [message for message in workspace.slack.posted(SECOND_CHANNEL) if "<!channel>" in message.text]
    shown = str(announcement.blocks)
    assert "This announcement is late, because Slack did not accept it before. The access is over." in shown
    assert ids.END not in shown


def test_announcement_not_in_channel_is_made_after_the_repair(workspace: FakeWorkspace) -> None:
    request = asked(workspace)
    post = workspace.slack.call
    invited = False

    def call(method: str, arguments: Any) -> dict[str, Any]:
        if method == "chat.postMessage" and arguments["channel"] == SECOND_CHANNEL and not invited:
            workspace.slack.fail("chat.postMessage", "not_in_channel")
        return post(method, arguments)

    workspace.slack.call = call  # type: ignore[method-assign]
    told = break_glass(workspace, request)
    assert "Slack has not accepted the announcement in C0SECURITY01 (not_in_channel) yet" in told
    assert loud(workspace) == [1, 0]
    assert f"in <#{SECOND_CHANNEL}> (`not_in_channel`)." in workspace.message_text(request)
    assert pass_minutes(workspace, 90) == [1] * 18
    invited = True
    assert pass_minutes(workspace, 5) == [0]
    assert loud(workspace) == [1, 1], "the first channel is not told again"
    assert is_done(workspace, request)
    assert f"Announced in <#{CHANNEL}> and <#{SECOND_CHANNEL}>." in workspace.message_text(request)


def test_announcement_in_a_replaced_channel_goes_to_the_new_one(workspace: FakeWorkspace) -> None:
    request = asked(workspace)
    workspace.slack.fail("chat.postMessage", "is_archived", times=None)
    break_glass(workspace, request)
    workspace.slack.heal()
    settings = replace(workspace.context.policy.settings, second_channel="C0NEWSECURITY")
    request = announcements.complete_announcement(
        replace(workspace.context, policy=replace(workspace.context.policy, settings=settings)),
        workspace.reload(request),
    )
    assert loud(workspace) == [1, 0]
    assert len(workspace.slack.posted("C0NEWSECURITY")) == 1
    assert request.announcement is not None
    assert request.announcement.is_complete


def test_announcement_with_refused_blocks_is_made_without_them(workspace: FakeWorkspace) -> None:
    request = asked(workspace)
    post = workspace.slack.call

    def call(method: str, arguments: Any) -> dict[str, Any]:
        if "header" in str(arguments) and method == "chat.postMessage":
            workspace.slack.fail("chat.postMessage", "msg_blocks_too_long")
        return post(method, arguments)

    workspace.slack.call = call  # type: ignore[method-assign]
    break_glass(workspace, request)
    assert loud(workspace) == [1, 1]
    assert ids.END in str(workspace.slack.posted(SECOND_CHANNEL)[0].blocks)


def test_announcement_is_not_missing_before_five_minutes(workspace: FakeWorkspace) -> None:
    request = asked(workspace)
    workspace.slack.fail("chat.postMessage", "timeout", times=None)
    break_glass(workspace, request)
    workspace.clock.advance(299)
    assert workspace.reconcile().unannounced == 0
    workspace.clock.advance(1)
    assert workspace.reconcile().unannounced == 1


def test_explanation_not_recorded_is_retried_and_counted(workspace: FakeWorkspace) -> None:
    request = asked(workspace)
    save_usage = workspace.store.save_usage
    workspace.store.save_usage = lambda *_: False  # type: ignore[method-assign]
    break_glass(workspace, request)
    assert pass_minutes(workspace, 10)[-1] == 1
    workspace.store.save_usage = save_usage  # type: ignore[method-assign]
    assert pass_minutes(workspace, 5) == [0]
    assert is_done(workspace, request)


def test_break_glass_before_the_message_is_posted_opens() -> None:
    workspace = FakeWorkspace(policy(rule(glass_after_seconds=0)))
    workspace.slack.fail("chat.postMessage", "timeout", times=None)
    form = workspace.slack.open_view({"type": "modal", "blocks": []})
    attempts = count(1)

    def break_at_home(step: str, done: bool) -> None:
        if step == "ask" and not done and next(attempts) == 2:
            (request,) = workspace.store.requests.values()
            values = {ids.JUSTIFICATION: ("everything burns",)}
            dispatch.handle_interaction(
                workspace.context, Submission(workspace.actor(ADA), ids.GLASS_FORM, form, request.id, values), None
            )

    workspace.runner.trouble = break_at_home
    request = workspace.request_access()
    assert workspace.is_open(), "the access does not wait for Slack"
    workspace.slack.heal()
    assert pass_minutes(workspace, 5) == [0]
    assert loud(workspace) == [1, 1]
    assert is_done(workspace, request)


def test_access_ends_at_its_time_without_the_identity_store(workspace: FakeWorkspace) -> None:
    request = asked(workspace)

    def away(step: str, done: bool) -> None:
        workspace.directory.failure = ConnectionError("the identity store is away")

    workspace.runner.trouble = away
    break_glass(workspace, request)
    assert workspace.is_open()
    assert loud(workspace) == [1, 1]
    workspace.runner.pass_time(3600)
    assert workspace.reload(request).state is State.ended
    assert "run_out" in workspace.trail_events(request)
    assert not workspace.runner.failed


def test_form_sent_again_after_the_end_says_what_is_true(workspace: FakeWorkspace) -> None:
    request = asked(workspace)
    break_glass(workspace, request)
    workspace.submit(DOT, ids.END_FORM, {ids.NOTE: ("not like this",)}, about=request.id)
    assert workspace.reload(request).state is State.ended
    assert "The access is already over." in break_glass(workspace, request)
    assert loud(workspace) == [1, 1]


def killed_at(moment: int, *, slack_is_down: bool) -> bool:
    """Break the glass in a function that dies at a call for good; return whether it died."""
    workspace, trouble = FakeWorkspace(), Trouble()
    request = asked(workspace)
    store, slack, workflow = (
        cast(Any, Watched(double, trouble)) for double in (workspace.store, workspace.slack, workspace.workflow)
    )
    context = replace(workspace.context, store=store, slack=slack, workflow=workflow)
    form = workspace.slack.open_view({"type": "modal", "blocks": []})
    sent = Submission(workspace.actor(ADA), ids.GLASS_FORM, form, request.id, {ids.JUSTIFICATION: ("it burns",)})
    if slack_is_down:
        workspace.slack.fail("chat.postMessage", "timeout", times=None)
    died = True
    with suppress(KilledError):
        trouble.during(lambda: dispatch.handle_interaction(context, sent, None), moment, None, lambda: None)
        died = False
    workspace.runner.run()
    pass_minutes(workspace, 40)
    if slack_is_down:
        workspace.slack.heal()
        pass_minutes(workspace, 5)
    if workspace.reload(request).glass:
        assert is_done(workspace, request), moment
        assert all(loud(workspace)), moment
        assert "opened" in workspace.trail_events(request), moment
    else:
        assert loud(workspace) == [0, 0], moment
        assert not workspace.store.uses, moment
    return died


@pytest.mark.parametrize("slack_is_down", [False, True], ids=["Slack works", "Slack is down"])
def test_announcement_function_killed_anywhere_is_made(slack_is_down: bool) -> None:
    moments = next(moment for moment in count(1) if not killed_at(moment, slack_is_down=slack_is_down))
    assert moments > 15


def dies_once(fuse: Fuse) -> None:
    """Break the glass while Slack is down; one function, whichever it is, dies at the fuse's call."""
    workspace = FakeWorkspace()
    request = asked(workspace)
    fuse.watch(workspace.store, "save_request", "save_grant", "save_usage")
    fuse.watch(workspace.slack, "call")
    workspace.slack.fail("chat.postMessage", "timeout", times=None)
    with suppress(KilledError):
        break_glass(workspace, request)
    pass_minutes(workspace, 10)
    workspace.slack.heal()
    pass_minutes(workspace, 60)
    if workspace.reload(request).glass:
        assert is_done(workspace, request), fuse.at
        assert all(loud(workspace)), fuse.at
        assert "opened" in workspace.trail_events(request), fuse.at


@pytest.mark.parametrize("after", [False, True], ids=["before a call", "after a call"])
def test_announcement_any_function_killed_once_is_made(after: bool) -> None:
    whole = Fuse(None, after=after)
    dies_once(whole)
    assert whole.calls > 30
    for at in range(whole.calls):
        dies_once(Fuse(at, after=after))


# --- after real silence -----------------------------------------------------------------------------------------------


def refusal(workspace: FakeWorkspace, request: Request) -> str:
    """Return what the requester reads who wants to break the glass."""
    return workspace.view_text(workspace.open_form(ADA, ids.BREAK_GLASS, request))


def test_waiting_time_restarts_when_an_approver_acknowledges(workspace: FakeWorkspace) -> None:
    request = workspace.request_access()
    workspace.runner.pass_time(540)
    workspace.click(CLEO, ids.ACKNOWLEDGE, request)
    workspace.runner.pass_time(599)
    assert "1 s to go" in refusal(workspace, request)
    workspace.runner.pass_time(1)
    assert "Why can't it wait" in refusal(workspace, request)


def test_waiting_time_restarts_with_an_approval_too_few() -> None:
    workspace = FakeWorkspace(policy(rule(approvals=2, approvers=(group("leads"), group("security")))))
    request = workspace.request_access()
    workspace.runner.pass_time(540)
    workspace.click(CLEO, ids.APPROVE, request)
    workspace.runner.pass_time(599)
    assert "1 s to go" in refusal(workspace, request)
    workspace.runner.pass_time(1)
    assert "Why can't it wait" in refusal(workspace, request)


@pytest.mark.parametrize("answer", [ids.ACKNOWLEDGE, ids.APPROVE], ids=["looking", "an approval"])
def test_waiting_time_restarts_with_an_answer_to_a_twin_request(workspace: FakeWorkspace, answer: str) -> None:
    answered, request = workspace.request_access(duration=600), workspace.request_access(accounts=(PRODUCTION, STAGING))
    elsewhere = workspace.request_access(accounts=(STAGING,))
    workspace.runner.pass_time(540)
    workspace.click(CLEO, answer, answered)
    workspace.runner.pass_time(60)
    assert "9 min to go" in refusal(workspace, request)
    assert "Why can't it wait" in refusal(workspace, elsewhere), "it is about another account"
    workspace.runner.pass_time(540)
    assert "Why can't it wait" in refusal(workspace, request)


def test_waiting_time_restarts_with_an_answer_to_an_old_request() -> None:
    workspace = FakeWorkspace(policy(rule(expiry_seconds=4 * 3600)))
    answered = workspace.request_access()
    workspace.runner.pass_time(1)
    for _ in range(19):
        workspace.request_access(accounts=(STAGING,))
    workspace.runner.pass_time(3600)
    request = workspace.request_access()
    workspace.runner.pass_time(540)
    workspace.click(CLEO, ids.ACKNOWLEDGE, answered)
    workspace.runner.pass_time(60)
    assert "9 min to go" in refusal(workspace, request)


def test_waiting_time_in_the_message_follows_acknowledgements(workspace: FakeWorkspace) -> None:
    request = workspace.request_access()
    assert f"Without an answer by {format_time(request.created_at + 600)}" in workspace.message_text(request)
    workspace.runner.pass_time(60)
    workspace.click(CLEO, ids.ACKNOWLEDGE, request)
    assert f"Without an answer by {format_time(request.created_at + 660)}" in workspace.message_text(request)
    workspace.runner.pass_time(1190)
    workspace.click(CLEO, ids.ACKNOWLEDGE, request)
    assert "It expires before the glass may be broken." in workspace.message_text(request)
    assert ids.BREAK_GLASS not in str(workspace.slack.messages[(CHANNEL, ts_of(workspace, request))].blocks)


def denied(workspace: FakeWorkspace, **asked: Any) -> Request:
    """A request that Cleo denies."""
    request = workspace.request_access(**asked)
    workspace.submit(CLEO, ids.DENY_FORM, {ids.NOTE: ("Use the runbook first.",)}, about=request.id)
    return workspace.reload(request)


def test_denial_forbids_break_glass_for_twelve_hours(workspace: FakeWorkspace) -> None:
    first = denied(workspace)
    when = first.closed_at or 0
    request = asked(workspace)
    assert f"Cleo denied devops-break-glass for Ada 10 min ago ({first.id})." in refusal(workspace, request)
    assert "the glass can't be broken" in break_glass(workspace, request)
    assert not workspace.reload(request).glass
    workspace.clock.now = when + 12 * 3600 - 601
    request = asked(workspace)
    assert "1 s to go" in refusal(workspace, request)
    workspace.runner.pass_time(1)
    break_glass(workspace, request)
    assert workspace.reload(request).glass
    announcement = str(workspace.slack.posted(SECOND_CHANNEL)[0].blocks)
    assert f"<@UCLEO> denied `devops-break-glass` in `production (222222222222)`, {format_time(when)}" in announcement


@pytest.mark.parametrize(
    ("before", "now", "forbidden"),
    [
        ((PRODUCTION,), (PRODUCTION, STAGING), True),
        ((PRODUCTION, STAGING), (STAGING,), True),
        ((PRODUCTION,), (STAGING,), False),
    ],
    ids=["one of the accounts", "one of the denied accounts", "another account"],
)
def test_denial_counts_for_any_of_its_accounts(
    workspace: FakeWorkspace, before: tuple[str, ...], now: tuple[str, ...], forbidden: bool
) -> None:
    denied(workspace, accounts=before)
    request = workspace.request_access(accounts=now)
    workspace.runner.pass_time(600)
    break_glass(workspace, request)
    assert workspace.reload(request).glass is not forbidden


def test_denial_of_another_person_does_not_count(workspace: FakeWorkspace) -> None:
    denied(workspace, person=EVE)
    request = asked(workspace)
    break_glass(workspace, request)
    assert workspace.reload(request).glass


def test_denial_while_another_request_waits_counts_at_once(workspace: FakeWorkspace) -> None:
    request = workspace.request_access()
    workspace.runner.pass_time(600)
    denied(workspace)
    break_glass(workspace, request)
    assert not workspace.reload(request).glass


def test_denial_is_shown_in_the_form_and_in_the_next_message(workspace: FakeWorkspace) -> None:
    first = denied(workspace)
    when = first.closed_at or 0
    line = f":no_entry: <@UCLEO> denied `devops-break-glass` in `production (222222222222)`, {format_time(when)}"
    until = f"The glass can't be broken for it before {format_time(when + 12 * 3600)}."
    request = workspace.request_access()
    assert line in workspace.message_text(request)
    assert until in workspace.message_text(request)
    assert "It expires before the glass may be broken." in workspace.message_text(request)
    view_id = workspace.command(ADA)
    values = {ids.ROLE: (RDS,), ids.ACCOUNTS: (PRODUCTION,), ids.DURATION: ("3600",), ids.REASON: (" ",)}
    workspace.submit(ADA, ids.REQUEST_FORM, values, view_id=view_id)
    assert line in workspace.view_text(view_id)
    assert until in workspace.view_text(view_id)


def test_denial_is_remembered_for_a_week(workspace: FakeWorkspace) -> None:
    denied(workspace)
    workspace.clock.advance(7 * 86_400)
    assert ":no_entry:" not in workspace.message_text(workspace.request_access())


def ts_of(workspace: FakeWorkspace, request: Request) -> str:
    place = workspace.reload(request).message
    assert place is not None
    return place.ts
