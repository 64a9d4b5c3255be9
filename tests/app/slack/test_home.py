"""The Home tab: what is shown to whom, with which buttons, within Slack's limits however much there is.

It does not prove what belongs there (`services.home_tab`).
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
    HOSTILE,
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
)


def shown(**lists: Any) -> dict[str, Any]:
    return render_home(ADA, HomeView(**lists), POLICY)


def words(view: dict[str, Any]) -> list[str]:
    return list(texts(view["blocks"], "mrkdwn"))


def headers(view: dict[str, Any]) -> list[str]:
    return [block["text"]["text"] for block in view["blocks"] if block["type"] == "header"]


def menu(view: dict[str, Any]) -> dict[str, Any]:
    (found,) = [
        one for block in view["blocks"] for one in block.get("elements", []) if one.get("action_id") == ids.HOME_FILTER
    ]
    return dict(found)


def test_where_there_is_nothing_one_can_ask_and_look_back() -> None:
    view = shown()
    assert_view(view)
    assert view["type"] == "home"
    assert headers(view) == ["History"]
    assert buttons(view["blocks"]) == [ids.HOME_REQUEST]
    assert words(view) == ["*Break-glass access of `Ada`*", "There is nothing to show."]


def test_what_waits_comes_first_and_each_list_has_its_buttons() -> None:
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
    assert headers(view) == ["Waiting for you", "Your requests", "Open now", "To explain", "To sign off", "History"]
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


def test_a_request_is_one_line_and_whoever_decides_reads_why() -> None:
    view = shown(waiting=(replace(REQUEST, reason="the restore <failed>"),))
    line = (
        "*Access wanted:* `devops-break-glass` in `production (222222222222)` for 1 h, <@UADA>, "
        "<!date^1764000000^{date_short_pretty} at {time}|2025-11-24 16:00 UTC>\n"
        "Unanswered, it expires <!date^1764001800^{date_short_pretty} at {time} ({ago})|2025-11-24 16:30 UTC>."
    )
    assert line in words(view)
    assert "the restore <failed>" in list(texts(view["blocks"], "plain_text"))


def test_a_long_reason_says_where_the_rest_is() -> None:
    view = shown(waiting=(replace(REQUEST, reason="x" * 3000),))
    assert "2000 more characters of the reason are in the request's message." in words(view)


def test_what_is_open_says_until_when() -> None:
    assert "\nIt ends <!date^1764003660^" in words(shown(live=(ACTIVE,)))[1]


def test_what_is_being_taken_back_is_shown_and_can_not_be_ended_twice() -> None:
    view = shown(live=(standing(State.revoking),))
    assert words(view)[1].startswith("*Being taken back:*")
    assert buttons(view["blocks"]) == [ids.HOME_REQUEST]


def test_where_no_rule_breaks_the_glass_there_is_no_button_for_it() -> None:
    never = policy(rule(glass_after_seconds=None), rule(name="network", sets=(NETWORK,)))
    view = render_home(ADA, HomeView(mine=(REQUEST,)), never)
    assert buttons(view["blocks"]) == [ids.HOME_REQUEST, ids.WITHDRAW]


def test_what_is_not_shown_of_a_list_is_counted_and_where_it_is_is_said() -> None:
    view = shown(waiting=(REQUEST,) * 9, to_explain=(USE,) * 7)
    assert "3 more. Each of them has its message in the channel." in words(view)
    assert "1 more. Each of them has its alert in the channel." in words(view)


# --- history ---------------------------------------------------------------------------------------------------------


def test_only_security_people_can_look_at_everybodys() -> None:
    assert [one["value"] for one in menu(shown())["options"]] == [
        "mine:any",
        *(f"mine:{state}" for state in State),
    ]
    everybody = [one["value"] for one in menu(shown(sees_everybody=True))["options"]]
    assert everybody[11:] == ["all:any", *(f"all:{state}" for state in State)]


def test_the_filter_shows_what_is_chosen() -> None:
    chosen = HistoryFilter(True, State.denied)
    view = shown(filter=chosen, sees_everybody=True)
    assert menu(view)["initial_option"]["text"]["text"] == "Everybody: denied"
    assert menu(shown(filter=chosen))["initial_option"]["value"] == "mine:any"


@given(st.booleans(), st.sampled_from(State) | st.none(), st.text(max_size=50))
def test_a_filter_and_a_cursor_come_back_as_they_went(everybody: bool, state: State | None, cursor: str) -> None:
    chosen = HistoryFilter(everybody, state)
    assert parse_filter(chosen.value) == chosen
    (more,) = [
        one
        for block in shown(filter=chosen, cursor=cursor)["blocks"]
        for one in block.get("elements", [])
        if one.get("action_id") == ids.HOME_MORE
    ]
    assert parse_more(more["value"]) == (chosen, cursor)


@given(st.text())
def test_whatever_comes_for_a_filter_is_one(value: str) -> None:
    assert isinstance(parse_filter(value), HistoryFilter)
    assert isinstance(parse_more(value), tuple)


@pytest.mark.parametrize("value", ["", "all", "mine:nobody", "ALL:denied", ":"])
def test_an_odd_filter_shows_less_and_not_more(value: str) -> None:
    assert parse_filter(value).everybody is (value == "all")
    assert parse_filter(value).state in (None, State.denied)


def test_a_cursor_that_no_button_holds_is_said() -> None:
    view = shown(cursor="x" * 2000)
    assert_view(view)
    assert "Older ones are in the audit trail (`breakglass audit`)." in words(view)


def test_the_past_names_the_rule_and_the_id() -> None:
    (line,) = [one for one in words(shown(history=(standing(State.denied),))) if one.startswith("*Denied")]
    assert line.endswith(", by rule `databases` (`r-0123456789abcdef`)")


# --- the worst case --------------------------------------------------------------------------------------------------


def full(text: str) -> dict[str, Any]:
    """A Home tab in which everything is as long as it gets."""
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


@pytest.mark.parametrize("text", [HOSTILE, HOSTILE * 40, '"' * 3000, "<" * 3000, "\U0001f525" * 3000])
def test_no_amount_of_anything_breaks_the_home_tab(text: str) -> None:
    view = full(text)
    assert_view(view)
    assert_shown_safely(view["blocks"])


@given(hostile)
def test_nothing_that_people_wrote_means_anything_to_slack(text: str) -> None:
    view = full(text)
    assert_view(view)
    assert_shown_safely(view["blocks"])
