"""What becomes of what people do in Slack: the command, the shortcut, buttons, and forms that are sent.

Whoever it is and whatever the message shows: the person is looked up, the record is read, and the policy of today is
asked, at each click. A button's value names a record and nothing else. The record is changed first; then the workflow
is woken, and people are told.

What can't be done is told to the person in their form, or only to them in the channel.

Non-goals: the signature, and Slack's three seconds (see `front`); uses (see `uses`); the Home tab (see `home`).
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from breakglass.lambdas.app import home, notices, uses
from breakglass.lambdas.app.actors import StrangerError, as_actor, person_of
from breakglass.lambdas.app.changes import ContendedError, UnknownRecordError, change_request
from breakglass.lambdas.app.glass import tell_everybody
from breakglass.lambdas.app.screen import Screen
from breakglass.lambdas.app.world import Desk
from breakglass.lambdas.domain import due, transitions
from breakglass.lambdas.domain.decision import (
    Decision,
    check,
    may_approve,
    may_break_glass,
    may_end,
    may_request,
    requestable,
)
from breakglass.lambdas.domain.people import Person
from breakglass.lambdas.domain.records import Approval, Kind, Request, State
from breakglass.lambdas.domain.transitions import AlreadyApprovedError, Change, NotAllowedError
from breakglass.lambdas.domain.uses import UseNotAllowedError
from breakglass.lambdas.slack import forms, ids
from breakglass.lambdas.slack.forms import Draft, Offer
from breakglass.lambdas.slack.payloads import Click, Command, HomeOpened, Interaction, Shortcut, Submission, Suggestion


class RefusedError(Exception):
    """What somebody wants can't be done; the text tells them why."""


@dataclass(frozen=True)
class Doing:
    """One thing that somebody does.

    Attributes:
        desk: what the function has.
        person: who.
        screen: where they see what came of it.
    """

    desk: Desk
    person: Person
    screen: Screen

    def request(self, request_id: str) -> Request:
        """Return a request that was named.

        Raises:
            RefusedError: if there is none.
        """
        request = self.desk.store.request(request_id)
        if request is None:
            raise RefusedError("There is no such request.")
        return request

    def requester(self, request: Request) -> Person:
        """Return who made a request, with the groups they are in now.

        Raises:
            RefusedError: if Identity Center does not have them any more.
        """
        requester = self.desk.directory.person(request.requester.user_id)
        if requester is None:
            raise RefusedError(
                "Identity Center does not have the requester any more, or has them disabled: nothing can be approved."
            )
        return requester


def do(desk: Desk, interaction: Interaction, view_id: str | None) -> None:
    """Do what somebody wants, and let them see what came of it.

    Args:
        desk: what the function has.
        interaction: what they did.
        view_id: the form that was opened for them already, if there is one.

    Raises:
        Exception: what may pass; the caller tries again, and nothing is done twice.
    """
    if not isinstance(interaction, Command | Shortcut | Click | Submission | HomeOpened):
        return
    screen = Screen.of(desk, interaction, view_id)
    try:
        _do(Doing(desk, person_of(desk, interaction.actor), screen), interaction)
    except (StrangerError, RefusedError) as refusal:
        screen.tell("Not possible", str(refusal))
    except AlreadyApprovedError:
        screen.tell("Already approved", "You have approved this request before; it takes others now.")
    except NotAllowedError as error:
        screen.tell("Too late", f"This request is {error.state} by now. Nothing was changed.")
    except UseNotAllowedError as error:
        screen.tell("Too late", f"This use is {error.state} by now{f': {error.why}' if error.why else ''}.")
    except (UnknownRecordError, uses.UnknownUseError):
        screen.tell("Not possible", "There is no such record.")
    except ContendedError:
        screen.tell(
            "Try again", "Others changed the same record at this moment. Nothing was changed by you: try again."
        )
    except Exception as error:
        desk.log("click_failed", error=type(error).__name__)
        screen.tell(
            "Not done yet",
            "Something that is needed for this did not answer. It is tried again by itself within a few minutes; what "
            "is true is in the request's message. If it stays as it is, do it again.",
        )
        raise


def suggest(desk: Desk, suggestion: Suggestion) -> list[dict[str, Any]]:
    """Return what a list that searches offers: the sets that this person may request, or the chosen one's accounts."""
    try:
        person = person_of(desk, suggestion.actor)
    except StrangerError:
        return []
    sets = requestable(desk.policy, person)
    if suggestion.block_id == ids.ROLE:
        return forms.role_options(sets, suggestion.typed)
    # What Slack tells of the rest of the form is out of date here; what the form was drawn with is not.
    accounts = sets.get(suggestion.metadata, ())
    return forms.account_options(accounts, desk.policy.accounts, suggestion.typed)


def _do(doing: Doing, interaction: Command | Shortcut | Click | Submission | HomeOpened) -> None:
    match interaction:
        case Command() | Shortcut():
            open_request_form(doing)
        case HomeOpened():
            home.show(doing.desk, doing.person)
        case Submission():
            _FORMS[interaction.callback_id](doing, interaction)
        case Click():
            _BUTTONS[interaction.action_id](doing, interaction)
            if interaction.action_id in _SHOWN_AT_HOME and interaction.message is None:
                home.show(doing.desk, doing.person, interaction)


# --- request ---------------------------------------------------------------------------------------------------------


def open_request_form(doing: Doing, _: Click | None = None) -> None:
    """Show the form, with what this person may request."""
    offer = _offer(doing, Draft())
    if not offer.sets:
        raise RefusedError("No rule lets you request any break-glass role. `breakglass explain` tells who may.")
    doing.screen.show(forms.request_form(offer, Draft()))


def change_form(doing: Doing, click: Click) -> None:
    """Show the form anew for the role that was chosen."""
    draft = _draft(click.values)
    doing.screen.show(forms.request_form(_offer(doing, draft), draft))


def send_request(doing: Doing, submission: Submission) -> None:
    """Check a request and make it."""
    desk, person = doing.desk, doing.person
    draft = _draft(submission.values)
    decision = check(
        desk.policy, person, draft.permission_set, draft.accounts, draft.duration or 0, draft.reason, draft.ticket
    )
    if not decision or decision.terms is None:
        doing.screen.show(forms.request_form(_offer(doing, draft), draft, decision.reason))
        return
    request = _begin(doing, submission.view_id, draft, decision, Kind.access, None)
    doing.screen.tell(
        "Requested",
        f"The approvers are asked in the channel now ({request.id}). You see there what becomes of it, and in the Home "
        "tab of this app.",
    )


def _begin(doing: Doing, unique: str, draft: Draft, decision: Decision, kind: Kind, parent: Request | None) -> Request:
    """Keep a new request and start its workflow; the same form sent twice is one request."""
    desk, now = doing.desk, doing.desk.clock()
    terms = decision.terms
    if terms is None:
        raise RefusedError(decision.reason)
    request = Request(
        id=f"r-{hashlib.sha256(f'{unique}/{doing.person.user_id}'.encode()).hexdigest()[:16]}",
        kind=kind,
        requester=as_actor(doing.person),
        requester_name=doing.person.user_name,
        permission_set=draft.permission_set,
        accounts=draft.accounts,
        duration=draft.duration or 0,
        reason=draft.reason,
        ticket=draft.ticket,
        rule=decision.rule or "",
        required=terms.approvals,
        created_at=now,
        expires_at=now + terms.expiry_seconds,
        parent=parent.id if parent is not None else None,
    )
    change = transitions.create(request)
    desk.store.save_request(change.request, change.audit)
    wait = due.next_wait(request, terms, desk.policy.settings.remind_every_seconds, now)
    desk.workflow.start(desk.store.request(request.id) or request, wait)
    return request


def _draft(values: Mapping[str, tuple[str, ...]]) -> Draft:
    def one(block: str) -> str:
        return next(iter(values.get(block, ())), "")

    duration = one(ids.DURATION)
    return Draft(
        permission_set=one(ids.ROLE),
        accounts=tuple(dict.fromkeys(values.get(ids.ACCOUNTS, ()))),
        duration=int(duration) if duration.isascii() and duration.isdigit() and len(duration) < 7 else None,
        reason=one(ids.REASON),
        ticket=one(ids.TICKET),
    )


def _offer(doing: Doing, draft: Draft) -> Offer:
    sets = requestable(doing.desk.policy, doing.person)
    # What holds for all accounts of the role, until some are chosen.
    accounts = draft.accounts or sets.get(draft.permission_set, ())
    terms = may_request(doing.desk.policy, doing.person, draft.permission_set, accounts).terms if accounts else None
    return Offer(sets, doing.desk.policy.accounts, terms)


# --- decide ----------------------------------------------------------------------------------------------------------


def approve(doing: Doing, click: Click) -> None:
    """Add this person's yes, by the stored request and the policy of now."""
    desk, person = doing.desk, doing.person
    requester = doing.requester(doing.request(click.value))
    known: dict[str, Person | None] = {}

    def approved(request: Request) -> Change:
        decision = may_approve(desk.policy, requester, person, request.permission_set, request.accounts)
        _insist(decision)
        _insist(_asked(desk, requester, request))
        terms = decision.terms
        earlier = [one.by.user_id for one in request.approvals]
        for user_id in earlier:
            if user_id not in known:
                known[user_id] = desk.directory.person(user_id)
        people = [known[user_id] for user_id in earlier]
        lapsed = sum(
            1
            for one in people
            if one is None or not may_approve(desk.policy, requester, one, request.permission_set, request.accounts)
        )
        required = (terms.approvals if terms is not None else request.required) + lapsed
        approval = Approval(as_actor(person), desk.clock(), decision.rule or "")
        return transitions.approve(request, approval, required, desk.clock())

    _decided(doing, change_request(desk.store, click.value, approved))


def deny(doing: Doing, submission: Submission) -> None:
    """Refuse a request; whoever might end the access may."""
    request = doing.request(submission.metadata)
    decision = _may_end(doing, request)
    note = _text(submission, ids.NOTE)
    _decided(
        doing,
        change_request(
            doing.desk.store,
            request.id,
            lambda one: transitions.deny(one, as_actor(doing.person), note, decision.rule or "", doing.desk.clock()),
        ),
    )
    doing.screen.tell("Denied", "The requester sees your reason in the thread.")


def withdraw(doing: Doing, click: Click) -> None:
    """Take one's own request back."""
    _only_requester(doing, doing.request(click.value))
    _decided(
        doing,
        change_request(
            doing.desk.store,
            click.value,
            lambda one: transitions.withdraw(one, as_actor(doing.person), doing.desk.clock()),
        ),
    )


def look(doing: Doing, click: Click) -> None:
    """Note that somebody is looking who can decide."""
    _may_end(doing, doing.request(click.value))
    written = change_request(
        doing.desk.store, click.value, lambda one: transitions.look(one, as_actor(doing.person), doing.desk.clock())
    )
    notices.announce(doing.desk, written, as_actor(doing.person))


def break_glass(doing: Doing, submission: Submission) -> None:
    """Take access that nobody has approved, where the policy lets one, and tell everybody."""
    desk, person = doing.desk, doing.person
    justification = _text(submission, ids.JUSTIFICATION)
    if not justification.strip():
        raise RefusedError("Without a justification the glass stays whole: everybody will read it.")

    def broken(request: Request) -> Change:
        if request.glass and request.state is State.approved:
            return Change(request)
        waited = desk.clock() - request.created_at
        decision = may_break_glass(desk.policy, person, request.permission_set, request.accounts, waited)
        _insist(decision)
        _insist(_asked(desk, person, request))
        return transitions.break_glass(request, as_actor(person), justification, decision.rule or "", desk.clock())

    _only_requester(doing, doing.request(submission.metadata))
    written = change_request(desk.store, submission.metadata, broken)
    tell_everybody(desk, written.request)
    _decided(doing, written)
    doing.screen.tell("The glass is broken", "Everybody has been told. The access is being opened; see the thread.")


def _asked(desk: Desk, requester: Person, request: Request) -> Decision:
    """Decide whether the request could be made today as it was made then."""
    return check(
        desk.policy,
        requester,
        request.permission_set,
        request.accounts,
        request.duration,
        request.reason,
        request.ticket,
    )


def _decided(doing: Doing, written: Change) -> None:
    """Let the workflow go on with a request that is decided, and say so."""
    request = written.request
    if request.state is not State.pending and request.token is not None:
        outcome = "approved" if request.state is State.approved else "over"
        doing.desk.workflow.wake(request.token, {"outcome": outcome})
    notices.announce(doing.desk, written, as_actor(doing.person))


# --- end and extend --------------------------------------------------------------------------------------------------


def done(doing: Doing, click: Click) -> None:
    """Give one's own access back."""
    request = doing.request(click.value)
    _only_requester(doing, request)
    _finish(doing, request, "")


def end(doing: Doing, submission: Submission) -> None:
    """End somebody's access, for a reason."""
    request = doing.request(submission.metadata)
    _may_end(doing, request)
    _finish(doing, request, _text(submission, ids.NOTE))
    doing.screen.tell("Being ended", "The access is being taken back. The thread says when it is verified to be gone.")


def extend(doing: Doing, submission: Submission) -> None:
    """Ask for more time: a request of its own, decided like the first."""
    desk, person = doing.desk, doing.person
    parent = doing.request(submission.metadata)
    _only_requester(doing, parent)
    if parent.state is not State.active:
        raise NotAllowedError(parent.state, transitions.Event.lengthened)
    typed = _draft(submission.values)
    draft = Draft(parent.permission_set, parent.accounts, typed.duration, typed.reason, parent.ticket)
    decision = check(
        desk.policy, person, draft.permission_set, draft.accounts, draft.duration or 0, draft.reason, draft.ticket
    )
    if not decision:
        terms = may_request(desk.policy, person, parent.permission_set, parent.accounts).terms
        names = desk.policy.accounts
        doing.screen.show(forms.extend_form(parent, terms, draft, decision.reason, names))
        return
    _begin(doing, submission.view_id, draft, decision, Kind.extension, parent)
    doing.screen.tell("Requested", "The approvers are asked. Until they agree, the access ends when it was to end.")


def _finish(doing: Doing, request: Request, note: str) -> None:
    desk, by = doing.desk, as_actor(doing.person)

    def finished(one: Request) -> Change:
        return Change(one) if one.state is State.revoking else transitions.finish(one, by, note, desk.clock())

    written = change_request(desk.store, request.id, finished)
    if written.request.token is not None:
        desk.workflow.wake(written.request.token, {"outcome": "over"})
    notices.announce(desk, written, by)


# --- forms that a button opens ---------------------------------------------------------------------------------------


def open_deny_form(doing: Doing, click: Click) -> None:
    """Ask why."""
    request = doing.request(click.value)
    _may_end(doing, request)
    _insist_on(request, doing, State.pending)
    doing.screen.show(forms.deny_form(request, names=doing.desk.policy.accounts))


def open_end_form(doing: Doing, click: Click) -> None:
    """Ask why."""
    request = doing.request(click.value)
    _may_end(doing, request)
    _insist_on(request, doing, State.active, State.granting)
    doing.screen.show(forms.end_form(request, names=doing.desk.policy.accounts))


def open_glass_form(doing: Doing, click: Click) -> None:
    """Ask for the justification, and say who will be told; or say how long it takes until the glass may be broken."""
    request = doing.request(click.value)
    _only_requester(doing, request)
    _insist_on(request, doing, State.pending)
    waited = doing.desk.clock() - request.created_at
    _insist(may_break_glass(doing.desk.policy, doing.person, request.permission_set, request.accounts, waited))
    doing.screen.show(forms.glass_form(request, names=doing.desk.policy.accounts))


def open_extend_form(doing: Doing, click: Click) -> None:
    """Ask for how much longer, and why."""
    request = doing.request(click.value)
    _only_requester(doing, request)
    _insist_on(request, doing, State.active)
    decision = may_request(doing.desk.policy, doing.person, request.permission_set, request.accounts)
    _insist(decision)
    doing.screen.show(forms.extend_form(request, decision.terms, Draft(), names=doing.desk.policy.accounts))


def _insist(decision: Decision) -> None:
    if not decision:
        raise RefusedError(decision.reason)


def _insist_on(request: Request, doing: Doing, *states: State) -> None:
    state = transitions.standing(request, doing.desk.clock())
    if state not in states:
        raise RefusedError(f"This request is {state} by now.")


def _only_requester(doing: Doing, request: Request) -> None:
    if doing.person.user_id != request.requester.user_id:
        raise RefusedError("Only whoever made this request may do that.")


def _may_end(doing: Doing, request: Request) -> Decision:
    requester = doing.desk.directory.person(request.requester.user_id) or Person(
        request.requester.user_id, request.requester_name, request.requester.name
    )
    decision = may_end(doing.desk.policy, doing.person, requester, request.permission_set, request.accounts)
    _insist(decision)
    return decision


def _text(submission: Submission, block: str) -> str:
    return next(iter(submission.values.get(block, ())), "")


# --- what belongs to which button and form -------------------------------------------------------------------------


def _explain_alert(doing: Doing, click: Click) -> None:
    uses.open_form_of_alert(doing.desk, doing.person, click, doing.screen)


def _explain_use(doing: Doing, click: Click) -> None:
    uses.open_form(doing.desk, doing.person, click.value, doing.screen)


def _explain(doing: Doing, submission: Submission) -> None:
    uses.explain(doing.desk, doing.person, submission, doing.screen)


def _sign_off(doing: Doing, click: Click) -> None:
    uses.sign_off(doing.desk, doing.person, click, doing.screen)


def _home(doing: Doing, click: Click) -> None:
    home.show(doing.desk, doing.person, click)


_BUTTONS: dict[str, Callable[[Doing, Click], None]] = {
    ids.APPROVE: approve,
    ids.DENY: open_deny_form,
    ids.LOOKING: look,
    ids.WITHDRAW: withdraw,
    ids.BREAK_GLASS: open_glass_form,
    ids.DONE: done,
    ids.EXTEND: open_extend_form,
    ids.END: open_end_form,
    ids.EXPLAIN_ALERT: _explain_alert,
    ids.EXPLAIN_USE: _explain_use,
    ids.SIGN_OFF: _sign_off,
    ids.HOME_REQUEST: open_request_form,
    ids.HOME_FILTER: _home,
    ids.HOME_MORE: _home,
    ids.VALUE: change_form,
}
_SHOWN_AT_HOME = frozenset({ids.APPROVE, ids.LOOKING, ids.WITHDRAW, ids.DONE, ids.SIGN_OFF})
"""What can be clicked in the Home tab, too, and changes what is there."""

_FORMS: dict[str, Callable[[Doing, Submission], None]] = {
    ids.REQUEST_FORM: send_request,
    ids.DENY_FORM: deny,
    ids.GLASS_FORM: break_glass,
    ids.EXTEND_FORM: extend,
    ids.END_FORM: end,
    ids.EXPLAIN_FORM: _explain,
}
