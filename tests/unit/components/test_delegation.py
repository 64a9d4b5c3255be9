"""The limits of a stack outside the management account, from plain values."""

import json
from typing import Any

import pytest

from breakglass.alerts.subjects import PermissionSetSubject, RoleSubject
from breakglass.components.delegation import (
    silent_portal_rules,
    spoke_stack_text,
    unmakeable_spokes,
    unmanageable_assignments,
)
from breakglass.stack_file.alerts import Alerts
from breakglass.stack_file.organization import Organization
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


# --- hubs -------------------------------------------------------------------------------------------------------------

ID = "o-exampleorgid"
BUS = "arn:aws:events:eu-central-1:222222222222:event-bus/breakglass-prod-hub"
REGIONS = ["eu-central-1", "us-east-1"]


def organization(**spokes: Any) -> Organization:
    return Organization.model_validate({"id": ID, "spokes": {"units": ["r-ab12"], "regions": REGIONS, **spokes}})


def alerts(watch: dict[str, Any], **spokes: Any) -> Alerts:
    """The section of a hub."""
    return Alerts.model_validate(
        {
            "region": "eu-central-1",
            "slack": {"channel": "C0123456789"},
            "watch": watch,
            "organization": organization(**spokes).model_dump(),
        }
    )


@pytest.mark.parametrize(
    ("call_as", "deployed_in"),
    [("self", MANAGEMENT), ("delegatedAdmin", MEMBER), ("elsewhere", MANAGEMENT), ("elsewhere", MEMBER)],
)
def test_makeable_spokes_have_no_problem(call_as: str, deployed_in: str) -> None:
    assert unmakeable_spokes(organization(callAs=call_as), ID, deployed_in, MANAGEMENT) == []


@pytest.mark.parametrize(
    ("call_as", "deployed_in", "instead"),
    [("self", MEMBER, "Write `callAs: delegatedAdmin`"), ("delegatedAdmin", MANAGEMENT, "Write `callAs: self`.")],
)
def test_caller_that_cloudformation_refuses_is_refused(call_as: str, deployed_in: str, instead: str) -> None:
    (problem,) = unmakeable_spokes(organization(callAs=call_as), ID, deployed_in, MANAGEMENT)

    assert problem.path == "alerts.organization.spokes.callAs"
    assert problem.instead.startswith(instead)


def test_id_of_another_organization_is_refused() -> None:
    (problem,) = unmakeable_spokes(organization(), "o-anotherorgid", MANAGEMENT, MANAGEMENT)

    assert problem.path == "alerts.organization.id"
    assert problem.instead == "Write o-anotherorgid."


def section_of(text: str | None) -> dict[str, Any]:
    """The section that a text names."""
    return json.loads((text or "").split("`breakglass:alerts: ")[1].split("`")[0])


def test_hub_elsewhere_names_the_stack_of_the_management_account() -> None:
    text = spoke_stack_text(alerts({}), BUS, MEMBER, MANAGEMENT)

    assert (text or "").startswith(f"The management account, {MANAGEMENT}, needs a stack of its own")
    assert section_of(text) == {"region": "eu-central-1", "regions": REGIONS, "forwardTo": BUS}


def test_named_stack_watches_what_the_hub_does() -> None:
    role, user = "arn:aws:iam::111111111111:role/door", "arn:aws:iam::111111111111:user/ada"
    watch = {"users": [user], "rolePath": "/break-glass/", "independentDoor": {"roles": [role]}}
    text = spoke_stack_text(alerts(watch), BUS, MEMBER, MANAGEMENT)

    assert section_of(text)["watch"] == {"roles": [role], "users": [user], "rolePath": "/break-glass/"}


def test_hub_of_unknown_organization_names_the_stack_as_well() -> None:
    text = spoke_stack_text(alerts({}), BUS, MEMBER, None)

    assert (text or "").startswith(f"Unless {MEMBER} is the management account, that one needs a stack of its own")
    assert section_of(text)["forwardTo"] == BUS


def test_excluded_management_account_is_said_to_be_unreported() -> None:
    text = spoke_stack_text(alerts({}, exclude=[MANAGEMENT]), BUS, MEMBER, MANAGEMENT)

    assert "the roll call does not report that the stack is missing" in (text or "")


def test_hub_in_the_management_account_needs_no_other_stack() -> None:
    assert spoke_stack_text(alerts({}), BUS, MANAGEMENT, MANAGEMENT) is None
