"""The rules of a spoke: what each account and region forwards to the bus of the hub.

They do not depend on the watched permission sets, so a set that is added changes no spoke. The rules of the hub match
exactly; those of a spoke match at least all that any rule of the hub about a role, a user or root matches:

    rule      forwards
    sessions  sessions of roles of Identity Center, of roles below the path, and of other watched roles
    console   sign-ins to the console by sessions of any role, and `aws login`
    denied    refused sessions of the roles of `sessions`
    root      all that root does, and AssumeRoot
    portal    what the access portal of Identity Center gives out, and a further region of Identity Center
    users     all that a watched IAM user does, and changes of its credentials
    heartbeat once a day, a sign that the spoke works

Two rules never forward the same event, since the hub would alert twice: root's events are those of `root` alone, and of
the others a watched user's are those of `users` alone. Both go by `userIdentity`.

An event is forwarded once. EventBridge refuses a second hop, and takes no retry policy and no input transformer for a
target that is a bus ("Sending and receiving events between AWS accounts", Amazon EventBridge User Guide).

Non-goals: tampering and access around the approvals, whose rules are on the default bus of the hub's account.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from breakglass.alerts.patterns import PATTERN_LIMIT, RULE_STATE, Pattern
from breakglass.alerts.patterns.alternatives import compact_json, split
from breakglass.alerts.patterns.parts import (
    ABSENT,
    API_CALL,
    LOGIN_CALLS,
    REFUSED,
    SERVICE_EVENT,
    SIGN_IN,
    SUCCEEDED,
    iam_name,
)
from breakglass.alerts.patterns.roles import PORTAL_CALLS, RESERVED_PATH, SESSION_CALLS
from breakglass.alerts.subjects import UserSubject
from breakglass.errors import BreakglassError
from breakglass.naming import SPOKE_PREFIX

HEARTBEAT = "heartbeat"
"""The key of the rule that shows the hub once a day that a spoke works."""

HEARTBEAT_SCHEDULE = "cron(0 4 * * ? *)"
"""Its schedule: each day at 04:00 UTC."""

RULES_LIMIT = 20
"""The most rules of a spoke: each account has them on its default bus, which takes 300 rules by default, 100 in a few
regions."""

_NOT_ROOT: Pattern = {"type": [ABSENT, {"anything-but": ["Root"]}]}
_RECORDED = [API_CALL, SERVICE_EVENT, *SIGN_IN]
_FURTHER_REGION = "AddRegion"


@dataclass(frozen=True)
class SpokeSettings:
    """The settings by which spokes differ.

    Attributes:
        partition: the AWS partition.
        roles: ARNs of watched roles that Identity Center did not make; those below `role_path` change nothing.
        role_path: a path of watched roles, e.g. `/break-glass/`.
        users: ARNs of watched IAM users.
        portal: True in the account that owns Identity Center, which alone has the events of its portal.
    """

    partition: str = "aws"
    roles: tuple[str, ...] = ()
    role_path: str | None = None
    users: tuple[str, ...] = ()
    portal: bool = False

    @property
    def roles_by_arn(self) -> list[str]:
        """The roles that are not below the path, which patterns name one by one; sorted."""
        path = self.role_path
        return sorted({role for role in self.roles if path is None or f":role{path}" not in role})


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

    @property
    def state(self) -> str:
        """Its state in EventBridge."""
        return RULE_STATE if self.pattern is not None else "ENABLED"


def spoke_rules(settings: SpokeSettings) -> list[SpokeRule]:
    """Return the rules of a spoke in a fixed order: those with patterns first, and the heartbeat.

    Watched roles outside `role_path` are in several rules if one has no room for them.

    Raises:
        BreakglassError: the roles need too many rules, or the users do not fit into one.
    """
    rules = [*_Patterns(settings).rules()]
    if len(rules) >= RULES_LIMIT:
        raise BreakglassError(
            f"Expected at most {RULES_LIMIT} rules in a spoke, got {len(rules) + 1}: each account has them. The cause "
            f"is the {len(settings.roles_by_arn)} watched roles that are not below `watch.rolePath`. Make such roles "
            "below one path, and watch the path instead, e.g. `rolePath: /break-glass/`."
        )
    for rule in rules:
        text = compact_json(rule.pattern or {})
        if len(text) > PATTERN_LIMIT:
            raise BreakglassError(
                f"Expected an event pattern of at most {PATTERN_LIMIT} characters for the rule {rule.name}, got "
                f"{len(text)}: EventBridge would refuse the rule in each account. The cause is a long list of watched "
                f"IAM users ({len(settings.users)} of them), or a role with a very long path. Watch fewer users, or "
                "give the role a shorter path."
            )
    heartbeat = "Shows the hub of the break-glass alerts that this spoke works."
    return [*rules, SpokeRule(HEARTBEAT, heartbeat, schedule=HEARTBEAT_SCHEDULE)]


@dataclass(frozen=True)
class _Patterns:
    """The rules with patterns of a spoke."""

    settings: SpokeSettings

    def rules(self) -> Iterator[SpokeRule]:
        """Yield the rules in their order."""
        roles = self._roles()
        yield from _numbered(
            "sessions", "Forwards sessions of roles that may be watched.", split(self._sessions, roles)
        )
        yield SpokeRule("console", "Forwards sign-ins of roles to the console, and `aws login`.", self._console())
        yield from _numbered("denied", "Forwards refused sessions of such roles.", split(self._denied, roles))
        yield SpokeRule("root", "Forwards what the root user does, and AssumeRoot.", self._root())
        if self.settings.portal:
            yield SpokeRule("portal", "Forwards what the portal of Identity Center gives out.", self._portal())
        if self.settings.users:
            yield SpokeRule("users", "Forwards what the watched IAM users do, and changes of them.", self._users())

    def _roles(self) -> list[str]:
        """Return the ARNs of the roles, in which a star matches any text."""
        any_account = f"arn:{self.settings.partition}:iam::*:"
        path = self.settings.role_path
        return [
            f"{any_account}{RESERVED_PATH}*",
            *([f"{any_account}role{path}*"] if path else []),
            *self.settings.roles_by_arn,
        ]

    def _sessions(self, roles: Sequence[str]) -> Pattern:
        return {
            "source": ["aws.sts"],
            "detail-type": [API_CALL],
            "detail": {
                "eventName": SESSION_CALLS,
                **SUCCEEDED,
                "requestParameters": {"roleArn": [_arn(role) for role in roles]},
                "userIdentity": self._others(),
            },
        }

    def _denied(self, roles: Sequence[str]) -> Pattern:
        said = [message for role in roles for message in _messages(role)]
        return {
            "source": ["aws.sts"],
            "detail-type": [API_CALL],
            "detail": {
                "eventName": SESSION_CALLS,
                **REFUSED,
                "$or": [{"errorMessage": said}, {"requestParameters": {"roleArn": [_arn(role) for role in roles]}}],
                "userIdentity": self._others(),
            },
        }

    def _console(self) -> Pattern:
        # A session has no path, so a rule about a path can't tell one role from another.
        sessions = {"arn": [{"prefix": f"arn:{self.settings.partition}:sts::"}]}
        return {
            "source": ["aws.signin"],
            "detail-type": [API_CALL, *SIGN_IN],
            "detail": {
                "eventName": ["ConsoleLogin", "SwitchRole", *LOGIN_CALLS],
                "userIdentity": {**sessions, **self._others()},
            },
        }

    def _portal(self) -> Pattern:
        return {
            "source": ["aws.sso", "aws.signin"],
            "detail-type": [SERVICE_EVENT, API_CALL],
            "detail": {"eventName": [*PORTAL_CALLS, _FURTHER_REGION], "userIdentity": self._others()},
        }

    def _root(self) -> Pattern:
        assume_root = {"eventName": ["AssumeRoot"], "userIdentity": self._others()}
        return {
            "source": [{"prefix": "aws."}],
            "detail-type": _RECORDED,
            "detail": {"$or": [{"userIdentity": {"type": ["Root"]}}, assume_root]},
        }

    def _users(self) -> Pattern:
        names = [iam_name(name) for name in self._user_names()]
        changed = {"eventSource": ["iam.amazonaws.com"], "requestParameters": {"userName": names}}
        return {
            "source": [{"prefix": "aws."}],
            "detail-type": _RECORDED,
            "detail": {
                "$or": [{"userIdentity": {"userName": names, **_NOT_ROOT}}, {**changed, "userIdentity": _NOT_ROOT}]
            },
        }

    def _others(self) -> Pattern:
        """Match a caller that is neither root nor a watched user.

        A user whose name a record has in another case is not left out: its events may be forwarded twice, never lost.
        """
        names = self._user_names()
        return {**_NOT_ROOT, **({"userName": [ABSENT, {"anything-but": names}]} if names else {})}

    def _user_names(self) -> list[str]:
        """Return the names alone: an organization has users of one name in many accounts."""
        return sorted({UserSubject(arn).label for arn in self.settings.users})


def _numbered(key: str, description: str, patterns: Iterator[Pattern]) -> Iterator[SpokeRule]:
    for number, pattern in enumerate(patterns, start=1):
        yield SpokeRule(key if number == 1 else f"{key}-{number}", description, pattern)


def _arn(role: str) -> Any:
    return {"wildcard": role} if "*" in role else role


def _messages(role: str) -> list[Any]:
    """Match "... on resource: ARN", at the end or before a reason."""
    if "*" in role:
        # No session's ARN has `:role/` (but `:assumed-role/`).
        return [{"wildcard": "*:" + role.rpartition(":")[2]}]
    return [{"suffix": f" {role}"}, {"wildcard": f"* {role} *"}]
