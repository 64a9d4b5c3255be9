"""The limits of a stack outside the management account, from plain values."""

import pytest

from breakglass.alerts.subjects import PermissionSetSubject, RoleSubject
from breakglass.components.delegation import silent_portal_rules, unmanageable_assignments
from breakglass.stack_file.permission_sets import PairSpec
from breakglass.vocabulary import ROLE_PATHS, EvidencePath

MANAGEMENT, MEMBER = "111111111111", "222222222222"
ROLE = RoleSubject("arn:aws:iam::222222222222:role/emergency-operator")
SET = PermissionSetSubject("devops-break-glass")
PAIR = PairSpec.model_validate(
    {
        "name": "devops",
        "everyday": {},
        "breakGlass": {},
        "assignments": [
            {"group": "oncall", "accounts": [MEMBER]},
            {"group": "leads", "accounts": [MEMBER, MANAGEMENT], "sets": ["everyday"]},
        ],
    }
)


@pytest.mark.parametrize(
    ("paths", "instead"),
    [
        (list(ROLE_PATHS), "Write `evidencePaths: [session_start, console, login, denied]` here"),
        ([EvidencePath.portal], "Write `evidencePaths: [session_start]` here"),
    ],
)
def test_portal_rules_in_a_member_account_are_silent(paths: list[EvidencePath], instead: str) -> None:
    (warning,) = silent_portal_rules(paths, [SET], MEMBER, MANAGEMENT)

    assert warning.path == "alerts.evidencePaths"
    assert MANAGEMENT in warning.why
    assert instead in warning.instead


@pytest.mark.parametrize(
    ("paths", "watched", "deployed_in"),
    [
        pytest.param(list(ROLE_PATHS), [SET], MANAGEMENT, id="in the owner's account"),
        pytest.param([EvidencePath.session_start], [SET], MEMBER, id="without portal"),
        pytest.param(list(ROLE_PATHS), [ROLE], MEMBER, id="plain roles have no portal rule"),
    ],
)
def test_portal_rules_elsewhere_are_not_silent(
    paths: list[EvidencePath], watched: list[PermissionSetSubject | RoleSubject], deployed_in: str
) -> None:
    assert silent_portal_rules(paths, watched, deployed_in, MANAGEMENT) == []


def test_assignment_in_management_account_is_refused() -> None:
    (problem,) = unmanageable_assignments([PAIR], MEMBER, MANAGEMENT)

    assert problem.path == "permissionSets.pairs[0].assignments[1].accounts[1]"
    assert "each assignment of the set would fail" in problem.why


def test_assignment_by_management_account_passes() -> None:
    assert unmanageable_assignments([PAIR], MANAGEMENT, MANAGEMENT) == []
