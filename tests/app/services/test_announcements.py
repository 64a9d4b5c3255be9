"""A broken glass is announced in every channel and has to be explained, however long Slack is down, and whoever dies.

An outage of Slack here refuses what is posted; clicks still arrive.
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
from breakglass.app.slack.text import moment
from tests.app.domain.policies import ADA, CLEO, DOT, EVE, PRODUCTION, RDS, STAGING, group, policy, rule
from tests.app.doubles.fuse import Fuse
from tests.app.doubles.trouble import KilledError, Trouble, Watched
from tests.app.services.company import CHANNEL, SECOND_CHANNEL, Company

BOTH = (CHANNEL, SECOND_CHANNEL)
EVERY = 300
"""Seconds between two runs of the sweeper."""


@pytest.fixture
def company() -> Company:
    return Company()


def asked(company: Company) -> Request:
    """A request that nobody has answered for ten minutes."""
    request = company.asked()
    company.player.pass_time(600)
    return request


def break_glass(company: Company, request: Request) -> str:
    """Break the glass, and return what its requester reads."""
    view_id = company.submit(ADA, ids.GLASS_FORM, {ids.JUSTIFICATION: ("everything burns",)}, about=request.id)
    return company.seen(view_id)


def pass_minutes(company: Company, minutes: int) -> list[int]:
    """Let time pass; return the metric of each run of the sweeper."""
    missing = []
    for _ in range(0, minutes * 60, EVERY):
        company.player.pass_time(EVERY)
        missing.append(company.sweep().unannounced)
    return missing


def loud(company: Company) -> list[int]:
    """How often a broken glass is announced in each channel."""
    return [sum("<!channel>" in one.text for one in company.slack.posted(channel)) for channel in BOTH]


def is_done(company: Company, request: Request) -> bool:
    duties = company.now(request).announcement
    return duties is not None and duties.is_complete and len(company.store.uses) == 1


def test_announcement_accepted_at_once_is_made_once(company: Company) -> None:
    request = asked(company)
    assert "It is announced in every channel." in break_glass(company, request)
    assert loud(company) == [1, 1]
    assert is_done(company, request)
    assert f"Announced in <#{CHANNEL}> and <#{SECOND_CHANNEL}>." in company.message(request)
    assert pass_minutes(company, 90) == [0] * 18
    assert loud(company) == [1, 1]
    assert company.trail(request).count("announced") == 2


@pytest.mark.parametrize("minutes", [4, 30, 120])
def test_announcement_slack_down_is_made_when_it_is_back(company: Company, minutes: int) -> None:
    request = asked(company)
    company.slack.fail("chat.postMessage", "timeout", times=None)
    told = break_glass(company, request)
    assert "Slack has not accepted the announcement in C0APPROVALS1 (timeout) and C0SECURITY01 yet" in told
    assert company.is_open(), "the access does not wait for Slack"
    assert len(company.store.uses) == 1, "nor does the explanation"
    company.player.pass_time(240)
    missing = pass_minutes(company, minutes - 4)
    assert all(missing)
    assert loud(company) == [0, 0]
    company.slack.heal()
    assert pass_minutes(company, 5) == [0]
    assert loud(company) == [1, 1]
    assert is_done(company, request)
    assert company.now(request).state is (State.ended if minutes > 60 else State.active)
    assert pass_minutes(company, 60) == [0] * 12
    assert loud(company) == [1, 1]


def test_announcement_missing_is_made_by_the_next_step(company: Company) -> None:
    request = asked(company)
    company.slack.fail("chat.postMessage", "timeout", times=None)
    break_glass(company, request)
    company.slack.heal()
    company.player.pass_time(3600)
    assert company.now(request).state is State.ended
    assert loud(company) == [1, 1], "without the sweeper"
    assert is_done(company, request)
    assert "Announced in" in company.message(request)


def test_announcement_of_ended_access_says_that_it_is_late(company: Company) -> None:
    request = asked(company)
    company.slack.fail("chat.postMessage", "timeout", times=None)
    break_glass(company, request)
    pass_minutes(company, 65)
    company.slack.heal()
    pass_minutes(company, 5)
    (announcement,) = [one for one in company.slack.posted(SECOND_CHANNEL) if "<!channel>" in one.text]
    shown = str(announcement.blocks)
    assert "This announcement is late: Slack did not accept it before. The access is over." in shown
    assert ids.END not in shown


def test_announcement_not_in_channel_is_made_after_the_repair(company: Company) -> None:
    request = asked(company)
    post = company.slack.call
    invited = False

    def call(method: str, arguments: Any) -> dict[str, Any]:
        if method == "chat.postMessage" and arguments["channel"] == SECOND_CHANNEL and not invited:
            company.slack.fail("chat.postMessage", "not_in_channel")
        return post(method, arguments)

    company.slack.call = call  # type: ignore[method-assign]
    told = break_glass(company, request)
    assert "Slack has not accepted the announcement in C0SECURITY01 (not_in_channel) yet" in told
    assert loud(company) == [1, 0]
    assert f"in <#{SECOND_CHANNEL}> (`not_in_channel`) yet" in company.message(request)
    assert pass_minutes(company, 90) == [1] * 18
    invited = True
    assert pass_minutes(company, 5) == [0]
    assert loud(company) == [1, 1], "the first channel is not told again"
    assert is_done(company, request)
    assert f"Announced in <#{CHANNEL}> and <#{SECOND_CHANNEL}>." in company.message(request)


def test_announcement_in_a_replaced_channel_goes_to_the_new_one(company: Company) -> None:
    request = asked(company)
    company.slack.fail("chat.postMessage", "is_archived", times=None)
    break_glass(company, request)
    company.slack.heal()
    settings = replace(company.world.policy.settings, second_channel="C0NEWSECURITY")
    request = announcements.announce(
        replace(company.world, policy=replace(company.world.policy, settings=settings)), company.now(request)
    )
    assert loud(company) == [1, 0]
    assert len(company.slack.posted("C0NEWSECURITY")) == 1
    assert request.announcement is not None
    assert request.announcement.is_complete


def test_announcement_with_refused_blocks_is_made_without_them(company: Company) -> None:
    request = asked(company)
    post = company.slack.call

    def call(method: str, arguments: Any) -> dict[str, Any]:
        if "header" in str(arguments) and method == "chat.postMessage":
            company.slack.fail("chat.postMessage", "msg_blocks_too_long")
        return post(method, arguments)

    company.slack.call = call  # type: ignore[method-assign]
    break_glass(company, request)
    assert loud(company) == [1, 1]
    assert ids.END in str(company.slack.posted(SECOND_CHANNEL)[0].blocks)


def test_announcement_is_not_missing_before_five_minutes(company: Company) -> None:
    request = asked(company)
    company.slack.fail("chat.postMessage", "timeout", times=None)
    break_glass(company, request)
    company.clock.advance(299)
    assert company.sweep().unannounced == 0
    company.clock.advance(1)
    assert company.sweep().unannounced == 1


def test_explanation_not_recorded_is_retried_and_counted(company: Company) -> None:
    request = asked(company)
    save_use = company.store.save_use
    company.store.save_use = lambda *_: False  # type: ignore[method-assign]
    break_glass(company, request)
    assert pass_minutes(company, 10)[-1] == 1
    company.store.save_use = save_use  # type: ignore[method-assign]
    assert pass_minutes(company, 5) == [0]
    assert is_done(company, request)


def test_glass_broken_before_the_question_is_posted_opens() -> None:
    company = Company(policy(rule(glass_after_seconds=0)))
    company.slack.fail("chat.postMessage", "timeout", times=None)
    form = company.slack.open_view({"type": "modal", "blocks": []})
    attempts = count(1)

    def break_at_home(step: str, done: bool) -> None:
        if step == "ask" and not done and next(attempts) == 2:
            (request,) = company.store.requests.values()
            values = {ids.JUSTIFICATION: ("everything burns",)}
            dispatch.do(company.world, Submission(company.actor(ADA), ids.GLASS_FORM, form, request.id, values), None)

    company.player.trouble = break_at_home
    request = company.asked()
    assert company.is_open(), "the access does not wait for Slack"
    company.slack.heal()
    assert pass_minutes(company, 5) == [0]
    assert loud(company) == [1, 1]
    assert is_done(company, request)


def test_access_ends_at_its_time_without_the_identity_store(company: Company) -> None:
    request = asked(company)

    def away(step: str, done: bool) -> None:
        company.directory.failure = ConnectionError("the identity store is away")

    company.player.trouble = away
    break_glass(company, request)
    assert company.is_open()
    assert loud(company) == [1, 1]
    company.player.pass_time(3600)
    assert company.now(request).state is State.ended
    assert "run_out" in company.trail(request)
    assert not company.player.failed


def test_form_sent_again_after_the_end_says_what_is_true(company: Company) -> None:
    request = asked(company)
    break_glass(company, request)
    company.submit(DOT, ids.END_FORM, {ids.NOTE: ("not like this",)}, about=request.id)
    assert company.now(request).state is State.ended
    assert "It is over by now." in break_glass(company, request)
    assert loud(company) == [1, 1]


def killed_at(moment: int, *, slack_is_down: bool) -> bool:
    """Break the glass in a function that dies at a moment and is never called again; say whether it died."""
    company, trouble = Company(), Trouble()
    request = asked(company)
    store, slack, workflow = (
        cast(Any, Watched(one, trouble)) for one in (company.store, company.slack, company.workflow)
    )
    world = replace(company.world, store=store, slack=slack, workflow=workflow)
    form = company.slack.open_view({"type": "modal", "blocks": []})
    sent = Submission(company.actor(ADA), ids.GLASS_FORM, form, request.id, {ids.JUSTIFICATION: ("it burns",)})
    if slack_is_down:
        company.slack.fail("chat.postMessage", "timeout", times=None)
    died = True
    with suppress(KilledError):
        trouble.during(lambda: dispatch.do(world, sent, None), moment, None, lambda: None)
        died = False
    company.player.play()
    pass_minutes(company, 40)
    if slack_is_down:
        company.slack.heal()
        pass_minutes(company, 5)
    if company.now(request).glass:
        assert is_done(company, request), moment
        assert all(loud(company)), moment
        assert "opened" in company.trail(request), moment
    else:
        assert loud(company) == [0, 0], moment
        assert not company.store.uses, moment
    return died


@pytest.mark.parametrize("slack_is_down", [False, True], ids=["Slack works", "Slack is down"])
def test_announcement_function_killed_anywhere_is_made(slack_is_down: bool) -> None:
    moments = next(moment for moment in count(1) if not killed_at(moment, slack_is_down=slack_is_down))
    assert moments > 15


def dies_once(fuse: Fuse) -> None:
    """Break the glass while Slack is down; one function, whichever it is, dies at the fuse's call."""
    company = Company()
    request = asked(company)
    fuse.watch(company.store, "save_request", "save_grant", "save_use")
    fuse.watch(company.slack, "call")
    company.slack.fail("chat.postMessage", "timeout", times=None)
    with suppress(KilledError):
        break_glass(company, request)
    pass_minutes(company, 10)
    company.slack.heal()
    pass_minutes(company, 60)
    if company.now(request).glass:
        assert is_done(company, request), fuse.at
        assert all(loud(company)), fuse.at
        assert "opened" in company.trail(request), fuse.at


@pytest.mark.parametrize("after", [False, True], ids=["before a call", "after a call"])
def test_announcement_any_function_killed_once_is_made(after: bool) -> None:
    whole = Fuse(None, after=after)
    dies_once(whole)
    assert whole.calls > 30
    for at in range(whole.calls):
        dies_once(Fuse(at, after=after))


# --- after real silence -----------------------------------------------------------------------------------------------


def refusal(company: Company, request: Request) -> str:
    """Return what the requester reads who wants to break the glass."""
    return company.seen(company.open_form(ADA, ids.BREAK_GLASS, request))


def test_waiting_time_starts_again_when_a_person_looks(company: Company) -> None:
    request = company.asked()
    company.player.pass_time(540)
    company.click(CLEO, ids.LOOKING, request)
    company.player.pass_time(599)
    assert "1 s to go" in refusal(company, request)
    company.player.pass_time(1)
    assert "Why can't it wait" in refusal(company, request)


def test_waiting_time_starts_again_with_an_approval_too_few() -> None:
    company = Company(policy(rule(approvals=2, approvers=(group("leads"), group("security")))))
    request = company.asked()
    company.player.pass_time(540)
    company.click(CLEO, ids.APPROVE, request)
    company.player.pass_time(599)
    assert "1 s to go" in refusal(company, request)
    company.player.pass_time(1)
    assert "Why can't it wait" in refusal(company, request)


@pytest.mark.parametrize("answer", [ids.LOOKING, ids.APPROVE], ids=["looking", "an approval"])
def test_waiting_time_restarts_with_an_answer_to_a_twin_request(company: Company, answer: str) -> None:
    answered, request = company.asked(duration=600), company.asked(accounts=(PRODUCTION, STAGING))
    elsewhere = company.asked(accounts=(STAGING,))
    company.player.pass_time(540)
    company.click(CLEO, answer, answered)
    company.player.pass_time(60)
    assert "9 min to go" in refusal(company, request)
    assert "Why can't it wait" in refusal(company, elsewhere), "it is about another account"
    company.player.pass_time(540)
    assert "Why can't it wait" in refusal(company, request)


def test_waiting_time_restarts_with_an_answer_to_an_old_request() -> None:
    company = Company(policy(rule(expiry_seconds=4 * 3600)))
    answered = company.asked()
    company.player.pass_time(1)
    for _ in range(19):
        company.asked(accounts=(STAGING,))
    company.player.pass_time(3600)
    request = company.asked()
    company.player.pass_time(540)
    company.click(CLEO, ids.LOOKING, answered)
    company.player.pass_time(60)
    assert "9 min to go" in refusal(company, request)


def test_waiting_time_shown_in_the_message_follows_each_look(company: Company) -> None:
    request = company.asked()
    assert f"answered by {moment(request.created_at + 600)}" in company.message(request)
    company.player.pass_time(60)
    company.click(CLEO, ids.LOOKING, request)
    assert f"answered by {moment(request.created_at + 660)}" in company.message(request)
    company.player.pass_time(1190)
    company.click(CLEO, ids.LOOKING, request)
    assert "It expires before the glass may be broken." in company.message(request)
    assert ids.BREAK_GLASS not in str(company.slack.messages[(CHANNEL, ts_of(company, request))].blocks)


def denied(company: Company, **asked: Any) -> Request:
    """A request that Cleo denies."""
    request = company.asked(**asked)
    company.submit(CLEO, ids.DENY_FORM, {ids.NOTE: ("Use the runbook first.",)}, about=request.id)
    return company.now(request)


def test_denial_forbids_breaking_the_glass_for_twelve_hours(company: Company) -> None:
    first = denied(company)
    when = first.closed_at or 0
    request = asked(company)
    assert f"Cleo denied devops-break-glass for Ada 10 min ago ({first.id})." in refusal(company, request)
    assert "the glass can't be broken" in break_glass(company, request)
    assert not company.now(request).glass
    company.clock.now = when + 12 * 3600 - 601
    request = asked(company)
    assert "1 s to go" in refusal(company, request)
    company.player.pass_time(1)
    break_glass(company, request)
    assert company.now(request).glass
    announcement = str(company.slack.posted(SECOND_CHANNEL)[0].blocks)
    assert f"<@UCLEO> denied `devops-break-glass` in `production (222222222222)`, {moment(when)}" in announcement


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
    company: Company, before: tuple[str, ...], now: tuple[str, ...], forbidden: bool
) -> None:
    denied(company, accounts=before)
    request = company.asked(accounts=now)
    company.player.pass_time(600)
    break_glass(company, request)
    assert company.now(request).glass is not forbidden


def test_denial_of_another_person_does_not_count(company: Company) -> None:
    denied(company, person=EVE)
    request = asked(company)
    break_glass(company, request)
    assert company.now(request).glass


def test_denial_while_another_request_waits_counts_at_once(company: Company) -> None:
    request = company.asked()
    company.player.pass_time(600)
    denied(company)
    break_glass(company, request)
    assert not company.now(request).glass


def test_denial_is_shown_in_the_form_and_in_the_next_message(company: Company) -> None:
    first = denied(company)
    when = first.closed_at or 0
    line = f":no_entry: <@UCLEO> denied `devops-break-glass` in `production (222222222222)`, {moment(when)}"
    until = f"The glass can't be broken for it before {moment(when + 12 * 3600)}."
    request = company.asked()
    assert line in company.message(request)
    assert until in company.message(request)
    assert "It expires before the glass may be broken." in company.message(request)
    view_id = company.command(ADA)
    values = {ids.ROLE: (RDS,), ids.ACCOUNTS: (PRODUCTION,), ids.DURATION: ("3600",), ids.REASON: (" ",)}
    company.submit(ADA, ids.REQUEST_FORM, values, view_id=view_id)
    assert line in company.seen(view_id)
    assert until in company.seen(view_id)


def test_denial_is_remembered_for_a_week(company: Company) -> None:
    denied(company)
    company.clock.advance(7 * 86_400)
    assert ":no_entry:" not in company.message(company.asked())


def ts_of(company: Company, request: Request) -> str:
    place = company.now(request).message
    assert place is not None
    return place.ts
