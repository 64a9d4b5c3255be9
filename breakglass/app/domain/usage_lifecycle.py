"""The lifecycle of a usage, one session of one person with a break-glass role, as one table.

One session leaves several CloudTrail records: the portal issues credentials, the session starts, the console opens.
They come from two accounts, in any order and minutes apart. A record is part of a known usage (`is_part_of`) if it has
the same person, role and account, is at most one session's length away from the usage's first known record, and is not
later than the explanation. Consequences:

- Two sessions of a person within that time, with the same role in the same account, are one usage.
- If neither an ID nor a session name is known, every record is a usage of its own.
- The caller chooses the session name of a role that Identity Center did not create, so two callers with the same name
  count as one person.
- Activity after the explanation begins another usage: it can't be explained in advance.

A broken glass requires an explanation even without any record (`begin_required_usage`). Such a usage has an ID of its
own kind, which no record can have.

A click on an alert also begins a usage, if it is not known yet (`as_click_evidence`). The clicker chooses its fields,
so its event ID is of its own kind and never replaces evidence from the alert path.

All other functions take the stored usage and return the new one, with the audit entries of the same transaction. An
event that the table lacks raises `UsageTransitionError` and changes nothing.

Non-goals: permissions (see `decision`), although the user and the author are refused here too as the second person;
identifying the user (see `services.usage_reviews`).
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
"""The new usage and its audit entries."""

MAXIMUM_EVENTS = 50
"""Maximum number of stored records of a usage. Some tools request new credentials at every call."""


class EvidencePath(StrEnum):
    """The kind of a CloudTrail record: those of `vocabulary.EvidencePath` that show a use of a role."""

    session_start = "session_start"
    portal = "portal"
    console = "console"
    login = "login"


@dataclass(frozen=True)
class Evidence:
    """The facts of one CloudTrail record, from the alert path.

    The user in `who` is an ID for `portal`, a session name for `session_start` and a session ARN for `console` and
    `login`, or empty.
    """

    role: str
    path: EvidencePath
    account: str
    event_id: str
    at: int
    who: str


RECENT_SECONDS = 7 * 86_400
"""Maximum age of evidence from a click."""

_AHEAD_SECONDS = 300
_AWS_SOURCE = re.compile(r"aws\.[a-z]{1,30}")

_FIELDS = {
    "role": re.compile(r"[A-Za-z0-9_+=,.@-]{1,64}"),
    "account": re.compile(r"[0-9]{12}"),
    "event id": re.compile(r"[0-9A-Za-z-]{1,36}"),
}
_TIME = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})Z")
_SESSION_ARN = re.compile(
    r"(arn:aws[a-z-]{0,20}:sts::[0-9]{12}:assumed-role/[A-Za-z0-9_+=,.@-]{1,64}/[A-Za-z0-9_+=,.@-]{1,64})?"
)
_WHO = {
    EvidencePath.portal: re.compile(r"[0-9A-Za-z-]{0,47}"),
    EvidencePath.session_start: re.compile(r"[A-Za-z0-9_+=,.@-]{0,64}"),
    EvidencePath.console: _SESSION_ARN,
    EvidencePath.login: _SESSION_ARN,
}


_NAMED_BY_ARN = (EvidencePath.console, EvidencePath.login)


def parse_evidence(value: str) -> Evidence:
    """Return the evidence in the value of an alert: `<role>|<path>|<account>|<event id>|<time>|<who>`.

    It is hostile input: the sender of a click chooses the fields. Alerts of earlier versions have an empty field first,
    which still may be in Slack; their drills had a marker in it, and are no evidence of a usage.

    Raises:
        ValueError: if a field is malformed. The text names the field, and holds nothing of its content.
    """
    fields = value.split("|")
    if len(fields) == 7 and not fields[0]:
        del fields[0]
    if len(fields) != 6:
        raise ValueError("expected six fields")
    role, path, account, event_id, time, who = fields
    for name, text in (("role", role), ("account", account), ("event id", event_id)):
        if _FIELDS[name].fullmatch(text) is None:
            raise ValueError(f"not a valid {name}")
    if path not in tuple(EvidencePath):
        raise ValueError("not a valid path")
    known = EvidencePath(path)
    if _WHO[known].fullmatch(who) is None:
        raise ValueError("not a valid user")
    return Evidence(role, known, account, event_id, _seconds(time), who)


def parse_report(event: Mapping[str, object]) -> Evidence:
    """Return the evidence in the usage recorder's input, `{"value"}` of an EventBridge event.

    The rules let only events of AWS through. A report of an earlier version, which may still be retried, has a `source`
    too: its rules let drills through, whose source is another.

    Raises:
        ValueError: if it is malformed, or has another source than AWS.
    """
    value, source = event.get("value"), event.get("source")
    if not event.keys() <= {"value", "source"} or not isinstance(value, str):
        raise ValueError("expected the key value")
    if "source" in event and not (isinstance(source, str) and _AWS_SOURCE.fullmatch(source)):
        raise ValueError("not an AWS source")
    return parse_evidence(value)


def as_click_evidence(evidence: Evidence) -> Evidence:
    """Return the evidence of a click, with an event ID that no CloudTrail record has.

    The ID is a digest of all fields, so a click with other claims about the same event has another ID.
    """
    claimed = "\n".join(
        (evidence.role, evidence.path, evidence.account, evidence.event_id, str(evidence.at), evidence.who)
    )
    return replace(evidence, event_id=f"click:{hashlib.sha256(claimed.encode()).hexdigest()[:32]}")


def is_recent(evidence: Evidence, now: int) -> bool:
    """Return true if evidence is at most seven days old, and not from the future."""
    return -_AHEAD_SECONDS <= now - evidence.at <= RECENT_SECONDS


def has_user_id(evidence: Evidence) -> bool:
    """Return true if `who` is an ID of the identity store, and not a session name."""
    return evidence.path is EvidencePath.portal


def session_name(evidence: Evidence) -> str:
    """Return the session name, or the user ID if there is no session yet."""
    return evidence.who.rpartition("/")[2] if evidence.path in _NAMED_BY_ARN else evidence.who


class UsageEvent(StrEnum):
    """An event of a usage, by its name in the audit trail."""

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
"""The state after each event; all other pairs are refused. `recorded` creates a usage."""


class UsageTransitionError(Exception):
    """An event that the usage's state does not allow; `why` is the reason for people, or empty."""

    def __init__(self, state: UsageState, event: UsageEvent, why: str = "") -> None:
        super().__init__(f"{event} is not possible for a usage that is {state}{': ' if why else ''}{why}")
        self.state = state
        self.event = event
        self.why = why


class ExplanationChangedError(UsageTransitionError):
    """The explanation has changed since the person read it."""


def next_usage_id(evidence: Evidence, user_id: str, latest: Usage | None) -> str:
    """Return the ID of the usage that a record begins, after the latest one.

    Two records of one session often arrive at the same moment, and neither finds a usage. Both derive the same ID, so
    only one can create the usage, and the other is added to it.
    """
    who = user_id or session_name(evidence)
    first = (
        "\n".join((evidence.role, evidence.account, who, latest.id if latest is not None else ""))
        if who
        else evidence.event_id
    )
    return _id(first)


def begin_usage(
    evidence: Evidence,
    user_id: str,
    due_within: int,
    request_id: str | None,
    now: int,
    latest: Usage | None = None,
    by: Actor = SYSTEM,
) -> UsageChange:
    """Create a usage from its first record.

    It is overdue `due_within` seconds after the record. `user_id` is empty if unknown, `latest` is the previous usage
    (see `next_usage_id`), and `by` is the system for the alert path.
    """
    usage = Usage(
        id=next_usage_id(evidence, user_id, latest),
        permission_set=evidence.role,
        account=evidence.account,
        user_id=user_id,
        session_name=session_name(evidence),
        first_seen=evidence.at,
        due_at=evidence.at + due_within,
        event_ids=(evidence.event_id,),
        request_id=request_id,
    )
    note = f"{evidence.path}: {session_name(evidence) or 'unknown user'}{f', under {request_id}' if request_id else ''}"
    return _recorded(usage, note, now, by)


def begin_required_usage(request: Request, due_within: int, now: int) -> UsageChange:
    """Create the usage that a broken glass requires, even if no record of it ever comes.

    It is in the first account of the request. Records there within a session's length are added to it. The same request
    always gives the same usage.
    """
    at = request.decided_at or now
    usage = Usage(
        # The ID of a usage that a record begins is a digest, so it never has this form.
        id=f"u-{request.id}",
        permission_set=request.permission_set,
        account=request.accounts[0],
        user_id=request.requester.user_id,
        session_name=request.requester_name,
        first_seen=at,
        due_at=at + due_within,
        request_id=request.id,
    )
    return _recorded(usage, f"the glass was broken, under {request.id}", now)


def is_part_of(usage: Usage, evidence: Evidence, user_id: str, session_seconds: int) -> bool:
    """Return true if a record is part of a usage; `user_id` is empty if unknown."""
    if evidence.event_id in usage.event_ids:
        return True
    if (usage.permission_set, usage.account, usage.user_id) != (
        evidence.role,
        evidence.account,
        user_id,
    ):
        return False
    if as_click_evidence(evidence).event_id in usage.event_ids:
        # A click reported it first.
        return True
    known = user_id or session_name(evidence)
    if not known or (not user_id and known != usage.session_name):
        return False
    explained_before = usage.explanation is not None and evidence.at > usage.explanation.at
    return not explained_before and abs(evidence.at - usage.first_seen) <= session_seconds


def add_evidence(usage: Usage, evidence: Evidence) -> UsageChange:
    """Add a record to a usage; a known record, and one beyond `MAXIMUM_EVENTS`, changes nothing.

    `first_seen` does not move. Otherwise records in reverse order could extend one usage without end.
    """
    if evidence.event_id in usage.event_ids or len(usage.event_ids) >= MAXIMUM_EVENTS:
        return usage, ()
    # A portal record has only an ID; a name is easier to read.
    better = (
        session_name(evidence)
        if usage.session_name in ("", usage.user_id) and session_name(evidence)
        else usage.session_name
    )
    return replace(usage, event_ids=(*usage.event_ids, evidence.event_id), session_name=better), ()


def is_made_under(request: Request, evidence: Evidence, user_id: str) -> bool:
    """Return true if a record belongs to the access of a request, even after its end.

    A session can begin until the assignment is deleted, some seconds after the recorded end.
    """
    if request.kind is not Kind.access or request.revoke_at is None or request.decided_at is None or not user_id:
        return False
    same = (request.requester.user_id, request.permission_set) == (user_id, evidence.role)
    last = min(request.revoke_at, request.closed_at or request.revoke_at) + _REVOKE_TAKES_SECONDS
    return same and evidence.account in request.accounts and request.decided_at <= evidence.at <= last


_REVOKE_TAKES_SECONDS = 300


def record_explanation(usage: Usage, explanation: Explanation, now: int) -> UsageChange:
    """Record an explanation, or a new one of the same person; the audit trail keeps both.

    Raises:
        UsageTransitionError: if it is accepted, or another person has explained it.
    """
    earlier = usage.explanation
    if earlier is not None and earlier.by.user_id != explanation.by.user_id:
        raise UsageTransitionError(usage.state, UsageEvent.explained, "another person has explained it")
    if earlier is not None and replace(earlier, at=explanation.at, by=explanation.by) == explanation:
        return usage, ()
    return _change(
        replace(usage, explanation=explanation), UsageEvent.explained, explanation.by, now, _whole(explanation)
    )


def explanation_version(explanation: Explanation) -> str:
    """Return the version of an explanation, a digest of its text, author and time."""
    return hashlib.sha256(encode(explanation).encode()).hexdigest()[:32]


def accept_explanation(usage: Usage, by: Actor, version: str, now: int) -> UsageChange:
    """Record the acceptance by a second person, who has read this `version`; repeating it changes nothing.

    Raises:
        UsageTransitionError: if it is not explained, another person has accepted it, or this person is its user
            or author.
        ExplanationChangedError: if they have read another version.
    """
    if usage.accepted_by is not None and usage.accepted_by.user_id == by.user_id:
        return usage, ()
    explainer = usage.explanation.by.user_id if usage.explanation is not None else ""
    if by.user_id in ("", usage.user_id, explainer):
        raise UsageTransitionError(usage.state, UsageEvent.accepted, "a second person has to accept it")
    if (
        usage.state is UsageState.explained
        and usage.explanation is not None
        and version != explanation_version(usage.explanation)
    ):
        raise ExplanationChangedError(usage.state, UsageEvent.accepted, "the explanation has changed")
    return _change(replace(usage, accepted_by=by, accepted_at=now), UsageEvent.accepted, by, now)


def record_reminder(usage: Usage, now: int) -> UsageChange:
    """Record a reminder.

    Raises:
        UsageTransitionError: if it is accepted.
    """
    return _change(replace(usage, reminded_at=now), UsageEvent.reminded, SYSTEM, now)


def is_overdue(usage: Usage, now: int) -> bool:
    """Return true if the explanation of a usage should be accepted by now, and is not."""
    return usage.state is not UsageState.accepted and now >= usage.due_at


def _id(facts: str) -> str:
    return f"u-{hashlib.sha256(facts.encode()).hexdigest()[:16]}"


def _recorded(usage: Usage, note: str, now: int, by: Actor = SYSTEM) -> UsageChange:
    entry = audit_usage(usage, UsageEvent.recorded, by, now, usage.state, note)
    return usage, (replace(entry, before=""),)


def _change(usage: Usage, event: UsageEvent, by: Actor, now: int, note: str = "") -> UsageChange:
    after = USAGE_TABLE.get((usage.state, event))
    if after is None:
        raise UsageTransitionError(usage.state, event)
    return replace(usage, state=after), (audit_usage(usage, event, by, now, after, note),)


def _whole(explanation: Explanation) -> str:
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
        raise ValueError("not a valid time")
    year, month, day, hour, minute, second = map(int, found.groups())
    try:
        return int(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp())
    except ValueError:
        raise ValueError("not a valid time") from None
