"""Denials of live sessions after a revocation, until no such session can be alive.

A Deny is recorded in the grant before it is written into the policy. So after a crash the reconciler finds every Deny
to write or remove. The policy is read, changed and written under a lock, since AWS offers no conditional write of it.

Non-goals: the policy's content (see `domain.session_denials`).
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
"""Seconds that the Deny stays beyond the longest session, since clocks differ."""

LONGEST_SESSION_SECONDS = 12 * 3600
"""The longest session that Identity Center allows."""

_LOCK = "sessions"
_LOCK_SECONDS = 60


def deny_sessions(context: ProvisionerContext, sessions: SessionPolicy, grant: Grant) -> Grant:
    """Deny the sessions of a grant that started before its revocation, and return the written grant.

    If the policy refuses the Deny, the grant says so (`deny_failure`): a live session is better than a request that
    never ends. The reconciler retries.
    """
    seconds = _session_seconds(context, grant) + MARGIN_SECONDS
    until = grant.deny_until or context.clock() + seconds
    denied = _change(context, grant, lambda read: life.record_deny(read, until, context.clock()))
    denial = SessionDenial(grant.request_id, grant.access, until - seconds, context.policy.settings.partition)
    try:
        _rewrite_policy(context, sessions, denied, lambda content: add_denial(content, denial))
    except SessionPolicyError as error:
        why = error.why
        context.log("sessions_not_denied", request=grant.request_id, account=grant.access.account, why=why)
    else:
        why = ""
    return _change(context, denied, lambda read: life.record_deny_failure(read, why, context.clock()))


def remove_denials(context: ProvisionerContext, grants: Iterable[Grant]) -> None:
    """Remove the Deny of grants whose sessions can't be alive any more."""
    for grant in grants:
        if grant.deny_until is None or (context.session_policy is not None and grant.deny_until > context.clock()):
            continue
        if context.session_policy is not None:
            _remove_denial(context, context.session_policy, grant)
        _change(context, grant, lambda read: life.record_deny_removal(read, context.clock()))


def _remove_denial(context: ProvisionerContext, sessions: SessionPolicy, grant: Grant) -> None:
    done = denial_id(grant.request_id, grant.access)
    try:
        _rewrite_policy(context, sessions, grant, lambda content: remove_denial(content, done))
    except SessionPolicyUnreadableError:
        # An unreadable policy has no Deny to remove.
        context.log("session_policy_unreadable", request=grant.request_id, account=grant.access.account)


def _session_seconds(context: ProvisionerContext, grant: Grant) -> int:
    """Return the session duration of a grant; the longest if its set has left the stack file."""
    known = context.policy.sets.get(grant.access.permission_set)
    return known.session_seconds if known is not None else LONGEST_SESSION_SECONDS


def _change(context: ProvisionerContext, grant: Grant, change: Callable[[Grant], life.GrantChange]) -> Grant:
    return change_grant(context.store, grant.request_id, grant.access.account, change)


def _rewrite_policy(
    context: ProvisionerContext, sessions: SessionPolicy, grant: Grant, change: Callable[[str], str]
) -> None:
    # The owner is this run: the workflow and the reconciler may handle the same grant.
    now, owner = context.clock(), f"{grant.request_id}/{grant.access.account}/{os.urandom(8).hex()}"
    if not context.store.lock(_LOCK, owner, now + _LOCK_SECONDS, now):
        raise BusyError("another run is writing the policy that ends sessions")
    try:
        content = sessions.read()
        changed = change(content)
        if changed != content:
            sessions.write(changed)
    finally:
        context.store.unlock(_LOCK, owner)
