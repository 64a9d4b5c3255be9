"""Extensions: reviewed like a request, and only while the access lasts."""

from breakglass.app.domain.records import Kind, Request, State
from breakglass.app.slack import ids
from tests.app.domain.policies import ADA, CLEO
from tests.app.services.fake_workspace import SECOND_CHANNEL, FakeWorkspace, interrupt


def more_time(workspace: FakeWorkspace, request: Request, seconds: int = 7200) -> str:
    """Send the form for more time, and return its id."""
    values = {ids.DURATION: (str(seconds),), ids.REASON: ("still restoring",)}
    return workspace.submit(ADA, ids.EXTEND_FORM, values, about=request.id)


def extension(workspace: FakeWorkspace) -> Request:
    (only,) = [request for request in workspace.store.requests.values() if request.kind is Kind.extension]
    return only


def test_extension_approved_moves_the_end(workspace: FakeWorkspace) -> None:
    request = workspace.grant_access()
    workspace.runner.pass_time(3000)
    more_time(workspace, request)
    workspace.click(ADA, ids.APPROVE, extension(workspace))
    assert workspace.private_text() == "A requester can't approve their own request."
    workspace.click(CLEO, ids.APPROVE, extension(workspace))
    assert workspace.reload(request).revoke_at == workspace.clock() + 7200
    workspace.runner.pass_time(3600)
    assert workspace.is_open()
    workspace.runner.pass_time(3600)
    assert not workspace.is_open()
    assert workspace.reload(request).state is State.ended


def test_extension_that_moves_nothing_is_refused(workspace: FakeWorkspace) -> None:
    request = workspace.grant_access()
    workspace.runner.pass_time(600)
    view_id = more_time(workspace, request, 3000)
    assert "The access lasts for another 50 min anyway" in workspace.view_text(view_id)
    assert len(workspace.store.requests) == 1


def test_extension_of_ended_access_fails(workspace: FakeWorkspace) -> None:
    request = workspace.grant_access()
    more_time(workspace, request)
    workspace.click(ADA, ids.DONE, request)
    workspace.runner.pass_time(300)
    assert workspace.reload(extension(workspace)).state is State.failed
    assert "is over, so it was not extended" in workspace.message_text(extension(workspace))
    assert not any("<@UDOT>" in text for text in workspace.thread_texts(extension(workspace))), "nobody is called"


def test_extension_of_ended_access_is_not_approved(workspace: FakeWorkspace) -> None:
    request = workspace.grant_access()
    more_time(workspace, request)
    workspace.click(ADA, ids.DONE, request)
    workspace.click(CLEO, ids.APPROVE, extension(workspace))
    assert workspace.private_text() == "This request is failed."
    assert "approved" not in workspace.trail_events(extension(workspace))


def test_extension_of_ended_access_is_not_taken_unapproved(workspace: FakeWorkspace) -> None:
    request = workspace.grant_access()
    more_time(workspace, request)
    workspace.runner.stop(extension(workspace).id)
    workspace.clock.advance(600)
    workspace.click(ADA, ids.DONE, request)
    view_id = workspace.submit(ADA, ids.GLASS_FORM, {ids.JUSTIFICATION: ("it burns",)}, about=extension(workspace).id)
    assert "This request is failed" in workspace.view_text(view_id)
    assert workspace.slack.posted(SECOND_CHANNEL) == []


def test_extension_during_a_reconciler_run_keeps_the_access(workspace: FakeWorkspace) -> None:
    request = workspace.grant_access()
    workspace.runner.stop(request.id)
    workspace.clock.advance(3000)
    more_time(workspace, request)
    workspace.clock.advance(600)
    interrupt(workspace.workflow, "is_running", lambda: workspace.click(CLEO, ids.APPROVE, extension(workspace)))
    workspace.reconcile()
    assert workspace.reload(request).state is State.active
    assert workspace.is_open()
