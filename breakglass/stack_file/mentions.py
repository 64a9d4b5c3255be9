"""The groups and users that a stack file mentions by name."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from breakglass.app.domain.policy import PrincipalKind
from breakglass.stack_file.approvals import ApprovalSettings
from breakglass.stack_file.permission_sets import PairSpec
from breakglass.stack_file.principals import PrincipalSpec
from breakglass.vocabulary import AssignmentTarget


@dataclass(frozen=True)
class Mention:
    """A name in the stack file.

    Attributes:
        path: key path below the section: `rules[0].approvers[1].group`.
        kind: group or user.
        name: the group's display name or the user's user name.
        not_meant: names that the error may not propose for a misspelt name: for an approver, the rule's requesters.
    """

    path: str
    kind: PrincipalKind
    name: str
    not_meant: frozenset[str] = frozenset()


def mentioned(approvals: ApprovalSettings) -> Iterator[Mention]:
    """Yield every name in the section `approvals`."""
    for index, rule in enumerate(approvals.rules):
        place = f"rules[{index}]"
        yield from _of_list(f"{place}.requesters", rule.requesters)
        requesters = frozenset(mention.name for mention in _of_list("", rule.requesters))
        for mention in _of_list(f"{place}.approvers", rule.approvers):
            yield replace(mention, not_meant=requesters)
        yield from _of_list(f"{place}.ping", rule.ping)
        yield from _of_list(f"{place}.escalate.ping", rule.escalate.ping if rule.escalate else [])
    for index, deny in enumerate(approvals.denies):
        yield from _of_list(f"denies[{index}].principals", deny.principals)
    yield from _of_list("security", approvals.security)
    for slack_id, user_name in approvals.people.items():
        yield Mention(f"people.{slack_id}", PrincipalKind.user, user_name)


def assigned(pairs: Sequence[PairSpec]) -> Iterator[Mention]:
    """Yield every name that an assignment gives a break-glass set; the paths are below `permissionSets`."""
    for number, pair in enumerate(pairs):
        for index, assignment in enumerate(pair.assignments):
            if AssignmentTarget.breakGlass in assignment.sets:
                yield from _of_entry(f"pairs[{number}].assignments[{index}]", assignment)


def _of_list(place: str, entries: Sequence[PrincipalSpec]) -> Iterator[Mention]:
    for index, entry in enumerate(entries):
        yield from _of_entry(f"{place}[{index}]", entry)


def _of_entry(place: str, entry: PrincipalSpec) -> Iterator[Mention]:
    for kind, name in ((PrincipalKind.group, entry.group), (PrincipalKind.user, entry.user)):
        if name is not None:
            yield Mention(f"{place}.{kind}", kind, name)
