"""The Home tab: its lists and buttons, within Slack's limits for any amount of entries.

It does not prove which entries belong there (`services.home_tab`).
"""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakglass.app.domain.records import State
from breakglass.app.slack import ids
from breakglass.app.slack.home import PAGE, HistoryFilter, HomeView, parse_filter, parse_more, render_home
from tests.app.domain.policies import ADA, NETWORK, RDS, policy, rule
from tests.app.slack.samples import (
    ACTIVE,
    EXPLAINED,
    POLICY,
    REQUEST,
    USE,
    assert_shown_safely,
    assert_view,
    buttons,
    hostile,
    hostile_policy,
    hostile_request,
    standing,
    texts,
    with_long_and_odd_texts,
)


def shown(**lists: Any) -> dict[str, Any]:
    return render_home(ADA, HomeView(**lists), POLICY)


def words(view: dict[str, Any]) -> list[str]:
    return list(texts(view["blocks"], "mrkdwn"))


def headers(view: dict[str, Any]) -> list[str]:
    return [block["text"]["text"] for block in view["blocks"] if block["type"] == "header"]


def menu(view: dict[str, Any]) -> dict[str, Any]:
    (found,) = [
        element
        for block in view["blocks"]
        for element in block.get("elements", [])
        if element.get("action_id") == ids.HOME_FILTER
    ]
    return dict(found)


def test_render_home_without_entries() -> None:
    view = shown()
    assert_view(view)
    assert view["type"] == "home"
    assert headers(view) == ["History"]
    assert buttons(view["blocks"]) == [ids.HOME_REQUEST]
    assert words(view) == ["*Break-glass access of `Ada`*", "No requests."]


def test_render_home_has_the_buttons_of_each_list() -> None:
    view = shown(
        mine=(REQUEST, ACTIVE, standing(State.granting), standing(State.revoking)),
        waiting=(REQUEST,),
        live=(ACTIVE,),
        to_explain=(USE,),
        to_accept=(EXPLAINED,),
        history=(standing(State.ended),),
        cursor="next",
    )
    assert_view(view)
    assert headers(view) == [
        "Waiting for your decision",
        "Your requests",
        "Active access",
        "To explain",
        "To accept",
        "History",
    ]
    assert buttons(view["blocks"]) == [
        ids.HOME_REQUEST,
        *(ids.APPROVE, ids.DENY, ids.ACKNOWLEDGE),
        *(ids.WITHDRAW, ids.BREAK_GLASS),
        *(ids.DONE, ids.EXTEND),
        ids.DONE,
        ids.END,
        ids.EXPLAIN_USE,
        ids.ACCEPT,
        ids.HOME_MORE,
    ]


def test_render_home_shows_line_and_reason_of_waiting_request() -> None:
    view = shown(waiting=(replace(REQUEST, reason="the restore <failed>"),))
    line = (
        "*Access requested:* `devops-break-glass` in `production (222222222222)` for 1 h, <@UADA>, "
        "<!date^1764000000^{date_short_pretty} at {time}|2025-11-24 16:00 UTC>\n"
        "Without an answer it expires <!date^1764001800^{date_short_pretty} at {time} ({ago})|2025-11-24 16:30 UTC>."
    )
    assert line in words(view)
    assert "the restore <failed>" in list(texts(view["blocks"], "plain_text"))


def test_render_home_with_long_reason_says_where_the_rest_is() -> None:
    view = shown(waiting=(replace(REQUEST, reason="x" * 3000),))
    assert "2000 more characters of the reason are in the request's message." in words(view)


def test_render_home_shows_the_end_of_active_access() -> None:
    assert "\nIt ends <!date^1764003660^" in words(shown(live=(ACTIVE,)))[1]


def test_render_home_shows_revoking_access_without_button() -> None:
    view = shown(live=(standing(State.revoking),))
    assert words(view)[1].startswith("*Revoking:*")
    assert buttons(view["blocks"]) == [ids.HOME_REQUEST]


def test_render_home_without_glass_has_no_glass_button() -> None:
    never = policy(rule(glass_after_seconds=None), rule(name="network", sets=(NETWORK,)))
    view = render_home(ADA, HomeView(mine=(REQUEST,)), never)
    assert buttons(view["blocks"]) == [ids.HOME_REQUEST, ids.WITHDRAW]


def test_render_home_counts_entries_that_are_left_out() -> None:
    view = shown(waiting=(REQUEST,) * 9, to_explain=(USE,) * 7)
    assert "3 more. Each has its message in the channel." in words(view)
    assert "1 more. Each has its alert in the channel." in words(view)


# --- history ---------------------------------------------------------------------------------------------------------


def test_filters_of_all_people_are_only_for_security() -> None:
    assert [option["value"] for option in menu(shown())["options"]] == [
        "mine:any",
        *(f"mine:{state}" for state in State),
    ]
    everybody = [option["value"] for option in menu(shown(sees_everybody=True))["options"]]
    assert everybody[11:] == ["all:any", *(f"all:{state}" for state in State)]


def test_filter_menu_shows_the_current_choice() -> None:
    chosen = HistoryFilter(True, State.denied)
    view = shown(filter=chosen, sees_everybody=True)
    assert menu(view)["initial_option"]["text"]["text"] == "Everyone: denied"
    assert menu(shown(filter=chosen))["initial_option"]["value"] == "mine:any"


@given(st.booleans(), st.sampled_from(State) | st.none(), st.text(max_size=50))
def test_filter_and_cursor_survive_a_round_trip(everybody: bool, state: State | None, cursor: str) -> None:
    chosen = HistoryFilter(everybody, state)
    assert parse_filter(chosen.value) == chosen
    (more,) = [
        element
        for block in shown(filter=chosen, cursor=cursor)["blocks"]
        for element in block.get("elements", [])
        if element.get("action_id") == ids.HOME_MORE
    ]
    assert parse_more(more["value"]) == (chosen, cursor)


@given(st.text())
def test_parse_filter_accepts_any_text(value: str) -> None:
    assert isinstance(parse_filter(value), HistoryFilter)
    assert isinstance(parse_more(value), tuple)


@pytest.mark.parametrize("value", ["", "all", "mine:other", "ALL:denied", ":"])
def test_parse_filter_of_odd_value_shows_less_not_more(value: str) -> None:
    assert parse_filter(value).everybody is (value == "all")
    assert parse_filter(value).state in (None, State.denied)


def test_render_home_with_too_long_cursor_says_where_the_rest_is() -> None:
    view = shown(cursor="x" * 2000)
    assert_view(view)
    assert "Older requests are in the audit trail (`breakglass audit`)." in words(view)


def test_history_line_names_rule_and_id() -> None:
    (line,) = [text for text in words(shown(history=(standing(State.denied),))) if text.startswith("*Denied")]
    assert line.endswith(", by rule `databases` (`r-0123456789abcdef`)")


# --- the worst case --------------------------------------------------------------------------------------------------


def full(text: str) -> dict[str, Any]:
    """Return a Home tab with every list and text at its longest."""
    pending, active = hostile_request(text, State.pending), hostile_request(text, State.active)
    use = replace(USE, permission_set=text, session_name=text)
    view = HomeView(
        mine=(pending, active) * 20,
        waiting=(pending,) * 50,
        live=(active,) * 50,
        to_explain=(use,) * 50,
        to_accept=(use,) * 50,
        history=(hostile_request(text, State.ended),) * PAGE,
        cursor="x" * 300,
        filter=HistoryFilter(True, State.ended),
        sees_everybody=True,
    )
    of = replace(hostile_policy(text), rules=(rule(sets=(RDS,)),))
    return render_home(replace(ADA, display_name=text), view, of)


@given(text=hostile)
@with_long_and_odd_texts
def test_render_home_with_any_text_is_safe(text: str) -> None:
    view = full(text)
    assert_view(view)
    assert_shown_safely(view["blocks"])
