"""Messages in Slack: the current message of a request, and its history in the thread.

Messages follow a written change. A message that Slack refuses changes nothing in the records: it is logged, and the
action goes on. The request then has a stale message, which the next change or the reconciler refreshes. A missing reply
in the thread is not retried: the message and the audit trail have its facts.

Non-goals: the look of messages (see `slack.messages`).
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
"""Updates of a message whose request changes meanwhile."""

STALE_MESSAGE_SECONDS = 7 * 86_400
"""Seconds after a request's creation for which its stale message is retried."""


def publish_change(context: InteractionContext, written: Change, by: Actor | None = None) -> None:
    """Show a written change in the request's message, then in its thread.

    `by` is the person who caused it, with the Slack ID, which the audit trail does not keep.
    """
    refresh_message(context, written.request.id)
    post_history(context, written.request, written.audit, by)


def refresh_message(context: InteractionContext, request_id: str) -> None:
    """Update the message of a request from the record.

    Two simultaneous updates could leave the older state in the message, so each reads the record again. If a request
    failed because its message could not be posted, the requester gets a private message.
    """
    shown, taken, request = None, True, None
    for _ in range(ATTEMPTS):
        request = context.store.request(request_id)
        if request is None or request.version == shown:
            break
        if request.message is None:
            if request.state is State.failed and request.requester.slack_id is not None:
                notified = _notify_not_asked(context, request, request.requester.slack_id)
                _set_message_stale(context, request, message_stale=not notified)
            return
        shown = request.version
        body, place = build_message(context, request), request.message
        try:
            context.slack.call("chat.update", message_arguments(body, request.id, channel=place.channel, ts=place.ts))
        except SlackError as error:
            context.log("message_refused", subject=request.id, method=error.method, error=error.error)
            # A retry can't update a message that is gone or not ours.
            taken = error.remedy is Remedy.none
            break
    if request is not None and shown is not None:
        _set_message_stale(context, request, message_stale=not taken)


def _notify_not_asked(context: InteractionContext, request: Request, slack_id: str) -> bool:
    """Tell the requester that no approver could be asked; False if that needs a retry."""
    try:
        send_message(context, request.id, slack_id, messages.undelivered_request_message(request))
    except SlackError as error:
        context.log("message_refused", subject=request.id, method=error.method, error=error.error)
        # Slack does not let the app write to this person.
        return error.remedy is Remedy.none
    return True


def _set_message_stale(context: InteractionContext, request: Request, *, message_stale: bool) -> None:
    matters = message_stale and context.clock() < request.created_at + STALE_MESSAGE_SECONDS
    if request.message_stale != matters:
        change_request(context.store, request.id, lambda read: Change(replace(read, message_stale=matters)))


def build_message(context: InteractionContext, request: Request, mentioned: Sequence[str] = ()) -> MessageContent:
    """Return the current message of a request."""
    # Only a pending request shows its approvers, so the other steps do not need the identity store.
    decision = find_decision(context, request) if request.state is State.pending else _DECIDED
    grants = context.store.grants(request.id)
    shows_denials = request.state is State.pending or request.glass
    denials = find_other_denials(context, request) if shows_denials else ()
    return request_message(request, grants, decision, context.policy, mentioned, denials)


_DECIDED = Decision(Outcome.refused, "The request is decided.")


def find_other_denials(context: InteractionContext, request: Request) -> tuple[Denial, ...]:
    """Return the recent denials of the same access by other requests."""
    denials = context.store.denials(request.requester.user_id, request.permission_set, request.accounts)
    return tuple(denial for denial in denials if denial.request_id != request.id)


def find_decision(context: InteractionContext, request: Request) -> Decision:
    """Return the approvers and terms of a request, by the current policy and groups."""
    requester = context.directory.person(request.requester.user_id)
    if requester is None:
        return Decision(
            Outcome.refused, "Identity Center does not have the requester any more, or the user is disabled."
        )
    return may_request(context.policy, requester, request.permission_set, request.accounts)


def post_history(
    context: InteractionContext, request: Request, entries: Iterable[AuditEntry], by: Actor | None = None
) -> None:
    """Post audit entries in a request's thread."""
    for entry in entries:
        slack_id = by.slack_id if by is not None and by.user_id == entry.actor.user_id else None
        body = messages.thread_reply(entry, slack_id, context.policy)
        if body is not None:
            post_reply(context, request, body)


def post_reply(context: InteractionContext, request: Request, body: MessageContent) -> bool:
    """Post in a request's thread; False if it has none, or Slack refuses the message."""
    if request.message is None:
        return False
    return post_message(context, request.id, request.message.channel, body, request.message.ts) is not None


def mention_principals(
    context: InteractionContext,
    request: Request,
    principals: Sequence[Principal],
    slack_groups: Sequence[str],
    why: str,
) -> bool:
    """Mention people and Slack user groups in a request's thread; False if Slack refuses the message."""
    who = find_mentions(context, principals, slack_groups, besides=(request.requester.user_id,))
    return not who or post_reply(context, request, messages.mention(request, who, why))


def post_message(
    context: InteractionContext, subject: str, channel: str, body: MessageContent, thread: str | None = None
) -> Message | None:
    """Post a message to a channel or a person, and return its place; None if Slack refuses it."""
    try:
        return send_message(context, subject, channel, body, thread)
    except SlackError as error:
        context.log("message_refused", subject=subject, method="chat.postMessage", error=error.error)
        return None


def post_once(
    context: InteractionContext, key: str, until: int, channel: str, body: Callable[[], MessageContent]
) -> None:
    """Post a message once until a time.

    The key is short-lived until Slack accepts the message, so the next run retries after a refusal or a crash.
    """
    if not context.store.once(key, context.clock() + _ATTEMPT_SECONDS):
        return
    if post_message(context, key, channel, body()) is not None:
        context.store.extend_once(key, until)


_ATTEMPT_SECONDS = 240
"""Less than the time between two runs of the reconciler."""


def send_message(
    context: InteractionContext, subject: str, channel: str, body: MessageContent, thread: str | None = None
) -> Message:
    """Post a message, and return its place; if Slack refuses its blocks, post text and buttons."""
    place = {"channel": channel} if thread is None else {"channel": channel, "thread_ts": thread}
    try:
        answer = context.slack.call("chat.postMessage", message_arguments(body, subject, **place))
    except SlackError as error:
        if error.error not in _UNSHOWABLE:
            raise
        context.log("blocks_refused", subject=subject, error=error.error)
        buttons = [block for block in body.blocks if block["type"] == "actions"]
        least = MessageContent(body.text, [section(markdown(shorten(body.text, LONGEST_SECTION))), *buttons])
        answer = context.slack.call("chat.postMessage", message_arguments(least, subject, **place))
    return Message(answer["channel"], answer["ts"])


_UNSHOWABLE = frozenset({"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long"})


def message_arguments(body: MessageContent, subject: str, **place: str) -> dict[str, object]:
    """Return the arguments of a call that writes a message; the metadata names its subject."""
    return {
        **place,
        "text": body.text,
        "blocks": body.blocks,
        "unfurl_links": False,
        "unfurl_media": False,
        "metadata": {"event_type": "breakglass_record", "event_payload": {"id": subject}},
    }
