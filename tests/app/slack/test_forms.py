"""The forms: Slack accepts each with any input, and a form that is drawn again keeps its input.

It does not prove that Slack keeps the content of an input with the same IDs, or clears one with new IDs.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given
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
    REQUEST,
    USE,
    assert_shown_safely,
    assert_view,
    hostile,
    hostile_request,
    standing,
    terms_of,
    texts,
    with_long_and_odd_texts,
)

TERMS = terms_of(DECISION)
NAMES = {PRODUCTION: "production", STAGING: "staging"}
OFFER = RequestOptions({RDS: (PRODUCTION, STAGING), NETWORK: (STAGING,)}, NAMES, TERMS)
CHOSEN = RequestDraft(RDS, (PRODUCTION,), 1800, "the restore failed", "INC-7")


def field(view: dict[str, Any], block_id: str) -> dict[str, Any]:
    """Return the element of an input."""
    (block,) = [block for block in view["blocks"] if block.get("block_id") == block_id]
    return dict(block.get("element", {}))


def fields(view: dict[str, Any]) -> list[str]:
    """Return the block IDs of the inputs, in order."""
    return [block["block_id"] for block in view["blocks"] if block["type"] == "input"]


def words(view: dict[str, Any]) -> str:
    return "\n".join([*texts(view["blocks"], "mrkdwn"), *texts(view["blocks"], "plain_text")])


def test_loading_and_processing_modal() -> None:
    assert modals.loading_modal() == {
        "type": "modal",
        "title": {"type": "plain_text", "text": "Break-glass access", "emoji": False},
        "close": {"type": "plain_text", "text": "Close", "emoji": False},
        "private_metadata": "",
        "blocks": [{"type": "section", "text": {"type": "plain_text", "text": "Loading…", "emoji": False}}],
    }
    assert modals.processing_modal()["blocks"][0]["text"]["text"] == (
        "Sent. The result is shown here, and in the channel if it concerns other people. You can close this window."
    )
    assert_view(modals.loading_modal())
    assert_view(modals.processing_modal())


def test_result_modal_shows_text_of_people_as_plain_text() -> None:
    view = modals.result_modal("Not possible", "The deny rule x forbids it: <!channel> *now*")
    assert view["blocks"] == [
        {
            "type": "section",
            "text": {"type": "plain_text", "text": "The deny rule x forbids it: <!channel> *now*", "emoji": False},
        },
    ]
    assert_view(view)
    assert_view(modals.result_modal("A title that is longer than Slack takes", ""))


@given(st.text(st.characters(exclude_categories=()), max_size=60), st.integers(1, 200))
def test_result_modal_with_any_text_fits(text: str, times: int) -> None:
    assert_view(modals.result_modal("Not possible", text * times))


# --- request ---------------------------------------------------------------------------------------------------------


def test_request_form_asks_for_the_role_first() -> None:
    view = forms.request_form(RequestOptions(OFFER.sets, NAMES, None), RequestDraft())
    assert_view(view)
    assert fields(view) == [ids.ROLE, ids.REASON]
    assert [option["value"] for option in field(view, ids.ROLE)["options"]] == [RDS, NETWORK]
    assert "initial_option" not in field(view, ids.ROLE)
    assert view["callback_id"] == ids.REQUEST_FORM
    assert view["private_metadata"] == ""


def test_request_form_is_redrawn_for_role_and_accounts_only() -> None:
    view = forms.request_form(OFFER, CHOSEN)
    redraws = {block["block_id"] for block in view["blocks"] if block.get("dispatch_action")}
    assert redraws == {ids.ROLE, ids.ACCOUNTS}


def test_request_form_keeps_its_input_when_redrawn() -> None:
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


def test_request_form_describes_the_next_steps() -> None:
    assert (
        "It needs one approval. Access starts after that, and the time counts from then on. Without an answer the "
        "request expires after 30 min. After 10 min without an answer you may break the glass, unless it was denied in "
        "the last 12 h."
    ) in words(forms.request_form(OFFER, CHOSEN))
    strict = replace(TERMS, approvals=2, glass_after_seconds=None, banners=("These databases hold personal data.",))
    shown = words(forms.request_form(replace(OFFER, terms=strict), CHOSEN))
    assert "It needs 2 approvals by different people." in shown
    assert "break the glass" not in shown
    assert "\u26a0\ufe0f These databases hold personal data." in shown
    at_once = replace(OFFER, terms=replace(TERMS, glass_after_seconds=0))
    assert "Without waiting for an answer you may break the glass, unless" in words(forms.request_form(at_once, CHOSEN))


def test_request_form_chooses_the_only_account() -> None:
    view = forms.request_form(OFFER, RequestDraft(NETWORK))
    assert [option["value"] for option in field(view, ids.ACCOUNTS)["initial_options"]] == [STAGING]


def test_request_form_leaves_out_accounts_of_another_role() -> None:
    view = forms.request_form(OFFER, replace(CHOSEN, permission_set=NETWORK, accounts=(PRODUCTION, STAGING)))
    assert [option["value"] for option in field(view, ids.ACCOUNTS)["initial_options"]] == [STAGING]
    assert "This role can't be requested in 1 of the chosen accounts. They are left out." in words(view)


def test_request_form_action_ids_follow_the_role() -> None:
    before, after = (forms.request_form(OFFER, replace(CHOSEN, permission_set=role)) for role in (RDS, NETWORK))
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
def test_request_form_durations_are_steps_up_to_the_maximum(maximum: int, default: int, steps: list[int]) -> None:
    terms = replace(TERMS, maximum_seconds=maximum, default_seconds=default)
    view = forms.request_form(replace(OFFER, terms=terms), RequestDraft(RDS, (PRODUCTION,), 999_999))
    assert [int(option["value"]) for option in field(view, ids.DURATION)["options"]] == steps
    assert field(view, ids.DURATION)["initial_option"]["value"] == str(default)


def test_request_form_durations_have_their_own_action_id() -> None:
    shorter = replace(OFFER, terms=replace(TERMS, maximum_seconds=1800, default_seconds=900))
    first, second = (field(forms.request_form(of, CHOSEN), ids.DURATION)["action_id"] for of in (OFFER, shorter))
    assert first != second


def test_request_form_without_common_terms_asks_for_fewer() -> None:
    view = forms.request_form(replace(OFFER, terms=None), CHOSEN)
    assert_view(view)
    assert fields(view) == [ids.ROLE, ids.ACCOUNTS, ids.REASON]
    assert "these accounts can't be requested together. Choose fewer" in words(view)


def test_request_form_searches_more_than_a_hundred_roles() -> None:
    sets = {f"role-{number:03}": (PRODUCTION,) for number in range(101)}
    view = forms.request_form(RequestOptions(sets, NAMES, TERMS), RequestDraft("role-050"))
    assert_view(view)
    assert field(view, ids.ROLE)["type"] == "external_select"
    assert field(view, ids.ROLE)["initial_option"]["value"] == "role-050"
    assert [option["value"] for option in forms.role_options(sets, "role-1")] == ["role-100"]
    assert len(forms.role_options(sets, "")) == 100


def test_request_form_without_any_role_says_so() -> None:
    view = forms.request_form(RequestOptions({}, {}, None), CHOSEN)
    assert_view(view)
    assert words(view) == "No rule lets you request a break-glass role."


# --- lists that search -----------------------------------------------------------------------------------------------


def test_account_options_match_name_and_id() -> None:
    names = {PRODUCTION: "Payments production", STAGING: "Payments staging"}
    found = [forms.account_options((PRODUCTION, STAGING), names, typed) for typed in ("", "STAG pay", "2222", "x")]
    assert [[option["value"] for option in options] for options in found] == [
        [PRODUCTION, STAGING],
        [STAGING],
        [PRODUCTION],
        [],
    ]
    assert found[0][0]["text"]["text"] == "Payments production (222222222222)"


@pytest.mark.parametrize(("count", "last"), [(100, "200000000099"), (101, NO_CHOICE), (350, NO_CHOICE)])
def test_account_options_long_list_ends_with_the_rest(count: int, last: str) -> None:
    accounts = [str(200_000_000_000 + number) for number in range(count)]
    options = forms.account_options(accounts, {}, "")
    assert option_problems(options) == []
    assert len(options) == 100
    assert options[-1]["value"] == last
    if last == NO_CHOICE:
        assert options[-1]["text"]["text"] == f"… and {count - 99} more: type to find them"


@given(hostile, st.text(max_size=20))
def test_account_options_with_any_name_and_search_fit(name: str, typed: str) -> None:
    assert option_problems(forms.account_options(ACCOUNTS, dict.fromkeys(ACCOUNTS, name), typed)) == []


# --- deny, end, break the glass, extend, explain ---------------------------------------------------------------------


def test_deny_form() -> None:
    view = forms.deny_form(REQUEST, names=NAMES)
    assert_view(view)
    assert (view["callback_id"], view["private_metadata"], fields(view)) == (ids.DENY_FORM, REQUEST.id, [ids.NOTE])
    assert "<@UADA> requests `devops-break-glass` in `production (222222222222)` for 1 h." in words(view)
    assert "The request ends without access. The requester can request it again." in words(view)
    assert not [block for block in view["blocks"] if block.get("optional")]


def test_deny_form_of_extension_says_so() -> None:
    view = forms.deny_form(replace(REQUEST, kind=Kind.extension))
    assert "requests more time with `devops-break-glass` in `222222222222`, 1 h from the approval." in words(view)


def test_end_form_says_it_cannot_be_undone() -> None:
    view = forms.end_form(ACTIVE)
    assert (view["callback_id"], view["private_metadata"], fields(view)) == (ids.END_FORM, REQUEST.id, [ids.NOTE])
    assert "This can't be undone: the requester has to request it again." in words(view)


def test_glass_form_describes_the_consequences() -> None:
    view = forms.glass_form(REQUEST)
    assert (view["callback_id"], view["private_metadata"], fields(view)) == (
        ids.GLASS_FORM,
        REQUEST.id,
        [ids.JUSTIFICATION],
    )
    shown = words(view)
    assert "for 1 h *without approval*." in shown
    assert "Access is granted now, and it ends automatically when its time is over." in shown
    assert (
        "It is announced in the channel and in the second channel, with your name, the role, your reason and this"
        in shown
    )
    assert "If Slack does not accept an announcement, it is retried until it does." in shown
    assert "You explain it afterwards, and a second person accepts the explanation." in shown
    assert view["submit"]["text"] == "Break the glass"
    assert "Its end is moved now" in words(forms.glass_form(replace(REQUEST, kind=Kind.extension)))


def test_extend_form() -> None:
    view = forms.extend_form(ACTIVE, TERMS, RequestDraft(duration=1800, reason="not done"), "No.", NAMES)
    assert_view(view)
    assert (view["callback_id"], view["private_metadata"]) == (ids.EXTEND_FORM, REQUEST.id)
    assert fields(view) == [ids.DURATION, ids.REASON]
    assert field(view, ids.DURATION)["initial_option"]["value"] == "1800"
    assert field(view, ids.REASON)["initial_value"] == "not done"
    assert "An extension needs one approval. Until then, the present end remains." in words(view)


def test_extend_form_without_rule_has_no_input() -> None:
    view = forms.extend_form(ACTIVE, None, RequestDraft())
    assert_view(view)
    assert fields(view) == []
    assert "No rule allows you to extend it any more." in words(view)


def test_explain_form_begins_with_known_facts() -> None:
    draft = ExplanationDraft(reason=REQUEST.reason, incident="INC-1", done="restored", follow_up="test restores")
    view = forms.explain_form(USE, ACTIVE, draft, names=NAMES)
    assert_view(view)
    assert (view["callback_id"], view["private_metadata"]) == (ids.EXPLAIN_FORM, USE.id)
    assert fields(view) == [ids.REASON, ids.INCIDENT, ids.DONE_WHAT, ids.FOLLOW_UP]
    assert [field(view, block_id)["initial_value"] for block_id in fields(view)] == [
        "the restore failed",
        "INC-1",
        "restored",
        "test restores",
    ]
    assert [block["block_id"] for block in view["blocks"] if block.get("optional")] == [ids.INCIDENT, ids.FOLLOW_UP]
    assert "It belongs to request `r-0123456789abcdef` of <@UADA>: approved." in words(view)
    assert "`ada` used `devops-break-glass` in `production (222222222222)`, <!date^1764000000^" in words(view)


def test_explain_form_names_its_request_if_known() -> None:
    assert "No request for it is known." in words(forms.explain_form(USE, None, ExplanationDraft()))
    broken = standing(State.ended, glass=True)
    assert "access without approval" in words(forms.explain_form(USE, broken, ExplanationDraft()))


# --- the worst case --------------------------------------------------------------------------------------------------


def every_form(text: str) -> list[dict[str, Any]]:
    """Return every form, with this text in all places that people write, and in names."""
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


@given(text=hostile)
@example(text="x" * 9000)
@with_long_and_odd_texts
def test_forms_with_any_text_are_safe(text: str) -> None:
    for view in every_form(text):
        assert_view(view)
        assert_shown_safely(view["blocks"])


def test_request_form_with_fifty_accounts() -> None:
    (view, *_) = every_form("x")
    assert field(view, ids.ACCOUNTS)["max_selected_items"] == 50
    assert [option["value"] for option in field(view, ids.ACCOUNTS)["initial_options"]] == list(ACCOUNTS)
