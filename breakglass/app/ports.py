"""What the app asks of the world.

Non-goals: how (see `aws`; the tests have doubles in memory).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from breakglass.app.error_codes import remedy_of_slack

if TYPE_CHECKING:
    # Whatever answers Slack within three seconds needs no more of this module than its errors.
    from breakglass.app.domain.people import Person
    from breakglass.app.domain.policy import Principal
    from breakglass.app.domain.records import Access, AuditEntry, Denial, Grant, Request, Usage

Item = TypeVar("Item")


@dataclass(frozen=True)
class Page(Generic[Item]):
    """Some of many.

    Attributes:
        items: in the order asked for.
        next: what to ask with for the following page; None after the last.
    """

    items: tuple[Item, ...]
    next: str | None


def skip_record(record: str) -> None:
    """Leave out a record that can't be read."""


class RequestStore(Protocol):
    """Requests, and the last denials.

    A write of any store is conditional: it returns False and changes nothing if another writer was first. `save_*` take
    a record with the `version` it was read with. They write it with `version + 1` and its audit entries in one
    transaction. A record of version 0 must not exist yet. Reads are consistent. A record that can't be read raises
    `ValueError`; lists skip it, and lists of open records name it to `unreadable`.
    """

    def request(self, request_id: str) -> Request | None:
        """Return the request, or None if the ID is unknown or malformed."""

    def save_request(
        self,
        request: Request,
        audit: Sequence[AuditEntry] = (),
        grants: Sequence[Grant] = (),
        denial: Denial | None = None,
    ) -> bool:
        """Write a request, its audit entries, grants of it and its denial in one transaction."""

    def open_requests(self, unreadable: Callable[[str], None] = skip_record) -> Iterable[Request]:
        """Yield every request that is not final, lacks an announcement, or has a stale message; the oldest first."""

    def requests_of(self, user_id: str, cursor: str | None = None, limit: int = 20) -> Page[Request]:
        """Return a person's requests, newest first."""

    def requests_between(self, since: int, until: int, cursor: str | None = None, limit: int = 20) -> Page[Request]:
        """Return all requests created in a span, newest first."""

    def denials(self, user_id: str, permission_set: str, accounts: Sequence[str]) -> tuple[Denial, ...]:
        """Return the last denial of a person's set in each account, newest first, until it expires."""


class GrantStore(Protocol):
    """Grants: one for each account of a request."""

    def grants(self, request_id: str) -> tuple[Grant, ...]:
        """Return the grants of a request, by account."""

    def grant(self, request_id: str, account: str) -> Grant | None:
        """Return the grant of a request in one account."""

    def save_grant(self, grant: Grant, audit: Sequence[AuditEntry] = ()) -> bool:
        """Write a grant and its audit entries."""

    def live_grants(self, unreadable: Callable[[str], None] = skip_record) -> Iterable[Grant]:
        """Yield every grant that is not `revoked` or `failed`, or whose `deny_until` is set, by `revoke_at`."""


class AssignmentStore(Protocol):
    """Leases on assignments, and the requests that hold each assignment."""

    def acquire_lease(self, access: Access, owner: str, until: int, now: int) -> bool:
        """Take or renew the lease on an assignment, so that a grant and a revoke of it can't cross.

        Returns:
            False while another owner has an unexpired lease.
        """

    def release_lease(self, access: Access, owner: str) -> None:
        """Give the lease back, if this owner has it."""

    def add_holder(self, access: Access, request_id: str, now: int) -> None:
        """Add a request to the holders of an assignment; a second time changes nothing but the time."""

    def remove_holder(self, access: Access, request_id: str) -> frozenset[str]:
        """Remove a request from the holders, and return the others."""

    def holders(self, access: Access) -> frozenset[str]:
        """Return the requests that hold an assignment; their grants say whether they still want it."""

    def last_held(self, access: Access) -> int | None:
        """Return when a holder was last added; None if there never was one."""


class UsageStore(Protocol):
    """Usages of break-glass roles."""

    def usage(self, usage_id: str) -> Usage | None:
        """Return the usage, or None if the ID is unknown or malformed."""

    def usage_of_event(self, event_id: str) -> Usage | None:
        """Return the usage that a CloudTrail event belongs to."""

    def save_usage(self, usage: Usage, audit: Sequence[AuditEntry] = ()) -> bool:
        """Write a usage, its audit entries and the events that belong to it."""

    def latest_usage(self, permission_set: str, account: str, who: str) -> Usage | None:
        """Return the latest usage of a set in an account by a person (user ID, or session name if unknown)."""

    def open_usages(self, unreadable: Callable[[str], None] = skip_record) -> Iterable[Usage]:
        """Yield every usage whose explanation is not accepted, by `due_at`."""


class AuditStore(Protocol):
    """The audit trail."""

    def append_audit(self, entry: AuditEntry) -> bool:
        """Append an entry that belongs to no other record; False if the trail has it already."""

    def audit(self, since: int, until: int) -> Iterable[AuditEntry]:
        """Yield the entries of a span, oldest first."""


class OnceStore(Protocol):
    """Keys that only the first caller gets."""

    def once(self, name: str, until: int) -> bool:
        """Return True for the first caller with this key, and False for every other until the given time.

        Raises:
            BusyError: if the first caller is unknown.
        """

    def extend_once(self, name: str, until: int) -> None:
        """Keep a key until another time; work that may have to be repeated takes a short time first."""


class LockStore(Protocol):
    """Named locks."""

    def lock(self, name: str, owner: str, until: int, now: int) -> bool:
        """Take a lock; False while another owner has it and it has not expired."""

    def unlock(self, name: str, owner: str) -> None:
        """Give a lock back, if this owner has it."""


class CursorStore(Protocol):
    """Positions of searches that go on in another run."""

    def cursor(self, name: str) -> str:
        """Return a cursor as `save_cursor` stored it; empty if there is none."""

    def save_cursor(self, name: str, text: str) -> None:
        """Store a cursor; the last writer wins."""


class Store(
    RequestStore,
    GrantStore,
    AssignmentStore,
    UsageStore,
    AuditStore,
    OnceStore,
    LockStore,
    CursorStore,
    Protocol,
):
    """Every store in one, as the table has them."""


class Directory(Protocol):
    """Identity Center's identity store."""

    def person(self, user_id: str) -> Person | None:
        """Return a user and the groups they are in now; None if there is none or they are disabled."""

    def person_by_email(self, address: str) -> Person | None:
        """Return the user with exactly this e-mail address; None for nobody and for more than one."""

    def is_in_other_case(self, address: str) -> bool:
        """Return whether a user has an address that differs from this one only in upper and lower case."""

    def person_by_user_name(self, user_name: str) -> Person | None:
        """Return the user with exactly this user name."""

    def members(self, principals: Sequence[Principal]) -> tuple[Person, ...]:
        """Return the enabled people that principals name, groups resolved, each once; without their groups."""


class OperationStatus(StrEnum):
    """How far an operation of Identity Center is."""

    in_progress = "in_progress"
    succeeded = "succeeded"
    failed = "failed"


@dataclass(frozen=True)
class Operation:
    """An operation of Identity Center: its id, how far it is, and why it failed."""

    id: str
    status: OperationStatus
    failure: str = ""


class BusyError(Exception):
    """Another operation or transaction is in the way (conflict, throttling, 5xx): try again later.

    Attributes:
        code: AWS's error code; empty if AWS has refused nothing.
    """

    def __init__(self, why: str, code: str = "") -> None:
        super().__init__(why)
        self.code = code


class IdentityCenter(Protocol):
    """Assignments of permission sets. Everything may raise `BusyError`.

    `set_arn` is the ARN of a set that may have left the stack file; without it the policy's set of that name is meant.
    """

    def create(self, access: Access, set_arn: str = "") -> Operation:
        """Begin to assign a permission set to a user in an account."""

    def creation(self, operation_id: str) -> Operation:
        """Say how far a creation is."""

    def delete(self, access: Access, set_arn: str = "") -> Operation:
        """Begin to take an assignment away; one that isn't there has succeeded."""

    def deletion(self, operation_id: str) -> Operation:
        """Say how far a deletion is; one that failed since there was nothing to delete has succeeded, and has no id."""

    def is_assigned(self, access: Access, set_arn: str = "") -> bool:
        """Say whether the user is assigned, by listing."""

    def assignments(self, permission_set: str, account: str) -> tuple[Principal, ...]:
        """Return everybody who is assigned a set in an account; names are ids here."""

    def remove(self, permission_set: str, account: str, principal: Principal) -> Operation:
        """Begin to take away an assignment that nobody recorded, a group's too."""

    def provisioned_accounts(self, permission_set: str) -> tuple[str, ...]:
        """Return the accounts in which a set is assigned to anybody, or was until lately."""


class SessionPolicy(Protocol):
    """The policy that ends live sessions (`domain.session_denials`). Everything may raise `BusyError`."""

    def read(self) -> str:
        """Return its content, JSON text."""

    def write(self, content: str) -> None:
        """Replace its content; it takes effect in all accounts within seconds."""


class SlackError(Exception):
    """Slack answered `ok: false` or nothing useful.

    Attributes:
        error: Slack's error code, e.g. `channel_not_found`; `unreachable`, `timeout` or `rate_limited` otherwise.
        remedy: what helps against it.
    """

    def __init__(self, method: str, error: str) -> None:
        super().__init__(f"Slack refused {method}: {error}")
        self.method = method
        self.error = error
        self.remedy = remedy_of_slack(error)


class Slack(Protocol):
    """Slack's Web API."""

    def call(self, method: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Call a method and return its answer.

        Raises:
            SlackError: if the answer isn't `ok`.
        """


class Workflow(Protocol):
    """The state machine."""

    def start(self, request: Request, wait: int) -> bool:
        """Start the execution of a request; False, and nothing changed, if it was started before.

        Args:
            request: the request.
            wait: for how many seconds it waits for people before it looks what is due.
        """

    def wake(self, token: str, outcome: Mapping[str, Any]) -> bool:
        """End a wait; False if it is over already."""

    def is_running(self, request_id: str) -> bool:
        """Say whether the execution of a request still runs."""


class InteractionsFunction(Protocol):
    """The function that does what people click, as the one calls it that answers Slack."""

    def hand_over(self, interaction: Mapping[str, Any]) -> None:
        """Let it be done, and don't wait; `services.handover` says what an interaction holds."""

    def ask(self, interaction: Mapping[str, Any]) -> dict[str, Any]:
        """Wait for the answer, JSON-ready."""


class Clock(Protocol):
    """The time."""

    def __call__(self) -> int:
        """Return the time in seconds since 1970."""


class Log(Protocol):
    """Where to say what happened."""

    def __call__(self, event: str, **fields: Any) -> None:
        """Say it: the fields hold ids, states and error codes, never what people wrote, a token or a body."""
