"""More time: a request of its own that moves the end of another one, as long as there is something to extend.

Non-goals: asking for it (see `requests`), and deciding on it (see `reviews`).
"""

from breakglass.app.domain import request_lifecycle
from breakglass.app.domain.records import Kind, Request, State
from breakglass.app.domain.request_lifecycle import FINAL, Change, RequestTransitionError
from breakglass.app.services import notifications
from breakglass.app.services.context import Desk
from breakglass.app.services.optimistic_writes import change_request


def extend(desk: Desk, extension: Request) -> None:
    """Move the end of the access that an approved extension is about; one whose access is over has failed."""

    def lengthened(parent: Request) -> Change:
        return request_lifecycle.extend(parent, desk.store.grants(parent.id), extension, desk.clock())

    try:
        moved = change_request(desk.store, extension.parent or "", lengthened)
    except RequestTransitionError:
        _fail(desk, extension)
        return
    done = change_request(desk.store, extension.id, lambda one: request_lifecycle.close_extension(one, desk.clock()))
    notifications.announce(desk, moved)
    notifications.announce(desk, done)


def still_pending(desk: Desk, request: Request) -> Request:
    """Return a request as it stands; an extension whose access is over waits for nobody any more, and has failed."""
    if request.kind is not Kind.extension or request.state is not State.pending:
        return request
    parent = desk.store.request(request.parent or "")
    if parent is not None and parent.state is State.active:
        return request
    return _fail(desk, request)


def _fail(desk: Desk, extension: Request) -> Request:
    note = "The access that it extends is over: nothing was extended."

    def failed(one: Request) -> Change:
        return Change(one) if one.state in FINAL else request_lifecycle.fail(one, note, desk.clock())

    written = change_request(desk.store, extension.id, failed)
    notifications.announce(desk, written)
    return written.request
