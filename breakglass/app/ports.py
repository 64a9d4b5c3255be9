"""The ports of the app: stores, AWS, Slack, the clock and the log.

Non-goals: implementations (see `aws`; the tests have doubles in memory).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from breakglass.app.error_codes import remedy_of_slack

if TYPE_CHECKING:
    # The receiver answers Slack within three seconds, and needs only the errors of this module.
    from breakglass.app.domain.people import Person
    from breakglass.app.domain.policy import Principal
    from breakglass.app.domain.records import Access, AuditEntry, Denial, Grant, Request, Usage

Item = TypeVar("Item")


@dataclass(frozen=True)
class Page(Generic[Item]):
    """A page of a list.

    Attributes:
        items: the items, in order.
        next: the cursor of the next page; None after the last.
    """

    items: tuple[Item, ...]
    next: str | None


def skip_record(record: str) -> None:
    """Skip an unreadable record."""


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
        """Return the unexpired last denial of a person's set in each account, newest first."""


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
        """Take or renew the lease on an assignment; False while another owner has an unexpired one."""

    def release_lease(self, access: Access, owner: str) -> None:
        """Give the lease back, if this owner has it."""

    def add_holder(self, access: Access, request_id: str, now: int) -> None:
        """Add a request to the holders of an assignment, and record the time."""

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
        """Return the latest usage of a set in an account, by user ID or, if unknown, session name."""

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

    def once(self, name: str, until: int, owner: str = "") -> bool:
        """Return True for the first caller with this key, and False for every other until the given time.

        A caller with a name (`owner`) gets its own key again.

        Raises:
            BusyError: if the first caller is unknown.
        """

    def extend_once(self, name: str, until: int) -> None:
        """Keep a key until another time, once the work has succeeded."""


class LockStore(Protocol):
    """Named locks."""

    def lock(self, name: str, owner: str, until: int, now: int) -> bool:
        """Take a lock; False while another owner has it and it has not expired."""

    def unlock(self, name: str, owner: str) -> None:
        """Give a lock back, if this owner has it."""


class CursorStore(Protocol):
    """Positions of searches that go on in another run."""

    def cursor(self, name: str) -> str:
        """Return a cursor as `save_cursor` stored it; empty without one."""

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
        """Return an enabled user and their current groups; None if unknown or disabled."""

    def person_by_email(self, address: str) -> Person | None:
        """Return the only user with exactly this e-mail address, or None."""

    def is_in_other_case(self, address: str) -> bool:
        """Return whether a user has this address in other upper and lower case."""

    def person_by_user_name(self, user_name: str) -> Person | None:
        """Return the user with exactly this user name."""

    def members(self, principals: Sequence[Principal]) -> tuple[Person, ...]:
        """Return the enabled people of users and groups, each once, without their groups."""


class OperationStatus(StrEnum):
    """The status of an operation of Identity Center."""

    in_progress = "in_progress"
    succeeded = "succeeded"
    failed = "failed"


@dataclass(frozen=True)
class Operation:
    """An operation of Identity Center: its ID, its status, and why it failed."""

    id: str
    status: OperationStatus
    failure: str = ""


class BusyError(Exception):
    """A conflict, throttling or a 5xx response: try again later.

    Attributes:
        code: AWS's error code; empty without a response of AWS.
    """

    def __init__(self, why: str, code: str = "") -> None:
        super().__init__(why)
        self.code = code


class IdentityCenter(Protocol):
    """Assignments of permission sets. Every method may raise `BusyError`.

    `set_arn` is the ARN of a set that may have left the stack file; empty for the policy's set of that name.
    """

    def create(self, access: Access, set_arn: str = "") -> Operation:
        """Start the assignment of a permission set to a user in an account."""

    def creation(self, operation_id: str) -> Operation:
        """Return the state of a creation."""

    def delete(self, access: Access, set_arn: str = "") -> Operation:
        """Start the deletion of an assignment; without an assignment it has succeeded."""

    def deletion(self, operation_id: str) -> Operation:
        """Return the state of a deletion; if there was nothing to delete, it has succeeded without an ID."""

    def is_assigned(self, access: Access, set_arn: str = "") -> bool:
        """Return whether the user is assigned, by listing."""

    def assignments(self, permission_set: str, account: str) -> tuple[Principal, ...]:
        """Return the principals that a set is assigned to in an account; their names are IDs."""

    def remove(self, permission_set: str, account: str, principal: Principal) -> Operation:
        """Start the deletion of an unmanaged assignment, of a user or a group."""

    def provisioned_accounts(self, permission_set: str) -> tuple[str, ...]:
        """Return the accounts with an assignment of a set, now or recently."""


class SessionPolicy(Protocol):
    """The policy that denies live sessions (`domain.session_denials`). Both methods may raise `BusyError`."""

    def read(self) -> str:
        """Return its content, JSON text."""

    def write(self, content: str) -> None:
        """Replace its content, in all accounts within seconds."""


class SlackError(Exception):
    """Slack refused a call, or did not answer.

    Attributes:
        error: Slack's error code, e.g. `channel_not_found`; `unreachable`, `timeout` or `rate_limited` otherwise.
        remedy: the remedy.
    """

    def __init__(self, method: str, error: str) -> None:
        super().__init__(f"Slack refused {method}: {error}")
        self.method = method
        self.error = error
        self.remedy = remedy_of_slack(error)


class Slack(Protocol):
    """Slack's Web API."""

    def call(self, method: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Call a method and return its response; raise `SlackError` unless it is `ok`."""


class Workflow(Protocol):
    """The state machine."""

    def start(self, request: Request, wait: int) -> bool:
        """Start the execution of a request, with its first wait in seconds; False if it was started before."""

    def wake(self, token: str, outcome: Mapping[str, Any]) -> bool:
        """End a wait; False if it has already ended."""

    def is_running(self, request_id: str) -> bool:
        """Return whether the execution of a request is running."""


class InteractionsFunction(Protocol):
    """The interactions function, as the receiver calls it."""

    def hand_over(self, interaction: Mapping[str, Any]) -> None:
        """Invoke it without waiting; `services.handover` defines an interaction."""

    def ask(self, interaction: Mapping[str, Any]) -> dict[str, Any]:
        """Invoke it and return its result, JSON-ready."""


class Clock(Protocol):
    """The time."""

    def __call__(self) -> int:
        """Return the time in seconds since 1970."""


class Log(Protocol):
    """The structured log."""

    def __call__(self, event: str, **fields: Any) -> None:
        """Write an event: fields are IDs, states and error codes, never input, tokens or bodies."""
