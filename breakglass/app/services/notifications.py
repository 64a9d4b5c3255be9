"""Tells people in Slack what has become true: the message of a request kept up to date, and its story in the thread.

What is told is made from what was written, after it was written. That Slack does not take a notice changes nothing of
what it tells, so it is logged and goes on. A message that is behind is noted as such: the next notice, or the
reconciler, shows the newest state. What was to be told in a thread is in the message and in the trail.

Non-goals: what a message looks like (see `slack.messages`).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from breakglass.app.domain.decision import Decision, Outcome, may_request
from breakglass.app.domain.policy import Principal
from breakglass.app.domain.records import Actor, AuditEntry, Denial, Message, Request, State
from breakglass.app.domain.request_lifecycle import Change
from breakglass.app.error_codes import Remedy
from breakglass.app.ports import SlackError
from breakglass.app.services.context import InteractionContext
from breakglass.app.services.identity import find_mentions
from breakglass.app.services.optimistic_writes import change_request
from breakglass.app.slack import messages
from breakglass.app.slack.blocks import markdown, section
from breakglass.app.slack.message_content import MessageContent
from breakglass.app.slack.request_message import request_message
from breakglass.app.slack.text import LONGEST_SECTION, shorten

ATTEMPTS = 3
"""How often a message is written again because its request has changed meanwhile."""

STALE_MESSAGE_SECONDS = 7 * 86_400
"""For how long after a request was asked its message is tried again; by then Slack has deleted it, or is another."""


def publish_change(context: InteractionContext, written: Change, by: Actor | None = None) -> None:
    """Show a change that has been written: in the request's message, then in its thread.

    Args:
        context: what the function has.
        written: the change.
        by: who caused it, with their Slack id, which the audit trail does not keep.
    """
    refresh_message(context, written.request.id)
    post_history(context, written.request, written.audit, by)


def refresh_message(context: InteractionContext, request_id: str) -> None:
    """Write the message of a request anew, from the record.

    Two who write at the same time could leave the older state on the screen, so the writer reads again. Where
    there is no message since it could not be posted, whoever asked is told that in person.
    """
    shown, taken, request = None, True, None
    for _ in range(ATTEMPTS):
        request = context.store.request(request_id)
        if request is None or request.version == shown:
            break
        if request.message is None:
            if request.state is State.failed and request.requester.slack_id is not None:
                _set_message_stale(
                    context, request, message_stale=not _notify_not_asked(context, request, request.requester.slack_id)
                )
            return
        shown = request.version
        body, place = build_message(context, request), request.message
        try:
            context.slack.call("chat.update", message_arguments(body, request.id, channel=place.channel, ts=place.ts))
        except SlackError as error:
            context.log("not_told", subject=request.id, method=error.method, error=error.error)
            # A message that is gone, or is not ours, never shows anything newer.
            taken = error.remedy is Remedy.none
            break
    if request is not None and shown is not None:
        _set_message_stale(context, request, message_stale=not taken)


def _notify_not_asked(context: InteractionContext, request: Request, slack_id: str) -> bool:
    """Tell a requester that nobody could be asked; False if that is to be tried again."""
    try:
        send_message(context, request.id, slack_id, messages.undelivered_request_message(request))
    except SlackError as error:
        context.log("not_told", subject=request.id, method=error.method, error=error.error)
        # Slack does not let the app write to this person.
        return error.remedy is Remedy.none
    return True


def _set_message_stale(context: InteractionContext, request: Request, *, message_stale: bool) -> None:
    """Note whether a message is stale, unless it is too old to matter."""
    matters = message_stale and context.clock() < request.created_at + STALE_MESSAGE_SECONDS
    if request.message_stale != matters:
        change_request(context.store, request.id, lambda one: Change(replace(one, message_stale=matters)))


def build_message(context: InteractionContext, request: Request, mentioned: Sequence[str] = ()) -> MessageContent:
    """Return the message of a request as it stands."""
    # Only a request that waits shows who may decide: steps of open access do not need the identity store.
    decision = find_decision(context, request) if request.state is State.pending else _DECIDED
    grants = context.store.grants(request.id)
    shows_denials = request.state is State.pending or request.glass
    denials = find_other_denials(context, request) if shows_denials else ()
    return request_message(request, grants, decision, context.policy, mentioned, denials)


_DECIDED = Decision(Outcome.refused, "It is decided.")


def find_other_denials(context: InteractionContext, request: Request) -> tuple[Denial, ...]:
    """Return what was denied lately of what a request asks for; a denial of the request itself is in its message."""
    denials = context.store.denials(request.requester.user_id, request.permission_set, request.accounts)
    return tuple(one for one in denials if one.request_id != request.id)


def find_decision(context: InteractionContext, request: Request) -> Decision:
    """Return who approves a request under which terms, by today's policy and today's groups of the requester."""
    requester = context.directory.person(request.requester.user_id)
    if requester is None:
        return Decision(Outcome.refused, "Identity Center does not have the requester any more, or has them disabled.")
    return may_request(context.policy, requester, request.permission_set, request.accounts)


def post_history(
    context: InteractionContext, request: Request, entries: Iterable[AuditEntry], by: Actor | None = None
) -> None:
    """Tell in a request's thread what has happened to it."""
    for entry in entries:
        slack_id = by.slack_id if by is not None and by.user_id == entry.actor.user_id else None
        body = messages.thread_reply(entry, slack_id, context.policy)
        if body is not None:
            post_reply(context, request, body)


def post_reply(context: InteractionContext, request: Request, body: MessageContent) -> bool:
    """Answer in a request's thread; False if there is none, or Slack did not take it."""
    if request.message is None:
        return False
    return post_message(context, request.id, request.message.channel, body, request.message.ts) is not None


def mention_principals(
    context: InteractionContext, request: Request, principals: Sequence[Principal], why: str
) -> bool:
    """Mention people in a request's thread; False if Slack did not take it."""
    who = find_mentions(context, principals, besides=(request.requester.user_id,))
    return not who or post_reply(context, request, messages.mention(request, who, why))


def post_message(
    context: InteractionContext, subject: str, channel: str, body: MessageContent, thread: str | None = None
) -> Message | None:
    """Post a message in a channel or to a person, and say where it is; None if Slack did not take it."""
    try:
        return send_message(context, subject, channel, body, thread)
    except SlackError as error:
        context.log("not_told", subject=subject, method="chat.postMessage", error=error.error)
        return None


def post_once(
    context: InteractionContext, key: str, until: int, channel: str, body: Callable[[], MessageContent]
) -> None:
    """Post a message that is not to come again before a time.

    The claim is short until Slack has accepted it. So what Slack refuses, and what a function that dies does not post,
    is posted by the next run that finds it.

    Args:
        context: what the function has.
        key: of the claim, and what the message is about.
        until: when it may come again.
        channel: ID of the channel.
        body: makes the message.
    """
    if not context.store.once(key, context.clock() + _CLAIM_SECONDS):
        return
    if post_message(context, key, channel, body()) is not None:
        context.store.extend_once(key, until)


_CLAIM_SECONDS = 240
"""Less than the time between two runs of the reconciler."""


def send_message(
    context: InteractionContext, subject: str, channel: str, body: MessageContent, thread: str | None = None
) -> Message:
    """Post a message, and return where it is; if Slack finds fault with its blocks, only its text and buttons.

    Raises:
        SlackError: if Slack does not accept it.
    """
    place = {"channel": channel} if thread is None else {"channel": channel, "thread_ts": thread}
    try:
        answer = context.slack.call("chat.postMessage", message_arguments(body, subject, **place))
    except SlackError as error:
        if error.error not in _UNSHOWABLE:
            raise
        context.log("unshowable", subject=subject, error=error.error)
        buttons = [block for block in body.blocks if block["type"] == "actions"]
        least = MessageContent(body.text, [section(markdown(shorten(body.text, LONGEST_SECTION))), *buttons])
        answer = context.slack.call("chat.postMessage", message_arguments(least, subject, **place))
    return Message(answer["channel"], answer["ts"])


_UNSHOWABLE = frozenset({"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long"})


def message_arguments(body: MessageContent, subject: str, **place: str) -> dict[str, object]:
    """Return what a call takes that writes a message.

    Args:
        body: the message.
        subject: id of the request or use, kept in the message's metadata.
        place: `channel`, and `ts` or `thread_ts`.
    """
    return {
        **place,
        "text": body.text,
        "blocks": body.blocks,
        "unfurl_links": False,
        "unfurl_media": False,
        "metadata": {"event_type": "breakglass_record", "event_payload": {"id": subject}},
    }
