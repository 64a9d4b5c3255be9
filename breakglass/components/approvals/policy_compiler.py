"""Compiles the section `approvals` and the IDs from AWS into the approval policy that the functions read.

The order is that of the stack file, and durations are seconds. The same input gives the same document. A changed text
(`breakglass.app.domain.policy.to_json`) deploys the functions again.

Non-goals: validation (see `breakglass.components.approvals.checks`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from breakglass.app.domain.policy import (
    Action,
    ApprovalPolicy,
    DenyRule,
    PermissionSet,
    Principal,
    PrincipalKind,
    Rule,
    Settings,
    StandingAssignment,
)
from breakglass.stack_file.alerts import POST_MESSAGE
from breakglass.stack_file.approvals import (
    NOT_AFTER_DENIAL,
    ApprovalRule,
    ApprovalSettings,
    DeniedAction,
    DenyRuleSpec,
)
from breakglass.stack_file.permission_sets import PairSpec
from breakglass.stack_file.principals import MentionSpec, PrincipalSpec
from breakglass.stack_file.types import seconds
from breakglass.vocabulary import AssignmentTarget, partition_of_region

PrincipalIds = Mapping[tuple[PrincipalKind, str], str]
"""A group's display name or a user's user name -> its ID in the identity store."""

_ACTIONS = {
    DeniedAction.request: Action.request,
    DeniedAction.approve: Action.approve,
    DeniedAction.breakGlass: Action.break_glass,
}


@dataclass(frozen=True)
class ResolvedNames:
    """The values that come from AWS, not from the stack file.

    Attributes:
        region: of Identity Center and of the approvals.
        instance_arn: ARN of the Identity Center instance.
        identity_store_id: ID of its identity store.
        deployed_in: the account that the workflow runs in.
        management_account: the organization's management account.
        session_policy_id: ID of the service control policy that ends live sessions; None without `endSessions`.
        principal_ids: the ID of every name in `mentioned` and `assigned` (`breakglass.stack_file.mentions`).
        set_arns: name -> ARN, of at least every break-glass set of the stack file.
        accounts: account ID -> name, of at least every account of the rules.
    """

    region: str
    instance_arn: str
    identity_store_id: str
    deployed_in: str
    management_account: str
    session_policy_id: str | None
    principal_ids: PrincipalIds
    set_arns: Mapping[str, str]
    accounts: Mapping[str, str]


def compile_policy(
    approvals: ApprovalSettings, pairs: Sequence[PairSpec], post_message_url: str, names: ResolvedNames
) -> ApprovalPolicy:
    """Return the compiled approval policy.

    Args:
        approvals: the section.
        pairs: all permission sets of the stack file, also those without a rule: their unmanaged assignments are found
            as well.
        post_message_url: the address of Slack's chat.postMessage.
        names: the values from AWS.

    Raises:
        KeyError: `names` lacks an ID.
    """
    ids = names.principal_ids
    standing = tuple(_standing(pairs, ids))
    return ApprovalPolicy(
        settings=_settings(approvals, post_message_url, names),
        rules=tuple(_rule(rule, ids) for rule in approvals.rules),
        denies=tuple(_deny(deny, ids) for deny in approvals.denies),
        sets={
            pair.break_glass_name: PermissionSet(
                names.set_arns[pair.break_glass_name], seconds(pair.break_glass.session_duration)
            )
            for pair in pairs
        },
        accounts=_named_accounts(approvals, standing, names.accounts),
        people={slack_id: ids[PrincipalKind.user, user] for slack_id, user in approvals.people.items()},
        security=_principals(approvals.security, ids),
        standing=standing,
    )


def _settings(approvals: ApprovalSettings, post_message_url: str, names: ResolvedNames) -> Settings:
    return Settings(
        region=names.region,
        partition=partition_of_region(names.region),
        instance_arn=names.instance_arn,
        identity_store_id=names.identity_store_id,
        deployed_in=names.deployed_in,
        management_account=names.management_account,
        slack_api_url=post_message_url.removesuffix(POST_MESSAGE),
        channel=approvals.channel,
        second_channel=approvals.second_channel,
        explain_within_seconds=seconds(approvals.explain_within),
        remind_every_seconds=seconds(approvals.remind_every),
        session_policy_id=names.session_policy_id,
        unmanaged=approvals.unrecorded_assignments,
    )


def _rule(rule: ApprovalRule, ids: PrincipalIds) -> Rule:
    return Rule(
        name=rule.name,
        sets=tuple(rule.sets),
        accounts=tuple(rule.accounts),
        requesters=_principals(rule.requesters, ids),
        approvers=_principals(rule.approvers, ids),
        approvals=rule.approvals,
        maximum_seconds=seconds(rule.maximum_duration),
        default_seconds=seconds(rule.proposed_duration),
        expiry_seconds=seconds(rule.request_expiry),
        ticket_pattern=rule.ticket_pattern,
        glass_after_seconds=seconds(rule.without_approval.after) if rule.without_approval else None,
        not_after_denial_seconds=seconds(
            rule.without_approval.not_after_denial if rule.without_approval else NOT_AFTER_DENIAL
        ),
        mention=_principals(_of_identity_store(rule.ping), ids),
        escalate_after_seconds=seconds(rule.escalate.after) if rule.escalate else None,
        escalate=_principals(_of_identity_store(rule.escalate.ping), ids) if rule.escalate else (),
        quiet_accounts=tuple(rule.quiet_accounts),
        risk_banner=rule.risk_banner,
        mention_slack_groups=_slack_groups(rule.ping),
        escalate_slack_groups=_slack_groups(rule.escalate.ping) if rule.escalate else (),
    )


def _deny(deny: DenyRuleSpec, ids: PrincipalIds) -> DenyRule:
    return DenyRule(
        name=deny.name,
        reason=deny.reason,
        actions=tuple(_ACTIONS[action] for action in deny.actions),
        sets=tuple(deny.sets),
        accounts=tuple(deny.accounts),
        principals=_principals(deny.principals, ids),
    )


def _standing(pairs: Sequence[PairSpec], ids: PrincipalIds) -> Iterable[StandingAssignment]:
    for pair in pairs:
        for assignment in pair.assignments:
            if AssignmentTarget.breakGlass in assignment.sets:
                for account in assignment.accounts:
                    yield StandingAssignment(_principal(assignment, ids), pair.break_glass_name, account)


def _named_accounts(
    approvals: ApprovalSettings, standing: Sequence[StandingAssignment], names: Mapping[str, str]
) -> Mapping[str, str]:
    """Return the names of the policy's accounts only: a new account must not change the policy."""
    mentioned = {account for entry in (*approvals.rules, *approvals.denies) for account in entry.accounts}
    mentioned |= {assignment.account for assignment in standing}
    return {account: names[account] for account in sorted(mentioned) if account in names}


def _of_identity_store(mentions: Iterable[MentionSpec]) -> Iterable[PrincipalSpec]:
    return (mention for mention in mentions if mention.slack_group is None)


def _slack_groups(mentions: Iterable[MentionSpec]) -> tuple[str, ...]:
    return tuple(mention.slack_group for mention in mentions if mention.slack_group is not None)


def _principals(entries: Iterable[PrincipalSpec], ids: PrincipalIds) -> tuple[Principal, ...]:
    return tuple(_principal(entry, ids) for entry in entries)


def _principal(entry: PrincipalSpec, ids: PrincipalIds) -> Principal:
    """Return the principal of an entry; a principal by ID has its ID as its name."""
    named = entry.principal
    return Principal(named.kind, named.text if named.by_id else ids[named.kind, named.text], named.text)
