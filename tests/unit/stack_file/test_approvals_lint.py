"""What is worth saying about approvals that are not wrong, and about what AWS answers.

Not proven here: what is refused (tests/unit/stack_file/test_approvals.py), and that AWS is asked (tests/components).
"""

from typing import Any

import pytest

from breakglass.app.domain.policy import PrincipalKind
from breakglass.stack_file.approvals import ApprovalSettings
from breakglass.stack_file.check import validate_stack
from breakglass.stack_file.permission_sets import PermissionSets
from breakglass.stack_file.principals import Mention, assigned, mentioned
from tests.unit.stack_file import stack_files
from tests.unit.stack_file.stack_files import (
    APPROVALS,
    ASSIGNMENT,
    BREAK_GLASS,
    PAIR,
    RULE,
    STACKS,
    Keys,
    policy,
    stack_with_approvals,
)

USER_ID = "0123456789-abcdef01-2345-6789-abcd-ef0123456789"
FREEZE: dict[str, Any] = {"name": "freeze", "reason": "Christmas.", "actions": ["request", "approve"]}
OTHER_PAIR: dict[str, Any] = {
    "name": "network",
    "everyday": {},
    "breakGlass": {"inlinePolicy": policy("ec2:CreateRoute")},
    "assignments": [{"group": "network-oncall", "accounts": ["222222222222"]}],
}


def warnings(*changes: tuple[Keys, object]) -> dict[str, str]:
    """What is warned of: the whole text in one line, by the path."""
    told = stack_files.warnings(stack_with_approvals(*changes))
    found = {problem.path.removeprefix("breakglass:"): " ".join(str(problem).split()) for problem in told}
    assert len(found) == len(told)
    return found


def approvals(*changes: tuple[Keys, object]) -> ApprovalSettings:
    found = validate_stack(stack_with_approvals(*changes), STACKS).approvals
    assert found is not None
    return found


def permission_sets(*changes: tuple[Keys, object]) -> PermissionSets:
    found = validate_stack(stack_with_approvals(*changes), STACKS).permission_sets
    assert found is not None
    return found


# --- the file alone --------------------------------------------------------------------------------------------------


def test_nothing_is_warned_of_where_nothing_is_odd() -> None:
    assert warnings() == {}


def test_a_set_without_a_rule_has_only_those_of_its_assignments() -> None:
    told = warnings((("permissionSets", "pairs", 1), OTHER_PAIR))
    assert told.keys() == {"permissionSets.pairs[1].breakGlass"}
    assert 'value: "network-break-glass"' in told["permissionSets.pairs[1].breakGlass"]
    assert "Only those have it whom its assignments name." in told["permissionSets.pairs[1].breakGlass"]


def test_a_set_without_a_rule_and_without_an_assignment_is_nobodys() -> None:
    nobodys = {**OTHER_PAIR, "assignments": [{**OTHER_PAIR["assignments"][0], "sets": ["everyday"]}]}
    told = warnings((("permissionSets", "pairs", 1), nobodys))
    assert "Nobody has it by an assignment." in told["permissionSets.pairs[1].breakGlass"]


def test_a_request_of_what_is_there_all_the_time_is_pointless() -> None:
    told = warnings(((*RULE, "requesters", 1), {"group": "database-oncall"}))
    assert told.keys() == {"permissionSets.pairs[0].assignments[0]"}
    text = told["permissionSets.pairs[0].assignments[0]"]
    assert 'value: "database-oncall"' in text
    assert "They have devops-break-glass in 222222222222 all the time" in text
    assert "Add `sets: [everyday]`" in text


@pytest.mark.parametrize(
    "changes",
    [
        [((*ASSIGNMENT, "sets"), ["everyday"])],
        [((*ASSIGNMENT, "accounts"), ["333333333333"])],
        # A user of that name is no member of that group, as far as the file tells.
        [((*ASSIGNMENT, "group"), None), ((*ASSIGNMENT, "user"), "database-oncall")],
    ],
)
def test_an_assignment_of_something_else_makes_no_request_pointless(changes: list[tuple[Keys, object]]) -> None:
    assert warnings(((*RULE, "requesters", 1), {"group": "database-oncall"}), *changes) == {}


def test_whoever_is_the_only_approver_cannot_have_their_own_request_approved() -> None:
    told = warnings(
        ((*RULE, "requesters"), [{"group": "developers"}, {"user": "ada"}]), ((*RULE, "approvers"), [{"user": "ada"}])
    )
    assert told.keys() == {"approvals.rules[0].requesters[1]"}
    assert 'value: "ada"' in told["approvals.rules[0].requesters[1]"]


def test_who_is_in_a_group_is_not_guessed() -> None:
    assert warnings(((*RULE, "requesters"), [{"user": "ada"}])) == {}


def test_a_freeze_is_called_to_mind() -> None:
    told = warnings(((*APPROVALS, "denies"), [FREEZE]))
    assert told.keys() == {"approvals.rules[0].approvers"}
    assert "Nobody can approve by this rule for now: freeze of `denies` forbids" in told["approvals.rules[0].approvers"]


def test_deny_rules_that_forbid_all_approvers_together_are_called_to_mind() -> None:
    told = warnings(
        ((*RULE, "approvers"), [{"group": "database-leads"}, {"user": "ada"}]),
        (
            (*APPROVALS, "denies"),
            [
                {**FREEZE, "name": "one", "principals": [{"user": "ada"}], "sets": ["devops-break-glass"]},
                {**FREEZE, "name": "other", "principals": [{"user": "grace"}, {"group": "database-leads"}]},
            ],
        ),
    )
    assert "one and other of `denies`" in told["approvals.rules[0].approvers"]
    assert 'value: ["database-leads", "ada"]' in told["approvals.rules[0].approvers"]


@pytest.mark.parametrize(
    "deny",
    [
        {**FREEZE, "actions": ["request"]},
        {**FREEZE, "accounts": ["222222222222"]},
        {**FREEZE, "principals": [{"group": "contractors"}]},
    ],
)
def test_a_deny_rule_that_leaves_somebody_to_approve_somewhere_is_nothing_odd(deny: dict[str, Any]) -> None:
    assert warnings(((*RULE, "accounts"), ["222222222222", "333333333333"]), ((*APPROVALS, "denies"), [deny])) == {}


LONG = [
    ((*BREAK_GLASS, "sessionDuration"), "PT3H"),
    ((*BREAK_GLASS, "allowLongSession"), True),
    ((*BREAK_GLASS, "longSessionReason"), "A restore takes two hours."),
]


def test_a_session_that_outlives_the_longest_access_is_warned_of() -> None:
    told = warnings(*LONG)
    assert told.keys() == {"approvals.rules[0].maximumDuration"}
    text = told["approvals.rules[0].maximumDuration"]
    assert 'value: "PT1H"' in text
    assert "one of devops-break-glass lives for PT3H" in text


@pytest.mark.parametrize("changes", [[((*RULE, "maximumDuration"), "PT3H")], [((*APPROVALS, "endSessions"), True)]])
def test_a_session_that_ends_with_the_access_or_is_no_longer_is_not_warned_of(
    changes: list[tuple[Keys, object]],
) -> None:
    assert warnings(*LONG, *changes) == {}


def test_what_is_forbidden_where_nothing_is_allowed_may_be_a_slip_of_the_pen() -> None:
    told = warnings(((*APPROVALS, "denies"), [{**FREEZE, "accounts": ["222222222222", "222222222223"]}]))
    assert "approvals.denies[0].accounts[1]" in told
    assert 'value: "222222222223"' in told["approvals.denies[0].accounts[1]"]
    assert "approvals.denies[0].accounts[0]" not in told


def test_a_stack_without_approvals_is_not_judged() -> None:
    raw = stack_with_approvals((APPROVALS, None), (("permissionSets", "pairs", 1), OTHER_PAIR))
    assert stack_files.warnings(raw) == []


# --- names -----------------------------------------------------------------------------------------------------------


def test_every_name_of_the_section_is_found_with_its_place() -> None:
    found = approvals(
        (
            (*RULE, "requesters"),
            [{"group": "developers"}, {"userId": USER_ID}],
        ),
        ((*RULE, "ping"), [{"user": "grace"}]),
        ((*RULE, "escalate"), {"after": "PT5M", "ping": [{"group": "managers"}]}),
        ((*APPROVALS, "security"), [{"group": "security"}]),
        ((*APPROVALS, "people"), {"U0123ABCD": "ada"}),
        ((*APPROVALS, "denies"), [{**FREEZE, "principals": [{"group": "contractors"}]}]),
    )
    group, user = PrincipalKind.group, PrincipalKind.user
    assert list(mentioned(found)) == [
        Mention("rules[0].requesters[0].group", group, "developers"),
        Mention("rules[0].approvers[0].group", group, "database-leads", frozenset({"developers"})),
        Mention("rules[0].ping[0].user", user, "grace"),
        Mention("rules[0].escalate.ping[0].group", group, "managers"),
        Mention("denies[0].principals[0].group", group, "contractors"),
        Mention("security[0].group", group, "security"),
        Mention("people.U0123ABCD", user, "ada"),
    ]


def test_only_assignments_of_break_glass_sets_are_looked_up() -> None:
    sets = permission_sets(
        ((*PAIR, "assignments", 1), {"user": "ada", "accounts": ["222222222222"], "sets": ["everyday"]}),
        ((*PAIR, "assignments", 2), {"user": "grace", "accounts": ["222222222222"], "sets": ["breakGlass"]}),
    )
    assert list(assigned(sets.pairs)) == [
        Mention("pairs[0].assignments[0].group", PrincipalKind.group, "database-oncall"),
        Mention("pairs[0].assignments[2].user", PrincipalKind.user, "grace"),
    ]
