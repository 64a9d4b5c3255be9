"""The Home tab: a person's requests, pending decisions, active access, explanations and history.

A list that is too long ends with the number of entries left out, and where they are.

Non-goals: finding the entries (see `services.home_tab`); handling a click (see `services.dispatch`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from breakglass.app.domain.durations import format_duration
from breakglass.app.domain.people import Person
from breakglass.app.domain.policy import ApprovalPolicy
from breakglass.app.domain.records import Request, State, Usage
from breakglass.app.slack import ids, phrases
from breakglass.app.slack.blocks import (
    Block,
    View,
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

MOST_SHOWN = 6
"""Maximum number of entries of a list; all lists together stay within Slack's hundred blocks."""

PAGE = 20
"""Maximum number of requests on a page of the history."""

_LONGEST_REASON = 1000
_LONGEST_VALUE = 2000

Item = TypeVar("Item")


@dataclass(frozen=True)
class HistoryFilter:
    """The filter of the history.

    Attributes:
        everybody: true for the requests of all people, which only `security` may see.
    """

    everybody: bool = False
    state: State | None = None

    @property
    def value(self) -> str:
        """The filter as the value of a menu option, e.g. `mine:denied`."""
        return f"{'all' if self.everybody else 'mine'}:{self.state if self.state is not None else 'any'}"


@dataclass(frozen=True)
class HomeView:
    """The content of a person's Home tab.

    Attributes:
        mine: their requests that are not over.
        cursor: of the next page; None after the last.
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
    """Return the filter of a menu option; an unknown value means all of the person's own requests."""
    whose, _, state = value.partition(":")
    return HistoryFilter(whose == "all", State(state) if state in tuple(State) else None)


def parse_more(value: str) -> tuple[HistoryFilter, str]:
    """Return the filter and the cursor in the value of `More`."""
    chosen, _, cursor = value.partition("|")
    return parse_filter(chosen), cursor


def render_home(person: Person, view: HomeView, policy: ApprovalPolicy) -> View:
    """Return a person's Home tab by the current policy."""
    channel = "Each has its message in the channel."
    alerts = "Each has its alert in the channel."
    blocks = [
        section(
            markdown(f"*Break-glass access of {code(person.display_name)}*"),
            button("Request access", ids.HOME_REQUEST, "home", style="primary"),
        ),
        *_list("Waiting for your decision", view.waiting, channel, lambda request: _waiting(request, policy)),
        *_list("Your requests", view.mine, channel, lambda request: _mine(request, policy)),
        *_list("Active access", view.live, channel, lambda request: _live(request, policy)),
        *_list("To explain", view.to_explain, alerts, lambda usage: _usage(usage, policy, explain_button(usage))),
        *_list("To accept", view.to_accept, alerts, lambda usage: _usage(usage, policy, accept_button(usage))),
        *_history(view, policy),
    ]
    return {"type": "home", "private_metadata": view.filter.value, "blocks": blocks}


def render_closed_home(why: str) -> View:
    """Return a Home tab that shows only why it is empty, as plain text."""
    return {"type": "home", "blocks": [section(plain(why))]}


def _list(name: str, items: Sequence[Item], where: str, blocks: Callable[[Item], list[Block]]) -> list[Block]:
    """Return a list under its header, cut to `MOST_SHOWN`; nothing for an empty list."""
    if not items:
        return []
    shown = [block for item in items[:MOST_SHOWN] for block in blocks(item)]
    left = len(items) - MOST_SHOWN
    return [header(name), *shown, *([context(f"{left} more. {where}")] if left > 0 else [])]


def _waiting(request: Request, policy: ApprovalPolicy) -> list[Block]:
    return [
        section(
            markdown(f"{_line(request, policy)}\nWithout an answer it expires {format_countdown(request.expires_at)}.")
        ),
        *_reason(request),
        actions(approve_button(request, policy), deny_button(request), acknowledge_button(request)),
    ]


def _mine(request: Request, policy: ApprovalPolicy) -> list[Block]:
    until = _until(request)
    buttons: list[Block] = []
    match request.state:
        case State.pending:
            until = f"\nWithout an answer it expires {format_countdown(request.expires_at)}."
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
    # Access that is being revoked is still there, but no click ends it faster.
    return [section(line, None if request.state is State.revoking else end_button(request))]


def _usage(usage: Usage, policy: ApprovalPolicy, answer: Block) -> list[Block]:
    where = f"{code(usage.permission_set)} in {phrases.format_account(usage.account, policy.accounts)}"
    text = (
        f"{where} by {phrases.format_user(usage)}, {format_time(usage.first_seen)}. Due "
        f"{format_countdown(usage.due_at)}."
    )
    return [section(markdown(text), answer)]


def _line(request: Request, policy: ApprovalPolicy) -> str:
    where = phrases.format_accounts(request.accounts, policy.accounts, most=2)
    what = f"{code(request.permission_set)} in {where} for {format_duration(request.duration)}"
    return f"*{request_title(request)}:* {what}, {format_actor(request.requester)}, {format_time(request.created_at)}"


def _until(request: Request) -> str:
    return f"\nIt ends {format_countdown(request.revoke_at)}." if request.revoke_at is not None else ""


def _reason(request: Request) -> list[Block]:
    """Return the reason, cut to fit; the channel has all of it."""
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
        *(paragraphs(lines) or [context("No requests.")]),
        *_more(view),
    ]


def _past(request: Request, policy: ApprovalPolicy) -> str:
    by = f", by rule {code(request.rule)}" if request.rule else ""
    return f"{_line(request, policy)}{by} ({code(request.id)})"


def _filters(view: HomeView) -> Block:
    whose = [False, True] if view.sees_everybody else [False]
    filters = [HistoryFilter(everybody, state) for everybody in whose for state in (None, *State)]
    options = {choice: option(_filter_text(choice), choice.value) for choice in filters}
    chosen = options.get(view.filter, options[HistoryFilter()])
    return static_select(ids.HOME_FILTER, "Which requests", list(options.values()), chosen)


def _filter_text(chosen: HistoryFilter) -> str:
    which = "all" if chosen.state is None else TITLES[chosen.state].lower()
    return f"{'Everyone' if chosen.everybody else 'Mine'}: {which}"


def _more(view: HomeView) -> list[Block]:
    if view.cursor is None:
        return []
    value = f"{view.filter.value}|{view.cursor}"
    if len(value) > _LONGEST_VALUE:
        return [context(f"Older requests are {TRAIL}.")]
    return [actions(button("More", ids.HOME_MORE, value))]
