"""A second opinion on event patterns: moto's matcher of EventBridge, run in this process.

`ministack_matches` is a third one.

It does not prove that EventBridge itself accepts a pattern: that is for a live check.
"""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from ministack.services.eventbridge import _test_event_pattern
from moto.events.models import EventPattern

from breakglass.alerts.drills import drill_pattern
from breakglass.alerts.patterns import Pattern, alert_rules, pattern_json
from breakglass.alerts.subjects import PermissionSetSubject, RoleSubject, RootSubject, Watched


def matches(pattern: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """Say if an event on the bus matches a pattern."""
    # Both go through JSON, as they do on their way to EventBridge.
    sent: dict[str, Any] = json.loads(json.dumps(event))
    text = pattern_json(dict(pattern))
    return EventPattern(text, json.loads(text)).matches_event(sent)  # type: ignore[arg-type]  moto says text, and takes a mapping


def ministack_matches(pattern: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """Say the same by MiniStack's TestEventPattern, which also refuses a pattern that EventBridge would refuse."""
    status, _, body = _test_event_pattern({"EventPattern": pattern_json(dict(pattern)), "Event": json.dumps(event)})
    assert status == 200, body
    return bool(json.loads(body)["Result"])


def alerts(subjects: Iterable[Watched], event: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the evidence path of each rule that matches an event, or `drill`, in alphabetical order."""
    found = [each for subject in subjects for each in _patterns(subject)]
    return tuple(sorted(kind for kind, pattern in found if matches(pattern, event)))


@cache
def _patterns(subject: Watched) -> list[tuple[str, Pattern]]:
    rules = [(rule.path.value, rule.pattern) for rule in alert_rules(subject)]
    if isinstance(subject, PermissionSetSubject | RoleSubject | RootSubject):
        rules.append(("drill", drill_pattern(subject)))
    return rules
