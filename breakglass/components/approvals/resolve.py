"""Resolves the names of the section `approvals` with AWS at preview.

One report lists all names that do not exist.

Non-goals: faults of the section alone (see `stack_file.approvals`).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pulumi

from breakglass.app.domain.policy import ApprovalPolicy, PrincipalKind, Rule
from breakglass.components.approvals import checks
from breakglass.components.approvals.organization import Organization
from breakglass.components.approvals.policy_compiler import PrincipalIds, ResolvedNames, compile_policy
from breakglass.components.delegation import unmanageable_assignments
from breakglass.components.permission_sets.identity_store import IdentityStore, Missing, key_problem
from breakglass.errors import ConfigError, Problem
from breakglass.stack_file.approvals import ApprovalSettings
from breakglass.stack_file.mentions import Mention, assigned, mentioned
from breakglass.stack_file.permission_sets import PairSpec
from breakglass.stack_file.principals import NamedPrincipal


@dataclass(frozen=True)
class ResolvedPrincipals:
    """The answers of the identity store.

    Attributes:
        ids: the ID of every name.
    """

    ids: PrincipalIds


@dataclass(frozen=True)
class ApprovalNameResolver:
    """Resolves the names of the approvals and of the permission sets.

    Attributes:
        approvals: the section.
        pairs: the permission sets.
        organization: the organization.
        store: the identity store.
        post_message_url: Slack's chat.postMessage.
    """

    approvals: ApprovalSettings
    pairs: Sequence[PairSpec]
    organization: Organization
    store: IdentityStore
    post_message_url: str

    def look_up(self) -> pulumi.Output[ResolvedPrincipals]:
        """Return the IDs of all named groups and users, and warn of rules that can approve nothing.

        The program fails with one report of all names that do not exist or can't be managed.
        """
        wanted = [*dict.fromkeys((mention.kind, mention.name) for mention in (*self._of_section(), *self._of_pairs()))]
        answers = [self.store.answer_about(NamedPrincipal(kind, name, by_id=False)) for kind, name in wanted]
        found = pulumi.Output.all(*answers).apply(partial(self._resolve_answers, wanted))
        self._warn(found)
        return found

    def policy(
        self,
        found: ResolvedPrincipals,
        instance_arn: str,
        identity_store_id: str,
        set_arns: Mapping[str, str],
        session_policy_id: str | None,
    ) -> ApprovalPolicy:
        """Return the compiled approval policy; the arguments are those of `policy_compiler.ResolvedNames`."""
        names = ResolvedNames(
            region=self.store.region,
            instance_arn=instance_arn,
            identity_store_id=identity_store_id,
            deployed_in=self.organization.deployed_in,
            management_account=self.organization.management_account,
            session_policy_id=session_policy_id,
            principal_ids=found.ids,
            set_arns=set_arns,
            accounts=self.organization.accounts,
        )
        return compile_policy(self.approvals, self.pairs, self.post_message_url, names)

    def _of_section(self) -> list[Mention]:
        return list(mentioned(self.approvals))

    def _of_pairs(self) -> list[Mention]:
        return list(assigned(self.pairs))

    def _resolve_answers(
        self, wanted: Sequence[tuple[PrincipalKind, str]], answers: Sequence[Any]
    ) -> ResolvedPrincipals:
        told: Mapping[tuple[PrincipalKind, str], str | Missing] = dict(zip(wanted, answers, strict=True))
        here, management = self.organization.deployed_in, self.organization.management_account
        problems = _key_problems(answers) or [
            *_unresolved(self._of_section(), told, "approvals."),
            *_unresolved(self._of_pairs(), told, "permissionSets."),
            *checks.unknown_accounts(self.approvals, self.organization.accounts),
            *checks.management_account_problems(self.approvals, here, management),
            *unmanageable_assignments(self.pairs, here, management),
            *_no_policies(self.approvals, self.organization),
        ]
        if problems:
            # Not a ConfigError: no program can catch what is raised in an apply, and Pulumi prints this one as it is.
            raise pulumi.RunError(str(ConfigError(problems)))
        for problem in (
            *checks.session_deny_problems(self.approvals, here, management),
            *checks.everyday_approvers(self.pairs, here, self.store.region),
        ):
            pulumi.log.warn(str(problem))
        return ResolvedPrincipals({name: answer for name, answer in told.items() if isinstance(answer, str)})

    def _warn(self, found: pulumi.Output[ResolvedPrincipals]) -> None:
        """Log a warning for each rule that can approve nothing with the group members of today."""
        groups = list(dict.fromkeys(self._groups()))
        members = [self.store.members(found.apply(partial(_id_of, group))) for group in groups]
        pulumi.Output.all(found, *members).apply(partial(self._unapprovable, groups))

    def _groups(self) -> Iterator[NamedPrincipal]:
        for rule in self.approvals.rules:
            for entry in (*rule.requesters, *rule.approvers):
                principal = entry.principal
                if principal.kind is PrincipalKind.group:
                    yield principal

    def _unapprovable(self, groups: Sequence[NamedPrincipal], known: Sequence[Any]) -> None:
        found, *answers = known
        for answer in answers:
            if isinstance(answer, Missing):
                # The deployer may lack the permission that the functions have.
                pulumi.log.warn(f"Can't check that every rule of `approvals` has approvers: {answer.said}")
                return
        members = dict(zip((_id_of(group, found) for group in groups), answers, strict=True))
        for problem in checks.unapprovable_rules(self._rules(found), members):
            pulumi.log.warn(str(problem))

    def _rules(self, found: ResolvedPrincipals) -> Sequence[Rule]:
        """Return the compiled rules; they need no ARN, which the first preview does not know."""
        no_arns = {pair.break_glass_name: "" for pair in self.pairs}
        return self.policy(found, "", "", no_arns, None).rules


def _id_of(principal: NamedPrincipal, found: ResolvedPrincipals) -> str:
    return principal.text if principal.by_id else found.ids[principal.kind, principal.text]


def _key_problems(answers: Sequence[Any]) -> list[Problem]:
    """Return the problem with Identity Center's own KMS key once; a report for each name would hide it."""
    said = (answer.said for answer in answers if isinstance(answer, Missing))
    return [problem for problem in map(key_problem, said) if problem][:1]


def _unresolved(
    mentions: Sequence[Mention], told: Mapping[tuple[PrincipalKind, str], str | Missing], at: str
) -> Iterator[Problem]:
    """Yield a problem for each name without an ID, with the provider's text, which may show another cause."""
    there = {name for name, answer in told.items() if isinstance(answer, str)}
    for mention in mentions:
        answer = told[mention.kind, mention.name]
        if isinstance(answer, Missing):
            for problem in checks.unresolved([mention], there, at):
                yield replace(problem, why=f"{problem.why} The provider says: {answer.said}")


def _no_policies(approvals: ApprovalSettings, organization: Organization) -> list[Problem]:
    """Return the problem of `endSessions` in an organization without service control policies."""
    if not approvals.end_sessions or organization.has_service_control_policies:
        return []
    return [
        Problem(
            "approvals.endSessions",
            "true",
            "A service control policy ends live sessions, and the organization has not enabled that type of policy. "
            "AWS would refuse to attach it.",
            "Enable service control policies in AWS Organizations (Policies), or remove `endSessions`.",
        )
    ]
