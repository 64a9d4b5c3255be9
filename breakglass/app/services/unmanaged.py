"""The search for unmanaged assignments: of break-glass sets, made neither by a request nor by the stack file.

It asks Identity Center for one set in one account after the other. Where a run's time is over, the next run goes on
behind the pair that was searched last; what was found is counted by whole rounds, so that an alarm does not come and go
with the place of the search.

An assignment that this product made not long ago, and that is there although its grant is over, came late. It is
revoked whatever `unrecordedAssignments` says. Nothing is revoked at first sight: a deployment makes an assignment some
moments before the functions know of it.

Non-goals: who may hold what (see `domain.policy`); the schedule (see `reconciler`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from breakglass.app.domain.grant_lifecycle import LIVE
from breakglass.app.domain.policy import Principal, PrincipalKind, UnmanagedAssignments
from breakglass.app.domain.records import SYSTEM, Access, AuditEntry
from breakglass.app.services import notifications, provisioning
from breakglass.app.slack import messages
from breakglass.app.slack.message_content import MessageContent

if TYPE_CHECKING:
    from breakglass.app.services.context import ReconcilerContext
    from breakglass.app.services.reconciler import Run

CURSOR = "search"
"""Name of the stored cursor."""

SEEN_SECONDS = 86_400
"""For how long is remembered that an assignment was seen."""

OWN_SECONDS = 7 * 86_400
"""For how long after a request wanted an assignment it counts as made by this product."""

LEASE_SECONDS = 60
"""For how long a request waits for an assignment that is being revoked here; a deletion mostly takes seconds."""


Assignment = tuple[str, str, PrincipalKind, str]
"""Set, account, kind and id of the principal."""


@dataclass(frozen=True)
class Round:
    """How far a search through all sets and accounts is.

    Attributes:
        after: the set and the account that were searched last; empty at the beginning.
        found: unmanaged assignments found in this round.
        before: those found in the round before.
    """

    after: tuple[str, ...] = ()
    found: int = 0
    before: int = 0


def search_unmanaged_assignments(run: Run) -> None:
    """Search on, for as long as there is time."""
    context = run.context
    known = {
        (grant.access.permission_set, grant.access.account, PrincipalKind.user, grant.access.user_id)
        for grant in context.store.live_grants(run.unreadable)
        if grant.state in LIVE
    } | {(one.permission_set, one.account, one.principal.kind, one.principal.id) for one in context.policy.standing}
    current = _read(context)
    try:
        for pair in _pairs(run, current):
            if not run.has_time():
                run.counts.unmanaged = max(current.before, current.found)
                return
            current = replace(current, after=pair, found=current.found + _unmanaged(run, known, *pair))
        run.counts.unmanaged = current.found
        current = Round(before=current.found)
    finally:
        context.store.save_cursor(CURSOR, json.dumps([current.after, current.found, current.before]))


def _read(context: ReconcilerContext) -> Round:
    try:
        after, found, before = json.loads(context.store.cursor(CURSOR))
        return Round(tuple(map(str, after)), int(found), int(before))
    except (TypeError, ValueError):
        # There is none yet, or one of another version.
        return Round()


def _pairs(run: Run, current: Round) -> Iterator[tuple[str, str]]:
    """Yield every set and account that has not been searched in this round, in order.

    A set comes before its accounts, with an empty one. So time is checked and the cursor moves even where the accounts
    of one set after the other can't be listed.
    """
    for name in sorted(run.context.policy.sets):
        if current.after and name < current.after[0]:
            continue
        if (name, "") > current.after:
            yield name, ""
        try:
            accounts = run.context.identity_center.provisioned_accounts(name)
        except Exception as error:
            run.failed(name, error)
            continue
        yield from ((name, account) for account in sorted(accounts) if (name, account) > current.after)


def _unmanaged(run: Run, known: set[Assignment], name: str, account: str) -> int:
    """See to the unmanaged assignments of a set in an account, and count them."""
    found = 0
    if not account:
        return found
    try:
        for principal in run.context.identity_center.assignments(name, account):
            if not _is_managed(run.context, known, name, account, principal):
                found += 1
                # Of too many for one run, the next round sees to the rest.
                if run.has_time():
                    _see_to(run, name, account, principal)
    except Exception as error:
        run.failed(f"{name} {account}", error)
    return found


def _is_managed(
    context: ReconcilerContext, known: set[Assignment], name: str, account: str, principal: Principal
) -> bool:
    if (name, account, principal.kind, principal.id) in known:
        return True
    if principal.kind is not PrincipalKind.user:
        return False
    one = Access(principal.id, name, account)
    # A holder is written before its assignment is made, so whoever is listed and wanted is among them by now.
    return bool(provisioning.active_holders(context.store, one, context.store.holders(one)))


def _see_to(run: Run, name: str, account: str, principal: Principal) -> None:
    context, now = run.context, run.context.clock()
    key = f"unrecorded/{name}/{account}/{principal.kind}/{principal.id}"
    found = AuditEntry(
        now, key, "unrecorded_found", SYSTEM, name, (account,), "", f"{principal.kind} {principal.id}", "", ""
    )
    own = _is_own(context, name, account, principal)
    revoke = own or context.policy.settings.unmanaged is UnmanagedAssignments.revoke
    context.log("unrecorded", set=name, account=account, principal=f"{principal.kind} {principal.id}", own=own)
    run.later(key, lambda: _report(context, key, name, account, principal, own=own, revoke=revoke))
    if context.store.once(f"{key}/seen", now + SEEN_SECONDS):
        context.store.append_audit(found)
    elif revoke and _is_free(context, name, account, principal, key):
        try:
            context.store.append_audit(replace(found, event="unrecorded_revoke_begun"))
            context.identity_center.remove(name, account, principal)
        except Exception as error:
            # Another assignment of the same set and account may be revoked all the same.
            run.failed(key, error)


def _is_free(context: ReconcilerContext, name: str, account: str, principal: Principal, key: str) -> bool:
    """Return whether no request wants an assignment; one that comes now waits until the assignment is gone.

    Otherwise it would find the assignment in the list, and count as open what is deleted a moment later.
    """
    if principal.kind is not PrincipalKind.user:
        return True
    one, now = Access(principal.id, name, account), context.clock()
    if not context.store.acquire_lease(one, key, now + LEASE_SECONDS, now):
        return False
    if provisioning.active_holders(context.store, one, context.store.holders(one)):
        context.store.release_lease(one, key)
        return False
    return True


def _is_own(context: ReconcilerContext, name: str, account: str, principal: Principal) -> bool:
    """Return whether a request wanted this assignment not long ago, so that this product made it."""
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
