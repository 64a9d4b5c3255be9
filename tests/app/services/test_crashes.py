"""A crash of a function before or after any write, call of Identity Center or call of Slack.

The same scenario runs with a crash at each call in turn; the caller retries, as Lambda and Step Functions do. Each run
ends in the same state.

Not shown here: crashes of Lambda itself (tests/local), and several crashes in one scenario (test_life.py).
"""

from collections.abc import Callable

import pytest

from breakglass.app.domain.grant_lifecycle import SETTLE_SECONDS
from breakglass.app.domain.records import Request, State
from breakglass.app.services.reconciler import GRACE_SECONDS
from breakglass.app.slack import ids
from tests.app.domain.policies import ADA, CLEO, PRODUCTION, STAGING
from tests.app.doubles.fuse import Fuse
from tests.app.doubles.trouble import KilledError
from tests.app.services.fake_workspace import FakeWorkspace

BOTH = (PRODUCTION, STAGING)
FORM = "V0000000001"
_WRITES = (
    "save_request",
    "save_grant",
    "add_holder",
    "remove_holder",
    "acquire_lease",
    "release_lease",
    "lock",
    "unlock",
    "save_usage",
    "append_audit",
)
_CALLS = ("create", "creation", "delete", "deletion", "is_assigned")


def workspace(fuse: Fuse) -> FakeWorkspace:
    made = FakeWorkspace(ends_sessions=True)
    made.slack.views[FORM] = {"type": "modal"}
    fuse.watch(made.store, *_WRITES)
    fuse.watch(made.center, *_CALLS)
    fuse.watch(made.slack, "call")
    fuse.watch(made.workflow, "start", "wake")
    fuse.watch(made.sessions, "read", "write")
    return made


def again(act: Callable[[], None]) -> None:
    """Do something as Lambda does what it was asked to do asynchronously: once more after a crash."""
    try:
        act()
    except KilledError:
        act()


def story(of: FakeWorkspace) -> Request:
    """Request two accounts, approve and end them; run the reconciler where a step is lost."""
    values = {ids.ROLE: ("devops-break-glass",), ids.ACCOUNTS: BOTH, ids.DURATION: ("3600",), ids.REASON: ("fire",)}
    again(lambda: void(of.submit(ADA, ids.REQUEST_FORM, values, view_id=FORM)))
    (request,) = of.store.requests.values()
    of.runner.pass_time(GRACE_SECONDS)
    _reconcile(of)
    again(lambda: of.click(CLEO, ids.APPROVE, request))
    of.runner.pass_time(GRACE_SECONDS)
    _reconcile(of)
    of.runner.pass_time(60)
    assert [of.is_open(account=account) for account in BOTH] == [True, True]
    assert of.reload(request).state is State.active
    again(lambda: of.click(ADA, ids.DONE, request))
    of.runner.pass_time(GRACE_SECONDS)
    _reconcile(of)
    of.runner.pass_time(SETTLE_SECONDS)
    _reconcile(of)
    return request


def _reconcile(of: FakeWorkspace) -> None:
    if of.reconcile().failures:
        of.reconcile()
    of.runner.run()


def void(_: object) -> None:
    return None


def _calls_of_the_story() -> int:
    fuse = Fuse(None, after=False)
    story(workspace(fuse))
    return fuse.calls


CALLS = _calls_of_the_story()


def test_crash_scenario_has_enough_calls() -> None:
    assert CALLS > 80


@pytest.mark.parametrize("after", [False, True], ids=["before it", "after it"])
@pytest.mark.parametrize("at", range(CALLS))
def test_crash_at_any_call_changes_no_final_state(at: int, after: bool) -> None:
    fuse = Fuse(at, after=after)
    of = workspace(fuse)
    request = story(of)
    assert fuse.calls > at, "it has crashed"
    assert of.reload(request).state is State.ended
    assert not of.center.assigned
    assert [grant.state for grant in of.store.grants(request.id)] == ["revoked", "revoked"]
    for once in ("requested", "approved", "prepared", "opened", "returned", "closed"):
        assert of.trail_events(request).count(once) == 1, once
    for each in ("granted", "revoked"):
        assert of.trail_events(request).count(each) == 2, each
    assert len(of.workflow.started) == 1
    assert not of.store.holders(of.store.grants(request.id)[0].access)
