"""The reconciler: every few minutes it revokes overdue access and resumes stuck requests, without the workflow.

It needs only the grants and Identity Center to revoke an overdue assignment. It revokes all of them first, then updates
the requests, and posts messages last. So neither an unreadable record nor Slack keeps an assignment alive.

Each account, set, record and message is handled on its own: a failure is counted and logged, and the next one follows.
Each part starts nothing new after its time; the next run goes on.

Non-goals: speed. It starts pending work; the next run confirms the result.
"""

from collections.abc import Callable
from contextlib import suppress

from breakglass.app.domain import deadlines, request_lifecycle, usage_lifecycle
from breakglass.app.domain.grant_lifecycle import LIVE
from breakglass.app.domain.records import SYSTEM, Grant, GrantState, Request, State, Usage, UsageState
from breakglass.app.domain.request_lifecycle import Change
from breakglass.app.ports import BusyError, OperationStatus
from breakglass.app.services import announcements, notifications, provisioning, usage_reviews, workflow_steps
from breakglass.app.services.context import ReconcilerContext
from breakglass.app.services.optimistic_writes import change_usage
from breakglass.app.services.reconciler_run import Counts, Run
from breakglass.app.services.session_denials import deny_sessions, remove_denials
from breakglass.app.services.unmanaged import search_unmanaged_assignments
from breakglass.app.slack import messages

GRACE_SECONDS = 300
"""Seconds that the workflow has for due work before the reconciler does it."""

MOST_REMINDERS = 10
"""Usages with a reminder of their own in one run."""


def reconcile(context: ReconcilerContext) -> Counts:
    """Run every part, and return the counts, failures included."""
    run, began = Run(context), context.clock()
    for part, seconds, counted in _PARTS:
        run.part, run.until = part.__name__, began + seconds
        try:
            part(run)
        except Exception as error:
            run.record_failure(run.part, error)
            run.counts.unknown |= counted
    return run.counts


# --- overdue access --------------------------------------------------------------------------------------------------


def revoke_overdue_grants(run: Run) -> None:
    """Revoke overdue grants, then update their requests; write or remove the Deny on sessions."""
    context, now = run.context, run.context.clock()
    found = list(context.store.live_grants(run.record_unreadable))
    late = [grant for grant in found if deadlines.is_overdue(grant, now, GRACE_SECONDS)]
    # Grants whose deletion is not started yet come first.
    late.sort(key=lambda grant: (grant.state is GrantState.revoking, grant.revoke_at))
    run.counts.late = len(late)
    run.handle_each(late, _grant_name, lambda grant: _revoke_late(run, grant))
    run.handle_each(
        {grant.request_id: grant for grant in late}.values(),
        _grant_name,
        lambda grant: _end_request(run, grant.request_id),
    )
    others = [
        grant for grant in found if grant.deny_until is not None and not deadlines.is_overdue(grant, now, GRACE_SECONDS)
    ]
    run.counts.undenied = sum(bool(grant.deny_failure) and not _is_deny_over(context, grant) for grant in others)
    run.handle_each(others, _grant_name, lambda grant: _update_deny(run, grant))


def _grant_name(grant: Grant) -> str:
    return f"{grant.request_id} {grant.access.permission_set} {grant.access.account}"


def _revoke_late(run: Run, grant: Grant) -> None:
    context, account = run.context, grant.access.account
    context.log("late", request=grant.request_id, set=grant.access.permission_set, account=account, state=grant.state)
    latest_end = context.clock() - GRACE_SECONDS
    if _revoke(context, grant, latest_end) or not deadlines.is_overdue(
        _read_again(context, grant), context.clock(), GRACE_SECONDS
    ):
        run.counts.late -= 1


def _read_again(context: ReconcilerContext, grant: Grant) -> Grant:
    return context.store.grant(grant.request_id, grant.access.account) or grant


def _end_request(run: Run, request_id: str, note: str = "") -> Request:

    def ended(request: Request) -> Change:
        now = run.context.clock()
        over = request.revoke_at is None or now >= request.revoke_at
        if request.state is State.granting or (request.state is State.active and over):
            return request_lifecycle.revoke_request(request, SYSTEM, note, now)
        return Change(request)

    return run.change_request(request_id, ended).request


def _revoke(context: ReconcilerContext, grant: Grant, latest_end: int | None = None) -> bool:
    """Revoke a grant that ends by `latest_end`; return whether its assignment is verified gone."""
    try:
        status = provisioning.poll_revoke(context, grant.request_id, grant.access.account, latest_end)
        if status is OperationStatus.succeeded:
            status = provisioning.verify_revoke(context, grant.request_id, grant.access.account)
    except BusyError as error:
        context.log("busy", request=grant.request_id, account=grant.access.account, why=str(error))
        return False
    return status is OperationStatus.succeeded


def _is_deny_over(context: ReconcilerContext, grant: Grant) -> bool:
    return context.session_policy is None or context.clock() >= (grant.deny_until or 0)


def _update_deny(run: Run, grant: Grant) -> None:
    context = run.context
    try:
        if context.session_policy is None or _is_deny_over(context, grant):
            remove_denials(context, [grant])
        elif grant.state not in LIVE:
            written = deny_sessions(context, context.session_policy, grant)
            run.counts.undenied += bool(written.deny_failure) - bool(grant.deny_failure)
            if written.deny_failure != grant.deny_failure:
                # The message says whether live sessions are denied.
                run.mark_message_stale(grant.request_id)
    except BusyError:
        # Another run is writing the policy; the next run tries again.
        context.log("session_policy_busy", request=grant.request_id, account=grant.access.account)


# --- stuck requests --------------------------------------------------------------------------------------------------


def resume_stuck_requests(run: Run) -> None:
    """Resume requests that the workflow should have moved on."""
    context, now = run.context, run.context.clock()

    def handle(request: Request) -> None:
        recovery = deadlines.needed_recovery(
            request, now, GRACE_SECONDS, lambda: context.workflow.is_running(request.id)
        )
        if recovery is not deadlines.Recovery.none:
            run.counts.stuck += 1
            context.log("stuck", request=request.id, state=request.state, recovery=recovery)
            _RECOVERIES[recovery](run, request)

    run.handle_each(context.store.open_requests(run.record_unreadable), _record_id, handle)


def _record_id(record: Request | Usage) -> str:
    return record.id


def _expire(run: Run, request: Request) -> None:
    run.change_request(request.id, lambda read: workflow_steps.expire_if_due(read, run.context.clock()))


def _wake(run: Run, request: Request) -> None:
    if request.token is not None:
        run.context.workflow.wake(request.token, workflow_steps.APPROVED)


def _start_again(run: Run, request: Request) -> None:
    # Its first check finds everything that is due.
    if run.context.workflow.start(request, 1 if request.state is State.approved else GRACE_SECONDS):
        return

    def stopped(read: Request) -> Change:
        if read.state not in (State.pending, State.approved):
            return Change(read)
        return request_lifecycle.fail(
            read, "The workflow was stopped before any access. Request it again.", run.context.clock()
        )

    run.change_request(request.id, stopped)


def _revoke_request(run: Run, request: Request) -> None:
    context = run.context
    ended = _end_request(run, request.id, "The workflow was stopped." if request.state is State.granting else "")
    if ended.state is not State.revoking:
        # It has been extended or changed since it was read.
        return

    def revoke(account: str) -> None:
        grant = context.store.grant(request.id, account)
        if grant is not None and grant.state in LIVE:
            _revoke(context, grant)

    run.handle_each(request.accounts, lambda account: f"{request.id} {request.permission_set} {account}", revoke)
    held = context.store.grants(request.id)
    if request_lifecycle.remaining_accounts(held):
        context.log("left_to_reconciler", request=request.id)
        return
    run.change_request(request.id, lambda read: workflow_steps.close_if_revoking(read, held, context.clock()))


_RECOVERIES: dict[deadlines.Recovery, Callable[[Run, Request], None]] = {
    deadlines.Recovery.expire: _expire,
    deadlines.Recovery.start: _start_again,
    deadlines.Recovery.wake: _wake,
    deadlines.Recovery.revoke: _revoke_request,
}


# --- messages --------------------------------------------------------------------------------------------------------


def send_notifications(run: Run) -> None:
    """Post the deferred messages of this run."""
    run.handle_each(run.messages, lambda message: message[0], lambda message: message[1]())


def retry_announcements(run: Run) -> None:
    """Retry missing announcements of requests in any state."""
    context, now = run.context, run.context.clock()
    announced = [request for request in context.store.open_requests(run.record_unreadable) if request.announcement]
    run.counts.unannounced = sum(announcements.is_overdue(request, now) for request in announced)

    def handle(request: Request) -> None:
        retried = announcements.retry_announcement(context, request.id) or request
        if announcements.is_overdue(request, now) and not announcements.is_overdue(retried, now):
            run.counts.unannounced -= 1

    run.handle_each(announced, _record_id, handle)


def refresh_stale_messages(run: Run) -> None:
    """Refresh the stale messages of requests."""

    def handle(request: Request) -> None:
        if request.message_stale:
            notifications.refresh_message(run.context, request.id)

    run.handle_each(run.context.store.open_requests(run.record_unreadable), _record_id, handle)


def remind_of_usages(run: Run) -> None:
    """Remind of usages without an accepted explanation, and count the overdue ones.

    Of many at once only the first have a message of their own; a single message covers the others. A reminder is
    recorded once Slack accepts it; until then each run tries again.
    """
    context, now = run.context, run.context.clock()
    every = context.policy.settings.remind_every_seconds
    found = list(context.store.open_usages(run.record_unreadable))
    run.counts.overdue = sum(usage_lifecycle.is_overdue(usage, now) for usage in found)

    waiting = [usage for usage in found if now >= (usage.reminded_at or usage.first_seen) + every]
    first, others = waiting[:MOST_REMINDERS], waiting[MOST_REMINDERS:]

    def note(usage: Usage) -> None:
        # Its explanation may have been accepted meanwhile.
        with suppress(usage_lifecycle.UsageTransitionError):
            change_usage(context.store, usage.id, lambda read: usage_lifecycle.record_reminder(read, now))

    def remind(usage: Usage) -> None:
        current = context.store.usage(usage.id)
        if current is None or current.state is UsageState.accepted:
            return
        body = messages.explanation_reminder(current, context.policy, usage_lifecycle.is_overdue(current, now))
        if usage_reviews.post_about_usage(context, current, body):
            note(current)

    run.handle_each(first, _record_id, remind)
    if others:
        body = messages.explanation_digest(len(others), sum(usage_lifecycle.is_overdue(usage, now) for usage in others))
        if notifications.post_message(context, "usages", context.policy.settings.channel, body) is not None:
            run.handle_each(others, _record_id, note)


_PARTS: tuple[tuple[Callable[[Run], None], int, frozenset[str]], ...] = (
    (revoke_overdue_grants, 120, frozenset({"late", "undenied"})),
    (resume_stuck_requests, 150, frozenset({"stuck"})),
    (search_unmanaged_assignments, 200, frozenset({"unmanaged"})),
    (retry_announcements, 210, frozenset({"unannounced"})),
    (send_notifications, 225, frozenset()),
    (refresh_stale_messages, 235, frozenset()),
    (remind_of_usages, 250, frozenset({"overdue"})),
)
"""Each part, the second after which it starts nothing new (the function has 300), and its counts."""
