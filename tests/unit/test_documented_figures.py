"""The times and limits that the documents promise are those of the code, and they fit each other.

Elsewhere tests take a limit from the code, to go right up to it. So a limit that is another one would pass them.
"""

from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

import breakglass
from breakglass.app.aws import secrets
from breakglass.app.aws.aws import BACKGROUND
from breakglass.app.domain import grant_lifecycle, records, texts
from breakglass.app.entrypoints import receiver, runtime
from breakglass.app.services import (
    announcements,
    optimistic_writes,
    provisioning,
    reconciler,
    refusal_audit,
    requests,
    session_denials,
    usage_reviews,
)
from breakglass.app.slack import signature
from breakglass.stack_file.types import Span, seconds
from localcloud.faults import Fault
from localcloud.stack import ROOT

FIGURES: dict[str, tuple[int, int, str]] = {
    # words of the document: (the code's figure, as a number, the document)
    "Breaks the alert path in 31 ways": (len(Fault), 31, "../README.md"),
    "at most 20 times in an hour": (requests.MAX_PER_HOUR, 20, "approvals/README.md"),
    "for seven days, at most 10 times in an hour": (usage_reviews.MAX_PER_HOUR, 10, "approvals/README.md"),
    "`refused`), once an hour for the same": (refusal_audit._SECONDS, 3600, "approvals/README.md"),
    "A reason has at most 3,000 characters": (texts.LONGEST_REASON, 3000, "approvals/README.md"),
    "a note 2,000": (texts.LONGEST_NOTE, 2000, "approvals/README.md"),
    "and a ticket 64": (texts.LONGEST_TICKET, 64, "approvals/README.md"),
    "before the result is known, or ten minutes have passed": (
        grant_lifecycle.SETTLE_SECONDS,
        600,
        "approvals/failures.md",
    ),
    "An announcement that is missing for five minutes counts in `MissingAnnouncements`": (
        announcements.ALARM_SECONDS,
        300,
        "approvals/failures.md",
    ),
    "within five minutes of its own clock": (signature.WINDOW_SECONDS, 300, "approvals/failures.md"),
    "read again, after five minutes": (secrets.LIFETIME_SECONDS, 300, "approvals/failures.md"),
    "opt 5 minutes past their end": (reconciler.GRACE_SECONDS, 300, "approvals/flows.md"),
}


@pytest.mark.parametrize("promise", FIGURES)
def test_figure_of_the_code_is_the_documented_one(promise: str) -> None:
    figure, documented, document = FIGURES[promise]
    assert figure == documented
    assert promise in " ".join((ROOT / "docs" / document).read_text(encoding="utf-8").split())


def test_lease_of_an_assignment_outlasts_an_unknown_creation() -> None:
    assert provisioning.LEASE_SECONDS > grant_lifecycle.SETTLE_SECONDS


def test_denial_is_kept_as_long_as_it_can_forbid_anything() -> None:
    longest = TypeAdapter(Span).validate_python("PT168H")
    assert seconds(longest) <= records.DENIALS_KEPT_SECONDS
    with pytest.raises(ValidationError):
        TypeAdapter(Span).validate_python("PT168H1S")


def test_lease_of_the_session_policy_outlasts_its_two_calls() -> None:
    longest_call = BACKGROUND.seconds + BACKGROUND.longest_pause + BACKGROUND.connect_timeout + BACKGROUND.read_timeout
    assert session_denials._LOCK_SECONDS > 2 * longest_call


def test_deny_of_sessions_stays_longer_than_clocks_differ() -> None:
    # Slack's window is the unnoticed difference of clocks; AWS's own are closer than a minute.
    assert session_denials.MARGIN_SECONDS >= 60


def test_receiver_waits_for_slack_within_three_seconds() -> None:
    assert 1 < receiver._SLACK_SECONDS
    assert 2 * receiver._SLACK_SECONDS < 3


def test_secret_is_asked_for_less_often_than_it_is_kept() -> None:
    assert secrets.PAUSE_SECONDS * 10 <= secrets.LIFETIME_SECONDS


def test_writers_may_be_as_many_as_approvers_at_once() -> None:
    assert optimistic_writes.ATTEMPTS >= 10


def test_policy_of_a_function_lies_beside_the_package() -> None:
    assert Path(breakglass.__file__).parents[1] / "policy.json" == runtime.POLICY_FILE
