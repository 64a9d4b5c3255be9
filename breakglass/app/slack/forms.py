"""The forms that request, deny, end, extend, break the glass, explain and accept.

A form can be drawn again at any time, with its current input and a problem. Slack keeps the content of an input while
its block ID and action ID stay the same (https://docs.slack.dev/reference/views/modal-views, "Preserving input entry").
So a list with new choices gets a new action ID: `value/` and a checksum of them. `payloads` removes the checksum.

The answer to a submission is `modals.processing_modal`; the function that handles it shows the result later. In all
forms `problem` is the reason why it was not sent, and `names` maps account IDs to names.

Non-goals: handling a submission (see `services.dispatch` and `services.usage_reviews`); checking the input.
"""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from breakglass.app.domain.decision import Terms, format_approvals
from breakglass.app.domain.durations import format_duration
from breakglass.app.domain.records import Denial, Explanation, Kind, Request, Usage
from breakglass.app.domain.request_lifecycle import MAXIMUM_ACCOUNTS
from breakglass.app.domain.texts import LONGEST_NOTE, LONGEST_REASON, LONGEST_TICKET
from breakglass.app.slack import ids, phrases
from breakglass.app.slack.blocks import (
    Block,
    context,
    input_block,
    markdown,
    option,
    plain,
    section,
    static_select,
)
from breakglass.app.slack.message_content import paragraphs
from breakglass.app.slack.modals import View, modal, result_modal
from breakglass.app.slack.payloads import DRAWN, NO_CHOICE
from breakglass.app.slack.text import code, format_actor, format_time, quote, replace_surrogates, shorten

MOST_OPTIONS = 100
"""Maximum number of choices in a list of Slack."""

LONGEST: Mapping[str, int] = {
    ids.REASON: LONGEST_REASON,
    ids.NOTE: LONGEST_NOTE,
    ids.JUSTIFICATION: LONGEST_NOTE,
    ids.TICKET: LONGEST_TICKET,
    ids.INCIDENT: 300,
    ids.DONE_WHAT: LONGEST_REASON,
    ids.FOLLOW_UP: LONGEST_NOTE,
}
"""Maximum length of each free-text input."""

_LONGEST_OPTION = 75
_STEPS = tuple(60 * minutes for minutes in (15, 30, 60, 120, 180, 240, 360, 480, 720))
_NO_NAMES: Mapping[str, str] = {}
_VERSION = "|"


@dataclass(frozen=True)
class RequestOptions:
    """The choices of a person in the request form.

    Attributes:
        sets: permission set -> the accounts in which they may request it.
    """

    sets: Mapping[str, tuple[str, ...]]
    accounts: Mapping[str, str]
    terms: Terms | None
    denials: tuple[Denial, ...] = ()


@dataclass(frozen=True)
class RequestDraft:
    """The current input of the request form; the duration in seconds."""

    permission_set: str = ""
    accounts: tuple[str, ...] = ()
    duration: int | None = None
    reason: str = ""
    ticket: str = ""


@dataclass(frozen=True)
class ExplanationDraft:
    """The current input of the explanation form."""

    reason: str = ""
    incident: str = ""
    done: str = ""
    follow_up: str = ""


def find_overlong_text(values: Mapping[str, tuple[str, ...]]) -> str:
    """Return the problem of the first text that is longer than its input; else empty.

    Slack does not let a person type more, but a payload may hold more.
    """
    for block_id, longest in LONGEST.items():
        length = sum(map(len, values.get(block_id, ())))
        if length > longest:
            name = block_id.replace("_", " ")
            return f"The text under {name!r} has {length:,} characters. Shorten it to at most {longest:,}."
    return ""


# --- request ---------------------------------------------------------------------------------------------------------


def request_form(offer: RequestOptions, draft: RequestDraft, problem: str = "") -> View:
    """Return the form for a request: one role, at most fifty accounts, a duration and a reason."""
    if not offer.sets:
        return result_modal("Request access", "No rule lets you request a break-glass role.")
    role = draft.permission_set if draft.permission_set in offer.sets else ""
    blocks = [*_problem(problem), _role(offer, role)]
    if role:
        blocks += _accounts(offer, role, draft.accounts)
        blocks += paragraphs(phrases.describe_denials(offer.denials, offer.terms, offer.accounts))
        terms = offer.terms
        blocks += _duration(terms, draft.duration, "Counted from the approval.") if terms else _no_terms()
    blocks.append(
        _long_text(ids.REASON, "Reason", draft.reason, "The approvers read it. It is stored as you write it.")
    )
    if offer.terms is not None:
        blocks += _ticket(offer.terms, draft.ticket)
        blocks += [section(plain(f"\u26a0\ufe0f {shorten(banner, 600)}")) for banner in offer.terms.banners[:10]]
        blocks.append(context(phrases.describe_next_steps(offer.terms)))
    return modal("Request access", blocks, submit="Request", callback_id=ids.REQUEST_FORM, about=role)


def role_options(sets: Mapping[str, tuple[str, ...]], typed: str) -> list[Block]:
    """Return the roles that match a search text; used where there are more than a hundred."""
    return _options([(name, name) for name in sorted(sets)], typed)


def account_options(accounts: Sequence[str], names: Mapping[str, str], typed: str) -> list[Block]:
    """Return the accounts whose ID or name matches a search text.

    Returns:
        At most a hundred options. If more accounts match, the last option says so, and has no effect if chosen.
    """
    labels = [(_account_label(account, names), account) for account in accounts]
    return _options(sorted(labels, key=lambda pair: (pair[0].casefold(), pair[1])), typed)


def _account_label(account: str, names: Mapping[str, str]) -> str:
    return f"{names[account]} ({account})" if names.get(account) else account


def _options(choices: Sequence[tuple[str, str]], typed: str) -> list[Block]:
    words = typed.casefold().split()
    found = [(text, value) for text, value in choices if all(word in text.casefold() for word in words)]
    shown = found if len(found) <= MOST_OPTIONS else found[: MOST_OPTIONS - 1]
    options = [_option(text, value) for text, value in shown]
    if len(found) > len(shown):
        options.append(_option(f"… and {len(found) - len(shown)} more: type to find them", NO_CHOICE))
    return options


def _option(text: str, value: str) -> Block:
    return option(shorten(text, _LONGEST_OPTION), value)


def _role(offer: RequestOptions, role: str) -> Block:
    names = sorted(offer.sets)
    chosen = _option(role, role) if role else None
    if len(names) <= MOST_OPTIONS:
        menu = static_select(ids.VALUE, "Choose a role", [_option(name, name) for name in names], chosen)
    else:
        menu = _searched(
            "external_select", ids.VALUE, "Type to find a role", {"initial_option": chosen} if chosen else {}
        )
    return {**input_block(ids.ROLE, "Role", menu), "dispatch_action": True}


def _accounts(offer: RequestOptions, role: str, chosen: Sequence[str]) -> list[Block]:
    """Return the list of a role's accounts; a single account is chosen already."""
    possible = offer.sets[role]
    kept = [account for account in chosen if account in possible][:MAXIMUM_ACCOUNTS]
    options = [
        _option(_account_label(account, offer.accounts), account)
        for account in kept or (possible if len(possible) == 1 else [])
    ]
    menu = _searched(
        "multi_external_select",
        _redrawn(role),
        "Type a name or an ID",
        {"max_selected_items": MAXIMUM_ACCOUNTS, **({"initial_options": options} if options else {})},
    )
    hint = "One decision covers all accounts. Access is granted and revoked in each account separately."
    blocks = [{**input_block(ids.ACCOUNTS, "Accounts", menu, hint=hint), "dispatch_action": True}]
    left_out = len([account for account in chosen if account not in possible])
    if left_out:
        blocks.append(context(f"This role can't be requested in {left_out} of the chosen accounts. They are left out."))
    return blocks


def _searched(kind: str, action_id: str, placeholder: str, more: Mapping[str, Any]) -> Block:
    return {"type": kind, "action_id": action_id, "placeholder": plain(placeholder), "min_query_length": 0, **more}


def _duration(terms: Terms, chosen: int | None, counted: str) -> list[Block]:
    steps = sorted(
        {step for step in (*_STEPS, terms.default_seconds, terms.maximum_seconds) if 0 < step <= terms.maximum_seconds}
    )
    options = {step: _option(format_duration(step), str(step)) for step in steps}
    initial = options.get(chosen or 0) or options.get(terms.default_seconds)
    menu = static_select(
        _redrawn(*map(str, steps), str(terms.default_seconds)), "Choose a duration", list(options.values()), initial
    )
    return [
        input_block(ids.DURATION, "Duration", menu, hint=f"{counted} At most {format_duration(terms.maximum_seconds)}.")
    ]


def _no_terms() -> list[Block]:
    text = (
        "The other inputs depend on the accounts. If none appear after you choose accounts, these accounts can't be "
        "requested together. Choose fewer, or send the form to see the reason."
    )
    return [context(text)]


def _ticket(terms: Terms, ticket: str) -> list[Block]:
    if not terms.tickets:
        return []
    hint = f"In the form {' and '.join(shorten(pattern, 200) for pattern in terms.tickets[:5])}"
    return [input_block(ids.TICKET, "Ticket", _text_input(ids.TICKET, ticket), hint=hint)]


# --- deny, end, break the glass, extend ------------------------------------------------------------------------------


def deny_form(request: Request, note: str = "", problem: str = "", names: Mapping[str, str] = _NO_NAMES) -> View:
    """Return the form that denies a request, with a reason."""
    return modal(
        "Deny the request",
        [
            *_problem(problem),
            section(markdown(f"{format_actor(request.requester)} requests {_what(request, names)}.")),
            *quote("Their reason", request.reason),
            _long_text(
                ids.NOTE, "Reason for the denial", note, "Everyone in the channel can read it in the request's thread."
            ),
            context("The request ends without access. The requester can request it again."),
        ],
        submit="Deny",
        callback_id=ids.DENY_FORM,
        about=request.id,
    )


def end_form(request: Request, note: str = "", problem: str = "", names: Mapping[str, str] = _NO_NAMES) -> View:
    """Return the form that ends access early, with a reason; the arguments are those of `deny_form`."""
    return modal(
        "End the access",
        [
            *_problem(problem),
            section(
                markdown(
                    f"{format_actor(request.requester)} has {code(request.permission_set)} in {_where(request, names)}."
                )
            ),
            _long_text(
                ids.NOTE, "Reason for ending", note, "Everyone in the channel can read it in the request's thread."
            ),
            context(
                "The access is revoked now, in every account. The thread says when that is verified. This can't be "
                "undone: "
                "the requester has to request it again."
            ),
        ],
        submit="End now",
        callback_id=ids.END_FORM,
        about=request.id,
    )


def glass_form(
    request: Request,
    justification: str = "",
    problem: str = "",
    names: Mapping[str, str] = _NO_NAMES,
    denials: Sequence[Denial] = (),
) -> View:
    """Return the form for access without approval: its consequences, and a second justification."""
    effect = "Its end is moved now" if request.kind is Kind.extension else "Access is granted now"
    return modal(
        "Break the glass",
        [
            *_problem(problem),
            section(markdown(f":rotating_light: You take {_what(request, names)} *without approval*.")),
            *paragraphs(phrases.describe_denials(denials, None, names)),
            section(
                markdown(
                    f"• {effect}, and it ends automatically when its time is over.\n"
                    "• It is announced in the channel and in the second channel, with your name, the role, your reason "
                    "and this justification. If Slack does not accept an announcement, it is retried until it does.\n"
                    "• Approvers and security can end it at any time.\n"
                    "• You explain it afterwards, and a second person accepts the explanation."
                )
            ),
            _long_text(
                ids.JUSTIFICATION,
                "Why can't it wait for an approval?",
                justification,
                "A second justification, in addition to your reason. It is stored as you write it.",
            ),
        ],
        submit="Break the glass",
        callback_id=ids.GLASS_FORM,
        about=request.id,
    )


def extend_form(
    request: Request, terms: Terms | None, draft: RequestDraft, problem: str = "", names: Mapping[str, str] = _NO_NAMES
) -> View:
    """Return the form for an extension; `terms` is None if no rule allows it any more."""
    ends = f" It ends {format_time(request.revoke_at)}." if request.revoke_at is not None else ""
    what = section(markdown(f"You have {code(request.permission_set)} in {_where(request, names)}.{ends}"))
    if terms is None:
        refusal = section(plain("No rule allows you to extend it any more."))
        return modal("Extend the access", [*_problem(problem), what, refusal])
    return modal(
        "Extend the access",
        [
            *_problem(problem),
            what,
            *_duration(terms, draft.duration, "Counted from the approval, not from the present end."),
            _long_text(ids.REASON, "Reason", draft.reason, "The approvers read it. It is stored as you write it."),
            context(f"An extension needs {format_approvals(terms.approvals)}. Until then, the present end remains."),
        ],
        submit="Request more time",
        callback_id=ids.EXTEND_FORM,
        about=request.id,
    )


# --- explain, accept -------------------------------------------------------------------------------------------------


def explain_form(
    usage: Usage,
    request: Request | None,
    draft: ExplanationDraft,
    problem: str = "",
    names: Mapping[str, str] = _NO_NAMES,
) -> View:
    """Return the form that explains a usage, with the request that gave the access, if there was one."""
    where = f"{code(usage.permission_set)} in {phrases.format_account(usage.account, names)}"
    about = f"{phrases.format_user(usage)} used {where}, {format_time(usage.first_seen)}."
    return modal(
        "Explain this usage",
        [
            *_problem(problem),
            section(markdown(about)),
            context(_under(request)),
            _long_text(ids.REASON, "Why was it needed?", draft.reason),
            input_block(
                ids.INCIDENT,
                "Incident",
                _text_input(ids.INCIDENT, draft.incident),
                hint="A link or a number, if there is an incident.",
                optional=True,
            ),
            _long_text(ids.DONE_WHAT, "What was done?", draft.done),
            input_block(
                ids.FOLLOW_UP,
                "What will be changed, so that it is not needed again?",
                _text_input(ids.FOLLOW_UP, draft.follow_up, multiline=True),
                optional=True,
            ),
            context("It is posted in the thread and stored as you write it. Then a second person accepts it."),
        ],
        submit="Explain",
        callback_id=ids.EXPLAIN_FORM,
        about=usage.id,
    )


def accept_form(
    usage: Usage, explanation: Explanation, version: str, problem: str = "", names: Mapping[str, str] = _NO_NAMES
) -> View:
    """Return the form that shows a whole explanation and accepts it.

    Its `version` (see `explanation_version`) comes back with the submission.
    """
    where = f"{code(usage.permission_set)} in {phrases.format_account(usage.account, names)}"
    about = (
        f"{format_actor(explanation.by)} explains the usage of {where} by {phrases.format_user(usage)}, "
        f"{format_time(usage.first_seen)}."
    )
    return modal(
        "Accept explanation",
        [
            *_problem(problem),
            section(markdown(about)),
            *quote("Why it was needed", explanation.reason),
            *quote("Incident", explanation.incident),
            *quote("What was done", explanation.done),
            *quote("What will be changed", explanation.follow_up),
            context("You confirm that this explanation is sufficient. It can't be changed or undone after that."),
        ],
        submit="Accept",
        callback_id=ids.ACCEPT_FORM,
        about=f"{usage.id}{_VERSION}{version}",
    )


def parse_accepted_version(about: str) -> tuple[str, str]:
    """Return the usage ID and the explanation's version that an `accept_form` showed."""
    usage_id, _, version = about.partition(_VERSION)
    return usage_id, version


def _under(request: Request | None) -> str:
    if request is None:
        return "No request for it is known."
    how = "access without approval" if request.glass else "approved"
    return f"It belongs to request {code(request.id)} of {format_actor(request.requester)}: {how}."


# --- parts -----------------------------------------------------------------------------------------------------------


def _problem(problem: str) -> list[Block]:
    return quote(":x: Not sent", problem)


def _what(request: Request, names: Mapping[str, str]) -> str:
    what = f"{code(request.permission_set)} in {_where(request, names)}"
    if request.kind is Kind.extension:
        return f"more time with {what}, {format_duration(request.duration)} from the approval"
    return f"{what} for {format_duration(request.duration)}"


def _where(request: Request, names: Mapping[str, str]) -> str:
    return phrases.format_accounts(request.accounts, names, most=6)


def _long_text(block_id: str, label: str, initial: str, hint: str = "") -> Block:
    return input_block(block_id, label, _text_input(block_id, initial, multiline=True), hint=hint)


def _text_input(block_id: str, initial: str, *, multiline: bool = False) -> Block:
    longest = LONGEST[block_id]
    # A text longer than its input was not typed into it, and Slack would refuse the form.
    known = {"initial_value": replace_surrogates(initial)[:longest]} if initial else {}
    return {
        "type": "plain_text_input",
        "action_id": ids.VALUE,
        "multiline": multiline,
        "max_length": longest,
        **known,
    }


def _redrawn(*choices: str) -> str:
    """Return the action ID of a list; new choices give a new ID, which clears the selection."""
    return f"{ids.VALUE}{DRAWN}{zlib.crc32('|'.join(choices).encode('utf-8', 'replace')):08x}"
