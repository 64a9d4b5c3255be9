"""The meaning of error codes; that AWS and Slack answer with them is not shown here."""

import pytest

from breakglass.app import error_codes
from breakglass.app.aws.aws import UNREADABLE, AwsError
from breakglass.app.error_codes import Remedy
from breakglass.app.ports import BusyError, SlackError


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (AwsError("ThrottlingException", "", 400), Remedy.retry),
        (AwsError("ConflictException", "", 400), Remedy.retry),
        (AwsError("ServiceQuotaExceededException", "", 400), Remedy.retry),
        (AwsError("InternalServerException", "", 500), Remedy.retry),
        (AwsError("ServiceException", "", 400), Remedy.retry),
        (AwsError("KmsThrottlingException", "", 400), Remedy.retry),
        (AwsError("TransactionConflictException", "", 400), Remedy.retry),
        (AwsError("ExecutionLimitExceeded", "", 400), Remedy.retry),
        (AwsError("ResourceConflictException", "", 409), Remedy.retry),
        (AwsError("Unreachable", "", 0), Remedy.retry),
        (AwsError(UNREADABLE, "", 200), Remedy.retry),
        (AwsError("AccessDeniedException", "", 400), Remedy.repair),
        (AwsError("SomethingNew", "", 400), Remedy.repair),
        (SlackError("chat.update", "rate_limited"), Remedy.retry),
        (SlackError("chat.update", "something_new"), Remedy.retry),
        (SlackError("chat.update", "missing_scope"), Remedy.repair),
        (SlackError("chat.update", "not_in_channel"), Remedy.repair),
        (SlackError("chat.update", "cant_update_message"), Remedy.none),
        (SlackError("chat.update", "message_not_found"), Remedy.none),
        (SlackError("users.info", "user_not_found"), Remedy.none),
        (BusyError("lease"), Remedy.retry),
        (ValueError("unreadable"), Remedy.retry),
    ],
    ids=lambda value: str(value),
)
def test_remedy_of_an_error_is_in_the_table(error: Exception, remedy: Remedy) -> None:
    assert error_codes.remedy_of(error) is remedy


def test_code_tables_share_no_code() -> None:
    of_slack = [error_codes.SLACK_TRANSIENT, error_codes.SLACK_TO_REPAIR, error_codes.SLACK_FINAL]
    assert len(frozenset().union(*of_slack)) == sum(map(len, of_slack))
    assert not error_codes.AWS_TRANSIENT & error_codes.AWS_BUSY


@pytest.mark.parametrize(
    ("reason", "transient"),
    [
        ("An unexpected internal service exception was encountered", True),
        (
            "Received a 403 status error: Access denied by IAM. Please check your policy, or wait for role propagation "
            "to complete and try again.",
            True,
        ),
        ("Received a 404 status error: the USER assignee was not found in directory d-1234567890.", False),
        ("", False),
    ],
)
def test_transient_reason_of_a_failure_is_recognized(reason: str, transient: bool) -> None:
    assert error_codes.is_transient(reason) is transient


def test_describe_holds_type_and_code_but_no_message() -> None:
    error = AwsError("AccessDeniedException", "arn of somebody", 400)
    assert error_codes.describe_error(error) == {"error": "AwsError", "code": "AccessDeniedException"}
    assert error_codes.describe_error(ValueError("text of a user")) == {"error": "ValueError"}


@pytest.mark.parametrize(
    ("cause", "code"),
    [
        ('{"errorMessage": "missing_scope", "errorType": "PermanentError"}', "missing_scope"),
        ('{"errorMessage": "missing_scope", "errorType": "ValueError"}', ""),
        ('{"errorMessage": "<!channel> text of a user", "errorType": "PermanentError"}', ""),
        ('{"errorMessage": 7, "errorType": "PermanentError"}', ""),
        ("[]", ""),
        ("", ""),
    ],
)
def test_refused_code_is_read_of_a_permanent_error_only(cause: str, code: str) -> None:
    assert error_codes.permanent_error_code(cause) == code
