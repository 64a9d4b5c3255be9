"""Audit entries of transitions.

They hold no Slack IDs: the trail is exported, and the IDs of the identity store identify the person.

Non-goals: storing them (see `ports`).
"""

from collections.abc import Mapping
from dataclasses import replace

from breakglass.app.domain.records import SYSTEM, Actor, AuditEntry, Grant, Request, Usage


def audit_request(
    request: Request, event: str, by: Actor, now: int, after: str, *, note: str = "", rule: str = ""
) -> AuditEntry:
    """Return the entry for an event of a request; `request` is its state before."""
    return AuditEntry(
        at=now,
        subject=request.id,
        event=event,
        actor=drop_slack_id(by),
        permission_set=request.permission_set,
        accounts=request.accounts,
        rule=rule,
        note=note,
        before=request.state,
        after=after,
    )


def audit_grant(grant: Grant, event: str, now: int, after: str, note: str = "") -> AuditEntry:
    """Return the entry for an event of a grant, caused by the system; `grant` is its state before."""
    return AuditEntry(
        at=now,
        subject=grant.request_id,
        event=event,
        actor=SYSTEM,
        permission_set=grant.access.permission_set,
        accounts=(grant.access.account,),
        rule="",
        note=note,
        before=grant.state,
        after=after,
    )


def audit_usage(usage: Usage, event: str, by: Actor, now: int, after: str, note: str = "") -> AuditEntry:
    """Return the entry for an event of a usage; `usage` is its state before."""
    return AuditEntry(
        at=now,
        subject=usage.id,
        event=event,
        actor=drop_slack_id(by),
        permission_set=usage.permission_set,
        accounts=(usage.account,),
        rule="",
        note=note,
        before=usage.state,
        after=after,
    )


def label_texts(texts: Mapping[str, str]) -> str:
    """Return texts as one note with a label before each; empty texts are left out."""
    return "\n".join(f"{name}: {text}" for name, text in texts.items() if text)


def drop_slack_id(actor: Actor) -> Actor:
    """Return an actor without the Slack ID."""
    return replace(actor, slack_id=None)
