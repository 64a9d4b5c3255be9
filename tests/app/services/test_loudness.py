"""Notices that have to arrive: the calls when nobody answers, and the word to a requester that nobody could be asked.

The announcement of a broken glass is in test_announcements.py.
"""

import pytest

from breakglass.app.domain.records import Request, State
from tests.app.services.company import Company


@pytest.fixture
def company() -> Company:
    return Company()


def calls_of_security(company: Company, request: Request) -> int:
    return sum("<@UDOT>" in text for text in company.thread(request))


def test_those_to_escalate_to_are_called_again_until_slack_takes_it(company: Company) -> None:
    request = company.asked()
    company.slack.fail("chat.postMessage", "timeout", times=3)
    company.player.pass_time(300 + 120)
    assert calls_of_security(company, request) == 0
    assert not company.now(request).escalated
    company.player.pass_time(60)
    assert calls_of_security(company, request) == 1
    assert company.trail(request).count("escalated") == 1
    company.player.pass_time(600)
    assert calls_of_security(company, request) == 1


def test_whoever_asked_is_told_in_person_that_nobody_could_be_asked(company: Company) -> None:
    company.slack.fail("chat.postMessage", "not_in_channel", times=company.player.attempts)
    request = company.asked()
    assert company.now(request).state is State.failed
    (told,) = company.slack.posted("UADA")
    assert "Nobody could be asked" in told.text


def test_so_is_whoever_asked_where_the_sweeper_finds_that(company: Company) -> None:
    company.workflow.failure = RuntimeError("Step Functions is down")
    with pytest.raises(RuntimeError):
        company.ask()
    company.workflow.failure = None
    (request,) = company.store.requests.values()
    company.workflow.start(request, 60)
    company.workflow.end(request.id)
    company.clock.advance(300)
    company.sweep()
    assert company.now(request).state is State.failed
    assert len(company.slack.posted("UADA")) == 1


def test_unasked_requester_is_told_when_slack_is_back(company: Company) -> None:
    company.slack.fail("chat.postMessage", "timeout", times=None)
    request = company.asked()
    assert company.now(request).state is State.failed
    company.sweep()
    assert company.slack.posted("UADA") == []
    company.slack.heal()
    company.sweep()
    company.sweep()
    (told,) = company.slack.posted("UADA")
    assert "Nobody could be asked" in told.text


def test_unasked_requester_who_takes_no_message_is_given_up(company: Company) -> None:
    company.slack.fail("chat.postMessage", "not_in_channel", times=company.player.attempts)
    company.slack.fail("chat.postMessage", "cannot_dm_bot", times=None)
    company.asked()
    assert list(company.store.open_requests()) == []
