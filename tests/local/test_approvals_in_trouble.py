"""The approval workflow on the local cloud when something fails: what people see, and what is left behind.

Every failure of docs/approvals/failures.md, against the real state machine and real processes. Access is read from
Identity Center, never from a message.

Not shown here: a crash at each single line (tests/app/services/test_crashes.py), hostile input
(tests/app/entrypoints/test_receiver.py), and how AWS fails.
"""

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode

import pytest

from breakglass.app.domain.records import GrantState, State
from breakglass.app.services.reconciler import GRACE_SECONDS
from breakglass.app.slack import ids
from breakglass.naming import AppFunction
from localcloud.cloud import LocalCloudError
from localcloud.driver import has_button
from localcloud.emulators.assignments import CREATION, DELETION, NO_ASSIGNEE, UNEXPECTED
from localcloud.slack_user import wait_until
from tests.local.approvals_harness import (
    ADA,
    ALAN,
    BARBARA,
    DEVOPS,
    GRACE,
    NETWORK,
    PRODUCTION,
    ROLES,
    STAGING,
    ApprovalsHarness,
)

pytestmark = pytest.mark.local

HOUR = 3600
NOTICES = ["chat.postMessage", "chat.update", "chat.postEphemeral"]


@pytest.fixture(autouse=True)
def no_faults(approvals: ApprovalsHarness) -> Iterator[None]:
    yield
    approvals.cloud.end_faults()
    approvals.end_open_requests()


def nothing_left(approvals: ApprovalsHarness, request: str) -> None:
    """Assert that a request has ended in Identity Center, in the records and in the workflow."""
    record = approvals.read_request(request)
    for grant in approvals.store.grants(request):
        assert not approvals.has_access(record.requester_name, record.permission_set, grant.access.account)
        assert grant.state in (GrantState.revoked, GrantState.failed)
        assert approvals.store.holders(grant.access) == frozenset()
    trail = approvals.read_audit(request)
    for once in ("requested", "approved", "opened", "closed"):
        assert trail.count(once) <= 1, trail
    assert trail.count("granted") <= len(record.accounts), trail


# --- Slack -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [{"silent": True}, {"error": "internal_error"}, {"retry_after": 1}])
def test_a_request_is_asked_as_soon_as_slack_takes_it(approvals: ApprovalsHarness, fault: dict[str, Any]) -> None:
    approvals.cloud.fail_slack(methods=["chat.postMessage"], times=1, **fault)
    request = approvals.submit_request(ADA, NETWORK)
    approvals.click(ADA, request, ids.WITHDRAW, State.pending)
    approvals.wait_for_state(request, State.withdrawn)
    assert len(approvals.list_messages(request)) == 1


def test_request_never_posted_fails_and_tells_the_requester(
    approvals: ApprovalsHarness,
) -> None:
    # Not only once: a message about an earlier request could meet the fault in its place.
    approvals.cloud.fail_slack(methods=["chat.postMessage"], error="is_archived")
    request = approvals.submit_request(GRACE, NETWORK)
    wait_until(lambda: approvals.read_request(request).state is State.failed or None, "the end of the request")
    wait_until(lambda: approvals.read_execution_status(request) == "FAILED" or None, "the end of the execution")
    approvals.cloud.end_faults()
    approvals.reconcile()
    wait_until(
        lambda: "could not be posted" in approvals.read_direct_messages(GRACE) or None, "a message to the requester"
    )
    assert not approvals.has_access(GRACE, NETWORK)
    assert approvals.read_audit(request) == ["requested", "failed"]


def test_decision_does_not_wait_for_slack(approvals: ApprovalsHarness) -> None:
    request = approvals.submit_request(ADA)
    message = approvals.wait_for_state(request, State.pending)
    approvals.cloud.fail_slack(methods=NOTICES, error="is_archived")
    approvals.user(BARBARA).click(message, ids.APPROVE)
    wait_until(lambda: approvals.read_request(request).state is State.active or None, "access")
    assert approvals.has_access(ADA)
    assert has_button(approvals.read_message(request), ids.APPROVE)
    approvals.cloud.end_faults()
    # The message is behind; what is true is in the Home tab, and can be ended there.
    ada = approvals.user(ADA)
    ada.press(ada.open_home(), ids.DONE, request)
    message = approvals.wait_for_state(request, State.ended)
    assert "Approved by" in json.dumps(message["blocks"])
    nothing_left(approvals, request)


def test_access_is_revoked_while_slack_is_down(approvals: ApprovalsHarness) -> None:
    request = approvals.open_access(GRACE, DEVOPS, STAGING, seconds=2)
    approvals.cloud.fail_slack(error="is_archived")
    wait_until(lambda: approvals.read_request(request).state is State.ended or None, "the end")
    nothing_left(approvals, request)
    approvals.cloud.end_faults()
    approvals.reconcile()
    approvals.wait_for_state(request, State.ended)


def test_a_form_that_slack_opens_too_late_is_asked_for_again(approvals: ApprovalsHarness) -> None:
    alan = approvals.user(ALAN)
    before = len(alan.list_ephemerals())
    approvals.cloud.fail_slack(methods=["views.open"], seconds=4, times=1)
    command = {
        "command": "/breakglass",
        "text": "",
        "team_id": approvals.cloud.call_slack("auth.test", {})["team_id"],
        "channel_id": approvals.cloud.slack_channel,
        "user_id": alan.id,
        "trigger_id": "1.2.3",
    }
    answer = json.loads(alan.send(urlencode(command).encode()))
    assert answer["text"] == "Slack did not open the form in time. Type the command again."
    assert "Slack could not open the form in time" in approvals.wait_for_ephemeral(ALAN, before)
    assert alan.run_command()["title"]["text"] == "Request access"


def test_slow_slack_delays_nothing_and_shows_no_older_state(approvals: ApprovalsHarness) -> None:
    request = approvals.submit_request(ALAN, NETWORK, STAGING)
    message = approvals.wait_for_state(request, State.pending)
    approvals.cloud.fail_slack(methods=["chat.update"], seconds=4, times=1)
    approvals.user(BARBARA).click(message, ids.APPROVE)
    # The click's own notice is still under way while the workflow's next ones come and go.
    approvals.wait_for_state(request, State.active)
    assert approvals.has_access(ALAN, NETWORK, STAGING)
    approvals.return_access(request)
    nothing_left(approvals, request)
    wait_until(lambda: approvals.has_run_for(AppFunction.interactions, 4) or None, "the slow notice")
    approvals.wait_for_state(request, State.ended)


# --- Identity Center -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "faults",
    [
        # The function tries again by itself; of a conflict it is called again by the workflow.
        [
            {"error": "ThrottlingException", "times": 2},
            {"error": "ConflictException", "times": 2},
            {"error": "InternalServerException", "times": 2},
        ],
        # It is done, and the response is lost.
        [{"lost": True, "times": 2}],
    ],
    ids=["refuses", "loses its answers"],
)
def test_identity_center_faults_leave_one_assignment_then_none(
    approvals: ApprovalsHarness, faults: list[dict[str, Any]]
) -> None:
    for operation in ("sso:CreateAccountAssignment", "sso:DeleteAccountAssignment"):
        for fault in faults:
            approvals.cloud.fail(operation, **fault)
    request = approvals.open_access(GRACE, NETWORK)
    assert approvals.has_access(GRACE, NETWORK)
    approvals.return_access(request)
    nothing_left(approvals, request)
    assert approvals.read_audit(request).count("granted") == 1


def test_failed_account_is_named_and_the_other_is_granted(
    approvals: ApprovalsHarness,
) -> None:
    approvals.cloud.set_assignment_behavior(operations=[CREATION], polls=1, failure=NO_ASSIGNEE, times=1)
    request = approvals.open_access(ALAN, NETWORK, PRODUCTION, STAGING)
    open_in = [account for account in (PRODUCTION, STAGING) if approvals.has_access(ALAN, NETWORK, account)]
    assert len(open_in) == 1
    said = json.dumps(approvals.read_message(request)["blocks"])
    assert "Active in 1 of 2 accounts" in said
    assert "Identity Center said: `Received a 404 status error: the USER assignee was not found" in said
    approvals.return_access(request)
    nothing_left(approvals, request)
    states = {grant.access.account: grant.state for grant in approvals.store.grants(request)}
    assert sorted(states.values()) == [GrantState.failed, GrantState.revoked]


def test_request_without_any_granted_account_fails(approvals: ApprovalsHarness) -> None:
    approvals.cloud.set_assignment_behavior(operations=[CREATION], failure=NO_ASSIGNEE)
    request = approvals.submit_request(ALAN, DEVOPS, STAGING)
    approvals.click(BARBARA, request, ids.APPROVE, State.pending)
    message = approvals.wait_for_state(request, State.failed)
    assert NO_ASSIGNEE in json.dumps(message["blocks"])
    assert "No access is active" in json.dumps(message["blocks"])
    assert not has_button(message, ids.DONE)
    nothing_left(approvals, request)


def test_creation_with_a_transient_failure_is_retried(approvals: ApprovalsHarness) -> None:
    approvals.cloud.set_assignment_behavior(operations=[CREATION], polls=1, failure=UNEXPECTED, times=1)
    request = approvals.open_access(ALAN, DEVOPS, STAGING)
    assert approvals.has_access(ALAN, DEVOPS, STAGING)
    approvals.return_access(request)
    nothing_left(approvals, request)
    assert approvals.read_audit(request).count("granted") == 1


def test_failed_deletion_is_retried_before_access_is_ended(approvals: ApprovalsHarness) -> None:
    request = approvals.open_access(ADA, DEVOPS, STAGING)
    approvals.cloud.set_assignment_behavior(operations=[DELETION], polls=3, failure=UNEXPECTED, times=2)
    approvals.return_access(request)
    nothing_left(approvals, request)


# --- functions that die ----------------------------------------------------------------------------------------------

OF_INTERACTIONS = ("ask", "granted", "hold", "due", "close")
OF_PROVISIONER = ("prepare", "grant", "poll_grant", "revoke", "poll_revoke", "verify")


def test_killed_functions_at_any_step_do_not_change_the_result(
    approvals: ApprovalsHarness,
) -> None:
    approvals.cloud.set_assignment_behavior(polls=2)
    # No two stories are about the same access, or about the one that expires within seconds.
    roles = [role for role in ROLES if role != (ALAN, DEVOPS, PRODUCTION)]
    with ThreadPoolExecutor() as played:
        stories = [
            played.submit(
                _dying_at,
                approvals,
                {AppFunction.interactions: of_interactions, AppFunction.provisioner: of_provisioner},
                role,
            )
            for of_interactions, of_provisioner, role in zip(
                (*OF_INTERACTIONS, ""), OF_PROVISIONER, roles, strict=False
            )
        ]
        for story in stories:
            nothing_left(approvals, story.result())


def _dying_at(approvals: ApprovalsHarness, steps: Mapping[AppFunction, str], role: tuple[str, str, str]) -> str:
    """Request, approve and end access while one step of a function is lost, before and after it ran."""
    request = approvals.submit_request(*role)
    for app_function, step in steps.items():
        for after in (False, True):
            event = {"step": step, "request": request}
            approvals.cloud.lose_invocations(approvals.function_name(app_function), event=event, after=after, times=1)
    approvals.click(BARBARA, request, ids.APPROVE, State.pending)
    approvals.wait_for_state(request, State.active)
    assert approvals.has_access(*role)
    approvals.return_access(request)
    return request


def test_function_killed_before_the_response_finds_it_done(approvals: ApprovalsHarness) -> None:
    for operation in ("sso:CreateAccountAssignment", "sso:DeleteAccountAssignment"):
        approvals.cloud.fail(operation, lost=True, kills=approvals.function_name(AppFunction.provisioner), times=1)
    request = approvals.open_access(GRACE, DEVOPS)
    approvals.return_access(request)
    nothing_left(approvals, request)
    assert approvals.read_audit(request).count("granted") == 1


def test_a_click_whose_function_dies_is_done_once_all_the_same(approvals: ApprovalsHarness) -> None:
    request = approvals.submit_request(ADA, NETWORK, STAGING)
    message = approvals.wait_for_state(request, State.pending)
    for after in (False, True):
        approvals.cloud.lose_invocations(approvals.function_name(AppFunction.interactions), after=after, times=1)
    approvals.user(BARBARA).click(message, ids.APPROVE)
    approvals.wait_for_state(request, State.active)
    approvals.return_access(request)
    nothing_left(approvals, request)
    assert sum("Approved by" in line for line in approvals.read_thread(request)) == 1


def test_when_what_answers_slack_dies_the_person_clicks_again(approvals: ApprovalsHarness) -> None:
    request = approvals.submit_request(GRACE, NETWORK, STAGING)
    message = approvals.wait_for_state(request, State.pending)
    approvals.cloud.lose_invocations(approvals.function_name(AppFunction.receiver), times=1)
    barbara = approvals.user(BARBARA)
    with pytest.raises(LocalCloudError, match="The app answered 50"):
        barbara.click(message, ids.APPROVE)
    assert approvals.read_request(request).state is State.pending
    barbara.click(message, ids.APPROVE)
    approvals.wait_for_state(request, State.active)
    approvals.return_access(request)


# --- secrets and the table -------------------------------------------------------------------------------------------


def test_secrets_manager_down_stops_only_new_processes(approvals: ApprovalsHarness) -> None:
    request = approvals.open_access(ALAN, DEVOPS, STAGING)
    message = approvals.read_message(request)
    approvals.cloud.fail("secretsmanager:*", error="InternalServiceError")
    alan = approvals.user(ALAN)
    approvals.cloud.kill_function(approvals.function_name(AppFunction.receiver))
    with pytest.raises(LocalCloudError, match="The app answered 503"):
        alan.click(message, ids.DONE)
    assert approvals.read_request(request).state is State.active
    assert approvals.has_access(ALAN, DEVOPS, STAGING)

    # Another process has read the secrets before.
    approvals.cloud.end_faults()
    alan.open_home()
    approvals.cloud.fail("secretsmanager:*", error="InternalServiceError")
    alan.click(message, ids.DONE)
    approvals.wait_for_state(request, State.ended)
    nothing_left(approvals, request)


def test_secrets_manager_down_does_not_delay_revocation(approvals: ApprovalsHarness) -> None:
    request = approvals.open_access(ALAN, NETWORK, PRODUCTION, seconds=2)
    approvals.cloud.fail("secretsmanager:*", error="InternalServiceError")
    approvals.cloud.kill_function(approvals.function_name(AppFunction.interactions))
    wait_until(lambda: approvals.read_request(request).state is State.ended or None, "the end")
    nothing_left(approvals, request)


def test_throttled_table_delays_decisions_and_loses_none(approvals: ApprovalsHarness) -> None:
    request = approvals.submit_request(GRACE, DEVOPS, STAGING)
    message = approvals.wait_for_state(request, State.pending)
    barbara = approvals.user(BARBARA)
    approvals.cloud.fail("dynamodb:*", error="ProvisionedThroughputExceededException")
    barbara.click(message, ids.APPROVE)
    wait_until(lambda: "click_failed" in str(approvals.read_log(AppFunction.interactions)) or None, "the failure")
    approvals.cloud.end_faults()
    assert approvals.read_request(request).state is State.pending
    barbara.click(message, ids.APPROVE)
    approvals.wait_for_state(request, State.active)
    approvals.wait_for_hold(request)
    message = approvals.read_message(request)
    # Every write but the first, by which the click is known to be no replay; then the function is called again.
    approvals.cloud.fail("dynamodb:TransactWriteItems", error="ProvisionedThroughputExceededException", skip=1, times=6)
    approvals.user(GRACE).click(message, ids.DONE)
    approvals.wait_for_state(request, State.ended)
    nothing_left(approvals, request)


def test_click_meets_another_transaction_and_is_not_lost(approvals: ApprovalsHarness) -> None:
    request = approvals.submit_request(GRACE, DEVOPS, STAGING)
    message = approvals.wait_for_state(request, State.pending)
    approvals.cloud.fail("dynamodb:TransactWriteItems", error="TransactionCanceledException", times=2)
    approvals.user(BARBARA).click(message, ids.APPROVE)
    approvals.wait_for_state(request, State.active)
    approvals.user(GRACE).click(approvals.read_message(request), ids.DONE)
    approvals.wait_for_state(request, State.ended)
    nothing_left(approvals, request)


# --- executions that are stopped by hand, and clocks -----------------------------------------------------------------


def test_a_request_whose_execution_is_stopped_fails_and_says_so(approvals: ApprovalsHarness) -> None:
    request = approvals.submit_request(ADA)
    approvals.wait_for_state(request, State.pending)
    approvals.stop_execution(request)
    assert approvals.reconcile()["StuckRequests"] == 0
    assert approvals.read_request(request).state is State.pending
    approvals.age_request(request, GRACE_SECONDS + 1)
    assert approvals.reconcile()["StuckRequests"] == 1
    message = approvals.wait_for_state(request, State.failed)
    assert "The workflow was stopped before any access. Request it again." in json.dumps(message["blocks"])
    assert not approvals.has_access(ADA)


def test_access_with_a_stopped_execution_ends_in_time(approvals: ApprovalsHarness) -> None:
    request = approvals.open_access(GRACE, DEVOPS, PRODUCTION)
    approvals.stop_execution(request)
    approvals.reconcile()
    assert approvals.has_access(GRACE)
    approvals.age_request(request, HOUR)
    approvals.reconcile()
    approvals.reconcile_until(request, State.ended)
    approvals.wait_for_state(request, State.ended)
    nothing_left(approvals, request)


def test_access_with_a_stopped_execution_is_ended_by_a_click(
    approvals: ApprovalsHarness,
) -> None:
    request = approvals.open_access(ALAN, NETWORK, PRODUCTION)
    approvals.stop_execution(request)
    approvals.click(ALAN, request, ids.DONE, State.active)
    approvals.wait_for_state(request, State.revoking)
    assert approvals.has_access(ALAN, NETWORK)
    approvals.reconcile_until(request, State.ended)
    approvals.wait_for_state(request, State.ended)
    nothing_left(approvals, request)


def test_access_whose_machine_is_replaced_ends_by_the_reconciler(approvals: ApprovalsHarness) -> None:
    request = approvals.open_access(GRACE, NETWORK, STAGING)
    approvals.replace_machine(request)
    approvals.reconcile()
    assert approvals.has_access(GRACE, NETWORK, STAGING)
    approvals.age_request(request, HOUR)
    approvals.reconcile_until(request, State.ended)
    approvals.wait_for_state(request, State.ended)
    nothing_left(approvals, request)


def test_grant_under_way_at_a_stopped_execution_is_revoked(approvals: ApprovalsHarness) -> None:
    approvals.cloud.set_assignment_behavior(operations=[CREATION], seconds=2)
    request = approvals.submit_request(ALAN, NETWORK, STAGING)
    approvals.click(BARBARA, request, ids.APPROVE, State.pending)
    wait_until(
        lambda: any(each.operation for each in approvals.store.grants(request)) or None, "the creation to be known"
    )
    approvals.stop_execution(request)
    wait_until(lambda: approvals.has_access(ALAN, NETWORK, STAGING) or None, "an assignment without an execution")
    approvals.reconcile_until(request, State.ended, State.failed)
    approvals.wait_for_state(request, State.ended, State.failed)
    nothing_left(approvals, request)


def test_reconciler_with_a_fast_clock_ends_access_once(
    approvals: ApprovalsHarness,
) -> None:
    request = approvals.open_access(ADA, DEVOPS, STAGING)
    approvals.age_request(request, HOUR + GRACE_SECONDS - 30)
    # Within its grace it leaves the workflow to its own work.
    approvals.reconcile()
    assert approvals.has_access(ADA, DEVOPS, STAGING)
    approvals.age_request(request, 60)
    approvals.reconcile()
    assert not approvals.has_access(ADA, DEVOPS, STAGING)
    approvals.wait_for_hold(request)
    approvals.wake_execution(request)
    approvals.wait_for_state(request, State.ended)
    nothing_left(approvals, request)
    trail = approvals.read_audit(request)
    assert [trail.count(once) for once in ("run_out", "revoke_begun", "revoked", "closed")] == [1, 1, 1, 1]


def test_a_wake_up_that_comes_too_early_ends_nothing(approvals: ApprovalsHarness) -> None:
    request = approvals.open_access(GRACE, NETWORK, PRODUCTION)
    approvals.wait_for_hold(request)
    approvals.wake_execution(request)
    approvals.wait_for_hold(request, times=2)
    assert approvals.read_request(request).state is State.active
    assert approvals.has_access(GRACE, NETWORK)
    approvals.return_access(request)


def test_session_policy_is_written_when_organizations_is_back(approvals: ApprovalsHarness) -> None:
    before = approvals.read_session_policy().keys()
    request = approvals.open_access(ALAN, NETWORK, PRODUCTION)
    approvals.cloud.fail("organizations:UpdatePolicy", error="ConcurrentModificationException", times=1)
    approvals.return_access(request)
    assert len(approvals.read_session_policy().keys() - before) == 1
    nothing_left(approvals, request)
