"""Dispatch of interactions in Slack: the command, the shortcut, buttons, forms and the Home tab.

Each interaction looks the person up, reads the record, and decides by the current approval policy. A button's value
names a record and nothing else. The record changes first; then the workflow is woken, and messages are posted.

The person sees a rejection in their form, or in a message that only they see. The audit trail keeps the unauthorized
ones.

Non-goals: Slack's signature and its three seconds (see `entrypoints.receiver_app`).
"""

from collections.abc import Callable

from breakglass.app.domain.request_lifecycle import AlreadyApprovedError, RequestTransitionError
from breakglass.app.domain.usage_lifecycle import UsageTransitionError
from breakglass.app.error_codes import PermanentError, Remedy, describe_error, error_code, remedy_of
from breakglass.app.services import early_end, home_tab, refusal_audit, requests, reviews, usage_reviews
from breakglass.app.services.action import ActionContext, ActionRejectedError, NotAuthorizedError
from breakglass.app.services.context import InteractionContext
from breakglass.app.services.identity import MissingScopeError, PinnedUserError, UnknownUserError, identify_user
from breakglass.app.services.optimistic_writes import ContendedError, UnknownRecordError
from breakglass.app.services.responder import Responder
from breakglass.app.slack import forms, ids
from breakglass.app.slack.payloads import Click, Command, HomeOpened, Interaction, Shortcut, Submission

_UserInteraction = Command | Shortcut | Click | Submission | HomeOpened
"""The interactions that a person causes; `payloads` has others."""


def handle_interaction(
    context: InteractionContext,
    interaction: Interaction,
    view_id: str | None,
    claim: Callable[[], bool] = lambda: True,
) -> None:
    """Handle an interaction, and show the result to the person.

    `view_id` is the form that the receiver opened; None without one. `claim` returns False for a replay, which is not
    handled.

    Raises:
        PermanentError: if a retry does not help and an operator has to repair something.
        Exception: if it may be transient; the caller retries, and nothing is done twice.
    """
    if not isinstance(interaction, _UserInteraction):
        return
    responder = Responder.of(context, interaction, view_id)
    try:
        if claim():
            _handle_as_person(context, interaction, responder)
    except ActionRejectedError as refusal:
        responder.show_text("Not possible", str(refusal))
    except AlreadyApprovedError:
        responder.show_text("Already approved", "You have already approved this request. It needs another approver.")
    except RequestTransitionError as error:
        responder.show_text("Too late", f"This request is {error.state}.")
    except UsageTransitionError as error:
        state = error.state.replace("_", " ")
        responder.show_text("Too late", f"This usage is {state}{f': {error.why}' if error.why else ''}.")
    except UnknownRecordError:
        responder.show_text("Not possible", "Record not found.")
    except MissingScopeError as error:
        # This raises an alarm: every person would be refused.
        context.log("missing_scope", scope=error.scope)
        responder.show_text(
            "Not possible now",
            f"The Slack app of these approvals lacks the scope {error.scope}, so it can't identify any person. "
            "Nothing is wrong with your account. The operators of break-glass get an alarm. Fix: "
            "docs/runbooks/slack-app.md.",
        )
        raise PermanentError("missing_scope") from error
    except ContendedError:
        # A part may be done already, so the whole is retried like any other failure.
        responder.show_text(
            "Not done yet",
            "Other writers are changing the same record. This is retried automatically within a few minutes. "
            "The request's message shows the current state.",
        )
        raise
    except Exception as error:
        context.log("click_failed", **describe_error(error))
        if remedy_of(error) is not Remedy.retry:
            code = error_code(error)
            responder.show_text(
                "Not possible",
                f"AWS or Slack refused a necessary call ({code}), and a retry does not help. Tell the operators of "
                "break-glass. The request's message shows the current state.",
            )
            raise PermanentError(code) from error
        responder.show_text(
            "Not done yet",
            "AWS or Slack did not answer in time. This is retried automatically within a few minutes. The request's "
            "message shows the current state. If nothing changes, try again.",
        )
        raise


def _handle_as_person(context: InteractionContext, interaction: _UserInteraction, responder: Responder) -> None:
    try:
        action = ActionContext(context, identify_user(context, interaction.actor), responder)
    except UnknownUserError as error:
        _refuse(context, interaction, responder, error)
        return
    try:
        _handle(action, interaction)
    except NotAuthorizedError as refusal:
        refusal_audit.append_refusal(context, action.by, *_describe(interaction), str(refusal))
        raise


def _refuse(
    context: InteractionContext, interaction: _UserInteraction, responder: Responder, error: UnknownUserError
) -> None:
    why = str(error)
    is_home = isinstance(interaction, HomeOpened)
    if not is_home or isinstance(error, PinnedUserError):
        refusal_audit.append_unknown_user_refusal(context, interaction.actor, *_describe(interaction), why)
    if is_home:
        home_tab.publish_closed_home(context, interaction.actor.user_id, why)
    else:
        responder.show_text("Not possible", why)


def _describe(interaction: _UserInteraction) -> tuple[str, str]:
    match interaction:
        case Submission():
            return interaction.callback_id, interaction.metadata
        case Click():
            return interaction.action_id, interaction.value
        case Shortcut():
            return interaction.callback_id, ""
        case Command():
            return ids.COMMAND, ""
        case HomeOpened():
            return "home", ""


def _handle(action: ActionContext, interaction: _UserInteraction) -> None:
    match interaction:
        case Command() | Shortcut():
            requests.open_request_form(action)
        case HomeOpened():
            home_tab.publish_home(action)
        case Submission():
            problem = forms.find_overlong_text(interaction.values)
            if problem:
                raise ActionRejectedError(problem)
            _FORMS[interaction.callback_id](action, interaction)
        case Click():
            _BUTTONS[interaction.action_id](action, interaction)
            if interaction.action_id in _SHOWN_AT_HOME and interaction.message is None:
                home_tab.publish_home(action, interaction)


_BUTTONS: dict[str, Callable[[ActionContext, Click], None]] = {
    ids.APPROVE: reviews.approve,
    ids.DENY: reviews.open_deny_form,
    ids.ACKNOWLEDGE: reviews.acknowledge,
    ids.WITHDRAW: reviews.withdraw,
    ids.BREAK_GLASS: reviews.open_glass_form,
    ids.DONE: early_end.end_own_access,
    ids.EXTEND: requests.open_extend_form,
    ids.END: early_end.open_end_form,
    ids.EXPLAIN_ALERT: usage_reviews.open_alert_explain_form,
    ids.EXPLAIN_USE: usage_reviews.open_explain_form,
    ids.ACCEPT: usage_reviews.open_acceptance_form,
    ids.HOME_REQUEST: requests.open_request_form,
    ids.HOME_FILTER: home_tab.publish_home,
    ids.HOME_MORE: home_tab.publish_home,
    ids.VALUE: requests.update_request_form,
}
_SHOWN_AT_HOME = frozenset({ids.APPROVE, ids.ACKNOWLEDGE, ids.WITHDRAW, ids.DONE})
"""Buttons that the Home tab has too; a click there publishes it again."""

_FORMS: dict[str, Callable[[ActionContext, Submission], None]] = {
    ids.REQUEST_FORM: requests.submit_request,
    ids.DENY_FORM: reviews.deny,
    ids.GLASS_FORM: reviews.break_glass,
    ids.EXTEND_FORM: requests.submit_extension,
    ids.END_FORM: early_end.end_access,
    ids.EXPLAIN_FORM: usage_reviews.explain,
    ids.ACCEPT_FORM: usage_reviews.accept_explanation,
}
