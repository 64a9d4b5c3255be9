"""The keys by which a stack file names groups and users, and Slack user groups to mention."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from breakglass.app.domain.policy import PrincipalKind
from breakglass.stack_file.base import ConfigModel, RawValue
from breakglass.stack_file.faults import Fault
from breakglass.stack_file.types import PrincipalId, PrincipalName, SlackGroupId

PRINCIPAL_KEYS = ("group", "groupId", "user", "userId")
"""The keys that name a principal; exactly one of them is given."""


@dataclass(frozen=True)
class NamedPrincipal:
    """A group or user as in the stack file.

    Attributes:
        kind: group or user.
        text: its name or ID.
        by_id: True if `text` is the ID.
    """

    kind: PrincipalKind
    text: str
    by_id: bool

    @property
    def key(self) -> str:
        """The key in logical names: `group:database-oncall`, `userId:…`."""
        return f"{self.kind}{'Id' if self.by_id else ''}:{self.text}"


class PrincipalSpec(ConfigModel):
    """A group or a user of the identity store: exactly one of `group`, `groupId`, `user` and `userId`."""

    group: PrincipalName | None = None
    """The display name of a group in the identity store. The approvals look up its members at every decision."""
    group_id: PrincipalId | None = None
    """The ID of a group in the identity store."""
    user: PrincipalName | None = None
    """The user name of a user in the identity store. Prefer groups: people change."""
    user_id: PrincipalId | None = None
    """The ID of a user in the identity store."""

    @property
    def principal(self) -> NamedPrincipal:
        """The group or user that the entry names."""
        choices = (
            (PrincipalKind.group, self.group, False),
            (PrincipalKind.user, self.user, False),
            (PrincipalKind.group, self.group_id, True),
            (PrincipalKind.user, self.user_id, True),
        )
        return next(NamedPrincipal(kind, text, by_id) for kind, text, by_id in choices if text is not None)

    @classmethod
    def cross_field_faults(cls, given: RawValue) -> Iterator[Fault]:
        """Yield a fault unless there is exactly one principal, of the identity store."""
        named = [key for key in PRINCIPAL_KEYS if given[key]]
        if given["slackGroup"]:
            yield given["slackGroup"].fault(
                "A Slack user group has no rights here. Slack decides who is in it, and any member of the workspace "
                "who may edit it could give themselves access to AWS.",
                "Write the group of Identity Center with the same people: `group:` or `groupId:`. A Slack user group "
                "can be mentioned, under `ping` and `escalate.ping`.",
            )
        elif len(named) != 1:
            yield given.fault(
                f"Expected exactly one group or user, got {' and '.join(named) or 'none'}.",
                "Write exactly one of `group:`, `groupId:`, `user:` and `userId:`, e.g. `group: database-oncall`. "
                "Another principal needs its own list entry.",
            )


class MentionSpec(PrincipalSpec):
    """A mention in Slack: exactly one of `group`, `groupId`, `user`, `userId` and `slackGroup`."""

    slack_group: SlackGroupId | None = None
    """The ID of a Slack user group, e.g. of an on-call rota. Slack notifies its members in the channel. It has no
    rights."""

    @classmethod
    def cross_field_faults(cls, given: RawValue) -> Iterator[Fault]:
        """Yield a fault unless there is exactly one group or user."""
        named = [key for key in (*PRINCIPAL_KEYS, "slackGroup") if given[key]]
        if len(named) != 1:
            yield given.fault(
                f"Expected exactly one group or user, got {' and '.join(named) or 'none'}.",
                "Write exactly one of `group:`, `groupId:`, `user:`, `userId:` and `slackGroup:`, e.g. `group: "
                "database-leads`. Another mention needs its own list entry.",
            )


Principals = Annotated[list[PrincipalSpec], Field(min_length=1, examples=[[{"group": "database-leads"}]])]
"""At least one group or user."""

MENTIONS_EXAMPLES = [[{"group": "database-leads"}, {"slackGroup": "S0123ABCD"}]]
Mentions = Annotated[list[MentionSpec], Field(min_length=1, examples=MENTIONS_EXAMPLES)]
"""At least one group or user to mention."""
