"""What a stack file may say and its author perhaps does not mean: warnings, which refuse nothing.

A preview logs them and `breakglass check` lists them. A new one is a function from the valid stack file to problems,
called by `warnings`.

Non-goals: warnings about the policies (`breakglass.iam.lint`), and what takes an answer of AWS to know.
"""

from collections.abc import Iterator

from breakglass.alerts.subjects import PermissionSetSubject, RoleSubject, Subject
from breakglass.errors import Problem, format_value
from breakglass.stack_file.approvals_lint import approval_warnings
from breakglass.stack_file.set_names import overlap
from breakglass.stack_file.stack import StackFile
from breakglass.vocabulary import AssignmentTarget


def warnings(stack_file: StackFile, at: str) -> Iterator[Problem]:
    """Yield every warning about a stack file.

    Args:
        stack_file: The stack file. If the file has problems, only the sections that are valid.
        at: What comes before the key paths, e.g. `breakglass:`.
    """
    yield from _unheard_alarms(stack_file, at)
    yield from _many_rules(stack_file, at)
    yield from _overlapping_names(stack_file, at)
    yield from _many_policies(stack_file, at)
    yield from _first_made_on_request(stack_file, at)
    if stack_file.approvals and stack_file.permission_sets:
        yield from approval_warnings(stack_file.approvals, stack_file.permission_sets, at)


def _unheard_alarms(stack_file: StackFile, at: str) -> Iterator[Problem]:
    if stack_file.alerts and not stack_file.alerts.monitoring.emails:
        yield Problem(
            f"{at}alerts.monitoring.emails",
            "(missing)",
            "Nobody gets the alarms by e-mail. While Slack is down or has thrown the app out, no alert arrives, and "
            "nobody hears of that either."
            + (" Access that can't be taken back raises an alarm there as well." if stack_file.approvals else ""),
            "Write `monitoring: {emails: [oncall@example.com]}`.",
        )


# In nearly all regions, and a few of the newer ones have 100:
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
_RULES_PER_BUS = 300


def _many_rules(stack_file: StackFile, at: str) -> Iterator[Problem]:
    """Warn of more rules than a bus takes by default: one a role and evidence path, and one for the connection."""
    if stack_file.alerts is None:
        return
    pairs = stack_file.permission_sets.pairs if stack_file.permission_sets else []
    watch, paths = stack_file.alerts.watch, stack_file.alerts.evidence_paths
    names = [*(pair.break_glass_name for pair in pairs), *watch.permission_sets]
    subjects: list[Subject] = [*map(PermissionSetSubject, names), *map(RoleSubject, watch.roles)]
    rules = 1 + sum(path in subject.evidence_paths for subject in subjects for path in paths)
    if rules > _RULES_PER_BUS:
        yield Problem(
            f"{at}alerts",
            f"({len(subjects)} roles)",
            f"They make {rules} rules on the default event bus, and by default EventBridge takes {_RULES_PER_BUS} on a "
            "bus, those of everybody else in the account included: the deployment would stop half-way.",
            "Have the quota `Rules` raised first (Service Quotas console, Amazon EventBridge), or watch fewer roles or "
            "`evidencePaths`.",
        )


def _overlapping_names(stack_file: StackFile, at: str) -> Iterator[Problem]:
    """Warn of watched permission sets whose use also raises the alert of another one (see `set_names`)."""
    watched = stack_file.alerts.watch.permission_sets if stack_file.alerts else []
    for index, name in enumerate(watched):
        others = [other for other in watched if overlap(name, other)]
        if others:
            several = " and ".join(others)
            yield Problem(
                f"{at}alerts.watch.permissionSets[{index}]",
                format_value(name),
                f"Identity Center names roles AWSReservedSSO_<set>_<suffix>, so the rules for {name} also match the "
                f"roles of {several}. Each use of {several} raises its own alert and a second one that wrongly says "
                f"{name}, and counts as a use of both. A use of {name} raises its own alert only.",
                "Where two alerts come at once, believe the one with the longer name, or open the event in CloudTrail. "
                f"If one alert for all of them is enough, take {several} out.",
            )


# "Managed policies per role", IAM User Guide, "IAM and AWS STS quotas". A permission set takes 20.
_POLICIES_PER_ROLE = 10


def _many_policies(stack_file: StackFile, at: str) -> Iterator[Problem]:
    """Warn of permission sets with more managed policies than IAM attaches to a role by default."""
    for index, pair in enumerate(stack_file.permission_sets.pairs if stack_file.permission_sets else ()):
        for kind, settings in (("everyday", pair.everyday), ("breakGlass", pair.break_glass)):
            count = len(settings.managed_policies) + len(settings.customer_managed_policies)
            if count > _POLICIES_PER_ROLE:
                yield Problem(
                    f"{at}permissionSets.pairs[{index}].{kind}.managedPolicies",
                    f"({count} policies)",
                    f"IAM attaches {_POLICIES_PER_ROLE} managed policies to a role by default. In an account with that "
                    "quota Identity Center can't make the set's role: the first assignment there fails. For a set that "
                    "is only requested that is the first emergency.",
                    "Have the quota `Managed policies attached to an IAM role` raised in every account of the set "
                    "first (Service Quotas console, AWS IAM, us-east-1), or join policies of your own into fewer ones.",
                )


def _first_made_on_request(stack_file: StackFile, at: str) -> Iterator[Problem]:
    """Warn of break-glass sets that need policies of an account where no assignment of the file makes their role."""
    rules = stack_file.approvals.rules if stack_file.approvals else []
    for index, pair in enumerate(stack_file.permission_sets.pairs if stack_file.permission_sets else ()):
        boundary = pair.break_glass.permissions_boundary
        own = [boundary.customer_managed_policy] if boundary else []
        needed = [policy for policy in (*pair.break_glass.customer_managed_policies, *own) if policy]
        made = {
            account
            for assignment in pair.assignments
            if AssignmentTarget.breakGlass in assignment.sets
            for account in assignment.accounts
        }
        requested = {account for rule in rules if pair.break_glass_name in rule.sets for account in rule.accounts}
        if needed and (requested - made or not made):
            where = f"in {', '.join(sorted(requested - made))}" if requested - made else "in any account"
            policies = " and ".join(f"{policy.path}{policy.name}" for policy in needed)
            yield Problem(
                f"{at}permissionSets.pairs[{index}].breakGlass",
                format_value(pair.break_glass_name),
                f"No assignment of this file makes its role {where}, so Identity Center makes it there with the first "
                f"access, in an emergency. That fails if the account lacks {policies}, and the person gets no access.",
                "Assign the set to a group without members in each of these accounts (`sets: [breakGlass]`). Then "
                "`pulumi up` makes the role, and fails if a policy is missing. Rehearse each set as "
                "docs/runbooks/first-deploy.md says.",
            )
