"""One run of the reconciler: its time, its counts, and the messages that it posts last."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from breakglass.app.domain.records import Request
from breakglass.app.domain.request_lifecycle import Change
from breakglass.app.error_codes import describe_error
from breakglass.app.services import notifications
from breakglass.app.services.context import ReconcilerContext
from breakglass.app.services.optimistic_writes import change_request

_Item = TypeVar("_Item")


@dataclass
class Counts:
    """The counts of a run, for the metrics.

    Attributes:
        late: overdue assignments that are not verified to be gone.
        stuck: requests that the reconciler resumed.
        unmanaged: assignments of break-glass sets that neither a request nor the stack file made.
        overdue: usages whose explanation is overdue.
        undenied: ended access whose live sessions go on, because the policy refused the Deny.
        unannounced: access without approval whose announcement or explanation is overdue.
        failures: parts, accounts, sets and records that failed.
        unknown: names of the counts above that are unknown.
    """

    late: int = 0
    stuck: int = 0
    unmanaged: int = 0
    overdue: int = 0
    undenied: int = 0
    unannounced: int = 0
    failures: int = 0
    unknown: frozenset[str] = frozenset()


@dataclass
class Run:
    """One run of the reconciler.

    Attributes:
        context: the function's context.
        until: the time after which the current part starts nothing new.
        part: name of the current part, for the log.
        counts: the counts so far.
        messages: deferred messages: the subject, and the function that posts.
    """

    context: ReconcilerContext
    until: int = 0
    part: str = ""
    counts: Counts = field(default_factory=Counts)
    messages: list[tuple[str, Callable[[], object]]] = field(default_factory=list)

    def has_time(self) -> bool:
        """Return whether the current part may start something new."""
        return self.context.clock() < self.until

    def handle_each(
        self, items: Iterable[_Item], name: Callable[[_Item], str], handle: Callable[[_Item], object]
    ) -> None:
        """Handle every item while there is time; a failure stops no other item."""
        left = list(items)
        for number, item in enumerate(left):
            if not self.has_time():
                self.context.log("reconcile_out_of_time", part=self.part, left=len(left) - number)
                return
            try:
                handle(item)
            except Exception as error:
                self.record_failure(name(item), error)

    def record_failure(self, what: str, error: Exception) -> None:
        """Count and log a failure of a named record, account or set."""
        self.counts.failures += 1
        self.context.log("reconcile_failed", part=self.part, what=what, **describe_error(error))

    def record_unreadable(self, what: str) -> None:
        """Count and log a record that can't be read."""
        self.record_failure(what, ValueError("unreadable"))

    def change_request(self, request_id: str, change: Callable[[Request], Change]) -> Change:
        """Change a request, and defer its messages; until they are posted, its message is stale."""

        def with_stale_message(request: Request) -> Change:
            changed = change(request)
            is_shown = changed.audit and changed.request.message is not None
            return replace(changed, request=replace(changed.request, message_stale=True)) if is_shown else changed

        written = change_request(self.context.store, request_id, with_stale_message)
        if written.audit:
            self.defer_message(request_id, lambda: notifications.publish_change(self.context, written))
        return written

    def defer_message(self, subject: str, post: Callable[[], object]) -> None:
        """Post a message after all revocations."""
        self.messages.append((subject, post))

    def mark_message_stale(self, request_id: str) -> None:
        """Have a later part refresh the message of a request."""
        change_request(
            self.context.store, request_id, lambda read: Change(replace(read, message_stale=read.message is not None))
        )
