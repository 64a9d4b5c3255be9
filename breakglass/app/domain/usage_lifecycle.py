"""The life of a use, one session of one person with a break-glass role, from the first record of it to its sign-off.

One session leaves several records: the portal hands the role out, the session starts, the console opens. They come from
two accounts, in any order and minutes apart, so a record belongs to a known use (`is_part_of`) if it is about the same
person, role and account, happened no more than one session's length before or after the record that made the use
known, and not after the explanation was written. What follows from that rule:

- Two sessions that one person begins within that time, with the same role in the same account, are one use.
- Where it isn't known who it was, neither by id nor by session name, every record is a use of its own.
- Whoever assumes a role that Identity Center did not make chooses the session name, so two callers with the same name
  are one person here.
- What happens after the explanation begins another use: it can't be explained beforehand.

A broken glass has to be explained even if no record of a use ever comes (`begin_required_usage`). Such a use has an id
of its own kind, which no record can have.

A click on an alert makes a use known as well, if nothing else has (`as_click_evidence`). The fields of a click are the
clicker's choice, so they never take the place of what the alert path tells: their event ids are a kind of their own.

Every other function takes the use as it was read and returns what it becomes, with the audit entries to be written in
the same transaction. What the table does not have raises `UsageTransitionError` and changes nothing.

Non-goals: who may explain and sign off (see `decision`), though whoever used or explained is never let through here as
the second person; finding out who it was (see `services.usage_reviews`).
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum

from breakglass.app.domain.audit import audit_usage, label_texts
from breakglass.app.domain.codec import encode
from breakglass.app.domain.records import SYSTEM, Actor, AuditEntry, Explanation, Kind, Request, Usage, UsageState

UsageChange = tuple[Usage, tuple[AuditEntry, ...]]
"""A use as it is to be, and what the audit trail says about it."""

MAXIMUM_EVENTS = 50
"""How many records one use remembers. Some tools ask for new credentials at every call, and all of it is one use."""


class EvidencePath(StrEnum):
    """Where a use shows up in CloudTrail, as `vocabulary.EvidencePath` has it; a refused attempt is no use."""

    session_start = "session_start"
    portal = "portal"
    console = "console"


@dataclass(frozen=True)
class Evidence:
    """What the alert path tells of one record of CloudTrail.

    Attributes:
        drill: whether it rehearses an alert: nobody used anything.
        role: name of the permission set, or of a role that Identity Center did not make.
        path: what kind of record it is.
        account: the account that the role is in.
        event_id: CloudTrail's id of the record.
        at: when, in seconds since 1970.
        who: for `portal` the user id, for `session_start` the session name, for `console` the session's ARN; empty if
            the record does not tell.
    """

    drill: bool
    role: str
    path: EvidencePath
    account: str
    event_id: str
    at: int
    who: str


DRILL = "DRILL: "
"""The first field of a drill (`breakglass.alerts.patterns.DRILL_MARKER`)."""

RECENT_SECONDS = 7 * 86_400
"""How old evidence may be that a click tells."""

_AHEAD_SECONDS = 300
_AWS_SOURCE = re.compile(r"aws\.[a-z]{1,30}")

_FIELDS = {
    "role": re.compile(r"[A-Za-z0-9_+=,.@-]{1,64}"),
    "account": re.compile(r"[0-9]{12}"),
    "event id": re.compile(r"[0-9A-Za-z-]{1,36}"),
}
_TIME = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})Z")
_WHO = {
    EvidencePath.portal: re.compile(r"[0-9A-Za-z-]{0,47}"),
    EvidencePath.session_start: re.compile(r"[A-Za-z0-9_+=,.@-]{0,64}"),
    EvidencePath.console: re.compile(
        r"(arn:aws[a-z-]{0,20}:sts::[0-9]{12}:assumed-role/[A-Za-z0-9_+=,.@-]{1,64}/[A-Za-z0-9_+=,.@-]{1,64})?"
    ),
}


def parse_evidence(value: str) -> Evidence:
    """Read what an alert says of itself: `<drill>|<role>|<path>|<account>|<event id>|<time>|<who>`.

    The fields of a drill are its sender's choice, and those of a button whatever comes with a click.

    Raises:
        ValueError: if it is anything else. The text names the field and never what was in it.
    """
    fields = value.split("|")
    if len(fields) != 7:
        raise ValueError("there are not seven fields")
    drill, role, path, account, event_id, time, who = fields
    if drill not in ("", DRILL):
        raise ValueError("the mark of a drill is another one")
    for name, text in (("role", role), ("account", account), ("event id", event_id)):
        if _FIELDS[name].fullmatch(text) is None:
            raise ValueError(f"the {name} has another form")
    if path not in tuple(EvidencePath):
        raise ValueError("it is no record of a use")
    known = EvidencePath(path)
    if _WHO[known].fullmatch(who) is None:
        raise ValueError("who it was has another form")
    return Evidence(drill == DRILL, role, known, account, event_id, _seconds(time), who)


def parse_report(event: Mapping[str, object]) -> Evidence:
    """Read what the alert path tells the usage recorder: `{"value", "source"}`, the source of the event at EventBridge.

    AWS lets only itself send events with a source `aws.…`, so whatever a crafted drill has for fields, it has another.

    Raises:
        ValueError: if it is anything else, or is said to be no drill and does not come from AWS.
    """
    value, source = event.get("value"), event.get("source")
    if event.keys() != {"value", "source"} or not isinstance(value, str) or not isinstance(source, str):
        raise ValueError("the keys are not value and source")
    read = parse_evidence(value)
    if not read.drill and _AWS_SOURCE.fullmatch(source) is None:
        raise ValueError("its source is not AWS")
    return read


def as_click_evidence(of: Evidence) -> Evidence:
    """Return evidence that a click tells, under an event id that no record of CloudTrail has.

    The id stands for all fields, so a click that claims something else of the same event is told apart.
    """
    claimed = "\n".join((of.role, of.path, of.account, of.event_id, str(of.at), of.who))
    return replace(of, event_id=f"click:{hashlib.sha256(claimed.encode()).hexdigest()[:32]}")


def is_recent(of: Evidence, now: int) -> bool:
    """Return whether evidence is at most seven days old, and not from the future."""
    return -_AHEAD_SECONDS <= now - of.at <= RECENT_SECONDS


def has_user_id(of: Evidence) -> bool:
    """Say whether `who` is an id of the identity store, and not the name of a session."""
    return of.path is EvidencePath.portal


def session_name(of: Evidence) -> str:
    """Return who it was as CloudTrail has it: the name of the session, or the user id where there is no session yet."""
    return of.who.rpartition("/")[2] if of.path is EvidencePath.console else of.who


class UsageEvent(StrEnum):
    """What happens to a use; the name in the audit trail."""

    recorded = "usage_recorded"
    explained = "usage_explained"
    reminded = "usage_reminded"
    accepted = "usage_accepted"


USAGE_TABLE: Mapping[tuple[UsageState, UsageEvent], UsageState] = {
    (UsageState.unexplained, UsageEvent.explained): UsageState.explained,
    (UsageState.explained, UsageEvent.explained): UsageState.explained,
    (UsageState.explained, UsageEvent.accepted): UsageState.accepted,
    (UsageState.unexplained, UsageEvent.reminded): UsageState.unexplained,
    (UsageState.explained, UsageEvent.reminded): UsageState.explained,
}
"""The state after each event; what isn't here is not allowed. `recorded` is how a use begins to be."""


class UsageTransitionError(Exception):
    """An event that is not possible for a use as it stands.

    Attributes:
        state: the use's.
        event: what was to happen.
        why: more about it, for people; may be empty.
    """

    def __init__(self, state: UsageState, event: UsageEvent, why: str = "") -> None:
        super().__init__(f"{event} is not possible for a use that is {state}{': ' if why else ''}{why}")
        self.state = state
        self.event = event
        self.why = why


class ExplanationChangedError(UsageTransitionError):
    """A person agrees with an explanation that is another one by now."""


def next_usage_id(of: Evidence, user_id: str, latest: Usage | None) -> str:
    """Return the id of the use that a record begins if it does not belong to the latest one.

    Two records of one session are often seen at the same moment, by two who both find no use that they belong to. Both
    would begin the same one, so only one of them can, and the other joins it.
    """
    who = user_id or session_name(of)
    first = "\n".join((of.role, of.account, who, latest.id if latest is not None else "")) if who else of.event_id
    return _id(first)


def begin_usage(
    of: Evidence,
    user_id: str,
    due_within: int,
    request_id: str | None,
    now: int,
    latest: Usage | None = None,
    by: Actor = SYSTEM,
) -> UsageChange:
    """Begin a use with the first record of it.

    Args:
        of: the record.
        user_id: who it was in the identity store; empty if nobody knows.
        due_within: after how many seconds it is overdue, counted from the record.
        request_id: the request it was made under, if there is one (see `is_made_under`).
        now: the time.
        latest: the use that it does not belong to and comes after (see `next_usage_id`).
        by: who told of it; the alert path if it is the system.

    Raises:
        ValueError: for a drill: nothing was used.
    """
    if of.drill:
        raise ValueError("a drill is no use")
    use = Usage(
        id=next_usage_id(of, user_id, latest),
        permission_set=of.role,
        account=of.account,
        user_id=user_id,
        session_name=session_name(of),
        first_seen=of.at,
        due_at=of.at + due_within,
        event_ids=(of.event_id,),
        request_id=request_id,
    )
    note = f"{of.path}: {session_name(of) or 'nobody is named'}{f', under {request_id}' if request_id else ''}"
    return _recorded(use, note, now, by)


def begin_required_usage(request: Request, due_within: int, now: int) -> UsageChange:
    """Begin the post-mortem that whoever broke the glass owes, whether or not anything ever shows that they used it.

    It is about the first of the accounts, and what the alert path sees there within a session's length joins it. The
    same request always begins the same one.

    Args:
        request: whose glass was broken.
        due_within: after how many seconds it is overdue.
        now: the time.
    """
    at = request.decided_at or now
    use = Usage(
        # What a record begins is called by a digest: none is called like this.
        id=f"u-{request.id}",
        permission_set=request.permission_set,
        account=request.accounts[0],
        user_id=request.requester.user_id,
        session_name=request.requester_name,
        first_seen=at,
        due_at=at + due_within,
        request_id=request.id,
    )
    return _recorded(use, f"the glass was broken, under {request.id}", now)


def is_part_of(use: Usage, of: Evidence, user_id: str, session_seconds: int) -> bool:
    """Say whether a record is one more trace of a use.

    Args:
        use: the use.
        of: the record.
        user_id: who it was in the identity store; empty if nobody knows.
        session_seconds: how long a session with this role lasts.
    """
    if of.event_id in use.event_ids:
        return True
    if of.drill or (use.permission_set, use.account, use.user_id) != (of.role, of.account, user_id):
        return False
    if as_click_evidence(of).event_id in use.event_ids:
        # A click told of it first.
        return True
    known = user_id or session_name(of)
    if not known or (not user_id and known != use.session_name):
        return False
    explained_before = use.explanation is not None and of.at > use.explanation.at
    return not explained_before and abs(of.at - use.first_seen) <= session_seconds


def add_evidence(use: Usage, of: Evidence) -> UsageChange:
    """Return the use with one more trace of it; with one that it has, or one too many to remember, as it is.

    `first_seen` stays the time of the record that made the use known: would it move, records that come in the reverse
    order could be drawn into one use without end.
    """
    if of.event_id in use.event_ids or len(use.event_ids) >= MAXIMUM_EVENTS:
        return use, ()
    # The portal tells an id; a name is better to read.
    better = session_name(of) if use.session_name in ("", use.user_id) and session_name(of) else use.session_name
    return replace(use, event_ids=(*use.event_ids, of.event_id), session_name=better), ()


def is_made_under(request: Request, of: Evidence, user_id: str) -> bool:
    """Say whether a record is about access that a request gave, whether or not that is over by now.

    A session can begin until the assignment is gone, which is some seconds after the end was noted.
    """
    if request.kind is not Kind.access or request.revoke_at is None or request.decided_at is None or not user_id:
        return False
    same = (request.requester.user_id, request.permission_set) == (user_id, of.role)
    last = min(request.revoke_at, request.closed_at or request.revoke_at) + _REVOKE_TAKES_SECONDS
    return same and of.account in request.accounts and request.decided_at <= of.at <= last


_REVOKE_TAKES_SECONDS = 300


def record_explanation(use: Usage, explanation: Explanation, now: int) -> UsageChange:
    """Keep an explanation, or what the same person writes instead of it; the trail keeps both whole.

    Raises:
        UsageTransitionError: if it is signed off, or somebody else has explained it.
    """
    earlier = use.explanation
    if earlier is not None and earlier.by.user_id != explanation.by.user_id:
        raise UsageTransitionError(use.state, UsageEvent.explained, "somebody else has explained it")
    if earlier is not None and replace(earlier, at=explanation.at, by=explanation.by) == explanation:
        return use, ()
    return _change(
        replace(use, explanation=explanation), UsageEvent.explained, explanation.by, now, _whole(explanation)
    )


def explanation_version(explanation: Explanation) -> str:
    """Return what stands for exactly this explanation: another text, author or time has another."""
    return hashlib.sha256(encode(explanation).encode()).hexdigest()[:32]


def accept_explanation(use: Usage, by: Actor, version: str, now: int) -> UsageChange:
    """Note that a second person agrees with the explanation; the same person a second time changes nothing.

    Args:
        use: the use.
        by: the second person.
        version: of the explanation that they have read (see `explanation_version`).
        now: the time.

    Raises:
        UsageTransitionError: if it is not explained, is accepted by another person, or this person used or explained
            it.
        ExplanationChangedError: if they have read another explanation.
    """
    if use.accepted_by is not None and use.accepted_by.user_id == by.user_id:
        return use, ()
    explainer = use.explanation.by.user_id if use.explanation is not None else ""
    if by.user_id in ("", use.user_id, explainer):
        raise UsageTransitionError(use.state, UsageEvent.accepted, "it takes a second person")
    if (
        use.state is UsageState.explained
        and use.explanation is not None
        and version != explanation_version(use.explanation)
    ):
        raise ExplanationChangedError(use.state, UsageEvent.accepted, "the explanation has changed meanwhile")
    return _change(replace(use, accepted_by=by, accepted_at=now), UsageEvent.accepted, by, now)


def record_reminder(use: Usage, now: int) -> UsageChange:
    """Note that it has been brought up again.

    Raises:
        UsageTransitionError: if it is signed off.
    """
    return _change(replace(use, reminded_at=now), UsageEvent.reminded, SYSTEM, now)


def is_overdue(use: Usage, now: int) -> bool:
    """Say whether a use should be explained and signed off by now, and is not."""
    return use.state is not UsageState.accepted and now >= use.due_at


def _id(of: str) -> str:
    return f"u-{hashlib.sha256(of.encode()).hexdigest()[:16]}"


def _recorded(use: Usage, note: str, now: int, by: Actor = SYSTEM) -> UsageChange:
    told = audit_usage(use, UsageEvent.recorded, by, now, use.state, note)
    return use, (replace(told, before=""),)


def _change(use: Usage, event: UsageEvent, by: Actor, now: int, note: str = "") -> UsageChange:
    """Apply an event by the table, with the audit entry that goes with it."""
    after = USAGE_TABLE.get((use.state, event))
    if after is None:
        raise UsageTransitionError(use.state, event)
    return replace(use, state=after), (audit_usage(use, event, by, now, after, note),)


def _whole(explanation: Explanation) -> str:
    """Write an explanation as one text, for the trail."""
    return label_texts(
        {
            "Reason": explanation.reason,
            "Incident": explanation.incident,
            "Done": explanation.done,
            "Follow-up": explanation.follow_up,
        }
    )


def _seconds(time: str) -> int:
    found = _TIME.fullmatch(time)
    if found is None:
        raise ValueError("the time has another form")
    year, month, day, hour, minute, second = map(int, found.groups())
    try:
        return int(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp())
    except ValueError:
        raise ValueError("there is no such time") from None
