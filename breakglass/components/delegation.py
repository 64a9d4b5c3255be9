"""The limits of a stack outside the organization's management account, which owns the Identity Center instance.

The two account IDs are known at preview only.

Sources: "Delegated administration" and "Logging IAM Identity Center API calls with AWS CloudTrail" (IAM Identity Center
User Guide). A public report, not AWS's documentation, says that a delegated administrator can't assign a set
anywhere that is assigned in the management account.

Non-goals: rules of `approvals` about the management account (see `components.approvals.checks`); assignments of
other stacks or people, which no provider function returns.
"""

import json
from collections.abc import Iterable, Sequence

from breakglass.alerts.subjects import PermissionSetSubject, Subject
from breakglass.errors import Problem, format_value
from breakglass.stack_file.alerts import Alerts
from breakglass.stack_file.organization import Organization
from breakglass.stack_file.permission_sets import PairSpec
from breakglass.vocabulary import ROLE_PATHS, CallAs, EvidencePath


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


def unmakeable_spokes(
    organization: Organization, organization_id: str, deployed_in: str, management_account: str
) -> list[Problem]:
    """Return what keeps a hub from getting events of its organization.

    Source: `CallAs` of CreateStackSet (AWS CloudFormation API Reference)

    Args:
        organization: the organization in the stack file.
        organization_id: the ID of the organization that the account is in.
        deployed_in: the account of the stack.
        management_account: the organization's management account.
    """
    problems = []
    if organization.id != organization_id:
        problems.append(
            Problem(
                "alerts.organization.id",
                format_value(organization.id),
                f"The account of this stack, {deployed_in}, is in the organization {organization_id}. The event bus "
                "would admit the accounts of another one only, so no event would arrive.",
                f"Write {organization_id}.",
            )
        )
    call_as, is_management = organization.spokes.call_as, deployed_in == management_account
    if call_as is CallAs.self and not is_management:
        problems.append(
            Problem(
                "alerts.organization.spokes.callAs",
                format_value(call_as.value),
                f"Only the management account, {management_account}, makes StackSets as itself, and this stack goes to "
                f"{deployed_in}. CloudFormation would refuse.",
                "Write `callAs: delegatedAdmin`, and make the account a delegated administrator of CloudFormation "
                "StackSets. Or write `callAs: elsewhere`, and make the StackSet with another program.",
            )
        )
    if call_as is CallAs.delegatedAdmin and is_management:
        problems.append(
            Problem(
                "alerts.organization.spokes.callAs",
                format_value(call_as.value),
                "This stack goes to the management account, which is no delegated administrator. CloudFormation would "
                "refuse.",
                "Write `callAs: self`.",
            )
        )
    for index, account in enumerate(organization.spokes.exclude):
        if account == deployed_in:
            problems.append(
                Problem(
                    f"alerts.organization.spokes.exclude[{index}]",
                    format_value(account),
                    "This is the account of the stack, which makes the spokes of its own account. The entry would only "
                    "keep the roll call from reporting that they are gone.",
                    "Delete the entry.",
                )
            )
    return problems


def spoke_stack_text(alerts: Alerts, hub_bus_arn: str, deployed_in: str, management_account: str | None) -> str | None:
    """Return what a hub's preview says of the spoke of the management account; None inside that account.

    A service-managed StackSet leaves the management account out ("Deploy StackSets with service-managed permissions",
    AWS CloudFormation User Guide).

    Args:
        alerts: the section `alerts` of the hub.
        hub_bus_arn: ARN of its event bus.
        deployed_in: the account of the stack.
        management_account: the organization's management account; None if it can't be read.
    """
    if alerts.organization is None or deployed_in == management_account:
        return None
    if management_account:
        account = f"The management account, {management_account},"
    else:
        account = f"Unless {deployed_in} is the management account, that one"
    unreported = ""
    if management_account in alerts.organization.spokes.exclude:
        unreported = " `spokes.exclude` names it, so the roll call does not report that the stack is missing."
    return (
        f"{account} needs a stack of its own: StackSets leave it out, and CloudTrail records the events of the access "
        f"portal there.{unreported} Its file: `breakglass:alerts: {_spoke_section(alerts, hub_bus_arn)}`. See "
        "docs/runbooks/first-deploy.md."
    )


def _spoke_section(alerts: Alerts, hub_bus_arn: str) -> str:
    """Return the section `alerts` of a spoke stack as JSON, which is YAML as well."""
    watch = {"roles": alerts.watch.role_arns, "users": alerts.watch.user_arns, "rolePath": alerts.watch.role_path}
    watched = {key: value for key, value in watch.items() if value}
    regions = alerts.organization.spokes.regions if alerts.organization else []
    section = {"region": alerts.region, "regions": regions, "forwardTo": hub_bus_arn}
    return json.dumps(section | ({"watch": watched} if watched else {}))
