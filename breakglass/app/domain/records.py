"""What is kept: requests, grants, uses and the audit trail.

Frozen values; a change makes a new one (`dataclasses.replace`), and the store writes it only if nobody else has written
in between (`version`). Texts of people are kept whole, as they were typed.

Non-goals: which change is allowed (see `request_lifecycle`), and how a record is stored (see `aws.dynamodb`).
"""

from dataclasses import dataclass
from enum import StrEnum

from breakglass.app.domain.message import Message

LONGEST_NAME = 100
"""Characters of a name that are kept: names are for reading, and Identity Center takes 1,024."""

LONGEST_FAILURE = 500
"""Characters of what Identity Center says of a failure that are kept."""

LONGEST_ID = 64
"""Characters of an id at most; what is longer, and came from outside, is none."""

DENIALS_KEPT_SECONDS = 7 * 86_400
"""How long a denial is remembered; `withoutApproval.notAfterDenial` is at most as long."""


class Kind(StrEnum):
    """What a request asks for."""

    access = "access"
    extension = "extension"


class State(StrEnum):
    """Where a request stands."""

    pending = "pending"  # waits for people
    approved = "approved"  # decided, nothing done yet
    granting = "granting"  # the end is recorded; assignments are being made
    active = "active"  # at least one account is open
    revoking = "revoking"  # being taken back
    ended = "ended"  # verified gone (an extension: the parent's end was moved)
    denied = "denied"
    expired = "expired"  # nobody answered
    withdrawn = "withdrawn"  # the requester no longer wants it
    failed = "failed"  # no account could be opened; whatever was begun is taken back


class GrantState(StrEnum):
    """Where the assignment in one account stands."""

    planned = "planned"  # `revoke_at` is recorded; nothing asked of Identity Center
    granting = "granting"
    granted = "granted"
    failed = "failed"  # could not be made, and verified not to be there
    revoking = "revoking"
    revoked = "revoked"  # verified gone, or left to another holder


class UsageState(StrEnum):
    """Where the explanation of a use stands."""

    unexplained = "unexplained"
    explained = "explained"
    accepted = "accepted"


@dataclass(frozen=True)
class Actor:
    """Who did something, as it is kept: ids decide, names are for reading.

    Attributes:
        user_id: id in the identity store; empty for the system itself.
        name: display name at the time; "break-glass" for the system itself.
        slack_id: Slack user id, if they came by Slack.
    """

    user_id: str
    name: str
    slack_id: str | None = None


SYSTEM = Actor("", "break-glass")
"""The workflow and the reconciler."""


@dataclass(frozen=True)
class Approval:
    """One person's yes.

    Attributes:
        by: who.
        at: when, in seconds since 1970.
        rule: the rule that entitled them.
        note: what they added, if anything.
    """

    by: Actor
    at: int
    rule: str
    note: str = ""


@dataclass(frozen=True)
class ChannelNotice:
    """The announcement of a broken glass in one channel.

    Attributes:
        channel: ID of the channel.
        message: the announcement, once Slack has accepted it.
        failure: Slack's last error code, until then.
    """

    channel: str
    message: Message | None = None
    failure: str = ""


@dataclass(frozen=True)
class Announcement:
    """The duties of a broken glass: an announcement in every channel, and an explanation.

    Attributes:
        channels: each channel that has to hear of it.
        explanation_required: whether the use that has to be explained is recorded.
    """

    channels: tuple[ChannelNotice, ...]
    explanation_required: bool = False

    @property
    def missing(self) -> tuple[ChannelNotice, ...]:
        """The channels in which Slack has not accepted it yet."""
        return tuple(one for one in self.channels if one.message is None)

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left to be done."""
        return self.explanation_required and not self.missing


@dataclass(frozen=True)
class Denial:
    """A denied request, as it is remembered beside the request.

    Attributes:
        request_id: the request that was denied.
        user_id: the person who made it.
        permission_set: name of the set.
        accounts: account ids.
        by: the person who denied it.
        at: when, in seconds since 1970.
    """

    request_id: str
    user_id: str
    permission_set: str
    accounts: tuple[str, ...]
    by: Actor
    at: int


@dataclass(frozen=True)
class Request:
    """A request for access, or for more time (then `parent` is the request whose end is to be moved).

    Times are in seconds since 1970, durations in seconds.

    Attributes:
        id: e.g. `r-0f3a…`; made of what happens once only, so that a repeated delivery makes no second request.
        kind: what is asked for.
        requester: who asks.
        requester_name: their user name in Identity Center, the session name of their roles.
        permission_set: name of the break-glass set.
        accounts: account ids; each is granted and taken back on its own.
        duration: how long, from the decision.
        reason: why, as typed.
        ticket: as typed; empty if none was asked for.
        rule: name of the governing rule when it was asked.
        required: approvals needed when it was asked; the decision takes today's policy.
        created_at: when it was asked.
        expires_at: when it expires unanswered.
        state: where it stands.
        version: counts the writes; 0 is not stored yet.
        parent: of an extension, the request it extends.
        approvals: who said yes so far.
        decided_at: when the last approval needed was given, or the glass broken; an extension counts from there.
        acknowledged_by: who said that they are looking.
        acknowledged_at: when the last of them said so.
        closed_by: who denied, withdrew or ended it.
        closed_at: when.
        note: of a denial or an end: why, as typed; of a failure: what failed.
        glass: whether the glass was broken: access without approval.
        justification: the second justification of a broken glass.
        announcement: of a broken glass, which of its duties are done.
        revoke_at: when the access ends at the latest; recorded before anything is granted.
        escalated: whether `escalate` has been mentioned.
        reminded_at: when it was last brought up again.
        message: the approvers' message.
        token: task token of the workflow's wait, if it waits.
        message_stale: whether the message shows an older state, since Slack did not take a newer one.
    """

    id: str
    kind: Kind
    requester: Actor
    requester_name: str
    permission_set: str
    accounts: tuple[str, ...]
    duration: int
    reason: str
    ticket: str
    rule: str
    required: int
    created_at: int
    expires_at: int
    state: State = State.pending
    version: int = 0
    parent: str | None = None
    approvals: tuple[Approval, ...] = ()
    decided_at: int | None = None
    acknowledged_by: tuple[Actor, ...] = ()
    acknowledged_at: int | None = None
    closed_by: Actor | None = None
    closed_at: int | None = None
    note: str = ""
    glass: bool = False
    justification: str = ""
    announcement: Announcement | None = None
    revoke_at: int | None = None
    escalated: bool = False
    reminded_at: int | None = None
    message: Message | None = None
    token: str | None = None
    message_stale: bool = False


@dataclass(frozen=True)
class Access:
    """One assignment: a person, a permission set, an account."""

    user_id: str
    permission_set: str
    account: str


@dataclass(frozen=True)
class Grant:
    """The assignment that one request causes in one account.

    Attributes:
        request_id: of the request.
        access: the assignment.
        state: where it stands.
        revoke_at: when it has to be gone, in seconds since 1970.
        version: counts the writes; 0 is not stored yet.
        operation: Identity Center's id of the creation or deletion under way.
        failure: what Identity Center said if it failed.
        deny_until: until when a Deny ends the sessions that live on, if it is on.
        asked_at: when Identity Center was last asked to make it, as long as it isn't known what came of that.
        set_arn: ARN of the permission set, which may have left the stack file since; empty in grants of older versions.
        made: whether Identity Center has said that the assignment was made, or has listed it.
        absent_at: since when the list has lacked it, as far as that is still to be confirmed.
        deny_failure: why the Deny that `deny_until` is about could not be written; empty if it was.
    """

    request_id: str
    access: Access
    state: GrantState
    revoke_at: int
    version: int = 0
    operation: str | None = None
    failure: str = ""
    deny_until: int | None = None
    asked_at: int | None = None
    set_arn: str = ""
    made: bool = False
    absent_at: int | None = None
    deny_failure: str = ""


@dataclass(frozen=True)
class Explanation:
    """What somebody wrote about a use, as typed.

    Attributes:
        by: who.
        at: when, in seconds since 1970.
        reason: why the access was needed.
        incident: link to the incident; may be empty.
        done: what was done.
        follow_up: what will be changed; may be empty.
    """

    by: Actor
    at: int
    reason: str
    incident: str
    done: str
    follow_up: str


@dataclass(frozen=True)
class Usage:
    """A use of a break-glass role that has to be explained: one session of one person, however many records it leaves.

    Attributes:
        id: e.g. `u-0f3a…`.
        permission_set: name of the set (or of a watched role).
        account: where.
        user_id: who, if the identity store knows them; else empty.
        session_name: who, as CloudTrail has it; for people to read.
        first_seen: time of the record that made it known, in seconds since 1970.
        due_at: when it is overdue if it is not explained and signed off by then.
        state: where its explanation stands.
        version: counts the writes; 0 is not stored yet.
        event_ids: CloudTrail event ids that belong to it.
        request_id: the request it was made under, if there was one.
        explanation: what was written.
        accepted_by: the second person.
        accepted_at: when.
        thread: the alert in whose thread the explanation is posted.
        reminded_at: when it was last brought up again.
    """

    id: str
    permission_set: str
    account: str
    user_id: str
    session_name: str
    first_seen: int
    due_at: int
    state: UsageState = UsageState.unexplained
    version: int = 0
    event_ids: tuple[str, ...] = ()
    request_id: str | None = None
    explanation: Explanation | None = None
    accepted_by: Actor | None = None
    accepted_at: int | None = None
    thread: Message | None = None
    reminded_at: int | None = None


@dataclass(frozen=True)
class AuditEntry:
    """One line of the audit trail; never changed, never deleted.

    Attributes:
        at: when, in seconds since 1970.
        subject: id of the request or use.
        event: what happened, e.g. `approved`, `denied`, `granted`, `usage_explained`.
        actor: who caused it.
        permission_set: name of the set; empty if there is none to name.
        accounts: which accounts it is about.
        rule: the rule it was decided by; empty if none.
        note: why, as typed by people, or what failed.
        before: state before, empty at the beginning.
        after: state after.
    """

    at: int
    subject: str
    event: str
    actor: Actor
    permission_set: str
    accounts: tuple[str, ...]
    rule: str
    note: str
    before: str
    after: str
