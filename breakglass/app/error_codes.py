"""The error codes of AWS and Slack, each with its remedy.

`Remedy.retry`: the same call may succeed later. `Remedy.repair`: it fails until an operator repairs a permission, a
scope or a channel. `Remedy.none`: it always fails, because a message or a user no longer exists.

Other codes: AWS's 5xx, and calls without an answer, are retried; AWS's other errors need a repair. Slack's are retried,
since Slack adds codes without notice and every retry here has a limit.

Sources: botocore's standard retry mode; "Common errors" of each service's API reference; "Errors" of each method at
https://docs.slack.dev/reference/methods; for the reasons of Identity Center hashicorp/terraform-provider-aws#1927 and
org-formation/org-formation-cli#66.

Non-goals: retrying (see `aws.aws`, `aws.slack_api`, and the definition of the workflow).
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum


class Remedy(StrEnum):
    """The remedy for an error."""

    retry = "retry"
    repair = "repair"
    none = "none"


AWS_TRANSIENT = frozenset(
    {
        "BandwidthLimitExceeded",
        # Internal errors. Not every service returns them as 5xx: Organizations documents 400.
        "InternalServerError",
        "InternalServerException",
        "InternalServiceError",
        "ServiceException",
        "KmsThrottlingException",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "RequestTimeout",
        "RequestTimeoutException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
"""The same call may succeed a moment later."""

AWS_BUSY = frozenset(
    {
        "ConcurrentModificationException",
        "ConflictException",
        # Step Functions: too many executions at once.
        "ExecutionLimitExceeded",
        "PolicyChangesInProgressException",
        # Lambda: the function is being updated.
        "ResourceConflictException",
        # Identity Center: too many pending creations and deletions, among others.
        "ServiceQuotaExceededException",
    }
)
"""Another operation has to end first: the same call may succeed minutes later."""

SLACK_TRANSIENT = frozenset(
    {
        "fatal_error",
        "internal_error",
        "message_limit_exceeded",
        "rate_limited",
        "ratelimited",
        "request_timeout",
        "restricted_too_many",
        "service_unavailable",
        "team_added_to_org",
        "timeout",
        "unknown_error",
        "unreachable",
    }
)
"""Slack has an internal problem, or did not answer in time."""

SLACK_TO_REPAIR = frozenset(
    {
        "access_denied",
        "accesslimited",
        "account_inactive",
        "app_access_restricted",
        "app_missing_action_url",
        "channel_not_found",
        "ekm_access_denied",
        "enterprise_is_restricted",
        "invalid_auth",
        "invalid_token",
        "is_archived",
        "messages_tab_disabled",
        "missing_scope",
        "no_permission",
        "not_allowed_token_type",
        "not_authed",
        "not_in_channel",
        "org_login_required",
        "restricted_action",
        "restricted_action_non_threadable_channel",
        "restricted_action_read_only_channel",
        "restricted_action_thread_locked",
        "restricted_action_thread_only_channel",
        "send_on_behalf_not_allowed",
        "slack_connect_canvas_sharing_blocked",
        "slack_connect_file_link_sharing_blocked",
        "slack_connect_lists_sharing_blocked",
        "team_access_not_granted",
        "team_not_found",
        "token_expired",
        "token_revoked",
        "two_factor_setup_required",
    }
)
"""An operator has to repair the app's token, its scopes, its channel or the workspace."""

SLACK_FINAL = frozenset(
    {
        "as_user_not_supported",
        "attachment_payload_limit_exceeded",
        "cannot_dm_bot",
        "cannot_reply_to_message",
        "cant_update_message",
        "deprecated_endpoint",
        "draft_already_deleted",
        "draft_already_sent",
        "draft_has_conflict",
        "draft_not_found",
        "duplicate_channel_not_found",
        "duplicate_message_not_found",
        "edit_window_closed",
        "exchanged_trigger_id",
        "expired_trigger_id",
        "hash_conflict",
        "invalid_arg_name",
        "invalid_arguments",
        "invalid_array_arg",
        "invalid_blocks",
        "invalid_blocks_format",
        "invalid_charset",
        "invalid_form_data",
        "invalid_json",
        "invalid_metadata_format",
        "invalid_metadata_schema",
        "invalid_post_type",
        "invalid_time",
        "json_not_object",
        "markdown_text_conflict",
        "message_not_found",
        "metadata_must_be_sent_from_app",
        "metadata_too_large",
        "method_deprecated",
        "missing_charset",
        "missing_file_data",
        "missing_post_type",
        "msg_blocks_too_long",
        "msg_too_long",
        "no_text",
        "not_found",
        "superfluous_charset",
        "time_in_past",
        "time_too_far",
        "too_many_attachments",
        "too_many_contact_cards",
        "user_disabled",
        "user_not_found",
        "user_not_in_channel",
        "user_not_visible",
        "users_not_found",
        "view_too_large",
    }
)
"""The object of the call no longer exists, belongs to others, or is not accepted by Slack."""

TRANSIENT_REASONS = (
    "unexpected internal service exception",
    "wait for role propagation",
)
"""Parts of Identity Center's `FailureReason` after which the same creation may succeed later."""


class PermanentError(Exception):
    """AWS or Slack refuses a call with this code, and a retry does not help."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code
        self.remedy = Remedy.repair


def remedy_of_aws(code: str, status: int) -> Remedy:
    """Return the remedy for an error code of AWS; the HTTP status is 0 without an answer."""
    is_transient_code = status == 0 or status >= 500 or status == 429 or code in AWS_TRANSIENT | AWS_BUSY
    return Remedy.retry if is_transient_code else Remedy.repair


def remedy_of_slack(code: str) -> Remedy:
    """Return the remedy for an error code of Slack."""
    if code in SLACK_FINAL:
        return Remedy.none
    return Remedy.repair if code in SLACK_TO_REPAIR else Remedy.retry


def remedy_of(error: Exception) -> Remedy:
    """Return the remedy for an error; one that is not of AWS or Slack may be transient."""
    remedy = getattr(error, "remedy", Remedy.retry)
    return remedy if isinstance(remedy, Remedy) else Remedy.retry


def is_transient(reason: str) -> bool:
    """Return true if a creation that failed with this reason may succeed later."""
    return any(part in reason.lower() for part in TRANSIENT_REASONS)


def error_code(error: Exception) -> str:
    """Return AWS's or Slack's error code; empty if the error has no code."""
    code = getattr(error, "code", "") or getattr(error, "error", "")
    return code if isinstance(code, str) else ""


def describe_error(error: Exception) -> dict[str, str]:
    """Return the log fields of an error: its type, and AWS's or Slack's code; never its message."""
    code = error_code(error)
    return {"error": type(error).__name__, **({"code": code} if code else {})}


def permanent_error_code(cause: str) -> str:
    """Return the code of a `PermanentError` in the cause of a Lambda failure; else empty."""
    try:
        failure = json.loads(cause)
        message = failure["errorMessage"] if failure["errorType"] == PermanentError.__name__ else ""
    except (KeyError, TypeError, ValueError):
        return ""
    return message if isinstance(message, str) and _CODE.fullmatch(message) else ""


_CODE = re.compile(r"[A-Za-z0-9_.]{1,64}")


@contextmanager
def raise_permanent_errors() -> Iterator[None]:
    """Raise `PermanentError` for an error that a retry does not help, so that the workflow does not retry.

    Raises:
        PermanentError: instead of such an error.
    """
    try:
        yield
    except Exception as error:
        if remedy_of(error) is Remedy.retry:
            raise
        raise PermanentError(error_code(error)) from error
