"""What the section `approvals` is made of, as arguments of components.

The models beside it are in `breakglass.stack_file.approvals`; they have the same keys.

Non-goals: the component (see `breakglass.components.approvals.approvals`).
"""

from typing import NotRequired, TypedDict

from breakglass.app.domain.policy import UnmanagedAssignments
from breakglass.stack_file.approvals import DeniedAction


class PrincipalArgs(TypedDict):
    """A group or a user of the identity store: exactly one of the four keys."""

    group: NotRequired[str]
    """The display name of a group in the identity store. Who is in it is asked at every decision."""
    group_id: NotRequired[str]
    """The id of a group in the identity store."""
    user: NotRequired[str]
    """The user name of a user in the identity store."""
    user_id: NotRequired[str]
    """The id of a user in the identity store."""


class WithoutApprovalArgs(TypedDict):
    """Breaking the glass: the requester takes access that nobody has approved, and everybody is told."""

    after: str
    """After how long without an answer, ISO 8601; `PT0S` for at once."""
    not_after_denial: NotRequired[str]
    """For how long a denial forbids it to the same person, set and account, ISO 8601; `PT12H` by default."""


class EscalationArgs(TypedDict):
    """Who is mentioned if nobody answers."""

    after: str
    """After how long without an answer, ISO 8601."""
    ping: list[PrincipalArgs]
    """Who is mentioned then. It gives nobody the right to approve."""


class ApprovalRuleArgs(TypedDict):
    """Who may request which break-glass sets in which accounts, who approves, and under what terms."""

    name: str
    """What every decision by this rule is recorded with."""
    sets: list[str]
    """Names of break-glass permission sets of this stack."""
    accounts: list[str]
    """Account ids."""
    requesters: list[PrincipalArgs]
    """Who may request."""
    approvers: list[PrincipalArgs]
    """Who may approve; nobody ever approves their own request."""
    approvals: NotRequired[int]
    """How many different people have to approve; 1 by default. Of several rules that match, the most approvals hold."""
    maximum_duration: NotRequired[str]
    """How long access may last from the moment it is approved, ISO 8601; `PT1H` by default, at most `PT12H`."""
    default_duration: NotRequired[str]
    """What the form proposes; an hour by default, or `maximum_duration` if that is shorter."""
    request_expiry: NotRequired[str]
    """After how long an unanswered request expires, ISO 8601; `PT30M` by default."""
    ticket_pattern: NotRequired[str]
    """A regular expression that the whole ticket has to match; without it no ticket is asked for."""
    without_approval: NotRequired[WithoutApprovalArgs]
    """Whether the requester may break the glass if nobody answers, and when; never without this key."""
    ping: NotRequired[list[PrincipalArgs]]
    """Who is mentioned at once. It gives nobody the right to approve."""
    escalate: NotRequired[EscalationArgs]
    """Who is mentioned if nobody answers."""
    quiet_accounts: NotRequired[list[str]]
    """Accounts of this rule for which nobody is mentioned, unless the glass is broken."""
    risk_banner: NotRequired[str]
    """What whoever decides is shown above the buttons."""


class DenyRuleArgs(TypedDict):
    """What nobody may, whatever a rule allows."""

    name: str
    """What every refusal by this rule is recorded with."""
    reason: str
    """Why; told to whoever is refused."""
    actions: list[DeniedAction]
    """What is forbidden."""
    sets: NotRequired[list[str]]
    """For which break-glass sets; for all of them by default."""
    accounts: NotRequired[list[str]]
    """In which accounts; in all of them by default."""
    principals: NotRequired[list[PrincipalArgs]]
    """Whom it hits; everybody by default."""


class ApprovalSettingsArgs(TypedDict):
    """The approval workflow in Slack: access to the break-glass sets is requested, decided, and ends."""

    channel: str
    """The ID of the channel where requests are decided. The Slack app must be a member of it."""
    second_channel: NotRequired[str]
    """The ID of the channel that is told as well when the glass is broken; needed with `without_approval`."""
    signing_secret_name: NotRequired[str]
    """The name of an existing secret with the signing secret; one is made of `slack_signing_secret` by default."""
    people: NotRequired[dict[str, str]]
    """Slack user id -> user name in Identity Center, for people whose e-mail address differs between the two, is not
    confirmed in Slack (single sign-on) or is hidden there. It pins them: an address makes no other Slack user them.
    Of the two ids in an Enterprise Grid, `U...` and `W...`, either is enough."""
    security: NotRequired[list[PrincipalArgs]]
    """Who may end any access, and read the whole history."""
    rules: list[ApprovalRuleArgs]
    """Who may request what, and who approves."""
    denies: NotRequired[list[DenyRuleArgs]]
    """What nobody may, whatever a rule allows."""
    explain_within: NotRequired[str]
    """After how long a use that nobody has explained is overdue, ISO 8601; `PT24H` by default."""
    remind_every: NotRequired[str]
    """How often an unanswered request, or a use that nobody has explained, is brought up again; `PT4H` by default."""
    end_sessions: NotRequired[bool]
    """Whether live sessions end with the access, by a service control policy on the accounts; False by default.

    Needs the right to make such a policy: the organisation's management account has it. The management account's own
    sessions are bound by no service control policy, so they live on all the same.
    """
    unrecorded_assignments: NotRequired[UnmanagedAssignments]
    """What becomes of an assignment of a break-glass set that neither a request nor this stack made; reported by
    default."""
    protect_records: NotRequired[bool]
    """Whether AWS refuses to delete the table with the records and the audit trail; True by default. To destroy a
    stack, write False, deploy that, and only then destroy."""
