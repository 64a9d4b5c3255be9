"""Usages of break-glass roles: recorded by the alert path, explained in a form, accepted by a second person.

A session leaves several CloudTrail records, in any order and from two accounts; they are one usage (see
`domain.usage_lifecycle`). A usage under a request of the same person, set and account is linked to it.

Non-goals: reminders (see `reconciler`).
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
from breakglass.app.services.action import ActionContext, ActionRejectedError, find_text, require
from breakglass.app.services.context import InteractionContext, RecorderContext
from breakglass.app.services.limits import count_action
from breakglass.app.services.optimistic_writes import ContendedError, UnknownRecordError, change_usage
from breakglass.app.slack import forms, ids, messages
from breakglass.app.slack.forms import ExplanationDraft
from breakglass.app.slack.message_content import MessageContent
from breakglass.app.slack.payloads import Click, Submission

MAX_PER_HOUR = 10
"""Usages that a person's clicks record within an hour, beside those of the alert path."""

_ATTEMPTS = 5
_SESSION_SECONDS = 3600


def record_usage(
    context: RecorderContext,
    directory: Directory,
    evidence: Evidence,
    by: Actor = SYSTEM,
    permit: Callable[[Usage], None] = lambda usage: None,
) -> Usage:
    """Record evidence as a new usage, or add it to a known one; a repeated event changes nothing.

    `by` is the person whose click records it, or the system. `permit` raises if the usage may not be written; it is
    called before each write.
    """
    for _ in range(_ATTEMPTS):
        recorded = context.store.usage_of_event(evidence.event_id)
        if recorded is not None:
            return recorded
        user_id = _user_id(directory, evidence)
        known, before = _find_usage(context, evidence, user_id)
        if known is not None:
            usage, audit = life.add_evidence(known, evidence)
            if usage == known:
                return usage
        else:
            within = context.policy.settings.explain_within_seconds
            request = _request_id(context, user_id, evidence)
            usage, audit = life.begin_usage(evidence, user_id, within, request, context.clock(), before, by)
        permit(usage)
        if context.store.save_usage(usage, audit):
            context.log("usage", usage=usage.id, request=usage.request_id, path=evidence.path)
            return replace(usage, version=usage.version + 1)
    raise ContendedError(evidence.event_id)


def _find_usage(context: RecorderContext, evidence: Evidence, user_id: str) -> tuple[Usage | None, Usage | None]:
    """Return the usage that the evidence belongs to, and else the usage before the new one."""
    seconds, before = _session_seconds(context, evidence), None
    usage = context.store.latest_usage(evidence.role, evidence.account, user_id or life.session_name(evidence))
    if usage is None:
        usage = context.store.usage(life.next_usage_id(evidence, user_id, None))
    while usage is not None and not life.is_part_of(usage, evidence, user_id, seconds):
        usage, before = context.store.usage(life.next_usage_id(evidence, user_id, usage)), usage
    return usage, before


def require_explanation(context: InteractionContext, request: Request) -> bool:
    """Require an explanation of access without approval, used or not; return whether that is recorded.

    A repeated call changes nothing.
    """
    usage, audit = life.begin_required_usage(request, context.policy.settings.explain_within_seconds, context.clock())
    return context.store.save_usage(usage, audit) or context.store.usage(usage.id) is not None


def open_alert_explain_form(action: ActionContext, click: Click) -> None:
    """Open the explanation form for the usage of an alert; the answer goes to the alert's thread."""
    try:
        evidence = life.parse_evidence(click.value)
    except ValueError as error:
        action.context.log("invalid_evidence", why=str(error))
        raise ActionRejectedError("This alert has no valid evidence of a usage.") from None
    usage = _find_known_usage(action.context, evidence) or _record_click(action, evidence)
    require(may_explain(action.policy, usage, action.person))
    if usage.thread is None and click.message is not None:
        thread = click.message
        usage = change_usage(
            action.context.store, usage.id, lambda read: (replace(read, thread=read.thread or thread), ())
        )
    _open(action, usage)


def _find_known_usage(context: InteractionContext, evidence: Evidence) -> Usage | None:
    clicked = life.as_click_evidence(evidence).event_id
    return context.store.usage_of_event(evidence.event_id) or context.store.usage_of_event(clicked)


def _record_click(action: ActionContext, evidence: Evidence) -> Usage:
    """Record a usage that only a click reports, if the person may explain it, within a limit."""
    context = action.context
    if not life.is_recent(evidence, context.clock()):
        raise ActionRejectedError("No usage is recorded for this alert, and the alert is not from the last seven days.")

    def permit(usage: Usage) -> None:
        require(may_explain(context.policy, usage, action.person))
        if not count_action(context, "use", action.person.user_id, MAX_PER_HOUR):
            raise ActionRejectedError(
                f"You have recorded {MAX_PER_HOUR} usages within an hour, which is the limit. Wait an hour."
            )

    return record_usage(context, context.directory, life.as_click_evidence(evidence), action.by, permit)


def open_explain_form(action: ActionContext, click: Click) -> None:
    """Open the explanation form for a usage."""
    _open(action, _find_named_usage(action.context, click.value))


def explain(action: ActionContext, submission: Submission) -> None:
    """Save an explanation, and post it in the alert's thread."""
    context = action.context
    usage = _find_named_usage(context, submission.metadata)
    draft = _draft(submission)
    decision = may_explain(context.policy, usage, action.person)
    is_missing = is_blank(draft.reason) or is_blank(draft.done)
    missing = "Enter why the access was needed and what was done." if is_missing else ""
    if not decision:
        refusal_audit.append_refusal(context, action.by, submission.callback_id, usage.id, decision.reason)
    if not decision or missing:
        action.responder.show_view(
            forms.explain_form(
                usage, _request(context, usage), draft, missing or decision.reason, context.policy.accounts
            )
        )
        return
    written = Explanation(action.by, context.clock(), draft.reason, draft.incident, draft.done, draft.follow_up)
    usage = change_usage(context.store, usage.id, lambda read: life.record_explanation(read, written, context.clock()))
    where = "Your explanation is in the thread."
    if not post_about_usage(context, usage, messages.explanation_message(usage, context.policy)):
        where = "Your explanation is saved, but Slack refused to post it. Approvers find it in the Home tab."
    action.responder.show_text("Explained", f"{where} Another person must accept it.")


def open_acceptance_form(action: ActionContext, click: Click) -> None:
    """Show the explanation to a second person, wherever they clicked."""
    usage = _find_named_usage(action.context, click.value)
    require(may_accept(action.policy, usage, action.person))
    _show_explanation(action, usage)


def accept_explanation(action: ActionContext, submission: Submission) -> None:
    """Let a second person agree with the explanation that the form showed them, and with no other."""
    context = action.context
    usage_id, version = forms.parse_accepted_version(submission.metadata)

    def accepted(usage: Usage) -> UsageChange:
        if usage.accepted_by is None or usage.accepted_by.user_id != action.person.user_id:
            require(may_accept(context.policy, usage, action.person))
        return life.accept_explanation(usage, action.by, version, context.clock())

    try:
        usage = change_usage(context.store, _find_named_usage(context, usage_id).id, accepted)
    except life.ExplanationChangedError:
        _show_explanation(
            action, _find_named_usage(context, usage_id), "The explanation has changed. This is the newest one."
        )
        return
    post_about_usage(context, usage, messages.acceptance_message(usage))
    action.responder.show_text("Accepted", "This usage needs no further action.")


def _show_explanation(action: ActionContext, usage: Usage, problem: str = "") -> None:
    if usage.explanation is None:
        raise ActionRejectedError("The usage is not explained yet.")
    version, names = life.explanation_version(usage.explanation), action.policy.accounts
    action.responder.show_view(forms.accept_form(usage, usage.explanation, version, problem, names))


def post_about_usage(context: InteractionContext, usage: Usage, body: MessageContent) -> bool:
    """Post in the thread of the alert or request, else in the channel; False if refused."""
    request = _request(context, usage)
    thread = usage.thread or (request.message if request is not None else None)
    if thread is not None:
        return notifications.post_message(context, usage.id, thread.channel, body, thread.ts) is not None
    posted = notifications.post_message(context, usage.id, context.policy.settings.channel, body)
    if posted is not None:
        change_usage(context.store, usage.id, lambda read: (replace(read, thread=read.thread or posted), ()))
    return posted is not None


def _open(action: ActionContext, usage: Usage) -> None:
    context = action.context
    require(may_explain(context.policy, usage, action.person))
    request = _request(context, usage)
    action.responder.show_view(
        forms.explain_form(usage, request, _first_draft(usage, request), names=context.policy.accounts)
    )


def _first_draft(usage: Usage, request: Request | None) -> ExplanationDraft:
    if usage.explanation is not None:
        known = usage.explanation
        return ExplanationDraft(known.reason, known.incident, known.done, known.follow_up)
    return ExplanationDraft(reason=request.reason) if request is not None else ExplanationDraft()


def _draft(submission: Submission) -> ExplanationDraft:
    return ExplanationDraft(
        *(find_text(submission.values, block) for block in (ids.REASON, ids.INCIDENT, ids.DONE_WHAT, ids.FOLLOW_UP))
    )


def _find_named_usage(context: InteractionContext, usage_id: str) -> Usage:
    usage = context.store.usage(usage_id)
    if usage is None:
        raise UnknownRecordError
    return usage


def _request(context: InteractionContext, usage: Usage) -> Request | None:
    return context.store.request(usage.request_id) if usage.request_id is not None else None


def _user_id(directory: Directory, evidence: Evidence) -> str:
    if life.has_user_id(evidence):
        person = directory.person(evidence.who)
    else:
        person = directory.person_by_user_name(life.session_name(evidence)) if life.session_name(evidence) else None
    return person.user_id if person is not None else ""


def _session_seconds(context: RecorderContext, evidence: Evidence) -> int:
    known = context.policy.sets.get(evidence.role)
    return known.session_seconds if known is not None else _SESSION_SECONDS


def _request_id(context: RecorderContext, user_id: str, evidence: Evidence) -> str | None:
    if not user_id:
        return None
    newest = context.store.requests_of(user_id).items
    return next((request.id for request in newest if life.is_made_under(request, evidence, user_id)), None)
