"""The forms: Slack takes each of them whatever is filled in, and they keep it when they are drawn again.

It does not prove that Slack keeps what is typed in an input of the same ids, nor that it forgets it in one of others.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakglass.app.domain.records import Explanation, Kind, Request, State
from breakglass.app.slack import forms, ids, modals
from breakglass.app.slack.forms import ExplanationDraft, RequestDraft, RequestOptions
from breakglass.app.slack.payloads import NO_CHOICE
from localcloud.emulators.block_kit import option_problems
from tests.app.domain.policies import NETWORK, PRODUCTION, RDS, STAGING
from tests.app.slack.samples import (
    ACCOUNTS,
    ACTIVE,
    DECISION,
    HOSTILE,
    REQUEST,
    USE,
    assert_shown_safely,
    assert_view,
    hostile,
    hostile_request,
    standing,
    terms_of,
    texts,
)

TERMS = terms_of(DECISION)
NAMES = {PRODUCTION: "production", STAGING: "staging"}
OFFER = RequestOptions({RDS: (PRODUCTION, STAGING), NETWORK: (STAGING,)}, NAMES, TERMS)
CHOSEN = RequestDraft(RDS, (PRODUCTION,), 1800, "the restore failed", "INC-7")


def field(view: dict[str, Any], block_id: str) -> dict[str, Any]:
    """The element of an input."""
    (block,) = [block for block in view["blocks"] if block.get("block_id") == block_id]
    return dict(block.get("element", {}))


def fields(view: dict[str, Any]) -> list[str]:
    """The block ids of the inputs, in order."""
    return [block["block_id"] for block in view["blocks"] if block["type"] == "input"]


def words(view: dict[str, Any]) -> str:
    return "\n".join([*texts(view["blocks"], "mrkdwn"), *texts(view["blocks"], "plain_text")])


def test_what_opens_at_once_and_what_a_sent_form_becomes_say_that_something_comes() -> None:
    assert modals.loading_modal() == {
        "type": "modal",
        "title": {"type": "plain_text", "text": "Break-glass access", "emoji": False},
        "close": {"type": "plain_text", "text": "Close", "emoji": False},
        "private_metadata": "",
        "blocks": [{"type": "section", "text": {"type": "plain_text", "text": "One moment…", "emoji": False}}],
    }
    assert modals.processing_modal()["blocks"][0]["text"]["text"] == (
        "Sent, and being worked on. What comes of it is shown here, and in the channel if it concerns others; you may "
        "close this."
    )
    assert_view(modals.loading_modal())
    assert_view(modals.processing_modal())


def test_what_is_told_may_hold_what_people_wrote_and_is_plain_text() -> None:
    view = modals.result_modal("Not possible", "The deny rule x forbids it: <!channel> *now*", {"type": "divider"})
    assert view["blocks"] == [
        {
            "type": "section",
            "text": {"type": "plain_text", "text": "The deny rule x forbids it: <!channel> *now*", "emoji": False},
        },
        {"type": "divider"},
    ]
    assert_view(view)
    assert_view(modals.result_modal("A title that is longer than Slack takes", ""))


@given(st.text(st.characters(exclude_categories=()), max_size=60), st.integers(1, 200))
def test_whatever_is_told_can_be_shown(text: str, times: int) -> None:
    assert_view(modals.result_modal("Not possible", text * times))


# --- to ask ----------------------------------------------------------------------------------------------------------


def test_a_new_request_asks_for_the_role_first() -> None:
    view = forms.request_form(RequestOptions(OFFER.sets, NAMES, None), RequestDraft())
    assert_view(view)
    assert fields(view) == [ids.ROLE, ids.REASON]
    assert [one["value"] for one in field(view, ids.ROLE)["options"]] == [RDS, NETWORK]
    assert "initial_option" not in field(view, ids.ROLE)
    assert view["callback_id"] == ids.REQUEST_FORM
    assert view["private_metadata"] == ""


def test_a_role_and_accounts_draw_the_form_again_when_they_are_chosen_and_nothing_else_does() -> None:
    view = forms.request_form(OFFER, CHOSEN)
    redraws = {block["block_id"] for block in view["blocks"] if block.get("dispatch_action")}
    assert redraws == {ids.ROLE, ids.ACCOUNTS}


def test_everything_filled_in_is_there_when_the_form_is_drawn_again() -> None:
    wanted = replace(OFFER, terms=replace(TERMS, tickets=("INC-[0-9]+",)))
    view = forms.request_form(wanted, CHOSEN, "A ticket is required here, in the form <INC>.")
    assert_view(view)
    assert fields(view) == [ids.ROLE, ids.ACCOUNTS, ids.DURATION, ids.REASON, ids.TICKET]
    assert field(view, ids.ROLE)["initial_option"]["value"] == RDS
    assert field(view, ids.ACCOUNTS)["initial_options"] == [
        {"text": {"type": "plain_text", "text": "production (222222222222)", "emoji": False}, "value": PRODUCTION}
    ]
    assert field(view, ids.DURATION)["initial_option"]["value"] == "1800"
    assert field(view, ids.REASON)["initial_value"] == "the restore failed"
    assert field(view, ids.TICKET)["initial_value"] == "INC-7"
    assert view["private_metadata"] == RDS
    assert view["blocks"][:2] == [
        {"type": "section", "text": {"type": "mrkdwn", "text": "*:x: Not sent*", "verbatim": True}},
        {
            "type": "section",
            "text": {
                "type": "plain_text",
                "text": "A ticket is required here, in the form <INC>.",
                "emoji": False,
            },
        },
    ]


def test_the_form_says_what_will_happen() -> None:
    assert (
        "It takes one approval; nothing is opened before. The time counts from then on. Unanswered, it expires after "
        "30 min. After 10 min without an answer you may break the glass, unless it was denied in the last 12 h."
    ) in words(forms.request_form(OFFER, CHOSEN))
    strict = replace(TERMS, approvals=2, glass_after_seconds=None, banners=("These databases hold personal data.",))
    shown = words(forms.request_form(replace(OFFER, terms=strict), CHOSEN))
    assert "It takes 2 approvals by different people;" in shown
    assert "break the glass" not in shown
    assert "\u26a0\ufe0f These databases hold personal data." in shown
    at_once = replace(OFFER, terms=replace(TERMS, glass_after_seconds=0))
    assert "Without waiting for an answer you may break the glass, unless" in words(forms.request_form(at_once, CHOSEN))


def test_the_only_account_of_a_role_is_chosen_already() -> None:
    view = forms.request_form(OFFER, RequestDraft(NETWORK))
    assert [one["value"] for one in field(view, ids.ACCOUNTS)["initial_options"]] == [STAGING]


def test_accounts_that_do_not_go_with_another_role_are_left_out_and_that_is_said() -> None:
    view = forms.request_form(OFFER, replace(CHOSEN, permission_set=NETWORK, accounts=(PRODUCTION, STAGING)))
    assert [one["value"] for one in field(view, ids.ACCOUNTS)["initial_options"]] == [STAGING]
    assert "1 of the accounts you chose can't be asked for with this role: left out." in words(view)


def test_another_role_has_another_list_of_accounts_and_the_texts_stay_the_same_inputs() -> None:
    before, after = (forms.request_form(OFFER, replace(CHOSEN, permission_set=one)) for one in (RDS, NETWORK))
    assert field(before, ids.ACCOUNTS)["action_id"] != field(after, ids.ACCOUNTS)["action_id"]
    assert field(before, ids.ACCOUNTS)["action_id"].startswith("value/")
    assert field(before, ids.REASON)["action_id"] == field(after, ids.REASON)["action_id"] == "value"
    more = forms.request_form(OFFER, replace(CHOSEN, accounts=(PRODUCTION, STAGING)))
    assert field(before, ids.ACCOUNTS)["action_id"] == field(more, ids.ACCOUNTS)["action_id"]


@pytest.mark.parametrize(
    ("maximum", "default", "steps"),
    [
        (3600, 3600, [900, 1800, 3600]),
        (14_400, 3600, [900, 1800, 3600, 7200, 10_800, 14_400]),
        (5400, 2700, [900, 1800, 2700, 3600, 5400]),
        (60, 60, [60]),
        (43_200, 1, [1, 900, 1800, 3600, 7200, 10_800, 14_400, 21_600, 28_800, 43_200]),
    ],
)
def test_durations_are_in_steps_up_to_the_maximum(maximum: int, default: int, steps: list[int]) -> None:
    terms = replace(TERMS, maximum_seconds=maximum, default_seconds=default)
    view = forms.request_form(replace(OFFER, terms=terms), RequestDraft(RDS, (PRODUCTION,), 999_999))
    assert [int(one["value"]) for one in field(view, ids.DURATION)["options"]] == steps
    assert field(view, ids.DURATION)["initial_option"]["value"] == str(default)


def test_other_durations_are_another_list() -> None:
    shorter = replace(OFFER, terms=replace(TERMS, maximum_seconds=1800, default_seconds=900))
    one, other = (field(forms.request_form(of, CHOSEN), ids.DURATION)["action_id"] for of in (OFFER, shorter))
    assert one != other


def test_accounts_with_no_terms_in_common_are_asked_to_be_fewer() -> None:
    view = forms.request_form(replace(OFFER, terms=None), CHOSEN)
    assert_view(view)
    assert fields(view) == [ids.ROLE, ids.ACCOUNTS, ids.REASON]
    assert "they can't be asked for together: choose fewer" in words(view)


def test_more_than_a_hundred_roles_are_searched() -> None:
    sets = {f"role-{number:03}": (PRODUCTION,) for number in range(101)}
    view = forms.request_form(RequestOptions(sets, NAMES, TERMS), RequestDraft("role-050"))
    assert_view(view)
    assert field(view, ids.ROLE)["type"] == "external_select"
    assert field(view, ids.ROLE)["initial_option"]["value"] == "role-050"
    assert [one["value"] for one in forms.role_options(sets, "role-1")] == ["role-100"]
    assert len(forms.role_options(sets, "")) == 100


def test_who_may_request_nothing_is_told_so() -> None:
    view = forms.request_form(RequestOptions({}, {}, None), CHOSEN)
    assert_view(view)
    assert words(view) == "No rule lets you request any break-glass role."


# --- lists that search -----------------------------------------------------------------------------------------------


def test_accounts_are_found_by_words_of_their_name_and_by_their_id() -> None:
    names = {PRODUCTION: "Payments production", STAGING: "Payments staging"}
    found = [forms.account_options((PRODUCTION, STAGING), names, typed) for typed in ("", "STAG pay", "2222", "x")]
    assert [[one["value"] for one in options] for options in found] == [
        [PRODUCTION, STAGING],
        [STAGING],
        [PRODUCTION],
        [],
    ]
    assert found[0][0]["text"]["text"] == "Payments production (222222222222)"


@pytest.mark.parametrize(("count", "last"), [(100, "200000000099"), (101, NO_CHOICE), (350, NO_CHOICE)])
def test_a_long_list_ends_with_how_much_more_there_is(count: int, last: str) -> None:
    accounts = [str(200_000_000_000 + number) for number in range(count)]
    options = forms.account_options(accounts, {}, "")
    assert option_problems(options) == []
    assert len(options) == 100
    assert options[-1]["value"] == last
    if last == NO_CHOICE:
        assert options[-1]["text"]["text"] == f"… and {count - 99} more: type to find them"


@given(hostile, st.text(max_size=20))
def test_any_names_and_any_search_make_options_that_slack_takes(name: str, typed: str) -> None:
    assert option_problems(forms.account_options(ACCOUNTS, dict.fromkeys(ACCOUNTS, name), typed)) == []


# --- to decide, to end, to extend, to explain ------------------------------------------------------------------------


def test_a_denial_asks_why_and_says_who_reads_it() -> None:
    view = forms.deny_form(REQUEST, names=NAMES)
    assert_view(view)
    assert (view["callback_id"], view["private_metadata"], fields(view)) == (ids.DENY_FORM, REQUEST.id, [ids.NOTE])
    assert "<@UADA> asks for `devops-break-glass` in `production (222222222222)` for 1 h." in words(view)
    assert "The request ends with it, and nothing is opened. They can ask again." in words(view)
    assert not [block for block in view["blocks"] if block.get("optional")]


def test_an_extension_is_denied_as_what_it_is() -> None:
    view = forms.deny_form(replace(REQUEST, kind=Kind.extension))
    assert "asks for more time with `devops-break-glass` in `222222222222`, 1 h from the approval on." in words(view)


def test_ending_says_that_it_can_not_be_undone() -> None:
    view = forms.end_form(ACTIVE)
    assert (view["callback_id"], view["private_metadata"], fields(view)) == (ids.END_FORM, REQUEST.id, [ids.NOTE])
    assert "It can't be undone: they have to ask again." in words(view)


def test_breaking_the_glass_asks_a_second_time_and_says_what_it_leads_to() -> None:
    view = forms.glass_form(REQUEST)
    assert (view["callback_id"], view["private_metadata"], fields(view)) == (
        ids.GLASS_FORM,
        REQUEST.id,
        [ids.JUSTIFICATION],
    )
    shown = words(view)
    assert "for 1 h, *and nobody has approved it*." in shown
    assert "It is opened at once, and it ends by itself when its time is over." in shown
    assert "Everybody in the channel and in the second channel is told: who, what, your reason" in shown
    assert "What Slack does not accept is tried again until it does." in shown
    assert "You write a post-mortem afterwards, and somebody else signs it off." in shown
    assert view["submit"]["text"] == "Break the glass"
    assert "Its end is moved at once" in words(forms.glass_form(replace(REQUEST, kind=Kind.extension)))


def test_more_time_is_asked_for_like_the_first() -> None:
    view = forms.extend_form(ACTIVE, TERMS, RequestDraft(duration=1800, reason="not done"), "No.", NAMES)
    assert_view(view)
    assert (view["callback_id"], view["private_metadata"]) == (ids.EXTEND_FORM, REQUEST.id)
    assert fields(view) == [ids.DURATION, ids.REASON]
    assert field(view, ids.DURATION)["initial_option"]["value"] == "1800"
    assert field(view, ids.REASON)["initial_value"] == "not done"
    assert (
        "The approvers are asked again; it takes one approval. Until then the access ends when it was to end."
        in words(view)
    )


def test_where_no_rule_gives_more_time_there_is_nothing_to_send() -> None:
    view = forms.extend_form(ACTIVE, None, RequestDraft())
    assert_view(view)
    assert fields(view) == []
    assert "No rule allows you more time for it any more." in words(view)


def test_an_explanation_begins_with_what_is_known() -> None:
    draft = ExplanationDraft(reason=REQUEST.reason, incident="INC-1", done="restored", follow_up="test restores")
    view = forms.explain_form(USE, ACTIVE, draft, names=NAMES)
    assert_view(view)
    assert (view["callback_id"], view["private_metadata"]) == (ids.EXPLAIN_FORM, USE.id)
    assert fields(view) == [ids.REASON, ids.INCIDENT, ids.DONE_WHAT, ids.FOLLOW_UP]
    assert [field(view, one)["initial_value"] for one in fields(view)] == [
        "the restore failed",
        "INC-1",
        "restored",
        "test restores",
    ]
    assert [block["block_id"] for block in view["blocks"] if block.get("optional")] == [ids.INCIDENT, ids.FOLLOW_UP]
    assert "It was made under request `r-0123456789abcdef` of <@UADA>, that was approved." in words(view)
    assert "`ada` used `devops-break-glass` in `production (222222222222)`, <!date^1764000000^" in words(view)


def test_an_explanation_without_a_request_says_that_none_is_known() -> None:
    assert "No request is known under which it was made." in words(forms.explain_form(USE, None, ExplanationDraft()))
    broken = standing(State.ended, glass=True)
    assert "whose glass was broken" in words(forms.explain_form(USE, broken, ExplanationDraft()))


# --- the worst case --------------------------------------------------------------------------------------------------


def every_form(text: str) -> list[dict[str, Any]]:
    """Every form, with this text wherever people write, and in names."""
    request: Request = hostile_request(text, State.active)
    names = dict.fromkeys(ACCOUNTS, text)
    terms = replace(TERMS, tickets=(text,) * 9, banners=(text[:500],) * 20)
    offer = RequestOptions({RDS: ACCOUNTS, NETWORK: ACCOUNTS}, names, terms)
    draft = RequestDraft(RDS, ACCOUNTS, 3600, text, text)
    use = replace(USE, permission_set=text, session_name=text)
    makers: list[Callable[[], dict[str, Any]]] = [
        lambda: forms.request_form(offer, draft, text),
        lambda: forms.deny_form(request, text, text, names),
        lambda: forms.end_form(request, text, text, names),
        lambda: forms.glass_form(replace(request, kind=Kind.extension), text, text, names),
        lambda: forms.extend_form(request, terms, draft, text, names),
        lambda: forms.explain_form(use, request, ExplanationDraft(text, text, text, text), text, names),
        lambda: forms.accept_form(use, Explanation(request.requester, 1, text, text, text, text), "0", text, names),
        lambda: modals.result_modal(text, text),
    ]
    return [make() for make in makers]


@pytest.mark.parametrize("text", [HOSTILE, HOSTILE * 40, '"' * 3000, "<" * 3000, "\U0001f525" * 3000, "x" * 9000])
def test_no_text_whatever_breaks_a_form(text: str) -> None:
    for view in every_form(text):
        assert_view(view)
        assert_shown_safely(view["blocks"])


@given(hostile)
def test_nothing_that_people_wrote_means_anything_to_slack(text: str) -> None:
    for view in every_form(text):
        assert_view(view)
        assert_shown_safely(view["blocks"])


def test_fifty_accounts_can_be_chosen() -> None:
    (view, *_) = every_form("x")
    assert field(view, ids.ACCOUNTS)["max_selected_items"] == 50
    assert [one["value"] for one in field(view, ids.ACCOUNTS)["initial_options"]] == list(ACCOUNTS)
