"""The life of a request as one table, and one pure function for everything that can happen to it.

Every function takes the request as it was read and returns a `Change`: the new request, its audit entries and its
grants, for one transaction. An event that the table lacks raises `RequestTransitionError` and changes nothing. So a
second click, a second approver and a repeated step find the state that the first one left.

These functions are the last line: who may approve is decided before (see `decision`), but nobody is let through here as
approver of their own request, whatever was decided.

Non-goals: who may do it, the writing (see `services.optimistic_writes`), and the grants' own life (see
`grant_lifecycle`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from breakglass.app.domain import grant_lifecycle as grant_life
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
"""How many accounts one request may name.

A request, its grants and the audit entry are one transaction, and DynamoDB takes 100 items in one:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html
"""

MAXIMUM_ACKNOWLEDGERS = 50
"""How many people are kept who look at one request."""

FINAL = frozenset({State.ended, State.denied, State.expired, State.withdrawn, State.failed})
"""States that nothing leads out of."""


class Event(StrEnum):
    """What happens to a request; the name in the audit trail."""

    requested = "requested"
    approval_given = "approval_given"  # one of several that are needed
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
    returned = "returned"  # the requester is done
    ended_early = "ended_early"  # somebody else ended it
    run_out = "run_out"  # its time is over
    abandoned = "abandoned"  # the workflow could not go on
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
    # A message or a wait may arrive after the decision; whoever writes it then looks at the state.
    **{(state, Event.posted): state for state in State},
    **{(state, Event.waiting): state for state in State},
}
"""The state after each event; what isn't here is not allowed. `requested` is how a request begins to be."""


class RequestTransitionError(Exception):
    """An event that is not possible for a request as it stands.

    Attributes:
        state: the request's; `expired` for one whose time has passed, written down or not.
        event: what was to happen.
    """

    def __init__(self, state: State, event: Event, why: str = "") -> None:
        super().__init__(f"{event} is not possible for a request that is {state}{': ' if why else ''}{why}")
        self.state = state
        self.event = event


class AlreadyApprovedError(RequestTransitionError):
    """The same person has approved this request before."""


@dataclass(frozen=True)
class Change:
    """What is to be written in one transaction.

    Attributes:
        request: as it is to be, with the version it was read with.
        audit: what the audit trail says about it.
        grants: its grants that change with it, with the versions they were read with.
        denial: what is to be remembered of a denied request.
    """

    request: Request
    audit: tuple[AuditEntry, ...] = ()
    grants: tuple[Grant, ...] = ()
    denial: Denial | None = None


def effective_state(request: Request, now: int) -> State:
    """Return where a request stands; one whose time has passed has expired, whether or not that is written down."""
    overdue = request.state is State.pending and now >= request.expires_at
    return State.expired if overdue else request.state


def unanswered_since(request: Request, others: Iterable[Request] = ()) -> int:
    """Return since when nobody has answered a request.

    Args:
        request: the request.
        others: of the same person, for the same set; an answer to one with a common account counts as well.
    """
    same = [one for one in others if not set(one.accounts).isdisjoint(request.accounts)]
    return max(request.created_at, *map(_answered_at, (request, *same)))


def _answered_at(request: Request) -> int:
    """Return when another person last looked, approved, denied or ended; 0 for never."""
    ended_by = request.closed_by.user_id if request.closed_by is not None else request.requester.user_id
    ended = request.closed_at if ended_by not in ("", request.requester.user_id) else None
    return max([request.acknowledged_at or 0, ended or 0, *(approval.at for approval in request.approvals)])


def create(request: Request) -> Change:
    """Begin a request.

    Raises:
        ValueError: if it names no account, one twice, or more than `MAXIMUM_ACCOUNTS`.
    """
    if not 0 < len(request.accounts) <= MAXIMUM_ACCOUNTS or len(set(request.accounts)) < len(request.accounts):
        raise ValueError(f"a request names 1 to {MAXIMUM_ACCOUNTS} different accounts, not {len(request.accounts)}")
    fresh = replace(request, state=State.pending, version=0)
    # What the record says of it besides: the trail is read without the records.
    asked = label_texts(
        {
            "For": format_duration(fresh.duration),
            "Extends": fresh.parent or "",
            "Ticket": fresh.ticket,
            "Reason": fresh.reason,
        }
    )
    told = audit_request(
        fresh, Event.requested, fresh.requester, fresh.created_at, fresh.state, note=asked, rule=fresh.rule
    )
    return Change(fresh, (replace(told, before=""),))


def approve(request: Request, approval: Approval, required: int, now: int) -> Change:
    """Add one person's yes; with enough of them the request is approved.

    Args:
        request: as read.
        approval: the yes; the person has been found entitled to it.
        required: how many of the recorded approvals are needed, this one included. Where an earlier approver is no
            longer entitled, the caller asks for one more.
        now: the time.

    Raises:
        AlreadyApprovedError: if this person has approved before.
        RequestTransitionError: if the request is decided or has expired, or it is the approver's own.
    """
    _refuse_unless_undecided(request, Event.approved, now)
    if approval.by.user_id in ("", request.requester.user_id):
        raise RequestTransitionError(
            request.state, Event.approved, "nobody approves their own request, nor does the system"
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
    """Refuse the request; the denial is remembered in the same transaction."""
    _refuse_unless_undecided(request, Event.denied, now)
    change = _change(_closed(request, by, note, now), Event.denied, by, now, note=note, rule=rule)
    denial = Denial(request.id, request.requester.user_id, request.permission_set, request.accounts, by, now)
    return replace(change, denial=denial)


def withdraw(request: Request, by: Actor, now: int) -> Change:
    """Take the request back, which only its requester may."""
    _refuse_unless_undecided(request, Event.withdrawn, now)
    _refuse_others(request, by, Event.withdrawn)
    return _change(_closed(request, by, "", now), Event.withdrawn, by, now)


def expire(request: Request, now: int) -> Change:
    """Note that nobody answered in time."""
    if effective_state(request, now) is State.pending:
        raise RequestTransitionError(State.pending, Event.expired, "there is time left")
    return _change(replace(request, closed_at=now), Event.expired, SYSTEM, now)


def break_glass(
    request: Request, by: Actor, justification: str, rule: str, channels: Sequence[str], now: int
) -> Change:
    """Approve the request without anybody's approval, which only its requester may.

    The duties that come with it are written in the same transaction: without them nothing opens.

    Args:
        request: as read.
        by: the person.
        justification: why it can't wait, as typed.
        rule: the rule that allows it.
        channels: IDs of the channels in which it has to be announced.
        now: the time.
    """
    _refuse_unless_undecided(request, Event.glass_broken, now)
    _refuse_others(request, by, Event.glass_broken)
    duties = Announcement(tuple(map(ChannelNotice, channels)))
    broken = replace(request, glass=True, justification=justification, announcement=duties, decided_at=now)
    return _change(broken, Event.glass_broken, by, now, note=justification, rule=rule)


def record_announcement(request: Request, channel: str, message: Message, now: int) -> Change:
    """Note that Slack has accepted the announcement in a channel; a second time changes nothing."""
    duties = request.announcement
    if duties is None or channel not in {one.channel for one in duties.missing}:
        return Change(request)
    return _change(
        replace(request, announcement=_noted(duties, ChannelNotice(channel, message))),
        Event.announced,
        SYSTEM,
        now,
        note=channel,
    )


LONGEST_SLACK_ERROR = 64
"""Characters of an error code of Slack that are kept."""


def record_announcement_failure(request: Request, channel: str, failure: str) -> Change:
    """Note why Slack has not accepted the announcement in a channel."""
    duties = request.announcement
    if duties is None or channel not in {one.channel for one in duties.missing}:
        return Change(request)
    notice = ChannelNotice(channel, failure=failure[:LONGEST_SLACK_ERROR])
    return Change(replace(request, announcement=_noted(duties, notice)))


def update_announcement_channels(request: Request, channels: Sequence[str]) -> Change:
    """Announce in today's channels: one that the stack file no longer names may be gone for good.

    Args:
        request: as read.
        channels: IDs of the channels by today's policy.
    """
    duties = request.announcement
    if duties is None or duties.is_complete:
        return Change(request)
    known = {one.channel for one in duties.channels}
    kept = [one for one in duties.channels if one.message is not None or one.channel in channels]
    added = [ChannelNotice(channel) for channel in channels if channel not in known]
    return Change(replace(request, announcement=replace(duties, channels=(*kept, *added))))


def require_explanation(request: Request) -> Change:
    """Note that the use which has to be explained is recorded."""
    if request.announcement is None:
        return Change(request)
    return Change(replace(request, announcement=replace(request.announcement, explanation_required=True)))


def _noted(duties: Announcement, notice: ChannelNotice) -> Announcement:
    return replace(duties, channels=tuple(notice if one.channel == notice.channel else one for one in duties.channels))


ACKNOWLEDGE_AGAIN_SECONDS = 60
"""Interval after which another acknowledgement of the same person counts; sooner, it is a repeated click."""


def acknowledge(request: Request, by: Actor, now: int) -> Change:
    """Note that somebody is looking; the same person within a minute changes nothing."""
    _refuse_unless_undecided(request, Event.acknowledged, now)
    before = any(by.user_id == one.user_id for one in request.acknowledged_by)
    if before and now < (request.acknowledged_at or 0) + ACKNOWLEDGE_AGAIN_SECONDS:
        return Change(request)
    looking = (
        request.acknowledged_by
        if before or len(request.acknowledged_by) >= MAXIMUM_ACKNOWLEDGERS
        else (*request.acknowledged_by, by)
    )
    return _change(replace(request, acknowledged_by=looking, acknowledged_at=now), Event.acknowledged, by, now)


def record_message(request: Request, message: Message) -> Change:
    """Keep where the approvers' message is."""
    return Change(replace(request, message=message))


def record_token(request: Request, token: str) -> Change:
    """Keep the task token of the workflow's wait.

    Allowed in every state: who stores the token looks at the state that comes back, and wakes the wait at once if what
    it waits for has happened. Whoever changes the state finds the token if it was stored before. One of the two always
    sees the other, because each writes only what it has read.
    """
    return Change(replace(request, token=token))


def record_escalation(request: Request, now: int) -> Change:
    """Note that those to escalate to have been mentioned; a second time changes nothing."""
    if request.escalated:
        return Change(request)
    return _change(replace(request, escalated=True, reminded_at=now), Event.escalated, SYSTEM, now)


def record_reminder(request: Request, now: int) -> Change:
    """Note that it has been brought up again."""
    return _change(replace(request, reminded_at=now), Event.reminded, SYSTEM, now)


def prepare(request: Request, now: int, set_arn: str = "") -> Change:
    """Record when the access ends and the grants to be made, with the set's ARN, before any is.

    The end is counted from the decision: what is prepared late, because the workflow stood still, is shorter, and what
    is prepared too late never opens.
    """
    _refuse_other_kind(request, Kind.access, Event.prepared)
    revoke_at = (now if request.decided_at is None else request.decided_at) + request.duration
    change = _change(replace(request, revoke_at=revoke_at), Event.prepared, SYSTEM, now)
    plans = tuple(grant_life.plan_grant(request, account, revoke_at, set_arn) for account in request.accounts)
    return replace(change, grants=plans)


def activate(request: Request, grants: Sequence[Grant], now: int) -> Change:
    """Note that the access is there, in as many accounts as could be opened.

    Raises:
        RequestTransitionError: if no grant was made, or the table does not have it.
    """
    opened = tuple(grant.access.account for grant in grants if grant.state is GrantState.granted)
    if not opened:
        raise RequestTransitionError(request.state, Event.opened, "no account is open")
    change = _change(request, Event.opened, SYSTEM, now)
    return replace(change, audit=tuple(replace(entry, accounts=opened) for entry in change.audit))


def fail(request: Request, note: str, now: int, grants: Sequence[Grant] = ()) -> Change:
    """Note that no account could be opened; whatever was begun has been taken back.

    Args:
        request: as read.
        note: why.
        now: the time.
        grants: all of its grants; none if none was prepared.

    Raises:
        RequestTransitionError: if an assignment may still exist (then call `revoke_request`), if a grant is missing,
            or if the table lacks the event.
    """
    _refuse_while_open(request, grants, Event.failed)
    return _change(replace(request, note=note, closed_at=now), Event.failed, SYSTEM, now, note=note)


def revoke_request(request: Request, by: Actor, note: str, now: int) -> Change:
    """Begin to take the access back: the requester is done, somebody ended it, its time is over, or it can't go on.

    What is approved and not yet opened is ended just so; then there is nothing to take back.
    """
    _refuse_other_kind(request, Kind.access, _why_finished(request, by, now))
    return _change(_closed(request, by, note, now), _why_finished(request, by, now), by, now, note=note)


def extend(parent: Request, grants: Sequence[Grant], extension: Request, now: int) -> Change:
    """Move the end of a request and of its grants to what an approved extension says, never to an earlier time.

    The new end is counted from the extension's decision, so that a repeated step moves nothing twice.

    Raises:
        RequestTransitionError: if the parent is not active, has no open grant, or the extension is not an approved
            one of this parent.
    """
    if not _extends(extension, parent) or extension.state is not State.approved or extension.decided_at is None:
        raise RequestTransitionError(parent.state, Event.lengthened, f"{extension.id} is no approved extension of it")
    wanted = extension.decided_at + extension.duration
    if wanted == parent.revoke_at:
        # Done before; the parent may have ended since.
        return Change(parent)
    revoke_at = max(parent.revoke_at or 0, wanted)
    change = _change(replace(parent, revoke_at=revoke_at), Event.lengthened, SYSTEM, now, note=extension.id)
    if revoke_at == parent.revoke_at:
        return Change(parent)
    later = tuple(
        grant_life.lengthen_grant(grant, revoke_at)
        for grant in grants
        if (grant.state, grant_life.GrantEvent.lengthened) in grant_life.GRANT_TABLE
    )
    if grants and not later:
        # The reconciler revokes before it writes into the request.
        raise RequestTransitionError(parent.state, Event.lengthened, "it is being revoked")
    return replace(change, grants=later)


def close_extension(extension: Request, now: int) -> Change:
    """Note that an extension has moved its parent's end."""
    _refuse_other_kind(extension, Kind.extension, Event.extended)
    return _change(replace(extension, closed_at=now), Event.extended, SYSTEM, now)


def close(request: Request, grants: Sequence[Grant], now: int) -> Change:
    """Note that every assignment of a request was verified to be gone.

    Args:
        request: as read.
        grants: all of its grants; none if it was ended before any was prepared.
        now: the time.

    Raises:
        RequestTransitionError: if one may still be there, or is not told of, or the table does not have it.
    """
    _refuse_while_open(request, grants, Event.closed)
    return _change(request, Event.closed, SYSTEM, now)


def remaining_accounts(grants: Sequence[Grant]) -> tuple[str, ...]:
    """Return the accounts in which the assignment may still be there."""
    return tuple(grant.access.account for grant in grants if grant.state in grant_life.LIVE)


def _change(request: Request, event: Event, by: Actor, now: int, *, note: str = "", rule: str = "") -> Change:
    """Apply an event by the table, with the audit entry that goes with it."""
    after = REQUEST_TABLE.get((request.state, event))
    if after is None:
        raise RequestTransitionError(request.state, event)
    entry = audit_request(request, event, by, now, after, note=note, rule=rule)
    return Change(replace(request, state=after), (entry,))


def _closed(request: Request, by: Actor, note: str, now: int) -> Request:
    return replace(request, closed_by=by, closed_at=now, note=note)


def _why_finished(request: Request, by: Actor, now: int) -> Event:
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
        raise RequestTransitionError(request.state, event, f"not yet verified gone in {', '.join(left)}")
    missing = set(request.accounts) - {grant.access.account for grant in grants}
    if request.revoke_at is not None and missing:
        raise RequestTransitionError(request.state, event, f"nothing is said of {', '.join(sorted(missing))}")


def _extends(extension: Request, parent: Request) -> bool:
    """Say whether a request asks for more of exactly what another one gives."""

    def what(request: Request) -> tuple[str, str, frozenset[str]]:
        return request.requester.user_id, request.permission_set, frozenset(request.accounts)

    return extension.kind is Kind.extension and extension.parent == parent.id and what(extension) == what(parent)


def _refuse_other_kind(request: Request, kind: Kind, event: Event) -> None:
    if request.kind is not kind:
        raise RequestTransitionError(request.state, event, f"it asks for {request.kind}")
