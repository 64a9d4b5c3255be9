"""The drill runbook: its event is a drill event, and its permissions are those of the command.

It does not prove that AWS accepts the event, nor that it needs no other permission (docs/live-checks.md).
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from breakglass.alerts.drills import drill_event, drill_pattern
from breakglass.alerts.subjects import PermissionSetSubject
from breakglass.cli.drill import PERMISSIONS
from breakglass.iam.wildcards import overlaps
from tests.events.matcher import matches
from tests.unit.cli.test_drill import CONFIRMED, DIRECT, HUB, Cloud
from tests.unit.iam.reference import arns_of, is_reading
from tests.unit.iam.reference import matches as matching_actions

RUNBOOK = Path(__file__).parents[2] / "docs/runbooks/drill.md"
IAM_PREFIX = {"stepfunctions": "states"}


def documented() -> tuple[list[dict[str, str]], dict[str, Any]]:
    """Return the event and the policy in the runbook."""
    event, policy = re.findall(r"```json\n(.*?)```", RUNBOOK.read_text(encoding="utf-8"), re.DOTALL)
    return json.loads(event), json.loads(policy)


def statements() -> list[tuple[str, list[str]]]:
    """Return each action of the policy with its resources."""
    return [
        (action, [each["Resource"]] if isinstance(each["Resource"], str) else each["Resource"])
        for each in documented()[1]["Statement"]
        for action in ([each["Action"]] if isinstance(each["Action"], str) else each["Action"])
    ]


def test_runbook_event_is_a_drill_event() -> None:
    (entry,) = documented()[0]
    assert entry == drill_event("devops-break-glass")
    sent = {"source": entry["Source"], "detail-type": entry["DetailType"], "detail": json.loads(entry["Detail"])}
    assert matches(drill_pattern(PermissionSetSubject("devops-break-glass")), sent)


def test_runbook_allows_exactly_the_calls_of_the_command() -> None:
    called: set[str] = set()
    for resources in (CONFIRMED, DIRECT, HUB):
        cloud = Cloud(resources)
        assert cloud.run().status == 0
        called |= {f"{IAM_PREFIX.get(service, service)}:{operation}" for _, service, operation, _ in cloud.aws.calls}
    assert {action for action, _ in statements()} == called - {"sts:GetCallerIdentity"}


def test_error_of_a_refused_call_names_each_permission() -> None:
    assert [action for action, _ in statements() if action.split(":")[1] not in PERMISSIONS] == []


def test_documented_actions_only_read_and_send_drills() -> None:
    levels = {action: matching_actions(action).get(action, "") for action, _ in statements()}
    assert [action for action, level in levels.items() if not is_reading(level)] == ["events:PutEvents"]
    assert documented()[1]["Statement"][0]["Condition"] == {"StringEquals": {"events:source": "breakglass.drill"}}


@pytest.mark.parametrize(("action", "resources"), statements())
def test_documented_resources_suit_their_action(action: str, resources: list[str]) -> None:
    assert any(overlaps(kind, arn) for kind in arns_of(action) for arn in resources)
