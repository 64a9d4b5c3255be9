"""How the section `approvals` goes together with the rest of a stack file, and with what is really there.

In three steps, by what is known at each:

- `cross_section_faults` needs nothing but the text of the file. What it finds is refused.
- `warnings` needs a file in which nothing is refused. What it finds can be meant so.
- `unresolved`, `unknown_accounts`, `management_account_problems`, `session_deny_problems`, `everyday_approvers` and
  `unapprovable_rules` need answers of AWS. Whoever deploys asks for these at preview.

Non-goals: what the section says by itself is judged in `breakglass.stack_file.approvals`. Nothing here asks AWS.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from breakglass.app.domain.policy import Principal, PrincipalKind, Rule
from breakglass.errors import Problem, format_value
from breakglass.iam.lint import lint_approvals_risk
from breakglass.stack_file.approvals import PRINCIPAL_KEYS, ApprovalRule, ApprovalSettings, DeniedAction, PrincipalSpec
from breakglass.stack_file.base import RawValue
from breakglass.stack_file.principals import Mention
from breakglass.stack_file.report import closest, nearest
from breakglass.stack_file.set_names import pair_names
from breakglass.stack_file.types import Fault, HttpsUrl, Region, seconds
from breakglass.vocabulary import AssignmentTarget, partition_of_region

if TYPE_CHECKING:
    from breakglass.stack_file.stack import AssignmentSpec, PairSpec, PermissionSets, StackFile

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


def warnings(stack_file: "StackFile", at: str) -> Iterator[Problem]:
    """Tell what can be meant as it is written, and may be a mistake.

    Args:
        stack_file: the stack file.
        at: what comes before the key paths, e.g. `breakglass:`.
    """
    approvals, sets = stack_file.approvals, stack_file.permission_sets
    if approvals is None or sets is None:
        return
    yield from _sets_without_rule(approvals, sets, at)
    yield from _pointless_requests(approvals, sets, at)
    for index, rule in enumerate(approvals.rules):
        place = f"{at}approvals.rules[{index}]"
        yield from _own_requests(rule, place)
        yield from _forbidden_approvers(rule, approvals, place)
        yield from () if approvals.end_sessions else _short_access(rule, sets, place)
    yield from _idle_denies(approvals, at)


def _sets_without_rule(approvals: ApprovalSettings, sets: "PermissionSets", at: str) -> Iterator[Problem]:
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


def _pointless_requests(approvals: ApprovalSettings, sets: "PermissionSets", at: str) -> Iterator[Problem]:
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


def _assignments(sets: "PermissionSets", at: str) -> Iterator[tuple[str, "PairSpec", "AssignmentSpec"]]:
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


def _short_access(rule: ApprovalRule, sets: "PermissionSets", place: str) -> Iterator[Problem]:
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


def _key(entry: "PrincipalSpec | AssignmentSpec") -> tuple[str, str]:
    """Return the one key of an entry that names a principal, and what stands there."""
    values = (entry.group, entry.group_id, entry.user, entry.user_id)
    return next((key, value) for key, value in zip(PRINCIPAL_KEYS, values, strict=True) if value is not None)


# --- what AWS answers ------------------------------------------------------------------------------------------------


def unresolved(
    names: Iterable[Mention], found: Collection[tuple[PrincipalKind, str]], at: str = "approvals."
) -> list[Problem]:
    """Tell of groups and users that the identity store does not have.

    Args:
        names: what the stack file names, and where (see `mentions`).
        found: what there is in the identity store, at least what of `names` is; the more, the better is the guess at
            what was meant.
        at: what comes before the paths of `names`.
    """
    return [
        Problem(
            f"{at}{one.path}",
            format_value(one.name),
            f"The identity store has no {one.kind} of this name, so nobody would be meant by it.",
            f"{_meant(one.name, _known_as(one, found))}Write the "
            f"{'display name of the group' if one.kind is PrincipalKind.group else 'user name'} exactly as Identity "
            f"Center has it, or its id instead.",
        )
        for one in names
        if (one.kind, one.name) not in found
    ]


def _known_as(one: Mention, found: Collection[tuple[PrincipalKind, str]]) -> set[str]:
    """Return the names that may have been meant: never the rule's requesters, not even what their typos stand for."""
    known = {name for kind, name in found if kind is one.kind}
    return known - one.not_meant - {closest(name, known) for name in one.not_meant}


def unknown_accounts(approvals: ApprovalSettings, accounts: Mapping[str, str], at: str = "approvals.") -> list[Problem]:
    """Tell of account ids that the organisation does not have.

    Args:
        approvals: the section.
        accounts: account id -> name, of every active account of the organisation.
        at: what comes before the paths in the section.
    """
    named = {account: f"{account} ({name})" for account, name in accounts.items()}
    return [
        Problem(
            f"{at}{path}",
            format_value(account),
            "The organisation has no active account with this id, so access to it could never be given, and nothing "
            "in it be forbidden.",
            f"{_meant(account, named, named)}Copy the id from AWS Organizations.",
        )
        for path, account in _account_paths(approvals)
        if account not in accounts
    ]


def management_account_problems(
    approvals: ApprovalSettings, deployed_in: str, management_account: str, at: str = "approvals."
) -> list[Problem]:
    """Tell of rules about the management account where only a delegated administrator of Identity Center is at work.

    Source: "Delegated administration" (IAM Identity Center User Guide): a delegated administrator can't manage
    permission sets or access in the management account.

    Args:
        approvals: the section.
        deployed_in: the account that the workflow runs in.
        management_account: the organisation's management account.
        at: what comes before the paths in the section.
    """
    if deployed_in == management_account:
        return []
    return [
        Problem(
            f"{at}{path}",
            format_value(account),
            f"This is the organisation's management account, and the workflow runs in {deployed_in}, a delegated "
            "administrator of Identity Center: AWS lets it give no access there, so every request would fail.",
            "Deploy the stack to the management account, or take the account out of the rule. For emergencies there, "
            "keep a role that somebody assumes without Identity Center, and watch it (`alerts.watch.roles`).",
        )
        for path, account in _account_paths(approvals)
        if account == management_account and path.startswith("rules")
    ]


def everyday_approvers(
    pairs: Sequence["PairSpec"], deployed_in: str, region: str, at: str = "permissionSets."
) -> Iterator[Problem]:
    """Warn of everyday sets whose holders can decide on requests: they reach the approvals' functions or records.

    Args:
        pairs: the permission sets.
        deployed_in: the account of the approvals.
        region: the home region of Identity Center.
        at: what comes before the paths in the section.
    """
    for index, pair in enumerate(pairs):
        if any(
            AssignmentTarget.everyday in assignment.sets and deployed_in in assignment.accounts
            for assignment in pair.assignments
        ):
            for found in lint_approvals_risk(pair.everyday, partition_of_region(region)):
                yield Problem(f"{at}pairs[{index}].{found.path}", found.value, found.why, found.instead)


def session_deny_problems(
    approvals: ApprovalSettings, deployed_in: str, management_account: str, at: str = "approvals."
) -> list[Problem]:
    """Tell of what stands in the way of `endSessions`. These are warnings: AWS may have been told otherwise.

    Sources: "Service control policies (SCPs)" and "Delegated administrator for AWS Organizations" (AWS Organizations
    User Guide).

    Args:
        approvals: the section.
        deployed_in: the account that the workflow runs in.
        management_account: the organisation's management account.
        at: what comes before the paths in the section.
    """
    if not approvals.end_sessions:
        return []
    found: list[Problem] = []
    if deployed_in != management_account:
        found.append(
            Problem(
                f"{at}endSessions",
                "true",
                f"Live sessions are ended by a service control policy, and the workflow runs in {deployed_in}, not in "
                f"the management account ({management_account}): AWS lets it make and change one only if the "
                "organisation's resource policy delegates that.",
                "Delegate organizations:CreatePolicy, UpdatePolicy, AttachPolicy and their like for SERVICE_CONTROL_"
                "POLICY to this account, deploy the stack to the management account, or take `endSessions` out.",
            )
        )
    if any(management_account in rule.accounts for rule in approvals.rules):
        found.append(
            Problem(
                f"{at}endSessions",
                "true",
                f"A rule is about the management account ({management_account}), and no service control policy binds "
                "it: a session there lives to the end of its `sessionDuration`, whatever is written here.",
                "Keep the `sessionDuration` of the rule's sets short.",
            )
        )
    return found


def unapprovable_rules(
    rules: Sequence[Rule], members: Mapping[str, Collection[str]], at: str = "approvals."
) -> list[Problem]:
    """Tell of rules by which nothing can be approved as the groups are now, or nothing be requested.

    These are warnings and no more: people come and go without a deployment, and who is in a group is asked again at
    every decision. What one rule can't approve, another that matches as well and asks for as many approvals may.

    Args:
        rules: the compiled rules, in the order of the section.
        members: group id -> ids of the users in it, for every group of the rules.
        at: what comes before the paths in the section.
    """
    found: list[Problem] = []
    for index, rule in enumerate(rules):
        requesters, approvers = _people(rule.requesters, members), _people(rule.approvers, members)
        if not requesters:
            found.append(
                Problem(
                    f"{at}rules[{index}].requesters",
                    format_value([one.name for one in rule.requesters]),
                    "There is nobody in these groups today, so nobody can request anything by this rule.",
                    "Add people to a group in the identity provider, or name another one.",
                )
            )
        elif all(len(approvers - {one}) < rule.approvals for one in requesters):
            found.append(
                Problem(
                    f"{at}rules[{index}].approvers",
                    format_value([one.name for one in rule.approvers]),
                    f"Nobody approves their own request. The rule asks for {rule.approvals} "
                    f"{'approval' if rule.approvals == 1 else 'approvals'}, and as the groups are today, whoever may "
                    "request has too few others to approve it: nothing can be approved by this rule.",
                    "Add people to a group in the identity provider, or name more `approvers`.",
                )
            )
    return found


def _people(principals: Iterable[Principal], members: Mapping[str, Collection[str]]) -> set[str]:
    return {
        user
        for one in principals
        for user in (members.get(one.id, ()) if one.kind is PrincipalKind.group else (one.id,))
    }


def _account_paths(approvals: ApprovalSettings) -> Iterator[tuple[str, str]]:
    for kind, entries in (("rules", approvals.rules), ("denies", approvals.denies)):
        for index, entry in enumerate(entries):
            for number, account in enumerate(entry.accounts):
                yield f"{kind}[{index}].accounts[{number}]", account


def _meant(word: str, known: Iterable[str], shown_as: Mapping[str, str] | None = None) -> str:
    """Guess what was meant, or say nothing: there may be thousands to choose from."""
    close = closest(word, known)
    return f"Did you mean {(shown_as or {}).get(close, close)}? " if close else ""
