"""The message of a request: exact in its main states, safe and within Slack's limits in every state.

It does not prove how Slack draws it, or which length Slack refuses.
"""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakglass.app.domain.policy import Action, DenyRule
from breakglass.app.domain.records import SYSTEM, Approval, Grant, GrantState, Kind, Request, State
from breakglass.app.slack import ids
from breakglass.app.slack.message_content import LONGEST_MESSAGE
from breakglass.app.slack.request_message import request_message
from tests.app.domain.policies import MANAGEMENT, NETWORK, PRODUCTION, RDS, SETTINGS, STAGING, group, policy
from tests.app.doubles.clock import NOW
from tests.app.slack.samples import (
    ACCOUNTS,
    ACTIVE,
    BEA_ACTOR,
    CLEO_ACTOR,
    DECISION,
    HOSTILE,
    POLICY,
    REQUEST,
    assert_message,
    assert_shown_safely,
    buttons,
    grant,
    hostile,
    hostile_decision,
    hostile_grants,
    hostile_policy,
    hostile_request,
    refusal,
    standing,
    terms_of,
    texts,
)

EXPIRES = "<!date^1764001800^{date_short_pretty} at {time} ({ago})|2025-11-24 16:30 UTC>"


def words(request: Request, **changes: Any) -> str:
    """Return the markup texts of a message."""
    given: dict[str, Any] = {"grants": (), "decision": DECISION, "policy": POLICY, **changes}
    return "\n".join(texts(request_message(request, **given).blocks, "mrkdwn"))


def mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def plain(text: str, emoji: bool = False) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": emoji}


def section(text: dict[str, Any]) -> dict[str, Any]:
    return {"type": "section", "text": text}


def button(text: str, action_id: str, **more: Any) -> dict[str, Any]:
    return {"type": "button", "text": plain(text, True), "action_id": action_id, "value": REQUEST.id, **more}


def test_request_message_of_new_request_is_exact() -> None:
    message = request_message(REQUEST, (), DECISION, POLICY, mentions=("<@UBEA>", "`Cleo`"))
    assert (
        message.text
        == "Access requested: <@UADA> requested `devops-break-glass` in `production (222222222222)` for 1 h."
    )
    assert message.blocks == [
        {"type": "header", "text": plain(":bell: Access requested: devops-break-glass", True)},
        section(
            mrkdwn(
                "<@UADA> requested `devops-break-glass` in `production (222222222222)` for 1 h.\n"
                "*0 of 1 approvals*.\n"
                "Approvers: group `leads`.\n"
                "<@UBEA> `Cleo` please decide.\n"
                f"Without an answer it expires {EXPIRES}.\n"
                "Without an answer by <!date^1764000600^{date_short_pretty} at {time}|2025-11-24 16:10 UTC>, "
                "<@UADA> may break the glass."
            )
        ),
        {
            "type": "section",
            "fields": [
                mrkdwn("*Who*\n<@UADA> (`ada`)"),
                mrkdwn("*Role*\n`devops-break-glass`"),
                mrkdwn("*How long*\n1 h from the approval"),
                mrkdwn("*By rule*\n`databases`"),
            ],
        },
        section(mrkdwn("*Accounts:* `production (222222222222)`")),
        section(mrkdwn("*Reason*")),
        section(plain("the restore failed")),
        {
            "type": "context",
            "elements": [
                mrkdwn(
                    "`r-0123456789abcdef` · requested "
                    "<!date^1764000000^{date_short_pretty} at {time}|2025-11-24 16:00 UTC>"
                )
            ],
        },
        {
            "type": "actions",
            "elements": [
                button(
                    "Approve",
                    ids.APPROVE,
                    style="primary",
                    confirm={
                        "title": plain("Approve this request?"),
                        "text": plain(
                            "Ada gets devops-break-glass in 1 account for 1 h, counted from the last approval. "
                            "A session that is open when the access ends stays valid for up to 1 h."
                        ),
                        "confirm": plain("Approve"),
                        "deny": plain("Back"),
                        "style": "primary",
                    },
                ),
                button("Deny", ids.DENY, style="danger"),
                button("Acknowledge", ids.ACKNOWLEDGE),
            ],
        },
        {
            "type": "actions",
            "elements": [
                button("Withdraw", ids.WITHDRAW),
                button("Break the glass", ids.BREAK_GLASS, style="danger"),
            ],
        },
    ]


def test_request_message_of_active_access_is_exact() -> None:
    request = replace(ACTIVE, accounts=(PRODUCTION, STAGING), ticket="INC-7")
    grants = [grant(PRODUCTION, GrantState.granted), grant(STAGING, GrantState.failed, "ConflictException: <busy>")]
    assert words(request, grants=grants).split("\n") == [
        "<@UADA> requested `devops-break-glass` in `production (222222222222)` and `staging (333333333333)` for 1 h.",
        "Approved by <@UBEA>, <!date^1764000060^{date_short_pretty} at {time}|2025-11-24 16:01 UTC>.",
        "*Active in 1 of 2 accounts until <!date^1764003660^{date_short_pretty} at {time} ({ago})|2025-11-24 17:01 "
        "UTC>.* Start it from the access portal. A command line sees the role only after `aws sso logout` and "
        "`aws sso login`.",
        "<@UADA> ends it with *I'm done*, or requests more time with *Extend*. Approvers and security can end it with "
        "*End now*.",
        "A session that is open when the access ends stays valid for up to 1 h.",
        "*Who*",
        "<@UADA> (`ada`)",
        "*Role*",
        "`devops-break-glass`",
        "*How long*",
        "1 h",
        "*By rule*",
        "`databases`",
        "*Ticket*",
        "`INC-7`",
        "*:unlock: Active:* `production (222222222222)`",
        "*:x: Not granted:* `staging (333333333333)`",
        "Identity Center said: `ConflictException: &lt;busy&gt;`",
        "*Reason*",
        "`r-0123456789abcdef` · requested <!date^1764000000^{date_short_pretty} at {time}|2025-11-24 16:00 UTC>",
    ]


STATES = [
    (State.approved, "Access is being prepared. It is not active yet."),
    (State.granting, "Access is being granted, account by account. It ends <!date^1764003660^"),
    (State.revoking, "<@UADA> ended it, <!date^1764000900^{date_short_pretty} at {time}|2025-11-24 16:15 UTC>."),
    (State.ended, "It is closed, and that was verified: this request grants no access any more."),
    (State.denied, "Denied by <@UCLEO>. No access was granted. <@UADA> can request it again."),
    (State.expired, "No approver decided before <!date^1764001800^"),
    (State.withdrawn, "<@UADA> withdrew it before a decision. No access was granted."),
    (State.failed, "No access is active: every started grant was revoked. <@UADA> can request it again."),
]


@pytest.mark.parametrize(("state", "said"), STATES)
def test_request_message_describes_the_state(state: State, said: str) -> None:
    assert said in words(standing(state))


EXTENSIONS = [
    (State.pending, "<@UADA> requested more time with `devops-break-glass`"),
    (State.approved, "The new end takes effect in a moment."),
    (State.ended, "The end of the access was moved."),
    (State.failed, "The end of the access was not moved."),
]


@pytest.mark.parametrize(("state", "said"), EXTENSIONS)
def test_request_message_of_extension_describes_the_state(state: State, said: str) -> None:
    extension = standing(state, kind=Kind.extension, parent="r-parent")
    assert said in words(extension)
    assert "*Extends*\n`r-parent`" in words(extension)


BUTTONS: list[tuple[State, list[str]]] = [
    (State.pending, [ids.APPROVE, ids.DENY, ids.ACKNOWLEDGE, ids.WITHDRAW, ids.BREAK_GLASS]),
    (State.approved, []),
    (State.granting, [ids.DONE, ids.END]),
    (State.active, [ids.DONE, ids.EXTEND, ids.END]),
    (State.revoking, []),
    (State.ended, []),
    (State.denied, []),
    (State.expired, []),
    (State.withdrawn, []),
    (State.failed, []),
]


def test_buttons_table_has_every_state() -> None:
    assert [state for state, _ in BUTTONS] == list(State)


@pytest.mark.parametrize(("state", "shown"), BUTTONS)
def test_request_message_has_the_buttons_of_its_state(state: State, shown: list[str]) -> None:
    message = request_message(standing(state), (), DECISION, POLICY)
    assert buttons(message.blocks) == shown
    values = [
        element["value"] for block in message.blocks for element in block.get("elements", []) if "value" in element
    ]
    assert set(values) <= {REQUEST.id}


def test_request_message_without_glass_has_no_glass_button() -> None:
    decision = replace(DECISION, terms=replace(terms_of(DECISION), glass_after_seconds=None))
    message = request_message(REQUEST, (), decision, POLICY)
    assert ids.BREAK_GLASS not in buttons(message.blocks)
    assert "break the glass" not in words(REQUEST, decision=decision)


def test_request_message_says_glass_may_be_broken_at_once() -> None:
    decision = replace(DECISION, terms=replace(terms_of(DECISION), glass_after_seconds=0))
    assert "<@UADA> may break the glass without waiting for an answer." in words(REQUEST, decision=decision)


def test_request_message_glass_follows_the_deny_rules() -> None:
    everyone = DenyRule("never", "Never alone.", (Action.break_glass,), (RDS,), (PRODUCTION,))
    some = replace(everyone, principals=(group("contractors"),))
    elsewhere = replace(everyone, sets=(NETWORK,))
    assert "break the glass" not in words(REQUEST, policy=policy(denies=(everyone,)))
    assert "may break the glass, unless a deny rule forbids it." in words(REQUEST, policy=policy(denies=(some,)))
    assert "may break the glass.\n" in words(REQUEST, policy=policy(denies=(elsewhere,)))


def test_request_message_of_refused_request_can_only_be_denied() -> None:
    message = request_message(REQUEST, (), refusal("The deny rule freeze forbids it: <audit>"), POLICY)
    assert buttons(message.blocks) == [ids.DENY, ids.ACKNOWLEDGE, ids.WITHDRAW]
    assert section(plain("The deny rule freeze forbids it: <audit>")) in message.blocks


def test_request_message_shows_approvals_and_escalation() -> None:
    two = replace(DECISION, terms=replace(terms_of(DECISION), approvals=2))
    asked = replace(
        REQUEST, approvals=(Approval(BEA_ACTOR, NOW, "databases"),), acknowledged_by=(CLEO_ACTOR,), escalated=True
    )
    shown = words(asked, decision=two)
    assert "*1 of 2 approvals*, by <@UBEA>." in shown
    assert ":eyes: Acknowledged by <@UCLEO>." in shown
    assert "Escalated: no approver answered in time, so more people were mentioned." in shown


@pytest.mark.parametrize("state", [state for state in State if state is not State.pending])
def test_request_message_shows_broken_glass_in_later_states(state: State) -> None:
    broken = standing(state, glass=True, approvals=(), decided_at=NOW + 700, justification="no approver is awake")
    message = request_message(broken, (), DECISION, POLICY)
    assert message.blocks[0]["text"]["text"].split(": ")[1].startswith("Glass broken")
    assert message.text.startswith("Glass broken")
    assert "took this access without approval. An explanation is required." in words(broken)
    assert section(plain("no approver is awake")) in message.blocks


OVER: list[tuple[dict[str, Any], str]] = [
    ({"closed_by": CLEO_ACTOR}, "Ended by <@UCLEO>, "),
    ({"closed_by": SYSTEM, "closed_at": NOW + 3660}, "The access time ended, "),
    ({"closed_by": SYSTEM, "closed_at": NOW + 100}, "The workflow failed, "),
    ({"revoke_at": None}, "No access had been granted."),
]


@pytest.mark.parametrize(("changes", "said"), OVER)
def test_request_message_says_why_it_is_over(changes: dict[str, Any], said: str) -> None:
    assert said in words(standing(State.ended, **changes))
    assert said in words(standing(State.revoking, **changes))


def test_request_message_counts_unverified_accounts() -> None:
    request = standing(State.revoking, accounts=(PRODUCTION, STAGING))
    grants = [grant(PRODUCTION, GrantState.revoking), grant(STAGING, GrantState.revoked)]
    shown = words(request, grants=grants)
    assert (
        "Not yet verified as revoked in 1 of 2 accounts. A revoke that does not succeed is retried every few minutes."
        in shown
    )
    assert "*:lock: Revoked:* `staging (333333333333)`" in shown
    assert "Not yet" not in words(
        request, grants=[grant(account, GrantState.revoked) for account in (PRODUCTION, STAGING)]
    )


SESSIONS = [
    (None, (PRODUCTION,), "stays valid for up to 1 h."),
    ("p-1", (PRODUCTION,), "A session that is open when the access ends will be cut off."),
    ("p-1", (MANAGEMENT,), "stays valid for up to 1 h: nothing cuts it off in the management account."),
    ("p-1", (PRODUCTION, MANAGEMENT), "will be cut off. In the management account it stays valid for up to 1 h."),
]


@pytest.mark.parametrize(("session_policy", "accounts", "said"), SESSIONS)
def test_approve_dialog_describes_live_sessions(
    session_policy: str | None, accounts: tuple[str, ...], said: str
) -> None:
    of = policy(settings=replace(SETTINGS, session_policy_id=session_policy))
    message = request_message(replace(REQUEST, accounts=accounts), (), DECISION, of)
    (approve,) = [
        element
        for block in message.blocks
        for element in block.get("elements", [])
        if element.get("action_id") == ids.APPROVE
    ]
    assert said in approve["confirm"]["text"]["text"]
    assert said in words(replace(ACTIVE, accounts=accounts), policy=of)


DENIED: dict[str, Any] = {"deny_until": 1_764_009_000}
UNDENIED: dict[str, Any] = {**DENIED, "deny_failure": "full"}


@pytest.mark.parametrize(
    ("grants", "said"),
    [
        ([grant(PRODUCTION, GrantState.revoked, **DENIED)], "Sessions that were open are cut off."),
        (
            [grant(PRODUCTION, GrantState.revoked, **UNDENIED)],
            "stays valid for up to 1 h, because the service control policy",
        ),
        ([grant(MANAGEMENT, GrantState.revoked, **DENIED)], "In the management account a session that was open stays"),
        ([grant(PRODUCTION, GrantState.revoked)], "this request grants no access any more."),
    ],
    ids=["denied", "policy full", "management account", "deny removed"],
)
def test_request_message_says_cut_off_only_with_a_deny(grants: list[Grant], said: str) -> None:
    of = policy(settings=replace(SETTINGS, session_policy_id="p-1"))
    shown = words(standing(State.ended), policy=of, grants=grants)
    assert said in shown
    assert ("are cut off" in shown) == (said == "Sessions that were open are cut off.")


def test_request_message_shows_warnings_only_while_pending() -> None:
    decision = replace(DECISION, terms=replace(terms_of(DECISION), banners=tuple("abcde")))
    shown = [*texts(request_message(REQUEST, (), decision, POLICY).blocks, "plain_text")]
    assert [text for text in shown if text.startswith("\u26a0")] == [f"\u26a0\ufe0f {banner}" for banner in "abcd"]
    assert ":warning: 1 more rules have a warning: see the stack file." in words(REQUEST, decision=decision)
    later = [*texts(request_message(ACTIVE, (), decision, POLICY).blocks, "plain_text")]
    assert [text for text in later if text.startswith("\u26a0")] == []


# --- the worst case --------------------------------------------------------------------------------------------------

LONG = "x" * 3000


def test_request_message_of_largest_request_shows_all_of_it() -> None:
    request = hostile_request("Person", State.pending)
    request = replace(request, reason=LONG, ticket="INC-1", rule="databases", note="")
    names = dict.fromkeys(ACCOUNTS, "an account with a name as long as AWS permits them")
    message = request_message(
        request, (), hostile_decision("w" * 490), replace(POLICY, accounts=names), ("<@UADA>",) * 20
    )
    assert_message(message.blocks, LONGEST_MESSAGE)
    assert section(plain(LONG)) in message.blocks
    shown = "\n".join(texts(message.blocks, "mrkdwn"))
    assert [account for account in ACCOUNTS if account not in shown] == []


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize(
    "text", [HOSTILE, HOSTILE * 40, '"' * 3000, "<" * 3000, "\U0001f525" * 3000, "\n" * 2000 + "x"]
)
def test_request_message_with_long_or_odd_text_fits(state: State, text: str) -> None:
    request = hostile_request(text, state, Kind.extension, glass=state is not State.pending)
    for decision in (hostile_decision(text), refusal(text)):
        message = request_message(request, hostile_grants(text), decision, hostile_policy(text), ("<@UADA>",) * 20)
        assert_message(message.blocks, LONGEST_MESSAGE)
        assert_shown_safely(message.blocks, message.text)
        shown = "\n".join(texts(message.blocks, "mrkdwn"))
        assert [account for account in ACCOUNTS if account not in shown] == []


@given(text=hostile, state=st.sampled_from(State), kind=st.sampled_from(Kind), glass=st.booleans())
def test_request_message_with_any_text_is_safe(text: str, state: State, kind: Kind, glass: bool) -> None:
    request = hostile_request(text, state, kind, glass)
    message = request_message(request, hostile_grants(text), hostile_decision(text), hostile_policy(text))
    assert_message(message.blocks, LONGEST_MESSAGE)
    assert_shown_safely(message.blocks, message.text)


def test_request_message_too_long_says_where_the_rest_is() -> None:
    request = standing(State.ended, note="n" * 3000, reason="r" * 3000, justification="j" * 3000, glass=True)
    shown = words(request)
    assert shown.count("1500 more characters are in the thread.") == 2
    assert "more characters are in the audit trail" not in shown
    assert "97000 more characters are in the audit trail (`breakglass audit`)." in words(
        replace(REQUEST, reason="r" * 100_000)
    )
