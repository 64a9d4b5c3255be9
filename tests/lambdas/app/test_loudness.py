"""What somebody has to hear: those who are called when nobody answers, and everybody when the glass was broken.

Slack takes a notice or it doesn't; of most that is no matter, and of these it is.
"""

import pytest

from breakglass.lambdas.app.deciding import UntoldError
from breakglass.lambdas.domain.records import Request, State
from breakglass.lambdas.slack import ids
from tests.lambdas.app.company import CHANNEL, SECOND_CHANNEL, Company
from tests.lambdas.domain.policies import ADA


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


def break_glass(company: Company, request: Request) -> None:
    company.submit(ADA, ids.GLASS_FORM, {ids.JUSTIFICATION: ("everything burns",)}, about=request.id)


def loud(company: Company, channel: str) -> int:
    return sum("<!channel>" in message.text for message in company.slack.posted(channel))


def test_a_broken_glass_is_told_again_where_it_could_not_be_told(company: Company) -> None:
    request = company.asked()
    company.player.pass_time(600)
    company.slack.fail("chat.postMessage", "timeout", times=1)
    with pytest.raises(UntoldError):
        break_glass(company, request)
    company.player.play()
    assert company.is_open(), "the access does not wait for it"
    assert (loud(company, CHANNEL), loud(company, SECOND_CHANNEL)) == (0, 1)
    # As Lambda does what failed, a minute later.
    company.player.pass_time(60)
    break_glass(company, request)
    assert (loud(company, CHANNEL), loud(company, SECOND_CHANNEL)) == (1, 2)
    assert company.now(request).state is State.active
    assert company.trail(request).count("glass_broken") == 1


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
