"""What becomes of what people do in Slack: the command, the shortcut, buttons, and forms that are sent.

Whoever it is and whatever the message shows: the person is looked up, the record is read, and the policy of today is
asked, at each click. A button's value names a record and nothing else. The record is changed first; then the workflow
is woken, and people are told.

What can't be done is told to the person in their form, or only to them in the channel; what they may not is kept in the
audit trail as well.

Non-goals: the signature, and Slack's three seconds (see `receiver`).
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
"""What somebody does; `payloads` knows more, which is nobody's action."""


def handle_interaction(context: InteractionContext, interaction: Interaction, view_id: str | None) -> None:
    """Do what somebody wants, and let them see what came of it.

    Args:
        context: what the function has.
        interaction: what they did.
        view_id: the form that was opened for them already, if there is one.

    Raises:
        PermanentError: if retrying does not help; an operator has to repair something.
        Exception: what may pass; the caller tries again, and nothing is done twice.
    """
    if not isinstance(interaction, _UserInteraction):
        return
    responder = Responder.of(context, interaction, view_id)
    try:
        _handle_as_person(context, interaction, responder)
    except ActionRejectedError as refusal:
        responder.show_text("Not possible", str(refusal))
    except AlreadyApprovedError:
        responder.show_text("Already approved", "You have approved this request before; it takes others now.")
    except RequestTransitionError as error:
        responder.show_text("Too late", f"This request is {error.state} by now.")
    except UsageTransitionError as error:
        stands = error.state.replace("_", " ")
        responder.show_text("Too late", f"This use is {stands} by now{f': {error.why}' if error.why else ''}.")
    except UnknownRecordError:
        responder.show_text("Not possible", "There is no such record.")
    except MissingScopeError as error:
        # An alarm is raised: every person would be refused.
        context.log("missing_scope", scope=error.scope)
        responder.show_text(
            "Not possible now",
            f"The Slack app of these approvals lacks the permission {error.scope}, so nobody can be identified. "
            "Nothing is wrong with your account. The operators of break-glass get an alarm; the remedy is in "
            "docs/runbooks/slack-app.md.",
        )
        raise PermanentError("missing_scope") from error
    except ContendedError:
        # A part of it may have been done already, so it is tried again to its end like any other failure.
        responder.show_text(
            "Not done yet",
            "Others are changing the same record at this moment. It is tried again by itself within a few minutes; "
            "what is true is in the request's message.",
        )
        raise
    except Exception as error:
        context.log("click_failed", **describe_error(error))
        if remedy_of(error) is not Remedy.retry:
            code = error_code(error)
            responder.show_text(
                "Not possible",
                f"AWS or Slack refuses something that is needed for this ({code}). It is not tried again by itself: "
                "tell the operators of break-glass. What is true is in the request's message.",
            )
            raise PermanentError(code) from error
        responder.show_text(
            "Not done yet",
            "Something that is needed for this did not answer. It is tried again by itself within a few minutes; what "
            "is true is in the request's message. If it stays as it is, do it again.",
        )
        raise


def _handle_as_person(context: InteractionContext, interaction: _UserInteraction, responder: Responder) -> None:
    """Find out who it is, do it, and keep it where they may not."""
    try:
        action = ActionContext(context, identify_user(context, interaction.actor), responder)
    except UnknownUserError as stranger:
        _refuse(context, interaction, responder, stranger)
        return
    try:
        _handle(action, interaction)
    except NotAuthorizedError as refusal:
        refusal_audit.append_refusal(context, action.by, *_describe(interaction), str(refusal))
        raise


def _refuse(
    context: InteractionContext, interaction: _UserInteraction, responder: Responder, stranger: UnknownUserError
) -> None:
    """Tell an unidentified Slack user that they are not authorized."""
    why = str(stranger)
    looks = isinstance(interaction, HomeOpened)
    if not looks or isinstance(stranger, PinnedUserError):
        refusal_audit.append_unknown_user_refusal(context, interaction.actor, *_describe(interaction), why)
    if looks:
        home_tab.publish_closed_home(context, interaction.actor.user_id, why)
    else:
        responder.show_text("Not possible", why)


def _describe(interaction: _UserInteraction) -> tuple[str, str]:
    """Return what somebody does, and to what."""
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
"""What can be clicked in the Home tab, too, and changes what is there."""

_FORMS: dict[str, Callable[[ActionContext, Submission], None]] = {
    ids.REQUEST_FORM: requests.submit_request,
    ids.DENY_FORM: reviews.deny,
    ids.GLASS_FORM: reviews.break_glass,
    ids.EXTEND_FORM: requests.submit_extension,
    ids.END_FORM: early_end.end_access,
    ids.EXPLAIN_FORM: usage_reviews.explain,
    ids.ACCEPT_FORM: usage_reviews.accept_explanation,
}
