"""Who a Slack user is: pins, the two IDs of an Enterprise Grid, addresses that do not count, and missing scopes.

Not shown here: guests, bots and other workspaces (test_stories.py); how AWS compares addresses (L65).
"""

from dataclasses import replace
from typing import Any

import pytest

from breakglass.app.error_codes import PermanentError
from breakglass.app.ports import SlackError
from breakglass.app.services import dispatch
from breakglass.app.services.identity import ImpostorError, StrangerError, person_of
from breakglass.app.slack.payloads import HomeOpened, SlackActor
from tests.app.domain.policies import ADA, BEA, policy
from tests.app.doubles.slack import TEAM, user_object
from tests.app.services.company import Company, texts

REMEDY = "`approvals.people`"


def company_with(people: dict[str, str]) -> Company:
    return Company(replace(policy(), people=people))


def who(company: Company, slack_id: str) -> str:
    """Return the user whom a Slack ID acts for."""
    return person_of(company.world, SlackActor(slack_id, TEAM)).user_id


def join(company: Company, slack_id: str, **changes: Any) -> None:
    """Add a Slack user with Ada's address in Identity Center."""
    company.slack.users[slack_id] = {**user_object(ADA), "id": slack_id, **changes}


# --- pins ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def pinned() -> Company:
    """Ada is pinned to UADA, where her address is another one; a second Slack user has the address."""
    company = company_with({"UADA": "u-ada"})
    company.slack.users["UADA"]["profile"]["email"] = "ada@private.example"
    join(company, "UOTHER000")
    return company


def test_user_pinned_to_another_slack_id_is_refused(pinned: Company) -> None:
    assert who(pinned, "UADA") == "u-ada"
    with pytest.raises(ImpostorError, match="pinned to another Slack account"):
        who(pinned, "UOTHER000")


def test_user_pinned_to_another_slack_id_is_in_the_trail(pinned: Company) -> None:
    impostor = replace(ADA, slack_id="UOTHER000")
    assert "pinned to another" in pinned.seen(pinned.command(impostor))
    dispatch.do(pinned.world, HomeOpened(SlackActor("UOTHER000", TEAM), "Ev1"), None)
    assert "pinned to another" in texts(pinned.slack.homes["UOTHER000"])[0]
    assert [(one.event, one.actor.name, "The user ada" in one.note) for one in pinned.store.trail] == [
        ("refused", "Slack user UOTHER000", True),
        ("refused", "Slack user UOTHER000", True),
    ]


def test_user_not_pinned_is_found_by_address(pinned: Company) -> None:
    assert who(pinned, "UBEA") == "u-bea"


# --- two IDs ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("listed", ["UADA", "WADA"])
@pytest.mark.parametrize("acting", ["UADA", "WADA"])
def test_entry_for_either_grid_id_works_for_both(listed: str, acting: str) -> None:
    company = company_with({listed: "u-ada"})
    grid = {"id": "WADA", "enterprise_id": "E0CORP001", "teams": [TEAM]}
    join(company, acting, id="UADA", enterprise_user=grid, profile={"email": "ada@other.example"})
    assert who(company, acting) == "u-ada"


def test_entries_for_both_grid_ids_that_differ_are_refused() -> None:
    company = company_with({"UADA": "u-ada", "WADA": "u-bea"})
    join(company, "WADA", id="UADA", enterprise_user={"id": "WADA"})
    with pytest.raises(StrangerError, match="names a different user for each"):
        who(company, "WADA")


@pytest.mark.parametrize("odd", [None, {}, {"id": None}, {"id": 7}])
def test_odd_enterprise_user_is_passed_over(odd: dict[str, Any] | None) -> None:
    company = Company()
    join(company, "UADA", enterprise_user=odd)
    assert who(company, "UADA") == "u-ada"


# --- addresses that do not count -------------------------------------------------------------------------------------


UNUSABLE: dict[str, tuple[dict[str, Any], str]] = {
    "not confirmed": ({"is_email_confirmed": False}, "joined by single sign-on"),
    "nothing said": ({"is_email_confirmed": None}, "joined by single sign-on"),
    "hidden": ({"profile": {"real_name": "Ada"}}, "does not show this app your e-mail address"),
    "an empty profile": ({"profile": {}}, "does not show this app your e-mail address"),
    "other case": ({"profile": {"email": "ADA@example.com"}}, "differ only in upper and lower case"),
    "nobody's": ({"profile": {"email": "ada@else.example"}}, "No enabled user"),
}


@pytest.mark.parametrize("sentence", UNUSABLE)
def test_unusable_address_is_refused_with_the_remedy(sentence: str) -> None:
    changes, told = UNUSABLE[sentence]
    company = Company()
    join(company, "UADA", **changes)
    with pytest.raises(StrangerError, match=told) as refused:
        who(company, "UADA")
    assert REMEDY in str(refused.value)
    assert "@" not in str(refused.value)


def test_unconfirmed_address_of_a_pinned_person_is_no_obstacle() -> None:
    company = company_with({"UADA": "u-ada"})
    join(company, "UADA", is_email_confirmed=False, profile={})
    assert who(company, "UADA") == "u-ada"


# --- missing scopes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "scope"), [("users.info", "users:read"), ("users.lookupByEmail", "users:read.email")]
)
def test_missing_scope_is_the_operators_fault(method: str, scope: str) -> None:
    company = Company()
    company.slack.users["UBEA"]["profile"] = {"real_name": "Bea"}
    company.slack.fail(method, "missing_scope", times=None)
    with pytest.raises(PermanentError, match="missing_scope"):
        company.command(BEA)
    (told,) = [texts(view) for view in company.slack.views.values()]
    assert f"lacks the permission {scope}" in "".join(told)
    assert "Nothing is wrong with your account" in "".join(told)
    assert ("missing_scope", {"scope": scope}) in company.log.lines
    assert company.store.trail == [], "it is no refusal of theirs"


def test_address_probe_that_fails_otherwise_is_tried_again() -> None:
    company = Company()
    company.slack.users["UBEA"]["profile"] = {"real_name": "Bea"}
    company.slack.fail("users.lookupByEmail", "timeout")
    with pytest.raises(SlackError):
        who(company, "UBEA")
