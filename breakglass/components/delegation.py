"""The limits of a stack outside the organization's management account, which owns the Identity Center instance.

The two account IDs are known at preview only.

Sources: "Delegated administration" and "Logging IAM Identity Center API calls with AWS CloudTrail" (IAM Identity Center
User Guide). A public report, not AWS's documentation, says that a delegated administrator can't assign a set
anywhere that is assigned in the management account.

Non-goals: rules of `approvals` about the management account (see `components.approvals.checks`); assignments of
other stacks or people, which no provider function returns.
"""

from collections.abc import Iterable, Sequence

from breakglass.alerts.subjects import PermissionSetSubject, Subject
from breakglass.errors import Problem, format_value
from breakglass.stack_file.permission_sets import PairSpec
from breakglass.vocabulary import ROLE_PATHS, EvidencePath


def has_portal_rules(paths: Iterable[EvidencePath], watched: Iterable[Subject]) -> bool:
    """Return whether a stack has rules for events of the access portal, which offers permission sets only."""
    return EvidencePath.portal in paths and any(isinstance(subject, PermissionSetSubject) for subject in watched)


def silent_portal_rules(
    paths: Sequence[EvidencePath], watched: Iterable[Subject], deployed_in: str, management_account: str
) -> list[Problem]:
    """Return a warning about portal rules that can never fire in the account of the stack.

    Args:
        paths: the evidence paths of the alerts.
        watched: the subjects of the alerts.
        deployed_in: the account of the stack.
        management_account: the organization's management account, which owns the Identity Center instance.
    """
    if deployed_in == management_account or not has_portal_rules(paths, watched):
        return []
    others = [path for path in paths if path is not EvidencePath.portal] or ROLE_PATHS[:1]
    return [
        Problem(
            "alerts.evidencePaths",
            format_value(list(paths)),
            "The rules for `portal` never fire here. CloudTrail records the events of the access portal in the account "
            f"that owns the Identity Center instance, {management_account}; this stack goes to {deployed_in}.",
            f"Write `evidencePaths: [{', '.join(others)}]` here, and have a stack with `alerts` and `portal` in "
            f"{management_account}.",
        )
    ]


def unmanageable_assignments(
    pairs: Sequence[PairSpec], deployed_in: str, management_account: str, at: str = "permissionSets."
) -> list[Problem]:
    """Return every assignment in the management account that a delegated administrator can't make.

    Args:
        pairs: the permission sets with their assignments.
        deployed_in: the account of the stack.
        management_account: the organization's management account.
        at: prefix of the key paths.
    """
    if deployed_in == management_account:
        return []
    return [
        Problem(
            f"{at}pairs[{number}].assignments[{index}].accounts[{place}]",
            format_value(account),
            f"This is the organization's management account, and the stack goes to {deployed_in}, a delegated "
            "administrator of Identity Center. AWS lets it assign nothing there. It can't manage a set that is "
            "assigned there in any account: each assignment of the set would fail, and each request.",
            "Deploy the stack to the management account; or remove the account here, and leave both sets of this "
            "pair unassigned there.",
        )
        for number, pair in enumerate(pairs)
        for index, assignment in enumerate(pair.assignments)
        for place, account in enumerate(assignment.accounts)
        if account == management_account
    ]
