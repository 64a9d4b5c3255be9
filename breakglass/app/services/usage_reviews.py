"""Uses of break-glass roles: recorded from the alert path, explained in a form, signed off by a second person.

One session leaves several records, which may come in any order and from two accounts; they are one use (see
`domain.usage_lifecycle`). A use under a request of the same person, set and account is linked to it by itself.

Non-goals: noticing that nobody explains (see `reconciler`).
"""

from collections.abc import Callable
from dataclasses import replace

from breakglass.app.domain import usage_lifecycle as life
from breakglass.app.domain.decision import may_accept, may_explain
from breakglass.app.domain.records import SYSTEM, Actor, Explanation, Request, Usage
from breakglass.app.domain.texts import is_blank
from breakglass.app.domain.usage_lifecycle import Evidence, UsageChange
from breakglass.app.ports import Directory
from breakglass.app.services import notifications, refusal_audit
from breakglass.app.services.action import ActionContext, ActionRejectedError, require, text
from breakglass.app.services.context import InteractionContext, RecorderContext
from breakglass.app.services.limits import count_action
from breakglass.app.services.optimistic_writes import ContendedError, UnknownRecordError, change_usage
from breakglass.app.slack import forms, ids, messages
from breakglass.app.slack.forms import ExplanationDraft
from breakglass.app.slack.message_content import MessageContent
from breakglass.app.slack.payloads import Click, Submission

MAX_PER_HOUR = 10
"""How many uses that the alert path has not recorded one person makes known by clicks within an hour."""

_ATTEMPTS = 5
_SESSION_SECONDS = 3600


def record_usage(
    context: RecorderContext,
    directory: Directory,
    evidence: Evidence,
    by: Actor = SYSTEM,
    permit: Callable[[Usage], None] = lambda use: None,
) -> Usage:
    """Keep evidence: a new use, or one more trace of a known one. The same event twice is one.

    Args:
        context: what the function has.
        directory: who people are.
        evidence: of the use.
        by: who tells of it; the alert path if it is the system.
        permit: raises if this use may not be written; asked before each write.
    """
    for _ in range(_ATTEMPTS):
        known = context.store.usage_of_event(evidence.event_id)
        if known is not None:
            return known
        user_id = _user_id(directory, evidence)
        one, before = _find_usage(context, evidence, user_id)
        if one is not None:
            use, audit = life.add_evidence(one, evidence)
            if use == one:
                return use
        else:
            within = context.policy.settings.explain_within_seconds
            request = _request_id(context, user_id, evidence)
            use, audit = life.begin_usage(evidence, user_id, within, request, context.clock(), before, by)
        permit(use)
        if context.store.save_usage(use, audit):
            context.log("use", use=use.id, request=use.request_id, path=evidence.path)
            return replace(use, version=use.version + 1)
    raise ContendedError(evidence.event_id)


def _find_usage(context: RecorderContext, evidence: Evidence, user_id: str) -> tuple[Usage | None, Usage | None]:
    """Return the use that a record belongs to, if there is one yet, and the one after which it would begin another."""
    seconds, before = _session_seconds(context, evidence), None
    one = context.store.latest_usage(evidence.role, evidence.account, user_id or life.session_name(evidence))
    if one is None:
        one = context.store.usage(life.next_usage_id(evidence, user_id, None))
    while one is not None and not life.is_part_of(one, evidence, user_id, seconds):
        one, before = context.store.usage(life.next_usage_id(evidence, user_id, one)), one
    return one, before


def require_explanation(context: InteractionContext, request: Request) -> bool:
    """See to it that a broken glass is explained, used or not, and return whether that is recorded.

    A second time changes nothing.
    """
    use, audit = life.begin_required_usage(request, context.policy.settings.explain_within_seconds, context.clock())
    return context.store.save_usage(use, audit) or context.store.usage(use.id) is not None


def open_alert_explain_form(action: ActionContext, click: Click) -> None:
    """Open the form for the use that an alert is about; the alert's thread is where the answer will be."""
    try:
        evidence = life.parse_evidence(click.value)
    except ValueError as error:
        action.context.log("odd_evidence", why=str(error))
        raise ActionRejectedError("This alert does not say what it is about.") from None
    if evidence.drill:
        raise ActionRejectedError("This alert came from a drill: nobody used a role, and there is nothing to explain.")
    use = _find_known_usage(action.context, evidence) or _record_click(action, evidence)
    require(may_explain(action.context.policy, use, action.person))
    if use.thread is None and click.message is not None:
        thread = click.message
        use = change_usage(action.context.store, use.id, lambda one: (replace(one, thread=one.thread or thread), ()))
    _open(action, use)


def _find_known_usage(context: InteractionContext, evidence: Evidence) -> Usage | None:
    """Return the use that an alert is about, as the alert path or an earlier click told of it."""
    clicked = life.as_click_evidence(evidence).event_id
    return context.store.usage_of_event(evidence.event_id) or context.store.usage_of_event(clicked)


def _record_click(action: ActionContext, evidence: Evidence) -> Usage:
    """Record a use that only a click tells of: if the clicker may explain it, and within a limit.

    Raises:
        NotAuthorizedError: if they may not explain it.
        ActionRejectedError: if it is too old, or the clicker has recorded too many.
    """
    context = action.context
    if not life.is_recent(evidence, context.clock()):
        raise ActionRejectedError("No use is known for this alert, and it is not of the last seven days.")

    def permit(use: Usage) -> None:
        require(may_explain(context.policy, use, action.person))
        if not count_action(context, "use", action.person.user_id, MAX_PER_HOUR):
            raise ActionRejectedError(f"You have told of {MAX_PER_HOUR} unrecorded uses within an hour. Wait an hour.")

    return record_usage(context, context.directory, life.as_click_evidence(evidence), action.by, permit)


def open_explain_form(action: ActionContext, click: Click) -> None:
    """Open the form for a use."""
    _open(action, _find_named_usage(action.context, click.value))


def explain(action: ActionContext, submission: Submission) -> None:
    """Keep an explanation, and post it where the alert is."""
    context = action.context
    use = _find_named_usage(context, submission.metadata)
    draft = _draft(submission)
    decision = may_explain(context.policy, use, action.person)
    is_missing = is_blank(draft.reason) or is_blank(draft.done)
    missing = "Say why the access was needed and what was done." if is_missing else ""
    if not decision:
        refusal_audit.append_refusal(context, action.by, submission.callback_id, use.id, decision.reason)
    if not decision or missing:
        action.responder.show_view(
            forms.explain_form(use, _request(context, use), draft, missing or decision.reason, context.policy.accounts)
        )
        return
    written = Explanation(action.by, context.clock(), draft.reason, draft.incident, draft.done, draft.follow_up)
    use = change_usage(context.store, use.id, lambda one: life.record_explanation(one, written, context.clock()))
    where = "Your explanation is in the thread."
    if not post_about_usage(context, use, messages.explanation_message(use, context.policy)):
        where = "Your explanation is kept. Slack did not accept it in the thread; the Home tab offers it."
    action.responder.show_text("Explained", f"{where} Somebody else signs it off.")


def open_acceptance_form(action: ActionContext, click: Click) -> None:
    """Show the explanation to a second person, wherever they clicked."""
    use = _find_named_usage(action.context, click.value)
    require(may_accept(action.context.policy, use, action.person))
    _show_explanation(action, use)


def accept_explanation(action: ActionContext, submission: Submission) -> None:
    """Let a second person agree with the explanation that the form showed them, and with no other."""
    context = action.context
    use_id, version = forms.parse_accepted_version(submission.metadata)

    def signed_off(use: Usage) -> UsageChange:
        if use.accepted_by is None or use.accepted_by.user_id != action.person.user_id:
            require(may_accept(context.policy, use, action.person))
        return life.accept_explanation(use, action.by, version, context.clock())

    try:
        use = change_usage(context.store, _find_named_usage(context, use_id).id, signed_off)
    except life.ExplanationChangedError:
        _show_explanation(
            action, _find_named_usage(context, use_id), "The explanation was changed meanwhile. This is the newest one."
        )
        return
    post_about_usage(context, use, messages.acceptance_message(use))
    action.responder.show_text("Signed off", "Nothing is left to do about this use.")


def _show_explanation(action: ActionContext, use: Usage, problem: str = "") -> None:
    if use.explanation is None:
        # `may_accept` refuses this before.
        raise ActionRejectedError("It is not explained yet.")
    version, names = life.explanation_version(use.explanation), action.context.policy.accounts
    action.responder.show_view(forms.accept_form(use, use.explanation, version, problem, names))


def post_about_usage(context: InteractionContext, use: Usage, body: MessageContent) -> bool:
    """Write about a use: in its alert's thread, else its request's, else in the channel and from then on there.

    Returns:
        Whether Slack has accepted it.
    """
    request = _request(context, use)
    thread = use.thread or (request.message if request is not None else None)
    if thread is not None:
        return notifications.post_message(context, use.id, thread.channel, body, thread.ts) is not None
    posted = notifications.post_message(context, use.id, context.policy.settings.channel, body)
    if posted is not None:
        change_usage(context.store, use.id, lambda one: (replace(one, thread=one.thread or posted), ()))
    return posted is not None


def _open(action: ActionContext, use: Usage) -> None:
    context = action.context
    require(may_explain(context.policy, use, action.person))
    request = _request(context, use)
    action.responder.show_view(
        forms.explain_form(use, request, _first_draft(use, request), names=context.policy.accounts)
    )


def _first_draft(use: Usage, request: Request | None) -> ExplanationDraft:
    """Begin with what is known: what was explained before, or why the access was requested."""
    if use.explanation is not None:
        known = use.explanation
        return ExplanationDraft(known.reason, known.incident, known.done, known.follow_up)
    return ExplanationDraft(reason=request.reason) if request is not None else ExplanationDraft()


def _draft(submission: Submission) -> ExplanationDraft:
    return ExplanationDraft(
        *(text(submission.values, one) for one in (ids.REASON, ids.INCIDENT, ids.DONE_WHAT, ids.FOLLOW_UP))
    )


def _find_named_usage(context: InteractionContext, use_id: str) -> Usage:
    use = context.store.usage(use_id)
    if use is None:
        raise UnknownRecordError
    return use


def _request(context: InteractionContext, use: Usage) -> Request | None:
    return context.store.request(use.request_id) if use.request_id is not None else None


def _user_id(directory: Directory, evidence: Evidence) -> str:
    """Return who it was in the identity store; empty if it is nobody there."""
    if life.has_user_id(evidence):
        person = directory.person(evidence.who)
    else:
        person = directory.person_by_user_name(life.session_name(evidence)) if life.session_name(evidence) else None
    return person.user_id if person is not None else ""


def _session_seconds(context: RecorderContext, evidence: Evidence) -> int:
    known = context.policy.sets.get(evidence.role)
    return known.session_seconds if known is not None else _SESSION_SECONDS


def _request_id(context: RecorderContext, user_id: str, evidence: Evidence) -> str | None:
    """Return the request under which a use was made; the newest, if several overlap."""
    if not user_id:
        return None
    newest = context.store.requests_of(user_id).items
    return next((request.id for request in newest if life.is_made_under(request, evidence, user_id)), None)
