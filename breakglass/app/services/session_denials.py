"""Ends the sessions that live on when an assignment is gone, and takes the Deny out again when none can be alive.

The Deny is noted in the grant before it is written into the policy, so that whatever comes in between, the reconciler
finds what is still to be written and what is to be taken out. The policy is read, changed and written under a lock,
since AWS knows no condition on its content.

Non-goals: what the policy says (see `domain.session_denials`).
"""

import os
from collections.abc import Callable, Iterable

from breakglass.app.domain import grant_lifecycle as life
from breakglass.app.domain.records import Grant
from breakglass.app.domain.session_denials import (
    SessionDenial,
    SessionPolicyError,
    SessionPolicyUnreadableError,
    add_denial,
    denial_id,
    remove_denial,
)
from breakglass.app.ports import BusyError, SessionPolicy
from breakglass.app.services.context import ProvisionerContext
from breakglass.app.services.optimistic_writes import change_grant

MARGIN_SECONDS = 60
"""For how long the Deny stays beyond the longest session: clocks differ."""

LONGEST_SESSION_SECONDS = 12 * 3600
"""The longest session that Identity Center allows."""

_LOCK = "sessions"
_LOCK_SECONDS = 60


def deny_sessions(context: ProvisionerContext, sessions: SessionPolicy, one: Grant) -> Grant:
    """End every session of a grant that began before it was taken back; return the grant as it was written.

    Where the policy does not take the Deny, the grant says so (`undenied`): better a session that lives on than a
    request that never ends. The reconciler tries again.
    """
    seconds = _session_seconds(context, one) + MARGIN_SECONDS
    until = one.deny_until or context.clock() + seconds
    denied = _change(context, one, lambda grant: life.record_deny(grant, until, context.clock()))
    denial = SessionDenial(one.request_id, one.access, until - seconds, context.policy.settings.partition)
    try:
        _rewrite_policy(context, sessions, denied, lambda content: add_denial(content, denial))
    except SessionPolicyError as error:
        why = error.why
        context.log("sessions_not_denied", request=one.request_id, account=one.access.account, why=why)
    else:
        why = ""
    return _change(context, denied, lambda grant: life.record_deny_failure(grant, why, context.clock()))


def remove_denials(context: ProvisionerContext, grants: Iterable[Grant]) -> None:
    """Take out the Deny of those grants whose sessions can't be alive any more; without the policy there is none."""
    for one in grants:
        if one.deny_until is None or (context.session_policy is not None and one.deny_until > context.clock()):
            continue
        if context.session_policy is not None:
            _remove_denial(context, context.session_policy, one)
        _change(context, one, lambda grant: life.record_deny_removal(grant, context.clock()))


def _remove_denial(context: ProvisionerContext, sessions: SessionPolicy, one: Grant) -> None:
    done = denial_id(one.request_id, one.access)
    try:
        _rewrite_policy(context, sessions, one, lambda content: remove_denial(content, done))
    except SessionPolicyUnreadableError:
        # There is nothing in it to take out.
        context.log("session_policy_unreadable", request=one.request_id, account=one.access.account)


def _session_seconds(context: ProvisionerContext, one: Grant) -> int:
    """Return how long a session of a grant lives; of a set that has left the stack file, the longest there is."""
    known = context.policy.sets.get(one.access.permission_set)
    return known.session_seconds if known is not None else LONGEST_SESSION_SECONDS


def _change(context: ProvisionerContext, one: Grant, change: Callable[[Grant], life.GrantChange]) -> Grant:
    return change_grant(context.store, one.request_id, one.access.account, change)


def _rewrite_policy(
    context: ProvisionerContext, sessions: SessionPolicy, one: Grant, change: Callable[[str], str]
) -> None:
    # By a name of this run's own: the workflow and the reconciler may be at the same grant.
    now, owner = context.clock(), f"{one.request_id}/{one.access.account}/{os.urandom(8).hex()}"
    if not context.store.lock(_LOCK, owner, now + _LOCK_SECONDS, now):
        raise BusyError("the policy that ends sessions is being written")
    try:
        content = sessions.read()
        changed = change(content)
        if changed != content:
            sessions.write(changed)
    finally:
        context.store.unlock(_LOCK, owner)
