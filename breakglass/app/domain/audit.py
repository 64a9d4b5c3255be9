"""The audit trail's lines, as transitions write them.

Slack ids are left out: the trail is exported to people who need to know who it was, and ids of the identity store say
that.

Non-goals: keeping them (see `ports.Store`).
"""

from collections.abc import Mapping
from dataclasses import replace

from breakglass.app.domain.records import SYSTEM, Actor, AuditEntry, Grant, Request, Usage


def audit_request(
    request: Request, event: str, by: Actor, now: int, after: str, *, note: str = "", rule: str = ""
) -> AuditEntry:
    """Say what happened to a request, which is given as it was before."""
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
    """Say what happened to the assignment in one account, which is given as it was before; the system did it."""
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


def audit_usage(use: Usage, event: str, by: Actor, now: int, after: str, note: str = "") -> AuditEntry:
    """Say what happened to a use, which is given as it was before."""
    return AuditEntry(
        at=now,
        subject=use.id,
        event=event,
        actor=drop_slack_id(by),
        permission_set=use.permission_set,
        accounts=(use.account,),
        rule="",
        note=note,
        before=use.state,
        after=after,
    )


def label_texts(texts: Mapping[str, str]) -> str:
    """Write several texts as one note, each after what it is; what is empty is left out."""
    return "\n".join(f"{name}: {text}" for name, text in texts.items() if text)


def drop_slack_id(actor: Actor) -> Actor:
    """Leave out the Slack id."""
    return replace(actor, slack_id=None)
