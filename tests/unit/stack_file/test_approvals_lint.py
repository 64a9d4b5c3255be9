"""Warnings about valid approvals.

Not proven here: the faults (tests/unit/stack_file/test_approvals.py).
"""

from typing import Any

import pytest

from breakglass.app.domain.policy import PrincipalKind
from breakglass.stack_file.approvals import ApprovalSettings
from breakglass.stack_file.check import validate_stack
from breakglass.stack_file.mentions import Mention, assigned, mentioned
from breakglass.stack_file.permission_sets import PermissionSets
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
    """Return the warnings: path -> the whole text in one line."""
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


def test_ordinary_section_gives_no_warning() -> None:
    assert warnings() == {}


def test_set_with_assignment_but_no_rule_gives_warning() -> None:
    told = warnings((("permissionSets", "pairs", 1), OTHER_PAIR))
    assert told.keys() == {"permissionSets.pairs[1].breakGlass"}
    assert 'value: "network-break-glass"' in told["permissionSets.pairs[1].breakGlass"]
    assert "Only its assignments give access to it." in told["permissionSets.pairs[1].breakGlass"]


def test_set_without_rule_or_assignment_gives_warning() -> None:
    nobodys = {**OTHER_PAIR, "assignments": [{**OTHER_PAIR["assignments"][0], "sets": ["everyday"]}]}
    told = warnings((("permissionSets", "pairs", 1), nobodys))
    assert "No assignment gives access to it either." in told["permissionSets.pairs[1].breakGlass"]


def test_requester_with_assignment_gives_warning() -> None:
    told = warnings(((*RULE, "requesters", 1), {"group": "database-oncall"}))
    assert told.keys() == {"permissionSets.pairs[0].assignments[0]"}
    text = told["permissionSets.pairs[0].assignments[0]"]
    assert 'value: "database-oncall"' in text
    assert "gives them devops-break-glass in 222222222222 all the time" in text
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
def test_requester_with_other_assignment_gives_no_warning(changes: list[tuple[Keys, object]]) -> None:
    assert warnings(((*RULE, "requesters", 1), {"group": "database-oncall"}), *changes) == {}


def test_only_approver_as_requester_gives_warning() -> None:
    told = warnings(
        ((*RULE, "requesters"), [{"group": "developers"}, {"user": "ada"}]), ((*RULE, "approvers"), [{"user": "ada"}])
    )
    assert told.keys() == {"approvals.rules[0].requesters[1]"}
    assert 'value: "ada"' in told["approvals.rules[0].requesters[1]"]


def test_approver_group_gives_no_warning() -> None:
    assert warnings(((*RULE, "requesters"), [{"user": "ada"}])) == {}


def test_deny_of_all_approvers_gives_warning() -> None:
    told = warnings(((*APPROVALS, "denies"), [FREEZE]))
    assert told.keys() == {"approvals.rules[0].approvers"}
    assert (
        "No approver of this rule can approve now: the deny rule freeze forbids all of them"
        in told["approvals.rules[0].approvers"]
    )


def test_denies_of_all_approvers_together_give_warning() -> None:
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
    assert "the deny rules one and other forbid all of them" in told["approvals.rules[0].approvers"]
    assert 'value: ["database-leads", "ada"]' in told["approvals.rules[0].approvers"]


@pytest.mark.parametrize(
    "deny",
    [
        {**FREEZE, "actions": ["request"]},
        {**FREEZE, "accounts": ["222222222222"]},
        {**FREEZE, "principals": [{"group": "contractors"}]},
    ],
)
def test_deny_that_leaves_an_approver_gives_no_warning(deny: dict[str, Any]) -> None:
    assert warnings(((*RULE, "accounts"), ["222222222222", "333333333333"]), ((*APPROVALS, "denies"), [deny])) == {}


LONG = [
    ((*BREAK_GLASS, "sessionDuration"), "PT3H"),
    ((*BREAK_GLASS, "allowLongSession"), True),
    ((*BREAK_GLASS, "longSessionReason"), "A restore takes two hours."),
]


def test_session_longer_than_access_gives_warning() -> None:
    told = warnings(*LONG)
    assert told.keys() == {"approvals.rules[0].maximumDuration"}
    text = told["approvals.rules[0].maximumDuration"]
    assert 'value: "PT1H"' in text
    assert "a session of devops-break-glass lasts PT3H" in text


@pytest.mark.parametrize("changes", [[((*RULE, "maximumDuration"), "PT3H")], [((*APPROVALS, "endSessions"), True)]])
def test_session_within_access_gives_no_warning(
    changes: list[tuple[Keys, object]],
) -> None:
    assert warnings(*LONG, *changes) == {}


def test_deny_in_account_without_rule_gives_warning() -> None:
    told = warnings(((*APPROVALS, "denies"), [{**FREEZE, "accounts": ["222222222222", "222222222223"]}]))
    assert "approvals.denies[0].accounts[1]" in told
    assert 'value: "222222222223"' in told["approvals.denies[0].accounts[1]"]
    assert "approvals.denies[0].accounts[0]" not in told


def test_stack_without_approvals_gives_no_warning() -> None:
    raw = stack_with_approvals((APPROVALS, None), (("permissionSets", "pairs", 1), OTHER_PAIR))
    assert stack_files.warnings(raw) == []


# --- names -----------------------------------------------------------------------------------------------------------


def test_mentioned_yields_every_name_with_its_path() -> None:
    found = approvals(
        (
            (*RULE, "requesters"),
            [{"group": "developers"}, {"userId": USER_ID}],
        ),
        ((*RULE, "ping"), [{"user": "grace"}, {"slackGroup": "S0123ABCD"}]),
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


def test_assigned_yields_only_break_glass_assignments() -> None:
    sets = permission_sets(
        ((*PAIR, "assignments", 1), {"user": "ada", "accounts": ["222222222222"], "sets": ["everyday"]}),
        ((*PAIR, "assignments", 2), {"user": "grace", "accounts": ["222222222222"], "sets": ["breakGlass"]}),
    )
    assert list(assigned(sets.pairs)) == [
        Mention("pairs[0].assignments[0].group", PrincipalKind.group, "database-oncall"),
        Mention("pairs[0].assignments[2].user", PrincipalKind.user, "grace"),
    ]
