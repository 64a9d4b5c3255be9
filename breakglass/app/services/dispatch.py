"""What becomes of what people do in Slack: the command, the shortcut, buttons, and forms that are sent.

Whoever it is and whatever the message shows: the person is looked up, the record is read, and the policy of today is
asked, at each click. A button's value names a record and nothing else. The record is changed first; then the workflow
is woken, and people are told.

What can't be done is told to the person in their form, or only to them in the channel; what they may not is kept in the
audit trail as well.

Non-goals: the signature, and Slack's three seconds (see `front`).
"""

from collections.abc import Callable

from breakglass.app.domain.request_lifecycle import AlreadyApprovedError, RequestTransitionError
from breakglass.app.domain.usage_lifecycle import UsageTransitionError
from breakglass.app.error_codes import PermanentError, Remedy, describe_error, error_code, remedy_of
from breakglass.app.services import early_end, home_tab, refusal_audit, requests, reviews, usage_reviews
from breakglass.app.services.action import Doing, ForbiddenError, RefusedError
from breakglass.app.services.context import Desk
from breakglass.app.services.identity import ImpostorError, MissingScopeError, StrangerError, person_of
from breakglass.app.services.optimistic_writes import ContendedError, UnknownRecordError
from breakglass.app.services.responder import Screen
from breakglass.app.slack import forms, ids
from breakglass.app.slack.payloads import Click, Command, HomeOpened, Interaction, Shortcut, Submission

_Deed = Command | Shortcut | Click | Submission | HomeOpened
"""What somebody does; `payloads` knows more, which is nobody's doing."""


def do(desk: Desk, interaction: Interaction, view_id: str | None) -> None:
    """Do what somebody wants, and let them see what came of it.

    Args:
        desk: what the function has.
        interaction: what they did.
        view_id: the form that was opened for them already, if there is one.

    Raises:
        PermanentError: if retrying does not help; an operator has to repair something.
        Exception: what may pass; the caller tries again, and nothing is done twice.
    """
    if not isinstance(interaction, _Deed):
        return
    screen = Screen.of(desk, interaction, view_id)
    try:
        _do_as_somebody(desk, interaction, screen)
    except RefusedError as refusal:
        screen.tell("Not possible", str(refusal))
    except AlreadyApprovedError:
        screen.tell("Already approved", "You have approved this request before; it takes others now.")
    except RequestTransitionError as error:
        screen.tell("Too late", f"This request is {error.state} by now.")
    except UsageTransitionError as error:
        stands = error.state.replace("_", " ")
        screen.tell("Too late", f"This use is {stands} by now{f': {error.why}' if error.why else ''}.")
    except UnknownRecordError:
        screen.tell("Not possible", "There is no such record.")
    except MissingScopeError as error:
        # An alarm is raised: every person would be refused.
        desk.log("missing_scope", scope=error.scope)
        screen.tell(
            "Not possible now",
            f"The Slack app of these approvals lacks the permission {error.scope}, so nobody can be identified. "
            "Nothing is wrong with your account. The operators of break-glass get an alarm; the remedy is in "
            "docs/runbooks/slack-app.md.",
        )
        raise PermanentError("missing_scope") from error
    except ContendedError:
        # A part of it may have been done already, so it is tried again to its end like any other failure.
        screen.tell(
            "Not done yet",
            "Others are changing the same record at this moment. It is tried again by itself within a few minutes; "
            "what is true is in the request's message.",
        )
        raise
    except Exception as error:
        desk.log("click_failed", **describe_error(error))
        if remedy_of(error) is not Remedy.retry:
            code = error_code(error)
            screen.tell(
                "Not possible",
                f"AWS or Slack refuses something that is needed for this ({code}). It is not tried again by itself: "
                "tell the operators of break-glass. What is true is in the request's message.",
            )
            raise PermanentError(code) from error
        screen.tell(
            "Not done yet",
            "Something that is needed for this did not answer. It is tried again by itself within a few minutes; what "
            "is true is in the request's message. If it stays as it is, do it again.",
        )
        raise


def _do_as_somebody(desk: Desk, interaction: _Deed, screen: Screen) -> None:
    """Find out who it is, do it, and keep it where they may not."""
    try:
        doing = Doing(desk, person_of(desk, interaction.actor), screen)
    except StrangerError as stranger:
        _refuse(desk, interaction, screen, stranger)
        return
    try:
        _do(doing, interaction)
    except ForbiddenError as refusal:
        refusal_audit.keep(desk, doing.by, *_deed(interaction), str(refusal))
        raise


def _refuse(desk: Desk, interaction: _Deed, screen: Screen, stranger: StrangerError) -> None:
    """Tell an unidentified Slack user that they are not authorized."""
    why = str(stranger)
    looks = isinstance(interaction, HomeOpened)
    if not looks or isinstance(stranger, ImpostorError):
        refusal_audit.keep_stranger(desk, interaction.actor, *_deed(interaction), why)
    if looks:
        home_tab.show_stranger(desk, interaction.actor.user_id, why)
    else:
        screen.tell("Not possible", why)


def _deed(interaction: _Deed) -> tuple[str, str]:
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


def _do(doing: Doing, interaction: _Deed) -> None:
    match interaction:
        case Command() | Shortcut():
            requests.open_form(doing)
        case HomeOpened():
            home_tab.show(doing)
        case Submission():
            problem = forms.find_overlong_text(interaction.values)
            if problem:
                raise RefusedError(problem)
            _FORMS[interaction.callback_id](doing, interaction)
        case Click():
            _BUTTONS[interaction.action_id](doing, interaction)
            if interaction.action_id in _SHOWN_AT_HOME and interaction.message is None:
                home_tab.show(doing, interaction)


_BUTTONS: dict[str, Callable[[Doing, Click], None]] = {
    ids.APPROVE: reviews.approve,
    ids.DENY: reviews.open_deny_form,
    ids.ACKNOWLEDGE: reviews.look,
    ids.WITHDRAW: reviews.withdraw,
    ids.BREAK_GLASS: reviews.open_glass_form,
    ids.DONE: early_end.done,
    ids.EXTEND: requests.open_extend_form,
    ids.END: early_end.open_form,
    ids.EXPLAIN_ALERT: usage_reviews.open_form_of_alert,
    ids.EXPLAIN_USE: usage_reviews.open_form,
    ids.ACCEPT: usage_reviews.open_sign_off_form,
    ids.HOME_REQUEST: requests.open_form,
    ids.HOME_FILTER: home_tab.show,
    ids.HOME_MORE: home_tab.show,
    ids.VALUE: requests.change_form,
}
_SHOWN_AT_HOME = frozenset({ids.APPROVE, ids.ACKNOWLEDGE, ids.WITHDRAW, ids.DONE})
"""What can be clicked in the Home tab, too, and changes what is there."""

_FORMS: dict[str, Callable[[Doing, Submission], None]] = {
    ids.REQUEST_FORM: requests.send,
    ids.DENY_FORM: reviews.deny,
    ids.GLASS_FORM: reviews.break_glass,
    ids.EXTEND_FORM: requests.extend,
    ids.END_FORM: early_end.end,
    ids.EXPLAIN_FORM: usage_reviews.explain,
    ids.ACCEPT_FORM: usage_reviews.sign_off,
}
