"""Invariants of requests, workflows and the reconciler in any order, with crashes between any two calls.

In the model people click (twice, late, simultaneously), executions continue, are retried, give up, time out or are
stopped by hand, Identity Center is busy, slow or refuses, the clock jumps, and the reconciler runs. Each function may
be killed after any of its calls, and a rival may act there. After each step:

- Each assignment in Identity Center, created or pending, has a live grant with its end; no ended request has one.
- One click has one effect: a request, a person's approval, a decision, an end.
- No request is approved by its requester or with too few approvals, and no end is later than approved.
- The audit trail has each change of state in order, and ends at the record's state.
- Each granted access whose time is not over is assigned, also after other requests of the same person end.

At the end, when everything works again, the reconciler alone leaves nothing behind.

The model drives the real app over doubles of its ports; Slack always works here. The order of the steps is the model's
own: the state machine's order is shown in tests/unit/components/approvals and by the local cloud.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, cast

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from breakglass.app.domain import session_denials
from breakglass.app.domain.grant_lifecycle import LIVE, SETTLE_SECONDS, GrantEvent, GrantTransitionError, UnsettledError
from breakglass.app.domain.people import Person
from breakglass.app.domain.records import GrantState, Request, State
from breakglass.app.domain.request_lifecycle import FINAL, Event, RequestTransitionError
from breakglass.app.ports import BusyError
from breakglass.app.services.context import ReconcilerContext
from breakglass.app.services.optimistic_writes import ContendedError, UnknownRecordError
from breakglass.app.services.provisioning import LEASE_SECONDS
from breakglass.app.services.reconciler import GRACE_SECONDS
from breakglass.app.services.session_denials import MARGIN_SECONDS
from tests.app.domain import examples, policies
from tests.app.domain.policies import ADA, BEA, CLEO, DATABASES, DOT, EVE, PRODUCTION, STAGING, group
from tests.app.doubles.clock import FixedClock
from tests.app.doubles.directory import MemoryDirectory
from tests.app.doubles.identity_center import MemoryIdentityCenter
from tests.app.doubles.log import MemoryLog
from tests.app.doubles.slack import MemorySlack
from tests.app.doubles.store import MemoryStore
from tests.app.doubles.trouble import KilledError, Trouble, Watched
from tests.app.services.driver import Driver
from tests.app.services.executions import Execution, Executions
from tests.app.services.fake_workspace import MemorySessionPolicy

POLICY = policies.policy(
    replace(DATABASES, accounts=(PRODUCTION,)),
    replace(
        DATABASES, name="two-people", accounts=(STAGING,), approvals=2, approvers=(group("leads"), group("security"))
    ),
)
EVERYBODY = (ADA, BEA, CLEO, DOT, EVE)
PEOPLE = {person.user_id: person for person in EVERYBODY}
Wish = tuple[Person, tuple[str, ...], int]
HOUR = 3600

# The errors that a function may fail with; every other one is a bug.
FAILURES = (
    KilledError,
    RequestTransitionError,
    GrantTransitionError,
    UnsettledError,
    BusyError,
    ContendedError,
    UnknownRecordError,
)


@dataclass(frozen=True)
class Disturbance:
    """The trouble during an action.

    Attributes:
        kill_at: the number of the call after which the function is killed; None for never.
        others_at: the number of the call after which rivals act; None for never.
        others: the rivals' actions: the name, the record and the person.
    """

    kill_at: int | None = None
    others_at: int | None = None
    others: Sequence[tuple[str, int, Person]] = ()


@dataclass(frozen=True)
class Progressing:
    """The steps of an execution.

    Attributes:
        steps: number of steps, undisturbed but for the last.
        give_up: True if the last step is not retried after a failure or without progress.
        disturbed: the trouble of the last step.
    """

    steps: int
    give_up: bool
    disturbed: Disturbance


NOTHING = examples.request()
picks = st.integers(0, 3)
people = st.sampled_from(EVERYBODY)
wishes = st.tuples(
    st.sampled_from([ADA, ADA, ADA, BEA]),
    st.sampled_from([(PRODUCTION,), (PRODUCTION,), (PRODUCTION,), (STAGING,), (PRODUCTION, STAGING)]),
    st.sampled_from([600, HOUR]),
)
clicks = st.sampled_from(
    ["approve", "approve", "approve", "deny", "withdraw", "break_glass", "acknowledge", "end", "done"]
)
looks = st.integers(0, 2)
kills = st.integers(1, 12)
acts = st.sampled_from(
    ["approve", "deny", "withdraw", "break_glass", "end", "done", "advance", "reconcile", "end_oldest"]
)
others = st.lists(st.tuples(acts, picks, people), min_size=1, max_size=3)
troubles = st.one_of(
    st.just(Disturbance()),
    st.builds(Disturbance, kill_at=kills),
    st.builds(Disturbance, others_at=kills, others=others),
)
# The third step of a fresh execution opens its account; after the sixth, what is open is held.
progresses = st.builds(Progressing, st.sampled_from([1, 2, 3, 3, 4, 6, 6, 9]), st.booleans(), troubles)


class Life(RuleBasedStateMachine):
    """Everything that can happen."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = FixedClock()
        self.store = MemoryStore()
        self.center = MemoryIdentityCenter(self.clock)
        self.sessions = MemorySessionPolicy()
        self.executions = Executions()
        self.trouble = Trouble()
        self.log = MemoryLog()
        slack = MemorySlack(policies.EVERYBODY)
        store, center, ended, workflow = (
            cast(Any, Watched(execution, self.trouble))
            for execution in (self.store, self.center, self.sessions, self.executions)
        )
        self.driver = Driver(
            ReconcilerContext(
                policy=POLICY,
                store=store,
                clock=self.clock,
                log=self.log,
                directory=MemoryDirectory(policies.EVERYBODY),
                slack=slack,
                workflow=workflow,
                count=lambda name: None,
                pause=lambda seconds: None,
                identity_center=center,
                session_policy=ended,
            ),
            slack,
        )
        self.asked: list[tuple[str, Person, tuple[str, ...], int]] = []

    # --- people -------------------------------------------------------------------------------------------------------

    @initialize(looks=looks, lenient=st.booleans(), wish=wishes, progress=progresses)
    def first_request(self, looks: int, lenient: bool, wish: Wish, progress: Progressing) -> None:
        self.center.polls, self.center.lenient = looks, lenient
        self.ask(wish, Disturbance(), progress)

    @precondition(lambda self: len(self.asked) < 4)
    @rule(wish=wishes, disturbed=troubles, progress=st.none() | progresses)
    def ask(self, wish: Wish, disturbed: Disturbance, progress: Progressing | None) -> None:
        click = (f"V{len(self.asked)}", *wish)
        self.asked.append(click)
        self._do(lambda: self.driver.ask(*click), disturbed)
        if disturbed.kill_at is not None:
            # Lambda, Slack or the person tries again.
            self._do(lambda: self.driver.ask(*click))
        if progress is not None:
            self.agree(len(self.store.requests) - 1)
            self._advance(self._newest(), 0, progress)

    @rule(what=clicks, who=people, pick=picks, disturbed=troubles, times=st.integers(1, 2))
    def click(self, what: str, who: Person, pick: int, disturbed: Disturbance, times: int) -> None:
        request = self._request(pick)
        for _ in range(times):
            self._do(lambda: getattr(self.driver, what)(who, request.id), disturbed)

    @rule(pick=picks)
    def agree(self, pick: int) -> None:
        """Let everybody approve who may, until it is enough."""
        for who in (CLEO, BEA, DOT):
            if self._request(pick).state is State.pending:
                self.click("approve", who, pick, Disturbance(), 1)

    @rule(pick=picks, own=st.booleans(), progress=progresses)
    def give_back(self, pick: int, own: bool, progress: Progressing) -> None:
        request = self._request(pick)
        if own:
            self._do(lambda: self.driver.done(PEOPLE[request.requester.user_id], request.id))
        else:
            self._do(lambda: self.driver.end(CLEO, request.id))
        self._advance(self._execution(pick), 0, progress)

    @precondition(lambda self: len(self.asked) < 4)
    @rule(pick=picks, duration=st.sampled_from([600, HOUR]), disturbed=troubles, progress=st.none() | progresses)
    def extend(self, pick: int, duration: int, disturbed: Disturbance, progress: Progressing | None) -> None:
        parent = self._request(pick)
        click = (f"V{len(self.asked)}", PEOPLE[parent.requester.user_id], parent.accounts, duration)
        self.asked.append(click)
        self._do(lambda: self.driver.extend(click[0], click[1], parent.id, duration), disturbed)
        if progress is not None:
            self.agree(len(self.store.requests) - 1)
            self._advance(self._newest(), 0, progress)

    # --- executions, the reconciler and the clock ---------------------------------------------------------------------

    @rule(pick=picks, branch=picks, progress=progresses)
    def advance(self, pick: int, branch: int, progress: Progressing) -> None:
        if self._execution(pick).at == "over":
            self.time_out(pick)
        self._advance(self._execution(pick), branch, progress)

    @rule(disturbed=troubles)
    def reconcile(self, disturbed: Disturbance) -> None:
        self._do(self.driver.reconcile, disturbed)

    @rule(pick=picks)
    def time_out(self, pick: int) -> None:
        waiting = [execution for execution in self.executions.all.values() if execution.at in ("waiting", "holding")]
        if waiting:
            self.executions.time_out(waiting[pick % len(waiting)])

    @rule(pick=picks, really=st.sampled_from([False, False, True]))
    def stop_by_hand(self, pick: int, really: bool) -> None:
        if really:
            self.executions.stop(self._execution(pick))

    @rule(
        seconds=st.sampled_from([-30, 1, 60, 310, 605, 1205, 1805, HOUR + 60]),
        looks=looks,
        busy=st.integers(0, 2),
        failure=st.sampled_from(["", "", "", "refused"]),
        lenient=st.booleans(),
    )
    def pass_time(self, seconds: int, looks: int, busy: int, failure: str, lenient: bool) -> None:
        self.clock.advance(seconds)
        self.center.end_overdue(SETTLE_SECONDS)
        self.center.polls, self.center.busy = looks, busy
        self.center.failure, self.center.lenient = failure, lenient

    @rule()
    def end_an_operation(self) -> None:
        self.center.end_oldest()

    # --- invariants ---------------------------------------------------------------------------------------------------

    @invariant()
    def assignment_has_a_live_grant_with_its_end(self) -> None:
        live = {grant.access for grant in self.store.live_grants() if grant.state in LIVE and grant.revoke_at > 0}
        making = {
            operation.access
            for operation in self.center.operations
            if operation.present and not operation.ended and not operation.failure
        }
        assert self.center.assigned | making <= live
        assert not [entry for entry in self.store.trail if entry.event.startswith("unrecorded")]

    @invariant()
    def what_is_over_holds_nothing(self) -> None:
        for request in self.store.requests.values():
            if request.state in FINAL:
                assert not [grant for grant in self.store.grants(request.id) if grant.state in LIVE]

    @invariant()
    def what_is_granted_is_there(self) -> None:
        for grant in self.store.all_grants.values():
            if grant.state is GrantState.granted:
                assert grant.access in self.center.assigned

    @invariant()
    def the_end_is_what_was_approved(self) -> None:
        for request in self.store.requests.values():
            allowed = [
                (other.decided_at or 0) + other.duration
                for other in self.store.requests.values()
                if other.id == request.id or other.parent == request.id
            ]
            if request.revoke_at is not None:
                assert request.revoke_at in allowed
                for grant in self.store.grants(request.id):
                    assert grant.revoke_at <= request.revoke_at
                    assert grant.revoke_at == request.revoke_at or grant.state is not GrantState.granted

    @invariant()
    def nothing_is_opened_without_the_approvals_that_it_needs(self) -> None:
        for request in self.store.requests.values():
            approvers = [approval.by.user_id for approval in request.approvals]
            assert request.requester.user_id not in approvers
            assert len(set(approvers)) == len(approvers)
            if request.decided_at is not None and not request.glass:
                assert len(approvers) == (2 if STAGING in request.accounts else 1)
            if request.revoke_at is not None:
                assert request.decided_at is not None

    @invariant()
    def one_click_has_one_effect(self) -> None:
        assert len(self.store.requests) <= len(self.asked)
        for request_id in self.store.requests:
            events = [entry.event for entry in self.store.trail if entry.subject == request_id]
            for event in _ONCE:
                assert sum(name in event for name in events) <= 1
            approvers = [
                entry.actor.user_id
                for entry in self.store.trail
                if entry.subject == request_id and entry.event in (Event.approved, Event.approval_given)
            ]
            assert len(set(approvers)) == len(approvers)

    @invariant()
    def the_trail_tells_every_state_in_order_and_ends_where_the_record_is(self) -> None:
        for request in self.store.requests.values():
            told = [entry for entry in self.store.trail if entry.subject == request.id and entry.event in _OF_REQUESTS]
            assert told[0].before == ""
            assert all(earlier.after == later.before for earlier, later in pairwise(told))
            assert told[-1].after == request.state
        for grant in self.store.all_grants.values():
            told = [
                entry
                for entry in self.store.trail
                if entry.subject == grant.request_id
                and entry.event in _OF_GRANTS
                and entry.accounts == (grant.access.account,)
            ]
            states = [GrantState.planned, *(GrantState(entry.after) for entry in told)]
            assert all(entry.before == before for entry, before in zip(told, states, strict=False))
            assert states[-1] is grant.state

    @invariant()
    def what_is_caught_on_the_way_is_no_bug(self) -> None:
        assert {fields["error"] for event, fields in self.log.lines if event in _CAUGHT} <= _EXPECTED

    # --- and in the end -----------------------------------------------------------------------------------------------

    def teardown(self) -> None:
        """Everything works again and every execution is gone: the reconciler alone leaves nothing behind."""
        self.center.polls, self.center.busy, self.center.failure = 0, 0, ""
        self._run_reconciler(GRACE_SECONDS + SETTLE_SECONDS + LEASE_SECONDS)
        for grant in self.store.all_grants.values():
            late = self.clock() >= grant.revoke_at + GRACE_SECONDS
            assert not (late and grant.state in LIVE), grant
        self._run_reconciler(4 * HOUR)
        self._run_reconciler(HOUR + MARGIN_SECONDS)
        assert self.center.assigned == set()
        assert list(self.store.open_requests()) == []
        assert list(self.store.live_grants()) == []
        assert session_denials.list_denial_ids(self.sessions.content) == frozenset()

    def _run_reconciler(self, seconds: int) -> None:
        for _ in range(2):
            self.clock.advance(seconds)
            self.center.end_overdue(0)
            for _ in range(4):
                for execution in self.executions.all.values():
                    self.executions.stop(execution)
                self.driver.reconcile()
                self.clock.advance(60)

    # --- the model's means --------------------------------------------------------------------------------------------

    def _do(self, action: Callable[[], None], disturbed: Disturbance = Disturbance()) -> None:
        with suppress(*FAILURES):
            self.trouble.during(action, disturbed.kill_at, disturbed.others_at, lambda: self._others(disturbed.others))

    def _others(self, acts: Sequence[tuple[str, int, Person]]) -> None:
        for name, pick, who in acts:
            with suppress(*FAILURES):
                self._act(name, pick, who)

    def _act(self, name: str, pick: int, who: Person) -> None:
        if name == "reconcile":
            self.driver.reconcile()
        elif name == "end_oldest":
            self.center.end_oldest()
        elif name == "advance":
            # Not the same step of the same execution twice; but one account beside another.
            if self._execution(pick).at == "each":
                self.executions.advance(self.driver, self._execution(pick), pick + 1)
        else:
            getattr(self.driver, name)(who, self._request(pick).id)

    def _advance(self, execution: Execution, branch: int, progress: Progressing) -> None:
        for left in range(progress.steps - 1, 0, -1):
            self._do(lambda left=left: self.executions.advance(self.driver, execution, branch + left))
        last = progress.give_up
        self._do(lambda: self.executions.advance(self.driver, execution, branch, give_up=last), progress.disturbed)

    def _request(self, pick: int) -> Request:
        known = list(self.store.requests.values())
        return known[pick % len(known)] if known else NOTHING

    def _newest(self) -> Execution:
        return [Execution(NOTHING, at="over"), *self.executions.all.values()][-1]

    def _execution(self, pick: int) -> Execution:
        """Pick one that can go on."""
        moving = [
            execution
            for execution in self.executions.all.values()
            if execution.at not in ("waiting", "holding", "over")
        ]
        return moving[pick % len(moving)] if moving else Execution(NOTHING, at="over")


_CAUGHT = frozenset({"reconcile_failed", "click_failed"})
_EXPECTED = frozenset(failure.__name__ for failure in FAILURES)
_OF_REQUESTS = frozenset(Event)
_OF_GRANTS = frozenset(GrantEvent)
_ONCE = (
    {Event.requested},
    {Event.approved, Event.denied, Event.withdrawn, Event.expired, Event.glass_broken},
    {Event.prepared},
    {Event.opened},
    {Event.failed},
    {Event.returned, Event.ended_early, Event.run_out, Event.abandoned},
    {Event.extended},
    {Event.closed},
    {Event.escalated},
)

TestLife = Life.TestCase
TestLife.settings = settings(max_examples=100, stateful_step_count=30)
