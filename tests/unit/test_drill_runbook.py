"""The event in the drill runbook matches the drill rule.

It does not prove that EventBridge takes the event (docs/live-checks.md).
"""

import json
import re
from pathlib import Path

from breakglass.alerts.drills import drill_event, drill_pattern
from breakglass.alerts.subjects import PermissionSetSubject
from tests.events.matcher import matches

RUNBOOK = Path(__file__).parents[2] / "docs/runbooks/drill.md"


def test_runbook_event_is_a_drill_event() -> None:
    written = re.search(r"```json\n(.*?)```", RUNBOOK.read_text(encoding="utf-8"), re.DOTALL)
    assert written
    (entry,) = json.loads(written[1])
    assert entry == drill_event("devops-break-glass")
    sent = {"source": entry["Source"], "detail-type": entry["DetailType"], "detail": json.loads(entry["Detail"])}
    assert matches(drill_pattern(PermissionSetSubject("devops-break-glass")), sent)
