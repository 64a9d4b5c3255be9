"""Permissions to explain a usage and to accept an explanation, and a person's access report."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakglass.app.domain.decision import (
    AccessReport,
    Decision,
    RuleMatch,
    may_accept,
    may_approve,
    may_break_glass,
    may_explain,
    may_request,
    report_access,
)
from breakglass.app.domain.people import Person
from breakglass.app.domain.policy import Action, DenyRule
from breakglass.app.domain.records import UsageState
from tests.app.domain.examples import ADA_ACTS, ASKED, CLEO_ACTS, DOT_ACTS, explanation, use
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
    person,
    policy,
    quiet,
    rule,
    user,
)

# --- explain and accept -----------------------------------------------------------------------------------------------

UNKNOWN = use(user_id="", session_name="unknown")
EXPLAINED = use(state=UsageState.explained, explanation=explanation())
BY_SECURITY = use(state=UsageState.explained, explanation=explanation(DOT_ACTS))
ACCEPTED = use(state=UsageState.accepted, explanation=explanation(), accepted_by=CLEO_ACTS, accepted_at=ASKED)
# A role that Identity Center did not make: no rule is about it.
PLAIN = replace(EXPLAINED, permission_set="emergency-admin")
NEITHER = policy(security=())

USES: dict[str, tuple[Callable[[], Decision], str]] = {
    # sentence: (decision, part of its reason; "" if it is allowed)
    "the user explains it": (lambda: may_explain(policy(), use(), ADA), ""),
    "security may": (lambda: may_explain(policy(), use(), DOT), ""),
    "an approver may not": (
        lambda: may_explain(policy(), use(), CLEO),
        "Only the user of devops-break-glass and group security",
    ),
    "without any security person, only the user": (
        lambda: may_explain(NEITHER, use(), CLEO),
        f"Only the user of {RDS} may",
    ),
    "any person may if the user is unknown": (lambda: may_explain(policy(), UNKNOWN, FAY), ""),
    "the author may write it again": (lambda: may_explain(policy(), EXPLAINED, ADA), ""),
    "another person may not": (lambda: may_explain(policy(), EXPLAINED, DOT), "Ada has explained it"),
    "not even the user": (lambda: may_explain(policy(), BY_SECURITY, ADA), "Dot has explained it"),
    "an accepted explanation stays": (lambda: may_explain(policy(), ACCEPTED, ADA), "can't be changed"),
    "a deny rule does not prevent an explanation": (
        lambda: may_explain(policy(denies=(DenyRule("all", "No.", tuple(Action)),)), use(), ADA),
        "",
    ),
}

ACCEPTANCES: dict[str, tuple[Callable[[], Decision], str]] = {
    "an approver accepts it": (lambda: may_accept(policy(), EXPLAINED, CLEO), ""),
    "security does": (lambda: may_accept(policy(), EXPLAINED, DOT), ""),
    "a person on call may not": (
        lambda: may_accept(policy(), EXPLAINED, EVE),
        "Only group security, group leads may accept this",
    ),
    "the author may not": (lambda: may_accept(policy(), BY_SECURITY, DOT), "a second person"),
    "nor the user, with another author": (
        lambda: may_accept(policy(rule(approvers=(user("ada"),))), BY_SECURITY, ADA),
        "a second person",
    ),
    "nor a person with the session name of an unknown user": (
        lambda: may_accept(policy(), replace(BY_SECURITY, user_id="", session_name="cleo"), CLEO),
        "a second person",
    ),
    "an unexplained usage is not accepted": (lambda: may_accept(policy(), use(), CLEO), "not explained yet"),
    "nor a second time": (lambda: may_accept(policy(), ACCEPTED, DOT), "accepted already"),
    "an approver of another set does not": (
        lambda: may_accept(
            policy(DATABASES, rule(name="n", sets=(NETWORK,), approvers=(user("fay"),))), EXPLAINED, FAY
        ),
        "Only group security, group leads",
    ),
    "for a role that no rule is about, an approver of any rule does": (lambda: may_accept(policy(), PLAIN, CLEO), ""),
    "and no other person": (lambda: may_accept(policy(), PLAIN, FAY), "Only group security, group leads"),
}


@pytest.mark.parametrize("sentence", USES)
def test_may_explain(sentence: str) -> None:
    decide, reason = USES[sentence]
    decision = decide()
    assert bool(decision) is not bool(reason), decision
    assert reason in decision.reason


@pytest.mark.parametrize("sentence", ACCEPTANCES)
def test_may_accept(sentence: str) -> None:
    decide, reason = ACCEPTANCES[sentence]
    decision = decide()
    assert bool(decision) is not bool(reason), decision
    assert reason in decision.reason


@given(st.sampled_from(EVERYBODY), st.sampled_from(EVERYBODY), st.booleans(), st.booleans())
def test_may_accept_by_user_or_author_is_always_refused(
    user_of_it: Person, explainer: Person, known: bool, plain: bool
) -> None:
    current = use(
        permission_set="emergency-admin" if plain else RDS,
        user_id=user_of_it.user_id if known else "",
        session_name=user_of_it.user_name,
        state=UsageState.explained,
        explanation=replace(explanation(), by=replace(ADA_ACTS, user_id=explainer.user_id)),
    )
    everybody_approves = policy(rule(approvers=tuple(user(each.user_name) for each in EVERYBODY)))
    assert not may_accept(everybody_approves, current, user_of_it)
    assert not may_accept(everybody_approves, current, explainer)


# --- who can approve this, by which rule, and why not me? -------------------------------------------------------------

TWO = rule(name="two-people", approvals=2, requesters=(group("contractors"),), approvers=(group("security"),))
NET = rule(name="network", sets=(NETWORK,), accounts=(STAGING,))
CONTRACTORS = DenyRule(
    "no-contractors",
    "Contractors ask their lead.",
    (Action.request, Action.break_glass),
    (RDS,),
    (PRODUCTION,),
    (group("contractors"),),
)
EVERYTHING = policy(DATABASES, TWO, NET, denies=(CONTRACTORS,))

APPROVALS: dict[str, tuple[Callable[[], AccessReport], bool, str]] = {
    # sentence: (what answers, whether their approval counts, part of the reason)
    "an approver's approval counts": (
        lambda: report_access(policy(), CLEO, RDS, PRODUCTION),
        True,
        "may approve the requests of others by databases, but not their own.",
    ),
    "a requester's does not": (
        lambda: report_access(policy(), ADA, RDS, PRODUCTION),
        False,
        "Ada is not an approver. Approvers: group leads.",
    ),
    "a requester and approver approves only others": (
        lambda: report_access(policy(), BEA, RDS, PRODUCTION),
        True,
        "not their own",
    ),
    "requesters under a stricter rule are named": (
        lambda: report_access(EVERYTHING, CLEO, RDS, PRODUCTION),
        True,
        "Requests under two-people need more approvals, by other approvers.",
    ),
    "the stricter rule's approvers hear nothing of the kind": (
        lambda: report_access(EVERYTHING, DOT, RDS, PRODUCTION),
        True,
        "by two-people, but not their own.",
    ),
    "a denied approver's does not": (
        lambda: report_access(policy(denies=(DenyRule("all", "Not now.", (Action.approve,)),)), CLEO, RDS, PRODUCTION),
        False,
        "The deny rule all forbids it: Not now.",
    ),
    "none for an unknown set": (
        lambda: report_access(policy(), CLEO, "root", PRODUCTION),
        False,
        "No approval rule covers the permission set root",
    ),
    "none without a rule": (
        lambda: report_access(policy(), CLEO, NETWORK, PRODUCTION),
        False,
        "an approver. Approvers: no one",
    ),
    "none for an account that a delegated administrator can't reach": (
        lambda: report_access(
            policy(rule(accounts=(MANAGEMENT,)), settings=replace(SETTINGS, deployed_in=STAGING)),
            CLEO,
            RDS,
            MANAGEMENT,
        ),
        False,
        "a delegated administrator",
    ),
}


@pytest.mark.parametrize("sentence", APPROVALS)
def test_report_access_approval_of_others(sentence: str) -> None:
    ask, counts, reason = APPROVALS[sentence]
    approval = ask().approval
    assert bool(approval) is counts
    assert reason in approval.reason


def test_report_access_has_a_match_for_every_rule() -> None:
    assert report_access(EVERYTHING, ADA, RDS, PRODUCTION).rules == (
        RuleMatch("databases", True, "It lets Ada request. One approval by group leads."),
        RuleMatch("two-people", False, "It lets group contractors request, and Ada is not one of them."),
        RuleMatch("network", False, f"It is for {NETWORK}, not for {RDS}."),
    )
    assert report_access(EVERYTHING, EVE, NETWORK, PRODUCTION).rules[2] == RuleMatch(
        "network", False, f"It is not for account {PRODUCTION}."
    )
    assert report_access(EVERYTHING, EVE, RDS, STAGING).rules[1] == RuleMatch(
        "two-people", True, "It lets Eve request. 2 approvals by group security."
    )


DENIES: dict[str, tuple[Callable[[], AccessReport], RuleMatch]] = {
    "a deny rule that hits says what it forbids": (
        lambda: report_access(EVERYTHING, EVE, RDS, PRODUCTION),
        RuleMatch("no-contractors", True, "It forbids Eve to request, break glass: Contractors ask their lead."),
    ),
    "one for another person names its principals": (
        lambda: report_access(EVERYTHING, ADA, RDS, PRODUCTION),
        RuleMatch("no-contractors", False, "It forbids group contractors, and Ada is not one of them."),
    ),
    "one about another account says so": (
        lambda: report_access(EVERYTHING, EVE, RDS, STAGING),
        RuleMatch("no-contractors", False, f"It is not for account {STAGING}."),
    ),
    "one about another set says so": (
        lambda: report_access(EVERYTHING, EVE, NETWORK, PRODUCTION),
        RuleMatch("no-contractors", False, f"It is for {RDS}, not for {NETWORK}."),
    ),
}


@pytest.mark.parametrize("sentence", DENIES)
def test_report_access_deny_rules(sentence: str) -> None:
    ask, reading = DENIES[sentence]
    assert ask().denies == (reading,)


@given(st.sampled_from(EVERYBODY), st.sampled_from([RDS, NETWORK, "root"]), st.sampled_from([PRODUCTION, STAGING]))
def test_report_access_agrees_with_the_decisions(who: Person, permission_set: str, account: str) -> None:
    answer = report_access(EVERYTHING, who, permission_set, account)
    assert answer.request == may_request(EVERYTHING, who, permission_set, (account,))
    assert bool(answer.glass) is bool(may_break_glass(EVERYTHING, who, permission_set, (account,), quiet(10**9)))
    for current in (*EVERYBODY, person("gil", "oncall")):
        if current.user_id != who.user_id:
            request = may_request(EVERYTHING, current, permission_set, (account,))
            by_theirs = not _names(request).isdisjoint(_names(answer.approval)) and bool(answer.approval)
            counts = may_approve(EVERYTHING, current, who, permission_set, (account,))
            assert bool(counts) is (bool(request) and by_theirs)


def _names(decision: Decision) -> set[str]:
    return set((decision.rule or "").split(", ")) - {""}
