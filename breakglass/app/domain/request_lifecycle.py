"""The lifecycle of a request as one table, with one pure function for each event.

Each function takes the stored request and returns a `Change`: the new request, its audit entries and its grants, for
one transaction. An event that the table lacks raises `RequestTransitionError` and changes nothing. So a second click, a
second approver and a repeated step find the state that the first one left.

These functions are the last line of defence: `decision` decides on approvers, but these functions too refuse a
requester's approval of their own request.

Non-goals: permissions (see `decision`), writing (see `services.optimistic_writes`), grants (see `grant_lifecycle`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from breakglass.app.domain import grant_lifecycle
from breakglass.app.domain.audit import audit_request, label_texts
from breakglass.app.domain.durations import format_duration
from breakglass.app.domain.records import (
    SYSTEM,
    Actor,
    Announcement,
    Approval,
    AuditEntry,
    ChannelNotice,
    Denial,
    Grant,
    GrantState,
    Kind,
    Message,
    Request,
    State,
)

MAXIMUM_ACCOUNTS = 50
"""Maximum number of accounts of a request.

A request, its grants and the audit entry are one transaction, and DynamoDB allows 100 items in one:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html
"""

MAXIMUM_ACKNOWLEDGERS = 50
"""Maximum number of stored people who acknowledged a request."""

FINAL = frozenset({State.ended, State.denied, State.expired, State.withdrawn, State.failed})
"""States without a next state."""


class Event(StrEnum):
    """An event of a request, by its name in the audit trail."""

    requested = "requested"
    approval_given = "approval_given"  # more approvals are needed
    approved = "approved"
    denied = "denied"
    withdrawn = "withdrawn"
    expired = "expired"
    glass_broken = "glass_broken"
    announced = "announced"  # Slack has accepted the announcement of a broken glass in a channel
    acknowledged = "acknowledged"
    posted = "posted"
    waiting = "waiting"
    escalated = "escalated"
    reminded = "reminded"
    prepared = "prepared"
    opened = "opened"
    failed = "failed"
    returned = "returned"  # by the requester
    ended_early = "ended_early"  # by another person
    run_out = "run_out"  # its time is over
    abandoned = "abandoned"  # the workflow failed
    lengthened = "lengthened"  # an extension moved its end
    extended = "extended"  # this extension has moved its parent's end
    closed = "closed"


_OPEN = tuple(state for state in State if state not in FINAL)
_ENDABLE = (State.approved, State.granting, State.active)
_AFTER_GLASS = (State.approved, State.granting, State.active, State.revoking, State.ended, State.failed)
_FINISHES = (Event.returned, Event.ended_early, Event.run_out, Event.abandoned)

REQUEST_TABLE: Mapping[tuple[State, Event], State] = {
    (State.pending, Event.approval_given): State.pending,
    (State.pending, Event.approved): State.approved,
    (State.pending, Event.denied): State.denied,
    (State.pending, Event.withdrawn): State.withdrawn,
    (State.pending, Event.expired): State.expired,
    (State.pending, Event.glass_broken): State.approved,
    (State.pending, Event.acknowledged): State.pending,
    (State.pending, Event.escalated): State.pending,
    (State.approved, Event.prepared): State.granting,
    (State.approved, Event.extended): State.ended,
    (State.granting, Event.opened): State.active,
    **{(state, event): State.revoking for state in _ENDABLE for event in _FINISHES},
    (State.active, Event.lengthened): State.active,
    (State.pending, Event.failed): State.failed,
    (State.approved, Event.failed): State.failed,
    (State.granting, Event.failed): State.failed,
    (State.revoking, Event.closed): State.ended,
    **{(state, Event.reminded): state for state in _OPEN},
    # Slack may be down for longer than the access lasts.
    **{(state, Event.announced): state for state in _AFTER_GLASS},
    # A message or a wait may be written after the decision; its writer then reads the state.
    **{(state, Event.posted): state for state in State},
    **{(state, Event.waiting): state for state in State},
}
"""The state after each event; all other pairs are refused. `requested` creates a request."""


class RequestTransitionError(Exception):
    """An event that the table does not allow in the request's state, which is the effective one."""

    def __init__(self, state: State, event: Event, why: str = "") -> None:
        super().__init__(f"{event} is not possible for a request that is {state}{': ' if why else ''}{why}")
        self.state = state
        self.event = event


class AlreadyApprovedError(RequestTransitionError):
    """The same person has approved this request before."""


@dataclass(frozen=True)
class Change:
    """The writes of one transaction.

    Attributes:
        request: the new request, with the version that was read.
        grants: its changed grants, with the versions that were read.
    """

    request: Request
    audit: tuple[AuditEntry, ...] = ()
    grants: tuple[Grant, ...] = ()
    denial: Denial | None = None


def effective_state(request: Request, now: int) -> State:
    """Return the state of a request; a pending one expires on time, even before that is stored."""
    overdue = request.state is State.pending and now >= request.expires_at
    return State.expired if overdue else request.state


def unanswered_since(request: Request, others: Iterable[Request] = ()) -> int:
    """Return the time since which a request has no answer.

    `others` are requests of the same person for the same set; an answer to one with a common account counts too.
    """
    same = [other for other in others if not set(other.accounts).isdisjoint(request.accounts)]
    return max(request.created_at, *map(_answered_at, (request, *same)))


def _answered_at(request: Request) -> int:
    """Return when another person last acknowledged, approved, denied or ended it; 0 for never."""
    ended_by = request.closed_by.user_id if request.closed_by is not None else request.requester.user_id
    ended = request.closed_at if ended_by not in ("", request.requester.user_id) else None
    return max([request.acknowledged_at or 0, ended or 0, *(approval.at for approval in request.approvals)])


def create(request: Request) -> Change:
    """Create a request.

    Raises:
        ValueError: if it has no account, a duplicate, or more than `MAXIMUM_ACCOUNTS`.
    """
    if not 0 < len(request.accounts) <= MAXIMUM_ACCOUNTS or len(set(request.accounts)) < len(request.accounts):
        raise ValueError(f"a request names 1 to {MAXIMUM_ACCOUNTS} different accounts, not {len(request.accounts)}")
    fresh = replace(request, state=State.pending, version=0)
    # The audit trail is read without the records, so it holds these facts too.
    note = label_texts(
        {
            "For": format_duration(fresh.duration),
            "Extends": fresh.parent or "",
            "Ticket": fresh.ticket,
            "Reason": fresh.reason,
        }
    )
    entry = audit_request(
        fresh, Event.requested, fresh.requester, fresh.created_at, fresh.state, note=note, rule=fresh.rule
    )
    return Change(fresh, (replace(entry, before=""),))


def approve(request: Request, approval: Approval, required: int, now: int) -> Change:
    """Add an approval of a person who may approve; with enough of them the request is approved.

    `required` is the number of stored approvals needed, this one included. For each earlier approver who may not
    approve any more, the caller adds one.

    Raises:
        AlreadyApprovedError: if this person has approved before.
        RequestTransitionError: if the request is decided or expired, or the approver's own.
    """
    _refuse_unless_undecided(request, Event.approved, now)
    if approval.by.user_id in ("", request.requester.user_id):
        raise RequestTransitionError(
            request.state, Event.approved, "neither the requester nor the system approves a request"
        )
    if any(approval.by.user_id == earlier.by.user_id for earlier in request.approvals):
        raise AlreadyApprovedError(request.state, Event.approved, "this person has approved it already")
    approvals = (*request.approvals, approval)
    enough = len(approvals) >= max(required, 1)
    return _change(
        replace(request, approvals=approvals, decided_at=now if enough else None),
        Event.approved if enough else Event.approval_given,
        approval.by,
        now,
        note=approval.note,
        rule=approval.rule,
    )


def deny(request: Request, by: Actor, note: str, rule: str, now: int) -> Change:
    """Deny the request; the denial is stored in the same transaction."""
    _refuse_unless_undecided(request, Event.denied, now)
    change = _change(_closed(request, by, note, now), Event.denied, by, now, note=note, rule=rule)
    denial = Denial(request.id, request.requester.user_id, request.permission_set, request.accounts, by, now)
    return replace(change, denial=denial)


def withdraw(request: Request, by: Actor, now: int) -> Change:
    """Withdraw the request; only its requester may."""
    _refuse_unless_undecided(request, Event.withdrawn, now)
    _refuse_others(request, by, Event.withdrawn)
    return _change(_closed(request, by, "", now), Event.withdrawn, by, now)


def expire(request: Request, now: int) -> Change:
    """Record the expiry without a decision."""
    if effective_state(request, now) is State.pending:
        raise RequestTransitionError(State.pending, Event.expired, "there is time left")
    return _change(replace(request, closed_at=now), Event.expired, SYSTEM, now)


def break_glass(
    request: Request, by: Actor, justification: str, rule: str, channels: Sequence[str], now: int
) -> Change:
    """Decide the request without approval; only its requester may.

    The announcement in `channels` and the page are stored in the same transaction, so there is no access without them.
    """
    _refuse_unless_undecided(request, Event.glass_broken, now)
    _refuse_others(request, by, Event.glass_broken)
    duties = Announcement(tuple(map(ChannelNotice, channels)), paged=False)
    broken = replace(request, glass=True, justification=justification, announcement=duties, decided_at=now)
    return _change(broken, Event.glass_broken, by, now, note=justification, rule=rule)


def record_announcement(request: Request, channel: str, message: Message, now: int) -> Change:
    """Record that Slack has accepted the announcement in a channel; repeating it changes nothing."""
    duties = request.announcement
    if duties is None or channel not in {notice.channel for notice in duties.missing}:
        return Change(request)
    return _change(
        replace(request, announcement=_replace_notice(duties, ChannelNotice(channel, message))),
        Event.announced,
        SYSTEM,
        now,
        note=channel,
    )


LONGEST_SLACK_ERROR = 64
"""Maximum length of a stored error code of Slack."""


def record_announcement_failure(request: Request, channel: str, failure: str) -> Change:
    """Record why Slack has not accepted the announcement in a channel."""
    duties = request.announcement
    if duties is None or channel not in {notice.channel for notice in duties.missing}:
        return Change(request)
    notice = ChannelNotice(channel, failure=failure[:LONGEST_SLACK_ERROR])
    return Change(replace(request, announcement=_replace_notice(duties, notice)))


def update_announcement_channels(request: Request, channels: Sequence[str]) -> Change:
    """Replace the channels of missing announcements by the current ones: an old channel may no longer exist."""
    duties = request.announcement
    if duties is None or duties.is_complete:
        return Change(request)
    known = {notice.channel for notice in duties.channels}
    kept = [notice for notice in duties.channels if notice.message is not None or notice.channel in channels]
    added = [ChannelNotice(channel) for channel in channels if channel not in known]
    return Change(replace(request, announcement=replace(duties, channels=(*kept, *added))))


def require_explanation(request: Request) -> Change:
    """Record that the usage to be explained is stored."""
    if request.announcement is None:
        return Change(request)
    return Change(replace(request, announcement=replace(request.announcement, explanation_required=True)))


def record_page(request: Request) -> Change:
    """Record that the metric is written whose alarm pages."""
    if request.announcement is None:
        return Change(request)
    return Change(replace(request, announcement=replace(request.announcement, paged=True)))


def _replace_notice(duties: Announcement, new: ChannelNotice) -> Announcement:
    return replace(duties, channels=tuple(new if old.channel == new.channel else old for old in duties.channels))


ACKNOWLEDGE_AGAIN_SECONDS = 60
"""Interval after which another acknowledgement of the same person counts; sooner, it is a repeated click."""


def acknowledge(request: Request, by: Actor, now: int) -> Change:
    """Record an acknowledgement; a repeated one within a minute changes nothing."""
    _refuse_unless_undecided(request, Event.acknowledged, now)
    before = any(by.user_id == person.user_id for person in request.acknowledged_by)
    if before and now < (request.acknowledged_at or 0) + ACKNOWLEDGE_AGAIN_SECONDS:
        return Change(request)
    people = (
        request.acknowledged_by
        if before or len(request.acknowledged_by) >= MAXIMUM_ACKNOWLEDGERS
        else (*request.acknowledged_by, by)
    )
    return _change(replace(request, acknowledged_by=people, acknowledged_at=now), Event.acknowledged, by, now)


def record_message(request: Request, message: Message) -> Change:
    """Record the address of the request's message."""
    return Change(replace(request, message=message))


def record_token(request: Request, token: str) -> Change:
    """Record the task token of the workflow's wait.

    It is allowed in every state. The writer of the token reads the state that comes back, and ends the wait if its
    event has happened. The writer of a state finds an earlier token. One of the two always sees the other, because each
    writes only over the version that it has read.
    """
    return Change(replace(request, token=token))


def record_escalation(request: Request, now: int) -> Change:
    """Record the escalation; repeating it changes nothing."""
    if request.escalated:
        return Change(request)
    return _change(replace(request, escalated=True, reminded_at=now), Event.escalated, SYSTEM, now)


def record_reminder(request: Request, now: int) -> Change:
    """Record a reminder."""
    return _change(replace(request, reminded_at=now), Event.reminded, SYSTEM, now)


def prepare(request: Request, now: int, set_arn: str = "") -> Change:
    """Record the end of the access and its planned grants, with the set's ARN.

    The end is counted from the decision. So access that is prepared late, after a stop of the workflow, is shorter, and
    access that is prepared too late is never granted.
    """
    _refuse_other_kind(request, Kind.access, Event.prepared)
    revoke_at = (now if request.decided_at is None else request.decided_at) + request.duration
    change = _change(replace(request, revoke_at=revoke_at), Event.prepared, SYSTEM, now)
    plans = tuple(grant_lifecycle.plan_grant(request, account, revoke_at, set_arn) for account in request.accounts)
    return replace(change, grants=plans)


def activate(request: Request, grants: Sequence[Grant], now: int) -> Change:
    """Record that the access is active in the granted accounts.

    Raises:
        RequestTransitionError: if no account is granted, or the table lacks the event.
    """
    opened = tuple(grant.access.account for grant in grants if grant.state is GrantState.granted)
    if not opened:
        raise RequestTransitionError(request.state, Event.opened, "no account has access")
    change = _change(request, Event.opened, SYSTEM, now)
    return replace(change, audit=tuple(replace(entry, accounts=opened) for entry in change.audit))


def fail(request: Request, note: str, now: int, grants: Sequence[Grant] = ()) -> Change:
    """Record that access was granted in no account, and that every started grant is revoked.

    `grants` are all of its grants, and empty if none was prepared.

    Raises:
        RequestTransitionError: if an assignment may still exist (then call `revoke_request`), if a grant is missing,
            or if the table lacks the event.
    """
    _refuse_while_open(request, grants, Event.failed)
    return _change(replace(request, note=note, closed_at=now), Event.failed, SYSTEM, now, note=note)


def revoke_request(request: Request, by: Actor, note: str, now: int) -> Change:
    """Start to revoke the access: at its end, by a person, or after a failed workflow."""
    _refuse_other_kind(request, Kind.access, _end_event(request, by, now))
    return _change(_closed(request, by, note, now), _end_event(request, by, now), by, now, note=note)


def extend(parent: Request, grants: Sequence[Grant], extension: Request, now: int) -> Change:
    """Move the end of a request and its grants by an approved extension, never to an earlier time.

    The new end is counted from the extension's decision, so a repeated step does not move it again.

    Raises:
        RequestTransitionError: if the parent is not active, has no open grant, or the extension is not an approved
            one of this parent.
    """
    if not _extends(extension, parent) or extension.state is not State.approved or extension.decided_at is None:
        raise RequestTransitionError(parent.state, Event.lengthened, f"{extension.id} is no approved extension")
    new_end = extension.decided_at + extension.duration
    if new_end == parent.revoke_at:
        # Repeated; the parent may have ended since.
        return Change(parent)
    revoke_at = max(parent.revoke_at or 0, new_end)
    change = _change(replace(parent, revoke_at=revoke_at), Event.lengthened, SYSTEM, now, note=extension.id)
    if revoke_at == parent.revoke_at:
        return Change(parent)
    later = tuple(
        grant_lifecycle.lengthen_grant(grant, revoke_at)
        for grant in grants
        if (grant.state, grant_lifecycle.GrantEvent.lengthened) in grant_lifecycle.GRANT_TABLE
    )
    if grants and not later:
        # The reconciler revokes before it writes into the request.
        raise RequestTransitionError(parent.state, Event.lengthened, "it is being revoked")
    return replace(change, grants=later)


def close_extension(extension: Request, now: int) -> Change:
    """Record that an extension has moved its parent's end."""
    _refuse_other_kind(extension, Kind.extension, Event.extended)
    return _change(replace(extension, closed_at=now), Event.extended, SYSTEM, now)


def close(request: Request, grants: Sequence[Grant], now: int) -> Change:
    """Record that every assignment of a request is verified as deleted.

    `grants` are all of its grants, and empty if it was ended before any was prepared.

    Raises:
        RequestTransitionError: if an assignment may still exist, a grant is missing, or the table lacks the event.
    """
    _refuse_while_open(request, grants, Event.closed)
    return _change(request, Event.closed, SYSTEM, now)


def remaining_accounts(grants: Sequence[Grant]) -> tuple[str, ...]:
    """Return the accounts in which the assignment may still exist."""
    return tuple(grant.access.account for grant in grants if grant.state in grant_lifecycle.LIVE)


def _change(request: Request, event: Event, by: Actor, now: int, *, note: str = "", rule: str = "") -> Change:
    after = REQUEST_TABLE.get((request.state, event))
    if after is None:
        raise RequestTransitionError(request.state, event)
    entry = audit_request(request, event, by, now, after, note=note, rule=rule)
    return Change(replace(request, state=after), (entry,))


def _closed(request: Request, by: Actor, note: str, now: int) -> Request:
    return replace(request, closed_by=by, closed_at=now, note=note)


def _end_event(request: Request, by: Actor, now: int) -> Event:
    if by.user_id == request.requester.user_id:
        return Event.returned
    if by.user_id:
        return Event.ended_early
    return Event.run_out if request.revoke_at is not None and now >= request.revoke_at else Event.abandoned


def _refuse_unless_undecided(request: Request, event: Event, now: int) -> None:
    if effective_state(request, now) is not State.pending:
        raise RequestTransitionError(effective_state(request, now), event)


def _refuse_others(request: Request, by: Actor, event: Event) -> None:
    if by.user_id != request.requester.user_id:
        raise RequestTransitionError(request.state, event, "only its requester may")


def _refuse_while_open(request: Request, grants: Sequence[Grant], event: Event) -> None:
    left = remaining_accounts(grants)
    if left:
        raise RequestTransitionError(request.state, event, f"not yet verified as revoked in {', '.join(left)}")
    missing = set(request.accounts) - {grant.access.account for grant in grants}
    if request.revoke_at is not None and missing:
        raise RequestTransitionError(request.state, event, f"the grants of {', '.join(sorted(missing))} are missing")


def _extends(extension: Request, parent: Request) -> bool:
    """Return true if a request extends exactly the access of another one."""

    def access(request: Request) -> tuple[str, str, frozenset[str]]:
        return request.requester.user_id, request.permission_set, frozenset(request.accounts)

    return extension.kind is Kind.extension and extension.parent == parent.id and access(extension) == access(parent)


def _refuse_other_kind(request: Request, kind: Kind, event: Event) -> None:
    if request.kind is not kind:
        raise RequestTransitionError(request.state, event, f"its kind is {request.kind}")
