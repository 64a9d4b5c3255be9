"""A second opinion on event patterns: moto's matcher of EventBridge, run in this process.

Tests of the local layer compare the same records with MiniStack's matcher, a third one.

It does not prove that EventBridge itself accepts a pattern: that is for a live check.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from moto.events.models import EventPattern

from breakglass.alerts.drills import drill_pattern
from breakglass.alerts.patterns import event_pattern, pattern_json
from breakglass.alerts.subjects import Role


def matches(pattern: Mapping[str, Any], event: Mapping[str, Any]) -> bool:
    """Say if an event on the bus matches a pattern."""
    # Both go through JSON, as they do on their way to EventBridge.
    sent: dict[str, Any] = json.loads(json.dumps(event))
    text = pattern_json(dict(pattern))
    return EventPattern(text, json.loads(text)).matches_event(sent)  # type: ignore[arg-type]  moto says text, and takes a mapping


def alerts(subjects: Iterable[Role], event: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the evidence path of each rule that matches an event, or `drill`, in alphabetical order."""
    patterns = [
        rule
        for subject in subjects
        for rule in (
            ("drill", drill_pattern(subject)),
            *((path.value, event_pattern(subject, path)) for path in subject.evidence_paths),
        )
    ]
    return tuple(sorted(kind for kind, pattern in patterns if matches(pattern, event)))
