"""The errors of posting or scheduling a message in Slack, in words and with their fixes.

The delivery's state machine writes these texts into its e-mails, the probe into its alarms, and the commands show them.

The remedy is that of `app.error_codes`, the one table of error codes: `Remedy.retry` (the same call may succeed
later), `Remedy.repair` (a person has to repair something) and `Remedy.none` (Slack refuses what this program sent, so
the message has to become another one). Only two things differ: an error of Slack that no table has needs a person here,
since a lost alert is worse than a needless e-mail; and the errors of Step Functions' HTTP Task are here, which the
functions never see.

Sources: "Errors" of https://docs.slack.dev/reference/methods/chat.postMessage and
https://docs.slack.dev/reference/methods/chat.scheduleMessage; "Call HTTPS APIs in Step Functions workflows" and
"Handling errors in Step Functions workflows" (AWS Step Functions Developer Guide); recorded answers of AWS for
`States.Http.StatusCode.N` and `Events.ConnectionResource.*` (decision 0035).

Non-goals: errors of Slack's other methods (see `app.error_codes`), and retrying.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from breakglass.app.error_codes import Remedy, remedy_of_slack

NO_ANSWER = "no_answer"
"""The code of an answer without an error code: HTML of a proxy, an empty object, a list."""


@dataclass(frozen=True)
class SlackFailure:
    """The failure of a call to Slack.

    Attributes:
        remedy: retry it, repair something, or send another message (`Remedy.none`).
        words: the error, one clause without a full stop.
        fix: the action of a person, in one or two sentences.
    """

    remedy: Remedy
    words: str
    fix: str


_WAIT = "Wait: see https://slack-status.com."
_REINSTALL = "Reinstall the Slack app and rotate the token: docs/runbooks/rotate-the-token.md."
_CHANNEL = (
    "Invite the Slack app to the channel, or write another channel ID into the stack file: docs/runbooks/slack-app.md."
)
_ADMINISTRATOR = "Ask an administrator of the Slack workspace."
_SCOPES = "Give the app the scopes of docs/runbooks/slack-app.md, reinstall it, and rotate the token."
_REPORT = "The message is at fault, not Slack: report it to the maintainers of this program with the error code."
_ENDPOINT = "Check `postMessageUrl` in the stack file, and the proxies on the way to Slack."
_CONNECTION = "Run `pulumi up`, which repairs the EventBridge connection: docs/runbooks/rotate-the-token.md."
_ROLE = "Run `pulumi up --refresh`, which repairs the role of the state machine."

_TEXTS: Mapping[str, tuple[str, str]] = {
    # Slack, the same call may succeed later.
    "fatal_error": ("Slack had an internal error, and the message may be there all the same", _WAIT),
    "internal_error": ("Slack had an internal error", _WAIT),
    "rate_limited": ("too many messages were sent", "Wait a minute. Look for other apps with the same token."),
    "ratelimited": ("too many messages were sent", "Wait a minute. Look for other apps with the same token."),
    "request_timeout": ("Slack did not receive the whole message", _WAIT),
    "service_unavailable": ("Slack is not available", _WAIT),
    "team_added_to_org": ("the workspace is moving to an Enterprise organization", _WAIT),
    "message_limit_exceeded": (
        "the workspace exceeds the limit of messages of its plan",
        f"{_ADMINISTRATOR} A free workspace may have to delete messages or change its plan.",
    ),
    "restricted_too_many": (
        "too many messages are scheduled for the same five minutes in the channel",
        "Wait five minutes. Look for other apps that schedule messages in this channel.",
    ),
    # Slack, a person has to repair something.
    "access_denied": ("access to the workspace is denied", _ADMINISTRATOR),
    "accesslimited": ("the workspace does not accept calls from this network", _ADMINISTRATOR),
    "account_inactive": ("the app's bot user was removed, or the workspace was deleted", _REINSTALL),
    "app_access_restricted": ("the workspace restricts this app", _ADMINISTRATOR),
    "channel_not_found": ("the channel does not exist, or is private without the app as a member", _CHANNEL),
    "ekm_access_denied": ("the organization suspended its encryption keys", _ADMINISTRATOR),
    "enterprise_is_restricted": ("the token belongs to an organization, not to a workspace", _REINSTALL),
    "invalid_auth": (
        "the token is wrong, or the workspace does not accept calls from AWS's addresses",
        f"{_REINSTALL} If the app has a list of allowed IP addresses, delete the list: the addresses of AWS change.",
    ),
    "invalid_token": ("the token is wrong", _REINSTALL),
    "is_archived": ("the channel is archived", "Unarchive the channel, or write another one into the stack file."),
    "messages_tab_disabled": ("the channel is the app's own tab, which is disabled", _CHANNEL),
    "missing_scope": ("the app lacks the scope chat:write", _SCOPES),
    "no_permission": ("the app lacks a permission, or is not a member of the channel", _CHANNEL),
    "not_allowed_token_type": ("the token is not a bot token", _REINSTALL),
    "not_authed": ("no token arrived", _CONNECTION),
    "not_in_channel": ("the app is not a member of the channel", _CHANNEL),
    "org_login_required": ("the workspace is moving to an Enterprise organization", _ADMINISTRATOR),
    "restricted_action": ("a setting of the workspace forbids the app to post", _ADMINISTRATOR),
    "restricted_action_non_threadable_channel": ("the channel has no threads", _CHANNEL),
    "restricted_action_read_only_channel": ("the channel is read-only", f"{_CHANNEL} {_ADMINISTRATOR}"),
    "restricted_action_thread_locked": ("an administrator locked the thread", _ADMINISTRATOR),
    "restricted_action_thread_only_channel": ("the channel accepts replies in threads only", _CHANNEL),
    "send_on_behalf_not_allowed": ("the app may not post for this user", _ADMINISTRATOR),
    "slack_connect_canvas_sharing_blocked": ("an administrator blocked canvases in shared channels", _ADMINISTRATOR),
    "slack_connect_file_link_sharing_blocked": ("an administrator blocked files in shared channels", _ADMINISTRATOR),
    "slack_connect_lists_sharing_blocked": ("an administrator blocked lists in shared channels", _ADMINISTRATOR),
    "team_access_not_granted": ("the token is not granted this workspace", _REINSTALL),
    "team_not_found": ("the channel's workspace is unknown", _CHANNEL),
    "token_expired": ("the token has expired", _REINSTALL),
    "token_revoked": ("the token was revoked", _REINSTALL),
    "two_factor_setup_required": ("the workspace demands two-factor authentication", _ADMINISTRATOR),
    # Slack refuses what this program sent.
    **dict.fromkeys(
        ("invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long"),
        ("Slack does not accept the layout of the message", _REPORT),
    ),
    **dict.fromkeys(
        (
            "invalid_metadata_format",
            "invalid_metadata_schema",
            "metadata_must_be_sent_from_app",
            "metadata_too_large",
        ),
        ("Slack does not accept the metadata of the message", _REPORT),
    ),
    **dict.fromkeys(
        ("invalid_time", "time_in_past", "time_too_far"),
        ("Slack does not accept the time for which the message is scheduled", _REPORT),
    ),
    "msg_too_long": ("the text of the message is too long", _REPORT),
    "no_text": ("the message has no text", _REPORT),
    **dict.fromkeys(
        (
            "as_user_not_supported",
            "attachment_payload_limit_exceeded",
            "cannot_reply_to_message",
            "deprecated_endpoint",
            "draft_already_deleted",
            "draft_already_sent",
            "draft_has_conflict",
            "draft_not_found",
            "duplicate_channel_not_found",
            "duplicate_message_not_found",
            "invalid_arg_name",
            "invalid_arguments",
            "invalid_array_arg",
            "invalid_charset",
            "invalid_form_data",
            "invalid_json",
            "invalid_post_type",
            "json_not_object",
            "markdown_text_conflict",
            "method_deprecated",
            "missing_charset",
            "missing_file_data",
            "missing_post_type",
            "superfluous_charset",
            "too_many_attachments",
            "too_many_contact_cards",
        ),
        ("Slack does not accept an argument of the message", _REPORT),
    ),
}
"""By error code of Slack: what happened, and the fix."""

_CALLS: Mapping[str, SlackFailure] = {
    NO_ANSWER: SlackFailure(Remedy.retry, "the answer is not one of Slack's API", f"{_WAIT} {_ENDPOINT}"),
    "States.Timeout": SlackFailure(Remedy.retry, "Slack did not answer in time", _WAIT),
    "States.Http.Socket": SlackFailure(Remedy.retry, "no connection to Slack, or no answer", f"{_WAIT} {_ENDPOINT}"),
    "States.Http.StatusCode.408": SlackFailure(Remedy.retry, "Slack did not receive the whole message", _WAIT),
    "States.Http.StatusCode.429": SlackFailure(
        Remedy.retry, "too many messages were sent (HTTP 429)", "Wait a minute. Look for other apps with this token."
    ),
    **{
        f"States.Http.StatusCode.{status}": SlackFailure(Remedy.retry, f"Slack is not available (HTTP {status})", _WAIT)
        for status in (500, 502, 503, 504)
    },
    **{
        f"States.Http.StatusCode.{status}": SlackFailure(Remedy.repair, f"the call was refused (HTTP {status})", fix)
        for status, fix in ((400, _REPORT), (401, _REINSTALL), (403, _ENDPOINT), (404, _ENDPOINT), (407, _ENDPOINT))
    },
    "States.Http.AccessDenied": SlackFailure(Remedy.retry, "the role of the state machine may not call Slack", _ROLE),
    "States.Permissions": SlackFailure(Remedy.repair, "the role of the state machine lacks a permission", _ROLE),
    "States.DataLimitExceeded": SlackFailure(
        Remedy.repair, "the answer is too long to be one of Slack's API", _ENDPOINT
    ),
    "States.QueryEvaluationError": SlackFailure(Remedy.none, "the message could not be built", _REPORT),
    "Events.ConnectionResource.AccessDenied": SlackFailure(
        Remedy.retry, "the role of the state machine may not read the token", _ROLE
    ),
    **{
        f"Events.ConnectionResource.{name}": SlackFailure(
            Remedy.retry, "the EventBridge connection is being changed", _CONNECTION
        )
        for name in ("AuthInProgress", "ConcurrentModification", "InternalError")
    },
    "Events.ConnectionResource.InvalidConnectionState": SlackFailure(
        Remedy.repair, "the EventBridge connection is not authorized", _CONNECTION
    ),
    "Events.ConnectionResource.ResourceNotFound": SlackFailure(
        Remedy.repair, "the EventBridge connection or its secret was deleted", _CONNECTION
    ),
}
"""By error name of Step Functions, or `NO_ANSWER`: the failures of a call without a code of Slack."""


SLACK_ERRORS: Mapping[str, SlackFailure] = {
    **{code: SlackFailure(remedy_of_slack(code), *texts) for code, texts in _TEXTS.items()},
    **_CALLS,
}
"""All documented errors, by Slack's error code or Step Functions' error name."""

UNKNOWN_CODE = SlackFailure(
    Remedy.repair,
    "Slack's documentation does not have this error",
    "Look the error up at https://docs.slack.dev/reference/methods/chat.postMessage, and post a message by hand: "
    "docs/runbooks/slack-app.md.",
)
"""An error code of Slack that is not in `SLACK_ERRORS`."""

UNKNOWN_FAILURE = SlackFailure(Remedy.retry, "the call to Slack failed", f"{_WAIT} {_CONNECTION}")
"""An error name of Step Functions, with a full stop in it, that is not in `SLACK_ERRORS`."""


def describe_slack_error(code: str) -> SlackFailure:
    """Return an error in words, with its remedy.

    Args:
        code: Slack's error code, such as `is_archived`; Step Functions' error name, such as `States.Timeout`; or
            `NO_ANSWER`.
    """
    return SLACK_ERRORS.get(code) or (UNKNOWN_FAILURE if "." in code else UNKNOWN_CODE)
