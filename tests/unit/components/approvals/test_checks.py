"""The section `approvals` against the answers of AWS.

Not proven here: the calls to AWS (tests/components).
"""

from typing import Any

import pytest

from breakglass.app.domain.policy import Principal, PrincipalKind, Rule
from breakglass.components.approvals.checks import (
    everyday_approvers,
    management_account_problems,
    session_deny_problems,
    unapprovable_rules,
    unknown_accounts,
    unresolved,
)
from breakglass.stack_file.approvals import ApprovalSettings
from breakglass.stack_file.check import validate_stack
from breakglass.stack_file.mentions import Mention, mentioned
from breakglass.stack_file.permission_sets import PermissionSets
from tests.unit.stack_file.stack_files import (
    APPROVALS,
    ASSIGNMENT,
    PAIR,
    RULE,
    STACKS,
    Keys,
    policy,
    stack_with_approvals,
)

FREEZE: dict[str, Any] = {"name": "freeze", "reason": "Christmas.", "actions": ["request", "approve"]}


def approvals(*changes: tuple[Keys, object]) -> ApprovalSettings:
    found = validate_stack(stack_with_approvals(*changes), STACKS).approvals
    assert found is not None
    return found


def permission_sets(*changes: tuple[Keys, object]) -> PermissionSets:
    found = validate_stack(stack_with_approvals(*changes), STACKS).permission_sets
    assert found is not None
    return found


def test_unresolved_name_is_reported_with_nearest() -> None:
    names = [
        Mention("rules[0].requesters[0].group", PrincipalKind.group, "databse-oncall"),
        Mention("rules[0].approvers[0].group", PrincipalKind.group, "database-leads"),
        Mention("people.U0123ABCD", PrincipalKind.user, "database-leads"),
    ]
    there = {(PrincipalKind.group, "database-leads"), (PrincipalKind.group, "database-oncall")}
    group, user = unresolved(names, there, at="breakglass.approvals.")
    assert (group.path, group.value) == ("breakglass.approvals.rules[0].requesters[0].group", '"databse-oncall"')
    assert group.instead.startswith("Did you mean database-oncall? Write the display name of the group")
    assert user.path == "breakglass.approvals.people.U0123ABCD"
    assert user.instead.startswith("Write the user name")


def test_closest_prefers_other_case_to_other_letter() -> None:
    there = {(PrincipalKind.group, name) for name in ("database-lead", "Database-Leads")}
    (problem,) = unresolved([Mention("security[0].group", PrincipalKind.group, "database-leads")], there)
    assert problem.instead.startswith("Did you mean Database-Leads?")


@pytest.mark.parametrize("requesters", ["database-oncall", "Database-Oncall", "databse-oncall"])
def test_advice_for_approvers_never_names_requesters(requesters: str) -> None:
    found = approvals(
        ((*RULE, "requesters"), [{"group": requesters}]),
        ((*RULE, "approvers"), [{"group": "database-oncal"}]),
    )
    *_, problem = unresolved(mentioned(found), {(PrincipalKind.group, "database-oncall")})
    assert problem.path == "approvals.rules[0].approvers[0].group"
    assert problem.instead.startswith("Write the display name")


# --- accounts --------------------------------------------------------------------------------------------------------

ACCOUNTS = {"111111111111": "management", "222222222222": "production", "333333333333": "staging"}


def test_known_accounts_give_no_problem() -> None:
    assert unknown_accounts(approvals(), ACCOUNTS) == []


def test_unknown_account_is_reported_with_nearest() -> None:
    odd = approvals(
        ((*RULE, "accounts"), ["222222222222", "222222222223"]),
        ((*APPROVALS, "denies"), [{**FREEZE, "accounts": ["987698769876"]}]),
    )
    rule, deny = unknown_accounts(odd, ACCOUNTS, at="x.approvals.")
    assert (rule.path, rule.value) == ("x.approvals.rules[0].accounts[1]", '"222222222223"')
    assert rule.instead == "Did you mean 222222222222 (production)? Copy the ID from AWS Organizations."
    assert (deny.path, deny.instead) == ("x.approvals.denies[0].accounts[0]", "Copy the ID from AWS Organizations.")


def test_delegated_administrator_with_management_rule_is_told() -> None:
    reaching = approvals(
        ((*RULE, "accounts"), ["222222222222", "111111111111"]),
        ((*APPROVALS, "denies"), [{**FREEZE, "accounts": ["111111111111"]}]),
    )
    (problem,) = management_account_problems(reaching, deployed_in="333333333333", management_account="111111111111")
    assert problem.path == "approvals.rules[0].accounts[1]"
    assert "333333333333, a delegated administrator" in problem.why
    assert management_account_problems(reaching, deployed_in="111111111111", management_account="111111111111") == []


def test_end_sessions_that_may_fail_gives_warning() -> None:
    ending = approvals(((*APPROVALS, "endSessions"), True), ((*RULE, "accounts"), ["111111111111"]))
    delegated, unbound = session_deny_problems(ending, deployed_in="333333333333", management_account="111111111111")
    assert "organization's resource policy" in delegated.why
    assert "no service control policy applies" in unbound.why
    assert {delegated.path, unbound.path} == {"approvals.endSessions"}


def test_end_sessions_of_member_accounts_gives_no_warning() -> None:
    ending = approvals(((*APPROVALS, "endSessions"), True))
    assert session_deny_problems(ending, deployed_in="111111111111", management_account="111111111111") == []
    not_ending = approvals(((*RULE, "accounts"), ["111111111111"]))
    assert session_deny_problems(not_ending, deployed_in="333333333333", management_account="111111111111") == []


@pytest.mark.parametrize(
    ("accounts", "sets", "warned"),
    [
        (["111111111111"], ["everyday"], True),
        (["222222222222", "111111111111"], ["everyday", "breakGlass"], True),
        (["222222222222"], ["everyday"], False),
        (["111111111111"], ["breakGlass"], False),
    ],
)
def test_everyday_set_that_can_decide_gives_warning(accounts: list[str], sets: list[str], warned: bool) -> None:
    reaching = permission_sets(
        ((*PAIR, "everyday", "inlinePolicy"), policy("rds:Describe*", "lambda:InvokeFunction")),
        ((*ASSIGNMENT, "accounts"), accounts),
        ((*ASSIGNMENT, "sets"), sets),
    )
    found = [
        (problem.path, problem.value)
        for problem in everyday_approvers(reaching.pairs, deployed_in="111111111111", region="eu-central-1")
    ]
    told = [("permissionSets.pairs[0].everyday.inlinePolicy.Statement[0]", '"lambda:InvokeFunction"')]
    assert found == (told if warned else [])


# --- members ---------------------------------------------------------------------------------------------------------


def principal(name: str) -> Principal:
    """A group if its name is a plural, else a user; the id is the name."""
    kind = PrincipalKind.group if name.endswith("s") else PrincipalKind.user
    return Principal(kind, name, name)


def rule(requesters: str, approvers: str, approvals: int = 1) -> Rule:
    return Rule(
        name="databases",
        sets=("devops-break-glass",),
        accounts=("222222222222",),
        requesters=tuple(map(principal, requesters.split())),
        approvers=tuple(map(principal, approvers.split())),
        approvals=approvals,
        maximum_seconds=3600,
        default_seconds=3600,
        expiry_seconds=1800,
    )


@pytest.mark.parametrize(
    ("judged", "members"),
    [
        (rule("developers", "leads"), {"developers": ["ada"], "leads": ["grace"]}),
        (rule("leads", "leads"), {"leads": ["ada", "grace"]}),
        (rule("developers", "leads ada"), {"developers": ["ada"], "leads": ["grace"]}),
        (rule("developers", "ada"), {"developers": ["ada", "grace"]}),
        (rule("developers", "leads", 2), {"developers": ["ada"], "leads": ["ada", "grace", "alan"]}),
    ],
)
def test_rule_with_approvable_request_gives_no_warning(judged: Rule, members: dict[str, list[str]]) -> None:
    assert unapprovable_rules([judged], members) == []


@pytest.mark.parametrize(
    ("judged", "members"),
    [
        (rule("developers", "ada"), {"developers": ["ada"]}),
        (rule("leads", "leads"), {"leads": ["ada"]}),
        (rule("developers", "leads"), {"developers": ["ada"], "leads": []}),
        (rule("developers", "leads grace", 3), {"developers": ["alan"], "leads": ["ada", "grace"]}),
        (rule("developers", "leads", 2), {"developers": ["ada", "grace"], "leads": ["ada", "grace"]}),
    ],
)
def test_rule_without_other_approvers_gives_warning(judged: Rule, members: dict[str, list[str]]) -> None:
    (problem,) = unapprovable_rules([rule("ada", "grace"), judged], members)
    assert problem.path == "approvals.rules[1].approvers"
    assert f"needs {judged.approvals} approval" in problem.why


def test_rule_without_requesters_gives_warning() -> None:
    (problem,) = unapprovable_rules([rule("developers", "grace")], {"developers": []})
    assert (problem.path, problem.value) == ("approvals.rules[0].requesters", '["developers"]')
