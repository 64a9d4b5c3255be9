"""What the channels read besides the messages of requests: the story in a thread, alarms, reminders, explanations.

Everything here is posted after it has become true, and says what happens next and who can act.

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

# --- the story in the thread -----------------------------------------------------------------------------------------


def thread_reply(entry: AuditEntry, slack_id: str | None, policy: ApprovalPolicy) -> MessageContent | None:
    """Tell one line of the audit trail in the thread of its request.

    Args:
        entry: the line; it has been written.
        slack_id: of whoever caused it, if known; the trail does not keep it.
        policy: today's.

    Returns:
        What to post; None for what the request's message or another post tells better.
    """
    told = _STORIES.get(entry.event)
    if told is None:
        return None
    line, label = told
    text = line.format(
        who=format_actor(Actor(entry.actor.user_id, entry.actor.name, slack_id)),
        rule=f", by rule {code(entry.rule)}" if entry.rule else "",
        where=phrases.format_accounts(entry.accounts, policy.accounts, most=10),
        note=code(entry.note) if entry.note.strip() else "",
        over="Nothing had been opened." if entry.before == State.approved else "It is being taken back.",
    )
    if entry.event == Event.closed:
        shown = "Whether sessions that were open are cut off is in the message above."
        sessions = phrases.describe_ended_sessions(policy, entry.permission_set, ())
        text = f"{text} {shown if policy.settings.session_policy_id is not None else sessions}"
    note = entry.note if label else ""
    return MessageContent(
        text, fit_to_limit(lambda allowance: [section(markdown(text)), *quote_excerpt(label, note, allowance, TRAIL)])
    )


_STORIES: Mapping[str, tuple[str, str]] = {
    Event.approval_given: (":white_check_mark: {who} approves{rule}. It takes more approvals.", "Their note"),
    Event.approved: (
        ":white_check_mark: Approved by {who}{rule}. The message above shows what comes of it.",
        "Their note",
    ),
    Event.denied: (":no_entry: Denied by {who}{rule}. Nothing was opened.", "Why not"),
    Event.withdrawn: (":leftwards_arrow_with_hook: {who} took the request back. Nothing was opened.", ""),
    Event.expired: (
        ":hourglass: Nobody decided in time, so the request has expired. Nothing was opened; ask again if it is still "
        "needed.",
        "",
    ),
    Event.glass_broken: (
        ":rotating_light: {who} broke the glass{rule}: nobody has approved this. The message above shows what "
        "comes of it. A post-mortem is required.",
        "Why it could not wait",
    ),
    Event.acknowledged: (":eyes: {who} is looking at it.", ""),
    Event.opened: (f":unlock: Open now in {{where}}. Start it from the access portal. {phrases.COMMAND_LINE}", ""),
    Event.failed: (":x: It failed, and nothing came of it.", "What failed"),
    Event.returned: ("{who} gives the access back. {over}", ""),
    Event.ended_early: (":octagonal_sign: {who} ended the access. {over}", "Why"),
    Event.run_out: ("The time is over. {over}", ""),
    Event.abandoned: (":warning: The workflow could not go on. {over}", "What happened"),
    Event.lengthened: ("The end was moved by {note}, which was approved.", ""),
    Event.extended: ("The end of the access was moved; its own message shows it.", ""),
    Event.closed: (":lock: Closed, and verified: this request opens nothing any more.", ""),
    GrantEvent.failed: (":x: Not opened: {where}.", "Identity Center said"),
}


# --- calls and alarms ------------------------------------------------------------------------------------------------


def mention(request: Request, mentions: Sequence[str], why: str) -> MessageContent:
    """Mention people in a request's thread.

    Args:
        request: which still waits.
        mentions: who, as `text.format_actor` calls them.
        why: a sentence of ours.
    """
    text = (
        f"{' '.join(mentions)} {why} {format_actor(request.requester)} waits for {code(request.permission_set)}. "
        "Approve or "
        f"deny it in the message above; unanswered, it expires {format_countdown(request.expires_at)}."
    )
    return MessageContent(text, [section(markdown(text))])


def undelivered_request_message(request: Request) -> MessageContent:
    """Tell whoever asked that nobody could be asked: their request has no message in the channel."""
    text = (
        f":x: Nobody could be asked about your request for {code(request.permission_set)} ({code(request.id)}), and it "
        "has failed. Nothing was opened. Phone somebody who approves, and ask again."
    )
    return MessageContent(text, [section(markdown(text)), *quote_excerpt("What failed", request.note, 600, TRAIL)])


def broken_glass_message(request: Request, policy: ApprovalPolicy, denials: Sequence[Denial] = ()) -> MessageContent:
    """Tell everybody that somebody takes access which nobody has approved.

    Args:
        request: as it is now; Slack may have been down for longer than the access lasted.
        policy: today's.
        denials: what was denied lately of what it asks for.
    """
    what = f"{code(request.permission_set)} in {phrases.format_accounts(request.accounts, policy.accounts)}"
    more = "more time with " if request.kind is Kind.extension else ""
    text = (
        f"<!channel> :rotating_light: *The glass was broken.* {format_actor(request.requester)} takes {more}{what} for "
        f"{format_duration(request.duration)}, and nobody has approved it."
    )
    facts = [f"It was broken {format_time(request.decided_at or request.created_at)}.", *_late(request)]
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
                    "*If this is right:* leave them to it. They write a post-mortem, and somebody else signs it off.\n"
                    f"*If it is not:* {_end_it(policy) if endable else 'treat it as a security incident.'}"
                )
            ),
            context(f"{code(request.id)} · asked {format_time(request.created_at)}"),
            *([actions(end_button(request))] if endable else []),
        ]

    return MessageContent(text, fit_to_limit(blocks))


def _late(request: Request) -> list[str]:
    """Say what has become of the access, where the announcement comes after its end."""
    if request.state is State.revoking:
        return ["This announcement is late: Slack did not accept it before. The access is being taken back."]
    if request.state in FINAL:
        return ["This announcement is late: Slack did not accept it before. The access is over."]
    return []


def _end_it(policy: ApprovalPolicy) -> str:
    security = f", and for {phrases.format_principals(policy.security)}" if policy.security else ""
    return f"press *End now*. That is for whoever approves for this role{security}."


def unmanaged_assignment_message(
    permission_set: str, account: str, name: str, own: bool, revoked: bool, policy: ApprovalPolicy
) -> MessageContent:
    """Tell that somebody has a break-glass role, and neither a request nor the stack file gave it to them.

    Args:
        permission_set: the role.
        account: where.
        name: who, a user or group.
        own: whether a request of theirs wanted it not long ago, so that it came late.
        revoked: whether it will be taken away.
        policy: today's.
    """
    text = (
        f":rotating_light: {code(name)} is assigned {code(permission_set)} in "
        f"{phrases.format_account(account, policy.accounts)}, and "
        + (
            "the request that made it is over: the assignment came late."
            if own
            else "neither a request nor the stack file has done that."
        )
    )
    left = "It is left as it is, as the stack file says; take it away in Identity Center if nobody needs it."
    after = "It is taken away when the search meets it again, mostly within ten minutes." if revoked else left
    ask = f"{after}\n*If nobody knows of it:* treat it as a security incident."
    return MessageContent(f"{text} {after}", [section(markdown(text)), section(markdown(ask))])


# --- explanations ----------------------------------------------------------------------------------------------------


def explanation_message(use: Usage, policy: ApprovalPolicy) -> MessageContent:
    """Show an explanation, and ask a second person to sign it off."""
    written = use.explanation
    if written is None:
        return explanation_reminder(use, policy, overdue=False)
    text = f":memo: {format_actor(written.by)} has explained {_use(use, policy)}."

    def blocks(allowance: int) -> list[Block]:
        return [
            section(markdown(text)),
            *quote_excerpt("Why it was needed", written.reason, allowance, TRAIL),
            *quote_excerpt("Incident", written.incident, allowance, TRAIL),
            *quote_excerpt("What was done", written.done, allowance, TRAIL),
            *quote_excerpt("What will be changed", written.follow_up, allowance, TRAIL),
            context(
                f"{_who_signs_off(policy)} signs it off; not {format_actor(written.by)}, and not whoever used the role."
            ),
            actions(accept_button(use)),
        ]

    return MessageContent(text, fit_to_limit(blocks))


def acceptance_message(use: Usage) -> MessageContent:
    """Say that a second person agrees."""
    by = f" by {format_actor(use.accepted_by)}" if use.accepted_by is not None else ""
    text = f":white_check_mark: Signed off{by}. Nothing is left to do about this use of {code(use.permission_set)}."
    return MessageContent(text, [section(markdown(text))])


def explanation_reminder(use: Usage, policy: ApprovalPolicy, overdue: bool) -> MessageContent:
    """Bring up again a use that nobody has explained, or whose explanation nobody has signed off.

    Args:
        use: the use.
        policy: today's.
        overdue: whether it should be done by now.
    """
    when = (
        f"That is overdue since {format_time(use.due_at)}."
        if overdue
        else f"That is due {format_countdown(use.due_at)}."
    )
    sign = ":rotating_light:" if overdue else ":bell:"
    if use.state is UsageState.explained and use.explanation is not None:
        text = (
            f"{sign} Nobody has signed off what {format_actor(use.explanation.by)} wrote about {_use(use, policy)}. "
            f"{when}"
        )
        ask = f"{_who_signs_off(policy)} signs it off: *Sign off* shows the explanation."
        return MessageContent(text, [section(markdown(text)), section(markdown(ask)), actions(accept_button(use))])
    text = f"{sign} Nobody has yet explained {_use(use, policy)}. {when}"
    ask = (
        "*If this was you:* explain it now. What was broken, and what are you going to change?\n"
        "*If nobody explains it:* treat it as a security incident."
    )
    return MessageContent(text, [section(markdown(text)), section(markdown(ask)), actions(explain_button(use))])


def explanation_digest(count: int, overdue: int) -> MessageContent:
    """Bring up uses in one message, besides those that have one of their own.

    Args:
        count: how many are not explained or not signed off.
        overdue: how many of them should be by now.
    """
    late = f" {overdue} of them {'is' if overdue == 1 else 'are'} overdue." if overdue else ""
    text = (
        f":bell: {count} more {'use' if count == 1 else 'uses'} of break-glass roles still "
        f"{'has' if count == 1 else 'have'} to be explained or signed off.{late} The Home tab of this app shows each "
        "person theirs."
    )
    return MessageContent(text, [section(markdown(text))])


def _use(use: Usage, policy: ApprovalPolicy) -> str:
    under = f", under request {code(use.request_id)}" if use.request_id is not None else ""
    where = f"{code(use.permission_set)} in {phrases.format_account(use.account, policy.accounts)}"
    return f"the use of {where} by {phrases.format_user(use)}, {format_time(use.first_seen)}{under}"


def _who_signs_off(policy: ApprovalPolicy) -> str:
    security = f" or {phrases.format_principals(policy.security)}" if policy.security else ""
    return f"Somebody who approves for this role{security}"
