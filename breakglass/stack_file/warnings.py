"""Warnings about valid settings of a stack file that are probably mistakes.

A preview logs them and `breakglass check` lists them. A warning is a function from the valid stack file to problems,
called by `warnings`.

Non-goals: warnings about IAM policies (`breakglass.iam.lint`), and warnings that need an answer of AWS.
"""

from collections.abc import Iterator

from breakglass.errors import Problem, format_value
from breakglass.stack_file.approvals_lint import approval_warnings
from breakglass.stack_file.organization_lint import organization_warnings
from breakglass.stack_file.rules import RULES_PER_BUS, rules_per_bus, stack_rules
from breakglass.stack_file.secret_keys import PAGER_COMMAND
from breakglass.stack_file.set_names import overlap
from breakglass.stack_file.stack import StackFile
from breakglass.vocabulary import AssignmentTarget, Delivery, global_events_region


def warnings(stack_file: StackFile, at: str) -> Iterator[Problem]:
    """Yield every warning about a stack file.

    Args:
        stack_file: The stack file. If the file has problems, only the sections that are valid.
        at: Prefix of the key paths, e.g. `breakglass:`.
    """
    yield from _unheard_alarms(stack_file, at)
    yield from _only_in_slack(stack_file, at)
    yield from _many_rules(stack_file, at)
    yield from _unseen_global_events(stack_file, at)
    yield from _unseen_identity_center(stack_file, at)
    yield from organization_warnings(stack_file, at)
    yield from _unseen_trail(stack_file, at)
    yield from _deployments_as_tampering(stack_file, at)
    yield from _overlapping_names(stack_file, at)
    yield from _many_policies(stack_file, at)
    yield from _first_made_on_request(stack_file, at)
    if stack_file.approvals and stack_file.permission_sets:
        yield from approval_warnings(stack_file.approvals, stack_file.permission_sets, at)


def _unheard_alarms(stack_file: StackFile, at: str) -> Iterator[Problem]:
    """Yield a warning if no address receives the alarms, which without pagers leaves Slack as the only channel."""
    if stack_file.alert_path and not stack_file.alert_path.monitoring.emails:
        consequence = (
            "The pagers get uses and undelivered alerts, but no other alarm, e.g. that a role is used more often than "
            "an emergency is."
            if stack_file.alert_path.monitoring.pagers
            else "Alerts reach only Slack: while it is down or has removed the app, no alert arrives, and no mail "
            "reports it."
        )
        yield Problem(
            f"{at}alerts.monitoring.emails",
            "(missing)",
            f"No address receives the alarms by e-mail. {consequence}"
            + (" Access that can't be revoked raises an alarm there as well." if stack_file.approvals else ""),
            "Write `monitoring: {emails: [oncall@example.com]}`.",
        )


def _only_in_slack(stack_file: StackFile, at: str) -> Iterator[Problem]:
    """Yield a warning if alerts reach only Slack although alarms have addresses."""
    alerts = stack_file.alert_path
    if alerts is None or alerts.delivery is Delivery.confirmed or not alerts.monitoring.emails:
        return
    if not alerts.sends_alerts_by_email and not alerts.monitoring.pagers:
        yield Problem(
            f"{at}alerts.monitoring.alertsByEmail",
            "false",
            "Alerts reach only Slack. With `delivery: direct`, EventBridge takes any HTTP 200 for a delivery, so an "
            "alert that Slack refuses (channel archived, app removed, token revoked) is lost. The probe reports that "
            "Slack refuses messages, but not which alert was lost.",
            f"Delete `alertsByEmail: false`, write `delivery: confirmed`, or add a pager with `{PAGER_COMMAND}`.",
        )


def _many_rules(stack_file: StackFile, at: str) -> Iterator[Problem]:
    """Yield a warning if the rules of the stack exceed the default quota."""
    # The name is not in the file. A long one splits some patterns about tampering, so it needs a few rules more.
    for bus, rules in rules_per_bus(stack_rules(stack_file, "stack")).items():
        if rules > RULES_PER_BUS:
            where = "on the default event bus" if bus is None else "on the event bus of the hub"
            yield Problem(
                f"{at}alerts",
                f"({rules} rules)",
                f"The stack needs {rules} rules {where}. The default quota of a bus is {RULES_PER_BUS} rules, "
                "including the other rules of the account, so the deployment would stop half-way.",
                "Request a higher quota `Rules` first (Service Quotas console, Amazon EventBridge), or watch fewer "
                "roles or `evidencePaths`.",
            )


def _unseen_global_events(stack_file: StackFile, at: str) -> Iterator[Problem]:
    """Yield a warning if no stack sees the events that AWS records in one region only."""
    alerts = stack_file.alert_path
    if alerts is None or alerts.global_events_stack:
        return
    # Spokes forward the events about root and users; `organization_lint` warns if they do not.
    here_alone = alerts.organization is None
    unseen = [
        event
        for watched, event in (
            (here_alone and alerts.watch.root, "sign-ins of root, and changes of its password and MFA"),
            (here_alone and alerts.watch.user_arns, "changes of the users' credentials"),
            (alerts.tamper, "changes of IAM, AWS Organizations and the account"),
        )
        if watched
    ]
    region = global_events_region(alerts.region)
    if unseen and alerts.region != region:
        yield Problem(
            f"{at}alerts.globalEventsStack",
            "(missing)",
            f"AWS records these events in {region} only, and this stack is in {alerts.region}: {'; '.join(unseen)}. "
            "None of them raises an alert here.",
            f"Deploy a stack with `alerts` in {region} of the same account, and write its name here: "
            "docs/runbooks/first-deploy.md.",
        )


def _unseen_identity_center(stack_file: StackFile, at: str) -> Iterator[Problem]:
    """Yield a warning if the events of Identity Center are recorded in another region."""
    alerts, sets = stack_file.alert_path, stack_file.permission_sets
    if alerts and sets and alerts.region != sets.region:
        forwarded = alerts.organization and sets.region in alerts.organization.spokes.regions
        rules = "for access that is given around the approvals"
        yield Problem(
            f"{at}alerts.region",
            format_value(alerts.region),
            f"AWS records the events of Identity Center in {sets.region}, its home region. So the rules of this stack "
            f"{rules if forwarded else f'for `portal`, and {rules},'} see none of them.",
            f"Write `region: {sets.region}`, or deploy another stack with `alerts` there."
            + (f" Add {sets.region} to `spokes.regions`." if alerts.organization and not forwarded else ""),
        )


def _unseen_trail(stack_file: StackFile, at: str) -> Iterator[Problem]:
    """Yield a warning for the trail, and each key, whose changes are recorded in another region."""
    tamper = stack_file.alert_path.tamper if stack_file.alert_path else None
    if tamper is None or stack_file.alert_path is None:
        return
    arns = [("trail", tamper.trail or ""), *((f"keys[{index}]", arn) for index, arn in enumerate(tamper.keys))]
    for key, arn in arns:
        region = arn.split(":")[3] if arn.startswith("arn:") else stack_file.alert_path.region
        if region != stack_file.alert_path.region:
            yield Problem(
                f"{at}alerts.tamper.{key}",
                format_value(arn),
                f"AWS records changes of it in {region}, and this stack is in {stack_file.alert_path.region}, so none "
                "of them raises an alert here.",
                f"Name it in a stack in {region}, and delete it here.",
            )


def _deployments_as_tampering(stack_file: StackFile, at: str) -> Iterator[Problem]:
    """Yield a warning if each deployment of permission sets raises alerts."""
    tamper = stack_file.alert_path.tamper if stack_file.alert_path else None
    if stack_file.permission_sets and tamper and not tamper.deployers:
        yield Problem(
            f"{at}alerts.tamper.deployers",
            "(missing)",
            "No role is named as deployer, so each `pulumi up` that changes a resource of this stack raises alerts. "
            "Alerts that come with each deployment are soon ignored.",
            "Write `tamper: {deployers: [<ARN of the role that runs pulumi up>]}`. The start of its sessions is then "
            "reported instead.",
        )


def _overlapping_names(stack_file: StackFile, at: str) -> Iterator[Problem]:
    """Yield a warning for each watched permission set whose rules match another set (see `set_names`)."""
    watched = stack_file.alert_path.watch.permission_sets if stack_file.alert_path else []
    for index, name in enumerate(watched):
        others = [other for other in watched if overlap(name, other)]
        if others:
            several = " and ".join(others)
            yield Problem(
                f"{at}alerts.watch.permissionSets[{index}]",
                format_value(name),
                f"Identity Center names roles AWSReservedSSO_<set>_<suffix>, so the rules for {name} also match the "
                f"roles of {several}. Each usage of {several} raises its own alert and a second alert that wrongly "
                f"says {name}, and counts as a usage of both. A usage of {name} raises its own alert only.",
                "If two alerts come at once, the alert with the longer name is right; the event in CloudTrail shows "
                f"it. If an alert for all of them is enough, remove {several}.",
            )


# "Managed policies per role", IAM User Guide, "IAM and AWS STS quotas". A permission set accepts 20.
_POLICIES_PER_ROLE = 10


def _many_policies(stack_file: StackFile, at: str) -> Iterator[Problem]:
    """Yield a warning for each permission set with more managed policies than IAM's default quota."""
    for index, pair in enumerate(stack_file.permission_sets.pairs if stack_file.permission_sets else ()):
        for kind, settings in (("everyday", pair.everyday), ("breakGlass", pair.break_glass)):
            count = len(settings.managed_policies) + len(settings.customer_managed_policies)
            if count > _POLICIES_PER_ROLE:
                yield Problem(
                    f"{at}permissionSets.pairs[{index}].{kind}.managedPolicies",
                    f"({count} policies)",
                    f"IAM attaches {_POLICIES_PER_ROLE} managed policies to a role by default. In an account with that "
                    "quota Identity Center can't create the set's role, so the first assignment there fails. For a set "
                    "that is only requested, that is the first emergency.",
                    "Request a higher quota `Managed policies attached to an IAM role` in every account of the set "
                    "first (Service Quotas console, AWS IAM, us-east-1), or merge customer-managed policies.",
                )


def _first_made_on_request(stack_file: StackFile, at: str) -> Iterator[Problem]:
    """Yield a warning for each set that needs policies of an account where no assignment creates its role."""
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
                f"No assignment of this file creates the set's role {where}. Identity Center creates it there with the "
                f"first access, in an emergency. That fails if the account lacks {policies}.",
                "Assign the set to a group without members in each of these accounts (`sets: [breakGlass]`). Then "
                "`pulumi up` creates the role, and fails if a policy is missing. Rehearse each set as "
                "docs/runbooks/first-deploy.md says.",
            )
