"""The script of the drill runbook, run as it stands there.

It does not prove that EventBridge takes the event (docs/live-checks.md).
"""

import json
import re
import textwrap
from pathlib import Path

import pytest

from breakglass.alerts.patterns import event_pattern
from breakglass.alerts.subjects import PermissionSetSubject
from breakglass.vocabulary import EvidencePath
from tests.events.matcher import matches

RUNBOOK = Path(__file__).parents[2] / "docs/runbooks/drill.md"


def test_runbook_script_builds_a_drill_event(capsys: pytest.CaptureFixture[str]) -> None:
    script = re.search(r"<<'EOF'\n(.*?)\n +EOF", RUNBOOK.read_text(encoding="utf-8"), re.DOTALL)
    assert script
    exec(textwrap.dedent(script[1]), {})  # noqa: S102 - the runbook is ours
    (entry,) = json.loads(capsys.readouterr().out)
    sent = {"source": entry["Source"], "detail-type": entry["DetailType"], "detail": json.loads(entry["Detail"])}
    assert matches(event_pattern(PermissionSetSubject("devops-break-glass"), EvidencePath.session_start), sent)
