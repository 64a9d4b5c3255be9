"""The approval workflow end to end: stack `local` with approvals, people in Slack, and the emulated Identity Center.

Each test asserts the messages in Slack and the real state. Failures are shown by
test_approvals_in_trouble.py.

Not shown here: anything that only AWS and Slack can show (docs/live-checks.md), and permissions, since the emulators
check none (tests/unit/policy holds the documents).
"""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from breakglass.app.domain.records import GrantState, State, UsageState
from breakglass.app.entrypoints.receiver_app import MAX_BODY_BYTES
from breakglass.app.slack import ids
from breakglass.naming import AppFunction
from localcloud.driver import format_view, get_button_value, has_button
from localcloud.slack_user import wait_until
from tests.local.approvals_harness import (
    ADA,
    ALAN,
    BARBARA,
    DEVOPS,
    EDSGER,
    GRACE,
    NETWORK,
    PRODUCTION,
    STAGING,
    ApprovalsHarness,
    usage_record,
)

pytestmark = pytest.mark.local

HOUR = 3600


@pytest.fixture(autouse=True)
def slow_assignments(approvals: ApprovalsHarness) -> Iterator[None]:
    """As at AWS, assignments are not immediate."""
    approvals.cloud.set_assignment_behavior(polls=2)
    yield
    approvals.cloud.end_faults()
    approvals.end_open_requests()


def shown(message: dict[str, Any]) -> str:
    """Return the text of a message."""
    return json.dumps(message["blocks"], ensure_ascii=False)


# --- a request, from the question to its end -------------------------------------------------------------------------


def test_request_is_approved_granted_and_ended(
    approvals: ApprovalsHarness,
) -> None:
    ada, barbara = approvals.user(ADA), approvals.user(BARBARA)
    request = approvals.request_access(ADA, DEVOPS, PRODUCTION, "The orders database is <!channel> *read-only*.")
    message = approvals.wait_for_state(request, State.pending)
    assert "The orders database is <!channel> *read-only*." in shown(message)
    assert not approvals.has_access(ADA)

    barbara.click(message, ids.APPROVE)
    message = approvals.wait_for_state(request, State.active)
    assert approvals.has_access(ADA)
    assert "Active until" in shown(message)

    ada.click(message, ids.DONE)
    message = approvals.wait_for_state(request, State.ended)
    assert not approvals.has_access(ADA)
    assert "It is closed, and that was verified" in shown(message)
    assert not has_button(message, ids.END)
    approved, opened, returned, closed = wait_until(
        lambda: lines if len(lines := approvals.read_thread(request)) == 4 else None, "four lines in the thread"
    )
    assert f"Approved by <@{barbara.id}>" in approved
    assert "Access is active in `production" in opened
    assert f"<@{ada.id}> ended their access." in returned
    assert "Closed, and verified" in closed
    assert approvals.read_audit(request) == [
        "requested",
        "approved",
        "prepared",
        "grant_begun",
        "granted",
        "opened",
        "returned",
        "revoke_begun",
        "sessions_denied",
        "revoked",
        "closed",
    ]


def test_several_accounts_are_one_message_and_one_decision(approvals: ApprovalsHarness) -> None:
    request = approvals.open_access(ALAN, NETWORK, PRODUCTION, STAGING)
    assert approvals.has_access(ALAN, NETWORK, PRODUCTION)
    assert approvals.has_access(ALAN, NETWORK, STAGING)
    assert len(approvals.list_messages(request)) == 1
    approvals.return_access(request)
    assert not approvals.has_access(ALAN, NETWORK, PRODUCTION)
    assert not approvals.has_access(ALAN, NETWORK, STAGING)
    assert [grant.state for grant in approvals.store.grants(request)] == [GrantState.revoked, GrantState.revoked]


def test_denied_request_shows_the_reason(approvals: ApprovalsHarness) -> None:
    request = approvals.submit_request(GRACE, DEVOPS, STAGING)
    barbara = approvals.user(BARBARA)
    form = barbara.click_for_form(approvals.wait_for_state(request, State.pending), ids.DENY)
    assert barbara.submit(form, {ids.NOTE: "It can wait until Monday."})["title"]["text"] == "Denied"
    message = approvals.wait_for_state(request, State.denied)
    assert "It can wait until Monday." in shown(message)
    assert not has_button(message, ids.APPROVE)
    assert "Denied by" in approvals.read_thread(request)[-1]
    assert not approvals.has_access(GRACE, DEVOPS, STAGING)
    wait_until(lambda: approvals.read_execution_status(request) == "SUCCEEDED" or None, "the end of the execution")


def test_unanswered_request_escalates_and_expires(approvals: ApprovalsHarness) -> None:
    request = approvals.submit_request(ALAN, DEVOPS, PRODUCTION)
    message = approvals.wait_for_state(request, State.expired)
    called, expired = approvals.read_thread(request)
    assert f"<@{approvals.user(EDSGER).id}> No approver has answered yet." in called
    assert "no approver decided in time" in expired
    assert not has_button(message, ids.APPROVE)
    # The button of a message that a client has not refreshed.
    assert "is expired" in refusal(approvals, BARBARA, approvals.build_click(BARBARA, ids.APPROVE, request))
    assert approvals.read_request(request).state is State.expired
    assert not approvals.has_access(ALAN)


def test_when_its_time_is_over_access_ends_by_itself(approvals: ApprovalsHarness) -> None:
    request = approvals.open_access(GRACE, DEVOPS, PRODUCTION, seconds=2)
    message = approvals.wait_for_state(request, State.ended)
    assert "The access time ended" in shown(message)
    assert not approvals.has_access(GRACE)
    assert "run_out" in approvals.read_audit(request)


def test_extension_moves_the_end_until_security_ends_access(
    approvals: ApprovalsHarness,
) -> None:
    request = approvals.open_access(GRACE, NETWORK, STAGING, seconds=900)
    before = approvals.read_request(request).revoke_at
    grace, edsger = approvals.user(GRACE), approvals.user(EDSGER)
    form = grace.click_for_form(approvals.wait_for_state(request, State.active), ids.EXTEND)
    assert grace.submit(form, {ids.REASON: "The routes are not back."})["title"]["text"] == "Requested"
    extension = next(each.id for each in approvals.store.open_requests() if each.parent == request)
    approvals.click(BARBARA, extension, ids.APPROVE, State.pending)
    approvals.wait_for_state(extension, State.ended)
    assert (approvals.read_request(request).revoke_at or 0) > (before or 0)
    assert [grant.revoke_at for grant in approvals.store.grants(request)] == [approvals.read_request(request).revoke_at]

    form = edsger.click_for_form(approvals.wait_for_state(request, State.active), ids.END)
    edsger.submit(form, {ids.NOTE: "We see something odd."})
    message = approvals.wait_for_state(request, State.ended)
    assert "We see something odd." in shown(message)
    assert not approvals.has_access(GRACE, NETWORK, STAGING)


def test_the_glass_is_broken_and_both_channels_are_told_loudly(approvals: ApprovalsHarness) -> None:
    began = time.time()
    request = approvals.submit_request(ALAN, DEVOPS, STAGING)
    alan = approvals.user(ALAN)
    form = alan.click_for_form(approvals.wait_for_state(request, State.pending), ids.BREAK_GLASS)
    told = alan.submit(form, {ids.JUSTIFICATION: "Every minute costs."})
    assert told["title"]["text"] == "The glass is broken"
    message = approvals.wait_for_state(request, State.active)
    assert approvals.has_access(ALAN, DEVOPS, STAGING)
    assert "without approval. An explanation is required." in shown(message)

    def alarm(channel: str) -> dict[str, Any] | None:
        return approvals.find_message(
            channel, lambda each: request in json.dumps(each) and "<!channel>" in each["text"]
        )

    alarms = [
        wait_until(lambda channel=channel: alarm(channel), "the alarm")
        for channel in (approvals.cloud.slack_channel, approvals.cloud.second_channel)
    ]
    assert all("Every minute costs." in shown(each) for each in alarms)
    approvals.cloud.evaluate_alarms(began, began + 120)
    about = [mail.subject for mail in approvals.cloud.mails() if "broken-glass" in mail.subject]
    assert len(about) == 1
    edsger = approvals.user(EDSGER)
    edsger.submit(edsger.click_for_form(alarms[1], ids.END), {ids.NOTE: "We see it differently."})
    approvals.wait_for_state(request, State.ended)
    assert not approvals.has_access(ALAN, DEVOPS, STAGING)


def test_everything_can_be_done_in_the_home_tab(approvals: ApprovalsHarness) -> None:
    ada, barbara = approvals.user(ADA), approvals.user(BARBARA)
    request = approvals.submit_request(ADA, NETWORK, PRODUCTION)
    approvals.wait_for_state(request, State.pending)
    barbara.press(barbara.open_home(), ids.APPROVE, request)
    approvals.wait_for_state(request, State.active)
    assert approvals.has_access(ADA, NETWORK, PRODUCTION)
    ada.press(ada.open_home(), ids.DONE, request)
    approvals.wait_for_state(request, State.ended)
    assert not approvals.has_access(ADA, NETWORK, PRODUCTION)


# --- the end of live sessions ----------------------------------------------------------------------------------------


def test_ended_access_denies_sessions_until_all_have_expired(approvals: ApprovalsHarness) -> None:
    request = approvals.open_access(ADA, NETWORK, STAGING)
    before = approvals.read_session_policy()
    approvals.return_access(request)
    after = approvals.read_session_policy()
    [sid] = after.keys() - before.keys()
    grant = approvals.store.grants(request)[0]
    statement = after[sid]
    assert (statement["Effect"], statement["Action"], statement["Resource"]) == ("Deny", "*", "*")
    assert statement["Condition"]["StringEquals"]["identitystore:userId"] == grant.access.user_id
    assert f"AWSReservedSSO_{NETWORK}_*" in json.dumps(statement["Condition"]["ArnLike"])
    assert "aws:TokenIssueTime" in statement["Condition"]["DateLessThan"]
    assert approvals.read_execution_status(request) == "RUNNING"

    approvals.age_request(request, 2 * HOUR)
    approvals.reconcile()
    assert sid not in approvals.read_session_policy()
    assert "Nobody" in approvals.read_session_policy()
    assert approvals.store.grants(request)[0].deny_until is None


# --- permissions and hostile input -----------------------------------------------------------------------------------


def test_button_of_another_user_does_nothing(approvals: ApprovalsHarness) -> None:
    request = approvals.submit_request(ADA, DEVOPS, STAGING)
    approvals.wait_for_state(request, State.pending)
    for who, action, told in (
        (ADA, ids.APPROVE, "A requester can't approve their own request."),
        (ALAN, ids.APPROVE, "approve"),
        (EDSGER, ids.APPROVE, "approve"),
        (ALAN, ids.WITHDRAW, "Only the requester may do that."),
        (BARBARA, ids.DONE, "Only the requester may do that."),
    ):
        assert told in refusal(approvals, who, approvals.build_click(who, action, request))
        assert approvals.read_request(request).state is State.pending
    approvals.click(ADA, request, ids.WITHDRAW, State.pending)
    approvals.wait_for_state(request, State.withdrawn)
    assert not approvals.has_access(ADA, DEVOPS, STAGING)
    assert approvals.read_audit(request) == ["requested", *5 * ["refused"], "withdrawn"]


def refusal(approvals: ApprovalsHarness, who: str, interaction: bytes) -> str:
    """Send an interaction; return the ephemeral answer."""
    person = approvals.user(who)
    before = len(person.list_ephemerals())
    person.send(interaction)
    return approvals.wait_for_ephemeral(who, before)


def test_a_button_of_no_request_is_told_so(approvals: ApprovalsHarness) -> None:
    told = refusal(approvals, BARBARA, approvals.build_click(BARBARA, ids.APPROVE, "r-0000000000000000"))
    assert told == "Request not found."


def test_repeated_or_replayed_click_acts_once(approvals: ApprovalsHarness) -> None:
    request = approvals.submit_request(ADA)
    approvals.wait_for_state(request, State.pending)
    click = approvals.build_click(BARBARA, ids.APPROVE, request)
    headers = approvals.sign(click)
    path = approvals.path
    assert approvals.send_http("POST", path, click, headers) == 200
    # The same bytes again: a replay.
    assert approvals.send_http("POST", path, click, headers) == 200
    wait_until(lambda: "replay_ignored" in str(approvals.read_log(AppFunction.interactions)) or None, "the replay")
    # Signed again: a retry of Slack, or a double click.
    assert approvals.send_http("POST", path, click, approvals.sign(click, skew=-5)) == 200
    approvals.return_access(request)
    assert approvals.read_audit(request).count("approved") == 1
    assert approvals.read_audit(request).count("granted") == 1
    assert sum("Approved by" in line for line in approvals.read_thread(request)) == 1


@pytest.mark.parametrize(
    ("status", "method", "path", "body", "headers"),
    [
        (401, "POST", "/slack", b"command=%2Fbreakglass", {}),
        (401, "POST", "/slack", b"command=%2Fbreakglass", {"X-Slack-Signature": "v0=" + 64 * "0"}),
        (401, "POST", "/slack", b"", {}),
        (413, "POST", "/slack", (MAX_BODY_BYTES + 1) * b"a", {}),
        (404, "GET", "/slack", b"", {}),
        (404, "PUT", "/slack", b"command=%2Fbreakglass", {}),
        (404, "POST", "/slack/more", b"command=%2Fbreakglass", {}),
        (404, "POST", "/", b"", {}),
    ],
)
def test_unsigned_request_is_refused(
    approvals: ApprovalsHarness, status: int, method: str, path: str, body: bytes, headers: dict[str, str]
) -> None:
    assert approvals.send_http(method, path, body, {**approvals.sign(body, secret="another"), **headers}) == status
    assert approvals.send_http(method, path, body, {"X-Slack-Request-Timestamp": "1", **headers}) == status


@pytest.mark.parametrize(("skew", "status"), [(290, 200), (-290, 200), (310, 401), (-310, 401)])
def test_clocks_may_differ_by_five_minutes(approvals: ApprovalsHarness, skew: int, status: int) -> None:
    body = b"ssl_check=1"
    assert approvals.send_http("POST", approvals.path, body, approvals.sign(body, skew)) == status


@pytest.mark.parametrize("body", [b"", b"payload=%7B", b"payload=%5B%5D", b"\xff\xfe", b"payload=" + 60_000 * b"%5B"])
def test_signed_but_unreadable_request_is_refused(approvals: ApprovalsHarness, body: bytes) -> None:
    assert approvals.send_http("POST", approvals.path, body, approvals.sign(body)) == 400


def test_unmanaged_assignment_is_reported(approvals: ApprovalsHarness) -> None:
    approvals.cloud.end_faults()
    assignment = approvals.read_assignment(EDSGER, DEVOPS, STAGING)
    center = approvals.cloud.client("sso-admin")
    center.create_account_assignment(**assignment)
    try:
        wait_until(lambda: approvals.has_access(EDSGER, DEVOPS, STAGING) or None, "the assignment")
        assert approvals.reconcile()["UnrecordedAssignments"] == 1
        posted = approvals.find_message(
            approvals.cloud.slack_channel, lambda each: "neither a request nor" in each["text"]
        )
        assert posted is not None
        assert "Edsger Dijkstra" in posted["text"]
        assert approvals.has_access(EDSGER, DEVOPS, STAGING)
    finally:
        center.delete_account_assignment(**assignment)
    wait_until(lambda: not approvals.has_access(EDSGER, DEVOPS, STAGING) or None, "the end of the assignment")
    assert approvals.reconcile()["UnrecordedAssignments"] == 0


# --- explanations ----------------------------------------------------------------------------------------------------


def alert_of(approvals: ApprovalsHarness, record: dict[str, Any]) -> dict[str, Any]:
    """Replay a record; return its alert."""
    approvals.cloud.replay(record)
    approvals.cloud.wait_idle()

    def is_alert(message: dict[str, Any]) -> bool:
        return record["eventID"] in get_button_value(message, ids.EXPLAIN_ALERT)

    return wait_until(lambda: approvals.find_message(approvals.cloud.slack_channel, is_alert), "the alert")


def test_usage_with_a_request_is_linked_explained_and_accepted(approvals: ApprovalsHarness) -> None:
    request = approvals.open_access(ADA)
    record = usage_record(ADA)
    alert = alert_of(approvals, record)
    recorded = approvals.wait_for_usage(record["eventID"])
    assert (recorded.request_id, recorded.state) == (request, UsageState.unexplained)
    approvals.return_access(request)

    ada, barbara, alan = (approvals.user(name) for name in (ADA, BARBARA, ALAN))
    form = ada.click_for_form(alert, ids.EXPLAIN_ALERT)
    assert request in format_view(form)
    ada.submit(form, {ids.REASON: "The disk was full.", ids.DONE_WHAT: "Made it larger.", ids.INCIDENT: "INC-7"})
    explained = approvals.wait_for_reply(alert, lambda reply: "Made it larger." in shown(reply), "the explanation")

    for person in (ada, alan):
        assert "Not possible" in person.click_for_form(explained, ids.ACCEPT)["title"]["text"]
    assert approvals.wait_for_usage(record["eventID"]).state is UsageState.explained

    read = barbara.click_for_form(explained, ids.ACCEPT)
    assert "Made it larger." in format_view(read)
    barbara.submit(read, {})
    approvals.wait_for_reply(alert, lambda reply: "Explanation accepted" in reply["text"], "that it is accepted")
    kept = approvals.wait_for_usage(record["eventID"])
    assert kept.state is UsageState.accepted
    assert kept.explanation is not None
    assert (kept.explanation.reason, kept.explanation.incident) == ("The disk was full.", "INC-7")


def test_usage_without_a_request_is_explained_and_accepted(approvals: ApprovalsHarness) -> None:
    record, again = usage_record(EDSGER), usage_record(EDSGER)
    alert = alert_of(approvals, record)
    recorded = approvals.wait_for_usage(record["eventID"])
    assert (recorded.request_id, recorded.state) == (None, UsageState.unexplained)
    # Another record of the same session is no other use.
    alert_of(approvals, again)
    assert approvals.wait_for_usage(again["eventID"]).id == recorded.id
    edsger, barbara = approvals.user(EDSGER), approvals.user(BARBARA)
    form = edsger.click_for_form(alert, ids.EXPLAIN_ALERT)
    edsger.submit(form, {ids.REASON: "A test.", ids.DONE_WHAT: "Nothing."})
    explained = approvals.wait_for_reply(alert, lambda reply: has_button(reply, ids.ACCEPT), "the button to accept")
    barbara.submit(barbara.click_for_form(explained, ids.ACCEPT), {})
    approvals.wait_for_reply(alert, lambda reply: "Explanation accepted" in reply["text"], "that it is accepted")
    assert recorded.id not in [each.id for each in approvals.store.open_usages()]


# --- logs ------------------------------------------------------------------------------------------------------------


def test_logs_have_no_secret_and_no_text_of_users(approvals: ApprovalsHarness) -> None:
    said = "Zebra-crossing 4711"
    ada = approvals.user(ADA)
    request = approvals.request_access(ADA, NETWORK, PRODUCTION, said)
    approvals.click(BARBARA, request, ids.APPROVE, State.pending)
    approvals.wait_for_state(request, State.active)
    forged = approvals.build_click(ADA, ids.APPROVE, said)
    approvals.send_http("POST", approvals.path, forged, approvals.sign(forged, secret="another"))
    ada.send(forged)
    approvals.return_access(request)
    approvals.reconcile()
    token = approvals.read_request(request).token
    assert token
    for app_function in AppFunction:
        log = "\n".join(approvals.read_log(app_function))
        for secret in (approvals.cloud.bot_token, approvals.cloud.slack_signing_secret, said, token, "payload="):
            assert secret not in log, app_function
    assert request in "\n".join(approvals.read_log(AppFunction.interactions))
    assert '"refused"' in "\n".join(approvals.read_log(AppFunction.receiver))
