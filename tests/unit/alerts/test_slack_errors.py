"""Every documented error of a post has a remedy, words and a fix.

Not proven here: that Slack answers with these codes.
"""

import re

import pytest

from breakglass.alerts.slack_errors import NO_ANSWER, SLACK_ERRORS, describe_slack_error
from breakglass.app import error_codes
from breakglass.app.error_codes import Remedy

SLACK_CODES = [code for code in SLACK_ERRORS if "." not in code and code != NO_ANSWER]


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("internal_error", Remedy.retry),
        ("fatal_error", Remedy.retry),
        ("ratelimited", Remedy.retry),
        ("message_limit_exceeded", Remedy.retry),
        ("restricted_too_many", Remedy.retry),
        (NO_ANSWER, Remedy.retry),
        ("States.Timeout", Remedy.retry),
        ("States.Http.StatusCode.429", Remedy.retry),
        ("States.Http.StatusCode.503", Remedy.retry),
        ("States.Http.StatusCode.507", Remedy.retry),
        ("States.Http.AccessDenied", Remedy.retry),
        ("Events.ConnectionResource.AuthInProgress", Remedy.retry),
        ("is_archived", Remedy.repair),
        ("not_in_channel", Remedy.repair),
        ("channel_not_found", Remedy.repair),
        ("token_revoked", Remedy.repair),
        ("invalid_auth", Remedy.repair),
        ("app_access_restricted", Remedy.repair),
        ("restricted_action_thread_only_channel", Remedy.repair),
        ("something_new", Remedy.repair),
        ("States.Http.StatusCode.404", Remedy.repair),
        ("Events.ConnectionResource.InvalidConnectionState", Remedy.repair),
        ("invalid_blocks", Remedy.none),
        ("msg_blocks_too_long", Remedy.none),
        ("metadata_too_large", Remedy.none),
        ("no_text", Remedy.none),
        ("States.QueryEvaluationError", Remedy.none),
    ],
)
def test_error_has_its_remedy(code: str, remedy: Remedy) -> None:
    assert describe_slack_error(code).remedy is remedy


def test_slack_codes_are_those_of_the_table_of_codes() -> None:
    in_table = error_codes.SLACK_TRANSIENT | error_codes.SLACK_TO_REPAIR | error_codes.SLACK_FINAL

    assert set(SLACK_CODES) <= in_table


@pytest.mark.parametrize("code", [*SLACK_ERRORS, "something_new", "States.SomethingNew"])
def test_error_is_a_clause_and_fix_is_a_sentence(code: str) -> None:
    error = describe_slack_error(code)

    assert re.fullmatch(r"[A-Za-z].*[^.]", error.words)
    assert re.fullmatch(r"[A-Z].*\.(md|[a-z]+)?(\.|$)", error.fix)
    # A state machine writes both as they are, and AWS reads `{%` as the start of an expression.
    assert "{%" not in error.words + error.fix


def test_fault_of_the_message_is_reported_and_others_not() -> None:
    for code in SLACK_CODES:
        error = SLACK_ERRORS[code]
        assert ("report it to the maintainers" in error.fix) is (error.remedy is Remedy.none), code
