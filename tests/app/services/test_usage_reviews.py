"""Usages: recorded, linked, explained, accepted, and the reconciler's reminders."""

import json
from datetime import UTC, datetime

import pytest

from breakglass.app.domain.people import Person
from breakglass.app.domain.records import Message, Request, Usage, UsageState
from breakglass.app.domain.usage_lifecycle import MAXIMUM_EVENTS, Evidence, EvidencePath, parse_evidence
from breakglass.app.services import dispatch
from breakglass.app.services.reconciler import MOST_REMINDERS
from breakglass.app.services.reconciler_run import Counts
from breakglass.app.services.usage_reviews import MAX_PER_HOUR, record_usage
from breakglass.app.slack import ids
from breakglass.app.slack.payloads import Click
from tests.app.domain.policies import ADA, BEA, CLEO, DOT, EVE, PRODUCTION, RDS
from tests.app.doubles.clock import NOW
from tests.app.services.fake_workspace import CHANNEL, FakeWorkspace, interrupt

ALERT = Message(CHANNEL, f"{NOW}.000000")
DAY = 86_400
EXPLANATION = {
    ids.REASON: ("the database was gone",),
    ids.INCIDENT: ("https://incidents.example.com/17",),
    ids.DONE_WHAT: ("restored it",),
    ids.FOLLOW_UP: ("a second backup",),
}


def seen(path: str = "session_start", who: str = "ada", event: str = "e-1", minutes: int = 0) -> str:
    """Return the alert path's value of a usage, `minutes` after four in the afternoon."""
    time = f"2025-11-24T{16 + minutes // 60:02}:{minutes % 60:02}:00Z"
    return f"{RDS}|{path}|{PRODUCTION}|{event}|{time}|{who}"


def recorded(workspace: FakeWorkspace, value: str) -> Usage:
    return record_usage(workspace.context, workspace.directory, parse_evidence(value))


def the_use(workspace: FakeWorkspace) -> Usage:
    (use,) = workspace.store.uses.values()
    return use


def test_records_of_one_session_are_one_usage_in_any_order(workspace: FakeWorkspace) -> None:
    recorded(workspace, seen("console", f"arn:aws:sts::{PRODUCTION}:assumed-role/x/ada", "e-3", 2))
    recorded(workspace, seen("portal", ADA.user_id, "e-1", 0))
    recorded(workspace, seen("session_start", "ada", "e-2", 1))
    recorded(workspace, seen("session_start", "ada", "e-2", 1))
    use = the_use(workspace)
    assert (use.user_id, set(use.event_ids)) == (ADA.user_id, {"e-1", "e-2", "e-3"})
    assert [entry.event for entry in workspace.store.trail] == ["usage_recorded"]


def test_tool_with_credentials_for_each_call_makes_one_usage(workspace: FakeWorkspace) -> None:
    for number in range(3 * MAXIMUM_EVENTS):
        recorded(workspace, seen("portal", ADA.user_id, f"e-{number}", number // 3))
    assert len(the_use(workspace).event_ids) == MAXIMUM_EVENTS
    workspace.clock.advance(3000)
    view_id = workspace.open_form(ADA, ids.EXPLAIN_ALERT, seen("portal", ADA.user_id, "e-149", 49))
    assert workspace.slack.views[view_id]["private_metadata"] == the_use(workspace).id


def test_simultaneous_records_of_one_session_are_one_usage(workspace: FakeWorkspace) -> None:
    interrupt(workspace.store, "save_usage", lambda: recorded(workspace, seen("portal", ADA.user_id, "e-1")))
    recorded(workspace, seen("session_start", "ada", "e-2"))
    assert the_use(workspace).event_ids == ("e-1", "e-2")
    assert [entry.event for entry in workspace.store.trail] == ["usage_recorded"]


def test_late_record_joins_its_session_or_starts_one(workspace: FakeWorkspace) -> None:
    recorded(workspace, seen(event="e-1", minutes=200))
    recorded(workspace, seen(event="e-2", minutes=0))
    recorded(workspace, seen(event="e-3", minutes=10))
    recorded(workspace, seen(event="e-4", minutes=100))
    assert sorted(len(use.event_ids) for use in workspace.store.uses.values()) == [1, 1, 2]


def test_record_of_another_person_or_session_is_another_usage(workspace: FakeWorkspace) -> None:
    recorded(workspace, seen(event="e-1"))
    recorded(workspace, seen(who="bea", event="e-2"))
    recorded(workspace, seen(event="e-3", minutes=90))
    assert len(workspace.store.uses) == 3


def test_usage_under_a_request_is_linked_to_it(workspace: FakeWorkspace) -> None:
    request = workspace.grant_access()
    at = Evidence(RDS, parse_evidence(seen()).path, PRODUCTION, "e-1", workspace.clock() + 5, "ada")
    assert record_usage(workspace.context, workspace.directory, at).request_id == request.id


def glass_broken(workspace: FakeWorkspace) -> Request:
    request = workspace.request_access()
    workspace.runner.pass_time(600)
    workspace.submit(ADA, ids.GLASS_FORM, {ids.JUSTIFICATION: ("everything burns",)}, about=request.id)
    return workspace.reload(request)


def test_break_glass_without_a_usage_requires_an_explanation(workspace: FakeWorkspace) -> None:
    request = glass_broken(workspace)
    workspace.click(ADA, ids.DONE, request)
    use = the_use(workspace)
    assert (use.request_id, use.user_id, use.due_at) == (request.id, ADA.user_id, workspace.clock() + DAY)
    workspace.clock.advance(DAY)
    assert workspace.reconcile().overdue == 1
    workspace.submit(ADA, ids.EXPLAIN_FORM, EXPLANATION, about=use.id)
    assert "explained" in workspace.thread_texts(request)[-1], "it is in the request's own thread"
    workspace.submit(ADA, ids.GLASS_FORM, {ids.JUSTIFICATION: ("again",)}, about=request.id)
    assert the_use(workspace).explanation is not None


def test_record_under_break_glass_joins_its_usage(workspace: FakeWorkspace) -> None:
    glass_broken(workspace)
    record_usage(
        workspace.context,
        workspace.directory,
        Evidence(RDS, EvidencePath.session_start, PRODUCTION, "e-1", workspace.clock() + 60, "ada"),
    )
    assert the_use(workspace).event_ids == ("e-1",)


def test_approved_request_without_usage_needs_no_explanation(workspace: FakeWorkspace) -> None:
    request = workspace.grant_access()
    workspace.click(ADA, ids.DONE, request)
    assert workspace.store.uses == {}


def test_explanation_from_an_alert_is_accepted_by_another(workspace: FakeWorkspace) -> None:
    view_id = workspace.open_form(ADA, ids.EXPLAIN_ALERT, seen())
    use = the_use(workspace)
    assert workspace.slack.views[view_id]["private_metadata"] == use.id
    assert use.thread == ALERT
    workspace.submit(ADA, ids.EXPLAIN_FORM, EXPLANATION, about=use.id, view_id=view_id)
    (explained,) = workspace.slack.thread(ALERT.channel, ALERT.ts)
    assert "a second backup" in json.dumps(explained.blocks)
    assert "a second person has to" in workspace.view_text(workspace.open_form(ADA, ids.ACCEPT, use.id))
    assert "may accept this" in workspace.view_text(workspace.open_form(EVE, ids.ACCEPT, use.id))
    accept_usage(workspace, CLEO, use)
    assert the_use(workspace).state is UsageState.accepted
    assert "Explanation accepted by <@UCLEO>" in workspace.slack.thread(ALERT.channel, ALERT.ts)[-1].text
    assert [entry.event for entry in workspace.store.trail if entry.event != "refused"] == [
        "usage_recorded",
        "usage_explained",
        "usage_accepted",
    ]


def explained(workspace: FakeWorkspace) -> Usage:
    """Return a usage as it was recorded, after Ada has explained it."""
    use = recorded(workspace, seen())
    workspace.submit(ADA, ids.EXPLAIN_FORM, EXPLANATION, about=use.id)
    return use


def accept_usage(workspace: FakeWorkspace, person: Person, use: Usage) -> str:
    """Open the form with the explanation, send it, and return its id."""
    view_id = workspace.open_form(person, ids.ACCEPT, use.id)
    about = workspace.slack.views[view_id].get("private_metadata", "")
    return workspace.submit(person, ids.ACCEPT_FORM, {}, about=about, view_id=view_id)


@pytest.mark.parametrize("at_home", [False, True], ids=["in the thread", "in the Home tab"])
def test_acceptance_form_shows_the_explanation_from_any_click(workspace: FakeWorkspace, at_home: bool) -> None:
    use = explained(workspace)
    view_id = workspace.slack.open_view({"type": "modal", "blocks": []})
    message, home = (None, "VHOME") if at_home else (ALERT, None)
    dispatch.handle_interaction(
        workspace.context, Click(workspace.actor(CLEO), "t-1", ids.ACCEPT, use.id, message, home, "", {}), view_id
    )
    shown = workspace.view_text(view_id)
    assert [text for (text,) in EXPLANATION.values() if text not in shown] == []
    assert the_use(workspace).state is UsageState.explained, "a click alone agrees with nothing"


def test_accept_of_a_changed_explanation_shows_the_newest(workspace: FakeWorkspace) -> None:
    use = explained(workspace)
    view_id = workspace.open_form(CLEO, ids.ACCEPT, use.id)
    read = workspace.slack.views[view_id]["private_metadata"]
    changed = {**EXPLANATION, ids.DONE_WHAT: ("something else",)}
    workspace.submit(ADA, ids.EXPLAIN_FORM, changed, about=use.id)
    workspace.submit(CLEO, ids.ACCEPT_FORM, {}, about=read, view_id=view_id)
    assert "has changed" in workspace.view_text(view_id)
    assert "something else" in workspace.view_text(view_id)
    assert the_use(workspace).state is UsageState.explained
    about = workspace.slack.views[view_id]["private_metadata"]
    workspace.submit(CLEO, ids.ACCEPT_FORM, {}, about=about, view_id=view_id)
    assert the_use(workspace).state is UsageState.accepted


def test_accept_during_a_change_shows_the_newest(workspace: FakeWorkspace) -> None:
    use = explained(workspace)
    view_id = workspace.open_form(CLEO, ids.ACCEPT, use.id)
    changed = {**EXPLANATION, ids.DONE_WHAT: ("something else",)}
    interrupt(workspace.store, "save_usage", lambda: workspace.submit(ADA, ids.EXPLAIN_FORM, changed, about=use.id))
    about = workspace.slack.views[view_id]["private_metadata"]
    workspace.submit(CLEO, ids.ACCEPT_FORM, {}, about=about, view_id=view_id)
    assert "has changed" in workspace.view_text(view_id)
    assert the_use(workspace).state is UsageState.explained


@pytest.mark.parametrize("version", ["", "|", "|" + "0" * 32])
def test_accept_without_the_version_is_refused(workspace: FakeWorkspace, version: str) -> None:
    use = explained(workspace)
    workspace.submit(CLEO, ids.ACCEPT_FORM, {}, about=f"{use.id}{version}")
    assert the_use(workspace).state is UsageState.explained


def test_accept_repeated_changes_nothing(workspace: FakeWorkspace) -> None:
    use = explained(workspace)
    workspace.slack.fail("chat.postMessage", "timeout")
    view_id = workspace.open_form(CLEO, ids.ACCEPT, use.id)
    about = workspace.slack.views[view_id]["private_metadata"]
    for _ in range(2):
        workspace.submit(CLEO, ids.ACCEPT_FORM, {}, about=about, view_id=view_id)
    thread = the_use(workspace).thread
    assert thread is not None
    assert "Explanation accepted by" in workspace.slack.thread(thread.channel, thread.ts)[-1].text
    assert [entry.event for entry in workspace.store.trail] == ["usage_recorded", "usage_explained", "usage_accepted"]


@pytest.mark.parametrize("value", ['"}]|<!channel>', f"DRILL: |{seen()}"], ids=["crafted", "drill of an old version"])
def test_alert_without_evidence_creates_no_usage(workspace: FakeWorkspace, value: str) -> None:
    view_id = workspace.open_form(ADA, ids.EXPLAIN_ALERT, value)
    assert "has no valid evidence of a usage" in workspace.view_text(view_id)
    assert not workspace.store.uses


def test_alert_of_an_earlier_version_can_be_explained(workspace: FakeWorkspace) -> None:
    workspace.open_form(ADA, ids.EXPLAIN_ALERT, f"|{seen()}")
    assert len(workspace.store.uses) == 1


# --- clicks ----------------------------------------------------------------------------------------------------------


def forged(event: str = "e-1", who: str = "ada", path: str = "session_start", at: int = NOW) -> str:
    """Return the value of a button, with any claims."""
    time = datetime.fromtimestamp(at, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"{RDS}|{path}|{PRODUCTION}|{event}|{time}|{who}"


def test_click_on_an_unrecorded_alert_names_the_clicker(workspace: FakeWorkspace) -> None:
    workspace.open_form(ADA, ids.EXPLAIN_ALERT, forged())
    (entry,) = workspace.store.trail
    assert (entry.event, entry.actor.user_id, entry.subject) == ("usage_recorded", ADA.user_id, the_use(workspace).id)


def test_click_of_an_unauthorized_person_creates_nothing(workspace: FakeWorkspace) -> None:
    view_id = workspace.open_form(EVE, ids.EXPLAIN_ALERT, forged(who="ada"))
    assert "Only the user of" in workspace.view_text(view_id)
    assert workspace.store.uses == {}
    assert [entry.event for entry in workspace.store.trail] == ["refused"]


def test_click_of_an_unauthorized_person_moves_no_thread(workspace: FakeWorkspace) -> None:
    use = recorded(workspace, seen())
    workspace.open_form(EVE, ids.EXPLAIN_ALERT, seen())
    assert the_use(workspace) == use


@pytest.mark.parametrize("at", [NOW - 7 * DAY - 1, NOW + 301])
def test_click_with_a_time_outside_seven_days_creates_nothing(workspace: FakeWorkspace, at: int) -> None:
    view_id = workspace.open_form(ADA, ids.EXPLAIN_ALERT, forged(at=at))
    assert "not from the last seven days" in workspace.view_text(view_id)
    assert workspace.store.uses == {}


def test_click_on_an_old_alert_finds_the_recorded_usage(workspace: FakeWorkspace) -> None:
    use = recorded(workspace, seen())
    workspace.clock.advance(30 * DAY)
    view_id = workspace.open_form(ADA, ids.EXPLAIN_ALERT, seen())
    assert workspace.slack.views[view_id]["private_metadata"] == use.id


def test_clicks_that_record_usages_are_limited_per_person(workspace: FakeWorkspace) -> None:
    views = [workspace.open_form(ADA, ids.EXPLAIN_ALERT, forged(f"e-{n}", f"nobody-{n}")) for n in range(30)]
    assert len(workspace.store.uses) == MAX_PER_HOUR
    assert "within an hour" in workspace.view_text(views[-1])
    workspace.open_form(BEA, ids.EXPLAIN_ALERT, forged("e-31", "nobody-31"))
    workspace.clock.advance(3600)
    workspace.open_form(ADA, ids.EXPLAIN_ALERT, forged("e-32", "nobody-32", at=workspace.clock()))
    assert len(workspace.store.uses) == MAX_PER_HOUR + 2


def test_click_with_the_id_of_a_request_cancels_no_explanation(workspace: FakeWorkspace) -> None:
    request = workspace.request_access()
    for who in ("", "ada", "nobody"):
        workspace.open_form(ADA, ids.EXPLAIN_ALERT, forged(event=request.id, who=who))
    workspace.runner.pass_time(600)
    workspace.submit(ADA, ids.GLASS_FORM, {ids.JUSTIFICATION: ("everything burns",)}, about=request.id)
    (required,) = [use for use in workspace.store.uses.values() if use.request_id == request.id]
    assert (required.user_id, required.explanation) == (ADA.user_id, None)


@pytest.mark.parametrize("who", ["ada", ""])
def test_click_before_the_record_is_the_same_usage(workspace: FakeWorkspace, who: str) -> None:
    workspace.open_form(ADA, ids.EXPLAIN_ALERT, seen(who=who))
    use = recorded(workspace, seen(who=who))
    assert the_use(workspace) == use
    view_id = workspace.open_form(ADA, ids.EXPLAIN_ALERT, seen(who=who))
    assert workspace.slack.views[view_id]["private_metadata"] == the_use(workspace).id


def test_click_that_names_another_person_hides_no_usage(workspace: FakeWorkspace) -> None:
    workspace.open_form(ADA, ids.EXPLAIN_ALERT, seen(who="nobody"))
    real = recorded(workspace, seen(who="ada"))
    assert (real.user_id, real.event_ids) == (ADA.user_id, ("e-1",))
    assert len(workspace.store.uses) == 2


def test_click_that_names_another_person_hides_no_other_click(workspace: FakeWorkspace) -> None:
    workspace.open_form(EVE, ids.EXPLAIN_ALERT, seen(who="nobody"))
    view_id = workspace.open_form(ADA, ids.EXPLAIN_ALERT, seen(who="ada"))
    about = workspace.slack.views[view_id]["private_metadata"]
    assert workspace.store.uses[about].user_id == ADA.user_id


def test_click_on_an_old_alert_finds_what_a_click_recorded(workspace: FakeWorkspace) -> None:
    workspace.open_form(ADA, ids.EXPLAIN_ALERT, seen())
    workspace.clock.advance(30 * DAY)
    view_id = workspace.open_form(ADA, ids.EXPLAIN_ALERT, seen())
    assert workspace.slack.views[view_id]["private_metadata"] == the_use(workspace).id


@pytest.mark.parametrize(("count", "posted"), [(10, 10), (11, 11), (201, 11)])
def test_many_unexplained_usages_are_few_messages(workspace: FakeWorkspace, count: int, posted: int) -> None:
    for number in range(count):
        recorded(workspace, seen(who=f"nobody-{number}", event=f"e-{number}"))
    workspace.clock.advance(DAY)
    assert workspace.reconcile().overdue == count
    reminders = workspace.slack.posted(CHANNEL)
    assert len(reminders) == posted
    if count > 10:
        assert reminders[-1].text.startswith(f":bell: {count - 10} more usage")
    workspace.clock.advance(300)
    workspace.reconcile()
    assert len(workspace.slack.posted(CHANNEL)) == posted, "all of them have been brought up"


def test_explanation_needs_reason_actions_and_the_right_person(workspace: FakeWorkspace) -> None:
    use = recorded(workspace, seen())
    view_id = workspace.submit(ADA, ids.EXPLAIN_FORM, {**EXPLANATION, ids.DONE_WHAT: (" ",)}, about=use.id)
    assert "Enter why the access was needed and what was done." in workspace.view_text(view_id)
    view_id = workspace.submit(EVE, ids.EXPLAIN_FORM, EXPLANATION, about=use.id)
    assert "Only the user of" in workspace.view_text(view_id)
    assert the_use(workspace).state is UsageState.unexplained


def test_unexplained_usage_is_reminded_and_overdue_after_a_day(workspace: FakeWorkspace) -> None:
    use = recorded(workspace, seen())
    workspace.clock.now = use.first_seen
    assert workspace.reconcile() == Counts()
    workspace.clock.now = use.first_seen + 4 * 3600
    assert workspace.reconcile() == Counts()
    assert workspace.reconcile() == Counts(), "not again so soon"
    (reminder,) = workspace.slack.posted(CHANNEL)
    assert "Not explained yet" in reminder.text
    workspace.clock.now = use.due_at
    assert workspace.reconcile() == Counts(overdue=1)
    (again,) = workspace.slack.thread(CHANNEL, reminder.ts)
    assert "Overdue" in again.text


def test_unaccepted_explanation_is_overdue_as_well(workspace: FakeWorkspace) -> None:
    use = recorded(workspace, seen())
    workspace.submit(DOT, ids.EXPLAIN_FORM, EXPLANATION, about=use.id)
    assert the_use(workspace).state is UsageState.explained
    workspace.clock.now = use.due_at
    assert workspace.reconcile().overdue == 1


def test_reminder_slack_did_not_accept_is_tried_in_the_next_run(workspace: FakeWorkspace) -> None:
    use = recorded(workspace, seen())
    workspace.clock.now = use.first_seen + 4 * 3600
    workspace.slack.fail("chat.postMessage", "timeout", times=None)
    workspace.reconcile()
    assert the_use(workspace).reminded_at is None
    workspace.slack.heal()
    workspace.clock.advance(300)
    workspace.reconcile()
    workspace.reconcile()
    (reminder,) = workspace.slack.posted(CHANNEL)
    assert "Not explained yet" in reminder.text
    assert the_use(workspace).reminded_at == workspace.clock()


def test_many_reminders_not_accepted_are_tried_in_the_next_run(workspace: FakeWorkspace) -> None:
    for number in range(MOST_REMINDERS + 2):
        recorded(workspace, seen(who=f"someone-{number}", event=f"e-{number}"))
    workspace.clock.now = the_first(workspace).first_seen + 4 * 3600
    workspace.slack.fail("chat.postMessage", "timeout", times=None)
    workspace.reconcile()
    assert {use.reminded_at for use in workspace.store.uses.values()} == {None}
    workspace.slack.heal()
    workspace.reconcile()
    assert {use.reminded_at for use in workspace.store.uses.values()} == {workspace.clock()}
    assert len(workspace.slack.posted(CHANNEL)) == MOST_REMINDERS + 1


def the_first(workspace: FakeWorkspace) -> Usage:
    return next(iter(workspace.store.uses.values()))


def test_explanation_not_accepted_is_not_said_to_be_there(workspace: FakeWorkspace) -> None:
    use = recorded(workspace, seen())
    workspace.slack.fail("chat.postMessage", "timeout", times=None)
    view_id = workspace.submit(ADA, ids.EXPLAIN_FORM, EXPLANATION, about=use.id)
    assert "Slack refused to post it. Approvers find it in the Home tab." in workspace.view_text(view_id)
    assert the_use(workspace).state is UsageState.explained
