"""The Home tab: its content for each person."""

from typing import Any

from breakglass.app.domain.people import Person
from breakglass.app.domain.records import State
from breakglass.app.services import dispatch
from breakglass.app.slack import ids
from breakglass.app.slack.payloads import Click, HomeOpened
from tests.app.domain.policies import ADA, BEA, CLEO, DOT, FAY
from tests.app.services.fake_workspace import FakeWorkspace, texts


def home(workspace: FakeWorkspace, person: Person) -> dict[str, Any]:
    dispatch.handle_interaction(workspace.context, HomeOpened(workspace.actor(person)), None)
    return workspace.slack.homes[str(person.slack_id)]


def chosen(workspace: FakeWorkspace, person: Person, action_id: str, value: str) -> str:
    dispatch.handle_interaction(
        workspace.context, Click(workspace.actor(person), "t-1", action_id, value, None, "VHOME", "", {}), None
    )
    return "\n".join(texts(workspace.slack.homes[str(person.slack_id)]))


def buttons(view: dict[str, Any]) -> list[tuple[str, str]]:
    """Return (action, record) of every button of a view."""
    elements = [
        element for block in view["blocks"] for element in [*block.get("elements", []), block.get("accessory") or {}]
    ]
    return [(element["action_id"], element["value"]) for element in elements if element.get("type") == "button"]


def test_home_tab_offers_a_request_to_its_approvers_only(workspace: FakeWorkspace) -> None:
    request = workspace.request_access(BEA)
    assert (ids.APPROVE, request.id) in buttons(home(workspace, CLEO))
    assert (ids.APPROVE, request.id) not in buttons(home(workspace, BEA))
    assert (ids.WITHDRAW, request.id) in buttons(home(workspace, BEA))
    assert (ids.APPROVE, request.id) not in buttons(home(workspace, ADA))


def test_home_tab_offers_the_end_to_authorized_people(workspace: FakeWorkspace) -> None:
    request = workspace.grant_access()
    assert (ids.END, request.id) in buttons(home(workspace, DOT))
    assert (ids.DONE, request.id) in buttons(home(workspace, ADA))
    assert (ids.END, request.id) not in buttons(home(workspace, FAY))


def test_click_in_the_home_tab_publishes_it_again(workspace: FakeWorkspace) -> None:
    request = workspace.request_access()
    home(workspace, CLEO)
    workspace.click(CLEO, ids.APPROVE, request, at_home=True)
    assert workspace.reload(request).state is State.active
    assert (ids.APPROVE, request.id) not in buttons(workspace.slack.homes["UCLEO"])


def test_history_of_all_requests_is_for_security_only(workspace: FakeWorkspace) -> None:
    request = workspace.grant_access()
    workspace.click(ADA, ids.DONE, request)
    assert request.id in chosen(workspace, DOT, ids.HOME_FILTER, "all:ended")
    assert request.id not in chosen(workspace, DOT, ids.HOME_FILTER, "all:denied")
    assert request.id not in chosen(workspace, CLEO, ids.HOME_FILTER, "all:ended")
    assert request.id in chosen(workspace, ADA, ids.HOME_FILTER, "mine:ended")


def test_history_of_several_pages_continues(workspace: FakeWorkspace) -> None:
    requests = []
    for _ in range(23):
        workspace.clock.advance(300)
        request = workspace.request_access()
        workspace.click(ADA, ids.WITHDRAW, request)
        requests.append(request.id)
    first = chosen(workspace, ADA, ids.HOME_FILTER, "mine:withdrawn")
    assert [request in first for request in requests] == [False] * 3 + [True] * 20
    (more,) = [value for action, value in buttons(workspace.slack.homes["UADA"]) if action == ids.HOME_MORE]
    second = chosen(workspace, ADA, ids.HOME_MORE, more)
    assert [request in second for request in requests] == [True] * 3 + [False] * 20


def test_history_with_an_invalid_cursor_shows_the_first_page(workspace: FakeWorkspace) -> None:
    request = workspace.request_access()
    assert request.id in chosen(workspace, ADA, ids.HOME_MORE, "mine:any|garbage")


def test_home_tab_of_a_guest_says_why_it_is_closed(workspace: FakeWorkspace) -> None:
    workspace.slack.users["UFAY"]["is_restricted"] = True
    assert texts(home(workspace, FAY)) == ["Guests of this workspace get no access to AWS here."]
    assert workspace.slack.made("chat.postMessage") == []
