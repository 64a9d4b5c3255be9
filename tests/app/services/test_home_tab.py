"""What belongs into whose Home tab."""

from typing import Any

import pytest

from breakglass.app.domain.people import Person
from breakglass.app.domain.records import State
from breakglass.app.services import dispatch
from breakglass.app.slack import ids
from breakglass.app.slack.payloads import Click, HomeOpened
from tests.app.domain.policies import ADA, BEA, CLEO, DOT, FAY
from tests.app.services.company import Company, texts


@pytest.fixture
def company() -> Company:
    return Company()


def home(company: Company, person: Person) -> dict[str, Any]:
    dispatch.do(company.world, HomeOpened(company.actor(person), "Ev1"), None)
    return company.slack.homes[str(person.slack_id)]


def chosen(company: Company, person: Person, action_id: str, value: str) -> str:
    dispatch.do(company.world, Click(company.actor(person), "t-1", action_id, value, None, "VHOME", "", {}), None)
    return "\n".join(texts(company.slack.homes[str(person.slack_id)]))


def buttons(view: dict[str, Any]) -> list[tuple[str, str]]:
    """Return (action, record) of every button of a view."""
    elements = [one for block in view["blocks"] for one in [*block.get("elements", []), block.get("accessory") or {}]]
    return [(one["action_id"], one["value"]) for one in elements if one.get("type") == "button"]


def test_a_request_waits_for_whoever_may_approve_it_and_for_nobody_else(company: Company) -> None:
    request = company.asked(BEA)
    assert (ids.APPROVE, request.id) in buttons(home(company, CLEO))
    assert (ids.APPROVE, request.id) not in buttons(home(company, BEA))
    assert (ids.WITHDRAW, request.id) in buttons(home(company, BEA))
    assert (ids.APPROVE, request.id) not in buttons(home(company, ADA))


def test_what_is_open_can_be_ended_by_those_who_may_end_it(company: Company) -> None:
    request = company.asked()
    company.click(CLEO, ids.APPROVE, request)
    assert (ids.END, request.id) in buttons(home(company, DOT))
    assert (ids.DONE, request.id) in buttons(home(company, ADA))
    assert (ids.END, request.id) not in buttons(home(company, FAY))


def test_a_click_in_the_home_tab_shows_it_as_it_is_then(company: Company) -> None:
    request = company.asked()
    home(company, CLEO)
    company.click(CLEO, ids.APPROVE, request, at_home=True)
    assert company.now(request).state is State.active
    assert (ids.APPROVE, request.id) not in buttons(company.slack.homes["UCLEO"])


def test_everybodys_history_is_for_security_only(company: Company) -> None:
    request = company.asked()
    company.click(CLEO, ids.APPROVE, request)
    company.click(ADA, ids.DONE, request)
    assert request.id in chosen(company, DOT, ids.HOME_FILTER, "all:ended")
    assert request.id not in chosen(company, DOT, ids.HOME_FILTER, "all:denied")
    assert request.id not in chosen(company, CLEO, ids.HOME_FILTER, "all:ended")
    assert request.id in chosen(company, ADA, ids.HOME_FILTER, "mine:ended")


def test_a_history_of_several_pages_goes_on_where_the_last_ended(company: Company) -> None:
    requests = []
    for _ in range(23):
        company.clock.advance(300)
        request = company.asked()
        company.click(ADA, ids.WITHDRAW, request)
        requests.append(request.id)
    first = chosen(company, ADA, ids.HOME_FILTER, "mine:withdrawn")
    assert [one in first for one in requests] == [False] * 3 + [True] * 20
    (more,) = [value for action, value in buttons(company.slack.homes["UADA"]) if action == ids.HOME_MORE]
    second = chosen(company, ADA, ids.HOME_MORE, more)
    assert [one in second for one in requests] == [True] * 3 + [False] * 20


def test_a_button_with_a_cursor_that_means_nothing_shows_the_beginning(company: Company) -> None:
    request = company.asked()
    assert request.id in chosen(company, ADA, ids.HOME_MORE, "mine:any|garbage")


def test_a_guest_who_looks_reads_why_there_is_nothing_and_gets_no_message(company: Company) -> None:
    company.slack.users["UFAY"]["is_restricted"] = True
    assert texts(home(company, FAY)) == ["Guests of this workspace get no access to AWS here."]
    assert company.slack.made("chat.postMessage") == []
