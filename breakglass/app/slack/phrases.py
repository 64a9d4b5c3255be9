"""Parts of sentences for messages and forms, in Slack's markup: people, accounts, terms, denials, sessions.

Text from outside is in a code span or a mention (see `text`).

Non-goals: whole messages (see `messages`, `forms` and `home`).
"""

from collections.abc import Mapping, Sequence

from breakglass.app.domain.decision import Terms, format_approvals
from breakglass.app.domain.durations import format_duration
from breakglass.app.domain.policy import ApprovalPolicy, Principal
from breakglass.app.domain.records import Actor, Announcement, ChannelNotice, Denial, Grant, Usage
from breakglass.app.slack.text import code, format_actor, format_time, shorten


def format_account(account_id: str, names: Mapping[str, str]) -> str:
    """Return an account's name and ID."""
    name = shorten(names.get(account_id, ""), 50)
    return code(f"{name} ({account_id})" if name else account_id)


def format_accounts(account_ids: Sequence[str], names: Mapping[str, str], most: int = 3) -> str:
    """Return accounts for a sentence: the first `most`, and the number of the rest."""
    if len(account_ids) <= most:
        return join_names([format_account(account, names) for account in account_ids])
    shown = ", ".join(format_account(account, names) for account in account_ids[:most])
    return f"{shown} and {len(account_ids) - most} more accounts"


def format_principals(principals: Sequence[Principal], most: int = 6) -> str:
    """Return groups and users for a sentence: the first `most`, and the number of the rest."""
    names = [f"{principal.kind} {code(principal.name)}" for principal in principals[:most]]
    more = [f"{len(principals) - most} more"] if len(principals) > most else []
    return join_names([*names, *more]) or "no one"


def format_actors(actors: Sequence[Actor], most: int = 10) -> str:
    """Return people for a sentence: the first `most`, and the number of the rest."""
    names = [format_actor(actor) for actor in actors[:most]]
    return join_names([*names, f"{len(actors) - most} more"] if len(actors) > most else names)


def join_names(names: Sequence[str]) -> str:
    """Return `a`, `a and b`, or `a, b and c`."""
    *before, last = names or [""]
    return f"{', '.join(before)} and {last}" if before else last


def describe_next_steps(terms: Terms) -> str:
    """Return the next steps of a request, for its requester."""
    steps = (
        f"It needs {format_approvals(terms.approvals)}. Access starts after that, and the time counts from then on. "
        f"Without an answer the request expires after {format_duration(terms.expiry_seconds)}."
    )
    after = terms.glass_after_seconds
    if after is None:
        return steps
    when = f"After {format_duration(after)} without an answer" if after else "Without waiting for an answer"
    unless = f"unless it was denied in the last {format_duration(terms.not_after_denial_seconds)}"
    return f"{steps} {when} you may break the glass, {unless}."


def describe_denials(denials: Sequence[Denial], terms: Terms | None, names: Mapping[str, str]) -> list[str]:
    """Return a line for each of the newest denials, with the end of their effect on the glass.

    `terms` are None where they no longer matter.
    """
    return [_describe_denial(denial, terms, names) for denial in denials[:_MOST_DENIALS]]


_MOST_DENIALS = 3


def _describe_denial(denial: Denial, terms: Terms | None, names: Mapping[str, str]) -> str:
    what = f"{code(denial.permission_set)} in {format_accounts(denial.accounts, names)}"
    text = f":no_entry: {format_actor(denial.by)} denied {what}, {format_time(denial.at)} ({code(denial.request_id)})."
    if terms is None or terms.glass_after_seconds is None:
        return text
    until = format_time(denial.at + terms.not_after_denial_seconds)
    return f"{text} The glass can't be broken for it before {until}."


def describe_announcement(announcement: Announcement) -> str:
    """Return the channels in which a broken glass is announced, and those that Slack has not accepted."""
    lines = []
    done = [f"<#{notice.channel}>" for notice in announcement.channels if notice.message is not None]
    if done:
        lines.append(f"Announced in {join_names(done)}.")
    if announcement.missing:
        missing = join_names(list(map(_format_notice, announcement.missing)))
        lines.append(f":warning: Slack has not accepted the announcement in {missing}. It is retried.")
    return " ".join(lines)


def _format_notice(notice: ChannelNotice) -> str:
    return f"<#{notice.channel}>{f' ({code(notice.failure)})' if notice.failure else ''}"


def describe_live_sessions(policy: ApprovalPolicy, permission_set: str, account_ids: Sequence[str]) -> str:
    """Return what will happen to sessions that are open when the access ends, in plain text."""
    lives = _remaining_life(policy, permission_set)
    if policy.settings.session_policy_id is None:
        return f"A session that is open when the access ends {lives}."
    if policy.settings.management_account not in account_ids:
        return "A session that is open when the access ends will be cut off."
    if len(account_ids) == 1:
        return f"A session that is open when the access ends {lives}: nothing cuts it off in the management account."
    return f"A session that is open when the access ends will be cut off. In the management account it {lives}."


def describe_ended_sessions(policy: ApprovalPolicy, permission_set: str, grants: Sequence[Grant]) -> str:
    """Return what happened to sessions that were open when the access ended, by the request's grants.

    Empty if no such session is known: the Deny is removed, or another request keeps the access.
    """
    lives = _remaining_life(policy, permission_set)
    if policy.settings.session_policy_id is None:
        return f"A session that was open when the access ended {lives}."
    denied = [grant for grant in grants if grant.deny_until is not None]
    bound = [grant for grant in denied if grant.access.account != policy.settings.management_account]
    missing = [grant for grant in bound if grant.deny_failure]
    sentences = []
    if len(bound) > len(missing):
        sentences.append("Sessions that were open are cut off.")
    if missing:
        where = format_accounts([grant.access.account for grant in missing], policy.accounts)
        why = _DENY_FAILURES.get(missing[0].deny_failure, _DENY_FAILURES["refused"])
        sentences.append(
            f"*Not cut off* in {where}: a session that was open {lives}, because {why}. It is retried every few "
            "minutes. To stop a session now, stop it by hand."
        )
    if len(denied) > len(bound):
        sentences.append(f"In the management account a session that was open {lives}.")
    return " ".join(sentences)


_DENY_FAILURES = {
    "full": "the service control policy that ends sessions is full",
    "unreadable": "the service control policy that ends sessions can't be read",
    "refused": "AWS refuses to change the service control policy that ends sessions",
}


def _remaining_life(policy: ApprovalPolicy, permission_set: str) -> str:
    known = policy.sets.get(permission_set)
    if known is None:
        return "stays valid until it expires"
    return f"stays valid for up to {format_duration(known.session_seconds)}"


def format_user(usage: Usage) -> str:
    """Return the user of a role, as CloudTrail or the identity store names them."""
    user = usage.session_name or usage.user_id
    return code(user) if user else "an unknown user"


COMMAND_LINE = "A command line sees the role only after `aws sso logout` and `aws sso login`."
"""Shown where access becomes active: a signed-in command line does not see a later assignment."""
