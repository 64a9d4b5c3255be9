"""Audit entries of unauthorized attempts, such as approving one's own request.

An attempt is written once an hour for the same person, action and record, so clicks can't fill the trail.

Non-goals: actions that are not possible for any person; the refusal itself (see `action`).
"""

from breakglass.app.domain.audit import audit_request, audit_usage, drop_slack_id
from breakglass.app.domain.records import Actor, AuditEntry
from breakglass.app.services.context import InteractionContext
from breakglass.app.slack.payloads import SlackActor

EVENT = "refused"
"""The event's name in the audit trail."""

_SECONDS = 3600

_ATTEMPT_SECONDS = 30
"""Less than the minute after which Lambda retries, so the retry writes an entry that failed."""


def append_refusal(context: InteractionContext, by: Actor, attempt: str, about: str, why: str) -> None:
    """Append a refused attempt to the audit trail.

    The user ID of `by` is empty if the identity store does not know the person. `about` is the value of the button or
    form; the entry names it only if it is the ID of a record.
    """
    entry = _entry(context, by, about, f"{attempt}: {why}")
    key = f"{EVENT}/{by.user_id or by.slack_id}/{attempt}/{entry.subject}"
    if context.store.once(key, context.clock() + _ATTEMPT_SECONDS):
        context.store.append_audit(entry)
        context.store.extend_once(key, context.clock() + _SECONDS)


def append_unknown_user_refusal(
    context: InteractionContext, actor: SlackActor, attempt: str, about: str, why: str
) -> None:
    """Append a refused attempt of an unidentified Slack user, by Slack ID."""
    append_refusal(context, Actor("", f"Slack user {actor.user_id}", actor.user_id), attempt, about, why)


def _entry(context: InteractionContext, by: Actor, about: str, note: str) -> AuditEntry:
    now = context.clock()
    if about:
        request, use = context.store.request(about), context.store.usage(about)
        if request is not None:
            return audit_request(request, EVENT, by, now, request.state, note=note)
        if use is not None:
            return audit_usage(use, EVENT, by, now, use.state, note)
    return AuditEntry(now, EVENT, EVENT, drop_slack_id(by), "", (), "", note, "", "")
