"""The announcements of access without approval, in every channel, and the page and the explanation that it requires.

All are written with the decision, and recorded once they are done. Steps of the workflow and the reconciler retry
missing ones in any state of the request. A second announcement is better than none. A page is a metric with an alarm,
so a repeated one within the alarm's period pages no second time.

Non-goals: authorizing access without approval (see `domain.decision`).
"""

from breakglass.app.domain import request_lifecycle
from breakglass.app.domain.policy import ApprovalPolicy
from breakglass.app.domain.records import Request
from breakglass.app.domain.request_lifecycle import Change
from breakglass.app.error_codes import SLACK_TRANSIENT
from breakglass.app.ports import SlackError
from breakglass.app.services import notifications, usage_reviews
from breakglass.app.services.context import InteractionContext
from breakglass.app.services.optimistic_writes import change_request
from breakglass.app.slack import messages

ALARM_SECONDS = 300
"""Seconds for which an announcement may be missing before the metric counts it."""

BROKEN_GLASS = "BrokenGlass"
"""The metric whose alarm pages."""


def announcement_channels(policy: ApprovalPolicy) -> tuple[str, ...]:
    """Return the IDs of the channels for announcements."""
    both = policy.settings.channel, policy.settings.second_channel
    return tuple(channel for channel in dict.fromkeys(both) if channel is not None)


def complete_announcement(context: InteractionContext, request: Request) -> Request:
    """Page, require the explanation, post the missing announcements, and return the request."""
    if request.announcement is None or request.announcement.is_complete:
        return request
    if not request.announcement.paged:
        context.count(BROKEN_GLASS)
        request = change_request(context.store, request.id, request_lifecycle.record_page).request
    required = request.announcement is None or request.announcement.explanation_required
    if not required and usage_reviews.require_explanation(context, request):
        request = change_request(context.store, request.id, request_lifecycle.require_explanation).request
    channels = announcement_channels(context.policy)
    request = change_request(
        context.store, request.id, lambda read: request_lifecycle.update_announcement_channels(read, channels)
    ).request
    for notice in request.announcement.missing if request.announcement is not None else ():
        request = _announce_in(context, request, notice.channel)
        if _failure(request, notice.channel) in SLACK_TRANSIENT:
            # The other channel would only take more time; a retry comes.
            break
    return request


def retry_announcement(context: InteractionContext, request_id: str) -> Request | None:
    """Complete the announcement, refresh the request's message, and return the request."""
    before = context.store.request(request_id)
    if before is None:
        return None
    request = complete_announcement(context, before)
    if request.announcement != before.announcement and request.message is not None:
        notifications.refresh_message(context, request_id)
    return request


def is_overdue(request: Request, now: int) -> bool:
    """Return whether an announcement or its explanation is overdue."""
    if request.announcement is None or request.announcement.is_complete:
        return False
    return now >= (request.decided_at or request.created_at) + ALARM_SECONDS


def _announce_in(context: InteractionContext, request: Request, channel: str) -> Request:
    body = messages.broken_glass_message(request, context.policy, notifications.find_other_denials(context, request))
    try:
        message = notifications.send_message(context, request.id, channel, body)
    except SlackError as error:
        context.log("announcement_refused", request=request.id, channel=channel, error=error.error)
        failure = error.error
        return change_request(
            context.store,
            request.id,
            lambda read: request_lifecycle.record_announcement_failure(read, channel, failure),
        ).request

    def announced(read: Request) -> Change:
        return request_lifecycle.record_announcement(read, channel, message, context.clock())

    return change_request(context.store, request.id, announced).request


def _failure(request: Request, channel: str) -> str:
    missing = request.announcement.missing if request.announcement is not None else ()
    return next((notice.failure for notice in missing if notice.channel == channel), "")
