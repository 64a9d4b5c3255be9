"""Whoever wants more than they may, by what the app offers to everybody: what they are told, and that it has no effect.

Not shown here: what does not come from Slack (test_front.py).
"""

from dataclasses import replace
from typing import Any

import pytest

from breakglass.app.aws.aws import AwsError
from breakglass.app.domain.records import Request, State
from breakglass.app.error_codes import PermanentError
from breakglass.app.ports import Page
from breakglass.app.services.optimistic_writes import ContendedError
from breakglass.app.slack import ids
from tests.app.domain.policies import ADA, BEA, CLEO, DOT, EVE, FAY, NETWORK, PRODUCTION, RDS, group, policy, rule
from tests.app.services.company import Company


@pytest.fixture
def company() -> Company:
    return Company()


def test_nobody_sends_the_approvers_back_to_sleep_by_looking_at_their_own_request(company: Company) -> None:
    request = company.asked(BEA)
    company.click(BEA, ids.LOOKING, request)
    assert company.told() == "Nobody decides on their own request; you can withdraw it."
    assert company.now(request).looking == ()
    view_id = company.submit(BEA, ids.DENY_FORM, {ids.NOTE: ("never mind",)}, about=request.id)
    assert "you can withdraw it" in company.seen(view_id)
    company.click(BEA, ids.WITHDRAW, request)
    assert company.now(request).state is State.withdrawn


def test_a_second_account_of_slack_makes_nobody_a_second_person() -> None:
    company = Company(replace(policy(rule(approvers=(group("oncall"),))), people={"UADA": "u-ada", "UADATWO": "u-ada"}))
    company.slack.users["UADATWO"] = {**company.slack.users["UADA"], "id": "UADATWO"}
    request = company.asked()
    company.click(replace(ADA, slack_id="UADATWO"), ids.APPROVE, request)
    assert company.told() == "Nobody approves their own request."


def fill(company: Company, view_id: str) -> str:
    """Send the form, and return what it says then."""
    values = {ids.ROLE: (RDS,), ids.ACCOUNTS: (PRODUCTION,), ids.DURATION: ("60",), ids.REASON: ("x",)}
    company.submit(ADA, ids.REQUEST_FORM, values, view_id=view_id)
    return company.seen(view_id)


def test_nobody_floods_the_channel_with_requests(company: Company) -> None:
    first, *_ = [company.asked() for _ in range(19)]
    twentieth = company.command(ADA)
    assert "The approvers are asked" in fill(company, twentieth)
    assert "You have made 20 requests within an hour" in fill(company, company.command(ADA))
    assert "The approvers are asked" in fill(company, twentieth), "it is the same request a second time"
    assert len(company.store.requests) == 20
    company.click(ADA, ids.WITHDRAW, first)
    assert "within an hour" in fill(company, company.command(ADA)), "it has called people all the same"
    assert company.asked(BEA), "others can ask"
    company.player.pass_time(3600)
    assert company.asked()


def test_extensions_are_counted_with_the_requests(company: Company) -> None:
    request = company.asked()
    company.click(CLEO, ids.APPROVE, request)
    for _ in range(19):
        company.asked()
    values = {ids.DURATION: ("7200",), ids.REASON: ("more",)}
    view_id = company.submit(ADA, ids.EXTEND_FORM, values, about=request.id)
    assert "within an hour" in company.seen(view_id)


def test_more_accounts_than_one_request_takes_are_refused_in_the_form() -> None:
    many = tuple(f"{number:012}" for number in range(51))
    company = Company(policy(rule(accounts=many)))
    view_id = company.command(ADA)
    values = {ids.ROLE: (RDS,), ids.ACCOUNTS: many, ids.DURATION: ("60",), ids.REASON: ("x",)}
    company.submit(ADA, ids.REQUEST_FORM, values, view_id=view_id)
    assert "50 accounts" in company.seen(view_id)
    assert not company.store.requests


def test_an_approver_whose_address_in_slack_has_changed_is_nobody(company: Company) -> None:
    request = company.asked()
    company.slack.users["UCLEO"]["profile"]["email"] = "bea@elsewhere.example"
    company.click(CLEO, ids.APPROVE, request)
    assert "exactly the e-mail address" in company.told()
    assert company.now(request).state is State.pending


def test_nothing_is_denied_ended_or_taken_without_a_reason(company: Company) -> None:
    request = company.asked()
    view_id = company.submit(CLEO, ids.DENY_FORM, {ids.NOTE: (" ",)}, about=request.id)
    assert "Say why" in company.seen(view_id)
    company.player.pass_time(600)
    view_id = company.submit(ADA, ids.GLASS_FORM, {ids.JUSTIFICATION: ("\n",)}, about=request.id)
    assert "Say why it can't wait" in company.seen(view_id)
    assert company.now(request).state is State.pending
    company.click(CLEO, ids.APPROVE, request)
    view_id = company.submit(CLEO, ids.END_FORM, {}, about=request.id)
    assert "Say why" in company.seen(view_id)
    assert company.now(request).state is State.active


@pytest.mark.parametrize("nothing", ["\u200b\u2060", "\u2800", "\u0301", "\u3164", "...", "\U0001f525"])
def test_reason_without_visible_letter_or_digit_is_refused(company: Company, nothing: str) -> None:
    assert company.ask(reason=nothing) is None
    request = company.asked()
    company.submit(CLEO, ids.DENY_FORM, {ids.NOTE: (nothing,)}, about=request.id)
    company.player.pass_time(600)
    company.submit(ADA, ids.GLASS_FORM, {ids.JUSTIFICATION: (nothing,)}, about=request.id)
    assert company.now(request).state is State.pending
    company.submit(ADA, ids.GLASS_FORM, {ids.JUSTIFICATION: ("nobody answers",)}, about=request.id)
    company.submit(CLEO, ids.END_FORM, {ids.NOTE: (nothing,)}, about=request.id)
    assert company.now(request).state is State.active
    values = {ids.DURATION: ("7200",), ids.REASON: (nothing,)}
    company.submit(ADA, ids.EXTEND_FORM, values, about=request.id)
    assert len(company.store.requests) == 1
    (use,) = company.store.uses.values()
    for explained in ({ids.REASON: (nothing,), ids.DONE_WHAT: ("x",)}, {ids.REASON: ("x",), ids.DONE_WHAT: (nothing,)}):
        company.submit(ADA, ids.EXPLAIN_FORM, explained, about=use.id)
    assert company.store.uses[use.id].explanation is None


def test_requests_in_a_burst_are_limited_before_the_index_knows(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing_yet(*_: Any, **__: Any) -> Page[Request]:
        return Page((), None)

    monkeypatch.setattr(company.store, "requests_of", nothing_yet)
    made = [company.ask() for _ in range(30)]
    assert sum(one is not None for one in made) == 20


def test_request_lost_to_a_conflict_is_tried_again_and_made(company: Company) -> None:
    def conflict(*_: Any) -> bool:
        return False

    view_id = company.command(ADA)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(company.store, "save_request", conflict)
        with pytest.raises(ContendedError):
            fill(company, view_id)
    assert "tried again by itself" in company.seen(view_id)
    assert "othing was changed" not in company.seen(view_id)
    assert "The approvers are asked" in fill(company, view_id)


# --- what the trail keeps of it --------------------------------------------------------------------------------------


def refused(company: Company) -> list[tuple[str, str, str]]:
    """Return who was refused, about what, and why, as the trail has it."""
    return [
        (one.actor.user_id or one.actor.name, one.subject, one.note)
        for one in company.store.trail
        if one.event == "refused"
    ]


def test_the_trail_keeps_who_tried_what_they_may_not_once_an_hour(company: Company) -> None:
    own = company.asked(BEA)
    for _ in range(3):
        company.click(BEA, ids.APPROVE, own)
    why = "approve: Nobody approves their own request."
    assert refused(company) == [("u-bea", own.id, why)]
    company.clock.advance(3599)
    company.click(BEA, ids.APPROVE, own)
    assert refused(company) == [("u-bea", own.id, why)]
    company.clock.advance(1)
    company.click(BEA, ids.APPROVE, own)
    assert refused(company) == [("u-bea", own.id, why)] * 2


def test_refusal_the_trail_did_not_take_is_kept_by_the_retry(company: Company) -> None:
    own = company.asked(BEA)
    with pytest.MonkeyPatch.context() as broken:
        broken.setattr(company.store, "note", _unreachable)
        with pytest.raises(AwsError):
            company.click(BEA, ids.APPROVE, own)
    company.clock.advance(60)
    company.click(BEA, ids.APPROVE, own)
    company.click(BEA, ids.APPROVE, own)
    assert len(refused(company)) == 1


def _unreachable(_: object) -> bool:
    raise AwsError("InternalServerError", "not now", 500, "TransactWriteItems")


def test_it_keeps_who_tried_to_end_to_withdraw_and_to_take_what_is_not_theirs(company: Company) -> None:
    request = company.asked()
    company.submit(EVE, ids.END_FORM, {ids.NOTE: ("x",)}, about=request.id)
    company.click(EVE, ids.WITHDRAW, request)
    company.submit(EVE, ids.GLASS_FORM, {ids.JUSTIFICATION: ("x",)}, about=request.id)
    assert [(who, about) for who, about, _ in refused(company)] == [("u-eve", request.id)] * 3


def test_it_keeps_who_asked_for_what_they_may_not_and_not_every_slip(company: Company) -> None:
    company.command(FAY)
    view_id = company.command(ADA)
    values = {ids.ROLE: (NETWORK,), ids.ACCOUNTS: (PRODUCTION,), ids.DURATION: ("60",), ids.REASON: ("x",)}
    company.submit(ADA, ids.REQUEST_FORM, values, view_id=view_id)
    company.submit(ADA, ids.REQUEST_FORM, {**values, ids.ROLE: (RDS,), ids.REASON: (" ",)}, view_id=view_id)
    assert [(who, about) for who, about, _ in refused(company)] == [("u-fay", "refused"), ("u-ada", "refused")]
    assert "No rule lets Ada request network-break-glass" in refused(company)[1][2]


def test_it_keeps_strangers_by_the_only_name_there_is(company: Company) -> None:
    request = company.asked()
    company.slack.users["UEVE"]["is_restricted"] = True
    company.click(EVE, ids.APPROVE, request)
    assert refused(company) == [
        ("Slack user UEVE", request.id, "approve: Guests of this workspace get no access to AWS here.")
    ]


def test_a_value_that_is_no_id_is_no_record_and_gets_nowhere(company: Company) -> None:
    for value in ("", "r-" + "x" * 1998, "../../AUDIT#2026-11-26"):
        company.click(CLEO, ids.APPROVE, value)
        assert company.told() == "There is no such request."
        assert "There is no such record." in company.seen(company.open_form(CLEO, ids.SIGN_OFF, value))
        view_id = company.submit(CLEO, ids.SIGN_OFF_FORM, {}, about=f"{value}|0"[:2000])
        assert "There is no such record." in company.seen(view_id)
    company.slack.users["UEVE"]["is_restricted"] = True
    company.click(EVE, ids.APPROVE, "x" * 2000)
    assert [about for _, about, _ in refused(company)] == ["refused"]


def test_nothing_that_people_write_gets_into_the_log(company: Company) -> None:
    company.center.failure = "SECRET"
    company.asked(reason="SECRET reason")
    company.click(CLEO, ids.APPROVE, next(iter(company.store.requests)))
    company.center.failure = ""
    request = company.asked(reason="SECRET reason")
    company.submit(EVE, ids.DENY_FORM, {ids.NOTE: ("SECRET note",)}, about=request.id)
    company.click(EVE, ids.EXPLAIN_ALERT, "SECRET|value")
    company.player.pass_time(600)
    company.slack.fail("chat.postMessage", "timeout")
    company.submit(ADA, ids.GLASS_FORM, {ids.JUSTIFICATION: ("SECRET justification",)}, about=request.id)
    company.player.play()
    (use,) = company.store.uses.values()
    company.submit(ADA, ids.EXPLAIN_FORM, {ids.REASON: ("SECRET why",), ids.DONE_WHAT: ("SECRET",)}, about=use.id)
    company.submit(DOT, ids.END_FORM, {ids.NOTE: ("SECRET note",)}, about=request.id)
    company.sweep()
    assert company.now(request).state is State.ended
    assert company.log.lines
    assert "SECRET" not in str(company.log.lines)


def test_click_of_a_user_slack_does_not_show_is_refused(company: Company) -> None:
    request = company.asked()
    company.slack.fail("users.info", "user_not_found", times=None)
    company.click(CLEO, ids.APPROVE, request)
    assert company.now(request).state is State.pending
    assert "another workspace" in company.told()


def test_click_that_is_refused_for_good_is_not_tried_again(company: Company) -> None:
    request = company.asked()
    company.slack.fail("users.info", "account_inactive", times=None)
    with pytest.raises(PermanentError, match="account_inactive"):
        company.click(CLEO, ids.APPROVE, request)
    assert "It is not tried again by itself" in company.told()


@pytest.mark.parametrize(
    ("block", "length"), [(ids.REASON, 3001), (ids.TICKET, 65)], ids=["a long reason", "a long ticket"]
)
def test_form_with_a_text_that_is_too_long_is_refused(company: Company, block: str, length: int) -> None:
    view_id = company.command(ADA)
    values = {
        ids.ROLE: (RDS,),
        ids.ACCOUNTS: (PRODUCTION,),
        ids.DURATION: ("3600",),
        ids.REASON: ("the restore failed",),
        block: ("x" * length,),
    }
    company.submit(ADA, ids.REQUEST_FORM, values, view_id=view_id)
    assert company.store.requests == {}
    assert f"has {length:,} characters" in company.seen(view_id)


def test_deny_form_with_a_note_that_is_too_long_is_refused(company: Company) -> None:
    request = company.asked()
    company.submit(CLEO, ids.DENY_FORM, {ids.NOTE: ("x" * 2001,)}, about=request.id)
    assert company.now(request).state is State.pending
