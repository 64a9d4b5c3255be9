"""The approval scenarios: results of steps, failed scenarios, and their settings.

Not shown here: the app (the demo runs it).
"""

from typing import Any

import pytest

from localcloud import scenarios
from localcloud.cloud import LocalCloudError, RunningCloud
from localcloud.driver import (
    ScenarioDriver,
    ScenarioFailedError,
    get_button_value,
    get_record_id,
    get_status,
    has_button,
)
from localcloud.scenarios import PRODUCTION, STAGING, UNATTENDED, run_scenarios, scenario_settings
from localcloud.steps import Step

BUTTON = {"type": "button", "action_id": "approve", "value": "r-1"}


@pytest.fixture
def cloud() -> RunningCloud:
    """A cloud without servers."""

    class Silent(RunningCloud):
        def set_assignment_behavior(self, **behavior: Any) -> None:
            pass

    url = "http://127.0.0.1:1"
    return Silent(url, url, url, "C1", "C2", "xoxb-1", "secret", {})


def test_step_is_ok_if_the_expected_was_seen() -> None:
    assert Step("", "a door", "a door", 1).ok
    assert not Step("", "a door", "a wall", 1).ok


def test_step_keeps_the_seen_state(cloud: RunningCloud) -> None:
    told: list[str] = []
    driver = ScenarioDriver(cloud, "http://127.0.0.1:1/slack", told.append)
    with driver.step("a user knocks", "a door") as step:
        step.seen = "a door"
    assert [(step.name, step.expected, step.seen, step.ok) for step in driver.steps] == [
        ("a user knocks", "a door", "a door", True)
    ]
    assert told == ["a user knocks"]


@pytest.mark.parametrize("error", [LocalCloudError("Waited in vain."), ConnectionRefusedError("refused")])
def test_failed_step_keeps_the_error_and_ends_the_scenario(cloud: RunningCloud, error: Exception) -> None:
    driver = ScenarioDriver(cloud, "http://127.0.0.1:1/slack")
    with pytest.raises(ScenarioFailedError), driver.step("a user knocks", "a door"):
        raise error
    with pytest.raises(ScenarioFailedError), driver.step("a user knocks again", "a door") as step:
        step.seen = "a wall"
    assert [step.seen for step in driver.steps] == [str(error), "a wall"]


def test_failed_scenario_does_not_stop_the_others(cloud: RunningCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(driver: ScenarioDriver, *_: object) -> str:
        with driver.step("wrong", "a door"):
            pass
        return "never"

    def right(driver: ScenarioDriver, *_: object) -> str:
        with driver.step("right", "a door") as step:
            step.seen = "a door"
        return "r-1"

    def expired(driver: ScenarioDriver, request: str) -> None:
        with driver.step(f"expired {request}", "") as step:
            step.seen = ""

    for name, scenario in {
        "_request_unattended": right,
        "_approve": wrong,
        "_deny": right,
        "_break_the_glass": wrong,
        "_expire": expired,
    }.items():
        monkeypatch.setattr(scenarios, name, scenario)
    steps = run_scenarios(cloud, "http://127.0.0.1:1/slack")
    assert [step.name for step in steps] == ["right", "wrong", "right", "wrong", "expired r-1"]
    monkeypatch.setattr(scenarios, "_request_unattended", wrong)
    assert [step.name for step in run_scenarios(cloud, "http://127.0.0.1:1/slack")] == [
        "wrong",
        "wrong",
        "right",
        "wrong",
    ]


def test_scenario_settings_shorten_the_network_rules() -> None:
    rules: list[dict[str, Any]] = [
        {"sets": ["devops-break-glass"], "accounts": [PRODUCTION]},
        {"sets": ["network-break-glass"], "accounts": [STAGING], "escalate": {"after": "PT5M"}},
        {"sets": ["network-break-glass"], "accounts": [PRODUCTION]},
    ]
    assert scenario_settings({"rules": rules}) == {
        "breakglass:approvals.rules[1].requestExpiry": UNATTENDED[STAGING],
        "breakglass:approvals.rules[1].escalate.after": "PT2S",
        "breakglass:approvals.rules[2].withoutApproval.after": UNATTENDED[PRODUCTION],
    }


def test_message_names_its_record_and_status() -> None:
    message = {
        "text": "Access requested: ada asks",
        "metadata": {"event_payload": {"id": "r-1"}},
        "blocks": [{"type": "section"}, {"type": "actions", "elements": [BUTTON]}],
    }
    assert (get_record_id(message), get_status(message)) == ("r-1", "Access requested")
    assert has_button(message, "approve")
    assert get_button_value(message, "approve") == "r-1"
    assert not has_button(message, "deny")
    assert get_button_value(message, "deny") == ""
    assert get_record_id({"text": "hello"}) == ""
