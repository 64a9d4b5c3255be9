"""Due times: the length of each wait, and the recovery of a request with a stuck workflow.

Not proved here: that the workflow waits as long (tests/unit/components/approvals), and the reconciler's actions
(`services.reconciler`).
"""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakglass.app.domain import deadlines
from breakglass.app.domain.deadlines import PendingAction, Recovery
from breakglass.app.domain.decision import Terms
from breakglass.app.domain.records import Grant, GrantState, Request, State
from tests.app.domain.examples import ASKED, HOUR, grant, request

MINUTE = 60
GRACE = 300
REMIND = 20 * MINUTE
# Escalated after five minutes, the glass may be broken after ten, a reminder after twenty, expired after thirty.
TERMS = Terms(
    approvals=1,
    maximum_seconds=4 * HOUR,
    default_seconds=HOUR,
    expiry_seconds=30 * MINUTE,
    tickets=(),
    glass_after_seconds=10 * MINUTE,
    not_after_denial_seconds=12 * HOUR,
    mention=(),
    escalate_after_seconds=5 * MINUTE,
    escalate=(),
    banners=(),
)
QUIET = Terms(1, 4 * HOUR, HOUR, 30 * MINUTE, (), None, 0, (), None, (), ())
ESCALATED = request(escalated=True, reminded_at=ASKED + 5 * MINUTE)

NEEDS: dict[str, tuple[Request, Terms | None, int, set[PendingAction], int]] = {
    # sentence: (request, terms, minutes since it was asked, what it needs, minutes to wait then)
    "at first it needs nothing until it is escalated": (request(), TERMS, 0, set(), 5),
    "after the time without an answer it escalates": (request(), TERMS, 5, {PendingAction.escalate}, 0),
    "after that it waits until the glass may be broken": (ESCALATED, TERMS, 5, set(), 5),
    "then it shows that": (ESCALATED, TERMS, 10, {PendingAction.glass_open}, 15),
    "a reminder counts from the last one": (ESCALATED, TERMS, 25, {PendingAction.glass_open, PendingAction.remind}, 0),
    "without an escalation it is a reminder that comes next": (request(), QUIET, 5, set(), 15),
    "without one that is due before, its end": (request(reminded_at=ASKED + 20 * MINUTE), QUIET, 20, set(), 10),
    "an overdue request needs to expire and nothing else": (request(), TERMS, 30, {PendingAction.expire}, 0),
    "one that no rule allows any more only expires": (request(), None, 25, set(), 5),
    "a decided request needs nothing": (request(State.approved), TERMS, 25, set(), 0),
}


@pytest.mark.parametrize("sentence", NEEDS)
def test_due_actions(sentence: str) -> None:
    current, terms, minutes, expected, _ = NEEDS[sentence]
    assert deadlines.due_actions(current, terms, REMIND, ASKED + minutes * MINUTE) == expected


@pytest.mark.parametrize(
    "sentence", [sentence for sentence, (each, *_) in NEEDS.items() if each.state is State.pending]
)
def test_pending_wait_seconds(sentence: str) -> None:
    current, terms, minutes, _, wait = NEEDS[sentence]
    assert deadlines.pending_wait_seconds(current, terms, REMIND, ASKED + minutes * MINUTE) == max(1, wait * MINUTE)


terms_of_any_rule = st.builds(
    Terms,
    st.just(1),
    st.just(HOUR),
    st.just(HOUR),
    st.just(30 * MINUTE),
    st.just(()),
    st.none() | st.integers(0, HOUR),
    st.just(12 * HOUR),
    st.just(()),
    st.none() | st.integers(1, HOUR),
    st.just(()),
    st.just(()),
)


@given(terms_of_any_rule, st.integers(MINUTE, HOUR), st.integers(ASKED - HOUR, ASKED + HOUR))
def test_pending_wait_ends_at_the_next_action(terms: Terms, remind: int, now: int) -> None:
    """No action becomes due before the end of the wait; at its end one does."""
    current = request()
    wait = deadlines.pending_wait_seconds(current, terms, remind, now)
    needed = deadlines.due_actions(current, terms, remind, now)
    assert wait >= 1
    if needed <= {PendingAction.glass_open}:
        assert deadlines.due_actions(current, terms, remind, now + wait - 1) == needed
        assert deadlines.due_actions(current, terms, remind, now + wait) != needed
    else:
        assert wait == 1


# --- held and after ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "wait"), [(ASKED + 60, HOUR), (ASKED + HOUR, 60), (ASKED + 60 + HOUR, 1), (ASKED + 2 * HOUR, 1)]
)
def test_hold_seconds_until_the_end(now: int, wait: int) -> None:
    assert deadlines.hold_seconds(request(State.active), now) == wait


def test_hold_seconds_without_an_end_is_one() -> None:
    assert deadlines.hold_seconds(request(State.active, revoke_at=None), ASKED) == 1


TAILS: dict[str, tuple[list[Grant], int]] = {
    "nothing is denied": ([grant(GrantState.revoked)], 0),
    "the longest counts": (
        [grant(deny_until=ASKED + 60), grant(deny_until=ASKED + 90), grant(GrantState.revoked)],
        90,
    ),
    "what is over is lifted at once": ([grant(deny_until=ASKED)], 1),
    "no grant, no tail": ([], 0),
}


@pytest.mark.parametrize("sentence", TAILS)
def test_session_deny_seconds(sentence: str) -> None:
    grants, expected = TAILS[sentence]
    assert deadlines.session_deny_seconds(grants, ASKED) == expected


@pytest.mark.parametrize("state", GrantState)
def test_is_overdue_after_end_and_grace_in_live_states(state: GrantState) -> None:
    end = ASKED + 60 + HOUR
    may_be_there = state not in (GrantState.failed, GrantState.revoked)
    assert not deadlines.is_overdue(grant(state), end + GRACE - 1, GRACE)
    assert deadlines.is_overdue(grant(state), end + GRACE, GRACE) is may_be_there


# --- workflows that stand still ---------------------------------------------------------------------------------------

DECIDED = ASKED + 60
END = DECIDED + HOUR
EXPIRES = ASKED + 30 * MINUTE
CLOSED = ASKED + 20 * MINUTE

STUCK: dict[str, tuple[Request, int, Recovery, Recovery]] = {
    # sentence: (request, now, help while its execution runs, help if it does not)
    "a new request is left to the function that starts its workflow": (
        request(),
        ASKED + GRACE - 1,
        Recovery.none,
        Recovery.none,
    ),
    "one whose workflow was never started is started": (request(), ASKED + GRACE, Recovery.none, Recovery.start),
    "what should expire is left to its workflow at first": (request(), EXPIRES, Recovery.none, Recovery.expire),
    "and then expires": (request(), EXPIRES + GRACE, Recovery.expire, Recovery.expire),
    "a fresh decision is left alone": (request(State.approved), DECIDED + GRACE - 1, Recovery.none, Recovery.none),
    "a decision without a wake is recovered": (request(State.approved), DECIDED + GRACE, Recovery.wake, Recovery.start),
    "opening takes its time": (request(State.granting), DECIDED + GRACE - 1, Recovery.none, Recovery.none),
    "granting without an execution is revoked": (
        request(State.granting),
        DECIDED + GRACE,
        Recovery.none,
        Recovery.revoke,
    ),
    "what is open stays open until its end": (request(State.active), END - 1, Recovery.none, Recovery.none),
    "at its end it is left to its workflow": (request(State.active), END, Recovery.none, Recovery.revoke),
    "and then revoked": (request(State.active), END + GRACE, Recovery.revoke, Recovery.revoke),
    "revoking is left to its workflow at first": (
        request(State.revoking, closed_at=CLOSED),
        CLOSED + GRACE - 1,
        Recovery.none,
        Recovery.revoke,
    ),
    "and then revoked, in case the workflow does not know of it": (
        request(State.revoking, closed_at=CLOSED),
        CLOSED + GRACE,
        Recovery.revoke,
        Recovery.revoke,
    ),
    **{
        f"what is {state} needs nothing": (request(state), END + HOUR, Recovery.none, Recovery.none)
        for state in (State.ended, State.denied, State.expired, State.withdrawn, State.failed)
    },
}


@pytest.mark.parametrize("sentence", STUCK)
def test_needed_recovery(sentence: str) -> None:
    current, now, running, dead = STUCK[sentence]
    assert deadlines.needed_recovery(current, now, GRACE, lambda: True) is running
    assert deadlines.needed_recovery(current, now, GRACE, lambda: False) is dead


@pytest.mark.parametrize("state", [State.ended, State.denied, State.expired, State.withdrawn, State.failed])
def test_needed_recovery_of_final_state_asks_nothing(state: State) -> None:
    asked: list[bool] = []
    is_running: Callable[[], bool] = lambda: bool(asked.append(True))  # noqa: E731
    deadlines.needed_recovery(request(state), END + HOUR, GRACE, is_running)
    assert not asked


@given(st.sampled_from(State), st.booleans())
def test_needed_recovery_helps_every_open_request(state: State, running: bool) -> None:
    current = request(state, closed_at=CLOSED)
    helped = deadlines.needed_recovery(current, END + HOUR, GRACE, lambda: running)
    is_over = state in (State.ended, State.denied, State.expired, State.withdrawn, State.failed)
    goes_on = state is State.granting and running
    assert (helped is Recovery.none) is (is_over or goes_on)
