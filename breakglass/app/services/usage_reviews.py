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
from breakglass.app.services.action import Doing, RefusedError, insist, text
from breakglass.app.services.context import Desk, Records
from breakglass.app.services.limits import claim_place
from breakglass.app.services.optimistic_writes import ContendedError, UnknownRecordError, change_use
from breakglass.app.slack import forms, ids, messages
from breakglass.app.slack.forms import ExplanationDraft
from breakglass.app.slack.message_content import MessageContent
from breakglass.app.slack.payloads import Click, Submission

MOST_AN_HOUR = 10
"""How many uses that the alert path has not recorded one person makes known by clicks within an hour."""

_ATTEMPTS = 5
_SESSION_SECONDS = 3600


def record(
    world: Records,
    directory: Directory,
    evidence: Evidence,
    by: Actor = SYSTEM,
    permit: Callable[[Usage], None] = lambda use: None,
) -> Usage:
    """Keep evidence: a new use, or one more trace of a known one. The same event twice is one.

    Args:
        world: what the function has.
        directory: who people are.
        evidence: of the use.
        by: who tells of it; the alert path if it is the system.
        permit: raises if this use may not be written; asked before each write.
    """
    for _ in range(_ATTEMPTS):
        known = world.store.use_of_event(evidence.event_id)
        if known is not None:
            return known
        user_id = _user_id(directory, evidence)
        one, before = _one_of_it(world, evidence, user_id)
        if one is not None:
            use, audit = life.add_evidence(one, evidence)
            if use == one:
                return use
        else:
            within = world.policy.settings.explain_within_seconds
            request = _request_id(world, user_id, evidence)
            use, audit = life.begin_usage(evidence, user_id, within, request, world.clock(), before, by)
        permit(use)
        if world.store.save_use(use, audit):
            world.log("use", use=use.id, request=use.request_id, path=evidence.path)
            return replace(use, version=use.version + 1)
    raise ContendedError(evidence.event_id)


def _one_of_it(world: Records, evidence: Evidence, user_id: str) -> tuple[Usage | None, Usage | None]:
    """Return the use that a record belongs to, if there is one yet, and the one after which it would begin another."""
    seconds, before = _session_seconds(world, evidence), None
    one = world.store.latest_use(evidence.role, evidence.account, user_id or life.session_name(evidence))
    if one is None:
        one = world.store.use(life.next_usage_id(evidence, user_id, None))
    while one is not None and not life.is_part_of(one, evidence, user_id, seconds):
        one, before = world.store.use(life.next_usage_id(evidence, user_id, one)), one
    return one, before


def owe(desk: Desk, request: Request) -> bool:
    """See to it that a broken glass is explained, used or not, and return whether that is recorded.

    A second time changes nothing.
    """
    use, audit = life.begin_required_usage(request, desk.policy.settings.explain_within_seconds, desk.clock())
    return desk.store.save_use(use, audit) or desk.store.use(use.id) is not None


def open_form_of_alert(doing: Doing, click: Click) -> None:
    """Open the form for the use that an alert is about; the alert's thread is where the answer will be."""
    try:
        evidence = life.parse_evidence(click.value)
    except ValueError as error:
        doing.desk.log("odd_evidence", why=str(error))
        raise RefusedError("This alert does not say what it is about.") from None
    if evidence.drill:
        raise RefusedError("This alert came from a drill: nobody used a role, and there is nothing to explain.")
    use = _known(doing.desk, evidence) or _record_click(doing, evidence)
    insist(may_explain(doing.desk.policy, use, doing.person))
    if use.thread is None and click.message is not None:
        thread = click.message
        use = change_use(doing.desk.store, use.id, lambda one: (replace(one, thread=one.thread or thread), ()))
    _open(doing, use)


def _known(desk: Desk, evidence: Evidence) -> Usage | None:
    """Return the use that an alert is about, as the alert path or an earlier click told of it."""
    clicked = life.as_click_evidence(evidence).event_id
    return desk.store.use_of_event(evidence.event_id) or desk.store.use_of_event(clicked)


def _record_click(doing: Doing, evidence: Evidence) -> Usage:
    """Record a use that only a click tells of: if the clicker may explain it, and within a limit.

    Raises:
        ForbiddenError: if they may not explain it.
        RefusedError: if it is too old, or the clicker has recorded too many.
    """
    desk = doing.desk
    if not life.is_recent(evidence, desk.clock()):
        raise RefusedError("No use is known for this alert, and it is not of the last seven days.")

    def permit(use: Usage) -> None:
        insist(may_explain(desk.policy, use, doing.person))
        if not claim_place(desk, "use", doing.person.user_id, MOST_AN_HOUR):
            raise RefusedError(f"You have told of {MOST_AN_HOUR} unrecorded uses within an hour. Wait an hour.")

    return record(desk, desk.directory, life.as_click_evidence(evidence), doing.by, permit)


def open_form(doing: Doing, click: Click) -> None:
    """Open the form for a use."""
    _open(doing, _use(doing.desk, click.value))


def explain(doing: Doing, submission: Submission) -> None:
    """Keep an explanation, and post it where the alert is."""
    desk = doing.desk
    use = _use(desk, submission.metadata)
    draft = _draft(submission)
    decision = may_explain(desk.policy, use, doing.person)
    is_missing = is_blank(draft.reason) or is_blank(draft.done)
    missing = "Say why the access was needed and what was done." if is_missing else ""
    if not decision:
        refusal_audit.keep(desk, doing.by, submission.callback_id, use.id, decision.reason)
    if not decision or missing:
        doing.screen.show(
            forms.explain_form(use, _request(desk, use), draft, missing or decision.reason, desk.policy.accounts)
        )
        return
    written = Explanation(doing.by, desk.clock(), draft.reason, draft.incident, draft.done, draft.follow_up)
    use = change_use(desk.store, use.id, lambda one: life.record_explanation(one, written, desk.clock()))
    where = "Your explanation is in the thread."
    if not post(desk, use, messages.explanation_message(use, desk.policy)):
        where = "Your explanation is kept. Slack did not accept it in the thread; the Home tab offers it."
    doing.screen.tell("Explained", f"{where} Somebody else signs it off.")


def open_sign_off_form(doing: Doing, click: Click) -> None:
    """Show the explanation to a second person, wherever they clicked."""
    use = _use(doing.desk, click.value)
    insist(may_accept(doing.desk.policy, use, doing.person))
    _show_explanation(doing, use)


def sign_off(doing: Doing, submission: Submission) -> None:
    """Let a second person agree with the explanation that the form showed them, and with no other."""
    desk = doing.desk
    use_id, version = forms.parse_accepted_version(submission.metadata)

    def signed_off(use: Usage) -> UsageChange:
        if use.accepted_by is None or use.accepted_by.user_id != doing.person.user_id:
            insist(may_accept(desk.policy, use, doing.person))
        return life.accept_explanation(use, doing.by, version, desk.clock())

    try:
        use = change_use(desk.store, _use(desk, use_id).id, signed_off)
    except life.ExplanationChangedError:
        _show_explanation(doing, _use(desk, use_id), "The explanation was changed meanwhile. This is the newest one.")
        return
    post(desk, use, messages.acceptance_message(use))
    doing.screen.tell("Signed off", "Nothing is left to do about this use.")


def _show_explanation(doing: Doing, use: Usage, problem: str = "") -> None:
    if use.explanation is None:
        # `may_accept` refuses this before.
        raise RefusedError("It is not explained yet.")
    version, names = life.explanation_version(use.explanation), doing.desk.policy.accounts
    doing.screen.show(forms.accept_form(use, use.explanation, version, problem, names))


def post(desk: Desk, use: Usage, body: MessageContent) -> bool:
    """Write about a use: in its alert's thread, else its request's, else in the channel and from then on there.

    Returns:
        Whether Slack has accepted it.
    """
    request = _request(desk, use)
    thread = use.thread or (request.message if request is not None else None)
    if thread is not None:
        return notifications.post(desk, use.id, thread.channel, body, thread.ts) is not None
    posted = notifications.post(desk, use.id, desk.policy.settings.channel, body)
    if posted is not None:
        change_use(desk.store, use.id, lambda one: (replace(one, thread=one.thread or posted), ()))
    return posted is not None


def _open(doing: Doing, use: Usage) -> None:
    desk = doing.desk
    insist(may_explain(desk.policy, use, doing.person))
    request = _request(desk, use)
    doing.screen.show(forms.explain_form(use, request, _first_draft(use, request), names=desk.policy.accounts))


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


def _use(desk: Desk, use_id: str) -> Usage:
    use = desk.store.use(use_id)
    if use is None:
        raise UnknownRecordError
    return use


def _request(desk: Desk, use: Usage) -> Request | None:
    return desk.store.request(use.request_id) if use.request_id is not None else None


def _user_id(directory: Directory, evidence: Evidence) -> str:
    """Return who it was in the identity store; empty if it is nobody there."""
    if life.has_user_id(evidence):
        person = directory.person(evidence.who)
    else:
        person = directory.person_by_user_name(life.session_name(evidence)) if life.session_name(evidence) else None
    return person.user_id if person is not None else ""


def _session_seconds(world: Records, evidence: Evidence) -> int:
    known = world.policy.sets.get(evidence.role)
    return known.session_seconds if known is not None else _SESSION_SECONDS


def _request_id(world: Records, user_id: str, evidence: Evidence) -> str | None:
    """Return the request under which a use was made; the newest, if several overlap."""
    if not user_id:
        return None
    newest = world.store.requests_of(user_id).items
    return next((request.id for request in newest if life.is_made_under(request, evidence, user_id)), None)
