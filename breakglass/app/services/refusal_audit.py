"""Keeps in the audit trail what somebody tried who may not: approve their own request, end what is not theirs to end.

Once an hour for the same person, deed and record: the trail is there to be read, and nobody fills it by clicking.

Non-goals: what can't be done any more, or not yet, whoever tries it; refusing (see `action`).
"""

from breakglass.app.domain.audit import audit_request, audit_usage, drop_slack_id
from breakglass.app.domain.records import Actor, AuditEntry
from breakglass.app.services.context import InteractionContext
from breakglass.app.slack.payloads import SlackActor

EVENT = "refused"
"""The name in the audit trail."""

_SECONDS = 3600

_CLAIM_SECONDS = 30
"""Less than the minute after which Lambda retries, so what the trail did not take is kept by the retry."""


def append_refusal(context: InteractionContext, by: Actor, deed: str, about: str, why: str) -> None:
    """Keep that somebody was refused.

    Args:
        context: what the function has.
        by: who; without a user id, nobody whom the identity store knows.
        deed: what they tried, one of `slack.ids`.
        about: what a button or form says it is about; only the id of a record that there is gets into the trail.
        why: what they were told.
    """
    entry = _entry(context, by, about, f"{deed}: {why}")
    key = f"{EVENT}/{by.user_id or by.slack_id}/{deed}/{entry.subject}"
    if context.store.once(key, context.clock() + _CLAIM_SECONDS):
        context.store.append_audit(entry)
        context.store.extend_once(key, context.clock() + _SECONDS)


def append_unknown_user_refusal(
    context: InteractionContext, actor: SlackActor, deed: str, about: str, why: str
) -> None:
    """Keep that somebody was refused whom the identity store does not know: all there is of them is a Slack id."""
    append_refusal(context, Actor("", f"Slack user {actor.user_id}", actor.user_id), deed, about, why)


def _entry(context: InteractionContext, by: Actor, about: str, note: str) -> AuditEntry:
    now = context.clock()
    if about:
        request, use = context.store.request(about), context.store.usage(about)
        if request is not None:
            return audit_request(request, EVENT, by, now, request.state, note=note)
        if use is not None:
            return audit_usage(use, EVENT, by, now, use.state, note)
    return AuditEntry(now, EVENT, EVENT, drop_slack_id(by), "", (), "", note, "", "")
