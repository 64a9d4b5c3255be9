"""The reconciler: every few minutes, whatever became of the workflows, what should be gone goes.

It needs nothing but the grants and Identity Center to revoke what outlived its time. That comes first, for all of them;
the records of the requests are updated afterwards, and people are told last. So neither a record that can't be read or
written nor Slack keeps an assignment alive.

Each account, set, record and message is seen to on its own: a failure is counted and logged, and the next one follows.
Each part begins nothing new after its time; the next run goes on.

Non-goals: being quick. What it finds still to be done it begins now and sees the end of at the next run.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TypeVar

from breakglass.app.domain import deadlines, request_lifecycle
from breakglass.app.domain import usage_lifecycle as use_life
from breakglass.app.domain.grant_lifecycle import LIVE
from breakglass.app.domain.records import SYSTEM, Grant, GrantState, Request, State, Usage, UsageState
from breakglass.app.domain.request_lifecycle import Change
from breakglass.app.error_codes import describe_error
from breakglass.app.ports import BusyError, OperationStatus
from breakglass.app.services import announcements, notifications, provisioning, usage_reviews, workflow_steps
from breakglass.app.services.context import ReconcilerContext
from breakglass.app.services.optimistic_writes import change_request, change_usage
from breakglass.app.services.session_denials import deny_sessions, remove_denials
from breakglass.app.services.unmanaged import search_unmanaged_assignments
from breakglass.app.slack import messages

GRACE_SECONDS = 300
"""For how long the workflow is left to its own work after the moment at which something was due."""


MOST_REMINDERS = 10
"""How many uses are brought up in a message of their own in one run."""


Item = TypeVar("Item")


@dataclass
class Counts:
    """What is left after a run, for the metrics.

    Attributes:
        late: assignments that should be gone and are not verified to be.
        stuck: requests that had to be taken further.
        unmanaged: assignments of break-glass sets that neither a request nor the stack file made.
        overdue: uses that should be explained and signed off by now.
        undenied: ended accesses whose live sessions go on, since the policy did not take the Deny.
        unannounced: broken glasses that should be announced by now, with an explanation required.
        failures: parts, accounts, sets and records that could not be seen to.
        unknown: names of those of the numbers above that could not be counted.
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
        context: what the function has.
        until: when the current part begins nothing new any more.
        part: name of the current part, for the log.
        counts: what is left so far.
        messages: what people are still to be told: what it is about, and what tells it.
    """

    context: ReconcilerContext
    until: int = 0
    part: str = ""
    counts: Counts = field(default_factory=Counts)
    messages: list[tuple[str, Callable[[], object]]] = field(default_factory=list)

    def has_time(self) -> bool:
        """Return whether the current part may begin something new."""
        return self.context.clock() < self.until

    def each(self, items: Iterable[Item], name: Callable[[Item], str], see_to: Callable[[Item], object]) -> None:
        """See to every item that there is time for; one that fails stops no other."""
        left = list(items)
        for number, item in enumerate(left):
            if not self.has_time():
                self.context.log("reconcile_out_of_time", part=self.part, left=len(left) - number)
                return
            try:
                see_to(item)
            except Exception as error:
                self.failed(name(item), error)

    def failed(self, what: str, error: Exception) -> None:
        """Count and log a failure.

        Args:
            what: names what could not be seen to: ids of records, accounts and sets.
            error: why.
        """
        self.counts.failures += 1
        self.context.log("reconcile_failed", part=self.part, what=what, **describe_error(error))

    def unreadable(self, what: str) -> None:
        """Count and log a record that can't be read."""
        self.failed(what, ValueError("unreadable"))

    def change(self, request_id: str, change: Callable[[Request], Change]) -> Change:
        """Change a request, and remember that people are to be told; until they are, its message is behind."""

        def with_message_behind(request: Request) -> Change:
            changed = change(request)
            told = changed.audit and changed.request.message is not None
            return replace(changed, request=replace(changed.request, message_stale=True)) if told else changed

        written = change_request(self.context.store, request_id, with_message_behind)
        if written.audit:
            self.later(request_id, lambda: notifications.publish_change(self.context, written))
        return written

    def later(self, what: str, tell: Callable[[], object]) -> None:
        """Tell people something when everything is revoked that has to be."""
        self.messages.append((what, tell))

    def show(self, request_id: str) -> None:
        """Have the message of a request written anew."""
        change_request(
            self.context.store, request_id, lambda one: Change(replace(one, message_stale=one.message is not None))
        )


def reconcile(context: ReconcilerContext) -> Counts:
    """Do one run, and return what is left; what failed is counted."""
    run, began = Run(context), context.clock()
    for part, seconds, counted in _PARTS:
        run.part, run.until = part.__name__, began + seconds
        try:
            part(run)
        except Exception as error:
            run.failed(run.part, error)
            run.counts.unknown |= counted
    return run.counts


# --- what outlived its time ------------------------------------------------------------------------------------------


def revoke_overdue_grants(run: Run) -> None:
    """Revoke what is over, then write so into the requests; see to the Deny on the sessions that live on."""
    context, now = run.context, run.context.clock()
    found = list(context.store.live_grants(run.unreadable))
    late = [one for one in found if deadlines.is_overdue(one, now, GRACE_SECONDS)]
    # Those come first of which Identity Center has not been asked anything yet.
    late.sort(key=lambda one: (one.state is GrantState.revoking, one.revoke_at))
    run.counts.late = len(late)
    run.each(late, _name_of_grant, lambda one: _revoke_late(run, one))
    run.each({one.request_id: one for one in late}.values(), _name_of_grant, lambda one: _end(run, one.request_id))
    others = [one for one in found if one.deny_until is not None and not deadlines.is_overdue(one, now, GRACE_SECONDS)]
    run.counts.undenied = sum(bool(one.deny_failure) and not _is_denial_over(context, one) for one in others)
    run.each(others, _name_of_grant, lambda one: _see_to_denial(run, one))


def _name_of_grant(grant: Grant) -> str:
    return f"{grant.request_id} {grant.access.permission_set} {grant.access.account}"


def _revoke_late(run: Run, grant: Grant) -> None:
    """Take one assignment back, unless its end has been moved since it was read."""
    context, account = run.context, grant.access.account
    context.log("late", request=grant.request_id, set=grant.access.permission_set, account=account, state=grant.state)
    # An extension may have moved it since it was read.
    latest_end = context.clock() - GRACE_SECONDS
    if _is_taken_back(context, grant, latest_end) or not deadlines.is_overdue(
        _again(context, grant), context.clock(), GRACE_SECONDS
    ):
        run.counts.late -= 1


def _again(context: ReconcilerContext, grant: Grant) -> Grant:
    return context.store.grant(grant.request_id, grant.access.account) or grant


def _end(run: Run, request_id: str, note: str = "") -> Request:
    """Write into a request that its access is being revoked, unless that has begun or there is time left."""

    def ended(request: Request) -> Change:
        now = run.context.clock()
        over = request.revoke_at is None or now >= request.revoke_at
        if request.state is State.granting or (request.state is State.active and over):
            return request_lifecycle.revoke_request(request, SYSTEM, note, now)
        return Change(request)

    return run.change(request_id, ended).request


def _is_taken_back(context: ReconcilerContext, grant: Grant, latest_end: int | None = None) -> bool:
    """Take an assignment back if it ends by then, and say whether it is verified to be gone."""
    try:
        status = provisioning.poll_revoke(context, grant.request_id, grant.access.account, latest_end)
        if status is OperationStatus.succeeded:
            status = provisioning.verify_revoke(context, grant.request_id, grant.access.account)
    except BusyError as error:
        context.log("busy", request=grant.request_id, account=grant.access.account, why=str(error))
        return False
    return status is OperationStatus.succeeded


def _is_denial_over(context: ReconcilerContext, grant: Grant) -> bool:
    return context.session_policy is None or context.clock() >= (grant.deny_until or 0)


def _see_to_denial(run: Run, grant: Grant) -> None:
    context = run.context
    try:
        if context.session_policy is None or _is_denial_over(context, grant):
            remove_denials(context, [grant])
        elif grant.state not in LIVE:
            written = deny_sessions(context, context.session_policy, grant)
            run.counts.undenied += bool(written.deny_failure) - bool(grant.deny_failure)
            if written.deny_failure != grant.deny_failure:
                # The message says whether live sessions are cut off.
                run.show(grant.request_id)
    except BusyError:
        # Somebody else is writing the policy; the next run looks again.
        context.log("session_policy_busy", request=grant.request_id, account=grant.access.account)


# --- requests whose workflow does not go on --------------------------------------------------------------------------


def resume_stuck_requests(run: Run) -> None:
    """Take further what should have gone on by itself."""
    context, now = run.context, run.context.clock()

    def see_to(request: Request) -> None:
        helped = deadlines.needed_recovery(request, now, GRACE_SECONDS, lambda: context.workflow.is_running(request.id))
        if helped is not deadlines.Recovery.none:
            run.counts.stuck += 1
            context.log("stuck", request=request.id, state=request.state, help=helped)
            _HELP[helped](run, request)

    run.each(context.store.open_requests(run.unreadable), _id_of, see_to)


def _id_of(record: Request | Usage) -> str:
    return record.id


def _expire(run: Run, request: Request) -> None:
    run.change(request.id, lambda one: workflow_steps.expire_if_due(one, run.context.clock()))


def _wake(run: Run, request: Request) -> None:
    if request.token is not None:
        run.context.workflow.wake(request.token, workflow_steps.APPROVED)


def _start_again(run: Run, request: Request) -> None:
    # Its first look finds everything that is due by then.
    if run.context.workflow.start(request, 1 if request.state is State.approved else GRACE_SECONDS):
        return

    def stopped(one: Request) -> Change:
        if one.state not in (State.pending, State.approved):
            return Change(one)
        return request_lifecycle.fail(
            one, "Its workflow was stopped. Nothing was opened; ask again.", run.context.clock()
        )

    run.change(request.id, stopped)


def _finish(run: Run, request: Request) -> None:
    """Take back what a request still holds, and close it when all of it is gone."""
    context = run.context
    ended = _end(run, request.id, "Its workflow was stopped." if request.state is State.granting else "")
    if ended.state is not State.revoking:
        # It has been extended or taken further since it was read.
        return

    def revoke(account: str) -> None:
        grant = context.store.grant(request.id, account)
        if grant is not None and grant.state in LIVE:
            _is_taken_back(context, grant)

    run.each(request.accounts, lambda account: f"{request.id} {request.permission_set} {account}", revoke)
    held = context.store.grants(request.id)
    if request_lifecycle.remaining_accounts(held):
        context.log("left_to_reconciler", request=request.id)
        return
    run.change(request.id, lambda one: workflow_steps.close_if_revoking(one, held, context.clock()))


_HELP: dict[deadlines.Recovery, Callable[[Run, Request], None]] = {
    deadlines.Recovery.expire: _expire,
    deadlines.Recovery.start: _start_again,
    deadlines.Recovery.wake: _wake,
    deadlines.Recovery.revoke: _finish,
}


# --- messages --------------------------------------------------------------------------------------------------------


def send_notifications(run: Run) -> None:
    """Tell people what this run has found and changed."""

    def tell(message: tuple[str, Callable[[], object]]) -> None:
        message[1]()

    run.each(run.messages, lambda one: one[0], tell)


def retry_announcements(run: Run) -> None:
    """Announce each broken glass where that is still missing, whatever state its request is in."""
    context, now = run.context, run.context.clock()
    unannounced = [one for one in context.store.open_requests(run.unreadable) if one.announcement is not None]
    run.counts.unannounced = sum(announcements.is_overdue(one, now) for one in unannounced)

    def see_to(request: Request) -> None:
        retried = announcements.retry_announcement(context, request.id) or request
        if announcements.is_overdue(request, now) and not announcements.is_overdue(retried, now):
            run.counts.unannounced -= 1

    run.each(unannounced, _id_of, see_to)


def refresh_stale_messages(run: Run) -> None:
    """Show the newest state of requests where Slack did not take it when it came true."""

    def see_to(request: Request) -> None:
        if request.message_stale:
            notifications.refresh_message(run.context, request.id)

    run.each(run.context.store.open_requests(run.unreadable), _id_of, see_to)


def remind_of_usages(run: Run) -> None:
    """Remind of uses that are not explained or not signed off, and count those that are overdue.

    Of many at once only the first have a message of their own; one message tells of all others. A reminder is noted
    once Slack has accepted it; until then each run tries again.
    """
    context, now = run.context, run.context.clock()
    every = context.policy.settings.remind_every_seconds
    found = list(context.store.open_usages(run.unreadable))
    run.counts.overdue = sum(use_life.is_overdue(use, now) for use in found)

    waiting = [use for use in found if now >= (use.reminded_at or use.first_seen) + every]
    first, others = waiting[:MOST_REMINDERS], waiting[MOST_REMINDERS:]

    def note(use: Usage) -> None:
        # It may have been signed off at this moment.
        with suppress(use_life.UsageTransitionError):
            change_usage(context.store, use.id, lambda one: use_life.record_reminder(one, now))

    def remind(use: Usage) -> None:
        current = context.store.usage(use.id)
        if current is None or current.state is UsageState.accepted:
            return
        body = messages.explanation_reminder(current, context.policy, use_life.is_overdue(current, now))
        if usage_reviews.post_about_usage(context, current, body):
            note(current)

    run.each(first, _id_of, remind)
    if others:
        body = messages.explanation_digest(len(others), sum(use_life.is_overdue(use, now) for use in others))
        if notifications.post_message(context, "uses", context.policy.settings.channel, body) is not None:
            run.each(others, _id_of, note)


_PARTS: tuple[tuple[Callable[[Run], None], int, frozenset[str]], ...] = (
    (revoke_overdue_grants, 120, frozenset({"late", "undenied"})),
    (resume_stuck_requests, 150, frozenset({"stuck"})),
    (search_unmanaged_assignments, 200, frozenset({"unmanaged"})),
    (retry_announcements, 210, frozenset({"unannounced"})),
    (send_notifications, 225, frozenset()),
    (refresh_stale_messages, 235, frozenset()),
    (remind_of_usages, 250, frozenset({"overdue"})),
)
"""Every part, the second of the run after which it begins nothing new (the function has 300), and what it counts."""
