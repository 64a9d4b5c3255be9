"""How people, accounts and terms are called in messages and forms: pieces of lines in Slack's markup.

Whatever isn't ours in them is in a code span or a mention (see `text`).

Non-goals: whole messages (see `messages`, `forms` and `home`).
"""

from collections.abc import Mapping, Sequence

from breakglass.app.domain.decision import Terms
from breakglass.app.domain.durations import format_duration
from breakglass.app.domain.policy import ApprovalPolicy, Principal
from breakglass.app.domain.records import Actor, Announcement, ChannelNotice, Denial, Grant, Usage
from breakglass.app.slack.text import code, format_actor, format_time, shorten


def format_account(account_id: str, names: Mapping[str, str]) -> str:
    """Call an account by its name and id."""
    name = shorten(names.get(account_id, ""), 50)
    return code(f"{name} ({account_id})" if name else account_id)


def format_accounts(account_ids: Sequence[str], names: Mapping[str, str], most: int = 3) -> str:
    """Call accounts in a sentence; of many only the first, and how many more there are."""
    if len(account_ids) <= most:
        return join_names([format_account(one, names) for one in account_ids])
    return (
        f"{', '.join(format_account(one, names) for one in account_ids[:most])} and {len(account_ids) - most} more "
        "accounts"
    )


def format_principals(principals: Sequence[Principal], most: int = 6) -> str:
    """Call groups and users; of many only the first, and how many more there are."""
    called = [f"{principal.kind} {code(principal.name)}" for principal in principals[:most]]
    more = [f"{len(principals) - most} more"] if len(principals) > most else []
    return join_names([*called, *more]) or "nobody"


def format_actors(those: Sequence[Actor], most: int = 10) -> str:
    """Call people who did something; of many only the first, and how many more there are."""
    called = [format_actor(one) for one in those[:most]]
    return join_names([*called, f"{len(those) - most} more"] if len(those) > most else called)


def join_names(called: Sequence[str]) -> str:
    """Write `a`, `a and b`, `a, b and c`."""
    *before, last = called or [""]
    return f"{', '.join(before)} and {last}" if before else last


def format_approvals(count: int) -> str:
    """Say how many approvals."""
    return "one approval" if count == 1 else f"{count} approvals by different people"


def describe_next_steps(terms: Terms) -> str:
    """Tell whoever asks what will happen."""
    expiry = f"Unanswered, it expires after {format_duration(terms.expiry_seconds)}."
    told = (
        f"It takes {format_approvals(terms.approvals)}; nothing is opened before. The time counts from then on. "
        f"{expiry}"
    )
    after = terms.glass_after_seconds
    if after is None:
        return told
    when = f"After {format_duration(after)} without an answer" if after else "Without waiting for an answer"
    unless = f"unless it was denied in the last {format_duration(terms.not_after_denial_seconds)}"
    return f"{told} {when} you may break the glass, {unless}."


def describe_denials(denials: Sequence[Denial], terms: Terms | None, names: Mapping[str, str]) -> list[str]:
    """Say who denied the same role lately, when, and until when that forbids breaking the glass; a line each.

    Args:
        denials: of one person and one set, newest first; the first few are shown.
        terms: of the request; None where it does not matter any more.
        names: account id -> name.
    """
    return [_describe_denial(one, terms, names) for one in denials[:_MOST_DENIALS]]


_MOST_DENIALS = 3


def _describe_denial(denial: Denial, terms: Terms | None, names: Mapping[str, str]) -> str:
    what = f"{code(denial.permission_set)} in {format_accounts(denial.accounts, names)}"
    text = f":no_entry: {format_actor(denial.by)} denied {what}, {format_time(denial.at)} ({code(denial.request_id)})."
    if terms is None or terms.glass_after_seconds is None:
        return text
    until = format_time(denial.at + terms.not_after_denial_seconds)
    return f"{text} The glass can't be broken for it before {until}."


def describe_announcement(duties: Announcement) -> str:
    """Say in which channels a broken glass is announced, and in which it is not yet."""
    lines = []
    done = [f"<#{one.channel}>" for one in duties.channels if one.message is not None]
    if done:
        lines.append(f"Announced in {join_names(done)}.")
    if duties.missing:
        missing = join_names(list(map(_format_notice, duties.missing)))
        lines.append(f":warning: Slack has not accepted the announcement in {missing} yet; it is retried.")
    return " ".join(lines)


def _format_notice(notice: ChannelNotice) -> str:
    return f"<#{notice.channel}>{f' ({code(notice.failure)})' if notice.failure else ''}"


def describe_live_sessions(policy: ApprovalPolicy, permission_set: str, account_ids: Sequence[str]) -> str:
    """Say what is to become of sessions that are open when the access ends; one sentence, plain text."""
    lives = _remaining_life(policy, permission_set)
    if policy.settings.session_policy_id is None:
        return f"A session that is open when the access ends {lives}."
    if policy.settings.management_account not in account_ids:
        return "A session that is open when the access ends is to be cut off."
    if len(account_ids) == 1:
        return f"A session that is open when the access ends {lives}: nothing cuts it off in the management account."
    return f"A session that is open when the access ends is to be cut off; in the management account it {lives}."


def describe_ended_sessions(policy: ApprovalPolicy, permission_set: str, grants: Sequence[Grant]) -> str:
    """Say what has become of sessions that were open when the access ended, as the grants have it.

    Empty if nothing is known of one that may be alive: the Deny is out again, or another request keeps the access.
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
        why = _UNDENIED.get(missing[0].deny_failure, _UNDENIED["refused"])
        sentences.append(
            f"*Not cut off* in {where}: a session that was open {lives}, because {why}. It is tried again every few "
            "minutes; if it has to stop now, stop it by hand."
        )
    if len(denied) > len(bound):
        sentences.append(f"In the management account a session that was open {lives}.")
    return " ".join(sentences)


_UNDENIED = {
    "full": "the policy that ends sessions is full",
    "unreadable": "the policy that ends sessions can't be read",
    "refused": "AWS refuses to change the policy that ends sessions",
}


def _remaining_life(policy: ApprovalPolicy, permission_set: str) -> str:
    known = policy.sets.get(permission_set)
    return (
        f"lives on for up to {format_duration(known.session_seconds)}"
        if known is not None
        else "lives on until it runs out"
    )


def format_user(use: Usage) -> str:
    """Call whoever used a role."""
    return code(use.session_name or use.user_id) if use.session_name or use.user_id else "somebody"


COMMAND_LINE = "A command line sees the role only after `aws sso logout` and `aws sso login`."
"""Said where access opens: a command line that is signed in does not see what was assigned since."""
