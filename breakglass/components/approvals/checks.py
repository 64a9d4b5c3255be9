"""Checks of the section `approvals` against the answers of AWS at preview.

Non-goals: the calls to AWS (see `breakglass.components.approvals.resolve`), and checks of the stack file alone (see
`breakglass.stack_file.approvals_lint`).
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from breakglass.app.domain.policy import Principal, PrincipalKind, Rule
from breakglass.errors import Problem, format_value
from breakglass.iam.lint import lint_approvals_risk
from breakglass.stack_file.approvals import ApprovalSettings
from breakglass.stack_file.mentions import Mention
from breakglass.stack_file.permission_sets import PairSpec
from breakglass.stack_file.report import closest
from breakglass.vocabulary import AssignmentTarget, partition_of_region


def unresolved(
    names: Iterable[Mention], found: Collection[tuple[PrincipalKind, str]], at: str = "approvals."
) -> list[Problem]:
    """Return a problem for each group and user that the identity store does not have.

    Args:
        names: the mentions of the stack file (see `stack_file.principals`).
        found: names in the identity store, at least those of `names` that exist; more of them improve the advice.
        at: prefix of the paths of `names`.
    """
    return [
        Problem(
            f"{at}{mention.path}",
            format_value(mention.name),
            f"The identity store has no {mention.kind} of this name.",
            f"{_meant(mention.name, _known_as(mention, found))}Write the "
            f"{'display name of the group' if mention.kind is PrincipalKind.group else 'user name'} exactly as "
            "in Identity Center, or the ID.",
        )
        for mention in names
        if (mention.kind, mention.name) not in found
    ]


def _known_as(mention: Mention, found: Collection[tuple[PrincipalKind, str]]) -> set[str]:
    """Return the names that the advice may propose: never the rule's requesters, nor the names nearest to theirs."""
    known = {name for kind, name in found if kind is mention.kind}
    return known - mention.not_meant - {closest(name, known) for name in mention.not_meant}


def unknown_accounts(approvals: ApprovalSettings, accounts: Mapping[str, str], at: str = "approvals.") -> list[Problem]:
    """Return a problem for each account ID that the organization does not have.

    Args:
        approvals: the section.
        accounts: account ID -> name, of every active account of the organization.
        at: prefix of the paths in the section.
    """
    named = {account: f"{account} ({name})" for account, name in accounts.items()}
    return [
        Problem(
            f"{at}{path}",
            format_value(account),
            "The organization has no active account with this ID, so the rule would have no effect.",
            f"{_meant(account, named, named)}Copy the ID from AWS Organizations.",
        )
        for path, account in _account_paths(approvals)
        if account not in accounts
    ]


def management_account_problems(
    approvals: ApprovalSettings, deployed_in: str, management_account: str, at: str = "approvals."
) -> list[Problem]:
    """Return a problem for each rule about the management account if a delegated administrator runs the workflow.

    Source: "Delegated administration" (IAM Identity Center User Guide): a delegated administrator can't manage
    permission sets or access in the management account.

    Args:
        approvals: the section.
        deployed_in: the account that the workflow runs in.
        management_account: the organization's management account.
        at: prefix of the paths in the section.
    """
    if deployed_in == management_account:
        return []
    return [
        Problem(
            f"{at}{path}",
            format_value(account),
            f"This is the management account, and the workflow runs in {deployed_in}, a delegated administrator of "
            "Identity Center. AWS lets it assign nothing there, so every request would fail.",
            "Deploy the stack to the management account, or remove the account from the rule. For emergencies there, "
            "keep an IAM role that needs no Identity Center, and name it in `alerts.watch.independentDoor`.",
        )
        for path, account in _account_paths(approvals)
        if account == management_account and path.startswith("rules")
    ]


def everyday_approvers(
    pairs: Sequence[PairSpec], deployed_in: str, region: str, at: str = "permissionSets."
) -> Iterator[Problem]:
    """Yield a warning for each everyday set that can change decisions: it reaches the approvals' functions or table.

    Args:
        pairs: the permission sets.
        deployed_in: the account of the approvals.
        region: the home region of Identity Center.
        at: prefix of the paths in the section.
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
    """Return a warning for each obstacle to `endSessions`; a delegation in AWS may remove it.

    Sources: "Service control policies (SCPs)" and "Delegated administrator for AWS Organizations" (AWS Organizations
    User Guide).

    Args:
        approvals: the section.
        deployed_in: the account that the workflow runs in.
        management_account: the organization's management account.
        at: prefix of the paths in the section.
    """
    if not approvals.end_sessions:
        return []
    found: list[Problem] = []
    if deployed_in != management_account:
        found.append(
            Problem(
                f"{at}endSessions",
                "true",
                f"A service control policy ends live sessions, and the workflow runs in {deployed_in}, not in the "
                f"management account ({management_account}). AWS lets it change such a policy only if the "
                "organization's resource policy delegates that.",
                "Delegate organizations:CreatePolicy, UpdatePolicy, AttachPolicy and the related actions for SERVICE_"
                "CONTROL_POLICY to this account, deploy to the management account, or remove `endSessions`.",
            )
        )
    if any(management_account in rule.accounts for rule in approvals.rules):
        found.append(
            Problem(
                f"{at}endSessions",
                "true",
                f"A rule names the management account ({management_account}), and no service control policy applies to "
                "it. A session there lasts for its whole `sessionDuration`.",
                "Keep the `sessionDuration` of the rule's sets short.",
            )
        )
    return found


def unapprovable_rules(
    rules: Sequence[Rule], members: Mapping[str, Collection[str]], at: str = "approvals."
) -> list[Problem]:
    """Return a warning for each rule that can approve nothing or has no requester today.

    Group members change without a deployment, and every decision reads them again. Another rule that matches the same
    request may still approve it.

    Args:
        rules: the compiled rules, in the order of the section.
        members: group ID -> IDs of its users, for every group of the rules.
        at: prefix of the paths in the section.
    """
    found: list[Problem] = []
    for index, rule in enumerate(rules):
        requesters, approvers = _people(rule.requesters, members), _people(rule.approvers, members)
        if not requesters:
            found.append(
                Problem(
                    f"{at}rules[{index}].requesters",
                    format_value([principal.name for principal in rule.requesters]),
                    "These groups have no members today, so no user can request access by this rule.",
                    "Add members to a group in the identity provider, or name another group.",
                )
            )
        elif all(len(approvers - {requester}) < rule.approvals for requester in requesters):
            found.append(
                Problem(
                    f"{at}rules[{index}].approvers",
                    format_value([principal.name for principal in rule.approvers]),
                    f"Requesters can't approve their own request. The rule needs {rule.approvals} "
                    f"{'approval' if rule.approvals == 1 else 'approvals'}, and with today's group members every "
                    "requester has too few other approvers, so the rule can approve nothing.",
                    "Add members to a group in the identity provider, or name more `approvers`.",
                )
            )
    return found


def _people(principals: Iterable[Principal], members: Mapping[str, Collection[str]]) -> set[str]:
    return {
        user
        for principal in principals
        for user in (members.get(principal.id, ()) if principal.kind is PrincipalKind.group else (principal.id,))
    }


def _account_paths(approvals: ApprovalSettings) -> Iterator[tuple[str, str]]:
    for kind, entries in (("rules", approvals.rules), ("denies", approvals.denies)):
        for index, entry in enumerate(entries):
            for number, account in enumerate(entry.accounts):
                yield f"{kind}[{index}].accounts[{number}]", account


def _meant(word: str, known: Iterable[str], shown_as: Mapping[str, str] | None = None) -> str:
    """Return a question with the nearest known word, or an empty string if none is near."""
    close = closest(word, known)
    return f"Did you mean {(shown_as or {}).get(close, close)}? " if close else ""
