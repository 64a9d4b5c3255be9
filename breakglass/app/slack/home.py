"""The Home tab: what somebody has asked for, what waits for them, what is open, and what was.

Every list ends with how much of it is not shown, and where that is.

Non-goals: finding what belongs there (see `services.home_tab`); what a click does (see `services.dispatch`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from breakglass.app.domain.durations import format_duration
from breakglass.app.domain.people import Person
from breakglass.app.domain.policy import ApprovalPolicy
from breakglass.app.domain.records import Request, State, Usage
from breakglass.app.slack import ids, phrases
from breakglass.app.slack.blocks import (
    Block,
    actions,
    button,
    context,
    header,
    markdown,
    option,
    plain,
    section,
    static_select,
)
from breakglass.app.slack.buttons import (
    accept_button,
    acknowledge_button,
    approve_button,
    deny_button,
    done_button,
    end_button,
    explain_button,
    extend_button,
    glass_button,
    withdraw_button,
)
from breakglass.app.slack.message_content import TRAIL, paragraphs
from breakglass.app.slack.request_message import TITLES, request_title
from breakglass.app.slack.text import code, format_actor, format_countdown, format_time, replace_surrogates

View = dict[str, Any]
"""A view as `views.publish` takes it."""

MOST_SHOWN = 6
"""How many of a list are shown, so that all of them together are within Slack's hundred blocks."""

PAGE = 20
"""How many requests a page of the history has at most."""

_LONGEST_REASON = 1000
_LONGEST_VALUE = 2000

Item = TypeVar("Item")


@dataclass(frozen=True)
class HistoryFilter:
    """Which requests the history shows.

    Attributes:
        everybody: everybody's, and not only one's own; for security people.
        state: only those that stand so; None for all.
    """

    everybody: bool = False
    state: State | None = None

    @property
    def value(self) -> str:
        """What stands for it in a menu, e.g. `mine:denied`."""
        return f"{'all' if self.everybody else 'mine'}:{self.state if self.state is not None else 'any'}"


@dataclass(frozen=True)
class HomeView:
    """What is in somebody's Home tab.

    Attributes:
        mine: their requests that are not over.
        waiting: requests that they can decide.
        live: access that they can end.
        to_explain: uses that they are to explain.
        to_accept: explanations that they can sign off.
        history: a page of requests, newest first.
        cursor: of the following page; None after the last.
        filter: which requests the history shows.
        sees_everybody: whether they may see everybody's.
    """

    mine: tuple[Request, ...] = ()
    waiting: tuple[Request, ...] = ()
    live: tuple[Request, ...] = ()
    to_explain: tuple[Usage, ...] = ()
    to_accept: tuple[Usage, ...] = ()
    history: tuple[Request, ...] = ()
    cursor: str | None = None
    filter: HistoryFilter = HistoryFilter()
    sees_everybody: bool = False


def parse_filter(value: str) -> HistoryFilter:
    """Read what was chosen in the menu; anything else is one's own, all of them."""
    whose, _, state = value.partition(":")
    return HistoryFilter(whose == "all", State(state) if state in tuple(State) else None)


def parse_more(value: str) -> tuple[HistoryFilter, str]:
    """Read the value of `More`: which requests, and the cursor of the page."""
    chosen, _, cursor = value.partition("|")
    return parse_filter(chosen), cursor


def render_home(person: Person, view: HomeView, policy: ApprovalPolicy) -> View:
    """Show somebody's Home tab.

    Args:
        person: whose it is.
        view: what is in it.
        policy: today's.
    """
    channel = "Each of them has its message in the channel."
    alerts = "Each of them has its alert in the channel."
    blocks = [
        section(
            markdown(f"*Break-glass access of {code(person.display_name)}*"),
            button("Request access", ids.HOME_REQUEST, "home", style="primary"),
        ),
        *_list("Waiting for you", view.waiting, channel, lambda one: _waiting(one, policy)),
        *_list("Your requests", view.mine, channel, lambda one: _mine(one, policy)),
        *_list("Open now", view.live, channel, lambda one: _live(one, policy)),
        *_list("To explain", view.to_explain, alerts, lambda one: _use(one, policy, explain_button(one))),
        *_list("To sign off", view.to_accept, alerts, lambda one: _use(one, policy, accept_button(one))),
        *_history(view, policy),
    ]
    return {"type": "home", "private_metadata": view.filter.value, "blocks": blocks}


def render_closed_home(why: str) -> View:
    """Show nothing but why nothing is shown; plain text."""
    return {"type": "home", "blocks": [section(plain(why))]}


def _list(name: str, items: Sequence[Item], where: str, blocks: Callable[[Item], list[Block]]) -> list[Block]:
    """Show the beginning of a list; nothing of an empty one."""
    if not items:
        return []
    shown = [block for item in items[:MOST_SHOWN] for block in blocks(item)]
    left = len(items) - MOST_SHOWN
    return [header(name), *shown, *([context(f"{left} more. {where}")] if left > 0 else [])]


def _waiting(request: Request, policy: ApprovalPolicy) -> list[Block]:
    return [
        section(markdown(f"{_line(request, policy)}\nUnanswered, it expires {format_countdown(request.expires_at)}.")),
        *_reason(request),
        actions(approve_button(request, policy), deny_button(request), acknowledge_button(request)),
    ]


def _mine(request: Request, policy: ApprovalPolicy) -> list[Block]:
    until = _until(request)
    buttons: list[Block] = []
    match request.state:
        case State.pending:
            until = f"\nUnanswered, it expires {format_countdown(request.expires_at)}."
            rules = [rule for rule in policy.rules if request.permission_set in rule.sets]
            glass = any(rule.glass_after_seconds is not None for rule in rules)
            buttons = [withdraw_button(request), *([glass_button(request)] if glass else [])]
        case State.granting:
            buttons = [done_button(request)]
        case State.active:
            buttons = [done_button(request), extend_button(request)]
        case _:
            pass
    return [section(markdown(f"{_line(request, policy)}{until}")), *([actions(*buttons)] if buttons else [])]


def _live(request: Request, policy: ApprovalPolicy) -> list[Block]:
    line = markdown(f"{_line(request, policy)}{_until(request)}")
    # What is being taken back is still there, and there is nothing to do about it.
    return [section(line, None if request.state is State.revoking else end_button(request))]


def _use(use: Usage, policy: ApprovalPolicy, answer: Block) -> list[Block]:
    where = f"{code(use.permission_set)} in {phrases.format_account(use.account, policy.accounts)}"
    text = f"{where} by {phrases.format_user(use)}, {format_time(use.first_seen)}. Due {format_countdown(use.due_at)}."
    return [section(markdown(text), answer)]


def _line(request: Request, policy: ApprovalPolicy) -> str:
    where = phrases.format_accounts(request.accounts, policy.accounts, most=2)
    what = f"{code(request.permission_set)} in {where} for {format_duration(request.duration)}"
    return f"*{request_title(request)}:* {what}, {format_actor(request.requester)}, {format_time(request.created_at)}"


def _until(request: Request) -> str:
    return f"\nIt ends {format_countdown(request.revoke_at)}." if request.revoke_at is not None else ""


def _reason(request: Request) -> list[Block]:
    """Show why, as far as there is room; whoever decides finds the whole in the channel."""
    reason = replace_surrogates(request.reason)
    if not reason[:_LONGEST_REASON].strip():
        return []
    left = len(reason) - _LONGEST_REASON
    more = f"{left} more characters of the reason are in the request's message."
    return [section(plain(reason[:_LONGEST_REASON])), *([context(more)] if left > 0 else [])]


# --- history ---------------------------------------------------------------------------------------------------------


def _history(view: HomeView, policy: ApprovalPolicy) -> list[Block]:
    lines = [_past(request, policy) for request in view.history[:PAGE]]
    return [
        header("History"),
        actions(_filters(view)),
        *(paragraphs(lines) or [context("There is nothing to show.")]),
        *_more(view),
    ]


def _past(request: Request, policy: ApprovalPolicy) -> str:
    by = f", by rule {code(request.rule)}" if request.rule else ""
    return f"{_line(request, policy)}{by} ({code(request.id)})"


def _filters(view: HomeView) -> Block:
    whose = [False, True] if view.sees_everybody else [False]
    filters = [HistoryFilter(everybody, state) for everybody in whose for state in (None, *State)]
    options = {one: option(_filter_text(one), one.value) for one in filters}
    chosen = options.get(view.filter, options[HistoryFilter()])
    return static_select(ids.HOME_FILTER, "Which requests", list(options.values()), chosen)


def _filter_text(chosen: HistoryFilter) -> str:
    which = "all" if chosen.state is None else TITLES[chosen.state].lower()
    return f"{'Everybody' if chosen.everybody else 'Mine'}: {which}"


def _more(view: HomeView) -> list[Block]:
    if view.cursor is None:
        return []
    value = f"{view.filter.value}|{view.cursor}"
    if len(value) > _LONGEST_VALUE:
        return [context(f"Older ones are {TRAIL}.")]
    return [actions(button("More", ids.HOME_MORE, value))]
