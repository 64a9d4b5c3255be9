"""Extensions: requests that move the end of another request while its access lasts.

Non-goals: requesting one (see `requests`), and deciding on it (see `reviews`).
"""

from breakglass.app.domain import request_lifecycle
from breakglass.app.domain.records import Kind, Request, State
from breakglass.app.domain.request_lifecycle import FINAL, Change, RequestTransitionError
from breakglass.app.services import notifications
from breakglass.app.services.context import InteractionContext
from breakglass.app.services.optimistic_writes import change_request


def apply_extension(context: InteractionContext, extension: Request) -> None:
    """Move the end of the extended access; if the access is over, fail the extension."""

    def lengthened(parent: Request) -> Change:
        return request_lifecycle.extend(parent, context.store.grants(parent.id), extension, context.clock())

    try:
        moved = change_request(context.store, extension.parent or "", lengthened)
    except RequestTransitionError:
        _fail(context, extension)
        return
    done = change_request(
        context.store, extension.id, lambda read: request_lifecycle.close_extension(read, context.clock())
    )
    notifications.publish_change(context, moved)
    notifications.publish_change(context, done)


def refresh_extension(context: InteractionContext, request: Request) -> Request:
    """Return a request; a pending extension fails here if the access is over."""
    if request.kind is not Kind.extension or request.state is not State.pending:
        return request
    parent = context.store.request(request.parent or "")
    if parent is not None and parent.state is State.active:
        return request
    return _fail(context, request)


def _fail(context: InteractionContext, extension: Request) -> Request:
    note = "The access is over, so it was not extended."

    def failed(read: Request) -> Change:
        return Change(read) if read.state in FINAL else request_lifecycle.fail(read, note, context.clock())

    written = change_request(context.store, extension.id, failed)
    notifications.publish_change(context, written)
    return written.request
