"""Channel messages besides those of requests: thread replies, alarms, reminders, explanations.

Each is posted after the fact is stored, and names the next step and the people who can act.

Non-goals: the message of a request (see `request_message`); sending (see `services.notifications`).
"""

from collections.abc import Mapping, Sequence

from breakglass.app.domain.durations import format_duration
from breakglass.app.domain.grant_lifecycle import GrantEvent
from breakglass.app.domain.policy import ApprovalPolicy
from breakglass.app.domain.records import Actor, AuditEntry, Denial, Kind, Request, State, Usage, UsageState
from breakglass.app.domain.request_lifecycle import FINAL, Event
from breakglass.app.slack import phrases
from breakglass.app.slack.blocks import Block, actions, context, header, markdown, section
from breakglass.app.slack.buttons import accept_button, end_button, explain_button
from breakglass.app.slack.message_content import TRAIL, MessageContent, fit_to_limit, quote_excerpt
from breakglass.app.slack.request_message import account_blocks
from breakglass.app.slack.text import code, format_actor, format_countdown, format_time, shorten

# --- the thread of a request -----------------------------------------------------------------------------------------


def thread_reply(entry: AuditEntry, slack_id: str | None, policy: ApprovalPolicy) -> MessageContent | None:
    """Return the reply in a request's thread for a stored audit entry, which holds no Slack ID itself.

    Returns:
        None for an event that the request's message or another post already shows.
    """
    template = _REPLIES.get(entry.event)
    if template is None:
        return None
    line, label = template
    text = line.format(
        who=format_actor(Actor(entry.actor.user_id, entry.actor.name, slack_id)),
        rule=f", by rule {code(entry.rule)}" if entry.rule else "",
        where=phrases.format_accounts(entry.accounts, policy.accounts, most=10),
        note=code(entry.note) if entry.note.strip() else "",
        over="No access had been granted." if entry.before == State.approved else "It is being revoked.",
    )
    if entry.event == Event.closed:
        shown = "The message above says which open sessions are cut off."
        sessions = phrases.describe_ended_sessions(policy, entry.permission_set, ())
        text = f"{text} {shown if policy.settings.session_policy_id is not None else sessions}"
    note = entry.note if label else ""
    return MessageContent(
        text,
        fit_to_limit(lambda allowance: [section(markdown(text)), *quote_excerpt(label, note, allowance, TRAIL)]),
    )


_REPLIES: Mapping[str, tuple[str, str]] = {
    Event.approval_given: (":white_check_mark: {who} approved{rule}. More approvals are needed.", "Their note"),
    Event.approved: (":white_check_mark: Approved by {who}{rule}. The message above shows the progress.", "Their note"),
    Event.denied: (":no_entry: Denied by {who}{rule}. No access was granted.", "Reason for the denial"),
    Event.withdrawn: (":leftwards_arrow_with_hook: {who} withdrew the request. No access was granted.", ""),
    Event.expired: (
        ":hourglass: The request has expired: no approver decided in time. No access was granted. Request it again if "
        "it is still needed.",
        "",
    ),
    Event.glass_broken: (
        ":rotating_light: {who} broke the glass{rule}: access without approval. The message above shows the progress. "
        "An explanation is required.",
        "Why it could not wait",
    ),
    Event.acknowledged: (":eyes: Acknowledged by {who}.", ""),
    Event.opened: (
        f":unlock: Access is active in {{where}}. Start it from the access portal. {phrases.COMMAND_LINE}",
        "",
    ),
    Event.failed: (":x: The request failed and changed nothing.", "What failed"),
    Event.returned: ("{who} ended their access. {over}", ""),
    Event.ended_early: (":octagonal_sign: {who} ended the access. {over}", "Reason for ending"),
    Event.run_out: ("The time is over. {over}", ""),
    Event.abandoned: (":warning: The workflow failed. {over}", "What happened"),
    Event.lengthened: ("The end was moved by the approved extension {note}.", ""),
    Event.extended: ("The end of the access was moved; its own message shows it.", ""),
    Event.closed: (":lock: Closed, and verified: this request grants no access any more.", ""),
    GrantEvent.failed: (":x: Not granted: {where}.", "Identity Center said"),
}


# --- mentions and alarms ---------------------------------------------------------------------------------------------


def mention(request: Request, mentions: Sequence[str], why: str) -> MessageContent:
    """Return a reply that mentions people in the thread of a pending request, with one safe sentence."""
    text = (
        f"{' '.join(mentions)} {why} {format_actor(request.requester)} waits for {code(request.permission_set)}. "
        f"Approve or deny it in the message above. Without an answer it expires {format_countdown(request.expires_at)}."
    )
    return MessageContent(text, [section(markdown(text))])


def undelivered_request_message(request: Request) -> MessageContent:
    """Return the message for a requester whose request could not be posted in the channel."""
    text = (
        f":x: Your request for {code(request.permission_set)} ({code(request.id)}) has failed: it could not be posted "
        "in the channel, so no approver saw it. No access was granted. Phone an approver, then request it again."
    )
    return MessageContent(text, [section(markdown(text)), *quote_excerpt("What failed", request.note, 600, TRAIL)])


def broken_glass_message(request: Request, policy: ApprovalPolicy, denials: Sequence[Denial] = ()) -> MessageContent:
    """Return the announcement of access without approval, which may be late if Slack was down."""
    what = f"{code(request.permission_set)} in {phrases.format_accounts(request.accounts, policy.accounts)}"
    more = "more time with " if request.kind is Kind.extension else ""
    text = (
        f"<!channel> :rotating_light: *The glass was broken.* {format_actor(request.requester)} takes {more}{what} for "
        f"{format_duration(request.duration)}, without approval."
    )
    facts = [f"The glass was broken {format_time(request.decided_at or request.created_at)}.", *_late(request)]
    endable = request.state in (State.approved, State.granting, State.active)

    def blocks(allowance: int) -> list[Block]:
        return [
            header(f":rotating_light: Glass broken: {shorten(request.permission_set, 64)}"),
            section(markdown(text)),
            section(markdown("\n".join([*facts, *phrases.describe_denials(denials, None, policy.accounts)]))),
            *account_blocks(request, (), policy, allowance),
            *quote_excerpt("Reason", request.reason, allowance, TRAIL),
            *quote_excerpt("Why it could not wait", request.justification, allowance, TRAIL),
            section(
                markdown(
                    "*If this is right:* let them work. They explain it afterwards, and a second person accepts the "
                    "explanation.\n"
                    f"*If it is not:* {_end_it(policy) if endable else 'treat it as a security incident.'}"
                )
            ),
            context(f"{code(request.id)} · requested {format_time(request.created_at)}"),
            *([actions(end_button(request))] if endable else []),
        ]

    return MessageContent(text, fit_to_limit(blocks))


def _late(request: Request) -> list[str]:
    """Return the state of the access if the announcement comes after its end."""
    if request.state is State.revoking:
        return ["This announcement is late, because Slack did not accept it before. The access is being revoked."]
    if request.state in FINAL:
        return ["This announcement is late, because Slack did not accept it before. The access is over."]
    return []


def _end_it(policy: ApprovalPolicy) -> str:
    security = f", and {phrases.format_principals(policy.security)}" if policy.security else ""
    return f"press *End now*. The approvers for this role{security} may do that."


def unmanaged_assignment_message(
    permission_set: str, account: str, name: str, own: bool, revoked: bool, policy: ApprovalPolicy
) -> MessageContent:
    """Return the alarm for an assignment that neither a request nor the stack file made.

    `own` is true if a recent request of the same user made it late, and `revoked` if it will be revoked.
    """
    text = (
        f":rotating_light: {code(name)} is assigned {code(permission_set)} in "
        f"{phrases.format_account(account, policy.accounts)}, and "
        + (
            "the request that made it is over: the assignment came late."
            if own
            else "neither a request nor the stack file made that assignment."
        )
    )
    left = "It stays, as the stack file says. Remove it in Identity Center if it is not needed."
    after = "It is revoked when the search meets it again, usually within ten minutes." if revoked else left
    ask = f"{after}\n*If it is unexpected:* treat it as a security incident."
    return MessageContent(f"{text} {after}", [section(markdown(text)), section(markdown(ask))])


# --- explanations ----------------------------------------------------------------------------------------------------


def explanation_message(usage: Usage, policy: ApprovalPolicy) -> MessageContent:
    """Return the message that shows an explanation and asks a second person to accept it."""
    explanation = usage.explanation
    if explanation is None:
        return explanation_reminder(usage, policy, overdue=False)
    text = f":memo: {format_actor(explanation.by)} has explained {_usage(usage, policy)}."
    asks = f"{_who_accepts(policy)} accepts it; not {format_actor(explanation.by)}, and not the user of the role."

    def blocks(allowance: int) -> list[Block]:
        return [
            section(markdown(text)),
            *quote_excerpt("Why it was needed", explanation.reason, allowance, TRAIL),
            *quote_excerpt("Incident", explanation.incident, allowance, TRAIL),
            *quote_excerpt("What was done", explanation.done, allowance, TRAIL),
            *quote_excerpt("What will be changed", explanation.follow_up, allowance, TRAIL),
            context(asks),
            actions(accept_button(usage)),
        ]

    return MessageContent(text, fit_to_limit(blocks))


def acceptance_message(usage: Usage) -> MessageContent:
    """Return the message that a second person has accepted the explanation."""
    by = f" by {format_actor(usage.accepted_by)}" if usage.accepted_by is not None else ""
    text = f":white_check_mark: Explanation accepted{by}. This usage of {code(usage.permission_set)} is closed."
    return MessageContent(text, [section(markdown(text))])


def explanation_reminder(usage: Usage, policy: ApprovalPolicy, overdue: bool) -> MessageContent:
    """Return the reminder of a usage that is not explained, or whose explanation is not accepted."""
    when = f"Overdue since {format_time(usage.due_at)}." if overdue else f"Due {format_countdown(usage.due_at)}."
    sign = ":rotating_light:" if overdue else ":bell:"
    if usage.state is UsageState.explained and usage.explanation is not None:
        by = format_actor(usage.explanation.by)
        text = f"{sign} The explanation by {by} of {_usage(usage, policy)} is not accepted yet. {when}"
        ask = f"{_who_accepts(policy)} accepts it: *Accept* shows the explanation first."
        answer = accept_button(usage)
    else:
        text = f"{sign} Not explained yet: {_usage(usage, policy)}. {when}"
        ask = (
            "*If this was you:* explain it now. What was broken, and what are you going to change?\n"
            "*If it stays unexplained:* treat it as a security incident."
        )
        answer = explain_button(usage)
    return MessageContent(text, [section(markdown(text)), section(markdown(ask)), actions(answer)])


def explanation_digest(count: int, overdue: int) -> MessageContent:
    """Return one reminder of the usages without their own, with the number that are overdue."""
    late = f" {overdue} of them {'is' if overdue == 1 else 'are'} overdue." if overdue else ""
    text = (
        f":bell: {count} more {'usage' if count == 1 else 'usages'} of break-glass roles still "
        f"{'needs' if count == 1 else 'need'} an accepted explanation.{late} Each person's Home tab of this app lists "
        "theirs."
    )
    return MessageContent(text, [section(markdown(text))])


def _usage(usage: Usage, policy: ApprovalPolicy) -> str:
    under = f", under request {code(usage.request_id)}" if usage.request_id is not None else ""
    where = f"{code(usage.permission_set)} in {phrases.format_account(usage.account, policy.accounts)}"
    return f"the usage of {where} by {phrases.format_user(usage)}, {format_time(usage.first_seen)}{under}"


def _who_accepts(policy: ApprovalPolicy) -> str:
    security = f" or {phrases.format_principals(policy.security)}" if policy.security else ""
    return f"An approver for this role{security}"
