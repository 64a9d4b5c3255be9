"""The lifecycle of a grant, the assignment of one request in one account, as one table.

Each function takes the stored grant and returns the new one, with the audit entries of the same transaction.
`revoke_at` is stored before the first call to Identity Center. So after any crash, a grant has a time at which it is
revoked.

Identity Center does not list an assignment while it creates it. After a lost answer, because the function died or the
request was ended, the list lacks the assignment, and a moment later it may exist. So it counts as absent only when the
outcome of the creation is known, or after `SETTLE_SECONDS` (`asked_at`, `is_settled`).

A list may also be late: after a successful creation, one list without the assignment proves nothing. The assignment
counts as deleted after a successful deletion, or when a second list lacks it `RELIST_SECONDS` later (`made`,
`absent_at`, `is_gone`).

Non-goals: calling Identity Center (see `services.provisioning`); due times (see `deadlines`).
"""

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum

from breakglass.app.domain.audit import audit_grant
from breakglass.app.domain.records import Access, AuditEntry, Grant, GrantState, Request

GrantChange = tuple[Grant, tuple[AuditEntry, ...]]
"""The new grant and its audit entries."""


SETTLE_SECONDS = 600
"""Maximum duration of a creation with an unknown outcome. AWS gives no figure; most take seconds.

After a longer one, the reconciler finds an unmanaged assignment.
"""


RELIST_SECONDS = 10
"""Minimum interval between the first and the second list that lack an assignment."""


class GrantEvent(StrEnum):
    """An event of a grant, by its name in the audit trail."""

    begun = "grant_begun"
    granted = "granted"
    failed = "grant_failed"
    revoking = "revoke_begun"
    revoked = "revoked"
    lengthened = "grant_lengthened"
    denied = "sessions_denied"
    deny_failed = "sessions_not_denied"
    deny_removed = "deny_removed"


_ALIVE = (GrantState.planned, GrantState.granting, GrantState.granted, GrantState.revoking)
_OPENING = (GrantState.planned, GrantState.granting)

# A planned assignment may exist too: a function may have died between the call to Identity Center and its write.
GRANT_TABLE: Mapping[tuple[GrantState, GrantEvent], GrantState] = {
    **{(state, GrantEvent.begun): GrantState.granting for state in _OPENING},
    **{(state, GrantEvent.granted): GrantState.granted for state in _OPENING},
    **{(state, GrantEvent.failed): GrantState.failed for state in (*_OPENING, GrantState.revoking)},
    **{(state, GrantEvent.revoking): GrantState.revoking for state in _ALIVE},
    **{(state, GrantEvent.revoked): GrantState.revoked for state in _ALIVE},
    **{(state, GrantEvent.lengthened): state for state in (*_OPENING, GrantState.granted)},
    **{(state, GrantEvent.denied): state for state in GrantState},
    **{(state, GrantEvent.deny_failed): state for state in GrantState},
    **{(state, GrantEvent.deny_removed): state for state in GrantState},
}
"""The state after each event; all other pairs are refused."""

LIVE = frozenset(_ALIVE)
"""States in which the assignment may exist."""


class UnsettledError(Exception):
    """An assignment may still exist or be created, although the list lacks it: list again later."""


class GrantTransitionError(Exception):
    """An event that the table does not allow in the grant's state."""

    def __init__(self, state: GrantState, event: GrantEvent) -> None:
        super().__init__(f"{event} is not possible for a grant that is {state}")
        self.state = state
        self.event = event


def plan_grant(request: Request, account: str, revoke_at: int, set_arn: str = "") -> Grant:
    """Return the grant of a request in one account, before any call to Identity Center."""
    access = Access(request.requester.user_id, request.permission_set, account)
    return Grant(request.id, access, GrantState.planned, revoke_at, set_arn=set_arn)


def begin_grant(grant: Grant, operation: str | None, now: int) -> GrantChange:
    """Record the call that creates the assignment; a second time, with the operation's ID."""
    after = _after(grant, GrantEvent.begun)
    audit = () if grant.state is after else (audit_grant(grant, GrantEvent.begun, now, after),)
    asked_at = now if operation is None or grant.asked_at is None else grant.asked_at
    return replace(grant, state=after, operation=operation, asked_at=asked_at), audit


def record_start_failure(grant: Grant, why: str) -> GrantChange:
    """Record why the creation could not start yet."""
    return replace(grant, failure=why), ()


def settle_creation(grant: Grant, failure: str = "", *, made: bool | None = None) -> GrantChange:
    """Record the end of a creation, with a failure or an assignment."""
    operation = grant.operation if grant.state is GrantState.revoking else None
    known = grant.made if made is None else made
    return replace(grant, operation=operation, asked_at=None, failure=failure or grant.failure, made=known), ()


def record_listed(grant: Grant) -> GrantChange:
    """Record that the list has the assignment: its creation has ended, and it has to be deleted."""
    return replace(grant, operation=None, asked_at=None, made=True, absent_at=None), ()


def record_absent(grant: Grant, now: int) -> GrantChange:
    """Record the first time at which the list lacks the assignment."""
    return replace(grant, absent_at=now if grant.absent_at is None else grant.absent_at), ()


def is_gone(grant: Grant, now: int) -> bool:
    """Return true if an assignment that the list lacks is deleted for good."""
    is_deleted = grant.state is GrantState.revoking and grant.operation is not None
    is_confirmed = grant.absent_at is not None and now >= grant.absent_at + RELIST_SECONDS
    return is_settled(grant, now) and (not grant.made or is_deleted or is_confirmed)


def is_settled(grant: Grant, now: int) -> bool:
    """Return true if an absent assignment can't appear any more."""
    return grant.asked_at is None or now >= grant.asked_at + SETTLE_SECONDS


def confirm_grant(grant: Grant, now: int) -> GrantChange:
    """Record that the assignment exists."""
    after = _after(grant, GrantEvent.granted)
    return (
        replace(grant, state=after, operation=None, asked_at=None, failure="", made=True, absent_at=None),
        (audit_grant(grant, GrantEvent.granted, now, after),),
    )


def fail_grant(grant: Grant, failure: str, now: int) -> GrantChange:
    """Record that the creation failed, after the assignment is verified as absent.

    Raises:
        UnsettledError: if it may still exist or be created.
    """
    after = _after(grant, GrantEvent.failed)
    _refuse_unless_gone(grant, now)
    return (
        replace(grant, state=after, operation=None, asked_at=None, failure=failure),
        (audit_grant(grant, GrantEvent.failed, now, after, failure),),
    )


def begin_revoke(grant: Grant, operation: str | None, now: int) -> GrantChange:
    """Record the call that deletes the assignment; a second time, with the operation's ID."""
    after = _after(grant, GrantEvent.revoking)
    audit = () if grant.state is after else (audit_grant(grant, GrantEvent.revoking, now, after),)
    made = grant.made or grant.state is GrantState.granted
    return replace(grant, state=after, operation=operation, made=made), audit


def confirm_revoke(grant: Grant, now: int, note: str = "") -> GrantChange:
    """Record that the assignment is deleted, or left to the request that `note` names.

    Raises:
        UnsettledError: if it may still exist or be created, and no other request holds it.
    """
    after = _after(grant, GrantEvent.revoked)
    if not note:
        _refuse_unless_gone(grant, now)
    return (
        replace(grant, state=after, operation=None, asked_at=None, absent_at=None),
        (audit_grant(grant, GrantEvent.revoked, now, after, note),),
    )


def lengthen_grant(grant: Grant, revoke_at: int) -> Grant:
    """Return the grant with a later end; the audit entry is the request's."""
    _after(grant, GrantEvent.lengthened)
    return replace(grant, revoke_at=max(grant.revoke_at, revoke_at))


def record_deny(grant: Grant, until: int, now: int) -> GrantChange:
    """Record a Deny and its end before the Deny is written, so that it is always removed."""
    after = _after(grant, GrantEvent.denied)
    if grant.deny_until == until:
        return grant, ()
    return replace(grant, deny_until=until), (audit_grant(grant, GrantEvent.denied, now, after),)


def record_deny_failure(grant: Grant, why: str, now: int) -> GrantChange:
    """Record why the Deny could not be written; empty once it is."""
    after = _after(grant, GrantEvent.deny_failed)
    if grant.deny_failure == why:
        return grant, ()
    event = GrantEvent.deny_failed if why else GrantEvent.denied
    return replace(grant, deny_failure=why), (audit_grant(grant, event, now, after, why),)


def record_deny_removal(grant: Grant, now: int) -> GrantChange:
    """Record that the Deny is removed."""
    after = _after(grant, GrantEvent.deny_removed)
    if grant.deny_until is None:
        return grant, ()
    return replace(grant, deny_until=None, deny_failure=""), (audit_grant(grant, GrantEvent.deny_removed, now, after),)


def _refuse_unless_gone(grant: Grant, now: int) -> None:
    if not is_gone(grant, now):
        raise UnsettledError(f"the assignment in {grant.access.account} may still exist or be created")


def _after(grant: Grant, event: GrantEvent) -> GrantState:
    after = GRANT_TABLE.get((grant.state, event))
    if after is None:
        raise GrantTransitionError(grant.state, event)
    return after
