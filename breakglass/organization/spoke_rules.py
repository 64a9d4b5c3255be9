"""The rules of a spoke: what each account and region forwards to the bus of the hub.

They do not depend on the watched permission sets, so a set that is added changes no spoke. The rules of the hub match
exactly; those of a spoke match at least all that any rule of the hub about a role, a user or root matches.

An event is forwarded once. EventBridge refuses a second hop, and takes no retry policy and no input transformer for a
target that is a bus ("Sending and receiving events between AWS accounts", Amazon EventBridge User Guide).

Non-goals: tampering and access around the approvals, whose rules are on the default bus of the hub's account.
"""

from dataclasses import dataclass

from breakglass.alerts.patterns import Pattern
from breakglass.naming import SPOKE_PREFIX

HEARTBEAT = "heartbeat"
"""The key of the rule that shows the hub once a day that a spoke works."""


@dataclass(frozen=True)
class SpokeSettings:
    """The settings by which spokes differ.

    Attributes:
        partition: the AWS partition.
        roles: ARNs of watched roles that Identity Center did not make and that are not below `role_path`.
        role_path: a path of watched roles, e.g. `/break-glass/`.
        users: ARNs of watched IAM users.
        portal: True in the account that owns Identity Center, which alone has the events of its portal.
    """

    partition: str = "aws"
    roles: tuple[str, ...] = ()
    role_path: str | None = None
    users: tuple[str, ...] = ()
    portal: bool = False


@dataclass(frozen=True)
class SpokeRule:
    """A rule of a spoke, with the bus of the hub as its only target.

    Attributes:
        key: its key among the rules of the spoke.
        description: its purpose, in a sentence.
        pattern: its event pattern; None for a schedule.
        schedule: its schedule expression; None for a pattern.
    """

    key: str
    description: str
    pattern: Pattern | None = None
    schedule: str | None = None

    @property
    def name(self) -> str:
        """Its physical name, the same in each account and region."""
        return SPOKE_PREFIX + self.key


def spoke_rules(settings: SpokeSettings) -> list[SpokeRule]:
    """Return the rules of a spoke in a fixed order: those with patterns first, and the heartbeat.

    Raises:
        BreakglassError: a pattern has more characters than EventBridge takes.
    """
    patterns: dict[str, tuple[str, Pattern]] = {}
    return [
        *(SpokeRule(key, description, pattern=pattern) for key, (description, pattern) in patterns.items()),
        SpokeRule(
            HEARTBEAT, "Shows the hub of the break-glass alerts that this spoke works.", schedule="cron(0 4 * * ? *)"
        ),
    ]
