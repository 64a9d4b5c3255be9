"""Duration and calls of a reconciler run over many grants.

Our own time is measured with records and Identity Center in memory. Once more the records are in DynamoDB of the local
cloud, whose time is its own; at AWS the number of calls decides, since a run mostly waits for answers.

Non-goals: the latency of Identity Center and Slack.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.samples import Samples
from breakglass.app.aws.aws import AwsClient
from breakglass.app.aws.dynamodb import DynamoStore
from breakglass.app.aws.items import grant_item, request_item
from breakglass.app.aws.services import DYNAMODB, Service
from breakglass.app.aws.sigv4 import Credentials
from breakglass.app.domain.records import Access, Actor, Grant, GrantState, Request, State
from breakglass.app.services.context import ReconcilerContext
from breakglass.app.services.reconciler import reconcile
from localcloud.cloud import RunningCloud
from tests.app.aws.local_table import make_table
from tests.app.domain.examples import request
from tests.app.domain.policies import EVERYBODY, PRODUCTION, RDS, STAGING, policy
from tests.app.doubles.clock import NOW
from tests.app.doubles.directory import MemoryDirectory
from tests.app.doubles.identity_center import MemoryIdentityCenter
from tests.app.doubles.slack import MemorySlack
from tests.app.doubles.store import MemoryStore
from tests.app.doubles.workflow import MemoryWorkflow

GRANTS = 10_000
"""Number of live grants, each of another user, in two accounts."""

OVERDUE = 100
"""Number of overdue ones among them."""

_TABLE = "benchmark-reconciler-runs"

# The limit of BatchWriteItem.
_BATCH = 25


@dataclass(frozen=True)
class ReconcilerRuns:
    """Runs of one kind.

    Attributes:
        name: its row in the table.
        seconds: of each run.
        store_calls: calls of the store in one run.
        center_calls: calls of Identity Center in one run.
    """

    name: str
    seconds: Samples
    store_calls: int
    center_calls: int


def measure(
    cloud: RunningCloud | None, repeat: int, progress: Callable[[str], None], grants: int = GRANTS
) -> list[ReconcilerRuns]:
    """Run over many grants.

    Args:
        cloud: its DynamoDB also has the records; None to skip that.
        repeat: runs of each kind; the one in DynamoDB runs once, and its records are written once.
        progress: called with each step.
        grants: their number.
    """
    progress(f"reconciling {grants:,} grants in memory")
    kinds = [_in_memory(_Load(grants, late), repeat) for late in (0, OVERDUE)]
    if cloud is not None:
        progress(f"writing {grants:,} grants to DynamoDB")
        kinds.append(_in_dynamodb(cloud, _Load(grants, 0), progress))
    return kinds


@dataclass(frozen=True)
class _Load:
    """The records: each grant with its own request."""

    grants: int
    late: int

    def __str__(self) -> str:
        return f"{self.grants:,} live, {self.late or 'none'} late"

    def accesses(self) -> Iterator[tuple[Access, int]]:
        """Yields every assignment, and when it ends."""
        for number in range(self.grants):
            access = Access(f"u-{number}", RDS, PRODUCTION if number % 2 else STAGING)
            yield access, NOW - 3600 if number < self.late else NOW + 1800

    def records(self) -> Iterator[tuple[Request, Grant]]:
        """Yields every request with its grant."""
        for number, (access, ends) in enumerate(self.accesses()):
            asked = request(
                State.active,
                id=f"r-{number}",
                requester=Actor(access.user_id, f"Person {number}"),
                accounts=(access.account,),
                created_at=ends - 3700,
                decided_at=ends - 3600,
                revoke_at=ends,
                version=0,
            )
            yield asked, Grant(asked.id, access, GrantState.granted, ends)


class _Counting:
    """Counts the calls of another object's methods."""

    def __init__(self, of: object) -> None:
        self._of = of
        self.calls = 0

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._of, name)

        def counted(*arguments: Any, **named: Any) -> Any:
            self.calls += 1
            return method(*arguments, **named)

        return counted


class _Records(MemoryStore):
    """Finds the grants of a request by key, as a table does; the double scans."""

    def grants(self, request_id: str) -> tuple[Grant, ...]:
        found = (self.all_grants.get((request_id, account)) for account in (PRODUCTION, STAGING))
        return tuple(grant for grant in found if grant is not None)


class _CountingClient(AwsClient):
    """Counts the calls to AWS."""

    calls = 0

    def call(self, service: Service, operation: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        self.calls += 1
        return super().call(service, operation, arguments)


class _Running(MemoryWorkflow):
    """Every execution runs, so none counts as stuck."""

    def is_running(self, request_id: str) -> bool:
        return True


def _in_memory(load: _Load, repeat: int) -> ReconcilerRuns:
    runs = [_once_in_memory(load) for _ in range(repeat)]
    _, store_calls, center_calls = runs[0]
    return ReconcilerRuns(f"{load}, in memory", Samples([seconds for seconds, _, _ in runs]), store_calls, center_calls)


def _once_in_memory(load: _Load) -> tuple[float, int, int]:
    records = _Records()
    for asked, grant in load.records():
        records.save_request(asked, (), [grant])
        records.add_holder(grant.access, asked.id, NOW)
    store, center = _Counting(records), _center(load)
    seconds = _seconds(_reconciler(store, center))
    left = sum(grant.state is GrantState.granted for grant in records.all_grants.values())
    if left != load.grants - load.late:
        raise AssertionError(f"{load.grants - left} grants were revoked, expected {load.late}")
    return seconds, store.calls, center.calls


def _in_dynamodb(cloud: RunningCloud, load: _Load, progress: Callable[[str], None]) -> ReconcilerRuns:
    environment = cloud.environment()
    credentials = Credentials(environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"])
    client = _CountingClient(environment["AWS_REGION"], lambda: credentials, environment=environment)
    table = make_table(cloud, _TABLE)
    items = [item for asked, grant in load.records() for item in (request_item(asked), grant_item(grant))]
    for start in range(0, len(items), _BATCH):
        puts = [{"PutRequest": {"Item": item}} for item in items[start : start + _BATCH]]
        answer = client.call(DYNAMODB, "BatchWriteItem", {"RequestItems": {table: puts}})
        if answer.get("UnprocessedItems"):
            raise AssertionError("DynamoDB of the local cloud did not take all items")
    progress(f"reconciling {load.grants:,} grants in DynamoDB")
    center, client.calls = _center(load), 0
    seconds = _seconds(_reconciler(DynamoStore(client, table), center))
    return ReconcilerRuns(f"{load}, DynamoDB of the local cloud", Samples([seconds]), client.calls, center.calls)


def _seconds(reconciler: ReconcilerContext) -> float:
    began = time.perf_counter()
    reconcile(reconciler)
    return time.perf_counter() - began


def _reconciler(store: Any, center: Any) -> ReconcilerContext:
    return ReconcilerContext(
        policy=policy(),
        store=store,
        clock=lambda: NOW,
        log=_no_log,
        directory=MemoryDirectory(EVERYBODY),
        slack=MemorySlack(EVERYBODY),
        workflow=_Running(),
        identity_center=center,
        session_policy=None,
        count=lambda _: None,
        pause=lambda _: None,
    )


def _no_log(event: str, **fields: object) -> None:
    pass


def _center(load: _Load) -> _Counting:
    center = MemoryIdentityCenter()
    center.assigned = {access for access, _ in load.accesses()}
    return _Counting(center)
