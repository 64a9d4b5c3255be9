"""Ends the sessions that live on when an assignment is gone, and takes the Deny out again when none can be alive.

The Deny is noted in the grant before it is written into the policy, so that whatever comes in between, the sweeper
finds what is still to be written and what is to be taken out. The policy is read, changed and written under a lease,
since AWS knows no condition on its content.

Non-goals: what the policy says (see `domain.sessions`).
"""

import os
from collections.abc import Callable, Iterable

from breakglass.lambdas.app.changes import change_grant
from breakglass.lambdas.app.world import Accounts
from breakglass.lambdas.domain import grants as life
from breakglass.lambdas.domain.records import Access, Grant
from breakglass.lambdas.domain.sessions import (
    Denial,
    SessionPolicyFullError,
    SessionPolicyUnreadableError,
    sid,
    with_denial,
    without,
)
from breakglass.lambdas.ports import BusyError, SessionPolicy

MARGIN_SECONDS = 60
"""For how long the Deny stays beyond the longest session: clocks differ."""

_LEASE = Access("", "", "sessions")
_LEASE_SECONDS = 60


def deny_sessions(world: Accounts, sessions: SessionPolicy, one: Grant) -> Grant:
    """End every session of a grant that began before it was taken back; return the grant as it was written."""
    seconds = world.policy.sets[one.access.permission_set].session_seconds + MARGIN_SECONDS
    until = one.deny_until or world.clock() + seconds
    denied = change_grant(
        world.store, one.request_id, one.access.account, lambda grant: life.denied(grant, until, world.clock())
    )
    denial = Denial(one.request_id, one.access, until - seconds, world.policy.settings.partition)
    try:
        _rewrite(world, sessions, denied, lambda content: with_denial(content, denial))
    # Better a session that lives on for its hour than a request that never ends; the sweeper tries on.
    except SessionPolicyFullError:
        world.log("session_policy_full", request=one.request_id, account=one.access.account)
    except SessionPolicyUnreadableError:
        world.log("session_policy_unreadable", request=one.request_id, account=one.access.account)
    return denied


def lift_denials(world: Accounts, sessions: SessionPolicy, grants: Iterable[Grant]) -> None:
    """Take out the Deny of those grants whose sessions can't be alive any more."""
    for one in grants:
        if one.deny_until is None or one.deny_until > world.clock():
            continue
        done = sid(one.request_id, one.access)
        try:
            _rewrite(world, sessions, one, lambda content, done=done: without(content, done))
        except SessionPolicyUnreadableError:
            # There is nothing in it to take out.
            world.log("session_policy_unreadable", request=one.request_id, account=one.access.account)
        change_grant(world.store, one.request_id, one.access.account, lambda grant: life.lifted(grant, world.clock()))


def _rewrite(world: Accounts, sessions: SessionPolicy, one: Grant, change: Callable[[str], str]) -> None:
    # By a name of this run's own: the workflow and the sweeper may be at the same grant.
    now, holder = world.clock(), f"{one.request_id}/{one.access.account}/{os.urandom(8).hex()}"
    if not world.store.begin(_LEASE, holder, now + _LEASE_SECONDS, now):
        raise BusyError("the policy that ends sessions is being written")
    try:
        content = sessions.read()
        changed = change(content)
        if changed != content:
            sessions.write(changed)
    finally:
        world.store.finish(_LEASE, holder)
