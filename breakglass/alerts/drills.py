"""Drills: test events for the way to Slack, with a rule and a message for each.

Each watched role has a drill, and root. Any principal with `events:PutEvents` can send one and choose its `detail`. So
the rule only compares the role, and the message inserts nothing of `detail`: its facts are those of the stack and of
the event's envelope. Of the envelope, EventBridge sets `id`, `account` and `region`; the sender may set `time`, a time
stamp that can hold no text (EventBridge API Reference, "PutEventsRequestEntry").

A drill is no use of a role: it matches no rule of a use, so it is not counted, recorded, mailed or paged. Only a drill
that is not delivered is reported, as an alert is.

Non-goals: sending drills (`breakglass.cli.drill`); the rules of the uses themselves, which a drill does not match.
"""

import json

from breakglass.alerts.messages import (
    Transformer,
    build_transformer,
    facts_section,
    header,
    require_plain_text,
    text_section,
)
from breakglass.alerts.patterns import Pattern
from breakglass.alerts.subjects import Drilled, RootSubject

DRILL_SOURCE = "breakglass.drill"
"""The source of drill events; no sender can use a source of AWS."""

DRILL_DETAIL_TYPE = "Break-glass drill"
"""The detail type of drill events."""

DRILL_EVENT_TYPE = "breakglass_drill"
"""The `event_type` in the metadata of a drill's message; those of alerts are in `slack_message`."""


def drill_event(role: str) -> dict[str, str]:
    """Return the entry for `events:PutEvents` that sends a drill for a watched role or for root.

    Args:
        role: `Subject.key` of the role or of root. For a permission set that is its name, the same as its label.
    """
    return {"Source": DRILL_SOURCE, "DetailType": DRILL_DETAIL_TYPE, "Detail": json.dumps({"role": role})}


def drill_pattern(subject: Drilled) -> Pattern:
    """Return the event pattern of a role's drill rule."""
    return {"source": [DRILL_SOURCE], "detail-type": [DRILL_DETAIL_TYPE], "detail": {"role": [subject.key]}}


def drilled_role(pattern: str) -> str | None:
    """Return the role in the event pattern of a drill rule, JSON text; None for another rule."""
    try:
        found = json.loads(pattern)
        return str(found["detail"]["role"][0]) if found["source"] == [DRILL_SOURCE] else None
    except (ValueError, LookupError, TypeError):
        return None


def drill_message(subject: Drilled, *, channel: str) -> Transformer:
    """Build the message of a drill: the body of a `chat.postMessage` call.

    Its metadata has the `event_type` `breakglass_drill` and the `event_payload` `{"event_id", "role", "account",
    "time"}`; `event_id` is the `EventId` that PutEvents returned, and `role` the subject's label.

    Raises:
        MessageError: a configured text would break the message.
    """
    role = require_plain_text(subject.label)
    headline = f"Drill: a test of the alerts about {role}, account <envelopeAccount>"
    facts = {
        "User" if isinstance(subject, RootSubject) else "Role": role,
        "Account of the alerts": "<envelopeAccount>",
        "Region": "<envelopeRegion>",
        "Drill": "<envelopeId>",
    }
    return build_transformer(
        {
            "channel": require_plain_text(channel),
            "text": f"{headline}.",
            "unfurl_links": False,
            "unfurl_media": False,
            "blocks": [
                header(f":test_tube: {headline}"),
                text_section("A test of the way to Slack. It is no sign of a use, and there is nothing to explain."),
                facts_section(facts),
            ],
            "metadata": {
                "event_type": DRILL_EVENT_TYPE,
                "event_payload": {
                    "event_id": "<envelopeId>",
                    "role": role,
                    "account": "<envelopeAccount>",
                    "time": "<envelopeTime>",
                },
            },
        }
    )
