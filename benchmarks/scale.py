"""Runs of the reconciler in a large organization whose Slack never answers.

Time is simulated: each call advances the clock by its assumed latency at AWS, and Slack's by the time-out of our
client. The figures show the use of a run's 300 s, and the number of runs until all is done.
Our own processor time is measured.

Non-goals: AWS's real latencies, and its limits per second (see docs/live-checks.md).
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from breakglass.app.domain.policy import ApprovalPolicy, Principal, PrincipalKind, StandingAssignment
from breakglass.app.domain.records import Access, Actor, Grant, GrantState, Message, Request, State
from breakglass.app.ports import Operation, OperationStatus, SlackError
from breakglass.app.services.context import ReconcilerContext
from breakglass.app.services.reconciler import reconcile
from tests.app.domain.examples import request
from tests.app.domain.policies import EVERYBODY, RDS, policy
from tests.app.doubles.clock import NOW
from tests.app.doubles.directory import MemoryDirectory
from tests.app.doubles.store import MemoryStore
from tests.app.doubles.workflow import MemoryWorkflow

SETS, ACCOUNTS = 3, 1000
"""Break-glass sets, each assigned in as many accounts: 3,000 pairs to search."""

LATE = 500
"""Overdue grants, all at once."""

STORE_SECONDS = 0.01
CENTER_SECONDS = 0.15
SLACK_SECONDS = 10.0
"""Duration of a call: assumed for DynamoDB and Identity Center, the client's time-out for Slack."""

RUN_SECONDS = 300
"""Between two runs; the function's time-out as well."""

MOST_RUNS = 20


@dataclass(frozen=True)
class ReconcilerRun:
    """One run of the reconciler.

    Attributes:
        number: from 1.
        seconds: simulated, of the run.
        cpu_seconds: measured, of our own code.
        late: grants that were not yet verified gone after it.
        assigned: of their assignments, those still there after it.
        searched: pairs that had been searched after it, since the first run.
        slack_calls: calls that Slack did not answer.
    """

    number: int
    seconds: float
    cpu_seconds: float
    late: int
    assigned: int
    searched: int
    slack_calls: int


def measure(sets: int = SETS, accounts: int = ACCOUNTS, late: int = LATE) -> list[ReconcilerRun]:
    """ReconcilerRun until every late grant is revoked and every pair is searched.

    Raises:
        AssertionError: if that takes more than `MOST_RUNS`, or a run takes longer than the function has.
    """
    simulation = _Simulation(sets, accounts, late)
    runs: list[ReconcilerRun] = []
    while not runs or runs[-1].late or runs[-1].searched < sets * accounts:
        if len(runs) == MOST_RUNS:
            raise AssertionError(f"after {MOST_RUNS} runs {runs[-1]} is left")
        runs.append(simulation.run(len(runs) + 1))
        if runs[-1].seconds > RUN_SECONDS:
            raise AssertionError(f"a run takes {runs[-1].seconds:.0f} s")
    return runs


@dataclass
class _Clock:
    now: float = NOW

    def __call__(self) -> int:
        return int(self.now)


@dataclass
class _Delayed:
    """Advances the clock with every call of another object."""

    of: object
    clock: _Clock
    seconds: float

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.of, name)

        def slowly(*arguments: Any, **named: Any) -> Any:
            self.clock.now += self.seconds
            return method(*arguments, **named)

        return slowly


@dataclass
class _Center:
    """Assignments by set and account; a deletion has ended when it is polled."""

    assigned: dict[tuple[str, str], set[str]]
    searched: set[tuple[str, str]] = field(default_factory=set)
    deletions: dict[str, Access] = field(default_factory=dict)

    def assignments(self, permission_set: str, account: str) -> tuple[Principal, ...]:
        self.searched.add((permission_set, account))
        users = self.assigned[permission_set, account]
        return tuple(Principal(PrincipalKind.user, user, user) for user in sorted(users))

    def provisioned_accounts(self, permission_set: str) -> tuple[str, ...]:
        return tuple(account for name, account in self.assigned if name == permission_set)

    def is_assigned(self, access: Access, set_arn: str = "") -> bool:
        return access.user_id in self.assigned[access.permission_set, access.account]

    def delete(self, access: Access, set_arn: str = "") -> Operation:
        operation = f"o-{len(self.deletions)}"
        self.deletions[operation] = access
        return Operation(operation, OperationStatus.in_progress)

    def deletion(self, operation_id: str) -> Operation:
        self.end(self.deletions[operation_id])
        return Operation(operation_id, OperationStatus.succeeded)

    def end(self, access: Access) -> None:
        self.assigned[access.permission_set, access.account].discard(access.user_id)


@dataclass
class _SilentSlack:
    clock: _Clock
    calls: int = 0

    def call(self, method: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        self.calls += 1
        self.clock.now += SLACK_SECONDS
        raise SlackError(method, "timeout")


class _Stopped(MemoryWorkflow):
    """No execution runs, so the reconciler does everything."""

    def is_running(self, request_id: str) -> bool:
        return False


class _Records(MemoryStore):
    """Finds the grants of a request by key, as a table does; the double scans."""

    def grants(self, request_id: str) -> tuple[Grant, ...]:
        accounts = self.requests[request_id].accounts
        return tuple(grant for account in accounts if (grant := self.all_grants.get((request_id, account))))


class _Simulation:
    def __init__(self, sets: int, accounts: int, late: int) -> None:
        names = [f"{RDS}-{number}" for number in range(sets)]
        pairs = [(name, f"{number:012}") for name in names for number in range(accounts)]
        self.clock = _Clock()
        self.center = _Center({pair: {"u-standing"} for pair in pairs})
        self.slack = _SilentSlack(self.clock)
        self.records = _Records(self.clock)
        for asked, grant in _late(pairs, late):
            self.records.save_request(asked, (), [grant])
            self.records.add_holder(grant.access, asked.id, NOW)
            self.center.assigned[grant.access.permission_set, grant.access.account].add(grant.access.user_id)
        self.reconciler = self._reconciler(_policy(names, pairs))

    def run(self, number: int) -> ReconcilerRun:
        began, cpu, calls = self.clock.now, time.process_time(), self.slack.calls
        counts = reconcile(self.reconciler)
        if counts.failures or counts.unknown:
            raise AssertionError(f"{counts.failures} failures")
        seconds = self.clock.now - began
        self.clock.now = began + max(RUN_SECONDS, seconds)
        for access in self.center.deletions.values():
            self.center.end(access)
        return ReconcilerRun(
            number,
            seconds,
            time.process_time() - cpu,
            counts.late,
            sum(len(users) - 1 for users in self.center.assigned.values()),
            len(self.center.searched),
            self.slack.calls - calls,
        )

    def _reconciler(self, of: ApprovalPolicy) -> ReconcilerContext:
        slowly: Callable[[object, float], Any] = lambda of, seconds: _Delayed(of, self.clock, seconds)  # noqa: E731
        return ReconcilerContext(
            policy=of,
            store=slowly(self.records, STORE_SECONDS),
            clock=self.clock,
            log=_no_log,
            directory=MemoryDirectory(EVERYBODY),
            slack=self.slack,
            workflow=slowly(_Stopped(), CENTER_SECONDS),
            identity_center=slowly(self.center, CENTER_SECONDS),
            session_policy=None,
            count=lambda _: None,
            pause=lambda _: None,
        )


def _policy(names: list[str], pairs: list[tuple[str, str]]) -> ApprovalPolicy:
    known = policy()
    (any_set, *_) = known.sets.values()
    holder = Principal(PrincipalKind.user, "u-standing", "standing")
    return replace(
        known,
        sets={name: replace(any_set, arn=f"{any_set.arn}-{name}") for name in names},
        standing=tuple(StandingAssignment(holder, name, account) for name, account in pairs),
    )


def _late(pairs: list[tuple[str, str]], late: int) -> Iterator[tuple[Request, Grant]]:
    """Yield requests with their grants, all overdue for an hour."""
    for number, (name, account) in enumerate(pairs[:late]):
        asked = request(
            State.active,
            id=f"r-{number}",
            requester=Actor(f"u-{number}", f"Person {number}", f"U{number:06}"),
            permission_set=name,
            accounts=(account,),
            created_at=NOW - 7300,
            decided_at=NOW - 7200,
            revoke_at=NOW - 3600,
            message=Message("C0APPROVALS1", f"{number}.0"),
            version=0,
        )
        access = Access(f"u-{number}", name, account)
        yield asked, Grant(asked.id, access, GrantState.granted, NOW - 3600, set_arn="arn:set", made=True)


def _no_log(event: str, **fields: object) -> None:
    pass
