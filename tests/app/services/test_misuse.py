"""Unauthorized use of the app's own buttons and forms: it is refused and has no effect.

Not shown here: calls that do not come from Slack (tests/app/entrypoints).
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
from tests.app.services.fake_workspace import FakeWorkspace


def test_acknowledge_of_an_own_request_is_refused(workspace: FakeWorkspace) -> None:
    request = workspace.request_access(BEA)
    workspace.click(BEA, ids.ACKNOWLEDGE, request)
    assert workspace.private_text() == "A requester can't decide on their own request, but can withdraw it."
    assert workspace.reload(request).acknowledged_by == ()
    view_id = workspace.submit(BEA, ids.DENY_FORM, {ids.NOTE: ("never mind",)}, about=request.id)
    assert "but can withdraw it" in workspace.view_text(view_id)
    workspace.click(BEA, ids.WITHDRAW, request)
    assert workspace.reload(request).state is State.withdrawn


def test_second_slack_account_is_the_same_person() -> None:
    workspace = FakeWorkspace(
        replace(policy(rule(approvers=(group("oncall"),))), people={"UADA": "u-ada", "UADATWO": "u-ada"})
    )
    workspace.slack.users["UADATWO"] = {**workspace.slack.users["UADA"], "id": "UADATWO"}
    request = workspace.request_access()
    workspace.click(replace(ADA, slack_id="UADATWO"), ids.APPROVE, request)
    assert workspace.private_text() == "A requester can't approve their own request."


def fill(workspace: FakeWorkspace, view_id: str) -> str:
    """Send the form, and return what it says then."""
    values = {ids.ROLE: (RDS,), ids.ACCOUNTS: (PRODUCTION,), ids.DURATION: ("60",), ids.REASON: ("x",)}
    workspace.submit(ADA, ids.REQUEST_FORM, values, view_id=view_id)
    return workspace.view_text(view_id)


def test_requests_above_the_hourly_limit_are_refused(workspace: FakeWorkspace) -> None:
    first, *_ = [workspace.request_access() for _ in range(19)]
    twentieth = workspace.command(ADA)
    assert "is posted in the channel." in fill(workspace, twentieth)
    assert "You have made 20 requests within an hour" in fill(workspace, workspace.command(ADA))
    assert "is posted in the channel." in fill(workspace, twentieth), "it is the same request a second time"
    assert len(workspace.store.requests) == 20
    workspace.click(ADA, ids.WITHDRAW, first)
    assert "within an hour" in fill(workspace, workspace.command(ADA)), "it has called people all the same"
    assert workspace.request_access(BEA), "others can ask"
    workspace.runner.pass_time(3600)
    assert workspace.request_access()


def test_extensions_are_counted_with_the_requests(workspace: FakeWorkspace) -> None:
    request = workspace.grant_access()
    for _ in range(19):
        workspace.request_access()
    values = {ids.DURATION: ("7200",), ids.REASON: ("more",)}
    view_id = workspace.submit(ADA, ids.EXTEND_FORM, values, about=request.id)
    assert "within an hour" in workspace.view_text(view_id)


def test_request_for_too_many_accounts_is_refused() -> None:
    many = tuple(f"{number:012}" for number in range(51))
    workspace = FakeWorkspace(policy(rule(accounts=many)))
    view_id = workspace.command(ADA)
    values = {ids.ROLE: (RDS,), ids.ACCOUNTS: many, ids.DURATION: ("60",), ids.REASON: ("x",)}
    workspace.submit(ADA, ids.REQUEST_FORM, values, view_id=view_id)
    assert "50 accounts" in workspace.view_text(view_id)
    assert not workspace.store.requests


def test_approver_with_a_changed_slack_address_is_unidentified(workspace: FakeWorkspace) -> None:
    request = workspace.request_access()
    workspace.slack.users["UCLEO"]["profile"]["email"] = "bea@elsewhere.example"
    workspace.click(CLEO, ids.APPROVE, request)
    assert "exactly the e-mail address" in workspace.private_text()
    assert workspace.reload(request).state is State.pending


def test_deny_end_and_break_glass_need_a_reason(workspace: FakeWorkspace) -> None:
    request = workspace.request_access()
    view_id = workspace.submit(CLEO, ids.DENY_FORM, {ids.NOTE: (" ",)}, about=request.id)
    assert "Enter a reason" in workspace.view_text(view_id)
    workspace.runner.pass_time(600)
    view_id = workspace.submit(ADA, ids.GLASS_FORM, {ids.JUSTIFICATION: ("\n",)}, about=request.id)
    assert "Say why the access can't wait" in workspace.view_text(view_id)
    assert workspace.reload(request).state is State.pending
    workspace.click(CLEO, ids.APPROVE, request)
    view_id = workspace.submit(CLEO, ids.END_FORM, {}, about=request.id)
    assert "Enter a reason" in workspace.view_text(view_id)
    assert workspace.reload(request).state is State.active


@pytest.mark.parametrize("nothing", ["\u200b\u2060", "\u2800", "\u0301", "\u3164", "...", "\U0001f525"])
def test_reason_without_visible_letter_or_digit_is_refused(workspace: FakeWorkspace, nothing: str) -> None:
    assert workspace.try_request(reason=nothing) is None
    request = workspace.request_access()
    workspace.submit(CLEO, ids.DENY_FORM, {ids.NOTE: (nothing,)}, about=request.id)
    workspace.runner.pass_time(600)
    workspace.submit(ADA, ids.GLASS_FORM, {ids.JUSTIFICATION: (nothing,)}, about=request.id)
    assert workspace.reload(request).state is State.pending
    workspace.submit(ADA, ids.GLASS_FORM, {ids.JUSTIFICATION: ("nobody answers",)}, about=request.id)
    workspace.submit(CLEO, ids.END_FORM, {ids.NOTE: (nothing,)}, about=request.id)
    assert workspace.reload(request).state is State.active
    values = {ids.DURATION: ("7200",), ids.REASON: (nothing,)}
    workspace.submit(ADA, ids.EXTEND_FORM, values, about=request.id)
    assert len(workspace.store.requests) == 1
    (use,) = workspace.store.uses.values()
    for explained in ({ids.REASON: (nothing,), ids.DONE_WHAT: ("x",)}, {ids.REASON: ("x",), ids.DONE_WHAT: (nothing,)}):
        workspace.submit(ADA, ids.EXPLAIN_FORM, explained, about=use.id)
    assert workspace.store.uses[use.id].explanation is None


def test_requests_in_a_burst_are_limited_before_the_index_knows(
    workspace: FakeWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing_yet(*_: Any, **__: Any) -> Page[Request]:
        return Page((), None)

    monkeypatch.setattr(workspace.store, "requests_of", nothing_yet)
    made = [workspace.try_request() for _ in range(30)]
    assert sum(request is not None for request in made) == 20


def test_request_after_a_conflict_is_created_by_the_retry(workspace: FakeWorkspace) -> None:
    def conflict(*_: Any) -> bool:
        return False

    view_id = workspace.command(ADA)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workspace.store, "save_request", conflict)
        with pytest.raises(ContendedError):
            fill(workspace, view_id)
    assert "retried automatically" in workspace.view_text(view_id)
    assert "othing was changed" not in workspace.view_text(view_id)
    assert "is posted in the channel." in fill(workspace, view_id)


# --- the audit trail -------------------------------------------------------------------------------------------------


def refused(workspace: FakeWorkspace) -> list[tuple[str, str, str]]:
    """Return the person, subject and reason of each refusal in the trail."""
    return [
        (entry.actor.user_id or entry.actor.name, entry.subject, entry.note)
        for entry in workspace.store.trail
        if entry.event == "refused"
    ]


def test_trail_keeps_an_unauthorized_attempt_once_an_hour(workspace: FakeWorkspace) -> None:
    own = workspace.request_access(BEA)
    for _ in range(3):
        workspace.click(BEA, ids.APPROVE, own)
    why = "approve: A requester can't approve their own request."
    assert refused(workspace) == [("u-bea", own.id, why)]
    workspace.clock.advance(3599)
    workspace.click(BEA, ids.APPROVE, own)
    assert refused(workspace) == [("u-bea", own.id, why)]
    workspace.clock.advance(1)
    workspace.click(BEA, ids.APPROVE, own)
    assert refused(workspace) == [("u-bea", own.id, why)] * 2


def test_refusal_not_audited_is_audited_by_the_retry(workspace: FakeWorkspace) -> None:
    own = workspace.request_access(BEA)
    with pytest.MonkeyPatch.context() as broken:
        broken.setattr(workspace.store, "append_audit", _unreachable)
        with pytest.raises(AwsError):
            workspace.click(BEA, ids.APPROVE, own)
    workspace.clock.advance(60)
    workspace.click(BEA, ids.APPROVE, own)
    workspace.click(BEA, ids.APPROVE, own)
    assert len(refused(workspace)) == 1


def _unreachable(_: object) -> bool:
    raise AwsError("InternalServerError", "not now", 500, "TransactWriteItems")


def test_trail_keeps_attempts_on_other_peoples_requests(workspace: FakeWorkspace) -> None:
    request = workspace.request_access()
    workspace.submit(EVE, ids.END_FORM, {ids.NOTE: ("x",)}, about=request.id)
    workspace.click(EVE, ids.WITHDRAW, request)
    workspace.submit(EVE, ids.GLASS_FORM, {ids.JUSTIFICATION: ("x",)}, about=request.id)
    assert [(who, about) for who, about, _ in refused(workspace)] == [("u-eve", request.id)] * 3


def test_trail_keeps_unauthorized_requests_and_no_typing_errors(workspace: FakeWorkspace) -> None:
    workspace.command(FAY)
    view_id = workspace.command(ADA)
    values = {ids.ROLE: (NETWORK,), ids.ACCOUNTS: (PRODUCTION,), ids.DURATION: ("60",), ids.REASON: ("x",)}
    workspace.submit(ADA, ids.REQUEST_FORM, values, view_id=view_id)
    workspace.submit(ADA, ids.REQUEST_FORM, {**values, ids.ROLE: (RDS,), ids.REASON: (" ",)}, view_id=view_id)
    assert [(who, about) for who, about, _ in refused(workspace)] == [("u-fay", "refused"), ("u-ada", "refused")]
    assert "No rule lets Ada request network-break-glass" in refused(workspace)[1][2]


def test_trail_keeps_unidentified_users_by_slack_id(workspace: FakeWorkspace) -> None:
    request = workspace.request_access()
    workspace.slack.users["UEVE"]["is_restricted"] = True
    workspace.click(EVE, ids.APPROVE, request)
    assert refused(workspace) == [
        ("Slack user UEVE", request.id, "approve: Guests of this workspace get no access to AWS here.")
    ]


def test_button_value_without_a_record_is_refused(workspace: FakeWorkspace) -> None:
    for value in ("", "r-" + "x" * 1998, "../../AUDIT#2026-11-26"):
        workspace.click(CLEO, ids.APPROVE, value)
        assert workspace.private_text() == "Request not found."
        assert "Record not found." in workspace.view_text(workspace.open_form(CLEO, ids.ACCEPT, value))
        view_id = workspace.submit(CLEO, ids.ACCEPT_FORM, {}, about=f"{value}|0"[:2000])
        assert "Record not found." in workspace.view_text(view_id)
    workspace.slack.users["UEVE"]["is_restricted"] = True
    workspace.click(EVE, ids.APPROVE, "x" * 2000)
    assert [about for _, about, _ in refused(workspace)] == ["refused"]


def test_log_has_no_text_that_people_write(workspace: FakeWorkspace) -> None:
    workspace.center.failure = "SECRET"
    workspace.request_access(reason="SECRET reason")
    workspace.click(CLEO, ids.APPROVE, next(iter(workspace.store.requests)))
    workspace.center.failure = ""
    request = workspace.request_access(reason="SECRET reason")
    workspace.submit(EVE, ids.DENY_FORM, {ids.NOTE: ("SECRET note",)}, about=request.id)
    workspace.click(EVE, ids.EXPLAIN_ALERT, "SECRET|value")
    workspace.runner.pass_time(600)
    workspace.slack.fail("chat.postMessage", "timeout")
    workspace.submit(ADA, ids.GLASS_FORM, {ids.JUSTIFICATION: ("SECRET justification",)}, about=request.id)
    workspace.runner.run()
    (use,) = workspace.store.uses.values()
    workspace.submit(ADA, ids.EXPLAIN_FORM, {ids.REASON: ("SECRET why",), ids.DONE_WHAT: ("SECRET",)}, about=use.id)
    workspace.submit(DOT, ids.END_FORM, {ids.NOTE: ("SECRET note",)}, about=request.id)
    workspace.reconcile()
    assert workspace.reload(request).state is State.ended
    assert workspace.log.lines
    assert "SECRET" not in str(workspace.log.lines)


def test_click_of_a_user_slack_does_not_show_is_refused(workspace: FakeWorkspace) -> None:
    request = workspace.request_access()
    workspace.slack.fail("users.info", "user_not_found", times=None)
    workspace.click(CLEO, ids.APPROVE, request)
    assert workspace.reload(request).state is State.pending
    assert "another workspace" in workspace.private_text()


def test_click_with_a_permanent_refusal_is_not_retried(workspace: FakeWorkspace) -> None:
    request = workspace.request_access()
    workspace.slack.fail("users.info", "account_inactive", times=None)
    with pytest.raises(PermanentError, match="account_inactive"):
        workspace.click(CLEO, ids.APPROVE, request)
    assert "a retry does not help" in workspace.private_text()


@pytest.mark.parametrize(
    ("block", "length"), [(ids.REASON, 3001), (ids.TICKET, 65)], ids=["a long reason", "a long ticket"]
)
def test_form_with_a_text_that_is_too_long_is_refused(workspace: FakeWorkspace, block: str, length: int) -> None:
    view_id = workspace.command(ADA)
    values = {
        ids.ROLE: (RDS,),
        ids.ACCOUNTS: (PRODUCTION,),
        ids.DURATION: ("3600",),
        ids.REASON: ("the restore failed",),
        block: ("x" * length,),
    }
    workspace.submit(ADA, ids.REQUEST_FORM, values, view_id=view_id)
    assert workspace.store.requests == {}
    assert f"has {length:,} characters" in workspace.view_text(view_id)


def test_deny_form_with_a_note_that_is_too_long_is_refused(workspace: FakeWorkspace) -> None:
    request = workspace.request_access()
    workspace.submit(CLEO, ids.DENY_FORM, {ids.NOTE: ("x" * 2001,)}, about=request.id)
    assert workspace.reload(request).state is State.pending
