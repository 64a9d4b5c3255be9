"""How the section `approvals` goes together with the rest of a stack file.

`cross_section_faults` needs nothing but the text of the file; what it finds is refused.
`approval_warnings` needs a file in which nothing is refused.

Non-goals: what the section says by itself (see `breakglass.stack_file.approvals`), and what AWS answers about it (see
`breakglass.components.approvals.checks`).
"""

from collections.abc import Iterator

from pydantic import TypeAdapter

from breakglass.errors import Problem, format_value
from breakglass.stack_file.approvals import PRINCIPAL_KEYS, ApprovalRule, ApprovalSettings, DeniedAction, PrincipalSpec
from breakglass.stack_file.base import RawValue
from breakglass.stack_file.faults import Fault
from breakglass.stack_file.permission_sets import AssignmentSpec, PairSpec, PermissionSets
from breakglass.stack_file.report import nearest
from breakglass.stack_file.set_names import pair_names
from breakglass.stack_file.types import HttpsUrl, Region, seconds
from breakglass.vocabulary import AssignmentTarget

POST_MESSAGE = "/chat.postMessage"
"""What `postMessageUrl` ends with; the workflow's other calls go to its neighbours."""

_HTTPS_URL = TypeAdapter(HttpsUrl)
_REGION = TypeAdapter(Region)


# --- the text of the file --------------------------------------------------------------------------------------------


def cross_section_faults(given: RawValue) -> Iterator[Fault]:
    """Complain about what `approvals` needs of the other sections and does not find there.

    Args:
        given: the whole stack file.
    """
    approvals, sets, alerts = given["approvals"], given["permissionSets"], given["alerts"]
    if not approvals or approvals.encrypted:
        return
    missing = [section.loc[-1] for section in (sets, alerts) if not section]
    if missing:
        yield approvals.fault(
            "The workflow gives out the break-glass sets of this file, posts with the bot token of its alerts, and "
            f"records the uses that they see; there is no {' and no '.join(f'`{name}`' for name in missing)} here.",
            f"Add {' and '.join(f'`{name}`' for name in missing)} to this file, or move `approvals` to the file that "
            "has both: that of the account that owns Identity Center, or of its delegated administrator.",
        )
    yield from _other_region(sets["region"], alerts["region"])
    yield from _other_address(alerts["slack"]["postMessageUrl"])
    yield from _unknown_sets(approvals, sets["pairs"])


def _other_region(of_sets: RawValue, of_alerts: RawValue) -> Iterator[Fault]:
    home, here = of_sets.valid(_REGION), of_alerts.valid(_REGION)
    if home and here and home != here:
        yield of_alerts.fault(
            f"The workflow calls Identity Center in {home}, and the rules that tell it of uses are in {here}; a rule "
            "can't call a function of another region.",
            f"Write {home} in both sections. Uses in {here} are seen by a stack of their own there, with `alerts` and "
            "`explainButton: true`.",
        )


def _other_address(address: RawValue) -> Iterator[Fault]:
    written = address.valid(_HTTPS_URL)
    if written and not written.endswith(POST_MESSAGE):
        yield address.fault(
            "The workflow also calls other methods of Slack, beside this one, and the address does not end in the "
            f"name of the method ({POST_MESSAGE}), so theirs can't be told from it.",
            f"Write the address of Slack's own method, e.g. https://slack.com/api{POST_MESSAGE}.",
        )


def _unknown_sets(approvals: RawValue, pairs: RawValue) -> Iterator[Fault]:
    """Complain about every set of a rule that is no break-glass set of the file."""
    names = [pair_names(pair) for pair in pairs]
    break_glass = [name.name for of_pair in names for name in of_pair if name.alerting]
    if not break_glass or len(break_glass) < len(list(pairs)):
        # Which names there are is not clear before other faults are mended.
        return
    twins = {of_pair[0].name: of_pair[-1].name for of_pair in names}
    for rule in (*approvals["rules"], *approvals["denies"]):
        for name in rule["sets"]:
            if name.text in break_glass or not name.text:
                continue
            if name.text in twins:
                yield name.fault(
                    "This is an everyday set, which its assignments hand out; requested is its break-glass twin.",
                    f"Write {twins[name.text]}.",
                )
            else:
                yield name.fault(
                    "There is no such break-glass set in this file, and the workflow gives out no other: what is made "
                    "elsewhere is changed elsewhere.",
                    nearest(name.text, break_glass),
                )


# --- a file in which nothing is refused ------------------------------------------------------------------------------


def approval_warnings(approvals: ApprovalSettings, sets: PermissionSets, at: str) -> Iterator[Problem]:
    """Yield a warning for each setting that is valid and may be a mistake.

    Args:
        approvals: The section `approvals`.
        sets: The section `permissionSets` of the same file.
        at: Prefix of the key paths, e.g. `breakglass:`.
    """
    yield from _sets_without_rule(approvals, sets, at)
    yield from _pointless_requests(approvals, sets, at)
    for index, rule in enumerate(approvals.rules):
        place = f"{at}approvals.rules[{index}]"
        yield from _own_requests(rule, place)
        yield from _forbidden_approvers(rule, approvals, place)
        yield from () if approvals.end_sessions else _short_access(rule, sets, place)
    yield from _idle_denies(approvals, at)


def _sets_without_rule(approvals: ApprovalSettings, sets: PermissionSets, at: str) -> Iterator[Problem]:
    requestable = {name for rule in approvals.rules for name in rule.sets}
    for index, pair in enumerate(sets.pairs):
        if pair.break_glass_name not in requestable:
            standing = any(AssignmentTarget.breakGlass in assignment.sets for assignment in pair.assignments)
            yield Problem(
                f"{at}permissionSets.pairs[{index}].breakGlass",
                format_value(pair.break_glass_name),
                "No rule of `approvals` is about this break-glass set, so nobody can request it. "
                + ("Only those have it whom its assignments name." if standing else "Nobody has it by an assignment."),
                "Add a rule, or leave it so if that is meant.",
            )


def _pointless_requests(approvals: ApprovalSettings, sets: PermissionSets, at: str) -> Iterator[Problem]:
    """Tell of requesters who have the set already, by an assignment of the file to the very group or user."""
    for place, pair, assignment in _assignments(sets, at):
        for rule in approvals.rules:
            accounts = [account for account in assignment.accounts if account in rule.accounts]
            if (
                AssignmentTarget.breakGlass in assignment.sets
                and pair.break_glass_name in rule.sets
                and accounts
                and _key(assignment) in map(_key, rule.requesters)
            ):
                yield Problem(
                    place,
                    format_value(_key(assignment)[1]),
                    f"They have {pair.break_glass_name} in {', '.join(accounts)} all the time by this assignment, so "
                    f"what the rule {rule.name} says of them has no effect there: they use it without asking, and "
                    "their requests are refused since they have it already.",
                    "Add `sets: [everyday]` to the assignment, or take them out of the rule's `requesters`.",
                )


def _assignments(sets: PermissionSets, at: str) -> Iterator[tuple[str, PairSpec, AssignmentSpec]]:
    for number, pair in enumerate(sets.pairs):
        for index, assignment in enumerate(pair.assignments):
            yield f"{at}permissionSets.pairs[{number}].assignments[{index}]", pair, assignment


def _own_requests(rule: ApprovalRule, place: str) -> Iterator[Problem]:
    """Tell of people whose own requests can't be approved by the rule, as far as that is known without the groups."""
    approvers = {_key(one) for one in rule.approvers}
    if any(key.startswith("group") for key, _ in approvers):
        return
    for index, requester in enumerate(rule.requesters):
        if len(approvers - {_key(requester)}) < rule.approvals:
            yield Problem(
                f"{place}.requesters[{index}]",
                format_value(_key(requester)[1]),
                "Nobody approves their own request, and by this rule too few others approve: what they request "
                "themselves can't be approved by it.",
                "Name somebody else under `approvers`, better a group.",
            )


def _forbidden_approvers(rule: ApprovalRule, approvals: ApprovalSettings, place: str) -> Iterator[Problem]:
    """Tell of a rule all of whose approvers are forbidden to approve, wherever the rule holds."""
    left = {_key(one) for one in rule.approvers}
    named: list[str] = []
    for deny in approvals.denies:
        everywhere = (not deny.sets or set(rule.sets) <= set(deny.sets)) and (
            not deny.accounts or set(rule.accounts) <= set(deny.accounts)
        )
        if DeniedAction.approve in deny.actions and everywhere:
            hit = left & {_key(one) for one in deny.principals} if deny.principals else left
            named += [deny.name] if hit else []
            left -= hit
    if not left:
        yield Problem(
            f"{place}.approvers",
            format_value([_key(one)[1] for one in rule.approvers]),
            f"Nobody can approve by this rule for now: {' and '.join(named)} of `denies` forbids all of them to.",
            "Leave it so if that is meant, e.g. while changes are frozen; else name other `approvers`.",
        )


def _short_access(rule: ApprovalRule, sets: PermissionSets, place: str) -> Iterator[Problem]:
    """Tell of sessions that are longer than the access they come from."""
    longer = {
        pair.break_glass_name: pair.break_glass.session_duration
        for pair in sets.pairs
        if pair.break_glass_name in rule.sets
        and seconds(pair.break_glass.session_duration) > seconds(rule.maximum_duration)
    }
    if longer:
        sessions = " and ".join(f"one of {name} lives for {duration}" for name, duration in longer.items())
        yield Problem(
            f"{place}.maximumDuration",
            format_value(rule.maximum_duration),
            "Taking the assignment away ends no session that is open: it lives to the end of its `sessionDuration`, "
            f"counted from the sign-in, and {sessions}. Whoever signs in at the last moment has the powers for that "
            "much longer than this rule says.",
            "Shorten the `sessionDuration` of the set, write `endSessions: true`, or raise `maximumDuration` if they "
            "may have it for so long anyway.",
        )


def _idle_denies(approvals: ApprovalSettings, at: str) -> Iterator[Problem]:
    """Tell of what a deny rule forbids where no rule allows anything: a slip of the pen protects nothing."""
    allowed = {account for rule in approvals.rules for account in rule.accounts}
    for index, deny in enumerate(approvals.denies):
        for number, account in enumerate(deny.accounts):
            if account not in allowed:
                yield Problem(
                    f"{at}approvals.denies[{index}].accounts[{number}]",
                    format_value(account),
                    "No rule allows anything in this account, so there is nothing to forbid; if another account is "
                    "meant, nothing is forbidden there.",
                    "Correct the account id, or leave it so for rules to come.",
                )


def _key(entry: PrincipalSpec | AssignmentSpec) -> tuple[str, str]:
    """Return the one key of an entry that names a principal, and what stands there."""
    values = (entry.group, entry.group_id, entry.user, entry.user_id)
    return next((key, value) for key, value in zip(PRINCIPAL_KEYS, values, strict=True) if value is not None)
