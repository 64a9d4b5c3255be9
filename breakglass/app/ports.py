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


class Store(Protocol):
    """Keeps records. Every write is conditional: it returns False and changes nothing if somebody was quicker.

    `save_*` take the record with the `version` it was read with, write it with `version + 1` and, in the same
    transaction, the audit entries. A record read with version 0 must not exist yet. Reads are consistent. A record that
    can't be read raises `ValueError`; lists pass it over, and those of open ones name it to `unreadable`.
    """

    def claim_delivery(self, key: str, expires_at: int) -> bool:
        """Say whether this is the first delivery with this key; remembered until the time given.

        Raises:
            BusyError: that isn't known now.
        """

    def remember_delivery(self, key: str, expires_at: int) -> None:
        """Remember a claimed delivery until another time."""

    def request(self, request_id: str) -> Request | None:
        """Return a request; whatever else was named, by somebody outside, is none."""

    def save_request(
        self,
        request: Request,
        audit: Sequence[AuditEntry] = (),
        grants: Sequence[Grant] = (),
        denial: Denial | None = None,
    ) -> bool:
        """Write a request, its audit entries and, in the same transaction, grants of it and its denial."""

    def grants(self, request_id: str) -> tuple[Grant, ...]:
        """Return the grants of a request, by account."""

    def grant(self, request_id: str, account: str) -> Grant | None:
        """Return the grant of a request in one account."""

    def save_grant(self, grant: Grant, audit: Sequence[AuditEntry] = ()) -> bool:
        """Write a grant."""

    def open_requests(self, unreadable: Callable[[str], None] = skip_record) -> Iterable[Request]:
        """Yield every request that is not final, is not announced as it should be, or has a stale message.

        The oldest first.
        """

    def denials(self, user_id: str, permission_set: str, accounts: Sequence[str]) -> tuple[Denial, ...]:
        """Return the last denial of a person's set in each account, as long as it is remembered; newest first."""

    def live_grants(self, unreadable: Callable[[str], None] = skip_record) -> Iterable[Grant]:
        """Yield every grant that is not `revoked` or `failed`, or whose `deny_until` is set, by `revoke_at`."""

    def requests_of(self, user_id: str, cursor: str | None = None, limit: int = 20) -> Page[Request]:
        """Return a person's requests, newest first."""

    def requests_between(self, since: int, until: int, cursor: str | None = None, limit: int = 20) -> Page[Request]:
        """Return everybody's requests created in a span, newest first."""

    def acquire_lease(self, access: Access, request_id: str, until: int, now: int) -> bool:
        """Take the lease on an assignment, so that no grant and revoke of the same one cross.

        Returns:
            False while another request holds an unexpired lease; True for the same request again.
        """

    def release_lease(self, access: Access, request_id: str) -> None:
        """Give the lease back, if it is this request's."""

    def add_holder(self, access: Access, request_id: str, now: int) -> None:
        """Count a request among those that want this assignment to be there; twice counts once."""

    def last_held(self, access: Access) -> int | None:
        """Return when a request was last counted among those that want this assignment; None if none ever was."""

    def remove_holder(self, access: Access, request_id: str) -> frozenset[str]:
        """Take a request out of the holders, and return who is left."""

    def holders(self, access: Access) -> frozenset[str]:
        """Return the requests that wanted this assignment to be there; their grants say whether they still do."""

    def usage(self, use_id: str) -> Usage | None:
        """Return a use; whatever else was named is none."""

    def usage_of_event(self, event_id: str) -> Usage | None:
        """Return the use that a CloudTrail event belongs to."""

    def save_usage(self, use: Usage, audit: Sequence[AuditEntry] = ()) -> bool:
        """Write a use, and remember which events belong to it."""

    def latest_usage(self, permission_set: str, account: str, who: str) -> Usage | None:
        """Return the most recent use of a set in an account by a person (user id, or session name if unknown)."""

    def open_usages(self, unreadable: Callable[[str], None] = skip_record) -> Iterable[Usage]:
        """Yield every use that is not signed off, by `due_at`."""

    def cursor(self, name: str) -> str:
        """Return how far a search is, as `save_cursor` stored it; empty if it never did."""

    def save_cursor(self, name: str, text: str) -> None:
        """Store how far a search is; the last writer decides."""

    def append_audit(self, entry: AuditEntry) -> bool:
        """Add a line to the audit trail that belongs to no record; False if it is there already."""

    def audit(self, since: int, until: int) -> Iterable[AuditEntry]:
        """Yield the audit trail of a span, oldest first."""


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
