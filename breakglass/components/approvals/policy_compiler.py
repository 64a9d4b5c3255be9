"""Makes of the section `approvals`, and of what AWS tells about the names in it, the policy that the functions read.

Order is that of the stack file, and durations are seconds. The same input always makes the same document, whose text
(`breakglass.app.domain.policy.to_json`) decides whether the functions are deployed anew.

Non-goals: judging (see `breakglass.components.approvals.checks`): the input is valid.
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
from breakglass.stack_file.approvals import (
    NOT_AFTER_DENIAL,
    ApprovalRule,
    ApprovalSettings,
    DeniedAction,
    DenyRuleSpec,
)
from breakglass.stack_file.approvals_lint import POST_MESSAGE
from breakglass.stack_file.permission_sets import PairSpec
from breakglass.stack_file.principals import PrincipalSpec
from breakglass.stack_file.types import seconds
from breakglass.vocabulary import AssignmentTarget, partition_of_region

PrincipalIds = Mapping[tuple[PrincipalKind, str], str]
"""A group's display name or a user's user name -> its id in the identity store."""

_ACTIONS = {
    DeniedAction.request: Action.request,
    DeniedAction.approve: Action.approve,
    DeniedAction.breakGlass: Action.break_glass,
}


@dataclass(frozen=True)
class ResolvedNames:
    """What the stack file does not say, and AWS does.

    Attributes:
        region: of Identity Center and of everything that the workflow is made of.
        instance_arn: ARN of the Identity Center instance.
        identity_store_id: id of its identity store.
        deployed_in: the account that the workflow runs in.
        management_account: the organisation's management account.
        session_policy_id: id of the service control policy that ends live sessions; None if they are not ended.
        principal_ids: the id of every name in `mentioned` and `assigned` (`breakglass.stack_file.mentions`).
        set_arns: name -> ARN, of at least every break-glass set of the stack file.
        accounts: account id -> name, of at least every account of the rules.
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
    """Compile the approval policy.

    Args:
        approvals: the section.
        pairs: all permission sets of the stack file, also those that no rule is about: an assignment of theirs that
            nobody recorded is found as well.
        post_message_url: the address of Slack's chat.postMessage.
        names: what AWS tells.

    Raises:
        KeyError: AWS told too little.
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
        mention=_principals(rule.ping, ids),
        escalate_after_seconds=seconds(rule.escalate.after) if rule.escalate else None,
        escalate=_principals(rule.escalate.ping, ids) if rule.escalate else (),
        quiet_accounts=tuple(rule.quiet_accounts),
        risk_banner=rule.risk_banner,
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
    """Name the accounts that the policy speaks of, and no others: a new account elsewhere shall not deploy anything."""
    spoken_of = {account for entry in (*approvals.rules, *approvals.denies) for account in entry.accounts}
    spoken_of |= {one.account for one in standing}
    return {account: names[account] for account in sorted(spoken_of) if account in names}


def _principals(entries: Iterable[PrincipalSpec], ids: PrincipalIds) -> tuple[Principal, ...]:
    return tuple(_principal(entry, ids) for entry in entries)


def _principal(entry: PrincipalSpec, ids: PrincipalIds) -> Principal:
    """Return what an entry names; of what is named by its id, no other name is known."""
    for kind, name, its_id in (
        (PrincipalKind.group, entry.group, entry.group_id),
        (PrincipalKind.user, entry.user, entry.user_id),
    ):
        if name is not None:
            return Principal(kind, ids[kind, name], name)
        if its_id is not None:
            return Principal(kind, its_id, its_id)
    raise ValueError("The entry names nobody; it was never validated.")
