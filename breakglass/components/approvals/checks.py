"""Checks the section `approvals` against what AWS answers at preview.

Non-goals: asking AWS (see `breakglass.components.approvals.resolve`), and what the stack file says by itself (see
`breakglass.stack_file.approvals_lint`).
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from breakglass.app.domain.policy import Principal, PrincipalKind, Rule
from breakglass.errors import Problem, format_value
from breakglass.iam.lint import lint_approvals_risk
from breakglass.stack_file.approvals import ApprovalSettings
from breakglass.stack_file.permission_sets import PairSpec
from breakglass.stack_file.principals import Mention
from breakglass.stack_file.report import closest
from breakglass.vocabulary import AssignmentTarget, partition_of_region


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
    pairs: Sequence[PairSpec], deployed_in: str, region: str, at: str = "permissionSets."
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
