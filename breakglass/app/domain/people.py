"""People, as Identity Center and Slack know them.

Non-goals: finding them (see `ports.Directory`).
"""

from dataclasses import dataclass

from breakglass.app.domain.policy import Principal, PrincipalKind


@dataclass(frozen=True)
class Person:
    """A user of the identity store with their current groups.

    Attributes:
        user_id: ID in the identity store; decisions compare it.
        user_name: also the session name of their roles.
        display_name: only shown, never compared.
        slack_id: Slack user ID, if they came by Slack or were found there.
        email: finds them in Slack for a mention; decides nothing.
    """

    user_id: str
    user_name: str
    display_name: str
    group_ids: frozenset[str] = frozenset()
    slack_id: str | None = None
    email: str = ""

    def is_among(self, principals: tuple[Principal, ...]) -> bool:
        """Return true if a principal is this person or one of their groups."""
        return any(
            principal.id == self.user_id if principal.kind is PrincipalKind.user else principal.id in self.group_ids
            for principal in principals
        )
