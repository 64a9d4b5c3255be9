"""Whole scenarios over doubles, from the click to the last record: assignments, records and messages.

Not shown here: the deployed state machine (tests/local), and Slack's own behaviour.
"""

from dataclasses import replace
from typing import Any

import pytest

from breakglass.app.domain.policy import StandingAssignment
from breakglass.app.domain.records import Kind, State
from breakglass.app.slack import ids
from localcloud.emulators.assignments import NO_ASSIGNEE
from tests.app.domain.policies import (
    ADA,
    BEA,
    CLEO,
    DATABASES,
    DOT,
    EVE,
    FAY,
    PRODUCTION,
    RDS,
    STAGING,
    group,
    policy,
    rule,
)
from tests.app.services.fake_workspace import CHANNEL, SECOND_CHANNEL, FakeWorkspace


def test_request_approved_used_and_ended(workspace: FakeWorkspace) -> None:
    request = workspace.request_access()
    assert workspace.reload(request).state is State.pending
    assert not workspace.is_open()
    workspace.click(CLEO, ids.APPROVE, request)
    assert workspace.is_open()
    assert workspace.reload(request).state is State.active
    assert workspace.reload(request).revoke_at == workspace.clock() + 3600
    workspace.click(ADA, ids.DONE, request)
    assert not workspace.is_open()
    assert workspace.reload(request).state is State.ended
    assert workspace.trail_events(request) == [
        "requested",
        "approved",
        "prepared",
        "grant_begun",
        "granted",
        "opened",
        "returned",
        "revoke_begun",
        "revoked",
        "closed",
    ]
    assert workspace.runner.failed == []


def test_end_is_recorded_before_identity_center_is_called(workspace: FakeWorkspace) -> None:
    request = workspace.request_access()

    def look(call: str, done: bool) -> None:
        if call == "create":
            (grant,) = workspace.store.grants(request.id)
            assert grant.revoke_at == workspace.clock() + 3600

    workspace.center.trouble = look
    workspace.click(CLEO, ids.APPROVE, request)
    assert workspace.is_open()


def test_access_ends_at_its_time(workspace: FakeWorkspace) -> None:
    request = workspace.grant_access()
    workspace.runner.pass_time(3599)
    assert workspace.is_open()
    workspace.runner.pass_time(1)
    assert not workspace.is_open()
    assert workspace.reload(request).state is State.ended
    assert "run_out" in workspace.trail_events(request)


def test_grant_waits_for_a_slow_identity_center(workspace: FakeWorkspace) -> None:
    workspace.center.polls = 5
    request = workspace.grant_access()
    assert workspace.reload(request).state is State.granting
    assert "Access is active" not in "".join(workspace.thread_texts(request)), "nothing is told before it is true"
    workspace.runner.pass_time(60)
    assert workspace.is_open()
    assert workspace.reload(request).state is State.active
    workspace.click(ADA, ids.DONE, request)
    assert workspace.reload(request).state is State.revoking
    workspace.runner.pass_time(60)
    assert workspace.reload(request).state is State.ended


def test_request_for_several_accounts_grants_each_on_its_own(workspace: FakeWorkspace) -> None:
    def production_breaks(call: str, done: bool) -> None:
        if call == "create" and not done and workspace.center.created[-1:] == []:
            workspace.center.failure = NO_ASSIGNEE
        elif call == "create":
            workspace.center.failure = ""

    request = workspace.request_access(accounts=(PRODUCTION, STAGING))
    workspace.center.trouble = production_breaks
    workspace.click(CLEO, ids.APPROVE, request)
    assert [workspace.is_open(account=account) for account in (PRODUCTION, STAGING)] == [False, True]
    assert workspace.reload(request).state is State.active
    assert NO_ASSIGNEE in workspace.message_text(request)
    workspace.click(ADA, ids.DONE, request)
    assert workspace.reload(request).state is State.ended


def test_request_without_any_grant_fails_with_the_reason(workspace: FakeWorkspace) -> None:
    workspace.center.failure = NO_ASSIGNEE
    request = workspace.grant_access()
    assert workspace.reload(request).state is State.failed
    assert not workspace.is_open()
    assert NO_ASSIGNEE in workspace.message_text(request)


def test_deny_needs_an_approver_and_shows_the_reason(workspace: FakeWorkspace) -> None:
    request = workspace.request_access()
    view_id = workspace.submit(EVE, ids.DENY_FORM, {ids.NOTE: ("no",)}, about=request.id)
    assert "Only group security, group leads may decide" in workspace.view_text(view_id)
    workspace.submit(CLEO, ids.DENY_FORM, {ids.NOTE: ("Use the runbook first.",)}, about=request.id)
    assert workspace.reload(request).state is State.denied
    assert "Use the runbook first." in workspace.message_text(request)
    workspace.click(BEA, ids.APPROVE, request)
    assert workspace.private_text() == "This request is denied."
    assert not workspace.center.created


def test_approve_by_the_requester_or_another_person_is_refused(workspace: FakeWorkspace) -> None:
    own = workspace.request_access(BEA)
    workspace.click(BEA, ids.APPROVE, own)
    assert workspace.private_text() == "A requester can't approve their own request."
    workspace.click(EVE, ids.APPROVE, own)
    assert "not an approver" in workspace.private_text()
    assert workspace.reload(own).state is State.pending


def test_approve_decides_by_the_groups_at_the_click(workspace: FakeWorkspace) -> None:
    request = workspace.request_access()
    workspace.directory.move(CLEO)
    workspace.click(CLEO, ids.APPROVE, request)
    assert "not an approver" in workspace.private_text()
    workspace.directory.move(ADA)
    workspace.click(BEA, ids.APPROVE, request)
    assert "No rule lets Ada request" in workspace.private_text()
    workspace.directory.disable(ADA)
    workspace.click(BEA, ids.APPROVE, request)
    assert "does not have the requester any more" in workspace.private_text()
    assert not workspace.center.created


POLICIES_OF_TODAY = {
    # changed since the request was made: (the policy then, a part of the refusal)
    "a shorter maximum": (policy(rule(maximum_seconds=1800)), "Requested 1 h; the maximum here is 30 min."),
    "a ticket is required": (policy(rule(ticket_pattern="INC-[0-9]+")), "A ticket is required here"),
    "standing access": (
        policy(standing=(StandingAssignment(group("oncall"), RDS, PRODUCTION),)),
        "already, without a request",
    ),
}


@pytest.mark.parametrize("changed", POLICIES_OF_TODAY)
def test_approve_when_policy_has_changed_is_refused(workspace: FakeWorkspace, changed: str) -> None:
    today, refusal = POLICIES_OF_TODAY[changed]
    request = workspace.request_access()
    workspace.deploy_policy(today)
    workspace.click(CLEO, ids.APPROVE, request)
    assert refusal in workspace.private_text()
    assert workspace.reload(request).state is State.pending
    assert workspace.reload(request).approvals == ()
    assert not workspace.center.created


@pytest.mark.parametrize("changed", POLICIES_OF_TODAY)
def test_break_glass_when_policy_has_changed_is_refused(workspace: FakeWorkspace, changed: str) -> None:
    today, refusal = POLICIES_OF_TODAY[changed]
    request = workspace.request_access()
    workspace.runner.pass_time(600)
    workspace.deploy_policy(today)
    view_id = workspace.submit(ADA, ids.GLASS_FORM, {ids.JUSTIFICATION: ("it burns",)}, about=request.id)
    assert refusal in workspace.view_text(view_id)
    assert workspace.reload(request).state is State.pending
    assert not workspace.center.created


def test_approve_of_extension_over_todays_maximum_is_refused(workspace: FakeWorkspace) -> None:
    request = workspace.grant_access()
    workspace.submit(ADA, ids.EXTEND_FORM, {ids.DURATION: ("7200",), ids.REASON: ("more",)}, about=request.id)
    (extension,) = [request for request in workspace.store.requests.values() if request.kind is Kind.extension]
    workspace.deploy_policy(policy(rule(maximum_seconds=3600)))
    workspace.click(CLEO, ids.APPROVE, extension)
    assert "the maximum here is 1 h" in workspace.private_text()
    assert workspace.reload(request).revoke_at == workspace.clock() + 3600


def test_two_approvals_need_two_authorized_people() -> None:
    workspace = FakeWorkspace(policy(rule(approvals=2, approvers=(group("leads"), group("security")))))
    request = workspace.grant_access()
    workspace.click(CLEO, ids.APPROVE, request)
    assert "already approved this request" in workspace.private_text()
    assert workspace.reload(request).state is State.pending
    workspace.directory.move(CLEO)
    workspace.click(DOT, ids.APPROVE, request)
    assert workspace.reload(request).state is State.pending, "one of the two is no approver any more"
    workspace.click(BEA, ids.APPROVE, request)
    assert workspace.reload(request).state is State.active


def test_unanswered_request_is_escalated_and_expires(workspace: FakeWorkspace) -> None:
    request = workspace.request_access()
    workspace.runner.pass_time(300)
    assert any("<@UDOT>" in text for text in workspace.thread_texts(request)), "escalated to security"
    workspace.runner.pass_time(1500)
    assert workspace.reload(request).state is State.expired
    workspace.click(CLEO, ids.APPROVE, request)
    assert workspace.private_text() == "This request is expired."
    assert not workspace.center.created


def test_request_that_no_rule_allows_any_more_expires() -> None:
    workspace = FakeWorkspace(policy(rule(expiry_seconds=86_400)))
    request = workspace.request_access()
    workspace.directory.move(ADA)
    workspace.runner.pass_time(20 * 3600)
    # It was looked at when it was to be escalated, and not once a second after that.
    assert workspace.reload(request).token == "token-2"
    workspace.runner.pass_time(4 * 3600)
    assert workspace.reload(request).state is State.expired


def test_approve_after_an_unrecorded_expiry_is_refused(workspace: FakeWorkspace) -> None:
    request = workspace.request_access()
    workspace.clock.advance(1800)
    workspace.click(CLEO, ids.APPROVE, request)
    assert workspace.private_text() == "This request is expired."
    assert not workspace.center.created


def test_break_glass_is_announced_and_needs_the_silence(workspace: FakeWorkspace) -> None:
    request = workspace.request_access()
    view_id = workspace.open_form(ADA, ids.BREAK_GLASS, request)
    assert "10 min without an answer; 10 min to go" in workspace.view_text(view_id)
    workspace.runner.pass_time(600)
    workspace.open_form(ADA, ids.BREAK_GLASS, request)
    view_id = workspace.submit(CLEO, ids.GLASS_FORM, {ids.JUSTIFICATION: ("mine now",)}, about=request.id)
    assert "Only the requester may" in workspace.view_text(view_id)
    workspace.submit(ADA, ids.GLASS_FORM, {ids.JUSTIFICATION: ("everything burns",)}, about=request.id)
    assert workspace.is_open()
    loud = [message for channel in (CHANNEL, SECOND_CHANNEL) for message in workspace.slack.posted(channel)]
    assert [message.channel for message in loud if "<!channel>" in message.text] == [CHANNEL, SECOND_CHANNEL]
    assert workspace.reload(request).justification == "everything burns"
    workspace.submit(DOT, ids.END_FORM, {ids.NOTE: ("not like this",)}, about=request.id)
    assert workspace.reload(request).state is State.ended
    assert "not like this" in workspace.message_text(request)


def test_break_glass_where_a_rule_forbids_it_is_refused() -> None:
    workspace = FakeWorkspace(policy(rule(glass_after_seconds=None)))
    request = workspace.request_access()
    workspace.runner.pass_time(900)
    view_id = workspace.submit(ADA, ids.GLASS_FORM, {ids.JUSTIFICATION: ("please",)}, about=request.id)
    assert "always needs an approval" in workspace.view_text(view_id)
    assert not workspace.center.created


def test_last_of_two_overlapping_grants_ends_the_access(workspace: FakeWorkspace) -> None:
    first, second = workspace.request_access(), workspace.request_access(duration=7200)
    workspace.click(CLEO, ids.APPROVE, first)
    workspace.click(CLEO, ids.APPROVE, second)
    workspace.click(ADA, ids.DONE, first)
    assert workspace.reload(first).state is State.ended
    assert workspace.is_open(), "the other request still wants it"
    workspace.click(ADA, ids.DONE, second)
    assert not workspace.is_open()


def test_session_deny_is_written_at_the_end_and_removed_later() -> None:
    workspace = FakeWorkspace(ends_sessions=True)
    request = workspace.grant_access()
    workspace.click(ADA, ids.DONE, request)
    assert ADA.user_id in workspace.sessions.content
    workspace.runner.pass_time(3700)
    assert ADA.user_id not in workspace.sessions.content
    assert workspace.runner.failed == []


def test_request_message_with_refused_blocks_is_posted_plain(workspace: FakeWorkspace) -> None:
    workspace.slack.fail("chat.postMessage", "msg_blocks_too_long")
    request = workspace.request_access()
    assert workspace.reload(request).message is not None
    workspace.slack.heal()
    workspace.click(CLEO, ids.APPROVE, request)
    assert workspace.is_open()


def test_result_of_a_form_is_shown_after_a_pause(workspace: FakeWorkspace) -> None:
    workspace.command(ADA)
    assert workspace.pauses == []
    workspace.request_access()
    assert workspace.pauses == [1.0]


def test_form_shows_the_problem_and_keeps_the_input(workspace: FakeWorkspace) -> None:
    view_id = workspace.command(ADA)
    values = {
        ids.ROLE: ("devops-break-glass",),
        ids.ACCOUNTS: (PRODUCTION,),
        ids.DURATION: ("86400",),
        ids.REASON: ("x",),
    }
    workspace.submit(ADA, ids.REQUEST_FORM, values, view_id=view_id)
    assert "the maximum here is 4 h" in workspace.view_text(view_id)
    assert not workspace.store.requests


def test_request_form_without_any_rule_is_refused(workspace: FakeWorkspace) -> None:
    view_id = workspace.command(FAY)
    assert "No rule lets you request" in workspace.view_text(view_id)


STRANGERS: dict[str, tuple[dict[str, Any], str]] = {
    "a guest": ({"is_restricted": True}, "Guests"),
    "a guest of one channel": ({"is_ultra_restricted": True}, "Guests"),
    "a deactivated account": ({"deleted": True}, "deactivated"),
    "a user of a connected workspace": ({"team_id": "T0OTHERS001"}, "another workspace"),
    "a stranger": ({"is_stranger": True}, "another workspace"),
    "a bot": ({"is_bot": True}, "Bots"),
    "a user that Slack does not show": ({}, "another workspace"),
    "an address that is not confirmed": ({"is_email_confirmed": False}, "users of single sign-on"),
    "an address with an unknown confirmation": ({"is_email_confirmed": None}, "users of single sign-on"),
    "an address that the workspace hides": ({"profile": {}}, "your workspace hides it"),
    "an address in other case": ({"profile": {"email": "Ada@Example.com"}}, "differ in upper and lower case"),
    "an unknown address": ({"profile": {"email": "ada@else.example"}}, "exactly the e-mail address"),
}


@pytest.mark.parametrize("sentence", STRANGERS)
def test_unidentified_user_is_not_authorized(workspace: FakeWorkspace, sentence: str) -> None:
    changes, told = STRANGERS[sentence]
    workspace.slack.users["UADA"].update(changes)
    if not changes:
        workspace.slack.fail("users.info", "user_not_found", times=None)
    view_id = workspace.command(ADA)
    assert told in workspace.view_text(view_id)
    assert workspace.try_request() is None


def test_user_in_the_table_is_found_by_it_alone() -> None:
    workspace = FakeWorkspace(replace(policy(), people={"UADA": "u-ada"}))
    workspace.slack.users["UADA"]["profile"]["email"] = "ada@private.example"
    assert workspace.request_access().requester.user_id == "u-ada"


def test_form_sent_twice_is_one_request(workspace: FakeWorkspace) -> None:
    view_id = workspace.command(ADA)
    for _ in range(2):
        workspace.submit(
            ADA,
            ids.REQUEST_FORM,
            {ids.ROLE: (DATABASES.sets[0],), ids.ACCOUNTS: (PRODUCTION,), ids.DURATION: ("3600",), ids.REASON: ("x",)},
            view_id=view_id,
        )
    assert len(workspace.store.requests) == 1
    assert len(workspace.slack.posted(CHANNEL)) == 1
