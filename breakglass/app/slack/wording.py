"""How people, accounts and terms are called in messages and forms: pieces of lines in Slack's markup.

Whatever isn't ours in them is in a code span or a mention (see `text`).

Non-goals: whole messages (see `messages`, `forms` and `home`).
"""

from collections.abc import Mapping, Sequence

from breakglass.app.domain.decision import Terms
from breakglass.app.domain.durations import span
from breakglass.app.domain.policy import Policy, Principal
from breakglass.app.domain.records import Actor, Announcement, ChannelNotice, Denial, Grant, Use
from breakglass.app.slack.text import code, moment, named, shortened


def account(account_id: str, names: Mapping[str, str]) -> str:
    """Call an account by its name and id."""
    name = shortened(names.get(account_id, ""), 50)
    return code(f"{name} ({account_id})" if name else account_id)


def accounts(account_ids: Sequence[str], names: Mapping[str, str], most: int = 3) -> str:
    """Call accounts in a sentence; of many only the first, and how many more there are."""
    if len(account_ids) <= most:
        return listed([account(one, names) for one in account_ids])
    return f"{', '.join(account(one, names) for one in account_ids[:most])} and {len(account_ids) - most} more accounts"


def people(principals: Sequence[Principal], most: int = 6) -> str:
    """Call groups and users; of many only the first, and how many more there are."""
    called = [f"{principal.kind} {code(principal.name)}" for principal in principals[:most]]
    more = [f"{len(principals) - most} more"] if len(principals) > most else []
    return listed([*called, *more]) or "nobody"


def actors(those: Sequence[Actor], most: int = 10) -> str:
    """Call people who did something; of many only the first, and how many more there are."""
    called = [named(one) for one in those[:most]]
    return listed([*called, f"{len(those) - most} more"] if len(those) > most else called)


def listed(called: Sequence[str]) -> str:
    """Write `a`, `a and b`, `a, b and c`."""
    *before, last = called or [""]
    return f"{', '.join(before)} and {last}" if before else last


def approvals(count: int) -> str:
    """Say how many approvals."""
    return "one approval" if count == 1 else f"{count} approvals by different people"


def next_steps(terms: Terms) -> str:
    """Tell whoever asks what will happen."""
    expiry = f"Unanswered, it expires after {span(terms.expiry_seconds)}."
    told = f"It takes {approvals(terms.approvals)}; nothing is opened before. The time counts from then on. {expiry}"
    after = terms.glass_after_seconds
    if after is None:
        return told
    when = f"After {span(after)} without an answer" if after else "Without waiting for an answer"
    unless = f"unless it was denied in the last {span(terms.not_after_denial_seconds)}"
    return f"{told} {when} you may break the glass, {unless}."


def denied(denials: Sequence[Denial], terms: Terms | None, names: Mapping[str, str]) -> list[str]:
    """Say who denied the same role lately, when, and until when that forbids breaking the glass; a line each.

    Args:
        denials: of one person and one set, newest first; the first few are shown.
        terms: of the request; None where it does not matter any more.
        names: account id -> name.
    """
    return [_denied(one, terms, names) for one in denials[:_MOST_DENIALS]]


_MOST_DENIALS = 3


def _denied(denial: Denial, terms: Terms | None, names: Mapping[str, str]) -> str:
    what = f"{code(denial.permission_set)} in {accounts(denial.accounts, names)}"
    text = f":no_entry: {named(denial.by)} denied {what}, {moment(denial.at)} ({code(denial.request_id)})."
    if terms is None or terms.glass_after_seconds is None:
        return text
    until = moment(denial.at + terms.not_after_denial_seconds)
    return f"{text} The glass can't be broken for it before {until}."


def announced(duties: Announcement) -> str:
    """Say in which channels a broken glass is announced, and in which it is not yet."""
    lines = []
    done = [f"<#{one.channel}>" for one in duties.channels if one.message is not None]
    if done:
        lines.append(f"Announced in {listed(done)}.")
    if duties.missing:
        missing = listed(list(map(_missing, duties.missing)))
        lines.append(f":warning: Slack has not accepted the announcement in {missing} yet; it is retried.")
    return " ".join(lines)


def _missing(notice: ChannelNotice) -> str:
    return f"<#{notice.channel}>{f' ({code(notice.failure)})' if notice.failure else ''}"


def live_sessions(policy: Policy, permission_set: str, account_ids: Sequence[str]) -> str:
    """Say what is to become of sessions that are open when the access ends; one sentence, plain text."""
    lives = _lives(policy, permission_set)
    if policy.settings.session_policy_id is None:
        return f"A session that is open when the access ends {lives}."
    if policy.settings.management_account not in account_ids:
        return "A session that is open when the access ends is to be cut off."
    if len(account_ids) == 1:
        return f"A session that is open when the access ends {lives}: nothing cuts it off in the management account."
    return f"A session that is open when the access ends is to be cut off; in the management account it {lives}."


def ended_sessions(policy: Policy, permission_set: str, grants: Sequence[Grant]) -> str:
    """Say what has become of sessions that were open when the access ended, as the grants have it.

    Empty if nothing is known of one that may be alive: the Deny is out again, or another request keeps the access.
    """
    lives = _lives(policy, permission_set)
    if policy.settings.session_policy_id is None:
        return f"A session that was open when the access ended {lives}."
    denied = [grant for grant in grants if grant.deny_until is not None]
    bound = [grant for grant in denied if grant.access.account != policy.settings.management_account]
    missing = [grant for grant in bound if grant.undenied]
    sentences = []
    if len(bound) > len(missing):
        sentences.append("Sessions that were open are cut off.")
    if missing:
        where = accounts([grant.access.account for grant in missing], policy.accounts)
        why = _UNDENIED.get(missing[0].undenied, _UNDENIED["refused"])
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


def _lives(policy: Policy, permission_set: str) -> str:
    known = policy.sets.get(permission_set)
    return f"lives on for up to {span(known.session_seconds)}" if known is not None else "lives on until it runs out"


def user_of(use: Use) -> str:
    """Call whoever used a role."""
    return code(use.session_name or use.user_id) if use.session_name or use.user_id else "somebody"


COMMAND_LINE = "A command line sees the role only after `aws sso logout` and `aws sso login`."
"""Said where access opens: a command line that is signed in does not see what was assigned since."""
