"""People, as Identity Center and Slack know them.

Non-goals: finding them (see `ports.Directory`).
"""

from dataclasses import dataclass

from breakglass.app.domain.policy import Principal, PrincipalKind


@dataclass(frozen=True)
class Person:
    """A user of the identity store, with the groups they are in at this moment.

    Attributes:
        user_id: id in the identity store; the identity that decides.
        user_name: the user name, which is also the session name of their roles.
        display_name: for people to read; never compared.
        group_ids: ids of their groups, just read.
        slack_id: their Slack user id, if they came by Slack or were found there.
        email: their e-mail address, by which they are looked for in Slack to be mentioned; decides nothing.
    """

    user_id: str
    user_name: str
    display_name: str
    group_ids: frozenset[str] = frozenset()
    slack_id: str | None = None
    email: str = ""

    def is_among(self, principals: tuple[Principal, ...]) -> bool:
        """Say whether one of the principals is this person or a group they are in."""
        return any(
            principal.id == self.user_id if principal.kind is PrincipalKind.user else principal.id in self.group_ids
            for principal in principals
        )
