"""The identity of a Slack user: pins, Enterprise Grid IDs, unusable addresses, and missing scopes.

Not shown here: guests, bots and other workspaces (test_stories.py); AWS's comparison of addresses (L65).
"""

from dataclasses import replace
from typing import Any

import pytest

from breakglass.app.error_codes import PermanentError
from breakglass.app.ports import SlackError
from breakglass.app.services import dispatch
from breakglass.app.services.identity import PinnedUserError, UnknownUserError, identify_user
from breakglass.app.slack.payloads import HomeOpened, SlackActor
from tests.app.domain.policies import ADA, BEA, policy
from tests.app.doubles.slack import TEAM, user_object
from tests.app.services.fake_workspace import FakeWorkspace, texts

REMEDY = "`approvals.people`"


def workspace_with(people: dict[str, str]) -> FakeWorkspace:
    return FakeWorkspace(replace(policy(), people=people))


def who(workspace: FakeWorkspace, slack_id: str) -> str:
    """Return the user ID behind a Slack ID."""
    return identify_user(workspace.context, SlackActor(slack_id, TEAM)).user_id


def join(workspace: FakeWorkspace, slack_id: str, **changes: Any) -> None:
    """Add a Slack user with Ada's address in Identity Center."""
    workspace.slack.users[slack_id] = {**user_object(ADA), "id": slack_id, **changes}


# --- pins ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def pinned() -> FakeWorkspace:
    """Ada is pinned to UADA, where her address is another one; a second Slack user has the address."""
    workspace = workspace_with({"UADA": "u-ada"})
    workspace.slack.users["UADA"]["profile"]["email"] = "ada@private.example"
    join(workspace, "UOTHER000")
    return workspace


def test_user_pinned_to_another_slack_id_is_refused(pinned: FakeWorkspace) -> None:
    assert who(pinned, "UADA") == "u-ada"
    with pytest.raises(PinnedUserError, match="pinned to another Slack account"):
        who(pinned, "UOTHER000")


def test_user_pinned_to_another_slack_id_is_in_the_trail(pinned: FakeWorkspace) -> None:
    impostor = replace(ADA, slack_id="UOTHER000")
    assert "pinned to another" in pinned.view_text(pinned.command(impostor))
    dispatch.handle_interaction(pinned.context, HomeOpened(SlackActor("UOTHER000", TEAM)), None)
    assert "pinned to another" in texts(pinned.slack.homes["UOTHER000"])[0]
    assert [(entry.event, entry.actor.name, "The user ada" in entry.note) for entry in pinned.store.trail] == [
        ("refused", "Slack user UOTHER000", True),
        ("refused", "Slack user UOTHER000", True),
    ]


def test_user_not_pinned_is_found_by_address(pinned: FakeWorkspace) -> None:
    assert who(pinned, "UBEA") == "u-bea"


# --- two IDs ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("listed", ["UADA", "WADA"])
@pytest.mark.parametrize("acting", ["UADA", "WADA"])
def test_entry_for_either_grid_id_works_for_both(listed: str, acting: str) -> None:
    workspace = workspace_with({listed: "u-ada"})
    grid = {"id": "WADA", "enterprise_id": "E0CORP001", "teams": [TEAM]}
    join(workspace, acting, id="UADA", enterprise_user=grid, profile={"email": "ada@other.example"})
    assert who(workspace, acting) == "u-ada"


def test_entries_for_both_grid_ids_that_differ_are_refused() -> None:
    workspace = workspace_with({"UADA": "u-ada", "WADA": "u-bea"})
    join(workspace, "WADA", id="UADA", enterprise_user={"id": "WADA"})
    with pytest.raises(UnknownUserError, match="names a different user for each"):
        who(workspace, "WADA")


@pytest.mark.parametrize("odd", [None, {}, {"id": None}, {"id": 7}])
def test_odd_enterprise_user_is_passed_over(odd: dict[str, Any] | None) -> None:
    workspace = FakeWorkspace()
    join(workspace, "UADA", enterprise_user=odd)
    assert who(workspace, "UADA") == "u-ada"


# --- addresses that do not count -------------------------------------------------------------------------------------


UNUSABLE: dict[str, tuple[dict[str, Any], str]] = {
    "not confirmed": ({"is_email_confirmed": False}, "users of single sign-on"),
    "nothing said": ({"is_email_confirmed": None}, "users of single sign-on"),
    "hidden": ({"profile": {"real_name": "Ada"}}, "does not show this app your e-mail address"),
    "an empty profile": ({"profile": {}}, "does not show this app your e-mail address"),
    "other case": ({"profile": {"email": "ADA@example.com"}}, "differ in upper and lower case"),
    "nobody's": ({"profile": {"email": "ada@else.example"}}, "No enabled user"),
}


@pytest.mark.parametrize("sentence", UNUSABLE)
def test_unusable_address_is_refused_with_the_remedy(sentence: str) -> None:
    changes, told = UNUSABLE[sentence]
    workspace = FakeWorkspace()
    join(workspace, "UADA", **changes)
    with pytest.raises(UnknownUserError, match=told) as refused:
        who(workspace, "UADA")
    assert REMEDY in str(refused.value)
    assert "@" not in str(refused.value)


def test_unconfirmed_address_of_a_pinned_person_is_no_obstacle() -> None:
    workspace = workspace_with({"UADA": "u-ada"})
    join(workspace, "UADA", is_email_confirmed=False, profile={})
    assert who(workspace, "UADA") == "u-ada"


# --- missing scopes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "scope"), [("users.info", "users:read"), ("users.lookupByEmail", "users:read.email")]
)
def test_missing_scope_is_the_operators_fault(method: str, scope: str) -> None:
    workspace = FakeWorkspace()
    workspace.slack.users["UBEA"]["profile"] = {"real_name": "Bea"}
    workspace.slack.fail(method, "missing_scope", times=None)
    with pytest.raises(PermanentError, match="missing_scope"):
        workspace.command(BEA)
    (told,) = [texts(view) for view in workspace.slack.views.values()]
    assert f"lacks the scope {scope}" in "".join(told)
    assert "Nothing is wrong with your account" in "".join(told)
    assert ("missing_scope", {"scope": scope}) in workspace.log.lines
    assert workspace.store.trail == [], "it is no refusal of the user"


def test_address_probe_that_fails_otherwise_is_tried_again() -> None:
    workspace = FakeWorkspace()
    workspace.slack.users["UBEA"]["profile"] = {"real_name": "Bea"}
    workspace.slack.fail("users.lookupByEmail", "timeout")
    with pytest.raises(SlackError):
        who(workspace, "UBEA")
