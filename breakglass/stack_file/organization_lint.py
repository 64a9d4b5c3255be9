"""Warnings about hubs and spokes: events of the organization that no rule would see.

Non-goals: warnings that need the ID of the stack's account or of the management account (`BreakGlass` gives them).
"""

from collections.abc import Iterator

from breakglass.errors import Problem, format_value
from breakglass.stack_file.organization import Organization
from breakglass.stack_file.permission_sets import PermissionSets
from breakglass.stack_file.stack import StackFile
from breakglass.stack_file.watch import Watch
from breakglass.vocabulary import AssignmentTarget, global_events_region


def organization_warnings(stack_file: StackFile, at: str) -> Iterator[Problem]:
    """Yield every warning about a hub or a spoke; see `warnings.warnings`."""
    alerts, spoke = stack_file.alert_path, stack_file.spoke
    if spoke:
        yield from _unseen_sign_ins(spoke.all_regions, f"{at}alerts.regions")
    if alerts and alerts.organization:
        spokes = f"{at}alerts.organization.spokes"
        yield from _unseen_sign_ins(alerts.organization.spokes.regions, f"{spokes}.regions")
        yield from _unseen_accounts(alerts.organization, alerts.watch, stack_file.permission_sets, f"{spokes}.exclude")
        if not alerts.organization.has_roll_call:
            yield Problem(
                f"{at}alerts.organization.rollCall",
                '"off"',
                "Nothing reports an account or a region that forwards no events: one that joined, a spoke that was "
                "deleted or a service control policy that stops it. Its uses raise no alert.",
                "Delete the key, or run `breakglass coverage` each day and act on its exit status.",
            )


def _unseen_sign_ins(regions: list[str], at: str) -> Iterator[Problem]:
    """Yield a warning if no spoke is where AWS records the sign-ins of root."""
    region = global_events_region(regions[0])
    if region not in regions:
        yield Problem(
            at,
            format_value(regions),
            f"AWS records the sign-ins of root, and changes of the credentials of IAM users, in {region} only; most "
            "sign-ins to the console, too. No spoke forwards the events of that region, so none raises an alert.",
            f"Add {region}.",
        )


def _unseen_accounts(
    organization: Organization, watch: Watch, sets: PermissionSets | None, at: str
) -> Iterator[Problem]:
    """Yield a warning for each excluded account where the file itself expects uses."""
    uses: dict[str, list[str]] = {}
    for arn in (*watch.role_arns, *watch.user_arns):
        uses.setdefault(arn.split(":")[4], []).append(arn)
    for pair in sets.pairs if sets else ():
        for assignment in pair.assignments:
            for account in assignment.accounts if AssignmentTarget.breakGlass in assignment.sets else ():
                uses.setdefault(account, []).append(pair.break_glass_name)
    for index, account in enumerate(organization.spokes.exclude):
        if account in uses:
            yield Problem(
                f"{at}[{index}]",
                format_value(account),
                "The StackSet makes no spoke in this account, and the roll call does not miss it. This file expects "
                f"uses there: {', '.join(dict.fromkeys(uses[account]))}. Without a stack of its own, none raises an "
                "alert.",
                "Delete the entry, or have a stack with `alerts` in the account.",
            )
