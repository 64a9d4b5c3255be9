"""The times and limits that the documents promise are those of the code, and they fit each other.

Elsewhere tests take a limit from the code, to go right up to it. So a limit that is another one would pass them.
"""

from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

import breakglass
from breakglass.lambdas.adapters import secrets
from breakglass.lambdas.adapters.aws import PATIENT
from breakglass.lambdas.app import access, asking, changes, glass, refusals, sessions, sweep, uses
from breakglass.lambdas.domain import grants, records, texts
from breakglass.lambdas.handlers import front, process
from breakglass.lambdas.slack import signature
from breakglass.types import Span, seconds
from localcloud.stack import ROOT

FIGURES: dict[str, tuple[int, int, str]] = {
    # what the document says: (the code's figure, as a number, the document)
    "at most 20 times in an hour": (asking.MOST_AN_HOUR, 20, "approvals/README.md"),
    "for seven days, at most 10 times in an hour": (uses.MOST_AN_HOUR, 10, "approvals/README.md"),
    "`refused`), once an hour for the same": (refusals._SECONDS, 3600, "approvals/README.md"),
    "A reason has at most 3,000 characters": (texts.LONGEST_REASON, 3000, "approvals/README.md"),
    "a note 2,000": (texts.LONGEST_NOTE, 2000, "approvals/README.md"),
    "and a ticket 64": (texts.LONGEST_TICKET, 64, "approvals/README.md"),
    "it is known what came of it, or ten minutes have passed": (grants.SETTLE_SECONDS, 600, "approvals/failures.md"),
    "What is missing for five minutes counts in `MissingAnnouncements`": (
        glass.ALARM_SECONDS,
        300,
        "approvals/failures.md",
    ),
    "within five minutes of its own clock": (signature.WINDOW_SECONDS, 300, "approvals/failures.md"),
    "read anew, after five minutes": (secrets.LIFETIME_SECONDS, 300, "approvals/failures.md"),
    "opt 5 minutes past their end": (sweep.GRACE_SECONDS, 300, "approvals/flows.md"),
}


@pytest.mark.parametrize("promise", FIGURES)
def test_figure_of_the_code_is_the_documented_one(promise: str) -> None:
    figure, documented, document = FIGURES[promise]
    assert figure == documented
    assert promise in " ".join((ROOT / "docs" / document).read_text(encoding="utf-8").split())


def test_lease_of_an_assignment_outlasts_an_unknown_creation() -> None:
    assert access.LEASE_SECONDS > grants.SETTLE_SECONDS


def test_denial_is_kept_as_long_as_it_can_forbid_anything() -> None:
    longest = TypeAdapter(Span).validate_python("PT168H")
    assert seconds(longest) <= records.DENIALS_KEPT_SECONDS
    with pytest.raises(ValidationError):
        TypeAdapter(Span).validate_python("PT168H1S")


def test_lease_of_the_session_policy_outlasts_its_two_calls() -> None:
    longest_call = PATIENT.seconds + PATIENT.longest_pause + PATIENT.connect_timeout + PATIENT.read_timeout
    assert sessions._LEASE_SECONDS > 2 * longest_call


def test_deny_of_sessions_stays_longer_than_clocks_differ() -> None:
    # Slack's window is how far clocks may be apart that nobody has noticed; AWS's own are closer than a minute.
    assert sessions.MARGIN_SECONDS >= 60


def test_front_waits_for_slack_within_its_three_seconds() -> None:
    assert 1 < front._SLACK_SECONDS
    assert 2 * front._SLACK_SECONDS < 3


def test_secret_is_asked_for_less_often_than_it_is_kept() -> None:
    assert secrets.PAUSE_SECONDS * 10 <= secrets.LIFETIME_SECONDS


def test_writers_may_be_as_many_as_approvers_at_once() -> None:
    assert changes.ATTEMPTS >= 10


def test_policy_of_a_function_lies_beside_the_package() -> None:
    assert Path(breakglass.__file__).parents[1] / "policy.json" == process.POLICY_FILE
