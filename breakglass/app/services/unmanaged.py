"""The search for unmanaged assignments of break-glass sets: neither a request nor the stack file made them.

It lists each set in each account. When a run's time is over, the next run goes on after the last pair. The count is
that of whole rounds, so the alarm does not depend on the position of the search.

An assignment that this product made recently, and that exists after its grant, came late. It is revoked for any value
of `unrecordedAssignments`. Nothing is revoked at first sight: a deployment makes an assignment some moments before the
functions know of it.

Non-goals: the schedule (see `reconciler`).
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace

from breakglass.app.domain.grant_lifecycle import LIVE
from breakglass.app.domain.policy import Principal, PrincipalKind, UnmanagedAssignments
from breakglass.app.domain.records import SYSTEM, Access, AuditEntry
from breakglass.app.services import notifications, provisioning
from breakglass.app.services.context import ReconcilerContext
from breakglass.app.services.reconciler_run import Run
from breakglass.app.slack import messages
from breakglass.app.slack.message_content import MessageContent

CURSOR = "search"
"""Name of the stored cursor."""

SEEN_SECONDS = 86_400
"""Seconds for which a seen assignment is remembered."""

OWN_SECONDS = 7 * 86_400
"""Seconds after its last holder for which an assignment counts as made by this product."""

LEASE_SECONDS = 60
"""Seconds that a request waits for an assignment that is revoked here; most deletions take seconds."""

Assignment = tuple[str, str, PrincipalKind, str]
"""Set, account, and the principal's kind and ID."""


@dataclass(frozen=True)
class Round:
    """The position of the search.

    Attributes:
        after: the last searched set and account; empty at the start of a round.
        found: unmanaged assignments of this round.
        before: those of the round before.
    """

    after: tuple[str, ...] = ()
    found: int = 0
    before: int = 0


def search_unmanaged_assignments(run: Run) -> None:
    """Continue the search while there is time."""
    context = run.context
    known = {
        (grant.access.permission_set, grant.access.account, PrincipalKind.user, grant.access.user_id)
        for grant in context.store.live_grants(run.record_unreadable)
        if grant.state in LIVE
    } | {
        (standing.permission_set, standing.account, standing.principal.kind, standing.principal.id)
        for standing in context.policy.standing
    }
    current = _read(context)
    try:
        for pair in _pairs(run, current):
            if not run.has_time():
                run.counts.unmanaged = max(current.before, current.found)
                return
            current = replace(current, after=pair, found=current.found + _handle_pair(run, known, *pair))
        run.counts.unmanaged = current.found
        current = Round(before=current.found)
    finally:
        context.store.save_cursor(CURSOR, json.dumps([current.after, current.found, current.before]))


def _read(context: ReconcilerContext) -> Round:
    try:
        after, found, before = json.loads(context.store.cursor(CURSOR))
        return Round(tuple(map(str, after)), int(found), int(before))
    except (TypeError, ValueError):
        # There is no cursor yet, or another version wrote it.
        return Round()


def _pairs(run: Run, current: Round) -> Iterator[tuple[str, str]]:
    """Yield every set and account that this round has not searched, in order.

    A set comes before its accounts, with an empty account. So time is checked and the cursor moves even if no accounts
    can be listed.
    """
    for name in sorted(run.context.policy.sets):
        if current.after and name < current.after[0]:
            continue
        if (name, "") > current.after:
            yield name, ""
        try:
            accounts = run.context.identity_center.provisioned_accounts(name)
        except Exception as error:
            run.record_failure(name, error)
            continue
        yield from ((name, account) for account in sorted(accounts) if (name, account) > current.after)


def _handle_pair(run: Run, known: set[Assignment], name: str, account: str) -> int:
    found = 0
    if not account:
        return found
    try:
        for principal in run.context.identity_center.assignments(name, account):
            if not _is_managed(run.context, known, name, account, principal):
                found += 1
                # If there are too many for one run, the next round handles the rest.
                if run.has_time():
                    _handle(run, name, account, principal)
    except Exception as error:
        run.record_failure(f"{name} {account}", error)
    return found


def _is_managed(
    context: ReconcilerContext, known: set[Assignment], name: str, account: str, principal: Principal
) -> bool:
    if (name, account, principal.kind, principal.id) in known:
        return True
    if principal.kind is not PrincipalKind.user:
        return False
    access = Access(principal.id, name, account)
    # A holder is written before its assignment is created, so every wanted assignment has one by now.
    return bool(provisioning.active_holders(context.store, access, context.store.holders(access)))


def _handle(run: Run, name: str, account: str, principal: Principal) -> None:
    context, now = run.context, run.context.clock()
    key = f"unrecorded/{name}/{account}/{principal.kind}/{principal.id}"
    found = AuditEntry(
        now, key, "unrecorded_found", SYSTEM, name, (account,), "", f"{principal.kind} {principal.id}", "", ""
    )
    own = _is_own(context, name, account, principal)
    revoke = own or context.policy.settings.unmanaged is UnmanagedAssignments.revoke
    context.log(
        "unmanaged_assignment", set=name, account=account, principal=f"{principal.kind} {principal.id}", own=own
    )
    run.defer_message(key, lambda: _report(context, key, name, account, principal, own=own, revoke=revoke))
    if context.store.once(f"{key}/seen", now + SEEN_SECONDS):
        context.store.append_audit(found)
    elif revoke and _take_unwanted(context, name, account, principal, key):
        try:
            context.store.append_audit(replace(found, event="unrecorded_revoke_begun"))
            context.identity_center.remove(name, account, principal)
        except Exception as error:
            # The next assignment of the same set and account is handled all the same.
            run.record_failure(key, error)


def _take_unwanted(context: ReconcilerContext, name: str, account: str, principal: Principal, key: str) -> bool:
    """Return whether no request wants an assignment; then take its lease, so that a new request waits.

    Otherwise a new request would find the assignment in the list, and count as granted just before the deletion.
    """
    if principal.kind is not PrincipalKind.user:
        return True
    access, now = Access(principal.id, name, account), context.clock()
    if not context.store.acquire_lease(access, key, now + LEASE_SECONDS, now):
        return False
    if provisioning.active_holders(context.store, access, context.store.holders(access)):
        context.store.release_lease(access, key)
        return False
    return True


def _is_own(context: ReconcilerContext, name: str, account: str, principal: Principal) -> bool:
    if principal.kind is not PrincipalKind.user:
        return False
    last = context.store.last_held(Access(principal.id, name, account))
    return last is not None and context.clock() < last + OWN_SECONDS


def _report(
    context: ReconcilerContext, key: str, name: str, account: str, principal: Principal, *, own: bool, revoke: bool
) -> None:
    def body() -> MessageContent:
        return messages.unmanaged_assignment_message(
            name, account, _name(context, principal), own, revoke, context.policy
        )

    until = context.clock() + context.policy.settings.remind_every_seconds
    notifications.post_once(context, key, until, context.policy.settings.channel, body)


def _name(context: ReconcilerContext, principal: Principal) -> str:
    if principal.kind is PrincipalKind.user:
        person = context.directory.person(principal.id)
        return person.display_name if person is not None else principal.id
    return f"group {principal.id}"
