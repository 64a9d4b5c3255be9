"""The Home tab of a person: their requests, decisions, usages and history.

Non-goals: its look (see `slack.home`).
"""

from collections.abc import Callable

from breakglass.app.domain.decision import may_accept, may_approve, may_end, may_explain
from breakglass.app.domain.people import Person
from breakglass.app.domain.records import Request, State
from breakglass.app.domain.request_lifecycle import FINAL, effective_state
from breakglass.app.ports import Page
from breakglass.app.services.action import ActionContext, requester_of
from breakglass.app.services.context import InteractionContext
from breakglass.app.slack import ids
from breakglass.app.slack.home import (
    PAGE,
    HistoryFilter,
    HomeView,
    parse_filter,
    parse_more,
    render_closed_home,
    render_home,
)
from breakglass.app.slack.payloads import Click

HISTORY_SECONDS = 400 * 86_400
"""Seconds that the history of all requests goes back; the audit trail has all of it."""

_MOST_PAGES = 10
_OPEN = (State.granting, State.active, State.revoking)


def publish_home(action: ActionContext, click: Click | None = None) -> None:
    """Publish the current Home tab of a person, after a click there for its filter or page."""
    context, person = action.context, action.person
    chosen, cursor = _wanted(click)
    sees_everybody = person.is_among(context.policy.security)
    chosen = HistoryFilter(chosen.everybody and sees_everybody, chosen.state)
    history, more = _history(context, person, chosen, cursor)
    requests = [request for request in context.store.open_requests() if request.state not in FINAL]
    usages = list(context.store.open_usages())
    requesters = _Requesters(context)
    view = HomeView(
        mine=tuple(request for request in requests if request.requester.user_id == person.user_id),
        waiting=tuple(request for request in requests if _may_decide(context, person, request, requesters)),
        live=tuple(request for request in requests if request.state in _OPEN and _may_end(context, person, request)),
        to_explain=tuple(
            usage for usage in usages if usage.explanation is None and may_explain(context.policy, usage, person)
        ),
        to_accept=tuple(usage for usage in usages if may_accept(context.policy, usage, person)),
        history=history,
        cursor=more,
        filter=chosen,
        sees_everybody=sees_everybody,
    )
    context.slack.call("views.publish", {"user_id": person.slack_id, "view": render_home(person, view, context.policy)})


def publish_closed_home(context: InteractionContext, slack_id: str, why: str) -> None:
    """Publish a Home tab that says why a Slack user is not authorized."""
    context.slack.call("views.publish", {"user_id": slack_id, "view": render_closed_home(why)})


def _wanted(click: Click | None) -> tuple[HistoryFilter, str | None]:
    if click is None:
        return HistoryFilter(), None
    if click.action_id == ids.HOME_MORE:
        return parse_more(click.value)
    return parse_filter(click.value if click.action_id == ids.HOME_FILTER else click.view_metadata), None


class _Requesters:
    def __init__(self, context: InteractionContext) -> None:
        self._context = context
        self._known: dict[str, Person | None] = {}

    def of(self, request: Request) -> Person | None:
        user_id = request.requester.user_id
        if user_id not in self._known:
            self._known[user_id] = self._context.directory.person(user_id)
        return self._known[user_id]


def _may_decide(context: InteractionContext, person: Person, request: Request, requesters: _Requesters) -> bool:
    if effective_state(request, context.clock()) is not State.pending:
        return False
    if any(approval.by.user_id == person.user_id for approval in request.approvals):
        return False
    requester = requesters.of(request)
    if requester is None:
        return False
    return bool(may_approve(context.policy, requester, person, request.permission_set, request.accounts))


def _may_end(context: InteractionContext, person: Person, request: Request) -> bool:
    return bool(may_end(context.policy, person, requester_of(request), request.permission_set, request.accounts))


def _history(
    context: InteractionContext, person: Person, chosen: HistoryFilter, cursor: str | None
) -> tuple[tuple[Request, ...], str | None]:
    now = context.clock()

    def page(at: str | None) -> Page[Request]:
        if chosen.everybody:
            return context.store.requests_between(now - HISTORY_SECONDS, now + 1, at, PAGE)
        return context.store.requests_of(person.user_id, at, PAGE)

    def matches(request: Request) -> bool:
        return chosen.state is None or effective_state(request, now) is chosen.state

    return _find_page(page, matches, cursor)


def _find_page(
    page: Callable[[str | None], Page[Request]], matches: Callable[[Request], bool], cursor: str | None
) -> tuple[tuple[Request, ...], str | None]:
    """Return the first page with a match, within `_MOST_PAGES`; *More* goes on from its cursor."""
    found: tuple[Request, ...] = ()
    for _ in range(_MOST_PAGES):
        try:
            read = page(cursor)
        except ValueError:
            # The button is older than the present format of cursors.
            read = page(None)
        found, cursor = tuple(request for request in read.items if matches(request)), read.next
        if found or cursor is None:
            break
    return found, cursor
