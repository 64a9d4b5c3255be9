"""Sample requests, grants and usages with ordinary and hostile texts, and checks of messages and views."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from hypothesis import example
from hypothesis import strategies as st

from breakglass.app.domain.decision import Decision, Outcome, Terms, may_request
from breakglass.app.domain.policy import ApprovalPolicy
from breakglass.app.domain.records import (
    Access,
    Actor,
    Approval,
    Explanation,
    Grant,
    GrantState,
    Kind,
    Request,
    State,
    Usage,
    UsageState,
)
from localcloud.emulators.block_kit import block_problems, view_problems
from tests.app.domain.policies import ADA, PRODUCTION, RDS, policy
from tests.app.doubles.clock import NOW

POLICY = policy()
ADA_ACTOR = Actor("u-ada", "Ada", "UADA")
BEA_ACTOR = Actor("u-bea", "Bea", "UBEA")
CLEO_ACTOR = Actor("u-cleo", "Cleo", "UCLEO")

REQUEST = Request(
    id="r-0123456789abcdef",
    kind=Kind.access,
    requester=ADA_ACTOR,
    requester_name="ada",
    permission_set=RDS,
    accounts=(PRODUCTION,),
    duration=3600,
    reason="the restore failed",
    ticket="",
    rule="databases",
    required=1,
    created_at=NOW,
    expires_at=NOW + 1800,
)
DECISION = may_request(POLICY, ADA, RDS, (PRODUCTION,))
APPROVED = replace(
    REQUEST,
    state=State.approved,
    approvals=(Approval(BEA_ACTOR, NOW + 60, "databases"),),
    decided_at=NOW + 60,
)
ACTIVE = replace(APPROVED, state=State.active, revoke_at=NOW + 3660)
USE = Usage(
    id="u-0123456789abcdef",
    permission_set=RDS,
    account=PRODUCTION,
    user_id="u-ada",
    session_name="ada",
    first_seen=NOW,
    due_at=NOW + 86_400,
)
EXPLAINED = replace(
    USE,
    state=UsageState.explained,
    explanation=Explanation(ADA_ACTOR, NOW + 100, "the restore failed", "INC-1", "restored it", ""),
)


def grant(account: str, state: GrantState, failure: str = "", **changes: Any) -> Grant:
    """Ada's grant in an account."""
    base = Grant(REQUEST.id, Access("u-ada", RDS, account), state, NOW + 3660, 1, None, failure)
    return replace(base, **changes)


def standing(state: State, **changes: Any) -> Request:
    """Ada's request in this state, as it gets there."""
    over = {"closed_at": NOW + 900}
    by_state: Mapping[State, dict[str, Any]] = {
        State.pending: {"approvals": (), "decided_at": None},
        State.approved: {},
        State.granting: {"revoke_at": NOW + 3660},
        State.active: {"revoke_at": NOW + 3660},
        State.revoking: {"revoke_at": NOW + 3660, "closed_by": ADA_ACTOR, **over},
        State.ended: {"revoke_at": NOW + 3660, "closed_by": ADA_ACTOR, **over},
        State.denied: {"approvals": (), "decided_at": None, "closed_by": CLEO_ACTOR, "note": "not now", **over},
        State.expired: {"approvals": (), "decided_at": None, **over},
        State.withdrawn: {"approvals": (), "decided_at": None, "closed_by": ADA_ACTOR, **over},
        State.failed: {"note": "No account could be opened", **over},
    }
    whole: dict[str, Any] = {"state": state, **by_state[state], **changes}
    return replace(APPROVED, **whole)


# --- hostile ---------------------------------------------------------------------------------------------------------

EVIL = "EVIL"
HOSTILE = (
    f"{EVIL} <!channel> <@UEVIL> <https://{EVIL}.example|click> &lt; & `{EVIL}` *{EVIL}* _{EVIL}_ ~{EVIL}~ :fire: "
    f"> {EVIL}\n```{EVIL}``` \u202e{EVIL}\u202c \ud800 {EVIL} @here #general"
)
hostile = st.text(st.characters(exclude_categories=()), max_size=60).map(lambda text: f"{EVIL}{text}`<!channel>{EVIL}")
"""Any text, with a mark to find it."""


def with_long_and_odd_texts(test: Callable[..., None]) -> Callable[..., None]:
    """Run a property of a text with the texts that a message or form holds worst, too."""
    for text in (HOSTILE, HOSTILE * 40, *(part * 3000 for part in ('"', "<", "\U0001f525", "x", "\n"))):
        test = example(text=text)(test)
    return test


ACCOUNTS = tuple(f"{111_111_111_111 + number}" for number in range(50))


def hostile_actor(text: str, number: int = 0) -> Actor:
    """Return a person whose name and Slack ID are hostile."""
    return Actor(f"u-{number}", text, f"UEVIL>{text}")


def hostile_request(text: str, state: State, kind: Kind = Kind.access, glass: bool = False) -> Request:
    """A request whose every text is hostile."""
    people = tuple(hostile_actor(text, number) for number in range(10))
    return replace(
        standing(state),
        kind=kind,
        requester=people[0],
        requester_name=text,
        accounts=ACCOUNTS,
        reason=text,
        ticket=text,
        rule=text,
        parent=text if kind is Kind.extension else None,
        approvals=tuple(Approval(person, NOW, text, text) for person in people),
        acknowledged_by=people,
        closed_by=people[1],
        note=text,
        glass=glass,
        justification=text if glass else "",
        escalated=True,
    )


def hostile_grants(text: str) -> list[Grant]:
    """Return grants in every state, each with its own failure."""
    states = list(GrantState)
    return [grant(account, states[number % 6], f"{text}{number}") for number, account in enumerate(ACCOUNTS)]


def hostile_policy(text: str) -> ApprovalPolicy:
    """A policy with many names of any kind."""
    return policy(accounts=dict.fromkeys(ACCOUNTS, text))


def hostile_decision(text: str) -> Decision:
    """A decision under ten warnings."""
    terms = replace(terms_of(DECISION), banners=tuple(f"{text[:490]}{number}" for number in range(10)), approvals=10)
    return replace(DECISION, reason=text, rule=text, terms=terms)


def refusal(text: str) -> Decision:
    """Return a decision that refuses the request."""
    return Decision(Outcome.refused, text)


def terms_of(decision: Decision) -> Terms:
    """Return the terms of a decision."""
    assert decision.terms is not None
    return decision.terms


# --- checks ----------------------------------------------------------------------------------------------------------


def texts(value: Any, kind: str) -> Iterator[str]:
    """Yield every text of a type (`mrkdwn` or `plain_text`) in blocks or a view."""
    if isinstance(value, Mapping):
        if value.get("type") == kind:
            yield value["text"]
        for each in value.values():
            yield from texts(each, kind)
    elif isinstance(value, list):
        for each in value:
            yield from texts(each, kind)


_OURS = re.compile(r"<@[UW][A-Z0-9]{2,30}>|<!date\^[0-9]+\^[^<>|^]+\|[0-9 :-]+UTC>")


def interpreted(markup: str) -> list[str]:
    """Return the foreign parts of a markup text that Slack interprets."""
    rest = _OURS.sub("", markup)
    found = re.findall(r"[<>]|&(?!amp;|lt;|gt;)|[\u202a-\u202e\u2066-\u2069]", rest)
    outside = re.sub(r"`[^`\n]+`", "", rest)
    return [*found, *(["outside of a code span"] if EVIL in outside or "`" in outside else [])]


def assert_shown_safely(blocks: Sequence[Any], *texts_of_messages: str) -> None:
    """Assert that Slack interprets no text of people, and that everything can be sent."""
    for markup in (*texts(list(blocks), "mrkdwn"), *texts_of_messages):
        assert interpreted(markup) == [], markup
    json.dumps([list(blocks), texts_of_messages], ensure_ascii=False).encode()


def assert_message(blocks: list[Any], longest: int) -> None:
    """Assert that Slack accepts the message."""
    assert block_problems(blocks) == []
    assert len(json.dumps(blocks, ensure_ascii=False, separators=(",", ":"))) <= longest


def assert_view(view: Mapping[str, Any]) -> None:
    """Assert that Slack accepts the view, and that it holds no more than an ID."""
    assert view_problems(view) == []
    assert len(view.get("private_metadata", "")) <= 64


def buttons(blocks: Sequence[Any]) -> list[str]:
    """Return the action IDs of the buttons, in order."""
    found = []
    for block in blocks:
        for element in [*block.get("elements", []), block.get("accessory") or {}]:
            if element.get("type") == "button":
                found.append(element["action_id"])
    return found
