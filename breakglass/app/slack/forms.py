"""The forms: what opens when somebody asks, denies, ends, extends, breaks the glass or explains.

A form can be drawn again at any time, with what was filled in so far and what is wrong with it. Slack keeps what is in
an input as long as its block id and action id stay the same (https://docs.slack.dev/reference/views/modal-views,
"Preserving input entry"). So a list whose choices have changed gets another action id: `value/` and something made of
the choices. `payloads` leaves that out again.

The answer to a submission is `modals.processing_modal`; the function that handles it shows the result later.

Non-goals: what becomes of it (see `services.dispatch` and `services.usage_reviews`); checking what was filled in.
"""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from breakglass.app.domain.decision import Terms
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
"""Choices that Slack takes in one list."""

LONGEST: Mapping[str, int] = {
    ids.REASON: LONGEST_REASON,
    ids.NOTE: LONGEST_NOTE,
    ids.JUSTIFICATION: LONGEST_NOTE,
    ids.TICKET: LONGEST_TICKET,
    ids.INCIDENT: 300,
    ids.DONE_WHAT: LONGEST_REASON,
    ids.FOLLOW_UP: LONGEST_NOTE,
}
"""Characters of each input that takes a free text."""

_LONGEST_OPTION = 75
_STEPS = tuple(60 * minutes for minutes in (15, 30, 60, 120, 180, 240, 360, 480, 720))
_NO_NAMES: Mapping[str, str] = {}
_VERSION = "|"


@dataclass(frozen=True)
class RequestOptions:
    """What somebody may ask for.

    Attributes:
        sets: permission set -> the accounts in which they may ask for it.
        accounts: account id -> name.
        terms: what holds for what is chosen so far; None if nothing can be said yet.
        denials: what was denied them lately of what is chosen so far, newest first.
    """

    sets: Mapping[str, tuple[str, ...]]
    accounts: Mapping[str, str]
    terms: Terms | None
    denials: tuple[Denial, ...] = ()


@dataclass(frozen=True)
class RequestDraft:
    """What is filled in so far; the duration in seconds."""

    permission_set: str = ""
    accounts: tuple[str, ...] = ()
    duration: int | None = None
    reason: str = ""
    ticket: str = ""


@dataclass(frozen=True)
class ExplanationDraft:
    """What is filled in so far about a use."""

    reason: str = ""
    incident: str = ""
    done: str = ""
    follow_up: str = ""


def find_overlong_text(values: Mapping[str, tuple[str, ...]]) -> str:
    """Return which text of a form is longer than its input takes; empty if none is.

    Slack lets nobody type more. A payload may hold more all the same.
    """
    for block_id, longest in LONGEST.items():
        length = sum(map(len, values.get(block_id, ())))
        if length > longest:
            name = block_id.replace("_", " ")
            return f"The text under {name!r} has {length:,} characters, and {longest:,} are the most. Shorten it."
    return ""


# --- to ask ----------------------------------------------------------------------------------------------------------


def request_form(offer: RequestOptions, draft: RequestDraft, problem: str = "") -> View:
    """Ask for access: one role, up to fifty accounts, how long, why.

    Args:
        offer: what this person may ask for.
        draft: what is filled in so far.
        problem: why it was not sent.
    """
    if not offer.sets:
        return result_modal("Request access", "No rule lets you request any break-glass role.")
    role = draft.permission_set if draft.permission_set in offer.sets else ""
    blocks = [*_problem(problem), _role(offer, role)]
    if role:
        blocks += _accounts(offer, role, draft.accounts)
        blocks += paragraphs(phrases.describe_denials(offer.denials, offer.terms, offer.accounts))
        terms = offer.terms
        blocks += _duration(terms, draft.duration, "Counted from the approval.") if terms else _no_terms()
    blocks.append(
        _long_text(ids.REASON, "Why", draft.reason, "Whoever decides reads this; it is kept as you write it.")
    )
    if offer.terms is not None:
        blocks += _ticket(offer.terms, draft.ticket)
        blocks += [section(plain(f"\u26a0\ufe0f {shorten(banner, 600)}")) for banner in offer.terms.banners[:10]]
        blocks.append(context(phrases.describe_next_steps(offer.terms)))
    return modal("Request access", blocks, submit="Request", callback_id=ids.REQUEST_FORM, about=role)


def role_options(sets: Mapping[str, tuple[str, ...]], typed: str) -> list[Block]:
    """Return the roles to choose from that match what was typed; only asked for where there are more than a hundred."""
    return _options([(name, name) for name in sorted(sets)], typed)


def account_options(accounts: Sequence[str], names: Mapping[str, str], typed: str) -> list[Block]:
    """Return the accounts to choose from that match what was typed, in the id or the name.

    Returns:
        At most a hundred options. If more accounts match, the last one says so, and choosing it chooses nothing.
    """
    called = [(f"{names[one]} ({one})" if names.get(one) else one, one) for one in accounts]
    return _options(sorted(called, key=lambda pair: (pair[0].casefold(), pair[1])), typed)


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
    """Offer the accounts of a role; the only one there is is chosen."""
    possible = offer.sets[role]
    kept = [one for one in chosen if one in possible][:MAXIMUM_ACCOUNTS] or (possible if len(possible) == 1 else [])
    options = [_option(f"{offer.accounts[one]} ({one})" if offer.accounts.get(one) else one, one) for one in kept]
    menu = _searched(
        "multi_external_select",
        _redrawn(role),
        "Type a name or an id",
        {"max_selected_items": MAXIMUM_ACCOUNTS, **({"initial_options": options} if options else {})},
    )
    hint = "All of them are one decision. Each is opened and taken back on its own."
    blocks = [{**input_block(ids.ACCOUNTS, "Accounts", menu, hint=hint), "dispatch_action": True}]
    left_out = len([one for one in chosen if one not in possible])
    if left_out:
        blocks.append(context(f"{left_out} of the accounts you chose can't be asked for with this role: left out."))
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
        _redrawn(*map(str, steps), str(terms.default_seconds)), "Choose how long", list(options.values()), initial
    )
    return [
        input_block(ids.DURATION, "How long", menu, hint=f"{counted} At most {format_duration(terms.maximum_seconds)}.")
    ]


def _no_terms() -> list[Block]:
    text = (
        "How long, and what else is needed, depends on the accounts. If nothing follows when they are chosen, they "
        "can't be asked for together: choose fewer, or send it to be told why."
    )
    return [context(text)]


def _ticket(terms: Terms, ticket: str) -> list[Block]:
    if not terms.tickets:
        return []
    hint = f"In the form {' and '.join(shorten(pattern, 200) for pattern in terms.tickets[:5])}"
    return [input_block(ids.TICKET, "Ticket", _text_input(ids.TICKET, ticket), hint=hint)]


# --- to decide, to end, to extend ------------------------------------------------------------------------------------


def deny_form(request: Request, note: str = "", problem: str = "", names: Mapping[str, str] = _NO_NAMES) -> View:
    """Ask why a request is denied.

    Args:
        request: the request.
        note: what is filled in so far.
        problem: why it was not sent.
        names: account id -> name.
    """
    return modal(
        "Deny the request",
        [
            *_problem(problem),
            section(markdown(f"{format_actor(request.requester)} asks for {_what(request, names)}.")),
            *quote("Their reason", request.reason),
            _long_text(ids.NOTE, "Why not", note, "Everybody in the channel can read it in the request's thread."),
            context("The request ends with it, and nothing is opened. They can ask again."),
        ],
        submit="Deny",
        callback_id=ids.DENY_FORM,
        about=request.id,
    )


def end_form(request: Request, note: str = "", problem: str = "", names: Mapping[str, str] = _NO_NAMES) -> View:
    """Ask why an access is ended before its time; the arguments are those of `deny_form`."""
    return modal(
        "End the access",
        [
            *_problem(problem),
            section(
                markdown(
                    f"{format_actor(request.requester)} has {code(request.permission_set)} in {_where(request, names)}."
                )
            ),
            _long_text(ids.NOTE, "Why", note, "Everybody in the channel can read it in the request's thread."),
            context(
                "It is taken back in every account at once; the thread says when that is verified. It can't be undone: "
                "they have to ask again."
            ),
        ],
        submit="End it now",
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
    """Ask for the second justification of access that nobody has approved, and say what it leads to.

    Args:
        request: the request.
        justification: what is filled in so far.
        problem: why it was not sent.
        names: account id -> name.
        denials: what was denied lately of what it asks for; everybody will read that as well.
    """
    at_once = "Its end is moved at once" if request.kind is Kind.extension else "It is opened at once"
    return modal(
        "Break the glass",
        [
            *_problem(problem),
            section(markdown(f":rotating_light: You take {_what(request, names)}, *and nobody has approved it*.")),
            *paragraphs(phrases.describe_denials(denials, None, names)),
            section(
                markdown(
                    f"• {at_once}, and it ends by itself when its time is over.\n"
                    "• Everybody in the channel and in the second channel is told: who, what, your reason, and what "
                    "you write here. What Slack does not accept is tried again until it does.\n"
                    "• Approvers and security can end it at any time.\n"
                    "• You write a post-mortem afterwards, and somebody else signs it off."
                )
            ),
            _long_text(
                ids.JUSTIFICATION,
                "Why can't it wait for an approval?",
                justification,
                "A second justification, besides the reason you gave; it is kept as you write it.",
            ),
        ],
        submit="Break the glass",
        callback_id=ids.GLASS_FORM,
        about=request.id,
    )


def extend_form(
    request: Request, terms: Terms | None, draft: RequestDraft, problem: str = "", names: Mapping[str, str] = _NO_NAMES
) -> View:
    """Ask for more time.

    Args:
        request: the access that is to last longer.
        terms: what holds for it today; None if no rule allows it any more.
        draft: what is filled in so far: duration and reason.
        problem: why it was not sent.
        names: account id -> name.
    """
    ends = f" It ends {format_time(request.revoke_at)}." if request.revoke_at is not None else ""
    what = section(markdown(f"You have {code(request.permission_set)} in {_where(request, names)}.{ends}"))
    if terms is None:
        sorry = section(plain("No rule allows you more time for it any more."))
        return modal("More time", [*_problem(problem), what, sorry])
    return modal(
        "More time",
        [
            *_problem(problem),
            what,
            *_duration(terms, draft.duration, "Counted from the approval, not from the present end."),
            _long_text(ids.REASON, "Why", draft.reason, "Whoever decides reads this; it is kept as you write it."),
            context(
                f"The approvers are asked again; it takes {phrases.format_approvals(terms.approvals)}. Until then the "
                "access "
                "ends when it was to end."
            ),
        ],
        submit="Ask for more time",
        callback_id=ids.EXTEND_FORM,
        about=request.id,
    )


# --- to explain ------------------------------------------------------------------------------------------------------


def explain_form(
    use: Usage,
    request: Request | None,
    draft: ExplanationDraft,
    problem: str = "",
    names: Mapping[str, str] = _NO_NAMES,
) -> View:
    """Ask what a break-glass role was used for.

    Args:
        use: the use.
        request: the request under which it was made, if there was one.
        draft: what is filled in so far.
        problem: why it was not sent.
        names: account id -> name.
    """
    where = f"{code(use.permission_set)} in {phrases.format_account(use.account, names)}"
    about = f"{phrases.format_user(use)} used {where}, {format_time(use.first_seen)}."
    return modal(
        "Explain this use",
        [
            *_problem(problem),
            section(markdown(about)),
            context(_under(request)),
            _long_text(ids.REASON, "Why was it needed?", draft.reason),
            input_block(
                ids.INCIDENT,
                "Incident",
                _text_input(ids.INCIDENT, draft.incident),
                hint="A link or a number, if there is one.",
                optional=True,
            ),
            _long_text(ids.DONE_WHAT, "What was done?", draft.done),
            input_block(
                ids.FOLLOW_UP,
                "What will be changed, so that it is not needed again?",
                _text_input(ids.FOLLOW_UP, draft.follow_up, multiline=True),
                optional=True,
            ),
            context("It is posted in the thread and kept as you write it. Then somebody else signs it off."),
        ],
        submit="Explain",
        callback_id=ids.EXPLAIN_FORM,
        about=use.id,
    )


def accept_form(
    use: Usage, explanation: Explanation, version: str, problem: str = "", names: Mapping[str, str] = _NO_NAMES
) -> View:
    """Show an explanation whole, and ask whether it is enough.

    Args:
        use: the use.
        explanation: its explanation.
        version: stands for exactly this explanation; it comes back with the answer.
        problem: why it was not sent.
        names: account id -> name.
    """
    where = f"{code(use.permission_set)} in {phrases.format_account(use.account, names)}"
    about = (
        f"{format_actor(explanation.by)} explains the use of {where} by {phrases.format_user(use)}, "
        f"{format_time(use.first_seen)}."
    )
    return modal(
        "Sign off",
        [
            *_problem(problem),
            section(markdown(about)),
            *quote("Why it was needed", explanation.reason),
            *quote("Incident", explanation.incident),
            *quote("What was done", explanation.done),
            *quote("What will be changed", explanation.follow_up),
            context("By signing off you say that this is enough. It can't be changed or undone after that."),
        ],
        submit="Sign off",
        callback_id=ids.ACCEPT_FORM,
        about=f"{use.id}{_VERSION}{version}",
    )


def parse_accepted_version(about: str) -> tuple[str, str]:
    """Return the id of the use and the version of its explanation that a `accept_form` showed."""
    use_id, _, version = about.partition(_VERSION)
    return use_id, version


def _under(request: Request | None) -> str:
    if request is None:
        return "No request is known under which it was made."
    how = "whose glass was broken" if request.glass else "that was approved"
    return f"It was made under request {code(request.id)} of {format_actor(request.requester)}, {how}."


# --- parts -----------------------------------------------------------------------------------------------------------


def _problem(problem: str) -> list[Block]:
    """Say why a form was not sent; the text may hold what people wrote."""
    return quote(":x: Not sent", problem)


def _what(request: Request, names: Mapping[str, str]) -> str:
    what = f"{code(request.permission_set)} in {_where(request, names)}"
    if request.kind is Kind.extension:
        return f"more time with {what}, {format_duration(request.duration)} from the approval on"
    return f"{what} for {format_duration(request.duration)}"


def _where(request: Request, names: Mapping[str, str]) -> str:
    return phrases.format_accounts(request.accounts, names, most=6)


def _long_text(block_id: str, label: str, initial: str, hint: str = "") -> Block:
    return input_block(block_id, label, _text_input(block_id, initial, multiline=True), hint=hint)


def _text_input(block_id: str, initial: str, *, multiline: bool = False) -> Block:
    longest = LONGEST[block_id]
    # What is longer than the input takes was not typed into it; Slack would refuse the whole form.
    known = {"initial_value": replace_surrogates(initial)[:longest]} if initial else {}
    return {
        "type": "plain_text_input",
        "action_id": ids.VALUE,
        "multiline": multiline,
        "max_length": longest,
        **known,
    }


def _redrawn(*choices: str) -> str:
    """Return the action id of a list with these choices: with others another, so that Slack forgets what was chosen."""
    return f"{ids.VALUE}{DRAWN}{zlib.crc32('|'.join(choices).encode('utf-8', 'replace')):08x}"
