"""Messages that have to arrive: escalations, and the failure to reach any approver.

Not shown here: announcements (test_announcements.py).
"""

import json

import pytest

from breakglass.app.domain.records import Request, State
from tests.app.domain.policies import policy, rule
from tests.app.services.fake_workspace import FakeWorkspace


def calls_of_security(workspace: FakeWorkspace, request: Request) -> int:
    return sum("<@UDOT>" in text for text in workspace.thread_texts(request))


def test_escalation_refused_by_slack_is_retried(workspace: FakeWorkspace) -> None:
    request = workspace.request_access()
    workspace.slack.fail("chat.postMessage", "timeout", times=3)
    workspace.runner.pass_time(300 + 120)
    assert calls_of_security(workspace, request) == 0
    assert not workspace.reload(request).escalated
    workspace.runner.pass_time(60)
    assert calls_of_security(workspace, request) == 1
    assert workspace.trail_events(request).count("escalated") == 1
    workspace.runner.pass_time(600)
    assert calls_of_security(workspace, request) == 1


def test_slack_groups_are_mentioned_at_once_and_later() -> None:
    terms = {"mention_slack_groups": ("S0123ABCD",), "escalate_slack_groups": ("S0MANAGERS",)}
    workspace = FakeWorkspace(policy(rule(mention=(), escalate=(), **terms)))
    request = workspace.request_access()
    (asked, *_) = workspace.slack.made("chat.postMessage")
    assert "<!subteam^S0123ABCD> please decide." in json.dumps(asked["blocks"])
    workspace.runner.pass_time(300)
    (escalated,) = [text for text in workspace.thread_texts(request) if "S0MANAGERS" in text]
    assert escalated.startswith("<!subteam^S0MANAGERS> No approver has answered yet.")


def test_requester_is_told_that_no_approver_could_be_asked(workspace: FakeWorkspace) -> None:
    workspace.slack.fail("chat.postMessage", "not_in_channel", times=workspace.runner.attempts)
    request = workspace.request_access()
    assert workspace.reload(request).state is State.failed
    (told,) = workspace.slack.posted("UADA")
    assert "no approver saw it" in told.text


def test_requester_is_told_by_the_reconciler(workspace: FakeWorkspace) -> None:
    workspace.workflow.failure = RuntimeError("Step Functions is down")
    with pytest.raises(RuntimeError):
        workspace.try_request()
    workspace.workflow.failure = None
    (request,) = workspace.store.requests.values()
    workspace.workflow.start(request, 60)
    workspace.workflow.end(request.id)
    workspace.clock.advance(300)
    workspace.reconcile()
    assert workspace.reload(request).state is State.failed
    assert len(workspace.slack.posted("UADA")) == 1


def test_requester_is_told_when_slack_is_back(workspace: FakeWorkspace) -> None:
    workspace.slack.fail("chat.postMessage", "timeout", times=None)
    request = workspace.request_access()
    assert workspace.reload(request).state is State.failed
    workspace.reconcile()
    assert workspace.slack.posted("UADA") == []
    workspace.slack.heal()
    workspace.reconcile()
    workspace.reconcile()
    (told,) = workspace.slack.posted("UADA")
    assert "no approver saw it" in told.text


def test_requester_without_private_messages_is_given_up(workspace: FakeWorkspace) -> None:
    workspace.slack.fail("chat.postMessage", "not_in_channel", times=workspace.runner.attempts)
    workspace.slack.fail("chat.postMessage", "cannot_dm_bot", times=None)
    workspace.request_access()
    assert list(workspace.store.open_requests()) == []
