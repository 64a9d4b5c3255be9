"""Uses: recorded, linked, explained, signed off; and the sweeper that brings them up again."""

import json
from datetime import UTC, datetime

import pytest

from breakglass.app.domain.people import Person
from breakglass.app.domain.records import Message, Request, Use, UseState
from breakglass.app.domain.usage_lifecycle import MAXIMUM_EVENTS, Evidence, EvidencePath, evidence
from breakglass.app.services import dispatch
from breakglass.app.services.reconciler import MOST_REMINDERS, Counts
from breakglass.app.services.usage_reviews import MOST_AN_HOUR, record
from breakglass.app.slack import ids
from breakglass.app.slack.payloads import Click
from tests.app.domain.policies import ADA, BEA, CLEO, DOT, EVE, PRODUCTION, RDS
from tests.app.doubles.clock import NOW
from tests.app.services.company import CHANNEL, Company, interrupt

ALERT = Message(CHANNEL, f"{NOW}.000000")
DAY = 86_400
EXPLANATION = {
    ids.REASON: ("the database was gone",),
    ids.INCIDENT: ("https://incidents.example.com/17",),
    ids.DONE_WHAT: ("restored it",),
    ids.FOLLOW_UP: ("a second backup",),
}


@pytest.fixture
def company() -> Company:
    return Company()


def seen(path: str = "session_start", who: str = "ada", event: str = "e-1", minutes: int = 0, drill: str = "") -> str:
    """What the alert path says of a use, `minutes` after four in the afternoon."""
    time = f"2025-11-24T{16 + minutes // 60:02}:{minutes % 60:02}:00Z"
    return f"{drill}|{RDS}|{path}|{PRODUCTION}|{event}|{time}|{who}"


def recorded(company: Company, value: str) -> Use:
    return record(company.world, company.directory, evidence(value))


def the_use(company: Company) -> Use:
    (use,) = company.store.uses.values()
    return use


def test_the_records_of_one_session_are_one_use_in_any_order(company: Company) -> None:
    recorded(company, seen("console", f"arn:aws:sts::{PRODUCTION}:assumed-role/x/ada", "e-3", 2))
    recorded(company, seen("portal", ADA.user_id, "e-1", 0))
    recorded(company, seen("session_start", "ada", "e-2", 1))
    recorded(company, seen("session_start", "ada", "e-2", 1))
    use = the_use(company)
    assert (use.user_id, set(use.event_ids)) == (ADA.user_id, {"e-1", "e-2", "e-3"})
    assert [entry.event for entry in company.store.trail] == ["use_recorded"]


def test_a_tool_that_asks_for_credentials_at_every_call_makes_one_use(company: Company) -> None:
    for number in range(3 * MAXIMUM_EVENTS):
        recorded(company, seen("portal", ADA.user_id, f"e-{number}", number // 3))
    assert len(the_use(company).event_ids) == MAXIMUM_EVENTS
    company.clock.advance(3000)
    view_id = company.open_form(ADA, ids.EXPLAIN_ALERT, seen("portal", ADA.user_id, "e-149", 49))
    assert company.slack.views[view_id]["private_metadata"] == the_use(company).id


def test_two_records_of_one_session_at_the_same_moment_are_one_use(company: Company) -> None:
    interrupt(company.store, "save_use", lambda: recorded(company, seen("portal", ADA.user_id, "e-1")))
    recorded(company, seen("session_start", "ada", "e-2"))
    assert the_use(company).event_ids == ("e-1", "e-2")
    assert [entry.event for entry in company.store.trail] == ["use_recorded"]


def test_what_is_told_late_finds_its_session_or_begins_one(company: Company) -> None:
    recorded(company, seen(event="e-1", minutes=200))
    recorded(company, seen(event="e-2", minutes=0))
    recorded(company, seen(event="e-3", minutes=10))
    recorded(company, seen(event="e-4", minutes=100))
    assert sorted(len(use.event_ids) for use in company.store.uses.values()) == [1, 1, 2]


def test_another_person_or_a_later_session_is_another_use(company: Company) -> None:
    recorded(company, seen(event="e-1"))
    recorded(company, seen(who="bea", event="e-2"))
    recorded(company, seen(event="e-3", minutes=90))
    assert len(company.store.uses) == 3


def test_a_use_under_a_request_is_linked_to_it_by_itself(company: Company) -> None:
    request = company.asked()
    company.click(CLEO, ids.APPROVE, request)
    at = Evidence(False, RDS, evidence(seen()).path, PRODUCTION, "e-1", company.clock() + 5, "ada")
    assert record(company.world, company.directory, at).request_id == request.id


def glass_broken(company: Company) -> Request:
    request = company.asked()
    company.player.pass_time(600)
    company.submit(ADA, ids.GLASS_FORM, {ids.JUSTIFICATION: ("everything burns",)}, about=request.id)
    return company.now(request)


def test_whoever_breaks_the_glass_owes_a_post_mortem_although_nothing_shows_a_use(company: Company) -> None:
    request = glass_broken(company)
    company.click(ADA, ids.DONE, request)
    use = the_use(company)
    assert (use.request_id, use.user_id, use.due_at) == (request.id, ADA.user_id, company.clock() + DAY)
    company.clock.advance(DAY)
    assert company.sweep().overdue == 1
    company.submit(ADA, ids.EXPLAIN_FORM, EXPLANATION, about=use.id)
    assert "explained" in company.thread(request)[-1], "it is in the request's own thread"
    company.submit(ADA, ids.GLASS_FORM, {ids.JUSTIFICATION: ("again",)}, about=request.id)
    assert the_use(company).explanation is not None


def test_what_is_seen_of_a_broken_glass_is_the_same_use(company: Company) -> None:
    glass_broken(company)
    record(
        company.world,
        company.directory,
        Evidence(False, RDS, EvidencePath.session_start, PRODUCTION, "e-1", company.clock() + 60, "ada"),
    )
    assert the_use(company).event_ids == ("e-1",)


def test_an_approved_request_that_is_not_used_needs_no_explanation(company: Company) -> None:
    request = company.asked()
    company.click(CLEO, ids.APPROVE, request)
    company.click(ADA, ids.DONE, request)
    assert company.store.uses == {}


def test_explained_from_the_alert_in_its_thread_and_signed_off_by_a_second_person(company: Company) -> None:
    view_id = company.open_form(ADA, ids.EXPLAIN_ALERT, seen())
    use = the_use(company)
    assert company.slack.views[view_id]["private_metadata"] == use.id
    assert use.thread == ALERT
    company.submit(ADA, ids.EXPLAIN_FORM, EXPLANATION, about=use.id, view_id=view_id)
    (explained,) = company.slack.thread(ALERT.channel, ALERT.ts)
    assert "a second backup" in json.dumps(explained.blocks)
    assert "it takes a second person" in company.seen(company.open_form(ADA, ids.SIGN_OFF, use.id))
    assert "may sign this off" in company.seen(company.open_form(EVE, ids.SIGN_OFF, use.id))
    sign_off(company, CLEO, use)
    assert the_use(company).state is UseState.signed_off
    assert "Signed off by <@UCLEO>" in company.slack.thread(ALERT.channel, ALERT.ts)[-1].text
    assert [entry.event for entry in company.store.trail if entry.event != "refused"] == [
        "use_recorded",
        "use_explained",
        "use_signed_off",
    ]


def sign_off(company: Company, person: Person, use: Use) -> str:
    """Open the form with the explanation, send it, and return its id."""
    view_id = company.open_form(person, ids.SIGN_OFF, use.id)
    about = company.slack.views[view_id].get("private_metadata", "")
    return company.submit(person, ids.SIGN_OFF_FORM, {}, about=about, view_id=view_id)


@pytest.mark.parametrize("at_home", [False, True], ids=["in the thread", "in the Home tab"])
def test_sign_off_shows_the_explanation_wherever_it_was_clicked(company: Company, at_home: bool) -> None:
    use = recorded(company, seen())
    company.submit(ADA, ids.EXPLAIN_FORM, EXPLANATION, about=use.id)
    view_id = company.slack.open_view({"type": "modal", "blocks": []})
    message, home = (None, "VHOME") if at_home else (ALERT, None)
    dispatch.do(company.world, Click(company.actor(CLEO), "t-1", ids.SIGN_OFF, use.id, message, home, "", {}), view_id)
    shown = company.seen(view_id)
    assert [text for (text,) in EXPLANATION.values() if text not in shown] == []
    assert the_use(company).state is UseState.explained, "a click alone agrees with nothing"


def test_sign_off_of_a_changed_explanation_shows_the_newest(company: Company) -> None:
    use = recorded(company, seen())
    company.submit(ADA, ids.EXPLAIN_FORM, EXPLANATION, about=use.id)
    view_id = company.open_form(CLEO, ids.SIGN_OFF, use.id)
    read = company.slack.views[view_id]["private_metadata"]
    changed = {**EXPLANATION, ids.DONE_WHAT: ("something else",)}
    company.submit(ADA, ids.EXPLAIN_FORM, changed, about=use.id)
    company.submit(CLEO, ids.SIGN_OFF_FORM, {}, about=read, view_id=view_id)
    assert "was changed meanwhile" in company.seen(view_id)
    assert "something else" in company.seen(view_id)
    assert the_use(company).state is UseState.explained
    about = company.slack.views[view_id]["private_metadata"]
    company.submit(CLEO, ids.SIGN_OFF_FORM, {}, about=about, view_id=view_id)
    assert the_use(company).state is UseState.signed_off


def test_sign_off_loses_against_a_change_of_the_same_moment(company: Company) -> None:
    use = recorded(company, seen())
    company.submit(ADA, ids.EXPLAIN_FORM, EXPLANATION, about=use.id)
    view_id = company.open_form(CLEO, ids.SIGN_OFF, use.id)
    changed = {**EXPLANATION, ids.DONE_WHAT: ("something else",)}
    interrupt(company.store, "save_use", lambda: company.submit(ADA, ids.EXPLAIN_FORM, changed, about=use.id))
    about = company.slack.views[view_id]["private_metadata"]
    company.submit(CLEO, ids.SIGN_OFF_FORM, {}, about=about, view_id=view_id)
    assert "was changed meanwhile" in company.seen(view_id)
    assert the_use(company).state is UseState.explained


@pytest.mark.parametrize("version", ["", "|", "|" + "0" * 32])
def test_sign_off_without_the_version_of_the_text_is_refused(company: Company, version: str) -> None:
    use = recorded(company, seen())
    company.submit(ADA, ids.EXPLAIN_FORM, EXPLANATION, about=use.id)
    company.submit(CLEO, ids.SIGN_OFF_FORM, {}, about=f"{use.id}{version}")
    assert the_use(company).state is UseState.explained


def test_a_sign_off_that_is_done_again_is_told_again_and_changes_nothing(company: Company) -> None:
    use = recorded(company, seen())
    company.submit(ADA, ids.EXPLAIN_FORM, EXPLANATION, about=use.id)
    company.slack.fail("chat.postMessage", "timeout")
    view_id = company.open_form(CLEO, ids.SIGN_OFF, use.id)
    about = company.slack.views[view_id]["private_metadata"]
    for _ in range(2):
        company.submit(CLEO, ids.SIGN_OFF_FORM, {}, about=about, view_id=view_id)
    thread = the_use(company).thread
    assert thread is not None
    assert "Signed off by" in company.slack.thread(thread.channel, thread.ts)[-1].text
    assert [entry.event for entry in company.store.trail] == ["use_recorded", "use_explained", "use_signed_off"]


def test_the_alert_of_a_drill_needs_no_explanation_and_a_forged_one_makes_no_record(company: Company) -> None:
    view_id = company.open_form(ADA, ids.EXPLAIN_ALERT, seen(drill="DRILL: "))
    assert "nothing to explain" in company.seen(view_id)
    view_id = company.open_form(ADA, ids.EXPLAIN_ALERT, '|"}]|<!channel>')
    assert "does not say what it is about" in company.seen(view_id)
    assert not company.store.uses


# --- what a click tells ----------------------------------------------------------------------------------------------


def forged(event: str = "e-1", who: str = "ada", path: str = "session_start", at: int = NOW) -> str:
    """A value of a button, whatever it claims."""
    time = datetime.fromtimestamp(at, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"|{RDS}|{path}|{PRODUCTION}|{event}|{time}|{who}"


def test_click_on_an_unrecorded_alert_names_the_clicker(company: Company) -> None:
    company.open_form(ADA, ids.EXPLAIN_ALERT, forged())
    (entry,) = company.store.trail
    assert (entry.event, entry.actor.user_id, entry.subject) == ("use_recorded", ADA.user_id, the_use(company).id)


def test_click_of_who_may_not_explain_creates_nothing(company: Company) -> None:
    view_id = company.open_form(EVE, ids.EXPLAIN_ALERT, forged(who="ada"))
    assert "Only whoever used" in company.seen(view_id)
    assert company.store.uses == {}
    assert [entry.event for entry in company.store.trail] == ["refused"]


def test_click_of_who_may_not_explain_moves_no_thread(company: Company) -> None:
    use = recorded(company, seen())
    company.open_form(EVE, ids.EXPLAIN_ALERT, seen())
    assert the_use(company) == use


@pytest.mark.parametrize("at", [NOW - 7 * DAY - 1, NOW + 301])
def test_click_with_a_time_outside_seven_days_creates_nothing(company: Company, at: int) -> None:
    view_id = company.open_form(ADA, ids.EXPLAIN_ALERT, forged(at=at))
    assert "not of the last seven days" in company.seen(view_id)
    assert company.store.uses == {}


def test_click_on_an_old_alert_finds_the_recorded_use(company: Company) -> None:
    use = recorded(company, seen())
    company.clock.advance(30 * DAY)
    view_id = company.open_form(ADA, ids.EXPLAIN_ALERT, seen())
    assert company.slack.views[view_id]["private_metadata"] == use.id


def test_clicks_that_record_uses_are_limited_for_each_person(company: Company) -> None:
    views = [company.open_form(ADA, ids.EXPLAIN_ALERT, forged(f"e-{n}", f"nobody-{n}")) for n in range(30)]
    assert len(company.store.uses) == MOST_AN_HOUR
    assert "within an hour" in company.seen(views[-1])
    company.open_form(BEA, ids.EXPLAIN_ALERT, forged("e-31", "nobody-31"))
    company.clock.advance(3600)
    company.open_form(ADA, ids.EXPLAIN_ALERT, forged("e-32", "nobody-32", at=company.clock()))
    assert len(company.store.uses) == MOST_AN_HOUR + 2


def test_click_with_the_id_of_a_request_cancels_no_explanation(company: Company) -> None:
    request = company.asked()
    for who in ("", "ada", "nobody"):
        company.open_form(ADA, ids.EXPLAIN_ALERT, forged(event=request.id, who=who))
    company.player.pass_time(600)
    company.submit(ADA, ids.GLASS_FORM, {ids.JUSTIFICATION: ("everything burns",)}, about=request.id)
    (required,) = [use for use in company.store.uses.values() if use.request_id == request.id]
    assert (required.user_id, required.explanation) == (ADA.user_id, None)


@pytest.mark.parametrize("who", ["ada", ""])
def test_click_before_the_record_is_the_same_use(company: Company, who: str) -> None:
    company.open_form(ADA, ids.EXPLAIN_ALERT, seen(who=who))
    use = recorded(company, seen(who=who))
    assert the_use(company) == use
    view_id = company.open_form(ADA, ids.EXPLAIN_ALERT, seen(who=who))
    assert company.slack.views[view_id]["private_metadata"] == the_use(company).id


def test_click_that_names_another_person_hides_no_real_use(company: Company) -> None:
    company.open_form(ADA, ids.EXPLAIN_ALERT, seen(who="nobody"))
    real = recorded(company, seen(who="ada"))
    assert (real.user_id, real.event_ids) == (ADA.user_id, ("e-1",))
    assert len(company.store.uses) == 2


def test_click_that_names_another_person_hides_no_other_click(company: Company) -> None:
    company.open_form(EVE, ids.EXPLAIN_ALERT, seen(who="nobody"))
    view_id = company.open_form(ADA, ids.EXPLAIN_ALERT, seen(who="ada"))
    about = company.slack.views[view_id]["private_metadata"]
    assert company.store.uses[about].user_id == ADA.user_id


def test_click_on_an_old_alert_finds_what_a_click_recorded(company: Company) -> None:
    company.open_form(ADA, ids.EXPLAIN_ALERT, seen())
    company.clock.advance(30 * DAY)
    view_id = company.open_form(ADA, ids.EXPLAIN_ALERT, seen())
    assert company.slack.views[view_id]["private_metadata"] == the_use(company).id


@pytest.mark.parametrize(("count", "posted"), [(10, 10), (11, 11), (201, 11)])
def test_many_unexplained_uses_are_few_messages(company: Company, count: int, posted: int) -> None:
    for number in range(count):
        recorded(company, seen(who=f"nobody-{number}", event=f"e-{number}"))
    company.clock.advance(DAY)
    assert company.sweep().overdue == count
    reminders = company.slack.posted(CHANNEL)
    assert len(reminders) == posted
    if count > 10:
        assert reminders[-1].text.startswith(f":bell: {count - 10} more use")
    company.clock.advance(300)
    company.sweep()
    assert len(company.slack.posted(CHANNEL)) == posted, "all of them have been brought up"


def test_an_explanation_says_why_and_what_and_is_by_whoever_used_it(company: Company) -> None:
    use = recorded(company, seen())
    view_id = company.submit(ADA, ids.EXPLAIN_FORM, {**EXPLANATION, ids.DONE_WHAT: (" ",)}, about=use.id)
    assert "what was done" in company.seen(view_id)
    view_id = company.submit(EVE, ids.EXPLAIN_FORM, EXPLANATION, about=use.id)
    assert "Only whoever used" in company.seen(view_id)
    assert the_use(company).state is UseState.unexplained


def test_what_nobody_explains_is_brought_up_again_and_is_overdue_after_a_day(company: Company) -> None:
    use = recorded(company, seen())
    company.clock.now = use.first_seen
    assert company.sweep() == Counts()
    company.clock.now = use.first_seen + 4 * 3600
    assert company.sweep() == Counts()
    assert company.sweep() == Counts(), "not again so soon"
    (reminder,) = company.slack.posted(CHANNEL)
    assert "Nobody has yet explained" in reminder.text
    company.clock.now = use.due_at
    assert company.sweep() == Counts(overdue=1)
    (again,) = company.slack.thread(CHANNEL, reminder.ts)
    assert "overdue" in again.text


def test_what_nobody_signs_off_is_overdue_as_well(company: Company) -> None:
    use = recorded(company, seen())
    company.submit(DOT, ids.EXPLAIN_FORM, EXPLANATION, about=use.id)
    assert the_use(company).state is UseState.explained
    company.clock.now = use.due_at
    assert company.sweep().overdue == 1


def test_reminder_slack_did_not_accept_is_tried_in_the_next_run(company: Company) -> None:
    use = recorded(company, seen())
    company.clock.now = use.first_seen + 4 * 3600
    company.slack.fail("chat.postMessage", "timeout", times=None)
    company.sweep()
    assert the_use(company).reminded_at is None
    company.slack.heal()
    company.clock.advance(300)
    company.sweep()
    company.sweep()
    (reminder,) = company.slack.posted(CHANNEL)
    assert "Nobody has yet explained" in reminder.text
    assert the_use(company).reminded_at == company.clock()


def test_many_reminders_not_accepted_are_tried_in_the_next_run(company: Company) -> None:
    for number in range(MOST_REMINDERS + 2):
        recorded(company, seen(who=f"someone-{number}", event=f"e-{number}"))
    company.clock.now = the_first(company).first_seen + 4 * 3600
    company.slack.fail("chat.postMessage", "timeout", times=None)
    company.sweep()
    assert {use.reminded_at for use in company.store.uses.values()} == {None}
    company.slack.heal()
    company.sweep()
    assert {use.reminded_at for use in company.store.uses.values()} == {company.clock()}
    assert len(company.slack.posted(CHANNEL)) == MOST_REMINDERS + 1


def the_first(company: Company) -> Use:
    return next(iter(company.store.uses.values()))


def test_explanation_not_accepted_is_not_said_to_be_there(company: Company) -> None:
    use = recorded(company, seen())
    company.slack.fail("chat.postMessage", "timeout", times=None)
    view_id = company.submit(ADA, ids.EXPLAIN_FORM, EXPLANATION, about=use.id)
    assert "Slack did not accept it in the thread" in company.seen(view_id)
    assert the_use(company).state is UseState.explained
