"""Whole decisions: outcome, reason, rule, approvers and terms.

People read the reasons, and the audit trail stores the rule. The permissions are in test_decision.py and
test_explain.py.
"""

from collections.abc import Callable
from dataclasses import replace

import pytest

from breakglass.app.domain.decision import (
    AccessReport,
    AnswerHistory,
    Decision,
    Outcome,
    RuleMatch,
    Terms,
    check_request,
    decide_request,
    find_requestable,
    may_accept,
    may_approve,
    may_break_glass,
    may_deny,
    may_end,
    may_explain,
    may_request,
    report_access,
)
from breakglass.app.domain.policy import Action, ApprovalPolicy, DenyRule, Principal, StandingAssignment
from breakglass.app.domain.records import UsageState
from tests.app.domain.examples import ASKED, CLEO_ACTS, denial, explanation, use
from tests.app.domain.policies import (
    ADA,
    CLEO,
    DATABASES,
    DOT,
    EVE,
    FAY,
    MANAGEMENT,
    NETWORK,
    PRODUCTION,
    RDS,
    SETTINGS,
    STAGING,
    group,
    policy,
    rule,
    user,
)

LEADS, SECURITY = (group("leads"),), (group("security"),)
TERMS = Terms(
    approvals=1,
    maximum_seconds=4 * 3600,
    default_seconds=3600,
    expiry_seconds=1800,
    tickets=(),
    glass_after_seconds=600,
    not_after_denial_seconds=12 * 3600,
    mention=LEADS,
    escalate_after_seconds=300,
    escalate=SECURITY,
    banners=(),
)
TWO = rule(approvals=2)
TICKETS = policy(rule(ticket_pattern="INC-[0-9]+"), rule(name="b", ticket_pattern="[A-Z]+-1"))
FROZEN = DenyRule("freeze", "Nothing moves.", tuple(Action))
EXPLAINED = use(state=UsageState.explained, explanation=explanation())
ACCEPTED = use(state=UsageState.accepted, explanation=explanation(), accepted_by=CLEO_ACTS, accepted_at=ASKED)
BY_SECURITY = "Dot is named under `security`."


def allowed(
    reason: str, rule: str | None = None, approvers: tuple[Principal, ...] = (), terms: Terms | None = None
) -> Decision:
    return Decision(Outcome.allowed, reason, rule, approvers, terms)


def refused(
    reason: str, rule: str | None = None, approvers: tuple[Principal, ...] = (), terms: Terms | None = None
) -> Decision:
    return Decision(Outcome.refused, reason, rule, approvers, terms)


def asked(of: ApprovalPolicy, duration: int = 3600, reason: str = "it burns", ticket: str = "") -> Decision:
    return check_request(of, ADA, RDS, (PRODUCTION,), duration, reason, ticket)


def glass(waited: int) -> AnswerHistory:
    return AnswerHistory(ASKED, ASKED + waited, ())


DECISIONS: dict[str, tuple[Callable[[], Decision], Decision]] = {
    # sentence: (what decides, the whole decision)
    "a request by one approval": (
        lambda: may_request(policy(), ADA, RDS, (PRODUCTION,)),
        allowed(f"Ada may request {RDS}. It needs one approval by group leads.", "databases", LEADS, TERMS),
    ),
    "a request by two approvals": (
        lambda: may_request(policy(TWO), ADA, RDS, (PRODUCTION,)),
        allowed(
            f"Ada may request {RDS}. It needs 2 approvals by different people by group leads.",
            "databases",
            LEADS,
            replace(TERMS, approvals=2),
        ),
    ),
    "a request without a common approver": (
        lambda: may_request(
            policy(rule(accounts=(PRODUCTION,)), rule(name="s", accounts=(STAGING,), approvers=SECURITY)),
            ADA,
            RDS,
            (PRODUCTION, STAGING),
        ),
        refused(
            "No approver is named for all of these accounts, and one decision covers all of them. Request each "
            "account separately.",
            "databases, s",
        ),
    ),
    "a request that a deny rule forbids": (
        lambda: may_request(policy(denies=(FROZEN,)), ADA, RDS, (PRODUCTION,)),
        refused("The deny rule freeze forbids it: Nothing moves.", "freeze"),
    ),
    "a request by a person without a rule": (
        lambda: may_request(policy(), FAY, RDS, (PRODUCTION, STAGING)),
        refused(
            f"No rule lets Fay request {RDS} in {PRODUCTION} (production), {STAGING} (staging). "
            "Allowed requesters: group oncall."
        ),
    ),
    "a request for a set that no rule is about": (
        lambda: may_request(policy(), ADA, NETWORK, (PRODUCTION,)),
        refused(f"No rule lets Ada request {NETWORK} in {PRODUCTION} (production). No rule covers it."),
    ),
    "a request for a set that there is not": (
        lambda: may_request(policy(rule(), rule(name="s", sets=(NETWORK,))), ADA, "root", (PRODUCTION,)),
        refused(f"No approval rule covers the permission set root. The rules cover {RDS}, {NETWORK}."),
    ),
    "a request without an account": (
        lambda: may_request(policy(), ADA, RDS, ()),
        refused("A request needs at least one account."),
    ),
    "a request that reaches the management account from elsewhere": (
        lambda: may_request(policy(settings=replace(SETTINGS, deployed_in=STAGING)), ADA, RDS, (MANAGEMENT,)),
        refused(
            f"Account {MANAGEMENT} is the organization's management account, and a delegated administrator "
            f"({STAGING}) can't assign access to it: AWS refuses that."
        ),
    ),
    "what can be requested as it was written": (
        lambda: asked(policy()),
        allowed(f"Ada may request {RDS}. It needs one approval by group leads.", "databases", LEADS, TERMS),
    ),
    "the shortest time": (
        lambda: asked(policy(), 1),
        allowed(f"Ada may request {RDS}. It needs one approval by group leads.", "databases", LEADS, TERMS),
    ),
    "what one has anyway": (
        lambda: asked(policy(standing=(StandingAssignment(group("oncall"), RDS, PRODUCTION),))),
        refused(
            f"Ada has {RDS} in {PRODUCTION} (production) already, without a request. Open it in the access portal.",
            "databases",
        ),
    ),
    "too long a time": (
        lambda: asked(policy(), 5 * 3600),
        refused("Requested 5 h; the maximum here is 4 h.", "databases"),
    ),
    "no reason": (
        lambda: asked(policy(), reason=" "),
        refused("Write a reason: the approvers need it.", "databases"),
    ),
    "no ticket of two forms": (
        lambda: asked(TICKETS),
        refused("A ticket is required here, in the form INC-[0-9]+ and [A-Z]+-1.", "databases, b"),
    ),
    "a ticket of one of two forms": (
        lambda: asked(TICKETS, ticket="INC-2"),
        refused("A ticket is required here, in the form INC-[0-9]+ and [A-Z]+-1.", "databases, b"),
    ),
    "an approval that counts": (
        lambda: may_approve(policy(), ADA, CLEO, RDS, (PRODUCTION,)),
        allowed("Cleo may approve this.", "databases", LEADS, TERMS),
    ),
    "an approval by another person": (
        lambda: may_approve(policy(), ADA, EVE, RDS, (PRODUCTION,)),
        refused("Eve is not an approver. Approvers: group leads.", "databases", LEADS),
    ),
    "an approval of one's own": (
        lambda: may_approve(policy(), ADA, ADA, RDS, (PRODUCTION,)),
        refused("A requester can't approve their own request."),
    ),
    "one of two approvals": (
        lambda: decide_request(policy(TWO), ADA, RDS, (PRODUCTION,), [CLEO]),
        refused(
            "1 of 2 approvals; 1 more by group leads.",
            "databases",
            LEADS,
            replace(TERMS, approvals=2),
        ),
    ),
    "enough approvals": (
        lambda: decide_request(policy(), ADA, RDS, (PRODUCTION,), [CLEO]),
        allowed("1 of 1 approvals.", "databases", LEADS, TERMS),
    ),
    "the glass after the silence": (
        lambda: may_break_glass(policy(), ADA, RDS, (PRODUCTION,), glass(600)),
        allowed("No approver answered in time.", "databases", LEADS, TERMS),
    ),
    "the glass too early": (
        lambda: may_break_glass(policy(), ADA, RDS, (PRODUCTION,), glass(590)),
        refused(
            "The glass can be broken after 10 min without an answer; 10 s to go. The time starts again when a person "
            "approves or acknowledges it.",
            "databases",
            LEADS,
        ),
    ),
    "the glass that stays whole": (
        lambda: may_break_glass(policy(rule(glass_after_seconds=None)), ADA, RDS, (PRODUCTION,), glass(600)),
        refused(f"The glass can't be broken here: {RDS} always needs an approval.", "databases", LEADS),
    ),
    "the glass after a denial": (
        lambda: may_break_glass(
            policy(), ADA, RDS, (PRODUCTION,), AnswerHistory(ASKED, ASKED + 3600, (denial(at=ASKED),))
        ),
        refused(
            f"Cleo denied {RDS} for Ada 1 h ago (r-0). For 12 h after a denial the glass can't be broken; 11 h to go. "
            "An approver can still approve the request.",
            "databases",
            LEADS,
        ),
    ),
    "the end of one's own access": (
        lambda: may_end(policy(), ADA, ADA, RDS, (PRODUCTION,)),
        allowed("The requester may end their own access."),
    ),
    "the end by security": (lambda: may_end(policy(), DOT, ADA, RDS, (PRODUCTION,)), allowed(BY_SECURITY)),
    "the end by an approver": (
        lambda: may_end(policy(), CLEO, ADA, RDS, (PRODUCTION,)),
        allowed("Cleo is an approver for it.", "databases", LEADS),
    ),
    "the end by another person": (
        lambda: may_end(policy(), EVE, ADA, RDS, (PRODUCTION,)),
        refused("Only the requester and group security, group leads may end this access.", None, (*SECURITY, *LEADS)),
    ),
    "the end by an approver of another set": (
        lambda: may_end(policy(rule(sets=(NETWORK,))), CLEO, ADA, RDS, (PRODUCTION,)),
        refused("Only the requester and group security may end this access.", None, SECURITY),
    ),
    "the end by an approver of another account": (
        lambda: may_end(policy(rule(accounts=(STAGING,))), CLEO, ADA, RDS, (PRODUCTION,)),
        refused("Only the requester and group security may end this access.", None, SECURITY),
    ),
    "a denial of one's own request": (
        lambda: may_deny(policy(), ADA, ADA, RDS, (PRODUCTION,)),
        refused("A requester can't decide on their own request, but can withdraw it."),
    ),
    "a denial by another person": (
        lambda: may_deny(policy(), EVE, ADA, RDS, (PRODUCTION,)),
        refused("Only group security, group leads may decide on this request.", None, (*SECURITY, *LEADS)),
    ),
    "an explanation by the user": (
        lambda: may_explain(policy(), use(), ADA),
        allowed("The user of a role explains it."),
    ),
    "an explanation of an unknown user": (
        lambda: may_explain(policy(), use(user_id="", session_name="x"), FAY),
        allowed("The user is unknown, so any person may explain it."),
    ),
    "an explanation by security": (lambda: may_explain(policy(), use(), DOT), allowed(BY_SECURITY)),
    "an explanation by another person": (
        lambda: may_explain(policy(), use(), EVE),
        refused(f"Only the user of {RDS} and group security may explain this.", None, SECURITY),
    ),
    "an explanation by a person with the same name": (
        lambda: may_explain(policy(), use(user_id="u-other", session_name="fay"), FAY),
        refused(f"Only the user of {RDS} and group security may explain this.", None, SECURITY),
    ),
    "an explanation of an accepted usage": (
        lambda: may_explain(policy(), ACCEPTED, ADA),
        refused("The explanation is accepted and can't be changed."),
    ),
    "a signature before the explanation": (
        lambda: may_accept(policy(), use(), DOT),
        refused("It is not explained yet."),
    ),
    "a second acceptance": (lambda: may_accept(policy(), ACCEPTED, DOT), refused("It is accepted already.")),
    "an acceptance of one's own": (
        lambda: may_accept(policy(), EXPLAINED, ADA),
        refused("The user of the role and the author of the explanation can't accept it: a second person has to."),
    ),
    "a signature by security": (lambda: may_accept(policy(), EXPLAINED, DOT), allowed(BY_SECURITY)),
    "an acceptance by an approver": (
        lambda: may_accept(policy(), EXPLAINED, CLEO),
        allowed("Cleo is an approver by rule databases.", "databases", LEADS),
    ),
    "an acceptance by another person": (
        lambda: may_accept(policy(), EXPLAINED, EVE),
        refused("Only group security, group leads may accept this.", None, (*SECURITY, *LEADS)),
    ),
}


@pytest.mark.parametrize("sentence", DECISIONS)
def test_decision_is_exactly_this(sentence: str) -> None:
    decided, whole = DECISIONS[sentence]
    assert decided() == whole


ONE = rule(name="one", sets=(RDS, NETWORK))
OTHER = rule(name="other", sets=(NETWORK, "z"), requesters=(user("fay"),), approvers=(user("fay"),))
STRICT = rule(name="strict", approvals=2, approvers=SECURITY)
STRICTER = rule(name="stricter", approvals=3, approvers=SECURITY)
TWICE = DenyRule("twice", "Not here.", (Action.request,), sets=(NETWORK, "z"))


def test_report_access_is_exactly_this() -> None:
    assert report_access(policy(ONE, OTHER, denies=(TWICE,)), CLEO, RDS, PRODUCTION) == AccessReport(
        request=refused(
            f"No rule lets Cleo request {RDS} in {PRODUCTION} (production). Allowed requesters: group oncall."
        ),
        glass=refused(
            f"No rule lets Cleo request {RDS} in {PRODUCTION} (production). Allowed requesters: group oncall."
        ),
        approval=allowed("Cleo may approve the requests of others by one, but not their own.", "one", LEADS),
        rules=(
            RuleMatch("one", False, "It lets group oncall request, and Cleo is not one of them."),
            RuleMatch("other", False, f"It is for {NETWORK}, z, not for {RDS}."),
        ),
        denies=(RuleMatch("twice", False, f"It is for {NETWORK}, z, not for {RDS}."),),
    )


APPROVALS: dict[str, tuple[Callable[[], AccessReport], Decision]] = {
    "of an approver by two rules": (
        lambda: report_access(policy(DATABASES, rule(name="b")), CLEO, RDS, PRODUCTION),
        allowed("Cleo may approve the requests of others by databases, b, but not their own.", "databases, b", LEADS),
    ),
    "of an approver by the same number of approvals": (
        lambda: report_access(policy(DATABASES, rule(name="b", approvers=SECURITY)), CLEO, RDS, PRODUCTION),
        allowed(
            "Cleo may approve the requests of others by databases, but not their own.",
            "databases",
            (*LEADS, *SECURITY),
        ),
    ),
    "of an approver beside two stricter rules": (
        lambda: report_access(policy(DATABASES, STRICT, STRICTER), CLEO, RDS, PRODUCTION),
        allowed(
            "Cleo may approve the requests of others by databases, but not their own. Requests under strict, "
            "stricter need more approvals, by other approvers.",
            "databases",
            (*LEADS, *SECURITY),
        ),
    ),
    "of the approvers of a strict rule beside a laxer one": (
        lambda: report_access(policy(DATABASES, STRICT), DOT, RDS, PRODUCTION),
        allowed(
            "Dot may approve the requests of others by strict, but not their own.",
            "strict",
            (*LEADS, *SECURITY),
        ),
    ),
    "of an approver by a strict and by a laxer rule": (
        lambda: report_access(policy(DATABASES, rule(name="b", approvals=2)), CLEO, RDS, PRODUCTION),
        allowed("Cleo may approve the requests of others by databases, b, but not their own.", "databases, b", LEADS),
    ),
    "of another person": (
        lambda: report_access(policy(), EVE, RDS, PRODUCTION),
        refused("Eve is not an approver. Approvers: group leads.", None, LEADS),
    ),
}


@pytest.mark.parametrize("sentence", APPROVALS)
def test_report_access_approval_is_exactly_this(sentence: str) -> None:
    answered, whole = APPROVALS[sentence]
    assert answered().approval == whole


def test_find_requestable_accounts_are_those_of_the_rules() -> None:
    of = policy(rule(accounts=(STAGING,)), rule(name="n", sets=(NETWORK,), accounts=(PRODUCTION,)))
    assert find_requestable(of, ADA) == {RDS: (STAGING,), NETWORK: (PRODUCTION,)}
