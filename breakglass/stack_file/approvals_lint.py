"""Checks of the section `approvals` against the other sections of a stack file.

`cross_section_faults` refuses the file and reads its raw values. `approval_warnings` needs a valid file.

Non-goals: the section alone (see `breakglass.stack_file.approvals`), and checks that ask AWS (see
`breakglass.components.approvals.checks`).
"""

from collections.abc import Iterator

from pydantic import TypeAdapter

from breakglass.app.domain.policy import PrincipalKind
from breakglass.errors import Problem, format_value
from breakglass.stack_file.alerts import post_message_url_faults
from breakglass.stack_file.approvals import ApprovalRule, ApprovalSettings, DeniedAction
from breakglass.stack_file.base import RawValue
from breakglass.stack_file.faults import Fault
from breakglass.stack_file.organization import OFF
from breakglass.stack_file.permission_sets import AssignmentSpec, PairSpec, PermissionSets
from breakglass.stack_file.report import nearest
from breakglass.stack_file.set_names import pair_names
from breakglass.stack_file.types import Region, seconds
from breakglass.vocabulary import AssignmentTarget

_REGION = TypeAdapter(Region)


# --- the text of the file --------------------------------------------------------------------------------------------


def cross_section_faults(given: RawValue) -> Iterator[Fault]:
    """Yield a fault for each requirement of `approvals` that another section does not meet."""
    approvals, sets, alerts = given["approvals"], given["permissionSets"], given["alerts"]
    if not approvals or approvals.encrypted:
        return
    missing = [section.loc[-1] for section in (sets, alerts) if not section]
    if missing:
        yield approvals.fault(
            f"`approvals` needs {' and '.join(f'`{name}`' for name in missing)} in the same file. The workflow assigns "
            "the break-glass sets of this file, posts with the bot token of its alerts, and records the usages that "
            "these alerts see.",
            f"Add {' and '.join(f'`{name}`' for name in missing)} to this file, or move `approvals` to the file that "
            "has both, in the account that owns Identity Center or in its delegated administrator.",
        )
    yield from _other_region(sets["region"], alerts["region"])
    if alerts["probe"].value == OFF:
        # Otherwise the section itself has this fault.
        yield from post_message_url_faults(alerts["slack"]["postMessageUrl"])
    yield from _unknown_sets(approvals, sets["pairs"])


def _other_region(of_sets: RawValue, of_alerts: RawValue) -> Iterator[Fault]:
    home, here = of_sets.valid(_REGION), of_alerts.valid(_REGION)
    if home and here and home != here:
        yield of_alerts.fault(
            f"The workflow runs in {home}, beside Identity Center, and the rules that record usages are in {here}. A "
            "rule can't call a function of another region.",
            f"Write {home} in both sections. Deploy another stack with `alerts` and `explainButton: true` for the "
            f"usages in {here}.",
        )


def _unknown_sets(approvals: RawValue, pairs: RawValue) -> Iterator[Fault]:
    """Yield a fault for every set of a rule that is not a break-glass set of the file."""
    names = [pair_names(pair) for pair in pairs]
    break_glass = [name.name for of_pair in names for name in of_pair if name.alerting]
    if not break_glass or len(break_glass) < len(list(pairs)):
        # Other faults hide a name, so the list of names is not complete.
        return
    twins = {of_pair[0].name: of_pair[-1].name for of_pair in names}
    for rule in (*approvals["rules"], *approvals["denies"]):
        for name in rule["sets"]:
            if name.text in break_glass or not name.text:
                continue
            if name.text in twins:
                yield name.fault(
                    "This is an everyday set. Users request its break-glass twin.",
                    f"Write {twins[name.text]}.",
                )
            else:
                yield name.fault(
                    "Not a break-glass set of this file. The workflow assigns no set that is managed elsewhere.",
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
                "No rule of `approvals` names this break-glass set, so no user can request it. "
                + (
                    "Only its assignments give access to it."
                    if standing
                    else "No assignment gives access to it either."
                ),
                "Add a rule, or ignore this warning if that is intended.",
            )


def _pointless_requests(approvals: ApprovalSettings, sets: PermissionSets, at: str) -> Iterator[Problem]:
    """Yield a warning for each requester who has the set already by an assignment."""
    for place, pair, assignment in _assignments(sets, at):
        for rule in approvals.rules:
            accounts = [account for account in assignment.accounts if account in rule.accounts]
            if (
                AssignmentTarget.breakGlass in assignment.sets
                and pair.break_glass_name in rule.sets
                and accounts
                and assignment.principal in [requester.principal for requester in rule.requesters]
            ):
                yield Problem(
                    place,
                    format_value(assignment.principal.text),
                    f"This assignment gives them {pair.break_glass_name} in {', '.join(accounts)} all the time, so the "
                    f"rule {rule.name} has no effect for them there. They can use the set without a request, and their "
                    "requests are refused.",
                    "Add `sets: [everyday]` to the assignment, or remove them from the rule's `requesters`.",
                )


def _assignments(sets: PermissionSets, at: str) -> Iterator[tuple[str, PairSpec, AssignmentSpec]]:
    for number, pair in enumerate(sets.pairs):
        for index, assignment in enumerate(pair.assignments):
            yield f"{at}permissionSets.pairs[{number}].assignments[{index}]", pair, assignment


def _own_requests(rule: ApprovalRule, place: str) -> Iterator[Problem]:
    """Yield a warning for each requester whose requests too few named users can approve."""
    approvers = {approver.principal for approver in rule.approvers}
    if any(approver.kind is PrincipalKind.group for approver in approvers):
        return
    for index, requester in enumerate(rule.requesters):
        if len(approvers - {requester.principal}) < rule.approvals:
            yield Problem(
                f"{place}.requesters[{index}]",
                format_value(requester.principal.text),
                "Requesters can't approve their own request, and the rule has too few other approvers, so it can't "
                "approve a request of this user.",
                "Name another user under `approvers`, or better a group.",
            )


def _forbidden_approvers(rule: ApprovalRule, approvals: ApprovalSettings, place: str) -> Iterator[Problem]:
    """Yield a warning for a rule whose approvers are all denied in all its accounts."""
    left = {approver.principal for approver in rule.approvers}
    named: list[str] = []
    for deny in approvals.denies:
        everywhere = (not deny.sets or set(rule.sets) <= set(deny.sets)) and (
            not deny.accounts or set(rule.accounts) <= set(deny.accounts)
        )
        if DeniedAction.approve in deny.actions and everywhere:
            hit = left & {principal.principal for principal in deny.principals} if deny.principals else left
            named += [deny.name] if hit else []
            left -= hit
    if not left:
        names = " and ".join(named)
        denied_by = f"the deny rule {names} forbids" if len(named) == 1 else f"the deny rules {names} forbid"
        yield Problem(
            f"{place}.approvers",
            format_value([approver.principal.text for approver in rule.approvers]),
            f"No approver of this rule can approve now: {denied_by} all of them to approve.",
            "Ignore this warning if that is intended, e.g. in a change freeze; otherwise name other `approvers`.",
        )


def _short_access(rule: ApprovalRule, sets: PermissionSets, place: str) -> Iterator[Problem]:
    """Yield a warning for sessions that are longer than the access of the rule."""
    longer = {
        pair.break_glass_name: pair.break_glass.session_duration
        for pair in sets.pairs
        if pair.break_glass_name in rule.sets
        and seconds(pair.break_glass.session_duration) > seconds(rule.maximum_duration)
    }
    if longer:
        sessions = " and ".join(f"a session of {name} lasts {duration}" for name, duration in longer.items())
        yield Problem(
            f"{place}.maximumDuration",
            format_value(rule.maximum_duration),
            "The removal of an assignment ends no open session. A session lasts for its `sessionDuration` from the "
            f"sign-in, and {sessions}. A user who signs in at the last moment keeps the access that much longer than "
            "this rule says.",
            "Shorten the `sessionDuration` of the set, write `endSessions: true`, or raise `maximumDuration` if the "
            "longer access is acceptable.",
        )


def _idle_denies(approvals: ApprovalSettings, at: str) -> Iterator[Problem]:
    """Yield a warning for each account of a deny that no rule names."""
    allowed = {account for rule in approvals.rules for account in rule.accounts}
    for index, deny in enumerate(approvals.denies):
        for number, account in enumerate(deny.accounts):
            if account not in allowed:
                yield Problem(
                    f"{at}approvals.denies[{index}].accounts[{number}]",
                    format_value(account),
                    "No rule names this account, so this deny has no effect in it.",
                    "Check the account ID, or ignore this warning if a rule will follow.",
                )
