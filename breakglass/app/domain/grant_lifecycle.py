"""The life of a grant, the assignment that one request causes in one account, as one table.

Every function takes the grant as it was read and returns what it becomes, with the audit entries to be written in the
same transaction. `revoke_at` is there from the first write on, before Identity Center is asked for anything. So
whatever a crash leaves behind has a time at which it is taken back.

An assignment that is being made is not listed yet. Whoever asked for it and never heard the answer, because the
function died or somebody ended the request meanwhile, finds it absent, and a moment later it would be there. So it
counts as gone only when it is known what came of the creation, or after `SETTLE_SECONDS` (`asked_at`, `is_settled`).

After a creation that succeeded, one list without the assignment proves nothing either, since a list may be late. The
assignment counts as gone after a deletion that succeeded, or when a second list lacks it `RELIST_SECONDS` later
(`made`, `absent_at`, `is_gone`).

Non-goals: asking Identity Center (see `services.provisioning`), and when a grant is due (see `deadlines`).
"""

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum

from breakglass.app.domain.audit import audit_grant
from breakglass.app.domain.records import Access, AuditEntry, Grant, GrantState, Request

GrantChange = tuple[Grant, tuple[AuditEntry, ...]]
"""A grant as it is to be, and what the audit trail says about it."""


SETTLE_SECONDS = 600
"""How long a creation may take of which nothing is known; AWS says nothing about it, and it mostly takes seconds.

Should one take longer, the reconciler finds an assignment that nobody recorded.
"""


RELIST_SECONDS = 10
"""How long after the first list that lacks an assignment the second one may be asked for."""


class GrantEvent(StrEnum):
    """What happens to a grant; the name in the audit trail."""

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

# `planned` may be alive too: the call to Identity Center may have been made by a function that died before it wrote so.
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
"""The state after each event; what isn't here is not allowed."""

LIVE = frozenset(_ALIVE)
"""States in which the assignment may be there."""


class UnsettledError(Exception):
    """An assignment that the list lacks may still be there, or be made: look again later."""


class GrantTransitionError(Exception):
    """An event that the table does not have for a grant's state.

    Attributes:
        state: the grant's.
        event: what was to happen.
    """

    def __init__(self, state: GrantState, event: GrantEvent) -> None:
        super().__init__(f"{event} is not possible for a grant that is {state}")
        self.state = state
        self.event = event


def plan_grant(request: Request, account: str, revoke_at: int, set_arn: str = "") -> Grant:
    """Return the grant of a request in one account, before anything is asked of Identity Center."""
    access = Access(request.requester.user_id, request.permission_set, account)
    return Grant(request.id, access, GrantState.planned, revoke_at, set_arn=set_arn)


def begin_grant(grant: Grant, operation: str | None, now: int) -> GrantChange:
    """Note that Identity Center is being asked; a second time, with the id it gave the operation."""
    after = _after(grant, GrantEvent.begun)
    audit = () if grant.state is after else (audit_grant(grant, GrantEvent.begun, now, after),)
    asked_at = now if operation is None or grant.asked_at is None else grant.asked_at
    return replace(grant, state=after, operation=operation, asked_at=asked_at), audit


def record_start_failure(grant: Grant, why: str) -> GrantChange:
    """Note why the creation could not begin yet."""
    return replace(grant, failure=why), ()


def settle_creation(grant: Grant, failure: str = "", *, made: bool | None = None) -> GrantChange:
    """Note that no creation is under way any more: it came to its end, with a failure or with an assignment."""
    operation = grant.operation if grant.state is GrantState.revoking else None
    known = grant.made if made is None else made
    return replace(grant, operation=operation, asked_at=None, failure=failure or grant.failure, made=known), ()


def record_listed(grant: Grant) -> GrantChange:
    """Note that the list has the assignment: no creation is under way any more, and it is to be deleted."""
    return replace(grant, operation=None, asked_at=None, made=True, absent_at=None), ()


def record_absent(grant: Grant, now: int) -> GrantChange:
    """Note since when the list has lacked the assignment."""
    return replace(grant, absent_at=now if grant.absent_at is None else grant.absent_at), ()


def is_gone(grant: Grant, now: int) -> bool:
    """Return whether an assignment that the list lacks is gone for good."""
    is_deleted = grant.state is GrantState.revoking and grant.operation is not None
    is_confirmed = grant.absent_at is not None and now >= grant.absent_at + RELIST_SECONDS
    return is_settled(grant, now) and (not grant.made or is_deleted or is_confirmed)


def is_settled(grant: Grant, now: int) -> bool:
    """Say whether an assignment that is not there stays away."""
    return grant.asked_at is None or now >= grant.asked_at + SETTLE_SECONDS


def confirm_grant(grant: Grant, now: int) -> GrantChange:
    """Note that the assignment is there."""
    after = _after(grant, GrantEvent.granted)
    return (
        replace(grant, state=after, operation=None, asked_at=None, failure="", made=True, absent_at=None),
        (audit_grant(grant, GrantEvent.granted, now, after),),
    )


def fail_grant(grant: Grant, failure: str, now: int) -> GrantChange:
    """Note that the assignment could not be made, and that it was verified not to be there.

    Raises:
        UnsettledError: if it may still be there, or be made.
    """
    after = _after(grant, GrantEvent.failed)
    _refuse_unless_gone(grant, now)
    return (
        replace(grant, state=after, operation=None, asked_at=None, failure=failure),
        (audit_grant(grant, GrantEvent.failed, now, after, failure),),
    )


def begin_revoke(grant: Grant, operation: str | None, now: int) -> GrantChange:
    """Note that the assignment is being taken away; a second time, with the id Identity Center gave the operation."""
    after = _after(grant, GrantEvent.revoking)
    audit = () if grant.state is after else (audit_grant(grant, GrantEvent.revoking, now, after),)
    made = grant.made or grant.state is GrantState.granted
    return replace(grant, state=after, operation=operation, made=made), audit


def confirm_revoke(grant: Grant, now: int, note: str = "") -> GrantChange:
    """Note that the assignment was verified to be gone, or is left to another request (then `note` says to which).

    Raises:
        UnsettledError: if it may still be there, or be made, and nobody else wants it.
    """
    after = _after(grant, GrantEvent.revoked)
    if not note:
        _refuse_unless_gone(grant, now)
    return (
        replace(grant, state=after, operation=None, asked_at=None, absent_at=None),
        (audit_grant(grant, GrantEvent.revoked, now, after, note),),
    )


def lengthen_grant(grant: Grant, revoke_at: int) -> Grant:
    """Return the grant with a later end; its request's audit entry tells."""
    _after(grant, GrantEvent.lengthened)
    return replace(grant, revoke_at=max(grant.revoke_at, revoke_at))


def record_deny(grant: Grant, until: int, now: int) -> GrantChange:
    """Note that a Deny for live sessions is being put on, and until when; noted first, so that it is surely lifted."""
    after = _after(grant, GrantEvent.denied)
    if grant.deny_until == until:
        return grant, ()
    return replace(grant, deny_until=until), (audit_grant(grant, GrantEvent.denied, now, after),)


def record_deny_failure(grant: Grant, why: str, now: int) -> GrantChange:
    """Note why the Deny could not be written; empty once it is."""
    after = _after(grant, GrantEvent.deny_failed)
    if grant.deny_failure == why:
        return grant, ()
    event = GrantEvent.deny_failed if why else GrantEvent.denied
    return replace(grant, deny_failure=why), (audit_grant(grant, event, now, after, why),)


def record_deny_removal(grant: Grant, now: int) -> GrantChange:
    """Note that the Deny is gone."""
    after = _after(grant, GrantEvent.deny_removed)
    if grant.deny_until is None:
        return grant, ()
    return replace(grant, deny_until=None, deny_failure=""), (audit_grant(grant, GrantEvent.deny_removed, now, after),)


def _refuse_unless_gone(grant: Grant, now: int) -> None:
    if not is_gone(grant, now):
        raise UnsettledError(f"the assignment in {grant.access.account} may still be there, or be made")


def _after(grant: Grant, event: GrantEvent) -> GrantState:
    after = GRANT_TABLE.get((grant.state, event))
    if after is None:
        raise GrantTransitionError(grant.state, event)
    return after
