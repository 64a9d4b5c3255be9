"""More time for what is open: decided like a request, and only as long as there is something to extend."""

import pytest

from breakglass.app.domain.records import Kind, Request, State
from breakglass.app.slack import ids
from tests.app.domain.policies import ADA, CLEO
from tests.app.services.company import SECOND_CHANNEL, Company, interrupt


@pytest.fixture
def company() -> Company:
    return Company()


def opened(company: Company) -> Request:
    request = company.asked()
    company.click(CLEO, ids.APPROVE, request)
    return company.now(request)


def more_time(company: Company, request: Request, seconds: int = 7200) -> str:
    """Send the form for more time, and return its id."""
    values = {ids.DURATION: (str(seconds),), ids.REASON: ("still restoring",)}
    return company.submit(ADA, ids.EXTEND_FORM, values, about=request.id)


def extension(company: Company) -> Request:
    (only,) = [one for one in company.store.requests.values() if one.kind is Kind.extension]
    return only


def test_more_time_is_asked_for_again_and_moves_the_end(company: Company) -> None:
    request = opened(company)
    company.player.pass_time(3000)
    more_time(company, request)
    company.click(ADA, ids.APPROVE, extension(company))
    assert company.told() == "Nobody approves their own request."
    company.click(CLEO, ids.APPROVE, extension(company))
    assert company.now(request).revoke_at == company.clock() + 7200
    company.player.pass_time(3600)
    assert company.is_open()
    company.player.pass_time(3600)
    assert not company.is_open()
    assert company.now(request).state is State.ended


def test_what_would_move_nothing_is_not_asked_for(company: Company) -> None:
    request = opened(company)
    company.player.pass_time(600)
    view_id = more_time(company, request, 3000)
    assert "It lasts for another 50 min anyway" in company.seen(view_id)
    assert len(company.store.requests) == 1


def test_nobody_is_asked_any_more_when_the_access_is_over(company: Company) -> None:
    request = opened(company)
    more_time(company, request)
    company.click(ADA, ids.DONE, request)
    company.player.pass_time(300)
    assert company.now(extension(company)).state is State.failed
    assert "is over: nothing was extended" in company.message(extension(company))
    assert not any("<@UDOT>" in text for text in company.thread(extension(company))), "nobody is called"


def test_it_is_not_approved_when_the_access_is_over(company: Company) -> None:
    request = opened(company)
    more_time(company, request)
    company.click(ADA, ids.DONE, request)
    company.click(CLEO, ids.APPROVE, extension(company))
    assert company.told() == "This request is failed by now."
    assert "approved" not in company.trail(extension(company))


def test_the_glass_is_not_broken_for_access_that_is_over(company: Company) -> None:
    request = opened(company)
    more_time(company, request)
    company.player.stop(extension(company).id)
    company.clock.advance(600)
    company.click(ADA, ids.DONE, request)
    view_id = company.submit(ADA, ids.GLASS_FORM, {ids.JUSTIFICATION: ("it burns",)}, about=extension(company).id)
    assert "failed by now" in company.seen(view_id)
    assert company.slack.posted(SECOND_CHANNEL) == []


def test_extension_during_a_sweep_keeps_the_access_open(company: Company) -> None:
    request = opened(company)
    company.player.stop(request.id)
    company.clock.advance(3000)
    more_time(company, request)
    company.clock.advance(600)
    interrupt(company.workflow, "is_running", lambda: company.click(CLEO, ids.APPROVE, extension(company)))
    company.sweep()
    assert company.now(request).state is State.active
    assert company.is_open()
