"""Finds what belongs into somebody's Home tab, and shows it.

Non-goals: what it looks like (see `slack.home`).
"""

from collections.abc import Callable, Iterable

from breakglass.app.domain.decision import may_accept, may_approve, may_end, may_explain
from breakglass.app.domain.people import Person
from breakglass.app.domain.records import Request, State
from breakglass.app.domain.request_lifecycle import FINAL, effective_state
from breakglass.app.ports import Page
from breakglass.app.services.action import ActionContext
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
"""How far back the history of everybody goes here; the audit trail has all of it."""

_MOST_PAGES = 10
_OPEN = (State.granting, State.active, State.revoking)


def publish_home(action: ActionContext, click: Click | None = None) -> None:
    """Show somebody's Home tab as of now.

    Args:
        action: whose it is.
        click: what they chose or clicked in it, if it is shown for that.

    Raises:
        SlackError: if Slack does not take it.
    """
    context, person = action.context, action.person
    chosen, cursor = _wanted(click)
    sees_everybody = person.is_among(context.policy.security)
    chosen = HistoryFilter(chosen.everybody and sees_everybody, chosen.state)
    history, more = _history(context, person, chosen, cursor)
    requests = [one for one in context.store.open_requests() if one.state not in FINAL]
    uses = list(context.store.open_usages())
    requesters = _Requesters(context)
    view = HomeView(
        mine=tuple(one for one in requests if one.requester.user_id == person.user_id),
        waiting=tuple(one for one in requests if _waits(context, person, one, requesters)),
        live=tuple(one for one in requests if one.state in _OPEN and _endable(context, person, one)),
        to_explain=tuple(one for one in uses if one.explanation is None and may_explain(context.policy, one, person)),
        to_accept=tuple(one for one in uses if may_accept(context.policy, one, person)),
        history=history,
        cursor=more,
        filter=chosen,
        sees_everybody=sees_everybody,
    )
    context.slack.call("views.publish", {"user_id": person.slack_id, "view": render_home(person, view, context.policy)})


def publish_closed_home(context: InteractionContext, slack_id: str, why: str) -> None:
    """Show somebody who may nothing here why that is.

    Raises:
        SlackError: if Slack does not take it.
    """
    context.slack.call("views.publish", {"user_id": slack_id, "view": render_closed_home(why)})


def _wanted(click: Click | None) -> tuple[HistoryFilter, str | None]:
    if click is None:
        return HistoryFilter(), None
    if click.action_id == ids.HOME_MORE:
        return parse_more(click.value)
    return parse_filter(click.value if click.action_id == ids.HOME_FILTER else click.view_metadata), None


class _Requesters:
    """Whoever made a request, looked up once each."""

    def __init__(self, context: InteractionContext) -> None:
        self._desk = context
        self._known: dict[str, Person | None] = {}

    def of(self, request: Request) -> Person | None:
        user_id = request.requester.user_id
        if user_id not in self._known:
            self._known[user_id] = self._desk.directory.person(user_id)
        return self._known[user_id]


def _waits(context: InteractionContext, person: Person, request: Request, requesters: _Requesters) -> bool:
    """Say whether a request waits for this person's decision."""
    if effective_state(request, context.clock()) is not State.pending:
        return False
    if any(one.by.user_id == person.user_id for one in request.approvals):
        return False
    requester = requesters.of(request)
    if requester is None:
        return False
    return bool(may_approve(context.policy, requester, person, request.permission_set, request.accounts))


def _endable(context: InteractionContext, person: Person, request: Request) -> bool:
    requester = Person(request.requester.user_id, request.requester_name, request.requester.name)
    return bool(may_end(context.policy, person, requester, request.permission_set, request.accounts))


def _history(
    context: InteractionContext, person: Person, chosen: HistoryFilter, cursor: str | None
) -> tuple[tuple[Request, ...], str | None]:
    """Return a page of the history, and where the next begins."""
    now = context.clock()

    def page(at: str | None) -> Page[Request]:
        if chosen.everybody:
            return context.store.requests_between(now - HISTORY_SECONDS, now + 1, at, PAGE)
        return context.store.requests_of(person.user_id, at, PAGE)

    return _filtered(page, lambda one: chosen.state is None or effective_state(one, now) is chosen.state, cursor)


def _filtered(
    page: Callable[[str | None], Page[Request]], fits: Callable[[Request], bool], cursor: str | None
) -> tuple[tuple[Request, ...], str | None]:
    """Read page after page until something fits, but not for ever: then it goes on with `More`."""
    found: tuple[Request, ...] = ()
    for _ in range(_MOST_PAGES):
        try:
            read = page(cursor)
        except ValueError:
            # A button that is older than this way of counting pages.
            read = page(None)
        found, cursor = _fitting(read.items, fits), read.next
        if found or cursor is None:
            break
    return found, cursor


def _fitting(requests: Iterable[Request], fits: Callable[[Request], bool]) -> tuple[Request, ...]:
    return tuple(one for one in requests if fits(one))
