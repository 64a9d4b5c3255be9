"""The precedence of `breakglass.app.domain.decision`: scenarios by name, and what holds for every policy.

Not proved here: that each click reads the groups again, and that a decision comes before its effect (`services`).
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakglass.app.domain.decision import (
    Decision,
    Outcome,
    check_request,
    decide_request,
    find_requestable,
    may_approve,
    may_break_glass,
    may_deny,
    may_end,
    may_request,
)
from breakglass.app.domain.people import Person
from breakglass.app.domain.policy import Action, ApprovalPolicy, DenyRule, Rule, StandingAssignment
from tests.app.domain.examples import denial
from tests.app.domain.policies import (
    ADA,
    BEA,
    CLEO,
    DATABASES,
    DOT,
    EVE,
    EVERYBODY,
    FAY,
    MANAGEMENT,
    NETWORK,
    PRODUCTION,
    RDS,
    SETTINGS,
    STAGING,
    group,
    policy,
    quiet,
    rule,
    user,
)

TWO = rule(name="two-people", approvals=2, approvers=(group("leads"), group("security")))
NO_CONTRACTORS = DenyRule(
    "no-contractors", "Contractors ask their lead.", tuple(Action), principals=(group("contractors"),)
)
FROZEN = DenyRule("freeze", "Nothing moves during the audit.", (Action.request,), accounts=(STAGING,))
ALWAYS_APPROVED = DenyRule(
    "never-alone", "This account is never opened alone.", (Action.break_glass,), (RDS,), (STAGING,)
)
MATTERS = "the restore failed"


def asked(of: ApprovalPolicy, who: Person = ADA, **changes: Any) -> Decision:
    """Ada's request for an hour in production, with changes."""
    wanted: dict[str, Any] = {
        "permission_set": RDS,
        "accounts": (PRODUCTION,),
        "duration": 3600,
        "reason": MATTERS,
        "ticket": "",
    }
    return check_request(of, who, **{**wanted, **changes})


REQUESTS: dict[str, tuple[Callable[[], Decision], str]] = {
    # sentence: (what decides, part of its reason; "" if it is allowed)
    "a person on call may request": (lambda: asked(policy()), ""),
    "a person who isn't on call may not": (lambda: asked(policy(), FAY), "No rule lets Fay request"),
    "a refusal says who may": (lambda: asked(policy(), FAY), "Allowed requesters: group oncall"),
    "a set that no rule is about can't be requested": (
        lambda: asked(policy(), permission_set=NETWORK),
        "No rule covers it",
    ),
    "an unknown set is named": (
        lambda: asked(policy(), permission_set="root"),
        "No approval rule covers the permission set root",
    ),
    "a request without an account is refused": (lambda: asked(policy(), accounts=()), "at least one account"),
    "one account too many refuses all": (
        lambda: asked(policy(), accounts=(PRODUCTION, "444444444444")),
        "No rule lets Ada request devops-break-glass in 444444444444",
    ),
    "accounts are named as people know them": (
        lambda: asked(policy(rule(accounts=(STAGING,)))),
        "222222222222 (production)",
    ),
    "a deny rule beats the rule that allows": (
        lambda: asked(policy(denies=(NO_CONTRACTORS,)), EVE),
        "Contractors ask their lead",
    ),
    "a deny rule hits only its principals": (lambda: asked(policy(denies=(NO_CONTRACTORS,))), ""),
    "a deny rule about another account does not hit": (lambda: asked(policy(denies=(FROZEN,))), ""),
    "a deny rule about one of the accounts hits": (
        lambda: asked(policy(denies=(FROZEN,)), accounts=(PRODUCTION, STAGING)),
        "Nothing moves during the audit",
    ),
    "the maximum may be used up": (lambda: asked(policy(), duration=4 * 3600), ""),
    "a second more is refused": (lambda: asked(policy(), duration=4 * 3600 + 1), "the maximum here is 4 h"),
    "no time at all is refused": (lambda: asked(policy(), duration=0), "Requested 0 s"),
    "with two rules the shorter maximum holds": (
        lambda: asked(policy(DATABASES, rule(name="short", maximum_seconds=1800))),
        "the maximum here is 30 min",
    ),
    "a blank reason is refused": (lambda: asked(policy(), reason=" \n"), "Write a reason"),
    "a missing ticket is refused": (lambda: asked(policy(rule(ticket_pattern="INC-[0-9]+"))), "in the form INC-[0-9]+"),
    "a ticket has to match as a whole": (
        lambda: asked(policy(rule(ticket_pattern="INC-[0-9]+")), ticket="see INC-1"),
        "in the form INC-[0-9]+",
    ),
    "an invisible ticket does not count, for any pattern": (
        lambda: asked(policy(rule(ticket_pattern=".+")), ticket="\u200b\u2800"),
        "A ticket is required here",
    ),
    "a good ticket is taken": (lambda: asked(policy(rule(ticket_pattern="INC-[0-9]+")), ticket="INC-17"), ""),
    "what one has anyway needs no request": (
        lambda: asked(policy(standing=(StandingAssignment(group("oncall"), RDS, PRODUCTION),))),
        "has devops-break-glass in 222222222222 (production) already",
    ),
    "accounts without a common approver are requested one by one": (
        lambda: asked(
            policy(rule(accounts=(PRODUCTION,)), rule(name="s", accounts=(STAGING,), approvers=(group("security"),))),
            accounts=(PRODUCTION, STAGING),
        ),
        "separately",
    ),
    "a delegated administrator can't open the management account": (
        lambda: asked(
            policy(rule(accounts=(MANAGEMENT,)), settings=replace(SETTINGS, deployed_in="999999999999")),
            accounts=(MANAGEMENT,),
        ),
        "delegated administrator",
    ),
    "the management account itself can": (
        lambda: asked(policy(rule(accounts=(MANAGEMENT,))), accounts=(MANAGEMENT,)),
        "",
    ),
}


@pytest.mark.parametrize("sentence", REQUESTS)
def test_may_request(sentence: str) -> None:
    decide_it, reason = REQUESTS[sentence]
    decision = decide_it()
    assert bool(decision) is not bool(reason), decision
    assert reason in decision.reason


APPROVALS: dict[str, tuple[Callable[[], Decision], str]] = {
    "a lead may approve": (lambda: may_approve(policy(), ADA, CLEO, RDS, (PRODUCTION,)), ""),
    "a person on call may not": (
        lambda: may_approve(policy(), ADA, EVE, RDS, (PRODUCTION,)),
        "not an approver",
    ),
    "a requester can't approve, lead or not": (
        lambda: may_approve(policy(), BEA, BEA, RDS, (PRODUCTION,)),
        "A requester can't approve their own request",
    ),
    "not even if a rule names them": (
        lambda: may_approve(policy(rule(approvers=(user("ada"),))), ADA, ADA, RDS, (PRODUCTION,)),
        "A requester can't approve their own request",
    ),
    "a denied approver is refused for the deny, not for the rule": (
        lambda: may_approve(
            policy(rule(approvers=(user("eve"),)), denies=(NO_CONTRACTORS,)), ADA, EVE, RDS, (PRODUCTION,)
        ),
        "no-contractors",
    ),
    "who left the on-call group in between is not let in": (
        lambda: may_approve(policy(), FAY, CLEO, RDS, (PRODUCTION,)),
        "No rule lets Fay request",
    ),
    "the strictest rule's approvers approve": (
        lambda: may_approve(policy(rule(approvers=(user("fay"),)), TWO), ADA, DOT, RDS, (PRODUCTION,)),
        "",
    ),
    "a laxer rule's approvers don't": (
        lambda: may_approve(policy(rule(approvers=(user("fay"),)), TWO), ADA, FAY, RDS, (PRODUCTION,)),
        "not an approver",
    ),
    "one approval is enough where one is asked for": (
        lambda: decide_request(policy(), ADA, RDS, (PRODUCTION,), [CLEO]),
        "",
    ),
    "none is not": (lambda: decide_request(policy(), ADA, RDS, (PRODUCTION,), []), "0 of 1 approvals"),
    "two are needed where two are asked for": (
        lambda: decide_request(policy(TWO), ADA, RDS, (PRODUCTION,), [CLEO]),
        "1 of 2 approvals",
    ),
    "one person twice is one person": (
        lambda: decide_request(policy(TWO), ADA, RDS, (PRODUCTION,), [CLEO, replace(CLEO, slack_id="UOTHER")]),
        "1 of 2 approvals",
    ),
    "two different people are enough": (lambda: decide_request(policy(TWO), ADA, RDS, (PRODUCTION,), [CLEO, DOT]), ""),
    "with several rules the strictest number holds": (
        lambda: decide_request(policy(DATABASES, TWO), ADA, RDS, (PRODUCTION,), [CLEO]),
        "1 of 2 approvals",
    ),
    "an approver who left the group no longer counts": (
        lambda: decide_request(policy(), ADA, RDS, (PRODUCTION,), [replace(CLEO, group_ids=frozenset())]),
        "0 of 1 approvals",
    ),
    "the glass can be broken after the silence": (
        lambda: may_break_glass(policy(), ADA, RDS, (PRODUCTION,), quiet(600)),
        "",
    ),
    "not a second earlier": (lambda: may_break_glass(policy(), ADA, RDS, (PRODUCTION,), quiet(599)), "1 s to go"),
    "a denial forbids it for twelve hours": (
        lambda: may_break_glass(policy(), ADA, RDS, (PRODUCTION,), quiet(9_999, denial(at=100_000 - 43_199))),
        "Cleo denied devops-break-glass for Ada 12 h ago (r-0). For 12 h after a denial the glass can't be broken; "
        "1 s to go",
    ),
    "and no second longer": (
        lambda: may_break_glass(policy(), ADA, RDS, (PRODUCTION,), quiet(9_999, denial(at=100_000 - 43_200))),
        "",
    ),
    "a denial for one of the accounts is enough": (
        lambda: may_break_glass(policy(), ADA, RDS, (PRODUCTION, STAGING), quiet(9_999, denial(accounts=(STAGING,)))),
        "Cleo denied",
    ),
    "the newest of several denials counts": (
        lambda: may_break_glass(
            policy(), ADA, RDS, (PRODUCTION,), quiet(9_999, denial(at=70_000), denial(at=90_000, request_id="r-9"))
        ),
        "(r-9)",
    ),
    "a denial for another account does not count": (
        lambda: may_break_glass(policy(), ADA, RDS, (PRODUCTION,), quiet(9_999, denial(accounts=(STAGING,)))),
        "",
    ),
    "nor does one for another set": (
        lambda: may_break_glass(policy(), ADA, RDS, (PRODUCTION,), quiet(9_999, denial(permission_set=NETWORK))),
        "",
    ),
    "nor one for another person": (
        lambda: may_break_glass(policy(), ADA, RDS, (PRODUCTION,), quiet(9_999, denial(user_id=BEA.user_id))),
        "",
    ),
    "the longest of several times after a denial holds": (
        lambda: may_break_glass(
            policy(rule(not_after_denial_seconds=60), rule(name="b", not_after_denial_seconds=7200)),
            ADA,
            RDS,
            (PRODUCTION,),
            quiet(9_999, denial(at=100_000 - 3600)),
        ),
        "For 2 h after a denial",
    ),
    "a glass that may be broken at once may not after a denial": (
        lambda: may_break_glass(policy(rule(glass_after_seconds=0)), ADA, RDS, (PRODUCTION,), quiet(0, denial())),
        "Cleo denied",
    ),
    "not where no rule allows it": (
        lambda: may_break_glass(policy(rule(glass_after_seconds=None)), ADA, RDS, (PRODUCTION,), quiet(9_999)),
        "always needs an approval",
    ),
    "not if one of several rules doesn't allow it": (
        lambda: may_break_glass(
            policy(DATABASES, rule(name="b", glass_after_seconds=None)), ADA, RDS, (PRODUCTION,), quiet(9_999)
        ),
        "always needs an approval",
    ),
    "the longest of several silences holds": (
        lambda: may_break_glass(
            policy(DATABASES, rule(name="b", glass_after_seconds=900)), ADA, RDS, (PRODUCTION,), quiet(899)
        ),
        "15 min without an answer",
    ),
    "not where a deny rule forbids it": (
        lambda: may_break_glass(policy(denies=(ALWAYS_APPROVED,)), ADA, RDS, (PRODUCTION, STAGING), quiet(9_999)),
        "never opened alone",
    ),
    "a deny of breaking the glass leaves the request alone": (lambda: asked(policy(denies=(ALWAYS_APPROVED,))), ""),
    "not by a person who may not request": (
        lambda: may_break_glass(policy(), FAY, RDS, (PRODUCTION,), quiet(9_999)),
        "No rule lets Fay",
    ),
    "the requester may give access back": (lambda: may_end(policy(), ADA, ADA, RDS, (PRODUCTION,)), ""),
    "an approver may end it": (lambda: may_end(policy(), CLEO, ADA, RDS, (PRODUCTION,)), ""),
    "security may end it": (lambda: may_end(policy(), DOT, ADA, RDS, (PRODUCTION,)), ""),
    "anybody else may not": (
        lambda: may_end(policy(), EVE, ADA, RDS, (PRODUCTION,)),
        "Only the requester and group security",
    ),
    "a deny rule does not prevent an end": (
        lambda: may_end(policy(denies=(replace(NO_CONTRACTORS, principals=()),)), CLEO, ADA, RDS, (PRODUCTION,)),
        "",
    ),
    "a person who may end it may deny it": (lambda: may_deny(policy(), CLEO, ADA, RDS, (PRODUCTION,)), ""),
    "a requester can't deny, not even as security": (
        lambda: may_deny(policy(security=(group("oncall"),)), ADA, ADA, RDS, (PRODUCTION,)),
        "but can withdraw it",
    ),
    "nor does anybody else deny it": (lambda: may_deny(policy(), EVE, ADA, RDS, (PRODUCTION,)), "Only group security"),
    "what a requester who left the group holds can still be ended": (
        lambda: may_end(policy(), CLEO, FAY, RDS, (PRODUCTION,)),
        "",
    ),
}


@pytest.mark.parametrize("sentence", APPROVALS)
def test_may_approve_break_end_and_deny(sentence: str) -> None:
    decide_it, reason = APPROVALS[sentence]
    decision = decide_it()
    assert bool(decision) is not bool(reason), decision
    assert reason in decision.reason


def test_may_request_names_rule_and_approvers() -> None:
    decision = may_request(policy(DATABASES, TWO), ADA, RDS, (PRODUCTION,))
    assert (decision.rule, decision.approvers) == ("two-people", (group("leads"), group("security")))


def test_may_request_equal_approvals_govern_together() -> None:
    decision = may_request(policy(DATABASES, rule(name="b", approvers=(user("fay"),))), ADA, RDS, (PRODUCTION,))
    assert (decision.rule, decision.approvers) == ("databases, b", (group("leads"), user("fay")))


def test_may_request_has_the_strictest_terms() -> None:
    other = rule(
        name="b",
        maximum_seconds=1800,
        default_seconds=7200,
        expiry_seconds=60,
        ticket_pattern="INC-.+",
        glass_after_seconds=None,
        mention=(user("fay"),),
        escalate_after_seconds=60,
        escalate=(),
        risk_banner="Real customers.",
        mention_slack_groups=("S0ONCALL",),
        escalate_slack_groups=("S0MANAGERS", "S0ONCALL"),
    )
    terms = may_request(policy(DATABASES, other), ADA, RDS, (PRODUCTION,)).terms
    assert terms is not None
    assert (terms.approvals, terms.maximum_seconds, terms.default_seconds, terms.expiry_seconds) == (1, 1800, 1800, 60)
    assert (terms.tickets, terms.glass_after_seconds, terms.escalate_after_seconds) == (("INC-.+",), None, 60)
    assert (terms.mention, terms.escalate) == ((group("leads"), user("fay")), (group("security"),))
    assert (terms.mention_slack_groups, terms.escalate_slack_groups) == (("S0ONCALL",), ("S0MANAGERS", "S0ONCALL"))
    assert terms.banners == ("Real customers.",)


def test_may_request_quiet_account_has_no_mentions() -> None:
    quiet = policy(rule(quiet_accounts=(STAGING,), mention_slack_groups=("S0ONCALL",)))
    alone = may_request(quiet, ADA, RDS, (STAGING,)).terms
    together = may_request(quiet, ADA, RDS, (STAGING, PRODUCTION)).terms
    assert alone is not None
    assert together is not None
    assert (alone.mention, alone.escalate, alone.escalate_after_seconds) == ((), (), None)
    assert (together.mention, together.escalate) == ((group("leads"),), (group("security"),))
    assert (alone.mention_slack_groups, together.mention_slack_groups) == ((), ("S0ONCALL",))


def test_find_requestable_has_only_allowed_access() -> None:
    of = policy(
        DATABASES,
        rule(name="network", sets=(NETWORK,), requesters=(group("contractors"),)),
        standing=(StandingAssignment(user("ada"), RDS, STAGING),),
    )
    assert find_requestable(of, ADA) == {RDS: (PRODUCTION,)}
    assert find_requestable(of, EVE) == {RDS: (PRODUCTION, STAGING), NETWORK: (PRODUCTION, STAGING)}
    assert find_requestable(of, FAY) == {}


# --- every policy ----------------------------------------------------------------------------------------------------

names = st.sampled_from(["oncall", "leads", "security", "contractors"])
principals = st.lists(
    st.one_of(names.map(group), st.sampled_from([each.user_name for each in EVERYBODY]).map(user)), max_size=3
).map(tuple)
some_accounts = st.lists(st.sampled_from([PRODUCTION, STAGING]), min_size=1, unique=True).map(tuple)
some_sets = st.lists(st.sampled_from([RDS, NETWORK]), min_size=1, unique=True).map(tuple)
rules: st.SearchStrategy[Rule] = st.builds(
    rule,
    name=st.text("abc", min_size=1, max_size=3),
    sets=some_sets,
    accounts=some_accounts,
    requesters=principals,
    approvers=principals,
    approvals=st.integers(1, 3),
    maximum_seconds=st.integers(1, 7200),
    glass_after_seconds=st.none() | st.integers(0, 900),
    ticket_pattern=st.none() | st.just("T-[0-9]+"),
)
denies = st.builds(
    DenyRule,
    name=st.just("deny"),
    reason=st.just("No."),
    actions=st.lists(st.sampled_from(Action), min_size=1, unique=True).map(tuple),
    sets=st.just(()) | some_sets,
    accounts=st.just(()) | some_accounts,
    principals=principals,
)


def _policy(allowing: list[Rule], forbidding: list[DenyRule]) -> ApprovalPolicy:
    return policy(*allowing, denies=tuple(forbidding))


policies = st.builds(_policy, st.lists(rules, min_size=1, max_size=4), st.lists(denies, max_size=2))
people = st.sampled_from(EVERYBODY)
groups_of_people = st.lists(people, max_size=5)

QUESTIONS: dict[str, Callable[[ApprovalPolicy], Decision]] = {
    "request": lambda of: may_request(of, ADA, RDS, (PRODUCTION,)),
    "check": lambda of: asked(of, ticket="T-1", duration=60),
    "approve": lambda of: may_approve(of, ADA, CLEO, RDS, (PRODUCTION,)),
    "decide": lambda of: decide_request(of, ADA, RDS, (PRODUCTION,), [BEA, CLEO, DOT, FAY]),
    "break the glass": lambda of: may_break_glass(of, ADA, RDS, (PRODUCTION,), quiet(900)),
}


@given(policies, people, some_sets, some_accounts)
def test_may_approve_own_request_is_always_refused(
    of: ApprovalPolicy, who: Person, sets: tuple[str, ...], accounts: tuple[str, ...]
) -> None:
    assert not may_approve(of, who, who, sets[0], accounts)
    assert not decide_request(of, who, sets[0], accounts, [who] * 3)


@given(policies, groups_of_people, some_accounts)
def test_decide_request_needs_approvals_of_all_rules(
    of: ApprovalPolicy, approvers: list[Person], accounts: tuple[str, ...]
) -> None:
    if decide_request(of, ADA, RDS, accounts, approvers):
        others = {each.user_id for each in approvers} - {ADA.user_id}
        for matching in of.rules:
            if (
                RDS in matching.sets
                and not set(accounts).isdisjoint(matching.accounts)
                and ADA.is_among(matching.requesters)
            ):
                assert len(others) >= matching.approvals


@given(policies, st.integers(-10, 20_000), some_accounts)
def test_check_request_beyond_any_maximum_is_refused(
    of: ApprovalPolicy, duration: int, accounts: tuple[str, ...]
) -> None:
    if asked(of, duration=duration, accounts=accounts, ticket="T-1"):
        for matching in of.rules:
            if (
                RDS in matching.sets
                and not set(accounts).isdisjoint(matching.accounts)
                and ADA.is_among(matching.requesters)
            ):
                assert 0 < duration <= matching.maximum_seconds


@given(policies, denies, st.sampled_from(sorted(QUESTIONS)))
def test_deny_rule_never_allows_a_refused_action(of: ApprovalPolicy, deny: DenyRule, question: str) -> None:
    answer = QUESTIONS[question]
    if not answer(of):
        assert not answer(replace(of, denies=(*of.denies, deny)))


@given(policies, people, some_accounts)
def test_deny_rule_for_everything_always_refuses(of: ApprovalPolicy, who: Person, accounts: tuple[str, ...]) -> None:
    closed = replace(of, denies=(DenyRule("all", "No.", tuple(Action)), *of.denies))
    assert not may_request(closed, who, RDS, accounts)
    assert not may_approve(closed, ADA, who, RDS, accounts)
    assert not may_break_glass(closed, who, RDS, accounts, quiet(10_000))


@given(policies, people, some_accounts)
def test_decisions_have_reasons_and_allowed_ones_a_rule(
    of: ApprovalPolicy, who: Person, accounts: tuple[str, ...]
) -> None:
    decision = may_request(of, who, RDS, accounts)
    assert decision.reason
    if decision.outcome is Outcome.allowed:
        assert decision.rule
        assert decision.approvers
        assert decision.terms
