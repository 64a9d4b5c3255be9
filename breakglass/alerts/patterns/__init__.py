"""EventBridge event patterns: one for each rule of a subject.

A rule with such a pattern must be in the state `RULE_STATE`, since many of these events are read-only.

Every pattern names sources of AWS only, which AWS refuses to any other sender (EventBridge API Reference, "PutEvents").
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from breakglass.alerts.patterns.access import access_patterns
from breakglass.alerts.patterns.alternatives import PATTERN_LIMIT, compact_json
from breakglass.alerts.patterns.parts import Pattern
from breakglass.alerts.patterns.roles import role_pattern
from breakglass.alerts.patterns.root import root_pattern
from breakglass.alerts.patterns.tamper import attempt_patterns, deployer_patterns, tamper_patterns
from breakglass.alerts.patterns.users import user_pattern
from breakglass.alerts.subjects import (
    AccessArea,
    AccessSubject,
    PermissionSetSubject,
    RoleSubject,
    RootSubject,
    Subject,
    TamperArea,
    TamperSubject,
    UserSubject,
    Watched,
)
from breakglass.errors import BreakglassError
from breakglass.vocabulary import EvidencePath

__all__ = ["PATTERN_LIMIT", "RULE_STATE", "AlertRule", "Pattern", "alert_rules", "event_pattern", "pattern_json"]

RULE_STATE = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
"""The state of every rule: one that is only ENABLED gets no read-only management events, such as GetRoleCredentials.

Source: "Rules for AWS management events" (Amazon EventBridge User Guide)
"""


@dataclass(frozen=True)
class AlertRule:
    """One rule of a subject.

    Attributes:
        path: its evidence path.
        pattern: its event pattern.
        area: the area, if the path has several.
        number: its number in the area, from 1: one pattern may be too long for all values.
    """

    path: EvidencePath
    pattern: Pattern
    area: AccessArea | TamperArea | None = None
    number: int = 1

    @property
    def key(self) -> str:
        """A unique key among the rules of the subject, for names."""
        parts = [
            self.path.value,
            *([self.area.value] if self.area else ()),
            *([str(self.number)] if self.number > 1 else ()),
        ]
        return "-".join(parts)


def event_pattern(subject: Subject, path: EvidencePath, *, partition: str = "aws") -> Pattern:
    """Return the event pattern of one rule in a partition; a role's ARN has its own.

    Raises:
        ValueError: the subject has no such evidence path.
    """
    if path not in subject.evidence_paths:
        raise ValueError(f"{subject.label} has no evidence path `{path}`.")
    match subject:
        case PermissionSetSubject() | RoleSubject():
            return role_pattern(subject, path, partition)
        case UserSubject():
            return user_pattern(subject, path)
        case RootSubject():
            return root_pattern(path)


def alert_rules(
    watched: Watched, paths: Sequence[EvidencePath] = tuple(EvidencePath), *, partition: str = "aws"
) -> list[AlertRule]:
    """Return the rules of a subject in a fixed order; of a role, those on the given paths.

    ARNs and IDs that only a deployment knows may be placeholders of the same length: the keys of the rules stay the
    same.
    """
    match watched:
        case AccessSubject():
            return list(_access_rules(watched))
        case TamperSubject():
            return list(_tamper_rules(watched))
        case PermissionSetSubject() | RoleSubject():
            wanted = [path for path in watched.evidence_paths if path in paths]
        case _:
            wanted = list(watched.evidence_paths)
    return [AlertRule(path, event_pattern(watched, path, partition=partition)) for path in wanted]


def _numbered(
    path: EvidencePath, patterns: Iterator[Pattern], area: AccessArea | TamperArea | None = None
) -> Iterator[AlertRule]:
    """Yield the rules of the patterns into which a path or an area is split."""
    return (AlertRule(path, pattern, area, number) for number, pattern in enumerate(patterns, start=1))


def _access_rules(subject: AccessSubject) -> Iterator[AlertRule]:
    for area in AccessArea:
        yield from _numbered(EvidencePath.access, access_patterns(subject, area), area)


def _tamper_rules(subject: TamperSubject) -> Iterator[AlertRule]:
    for area in subject.areas:
        yield from _numbered(EvidencePath.tamper, tamper_patterns(subject, area), area)
    yield from _numbered(EvidencePath.session_start, deployer_patterns(subject))
    yield from _numbered(EvidencePath.denied, attempt_patterns(subject))


def pattern_json(pattern: Pattern) -> str:
    """Return an event pattern as compact JSON.

    Raises:
        BreakglassError: it is longer than EventBridge accepts, because of a role with a very long path or of many
            deployers.
    """
    text = compact_json(pattern)
    if len(text) > PATTERN_LIMIT:
        raise BreakglassError(
            f"Expected an event pattern of at most {PATTERN_LIMIT} characters, got {len(text)}: EventBridge would "
            "refuse the rule. The cause is a watched role with a very long path, or a long list of deployers. Give the "
            "role a shorter path, or remove the evidence path `denied`, whose pattern repeats the ARN; name fewer "
            "deployers. The pattern begins: " + text[:200]
        )
    return text
