"""Stored records: requests, grants, usages and audit entries.

They are frozen. A change makes a new value (`dataclasses.replace`), and the store writes it only if no other write came
between (`version`). Texts of people are stored whole, as typed.

Non-goals: allowed changes (see the lifecycle modules); storage (see `aws.dynamodb`).
"""

from dataclasses import dataclass
from enum import StrEnum

from breakglass.app.domain.message import Message

LONGEST_NAME = 100
"""Maximum length of a stored name; Identity Center accepts 1,024 characters."""

LONGEST_FAILURE = 500
"""Maximum length of a stored failure reason of Identity Center."""

LONGEST_ID = 64
"""Maximum length of an ID; a longer one from outside names no record."""

DENIALS_KEPT_SECONDS = 7 * 86_400
"""Lifetime of a stored denial; `withoutApproval.notAfterDenial` is at most as long."""


class Kind(StrEnum):
    """The kind of a request."""

    access = "access"
    extension = "extension"


class State(StrEnum):
    """The state of a request."""

    pending = "pending"  # waits for approvers
    approved = "approved"  # decided; no assignment yet
    granting = "granting"  # the end is recorded; assignments are being created
    active = "active"  # access in at least one account
    revoking = "revoking"  # assignments are being deleted
    ended = "ended"  # all assignments verified as deleted (an extension: the parent's end was moved)
    denied = "denied"
    expired = "expired"
    withdrawn = "withdrawn"
    failed = "failed"  # no access in any account; started grants are revoked


class GrantState(StrEnum):
    """The state of a grant."""

    planned = "planned"  # `revoke_at` is recorded; Identity Center is not called yet
    granting = "granting"
    granted = "granted"
    failed = "failed"  # not created, and verified as absent
    revoking = "revoking"
    revoked = "revoked"  # verified as deleted, or left to another holder


class UsageState(StrEnum):
    """The state of a usage's explanation."""

    unexplained = "unexplained"
    explained = "explained"
    accepted = "accepted"


@dataclass(frozen=True)
class Actor:
    """A person or the system, as records name them. IDs decide; names are only shown.

    Attributes:
        user_id: ID in the identity store; empty for the system.
        name: display name at the time; "break-glass" for the system.
    """

    user_id: str
    name: str
    slack_id: str | None = None


SYSTEM = Actor("", "break-glass")
"""The workflow and the reconciler."""


@dataclass(frozen=True)
class Approval:
    """One person's approval."""

    by: Actor
    at: int
    rule: str
    note: str = ""


@dataclass(frozen=True)
class ChannelNotice:
    """The announcement of a broken glass in one channel.

    Attributes:
        message: its address, once Slack has accepted it.
        failure: Slack's last error code before that.
    """

    channel: str
    message: Message | None = None
    failure: str = ""


@dataclass(frozen=True)
class Announcement:
    """The announcements, the explanation and the page that a broken glass requires.

    Attributes:
        explanation_required: true once the usage to be explained is recorded.
        paged: true once the metric is written whose alarm pages. Records of earlier versions require no page.
    """

    channels: tuple[ChannelNotice, ...]
    explanation_required: bool = False
    paged: bool = True

    @property
    def missing(self) -> tuple[ChannelNotice, ...]:
        """The announcements that Slack has not accepted."""
        return tuple(notice for notice in self.channels if notice.message is None)

    @property
    def is_complete(self) -> bool:
        """True if nothing is left to do."""
        return self.explanation_required and self.paged and not self.missing


@dataclass(frozen=True)
class Denial:
    """A denial, stored beside its request."""

    request_id: str
    user_id: str
    permission_set: str
    accounts: tuple[str, ...]
    by: Actor
    at: int


@dataclass(frozen=True)
class Request:
    """A request for access, or an extension, whose `parent` is the request to extend.

    Times are in seconds since 1970, durations in seconds.

    Attributes:
        id: e.g. `r-0f3a…`, derived from facts that occur once, so that a repeated delivery makes no second request.
        requester_name: their user name in Identity Center, which is the session name of their roles.
        accounts: account IDs; each has a grant of its own.
        ticket: as typed; empty if none is needed.
        rule: name of the governing rule at the time of the request.
        required: approvals needed at the time of the request; the decision uses the current policy.
        version: number of writes; 0 is not stored yet.
        parent: of an extension, the request to extend.
        decided_at: time of the last approval needed, or of the broken glass; an extension counts from there.
        closed_by: the person who denied, withdrew or ended it.
        note: reason of a denial or an end, as typed; or the failure.
        glass: true for access without approval.
        announcement: of a broken glass.
        revoke_at: latest end of the access, recorded before anything is granted.
        token: task token of the workflow's wait, if it waits.
        message_stale: true if the message shows an older state, because Slack refused a newer one.
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
    """The assignment of one request in one account.

    Attributes:
        revoke_at: time at which it has to be deleted, in seconds since 1970.
        version: number of writes; 0 is not stored yet.
        operation: Identity Center's ID of the pending creation or deletion.
        deny_until: end of the Deny for live sessions, if there is one.
        asked_at: time of the last call to create it, while the outcome is unknown.
        set_arn: ARN of the permission set, which may have left the stack file since; empty in older grants.
        made: true once Identity Center has confirmed or listed the assignment.
        absent_at: time of the first list without it, while that is not confirmed.
        deny_failure: why the Deny could not be written; empty if it was.
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
    """The explanation of a usage, as typed.

    Attributes:
        incident: link to the incident; may be empty.
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
    """A recorded use of a break-glass role: one session of one person, with any number of CloudTrail records.

    Attributes:
        id: e.g. `u-0f3a…`.
        user_id: ID in the identity store; empty if unknown.
        session_name: as CloudTrail names the user; only shown.
        first_seen: time of its first known record, in seconds since 1970.
        due_at: time from which it is overdue without an accepted explanation.
        version: number of writes; 0 is not stored yet.
        event_ids: CloudTrail event IDs that belong to it.
        thread: the alert whose thread shows the explanation.
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
    """One line of the audit trail; never changed or deleted.

    Attributes:
        subject: ID of the request or usage.
        event: e.g. `approved`, `denied`, `granted`, `usage_explained`.
        note: as typed, or the failure.
        before: state before; empty at the beginning.
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
